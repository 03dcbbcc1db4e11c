//! PID 1's answer to `status`: lines of fields, which are looked up as they are needed. What is not there is empty, and
//! what nobody here knows is passed over.

use core::fmt;

/// The fields behind a line's key.
pub(super) type Fields<'a> = [&'a str; 5];

/// The answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Status<'a> {
    text: &'a str,
}

impl<'a> Status<'a> {
    /// Of PID 1's words; a last line that was cut does not count.
    pub(super) fn of(text: &'a str) -> Status<'a> {
        let end = text.bytes().rposition(|byte| byte == b'\n').unwrap_or(0);
        Status {
            text: text.get(..end).unwrap_or_default(),
        }
    }

    /// Every line with this key.
    pub(super) fn all(&self, key: &'static str) -> impl Iterator<Item = Fields<'a>> {
        self.text.lines().filter_map(move |line| {
            let mut parts = line.split('\t');
            (parts.next() == Some(key))
                .then(|| core::array::from_fn(|_| parts.next().unwrap_or_default()))
        })
    }

    /// The first of them.
    pub(super) fn one(&self, key: &'static str) -> Option<Fields<'a>> {
        self.all(key).next()
    }

    /// How long ago that was, ns.
    pub(super) fn since(&self, moment: &str) -> u64 {
        let now = self.one("now").unwrap_or_default();
        number(now[0]).saturating_sub(number(moment))
    }

    /// How long it is until then, ns.
    pub(super) fn until(&self, moment: &str) -> u64 {
        let now = self.one("now").unwrap_or_default();
        number(moment).saturating_sub(number(now[0]))
    }
}

/// A number of PID 1; what is none is 0.
pub(super) fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// Text that does nothing to a terminal: labels and the names of scripts come from a disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain<'a>(pub(super) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plain(text) = self;
        for character in text.chars() {
            let is_safe = character == '\n' || !character.is_control();
            fmt::Write::write_char(f, if is_safe { character } else { '?' })?;
        }
        Ok(())
    }
}

/// A time in the two units that matter: `4 min 12 s`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) u64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Time(ns) = *self;
        let seconds = ns / 1_000_000_000;
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
        match seconds {
            0..10 => write!(f, "{seconds}.{} s", ns / 100_000_000 % 10),
            10..60 => write!(f, "{seconds} s"),
            60..3600 => write!(f, "{minutes} min {} s", seconds % 60),
            3600..86_400 => write!(f, "{hours} h {} min", minutes % 60),
            _ => write!(f, "{days} d {} h", hours % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn lines_are_looked_up() {
        let status = Status::of(
            "now\t9000000000\nhold\tfsck\nodd\nhold\tmount\tx\t\t\t\t\t\nverdict\tOK\t10",
        );
        let holds: std::vec::Vec<&str> = status.all("hold").map(|hold| hold[0]).collect();
        assert_eq!(holds, ["fsck", "mount"]);
        assert_eq!(status.one("verdict"), None, "it was cut");
        assert_eq!(status.since("4000000000"), 5_000_000_000);
        assert_eq!(status.since("9900000000"), 0);
        assert_eq!(status.until("x"), 0);
        assert_eq!(Status::of("").one("now"), None);
    }

    #[test]
    fn times_are_short() {
        for (seconds, expected) in [
            (0, "0.0 s"),
            (9, "9.0 s"),
            (59, "59 s"),
            (252, "4 min 12 s"),
            (7260, "2 h 1 min"),
            (180_000, "2 d 2 h"),
        ] {
            assert_eq!(format!("{}", Time(seconds * 1_000_000_000)), expected);
        }
    }

    #[test]
    fn a_terminal_is_left_alone() {
        assert_eq!(
            format!("{}", Plain("a\u{1b}[2J\tb\u{9b}ü\n")),
            "a?[2J?b?ü\n"
        );
    }
}
