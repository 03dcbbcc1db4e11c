//! Starting the system that is on the root: the frozen order, or the root's own init.

use preroot_plan::Finish;

use crate::core::{Boot, RootPlace, Turn};
use crate::hardware;
use crate::machine::Machine;
use crate::runner::{self, Leave};
use crate::seal;
use crate::stage::Next;
use crate::step::{Failed, Step};

/// The stage.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let Some(plan) = boot.plan else {
        return Next::Failed(Failed::plain(Step::NoPlan));
    };
    if boot.root_place != RootPlace::Slash {
        return Next::Failed(Failed::plain(Step::NoRoot));
    }
    if let Err(failed) = hardware::disks(boot) {
        return Next::Failed(failed);
    }
    if let Some(init) = boot.command_line.init {
        return become_init(boot, init);
    }
    if plan.settings().finish() == Finish::Init {
        return become_init(boot, "/sbin/init");
    }
    let default = boot
        .command_line
        .runlevel
        .unwrap_or(plan.settings().runlevel);
    let mut previous = b'N';
    for name in [b'S', default] {
        // `single` on the command line ends with S.
        if previous == name {
            break;
        }
        if let Some(runlevel) = plan.runlevel(name) {
            boot.milestone(format_args!("runlevel {}", char::from(name)));
            if runner::run(boot, &plan, runlevel, previous, Leave::WhenDown) == Turn::Down {
                return Next::Down;
            }
        }
        boot.services.runlevel = name;
        // Debian's rc sees `N` before the first runlevel that inittab starts as well as before S.
        previous = if name == b'S' { b'N' } else { name };
        if default == b'S' {
            break;
        }
    }
    Next::Done
}

/// Hands the machine to the root's own init; the rescue sshd stays. Everything is sealed before, for
/// nobody of ours is left to do it.
fn become_init<M: Machine>(boot: &mut Boot<'_, M>, path: &str) -> Next {
    seal::seal(boot);
    let errno = boot.machine.exec(boot.pid1, path, &[path]);
    Next::Failed(Failed {
        step: Step::ExecInit,
        errno,
    })
}
