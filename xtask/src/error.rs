//! What can go wrong, where, and what to do about it.
//!
//! Every message is complete by itself: `main` prints it after the program's name and nothing else.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All done.
    Fine = 0,
    /// A check said no.
    Failed = 1,
    /// The machine lacks something; nothing was checked.
    CouldNotRun = 69,
    /// Wrong arguments.
    Usage = 100,
    /// The operating system said no.
    System = 111,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // The discriminants above are the codes.
        Self::from(exit as u8)
    }
}

/// Everything that stops an xtask.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file or directory could not be read, written, renamed.
    #[error("{path}: cannot {what}: {source}", path = path.display())]
    File {
        /// What was tried, as a verb phrase.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error("cannot start {program}: {source}; install it, or run `cargo xtask setup`")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program that prepares something ended badly.
    #[error("`{command}` ended with {status}{tail}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The end of its output, led by a line break, or nothing where it was shown already.
        tail: String,
    },
    /// A check said no; it has shown why.
    #[error("{0} failed")]
    Check(String),
    /// Something cannot be done on this machine; it has said why.
    #[error("{0} could not run")]
    Unable(String),
    /// The machine lacks something that a person has to give.
    #[error("{what}; run this once, then again what you ran:\n\n    {remedy}\n")]
    Machine {
        /// What is missing.
        what: String,
        /// The one command.
        remedy: String,
    },
    /// Something that was built is not as it should be.
    #[error("{what}; {remedy}")]
    Product {
        /// What is wrong, where.
        what: String,
        /// What to do.
        remedy: String,
    },
}

impl Error {
    /// An error about a file.
    pub(crate) fn file(what: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::File {
            what,
            path: path.to_owned(),
            source,
        }
    }

    /// The exit code that tells a script what kind of trouble this is.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::File { .. } => Exit::System,
            Self::Start { .. } | Self::Machine { .. } | Self::Unable(_) => Exit::CouldNotRun,
            Self::Command { .. } | Self::Check(_) | Self::Product { .. } => Exit::Failed,
        }
    }
}
