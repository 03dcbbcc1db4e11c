//! What can go wrong when baking: what, where, and what to do about it.

use std::path::{Path, PathBuf};

use crate::cpio::CpioError;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{path}: cannot {what}: {source}", path = path.display())]
    File {
        /// What was tried, as a verb phrase.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A part of the input cannot be used.
    #[error("{place}: {what}; {remedy}")]
    Input {
        /// The file, with its line where there is one.
        place: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// Something that must be in the image was not found.
    #[error("{wanted}: not found in {searched}; {remedy}")]
    Missing {
        /// What is missing and who needs it.
        wanted: String,
        /// Where it was looked for.
        searched: String,
        /// What to do.
        remedy: String,
    },
    /// The members do not make an archive.
    #[error("the image cannot be written: {0}")]
    Archive(#[from] CpioError),
}

impl Error {
    /// An error about a file.
    pub(crate) fn file(what: &'static str, path: &Path, source: std::io::Error) -> Error {
        Error::File {
            what,
            path: path.to_owned(),
            source,
        }
    }

    /// An error in the input.
    pub(crate) fn input(
        place: impl std::fmt::Display,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Error {
        Error::Input {
            place: place.to_string(),
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// Whether the system failed, not the input.
    #[must_use]
    pub fn is_system(&self) -> bool {
        match self {
            Error::File { source, .. } => source.kind() != std::io::ErrorKind::NotFound,
            Error::Input { .. } | Error::Missing { .. } | Error::Archive(_) => false,
        }
    }
}
