//! Freezing beside insserv: a tree of 350 scripts with the headers that Debian's packages have.
//!
//! The headers are those that the freeze's own tests hold against insserv, the bodies are of the usual
//! length, and what is missing to 350 are copies under other names.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use preroot_qemu_tests::{Artefacts, Error, files};

use super::table::Times;

/// Where the headers are.
const TREE: &str = "../src/freeze/tests/trees/debian12-daemons.tree";
/// How many scripts are frozen.
const SCRIPTS: usize = 350;
/// How often each is run.
const TIMES: usize = 15;
/// What the name of a copy ends with.
const COPY: &str = "-copy";
/// What freezing is asked.
const CONFIG: &str = "name = \"bench\"\n[root]\nfind = \"/dev/none\"\n";

/// How long freezing and insserv took.
#[derive(Debug)]
pub(super) struct Freezing {
    pub(super) scripts: usize,
    pub(super) ours: Times,
    pub(super) insserv: Times,
}

/// Makes the tree and measures.
pub(super) fn measure(artefacts: &Artefacts) -> Result<Freezing, Error> {
    eprintln!("  freezing {SCRIPTS} scripts");
    let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let root = scratch.path().join("root");
    let names = write(artefacts, &root)?;
    let init_d = root.join("etc/init.d");
    let config = scratch.path().join("config.toml");
    files::write(&config, CONFIG)?;
    // Without -i it would write into the running system.
    let mut insserv = Command::new("/usr/sbin/insserv");
    insserv.arg("-p").arg(&init_d).arg("-i").arg(&init_d);
    let mut link = Command::new(insserv.get_program());
    link.args(insserv.get_args()).args(&names);
    files::run(&mut link)?;
    let mut freeze = Command::new(&artefacts.preroot);
    freeze.arg("freeze").arg("--config").arg(&config);
    freeze.arg("--root").arg(&root).arg("--json");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        ours.push(time(&mut freeze)?);
        theirs.push(time(&mut insserv)?);
    }
    Ok(Freezing {
        scripts: names.len(),
        ours: Times::new(ours),
        insserv: Times::new(theirs),
    })
}

fn time(command: &mut Command) -> Result<f64, Error> {
    let began = Instant::now();
    files::run(command)?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// Writes the tree; gives the names of its scripts.
fn write(artefacts: &Artefacts, root: &Path) -> Result<Vec<String>, Error> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TREE);
    let tree = files::read_text(&path)?;
    let usual = files::read_text(&artefacts.root_tree.join("etc/init.d/ssh"))?;
    let body = usual.split_once("### END INIT INFO\n");
    let body = body.map_or("exit 0\n", |(_, body)| body);
    put(&root.join("etc/inittab"), "id:2:initdefault:\n")?;
    let mut names = Vec::new();
    let mut copies = Vec::new();
    // A part is its head and its lines; before the first there are comments.
    for part in tree.split("\n== ").skip(1) {
        let (part, links) = part.split_once("\n-> ").unwrap_or((part, ""));
        let (head, lines) = part.split_once('\n').unwrap_or((part, ""));
        match head.split_once(' ') {
            None if head.starts_with('/') => put(&root.join(&head[1..]), lines)?,
            None => {
                script(root, head, lines, body)?;
                names.push(head.to_owned());
                copies.push((head, lines));
            }
            // As it was written, line by line.
            Some((name, _)) => {
                put(&root.join("etc/init.d").join(name), lines)?;
                names.push(name.to_owned());
            }
        }
        for link in links.lines().filter_map(|line| line.split_once(' ')) {
            link_to(root, link)?;
        }
    }
    for (name, lines) in copies {
        if names.len() == SCRIPTS {
            break;
        }
        let name = format!("{name}{COPY}");
        script(root, &name, &renamed(lines), body)?;
        names.push(name);
    }
    executable(root, &names)?;
    Ok(names)
}

/// The header with other names for what it provides.
fn renamed(lines: &str) -> String {
    let renamed = |line: &str| match line.split_once(':') {
        Some((key, value)) if key.eq_ignore_ascii_case("provides") => {
            let words = value
                .split_whitespace()
                .map(|word| format!(" {word}{COPY}"));
            format!("{key}:{}\n", words.collect::<String>())
        }
        _ => format!("{line}\n"),
    };
    lines.lines().map(renamed).collect()
}

fn script(root: &Path, name: &str, lines: &str, body: &str) -> Result<(), Error> {
    let header: String = lines.lines().map(|line| format!("# {line}\n")).collect();
    let text = format!("#!/bin/sh\n### BEGIN INIT INFO\n{header}### END INIT INFO\n{body}");
    put(&root.join("etc/init.d").join(name), &text)
}

fn put(path: &Path, text: &str) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    files::create_directory(parent)?;
    files::write(path, text)
}

/// `/PATH TARGET`, as the tree writes a link.
fn link_to(root: &Path, (path, target): (&str, &str)) -> Result<(), Error> {
    let path: PathBuf = root.join(path.trim_start_matches('/'));
    symlink(target, &path).map_err(|source| Error::File {
        what: "link",
        path,
        source,
    })
}

fn executable(root: &Path, names: &[String]) -> Result<(), Error> {
    for name in names {
        let path = root.join("etc/init.d").join(name);
        files::make_executable(&path)?;
    }
    Ok(())
}
