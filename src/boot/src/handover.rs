//! What was made is handed to the root: a receipt of it in /run/preroot/handover, and the rescue's addresses taken off where
//! the plan says so.
//!
//! The receipt is written by a child, out of this boot's record, so it cannot tell of anything else; again a moment after
//! something more was made. Where addresses are taken off, that is done just before the root sets up its own: before its init
//! is executed, or by the child that then becomes the init script which sets up the network. When that script has ended
//! and an interface has no address of a family that it had, what was taken off is put on again: no script takes the way in
//! away for good. Links stay up, and with them the IPv6 link-local address of each.

use preroot_plan::{Argument, HandedOver};
use preroot_record::Handover as Record;

use crate::core::{Boot, Purpose, RootPlace};
use crate::limits::{HANDOVER_AFTER_NS, HANDOVER_NS_MAX};
use crate::machine::{Child, Errno, Kill, Machine, Nanoseconds, Spawn, Status};
use crate::network;
use crate::roles;
use crate::task::{self, Outcome};
use crate::text::Lines;

/// The init script of Debian that sets up the network (ifupdown), and comes back when it is up.
const NETWORKING: &str = "networking";

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The root's own system has not begun.
    #[default]
    Before,
    /// The receipt is as it should be.
    Idle,
    /// Something more was made: it is written at this moment.
    Due(Nanoseconds),
    /// A child is at it, until then.
    Runs(Child, What, Nanoseconds),
}

/// What a child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Writes the receipt.
    Keep,
    /// Puts on again what is missing.
    GiveBack,
}

/// The receipt.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    state: State,
    /// Addresses are to be put on again as soon as no child is at it.
    gives_back: bool,
    /// They were taken off.
    is_torn_down: bool,
    /// The receipt was recorded once.
    is_told: bool,
    lines: Lines<40>,
    counts: (u32, u32),
}

impl Handover {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        match self.state {
            State::Due(at) | State::Runs(_, _, at) => Some(at),
            State::Before | State::Idle => None,
        }
    }
}

fn tears_down<M: Machine>(boot: &Boot<'_, M>) -> bool {
    boot.plan
        .is_some_and(|plan| plan.settings().addresses() == HandedOver::Teardown)
}

/// The root's own system begins, and PID 1 stays.
pub(crate) fn begin<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.handover.state == State::Before {
        boot.handover.state = State::Due(boot.machine.now());
    }
}

/// Something was made.
pub(crate) fn made<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.handover.state == State::Idle && boot.root_place == RootPlace::Slash {
        let at = boot.machine.now().saturating_add(HANDOVER_AFTER_NS);
        boot.handover.state = State::Due(at);
    }
}

pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    match boot.handover.state {
        State::Due(at) if at <= now => start(boot, What::Keep),
        State::Runs(child, what, until) if until <= now => {
            let _ = boot.machine.kill(child, Kill::Kill);
            boot.assign(child, Purpose::Nobody);
            finished(boot, what, Errno::TIMEDOUT);
        }
        _ => {}
    }
}

fn start<M: Machine>(boot: &mut Boot<'_, M>, what: What) {
    let word = match what {
        What::Keep => "keep",
        What::GiveBack => "give-back",
    };
    boot.handover.counts = (0, 0);
    match boot.machine.spawn(&Spawn::helper(&[roles::HANDOVER, word])) {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Handover);
            let until = boot.machine.now().saturating_add(HANDOVER_NS_MAX);
            boot.handover.state = State::Runs(spawned.child, what, until);
        }
        Err(errno) => finished(boot, what, errno),
    }
}

/// A line of the child: how many, and how many not.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let Handover { lines, counts, .. } = &mut boot.handover;
    lines.take(bytes, |line| *counts = numbers(line));
}

fn numbers(line: &str) -> (u32, u32) {
    let mut words = line.split_ascii_whitespace();
    let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
    (number().unwrap_or(0), number().unwrap_or(0))
}

/// The child has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, status: Status) {
    let State::Runs(_, what, _) = boot.handover.state else {
        return;
    };
    let errno = match status {
        Status::Exited(errno) => Errno(u16::from(errno)),
        Status::NotExecuted(errno) => errno,
        Status::Signalled(_) => Errno::IO,
    };
    finished(boot, what, errno);
}

fn finished<M: Machine>(boot: &mut Boot<'_, M>, what: What, errno: Errno) {
    boot.handover.state = State::Idle;
    match what {
        // Where all stays, that is told once.
        What::Keep if boot.handover.is_told && errno.0 == 0 => {}
        What::Keep => told(boot, "keep", "", errno),
        What::GiveBack => {
            told(boot, "give back", NETWORKING, errno);
            // What comes late, a carrier or a lease, is waited for again.
            network::resume(boot);
        }
    }
    boot.handover.is_told = true;
    if core::mem::take(&mut boot.handover.gives_back) {
        start(boot, What::GiveBack);
    }
}

fn told<M: Machine>(boot: &mut Boot<'_, M>, what: &str, to: &str, errno: Errno) {
    let (count, failed) = boot.handover.counts;
    boot.record(Record {
        what,
        to,
        count,
        failed,
        errno: errno.0,
    });
    if errno.0 != 0 {
        boot.alarm(format_args!("handover: {what}: errno {}", errno.0));
    }
}

/// Whether a script sets up the network, and addresses are taken off before.
pub(crate) fn is_before<M: Machine>(boot: &Boot<'_, M>, script: &str) -> bool {
    script == NETWORKING && boot.runner.argument == Argument::Start && tears_down(boot)
}

/// The child that takes the addresses off and becomes that script was started.
pub(crate) fn before<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.handover.is_torn_down = true;
    boot.handover.counts = (0, 0);
    // It would put on what it finds missing.
    network::stop(boot);
    told(boot, "teardown", NETWORKING, Errno(0));
}

/// A script has ended: where it was the one that sets up the network, what is missing is put on again.
pub(crate) fn after<M: Machine>(boot: &mut Boot<'_, M>, script: &str) {
    if script != NETWORKING || !core::mem::take(&mut boot.handover.is_torn_down) {
        return;
    }
    match boot.handover.state {
        State::Runs(..) => boot.handover.gives_back = true,
        _ => start(boot, What::GiveBack),
    }
}

/// The root's own init takes over.
pub(crate) fn to_init<M: Machine>(boot: &mut Boot<'_, M>, init: &str) {
    let word = if tears_down(boot) { "teardown" } else { "keep" };
    done(boot, word, word, init);
    boot.handover.is_torn_down = word == "teardown";
}

/// It has not taken over: everything is as it was.
pub(crate) fn take_back<M: Machine>(boot: &mut Boot<'_, M>) {
    if core::mem::take(&mut boot.handover.is_torn_down) {
        done(boot, "give-back", "give back", "");
    }
}

/// Has a child do it, and waits for it.
fn done<M: Machine>(boot: &mut Boot<'_, M>, word: &str, what: &str, to: &str) {
    let words = [roles::HANDOVER, word];
    let errno = match task::run(boot, &words, HANDOVER_NS_MAX) {
        Outcome::Done => Errno(0),
        Outcome::NotStarted(errno) | Outcome::Failed(errno) => errno,
        Outcome::Hangs => Errno::TIMEDOUT,
    };
    boot.handover.counts = numbers(&boot.task.take_said());
    told(boot, what, to, errno);
}
