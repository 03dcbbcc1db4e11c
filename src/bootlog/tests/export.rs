//! `bootlog export` of many records: which are taken, and what is said of those that are not.
#![cfg(feature = "full")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn export(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bootlog"))
        .current_dir(dir)
        .arg("export")
        .args(arguments)
        .output()
        .expect("bootlog runs")
}

/// Two records of the corpus, one of them in a directory of its own, and what is no record.
fn fleet() -> tempfile::TempDir {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records");
    let place = tempfile::tempdir().expect("a directory");
    let root = place.path();
    for dir in ["hosts/a/var/lib/preroot", "hosts/b", "none"] {
        fs::create_dir_all(root.join(dir)).expect("a directory");
    }
    let copy = |name: &str, to: &str| {
        fs::copy(corpus.join(name).with_extension("record"), root.join(to)).expect("a copy");
    };
    copy("dying-disk", "hosts/a/var/lib/preroot/record");
    copy("assembled-root", "hosts/b/store");
    fs::write(root.join("hosts/notes"), "no record").expect("a file");
    fs::write(root.join("none/notes"), "no record").expect("a file");
    place
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn records_below_directories_are_found() {
    let place = fleet();
    let of = |files: &[&str]| lines(&export(place.path(), &[&["jsonl"], files].concat()));
    let named = of(&["hosts/a/var/lib/preroot/record", "hosts/b/store"]);
    assert!(named.len() >= 2, "{named:?}");
    assert_eq!(of(&["hosts"]), named);
    // A machine's tree is that machine.
    assert_eq!(of(&["hosts/a", "hosts/b"]), named);
    let twice = of(&["hosts/b", "hosts/b/store"]);
    assert_eq!(twice.len(), 2 * of(&["hosts/b"]).len());
}

#[test]
fn what_cannot_be_exported_is_said() {
    let place = fleet();
    let check = |arguments: &[&str], code: i32, words: &str| {
        let output = export(place.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    check(&["jsonl", "none"], 1, "no record in there: 1 other files");
    check(&["jsonl", "hosts/notes"], 1, "not a record");
    check(&["jsonl", "gone"], 1, "no such file");
    check(&["trace", "hosts/a", "hosts/b"], 100, "one boot");
    check(&["openmetrics", "hosts/a", "hosts/b"], 100, "one boot");
    check(&["openmetrics", "hosts/a", "--boot", "99"], 1, "no boot 99");
}

/// Who reads the first line only, as head(1) does, has no error to read of.
#[test]
fn a_reader_that_leaves_is_no_failure() {
    let place = fleet();
    for format in ["jsonl", "parquet"] {
        if format == "parquet" && !cfg!(feature = "exports") {
            continue;
        }
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_bootlog"))
            .args(["export", format])
            .arg(place.path().join("hosts"))
            .stdout(writer)
            .output()
            .expect("bootlog runs");
        assert_eq!(output.status.code(), Some(0), "{format}: {output:?}");
        assert!(output.stderr.is_empty(), "{format}: {output:?}");
    }
}
