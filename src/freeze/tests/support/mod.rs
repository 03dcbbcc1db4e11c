//! Root trees for tests, each written as one file (`trees/NAME.tree`).
//!
//! ```text
//! # a comment
//! == ssh                  an init script, its header in short form: Key: value
//! == old 644              the same with another mode
//! == odd raw              an init script as it is written here
//! == /etc/inittab         any file
//! -> /etc/rc2.d/S01ssh ../init.d/ssh
//! ```
//!
//! A tree without an inittab gets one that says 2.
#![allow(dead_code)] // Each test binary uses its own part of this.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use preroot_freeze::{Config, Request, Root};

/// All trees of `tests/trees`, by name.
pub(crate) fn trees() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trees");
    let mut trees = Vec::new();
    for entry in fs::read_dir(directory).expect("tests/trees") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|end| end == "tree") {
            let name = path
                .file_stem()
                .expect("name")
                .to_string_lossy()
                .into_owned();
            trees.push((name, fs::read_to_string(&path).expect("a tree is text")));
        }
    }
    trees.sort();
    trees
}

/// What asks for the plan of a tree, as of 1970.
pub(crate) fn request<'a>(config: &'a Config, root: &'a Root) -> Request<'a> {
    Request {
        config,
        root,
        kernel: None,
        runlevel: None,
        built_s: Some(0),
    }
}

/// Where the expected output of a tree stands.
pub(crate) fn expectation(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/trees/{name}.expect"))
}

/// Writes a tree into a directory.
pub(crate) fn write(tree: &str, root: &Path) {
    fs::create_dir_all(root.join("etc/init.d")).expect("init.d");
    let mut file: Option<(String, u32, bool)> = None;
    let mut lines: Vec<&str> = Vec::new();
    for line in tree.lines() {
        if let Some(head) = line.strip_prefix("== ") {
            finish(root, file.take(), &lines);
            lines.clear();
            file = Some(parse_head(head));
        } else if let Some(link) = line.strip_prefix("-> ") {
            finish(root, file.take(), &lines);
            lines.clear();
            let (path, target) = link.split_once(' ').expect("-> PATH TARGET");
            let path = root.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("parent")).expect("parent");
            symlink(target, path).expect("link");
        } else if file.is_some() {
            lines.push(line);
        }
    }
    finish(root, file, &lines);
    let inittab = root.join("etc/inittab");
    if !inittab.exists() {
        fs::write(inittab, "id:2:initdefault:\n").expect("inittab");
    }
}

fn parse_head(head: &str) -> (String, u32, bool) {
    let mut words = head.split(' ');
    let name = words.next().expect("a name");
    let (mut mode, mut raw) = (0o755, name.starts_with('/'));
    for word in words {
        match word {
            "raw" => raw = true,
            mode_word => mode = u32::from_str_radix(mode_word, 8).expect("a mode"),
        }
    }
    let path = if name.starts_with('/') {
        name.to_string()
    } else {
        format!("/etc/init.d/{name}")
    };
    (path, mode, raw)
}

fn finish(root: &Path, file: Option<(String, u32, bool)>, lines: &[&str]) {
    let Some((path, mode, raw)) = file else {
        return;
    };
    let mut text = String::new();
    if raw {
        text = lines.iter().map(|line| format!("{line}\n")).collect();
    } else {
        text += "#!/bin/sh\n### BEGIN INIT INFO\n";
        for line in lines {
            text += &format!("# {line}\n");
        }
        text += "### END INIT INFO\nexit 0\n";
    }
    let path = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().expect("parent")).expect("parent");
    fs::write(&path, text).expect("file");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
}
