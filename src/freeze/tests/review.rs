//! Reviews: pairs of trees whose review was read and kept, and what holds for any two orders.
//!
//! `reviews/NAME.trees` has both trees, each after a line of its own (`==== old`, `==== new`), and
//! their configs where those matter; `NAME.expect` is the review. `BLESS=1 cargo test -p
//! preroot-freeze --test review` rewrites them; the diff is what is reviewed.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use preroot_freeze::review::{Cause, Detail, Review, Scope, review};
use preroot_freeze::{Config, Messages, Root, freeze};
use preroot_plan::{
    Argument, Draft, DraftEdge, DraftRunlevel, DraftScript, Plan, ScriptMode, Weight,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

/// Freezes a tree with what a config asks for beside the root.
fn frozen(tree: &str, config: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("scratch directory");
    support::write(tree, directory.path());
    let mut messages = Messages::default();
    let text = format!("name = \"test\"\n[root]\nfind = \"LABEL=root\"\n{config}");
    let config = Config::parse(&text, Path::new("x.toml"), &mut messages);
    let config = config.unwrap_or_else(|| panic!("{:?}", messages.into_list()));
    let root = Root::new(directory.path());
    let request = support::request(&config, &root);
    let mut messages = Messages::default();
    let draft = freeze(&request, &mut messages);
    let draft = draft.unwrap_or_else(|| panic!("{:?}", messages.into_list()));
    draft.freeze().expect("a good draft")
}

/// The sections of a `.trees` file.
fn sections(text: &str) -> BTreeMap<String, String> {
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        match line.strip_prefix("==== ") {
            Some(next) => name = next.to_string(),
            None => *sections.entry(name.clone()).or_default() += &format!("{line}\n"),
        }
    }
    sections
}

fn reviews() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reviews");
    let entries = fs::read_dir(directory).expect("tests/reviews");
    let paths = entries.map(|entry| entry.expect("entry").path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "trees"))
        .collect();
    paths.sort();
    paths
}

#[test]
fn pairs_get_the_reviews_that_were_read() {
    let mut wrong = Vec::new();
    for path in reviews() {
        let sections = sections(&fs::read_to_string(&path).expect("text"));
        let section = |name: &str| sections.get(name).map_or("", String::as_str);
        let old = frozen(section("old"), section("old config"));
        let new = frozen(section("new"), section("new config"));
        let plan = |bytes| Plan::check(bytes).expect("plan");
        let review = review(&plan(&old), &plan(&new), Scope::Whole);
        let mut answer = review.text(Detail::Usual);
        assert_eq!(answer.lines().last(), Some(review.summary().as_str()));
        let verbose = review.text(Detail::Verbose);
        if verbose != answer {
            answer += &format!("==== --verbose\n{verbose}");
        }
        check_json(&review);
        let expected = path.with_extension("expect");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, &answer).expect("expectation");
        }
        if fs::read_to_string(&expected).unwrap_or_default() != answer {
            wrong.push(format!("{}:\n{answer}", path.display()));
        }
    }
    let count = wrong.len();
    assert!(
        wrong.is_empty(),
        "{count} differ (BLESS=1 rewrites them):\n{}",
        wrong.join("\n")
    );
}

/// The JSON says what the text says.
fn check_json(review: &Review) {
    let json = review.json().expect("JSON");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["same"], review.is_same());
    assert_eq!(json["summary"], review.summary());
    assert_eq!(json["runlevels"].as_array().map(Vec::len), Some(4));
    assert_eq!(
        json["settings"].as_array().map(Vec::len),
        Some(review.settings.len())
    );
}

#[test]
fn a_tree_without_a_config_is_held_against_a_plan_by_its_order() {
    let tree = "== a\nDefault-Start: 2\n";
    let plain = frozen(tree, "");
    let own = frozen(
        tree,
        "[order]\nparallel = 3\n[script.a]\ndeadline = \"1s\"\n",
    );
    let plan = |bytes| Plan::check(bytes).expect("plan");
    let review = |scope| review(&plan(&plain), &plan(&own), scope).summary();
    assert_eq!(review(Scope::Order), "no difference");
    assert_eq!(
        review(Scope::Whole),
        "scripts: 1 changed; 1 setting changed"
    );
}

/// A random order: for each script, those of a lower number that it waits for.
type Waits = Vec<BTreeSet<usize>>;

/// Scripts of a random order.
const SCRIPTS: usize = 20;

fn waits() -> impl Strategy<Value = Waits> {
    let of = |script: usize| btree_set(0..script.max(1), 0..3.min(script + 1));
    (0..SCRIPTS)
        .map(of)
        .collect::<Vec<_>>()
        .prop_map(|mut waits| {
            waits[0].clear();
            waits
        })
}

/// The levels of an order, by the longest chain below each script.
fn levels(waits: &Waits) -> Vec<u16> {
    let mut levels: Vec<u16> = Vec::new();
    for own in waits {
        levels.push(1 + own.iter().map(|other| levels[*other]).max().unwrap_or(0));
    }
    levels
}

fn plan(waits: &Waits) -> Vec<u8> {
    let levels = levels(waits);
    let mut order: Vec<usize> = (0..waits.len()).collect();
    order.sort_by_key(|script| levels[*script]);
    let place = |script: &usize| order.iter().position(|other| other == script);
    let edge = |script: &usize| DraftEdge {
        awaited: u32::try_from(place(script).expect("script")).expect("u32"),
        reason: format!("Required-Start {script} (x:1)"),
    };
    let script = |script: &usize| DraftScript {
        name: script.to_string(),
        level: levels[*script],
        mode: ScriptMode::Parallel,
        weight: Weight::Normal,
        link: 1,
        deadline_ms: 300_000,
        edges: waits[*script].iter().map(edge).collect(),
    };
    let draft = Draft {
        runlevels: vec![DraftRunlevel {
            name: b'2',
            argument: Argument::Start,
            scripts: order.iter().map(script).collect(),
        }],
        ..Draft::default()
    };
    draft.freeze().expect("a good draft")
}

/// Who waits for whom.
type Edges = Vec<(usize, usize)>;

/// The edges of causes; in a plan of edges alone there are no other causes.
fn edges(causes: &[Cause]) -> (Edges, Edges) {
    let number = |name: &String| name.parse::<usize>().expect("number");
    let (mut new, mut lost) = (Vec::new(), Vec::new());
    for cause in causes {
        match cause {
            Cause::NewEdge { script, after, .. } => new.push((number(script), number(after))),
            Cause::LostEdge { script, after, .. } => lost.push((number(script), number(after))),
            other => panic!("{other:?}"),
        }
    }
    (new, lost)
}

proptest! {
    /// The causes of a move are enough for it: with nothing but them changed, the script moves too.
    #[test]
    fn causes_are_enough_for_what_they_are_said_to_move(old in waits(), new in waits(), keep in vec(any::<bool>(), SCRIPTS)) {
        // Few differences are the usual case.
        let mut mixed = old.clone();
        for (script, _) in keep.iter().enumerate().filter(|(_, keep)| !**keep) {
            mixed[script] = new[script].clone();
        }
        let (before, after) = (levels(&old), levels(&mixed));
        let (old_plan, new_plan) = (plan(&old), plan(&mixed));
        let check = |bytes| Plan::check(bytes).expect("plan");
        let review = review(&check(&old_plan), &check(&new_plan), Scope::Whole);
        let runlevel = &review.runlevels[1];
        let mut moved = 0;
        for group in &runlevel.moves {
            let (new, lost) = edges(&group.causes);
            prop_assert!(!group.causes.is_empty());
            let mut only = old.clone();
            for (waiter, awaited) in new {
                only[waiter].insert(awaited);
            }
            let pushed = levels(&only);
            let mut only = old.clone();
            for (waiter, awaited) in lost {
                only[waiter].remove(&awaited);
            }
            let let_go = levels(&only);
            for script in &group.scripts {
                moved += 1;
                let number: usize = script.script.parse().expect("number");
                prop_assert_eq!((script.old, script.new), (before[number].into(), after[number].into()));
                if script.new > script.old {
                    prop_assert!(usize::from(pushed[number]) >= script.new);
                } else {
                    prop_assert!(usize::from(let_go[number]) < script.old);
                }
            }
        }
        prop_assert_eq!(moved, (0..SCRIPTS).filter(|script| before[*script] != after[*script]).count());
        prop_assert_eq!(review.is_same(), old == mixed);
    }
}
