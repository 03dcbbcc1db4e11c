//! Mounting the root at /newroot, by a child: mount(2) of a dying disk can hang.

use preroot_plan::MountMode;
use preroot_record::Mounted;

use crate::core::{Boot, RootPlace};
use crate::limits::{HOLDERS_NS_MAX, MOUNT_NS_MAX};
use crate::machine::{Errno, Machine};
use crate::roles;
use crate::stage::Next;
use crate::start;
use crate::step::{Failed, Step};
use crate::task::{self, Outcome};
use crate::text::{Text, text};

/// Where the root is mounted before it becomes /.
pub(crate) const NEW_ROOT: &str = "/newroot";

/// The stage.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let Some(volume) = boot.root.found.clone() else {
        return Next::Failed(Failed::plain(Step::NoRoot));
    };
    if boot.root_place != RootPlace::Nowhere {
        return Next::Done;
    }
    let settings = boot.plan.map(|plan| (plan, *plan.settings()));
    let planned = |pick: fn(&preroot_plan::Settings) -> preroot_plan::Text| {
        settings.map_or("", |(plan, settings)| plan.text(pick(&settings)))
    };
    let kind = boot
        .command_line
        .root_type
        .unwrap_or(planned(|settings| settings.root_type));
    let kind = if kind.is_empty() {
        volume.kind.as_str()
    } else {
        kind
    };
    let options = boot
        .command_line
        .root_flags
        .unwrap_or(planned(|settings| settings.root_flags));
    let planned_mode = settings.map_or(MountMode::ReadOnly, |(_, settings)| settings.mount_mode());
    let mode = match mode(boot, planned_mode) {
        MountMode::ReadWrite => "rw",
        MountMode::ReadOnly => "ro",
    };
    let device: Text = text(format_args!("/dev/{}", volume.name));
    let arguments = [roles::MOUNT, &device, kind, mode, options, NEW_ROOT];
    match task::run(boot, &arguments, MOUNT_NS_MAX) {
        Outcome::Done => {}
        Outcome::NotStarted(errno) => {
            return Next::Failed(Failed {
                step: Step::SpawnMount,
                errno,
            });
        }
        Outcome::Failed(errno) => {
            return Next::Failed(Failed {
                step: Step::Mount,
                errno,
            });
        }
        Outcome::Hangs => {
            return Next::Failed(Failed {
                step: Step::MountHangs,
                errno: Errno::TIMEDOUT,
            });
        }
    }
    boot.root_place = RootPlace::NewRoot;
    let comma = if options.is_empty() { "" } else { "," };
    let options: Text = text(format_args!("{mode}{comma}{options}"));
    boot.record(Mounted {
        device: &volume.name,
        at: NEW_ROOT,
        kind,
        options: &options,
    });
    Next::Done
}

/// `ro` on the command line asks for the first mount: boot loaders say it everywhere, and the root's own scripts make it
/// what it is to be. Where PID 1 does that for them there is one mount, and it is as planned.
fn mode<M: Machine>(boot: &Boot<'_, M>, planned: MountMode) -> MountMode {
    match boot.command_line.mode {
        Some(MountMode::ReadOnly) if !start::hands_over(boot) => planned,
        asked => asked.unwrap_or(planned),
    }
}

/// Unmounts a root that the kernel has mounted, so that it can be checked. Who keeps it from that is told.
pub(crate) fn release<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    if boot.root_place != RootPlace::NewRoot {
        return Ok(());
    }
    let failed = |errno| {
        Err(Failed {
            step: Step::RootBusy,
            errno,
        })
    };
    match task::run(boot, &[roles::UNMOUNT, NEW_ROOT], MOUNT_NS_MAX) {
        Outcome::Done => {
            boot.root_place = RootPlace::Nowhere;
            boot.milestone(format_args!("root unmounted, to be checked"));
            Ok(())
        }
        Outcome::Failed(errno) => {
            let _ = task::run(boot, &[roles::HOLDERS, NEW_ROOT], HOLDERS_NS_MAX);
            failed(errno)
        }
        Outcome::NotStarted(errno) => failed(errno),
        Outcome::Hangs => failed(Errno::TIMEDOUT),
    }
}
