//! A runlevel of one of two plans, its scripts by their names.

use std::collections::BTreeMap;

use preroot_plan::{Plan, ScriptMode};

use crate::view::{Closure, View};

/// A runlevel of a plan that may not have it.
pub(super) struct Side<'a> {
    /// The plan.
    pub(super) plan: Plan<'a>,
    view: Option<View<'a>>,
    closure: Option<Closure>,
    scripts: BTreeMap<&'a str, usize>,
    /// By script: what it waits for, and why.
    waits: Vec<BTreeMap<&'a str, &'a str>>,
}

impl<'a> Side<'a> {
    /// A runlevel of a plan.
    pub(super) fn new(plan: &Plan<'a>, name: u8) -> Side<'a> {
        let view = plan
            .runlevel(name)
            .map(|runlevel| View::new(plan, runlevel));
        let mut side = Side {
            plan: *plan,
            view,
            closure: view.as_ref().map(Closure::of),
            scripts: BTreeMap::new(),
            waits: Vec::new(),
        };
        for index in 0..view.map_or(0, |view| view.count()) {
            let Some(view) = view else { continue };
            side.scripts.insert(view.script_name(index), index);
            let waits = view.waits(index);
            let named = waits.map(|wait| (view.script_name(wait.awaited), wait.reason));
            side.waits.push(named.collect());
        }
        side
    }

    /// The runlevel, if the plan has it.
    pub(super) fn view(&self) -> Option<&View<'a>> {
        self.view.as_ref()
    }

    /// The scripts, by name.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.scripts.keys().copied()
    }

    /// How many levels there are.
    pub(super) fn level_count(&self) -> usize {
        self.view.map_or(0, |view| view.level_count())
    }

    /// A script's number.
    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.scripts.get(name).copied()
    }

    /// A script's level.
    pub(super) fn level(&self, name: &str) -> Option<usize> {
        Some(self.view?.level(self.index(name)?))
    }

    /// What a script waits for, and why.
    pub(super) fn waits(&self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        let waits = self.index(name).and_then(|index| self.waits.get(index));
        let waits = waits.into_iter().flatten();
        waits.map(|(awaited, reason)| (*awaited, *reason))
    }

    /// Why a script waits for another, where an edge says so.
    pub(super) fn reason(&self, waiter: &str, awaited: &str) -> Option<&'a str> {
        self.waits.get(self.index(waiter)?)?.get(awaited).copied()
    }

    /// Whether a script waits for another, over any chain.
    pub(super) fn follows(&self, waiter: &str, awaited: &str) -> bool {
        match (&self.closure, self.index(waiter), self.index(awaited)) {
            (Some(closure), Some(waiter), Some(awaited)) => closure.waits(waiter, awaited),
            _ => false,
        }
    }

    /// Whether a script runs alone.
    pub(super) fn is_alone(&self, name: &str) -> bool {
        match (self.view, self.index(name)) {
            (Some(view), Some(index)) => view.script(index).mode() == ScriptMode::Interactive,
            _ => false,
        }
    }

    /// The scripts of a level.
    pub(super) fn on_level(&self, level: usize) -> impl Iterator<Item = &'a str> + '_ {
        let is_there = move |name: &&str| self.level(name) == Some(level);
        self.names().filter(is_there)
    }

    /// What is enabled and not started, and why.
    pub(super) fn dropped(&self) -> BTreeMap<&'a str, &'a str> {
        self.view.iter().flat_map(View::dropped).collect()
    }
}
