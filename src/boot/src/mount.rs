//! Mounting the root at /newroot, by a child: mount(2) of a dying disk can hang.

use preroot_plan::MountMode;
use preroot_record::Mounted;

use crate::core::{Boot, RootPlace};
use crate::limits::MOUNT_NS_MAX;
use crate::machine::{Errno, Machine};
use crate::roles;
use crate::stage::Next;
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
    let mode = match boot.command_line.mode.unwrap_or(planned_mode) {
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
