//! The counted boots (QEMU's icount: one instruction is one ns of guest time), so that a figure says the same on a busy machine,
//! and whichever else boots beside them.
//!
//! What is held against the baseline is what repeats: the kernel, the stages up to the start order, and the CPU time of each
//! script. How long a script takes from start to end depends on whom it waits for; that is shown and never judged.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::baseline::{Baseline, Change};
use super::figures::{self, Figures};
use super::parts::{TIME, TIME_STORY};
use super::results::Timing;
use super::schedule::{self, Event};
use preroot_qemu_tests::{Artefacts, Ended, Error, Ran};

/// What is booted, and what it is held against.
#[derive(Debug)]
pub(crate) struct Time {
    /// The image that is looked at.
    pub(crate) image: Artefacts,
    /// The image that it is held against, if any.
    pub(crate) other: Option<Artefacts>,
    /// The baseline that it is held against, if any.
    pub(crate) baseline: Option<Baseline>,
    /// How often each image is booted.
    pub(crate) rounds: u16,
    /// Where each boot's files are kept.
    pub(crate) dir: PathBuf,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Image,
    Other,
}

impl Time {
    /// Boots, some at once, and compares. `begun` is told which boot begins, and of how many.
    pub(crate) fn run(
        &self,
        jobs: usize,
        is_over: impl Fn() -> bool + Sync,
        mut begun: impl FnMut(usize, usize),
    ) -> (Ran, Option<Timing>) {
        let start = Instant::now();
        let mut boots = Vec::new();
        for round in 1..=self.rounds {
            let dir = |which| self.dir.join(format!("{which}-{round}"));
            boots.push((Which::Image, &self.image, dir("image")));
            let other = self.other.iter();
            boots.extend(other.map(|other| (Which::Other, other, dir("other"))));
        }
        let has_failed = AtomicBool::new(false);
        let mut rounds = Rounds::default();
        schedule::run(
            &boots,
            jobs,
            |(_, artefacts, dir)| {
                let boot = figures::boot(artefacts, dir);
                has_failed.fetch_or(boot.is_err(), Ordering::Relaxed);
                boot
            },
            || is_over() || has_failed.load(Ordering::Relaxed),
            |event| match event {
                Event::Began(number) => begun(number + 1, boots.len()),
                Event::Ended(number, boot) => rounds.add(boots[number].0, boot),
            },
        );
        let (ended, timing) = self.judge(rounds, is_over());
        let outcome = Ran {
            name: TIME.to_owned(),
            story: TIME_STORY.to_owned(),
            seed: 0,
            ended,
            verdict: timing.as_ref().map(|timing| timing.figures.verdict.clone()),
            wall: start.elapsed(),
            machine: Duration::ZERO,
            dir: self.dir.join("image-1"),
        };
        (outcome, timing)
    }

    fn judge(&self, rounds: Rounds, interrupted: bool) -> (Ended, Option<Timing>) {
        if interrupted {
            let why = "interrupted".to_owned();
            return (Ended::CouldNotRun { why }, None);
        }
        if let Some(ended) = rounds.broken {
            return (ended, None);
        }
        let Some(figures) = rounds.image else {
            let why = "nothing was booted".to_owned();
            return (Ended::CouldNotRun { why }, None);
        };
        let before = self.baseline.clone();
        let before = before.or_else(|| rounds.other.as_ref().map(Baseline::of));
        let changes = before
            .as_ref()
            .map_or_else(Vec::new, |before| before.compare(&figures));
        let worse = changes.iter().filter(|change| change.is_worse());
        let differences: Vec<String> = worse.map(ToString::to_string).collect();
        let ended = match differences.is_empty() {
            true => Ended::Passed,
            false => Ended::Failed { differences },
        };
        let timing = Timing {
            figures,
            before,
            changes,
        };
        (ended, Some(timing))
    }
}

/// The least of each figure of each image's boots, and the first that went wrong.
#[derive(Debug, Default)]
struct Rounds {
    image: Option<Figures>,
    other: Option<Figures>,
    broken: Option<Ended>,
}

impl Rounds {
    fn add(&mut self, which: Which, boot: Result<Figures, Error>) {
        let what = match which {
            Which::Image => "the image",
            Which::Other => "the image to hold it against",
        };
        let figures = match boot {
            Ok(figures) if figures.verdict == "OK" => figures,
            Ok(figures) => {
                return self.broke(which, format!("{what} comes up {}", figures.verdict));
            }
            // The machine ran, and did not do what it should: that is the image's.
            Err(error @ (Error::Deadline { .. } | Error::Unexpected { .. })) => {
                return self.broke(which, format!("{what} does not come up: {error}"));
            }
            Err(error) => {
                let why = error.to_string();
                self.broken.get_or_insert(Ended::CouldNotRun { why });
                return;
            }
        };
        let least = match which {
            Which::Image => &mut self.image,
            Which::Other => &mut self.other,
        };
        match least {
            Some(least) => least.lower(&figures),
            None => *least = Some(figures),
        }
    }

    /// The image that is looked at is worse than it should be; of the other nothing can be said.
    fn broke(&mut self, which: Which, said: String) {
        let ended = match which {
            Which::Image => Ended::Failed {
                differences: vec![said],
            },
            Which::Other => Ended::CouldNotRun { why: said },
        };
        self.broken.get_or_insert(ended);
    }
}

/// What a terminal shows of it: what is worse first, then each part.
pub(crate) fn page(timing: &Timing) -> String {
    let worse = timing.changes.iter().filter(|change| change.is_worse());
    let mut lines: Vec<String> = worse.map(|change| format!("REGRESSED: {change}")).collect();
    if lines.is_empty() {
        lines.push(match timing.before {
            Some(_) => "fine: nothing is slower than it may be".to_owned(),
            None => "nothing to hold it against: --baseline FILE or --against IMAGE".to_owned(),
        });
    }
    let notes = timing
        .changes
        .iter()
        .filter(|change: &&Change| !change.is_worse());
    lines.extend(notes.map(|change| format!("note: {change}")));
    lines.push(String::new());
    lines.push(format!(
        "{:<40} {:>12} {:>12}",
        "ms of guest time", "before", "now"
    ));
    for (part, ns) in timing.figures.parts() {
        let before = timing.before(part).map_or_else(|| "-".to_owned(), ms);
        lines.push(format!("{part:<40} {before:>12} {:>12}", ms(ns)));
    }
    lines.join("\n") + "\n"
}

/// Guest time as ms.
pub(crate) fn ms(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000, ns / 1000 % 1000)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use std::collections::BTreeMap;

    use super::*;

    fn figures(us: u64) -> Figures {
        let mut figures = Figures::made(&BTreeMap::from([("stage root", us)]));
        figures.verdict = "OK".to_owned();
        figures
    }

    fn ended(boots: Vec<(Which, Result<Figures, Error>)>) -> Option<Ended> {
        let mut rounds = Rounds::default();
        for (which, boot) in boots {
            rounds.add(which, boot);
        }
        rounds.broken
    }

    #[test]
    fn whose_fault_a_boot_is() {
        let check = |which, boot, expected: Option<Ended>| {
            assert_eq!(ended(vec![(which, boot)]), expected);
        };
        let failed = |said: &str| {
            Some(Ended::Failed {
                differences: vec![said.to_owned()],
            })
        };
        let unable = |why: &str| {
            Some(Ended::CouldNotRun {
                why: why.to_owned(),
            })
        };
        check(Which::Image, Ok(figures(1)), None);
        let degraded = || {
            let mut figures = figures(1);
            figures.verdict = "DEGRADED(1)".to_owned();
            figures
        };
        check(
            Which::Image,
            Ok(degraded()),
            failed("the image comes up DEGRADED(1)"),
        );
        check(
            Which::Other,
            Ok(degraded()),
            unable("the image to hold it against comes up DEGRADED(1)"),
        );
        check(
            Which::Image,
            Err(Error::unexpected("no record")),
            failed("the image does not come up: no record"),
        );
        let variable = "PREROOT_ARTEFACTS";
        let error = || Error::NoArtefacts { variable };
        check(Which::Image, Err(error()), unable(&error().to_string()));
    }

    #[test]
    fn the_least_of_all_rounds_counts() {
        let mut rounds = Rounds::default();
        for us in [300, 200, 400] {
            rounds.add(Which::Image, Ok(figures(us)));
        }
        assert_eq!(rounds.image.unwrap().ns("stage root"), Some(200_000));
        assert_eq!(rounds.other, None);
    }
}
