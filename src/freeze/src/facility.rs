//! System facilities: what `$local_fs` and its like stand for, from insserv.conf and insserv.conf.d.
//!
//! Lines of one facility add up. A member with `+` is optional; one without is as hard as the
//! keyword that uses the facility. Members may be facilities themselves; a loop of them is refused.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::ErrorKind;

use crate::limits::{FACILITY_DEPTH_MAX, FACILITY_MEMBERS_MAX, INSSERV_LINE_BYTES, LIST_BYTES_MAX};
use crate::message::{Messages, Place, cut};
use crate::names::is_backup;
use crate::root::Root;

/// A service that a facility stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
            match root.read_settings(&path) {
                Ok(text) => {
                    let file = root.shown(&path);
                    parse(&text, &file, &mut lines, &mut interactive, messages);
                }
                Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                    let text = format!("cannot be read: {error}");
                    messages.refuse(root.place(&path, 0), text, "shorten it");
                }
                Err(error) => {
                    let text = format!("cannot be read, its facilities are unknown: {error}");
                    messages.warn(root.place(&path, 0), text, "install the package insserv");
                }
            }
        }
        let mut expansion = Expansion {
            lines: &lines,
            done: BTreeMap::new(),
            path: Vec::new(),
            count: 0,
            messages,
        };
        for name in lines.keys() {
            expansion.expand(name);
        }
        let done = expansion.done.into_iter();
        let members = done.map(|(name, facility)| (name.to_string(), facility.members));
        Facilities {
            members: members.collect(),
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

fn parse(
    text: &str,
    file: &str,
    lines: &mut Lines,
    interactive: &mut BTreeSet<String>,
    messages: &mut Messages,
) {
    for (line, number) in text.lines().zip(1..) {
        let end = line.find([' ', '\t', '=', ':']).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        let separators = |c: char| matches!(c, ' ' | '\t' | ',' | ';');
        let rest = rest.trim_start_matches([' ', '\t']);
        let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
        if name.starts_with(['$', '<']) {
            warn_of_losses(line, rest, Place::new(file, number), messages);
        }
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

/// insserv ends a line at what is not printed in plain ASCII, a tab among its words too.
fn warn_of_losses(line: &str, rest: &str, place: Place, messages: &mut Messages) {
    let rest = rest.trim();
    let end = rest.find(|c| !matches!(c, ' '..='~')).unwrap_or(rest.len());
    let lost = rest[end..].trim_start();
    if !lost.is_empty() {
        let text = format!("insserv would lose: {}", cut(lost, LIST_BYTES_MAX));
        messages.warn(
            place,
            text,
            "write words in plain ASCII, separated by blanks",
        );
    } else if line.len() > INSSERV_LINE_BYTES {
        let text = format!("insserv reads only {INSSERV_LINE_BYTES} bytes of this line");
        messages.warn(place, text, "divide it: lines of one facility add up");
    }
}

/// Facilities that are being expanded to services, each once.
struct Expansion<'a, 'b> {
    lines: &'a Lines,
    done: BTreeMap<&'a str, Expanded>,
    /// How we came to the one at hand.
    path: Vec<&'a str>,
    /// All members so far.
    count: usize,
    messages: &'b mut Messages,
}

/// A facility's services.
#[derive(Default)]
struct Expanded {
    members: Vec<Member>,
    /// Facilities below it, on the longest way down.
    depth: usize,
}

impl<'a> Expansion<'a, '_> {
    /// The services of a facility, depth first: they go to `done`.
    fn expand(&mut self, name: &'a str) {
        if self.done.contains_key(name) || self.count > FACILITY_MEMBERS_MAX {
            return;
        }
        let lines = self.lines;
        let mut own = Expanded::default();
        let mut seen = HashSet::new();
        self.path.push(name);
        for (member, place) in lines.get(name).into_iter().flatten() {
            if !member.name.starts_with('$') {
                if seen.insert(member.clone()) {
                    own.members.push(member.clone());
                }
                continue;
            }
            if member.name.eq_ignore_ascii_case("$null") {
                continue;
            }
            if let Some(start) = self.path.iter().position(|known| *known == member.name) {
                self.tell_loop(start);
                continue;
            }
            let Some((inner, _)) = lines.get_key_value(&member.name) else {
                let inner = &member.name;
                let text = format!("{name} stands for {inner}, and nobody has said what that is");
                let remedy = "take it out, or define it in /etc/insserv.conf.d";
                self.messages.warn(place.clone(), text, remedy);
                continue;
            };
            // Recursion ends where the refusal begins.
            if self.path.len() <= FACILITY_DEPTH_MAX {
                self.expand(inner);
            }
            let depth = self
                .done
                .get(inner.as_str())
                .map_or(1, |inner| inner.depth + 1);
            if self.path.len() > FACILITY_DEPTH_MAX || depth > FACILITY_DEPTH_MAX {
                let text =
                    format!("facilities within facilities more than {FACILITY_DEPTH_MAX} deep");
                let remedy = "name the services themselves";
                self.messages.refuse(place.clone(), text, remedy);
                continue;
            }
            own.depth = own.depth.max(depth);
            let members = self.done.get(inner.as_str()).map(|inner| &inner.members);
            for member in members.into_iter().flatten() {
                if seen.insert(member.clone()) {
                    own.members.push(member.clone());
                }
            }
        }
        self.path.pop();
        self.count += own.members.len();
        if self.count > FACILITY_MEMBERS_MAX {
            let text = format!("facilities stand for more than {FACILITY_MEMBERS_MAX} services");
            let place = lines.get(name).and_then(|members| members.first());
            if let Some((_, place)) = place {
                let remedy = "name fewer services in them";
                self.messages.refuse(place.clone(), text, remedy);
            }
        }
        self.done.insert(name, own);
    }

    /// A loop of facilities, the way from `start` on: told once, from the first by name.
    fn tell_loop(&mut self, start: usize) {
        let mut ring = self.path[start..].to_vec();
        let first = ring.iter().zip(0..).min().map_or(0, |(_, index)| index);
        ring.rotate_left(first);
        let (first, last) = (ring[0], ring[ring.len() - 1]);
        let mut members = self.lines.get(last).into_iter().flatten();
        if let Some((_, place)) = members.find(|(member, _)| member.name == first) {
            let way = ring.join(" -> ");
            let text = format!("facilities stand for each other: {way} -> {first}");
            let remedy = format!("take {first} out of this line");
            self.messages.refuse(place.clone(), text, remedy);
        }
    }
}
