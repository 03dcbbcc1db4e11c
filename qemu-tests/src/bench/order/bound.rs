//! What no runner can go below.
//!
//! A script takes what it takes alone, and that is measured: its work and one fork and exec. Its CPU time
//! counts too, for a machine has only so many processors.
//!
//! - By edges: the longest chain of scripts that are ordered after each other, or all CPU time shared
//!   among the processors if that is longer.
//! - By levels: the same of each level, which is its longest script, and the sum of them.
//! - Scripts that run alone add up, and the rest is bounded as if they took no time.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A script as `preroot freeze --json` has it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    pub(super) script: String,
    pub(super) level: u16,
    pub(super) after: Vec<String>,
    pub(super) interactive: bool,
}

/// What a script takes alone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Alone {
    pub(super) wall_ms: f64,
    pub(super) cpu_ms: f64,
}

/// The bound of an order by edges, ms.
pub(super) fn edges(order: &[Entry], alone: &dyn Fn(&str) -> Alone, processors: f64) -> f64 {
    let beside = |entry: &Entry| match entry.interactive {
        true => Alone::default(),
        false => alone(&entry.script),
    };
    let in_turn: f64 = order
        .iter()
        .filter(|entry| entry.interactive)
        .map(|entry| alone(&entry.script).wall_ms)
        .sum();
    let cpu: f64 = order.iter().map(|entry| beside(entry).cpu_ms).sum();
    // Entries come level by level, so those that are waited for come first.
    let mut ends: BTreeMap<&str, f64> = BTreeMap::new();
    for entry in order {
        let awaited = entry.after.iter().filter_map(|name| ends.get(&**name));
        let begin = awaited.copied().fold(0.0, f64::max);
        ends.insert(&entry.script, begin + beside(entry).wall_ms);
    }
    let chain = ends.into_values().fold(0.0, f64::max);
    in_turn + chain.max(cpu / processors)
}

/// The bound of an order by levels, ms.
pub(super) fn levels(order: &[Entry], alone: &dyn Fn(&str) -> Alone, processors: f64) -> f64 {
    let mut levels: BTreeMap<u16, Vec<Entry>> = BTreeMap::new();
    for entry in order {
        let entry = Entry {
            after: Vec::new(),
            ..entry.clone()
        };
        levels.entry(entry.level).or_default().push(entry);
    }
    let bounds = levels.values().map(|level| edges(level, alone, processors));
    bounds.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words are `name level wall cpu after,after`, with `!` behind the name of one that runs alone.
    fn check(order: &str, by_edges: f64, by_levels: f64) {
        let mut entries = Vec::new();
        let mut times = BTreeMap::new();
        for line in order.split("; ") {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<f64>().expect("a number");
            let name = words[0].trim_end_matches('!').to_owned();
            let time = Alone {
                wall_ms: number(2),
                cpu_ms: number(3),
            };
            times.insert(name.clone(), time);
            entries.push(Entry {
                script: name,
                level: words[1].parse().expect("a level"),
                after: words[4..].iter().map(|&name| name.to_owned()).collect(),
                interactive: words[0].ends_with('!'),
            });
        }
        let alone = |name: &str| times[name];
        let bounds = (edges(&entries, &alone, 2.0), levels(&entries, &alone, 2.0));
        assert_eq!(bounds, (by_edges, by_levels), "{order}");
    }

    #[test]
    fn bounds_are_those_of_the_policy() {
        check("a 1 30 0; b 1 50 0", 50.0, 50.0);
        check("a 1 30 0; b 1 50 0; c 2 40 0 a; d 2 10 0 b", 70.0, 90.0);
        // Three that compute on two processors.
        check("a 1 20 20; b 1 20 20; c 1 20 20", 30.0, 30.0);
        // One that runs alone, at a level of its own as insserv has it.
        check("a 1 30 0; b 1 50 0; c! 2 40 0 a; d 3 10 0 c", 90.0, 100.0);
    }
}
