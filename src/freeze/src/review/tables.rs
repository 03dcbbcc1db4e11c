//! What stands beside the order, compared by the lines that the text form has of it: whatever that
//! says of a plan, a review says of two.

use std::collections::BTreeMap;

use preroot_plan::Plan;
use serde::Serialize;

use crate::{fleet_lines, hardware_lines, lines};

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Which.
    pub name: String,
    /// As it was.
    pub old: String,
    /// As it is.
    pub new: String,
}

/// A line of a table that came, went, or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What it is known by.
    pub key: String,
    /// As it was; none: it was not there.
    pub old: Option<String>,
    /// As it is; none: it is not there.
    pub new: Option<String>,
}

/// The settings, of each only the parts that differ.
pub(super) fn settings(old: &Plan<'_>, new: &Plan<'_>) -> Vec<Change> {
    let entries = entries(lines::settings(old), lines::settings(new));
    let change = |entry: Entry| {
        let none = || "none".to_string();
        let (old, new) = (
            entry.old.unwrap_or_else(none),
            entry.new.unwrap_or_else(none),
        );
        let (old, new) = differing(&old, &new);
        Change {
            name: entry.key,
            old,
            new,
        }
    };
    entries.into_iter().map(change).collect()
}

/// `policy levels, parallel 4` and `policy edges, parallel 4`: `policy levels` and `policy edges`.
fn differing(old: &str, new: &str) -> (String, String) {
    let (olds, news): (Vec<&str>, Vec<&str>) =
        (old.split(", ").collect(), new.split(", ").collect());
    if olds.len() != news.len() {
        return (old.to_string(), new.to_string());
    }
    let pairs = olds.into_iter().zip(news).filter(|(old, new)| old != new);
    let (olds, news): (Vec<&str>, Vec<&str>) = pairs.unzip();
    (olds.join(", "), news.join(", "))
}

/// What the root is assembled from.
pub(super) fn assemblies(old: &Plan<'_>, new: &Plan<'_>) -> Vec<Entry> {
    entries(lines::assemblies(old), lines::assemblies(new))
}

/// The hosts.
pub(super) fn hosts(old: &Plan<'_>, new: &Plan<'_>) -> Vec<Entry> {
    entries(fleet_lines::hosts(old), fleet_lines::hosts(new))
}

/// What inittab wants served.
pub(super) fn services(old: &Plan<'_>, new: &Plan<'_>) -> Vec<Entry> {
    entries(lines::services(old), lines::services(new))
}

/// The kernel modules.
pub(super) fn modules(old: &Plan<'_>, new: &Plan<'_>) -> Vec<Entry> {
    entries(lines::modules(old), lines::modules(new))
}

/// The expected hardware.
pub(super) fn hardware(old: &Plan<'_>, new: &Plan<'_>) -> Vec<Entry> {
    entries(hardware_lines::expected(old), hardware_lines::expected(new))
}

/// What differs between two tables, in the order of the old one, then of the new one.
fn entries<K: Into<String>>(old: Vec<(K, String)>, new: Vec<(K, String)>) -> Vec<Entry> {
    let strings = |lines: Vec<(K, String)>| -> Vec<(String, String)> {
        lines
            .into_iter()
            .map(|(key, line)| (key.into(), line))
            .collect()
    };
    let (old, new) = (strings(old), strings(new));
    let before: BTreeMap<&str, &str> = map(&old);
    let after: BTreeMap<&str, &str> = map(&new);
    let added = new
        .iter()
        .filter(|(key, _)| !before.contains_key(key.as_str()));
    let keys = old.iter().chain(added).map(|(key, _)| key.as_str());
    let mut entries = Vec::new();
    for key in keys {
        let line = |map: &BTreeMap<&str, &str>| map.get(key).map(|line| (*line).to_string());
        let (old, new) = (line(&before), line(&after));
        if old != new {
            let key = key.to_string();
            entries.push(Entry { key, old, new });
        }
    }
    entries
}

fn map(lines: &[(String, String)]) -> BTreeMap<&str, &str> {
    lines
        .iter()
        .map(|(key, line)| (key.as_str(), line.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_of_a_setting_is_told() {
        let check = |old: &str, new: &str, expected: (&str, &str)| {
            let (old, new) = differing(old, new);
            assert_eq!((old.as_str(), new.as_str()), expected);
        };
        check("a 1, b 2", "a 1, b 3", ("b 2", "b 3"));
        check("a, b, c", "x, b, y", ("a, c", "x, y"));
        check("a", "a, b", ("a", "a, b"));
    }
}
