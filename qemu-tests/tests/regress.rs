//! `regress` from outside, with programs in QEMU's place that do what QEMU does on a bad day: what it ends with, what it says, and
//! what it leaves behind. No machine is booted.

#![allow(clippy::unwrap_used)] // A test's helpers may panic.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// How often it is looked whether a machine is there, and with which pauses.
const LOOKS: usize = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// QEMU that says which it is, and otherwise is killed.
const KILLED: &str = "case $1 in --version) echo QEMU;; *) kill -9 $$;; esac";
/// QEMU that refuses what it is given.
const REFUSES: &str =
    "case $1 in --version) echo QEMU;; *) echo 'qemu: invalid kernel header' >&2; exit 1;; esac";
/// QEMU that never gets anywhere, but for kvm, which it says at once that it has not.
const HANGS: &str =
    "case $* in --version) echo QEMU;; *'-accel kvm'*) exit 1;; *) exec sleep 1000;; esac";
/// A scenario that nothing is wrong with.
const GOOD: &str = "story = 'one of our own'\n[expect]\nverdict = 'OK'\n";

/// A directory with an index of artefacts, and everything in it that is not looked at.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new(qemu: &str) -> Bench {
        let bench = Bench {
            dir: tempfile::tempdir().unwrap(),
        };
        let at = |name: &str| bench.at(name);
        fs::create_dir(at("tmp")).unwrap();
        fs::create_dir(at("mine")).unwrap();
        fs::write(at("mine/good.toml"), GOOD).unwrap();
        fs::write(at("file"), "").unwrap();
        // What is looked at of a kernel and of an image.
        let mut kernel = vec![0; 0x400];
        kernel.splice(0x202..0x206, *b"HdrS");
        fs::write(at("kernel"), kernel).unwrap();
        fs::write(at("image"), "070701").unwrap();
        fs::write(at("qemu"), format!("#!/bin/sh\n{qemu}\n")).unwrap();
        fs::set_permissions(at("qemu"), fs::Permissions::from_mode(0o755)).unwrap();
        bench.index(&at("qemu"));
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The index that set-up would have written.
    fn index(&self, qemu: &Path) {
        let file = self.at("file");
        let mut index = serde_json::Map::new();
        for key in PATHS {
            index.insert(key.to_owned(), file.to_str().into());
        }
        for key in LISTS {
            index.insert(key.to_owned(), serde_json::json!([]));
        }
        for key in WORDS {
            index.insert(key.to_owned(), "word".into());
        }
        index.insert("qemu".to_owned(), qemu.to_str().into());
        index.insert("kernel".to_owned(), self.at("kernel").to_str().into());
        index.insert("root-offset".to_owned(), 0.into());
        fs::write(
            self.at("artefacts.json"),
            serde_json::to_string(&index).unwrap(),
        )
        .unwrap();
    }

    /// Words are files of this directory where they begin with `@`.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_preroot-vm"));
        command.arg("regress").args(["--report", "report"]);
        for word in words {
            match word.strip_prefix('@') {
                Some(name) => command.arg(self.at(name)),
                None => command.arg(word),
            };
        }
        command.current_dir(self.dir.path());
        command.env("PREROOT_ARTEFACTS", self.at("artefacts.json"));
        command.env("TMPDIR", self.at("tmp"));
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).stdin(Stdio::null()).output().unwrap()
    }

    /// What is left of machines.
    fn left_behind(&self) -> Vec<PathBuf> {
        let left = fs::read_dir(self.at("tmp")).unwrap();
        left.map(|entry| entry.unwrap().path()).collect()
    }
}

const PATHS: [&str; 20] = [
    "root-tree",
    "root-disk",
    "client-key",
    "host-key",
    "host-key-public",
    "full-kernel",
    "dropbear-package",
    "clients",
    "config",
    "plan",
    "plan-text",
    "image",
    "image-plain",
    "init",
    "preroot",
    "bootlog",
    "bootlog-static",
    "qemu",
    "kernel",
    "root-disk",
];
const LISTS: [&str; 4] = [
    "packages",
    "assembly-packages",
    "hardware-packages",
    "openssh-packages",
];
const WORDS: [&str; 4] = [
    "kernel-version",
    "root-label",
    "root-uuid",
    "root-partition-uuid",
];

/// What it ends with, and what one of its two streams has in it.
fn check(bench: &Bench, words: &[&str], code: i32, said: &[&str]) {
    let output = bench.run(words);
    let all = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy);
    let all = all.concat();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {all}");
    for said in said {
        assert!(all.contains(said), "{words:?}: no `{said}` in\n{all}");
    }
    assert_eq!(bench.left_behind(), [] as [PathBuf; 0], "{words:?}");
}

#[test]
fn wrong_inputs_are_told_before_anything_is_booted() {
    let bench = Bench::new(KILLED);
    let own = |text: &str| fs::write(bench.at("mine/own.toml"), text).unwrap();
    let scenario = ["--scenarios", "@mine", "--only", "mine/own"];
    check(
        &bench,
        &["--shard", "6/5"],
        100,
        &["`6/5`: must be NUMBER/COUNT, as 2/5"],
    );
    check(
        &bench,
        &["--only", "claen"],
        1,
        &["no such scenario (near it: clean)"],
    );
    check(&bench, &["--scenarios", "@none"], 1, &["none: cannot list"]);
    own("story = 'a'\nexpect.verdict = 'OK'\ncpuz = 4\n");
    check(
        &bench,
        &scenario,
        1,
        &["mine/own.toml", "line 3", "unknown field `cpuz`"],
    );
    own("story = 'a'\nexpect.verdict = 'OK'\ncpus = 'many'\n");
    check(
        &bench,
        &scenario,
        1,
        &["mine/own.toml", "line 3", "invalid type"],
    );
    own(GOOD);
    check(
        &bench,
        &["--image", "@mine/good.toml"],
        1,
        &["good.toml: not an initramfs"],
    );
    check(
        &bench,
        &["--kernel", "@image"],
        1,
        &["image: not a Linux kernel"],
    );
    check(
        &bench,
        &["--root", "@image"],
        1,
        &["image: no ext2, ext3 or ext4"],
    );
    check(&bench, &["--image", "@none"], 1, &["none: cannot read"]);
    check(
        &bench,
        &["--baseline", "@mine/good.toml"],
        1,
        &["good.toml: ", "unknown field `expect`"],
    );
    check(
        &bench,
        &["--durations", "@mine/good.toml"],
        1,
        &["line 1: not of results.jsonl"],
    );
}

#[test]
fn what_would_be_run_can_be_seen_without_anything() {
    let bench = Bench::new(KILLED);
    fs::remove_file(bench.at("artefacts.json")).unwrap();
    let words = [
        "--list",
        "--scenarios",
        "@mine",
        "--only",
        "mine/",
        "--only",
        "time",
    ];
    check(
        &bench,
        &words,
        0,
        &["mine/good", "one of our own", "guest instructions"],
    );
}

#[test]
fn what_could_not_be_run_says_nothing_of_an_image() {
    let bench = Bench::new(KILLED);
    let words = ["--scenarios", "@mine", "--only", "mine/good"];
    check(
        &bench,
        &words,
        69,
        &[
            "could not run: mine/good",
            "signal: 9",
            "0 passed, 0 failed, 0 skipped, 1 could not run",
        ],
    );
    let lines = fs::read_to_string(bench.at("report/results.jsonl")).unwrap();
    assert!(
        lines.contains("\"outcome\":\"could-not-run\"") && lines.contains("\"exit\":69"),
        "{lines}"
    );
    let xml = fs::read_to_string(bench.at("report/junit.xml")).unwrap();
    let xml = roxmltree::Document::parse(&xml).unwrap();
    let all = xml.root_element();
    let counts = ["tests", "failures", "errors"].map(|count| all.attribute(count).unwrap());
    assert_eq!(counts, ["1", "0", "1"]);
    bench.index(&bench.at("none"));
    check(&bench, &words, 69, &["cannot start", "cargo xtask setup"]);
    fs::remove_file(bench.at("artefacts.json")).unwrap();
    check(&bench, &words, 1, &["artefacts.json: cannot read"]);
}

#[test]
fn a_kernel_that_does_not_boot_is_called_so() {
    let bench = Bench::new(REFUSES);
    let words = ["--kernel", "@kernel", "--only", "clean"];
    check(
        &bench,
        &words,
        1,
        &["kernel: does not boot", "invalid kernel header"],
    );
}

#[test]
fn a_root_disk_in_use_is_not_copied() {
    let bench = Bench::new(KILLED);
    let disk = bench.at("disk");
    fs::create_dir_all(bench.at("tree/etc")).unwrap();
    let mut mkfs = Command::new("/sbin/mkfs.ext4");
    mkfs.args(["-q", "-F", "-d"])
        .stdout(Stdio::null())
        .arg(bench.at("tree"))
        .arg(&disk)
        .arg("4M");
    assert!(mkfs.status().unwrap().success());
    let writer = fs::OpenOptions::new().write(true).open(&disk).unwrap();
    let mut writer = Command::new("sleep")
        .arg("1000")
        .stdin(writer)
        .spawn()
        .unwrap();
    let words = ["--root", "@disk", "--only", "clean"];
    check(
        &bench,
        &words,
        1,
        &["disk: in use: sleep (process", "has it open for writing"],
    );
    writer.kill().unwrap();
    writer.wait().unwrap();
}

/// ctrl-C while a machine runs: it is gone, its files are gone, and what was done is reported.
#[test]
fn whoever_ends_a_run_leaves_nothing_behind() {
    for signal in ["-INT", "-TERM"] {
        let bench = Bench::new(HANGS);
        let words = [
            "--scenarios",
            "@mine",
            "--only",
            "mine/good",
            "--only",
            "clean",
            "--jobs",
            "1",
        ];
        let mut command = bench.command(&words);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let machine = wait_machine(&child);
        let pid = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(69), "{said}");
        assert!(
            said.contains("2 could not run (1 of them not begun: the run was ended)"),
            "{said}"
        );
        assert!(!Path::new("/proc").join(machine).exists());
        assert_eq!(bench.left_behind(), [] as [PathBuf; 0]);
        let lines = fs::read_to_string(bench.at("report/results.jsonl")).unwrap();
        assert!(lines.contains("\"interrupted\":true"), "{lines}");
    }
}

/// The process that is the machine of a run, once it is there.
fn wait_machine(run: &Child) -> String {
    for _ in 0..LOOKS {
        let mut pgrep = Command::new("pgrep");
        let found = pgrep
            .args(["-P", &run.id().to_string(), "-x", "sleep"])
            .output()
            .unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        if !found.is_empty() {
            return found.trim().to_owned();
        }
        std::thread::sleep(PAUSE);
    }
    panic!("no machine");
}
