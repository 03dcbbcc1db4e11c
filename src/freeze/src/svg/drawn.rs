//! What of an order is drawn: the edges that do not follow from others, and one rail in place of a
//! line to each script where something waits for all that stands above it.

use crate::view::{Closure, View, Wait};

/// So many edges at least are worth a rail.
const RAIL_EDGES_MIN: usize = 3;

/// A line from a script down to one that waits for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Who waits.
    pub(super) waiter: usize,
    /// For whom, and why.
    pub(super) wait: Wait<'a>,
    /// Whether both are on the longest chain, one after the other.
    pub(super) is_chain: bool,
}

/// What is drawn of a runlevel.
#[derive(Debug)]
pub(super) struct Drawn<'a> {
    /// The lines, by script that waits.
    pub(super) edges: Vec<Line<'a>>,
    /// The scripts that wait for everything on the levels above them.
    pub(super) rails: Vec<usize>,
    /// The longest chain, first script first.
    pub(super) chain: Vec<usize>,
    /// How many edges are left out since they follow from others.
    pub(super) implied: usize,
}

impl<'a> Drawn<'a> {
    /// Chooses.
    pub(super) fn of(view: &View<'a>) -> Drawn<'a> {
        let closure = Closure::of(view);
        let chain = view.longest_chain();
        let mut drawn = Drawn {
            edges: Vec::new(),
            rails: Vec::new(),
            chain: chain.clone(),
            implied: 0,
        };
        for waiter in 0..view.count() {
            let direct = closure.direct(view, waiter);
            let above = (0..waiter).filter(|other| view.level(*other) < view.level(waiter));
            if direct.len() >= RAIL_EDGES_MIN && closure.count(waiter) == above.count() {
                drawn.rails.push(waiter);
                continue;
            }
            drawn.implied += view.waits(waiter).count() - direct.len();
            drawn.edges.extend(direct.iter().map(|wait| Line {
                waiter,
                wait: *wait,
                is_chain: chain.windows(2).any(|pair| *pair == [wait.awaited, waiter]),
            }));
        }
        drawn
    }
}
