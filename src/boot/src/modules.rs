//! Kernel modules: what is present decides what is loaded, in the frozen order.
//!
//! Every modalias, from coldplug or a uevent, is held against the plan's aliases. A module that is
//! wanted is loaded by a child, with those of its dependencies that are not there yet. Modules that share
//! nothing load side by side, so a driver that hangs keeps no other from loading. A module is never
//! handed to two children: the kernel checks its signature each time it is asked, which is nearly all
//! that a module costs.

use heapless::Vec;
use preroot_plan::Plan;
use preroot_record::Module as Record;

use crate::core::{Boot, Purpose};
use crate::glob::matches;
use crate::limits::{LOADER_NS_MAX, LOADERS_MAX, MODULES_MAX, MODULES_PER_LOADER_MAX};
use crate::machine::{Child, Errno, Kill, Machine, Nanoseconds, Place, Spawn};
use crate::roles;
use crate::stage::Next;
use crate::step::{At, Failed, Step};
use crate::text::{Lines, text};

/// How far a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// No device has asked for it.
    #[default]
    Unwanted,
    /// A device has; it waits for a loader.
    Wanted,
    /// A loader has it.
    Loading,
    /// It is there.
    Settled,
    /// It did not load. The search for the root tries it again.
    Failed,
}

/// A child that loads modules.
#[derive(Debug)]
struct Loader {
    child: Child,
    due: Nanoseconds,
    lines: Lines<96>,
    modules: Vec<u16, MODULES_PER_LOADER_MAX>,
}

/// All modules of the plan, and who loads them.
#[derive(Debug)]
pub(crate) struct Modules {
    states: [State; MODULES_MAX],
    /// The alias that asked for it first, for the record.
    asked_by: [Option<u16>; MODULES_MAX],
    loaders: [Option<Loader>; LOADERS_MAX],
    /// What was present before uevents were heard has been looked at.
    swept: bool,
}

impl Default for Modules {
    fn default() -> Modules {
        Modules {
            states: [State::Unwanted; MODULES_MAX],
            asked_by: [None; MODULES_MAX],
            loaders: [const { None }; LOADERS_MAX],
            swept: false,
        }
    }
}

impl Modules {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        self.loaders.iter().flatten().map(|loader| loader.due).min()
    }

    /// Uevents were lost: what is present has to be looked at again.
    pub(crate) fn forget_sweep(&mut self) {
        self.swept = false;
    }

    fn state(&self, module: usize) -> State {
        self.states.get(module).copied().unwrap_or(State::Settled)
    }

    fn set(&mut self, module: usize, state: State) {
        if let Some(slot) = self.states.get_mut(module) {
            *slot = state;
        }
    }

    /// A device asks for whatever the aliases say that fits it.
    fn want(&mut self, plan: &Plan<'_>, modalias: &str) {
        for (number, alias) in plan.aliases().iter().enumerate() {
            let module = alias.module.get() as usize;
            if self.state(module) == State::Unwanted && matches(plan.text(alias.pattern), modalias)
            {
                self.set(module, State::Wanted);
                if let Some(asked_by) = self.asked_by.get_mut(module) {
                    *asked_by = u16::try_from(number).ok();
                }
            }
        }
    }

    /// What a loader is to load for this module now, dependencies first. `None`: not yet, for another
    /// loader has one of them.
    fn batch(&self, plan: &Plan<'_>, module: usize) -> Option<Vec<u16, MODULES_PER_LOADER_MAX>> {
        let mut batch = Vec::new();
        let entry = plan.modules().get(module)?;
        let dependencies = plan
            .dependencies_of(entry)
            .iter()
            .map(|index| index.get() as usize);
        for index in dependencies.chain([module]) {
            match self.state(index) {
                State::Settled => {}
                State::Loading => return None,
                // What does not fit is still wanted when this batch is done.
                State::Unwanted | State::Wanted | State::Failed => {
                    let _ = batch.push(u16::try_from(index).ok()?);
                }
            }
        }
        Some(batch)
    }
}

/// The stage: asks for what is present and goes on; the loading goes on beside.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let Some(plan) = boot.plan else {
        return Next::from(start(boot, Vec::new(), &[roles::LOAD_ALL_MODULES]));
    };
    for name in plan
        .text(plan.settings().modules_always)
        .split_ascii_whitespace()
    {
        let index = plan
            .modules()
            .iter()
            .position(|module| plan.text(module.name) == name);
        if let Some(index) = index {
            boot.modules.set(index, State::Wanted);
        }
    }
    Next::from(sweep(boot))
}

/// Asks for whatever is present and for what has failed. What has been done well is not done again,
/// so the search for the root begins with it each time.
pub(crate) fn sweep<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    let Some(plan) = boot.plan else { return Ok(()) };
    let modules = &mut boot.modules;
    for state in modules
        .states
        .iter_mut()
        .filter(|state| **state == State::Failed)
    {
        *state = State::Wanted;
    }
    let found = if modules.swept {
        Ok(())
    } else {
        boot.machine
            .modaliases(&|bus| carries(&plan, bus), &mut |modalias| {
                modules.want(&plan, modalias)
            })
    };
    boot.modules.swept = found.is_ok();
    start_wanted(boot, &plan);
    found.at(Step::Coldplug)
}

/// Whether a bus can hold a device that any alias fits: reading all of sysfs costs 2 ms for nothing.
/// An alias begins with the name of its bus (`pci:`, `virtio:`, `mdio:` of mdio_bus); devices that ACPI or a device tree
/// describes (`acpi*:`, `of:`) may stand on the platform bus too.
fn carries(plan: &Plan<'_>, bus: &str) -> bool {
    plan.aliases().iter().any(|alias| {
        let kind = plan
            .text(alias.pattern)
            .split([':', '*'])
            .next()
            .unwrap_or_default();
        bus.starts_with(kind) || (bus == "platform" && matches!(kind, "acpi" | "of"))
    })
}

/// The network needs a module, by its name, for what no device asks for: a VLAN, a bond. One that is not in the image is
/// told by what cannot be made without it.
pub(crate) fn need<M: Machine>(boot: &mut Boot<'_, M>, name: &str) {
    let Some(plan) = boot.plan else { return };
    let index = plan
        .modules()
        .iter()
        .position(|module| plan.text(module.name) == name);
    if let Some(index) = index
        && boot.modules.state(index) == State::Unwanted
    {
        boot.modules.set(index, State::Wanted);
        start_wanted(boot, &plan);
    }
}

/// A device has appeared.
pub(crate) fn appeared<M: Machine>(boot: &mut Boot<'_, M>, modalias: &str) {
    let Some(plan) = boot.plan else { return };
    boot.modules.want(&plan, modalias);
    start_wanted(boot, &plan);
}

/// Starts loaders for what is wanted and free, by rank.
fn start_wanted<M: Machine>(boot: &mut Boot<'_, M>, plan: &Plan<'_>) {
    for module in 0..plan.modules().len() {
        if boot.modules.state(module) != State::Wanted {
            continue;
        }
        if boot.modules.loaders.iter().all(Option::is_some) {
            return;
        }
        let Some(batch) = boot.modules.batch(plan, module) else {
            continue;
        };
        let numbers: Vec<heapless::String<5>, MODULES_PER_LOADER_MAX> = batch
            .iter()
            .map(|index| text(format_args!("{index}")))
            .collect();
        let mut arguments = Vec::<&str, { MODULES_PER_LOADER_MAX + 1 }>::new();
        arguments.extend([roles::LOAD_MODULES]);
        arguments.extend(numbers.iter().map(|number| number.as_str()));
        if let Err(failed) = start(boot, batch, &arguments) {
            note(boot, module, failed.errno.0, 0);
        }
    }
}

/// Starts one loader.
fn start<M: Machine>(
    boot: &mut Boot<'_, M>,
    modules: Vec<u16, MODULES_PER_LOADER_MAX>,
    arguments: &[&str],
) -> Result<(), Failed> {
    let slot = boot
        .modules
        .loaders
        .iter()
        .position(Option::is_none)
        .unwrap_or(0);
    // The image's modules, whatever root PID 1 sees by now.
    let spawn = Spawn {
        place: Place::Rescue,
        ..Spawn::helper(arguments)
    };
    let child = boot.machine.spawn(&spawn).at(Step::SpawnLoader)?.child;
    boot.assign(child, Purpose::Loader(u8::try_from(slot).unwrap_or(0)));
    for &module in &modules {
        boot.modules.set(usize::from(module), State::Loading);
    }
    let due = boot.machine.now().saturating_add(LOADER_NS_MAX);
    if let Some(entry) = boot.modules.loaders.get_mut(slot) {
        *entry = Some(Loader {
            child,
            due,
            lines: Lines::new(),
            modules,
        });
    }
    Ok(())
}

/// A loader says how modules went.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, loader: u8, bytes: &[u8]) {
    let slot = usize::from(loader);
    let Some(mut entry) = boot.modules.loaders.get_mut(slot).and_then(Option::take) else {
        return;
    };
    entry.lines.take(bytes, |line| said(boot, line));
    if let Some(place) = boot.modules.loaders.get_mut(slot) {
        *place = Some(entry);
    }
}

/// `NUMBER ERRNO NANOSECONDS`, or `NAME 0 NANOSECONDS` where there is no plan.
fn said<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    let mut words = line.split(' ');
    let (Some(module), Some(errno), Some(took)) = (words.next(), words.next(), words.next()) else {
        return;
    };
    let errno = errno.parse().unwrap_or(u16::MAX);
    let took_ns = took.parse().unwrap_or(0);
    match module.parse::<usize>() {
        Ok(index) if boot.plan.is_some() => {
            note(boot, index, errno, took_ns);
        }
        _ => boot.record(Record {
            name: module,
            errno,
            took_ns,
            modalias: "",
        }),
    }
}

/// Settles and records how a module went; one that failed degrades the boot. `NODEV` is no failure: so says a
/// faster way for a CPU that this machine does not have (crc32c_intel), beside which a slower one is loaded.
fn note<M: Machine>(boot: &mut Boot<'_, M>, module: usize, errno: u16, took_ns: u64) {
    let failed = errno != 0 && errno != Errno::NODEV.0;
    boot.modules.set(
        module,
        if failed {
            State::Failed
        } else {
            State::Settled
        },
    );
    let Some(plan) = boot.plan else { return };
    let Some(entry) = plan.modules().get(module) else {
        return;
    };
    let alias = boot.modules.asked_by.get(module).copied().flatten();
    let modalias = alias
        .and_then(|alias| plan.aliases().get(usize::from(alias)))
        .map_or("", |alias| plan.text(alias.pattern));
    let name = plan.text(entry.name);
    boot.record(Record {
        name,
        errno,
        took_ns,
        modalias,
    });
    if failed {
        boot.verdict
            .degrade(format_args!("module {name}: errno {errno}"));
        boot.alarm(format_args!("module {name} did not load: errno {errno}"));
    }
}

/// A loader has ended: what it did not speak of has failed.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, loader: u8) {
    let entry = boot
        .modules
        .loaders
        .get_mut(usize::from(loader))
        .and_then(Option::take);
    settle(boot, entry, 5);
}

fn settle<M: Machine>(boot: &mut Boot<'_, M>, loader: Option<Loader>, errno: u16) {
    for module in loader.iter().flat_map(|loader| &loader.modules) {
        let module = usize::from(*module);
        if boot.modules.state(module) == State::Loading {
            note(boot, module, errno, 0);
        }
    }
    if let Some(plan) = boot.plan {
        start_wanted(boot, &plan);
    }
}

/// A loader that takes too long is left behind: a driver that hangs in the kernel cannot be killed.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    for slot in 0..LOADERS_MAX {
        let entry = boot.modules.loaders.get_mut(slot);
        let Some(loader) = entry.and_then(|l| l.take_if(|loader| loader.due <= now)) else {
            continue;
        };
        let _ = boot.machine.kill(loader.child, Kill::Kill);
        boot.assign(loader.child, Purpose::Nobody);
        settle(boot, Some(loader), Errno::TIMEDOUT.0);
    }
}
