//! Waiting for a person: before a stage (`preroot.hold=`, `preroot hold`), or because a stage failed.
//!
//! Rescue never fails. Everything else goes on meanwhile: sshd is mended, links come up, disks are
//! looked at. It ends when the operator says so, or, with `panic=SECONDS` on the command line and nobody
//! there, in a reboot.

use heapless::String;

use crate::console;
use crate::control::{self, Order, Waiting};
use crate::core::{Boot, Turn};
use crate::machine::{Machine, Nanoseconds, Power};
use crate::patience::{self, Patience};
use crate::pstore;
use crate::seal;
use crate::shutdown;
use crate::stage::Stage;
use crate::step::Failed;
use crate::verdict;

/// How waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// The person decided to go on with this stage.
    Decided(Stage),
    /// The machine goes down.
    Down,
}

/// Holds before a stage.
pub(crate) fn hold<M: Machine>(boot: &mut Boot<'_, M>, stage: Stage) -> Waited {
    boot.alarm(format_args!(
        "held before {}: log in and say `preroot continue`",
        stage.name()
    ));
    control::wait_begins(boot, Waiting::Held(stage));
    console::start(boot);
    let waited = wait(boot, None);
    console::stop(boot);
    waited
}

/// A stage failed: says so wherever somebody may look, and waits.
pub(crate) fn rescue<M: Machine>(boot: &mut Boot<'_, M>, stage: Stage, failed: Failed) -> Waited {
    boot.verdict.rescue(stage.name(), failed);
    verdict::say(boot);
    let detail = String::<200>::try_from(boot.verdict.detail()).unwrap_or_default();
    boot.alarm(format_args!(
        "RESCUE: {detail}. Log in by ssh: `preroot status`"
    ));
    control::wait_begins(boot, Waiting::Rescue(stage, failed));
    // Nobody knows how this waiting ends: what is known by now outlives it.
    let _ = seal::store(boot);
    let waited = wait(boot, boot.command_line.panic);
    // Going down, it is still what it was.
    if waited != Waited::Down {
        boot.verdict.resume();
    }
    waited
}

fn wait<M: Machine>(boot: &mut Boot<'_, M>, limit: Option<Nanoseconds>) -> Waited {
    boot.operator.patience = Patience::Endless;
    pstore::begin(boot);
    loop {
        // The word may have been said while the record was stored.
        if let Some(stage) = boot.operator.decision.take() {
            boot.operator.patience = Patience::Endless;
            return Waited::Decided(stage);
        }
        let Ok(until) = patience::look(boot, limit) else {
            shutdown::request(boot, Power::Reboot, "panic=");
            return down(boot);
        };
        if boot.turn(until) == Turn::Down {
            return down(boot);
        }
    }
}

/// The machine goes down while somebody is waited for.
fn down<M: Machine>(boot: &mut Boot<'_, M>) -> Waited {
    if boot.operator.waiting != Waiting::No {
        let who = boot.down.map_or("", |request| request.who);
        control::wait_ended(boot, who, Order::default());
    }
    Waited::Down
}
