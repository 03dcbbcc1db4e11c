//! A checked plan, walked where it lies.
//!
//! Invariant: every index and range in the tables is good, for [`Plan::check`] has seen it. Accessors
//! still never panic: what cannot happen yields an empty text or slice.

use zerocopy::little_endian::U32;

use crate::fleet::{Address4, Address6, Host, Interface, Mac, Match};
use crate::hardware::{Expected, Expecting, KnownBy};
use crate::tables::{
    Alias, Assembly, Dropped, Edge, Module, Runlevel, Script, Service, Settings, Text,
};

/// A plan whose every byte has been checked.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    pub(crate) strings: &'a str,
    pub(crate) settings: &'a Settings,
    pub(crate) hosts: &'a [Host],
    pub(crate) macs: &'a [Mac],
    pub(crate) matches: &'a [Match],
    pub(crate) interfaces: &'a [Interface],
    pub(crate) addresses4: &'a [Address4],
    pub(crate) addresses6: &'a [Address6],
    pub(crate) modules: &'a [Module],
    pub(crate) dependencies: &'a [U32],
    pub(crate) aliases: &'a [Alias],
    pub(crate) runlevels: &'a [Runlevel],
    pub(crate) scripts: &'a [Script],
    pub(crate) edges: &'a [Edge],
    pub(crate) services: &'a [Service],
    pub(crate) dropped: &'a [Dropped],
    pub(crate) expected: &'a [Expected],
    pub(crate) machines: &'a [Expecting],
    pub(crate) machine_keys: &'a [KnownBy],
    pub(crate) assemblies: &'a [Assembly],
}

/// `count` entries from `first`.
pub(crate) fn range<T>(table: &[T], first: U32, count: u32) -> &[T] {
    let first = first.get() as usize;
    first
        .checked_add(count as usize)
        .and_then(|end| table.get(first..end))
        .unwrap_or_default()
}

impl<'a> Plan<'a> {
    /// The text at a place.
    #[must_use]
    pub fn text(&self, text: Text) -> &'a str {
        let start = text.offset.get() as usize;
        let end = start.saturating_add(usize::from(text.length));
        self.strings.get(start..end).unwrap_or_default()
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// All kernel modules, by rank.
    #[must_use]
    pub fn modules(&self) -> &'a [Module] {
        self.modules
    }

    /// What must be loaded before a module, as numbers into [`Plan::modules`], in the order to load.
    #[must_use]
    pub fn dependencies_of(&self, module: &Module) -> &'a [U32] {
        range(
            self.dependencies,
            module.first_dependency,
            module.dependency_count.get(),
        )
    }

    /// All aliases.
    #[must_use]
    pub fn aliases(&self) -> &'a [Alias] {
        self.aliases
    }

    /// All runlevels that have scripts.
    #[must_use]
    pub fn runlevels(&self) -> &'a [Runlevel] {
        self.runlevels
    }

    /// The runlevel of this name (`b'S'`, `b'2'`).
    #[must_use]
    pub fn runlevel(&self, name: u8) -> Option<&'a Runlevel> {
        self.runlevels.iter().find(|runlevel| runlevel.name == name)
    }

    /// All scripts, in the order of runlevels, levels and names.
    #[must_use]
    pub fn scripts(&self) -> &'a [Script] {
        self.scripts
    }

    /// The scripts of a runlevel; the first has the number `runlevel.first_script`.
    #[must_use]
    pub fn scripts_of(&self, runlevel: &Runlevel) -> &'a [Script] {
        range(
            self.scripts,
            runlevel.first_script,
            runlevel.script_count.get(),
        )
    }

    /// What a script waits for.
    #[must_use]
    pub fn edges_of(&self, script: &Script) -> &'a [Edge] {
        range(self.edges, script.first_edge, script.edge_count.get())
    }

    /// What inittab wants served.
    #[must_use]
    pub fn services(&self) -> &'a [Service] {
        self.services
    }

    /// What is enabled in the tree and not in the order.
    #[must_use]
    pub fn dropped(&self) -> &'a [Dropped] {
        self.dropped
    }

    /// What assembles what the root lies on, from the disks up.
    #[must_use]
    pub fn assemblies(&self) -> &'a [Assembly] {
        self.assemblies
    }
}
