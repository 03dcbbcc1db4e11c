//! `preroot order` as a user runs it: the table, the drawing, runlevels, where it goes.

mod common;

use std::fs;

use common::World;

const TABLE: &str = "\
x: policy levels, parallel unlimited, deadline 5m

runlevel S: start; no scripts

runlevel 2: start; 3 scripts on 2 levels, longest chain 2
   1  first*  other
   2  second*
  * on the longest chain: each waits for the one before
";

#[test]
fn the_levels_fit_on_a_screen() {
    let world = World::new();
    world.freeze("old", "plan");
    assert_eq!(
        world.run(&["order", "plan"]),
        (0, TABLE.to_string(), String::new())
    );
    let (code, table, _) = world.run(&["order", "plan", "--output", "-"]);
    assert_eq!((code, table.as_str()), (0, TABLE));
    for number in 0..120 {
        world.script("old", &format!("daemon-number-{number}"), "");
    }
    world.script(
        "old",
        &format!("daemon-with-a-{}-name", "long-".repeat(20)),
        "",
    );
    let (code, table, errors) = world.run(&["order", "old"]);
    assert_eq!(code, 0, "{errors}");
    let long: Vec<&str> = table
        .lines()
        .filter(|line| line.chars().count() > 80)
        .collect();
    assert_eq!(long.len(), 1, "only the one name is longer:\n{table}");
}

#[test]
fn what_sets_a_script_apart_stands_beside_it() {
    let world = World::new();
    let config = format!(
        "{}[script.other]\ndeadline = \"90s\"\ncritical = true\n[script.second]\nskip = \"no\"\n",
        common::CONFIG
    );
    world.write("marks.toml", config.as_bytes());
    let (_, table, _) = world.run(&["order", "old", "--config", "marks.toml", "--runlevel", "2"]);
    let expected = "   1  first  other (critical, deadline 90s)\n  dropped:\n      second\n";
    assert!(table.ends_with(expected), "{table}");
}

#[test]
fn the_drawing_goes_to_a_file_or_to_standard_output() {
    let world = World::new();
    world.freeze("old", "plan");
    let (code, drawing, errors) = world.run(&["order", "plan", "--svg"]);
    assert_eq!(code, 0, "{errors}");
    assert!(
        drawing.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""),
        "{drawing}"
    );
    assert!(drawing.ends_with("</svg>\n"), "{drawing}");
    assert!(
        drawing.contains("second after first: Required-Start first (second:3)"),
        "{drawing}"
    );
    let (code, output, _) = world.run(&["order", "plan", "--svg", "--output", "order.svg"]);
    assert_eq!((code, output.as_str()), (0, ""));
    let written = fs::read_to_string(world.path().join("order.svg")).expect("drawing");
    assert!(written == drawing);
}

#[test]
fn runlevels_are_those_of_a_plan_or_any_of_a_tree() {
    let world = World::new();
    world.freeze("old", "plan");
    let heading = |args: &[&str]| {
        let (code, table, errors) = world.run(&[&["order"], args].concat());
        let heading = table.lines().nth(2).unwrap_or_default();
        (code, format!("{heading}{errors}"))
    };
    let cases: [(&[&str], i32, &str); 7] = [
        (
            &["plan", "--runlevel", "S"],
            0,
            "runlevel S: start; no scripts",
        ),
        (
            &["plan", "--runlevel", "s"],
            0,
            "runlevel S: start; no scripts",
        ),
        (
            &["plan", "--runlevel", "0"],
            0,
            "runlevel 0: stop; no scripts",
        ),
        (
            &["old", "--runlevel", "3"],
            0,
            "runlevel 3: start; 3 scripts on 2 levels",
        ),
        (
            &["plan", "--runlevel", "3"],
            1,
            "plan: the plan has no runlevel 3; it has S, 2, 0, 6",
        ),
        (&["plan", "--runlevel", "7"], 100, "S, or one of 0 to 6"),
        (
            &["plan", "--output", "no/such/file"],
            111,
            "no/such/file: No such file or directory",
        ),
    ];
    for (args, expected, words) in cases {
        let (code, said) = heading(args);
        assert_eq!(code, expected, "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}
