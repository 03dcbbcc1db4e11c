//! A root tree's init scripts: which there are, what their headers say, where they are enabled.
//!
//! Links in rc?.d decide what is enabled. A tree without a single one (a list of headers, not an
//! installed system) is taken as if every script had been enabled as its header asks.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use crate::facility::Facilities;
use crate::header::{self, Found, Header};
use crate::inittab::Inittab;
use crate::limits::{FILE_FILTERS_MAX, SCRIPT_BYTES_MAX, SETTINGS_BYTES_MAX};
use crate::links;
use crate::message::{Messages, Place};
use crate::names::{is_plain, is_script};
use crate::root::{Directory, Root, read_regular};
use crate::runlevels::Runlevels;

/// Where init scripts are.
pub(crate) const INIT_D: &str = "/etc/init.d";

/// An init script.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its file name.
    pub name: String,
    /// The file its header stands in, as the user would open it.
    pub file: String,
    /// What it is called in the reasons of a plan: `ssh`, or `override ssh`.
    pub source: String,
    /// Its header; without one it waits for nothing.
    pub header: Header,
    /// The services it provides.
    pub provides: Vec<String>,
    /// Where it is started.
    pub start: Runlevels,
    /// Where it is stopped.
    pub stop: Runlevels,
    /// Whether it runs alone, on the console.
    pub interactive: bool,
    /// The numbers of its links, by kind (`S`, `K`) and runlevel.
    pub links: BTreeMap<(char, u8), u8>,
}

impl Script {
    /// A line of its header.
    #[must_use]
    pub fn place(&self, line: usize) -> Place {
        Place::new(self.file.clone(), line)
    }

    /// Whether it is started or stopped anywhere.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.start.or(self.stop).is_empty()
    }
}

/// What decides where scripts are started and stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnabledBy {
    /// The links in rc?.d.
    Links,
    /// The headers, for there are no links.
    Headers,
}

/// What a freeze knows of a root tree.
#[derive(Debug)]
pub struct Tree {
    /// What decides where scripts are started and stopped.
    pub enabled_by: EnabledBy,
    /// All init scripts, by name.
    pub scripts: Vec<Script>,
    /// The system facilities.
    pub facilities: Facilities,
    /// inittab.
    pub inittab: Inittab,
}

impl Tree {
    /// Reads a tree. What is wrong goes to `messages`.
    pub fn read(root: &Root, messages: &mut Messages) -> Tree {
        let facilities = Facilities::read(root, messages);
        let inittab = Inittab::read(root, messages);
        let mut scripts = scripts(root, &facilities, messages);
        let enabled_by = links::enable(root, &mut scripts, messages);
        Tree {
            enabled_by,
            scripts,
            facilities,
            inittab,
        }
    }
}

fn scripts(root: &Root, facilities: &Facilities, messages: &mut Messages) -> Vec<Script> {
    let listed = root
        .directory(INIT_D)
        .and_then(|directory| Ok((directory.names()?, directory)));
    let (names, directory) = match listed {
        Ok(listed) => listed,
        Err(error) => {
            let text = format!("no init scripts: {error}");
            messages.refuse(
                root.place(INIT_D, 0),
                text,
                "name a root tree that has them",
            );
            return Vec::new();
        }
    };
    let filters = root
        .read_text("/etc/insserv/file-filters", SETTINGS_BYTES_MAX)
        .unwrap_or_default();
    let mut endings = filters.split_whitespace();
    let filters: Vec<String> = endings
        .by_ref()
        .take(FILE_FILTERS_MAX)
        .map(String::from)
        .collect();
    if endings.next().is_some() {
        let place = root.place("/etc/insserv/file-filters", FILE_FILTERS_MAX + 1);
        let text = format!("only {FILE_FILTERS_MAX} endings are read");
        messages.warn(place, text, "take out what no file has");
    }
    let overrides = ["/etc/insserv/overrides", "/usr/share/insserv/overrides"];
    let overrides: Vec<(&str, Directory)> = overrides
        .iter()
        .filter_map(|path| Some((*path, root.directory(path).ok()?)))
        .collect();
    let mut scripts = Vec::new();
    for name in names.iter().filter(|name| is_script(name, &filters)) {
        if !is_plain(name) {
            let text = format!("{name:?} cannot be the name of a script and is skipped");
            messages.warn(root.place(INIT_D, 0), text, "rename it");
        } else if is_executable(root, &directory, name, messages) {
            scripts.extend(script(
                root, &directory, &overrides, name, facilities, messages,
            ));
        }
    }
    scripts
}

/// A regular file that its owner may execute, or a link out of /etc/init.d to one.
fn is_executable(root: &Root, directory: &Directory, name: &str, messages: &mut Messages) -> bool {
    let place = || root.place(&format!("{INIT_D}/{name}"), 0);
    let executable = |metadata: &std::fs::Metadata| {
        metadata.is_file() && metadata.permissions().mode() & 0o100 != 0
    };
    match directory.look(name) {
        Ok(metadata) if metadata.is_symlink() => {
            // An alias of a script in the same directory would run it twice.
            let leaves = |target: &std::path::Path| target.components().count() > 1;
            if !directory.link(name).is_ok_and(|target| leaves(&target)) {
                return false;
            }
            match directory.follow(root, name) {
                Ok((_, metadata)) => executable(&metadata),
                Err(error) => {
                    let text = format!("leads nowhere and is skipped: {error}");
                    messages.warn(place(), text, "remove the link, or install what it names");
                    false
                }
            }
        }
        Ok(metadata) => executable(&metadata),
        Err(error) => {
            messages.warn(place(), format!("is skipped: {error}"), "make it readable");
            false
        }
    }
}

fn script(
    root: &Root,
    directory: &Directory,
    overrides: &[(&str, Directory)],
    name: &str,
    facilities: &Facilities,
    messages: &mut Messages,
) -> Option<Script> {
    let path = format!("{INIT_D}/{name}");
    let (header, path, source) = overrides
        .iter()
        .find_map(|(path, directory)| {
            let path = format!("{path}/{name}");
            let header = read_header(root, directory, name, &path, messages)?;
            Some((header, path, format!("override {name}")))
        })
        .or_else(|| {
            let header = read_header(root, directory, name, &path, messages);
            if header.is_none() {
                let remedy = format!("add one, or an override /etc/insserv/overrides/{name}");
                messages.warn(
                    root.place(&path, 0),
                    "has no LSB header: it waits for nothing",
                    remedy,
                );
            }
            Some((header.unwrap_or_default(), path, name.to_string()))
        })?;
    let file = root.shown(&path);
    let mut provides = Vec::new();
    for word in &header.provides.words {
        if word.starts_with(['$', '#']) {
            let text = format!("a script cannot provide {word}");
            messages.warn(
                Place::new(file.clone(), header.provides.line),
                text,
                "take it out",
            );
        } else {
            provides.push(word.clone());
        }
    }
    if provides.is_empty() {
        provides.push(name.to_string());
    }
    let is_named = provides
        .iter()
        .any(|service| facilities.interactive.contains(service));
    Some(Script {
        name: name.to_string(),
        file,
        source,
        interactive: header.interactive || is_named,
        provides,
        start: Runlevels::NONE,
        stop: Runlevels::NONE,
        links: BTreeMap::new(),
        header,
    })
}

fn read_header(
    root: &Root,
    directory: &Directory,
    name: &str,
    path: &str,
    messages: &mut Messages,
) -> Option<Header> {
    let (host, metadata) = directory.follow(root, name).ok()?;
    if !metadata.is_file() {
        return None;
    }
    let file = root.shown(path);
    let bytes = match read_regular(&host, SCRIPT_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) => {
            let text = format!("cannot be read: {error}");
            messages.refuse(Place::new(file, 0), text, "make it readable, or remove it");
            return Some(Header::default());
        }
    };
    match header::parse(&bytes, &file, messages) {
        Found::Header(header) => Some(*header),
        Found::Nothing => openrc(&bytes),
        Found::Endless(line) => {
            let text = if bytes.len() as u64 == SCRIPT_BYTES_MAX {
                format!("the header has no end in the first {SCRIPT_BYTES_MAX} bytes")
            } else {
                "the header has no end".to_string()
            };
            let remedy = "add the line: ### END INIT INFO";
            messages.refuse(Place::new(file, line), text, remedy);
            Some(Header::default())
        }
    }
}

/// Scripts of OpenRC have no header; insserv gives them one.
fn openrc(bytes: &[u8]) -> Option<Header> {
    // It looks at so much of the first line, blanks left out.
    let first = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let first = &first[..first.len().min(63)];
    let solid: Vec<u8> = first
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if !solid.starts_with(b"#!/sbin/openrc-run") {
        return None;
    }
    let mut header = Header::default();
    header.required_start.words = vec!["$remote_fs".into(), "$syslog".into()];
    header.required_stop.words = header.required_start.words.clone();
    header.default_start = set(b"2345");
    header.default_stop = set(b"016");
    Some(header)
}

fn set(letters: &[u8]) -> Runlevels {
    letters.iter().fold(Runlevels::NONE, |set, letter| {
        set.or(Runlevels::of(*letter))
    })
}
