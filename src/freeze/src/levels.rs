//! Levels: how deep each script stands in an order, and the loops that make an order impossible.
//!
//! A script's number is 1 + the longest chain of edges below it, one number for all its runlevels.
//! Interactive scripts then get a level of their own: from the lowest level up, what shares a level
//! and a runlevel with one is moved one down, with everything that waits for it.

use std::collections::{BTreeSet, VecDeque};

use crate::graph::{Graph, Side};
use crate::message::Messages;
use crate::tree::Script;

/// Loops that are told; more of them would not help.
const LOOPS_MAX: usize = 10;

/// The number of each script, from 1. `None`: there are loops, which went to `messages`.
#[must_use]
pub fn levels(scripts: &[Script], graph: &Graph, messages: &mut Messages) -> Option<Vec<usize>> {
    let Some(sorted) = sort(graph) else {
        report_loops(scripts, graph, messages);
        return None;
    };
    let mut least = vec![1; scripts.len()];
    let mut numbers = number(&sorted, graph, &least);
    if graph.side == Side::Stop {
        return Some(numbers);
    }
    let interactive: Vec<usize> = (0..scripts.len())
        .filter(|index| scripts[*index].interactive && !scripts[*index].start.is_empty())
        .collect();
    let mut deep = 1;
    while deep <= numbers.iter().copied().max().unwrap_or(0) {
        for alone in &interactive {
            if numbers[*alone] != deep {
                continue;
            }
            let shares = |index: &usize| {
                index != alone
                    && numbers[*index] == deep
                    && scripts[*index].start.meets(scripts[*alone].start)
            };
            let moved: Vec<usize> = (0..scripts.len()).filter(shares).collect();
            if !moved.is_empty() {
                for index in moved {
                    least[index] = deep + 1;
                }
                numbers = number(&sorted, graph, &least);
            }
        }
        deep += 1;
    }
    Some(numbers)
}

/// The scripts so that none stands before what it waits for; `None`: there is a loop.
fn sort(graph: &Graph) -> Option<Vec<usize>> {
    let count = graph.waits.len();
    let mut waiters = vec![Vec::new(); count];
    for (waiter, waits) in graph.waits.iter().enumerate() {
        for awaited in waits.keys() {
            waiters[*awaited].push(waiter);
        }
    }
    let mut open: Vec<usize> = graph.waits.iter().map(|waits| waits.len()).collect();
    let mut ready: VecDeque<usize> = (0..count).filter(|index| open[*index] == 0).collect();
    let mut sorted = Vec::with_capacity(count);
    while let Some(index) = ready.pop_front() {
        sorted.push(index);
        for waiter in &waiters[index] {
            open[*waiter] -= 1;
            if open[*waiter] == 0 {
                ready.push_back(*waiter);
            }
        }
    }
    (sorted.len() == count).then_some(sorted)
}

fn number(sorted: &[usize], graph: &Graph, least: &[usize]) -> Vec<usize> {
    let mut numbers = least.to_vec();
    for index in sorted {
        let below = graph.waits[*index]
            .keys()
            .map(|awaited| numbers[*awaited] + 1)
            .max();
        numbers[*index] = numbers[*index].max(below.unwrap_or(1));
    }
    numbers
}

fn report_loops(scripts: &[Script], graph: &Graph, messages: &mut Messages) {
    let mut rest: BTreeSet<usize> = (0..scripts.len()).collect();
    for _ in 0..LOOPS_MAX {
        trim(&mut rest, graph);
        let Some(path) = rest
            .iter()
            .find_map(|start| shortest_loop(*start, &rest, graph))
        else {
            return;
        };
        report(&path, scripts, graph, messages);
        for index in &path {
            rest.remove(index);
        }
    }
}

/// Leaves only what waits for something in the set and is awaited by something in it.
fn trim(rest: &mut BTreeSet<usize>, graph: &Graph) {
    let mut waiters = vec![Vec::new(); graph.waits.len()];
    for waiter in rest.iter() {
        for awaited in graph.waits[*waiter].keys() {
            waiters[*awaited].push(*waiter);
        }
    }
    let mut todo: Vec<usize> = rest.iter().copied().collect();
    while let Some(index) = todo.pop() {
        let waits = graph.waits[index].keys().any(|other| rest.contains(other));
        let is_awaited = waiters[index].iter().any(|other| rest.contains(other));
        if (!waits || !is_awaited) && rest.remove(&index) {
            todo.extend(
                graph.waits[index]
                    .keys()
                    .filter(|other| rest.contains(other)),
            );
            todo.extend(waiters[index].iter().filter(|other| rest.contains(other)));
        }
    }
}

/// The shortest way from a script over what it waits for back to itself.
fn shortest_loop(start: usize, rest: &BTreeSet<usize>, graph: &Graph) -> Option<Vec<usize>> {
    let mut from = vec![usize::MAX; graph.waits.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(index) = queue.pop_front() {
        for next in graph.waits[index].keys().filter(|next| rest.contains(next)) {
            if *next == start {
                let mut path = vec![index];
                while path.last() != Some(&start) {
                    path.push(from[path[path.len() - 1]]);
                }
                path.reverse();
                return Some(path);
            }
            if from[*next] == usize::MAX {
                from[*next] = index;
                queue.push_back(*next);
            }
        }
    }
    None
}

/// The whole loop as a path, each edge with the line that makes it.
fn report(path: &[usize], scripts: &[Script], graph: &Graph, messages: &mut Messages) {
    let order = match graph.side {
        Side::Start => "start",
        Side::Stop => "stop",
    };
    let name = |index: usize| scripts[path[index % path.len()]].name.as_str();
    let names: Vec<&str> = (0..=path.len()).map(name).collect();
    let mut text = format!("loop in the {order} order: {}", names.join(" -> "));
    let mut first = None;
    for step in 0..path.len() {
        let next = path[(step + 1) % path.len()];
        if let Some(reason) = graph.waits[path[step]].get(&next) {
            first.get_or_insert_with(|| reason.place.clone());
            let (waiter, awaited) = (name(step), name(step + 1));
            text += &format!(
                "\n    {waiter} waits for {awaited}: {} [{}]",
                reason.text, reason.place
            );
        }
    }
    if let Some(place) = first {
        messages.refuse(
            place,
            text,
            "take one of these words out, or override the header",
        );
    }
}
