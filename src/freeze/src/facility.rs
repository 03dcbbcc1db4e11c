//! System facilities: what `$local_fs` and its like stand for, from insserv.conf and insserv.conf.d.
//!
//! Lines of one facility add up. A member with `+` is optional; one without is as hard as the
//! keyword that uses the facility. Members may be facilities themselves; a loop of them is refused.

use std::collections::{BTreeMap, BTreeSet};

use crate::limits::{FACILITY_DEPTH_MAX, SETTINGS_BYTES_MAX};
use crate::message::{Messages, Place};
use crate::names::is_backup;
use crate::root::Root;

/// A service that a facility stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The service.
    pub name: String,
    /// Whether it may be missing.
    pub optional: bool,
}

/// All facilities, expanded to services.
#[derive(Debug, Clone, Default)]
pub struct Facilities {
    members: BTreeMap<String, Vec<Member>>,
    /// Services that are interactive: the line `<interactive>`.
    pub interactive: BTreeSet<String>,
}

/// The facilities as they are written, each member with its place.
type Lines = BTreeMap<String, Vec<(Member, Place)>>;

impl Facilities {
    /// Reads them from a tree.
    #[must_use]
    pub fn read(root: &Root, messages: &mut Messages) -> Facilities {
        let mut lines = Lines::new();
        let mut interactive = BTreeSet::new();
        for path in files(root, messages) {
            match root.read_text(&path, SETTINGS_BYTES_MAX) {
                Ok(text) => parse(&text, &root.shown(&path), &mut lines, &mut interactive),
                Err(error) => {
                    let text = format!("cannot be read, its facilities are unknown: {error}");
                    messages.warn(root.place(&path, 0), text, "install the package insserv");
                }
            }
        }
        let mut members = BTreeMap::new();
        for name in lines.keys() {
            let mut expanded = Vec::new();
            expand(name, &lines, &mut vec![name], &mut expanded, messages);
            members.insert(name.clone(), expanded);
        }
        Facilities {
            members,
            interactive,
        }
    }

    /// The services that a facility stands for; `None`: nobody has said what it is.
    #[must_use]
    pub fn members(&self, name: &str) -> Option<&[Member]> {
        self.members.get(name).map(Vec::as_slice)
    }
}

/// insserv.conf and every sensible file of insserv.conf.d.
fn files(root: &Root, messages: &mut Messages) -> Vec<String> {
    let mut files = vec!["/etc/insserv.conf".to_string()];
    let Ok(directory) = root.directory("/etc/insserv.conf.d") else {
        return files;
    };
    match directory.names() {
        Ok(names) => {
            let is_file = |name: &String| {
                !is_backup(name)
                    && directory
                        .follow(root, name)
                        .is_ok_and(|(_, metadata)| metadata.is_file())
            };
            let names = names.into_iter().filter(is_file);
            files.extend(names.map(|name| format!("/etc/insserv.conf.d/{name}")));
        }
        Err(error) => {
            let text = format!("cannot be listed: {error}");
            messages.warn(
                root.place("/etc/insserv.conf.d", 0),
                text,
                "make it readable",
            );
        }
    }
    files
}

fn parse(text: &str, file: &str, lines: &mut Lines, interactive: &mut BTreeSet<String>) {
    for (line, number) in text.lines().zip(1..) {
        let end = line.find([' ', '\t', '=', ':']).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        let separators = |c: char| matches!(c, ' ' | '\t' | ',' | ';');
        let rest = rest.trim_start_matches([' ', '\t']);
        let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
        let words = rest
            .split(separators)
            .map(str::trim)
            .filter(|word| !word.is_empty());
        if name.eq_ignore_ascii_case("<interactive>") {
            interactive.extend(words.map(String::from));
        } else if name.len() > 1 && name.starts_with('$') {
            let members = lines.entry(name.to_string()).or_default();
            members.extend(words.map(|word| {
                let member = match word.strip_prefix('+') {
                    Some(name) => Member {
                        name: name.to_string(),
                        optional: true,
                    },
                    None => Member {
                        name: word.to_string(),
                        optional: false,
                    },
                };
                (member, Place::new(file, number))
            }));
        }
    }
}

/// The services of a facility, depth first; `path` is how we came here.
fn expand<'a>(
    name: &str,
    lines: &'a Lines,
    path: &mut Vec<&'a str>,
    expanded: &mut Vec<Member>,
    messages: &mut Messages,
) {
    for (member, place) in lines.get(name).into_iter().flatten() {
        if !member.name.starts_with('$') {
            if !expanded.contains(member) {
                expanded.push(member.clone());
            }
        } else if path.contains(&member.name.as_str()) {
            // Each loop is met from each of its members, and told from the first of them.
            let is_first = path.iter().all(|name| *name >= member.name.as_str());
            if path[0] == member.name && is_first {
                let way = path.join(" -> ");
                let text = format!("facilities stand for each other: {way} -> {}", member.name);
                let remedy = format!("take {} out of this line", member.name);
                messages.refuse(place.clone(), text, remedy);
            }
        } else if path.len() > FACILITY_DEPTH_MAX {
            let text = format!("facilities within facilities more than {FACILITY_DEPTH_MAX} deep");
            messages.refuse(place.clone(), text, "name the services themselves");
        } else {
            path.push(&member.name);
            expand(&member.name, lines, path, expanded, messages);
            path.pop();
        }
    }
}
