//! `regress` on our own image: a scenario that passes, one that fails, one that cannot be asked; all reports say so, and the command
//! that is printed for the failure fails again in the same way. And on an image as if it were somebody's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use preroot_qemu_tests::{Artefacts, Error, base64, files};
use serde_json::Value;

/// A boot that is fine, of which something else is expected.
const WRONG: &str =
    "story = \"a verdict that no boot of a clean root has\"\n[expect]\nverdict = \"RESCUE\"\n";
/// What is wrong with it.
const DIFFERENCE: &str = "verdict: expected `RESCUE`, found `OK`";

fn regress(dir: &Path, words: &[&str]) -> Result<Output, Error> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_preroot-vm"));
    command.arg("regress").args(words).current_dir(dir);
    files::output(command.env("TMPDIR", dir.join("tmp")))
}

/// The scenarios of a run by name, and the run.
fn results(path: &Path) -> Result<(BTreeMap<String, Value>, Value), Error> {
    let wrong = |error: serde_json::Error| Error::unexpected(format!("results.jsonl: {error}"));
    let mut by_name = BTreeMap::new();
    let mut run = Value::Null;
    for line in files::read_text(path)?.lines() {
        let value: Value = serde_json::from_str(line).map_err(wrong)?;
        match value["name"].as_str() {
            Some(name) => drop(by_name.insert(name.to_owned(), value)),
            None => run = value,
        }
    }
    Ok((by_name, run))
}

fn is(found: &Value, expected: impl Into<Value>) -> Result<(), Error> {
    let expected = expected.into();
    match *found == expected {
        true => Ok(()),
        false => Err(Error::unexpected(format!(
            "expected {expected}, found {found}"
        ))),
    }
}

/// An image and a root of one's own, with the config that it was baked from: it is asked what wants another config, with another plan
/// in that very image. A config that it was not baked from is refused.
#[test]
fn one_s_own_image_is_asked_what_wants_another_config() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let dir = scratch.path();
    files::create_directory(&dir.join("tmp"))?;
    let text = |path: &Path| path.display().to_string();
    let (image, root) = (text(&artefacts.image), text(&artefacts.root_disk));
    let (key, config) = (text(&artefacts.client_key), text(&artefacts.config));
    let words = ["--image", &image, "--root", &root, "--key", &key];
    let only = ["--only", "memory/missing", "--only", "image/plan-garbled"];
    let words = [&words[..], &only[..], &["--report", "report"]].concat();

    let other = files::read_text(&artefacts.config)? + "[script.cron]\nskip = \"by hand\"\n";
    files::write(&dir.join("other.toml"), other)?;
    let mine = ["plan", "initramfs.img", "config.toml", "root.key"].map(|name| dir.join(name));
    for path in &mine {
        files::write(path, "mine")?;
    }
    let output = regress(dir, &[&words[..], &["--config", "other.toml"]].concat())?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in ["other.toml: not the config of this image", "- cron "] {
        assert!(said.contains(part), "{part}: {said}");
    }

    for path in &mine {
        assert_eq!(files::read_text(path)?, "mine", "what lies beside a config");
    }

    let output = regress(dir, &[&words[..], &["--config", &config]].concat())?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let (scenarios, _) = results(&dir.join("report/results.jsonl"))?;
    is(&scenarios["memory/missing"]["outcome"], "passed")?;
    is(&scenarios["image/plan-garbled"]["outcome"], "passed")?;
    let left = std::fs::read_dir(dir.join("tmp")).map(Iterator::count);
    assert_eq!(left.ok(), Some(0), "nothing is left behind");
    Ok(())
}

#[test]
fn reports_say_what_came_of_each_scenario() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let dir = scratch.path();
    files::create_directory(&dir.join("tmp"))?;
    files::create_directory(&dir.join("own"))?;
    files::write(&dir.join("own/wrong.toml"), WRONG)?;
    // Named as the user's own: scenarios that bake another image of set-up's config are not for it.
    let image = artefacts.image.display().to_string();
    let words = [
        "--image",
        &image,
        "--scenarios",
        "own",
        "--report",
        "report",
    ];
    let only = ["--only", "clean", "--only", "ends", "--only", "own/wrong"];
    let output = regress(dir, &[&words[..], &only[..], &["--jobs", "2"]].concat())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("3 scenarios in "), "{said}");
    assert!(
        said.contains("1 passed, 1 failed, 1 skipped, 0 could not run"),
        "{said}"
    );

    let (scenarios, run) = results(&dir.join("report/results.jsonl"))?;
    is(&scenarios["clean"]["outcome"], "passed")?;
    is(&scenarios["clean"]["verdict"], "OK")?;
    is(&scenarios["ends"]["outcome"], "skipped")?;
    is(&scenarios["own/wrong"]["outcome"], "failed")?;
    is(&scenarios["own/wrong"]["said"], vec![DIFFERENCE])?;
    is(&run["exit"], 2)?;
    is(&run["image"], image.as_str())?;
    judge_files(&dir.join("report"))?;

    let replay = scenarios["own/wrong"]["replay"]
        .as_str()
        .unwrap_or_default();
    assert!(said.contains(replay), "{said}");
    let words: Vec<&str> = replay.split(' ').collect();
    let [_, _, "regress", words @ ..] = &*words else {
        return Err(Error::unexpected(format!(
            "no command of regress: {replay}"
        )));
    };
    let output = regress(dir, words)?;
    assert_eq!(output.status.code(), Some(2), "{replay}");
    let (again, _) = results(&dir.join("report/again/results.jsonl"))?;
    is(&again["own/wrong"]["said"], vec![DIFFERENCE])?;
    is(
        &again["own/wrong"]["seed"],
        scenarios["own/wrong"]["seed"].clone(),
    )?;
    assert_eq!(
        files::below(&dir.join("tmp"))?,
        [] as [std::path::PathBuf; 0]
    );
    Ok(())
}

/// What is left of machines, and what the reports for CI systems and for people make of it.
fn judge_files(report: &Path) -> Result<(), Error> {
    let console = files::read_text(&report.join("runs/clean/console.log"))?;
    assert!(console.contains("Linux version "), "{console}");
    let xml = files::read_text(&report.join("junit.xml"))?;
    let xml =
        roxmltree::Document::parse(&xml).map_err(|error| Error::unexpected(error.to_string()))?;
    let counts = ["tests", "failures", "errors", "skipped"];
    let counts = counts.map(|count| xml.root_element().attribute(count).unwrap_or_default());
    assert_eq!(counts, ["3", "1", "0", "1"]);
    let failure = xml.descendants().find(|node| node.has_tag_name("failure"));
    assert_eq!(
        failure.and_then(|node| node.attribute("message")),
        Some(DIFFERENCE)
    );

    let page = files::read_text(&report.join("report.html"))?;
    assert!(page.contains("<h1 class=\"failed\">Regressed</h1>"));
    let pictures = page.split("src=\"data:image/svg+xml;base64,").skip(1);
    let pictures = pictures.filter_map(|rest| base64::decode(rest.split('"').next()?));
    let pictures: Vec<String> = pictures
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    // Both boots that there were, with their scripts.
    assert_eq!(pictures.len(), 2);
    assert!(
        pictures.iter().all(|picture| picture.contains(">nginx")),
        "{pictures:?}"
    );
    for name in ["clean", "own-wrong"] {
        for file in ["console.log", "record.bin", "qemu.txt"] {
            assert!(
                page.contains(&format!("download=\"{name}-{file}.gz\"")),
                "{name} {file}"
            );
        }
    }
    Ok(())
}
