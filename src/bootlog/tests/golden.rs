//! Every record of the corpus through every command, compared with what is expected.
//!
//! `BLESS=1 cargo test -p bootlog` rewrites what is expected; look at the diff. A record itself is
//! never rewritten, only made when its story is new: old records must stay readable.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn records() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records")
}

fn blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}

/// Runs bootlog and returns what it printed.
fn run(arguments: &[&str], record: &Path) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_bootlog"))
        .args(arguments)
        .arg(record)
        .output()
        .expect("bootlog runs");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).expect("text")
}

fn check(record: &Path, arguments: &[&str], kind: &str) {
    let printed = run(arguments, record);
    let harmless = |character: char| character == '\n' || !bootlog::format::is_unsafe(character);
    assert!(
        printed.chars().all(harmless),
        "{}: unsafe output",
        record.display()
    );
    let path = record.with_extension(kind);
    if blessing() {
        fs::write(&path, &printed).expect("the corpus can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        printed,
        expected,
        "{}: BLESS=1 accepts this",
        path.display()
    );
}

#[test]
fn every_record_through_every_command() {
    for (name, bytes) in common::stories::all() {
        let path = records().join(name).with_extension("record");
        if blessing() && !path.exists() {
            fs::write(&path, &bytes).expect("the corpus can be written");
        }
    }
    let mut read = 0;
    for entry in fs::read_dir(records()).expect("the corpus") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|kind| kind != "record") {
            continue;
        }
        check(&path, &["show"], "txt");
        check(&path, &["show", "--json"], "json");
        check(&path, &["list"], "list.txt");
        check(&path, &["list", "--json"], "list.json");
        check(&path, &["critical-path"], "path.txt");
        check(&path, &["critical-path", "--json"], "path.json");
        check(&path, &["kernel"], "kernel.txt");
        check(&path, &["kernel", "--json"], "kernel.json");
        check(&path, &["blame"], "blame.txt");
        check(&path, &["blame", "--json"], "blame.json");
        check(&path, &["hardware"], "hardware.txt");
        check(&path, &["hardware", "--json"], "hardware.json");
        check(&path, &["hardware", "--changes"], "changes.txt");
        check(&path, &["hardware", "--changes", "--json"], "changes.json");
        let good = format!("{}@0", records().join("good.record").display());
        check(&path, &["diff", &good], "diff.txt");
        check(&path, &["diff", "--json", &good], "diff.json");
        check(&path, &["plot"], "plot.txt");
        check(&path, &["plot", "--json"], "plot.json");
        #[cfg(feature = "full")]
        for (arguments, kind) in [
            (["plot", "--svg"], "svg"),
            (["export", "jsonl"], "jsonl"),
            (["export", "trace"], "trace.json"),
            (["export", "openmetrics"], "prom"),
        ] {
            check(&path, &arguments, kind);
        }
        let diff: &[&str] = &["diff", &good];
        for command in [
            &["show"],
            &["critical-path"],
            &["blame"],
            &["kernel"],
            &["plot"],
            diff,
        ] {
            let shown = run(command, &path);
            let wide = shown.lines().find(|line| line.chars().count() > 100);
            assert_eq!(wide, None, "{}", path.display());
        }
        read += 1;
    }
    assert!(
        read >= common::stories::all().len(),
        "a story has no record: BLESS=1 makes it"
    );
}

/// The writer of today makes the records that the stories made: byte for byte, until a story needs
/// a key that is new, and then it gets a new name.
#[test]
fn stories_make_their_records() {
    for (name, bytes) in common::stories::all() {
        let path = records().join(name).with_extension("record");
        let kept = fs::read(&path).unwrap_or_default();
        assert!(kept == bytes, "{}: the story changed", path.display());
    }
}

#[test]
fn json_is_json() {
    for (name, _) in common::stories::all() {
        let path = records().join(name).with_extension("record");
        let value: serde_json::Value =
            serde_json::from_str(&run(&["show", "--json"], &path)).expect("JSON");
        assert_eq!(value["format"], 1);
        assert!(value["boot"]["verdict"]["word"].is_string());
    }
}

/// A picture is a document, and nothing in it is fetched or run.
#[cfg(feature = "full")]
#[test]
fn pictures_are_documents() {
    for (name, _) in common::stories::all() {
        let path = records().join(name).with_extension("record");
        let svg = run(&["plot", "--svg"], &path);
        let document = roxmltree::Document::parse(&svg).expect("XML");
        let elements = document.descendants().filter(roxmltree::Node::is_element);
        let known = [
            "svg", "style", "rect", "text", "tspan", "line", "path", "g", "title",
        ];
        for element in elements {
            let tag = element.tag_name().name();
            assert!(known.contains(&tag), "{name}: {tag}");
            assert!(
                element
                    .attributes()
                    .all(|attribute| !attribute.name().starts_with("on"))
            );
        }
    }
}

/// Each line of an export for warehouses is what `show --json` says of that boot.
#[cfg(feature = "full")]
#[test]
fn lines_are_boots() {
    let path = records().join("ring-of-three-boots.record");
    let lines = run(&["export", "jsonl"], &path);
    for (boot, line) in ["2", "1", "0"].into_iter().zip(lines.lines()) {
        let shown = run(&["show", "--json", "--boot", boot], &path);
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(value(line), value(&shown));
    }
    assert_eq!(lines.lines().count(), 3);
}

/// What a trace's reader demands: times, and on one thread nothing that overlaps.
#[cfg(feature = "full")]
#[test]
fn traces_nest() {
    for (name, _) in common::stories::all() {
        let path = records().join(name).with_extension("record");
        let text = run(&["export", "trace"], &path);
        let trace: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let mut bars = Vec::new();
        for event in trace["traceEvents"].as_array().expect("events") {
            if event["ph"] == "X" {
                let number = |key: &str| event[key].as_f64().expect("a number");
                let end = number("ts") + number("dur");
                bars.push((
                    number("pid") as u32,
                    number("tid") as u32,
                    number("ts"),
                    end,
                ));
            }
        }
        bars.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        for pair in bars.windows(2) {
            let [one, next] = pair else { continue };
            let is_apart = (one.0, one.1) != (next.0, next.1) || one.3 <= next.2 + 0.001;
            assert!(is_apart, "{name}: {one:?} {next:?}");
        }
    }
}

/// What a parser of metrics demands: each family once and in one piece, no sample twice, an end.
#[cfg(feature = "full")]
#[test]
fn metrics_are_metrics() {
    for (name, _) in common::stories::all() {
        let path = records().join(name).with_extension("record");
        let text = run(&["export", "openmetrics"], &path);
        assert!(text.ends_with("# EOF\n"), "{name}");
        let mut seen = std::collections::HashSet::new();
        let mut family = "";
        for line in text.lines() {
            if let Some(begun) = line.strip_prefix("# TYPE ") {
                family = begun.strip_suffix(" gauge").expect("a gauge");
                assert!(seen.insert(("family", family)), "{name}: {line}");
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                assert!(series.starts_with(family), "{name}: {line}");
                assert!(
                    value.parse::<f64>().is_ok_and(f64::is_finite),
                    "{name}: {line}"
                );
                assert!(seen.insert(("series", series)), "{name}: {line}");
            }
        }
    }
}
