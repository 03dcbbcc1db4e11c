//! This boot's hardware against that of the last good one: a child reads the store as soon as there is one
//! ([`crate::roles::CHANGES`]), PID 1 records what it says is missing since ([`crate::hardware`]).
//!
//! The first script waits for that as for everything else that is said of the hardware: until all is there that the last good
//! boot had before its own first script, or the deadline of the hardware's stage has come. What came later then is not
//! waited for, and told at the deadline. A store that cannot be read says nothing of the hardware: that is a note.

use preroot_plan::Changes as Concern;
use preroot_record::Note;

use crate::core::{Boot, Purpose};
use crate::hardware;
use crate::keeper;
use crate::limits::{CHANGES_AFTER_NS, HARDWARE_GRACE_NS, INVENTORY_LINE_BYTES_MAX};
use crate::machine::{Child, Kill, Machine, Nanoseconds, Spawn, Status};
use crate::roles;
use crate::text::{Lines, text};

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has compared anything.
    #[default]
    Before,
    /// Until this moment; what comes before the first script is not settled.
    Compares(Child, Nanoseconds),
    /// It is, and what came late in the last good boot is still waited for.
    Stays(Child, Nanoseconds),
    /// All is said.
    Over,
}

/// What is compared.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    state: State,
    lines: Lines<INVENTORY_LINE_BYTES_MAX>,
}

impl Changes {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        match self.state {
            State::Before | State::Over => None,
            State::Compares(_, until) | State::Stays(_, until) => Some(until),
        }
    }

    /// Until when the first script waits.
    pub(crate) fn holds_until(&self) -> Option<Nanoseconds> {
        match self.state {
            State::Compares(_, until) => Some(until),
            _ => None,
        }
    }

    fn child(&self) -> Option<Child> {
        match self.state {
            State::Compares(child, _) | State::Stays(child, _) => Some(child),
            State::Before | State::Over => None,
        }
    }

    /// What comes before the first script is said.
    pub(crate) fn settled(&mut self) {
        if let State::Compares(child, until) = self.state {
            self.state = State::Stays(child, until);
        }
    }
}

/// The store may be there now, and the machine be read.
pub(crate) fn look<M: Machine>(boot: &mut Boot<'_, M>) {
    let (State::Before, Some(deadline)) = (boot.changes.state, boot.hardware.reads_until()) else {
        return;
    };
    let concern = match concern(boot) {
        Concern::Off => return,
        Concern::Note => "note",
        Concern::Degraded => "degraded",
    };
    let Some(store) = keeper::store(boot) else {
        return;
    };
    // What has not answered by the deadline is told then, and is there.
    let now = boot.machine.now();
    let until = deadline.saturating_add(CHANGES_AFTER_NS).max(now);
    let deadline = text::<20>(format_args!("{until}"));
    let words = [roles::CHANGES, &store.path, &deadline, concern];
    boot.changes.state = match boot.machine.spawn(&Spawn::helper(&words)) {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Changes);
            State::Compares(spawned.child, until.saturating_add(HARDWARE_GRACE_NS))
        }
        Err(errno) => {
            unknown(boot, format_args!("errno {}", errno.0));
            State::Over
        }
    };
}

/// What becomes of what is missing: as the command line says, else the plan.
fn concern<M: Machine>(boot: &Boot<'_, M>) -> Concern {
    let planned = boot
        .plan
        .map_or(Concern::Off, |plan| plan.settings().changes());
    boot.command_line.changes.unwrap_or(planned)
}

/// The machine is about to be read anew.
pub(crate) fn stop<M: Machine>(boot: &mut Boot<'_, M>) {
    if let Some(child) = boot.changes.child() {
        let _ = boot.machine.kill(child, Kill::Kill);
        boot.assign(child, Purpose::Nobody);
    }
    boot.changes = Changes::default();
}

/// It is not known what is missing.
fn unknown<M: Machine>(boot: &mut Boot<'_, M>, why: core::fmt::Arguments<'_>) {
    let line = text::<100>(format_args!(
        "hardware: not compared with the last good boot: {why}"
    ));
    boot.record(Note { text: &line });
}

/// The child says nothing any more.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if boot.changes.deadline().is_some_and(|until| until <= now) {
        stop(boot);
        boot.changes.state = State::Over;
        unknown(boot, format_args!("it takes too long"));
    }
}

/// The child has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, status: Status) {
    boot.changes.state = State::Over;
    match status {
        Status::Exited(0) => {}
        Status::Exited(errno) => unknown(boot, format_args!("errno {errno}")),
        Status::Signalled(signal) => unknown(boot, format_args!("signal {signal}")),
        Status::NotExecuted(errno) => unknown(boot, format_args!("errno {}", errno.0)),
    }
}

/// What the child says.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let mut lines = core::mem::take(&mut boot.changes.lines);
    lines.take(bytes, |line| hardware::compared(boot, line));
    boot.changes.lines = lines;
}
