//! `preroot freeze`, `show` and `why` as a user runs them: output, files, exit codes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const CONFIG: &str = "name = \"x\"\n[root]\nfind = \"LABEL=root\"\n";

fn preroot(directory: &Path, args: &[&str]) -> (i32, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_preroot"))
        .current_dir(directory)
        .env_remove("SOURCE_DATE_EPOCH")
        .args(args)
        .output();
    let Output {
        status,
        stdout,
        stderr,
    } = run.expect("preroot runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (
        status.code().expect("no signal"),
        text(stdout),
        text(stderr),
    )
}

/// A tree with two scripts; `b` requires this.
fn tree(required: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("scratch directory");
    let init_d = directory.path().join("root/etc/init.d");
    fs::create_dir_all(&init_d).expect("init.d");
    for (name, required) in [("a", ""), ("b", required)] {
        let text = format!(
            "### BEGIN INIT INFO\n# Provides: {name}\n# Required-Start: {required}\n\
             # Required-Stop:\n# Default-Start: 2\n# Default-Stop:\n### END INIT INFO\n"
        );
        fs::write(init_d.join(name), text).expect("script");
        fs::set_permissions(init_d.join(name), fs::Permissions::from_mode(0o755)).expect("mode");
    }
    fs::write(
        directory.path().join("root/etc/inittab"),
        "id:2:initdefault:\n",
    )
    .expect("inittab");
    fs::write(directory.path().join("x.toml"), CONFIG).expect("config");
    directory
}

const FREEZE: [&str; 7] = [
    "freeze", "--config", "x.toml", "--root", "root", "--output", "plan",
];

#[test]
fn a_plan_is_written_shown_and_explained() {
    let tree = tree("a");
    let (code, _, errors) = preroot(tree.path(), &[&FREEZE[..], &["--text", "text"]].concat());
    assert_eq!(code, 0, "{errors}");
    let text = fs::read_to_string(tree.path().join("text")).expect("text");
    assert!(text.contains("\n    b                        after a: Required-Start a (b:3)\n"));
    assert_eq!(
        preroot(tree.path(), &["show", "plan"]),
        (0, text, String::new())
    );
    let (code, output, _) = preroot(tree.path(), &["why", "plan", "b", "a"]);
    let expected = "runlevel 2: b waits for a\n    b after a: Required-Start a (b:3)\n";
    assert_eq!((code, output.as_str()), (0, expected));
    let (code, output, _) = preroot(tree.path(), &["why", "plan", "a", "b"]);
    let expected = "runlevel 2: a does not wait for b; b waits for it (levels 1 and 2)\n";
    assert_eq!((code, output.as_str()), (0, expected));
    let (code, _, errors) = preroot(tree.path(), &["why", "plan", "a", "c"]);
    assert_eq!(
        (code, errors.as_str()),
        (1, "c is not in the order: it is not enabled\n")
    );
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let tree = tree("a");
    let mut plans = Vec::new();
    for _ in 0..2 {
        assert_eq!(preroot(tree.path(), &FREEZE).0, 0);
        plans.push(fs::read(tree.path().join("plan")).expect("plan"));
    }
    assert_eq!(plans[0], plans[1]);
}

#[test]
fn the_order_is_printed_as_json_without_a_config() {
    let (code, output, _) = preroot(tree("a").path(), &["freeze", "--root", "root", "--json"]);
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    let expected = serde_json::json!({"S": [], "2": [
        {"script": "a", "level": 1, "after": [], "interactive": false},
        {"script": "b", "level": 2, "after": ["a"], "interactive": false},
    ]});
    assert_eq!(json, expected);
    let args = ["freeze", "--root", "root", "--json", "--runlevel", "3"];
    let (_, output, _) = preroot(tree("a").path(), &args);
    let json: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(json, serde_json::json!({"S": [], "3": []}));
}

#[test]
fn a_refused_tree_writes_nothing() {
    let tree = tree("ghost");
    let (code, output, errors) = preroot(tree.path(), &[&FREEZE[..], &["--text", "-"]].concat());
    assert_eq!((code, output.as_str()), (1, ""));
    let expected =
        "root/etc/init.d/b:3: error: b requires ghost, which nobody provides\n    remedy: ";
    assert!(errors.contains(expected), "{errors}");
    assert!(!tree.path().join("plan").exists());
}

#[test]
fn exit_codes_tell_who_is_wrong() {
    let tree = tree("a");
    fs::write(tree.path().join("bad.toml"), "nme = 1\n").expect("config");
    fs::write(tree.path().join("noise"), "not a plan").expect("noise");
    let cases: [(&[&str], i32); 9] = [
        (&["freeze", "--config", "bad.toml", "--root", "root"], 1),
        (&["freeze", "--config", "x.toml", "--root", "nowhere"], 1),
        (
            &[
                "freeze",
                "--config",
                "x.toml",
                "--root",
                "root",
                "--output",
                "no/such/plan",
            ],
            111,
        ),
        (&["freeze", "--root", "root"], 100),
        (
            &["freeze", "--root", "root", "--json", "--runlevel", "6"],
            100,
        ),
        (&["show", "nowhere"], 111),
        (&["show", "noise"], 1),
        (&["bogus"], 100),
        (&["--help"], 0),
    ];
    for (args, expected) in cases {
        let (code, _, errors) = preroot(tree.path(), args);
        assert_eq!(code, expected, "{args:?}: {errors}");
    }
}
