//! Whether a plan limits its scripts: the config's word, else as the tree lets us.

mod support;

use std::fs;
use std::path::Path;

use preroot_freeze::{Config, Messages, Root, freeze};
use preroot_plan::Limits;

/// What the plan of this tree and config says of limits.
fn limits(order: &str, script: &str) -> (Limits, Vec<String>) {
    let directory = tempfile::tempdir().expect("scratch directory");
    let tree = format!("== {script}\nProvides: x\nDefault-Start: 2\n");
    support::write(&tree, directory.path());
    let path = directory.path().join(format!("etc/init.d/{script}"));
    let mut text = fs::read_to_string(&path).expect("script");
    if script == "docker" {
        text += "mount -n -t cgroup -o cpu cgroup cpu\n";
    }
    fs::write(&path, text).expect("script");
    let mut messages = Messages::default();
    let config = format!("name = \"test\"\n[root]\nfind = \"LABEL=root\"\n[order]\n{order}\n");
    let config = Config::parse(&config, Path::new("test.toml"), &mut messages).expect("config");
    let root = Root::new(directory.path());
    let request = support::request(&config, &root);
    let draft = freeze(&request, &mut messages).expect("a plan");
    let said = messages.into_list();
    (draft.limits, said.iter().map(ToString::to_string).collect())
}

#[test]
fn controllers_are_left_to_a_root_that_mounts_them() {
    for (order, script, expected, is_told) in [
        ("", "ssh", Limits::Reserve, false),
        ("", "docker", Limits::None, true),
        ("", "cgroupfs-mount", Limits::None, true),
        ("limits = \"reserve\"", "docker", Limits::Reserve, false),
        ("limits = \"none\"", "ssh", Limits::None, false),
    ] {
        let (found, said) = limits(order, script);
        assert_eq!(found, expected, "{order} {script}");
        let told = said
            .iter()
            .any(|line| line.contains("mounts control groups"));
        assert_eq!(told, is_told, "{said:?}");
    }
}
