//! `bootlog fleet`: what it finds in stores that have it, and what it does with files that are none.
#![cfg(feature = "full")]

#[path = "common/fleet.rs"]
mod stores;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn bootlog(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bootlog"))
        .current_dir(dir)
        .args(arguments)
        .output()
        .expect("bootlog runs")
}

fn fleet(dir: &Path, arguments: &[&str]) -> Value {
    let mut all = vec!["fleet", "--json"];
    all.extend(arguments);
    let done = bootlog(dir, &all);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    serde_json::from_slice(&done.stdout).expect("JSON")
}

/// The records of the corpus as a fleet: one host each.
#[test]
fn the_corpus_is_a_fleet() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files: Vec<String> = fs::read_dir(tests.join("records"))
        .expect("the corpus")
        .map(|entry| {
            entry
                .expect("a file")
                .file_name()
                .into_string()
                .expect("text")
        })
        .filter(|name| name.ends_with(".record"))
        .map(|name| format!("records/{name}"))
        .collect();
    files.sort();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    for (front, kind) in [(&["fleet"][..], "txt"), (&["fleet", "--json"][..], "json")] {
        let done = bootlog(&tests, &[front, &files].concat());
        let text = String::from_utf8(done.stdout).expect("text");
        let harmless = |letter: char| letter == '\n' || !bootlog::format::is_unsafe(letter);
        assert!(text.chars().all(harmless));
        // How long it took is another time on every run.
        let text = match kind {
            "txt" => text.split_once('\n').expect("lines").1.to_owned(),
            _ => text,
        };
        let path = tests.join("fleet").join(format!("corpus.{kind}"));
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(tests.join("fleet")).expect("a directory");
            fs::write(&path, &text).expect("it can be written");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, expected, "BLESS=1 accepts this");
    }
}

#[test]
fn who_has_something_wrong() {
    let place = tempfile::tempdir().expect("a directory");
    for host in 0..24 {
        let dir = place.path().join(format!("rack{}", host % 3));
        fs::create_dir_all(&dir).expect("a directory");
        fs::write(dir.join(format!("{host}.store")), stores::store(host)).expect("a store");
    }
    fs::write(place.path().join("notes.txt"), "no record").expect("a file");
    fs::write(place.path().join("empty"), "").expect("a file");
    std::os::unix::fs::symlink("..", place.path().join("rack0/up")).expect("a link");
    let fleet = &fleet(place.path(), &["."])["fleet"];
    assert_eq!(fleet["read"]["stores"], 24);
    assert_eq!(fleet["read"]["boots"], 240);
    assert_eq!(fleet["read"]["other_files"], 2);
    assert_eq!(fleet["read"]["damaged_bytes"], 0);
    let hosts = |list: &str, fields: [&str; 2]| -> Vec<String> {
        let entries = fleet[list].as_array().expect("a list").iter();
        let text =
            |entry: &Value| fields.map(|field| entry[field].as_str().unwrap_or("").to_owned());
        entries.map(|entry| text(entry).join(" ")).collect()
    };
    let name = |host: u32| format!("host{host}");
    let missing = [
        format!("{} disk S4EVNX0R", name(stores::DEAD_DISK)),
        format!("{} memory", name(stores::SMALL)),
    ];
    assert_eq!(hosts("missing", ["host", "item"]), missing);
    assert_eq!(
        hosts("not_ok", ["host", "verdict"]),
        [format!("{} RESCUE", name(stores::RESCUED))]
    );
    // With either image.
    let slow = format!("{} service-5", name(stores::SLOW));
    assert_eq!(hosts("outliers", ["host", "script"]), [slow.clone(), slow]);
    let groups = fleet["groups"].as_array().expect("a list");
    assert_eq!(groups.len(), 2);
    for group in groups {
        assert_eq!(group["stores"], 24);
        assert_eq!(group["boot"]["count"], 120);
        let scripts = group["scripts"].as_array().expect("a list");
        assert_eq!(scripts.len(), 60);
        // 120 ms, a fifth more or less, within 1 %.
        let slowest = scripts.iter().find(|script| script["name"] == "service-59");
        let p50 = slowest.expect("it has run")["spread"]["p50_ns"].as_u64();
        let p50 = p50.expect("a number");
        // The first is the one that is slow on one host of 24.
        assert_eq!(scripts[0]["name"], "service-5");
        assert!((95_000_000..146_000_000).contains(&p50), "{p50}");
    }
}

/// The order in which threads come to files is nobody's.
#[test]
fn any_number_of_threads() {
    let place = tempfile::tempdir().expect("a directory");
    for host in 0..12 {
        fs::write(place.path().join(host.to_string()), stores::store(host)).expect("a store");
    }
    let one = fleet(place.path(), &["--threads", "1", "."]);
    assert_eq!(fleet(place.path(), &["--threads", "5", "."]), one);
}

#[test]
fn what_is_no_fleet() {
    let place = tempfile::tempdir().expect("a directory");
    let refused = |arguments: &[&str], code: i32, message: &str| {
        let done = bootlog(place.path(), arguments);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(message), "{arguments:?}: {said}");
    };
    refused(&["fleet"], 100, "required");
    refused(&["fleet", "nowhere"], 1, "no such file");
    refused(&["fleet", "."], 1, "no record in there: 0 other files");
    // Begins like a store, and is none; and a store cut and damaged everywhere.
    fs::write(place.path().join("front"), b"PRstore\xF5").expect("a file");
    refused(&["fleet", "."], 1, "no record in there: 1 other files");
    let mut store = stores::store(1);
    for at in (0..store.len()).step_by(997) {
        store[at] ^= 0x55;
    }
    store.truncate(200_000);
    store[..8].copy_from_slice(b"PRstore\xF5");
    fs::write(place.path().join("damaged"), store).expect("a file");
    let fleet = &fleet(place.path(), &["."])["fleet"];
    assert_eq!(fleet["read"]["stores"], 1);
    assert!(fleet["read"]["damaged_bytes"].as_u64() > Some(10_000));
}
