//! Sets of runlevels: S and 0 to 6.

use std::fmt;

/// A set of runlevels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Runlevels(u8);

/// All runlevels, in the order in which they are told.
pub const ALL: &[u8; 8] = b"S0123456";

impl Runlevels {
    /// No runlevel.
    pub const NONE: Runlevels = Runlevels(0);

    /// The set of one runlevel, by its letter.
    #[must_use]
    pub fn of(letter: u8) -> Runlevels {
        let letter = letter.to_ascii_uppercase();
        let place = ALL.iter().position(|name| *name == letter);
        Runlevels(place.map_or(0, |place| 1 << place))
    }

    /// `S`, `s`, `0` to `6`; anything else is none.
    #[must_use]
    pub fn parse(word: &str) -> Option<Runlevels> {
        match word.as_bytes() {
            [letter] if !Runlevels::of(*letter).is_empty() => Some(Runlevels::of(*letter)),
            _ => None,
        }
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Runlevels) -> Runlevels {
        Runlevels(self.0 & other.0)
    }

    /// What is in one of them.
    #[must_use]
    pub fn or(self, other: Runlevels) -> Runlevels {
        Runlevels(self.0 | other.0)
    }

    /// What is here and not there.
    #[must_use]
    pub fn without(self, other: Runlevels) -> Runlevels {
        Runlevels(self.0 & !other.0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a runlevel is in it.
    #[must_use]
    pub fn has(self, letter: u8) -> bool {
        !self.and(Runlevels::of(letter)).is_empty()
    }

    /// Whether they have a runlevel in common.
    #[must_use]
    pub fn meets(self, other: Runlevels) -> bool {
        !self.and(other).is_empty()
    }
}

impl fmt::Display for Runlevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = ALL
            .iter()
            .filter(|letter| self.has(**letter))
            .map(|letter| char::from(*letter).to_string())
            .collect();
        f.write_str(&names.join(" "))
    }
}
