//! Whether all scripts ran, once each, in an order that the edges allow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use preroot_qemu_tests::{Error, Event, Record};

use super::bound::Entry;

/// What was not as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// Scripts that never ended.
    missing: BTreeSet<String>,
    /// Scripts that began before one that they are ordered after had ended.
    early: BTreeSet<String>,
    /// Scripts that were not alone.
    crowded: BTreeSet<String>,
}

impl Faults {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These and those.
    pub(super) fn join(&mut self, other: Faults) {
        self.missing.extend(other.missing);
        self.early.extend(other.early);
        self.crowded.extend(other.crowded);
    }

    /// Reads a log: `+ NAME` where a script begins, `- NAME` where it ends.
    pub(super) fn in_log(log: &str, order: &[Entry]) -> Self {
        let mut faults = Self::default();
        let entries: BTreeMap<&str, &Entry> = order
            .iter()
            .map(|entry| (entry.script.as_str(), entry))
            .collect();
        let mut running: BTreeSet<&str> = BTreeSet::new();
        let mut ended: BTreeSet<&str> = BTreeSet::new();
        for line in log.lines() {
            let Some((sign, name)) = line.split_once(' ') else {
                continue;
            };
            if sign == "-" {
                running.remove(name);
                ended.insert(name);
                continue;
            }
            running.insert(name);
            let Some(entry) = entries.get(name) else {
                continue;
            };
            if entry.after.iter().any(|other| !ended.contains(&**other)) {
                faults.early.insert(name.to_owned());
            }
            let is_alone =
                |name: &&&str| entries.get(**name).is_some_and(|entry| entry.interactive);
            if running.len() > 1 {
                let alone = running.iter().filter(is_alone);
                faults.crowded.extend(alone.map(|&name| name.to_owned()));
            }
        }
        let missing = entries.keys().filter(|name| !ended.contains(**name));
        faults.missing.extend(missing.map(|&name| name.to_owned()));
        faults
    }

    /// Reads the record of our runner, as a log.
    pub(super) fn in_record(record: Vec<u8>, order: &[Entry]) -> Result<Self, Error> {
        let record = Record::new(record);
        let boot = record.latest()?;
        let line = |(_, event)| match event {
            Event::ScriptStarted(script) => Some(format!("+ {}\n", script.name)),
            Event::ScriptEnded(script) if script.status == 0 => {
                Some(format!("- {}\n", script.name))
            }
            _ => None,
        };
        let log: String = boot.events().filter_map(line).collect();
        Ok(Self::in_log(&log, order))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (&self.missing, "never ran"),
            (&self.early, "too early"),
            (&self.crowded, "not alone"),
        ];
        let words = kinds.iter().filter(|(names, _)| !names.is_empty());
        let words: Vec<String> = words
            .map(|(names, what)| {
                let first = names.first().map_or("", String::as_str);
                format!("{} {what} ({first})", names.len())
            })
            .collect();
        match words.is_empty() {
            true => write!(out, "kept"),
            false => write!(out, "{}", words.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// b and c are ordered after a, and d runs alone.
    fn check(log: &str, expected: &str) {
        let entry = |script: &str, after: &[&str], interactive| Entry {
            script: script.to_owned(),
            level: 1,
            after: after.iter().map(|&name| name.to_owned()).collect(),
            interactive,
        };
        let order = [
            entry("a", &[], false),
            entry("b", &["a"], false),
            entry("c", &["a"], false),
            entry("d", &[], true),
        ];
        let log: String = log.split(' ').fold(String::new(), |log, word| {
            let (sign, name) = word.split_at(1);
            log + sign + " " + name + "\n"
        });
        assert_eq!(Faults::in_log(&log, &order).to_string(), expected, "{log}");
    }

    #[test]
    fn logs_are_held_against_the_order() {
        check("+a -a +b +c -b -c +d -d", "kept");
        check("+a +b -b -a +c -c +d -d", "1 too early (b)");
        check("+a -a +b -b +d -d", "1 never ran (c)");
        check("+a +d -a -d +b +c -b -c", "1 not alone (d)");
        check("+d -d +c +b", "3 never ran (a), 2 too early (b)");
    }
}
