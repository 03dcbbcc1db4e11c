//! Levels: how deep each script stands in an order.
//!
//! A script's number is 1 + the longest chain of edges below it, one number for all its runlevels.
//! Interactive scripts then get a level of their own: from the lowest level up, what shares a level
//! and a runlevel with one is moved one down, with everything that waits for it.

use std::collections::VecDeque;

use crate::graph::{Graph, Side};
use crate::loops;
use crate::message::Messages;
use crate::tree::Script;

/// The number of each script, from 1. `None`: there are loops, which went to `messages`.
#[must_use]
pub fn levels(
    scripts: &[Script],
    graph: &Graph<'_>,
    messages: &mut Messages,
) -> Option<Vec<usize>> {
    let Some(steps) = sort(graph) else {
        loops::report(scripts, graph, messages);
        return None;
    };
    let mut least = vec![1; scripts.len()];
    let mut numbers = number(&steps, &least);
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
                numbers = number(&steps, &least);
            }
        }
        deep += 1;
    }
    Some(numbers)
}

/// A script and what it waits for, all of which has had its step before.
struct Step {
    script: usize,
    waits: Vec<usize>,
}

/// The scripts so that none stands before what it waits for; `None`: there is a loop.
fn sort(graph: &Graph<'_>) -> Option<Vec<Step>> {
    let count = graph.waits.len();
    let mut waiters = vec![Vec::new(); count];
    for (waiter, waits) in graph.waits.iter().enumerate() {
        for awaited in waits.keys() {
            waiters[*awaited].push(waiter);
        }
    }
    let mut open: Vec<usize> = graph.waits.iter().map(|waits| waits.len()).collect();
    let mut ready: VecDeque<usize> = (0..count).filter(|index| open[*index] == 0).collect();
    let mut steps = Vec::with_capacity(count);
    while let Some(script) = ready.pop_front() {
        let waits = graph.waits[script].keys().copied().collect();
        steps.push(Step { script, waits });
        for waiter in &waiters[script] {
            open[*waiter] -= 1;
            if open[*waiter] == 0 {
                ready.push_back(*waiter);
            }
        }
    }
    (steps.len() == count).then_some(steps)
}

fn number(steps: &[Step], least: &[usize]) -> Vec<usize> {
    let mut numbers = least.to_vec();
    for step in steps {
        let below = step.waits.iter().map(|awaited| numbers[*awaited] + 1).max();
        numbers[step.script] = numbers[step.script].max(below.unwrap_or(1));
    }
    numbers
}
