//! Waiting for a person: before a stage (`preroot.hold=`), or because a stage failed.
//!
//! Rescue never fails. Everything else goes on meanwhile: sshd is mended, links come up, disks are
//! looked at. It ends when the operator says so, or, with `panic=SECONDS` on the command line and nobody
//! there, in a reboot.

use heapless::String;
use preroot_record::Operator as Record;

use crate::console;
use crate::control::{Decision, Waiting};
use crate::core::{Boot, Turn};
use crate::limits::SECOND_NS;
use crate::machine::{Machine, Power};
use crate::seal;
use crate::shutdown;
use crate::stage::Stage;
use crate::step::Failed;
use crate::verdict;

/// How waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// The person decided.
    Decided(Decision),
    /// The machine goes down.
    Down,
}

/// Holds before a stage.
pub(crate) fn hold<M: Machine>(boot: &mut Boot<'_, M>, stage: Stage) -> Waited {
    boot.alarm(format_args!(
        "held before {}: log in and say `preroot continue`",
        stage.name()
    ));
    boot.record(Record {
        what: "waiting",
        stage: stage.name(),
    });
    boot.operator.waiting = Waiting::Held(stage);
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
    boot.record(Record {
        what: "waiting",
        stage: stage.name(),
    });
    boot.operator.waiting = Waiting::Rescue(stage, failed);
    // Nobody knows how this waiting ends: what is known by now outlives it.
    let _ = seal::store(boot);
    let waited = wait(boot, boot.command_line.panic);
    // Going down, it is still what it was.
    if waited != Waited::Down {
        boot.verdict.resume();
    }
    waited
}

fn wait<M: Machine>(boot: &mut Boot<'_, M>, panic: Option<u64>) -> Waited {
    let mut until = panic.map(|panic| boot.machine.now().saturating_add(panic));
    loop {
        match boot.turn(until) {
            Turn::Down => return Waited::Down,
            Turn::Due if boot.operator.heard || somebody_is_in(boot) => {
                // Nothing reboots under a person's feet; look again later.
                let again = panic.unwrap_or(0).max(SECOND_NS);
                until = Some(boot.machine.now().saturating_add(again));
                boot.milestone(format_args!("panic= waits: somebody is logged in"));
            }
            Turn::Due => {
                shutdown::request(boot, Power::Reboot, "panic=");
                return Waited::Down;
            }
            Turn::Handled => {}
        }
        if let Some(decision) = boot.operator.decision.take() {
            boot.operator.waiting = Waiting::No;
            return Waited::Decided(decision);
        }
    }
}

/// Whether sshd has a session: a child process (proc_pid_task(5), `children`).
fn somebody_is_in<M: Machine>(boot: &mut Boot<'_, M>) -> bool {
    let Some(pid) = boot.sshd.pid() else {
        return false;
    };
    let path = crate::text::text::<64>(format_args!("/proc/{pid}/task/{pid}/children"));
    let mut buffer = [0; 16];
    boot.machine
        .read_file(&path, &mut buffer)
        .is_ok_and(|length| length > 0)
}
