//! When the rescue sshd starts and ends, where the plan does not say always and never. Each switch is recorded.
//!
//! | policy | it |
//! |---|---|
//! | `start = "off-plan"` | starts at once when the verdict is not `OK` so far, a person is waited for, or a script has reached its deadline |
//! | `end = { when-healthy = "ADDRESS:PORT" }` | ends when the real sshd has said its banner there, and comes back when that one is gone |
//! | `end = "at-handover"` | ends just before PID 1 becomes the root's init, and comes back when there is none |
//!
//! What ends is who listens: sessions go on until they leave. A child asks for the banner, again and again; if it cannot
//! be asked for, nobody knows, and sshd serves. Where PID 1 becomes the root's init, the child outlives it and does the
//! ending; nothing of ours is left to come back then.

use preroot_plan::RescueEnd;
use preroot_plan::RescueStart;
use preroot_record::Sshd as Record;

use crate::core::{Boot, Purpose};
use crate::limits::{HEALTHY_BACKOFF_NS_MAX, SECOND_NS};
use crate::machine::{Kill, Machine, Nanoseconds, Spawn, Streams};
use crate::respawn::Respawn;
use crate::roles;
use crate::sshd;
use crate::stage::Next;
use crate::text::{Lines, text};
use crate::verdict::Word;

/// What the policies have done so far.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    /// sshd was not started, for nothing is off plan.
    is_held_back: bool,
    /// sshd has ended, for it is not needed.
    has_retired: bool,
    /// A script has reached its deadline.
    is_late: bool,
    /// The child that asks for the banner.
    asker: Respawn,
    lines: Lines<200>,
}

impl Policy {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        self.asker.deadline()
    }
}

/// The stage of sshd.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let start = boot
        .plan
        .map_or(RescueStart::Always, |plan| plan.settings().rescue_start());
    if start == RescueStart::Always || off_plan(boot).is_some() {
        return sshd::run(boot);
    }
    boot.policy.is_held_back = true;
    switched(boot, "off", "off-plan: nothing is");
    Next::Done
}

/// What is off plan, as far as is known.
fn off_plan<M: Machine>(boot: &Boot<'_, M>) -> Option<&'static str> {
    if boot.verdict.word() != Word::Ok {
        return Some("off-plan: the verdict is not OK");
    }
    if boot.operator.waiting != crate::control::Waiting::No {
        return Some("off-plan: a person is waited for");
    }
    boot.policy
        .is_late
        .then_some("off-plan: a script has reached its deadline")
}

/// A script has reached its deadline, and may yet take long to end.
pub(crate) fn script_is_late<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.policy.is_late = true;
}

/// Before each wait: what is off plan by now starts sshd.
pub(crate) fn look<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.policy.is_held_back
        && let Some(why) = off_plan(boot)
    {
        boot.policy.is_held_back = false;
        switched(boot, "on", why);
        // A failure has set the next start.
        let _ = sshd::run(boot);
    }
}

fn switched<M: Machine>(boot: &mut Boot<'_, M>, what: &str, why: &str) {
    let starts = boot.sshd.starts();
    boot.record(Record {
        what,
        pid: boot.sshd.pid().unwrap_or(0),
        starts,
        status: 0,
        why: Some(why),
    });
    boot.milestone(format_args!("sshd {what}: {why}"));
}

/// It is not needed: nobody listens any more, and sessions go on.
fn retire<M: Machine>(boot: &mut Boot<'_, M>, why: &str) {
    if boot.policy.has_retired || boot.policy.is_held_back {
        return;
    }
    switched(boot, "off", why);
    boot.policy.has_retired = true;
    sshd::stop(boot);
}

/// It is needed again.
fn come_back<M: Machine>(boot: &mut Boot<'_, M>, why: &str) {
    if core::mem::take(&mut boot.policy.has_retired) {
        switched(boot, "on", why);
        let _ = sshd::run(boot);
    }
}

fn end<M: Machine>(boot: &Boot<'_, M>) -> RescueEnd {
    boot.plan
        .map_or(RescueEnd::Never, |plan| plan.settings().rescue_end())
}

/// The root's own system begins, and PID 1 stays: from now on its sshd may be there.
pub(crate) fn begin<M: Machine>(boot: &mut Boot<'_, M>) {
    if end(boot) == RescueEnd::WhenHealthy && boot.policy.asker.is_off() {
        ask(boot);
    }
}

fn ask<M: Machine>(boot: &mut Boot<'_, M>) {
    let Some(plan) = boot.plan else { return };
    let healthy = plan.text(plan.settings().healthy);
    match boot
        .machine
        .spawn(&Spawn::helper(&[roles::HEALTHY, healthy]))
    {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Healthy);
            boot.policy.asker.started(spawned.child);
        }
        Err(_) => pause(boot),
    }
}

fn pause<M: Machine>(boot: &mut Boot<'_, M>) {
    let now = boot.machine.now();
    boot.policy
        .asker
        .pause(now, SECOND_NS, HEALTHY_BACKOFF_NS_MAX);
}

/// A line of the asker: what it has heard.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let mut lines = core::mem::take(&mut boot.policy.lines);
    lines.take(bytes, |line| {
        let why = text::<200>(format_args!("when-healthy: {line}"));
        if line.starts_with(roles::HEALTHY_ANSWERS) {
            boot.policy.asker.works();
            retire(boot, &why);
        } else if line.starts_with(roles::HEALTHY_GONE) {
            come_back(boot, &why);
        }
    });
    boot.policy.lines = lines;
}

/// The asker has ended, which it never does by itself.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.policy.asker.is_running() {
        come_back(boot, "when-healthy: nobody asks");
        pause(boot);
    }
}

/// The pause is over.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if boot.policy.asker.is_due(now) {
        ask(boot);
    }
}

/// PID 1 is about to become the root's init.
pub(crate) fn hand_over<M: Machine>(boot: &mut Boot<'_, M>) {
    look(boot);
    match (end(boot), boot.plan, boot.sshd.pid()) {
        (RescueEnd::AtHandover, ..) => retire(boot, "at-handover"),
        (RescueEnd::WhenHealthy, Some(plan), Some(pid)) => {
            let pid = text::<10>(format_args!("{pid}"));
            let healthy = plan.text(plan.settings().healthy);
            let words = [roles::HEALTHY, healthy, &pid];
            let spawn = Spawn {
                streams: Streams::Null,
                ..Spawn::helper(&words)
            };
            // Who is not started ends nothing.
            if let Ok(spawned) = boot.machine.spawn(&spawn) {
                boot.policy.asker.started(spawned.child);
            }
        }
        _ => {}
    }
}

/// It has not become the root's init: everything is as it was.
pub(crate) fn take_back<M: Machine>(boot: &mut Boot<'_, M>) {
    if let Some(child) = boot.policy.asker.stop() {
        let _ = boot.machine.kill(child, Kill::Kill);
    }
    come_back(boot, "there is no hand-over");
}

/// The machine goes down: sshd stays as it is.
pub(crate) fn stop<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.policy.is_held_back = false;
    boot.policy.has_retired = false;
    boot.policy.asker.stop();
}
