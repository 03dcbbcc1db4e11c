//! Loops, which make an order impossible: found, and told as a path with the line of each edge.

use std::collections::VecDeque;

use crate::graph::{Graph, Side};
use crate::message::Messages;
use crate::tree::Script;

/// Loops that are told; more of them would not help.
const LOOPS_MAX: usize = 10;

/// Tells the loops of an order: the shortest one through the first script that is on any, then
/// those that have no script in common with it.
pub(crate) fn report(scripts: &[Script], graph: &Graph<'_>, messages: &mut Messages) {
    let mut rest = vec![true; scripts.len()];
    for _ in 0..LOOPS_MAX {
        rest = on_loops(&rest, graph);
        let Some(start) = rest.iter().position(|is_on_loop| *is_on_loop) else {
            return;
        };
        let path = shortest(start, &rest, graph);
        tell(&path, scripts, graph, messages);
        for index in path {
            rest[index] = false;
        }
    }
}

/// The scripts of `rest` that wait for themselves in the end, by way of scripts in `rest`: Tarjan's
/// strongly connected components of more than one script, without recursion.
fn on_loops(rest: &[bool], graph: &Graph<'_>) -> Vec<bool> {
    const UNSEEN: usize = usize::MAX;
    let count = rest.len();
    let mut seen = vec![UNSEEN; count];
    let mut lowest = vec![UNSEEN; count];
    let mut is_open = vec![false; count];
    let mut open = Vec::new();
    let mut found = vec![false; count];
    let mut next = 0;
    for root in (0..count).filter(|index| rest[*index]) {
        if seen[root] != UNSEEN {
            continue;
        }
        let mut path = vec![(root, graph.waits[root].keys())];
        (seen[root], lowest[root]) = (next, next);
        next += 1;
        open.push(root);
        is_open[root] = true;
        while let Some((index, awaited)) = path.last_mut() {
            let index = *index;
            let Some(other) = awaited.find(|other| rest[**other]).copied() else {
                path.pop();
                if let Some((waiter, _)) = path.last() {
                    lowest[*waiter] = lowest[*waiter].min(lowest[index]);
                }
                if lowest[index] == seen[index] {
                    let start = open.iter().rposition(|other| *other == index).unwrap_or(0);
                    let component = open.split_off(start);
                    for other in &component {
                        is_open[*other] = false;
                        found[*other] = component.len() > 1;
                    }
                }
                continue;
            };
            if seen[other] == UNSEEN {
                (seen[other], lowest[other]) = (next, next);
                next += 1;
                open.push(other);
                is_open[other] = true;
                path.push((other, graph.waits[other].keys()));
            } else if is_open[other] {
                lowest[index] = lowest[index].min(seen[other]);
            }
        }
    }
    found
}

/// The shortest way from a script that is on a loop over what it waits for back to itself.
fn shortest(start: usize, rest: &[bool], graph: &Graph<'_>) -> Vec<usize> {
    let mut from = vec![usize::MAX; graph.waits.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(index) = queue.pop_front() {
        for next in graph.waits[index].keys().filter(|next| rest[**next]) {
            if *next == start {
                let mut path = vec![index];
                while path.last() != Some(&start) {
                    path.push(from[path[path.len() - 1]]);
                }
                path.reverse();
                return path;
            }
            if from[*next] == usize::MAX {
                from[*next] = index;
                queue.push_back(*next);
            }
        }
    }
    vec![start]
}

/// The whole loop as a path, each edge with the line that makes it.
fn tell(path: &[usize], scripts: &[Script], graph: &Graph<'_>, messages: &mut Messages) {
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
            let place = reason.place();
            let (waiter, awaited, why) = (name(step), name(step + 1), reason.text());
            text += &format!("\n    {waiter} waits for {awaited}: {why} [{place}]");
            first.get_or_insert(place);
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
