//! What a run is made of: scenarios by their names, and the counted boots, which are called `time`; and which of them are meant.

use std::path::{Path, PathBuf};

use preroot_qemu_tests::{Error, files, random};

/// What the counted boots are called.
pub(crate) const TIME: &str = "time";
/// What they are for.
pub(crate) const TIME_STORY: &str =
    "nothing in the boot takes longer than it may, counted in guest instructions";

/// What the name of one begins with that was drawn by lot.
const DRAWN: &str = "random/";
/// How many names like a mistyped one are told.
const NEAR_MAX: usize = 3;
/// From which likeness on (Jaro-Winkler, 0 to 1).
const NEAR_MIN: f64 = 0.75;
/// How much of it is that of what stands behind the last `/`: directories are typed right more often.
const LAST_PART: f64 = 0.8;

/// A part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its name: `state/btrfs`, `time`.
    pub(crate) name: String,
    /// What happens in it.
    pub(crate) story: String,
    /// Where it is written; the counted boots are not.
    pub(crate) path: Option<PathBuf>,
}

impl Part {
    /// The counted boots.
    pub(crate) fn time() -> Part {
        Part {
            name: TIME.to_owned(),
            story: TIME_STORY.to_owned(),
            path: None,
        }
    }
}

/// Scenarios that a seed gives, each in a file of its own in a directory.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) fn drawn(seed: u64, count: u64, dir: &Path) -> Result<Vec<Part>, Error> {
    files::create_directory(dir)?;
    let draw = |number| {
        let path = dir.join(format!("{number}.toml"));
        files::write(&path, random::scenario(seed, number))?;
        Ok(Part {
            name: format!("{DRAWN}{number}"),
            story: format!("drawn by lot: seed {seed}, number {number}"),
            path: Some(path),
        })
    };
    (1..=count).map(draw).collect()
}

/// The number of one that was drawn.
pub(crate) fn number(name: &str) -> Option<u64> {
    name.strip_prefix(DRAWN)?.parse().ok()
}

/// Those that one of the words names: a name, a directory (`state/`) or a pattern (`*bond*`). No word names all.
///
/// # Errors
/// When a word names none; the message has names like it.
pub(crate) fn chosen(all: Vec<Part>, words: &[String]) -> Result<Vec<Part>, Error> {
    for word in words {
        if !all.iter().any(|part| names(word, &part.name)) {
            return Err(Error::unexpected(unknown(&all, word)));
        }
    }
    let is_meant =
        |part: &Part| words.is_empty() || words.iter().any(|word| names(word, &part.name));
    Ok(all.into_iter().filter(is_meant).collect())
}

fn names(word: &str, name: &str) -> bool {
    match word.ends_with('/') {
        true => name.starts_with(word),
        false => fits(word.as_bytes(), name.as_bytes()),
    }
}

/// Whether a name is as a pattern says: `*` is anything, `?` any one byte.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', pattern @ ..], _) => {
            (0..=name.len()).any(|taken| name.get(taken..).is_some_and(|rest| fits(pattern, rest)))
        }
        ([b'?', pattern @ ..], [_, name @ ..]) => fits(pattern, name),
        ([wanted, pattern @ ..], [byte, name @ ..]) => wanted == byte && fits(pattern, name),
        _ => false,
    }
}

fn unknown(all: &[Part], word: &str) -> String {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let likeness = |name: &str| {
        let whole = strsim::jaro_winkler(word, name);
        LAST_PART * strsim::jaro_winkler(&last(word), &last(name)) + (1.0 - LAST_PART) * whole
    };
    let mut near: Vec<(f64, &str)> = all
        .iter()
        .map(|part| (likeness(&part.name), part.name.as_str()))
        .filter(|(likeness, _)| *likeness >= NEAR_MIN)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let near: Vec<&str> = near
        .into_iter()
        .map(|(_, name)| name)
        .take(NEAR_MAX)
        .collect();
    let hint = match near.is_empty() {
        true => String::new(),
        false => format!(" (near it: {})", near.join(", ")),
    };
    format!("--only {word}: no such scenario{hint}; --list shows all of them")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    fn all() -> Vec<Part> {
        let names = [
            "clean",
            "network/bond",
            "network/bond-by-dhcp",
            "state/btrfs",
            "state/no-root",
        ];
        let part = |name: &str| Part {
            name: name.to_owned(),
            ..Part::time()
        };
        names.into_iter().map(part).chain([Part::time()]).collect()
    }

    #[test]
    fn words_name_scenarios() {
        let check = |words: &[&str], expected: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let said = match chosen(all(), &words) {
                Ok(parts) => parts.into_iter().map(|part| part.name).collect(),
                Err(error) => vec![error.to_string()],
            };
            assert_eq!(said, expected, "{words:?}");
        };
        let every: Vec<String> = all().into_iter().map(|part| part.name).collect();
        let every: Vec<&str> = every.iter().map(String::as_str).collect();
        check(&[], &every);
        check(&["clean"], &["clean"]);
        // A name is that name, not the beginning of another.
        check(&["network/bond"], &["network/bond"]);
        check(&["network/"], &["network/bond", "network/bond-by-dhcp"]);
        check(
            &["*bond*", "time"],
            &["network/bond", "network/bond-by-dhcp", "time"],
        );
        check(
            &["state/??-root", "state/"],
            &["state/btrfs", "state/no-root"],
        );
        check(
            &["clean", "state/btfrs"],
            &[
                "--only state/btfrs: no such scenario (near it: state/btrfs); --list shows all of them",
            ],
        );
        check(
            &["bond"],
            &[
                "--only bond: no such scenario (near it: network/bond, network/bond-by-dhcp); --list shows all of them",
            ],
        );
        check(
            &["qqq"],
            &["--only qqq: no such scenario; --list shows all of them"],
        );
        check(
            &["nothing/"],
            &["--only nothing/: no such scenario; --list shows all of them"],
        );
    }
}
