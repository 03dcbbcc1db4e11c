//! What a freeze has to say about its input: where, how bad, what, and what to do about it.
//!
//! One message that refuses is enough for no plan to be written.

use std::fmt;

use crate::limits::MESSAGES_MAX;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something is lost or ignored; the plan is made without it.
    Warning,
    /// No plan is made.
    Error,
}

impl Severity {
    /// Its word in a message.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A line of a file; line 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as the user would open it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl Place {
    /// A line of a file.
    #[must_use]
    pub fn new(file: impl Into<String>, line: usize) -> Place {
        Place {
            file: file.into(),
            line,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One thing that a freeze has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub place: Place,
    /// How bad.
    pub severity: Severity,
    /// What.
    pub text: String,
    /// What to do; empty where there is nothing to do.
    pub remedy: String,
}

impl fmt::Display for Message {
    /// `FILE:LINE: severity: text`, and the remedy on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.severity.word(), self.text)?;
        if !self.remedy.is_empty() {
            write!(f, "\n    remedy: {}", self.remedy)?;
        }
        Ok(())
    }
}

/// The messages of a freeze, in the order in which they came up.
#[derive(Debug, Default)]
pub struct Messages {
    list: Vec<Message>,
    errors: usize,
}

impl Messages {
    /// The input cannot be frozen.
    pub fn refuse(&mut self, place: Place, text: impl Into<String>, remedy: impl Into<String>) {
        self.errors += 1;
        self.add(place, Severity::Error, text.into(), remedy.into());
    }

    /// Something is lost or ignored.
    pub fn warn(&mut self, place: Place, text: impl Into<String>, remedy: impl Into<String>) {
        self.add(place, Severity::Warning, text.into(), remedy.into());
    }

    /// Something is worth knowing.
    pub fn note(&mut self, place: Place, text: impl Into<String>) {
        self.add(place, Severity::Note, text.into(), String::new());
    }

    /// Whether something refuses.
    #[must_use]
    pub fn refused(&self) -> bool {
        self.errors > 0
    }

    /// All of them, each once.
    #[must_use]
    pub fn into_list(self) -> Vec<Message> {
        let mut seen = std::collections::HashSet::new();
        let mut list = self.list;
        list.retain(|message| {
            seen.insert((
                message.place.clone(),
                message.severity.word(),
                message.text.clone(),
            ))
        });
        list
    }

    fn add(&mut self, place: Place, severity: Severity, text: String, remedy: String) {
        // An error beyond the limit still refuses: only its words are lost.
        if self.list.len() < MESSAGES_MAX || (severity == Severity::Error && self.errors == 1) {
            self.list.push(Message {
                place,
                severity,
                text,
                remedy,
            });
        }
    }
}
