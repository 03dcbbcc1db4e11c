//! `preroot review` as a user runs it: plans, images and trees against each other, and exit codes.

mod common;

use common::World;

const REVIEW: &str = "\
runlevel 2: start; scripts 3, levels 2 -> 3
  moved
    first waits for other now, Required-Start other (first:3):
        1 -> 2  first
        2 -> 3  second
  new edges
    first after other: Required-Start other (first:3)

scripts: 2 moved; edges: 1 new; runlevel 2: levels 2 -> 3
";

#[test]
fn any_two_sources_are_held_against_each_other() {
    let world = World::new();
    world.freeze("old", "old.plan");
    let new = world.freeze("new", "new.plan");
    world.write("new.img", &world.image(Some(new)));
    let both_frozen: [&[&str]; 2] = [&["old.plan", "new.plan"], &["old.plan", "new.img"]];
    for args in both_frozen {
        let ran = world.run(&[&["review"], args].concat());
        assert_eq!(ran, (0, REVIEW.to_string(), String::new()), "{args:?}");
    }
    let with_trees: [&[&str]; 3] = [
        &["old", "new"],
        &["old.plan", "new", "--config", "x.toml"],
        &["old", "new.img", "--config", "x.toml"],
    ];
    for args in with_trees {
        let (code, review, errors) = world.run(&[&["review"], args].concat());
        assert_eq!((code, review.as_str()), (0, REVIEW), "{args:?}: {errors}");
        assert!(!errors.contains("note: only orders"), "{args:?}: {errors}");
    }
    // A tree alone has no settings: they are not taken for changed ones.
    let (code, review, errors) = world.run(&["review", "old.plan", "new"]);
    assert_eq!((code, review.as_str()), (0, REVIEW), "{errors}");
    assert!(
        errors.contains("note: only orders and services are compared"),
        "{errors}"
    );
}

#[test]
fn exit_codes_tell_a_difference_only_when_asked() {
    let world = World::new();
    world.freeze("old", "old.plan");
    world.freeze("new", "new.plan");
    world.write("notes", b"some words\n");
    let cases: [(&[&str], i32); 8] = [
        (&["old.plan", "new.plan"], 0),
        (&["old.plan", "new.plan", "--exit-code"], 2),
        (&["old.plan", "new.plan", "--exit-code", "--json"], 2),
        (&["old.plan", "old.plan", "--exit-code"], 0),
        (&["old.plan", "notes", "--exit-code"], 1),
        (&["nowhere", "new.plan", "--exit-code"], 111),
        (&["old.plan", "new.plan", "--config", "x.toml"], 1),
        (&["old.plan"], 100),
    ];
    for (args, expected) in cases {
        let (code, _, errors) = world.run(&[&["review"], args].concat());
        assert_eq!(code, expected, "{args:?}: {errors}");
        let is_silent = expected == 0 || expected == 2;
        assert_eq!(errors.is_empty(), is_silent, "{args:?}: {errors}");
    }
    let (_, review, _) = world.run(&["review", "old.plan", "old.plan"]);
    assert_eq!(review, "no difference\n");
}

#[test]
fn the_facts_are_there_as_json() {
    let world = World::new();
    world.freeze("old", "old.plan");
    world.freeze("new", "new.plan");
    let (_, json, _) = world.run(&["review", "--json", "old.plan", "new.plan"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let edge = serde_json::json!({
        "kind": "new-edge", "script": "first", "after": "other",
        "reason": "Required-Start other (first:3)",
    });
    let moved = serde_json::json!({
        "causes": [edge],
        "hit": [],
        "scripts": [
            {"script": "first", "old": 1, "new": 2},
            {"script": "second", "old": 2, "new": 3},
        ],
    });
    assert_eq!(json["same"], false);
    assert_eq!(json["runlevels"][1]["moves"], serde_json::json!([moved]));
    assert_eq!(
        json["runlevels"][1]["levels"],
        serde_json::json!({"old": 2, "new": 3})
    );
}
