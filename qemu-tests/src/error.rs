//! What can go wrong in the harness: what, where, and what to do.

use std::path::{Path, PathBuf};

/// Everything that stops a test that is not an assertion.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tests were run without what they test.
    #[error("{variable} is not set: run `cargo xtask test`, which sets up what machines boot")]
    NoArtefacts {
        /// The variable.
        variable: &'static str,
    },
    /// A file could not be read, written, copied.
    #[error("{path}: cannot {what}: {source}", path = path.display())]
    File {
        /// What was tried, as a verb phrase.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file does not say what it should.
    #[error("{path}: {what}", path = path.display())]
    Contents {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A program could not be started.
    #[error("cannot start {program}: {source}; run `cargo xtask setup`, which installs it")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The machine lacks something that a person has to give.
    #[error("{what}\n\nwhat to do: {remedy}")]
    Machine {
        /// What is missing.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// A program ended badly.
    #[error("`{command}` ended with {status}\n{output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// What it said.
        output: String,
    },
    /// Something that had to happen did not.
    #[error("waited {seconds} s for {what}; last seen: {last}")]
    Deadline {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// What the last look showed.
        last: String,
    },
    /// A machine is off that should run.
    #[error("the machine is off ({status})\n{output}")]
    Off {
        /// How QEMU ended.
        status: String,
        /// What it said, and the end of the console.
        output: String,
    },
    /// A boot ended otherwise than its scenario says.
    #[error("{story}\n{differences}\n\n{boot}", differences = all.join("\n"))]
    Differences {
        /// What happens in it.
        story: String,
        /// Each difference.
        all: Vec<String>,
        /// The whole boot.
        boot: String,
    },
    /// A scenario cannot be asked of what it is run on.
    #[error("not asked: {why}")]
    NotAsked {
        /// Why.
        why: String,
    },
    /// The machine's monitor said no, or nothing.
    #[error("QEMU's monitor: {what}")]
    Monitor {
        /// What it said.
        what: String,
    },
    /// A boot did not go as expected.
    #[error("{what}")]
    Unexpected {
        /// What was expected, and what was met.
        what: String,
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

    /// A boot that did not go as expected.
    #[must_use]
    pub fn unexpected(what: impl Into<String>) -> Self {
        Self::Unexpected { what: what.into() }
    }
}
