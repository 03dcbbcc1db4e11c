//! This boot's hardware against that of the last good one: one of the children that keep the store ([`crate::keeper`]) compares,
//! for it has the store at hand, and PID 1 records what it says is missing since ([`crate::hardware`]). It reads before it writes, so
//! that a store that is slow to write holds nobody up, and may go on when it has stored.
//!
//! The first script waits for that as for everything else that is said of the hardware: until all is there that the last good
//! boot had before its own first script, or the deadline of the hardware's stage has come. What came later then is not
//! waited for, and told at the deadline. A store that cannot be read says nothing of the hardware: that is a note.

use heapless::String;
use preroot_plan::Changes as Concern;
use preroot_record::Note;

use crate::core::{Boot, Purpose};
use crate::hardware;
use crate::keeper;
use crate::limits::{CHANGES_AFTER_NS, HARDWARE_GRACE_NS, INVENTORY_LINE_BYTES_MAX};
use crate::machine::{Child, Kill, Machine, Nanoseconds, Status};
use crate::roles;
use crate::text::{Lines, text};

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has compared anything.
    #[default]
    Before,
    /// A child does, until this moment; what comes before the first script is not settled.
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

/// What a child is asked that compares.
pub(crate) struct Asked {
    until: Nanoseconds,
    deadline: String<20>,
    concern: &'static str,
}

impl Asked {
    /// The words behind those of a child that only stores.
    pub(crate) fn words(&self) -> [&str; 2] {
        [&self.deadline, self.concern]
    }
}

/// What the next child is to be asked: nobody has compared, and the machine is being read.
pub(crate) fn wanted<M: Machine>(boot: &mut Boot<'_, M>) -> Option<Asked> {
    let (State::Before, Some(deadline)) = (boot.changes.state, boot.hardware.reads_until()) else {
        return None;
    };
    let concern = match concern(boot) {
        Concern::Off => return None,
        Concern::Note => "note",
        Concern::Degraded => "degraded",
    };
    // What has not answered by the deadline is told then, and is there.
    let until = deadline.saturating_add(CHANGES_AFTER_NS);
    let until = until.max(boot.machine.now());
    Some(Asked {
        until: until.saturating_add(HARDWARE_GRACE_NS),
        deadline: text(format_args!("{until}")),
        concern,
    })
}

/// A child was asked.
pub(crate) fn asked<M: Machine>(boot: &mut Boot<'_, M>, child: Child, asked: &Asked) {
    boot.changes = Changes {
        state: State::Compares(child, asked.until),
        lines: Lines::new(),
    };
}

/// The first script is about to be started: who has not compared does so now, if there is a store.
pub(crate) fn look<M: Machine>(boot: &mut Boot<'_, M>) {
    if wanted(boot).is_some() {
        keeper::hasten(boot);
    }
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
    // One that stores is left to the keeper until it has.
    if let Some(child) = boot.changes.child()
        && boot.purpose(child) == Purpose::Changes
    {
        leave(boot, child);
    }
    boot.changes = Changes::default();
}

/// Nobody listens to this child any more.
fn leave<M: Machine>(boot: &mut Boot<'_, M>, child: Child) {
    let _ = boot.machine.kill(child, Kill::Kill);
    boot.assign(child, Purpose::Nobody);
}

/// It is not known what is missing.
fn unknown<M: Machine>(boot: &mut Boot<'_, M>, why: core::fmt::Arguments<'_>) {
    boot.changes.state = State::Over;
    let line = text::<100>(format_args!(
        "hardware: not compared with the last good boot: {why}"
    ));
    boot.record(Note { text: &line });
}

/// No child could be started, or it was left behind.
pub(crate) fn unkept<M: Machine>(boot: &mut Boot<'_, M>, why: core::fmt::Arguments<'_>) {
    let is_left = match boot.changes.child() {
        Some(child) => boot.purpose(child) != Purpose::Changes,
        None => wanted(boot).is_some(),
    };
    if is_left {
        unknown(boot, why);
    }
}

/// The child says nothing any more.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if boot.changes.deadline().is_some_and(|until| until <= now) {
        stop(boot);
        unknown(boot, format_args!("it takes too long"));
    }
}

/// The child has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, child: Child, status: Status) {
    if boot.changes.child() != Some(child) {
        return;
    }
    let is_settled = boot.changes.holds_until().is_none();
    match status {
        Status::Exited(0) if is_settled => boot.changes.state = State::Over,
        Status::Exited(errno) => unknown(boot, format_args!("errno {errno}")),
        Status::Signalled(signal) => unknown(boot, format_args!("signal {signal}")),
        Status::NotExecuted(errno) => unknown(boot, format_args!("errno {}", errno.0)),
    }
}

/// What the child says.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, child: Child, bytes: &[u8]) {
    let mut lines = core::mem::take(&mut boot.changes.lines);
    let is_asked = boot.changes.child() == Some(child);
    lines.take(bytes, |line| match line.strip_prefix(roles::STORED) {
        Some(errno) => stored(boot, child, errno),
        None if is_asked => hardware::compared(boot, line),
        None => {}
    });
    boot.changes.lines = lines;
}

/// The child has stored, or could not, and goes on to compare, if anybody still listens.
fn stored<M: Machine>(boot: &mut Boot<'_, M>, child: Child, errno: &str) {
    let (Purpose::Keep, Ok(errno)) = (boot.purpose(child), errno.parse()) else {
        return;
    };
    if boot.changes.child() == Some(child) {
        boot.assign(child, Purpose::Changes);
    } else {
        leave(boot, child);
    }
    keeper::ended(boot, Status::Exited(errno));
}
