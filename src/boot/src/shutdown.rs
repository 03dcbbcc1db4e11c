//! Going down: the stop order, everybody ended, out of the root, root unmounted, power.
//!
//! Nothing here can keep the machine from going down: each part has its deadline, and a part that fails is
//! said and passed over.

use preroot_plan::ServiceAction;
use preroot_record::Shutdown as Record;

use crate::assembly;
use crate::core::{Boot, RootPlace, Turn};
use crate::groups;
use crate::health;
use crate::holders;
use crate::limits::{MOUNT_NS_MAX, SHUTDOWN_ASK_NS, SHUTDOWN_TERM_NS};
use crate::machine::{Errno, Kill, Machine, Power, Spare};
use crate::mount::NEW_ROOT;
use crate::pivot;
use crate::roles;
use crate::runner::{self, Leave};
use crate::seal;
use crate::services::{self, Found};
use crate::syslog;
use crate::task::{self, Outcome};
use crate::verdict;
use crate::watchdog;

/// Somebody wants the machine to go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) how: Power,
    /// Who asked: `initctl`, `ctrl-alt-del`, `operator`, `panic=`.
    pub(crate) who: &'static str,
}

/// Its word.
pub(crate) fn name(how: Power) -> &'static str {
    match how {
        Power::Reboot => "reboot",
        Power::Off => "poweroff",
        Power::Halt => "halt",
    }
}

/// Asks for it; the first request counts.
pub(crate) fn request<M: Machine>(boot: &mut Boot<'_, M>, how: Power, who: &'static str) {
    if boot.down.is_none() {
        boot.down = Some(Request { how, who });
    }
}

/// Ctrl-alt-del: what inittab has for it once the system is up, a reboot before.
pub(crate) fn ctrl_alt_del<M: Machine>(boot: &mut Boot<'_, M>) {
    let up = boot.root_place == RootPlace::Slash;
    if !up || services::start_action(boot, ServiceAction::CtrlAltDel) == Found::None {
        request(boot, Power::Reboot, "ctrl-alt-del");
    }
}

/// Takes the machine down. Returns only if even the kernel refuses.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>, request: Request) -> Errno {
    let Request { how, who } = request;
    boot.record(Record {
        how: name(how),
        who,
    });
    boot.milestone(format_args!("{} ({who})", name(how)));
    if !boot.verdict.has_come_up() {
        let stage = boot.stage.name();
        boot.verdict
            .fail(stage, format_args!("{} by {who}", name(how)));
        verdict::say(boot);
        syslog::finish(boot);
    }
    boot.services.stop();
    stop_order(boot, how);
    health::look(boot);
    let _ = seal::store(boot);
    // From here on nobody of ours goes to the root, which is to be unmounted.
    boot.keeper.stop();
    crate::policy::stop(boot);
    crate::kernel_log::stop(boot);
    // A helper that were started again now would send while the kernel takes its card away: virtio_net's driver has hung in that, and
    // with it the power-off (Linux 6.1, `free_old_xmit_skbs`).
    crate::network::stop(boot);
    crate::sshd::stop(boot);
    watchdog::step_aside(boot, how);
    end_everybody(boot);
    watchdog::guard(boot, how);
    leave_root(boot);
    assembly::undo(boot);
    // A partition of its own can still be written.
    if boot.root_place != RootPlace::Slash {
        let _ = seal::store(boot);
    }
    if let Err(errno) = boot.machine.sync() {
        boot.alarm(format_args!("sync: errno {}", errno.0));
    }
    boot.machine.power(boot.pid1, how)
}

/// The stop scripts of runlevel 0 or 6, each with its deadline.
fn stop_order<M: Machine>(boot: &mut Boot<'_, M>, how: Power) {
    let (Some(plan), RootPlace::Slash) = (boot.plan, boot.root_place) else {
        return;
    };
    let name = if how == Power::Reboot { b'6' } else { b'0' };
    if let Some(runlevel) = plan.runlevel(name) {
        let previous = boot.services.runlevel;
        groups::begin(boot);
        // A request to go down has been heard; it does not cut short its own scripts.
        let _ = runner::run(boot, &plan, runlevel, previous, Leave::Never);
    }
}

/// SIGTERM to everybody, and SIGKILL to whoever is left.
fn end_everybody<M: Machine>(boot: &mut Boot<'_, M>) {
    let until = boot.machine.now().saturating_add(SHUTDOWN_TERM_NS);
    let mut gone = boot.machine.kill_all(Kill::Term, Spare::Nobody).is_err();
    while !gone {
        let ask_at = boot.machine.now().saturating_add(SHUTDOWN_ASK_NS);
        wait(boot, ask_at);
        gone = boot.machine.kill_all(Kill::Ask, Spare::Nobody).is_err();
        if boot.machine.now() >= until {
            break;
        }
    }
    if !gone {
        let _ = boot.machine.kill_all(Kill::Kill, Spare::Nobody);
        let until = boot.machine.now().saturating_add(SHUTDOWN_ASK_NS);
        wait(boot, until);
    }
}

/// Handles events until a moment.
pub(crate) fn wait<M: Machine>(boot: &mut Boot<'_, M>, until: u64) {
    while boot.machine.now() < until {
        if boot.turn(Some(until)) == Turn::Due {
            return;
        }
    }
}

/// Out of the root, and unmounts it; what is still busy is made read-only.
fn leave_root<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.root_place == RootPlace::Slash
        && let Err(failed) = pivot::outward(boot)
    {
        boot.alarm(format_args!(
            "{}: errno {}",
            failed.step.words(),
            failed.errno.0
        ));
    }
    let at = match boot.root_place {
        RootPlace::Nowhere => return,
        RootPlace::NewRoot => NEW_ROOT,
        RootPlace::Slash => "/",
    };
    match task::run(boot, &[roles::UNMOUNT, at], MOUNT_NS_MAX) {
        Outcome::Done => {
            boot.root_place = RootPlace::Nowhere;
            boot.milestone(format_args!("root unmounted"));
        }
        Outcome::Failed(Errno::BUSY) => {
            boot.milestone(format_args!("root is in use, and read-only now"));
            let _ = holders::tell(boot, at);
        }
        Outcome::Failed(errno) | Outcome::NotStarted(errno) => {
            boot.alarm(format_args!("root stays mounted: errno {}", errno.0));
        }
        Outcome::Hangs => boot.alarm(format_args!("root stays mounted: unmounting hangs")),
    }
}
