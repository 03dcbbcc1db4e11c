//! What a random tree must come to, from what it was made of and not from its headers.
//!
//! Written for being obviously right, in the words of the LSB: no graph, no parser, nothing of ours.
#![allow(dead_code)] // Each test binary uses its own part of this.

use std::collections::{BTreeMap, BTreeSet};

use crate::naive;
use crate::random::{BOOT, Spec, Target};

/// (waiter, awaited), by number.
pub(crate) type Edges = BTreeSet<(usize, usize)>;

/// A tree's answer.
#[derive(Debug)]
pub(crate) struct Model {
    /// Where each script is started.
    pub(crate) start: Vec<u8>,
    /// Where each script is stopped.
    pub(crate) stop: Vec<u8>,
    /// Who waits for whom when starting.
    pub(crate) start_edges: Edges,
    /// Who waits for whom when stopping.
    pub(crate) stop_edges: Edges,
    /// Which scripts run alone.
    pub(crate) alone: Vec<bool>,
    /// Why the tree is refused; nothing: it is not.
    pub(crate) refused: Vec<String>,
}

/// A service that a word asks for.
struct Asked {
    script: Option<usize>,
    must: bool,
}

impl Model {
    pub(crate) fn of(spec: &Spec) -> Model {
        let count = spec.scripts.len();
        let enabled: Vec<(u8, u8)> = (0..count).map(|script| spec.enabled(script)).collect();
        let named = |script: usize| spec.interactive.contains(&script);
        let mut model = Model {
            start: enabled.iter().map(|(start, _)| *start).collect(),
            stop: enabled.iter().map(|(_, stop)| *stop).collect(),
            start_edges: Edges::new(),
            stop_edges: Edges::new(),
            alone: (0..count)
                .map(|script| spec.is_interactive(script))
                .collect(),
            refused: Vec::new(),
        };
        let providers = model.providers(spec);
        for (name, script) in &providers {
            // `<interactive>` names services, whoever provides them.
            let is_named = (0..count).any(|other| named(other) && *name == format!("s{other}"));
            model.alone[*script] |= is_named;
        }
        if has_ring(spec) {
            model.refused.push("facilities stand for each other".into());
            return model;
        }
        for script in 0..count {
            model.ask(spec, &providers, script);
        }
        model.add_all(spec);
        for (what, edges) in [("start", &model.start_edges), ("stop", &model.stop_edges)] {
            if has_loop(count, edges) {
                model.refused.push(format!("loop in the {what} order"));
            }
        }
        model
    }

    fn is_enabled(&self, script: usize) -> bool {
        self.start[script] | self.stop[script] != 0
    }

    /// Who provides which service: who is enabled, else the first by file name.
    fn providers(&mut self, spec: &Spec) -> BTreeMap<String, usize> {
        let mut by_file: Vec<usize> = (0..spec.scripts.len()).collect();
        by_file.sort_by_key(|script| spec.file(*script));
        let mut providers = BTreeMap::new();
        for is_enabled in [true, false] {
            let enabled = |script: &usize| self.is_enabled(*script) == is_enabled;
            let scripts: Vec<usize> = by_file.iter().copied().filter(enabled).collect();
            for script in scripts {
                for name in spec.provides(script) {
                    let first = *providers.entry(name.clone()).or_insert(script);
                    if first != script && is_enabled {
                        self.refused.push(format!("{name} is provided twice"));
                    }
                }
            }
        }
        providers
    }

    fn ask(&mut self, spec: &Spec, providers: &BTreeMap<String, usize>, own: usize) {
        let asked = |list: usize| -> Vec<Asked> {
            let words = spec.targets(own, list).into_iter();
            words
                .flat_map(|(target, optional)| asked(spec, providers, &target, !optional))
                .collect()
        };
        // Required-Start and Should-Start: own waits. X-Start-Before: the others do.
        for other in asked(0)
            .into_iter()
            .chain(asked(1))
            .filter_map(|asked| asked.script)
        {
            self.start_edge(spec, own, other);
        }
        for other in asked(2).into_iter().filter_map(|asked| asked.script) {
            self.start_edge(spec, other, own);
        }
        // What own needs while it stops is stopped after it; X-Stop-After turns that round.
        for other in asked(3)
            .into_iter()
            .chain(asked(4))
            .filter_map(|asked| asked.script)
        {
            self.stop_edge(spec, other, own);
        }
        for other in asked(5).into_iter().filter_map(|asked| asked.script) {
            self.stop_edge(spec, own, other);
        }
        if self.start[own] != 0 {
            for asked in asked(0).into_iter().filter(|asked| asked.must) {
                self.require(spec, own, asked.script);
            }
        }
    }

    fn start_edge(&mut self, spec: &Spec, waiter: usize, awaited: usize) {
        let shares = self.start[waiter] & self.start[awaited] != 0;
        if waiter != awaited && shares && !uses_all(spec, awaited, [0, 1]) {
            self.start_edges.insert((waiter, awaited));
        }
    }

    fn stop_edge(&mut self, spec: &Spec, waiter: usize, awaited: usize) {
        let shares = self.stop[waiter] & self.stop[awaited] != 0;
        if waiter != awaited && shares && !uses_all(spec, waiter, [3, 4]) {
            self.stop_edges.insert((waiter, awaited));
        }
    }

    /// A required service is there, enabled, and started wherever it is needed or before, in S.
    fn require(&mut self, spec: &Spec, own: usize, script: Option<usize>) {
        let Some(script) = script else {
            self.refused
                .push(format!("s{own} requires what nobody provides"));
            return;
        };
        if script == own || (!self.is_enabled(script) && spec.default_start(script) == 0) {
            return;
        }
        let is_early = self.start[script] & BOOT != 0;
        let is_missed = self.start[own] & !self.start[script] != 0;
        // Without links, a tree is asked as insserv is when it makes them: it does not look yet.
        if !self.is_enabled(script) || (spec.by_hand && is_missed && !is_early) {
            self.refused
                .push(format!("s{own} requires s{script}, which is not started"));
        }
    }

    /// `$all`: after all that share a runlevel and do not ask for it too; when stopping, before.
    fn add_all(&mut self, spec: &Spec) {
        let count = spec.scripts.len();
        for own in 0..count {
            for other in 0..count {
                if uses_all(spec, own, [0, 1])
                    && !uses_all(spec, other, [0, 1])
                    && self.start[own] & self.start[other] != 0
                {
                    self.start_edges.insert((own, other));
                }
                if uses_all(spec, own, [3, 4])
                    && !uses_all(spec, other, [3, 4])
                    && self.stop[own] & self.stop[other] != 0
                {
                    self.stop_edges.insert((other, own));
                }
            }
        }
    }

    /// The numbers of the start order: of two interactive scripts the first by file name stays.
    pub(crate) fn start_numbers(&self, spec: &Spec) -> Vec<usize> {
        let mut alone: Vec<usize> = (0..self.alone.len())
            .filter(|script| self.alone[*script] && self.start[*script] != 0)
            .collect();
        alone.sort_by_key(|script| spec.file(*script));
        self.numbers(&self.start_edges, &alone, &self.start)
    }

    /// The numbers of the stop order.
    pub(crate) fn stop_numbers(&self) -> Vec<usize> {
        self.numbers(&self.stop_edges, &[], &self.stop)
    }

    fn numbers(&self, edges: &Edges, alone: &[usize], levels: &[u8]) -> Vec<usize> {
        let edges: Vec<(usize, usize)> = edges.iter().copied().collect();
        let meets = |one: usize, other: usize| levels[one] & levels[other] != 0;
        naive::numbers(self.start.len(), &edges, alone, &meets)
    }
}

fn uses_all(spec: &Spec, script: usize, lists: [usize; 2]) -> bool {
    let mut targets = lists
        .into_iter()
        .flat_map(|list| spec.targets(script, list));
    targets.any(|(target, _)| target == Target::All)
}

/// What a word asks for, through facilities of facilities.
fn asked(
    spec: &Spec,
    providers: &BTreeMap<String, usize>,
    target: &Target,
    must: bool,
) -> Vec<Asked> {
    match target {
        Target::Facility(number) => spec.facilities[*number]
            .iter()
            .flat_map(|member| {
                let target = spec.member(*number, member);
                // A facility within one has no `+` of its own.
                let is_facility = matches!(target, Target::Facility(_));
                let must = must && (is_facility || !member.optional);
                asked(spec, providers, &target, must)
            })
            .collect(),
        Target::All | Target::Null | Target::Unknown => Vec::new(),
        target => {
            let script = providers.get(&spec.word(target)).copied();
            vec![Asked { script, must }]
        }
    }
}

/// Whether a facility leads back to itself.
fn has_ring(spec: &Spec) -> bool {
    let mut edges = Edges::new();
    for (facility, members) in spec.facilities.iter().enumerate() {
        for member in members {
            if let Target::Facility(other) = spec.member(facility, member) {
                if other == facility {
                    return true;
                }
                edges.insert((facility, other));
            }
        }
    }
    has_loop(spec.facilities.len(), &edges)
}

/// Takes away, as long as there is one, a node that waits for nothing that is left.
fn has_loop(count: usize, edges: &Edges) -> bool {
    let mut rest: BTreeSet<usize> = (0..count).collect();
    while let Some(free) = rest.iter().copied().find(|node| {
        let mut waits = edges.iter().filter(|(waiter, _)| waiter == node);
        waits.all(|(_, awaited)| !rest.contains(awaited))
    }) {
        rest.remove(&free);
    }
    !rest.is_empty()
}
