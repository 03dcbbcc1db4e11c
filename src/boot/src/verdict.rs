//! How the boot went, in one line: collected while it goes, said when it is sealed.

use core::fmt;

use heapless::String;

use crate::step::Failed;
use crate::text::text;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Word {
    /// As planned.
    #[default]
    Ok,
    /// It runs, and something is not as planned.
    Degraded,
    /// It waits for a person.
    Rescue,
}

/// The verdict so far: the worst word, the first reason for it, and how many more there are.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    word: Word,
    reason: String<160>,
    /// What a person who is needed has to know beside the step that failed.
    because: String<120>,
    more: u32,
}

impl Verdict {
    /// Something is not as planned.
    pub(crate) fn degrade(&mut self, reason: fmt::Arguments<'_>) {
        if self.word == Word::Ok {
            self.word = Word::Degraded;
            self.reason = text(reason);
        } else {
            self.more += 1;
        }
    }

    /// Why the stage is about to fail.
    pub(crate) fn because(&mut self, why: &str) {
        self.because = text(format_args!("{why}"));
    }

    /// A person is needed: outweighs everything said before.
    pub(crate) fn rescue(&mut self, stage: &str, failed: Failed) {
        self.word = Word::Rescue;
        self.more = 0;
        self.reason = text(format_args!("{stage}: {}", failed.step.words()));
        if failed.errno.0 != 0 {
            self.reason = text(format_args!("{}, errno {}", self.reason, failed.errno.0));
        }
        let because = core::mem::take(&mut self.because);
        if !because.is_empty() {
            self.reason = text(format_args!("{}: {because}", self.reason));
        }
    }

    /// The person let the boot go on: what was a rescue has become a degraded boot.
    pub(crate) fn resume(&mut self) {
        if self.word == Word::Rescue {
            self.word = Word::Degraded;
        }
    }

    /// Its word.
    pub(crate) fn word(&self) -> &'static str {
        match self.word {
            Word::Ok => "OK",
            Word::Degraded => "DEGRADED",
            Word::Rescue => "RESCUE",
        }
    }

    /// Its reason.
    pub(crate) fn reason(&self) -> String<200> {
        match self.more {
            0 => text(format_args!("{}", self.reason)),
            more => text(format_args!("{}, and {more} more", self.reason)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.word {
            Word::Ok => f.write_str("OK"),
            _ => write!(f, "{}({})", self.word(), self.reason()),
        }
    }
}
