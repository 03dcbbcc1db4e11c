//! Finding the root: children look what is on each block device as it appears; the stage waits until
//! one of them is it.
//!
//! Looking begins with the first device, long before the stage that waits for it, and goes on in
//! rescue, so that a disk attached there is known when the operator says `retry`.

use heapless::{String, Vec};
use preroot_plan::{RootKey, RootSpec};
use preroot_record::{Note, RootFound};

use crate::assembly;
use crate::command_line::Wait;
use crate::core::{Boot, Purpose, RootPlace, Turn};
use crate::keeper;
use crate::limits::{
    MILLISECOND_NS, PROBE_NS_MAX, PROBES_PENDING_MAX, PROBES_PER_CHILD_MAX, VOLUMES_MAX,
};
use crate::machine::{Child, Kill, Machine, Nanoseconds, Spawn};
use crate::mount;
use crate::pivot;
use crate::roles;
use crate::stage::Next;
use crate::step::{At, Failed, Step};
use crate::text::{Lines, Text, text};
use crate::volume::{LOST, Volume};

type Name = String<32>;

/// A device with all its names.
const NOTE_BYTES_MAX: usize = 512;

/// A child that looks at devices.
#[derive(Debug)]
struct Probe {
    child: Child,
    due: Nanoseconds,
    lines: Lines<1024>,
    /// What it looks at; empty: what has gone.
    names: Vec<Name, PROBES_PER_CHILD_MAX>,
    /// Of how many it has spoken.
    spoken: usize,
}

/// What is known of block devices.
#[derive(Debug, Default)]
pub(crate) struct RootSearch {
    volumes: Vec<Volume, VOLUMES_MAX>,
    pending: Vec<Name, PROBES_PENDING_MAX>,
    probe: Option<Probe>,
    /// The device that holds the root, once it is found.
    pub(crate) found: Option<Volume>,
    /// Until when it is waited for.
    pub(crate) until: Option<Nanoseconds>,
}

impl RootSearch {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        self.probe.as_ref().map(|probe| probe.due)
    }

    /// All that was looked at.
    pub(crate) fn volumes(&self) -> &[Volume] {
        &self.volumes
    }

    /// A device has gone. What a child still says of it is not heard: the next of that name may be another.
    pub(crate) fn vanished(&mut self, name: &str) {
        self.forget(name);
        if let Some(at) = self.pending.iter().position(|pending| pending == name) {
            self.pending.remove(at);
        }
        if let Some(probe) = &mut self.probe
            && let Some(own) = probe.names.iter_mut().find(|own| *own == name)
        {
            own.clear();
        }
    }

    fn forget(&mut self, name: &str) {
        if let Some(at) = self.volumes.iter().position(|known| known.name == name) {
            let _ = self.volumes.swap_remove(at);
        }
    }

    /// Has a device looked at.
    fn queue(&mut self, name: &str) {
        if let Ok(name) = Name::try_from(name)
            && !name.is_empty()
            && !is_uninteresting(&name)
            && !self.pending.contains(&name)
        {
            // A machine with more devices at once than that has them looked at when they change.
            let _ = self.pending.push(name);
        }
    }

    pub(crate) fn settled(&self) -> bool {
        self.pending.is_empty() && self.probe.is_none()
    }
}

/// What is there when the kernel has done its own part (builtin drivers).
pub(crate) fn coldplug<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    let root = &mut boot.root;
    let listed = boot.machine.block_devices(&mut |name| {
        // The kernel's name in sysfs has a `!` where that in /dev, and in uevents, has a `/`.
        let mut path = Name::new();
        let pushed = name
            .chars()
            .try_for_each(|character| path.push(if character == '!' { '/' } else { character }));
        if pushed.is_ok() {
            root.queue(&path);
        }
    });
    listed.at(Step::ReadBlockDevices)?;
    look(boot);
    Ok(())
}

/// A block device has appeared or changed.
pub(crate) fn appeared<M: Machine>(boot: &mut Boot<'_, M>, name: &str) {
    boot.root.queue(name);
    look(boot);
}

/// Devices that never hold a root and only cost a look.
fn is_uninteresting(name: &str) -> bool {
    ["loop", "ram", "zram", "fd", "sr"].iter().any(|kind| {
        name.strip_prefix(kind)
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
    })
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
        boot.machine.spawn(&Spawn::helper(&arguments))
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
                spoken: 0,
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
    let (root, assembly, plan) = (&mut boot.root, &mut boot.assembly, boot.plan);
    let Some(mut probe) = root.probe.take() else {
        return;
    };
    probe.lines.take(bytes, |line| {
        let Some(volume) = Volume::parse(line) else {
            return;
        };
        // It speaks of them in the order in which it was told them; of what has gone it is not heard.
        let names = probe.names.get(probe.spoken..).unwrap_or_default();
        let Some(at) = names.iter().position(|name| *name == volume.name) else {
            return;
        };
        probe.spoken += at + 1;
        root.forget(&volume.name);
        assembly.appeared(plan, &volume);
        // A device beyond the table is not found; the rescue says what is.
        let _ = root.volumes.push(volume);
    });
    root.probe = Some(probe);
    keeper::look(boot);
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
    let names = probe.names.get(probe.spoken..).unwrap_or_default();
    let mut names = names.iter();
    // It may hang on one that has gone: that is nobody's fault any more.
    if let Some(hung) = names.next().filter(|name| !name.is_empty()) {
        boot.verdict.degrade(format_args!("disk {hung} hangs"));
        boot.alarm(format_args!("disk {hung} does not answer"));
    }
    for name in names {
        boot.root.queue(name);
    }
    look(boot);
}

/// The stage: waits until the root is there.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    if boot.operator.named.is_some()
        && let Err(failed) = leave(boot)
    {
        return Next::Failed(failed);
    }
    let next = search(boot);
    boot.root.until = None;
    assembly::end(boot);
    next
}

fn search<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let spec = match wanted(boot) {
        Ok(spec) => spec,
        Err(failed) => {
            // A person who names a root wants to know what there is.
            let _ = coldplug(boot);
            return Next::Failed(failed);
        }
    };
    let began = boot.machine.now();
    let mut until = Some(deadline(boot, began));
    boot.root.until = until;
    let mut trust = Trust::Superblocks;
    let look_again = crate::modules::sweep(boot).and(coldplug(boot));
    assembly::begin(boot);
    let mut is_quiet = false;
    loop {
        // While devices are still being looked at, or their drivers loaded, one match is not yet the answer to
        // whether there are two. Nor can a driver be loaded from an image that the pivot has left.
        let is_settled =
            boot.root.settled() && boot.modules.deadline().is_none() && boot.assembly.is_idle();
        // Of a loader or a program that has ended, the devices that it made may not have been heard yet.
        if is_settled && !is_quiet {
            let now = boot.machine.now();
            match boot.turn(Some(now)) {
                Turn::Down => return Next::Down,
                turn => is_quiet = turn == Turn::Due,
            }
            continue;
        }
        is_quiet = false;
        if is_settled || trust == Trust::Copies {
            match choose(boot, &spec, trust) {
                Ok(Some(volume)) => return found(boot, volume, began),
                Ok(None) => {}
                Err(failed) => return Next::Failed(failed),
            }
        }
        match boot.turn(until) {
            Turn::Handled => {}
            Turn::Down => return Next::Down,
            Turn::Due if trust == Trust::Superblocks => trust = Trust::Copies,
            Turn::Due => {
                // If devices could not even be listed, that is what the operator has to know.
                return Next::Failed(look_again.err().unwrap_or(missing(boot)));
            }
        }
        if trust == Trust::Copies && boot.command_line.root_wait == Some(Wait::Forever) {
            until = None;
        }
    }
}

/// What is believed to be the root.
///
/// A disk that was wiped and not written since still has copies of its superblock, so it is not taken for the root
/// before all others had the time to appear that they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// A device with the superblock that is looked for.
    Superblocks,
    /// If there is none, one with a copy of it.
    Copies,
}

/// Leaves a root that a person has named another one for.
fn leave<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    if boot.root_place == RootPlace::Slash {
        keeper::finish(boot);
        pivot::outward(boot)?;
    }
    mount::release(boot)
}

/// Whether one device that is here is this root, as the stage looks for it.
pub(crate) fn is_here<M: Machine>(boot: &Boot<'_, M>, spec: &RootSpec<'_>) -> bool {
    let volumes = &boot.root.volumes;
    let whole = volumes.iter().filter(|volume| volume.can_be_root());
    whole
        .filter(|volume| volume.is_meant(spec, volumes))
        .count()
        == 1
}

/// Writes why none is.
pub(crate) fn tell_why<M: Machine>(
    boot: &Boot<'_, M>,
    spec: &RootSpec<'_>,
    out: &mut dyn core::fmt::Write,
) -> core::fmt::Result {
    let volumes = &boot.root.volumes;
    let is_meant = |volume: &&Volume| volume.is_meant(spec, volumes);
    let mut meant = volumes.iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(part), None) if part.is_part() => {
            let (name, kind) = (&part.name, &part.kind);
            writeln!(out, "{name} is a {kind}, which has to be assembled")
        }
        (Some(empty), None) => writeln!(out, "{} has no bytes: it is not started", empty.name),
        (Some(one), Some(two)) => {
            let (one, two) = (&one.name, &two.name);
            writeln!(out, "that is more than one device: {one} {two}")
        }
        (None, _) => {
            out.write_str("no device here is that; there are:")?;
            for volume in volumes.iter().filter(|volume| !volume.kind.is_empty()) {
                write!(out, " {}", volume.name)?;
            }
            writeln!(out, " (with rootwait it is waited for)")
        }
    }
}

/// What is looked for, as it was written.
pub(crate) fn written<'a, M: Machine>(boot: &Boot<'a, M>) -> &'a str {
    let planned = boot.plan.map_or("", |plan| plan.text(plan.settings().root));
    boot.command_line.root.unwrap_or(planned)
}

/// What is looked for.
fn wanted<'a, M: Machine>(boot: &Boot<'a, M>) -> Result<RootSpec<'a>, Failed> {
    if boot.plan.is_none() && boot.operator.named.is_none() {
        return Err(Failed::plain(Step::NoPlan));
    }
    RootSpec::parse(written(boot)).ok_or(Failed::plain(Step::RootSpec))
}

/// When the wait is over. A wait for ever has one too: from then on, copies are believed.
fn deadline<M: Machine>(boot: &Boot<'_, M>, began: Nanoseconds) -> Nanoseconds {
    let planned = boot
        .plan
        .map_or(0, |plan| plan.settings().root_wait_ms.get());
    let planned = u64::from(planned) * MILLISECOND_NS;
    let wait = match boot.command_line.root_wait {
        Some(Wait::For(wait)) => wait,
        _ => planned.max(boot.command_line.root_delay.unwrap_or(0)),
    };
    began.saturating_add(wait)
}

/// The one device that is meant. Two are an error that names them.
fn choose<M: Machine>(
    boot: &mut Boot<'_, M>,
    spec: &RootSpec<'_>,
    trust: Trust,
) -> Result<Option<Volume>, Failed> {
    let volumes = &boot.root.volumes;
    let is_of_superblock = matches!(spec.key, RootKey::Uuid | RootKey::Label);
    let is_sure = |volume: &&Volume| !is_of_superblock || volume.due != LOST;
    let can_be = |v: &&Volume| v.can_be_root();
    let meant = || {
        let possible = volumes.iter().filter(can_be);
        possible.filter(|v| v.is_meant(spec, volumes))
    };
    let one = match (meant().filter(is_sure).count(), trust) {
        (1, _) => meant().find(is_sure),
        (0, Trust::Superblocks) => None,
        (0, Trust::Copies) if meant().count() < 2 => meant().next(),
        _ => {
            let mut names = Text::new();
            for volume in meant() {
                let _ = names.push_str(" ").and(names.push_str(&volume.name));
            }
            let wanted = written(boot);
            boot.alarm(format_args!("{wanted} is more than one device:{names}"));
            tell(boot, Some(spec));
            return Err(Failed::plain(Step::RootAmbiguous));
        }
    };
    Ok(one.cloned())
}

fn found<M: Machine>(boot: &mut Boot<'_, M>, mut volume: Volume, began: Nanoseconds) -> Next {
    let planned = boot
        .plan
        .map_or("", |plan| plan.text(plan.settings().root_type));
    let kind = boot.command_line.root_type.unwrap_or(planned);
    if volume.kind.is_empty() && kind.starts_with("ext") {
        // Named by what it lies on, with nothing on it that we know: e2fsck has to see what is left of it.
        volume.kind = text(format_args!("{kind}"));
        volume.due = text(format_args!("damaged"));
    }
    let wanted = written(boot);
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
    assembly::found(boot);
    Next::Done
}

/// Nothing matched: says what there is.
fn missing<M: Machine>(boot: &mut Boot<'_, M>) -> Failed {
    tell(boot, None);
    let spec = wanted(boot).ok();
    let part = boot.root.volumes.iter().find(|volume| {
        let volumes = &boot.root.volumes;
        volume.is_part() && spec.is_some_and(|spec| volume.is_meant(&spec, volumes))
    });
    let why: Option<Text> = match (boot.assembly.failure(), part) {
        (Some(failure), _) => Some(failure.clone()),
        (None, Some(part)) => Some(text(format_args!(
            "{} is a {}, which has to be assembled",
            part.name, part.kind
        ))),
        _ => None,
    };
    if let Some(why) = why {
        boot.alarm(format_args!("{why}"));
        boot.verdict.because(&why);
    }
    Failed::plain(Step::RootNotFound)
}

/// Records devices under all their names: those that a spec means, or all.
fn tell<M: Machine>(boot: &mut Boot<'_, M>, spec: Option<&RootSpec<'_>>) {
    for index in 0..boot.root.volumes.len() {
        let volumes = &boot.root.volumes;
        let Some(volume) = volumes.get(index) else {
            break;
        };
        if spec.is_none_or(|spec| volume.is_meant(spec, volumes)) {
            let line = text::<NOTE_BYTES_MAX>(format_args!("there is {}", Told(volume)));
            boot.record(Note { text: &line });
        }
    }
}

/// A device under all its names.
struct Told<'a>(&'a Volume);

impl core::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Told(volume) = self;
        write!(f, "{} {} {}", volume.name, volume.number, volume.kind)?;
        for (words, key) in RootKey::words() {
            let name = volume.named(key);
            if !name.is_empty() {
                write!(f, " {words}{name}")?;
            }
        }
        Ok(())
    }
}
