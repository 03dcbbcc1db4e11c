//! The installed insserv as oracle: same verdict, same edges, same levels.
//!
//! insserv runs on a private copy of each tree and links every script that wants to be started; its
//! links and `.depend.*` files are then held against ours. It drops edges from `.depend.*` that
//! others imply, so edges are compared as: all of its edges are ours, and all of ours follow from
//! its. Trees whose first line says `# oracle: ...` are those where insserv is wrong, and why; for
//! random trees `doubts` decides it.

mod compare;
mod doubts;
mod insserv;
#[path = "../support/naive.rs"]
mod naive;
mod order;
#[path = "../support/random.rs"]
mod random;
mod rename;
#[path = "../support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use preroot_freeze::tree::Script;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner, contextualize_config};

use crate::compare::{Depth, Names, compare};
use crate::insserv::{insserv, names};
use crate::order::{Ours, ours};
use crate::rename::by_first_service;

/// Compares all that a tree can be asked: as it lies there, and once insserv has linked it.
fn check(tree: &str) -> Result<Depth, String> {
    if tree.contains("\n-> /etc/rc") {
        return check_links(tree).map_err(|text| format!("with its links: {text}"));
    }
    let directory = tempfile::tempdir().expect("scratch directory");
    let root = directory.path();
    support::write(tree, root);
    let scripts = scripts(root);
    let before = ours(root);
    let mut depth = Depth::Levels;
    // insserv also counts the runlevels in which it then makes no link.
    let is_exact = !before.tree.scripts.iter().any(is_started_and_stopped);
    let theirs = insserv(root, &scripts);
    if is_exact {
        depth = depth.min(compare(&before, &theirs, Names::Any)?);
    }
    let renamed = tempfile::tempdir().expect("scratch directory");
    support::write(&by_first_service(tree), renamed.path());
    let theirs = insserv(renamed.path(), &scripts);
    if is_exact {
        depth = depth.min(compare(&before, &theirs, Names::First)?);
    }
    if theirs.is_ok() {
        // A second run looks at the links alone, and checks them more closely.
        let theirs = insserv(renamed.path(), &[]);
        let linked = ours(root);
        agree(&before, &linked)?;
        let linked = compare(&linked, &theirs, Names::First);
        depth = depth.min(linked.map_err(|text| format!("once linked: {text}"))?);
    }
    Ok(depth)
}

fn is_started_and_stopped(script: &Script) -> bool {
    script
        .header
        .default_start
        .meets(script.header.default_stop)
}

/// A list of headers is ordered as the tree will be in which insserv has linked them.
fn agree(headers: &Ours, links: &Ours) -> Result<(), String> {
    let (Ok(headers), Ok(links)) = (&headers.verdict, &links.verdict) else {
        return Ok(());
    };
    for (one, other) in [(&headers.start, &links.start), (&headers.stop, &links.stop)] {
        if one != other {
            return Err(format!("by headers {one:?}\nby links {other:?}"));
        }
    }
    Ok(())
}

/// Compares a tree that has links of its own.
fn check_links(tree: &str) -> Result<Depth, String> {
    let directory = tempfile::tempdir().expect("scratch directory");
    let root = directory.path();
    support::write(&by_first_service(tree), root);
    let ours = ours(root);
    hide_disabled(&ours, root);
    compare(&ours, &insserv(root, &scripts(root)), Names::First)
}

/// insserv numbers what is not linked as if it were, so what is not linked is hidden from it.
fn hide_disabled(ours: &Ours, root: &Path) {
    for script in &ours.tree.scripts {
        let header = &script.header;
        let asks = !header.default_start.or(header.default_stop).is_empty();
        if asks && !script.is_enabled() {
            fs::remove_file(root.join("etc/init.d").join(&script.name)).expect("script");
        }
    }
}

/// What insserv is asked to link.
fn scripts(root: &Path) -> Vec<String> {
    let init_d = root.join("etc/init.d");
    let mut scripts = names(&init_d);
    scripts.retain(|name| {
        let mode = fs::metadata(init_d.join(name)).map_or(0, |file| file.permissions().mode());
        !name.starts_with('.') && mode & 0o100 != 0
    });
    scripts
}

#[test]
fn trees_are_ordered_as_insserv_orders_them() {
    let mut compared = 0;
    for (name, tree) in support::trees() {
        if tree.starts_with("# oracle: ") {
            continue;
        }
        match check(&tree) {
            Ok(Depth::Levels | Depth::Refusal) => compared += 1,
            Ok(depth) => {
                panic!("{name}: compared no further than {depth:?}: say why on its first line")
            }
            Err(text) => panic!("{name}: {text}"),
        }
    }
    assert!(compared > 0, "no trees to compare");
}

#[test]
fn random_trees_are_ordered_as_insserv_orders_them() {
    let cases = ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..Default::default()
    };
    let mut runner = TestRunner::new(contextualize_config(cases));
    let depths = RefCell::new(BTreeMap::<Depth, usize>::new());
    let result = runner.run(&random::spec(), |spec| {
        let depth = check(&spec.tree()).map_err(TestCaseError::fail)?;
        *depths.borrow_mut().entry(depth).or_default() += 1;
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let depths = depths.into_inner();
    let all: usize = depths.values().sum();
    println!("of {all} random trees: {depths:?}");
    let levels = depths.get(&Depth::Levels).copied().unwrap_or(0);
    assert!(levels * 2 > all, "most could not be compared: {depths:?}");
}
