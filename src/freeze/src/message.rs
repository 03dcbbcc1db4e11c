//! What a freeze has to say about its input: where, how bad, what, and what to do about it.
//!
//! One message that refuses is enough for no plan to be written.

use std::collections::HashSet;
use std::fmt;

use crate::limits::{ERRORS_MIN, MESSAGE_BYTES_MAX, MESSAGES_MAX};

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

/// The messages of a freeze, in the order in which they came up, each once.
#[derive(Debug, Default)]
pub struct Messages {
    list: Vec<Message>,
    seen: HashSet<(Place, &'static str, String)>,
    errors: usize,
    /// How many are not told, and where the first of them is from.
    lost: usize,
    lost_from: Option<Place>,
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

    /// How many things refuse.
    pub(crate) fn error_count(&self) -> usize {
        self.errors
    }

    /// Whether nothing more would be told, and the input is refused anyway: then a message more is
    /// only counted.
    pub(crate) fn is_full(&mut self, place: impl FnOnce() -> Place) -> bool {
        let is_full = self.refused() && self.list.len() >= MESSAGES_MAX;
        if is_full {
            self.lost += 1;
            self.lost_from.get_or_insert_with(place);
        }
        is_full
    }

    /// All of them; last, how many are left out.
    #[must_use]
    pub fn into_list(self) -> Vec<Message> {
        let mut list = self.list;
        if let Some(place) = self.lost_from {
            list.push(Message {
                place,
                severity: Severity::Note,
                text: format!("from here on {} more are not told", self.lost),
                remedy: String::new(),
            });
        }
        list
    }

    fn add(&mut self, place: Place, severity: Severity, mut text: String, remedy: String) {
        let room = match severity {
            Severity::Error => MESSAGES_MAX,
            Severity::Warning | Severity::Note => MESSAGES_MAX - ERRORS_MIN,
        };
        if self.list.len() >= room {
            // An error beyond the limit still refuses: only its words are lost.
            self.lost += 1;
            self.lost_from.get_or_insert(place);
            return;
        }
        if text.len() > MESSAGE_BYTES_MAX {
            text = format!("{}...", cut(&text, MESSAGE_BYTES_MAX));
        }
        if self
            .seen
            .insert((place.clone(), severity.word(), text.clone()))
        {
            self.list.push(Message {
                place,
                severity,
                text,
                remedy,
            });
        }
    }
}

/// The beginning of a text, up to `bytes_max`.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
