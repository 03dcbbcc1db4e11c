//! Bad input gets an answer or a clear refusal, never a crash, and not late.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use preroot_freeze::{Config, Messages, Request, Root, Severity, freeze};
use proptest::collection::vec;
use proptest::prelude::*;

/// Freezes the tree in `root`; what refuses it, or nothing.
fn refusals(root: &Path) -> Vec<String> {
    let mut messages = Messages::default();
    let config = Config::default();
    let root = Root::new(root);
    let request = Request {
        config: &config,
        root: &root,
        kernel: None,
        runlevel: None,
        built_s: None,
    };
    let start = Instant::now();
    let draft = freeze(&request, &mut messages);
    // A debug build on a busy machine; a release build takes well under a second.
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "took {:?}",
        start.elapsed()
    );
    let mut texts = Vec::new();
    if let Some(draft) = &draft {
        texts.extend(draft.freeze().err().map(|error| error.to_string()));
    }
    let errors = messages.into_list().into_iter();
    texts.extend(
        errors
            .filter(|m| m.severity == Severity::Error)
            .map(|m| m.to_string()),
    );
    assert_eq!(
        draft.is_none() || !texts.is_empty(),
        !texts.is_empty(),
        "refused without a word"
    );
    texts
}

fn tree(fill: impl Fn(&Path)) -> Vec<String> {
    let directory = tempfile::tempdir().expect("scratch directory");
    fill(directory.path());
    refusals(directory.path())
}

fn script(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join("etc/init.d").join(name);
    fs::create_dir_all(path.parent().expect("parent")).expect("init.d");
    fs::write(&path, bytes).expect("script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
}

fn header(name: &str, required: &str) -> String {
    format!(
        "### BEGIN INIT INFO\n# Provides: {name}\n# Required-Start: {required}\n# Required-Stop:\n\
         # Default-Start: 2\n# Default-Stop:\n### END INIT INFO\n"
    )
}

#[test]
fn a_tree_without_init_scripts_is_refused() {
    assert!(tree(|_| {})[0].contains("no init scripts"));
    let file = |root: &Path| {
        fs::create_dir(root.join("etc")).expect("etc");
        fs::write(root.join("etc/init.d"), "").expect("file");
    };
    assert!(tree(file)[0].contains("no init scripts"));
    assert!(refusals(Path::new("/nowhere/at/all"))[0].contains("no init scripts"));
}

#[test]
fn odd_files_are_no_scripts() {
    let fill = |root: &Path| {
        script(
            root,
            "binary",
            &(0..=255).cycle().take(100_000).collect::<Vec<u8>>(),
        );
        script(root, "empty", b"");
        script(root, "a name", header("x", "").as_bytes());
        script(root, "line\nbreak", header("y", "").as_bytes());
        let init_d = root.join("etc/init.d");
        Command::new("mkfifo")
            .arg(init_d.join("fifo"))
            .status()
            .expect("mkfifo");
        symlink("/etc/init.d/ring2", init_d.join("ring1")).expect("link");
        symlink("/etc/init.d/ring1", init_d.join("ring2")).expect("link");
        symlink("/etc/init.d", init_d.join("self")).expect("link");
        fs::create_dir(init_d.join("directory")).expect("directory");
        fs::create_dir(root.join("etc/rc2.d")).expect("rc2.d");
        symlink("../init.d/fifo", root.join("etc/rc2.d/S01fifo")).expect("link");
        symlink("../init.d/binary", root.join("etc/rc2.d/S01binary")).expect("link");
        fs::create_dir(root.join("etc/inittab")).expect("inittab");
        fs::create_dir(root.join("etc/insserv.conf")).expect("insserv.conf");
    };
    assert_eq!(tree(fill), Vec::<String>::new());
}

#[test]
fn a_header_of_ten_megabytes_has_an_end_or_is_refused() {
    let long = "# Description: x\n".repeat(600_000);
    let text = header("long", "").replace("### END", &format!("{long}### END"));
    let texts = tree(|root| script(root, "long", text.as_bytes()));
    assert!(texts[0].contains("no end"), "{texts:?}");
    let line = format!("# Required-Start: {}\n", "x ".repeat(1_900_000));
    let texts = tree(|root| {
        let text = header("wide", "").replace("# Required-Start: \n", &line);
        script(root, "wide", text.as_bytes());
    });
    assert!(!texts.is_empty());
}

#[test]
fn a_chain_of_500_is_500_levels() {
    let fill = |root: &Path| {
        for number in 0..500 {
            let required = if number == 0 {
                String::new()
            } else {
                format!("s{}", number - 1)
            };
            let name = format!("s{number}");
            script(root, &name, header(&name, &required).as_bytes());
        }
    };
    assert_eq!(tree(fill), Vec::<String>::new());
}

#[test]
fn five_thousand_scripts_are_refused_in_words() {
    let fill = |root: &Path| {
        for number in 0..5000 {
            let name = format!("s{number}");
            let required = format!("s{}", number / 2);
            script(root, &name, header(&name, &required).as_bytes());
        }
    };
    assert!(tree(fill)[0].contains("runlevel 2 has 5000 scripts; a plan can hold 1024"));
}

#[test]
fn a_ring_of_five_thousand_is_told() {
    let fill = |root: &Path| {
        for number in 0..5000 {
            let name = format!("s{number}");
            let required = format!("s{}", (number + 1) % 5000);
            script(root, &name, header(&name, &required).as_bytes());
        }
    };
    assert!(
        tree(fill)
            .iter()
            .any(|text| text.contains("loop in the start order: s0 -> s1"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes_are_a_header_or_none(bytes in vec(any::<u8>(), 0..400), cut in 0..200_usize) {
        let mut text = header("x", "$a b,  c").into_bytes();
        let cut = cut.min(text.len());
        text.splice(cut..cut, bytes);
        let mut messages = Messages::default();
        let _ = preroot_freeze::header::parse(&text, "x", &mut messages);
    }

    #[test]
    fn any_config_is_read_or_refused(text in "\\PC{0,200}", cut in 0..400_usize) {
        let config = include_str!("../../../boot-configs/debian12-qemu.toml");
        let start: String = config.chars().take(cut * 3).collect();
        let mut messages = Messages::default();
        let parsed = Config::parse(&(start + &text), Path::new("x.toml"), &mut messages);
        prop_assert_eq!(parsed.is_none(), messages.refused());
    }
}
