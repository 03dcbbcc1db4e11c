//! The one check of a plan: after it, nothing in a plan can fail for its form.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::check_fleet;
use crate::check_hardware;
use crate::choices::{
    Argument, Changes, CheckMode, Finish, HandedOver, Holders, LetGo, Limits, MountMode, Policy,
    Repair, RescueEnd, RescueStart, ScriptMode, ServiceAction, Weight,
};
use crate::limits::{
    ADDRESSES_MAX, ALIASES_MAX, ASSEMBLIES_MAX, EDGES_MAX, EXPECTED_MAX, HOSTS_MAX, INTERFACES_MAX,
    LINK_MAX, MACHINE_KEYS_MAX, MACHINES_MAX, MACS_MAX, MATCHES_MAX, MODULES_MAX, PLAN_BYTES_MAX,
    SCRIPTS_MAX, SCRIPTS_PER_RUNLEVEL_MAX, SECTIONS_MAX, SERVICES_MAX, TEXT_BYTES_MAX, WORDS_MAX,
};
use crate::root_spec::RootSpec;
use crate::store::Store;
use crate::tables::{Alias, Dropped, Edge, Module, Runlevel, Settings, Text};
use crate::view::Plan;

pub(crate) const MAGIC: [u8; 8] = *b"preroot\0";
pub(crate) const VERSION: u16 = 5;
/// The checksum covers what stands from here on.
pub(crate) const CHECKED_FROM: usize = 20;
pub(crate) const HEADER_BYTES: usize = 24;

/// The sections by their numbers.
pub(crate) mod kind {
    pub(crate) const STRINGS: u16 = 1;
    pub(crate) const SETTINGS: u16 = 2;
    pub(crate) const HOSTS: u16 = 3;
    pub(crate) const ADDRESSES4: u16 = 4;
    pub(crate) const MODULES: u16 = 5;
    pub(crate) const DEPENDENCIES: u16 = 6;
    pub(crate) const ALIASES: u16 = 7;
    pub(crate) const RUNLEVELS: u16 = 8;
    pub(crate) const SCRIPTS: u16 = 9;
    pub(crate) const EDGES: u16 = 10;
    pub(crate) const SERVICES: u16 = 11;
    pub(crate) const DROPPED: u16 = 12;
    pub(crate) const EXPECTED: u16 = 13;
    pub(crate) const ASSEMBLIES: u16 = 14;
    pub(crate) const MACS: u16 = 15;
    pub(crate) const MATCHES: u16 = 16;
    pub(crate) const INTERFACES: u16 = 17;
    pub(crate) const ADDRESSES6: u16 = 18;
    pub(crate) const MACHINES: u16 = 19;
    pub(crate) const MACHINE_KEYS: u16 = 20;
}

/// The front of a plan.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: [u8; 8],
    pub(crate) version: U16,
    pub(crate) zero: U16,
    pub(crate) length: U32,
    pub(crate) crc32: U32,
    pub(crate) sections: U32,
}

/// A line of the section table.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(crate) struct Section {
    pub(crate) kind: U16,
    pub(crate) entry_bytes: U16,
    pub(crate) offset: U32,
    pub(crate) count: U32,
}

/// Why bytes are not a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanError {
    /// Shorter than it says, or than a plan can be.
    Short,
    /// Not a plan at all.
    Magic,
    /// A plan of another version of preroot.
    Version,
    /// Longer than it says, or than a plan may be.
    Length,
    /// Damaged.
    Checksum,
    /// A section is missing, twice there, beyond the end or too large; its number.
    Section(u16),
    /// A text is beyond the strings, too long, or not whole characters.
    Text,
    /// An index points beyond its table; the section it stands in.
    Index(u16),
    /// A number stands for nothing; the section it stands in.
    Choice(u16),
    /// A table is not in its order; its section.
    Order(u16),
    /// The place of the root cannot be read.
    RootSpec,
    /// The place of the record cannot be read.
    Store,
    /// The watchdog is no device, or has no time.
    Watchdog,
}

impl PlanError {
    /// In words, for a console.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            PlanError::Short => "plan is cut short",
            PlanError::Magic => "not a plan",
            PlanError::Version => "plan of another version",
            PlanError::Length => "plan has a wrong length",
            PlanError::Checksum => "plan is damaged (checksum)",
            PlanError::Section(_) => "plan has a bad section",
            PlanError::Text => "plan has a bad text",
            PlanError::Index(_) => "plan has an index out of range",
            PlanError::Choice(_) => "plan has an unknown choice",
            PlanError::Order(_) => "plan has a table out of order",
            PlanError::RootSpec => "plan names no readable root",
            PlanError::Store => "plan names no readable place for the record",
            PlanError::Watchdog => "plan names no watchdog's device or time",
        }
    }
}

impl core::fmt::Display for PlanError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.words())?;
        match self {
            PlanError::Section(kind)
            | PlanError::Index(kind)
            | PlanError::Choice(kind)
            | PlanError::Order(kind) => write!(f, " (section {kind})"),
            _ => Ok(()),
        }
    }
}

impl core::error::Error for PlanError {}

impl<'a> Plan<'a> {
    /// Checks everything there is to check about `bytes` and hands out the plan in them.
    pub fn check(bytes: &'a [u8]) -> Result<Plan<'a>, PlanError> {
        let sections = frame(bytes)?;
        let plan = tables(bytes, sections)?;
        check_texts(&plan)?;
        check_settings(&plan)?;
        check_fleet::check(&plan)?;
        check_hardware::check(&plan)?;
        check_machine(&plan)?;
        check_assemblies(&plan)?;
        check_order(&plan)?;
        Ok(plan)
    }
}

/// Magic, version, length and checksum; returns the section table.
fn frame(bytes: &[u8]) -> Result<&[Section], PlanError> {
    let (header, rest) = Header::ref_from_prefix(bytes).map_err(|_| PlanError::Short)?;
    if header.magic != MAGIC {
        return Err(PlanError::Magic);
    }
    if header.version.get() != VERSION || header.zero.get() != 0 {
        return Err(PlanError::Version);
    }
    let length = header.length.get() as usize;
    if length > bytes.len() {
        return Err(PlanError::Short);
    }
    if length != bytes.len() || length > PLAN_BYTES_MAX {
        return Err(PlanError::Length);
    }
    let checked = bytes.get(CHECKED_FROM..).ok_or(PlanError::Short)?;
    if preroot_crc::crc32(checked) != header.crc32.get() {
        return Err(PlanError::Checksum);
    }
    let count = header.sections.get() as usize;
    if count > SECTIONS_MAX {
        return Err(PlanError::Length);
    }
    <[Section]>::ref_from_prefix_with_elems(rest, count)
        .map(|(sections, _)| sections)
        .map_err(|_| PlanError::Short)
}

/// The one section of a kind as a table.
fn table<'a, T: FromBytes + Immutable + KnownLayout + Unaligned>(
    bytes: &'a [u8],
    sections: &[Section],
    kind: u16,
    count_max: usize,
) -> Result<&'a [T], PlanError> {
    let bad = PlanError::Section(kind);
    let mut found = sections.iter().filter(|section| section.kind.get() == kind);
    let (Some(section), None) = (found.next(), found.next()) else {
        return Err(bad);
    };
    let count = section.count.get() as usize;
    if usize::from(section.entry_bytes.get()) != size_of::<T>() || count > count_max {
        return Err(bad);
    }
    let start = section.offset.get() as usize;
    let rest = bytes.get(start..).ok_or(bad)?;
    <[T]>::ref_from_prefix_with_elems(rest, count)
        .map(|(table, _)| table)
        .map_err(|_| bad)
}

fn tables<'a>(bytes: &'a [u8], sections: &[Section]) -> Result<Plan<'a>, PlanError> {
    let strings: &[u8] = table(bytes, sections, kind::STRINGS, PLAN_BYTES_MAX)?;
    if strings.contains(&0) {
        return Err(PlanError::Text);
    }
    let settings: &[Settings] = table(bytes, sections, kind::SETTINGS, 1)?;
    Ok(Plan {
        strings: core::str::from_utf8(strings).map_err(|_| PlanError::Text)?,
        settings: settings.first().ok_or(PlanError::Section(kind::SETTINGS))?,
        hosts: table(bytes, sections, kind::HOSTS, HOSTS_MAX)?,
        macs: table(bytes, sections, kind::MACS, MACS_MAX)?,
        matches: table(bytes, sections, kind::MATCHES, MATCHES_MAX)?,
        interfaces: table(bytes, sections, kind::INTERFACES, INTERFACES_MAX)?,
        addresses4: table(bytes, sections, kind::ADDRESSES4, ADDRESSES_MAX)?,
        addresses6: table(bytes, sections, kind::ADDRESSES6, ADDRESSES_MAX)?,
        modules: table(bytes, sections, kind::MODULES, MODULES_MAX)?,
        dependencies: table(
            bytes,
            sections,
            kind::DEPENDENCIES,
            MODULES_MAX * MODULES_MAX,
        )?,
        aliases: table(bytes, sections, kind::ALIASES, ALIASES_MAX)?,
        runlevels: table(bytes, sections, kind::RUNLEVELS, 16)?,
        scripts: table(bytes, sections, kind::SCRIPTS, SCRIPTS_MAX)?,
        edges: table(bytes, sections, kind::EDGES, EDGES_MAX)?,
        services: table(bytes, sections, kind::SERVICES, SERVICES_MAX)?,
        dropped: table(bytes, sections, kind::DROPPED, SCRIPTS_MAX)?,
        expected: table(bytes, sections, kind::EXPECTED, EXPECTED_MAX)?,
        machines: table(bytes, sections, kind::MACHINES, MACHINES_MAX)?,
        machine_keys: table(bytes, sections, kind::MACHINE_KEYS, MACHINE_KEYS_MAX)?,
        assemblies: table(bytes, sections, kind::ASSEMBLIES, ASSEMBLIES_MAX)?,
    })
}

fn check_texts(plan: &Plan<'_>) -> Result<(), PlanError> {
    let settings = plan.settings;
    let mut good = [
        settings.name,
        settings.root,
        settings.root_type,
        settings.root_flags,
        settings.store,
        settings.kernel,
        settings.modules_always,
        settings.healthy,
        settings.syslog,
        settings.watchdog,
    ]
    .iter()
    .all(|&text| is_text(plan, text));
    good &= check_fleet::has_texts(plan);
    good &= plan.modules.iter().all(|module| {
        is_text(plan, module.name) && is_text(plan, module.path) && is_text(plan, module.options)
    });
    good &= plan
        .aliases
        .iter()
        .all(|alias| is_text(plan, alias.pattern));
    good &= plan.scripts.iter().all(|script| is_text(plan, script.name));
    good &= plan.edges.iter().all(|edge| is_text(plan, edge.reason));
    good &= plan.services.iter().all(|service| {
        is_text(plan, service.id)
            && is_text(plan, service.runlevels)
            && is_text(plan, service.process)
    });
    good &= plan
        .dropped
        .iter()
        .all(|dropped| is_text(plan, dropped.name) && is_text(plan, dropped.reason));
    good &= check_hardware::has_texts(plan);
    good &= plan.assemblies.iter().all(|step| {
        [
            step.name,
            step.kind,
            step.device,
            step.run,
            step.late,
            step.undo,
        ]
        .iter()
        .all(|&text| is_text(plan, text))
    });
    if good { Ok(()) } else { Err(PlanError::Text) }
}

/// Whether a text lies in the strings, is short enough and is whole characters.
pub(crate) fn is_text(plan: &Plan<'_>, text: Text) -> bool {
    let start = text.offset.get() as usize;
    let length = usize::from(text.length);
    length <= TEXT_BYTES_MAX
        && start
            .checked_add(length)
            .and_then(|end| plan.strings.get(start..end))
            .is_some()
}

fn check_settings(plan: &Plan<'_>) -> Result<(), PlanError> {
    let settings = plan.settings;
    let known = Policy::from_number(settings.policy).is_some()
        && Repair::from_number(settings.repair).is_some()
        && Holders::from_number(settings.holders).is_some()
        && CheckMode::from_number(settings.check_mode).is_some()
        && MountMode::from_number(settings.mount_mode).is_some()
        && Finish::from_number(settings.finish).is_some()
        && Limits::from_number(settings.limits).is_some()
        && RescueStart::from_number(settings.rescue_start).is_some()
        && RescueEnd::from_number(settings.rescue_end).is_some()
        && HandedOver::from_number(settings.addresses).is_some()
        && LetGo::from_number(settings.watchdog_let_go).is_some()
        && Changes::from_number(settings.changes).is_some()
        && matches!(settings.runlevel, b'1'..=b'5');
    if !known {
        return Err(PlanError::Choice(kind::SETTINGS));
    }
    RootSpec::parse(plan.text(settings.root)).ok_or(PlanError::RootSpec)?;
    Store::parse(plan.text(settings.store)).ok_or(PlanError::Store)?;
    let watchdog = plan.text(settings.watchdog);
    let is_one = watchdog.is_empty() || is_watchdog(watchdog) && settings.watchdog_s.get() > 0;
    if is_one {
        Ok(())
    } else {
        Err(PlanError::Watchdog)
    }
}

/// Whether this is a device of /dev: its name is one that uevents tell, and it comes without blanks.
#[must_use]
pub fn is_watchdog(device: &str) -> bool {
    let name = device.strip_prefix("/dev/").unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(is_plain)
}

/// Whether `count` entries from `first` lie in a table of `length`.
fn fits(first: U32, count: u32, length: usize) -> bool {
    u64::from(first.get()) + u64::from(count) <= length as u64
}

fn check_machine(plan: &Plan<'_>) -> Result<(), PlanError> {
    for module in plan.modules {
        if !fits(
            module.first_dependency,
            module.dependency_count.get(),
            plan.dependencies.len(),
        ) {
            return Err(PlanError::Index(kind::MODULES));
        }
    }
    if plan
        .dependencies
        .iter()
        .any(|module| module.get() as usize >= plan.modules.len())
    {
        return Err(PlanError::Index(kind::DEPENDENCIES));
    }
    if plan
        .aliases
        .iter()
        .any(|alias| alias.module.get() as usize >= plan.modules.len())
    {
        return Err(PlanError::Index(kind::ALIASES));
    }
    if plan
        .services
        .iter()
        .any(|service| ServiceAction::from_number(service.action).is_none())
    {
        return Err(PlanError::Choice(kind::SERVICES));
    }
    Ok(())
}

/// Each step has a program and a deadline, each program a path and not too many words.
fn check_assemblies(plan: &Plan<'_>) -> Result<(), PlanError> {
    let is_program = |text: &str| {
        let words = text.bytes().filter(|byte| *byte == b'\t').count() + 1;
        text.starts_with('/') && words <= WORDS_MAX
    };
    for step in plan.assemblies {
        let mut optional = [step.late, step.undo]
            .into_iter()
            .map(|text| plan.text(text));
        let device = plan.text(step.device);
        let is_good = is_program(plan.text(step.run))
            && optional.all(|text| text.is_empty() || is_program(text))
            && step.deadline_ms.get() > 0
            && (device.is_empty() || RootSpec::parse(device).is_some());
        if !is_good {
            return Err(PlanError::Choice(kind::ASSEMBLIES));
        }
    }
    Ok(())
}

/// Runlevels follow each other without gap; in each, levels rise from 1 by at most 1, and a script
/// awaits only scripts of its own runlevel that stand on a lower level.
fn check_order(plan: &Plan<'_>) -> Result<(), PlanError> {
    let mut next_script = 0;
    for runlevel in plan.runlevels {
        let count = runlevel.script_count.get();
        if runlevel.first_script.get() != next_script
            || count as usize > SCRIPTS_PER_RUNLEVEL_MAX
            || !fits(runlevel.first_script, count, plan.scripts.len())
        {
            return Err(PlanError::Index(kind::RUNLEVELS));
        }
        if Argument::from_number(runlevel.argument).is_none()
            || !matches!(runlevel.name, b'S' | b'0'..=b'6')
        {
            return Err(PlanError::Choice(kind::RUNLEVELS));
        }
        check_scripts(plan, runlevel)?;
        next_script += count;
    }
    let names_repeat = plan.runlevels.iter().enumerate().any(|(index, runlevel)| {
        plan.runlevels
            .iter()
            .take(index)
            .any(|earlier| earlier.name == runlevel.name)
    });
    if next_script as usize != plan.scripts.len() || names_repeat {
        return Err(PlanError::Index(kind::RUNLEVELS));
    }
    Ok(())
}

fn check_scripts(plan: &Plan<'_>, runlevel: &Runlevel) -> Result<(), PlanError> {
    let scripts = plan.scripts_of(runlevel);
    let mut level = 0;
    for script in scripts {
        let own = script.level.get();
        if own < level || own > level + 1 || own == 0 {
            return Err(PlanError::Order(kind::SCRIPTS));
        }
        level = own;
        if ScriptMode::from_number(script.mode).is_none()
            || Weight::from_number(script.weight).is_none()
            || script.link > LINK_MAX
            || script.reserved != 0
        {
            return Err(PlanError::Choice(kind::SCRIPTS));
        }
        if !fits(script.first_edge, script.edge_count.get(), plan.edges.len()) {
            return Err(PlanError::Index(kind::SCRIPTS));
        }
        let first = runlevel.first_script.get();
        let awaits_earlier = |edge: &Edge| {
            edge.awaited
                .get()
                .checked_sub(first)
                .and_then(|index| scripts.get(index as usize))
                .is_some_and(|awaited| awaited.level.get() < own)
        };
        if !plan.edges_of(script).iter().all(awaits_earlier) {
            return Err(PlanError::Order(kind::EDGES));
        }
    }
    if level != runlevel.level_count.get() {
        return Err(PlanError::Order(kind::RUNLEVELS));
    }
    Ok(())
}

const _: () = assert!(size_of::<Header>() == HEADER_BYTES);
const _: () = assert!(size_of::<Dropped>() == 11 && size_of::<Module>() == 23);
const _: () = assert!(size_of::<Alias>() == 9);
