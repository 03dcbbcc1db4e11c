//! Starting the system that is on the root: the frozen order, or the root's own init.

use preroot_plan::{Finish, Plan};

use crate::core::{Boot, RootPlace, Turn};
use crate::groups;
use crate::handover;
use crate::hardware;
use crate::limits::UTMP_NS_MAX;
use crate::machine::Machine;
use crate::policy;
use crate::pstore;
use crate::roles;
use crate::runner::{self, Leave};
use crate::seal;
use crate::stage::Next;
use crate::step::{Failed, Step};
use crate::task::{self, Outcome};
use crate::watchdog;

/// The stage.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    if boot.root_place != RootPlace::Slash {
        return Next::Failed(Failed::plain(Step::NoRoot));
    }
    pstore::begin(boot);
    if hardware::settle(boot) == Turn::Down {
        return Next::Down;
    }
    crate::sshd::settle(boot);
    if hands_over(boot) {
        let init = boot.command_line.init.unwrap_or("/sbin/init");
        return become_init(boot, init);
    }
    let Some(plan) = boot.plan else {
        return Next::Failed(Failed::plain(Step::NoPlan));
    };
    policy::begin(boot);
    handover::begin(boot);
    groups::begin(boot);
    let last = runlevel(boot, &plan);
    let both = [b'S', last];
    for &name in if last == b'S' { &both[..1] } else { &both[..] } {
        if let Some(runlevel) = plan.runlevel(name) {
            boot.milestone(format_args!("runlevel {}", char::from(name)));
            // Debian's rc sees `N`, none, before S and before the runlevel that inittab starts.
            if runner::run(boot, &plan, runlevel, b'N', Leave::WhenDown) == Turn::Down {
                return Next::Down;
            }
        }
        boot.services.runlevel = name;
    }
    groups::end(boot);
    note_runlevel(boot, last);
    Next::Done
}

/// Whether PID 1 becomes the root's own init: `init=` on the command line, or the plan says so.
pub(crate) fn hands_over<M: Machine>(boot: &Boot<'_, M>) -> bool {
    let planned = boot
        .plan
        .is_some_and(|plan| plan.settings().finish() == Finish::Init);
    planned || boot.command_line.init.is_some()
}

/// The runlevel to reach: the command line's if the plan holds it, else the plan's.
fn runlevel<M: Machine>(boot: &mut Boot<'_, M>, plan: &Plan<'_>) -> u8 {
    let planned = plan.settings().runlevel;
    match boot.command_line.runlevel {
        None => planned,
        Some(name) if name == b'S' || plan.runlevel(name).is_some() => name,
        Some(name) => {
            let (name, planned_name) = (char::from(name), char::from(planned));
            boot.alarm(format_args!(
                "runlevel {name} is not in the plan: {planned_name} it is"
            ));
            boot.verdict
                .degrade(format_args!("runlevel {name} is not in the plan"));
            planned
        }
    }
}

/// For runlevel(8), who(1) and sysvinit's reboot. A boot does not depend on it.
fn note_runlevel<M: Machine>(boot: &mut Boot<'_, M>, name: u8) {
    let mut text = [0; 4];
    let name: &str = char::from(name).encode_utf8(&mut text);
    match task::run(boot, &[roles::UTMP, name, "N"], UTMP_NS_MAX) {
        Outcome::Done => {}
        Outcome::NotStarted(errno) | Outcome::Failed(errno) => {
            boot.milestone(format_args!("utmp: errno {}", errno.0));
        }
        Outcome::Hangs => boot.alarm(format_args!("utmp: writing it hangs")),
    }
}

/// Hands the machine to the root's own init; the rescue sshd stays. Everything is sealed before, for
/// nobody of ours is left to do it.
fn become_init<M: Machine>(boot: &mut Boot<'_, M>, path: &str) -> Next {
    watchdog::hand_over(boot);
    pstore::finish(boot);
    seal::seal(boot);
    crate::network::stop(boot);
    crate::kernel_log::stop(boot);
    policy::hand_over(boot);
    handover::to_init(boot, path);
    watchdog::drop_helper(boot);
    let errno = boot.machine.exec(boot.pid1, path, &[path]);
    watchdog::take_back(boot);
    handover::take_back(boot);
    crate::network::resume(boot);
    crate::kernel_log::start(boot);
    policy::take_back(boot);
    boot.alarm(format_args!("root has no {path} that runs"));
    Next::Failed(Failed {
        step: Step::ExecInit,
        errno,
    })
}
