//! A runlevel of a plan, read back from its bytes, and what holds for every one of them.
#![allow(dead_code)] // Each test binary uses its own part of this.

use std::collections::{BTreeMap, BTreeSet};

use preroot_plan::{Plan, Runlevel, ScriptMode};

/// A runlevel as it was read back.
pub(crate) struct Order {
    pub(crate) levels: BTreeMap<String, u16>,
    pub(crate) edges: BTreeSet<(String, String)>,
    pub(crate) alone: BTreeSet<String>,
}

impl Order {
    pub(crate) fn of(plan: &Plan<'_>, runlevel: &Runlevel) -> Order {
        let name = |index: usize| plan.text(plan.scripts()[index].name).to_string();
        let mut order = Order {
            levels: BTreeMap::new(),
            edges: BTreeSet::new(),
            alone: BTreeSet::new(),
        };
        for script in plan.scripts_of(runlevel) {
            let own = plan.text(script.name).to_string();
            order.levels.insert(own.clone(), script.level.get());
            for edge in plan.edges_of(script) {
                let awaited = usize::try_from(edge.awaited.get()).expect("an index");
                order.edges.insert((own.clone(), name(awaited)));
            }
            if script.mode() == ScriptMode::Interactive {
                order.alone.insert(own);
            }
        }
        order
    }

    /// Every edge leads to a lower level of the same runlevel, no level is empty, and nobody shares
    /// one with an interactive script.
    pub(crate) fn stands_by_itself(&self) -> Result<(), String> {
        for (waiter, awaited) in &self.edges {
            match (self.levels.get(waiter), self.levels.get(awaited)) {
                (Some(high), Some(low)) if high > low => {}
                levels => return Err(format!("{waiter} waits for {awaited}: {levels:?}")),
            }
        }
        let levels: BTreeSet<u16> = self.levels.values().copied().collect();
        let top = self.levels.values().copied().max().unwrap_or(0);
        if !levels.into_iter().eq(1..=top) {
            return Err(format!("a level is empty: {:?}", self.levels));
        }
        for alone in &self.alone {
            let others = self
                .levels
                .values()
                .filter(|level| **level == self.levels[alone]);
            if others.count() > 1 {
                return Err(format!("{alone} is not alone: {:?}", self.levels));
            }
        }
        Ok(())
    }
}
