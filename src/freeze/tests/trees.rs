//! Each tree of `tests/trees` and what a freeze says of it: its messages, then its order.
//!
//! `BLESS=1 cargo test -p preroot-freeze --test trees` rewrites the expectations; the diff is what
//! is reviewed.

mod support;

use std::fs;
use std::path::Path;

use preroot_freeze::{Config, Messages, Root, freeze, text};
use preroot_plan::Plan;

/// What a freeze says, with the scratch directory taken out.
fn answer(tree: &str) -> String {
    let directory = tempfile::tempdir().expect("scratch directory");
    support::write(tree, directory.path());
    let root = Root::new(directory.path());
    let mut messages = Messages::default();
    let config =
        Config::parse(&config(tree), Path::new("test.toml"), &mut messages).expect("config");
    let request = support::request(&config, &root);
    let draft = freeze(&request, &mut messages);
    let mut answer = String::new();
    for message in messages.into_list() {
        answer += &format!("{message}\n");
    }
    match draft.map(|draft| {
        draft
            .freeze()
            .expect("a draft that was not refused freezes")
    }) {
        Some(bytes) => {
            let text = text::text(&Plan::check(&bytes).expect("a good plan"));
            let text = text.split_once("\n\n").expect("settings, then runlevels").1;
            for line in text.lines() {
                answer += if tree.contains(SHORT) {
                    without_reasons(line)
                } else {
                    line
                };
                answer.push('\n');
            }
        }
        None => answer += "refused\n",
    }
    answer.replace(&directory.path().display().to_string(), "")
}

/// The mark of a tree so large that nobody would review the reasons of its edges.
const SHORT: &str = "\n# expect: without reasons\n";

/// A script's line with its name and mode alone.
fn without_reasons(line: &str) -> &str {
    let end = line.find("after ").unwrap_or(line.len());
    line[..end].trim_end_matches([' ', ';'])
}

/// The config: what it asks of scripts goes only to trees that have them.
fn config(tree: &str) -> String {
    let mut config = String::from("name = \"test\"\n[root]\nfind = \"LABEL=root\"\n");
    if tree.contains("== skipped") {
        config += "[script.skipped]\nskip = \"not on this machine\"\n";
    }
    if tree.contains("== slow") {
        config += "[script.slow]\ndeadline = \"1h\"\ncritical = true\n";
    }
    config
}

#[test]
fn trees_get_the_answers_that_were_reviewed() {
    let mut wrong = Vec::new();
    for (name, tree) in support::trees() {
        let answer = answer(&tree);
        let path = support::expectation(&name);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &answer).expect("expectation");
        }
        if fs::read_to_string(&path).unwrap_or_default() != answer {
            wrong.push(format!("{name}:\n{answer}"));
        }
    }
    let count = wrong.len();
    assert!(
        wrong.is_empty(),
        "{count} differ (BLESS=1 rewrites them):\n{}",
        wrong.join("\n")
    );
}
