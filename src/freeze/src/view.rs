//! One runlevel of a plan as a graph: its scripts by their numbers in it, what each waits for, and
//! what of that follows from the rest.
//!
//! Invariant: a script waits only for scripts with a lower number, as [`Plan::check`] has seen.

use preroot_plan::{Plan, Runlevel, Script};

/// A script that another waits for, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait<'a> {
    /// The script that is awaited.
    pub(crate) awaited: usize,
    /// Why: `Required-Start $syslog -> rsyslog (ssh:4)`.
    pub(crate) reason: &'a str,
}

/// A runlevel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    plan: Plan<'a>,
    runlevel: &'a Runlevel,
    scripts: &'a [Script],
}

impl<'a> View<'a> {
    /// A runlevel of a plan.
    pub(crate) fn new(plan: &Plan<'a>, runlevel: &'a Runlevel) -> View<'a> {
        View {
            plan: *plan,
            runlevel,
            scripts: plan.scripts_of(runlevel),
        }
    }

    /// The runlevel itself.
    pub(crate) fn runlevel(&self) -> &'a Runlevel {
        self.runlevel
    }

    /// Its name.
    pub(crate) fn name(&self) -> char {
        char::from(self.runlevel.name)
    }

    /// How many scripts it has.
    pub(crate) fn count(&self) -> usize {
        self.scripts.len()
    }

    /// How many levels they form.
    pub(crate) fn level_count(&self) -> usize {
        usize::from(self.runlevel.level_count.get())
    }

    /// A script.
    pub(crate) fn script(&self, index: usize) -> &'a Script {
        &self.scripts[index]
    }

    /// Its name.
    pub(crate) fn script_name(&self, index: usize) -> &'a str {
        self.plan.text(self.scripts[index].name)
    }

    /// Its level, from 1.
    pub(crate) fn level(&self, index: usize) -> usize {
        usize::from(self.scripts[index].level.get())
    }

    /// The deadline of a script that has one of its own, ms.
    pub(crate) fn own_deadline_ms(&self, index: usize) -> Option<u32> {
        let own = self.scripts[index].deadline_ms;
        (own != self.plan.settings().script_deadline_ms).then_some(own.get())
    }

    /// What a script waits for, by number.
    pub(crate) fn waits(&self, index: usize) -> impl Iterator<Item = Wait<'a>> + use<'a> {
        let first = self.runlevel.first_script.get() as usize;
        let plan = self.plan;
        let edges = plan.edges_of(&self.scripts[index]);
        edges.iter().map(move |edge| Wait {
            awaited: (edge.awaited.get() as usize).saturating_sub(first),
            reason: plan.text(edge.reason),
        })
    }

    /// The scripts of each level.
    pub(crate) fn levels(&self) -> Vec<Vec<usize>> {
        let mut levels = vec![Vec::new(); self.level_count()];
        for index in 0..self.count() {
            levels[self.level(index) - 1].push(index);
        }
        levels
    }

    /// What is enabled in this runlevel and not started, with the reason.
    pub(crate) fn dropped(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (plan, name) = (self.plan, self.runlevel.name);
        let here = plan
            .dropped()
            .iter()
            .filter(move |dropped| dropped.runlevel == name);
        here.map(move |dropped| (plan.text(dropped.name), plan.text(dropped.reason)))
    }

    /// The longest chain of scripts that wait for each other, first script first. Of several, the one
    /// whose scripts stand first.
    pub(crate) fn longest_chain(&self) -> Vec<usize> {
        let mut lengths = vec![1_usize; self.count()];
        let mut before = vec![None; self.count()];
        for index in 0..self.count() {
            for wait in self.waits(index) {
                if lengths[wait.awaited] + 1 > lengths[index] {
                    lengths[index] = lengths[wait.awaited] + 1;
                    before[index] = Some(wait.awaited);
                }
            }
        }
        let longest = lengths.iter().max().copied().unwrap_or(0);
        let mut chain = Vec::new();
        let mut next = lengths.iter().position(|length| *length == longest);
        while let Some(index) = next {
            chain.push(index);
            next = before[index];
        }
        chain.reverse();
        chain
    }
}

/// What follows from what: each script with everything that it waits for, over any chain.
#[derive(Debug)]
pub(crate) struct Closure {
    sets: Vec<Vec<u64>>,
}

impl Closure {
    /// Of a runlevel.
    pub(crate) fn of(view: &View<'_>) -> Closure {
        let words = view.count().div_ceil(64);
        let mut sets: Vec<Vec<u64>> = Vec::with_capacity(view.count());
        for index in 0..view.count() {
            let mut set = vec![0; words];
            for wait in view.waits(index) {
                set[wait.awaited / 64] |= 1 << (wait.awaited % 64);
                for (word, other) in set.iter_mut().zip(&sets[wait.awaited]) {
                    *word |= other;
                }
            }
            sets.push(set);
        }
        Closure { sets }
    }

    /// Whether a script waits for another, over any chain.
    pub(crate) fn waits(&self, waiter: usize, awaited: usize) -> bool {
        self.sets[waiter][awaited / 64] >> (awaited % 64) & 1 == 1
    }

    /// How many scripts a script waits for, over any chain.
    pub(crate) fn count(&self, waiter: usize) -> usize {
        let ones = |word: &u64| word.count_ones() as usize;
        self.sets[waiter].iter().map(ones).sum()
    }

    /// What a script waits for and would not by way of anything else it waits for.
    pub(crate) fn direct<'a>(&self, view: &View<'a>, waiter: usize) -> Vec<Wait<'a>> {
        let waits: Vec<Wait<'a>> = view.waits(waiter).collect();
        let follows = |wait: &Wait<'_>| {
            waits
                .iter()
                .any(|other| self.waits(other.awaited, wait.awaited))
        };
        waits
            .iter()
            .copied()
            .filter(|wait| !follows(wait))
            .collect()
    }
}
