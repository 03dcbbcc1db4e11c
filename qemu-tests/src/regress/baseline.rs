//! What a boot may take: a file that people review, keep in git and change by hand.
//!
//! ```toml
//! percent = 1.0          # by how much a part may grow
//! least-us = 8000        # and in any case, µs
//! [part."stage modules"]
//! us = 5540              # what it took
//! budget-us = 8000       # what it may take, however it grew
//! percent = 5.0          # in place of those above
//! least-us = 400
//! [scenario]             # how each ended, to be told which ends otherwise
//! "state/swap" = "passed"
//! ```

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::Path;

use preroot_qemu_tests::{Error, Ran, files};
use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::results;
use super::time::ms;

/// By how many percent a part may grow.
const PERCENT: f64 = 1.0;
/// By how much it may in any case: a wait ends by one of the timer's 4 ms ticks or by the next, and so does another.
const LEAST_US: u64 = 8000;

/// A baseline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Baseline {
    /// By how many percent a part may grow.
    #[serde(default = "percent")]
    percent: f64,
    /// By how much a part may grow in any case, µs.
    #[serde(default = "least_us")]
    least_us: u64,
    /// What each part took.
    part: BTreeMap<String, Part>,
    /// How each scenario ended.
    #[serde(default)]
    scenario: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Part {
    us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    least_us: Option<u64>,
}

fn percent() -> f64 {
    PERCENT
}

fn least_us() -> u64 {
    LEAST_US
}

/// How a part differs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// It takes longer than it may.
    Slower { part: String, old: u64, new: u64 },
    /// It takes longer than its budget.
    OverBudget { part: String, budget: u64, new: u64 },
    /// It takes less, by more than repeats differ.
    Faster { part: String, old: u64, new: u64 },
    /// It was not there.
    New { part: String, new: u64 },
    /// It is not there any more.
    Gone { part: String },
}

impl Change {
    /// Whether the image is worse by it.
    pub(crate) fn is_worse(&self) -> bool {
        matches!(self, Change::Slower { .. } | Change::OverBudget { .. })
    }

    /// The part that differs.
    pub(crate) fn part(&self) -> &str {
        match self {
            Change::Slower { part, .. }
            | Change::OverBudget { part, .. }
            | Change::Faster { part, .. }
            | Change::New { part, .. }
            | Change::Gone { part } => part,
        }
    }

    /// By how much, ns: the largest stand first.
    fn amount(&self) -> u64 {
        match self {
            Change::Slower { old, new, .. } => new - old,
            Change::OverBudget { budget, new, .. } => new - budget,
            Change::Faster { old, new, .. } => old - new,
            Change::New { new, .. } => *new,
            Change::Gone { .. } => 0,
        }
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Slower { part, old, new } => {
                let (grown, percent) = (ms(new - old), (new - old) as f64 * 100.0 / *old as f64);
                write!(
                    f,
                    "{part} takes {grown} ms more, {percent:.1} %: {} instead of {} ms",
                    ms(*new),
                    ms(*old)
                )
            }
            Change::OverBudget { part, budget, new } => {
                write!(
                    f,
                    "{part} takes {} ms, of a budget of {}",
                    ms(*new),
                    ms(*budget)
                )
            }
            Change::Faster { part, old, new } => {
                write!(
                    f,
                    "{part} takes {} ms less: {} instead of {} ms",
                    ms(old - new),
                    ms(*new),
                    ms(*old)
                )
            }
            Change::New { part, new } => write!(f, "{part} is new: {} ms", ms(*new)),
            Change::Gone { part } => write!(f, "{part} is gone"),
        }
    }
}

impl Baseline {
    /// What a boot took, with the usual thresholds.
    pub(crate) fn of(figures: &Figures) -> Baseline {
        let part = |(name, ns): (&str, u64)| {
            let part = Part {
                us: ns / 1000,
                budget_us: None,
                percent: None,
                least_us: None,
            };
            (name.to_owned(), part)
        };
        Baseline {
            percent: PERCENT,
            least_us: LEAST_US,
            part: figures.parts().map(part).collect(),
            scenario: BTreeMap::new(),
        }
    }

    /// The same, with how scenarios ended.
    pub(crate) fn with_scenarios(mut self, ran: &[Ran]) -> Baseline {
        let ended = |ran: &Ran| (ran.name.clone(), results::word(&ran.ended).to_owned());
        self.scenario = ran.iter().map(ended).collect();
        self
    }

    /// How a scenario ended.
    pub(crate) fn ended(&self, scenario: &str) -> Option<&str> {
        self.scenario.get(scenario).map(String::as_str)
    }

    /// Reads one.
    pub(crate) fn read(path: &Path) -> Result<Baseline, Error> {
        let text = files::read_text(path)?;
        let wrong = |what: String| Error::Contents {
            path: path.to_owned(),
            what,
        };
        let baseline: Baseline = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let percents = baseline.part.values().filter_map(|part| part.percent);
        for percent in percents.chain([baseline.percent]) {
            if !(0.0..=1000.0).contains(&percent) {
                return Err(wrong(format!("percent = {percent}: must be 0 to 1000")));
            }
        }
        Ok(baseline)
    }

    /// Writes it; budgets and thresholds that somebody has set in a file of that name stay, and what was not run this time.
    pub(crate) fn write(mut self, path: &Path) -> Result<(), Error> {
        if path.exists() {
            let old = Baseline::read(path)?;
            (self.percent, self.least_us) = (old.percent, old.least_us);
            for (name, ended) in old.scenario {
                self.scenario.entry(name).or_insert(ended);
            }
            if self.part.is_empty() {
                self.part.clone_from(&old.part);
            }
            for (name, part) in old.part {
                if let Some(new) = self.part.get_mut(&name) {
                    new.budget_us = part.budget_us;
                    (new.percent, new.least_us) = (part.percent, part.least_us);
                }
            }
        }
        let text = toml::to_string(&self).map_err(|error| Error::unexpected(error.to_string()))?;
        files::write(path, text)
    }

    /// What a part took, ns.
    pub(crate) fn ns(&self, part: &str) -> Option<u64> {
        self.part.get(part).map(|part| part.us.saturating_mul(1000))
    }

    /// How a boot differs, what is worse first, and by how much.
    pub(crate) fn compare(&self, new: &Figures) -> Vec<Change> {
        let mut changes: Vec<Change> = new
            .parts()
            .filter_map(|(part, ns)| self.part(part, ns))
            .collect();
        let gone = self.part.keys().filter(|part| new.ns(part).is_none());
        changes.extend(gone.map(|part| Change::Gone { part: part.clone() }));
        changes.sort_by_key(|change| (!change.is_worse(), u64::MAX - change.amount()));
        changes
    }

    fn part(&self, name: &str, new: u64) -> Option<Change> {
        let part = name.to_owned();
        let Some(before) = self.part.get(name) else {
            return Some(Change::New { part, new });
        };
        let old = before.us.saturating_mul(1000);
        let budget = before.budget_us.map(|us| us.saturating_mul(1000));
        let percent = before.percent.unwrap_or(self.percent);
        let least_us = before.least_us.unwrap_or(self.least_us);
        let may = (old as f64 * percent / 100.0).max(least_us as f64 * 1000.0) as u64;
        if let Some(budget) = budget.filter(|budget| new > *budget) {
            Some(Change::OverBudget { part, budget, new })
        } else if new > old.saturating_add(may) {
            Some(Change::Slower { part, old, new })
        } else if new.saturating_add(may) < old {
            Some(Change::Faster { part, old, new })
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    const BASELINE: &str = "
        percent = 1.0
        [part.\"stage root\"]
        us = 100000
        [part.\"script udev\"]
        us = 300000
        least-us = 400
        [part.\"script cron\"]
        us = 10000
        budget-us = 10200
        [part.\"script ssh\"]
        us = 90000
        percent = 10.0
        least-us = 0
    ";

    fn read(text: &str) -> Result<Baseline, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Baseline::read(file.path())
    }

    /// What is said of a boot that took so many µs.
    fn said(parts: &[(&str, u64)]) -> Vec<String> {
        let all = ["stage root", "script udev", "script cron", "script ssh"];
        let usual = [100_000, 300_000, 10_000, 90_000];
        let mut new: BTreeMap<&str, u64> = all.into_iter().zip(usual).collect();
        new.extend(parts.iter().copied());
        new.retain(|_, us| *us > 0);
        let changes = read(BASELINE).unwrap().compare(&Figures::made(&new));
        let word = |change: &Change| if change.is_worse() { "worse" } else { "note" };
        changes
            .iter()
            .map(|change| format!("{}: {change}", word(change)))
            .collect()
    }

    #[test]
    fn what_grows_by_more_than_it_may_is_named() {
        let check = |parts: &[(&str, u64)], expected: &[&str]| {
            assert_eq!(said(parts), expected, "{parts:?}")
        };
        check(&[], &[]);
        // Ticks of the timer; a percent where somebody has said that they do not matter.
        check(&[("stage root", 107_999), ("script udev", 303_000)], &[]);
        check(
            &[("stage root", 108_001)],
            &["worse: stage root takes 8.001 ms more, 8.0 %: 108.001 instead of 100.000 ms"],
        );
        check(
            &[("script udev", 303_001)],
            &["worse: script udev takes 3.001 ms more, 1.0 %: 303.001 instead of 300.000 ms"],
        );
        check(&[("script cron", 10_200)], &[]);
        check(
            &[("script cron", 10_201)],
            &["worse: script cron takes 10.201 ms, of a budget of 10.200"],
        );
        check(&[("script ssh", 99_000)], &[]);
        check(
            &[
                ("script ssh", 120_000),
                ("script udev", 310_000),
                ("script new", 1),
                ("script cron", 0),
            ],
            &[
                "worse: script ssh takes 30.000 ms more, 33.3 %: 120.000 instead of 90.000 ms",
                "worse: script udev takes 10.000 ms more, 3.3 %: 310.000 instead of 300.000 ms",
                "note: script new is new: 0.001 ms",
                "note: script cron is gone",
            ],
        );
        check(
            &[("script ssh", 60_000)],
            &["note: script ssh takes 30.000 ms less: 60.000 instead of 90.000 ms"],
        );
    }

    #[test]
    fn a_file_that_says_something_else_is_refused() {
        let check = |text: &str, words: &str| {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        };
        check("percent = -1.0\n[part]", "must be 0 to 1000");
        check("percent = 1.0", "missing field `part`");
        check("[part.x]\nus = 1\nbudget = 2", "unknown field `budget`");
        check("[part.x]\nus = -1", "invalid value");
        check("[part.x]\nus = 1\npercent = 2000.0", "must be 0 to 1000");
    }

    #[test]
    fn what_somebody_has_set_outlives_new_figures() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), BASELINE).unwrap();
        let new = BTreeMap::from([("script cron", 11_000), ("script udev", 299_000)]);
        Baseline::of(&Figures::made(&new))
            .write(file.path())
            .unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains("us = 11000\nbudget-us = 10200"), "{text}");
        assert!(!text.contains("ssh"), "{text}");
        assert_eq!(
            Baseline::read(file.path()).unwrap().ns("script udev"),
            Some(299_000_000)
        );
    }
}
