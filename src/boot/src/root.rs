//! Finding the root: children look what is on each block device as it appears; the stage waits until
//! one of them is it.
//!
//! Looking begins with the first device, long before the stage that waits for it, and goes on in
//! rescue, so that a disk attached there is known when the operator says `retry`.

use heapless::{String, Vec};
use preroot_plan::RootSpec;
use preroot_record::{Note, RootFound};

use crate::command_line::Wait;
use crate::core::{Boot, Purpose, Turn};
use crate::limits::{
    MILLISECOND_NS, PROBE_NS_MAX, PROBES_PENDING_MAX, PROBES_PER_CHILD_MAX, VOLUMES_MAX,
};
use crate::machine::{Child, Kill, Machine, Nanoseconds, Spawn};
use crate::roles;
use crate::stage::Next;
use crate::step::{At, Failed, Step};
use crate::text::{Lines, text};
use crate::volume::Volume;

type Name = String<32>;

/// A child that looks at devices.
#[derive(Debug)]
struct Probe {
    child: Child,
    due: Nanoseconds,
    lines: Lines<1024>,
    /// What it has not spoken of yet.
    names: Vec<Name, PROBES_PER_CHILD_MAX>,
}

/// What is known of block devices.
#[derive(Debug, Default)]
pub(crate) struct RootSearch {
    volumes: Vec<Volume, VOLUMES_MAX>,
    pending: Vec<Name, PROBES_PENDING_MAX>,
    probe: Option<Probe>,
    /// The device that holds the root, once it is found.
    pub(crate) found: Option<Volume>,
}

impl RootSearch {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        self.probe.as_ref().map(|probe| probe.due)
    }

    /// A device has gone.
    pub(crate) fn vanished(&mut self, name: &str) {
        self.volumes.retain(|volume| volume.name != name);
        self.pending.retain(|pending| pending != name);
    }

    /// The size of the disk with this serial number.
    pub(crate) fn disk_bytes(&self, serial: &str) -> Option<u64> {
        let mine = self.volumes.iter().filter(|volume| volume.serial == serial);
        mine.map(|volume| volume.bytes).max()
    }

    fn settled(&self) -> bool {
        self.pending.is_empty() && self.probe.is_none()
    }
}

/// What is there when the kernel has done its own part (builtin drivers).
pub(crate) fn coldplug<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    let pending = &mut boot.root.pending;
    let listed = boot.machine.block_devices(&mut |name| queue(pending, name));
    listed.at(Step::ReadBlockDevices)?;
    look(boot);
    Ok(())
}

/// A block device has appeared or changed.
pub(crate) fn appeared<M: Machine>(boot: &mut Boot<'_, M>, name: &str) {
    queue(&mut boot.root.pending, name);
    look(boot);
}

/// Devices that never hold a root and only cost a look.
fn is_uninteresting(name: &str) -> bool {
    ["loop", "ram", "zram", "fd", "sr"].iter().any(|kind| {
        name.strip_prefix(kind)
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn queue(pending: &mut Vec<Name, PROBES_PENDING_MAX>, name: &str) {
    if let Ok(name) = Name::try_from(name)
        && !name.is_empty()
        && !is_uninteresting(&name)
        && !pending.contains(&name)
    {
        // A machine with more devices at once than that has them looked at when they change.
        let _ = pending.push(name);
    }
}

/// Sends a child to look at what is pending, if none is out.
fn look<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.root.probe.is_some() || boot.root.pending.is_empty() {
        return;
    }
    let count = boot.root.pending.len().min(PROBES_PER_CHILD_MAX);
    let names: Vec<Name, PROBES_PER_CHILD_MAX> = boot.root.pending.drain(..count).collect();
    let spawned = {
        let mut arguments = Vec::<&str, { PROBES_PER_CHILD_MAX + 1 }>::new();
        arguments.extend([roles::PROBE]);
        arguments.extend(names.iter().map(|name| name.as_str()));
        boot.machine.spawn(&Spawn::own(&arguments))
    };
    match spawned {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Probe);
            let due = boot.machine.now().saturating_add(PROBE_NS_MAX);
            let (child, lines) = (spawned.child, Lines::new());
            boot.root.probe = Some(Probe {
                child,
                due,
                lines,
                names,
            });
        }
        Err(errno) => {
            let step = Step::SpawnProbe.words();
            boot.alarm(format_args!("root: {step}: errno {}", errno.0));
        }
    }
}

/// The child says what is on a device.
pub(crate) fn probe_output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let root = &mut boot.root;
    let Some(probe) = &mut root.probe else { return };
    let (volumes, names) = (&mut root.volumes, &mut probe.names);
    probe.lines.take(bytes, |line| {
        let Some(volume) = Volume::parse(line) else {
            return;
        };
        names.retain(|name| *name != volume.name);
        volumes.retain(|known| known.name != volume.name);
        // A device beyond the table is not found; the rescue says what is.
        let _ = volumes.push(volume);
    });
}

/// The child has ended: on with what has come meanwhile.
pub(crate) fn probe_ended<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.root.probe = None;
    look(boot);
}

/// A device that cannot be read hangs the child: it is left behind, and what it had not come to is
/// looked at again without the device it hangs on.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    let Some(probe) = boot.root.probe.take_if(|probe| probe.due <= now) else {
        return;
    };
    let _ = boot.machine.kill(probe.child, Kill::Kill);
    boot.assign(probe.child, Purpose::Nobody);
    let mut names = probe.names.iter();
    if let Some(hung) = names.next() {
        boot.verdict.degrade(format_args!("disk {hung} hangs"));
        boot.alarm(format_args!("disk {hung} does not answer"));
    }
    for name in names {
        queue(&mut boot.root.pending, name);
    }
    look(boot);
}

/// The stage: waits until the root is there.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let spec = match wanted(boot) {
        Ok(spec) => spec,
        Err(failed) => return Next::Failed(failed),
    };
    let began = boot.machine.now();
    let until = deadline(boot, began);
    let look_again = crate::modules::sweep(boot).and(coldplug(boot));
    loop {
        match choose(boot, spec) {
            Ok(Some(volume)) => return found(boot, volume, began),
            Ok(None) => {}
            Err(failed) => return Next::Failed(failed),
        }
        match boot.turn(until) {
            Turn::Handled => {}
            Turn::Down => return Next::Down,
            Turn::Due => {
                // If devices could not even be listed, that is what the operator has to know.
                return Next::Failed(look_again.err().unwrap_or(missing(boot)));
            }
        }
    }
}

/// What is looked for.
fn wanted<'a, M: Machine>(boot: &Boot<'a, M>) -> Result<RootSpec<'a>, Failed> {
    let plan = boot.plan.ok_or(Failed::plain(Step::NoPlan))?;
    let spec = boot
        .command_line
        .root
        .unwrap_or(plan.text(plan.settings().root));
    RootSpec::parse(spec).ok_or(Failed::plain(Step::RootSpec))
}

fn deadline<M: Machine>(boot: &Boot<'_, M>, began: Nanoseconds) -> Option<Nanoseconds> {
    let planned = boot
        .plan
        .map_or(0, |plan| plan.settings().root_wait_ms.get());
    let planned = u64::from(planned) * MILLISECOND_NS;
    match boot.command_line.root_wait {
        Some(Wait::Forever) => None,
        Some(Wait::For(wait)) => Some(began.saturating_add(wait)),
        None => {
            let wait = planned.max(boot.command_line.root_delay.unwrap_or(0));
            Some(began.saturating_add(wait))
        }
    }
}

/// The one device that is meant. While devices are still being looked at, one match is not yet the answer to
/// whether there are two.
fn choose<M: Machine>(boot: &Boot<'_, M>, spec: RootSpec<'_>) -> Result<Option<Volume>, Failed> {
    let mut matching = boot.root.volumes.iter().filter(|volume| volume.is(spec));
    match (matching.next(), matching.next()) {
        (Some(_), Some(_)) => Err(Failed::plain(Step::RootAmbiguous)),
        (Some(volume), None) if boot.root.settled() => Ok(Some(volume.clone())),
        _ => Ok(None),
    }
}

fn found<M: Machine>(boot: &mut Boot<'_, M>, volume: Volume, began: Nanoseconds) -> Next {
    let plan_root = boot.plan.map_or("", |plan| plan.text(plan.settings().root));
    let wanted = boot.command_line.root.unwrap_or(plan_root);
    let waited_ns = boot.machine.now().saturating_sub(began);
    let kind = &volume.kind;
    boot.record(RootFound {
        wanted,
        device: &volume.name,
        kind,
        waited_ns,
    });
    boot.milestone(format_args!("root {wanted} is {} ({kind})", volume.name));
    boot.root.found = Some(volume);
    Next::Done
}

/// Nothing matched: says what there is.
fn missing<M: Machine>(boot: &mut Boot<'_, M>) -> Failed {
    for index in 0..boot.root.volumes.len() {
        let Some(volume) = boot.root.volumes.get(index) else {
            break;
        };
        let line = text::<200>(format_args!(
            "there is {} {} UUID={} LABEL={} PARTUUID={} SERIAL={}",
            volume.name, volume.kind, volume.uuid, volume.label, volume.partuuid, volume.serial
        ));
        boot.record(Note { text: &line });
    }
    Failed::plain(Step::RootNotFound)
}
