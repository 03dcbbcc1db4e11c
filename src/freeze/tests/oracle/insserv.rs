//! The installed insserv: run it on a tree, read back what it made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::order::{Answer, Order, Verdict};

/// A library whose `free` does nothing.
///
/// insserv still uses some of what it freed, such as a script that provides what another one does.
/// Whether it then refuses or crashes depends on the processor's `strcmp`.
static FREES_NOTHING: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = directory.join("frees-nothing.c");
    let library = directory.join("frees-nothing.so");
    fs::write(&source, "void free(void *unused) { (void)unused; }\n").expect("source");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status()
        .expect("no C compiler, which Rust links with: apt install gcc");
    assert!(status.success(), "cc: {status}");
    library
});

/// Runs insserv on the tree in `root` to link these scripts; without names it only renumbers.
///
/// Without `-c` and `-o` it takes all its settings from the tree; without `-i` it would still write
/// the running system's dependency files.
pub(crate) fn insserv(root: &Path, names: &[String]) -> Verdict {
    let init_d = root.join("etc/init.d");
    let output = Command::new("/usr/sbin/insserv")
        .env("LD_PRELOAD", &*FREES_NOTHING)
        .args(["-p".as_ref(), init_d.as_os_str()])
        .args(["-i".as_ref(), init_d.as_os_str()])
        .args(names)
        .output()
        .expect("insserv is not installed: apt install insserv, or leave this test out");
    let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code().is_some(), "insserv: {}", output.status);
    if !output.status.success() {
        return Err(warnings);
    }
    let boot = depend(&init_d.join(".depend.boot"));
    let start = depend(&init_d.join(".depend.start"));
    let stop = depend(&init_d.join(".depend.stop"));
    let start = Order {
        numbers: links(root, 'S'),
        edges: boot.union(&start).cloned().collect(),
    };
    let stop = Order {
        numbers: links(root, 'K'),
        edges: stop,
    };
    Ok(Answer {
        start,
        stop,
        warnings,
    })
}

/// The names in a directory, sorted; none when there is no directory.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.expect("entry"))).collect();
    names.sort();
    names
}

/// The links of each runlevel.
fn links(root: &Path, kind: char) -> BTreeMap<char, BTreeMap<String, usize>> {
    let mut numbers = BTreeMap::new();
    for runlevel in "S0123456".chars() {
        let mut own = BTreeMap::new();
        for name in names(&root.join(format!("etc/rc{runlevel}.d"))) {
            if name.starts_with(kind) && name.len() > 3 {
                let number = name[1..3].parse().expect("insserv writes two digits");
                own.insert(name[3..].to_string(), number);
            }
        }
        if !own.is_empty() {
            numbers.insert(runlevel, own);
        }
    }
    numbers
}

fn depend(path: &Path) -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(path).expect("insserv wrote its .depend files");
    let mut edges = BTreeSet::new();
    for line in text.lines() {
        let Some((waiter, awaited)) = line.split_once(": ") else {
            continue;
        };
        // insserv writes a script's dependency on itself, and startpar ignores it.
        let awaited = awaited.split(' ').filter(|name| *name != waiter);
        edges.extend(awaited.map(|name| (waiter.to_string(), name.to_string())));
    }
    edges
}
