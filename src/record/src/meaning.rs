//! What an init script's exit code means.
//!
//! The codes are those of the Linux Standard Base (Core 5.0, section 22.2, "Init Script Actions"), and those
//! that a shell makes itself (dash(1), "Exit Status").

/// What an exit code says about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It did what it was asked.
    Done,
    /// There was nothing to start: startpar calls it skipped.
    Skipped,
    /// It failed.
    Failed,
}

impl Meaning {
    /// Of this exit code.
    #[must_use]
    pub fn of(code: u16) -> Meaning {
        match code {
            0 => Meaning::Done,
            5 | 6 => Meaning::Skipped,
            _ => Meaning::Failed,
        }
    }
}

/// An exit code in words; empty where it has none.
#[must_use]
pub fn exit_words(code: u16) -> &'static str {
    match code {
        2 => "invalid or excess arguments",
        3 => "not implemented",
        4 => "insufficient privilege",
        5 => "the program is not installed",
        6 => "the program is not configured",
        7 => "the program is not running",
        126 => "a command in it cannot be executed",
        127 => "a command in it was not found",
        129..=192 => "a command in it was ended by a signal",
        _ => "",
    }
}

/// Why a script could not be started, by errno (execve(2)); empty where that says it all.
#[must_use]
pub fn not_started_words(errno: u16) -> &'static str {
    match errno {
        2 => "it or the interpreter in its first line is missing",
        7 | 36 => "its name is too long",
        11 => "no room for another process",
        12 => "no memory",
        13 => "it is not executable",
        20 => "its interpreter is no file",
        26 => "it is open for writing",
        40 => "links that lead in a circle",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_one_meaning() {
        for code in 0..=255 {
            let meaning = Meaning::of(code);
            assert_eq!(meaning == Meaning::Done, code == 0);
            assert_eq!(meaning == Meaning::Skipped, code == 5 || code == 6);
            assert!(code != 0 || exit_words(code).is_empty());
        }
    }
}
