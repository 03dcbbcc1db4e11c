//! Mounting the root at /newroot, by a child: mount(2) of a dying disk can hang.
//!
//! A superblock may say that all is well where the kernel finds that it is not: then the root is checked after all, and
//! mounted again. What the child finds in no order makes the verdict DEGRADED and is no reason not to boot, as long as
//! there is a root and the early file systems have their places in it.

use heapless::String;
use preroot_plan::{MountMode, Settings, Text as PlanText};
use preroot_record::Mounted;

use crate::core::{Boot, RootPlace};
use crate::fsck;
use crate::holders;
use crate::limits::MOUNT_NS_MAX;
use crate::machine::{Errno, Machine};
use crate::roles;
use crate::stage::Next;
use crate::start;
use crate::step::{At, Failed, Step};
use crate::task::{self, Outcome};
use crate::text::{Text, text};
use crate::volume::Volume;

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
    let kind = match kind(boot, &volume) {
        Ok(kind) => kind,
        Err(failed) => return Next::Failed(failed),
    };
    let options = wanted(boot, boot.command_line.root_flags, |settings| {
        settings.root_flags
    });
    let planned_mode = boot
        .plan
        .map_or(MountMode::ReadOnly, |plan| plan.settings().mount_mode());
    boot.root_mode = mode(boot, planned_mode);
    let device: Text = text(format_args!("/dev/{}", volume.name));
    let asked = word(boot.root_mode);
    let arguments = [roles::MOUNT, &device, &kind, asked, options, NEW_ROOT];
    let mut outcome = task::run(boot, &arguments, MOUNT_NS_MAX);
    let mut lacks = tell(boot);
    if let Outcome::Failed(errno) = outcome
        && !lacks
    {
        match fsck::after_mount(boot, &volume, errno) {
            None => {}
            Some(Next::Done) => {
                outcome = task::run(boot, &arguments, MOUNT_NS_MAX);
                lacks = tell(boot);
            }
            Some(next) => return next,
        }
    }
    let (step, errno) = match outcome {
        Outcome::Done => (None, Errno(0)),
        Outcome::NotStarted(errno) => (Some(Step::SpawnMount), errno),
        Outcome::Failed(errno) if lacks => (Some(Step::MakeDirectory), errno),
        Outcome::Failed(Errno::NODEV) => (Some(Step::NoDriver), Errno::NODEV),
        Outcome::Failed(errno) => (Some(Step::Mount), errno),
        Outcome::Hangs => (Some(Step::MountHangs), Errno::TIMEDOUT),
    };
    if let Some(step) = step {
        return Next::Failed(Failed { step, errno });
    }
    boot.root_place = RootPlace::NewRoot;
    let mode = word(boot.root_mode);
    let comma = if options.is_empty() { "" } else { "," };
    let options: Text = text(format_args!("{mode}{comma}{options}"));
    boot.record(Mounted {
        device: &volume.name,
        at: NEW_ROOT,
        kind: &kind,
        options: &options,
    });
    Next::Done
}

fn word(mode: MountMode) -> &'static str {
    match mode {
        MountMode::ReadWrite => "rw",
        MountMode::ReadOnly => "ro",
    }
}

/// What the command line asks for, else the plan.
fn wanted<'a, M: Machine>(
    boot: &Boot<'a, M>,
    asked: Option<&'a str>,
    pick: fn(&Settings) -> PlanText,
) -> &'a str {
    let planned = || {
        boot.plan
            .map_or("", |plan| plan.text(pick(plan.settings())))
    };
    asked.unwrap_or_else(planned)
}

/// Says what the child says that is not as it should be. Whether a mount point is missing for good.
fn tell<M: Machine>(boot: &mut Boot<'_, M>) -> bool {
    let said = boot.task.take_said();
    let mut lacks = false;
    for line in said.lines().filter(|line| line.starts_with("root ")) {
        boot.degrade(format_args!("{line}"));
        lacks |= line.starts_with(roles::NO_PLACE);
        if line.starts_with(roles::READ_ONLY) {
            boot.root_mode = MountMode::ReadOnly;
        }
    }
    lacks
}

/// What is no file system, by the names that superblocks have, beside what has to be assembled: that is never found.
const STRANGERS: [&str; 3] = ["swap", "swsuspend", "jbd"];

/// As what it is mounted: what its superblock says, for a plan or a command line can be older than that. Of the names
/// that an ext file system can be mounted by, the one that was asked for.
fn kind<M: Machine>(boot: &mut Boot<'_, M>, volume: &Volume) -> Result<String<24>, Failed> {
    let wanted = wanted(boot, boot.command_line.root_type, |settings| {
        settings.root_type
    });
    let kinds = || {
        wanted
            .split(',')
            .filter(|kind| !matches!(*kind, "" | "auto"))
    };
    let (name, found) = (&volume.name, volume.kind.as_str());
    let is_ext = |kind: &&str| kind.starts_with("ext");
    let is_stranger = STRANGERS.contains(&found);
    let chosen = match found {
        "" => kinds().next(),
        _ if is_stranger => None,
        _ if kinds().any(|kind| kind == found) || kinds().next().is_none() => Some(found),
        _ => kinds().find(is_ext).filter(|_| is_ext(&found)),
    };
    match chosen {
        Some(chosen) => String::try_from(chosen).map_err(|_| Failed::plain(Step::NoDriver)),
        None if is_stranger || found.is_empty() => {
            let what = if is_stranger { found } else { "nothing known" };
            boot.alarm(format_args!("root {name} is {what}, and no file system"));
            Err(Failed::plain(Step::NoFileSystem))
        }
        None => {
            boot.degrade(format_args!("root {name} is {found}, not {wanted}"));
            Ok(volume.kind.clone())
        }
    }
}

/// `ro` on the command line asks for the first mount: boot loaders say it everywhere, and the root's own scripts make it
/// what it is to be. Where PID 1 does that for them there is one mount, and it is as planned.
fn mode<M: Machine>(boot: &Boot<'_, M>, planned: MountMode) -> MountMode {
    if let Some(meant) = boot.operator.named.and_then(|named| named.mode) {
        return meant;
    }
    match boot.command_line.mode {
        Some(MountMode::ReadOnly) if !start::hands_over(boot) => planned,
        asked => asked.unwrap_or(planned),
    }
}

/// Unmounts a root that the kernel has mounted, so that it can be checked. Who keeps it from that is told, and by policy
/// ended.
pub(crate) fn release<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    if boot.root_place != RootPlace::NewRoot {
        return Ok(());
    }
    let mut released = unmount(boot);
    if released == Err(Errno::BUSY) {
        released = holders::clear(boot, NEW_ROOT).and_then(|()| unmount(boot));
    }
    released.at(Step::RootBusy)?;
    boot.root_place = RootPlace::Nowhere;
    boot.milestone(format_args!("root unmounted, to be checked"));
    Ok(())
}

fn unmount<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Errno> {
    match task::run(boot, &[roles::UNMOUNT, NEW_ROOT], MOUNT_NS_MAX) {
        Outcome::Done => Ok(()),
        Outcome::Failed(errno) | Outcome::NotStarted(errno) => Err(errno),
        Outcome::Hangs => Err(Errno::TIMEDOUT),
    }
}
