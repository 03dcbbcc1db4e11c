//! The library of scenarios: files that say what happens and what is expected, read from a directory.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::files;

/// Directories of scenarios of another kind, each with a format and a runner of its own.
const OTHER_KINDS: [&str; 3] = ["assembled", "damage", "power"];

/// Where the scenarios are that come with the harness.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The scenarios that come with the harness: names, sorted, and their files.
///
/// # Errors
/// When a directory cannot be read.
pub fn library() -> Result<Vec<(String, PathBuf)>, Error> {
    let all = scenarios_in(&directory())?;
    let is_other = |name: &str| {
        OTHER_KINDS
            .iter()
            .any(|kind| name.starts_with(&format!("{kind}/")))
    };
    Ok(all
        .into_iter()
        .filter(|(name, _)| !is_other(name))
        .collect())
}

/// Every `.toml` below a directory: its path without that ending, sorted, and the file.
///
/// # Errors
/// When a directory cannot be read.
pub fn scenarios_in(directory: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        let failed = |error| Error::file("list", &next, error);
        for entry in std::fs::read_dir(&next).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|ending| ending == "toml") {
                let name = path
                    .strip_prefix(directory)
                    .unwrap_or(&path)
                    .with_extension("");
                found.push((name.to_string_lossy().into_owned(), path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The file of one of `scenarios/`.
pub(crate) fn path(name: &str) -> PathBuf {
    directory().join(format!("{name}.toml"))
}

/// Reads one of `scenarios/`, of another kind.
pub(crate) fn named<T: DeserializeOwned>(name: &str) -> Result<T, Error> {
    let path = path(name);
    let text = files::read_text(&path)?;
    toml::from_str(&text).map_err(|error| Error::Contents {
        what: error.to_string(),
        path,
    })
}
