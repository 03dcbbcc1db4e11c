//! One runlevel of the plan: its scripts on their levels, each edge with its reason.
//!
//! Scripts that preroot replaces or the config skips are dropped with a line that says so. The order
//! stays whole: what waited for a dropped script waits for what that one waited for.

use std::collections::BTreeMap;

use preroot_plan::limits::{LINK_MAX, TEXT_BYTES_MAX};
use preroot_plan::{
    Argument, DraftDropped, DraftEdge, DraftRunlevel, DraftScript, ScriptMode, Weight,
};

use crate::config::Config;
use crate::graph::{Graph, Side};
use crate::message::cut;
use crate::replaced::replaced;
use crate::tree::Script;

/// A runlevel, and what is dropped from it.
#[derive(Debug)]
pub struct Order {
    /// The runlevel.
    pub runlevel: DraftRunlevel,
    /// What is not in it.
    pub dropped: Vec<DraftDropped>,
}

/// Builds a runlevel. `numbers` are the scripts' numbers of [`crate::levels::levels`].
#[must_use]
pub fn order(
    scripts: &[Script],
    graph: &Graph<'_>,
    numbers: &[usize],
    name: u8,
    config: &Config,
) -> Order {
    let argument = match graph.side {
        Side::Start => Argument::Start,
        Side::Stop => Argument::Stop,
    };
    let mut kept = Vec::new();
    let mut dropped = BTreeMap::new();
    for (script, index) in scripts.iter().zip(0..) {
        if !graph.side.runlevels(script).has(name) {
            continue;
        }
        let asked = config
            .scripts
            .get(&script.name)
            .and_then(|asked| asked.dropped.clone());
        match asked.or_else(|| replaced(&script.name, argument)) {
            Some(reason) => {
                dropped.insert(index, reason);
            }
            None => kept.push(index),
        }
    }
    kept.sort_by_key(|index| (numbers[*index], &scripts[*index].name));
    let places: BTreeMap<usize, u32> = kept.iter().copied().zip(0..).collect();
    let mut level = 0;
    let mut number = 0;
    let draft = |index: &usize| {
        if numbers[*index] != number {
            number = numbers[*index];
            level += 1;
        }
        let edges = edges(*index, scripts, graph, &places, &dropped);
        let seat = Seat {
            runlevel: name,
            argument,
            level,
            number,
        };
        script(&scripts[*index], seat, edges, config)
    };
    let runlevel = DraftRunlevel {
        name,
        argument,
        scripts: kept.iter().map(draft).collect(),
    };
    let line = |(index, reason): (&usize, &String)| DraftDropped {
        name: scripts[*index].name.clone(),
        reason: short(reason),
        runlevel: name,
    };
    Order {
        runlevel,
        dropped: dropped.iter().map(line).collect(),
    }
}

/// Where a script stands.
struct Seat {
    runlevel: u8,
    argument: Argument,
    /// Its level among those of the runlevel.
    level: u16,
    /// Its number among all scripts.
    number: usize,
}

impl Seat {
    /// The number of its link in rc?.d; where there are no links, the one that insserv would give it.
    fn link(&self, script: &Script) -> u8 {
        let kind = match self.argument {
            Argument::Start => 'S',
            Argument::Stop => 'K',
        };
        let linked = script.links.get(&(kind, self.runlevel));
        let number = u8::try_from(self.number).map_or(LINK_MAX, |number| number.min(LINK_MAX));
        linked.copied().unwrap_or(number)
    }
}

fn script(script: &Script, seat: Seat, edges: Vec<DraftEdge>, config: &Config) -> DraftScript {
    // Interactive scripts ask questions while they start; they stop like any other.
    let is_alone = script.interactive && seat.argument == Argument::Start;
    let asked = config.scripts.get(&script.name);
    let deadline_ms = asked.and_then(|asked| asked.deadline_ms);
    DraftScript {
        name: script.name.clone(),
        link: seat.link(script),
        level: seat.level,
        mode: if is_alone {
            ScriptMode::Interactive
        } else {
            ScriptMode::Parallel
        },
        weight: asked.map_or(Weight::Normal, |asked| asked.weight),
        deadline_ms: deadline_ms.unwrap_or(config.order.deadline_ms),
        edges,
    }
}

/// What a script waits for in this runlevel; through a dropped script, what that one waits for.
fn edges(
    index: usize,
    scripts: &[Script],
    graph: &Graph<'_>,
    places: &BTreeMap<usize, u32>,
    dropped: &BTreeMap<usize, String>,
) -> Vec<DraftEdge> {
    let mut found: BTreeMap<u32, String> = BTreeMap::new();
    let mut passed = Vec::new();
    let mut todo = vec![(index, String::new())];
    while let Some((index, via)) = todo.pop() {
        for (awaited, reason) in &graph.waits[index] {
            if let Some(place) = places.get(awaited) {
                let text = || short(&format!("{via}{}", reason.text()));
                // A direct reason stands before one through a dropped script: it comes first.
                found.entry(*place).or_insert_with(text);
            } else if dropped.contains_key(awaited) && !passed.contains(awaited) {
                passed.push(*awaited);
                todo.insert(
                    0,
                    (*awaited, format!("{via}via {}: ", scripts[*awaited].name)),
                );
            }
        }
    }
    let edge = |(awaited, reason)| DraftEdge { awaited, reason };
    found.into_iter().map(edge).collect()
}

/// A text cut to what a plan can hold.
fn short(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_string();
    }
    format!("{}...", cut(text, TEXT_BYTES_MAX - 3))
}
