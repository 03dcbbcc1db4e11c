//! The installed insserv as oracle: same verdict, same edges, same levels.
//!
//! insserv runs on a private copy of each tree and links every script that wants to be started; its
//! links and `.depend.*` files are then held against ours. It drops edges from `.depend.*` that
//! others imply, so edges are compared as: all of its edges are ours, and all of ours follow from
//! its. Trees whose first line says `# oracle: ...` are those where insserv is wrong, and why.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use preroot_freeze::graph::{Graph, Side};
use preroot_freeze::levels::levels;
use preroot_freeze::providers::Providers;
use preroot_freeze::tree::Tree;
use preroot_freeze::{Messages, Root};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// An order: by runlevel the names on each level, and who waits for whom.
#[derive(Debug, Default, PartialEq, Eq)]
struct Order {
    levels: BTreeMap<char, Vec<BTreeSet<String>>>,
    edges: BTreeSet<(String, String)>,
}

/// What a tool says of a tree: both orders, or that it refuses.
type Verdict = Result<(Order, Order), String>;

/// Runs insserv on the tree in `root` to link these scripts.
fn insserv(root: &Path, names: &[String]) -> Verdict {
    let init_d = root.join("etc/init.d");
    let output = Command::new("/usr/sbin/insserv")
        .args([
            "-p".as_ref(),
            init_d.as_os_str(),
            "-i".as_ref(),
            init_d.as_os_str(),
        ])
        .args(["-c".as_ref(), root.join("etc/insserv.conf").as_os_str()])
        .args([
            "-o".as_ref(),
            root.join("etc/insserv/overrides").as_os_str(),
        ])
        .args(names)
        .output()
        .expect("insserv is not installed: apt install insserv, or leave this test out");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let boot = depend(&init_d.join(".depend.boot"));
    let start = depend(&init_d.join(".depend.start"));
    let stop = depend(&init_d.join(".depend.stop"));
    let start = Order {
        levels: links(root, 'S'),
        edges: boot.union(&start).cloned().collect(),
    };
    Ok((
        start,
        Order {
            levels: links(root, 'K'),
            edges: stop,
        },
    ))
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// The levels of each runlevel by the numbers of its links.
fn links(root: &Path, kind: char) -> BTreeMap<char, Vec<BTreeSet<String>>> {
    let mut levels = BTreeMap::new();
    for runlevel in "S0123456".chars() {
        let mut by_number: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for name in names(&root.join(format!("etc/rc{runlevel}.d"))) {
            if name.starts_with(kind) && name.len() > 3 {
                let script = name[3..].to_string();
                by_number
                    .entry(name[1..3].to_string())
                    .or_default()
                    .insert(script);
            }
        }
        if !by_number.is_empty() {
            levels.insert(runlevel, by_number.into_values().collect());
        }
    }
    levels
}

fn depend(path: &Path) -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(path).expect("insserv wrote its .depend files");
    let mut edges = BTreeSet::new();
    for line in text.lines() {
        let Some((waiter, awaited)) = line.split_once(": ") else {
            continue;
        };
        // insserv writes a script's dependency on itself, and startpar ignores it.
        let awaited = awaited.split(' ').filter(|name| *name != waiter);
        edges.extend(awaited.map(|name| (waiter.to_string(), name.to_string())));
    }
    edges
}

/// Our answer for the tree in `root`.
fn ours(root: &Path) -> Verdict {
    let mut messages = Messages::default();
    let tree = Tree::read(&Root::new(root), &mut messages);
    let providers = Providers::collect(&tree, &mut messages);
    let mut orders = Vec::new();
    for side in [Side::Start, Side::Stop] {
        let graph = Graph::build(&tree, &providers, side, &mut messages);
        let numbers = levels(&tree.scripts, &graph, &mut messages);
        orders.push(order(
            &tree,
            &graph,
            &numbers.unwrap_or_else(|| vec![1; tree.scripts.len()]),
        ));
    }
    let refused = messages.refused();
    if refused {
        let texts = messages
            .into_list()
            .into_iter()
            .map(|message| message.to_string());
        return Err(texts.collect::<Vec<_>>().join("\n"));
    }
    let stop = orders.pop().expect("stop");
    Ok((orders.pop().expect("start"), stop))
}

fn order(tree: &Tree, graph: &Graph, numbers: &[usize]) -> Order {
    let mut order = Order::default();
    for runlevel in "S0123456".chars() {
        let mut by_number: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (script, number) in tree.scripts.iter().zip(numbers) {
            if graph.levels(script).has(runlevel as u8) {
                by_number
                    .entry(*number)
                    .or_default()
                    .insert(script.name.clone());
            }
        }
        if !by_number.is_empty() {
            order
                .levels
                .insert(runlevel, by_number.into_values().collect());
        }
    }
    let name = |index: usize| tree.scripts[index].name.clone();
    for (waiter, waits) in graph.waits.iter().enumerate() {
        order
            .edges
            .extend(waits.keys().map(|awaited| (name(waiter), name(*awaited))));
    }
    order
}

/// Whether an edge follows from others.
fn follows(edge: &(String, String), edges: &BTreeSet<(String, String)>) -> bool {
    let mut seen = BTreeSet::from([edge.0.clone()]);
    let mut todo = vec![edge.0.clone()];
    while let Some(name) = todo.pop() {
        for (_, awaited) in edges.iter().filter(|(waiter, _)| *waiter == name) {
            if *awaited == edge.1 {
                return true;
            }
            if seen.insert(awaited.clone()) {
                todo.push(awaited.clone());
            }
        }
    }
    false
}

fn compare_orders(ours: &Order, theirs: &Order) -> Result<(), String> {
    for edge in &theirs.edges {
        if !ours.edges.contains(edge) {
            return Err(format!("insserv alone: {} waits for {}", edge.0, edge.1));
        }
    }
    for edge in &ours.edges {
        if !follows(edge, &theirs.edges) {
            return Err(format!("preroot alone: {} waits for {}", edge.0, edge.1));
        }
    }
    if ours.levels != theirs.levels {
        return Err(format!(
            "levels:\n  ours   {:?}\n  theirs {:?}",
            ours.levels, theirs.levels
        ));
    }
    Ok(())
}

/// Holds our answer against insserv's, before and after insserv has linked everything.
fn compare(tree: &str) -> Result<(), String> {
    let directory = tempfile::tempdir().expect("scratch directory");
    let root = directory.path();
    support::write(tree, root);
    let mut scripts = names(&root.join("etc/init.d"));
    scripts.retain(|name| !name.starts_with('.'));
    let before = ours(root);
    let theirs = insserv(root, &scripts);
    let refused = theirs.is_err();
    compare_verdicts(before, theirs)?;
    if refused {
        return Ok(());
    }
    // A second run looks at the links alone, and checks them more closely.
    let linked = ours(root);
    compare_verdicts(linked, insserv(root, &[])).map_err(|text| format!("with links: {text}"))
}

fn compare_verdicts(ours: Verdict, theirs: Verdict) -> Result<(), String> {
    match (ours, theirs) {
        (Ok((our_start, our_stop)), Ok((start, stop))) => {
            compare_orders(&our_start, &start).map_err(|text| format!("start: {text}"))?;
            compare_orders(&our_stop, &stop).map_err(|text| format!("stop: {text}"))
        }
        (Err(_), Err(_)) => Ok(()),
        (Err(text), Ok(_)) => Err(format!("insserv accepts what preroot refuses:\n{text}")),
        (Ok(_), Err(text)) => Err(format!("preroot accepts what insserv refuses:\n{text}")),
    }
}

#[test]
fn trees_are_ordered_as_insserv_orders_them() {
    let mut compared = 0;
    for (name, tree) in support::trees() {
        if tree.starts_with("# oracle: ") {
            continue;
        }
        if let Err(text) = compare(&tree) {
            panic!("{name}: {text}");
        }
        compared += 1;
    }
    assert!(compared > 0, "no trees to compare");
}

/// One random script: what it asks for, in numbers that become words of its tree.
#[derive(Debug, Clone)]
struct RandomScript {
    required: Vec<usize>,
    should: Vec<usize>,
    before: Vec<usize>,
    required_stop: Vec<usize>,
    should_stop: Vec<usize>,
    stop_after: Vec<usize>,
}

fn random_script() -> impl Strategy<Value = RandomScript> {
    let list = || vec(0..30_usize, 0..3);
    (list(), list(), list(), list(), list(), list()).prop_map(
        |(required, should, before, required_stop, should_stop, stop_after)| RandomScript {
            required,
            should,
            before,
            required_stop,
            should_stop,
            stop_after,
        },
    )
}

/// The words of a list of script `own`. Most name scripts below, so that loops are rare; some name
/// scripts above, aliases, facilities, and what does not exist.
fn words(list: &[usize], own: usize) -> String {
    let word = |number: &usize| match number {
        0..=19 if own > 0 => format!("s{}", number % own),
        20 if own != 0 => "s0".to_string(),
        // Not in their own members: a dependency on itself costs a script others in .depend.stop.
        21 if own > 2 => "$local".to_string(),
        22 if own > 3 => "$outer".to_string(),
        23 => "$all".to_string(),
        24 => "$nobody".to_string(),
        25 => "+nothing".to_string(),
        26 if own > 0 => "a0".to_string(),
        _ => String::new(),
    };
    let words: Vec<String> = list
        .iter()
        .map(word)
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// All scripts of a tree share their runlevels, and nobody names a service that is missing both as
/// before and as after: insserv also walks chains through what takes no part.
fn random_tree(scripts: &[RandomScript], interactive: usize) -> String {
    let mut tree = String::from("== /etc/insserv.conf\n$local +s1 +s2\n$outer $local +s3\n");
    let count = scripts.len();
    for (script, own) in scripts.iter().zip(0..) {
        tree += &format!("== s{own}\nProvides: s{own} a{own}\n");
        // $all orders whole runlevels: once in a tree is enough to meet everything else.
        let all = |text: String| {
            if own + 1 == count {
                text
            } else {
                text.replace("$all", "")
            }
        };
        // A second run of insserv loses a stop dependency on an alias.
        let alias = |key: &str, text: String| {
            if key.contains("Stop") {
                text.replace("a0", "")
            } else {
                text
            }
        };
        let words = |key: &str, list: &[usize]| -> String {
            let text = alias(key, all(words(list, own)));
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        for (key, list) in [
            ("Required-Start", &script.required),
            ("Should-Start", &script.should),
            ("X-Start-Before", &script.before),
            ("Required-Stop", &script.required_stop),
            ("Should-Stop", &script.should_stop),
            ("X-Stop-After", &script.stop_after),
        ] {
            // Whom a script starts before stands above it, so turn the numbers round.
            let words = match key {
                "X-Start-Before" | "Required-Stop" | "Should-Stop" if own + 1 < count => {
                    let above = |number: &usize| match number {
                        0..=19 => format!("s{}", own + 1 + number % (count - own - 1)),
                        25 => "nowhere".to_string(),
                        _ => words(key, std::slice::from_ref(number)),
                    };
                    list.iter()
                        .map(above)
                        .filter(|word| !word.is_empty())
                        .collect::<Vec<_>>()
                        .join(" ")
                }
                "X-Start-Before" | "Required-Stop" | "Should-Stop" => String::new(),
                _ => words(key, list),
            };
            tree += &format!("{key}: {words}\n");
        }
        tree += "Default-Start: 2 3 4 5\nDefault-Stop: 0 1 6\n";
        if own == interactive {
            tree += "X-Interactive: true\n";
        }
    }
    tree
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_trees_are_ordered_as_insserv_orders_them(
        scripts in vec(random_script(), 4..12),
        interactive in 0..20_usize,
    ) {
        let tree = random_tree(&scripts, interactive);
        if let Err(text) = compare(&tree) {
            return Err(TestCaseError::fail(format!("{text}\n{tree}")));
        }
    }
}
