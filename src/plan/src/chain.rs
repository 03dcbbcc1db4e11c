//! What a script waits for by way of others: the shortest chain of edges.

use alloc::collections::btree_map::Entry;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::tables::{Edge, Runlevel};
use crate::view::Plan;

/// One link of a chain.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// The script that waits, by its place in the runlevel.
    pub waiter: usize,
    /// What it waits for, by its place in the runlevel.
    pub awaited: usize,
    /// The edge between them.
    pub edge: &'a Edge,
}

impl<'a> Plan<'a> {
    /// The shortest chain of edges from one script of a runlevel to another one of it, both by their places there;
    /// `None`: the first does not wait for the second.
    #[must_use]
    pub fn chain(&self, runlevel: &Runlevel, from: usize, to: usize) -> Option<Vec<Link<'a>>> {
        let scripts = self.scripts_of(runlevel);
        let first = runlevel.first_script.get() as usize;
        // By each script that was met the link that led to it.
        let mut met: BTreeMap<usize, Link<'a>> = BTreeMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(waiter) = queue.pop_front() {
            for edge in self.edges_of(scripts.get(waiter)?) {
                let awaited = (edge.awaited.get() as usize).checked_sub(first)?;
                let link = Link {
                    waiter,
                    awaited,
                    edge,
                };
                if let Entry::Vacant(unmet) = met.entry(awaited) {
                    unmet.insert(link);
                    queue.push_back(awaited);
                }
                if awaited == to {
                    return Some(walk(&met, from, to));
                }
            }
        }
        None
    }
}

/// The links from `from` to `to`, in that order.
fn walk<'a>(met: &BTreeMap<usize, Link<'a>>, from: usize, to: usize) -> Vec<Link<'a>> {
    let mut links = Vec::new();
    let mut at = to;
    while at != from
        && let Some(link) = met.get(&at)
    {
        links.push(*link);
        at = link.waiter;
    }
    links.reverse();
    links
}
