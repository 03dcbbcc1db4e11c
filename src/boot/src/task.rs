//! One child at a time that a stage waits for: mount, unmount, copying the record.

use core::mem;

use preroot_record::{Output, Source};

use crate::core::{Boot, Purpose, Turn};
use crate::machine::{Errno, Kill, Machine, Nanoseconds, Spawn, Status};
use crate::text::{Text, cut};

/// The child a stage waits for.
#[derive(Debug, Default)]
pub(crate) struct Task {
    ended: Option<Status>,
    /// The first of what it wrote.
    said: Text,
}

/// How waiting for it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It exited 0.
    Done,
    /// It could not be started.
    NotStarted(Errno),
    /// It exited with this errno.
    Failed(Errno),
    /// It did not end in time and was left behind.
    Hangs,
}

impl Task {
    pub(crate) fn ended(&mut self, status: Status) {
        self.ended = Some(status);
    }

    /// What the last one wrote, as far as it is kept.
    pub(crate) fn take_said(&mut self) -> Text {
        mem::take(&mut self.said)
    }
}

/// What it writes is kept.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let words = core::str::from_utf8(bytes).unwrap_or_default();
    let said = &mut boot.task.said;
    let _ = said.push_str(cut(words, said.capacity() - said.len()));
    boot.record(Output {
        source: Source::Child,
        script: 0,
        bytes,
    });
}

/// Runs our own binary in a role and waits until it has ended, at most `limit`. A request to go down
/// does not cut it short: what it does takes part in going down.
pub(crate) fn run<M: Machine>(
    boot: &mut Boot<'_, M>,
    arguments: &[&str],
    limit: Nanoseconds,
) -> Outcome {
    run_spawn(boot, &Spawn::helper(arguments), limit)
}

/// As [`run`], of any child; an exit code that is not 0 stands where its errno would.
pub(crate) fn run_spawn<M: Machine>(
    boot: &mut Boot<'_, M>,
    spawn: &Spawn<'_>,
    limit: Nanoseconds,
) -> Outcome {
    boot.task = Task::default();
    let child = match boot.machine.spawn(spawn) {
        Ok(spawned) => spawned.child,
        Err(errno) => return Outcome::NotStarted(errno),
    };
    boot.assign(child, Purpose::Task);
    let until = boot.machine.now().saturating_add(limit);
    loop {
        match boot.task.ended {
            Some(Status::Exited(0)) => return Outcome::Done,
            Some(Status::Exited(errno)) => return Outcome::Failed(Errno(u16::from(errno))),
            Some(Status::Signalled(_)) => return Outcome::Failed(Errno::IO),
            Some(Status::NotExecuted(errno)) => return Outcome::NotStarted(errno),
            None => {}
        }
        let turn = boot.turn(Some(until));
        if turn == Turn::Due || (turn == Turn::Down && boot.machine.now() >= until) {
            // One that hangs in the kernel cannot be killed; it must not answer for the next one.
            let _ = boot.machine.kill(child, Kill::Kill);
            boot.assign(child, Purpose::Nobody);
            return Outcome::Hangs;
        }
    }
}
