//! What holds for every plan, computed a second time from what a random tree was made of.
//!
//! No insserv here: this says what is right where insserv is not. The plan that is held against the
//! model is the one that a machine boots, read back from its bytes.

#[path = "support/model.rs"]
mod model;
#[path = "support/naive.rs"]
mod naive;
#[path = "support/plan.rs"]
mod plan;
#[path = "support/random.rs"]
mod random;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use preroot_freeze::{Config, Messages, Root, Severity, freeze, json, text};
use preroot_plan::Plan;
use proptest::prelude::*;

use crate::model::{Edges, Model};
use crate::plan::Order;
use crate::random::{RUNLEVELS, Spec};

/// Freezes the tree in `root`: the plan's bytes, or what refuses it.
fn freeze_in(root: &Path) -> Result<Vec<u8>, Vec<String>> {
    let mut messages = Messages::default();
    let config = Config::default();
    let root = Root::new(root);
    let request = support::request(&config, &root);
    let draft = freeze(&request, &mut messages);
    let errors = messages.into_list().into_iter();
    let errors = errors.filter(|message| message.severity == Severity::Error);
    let errors: Vec<String> = errors.map(|message| message.to_string()).collect();
    match draft {
        Some(draft) => Ok(draft
            .freeze()
            .expect("a draft that was not refused freezes")),
        None => Err(errors),
    }
}

fn plan_of(tree: &str) -> Result<Vec<u8>, Vec<String>> {
    let directory = tempfile::tempdir().expect("scratch directory");
    support::write(tree, directory.path());
    freeze_in(directory.path())
}

/// The same tree, its files made in another order.
fn turned(tree: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for line in tree.lines() {
        if line.starts_with("== ") || line.starts_with("-> ") {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            *part += &format!("{line}\n");
        }
    }
    parts.reverse();
    parts.concat()
}

/// Holds every runlevel of a plan against the model.
fn check(spec: &Spec, model: &Model, plan: &Plan<'_>) -> Result<(), String> {
    let start = model.start_numbers(spec);
    let stop = model.stop_numbers();
    for (name, numbers, levels, edges) in [
        (b'S', &start, &model.start, &model.start_edges),
        (b'2', &start, &model.start, &model.start_edges),
        (b'0', &stop, &model.stop, &model.stop_edges),
        (b'6', &stop, &model.stop, &model.stop_edges),
    ] {
        let place = RUNLEVELS
            .bytes()
            .position(|letter| letter == name)
            .expect("a runlevel");
        let here = (0..levels.len()).filter(|script| levels[*script] & (1 << place) != 0);
        let here: Vec<usize> = here.collect();
        let runlevel = plan.runlevel(name).ok_or("a runlevel is missing")?;
        let order = Order::of(plan, runlevel);
        order.stands_by_itself()?;
        compare(&order, spec, &here, numbers, edges).map_err(|text| {
            let name = char::from(name);
            format!("runlevel {name}: {text}")
        })?;
    }
    Ok(())
}

/// The scripts, levels and edges are the model's.
fn compare(
    order: &Order,
    spec: &Spec,
    here: &[usize],
    numbers: &[usize],
    edges: &Edges,
) -> Result<(), String> {
    let own: BTreeSet<usize> = here.iter().map(|script| numbers[*script]).collect();
    let level = |script: &usize| own.iter().filter(|n| **n <= numbers[*script]).count();
    let levels: BTreeMap<String, u16> = here
        .iter()
        .map(|script| {
            (
                spec.file(*script),
                u16::try_from(level(script)).expect("a level"),
            )
        })
        .collect();
    if levels != order.levels {
        return Err(format!("levels {:?}, not {levels:?}", order.levels));
    }
    let edges = edges
        .iter()
        .filter(|(a, b)| here.contains(a) && here.contains(b));
    let edges: BTreeSet<(String, String)> =
        edges.map(|(a, b)| (spec.file(*a), spec.file(*b))).collect();
    if edges != order.edges {
        return Err(format!("edges {:?}, not {edges:?}", order.edges));
    }
    Ok(())
}

/// The JSON says what the plan says, each edge of the same runlevel.
fn check_json(plan: &Plan<'_>) -> Result<(), String> {
    let json = json::json(plan).map_err(|error| error.to_string())?;
    let json: serde_json::Value = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    let runlevels = json.as_object().ok_or("not an object")?;
    for (name, entries) in runlevels {
        let runlevel = plan
            .runlevel(name.as_bytes()[0])
            .ok_or("no such runlevel")?;
        let order = Order::of(plan, runlevel);
        let entries = entries.as_array().ok_or("not a list")?;
        let mut edges = BTreeSet::new();
        let mut levels = BTreeMap::new();
        let mut alone = BTreeSet::new();
        for entry in entries {
            let script = entry["script"].as_str().ok_or("no script")?.to_string();
            let level = entry["level"].as_u64().ok_or("no level")?;
            levels.insert(script.clone(), u16::try_from(level).expect("a level"));
            for awaited in entry["after"].as_array().ok_or("no after")? {
                let awaited = awaited.as_str().ok_or("not a name")?;
                edges.insert((script.clone(), awaited.to_string()));
            }
            if entry["interactive"].as_bool().ok_or("no interactive")? {
                alone.insert(script);
            }
        }
        if (levels, edges, alone) != (order.levels, order.edges, order.alone) {
            return Err(format!("runlevel {name} of the JSON is not the plan's"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_plan_is_what_its_headers_ask_for(spec in random::spec()) {
        let tree = spec.tree();
        let model = Model::of(&spec);
        let plan = plan_of(&tree);
        match &plan {
            Ok(bytes) => {
                prop_assert!(model.refused.is_empty(), "accepted in spite of {:?}", model.refused);
                let plan = Plan::check(bytes).expect("a good plan");
                check(&spec, &model, &plan).map_err(TestCaseError::fail)?;
                check_json(&plan).map_err(TestCaseError::fail)?;
                prop_assert!(!text::text(&plan).is_empty());
            }
            Err(errors) => prop_assert!(!model.refused.is_empty(), "refused: {}", errors.join("\n")),
        }
        // Nothing comes from the order in which a directory is listed.
        if let (Ok(bytes), Ok(again)) = (plan, plan_of(&turned(&tree))) {
            prop_assert!(bytes == again, "another order of files gives another plan");
        }
    }
}
