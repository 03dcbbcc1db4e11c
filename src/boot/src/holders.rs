//! Who holds the root: told, and by policy ended, before anything is done to it that they would not survive.
//!
//! The record has who was there, and who was signalled, as the role writes it ([`roles::HOLDERS`]).

use preroot_plan::Holders;

use crate::core::Boot;
use crate::limits::{HOLDERS_ASK_NS, HOLDERS_KILL_NS, HOLDERS_NS_MAX, HOLDERS_TERM_NS};
use crate::machine::{Errno, Loudness, Machine};
use crate::roles;
use crate::shutdown;
use crate::task::{self, Outcome};

/// Sees to it that nobody holds what is mounted at `at`. `BUSY`: somebody does, and has been told of.
pub(crate) fn clear<M: Machine>(boot: &mut Boot<'_, M>, at: &str) -> Result<(), Errno> {
    if !tell(boot, at) {
        return Ok(());
    }
    let policy = boot
        .plan
        .map_or(Holders::Refuse, |plan| plan.settings().holders());
    if policy == Holders::Refuse {
        return Err(Errno::BUSY);
    }
    for (signal, grace) in [("TERM", HOLDERS_TERM_NS), ("KILL", HOLDERS_KILL_NS)] {
        boot.degrade(format_args!("root was held: SIG{signal} to who held it"));
        let _ = is_held(boot, &[roles::HOLDERS, at, signal]);
        let until = boot.machine.now().saturating_add(grace);
        loop {
            if !is_held(boot, &[roles::HOLDERS, at, "ask"]) {
                return Ok(());
            }
            let now = boot.machine.now();
            if now >= until {
                break;
            }
            shutdown::wait(boot, now.saturating_add(HOLDERS_ASK_NS));
        }
    }
    let _ = tell(boot, at);
    Err(Errno::BUSY)
}

/// Tells who holds it: whole in the record, the first of them on the console. Whether anybody does.
pub(crate) fn tell<M: Machine>(boot: &mut Boot<'_, M>, at: &str) -> bool {
    let is_held = is_held(boot, &[roles::HOLDERS, at]);
    let said = boot.task.take_said();
    for line in said.lines() {
        boot.machine.say(Loudness::Alarm, line);
    }
    is_held
}

/// When nobody can say, somebody does.
fn is_held<M: Machine>(boot: &mut Boot<'_, M>, arguments: &[&str]) -> bool {
    task::run(boot, arguments, HOLDERS_NS_MAX) != Outcome::Done
}
