//! What came of one run of a scenario: a failing image and a harness that could not run it are never the same.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;

/// One run of one scenario.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its path below `scenarios/`, without `.toml`.
    pub name: String,
    /// What happens in it.
    pub story: String,
    /// What whatever is drawn by lot was drawn from.
    pub seed: u64,
    /// How it ended.
    pub ended: Ended,
    /// The word of the boot's own verdict, where it came to one.
    pub verdict: Option<String>,
    /// From beginning to end.
    pub wall: Duration,
    /// Of it, how long machines ran.
    pub machine: Duration,
    /// Where its files are: `console.log`, `record.bin`, `qemu.txt` (the command lines); those that there are.
    pub dir: PathBuf,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// All is as the scenario says.
    Passed,
    /// The machine ran, and did something else.
    Failed {
        /// Each thing that is not as the scenario says.
        differences: Vec<String>,
    },
    /// It cannot be asked of this subject.
    Skipped {
        /// Why.
        why: String,
    },
    /// Nothing is known of the subject: QEMU is missing or was killed, there was no room.
    CouldNotRun {
        /// Why.
        why: String,
    },
}

impl Ended {
    /// An error, as the machine's fault or as the harness's own.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Deadline { .. } | Error::Unexpected { .. } | Error::Off { .. } => Self::Failed {
                differences: vec![error.to_string()],
            },
            Error::Differences { all, .. } => Self::Failed {
                differences: all.clone(),
            },
            Error::NotAsked { why } => Self::Skipped { why: why.clone() },
            _ => Self::CouldNotRun {
                why: error.to_string(),
            },
        }
    }
}
