//! The LSB header of an init script: what it provides, and what it must be ordered after.
//!
//! As insserv reads it (which lines count, which forms of a keyword, first of a repeated key wins),
//! with one difference: lists are read in full. insserv ends a list at an empty word or a tab and a
//! line at 2047 bytes; what it would lose is kept here and warned about.

use std::collections::HashSet;

use crate::limits::{INSSERV_LINE_BYTES, LIST_BYTES_MAX};
use crate::message::{Messages, Place, cut};
use crate::runlevels::Runlevels;

const BEGIN: &[u8] = b"### BEGIN INIT INFO";
const END: &[u8] = b"### END INIT INFO";

/// A list of words with its line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// The words.
    pub words: Vec<String>,
    /// The line they stand on; 0: nowhere.
    pub line: usize,
}

/// A header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)] // The keywords of the LSB.
pub struct Header {
    pub provides: List,
    pub required_start: List,
    pub required_stop: List,
    pub should_start: List,
    pub should_stop: List,
    pub start_before: List,
    pub stop_after: List,
    pub default_start: Runlevels,
    pub default_stop: Runlevels,
    /// 0: nowhere.
    pub default_start_line: usize,
    pub default_stop_line: usize,
    pub interactive: bool,
}

/// The keywords, as they are told to the user.
const KEYWORDS: [&str; 10] = [
    "Provides",
    "Required-Start",
    "Required-Stop",
    "Should-Start",
    "Should-Stop",
    "X-Start-Before",
    "X-Stop-After",
    "Default-Start",
    "Default-Stop",
    "X-Interactive",
];

/// Those without which insserv calls a header incomplete.
const EXPECTED: [&str; 5] = [
    "Provides",
    "Required-Start",
    "Required-Stop",
    "Default-Start",
    "Default-Stop",
];

/// What a file has of a header.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// It has one.
    Header(Box<Header>),
    /// It has none.
    Nothing,
    /// One begins at this line and never ends.
    Endless(usize),
}

/// Reads the first header of a file. `file` is its name in messages.
pub fn parse(bytes: &[u8], file: &str, messages: &mut Messages) -> Found {
    let mut lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let Some((_, begin)) = lines.find(|(line, _)| contains(line, BEGIN)) else {
        return Found::Nothing;
    };
    let mut fields: [Option<(String, usize)>; KEYWORDS.len()] = Default::default();
    for (line, number) in lines {
        let place = || Place::new(file, number);
        match keyword(line) {
            Seen::Keyword(index, value) if fields[index].is_none() => {
                if line.len() > INSSERV_LINE_BYTES {
                    let text =
                        format!("insserv reads only {INSSERV_LINE_BYTES} bytes of this line");
                    messages.warn(place(), text, "shorten the line");
                }
                fields[index] = Some((value, number));
            }
            Seen::Keyword(index, _) => {
                let text = format!("a second {}: is not read", KEYWORDS[index]);
                messages.warn(place(), text, "add its words to the first");
            }
            Seen::Almost(index) => {
                let text = format!("this line is not read as {}:", KEYWORDS[index]);
                let remedy = format!("write it as: # {}: ...", KEYWORDS[index]);
                messages.warn(place(), text, remedy);
            }
            Seen::Other => {}
        }
        if contains(line, END) {
            for name in EXPECTED {
                if KEYWORDS
                    .iter()
                    .zip(&fields)
                    .any(|(key, field)| *key == name && field.is_none())
                {
                    let text = format!("the header has no {name}:");
                    messages.warn(Place::new(file, begin), text, "add it, even if it is empty");
                }
            }
            return Found::Header(Box::new(header(&fields, file, messages)));
        }
    }
    Found::Endless(begin)
}

fn header(
    fields: &[Option<(String, usize)>; KEYWORDS.len()],
    file: &str,
    messages: &mut Messages,
) -> Header {
    let mut lists = fields.iter().map(|field| match field {
        Some((value, line)) => list(value, *line, file, messages),
        None => List::default(),
    });
    let mut next = || lists.next().unwrap_or_default();
    let mut header = Header {
        provides: next(),
        required_start: next(),
        required_stop: next(),
        should_start: next(),
        should_stop: next(),
        start_before: next(),
        stop_after: next(),
        ..Header::default()
    };
    let (default_start, default_stop, interactive) = (next(), next(), next());
    drop(lists);
    header.default_start = runlevels(&default_start, file, messages);
    header.default_stop = runlevels(&default_stop, file, messages);
    (header.default_start_line, header.default_stop_line) = (default_start.line, default_stop.line);
    if fields[0].is_some() && header.provides.words.is_empty() {
        let text = "Provides: names no service; the file's own name is taken";
        let place = Place::new(file, header.provides.line);
        messages.warn(place, text, "name the service");
    }
    if !header.default_start.and(header.default_stop).is_empty() {
        let both = header.default_start.and(header.default_stop);
        let text = format!("starts and stops in the same runlevels: {both}");
        messages.warn(
            Place::new(file, default_stop.line),
            text,
            "take them out of one of the two",
        );
    }
    // insserv compares the whole value up to a tab, so "True" and "true yes" are not interactive.
    let value = fields[9]
        .as_ref()
        .and_then(|(value, _)| value.split('\t').next());
    header.interactive = value == Some("true");
    if fields[9].is_some() && !header.interactive {
        let text = "X-Interactive: counts only as \"true\"";
        messages.note(Place::new(file, interactive.line), text);
    }
    header
}

/// What a line of a header is.
enum Seen {
    /// A keyword, by its number, and its value.
    Keyword(usize, String),
    /// Somebody meant this keyword, and insserv does not see it.
    Almost(usize),
    /// Anything else.
    Other,
}

fn keyword(line: &[u8]) -> Seen {
    let line = String::from_utf8_lossy(line);
    let Some((key, value)) = line.split_once(':') else {
        return Seen::Other;
    };
    let blank = [' ', '\t'];
    let strict = key
        .strip_prefix('#')
        .map(|key| key.trim_start_matches(blank));
    if let Some(index) = strict.and_then(number_of) {
        // The value ends at the first character that cannot be printed; a tab separates.
        let value = value.trim_start_matches(blank);
        let end = value
            .find(|c: char| c.is_control() && c != '\t')
            .unwrap_or(value.len());
        return Seen::Keyword(index, value[..end].to_string());
    }
    let loose = key.trim_matches(|c: char| c.is_whitespace() || c == '#');
    number_of(loose).map_or(Seen::Other, Seen::Almost)
}

/// The number of a keyword: case, `_` for `-` and repeats of them do not matter; `X-ANY-` may
/// precede those that are not in the first LSB.
fn number_of(key: &str) -> Option<usize> {
    let mut plain = String::new();
    for c in key.chars() {
        let c = if c == '_' {
            '-'
        } else {
            c.to_ascii_lowercase()
        };
        if c != '-' || !plain.ends_with('-') {
            plain.push(c);
        }
    }
    let exact = [
        "provides",
        "required-start",
        "required-stop",
        "default-start",
        "default-stop",
    ];
    let numbers = [0, 1, 2, 7, 8];
    if let Some(index) = exact.iter().position(|name| *name == plain) {
        return Some(numbers[index]);
    }
    let extended = [
        ("should-start", 3),
        ("should-stop", 4),
        ("start-before", 5),
        ("stop-after", 6),
        ("interactive", 9),
    ];
    let fits = |name: &str| {
        plain.strip_suffix(name).is_some_and(|prefix| {
            prefix.is_empty()
                || (prefix.starts_with("x-")
                    && prefix
                        .bytes()
                        .all(|c| c.is_ascii_alphanumeric() || c == b'-'))
        })
    };
    extended
        .iter()
        .find(|(name, _)| fits(name))
        .map(|(_, number)| *number)
}

/// All words of a value, each once; a warning where insserv would lose some of them.
fn list(value: &str, line: usize, file: &str, messages: &mut Messages) -> List {
    let separators = [' ', ',', ';', '\t'];
    let value = value.trim_end();
    let split = || value.split(separators).filter(|word| !word.is_empty());
    // insserv ends a list at two separators, a line at what is not printable in plain ASCII.
    let end = value
        .find(|c| !matches!(c, ' '..='~'))
        .unwrap_or(value.len());
    let kept = value[..end].split(separators);
    let kept = kept.zip(split()).take_while(|(kept, word)| kept == word);
    let kept = kept.count();
    let mut lost = String::new();
    for word in split().skip(kept) {
        lost += word;
        lost.push(' ');
        if lost.len() > LIST_BYTES_MAX {
            lost = format!("{}... ", cut(&lost, LIST_BYTES_MAX));
            break;
        }
    }
    if !lost.is_empty() {
        let text = format!("insserv would lose: {}", lost.trim_end());
        let remedy = match value[end..].chars().next() {
            None | Some('\t') => "separate the words by single blanks",
            Some(_) => "write words in plain ASCII, separated by single blanks",
        };
        messages.warn(Place::new(file, line), text, remedy);
    }
    let mut seen = HashSet::new();
    let words = split().filter(|word| seen.insert(*word));
    List {
        words: words.map(String::from).collect(),
        line,
    }
}

fn runlevels(list: &List, file: &str, messages: &mut Messages) -> Runlevels {
    let mut set = Runlevels::NONE;
    for word in &list.words {
        match Runlevels::parse(word) {
            Some(one) => set = set.or(one),
            None => {
                let text = format!("\"{word}\" is not a runlevel and is ignored");
                let remedy = "write single ones, separated by blanks: 2 3 4 5";
                messages.warn(Place::new(file, list.line), text, remedy);
            }
        }
    }
    set
}

fn contains(line: &[u8], mark: &[u8]) -> bool {
    let mut rest = line;
    while let Some(at) = rest.iter().position(|byte| mark.first() == Some(byte)) {
        rest = &rest[at..];
        if rest.starts_with(mark) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}
