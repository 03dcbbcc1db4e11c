//! Our answer for a tree, in the same words as insserv's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use preroot_freeze::graph::{Graph, Side};
use preroot_freeze::levels::levels;
use preroot_freeze::providers::Providers;
use preroot_freeze::tree::Tree;
use preroot_freeze::{Messages, Root};

/// An order: by runlevel the number of each script, and who waits for whom.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// The numbers; only which of two is lower, or that they are equal, means anything.
    pub(crate) numbers: BTreeMap<char, BTreeMap<String, usize>>,
    /// The waiter, and what it waits for.
    pub(crate) edges: BTreeSet<(String, String)>,
}

/// What a tool says of a tree, or why it refuses.
pub(crate) type Verdict = Result<Answer, String>;

/// An order for each direction.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) start: Order,
    pub(crate) stop: Order,
    /// What it warned about.
    pub(crate) warnings: String,
}

/// What we know of a tree: our answer, and what it was made of.
pub(crate) struct Ours {
    pub(crate) tree: Tree,
    pub(crate) verdict: Verdict,
}

/// Our answer for the tree in `root`.
pub(crate) fn ours(root: &Path) -> Ours {
    let mut messages = Messages::default();
    let tree = Tree::read(&Root::new(root), &mut messages);
    let providers = Providers::collect(&tree, &mut messages);
    let mut orders = Vec::new();
    for side in [Side::Start, Side::Stop] {
        let graph = Graph::build(&tree, &providers, side, &mut messages).expect("a small graph");
        if let Some(numbers) = levels(&tree.scripts, &graph, &mut messages) {
            orders.push(order(&tree, &graph, &numbers));
        }
    }
    let refused = messages.refused();
    let texts = messages.into_list().into_iter();
    let texts: Vec<String> = texts.map(|message| message.to_string()).collect();
    let verdict = match (refused, orders.pop(), orders.pop()) {
        (false, Some(stop), Some(start)) => Ok(Answer {
            start,
            stop,
            warnings: texts.join("\n"),
        }),
        _ => Err(texts.join("\n")),
    };
    Ours { tree, verdict }
}

fn order(tree: &Tree, graph: &Graph<'_>, numbers: &[usize]) -> Order {
    let mut order = Order::default();
    for runlevel in "S0123456".chars() {
        let here = tree.scripts.iter().zip(numbers);
        let here = here.filter(|(script, _)| graph.side.runlevels(script).has(runlevel as u8));
        let own: BTreeMap<String, usize> = here
            .map(|(script, number)| (script.name.clone(), *number))
            .collect();
        if !own.is_empty() {
            order.numbers.insert(runlevel, own);
        }
    }
    let name = |index: usize| tree.scripts[index].name.clone();
    for (waiter, waits) in graph.waits.iter().enumerate() {
        let edges = waits.keys().map(|awaited| (name(waiter), name(*awaited)));
        order.edges.extend(edges);
    }
    order
}
