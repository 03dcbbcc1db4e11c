//! Where insserv is wrong about a tree, decided from the tree alone, as narrowly as we know how.
//!
//! insserv follows what headers name even where it is no edge: through scripts that share no
//! runlevel with those around them, that are not enabled, or that nobody installed. All of that is
//! kept here as *asked*, one step of which may or may not be an edge.

use std::collections::{BTreeMap, BTreeSet};

use preroot_freeze::Messages;
use preroot_freeze::graph::Side;
use preroot_freeze::header::List;
use preroot_freeze::providers::Providers;
use preroot_freeze::runlevels::Runlevels;
use preroot_freeze::tree::{Script, Tree};

/// What the headers ask for, whoever takes part. Nodes are scripts as in [`Tree::scripts`], then
/// services that nobody provides.
pub(crate) struct Asked<'a> {
    tree: &'a Tree,
    side: Side,
    waits: Vec<BTreeSet<usize>>,
    missing: BTreeMap<String, usize>,
}

impl<'a> Asked<'a> {
    pub(crate) fn collect(tree: &'a Tree, side: Side) -> Asked<'a> {
        let providers = Providers::collect(tree, &mut Messages::default());
        let waits = vec![BTreeSet::new(); tree.scripts.len()];
        let missing = BTreeMap::new();
        let mut asked = Asked {
            tree,
            side,
            waits,
            missing,
        };
        for (index, script) in tree.scripts.iter().enumerate() {
            let header = &script.header;
            let (waits, is_awaited): (Vec<&List>, Vec<&List>) = match side {
                Side::Start => (
                    vec![&header.required_start, &header.should_start],
                    vec![&header.start_before],
                ),
                Side::Stop => (
                    vec![&header.stop_after],
                    vec![&header.required_stop, &header.should_stop],
                ),
            };
            for service in waits.into_iter().flat_map(|list| services(tree, list)) {
                let other = asked.node(&providers, &service);
                asked.waits[index].insert(other);
            }
            for service in is_awaited.into_iter().flat_map(|list| services(tree, list)) {
                let other = asked.node(&providers, &service);
                asked.waits[other].insert(index);
            }
        }
        asked
    }

    fn node(&mut self, providers: &Providers<'_>, service: &str) -> usize {
        if let Some(script) = providers.of(service) {
            return script;
        }
        let next = self.waits.len();
        let node = *self.missing.entry(service.to_string()).or_insert(next);
        if node == next {
            self.waits.push(BTreeSet::new());
        }
        node
    }

    fn runlevels(&self, node: usize) -> Runlevels {
        match (self.tree.scripts.get(node), self.side) {
            (Some(script), Side::Start) => script.start,
            (Some(script), Side::Stop) => script.stop,
            (None, _) => Runlevels::NONE,
        }
    }

    /// Whether a header makes `waiter` ask for `awaited`, by the names of their files.
    pub(crate) fn has(&self, waiter: &str, awaited: &str) -> bool {
        let index = |name: &str| {
            self.tree
                .scripts
                .iter()
                .position(|script| script.name == name)
        };
        let (waiter, awaited) = (index(waiter), index(awaited));
        waiter
            .is_some_and(|waiter| awaited.is_some_and(|other| self.waits[waiter].contains(&other)))
    }

    /// Whether insserv's numbers need not be those of its own edges.
    pub(crate) fn numbers_mean_nothing(&self) -> bool {
        self.contradicts_all() || self.has_loop() || self.has_chain_through_strangers()
    }

    /// insserv counts a chain for two scripts that share a runlevel, also when it leads through
    /// what shares none with them: whether such a chain is in the tree.
    fn has_chain_through_strangers(&self) -> bool {
        let mut waiters = vec![Vec::new(); self.waits.len()];
        for (waiter, waits) in self.waits.iter().enumerate() {
            for awaited in waits {
                waiters[*awaited].push(waiter);
            }
        }
        (0..self.tree.scripts.len()).any(|from| {
            let own = self.runlevels(from);
            // By node: seen over edges alone, seen over at least one step that is none.
            let mut seen = vec![[false; 2]; self.waits.len()];
            let mut todo = vec![(from, false)];
            while let Some((node, strange)) = todo.pop() {
                for waiter in &waiters[node] {
                    let step = !self.runlevels(*waiter).meets(self.runlevels(node));
                    let strange = strange || step;
                    if strange && *waiter != from && self.runlevels(*waiter).meets(own) {
                        return true;
                    }
                    if !std::mem::replace(&mut seen[*waiter][usize::from(strange)], true) {
                        todo.push((*waiter, strange));
                    }
                }
            }
            false
        })
    }

    /// insserv sees a loop where the scripts share no runlevel: it warns, refuses, or numbers 50.
    fn has_loop(&self) -> bool {
        let mut open: Vec<usize> = vec![0; self.waits.len()];
        for (waiter, waits) in self.waits.iter().enumerate() {
            open[waiter] = waits.iter().filter(|other| **other != waiter).count();
        }
        let mut ready: Vec<usize> = (0..open.len()).filter(|node| open[*node] == 0).collect();
        let mut sorted = 0;
        while let Some(node) = ready.pop() {
            sorted += 1;
            for (waiter, waits) in self.waits.iter().enumerate() {
                if waiter != node && waits.contains(&node) {
                    open[waiter] -= 1;
                    if open[waiter] == 0 {
                        ready.push(waiter);
                    }
                }
            }
        }
        sorted < open.len()
    }

    /// A script that waits for all others is named as awaited, or when stopping waits itself: the
    /// edge counts nowhere, and insserv counts the two of them up to 98 and 99.
    pub(crate) fn contradicts_all(&self) -> bool {
        let scripts = &self.tree.scripts;
        (0..scripts.len()).any(|waiter| {
            self.waits[waiter].iter().any(|awaited| {
                let last = match self.side {
                    Side::Start => *awaited,
                    Side::Stop => waiter,
                };
                waiter != *awaited && scripts.get(last).is_some_and(|s| uses_all(s, self.side))
            })
        })
    }
}

/// Whether a script asks for `$all`.
fn uses_all(script: &Script, side: Side) -> bool {
    let header = &script.header;
    let lists = match side {
        Side::Start => [&header.required_start, &header.should_start],
        Side::Stop => [&header.required_stop, &header.should_stop],
    };
    let mut words = lists.into_iter().flat_map(|list| &list.words);
    words.any(|word| word.eq_ignore_ascii_case("$all"))
}

/// The services that a list names, also through facilities.
fn services(tree: &Tree, list: &List) -> Vec<String> {
    let mut services = Vec::new();
    for word in &list.words {
        if word.starts_with('$') {
            let members = tree.facilities.members(word).unwrap_or_default();
            services.extend(members.iter().map(|member| member.name.clone()));
        } else {
            services.push(word.trim_start_matches('+').to_string());
        }
    }
    services
}

/// Why insserv may refuse a tree that we accept; nothing: it has no reason to.
pub(crate) fn refuses_too_much(tree: &Tree) -> Option<&'static str> {
    let providers = Providers::collect(tree, &mut Messages::default());
    for (index, script) in tree.scripts.iter().enumerate() {
        let is_double = |name| providers.of(name).is_some_and(|other| other != index);
        if !script.is_enabled() && script.provides.iter().any(|name| is_double(name)) {
            return Some("what is not enabled provides a service twice");
        }
        let required = services(tree, &script.header.required_start);
        let is_missing = |name: &String| {
            let other = providers.of(name).map(|other| &tree.scripts[other]);
            other.is_none_or(|other| !other.is_enabled())
        };
        if script.start.is_empty() && required.iter().any(is_missing) {
            return Some("what is never started requires something");
        }
        let rests = |name: &String| {
            let other = providers.of(name).map(|other| &tree.scripts[other]);
            other.is_some_and(|other| {
                !other.is_enabled()
                    && other.header.default_start.is_empty()
                    && !other.header.default_stop.is_empty()
            })
        };
        if required.iter().any(rests) {
            return Some("what would be stopped only is required and not linked");
        }
        let is_early = |name: &String| {
            let other = providers.of(name).map(|other| &tree.scripts[other]);
            other.is_some_and(|other| {
                other.start.has(b'S') && !script.start.without(other.start).is_empty()
            })
        };
        if script.start.has(b'S') && required.iter().any(is_early) {
            return Some("what is started in S and again requires what S has started");
        }
    }
    let sides = [Side::Start, Side::Stop].map(|side| Asked::collect(tree, side));
    if sides.iter().any(Asked::has_loop) {
        return Some("a loop of scripts that share no runlevel");
    }
    let contradicts = sides.iter().any(Asked::contradicts_all);
    contradicts.then_some("somebody waits for what waits for all")
}
