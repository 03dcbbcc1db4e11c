//! What came of a run: what every report says is said of this.

use std::path::PathBuf;
use std::time::Duration;

use super::baseline::{Baseline, Change};
use super::figures::Figures;
use preroot_qemu_tests::{Ended, Ran};

/// How a run ended, as the program's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing is worse, or there was nothing to hold it against.
    Fine = 0,
    /// A scenario does not end as it should, or something in a boot takes longer than it may.
    Regressed = 2,
    /// Something could not be run, and nothing that could was worse.
    CouldNotRun = 69,
}

/// How often things ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    pub(crate) could_not_run: usize,
}

/// What was run on what.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    /// Options that say what is run and on what, as they are typed again for a replay.
    pub(crate) words: Vec<String>,
    /// Who is meant by chance, the same in every replay.
    pub(crate) seed: u64,
    /// Its kernel, image and root disk.
    pub(crate) subject: [PathBuf; 3],
    /// Which part of a run that machines share.
    pub(crate) shard: Option<String>,
}

/// What the counted boots took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timing {
    /// The least of all boots.
    pub(crate) figures: Figures,
    /// What it is held against.
    pub(crate) before: Option<Baseline>,
    /// How they differ, what is worse first.
    pub(crate) changes: Vec<Change>,
}

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) about: About,
    pub(crate) ran: Vec<Ran>,
    /// Chosen, and not begun when somebody ended the run.
    pub(crate) not_begun: Vec<String>,
    pub(crate) timing: Option<Timing>,
    /// What all of it is held against.
    pub(crate) before: Option<Baseline>,
    /// How long all of it took.
    pub(crate) wall: Duration,
    /// Whether somebody ended it before it was done.
    pub(crate) interrupted: bool,
}

impl Timing {
    /// What a part took before, ns.
    pub(crate) fn before(&self, part: &str) -> Option<u64> {
        let before = self.before.as_ref();
        before.and_then(|before| before.ns(part))
    }
}

impl Results {
    /// Of a run that begins.
    pub(crate) fn new(about: About) -> Results {
        Results {
            about,
            ran: Vec::new(),
            not_begun: Vec::new(),
            timing: None,
            before: None,
            wall: Duration::ZERO,
            interrupted: false,
        }
    }

    /// How often things ended how.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for outcome in &self.ran {
            match outcome.ended {
                Ended::Passed => tally.passed += 1,
                Ended::Failed { .. } => tally.failed += 1,
                Ended::Skipped { .. } => tally.skipped += 1,
                Ended::CouldNotRun { .. } => tally.could_not_run += 1,
            }
        }
        tally.could_not_run += self.not_begun.len();
        tally
    }

    /// What the program ends with: what is worse is worse, whatever else could not be run.
    pub(crate) fn exit(&self) -> Exit {
        let tally = self.tally();
        if tally.failed > 0 {
            Exit::Regressed
        } else if tally.could_not_run > 0 || self.interrupted {
            Exit::CouldNotRun
        } else {
            Exit::Fine
        }
    }

    /// Scenarios that do not end as in the baseline, or fail in it too: each as a line, what is worse first.
    pub(crate) fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        for ran in &self.ran {
            let before = self
                .before
                .as_ref()
                .and_then(|before| before.ended(&ran.name));
            let (now, name) = (word(&ran.ended), &ran.name);
            let rank = rank(&ran.ended);
            match before {
                Some(before) if before != now => {
                    changes.push((rank, format!("{name}: {now}, before: {before}")))
                }
                Some("failed") => changes.push((rank, format!("{name}: failed, as before"))),
                _ => {}
            }
        }
        changes.sort();
        changes.into_iter().map(|(_, change)| change).collect()
    }

    /// The one command that runs a scenario again as it was run here.
    pub(crate) fn replay(&self, outcome: &Ran) -> String {
        replay(&self.about, outcome)
    }
}

/// The one command that runs a scenario again as it was run here.
pub(crate) fn replay(about: &About, outcome: &Ran) -> String {
    let mut words = vec![
        "cargo xtask regress --only".to_owned(),
        quoted(&outcome.name),
    ];
    words.push(format!("--seed {}", outcome.seed));
    words.extend(about.words.iter().map(|word| quoted(word)));
    words.join(" ")
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// What is worth a look first.
pub(crate) fn rank(ended: &Ended) -> u8 {
    match ended {
        Ended::Failed { .. } => 0,
        Ended::CouldNotRun { .. } => 1,
        Ended::Passed => 2,
        Ended::Skipped { .. } => 3,
    }
}

/// One word for how something ended.
pub(crate) fn word(ended: &Ended) -> &'static str {
    match ended {
        Ended::Passed => "passed",
        Ended::Failed { .. } => "failed",
        Ended::Skipped { .. } => "skipped",
        Ended::CouldNotRun { .. } => "could-not-run",
    }
}

/// What is said about it, a paragraph for each thing.
pub(crate) fn said(ended: &Ended) -> &[String] {
    match ended {
        Ended::Passed => &[],
        Ended::Failed { differences } => differences,
        Ended::Skipped { why } | Ended::CouldNotRun { why } => std::slice::from_ref(why),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run in which everything happened, for the reports.
    pub(crate) fn made() -> Results {
        let outcome = |name: &str, wall_ms: u64, verdict: Option<&str>, ended: Ended| Ran {
            name: name.to_owned(),
            story: format!("the story of {name}"),
            seed: 7,
            ended,
            verdict: verdict.map(str::to_owned),
            wall: Duration::from_millis(wall_ms),
            machine: Duration::ZERO,
            dir: PathBuf::from("/nowhere").join(name),
        };
        let differences = vec![
            "verdict: expected `OK`, found `RESCUE(fsck 4)`".to_owned(),
            "output of udev: no `a < b && \"c\"` in\n\u{1b}[31mred\u{0}\u{7}]]>\n".to_owned(),
        ];
        Results {
            about: About {
                words: ["--image", "new images/a.img"].map(str::to_owned).to_vec(),
                seed: 7,
                subject: ["vmlinuz", "new images/a.img", "disk.img"].map(PathBuf::from),
                shard: Some("2/5".to_owned()),
            },
            ran: vec![
                outcome("clean", 12_345, Some("OK"), Ended::Passed),
                outcome(
                    "state/bad",
                    61_000,
                    Some("RESCUE(fsck 4)"),
                    Ended::Failed { differences },
                ),
                outcome(
                    "power/cut",
                    2,
                    None,
                    Ended::Skipped {
                        why: "needs an image of preroot".to_owned(),
                    },
                ),
                outcome(
                    "network/bond",
                    950,
                    None,
                    Ended::CouldNotRun {
                        why: "QEMU was killed".to_owned(),
                    },
                ),
            ],
            not_begun: vec!["fleet".to_owned()],
            timing: None,
            before: None,
            wall: Duration::from_millis(75_250),
            interrupted: true,
        }
    }

    #[test]
    fn what_is_worse_wins_over_what_could_not_run() {
        let check = |keep: &[&str], interrupted, expected| {
            let mut results = made();
            results
                .ran
                .retain(|outcome| keep.contains(&outcome.name.as_str()));
            results.not_begun.clear();
            results.interrupted = interrupted;
            assert_eq!(results.exit(), expected, "{keep:?}");
        };
        check(&[], false, Exit::Fine);
        check(&["clean", "power/cut"], false, Exit::Fine);
        check(&["clean", "state/bad"], false, Exit::Regressed);
        check(&["clean", "network/bond"], false, Exit::CouldNotRun);
        check(&["state/bad", "network/bond"], true, Exit::Regressed);
        check(&["clean"], true, Exit::CouldNotRun);
        let tally = made().tally();
        assert_eq!(
            (
                tally.passed,
                tally.failed,
                tally.skipped,
                tally.could_not_run
            ),
            (1, 1, 1, 2)
        );
    }

    #[test]
    fn what_ends_otherwise_than_before_is_told() {
        let mut results = made();
        assert_eq!(results.changes(), [""; 0]);
        let mut before = made().ran;
        before[0].ended = Ended::Skipped { why: String::new() };
        before[3].ended = Ended::Passed;
        results.before = Some(Baseline::of(&Figures::default()).with_scenarios(&before));
        let expected = [
            "state/bad: failed, as before",
            "network/bond: could-not-run, before: passed",
            "clean: passed, before: skipped",
        ];
        assert_eq!(results.changes(), expected);
    }

    #[test]
    fn a_replay_is_one_command() {
        let results = made();
        assert_eq!(
            results.replay(&results.ran[1]),
            "cargo xtask regress --only state/bad --seed 7 --image 'new images/a.img'"
        );
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
