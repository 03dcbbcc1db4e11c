//! New and lost edges between scripts that stay, those of one cause together.
//!
//! The edges of a script that comes or goes stand with that script.
//!
//! One script that now waits for many (`$all`), and many that now wait for one (another provider of
//! `$syslog`), are one fact each. The line of a header is where a reason stands, not what it is.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::review::side::Side;

/// Whether an edge adds to an order, or takes from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Implied {
    /// It does.
    No,
    /// The plan without it has the same by way of other edges.
    ByOthers,
}

/// Edges that came or went for one reason. One of the two lists has one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EdgeGroup {
    /// Who waits.
    pub scripts: Vec<String>,
    /// For whom.
    pub after: Vec<String>,
    /// Why. Where the headers of several scripts say so, without their lines.
    pub reason: String,
    /// Whether other edges say the same.
    pub implied: Implied,
}

/// An edge that stands in both plans, for another reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedEdge {
    /// Who waits.
    pub script: String,
    /// For whom.
    pub after: String,
    /// Why it did.
    pub old: String,
    /// Why it does.
    pub new: String,
}

/// An edge of one plan.
struct Edge<'a> {
    waiter: &'a str,
    awaited: &'a str,
    reason: &'a str,
    implied: Implied,
}

/// The edges of `one` that `other` does not have, between scripts that both have.
pub(super) fn only_in(one: &Side<'_>, other: &Side<'_>) -> Vec<EdgeGroup> {
    let mut edges = Vec::new();
    for waiter in one.names().filter(|name| other.index(name).is_some()) {
        for (awaited, reason) in one.waits(waiter) {
            if other.index(awaited).is_none() || other.reason(waiter, awaited).is_some() {
                continue;
            }
            let implied = match other.follows(waiter, awaited) {
                true => Implied::ByOthers,
                false => Implied::No,
            };
            edges.push(Edge {
                waiter,
                awaited,
                reason,
                implied,
            });
        }
    }
    group(&edges)
}

/// The edges that both have, for different reasons.
pub(super) fn changed(old: &Side<'_>, new: &Side<'_>) -> Vec<ChangedEdge> {
    let mut changed = Vec::new();
    for waiter in old.names() {
        for (awaited, old) in old.waits(waiter) {
            let Some(new) = new.reason(waiter, awaited) else {
                continue;
            };
            if without_line(old) != without_line(new) {
                changed.push(ChangedEdge {
                    script: waiter.to_string(),
                    after: awaited.to_string(),
                    old: old.to_string(),
                    new: new.to_string(),
                });
            }
        }
    }
    changed
}

/// Puts each edge to the others of its waiter or to those of the one it awaits, whichever are more.
fn group(edges: &[Edge<'_>]) -> Vec<EdgeGroup> {
    let key = |end: &str, edge: &Edge<'_>| (edge.implied, end.to_string(), kind(edge.reason));
    let mut of_waiter: BTreeMap<_, usize> = BTreeMap::new();
    let mut of_awaited: BTreeMap<_, usize> = BTreeMap::new();
    for edge in edges {
        *of_waiter.entry(key(edge.waiter, edge)).or_default() += 1;
        *of_awaited.entry(key(edge.awaited, edge)).or_default() += 1;
    }
    let mut waiters: BTreeMap<_, Vec<&Edge<'_>>> = BTreeMap::new();
    let mut awaited: BTreeMap<_, Vec<&Edge<'_>>> = BTreeMap::new();
    for edge in edges {
        let (by_waiter, by_awaited) = (key(edge.waiter, edge), key(edge.awaited, edge));
        match of_waiter[&by_waiter] >= of_awaited[&by_awaited] {
            true => waiters.entry(by_waiter).or_default().push(edge),
            false => awaited.entry(by_awaited).or_default().push(edge),
        }
    }
    let mut groups: Vec<EdgeGroup> = waiters
        .values()
        .chain(awaited.values())
        .map(|edges| one_group(edges))
        .collect();
    groups
        .sort_by(|a, b| (a.implied, &a.scripts, &a.after).cmp(&(b.implied, &b.scripts, &b.after)));
    groups
}

fn one_group(edges: &[&Edge<'_>]) -> EdgeGroup {
    let names = |end: fn(&Edge<'_>) -> String| {
        let mut names: Vec<String> = edges.iter().map(|edge| end(edge)).collect();
        names.sort();
        names.dedup();
        names
    };
    let full = |edge: &&Edge<'_>| without_arrow(edge.reason);
    let mut reasons = edges.iter().map(full);
    let first = reasons.next().unwrap_or_default();
    let reason = match (edges, reasons.all(|reason| reason == first)) {
        ([edge], _) => edge.reason.to_string(),
        (_, true) => first,
        (_, false) => edges
            .first()
            .map_or(String::new(), |edge| kind(edge.reason)),
    };
    EdgeGroup {
        scripts: names(|edge| edge.waiter.to_string()),
        after: names(|edge| edge.awaited.to_string()),
        reason,
        implied: edges.first().map_or(Implied::No, |edge| edge.implied),
    }
}

/// `Required-Start $syslog -> rsyslog (ssh:4)`: `Required-Start $syslog (ssh:4)`.
pub(super) fn without_arrow(reason: &str) -> String {
    let Some((word, rest)) = reason.split_once(" -> ") else {
        return reason.to_string();
    };
    match rest.split_once(" (") {
        Some((_, place)) => format!("{word} ({place}"),
        None => word.to_string(),
    }
}

/// What of a reason is the same in the headers of many: `Required-Start $syslog`.
pub(super) fn kind(reason: &str) -> String {
    let reason = without_arrow(reason);
    match reason.rsplit_once(" (") {
        Some((kind, _)) => kind.to_string(),
        None => reason,
    }
}

/// A reason without the number of its line: `Required-Start $syslog -> rsyslog (ssh)`.
pub(super) fn without_line(reason: &str) -> &str {
    // A reason too long for a plan is cut, and ends in dots.
    let whole = reason.trim_end_matches('.');
    let whole = whole.strip_suffix(')').unwrap_or(whole);
    match whole.rsplit_once(':') {
        Some((before, line)) if line.bytes().all(|digit| digit.is_ascii_digit()) => before,
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_part_of_a_reason() {
        let check = |reason: &str, expected: &str| assert_eq!(without_line(reason), expected);
        check(
            "Required-Start $x -> y (ssh:4)",
            "Required-Start $x -> y (ssh",
        );
        check("Required-Start y (ssh:14)", "Required-Start y (ssh");
        check(
            "via a: Required-Start y (ssh:1...",
            "via a: Required-Start y (ssh",
        );
        check("Required-Start y", "Required-Start y");
        check("", "");
    }

    #[test]
    fn kinds_are_what_many_headers_share() {
        let check = |reason: &str, expected: &str| assert_eq!(kind(reason), expected);
        check(
            "Required-Start $syslog -> rsyslog (ssh:4)",
            "Required-Start $syslog",
        );
        check("Required-Start $all (rc.local:4)", "Required-Start $all");
        check("via a: Should-Start b -> c (d:4)", "via a: Should-Start b");
        check("odd", "odd");
    }
}
