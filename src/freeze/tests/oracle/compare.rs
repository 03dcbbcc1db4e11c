//! Holds our answer against insserv's: all of it where insserv is right, the edges always.

use std::collections::{BTreeMap, BTreeSet};

use preroot_freeze::graph::Side;
use preroot_freeze::tree::Tree;

use crate::doubts::{Asked, refuses_too_much};
use crate::naive;
use crate::order::{Order, Ours, Verdict};

/// How closely a tree could be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// insserv refuses where it should not.
    Nothing,
    /// Both refuse.
    Refusal,
    /// Edges: insserv's numbers mean nothing here, not even to its own edges.
    Edges,
    /// Levels too.
    Levels,
}

/// How scripts are named in the tree that insserv saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// All by the first of their services.
    First,
    /// Some by a later one: insserv numbers them as asked, and leaves the edge out of `.depend.*`.
    Any,
}

/// Compares two answers.
pub(crate) fn compare(ours: &Ours, theirs: &Verdict, names: Names) -> Result<Depth, String> {
    match (&ours.verdict, theirs) {
        (Ok(own), Ok(theirs)) => {
            let start = orders(&ours.tree, Side::Start, &own.start, &theirs.start, names)
                .map_err(|text| format!("start: {text}"))?;
            let stop = orders(&ours.tree, Side::Stop, &own.stop, &theirs.stop, names)
                .map_err(|text| format!("stop: {text}"))?;
            Ok(start.min(stop))
        }
        (Err(_), Err(_)) => Ok(Depth::Refusal),
        (Err(text), Ok(theirs)) if forgets_loop(&ours.tree, text, &theirs.warnings) => {
            Ok(Depth::Nothing)
        }
        (Err(text), Ok(_)) => Err(format!("insserv accepts what preroot refuses:\n{text}")),
        (Ok(_), Err(text)) => match refuses_too_much(&ours.tree) {
            Some(_) => Ok(Depth::Nothing),
            None => Err(format!("preroot accepts what insserv refuses:\n{text}")),
        },
    }
}

/// Once insserv has met a loop of scripts that share no runlevel, or one through a script that waits
/// for all others, it warns of that, goes on, and may not report a true one of the same scripts.
fn forgets_loop(tree: &Tree, refusal: &str, warnings: &str) -> bool {
    let mut errors = refusal.lines().filter(|line| line.contains(": error: "));
    let is_told = warnings.contains("There is a loop") || warnings.contains("can not be true");
    let sides = [Side::Start, Side::Stop];
    let contradicts_all = || {
        sides
            .iter()
            .any(|side| Asked::collect(tree, *side).contradicts_all())
    };
    errors.all(|line| line.contains(": error: loop in the ")) && (is_told || contradicts_all())
}

fn orders(
    tree: &Tree,
    side: Side,
    ours: &Order,
    theirs: &Order,
    names: Names,
) -> Result<Depth, String> {
    let asked = Asked::collect(tree, side);
    theirs_are_ours(ours, theirs, &asked)?;
    if names == Names::First || side == Side::Stop {
        ours_are_theirs(side, ours, theirs, &asked)?;
    }
    match levels(tree, side, ours, theirs) {
        Ok(()) => Ok(Depth::Levels),
        Err(_) if asked.numbers_mean_nothing() => Ok(Depth::Edges),
        Err(text) => Err(text),
    }
}

fn theirs_are_ours(ours: &Order, theirs: &Order, asked: &Asked<'_>) -> Result<(), String> {
    let contradicts_all = asked.contradicts_all();
    for (waiter, awaited) in &theirs.edges {
        let is_ours = ours.edges.contains(&(waiter.clone(), awaited.clone()));
        let is_ignored = contradicts_all && asked.has(waiter, awaited);
        if !is_ours && !is_ignored {
            return Err(format!("insserv alone: {waiter} waits for {awaited}"));
        }
    }
    Ok(())
}

fn ours_are_theirs(
    side: Side,
    ours: &Order,
    theirs: &Order,
    asked: &Asked<'_>,
) -> Result<(), String> {
    let mut waits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (waiter, awaited) in &theirs.edges {
        waits.entry(waiter).or_default().push(awaited);
    }
    // insserv leaves an edge out if another one's header asks for the same, in any runlevel; when
    // stopping, that other one can be the script itself.
    let is_left_out = |(waiter, awaited): &&(String, String)| {
        let mut direct = waits.get(waiter.as_str()).into_iter().flatten();
        direct.any(|other| asked.has(other, awaited))
            || (side == Side::Stop && asked.has(waiter, waiter))
    };
    let left_out: Vec<_> = ours.edges.iter().filter(is_left_out).collect();
    for (waiter, awaited) in left_out {
        waits.entry(waiter).or_default().push(awaited);
    }
    for (waiter, awaited) in &ours.edges {
        if !follows(waiter, awaited, &waits) {
            return Err(format!("preroot alone: {waiter} waits for {awaited}"));
        }
    }
    Ok(())
}

/// Whether an edge follows from others.
fn follows(waiter: &str, awaited: &str, waits: &BTreeMap<&str, Vec<&str>>) -> bool {
    let mut seen = BTreeSet::from([waiter]);
    let mut todo = vec![waiter];
    while let Some(name) = todo.pop() {
        for next in waits.get(name).into_iter().flatten() {
            if *next == awaited {
                return true;
            }
            if seen.insert(next) {
                todo.push(next);
            }
        }
    }
    false
}

/// By runlevel the scripts on each level.
type Levels = BTreeMap<char, Vec<BTreeSet<String>>>;

fn by_level(numbers: &BTreeMap<char, BTreeMap<String, usize>>) -> Levels {
    let mut levels = Levels::new();
    for (runlevel, numbers) in numbers {
        let mut by_number: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (name, number) in numbers {
            by_number.entry(*number).or_default().insert(name.clone());
        }
        levels.insert(*runlevel, by_number.into_values().collect());
    }
    levels
}

fn levels(tree: &Tree, side: Side, ours: &Order, theirs: &Order) -> Result<(), String> {
    let (own, other) = (by_level(&ours.numbers), by_level(&theirs.numbers));
    if own == other || (side == Side::Start && is_other_tie(tree, ours, &other)) {
        return Ok(());
    }
    let mut text = String::from("levels");
    for (runlevel, theirs) in &other {
        let ours = own.get(runlevel).cloned().unwrap_or_default();
        for level in 0..ours.len().max(theirs.len()) {
            let (ours, theirs) = (ours.get(level), theirs.get(level));
            if ours != theirs {
                text += &format!(
                    "\n  {runlevel} {}: {ours:?}\n  insserv: {theirs:?}",
                    level + 1
                );
            }
        }
    }
    Err(text)
}

/// Of two interactive scripts on a level, the one that insserv met first stays: whether its levels
/// are ours with another one first.
fn is_other_tie(tree: &Tree, ours: &Order, theirs: &Levels) -> bool {
    let index: BTreeMap<&str, usize> = tree
        .scripts
        .iter()
        .zip(0..)
        .map(|(script, index)| (script.name.as_str(), index))
        .collect();
    let edges: Vec<(usize, usize)> = ours
        .edges
        .iter()
        .map(|(waiter, awaited)| (index[waiter.as_str()], index[awaited.as_str()]))
        .collect();
    let start: Vec<_> = tree.scripts.iter().map(|script| script.start).collect();
    let meets = |a: usize, b: usize| start[a].meets(start[b]);
    let alone = |index: &usize| tree.scripts[*index].interactive && !start[*index].is_empty();
    let alone: Vec<usize> = (0..tree.scripts.len()).filter(alone).collect();
    if alone.len() < 2 || alone.len() > 6 {
        return false;
    }
    naive::permutations(&alone).into_iter().any(|alone| {
        let numbers = naive::numbers(tree.scripts.len(), &edges, &alone, &meets);
        let renumbered = ours.numbers.iter().map(|(runlevel, own)| {
            let own = own
                .keys()
                .map(|name| (name.clone(), numbers[index[name.as_str()]]));
            (*runlevel, own.collect())
        });
        by_level(&renumbered.collect()) == *theirs
    })
}
