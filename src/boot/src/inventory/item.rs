//! A thing that is in the machine.
//!
//! Names and values come from firmware, which may be hostile: whatever is not printable ASCII is dropped here, before it
//! gets into a line.

use core::fmt::{self, Write};

use heapless::String;
use preroot_plan::Class;
use preroot_record::limits::FACTS_BYTES_MAX;

use crate::limits::INVENTORY_NAME_BYTES_MAX;

/// A thing, with what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// What it is.
    pub class: Class,
    /// Which of its class.
    pub name: &'a str,
    /// `key=value`, a tab between them.
    pub facts: &'a str,
}

impl<'a> Item<'a> {
    /// The value of a key.
    #[must_use]
    pub fn fact(&self, key: &str) -> Option<&'a str> {
        self.facts
            .split('\t')
            .find_map(|fact| fact.strip_prefix(key)?.strip_prefix('='))
    }

    /// The value of a key, as a number.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<u64> {
        number(self.fact(key)?)
    }

    /// Writes the line that tells PID 1 of it, with its newline.
    pub fn write(&self, out: &mut impl Write) -> fmt::Result {
        for part in ["is ", self.class.word(), " ", self.name] {
            out.write_str(part)?;
        }
        if !self.facts.is_empty() {
            out.write_str("\t")?;
            out.write_str(self.facts)?;
        }
        out.write_str("\n")
    }
}

/// A number as a fact has it: decimal, or hexadecimal behind `0x`.
pub(super) fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    }
}

/// The name of a thing.
pub type Name = String<INVENTORY_NAME_BYTES_MAX>;

/// A name out of what firmware or the kernel says: printable, without blanks around it, cut.
#[must_use]
pub fn name(text: &str) -> Name {
    let mut name = Name::new();
    for character in printable(text) {
        if name.push(character).is_err() {
            break;
        }
    }
    let length = name.trim_ascii_end().len();
    name.truncate(length);
    name
}

/// The printable characters of a text, without blanks in front.
fn printable(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter(|character| matches!(character, ' '..='~'))
        .skip_while(|character| *character == ' ')
}

/// The facts of a thing while they are gathered. One that does not fit is left out whole.
#[derive(Debug, Default)]
pub struct Facts {
    text: String<FACTS_BYTES_MAX>,
}

impl Facts {
    /// None.
    #[must_use]
    pub const fn new() -> Facts {
        Facts {
            text: String::new(),
        }
    }

    /// Adds a fact; an empty one is none.
    pub fn put(&mut self, key: &str, value: &str) {
        let before = self.text.len();
        if self.try_put(key, value).is_none() {
            self.text.truncate(before);
        }
    }

    fn try_put(&mut self, key: &str, value: &str) -> Option<()> {
        if !self.text.is_empty() {
            self.text.push('\t').ok()?;
        }
        self.text.push_str(key).ok()?;
        self.text.push('=').ok()?;
        let start = self.text.len();
        for character in printable(value) {
            self.text.push(character).ok()?;
        }
        let end = self.text.trim_ascii_end().len().max(start);
        self.text.truncate(end);
        (end > start).then_some(())
    }

    /// Adds a number.
    pub fn number(&mut self, key: &str, value: u64) {
        let mut digits = String::<20>::new();
        // Twenty digits hold any.
        let _ = write!(digits, "{value}");
        self.put(key, &digits);
    }

    /// All of them.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Forgets them, for the next thing.
    pub fn clear(&mut self) {
        self.text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found_again() {
        let mut facts = Facts::new();
        facts.put("serial", " WD-1\t2\n\x1b[31m ");
        facts.number("bytes", u64::MAX);
        facts.put("model", " \u{fffd} ");
        facts.put("path", "pci-0000:00:03.0");
        let item = Item {
            class: Class::Disk,
            name: "vda",
            facts: facts.text(),
        };
        assert_eq!(item.fact("serial"), Some("WD-12[31m"));
        assert_eq!(item.number("bytes"), Some(u64::MAX));
        assert_eq!(item.fact("model"), None);
        assert_eq!(item.fact("pat"), None);
        assert_eq!(item.number("path"), None);
        assert_eq!(item.fact("path"), Some("pci-0000:00:03.0"));
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let mut facts = Facts::new();
        facts.put("a", "1");
        facts.put("b", &"x".repeat(FACTS_BYTES_MAX));
        facts.put("c", "2");
        assert_eq!(facts.text(), "a=1\tc=2");
        assert_eq!(
            name(&"y".repeat(200)).as_str(),
            "y".repeat(INVENTORY_NAME_BYTES_MAX)
        );
        assert_eq!(name("  DIMM A1\r\n ").as_str(), "DIMM A1");
    }

    #[test]
    fn numbers() {
        let check =
            |text: &str, expected: Option<u64>| assert_eq!(number(text), expected, "{text}");
        check("0", Some(0));
        check("0x2b000603", Some(0x2b00_0603));
        check("", None);
        check("0x", None);
        check("+1", None);
        check("0x+1", None);
        check("-1", None);
        check("18446744073709551616", None);
    }
}
