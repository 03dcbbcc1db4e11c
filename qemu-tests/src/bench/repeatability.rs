//! How far counted boots of one image differ, and what `regress` makes of it: how many comparisons of an image with itself
//! raise a false alarm, and how many find one per cent of a boot's instructions more in one stage, and name the stage.
//!
//! A comparison is what the command does: the least of some boots of the one against the least of some boots of the other, by
//! the usual thresholds. The boots of one image are booted once and then drawn, in different sets, for one
//! comparison after another: sets of one comparison have no boot in common.
//!
//! What grows is a loop that PID 1 turns at the beginning of a stage (`preroot.test=spin:STAGE:TURNS`), a stage after
//! the other. One per cent is that of the instructions from switched on to the first script.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use preroot_qemu_tests::{Artefacts, Error, Small, files};

use super::Table;
use crate::regress::baseline::{Baseline, Change};
use crate::regress::figures::{self, Figures};

/// What the section in the table is called.
const HEADING: &str = "Repeatability";
/// Boots at once: each is one thread that computes all the time.
const AT_ONCE: usize = 2;
/// Boots of one side of a comparison, as the command has them by default.
const ROUNDS: usize = 3;
/// Comparisons of an image with itself.
const COMPARISONS: usize = 40;
/// The stages that grow, one in a boot.
const STAGES: [&str; 8] = [
    "modules", "network", "sshd", "hardware", "root", "fsck", "mount", "pivot",
];
/// Instructions of a turn of PID 1's loop: compare, jump, store, add, jump.
const TURN: u64 = 5;
/// From switched on until PID 1 runs, and from there until the first script.
const UNTIL_SCRIPTS: [&str; 2] = ["kernel", "init until scripts"];

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Boots of the image as it is, and as many of it with a stage that has grown.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(6..=200))]
    boots: u16,
    /// Boot a small root in place of Debian's: a third of the time, and hardly any scripts.
    #[arg(long)]
    small: bool,
    /// Keep each boot's figures there as it ends, a line a part, and boot only what is not there yet.
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
}

/// Measures everything.
pub(crate) fn run(options: &Options, table: &Table) -> Result<(), Error> {
    let image = Image::new(options)?;
    let count = usize::from(options.boots);
    let kept = Kept::open(options.figures.as_deref())?;
    let same = boots(&image, "same", &vec![String::new(); count], &kept)?;
    let least = least(&same);
    let until_scripts = whole(&least);
    let turns = until_scripts / 100 / TURN;
    let stages: Vec<&str> = STAGES.into_iter().cycle().take(count).collect();
    let words: Vec<String> = stages
        .iter()
        .map(|stage| format!("preroot.test=spin:{stage}:{turns}"))
        .collect();
    let grown = boots(&image, "grown", &words, &kept)?;
    let grown: Vec<(&str, &Figures)> = stages.into_iter().zip(&grown).collect();
    table.hand_out(HEADING, &report(&same, &grown, until_scripts))
}

/// What is booted.
struct Image {
    artefacts: Artefacts,
    /// In place of Debian's root.
    small: Option<Small>,
}

impl Image {
    fn new(options: &Options) -> Result<Image, Error> {
        let artefacts = Artefacts::find()?;
        let small = options.small.then(|| Small::ensure(&artefacts));
        Ok(Image {
            small: small.transpose()?,
            artefacts,
        })
    }

    fn boot(&self, words: &str) -> Result<Figures, Error> {
        match &self.small {
            Some(small) => figures::boot_small(&self.artefacts, small, words),
            None => {
                let kept = tempfile::tempdir();
                let kept = kept.map_err(|error| Error::unexpected(error.to_string()))?;
                figures::boot_with(&self.artefacts, kept.path(), words)
            }
        }
    }
}

/// Figures of boots that were booted, by image and number; each is written down as it comes.
struct Kept {
    there: Mutex<BTreeMap<(String, usize), Figures>>,
    file: Option<PathBuf>,
}

impl Kept {
    fn open(file: Option<&Path>) -> Result<Kept, Error> {
        let mut there: BTreeMap<(String, usize), Figures> = BTreeMap::new();
        if let Some(file) = file.filter(|file| file.exists()) {
            for line in files::read_text(file)?.lines() {
                let fields: Vec<&str> = line.split('\t').collect();
                let [image, boot, part, ns] = fields[..] else {
                    continue;
                };
                if let (Ok(boot), Ok(ns)) = (boot.parse(), ns.parse()) {
                    let of = there.entry((image.to_owned(), boot)).or_default();
                    of.put(part, ns);
                }
            }
        }
        Ok(Kept {
            there: Mutex::new(there),
            file: file.map(Path::to_owned),
        })
    }

    fn get(&self, image: &str, boot: usize) -> Option<Figures> {
        let there = self.there.lock().ok()?;
        there.get(&(image.to_owned(), boot)).cloned()
    }

    fn put(&self, image: &str, boot: usize, figures: Figures) -> Result<(), Error> {
        // Held until it is written: two boots may end at once.
        let Ok(mut there) = self.there.lock() else {
            return Ok(());
        };
        if let Some(path) = &self.file {
            let mut lines = String::new();
            for (part, ns) in figures.parts() {
                let _ = writeln!(lines, "{image}\t{boot}\t{part}\t{ns}");
            }
            let file = OpenOptions::new().append(true).create(true).open(path);
            let written = file.and_then(|mut file| file.write_all(lines.as_bytes()));
            written.map_err(|source| Error::File {
                what: "write",
                path: path.clone(),
                source,
            })?;
        }
        there.insert((image.to_owned(), boot), figures);
        Ok(())
    }
}

/// Boots with each of these words on the command line, some at once.
fn boots(image: &Image, which: &str, words: &[String], kept: &Kept) -> Result<Vec<Figures>, Error> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), Error> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(words) = words.get(number) else {
                return Ok(());
            };
            if kept.get(which, number).is_some() {
                continue;
            }
            eprintln!("  boot {} of {which} {words}", number + 1);
            let figures = image.boot(words)?;
            if figures.verdict != "OK" {
                let verdict = &figures.verdict;
                return Err(Error::unexpected(format!("boot {number} is {verdict}")));
            }
            kept.put(which, number, figures)?;
        }
    };
    let results: Vec<Result<(), Error>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended.filter_map(Result::ok).collect()
    });
    results.into_iter().collect::<Result<(), Error>>()?;
    Ok((0..words.len())
        .filter_map(|number| kept.get(which, number))
        .collect())
}

fn least<'f>(boots: impl IntoIterator<Item = &'f Figures>) -> Figures {
    let mut boots = boots.into_iter();
    let mut least = boots.next().cloned().unwrap_or_default();
    boots.for_each(|boot| least.lower(boot));
    least
}

/// How far a part differs among boots.
#[derive(Debug, PartialEq)]
struct Spread {
    part: String,
    least: u64,
    most: u64,
    /// Standard deviation.
    deviation: f64,
}

impl Spread {
    fn of(part: &str, all: &[u64]) -> Spread {
        let count = all.len().max(1) as f64;
        let mean = all.iter().sum::<u64>() as f64 / count;
        let squares = all.iter().map(|&ns| (ns as f64 - mean).powi(2));
        Spread {
            part: part.to_owned(),
            least: all.iter().copied().min().unwrap_or(0),
            most: all.iter().copied().max().unwrap_or(0),
            deviation: (squares.sum::<f64>() / count).sqrt(),
        }
    }

    /// As a line of the table, beside the whole that it is a part of.
    fn line(&self, whole: u64) -> String {
        let ms = |ns: f64| ns / 1e6;
        let spread = (self.most - self.least) as f64;
        let percent = |ns: f64| ns * 100.0 / whole.max(1) as f64;
        format!(
            "| {} | {:.3} | {:.3} | {:.3} | {:.3} |",
            self.part,
            ms(self.least as f64),
            ms(spread),
            percent(spread),
            percent(self.deviation)
        )
    }
}

/// Until the first script.
fn whole(boot: &Figures) -> u64 {
    UNTIL_SCRIPTS.iter().filter_map(|part| boot.ns(part)).sum()
}

/// Of each part, and of the whole until the first script at the end.
fn spreads(boots: &[Figures]) -> Vec<Spread> {
    let parts = boots.first().into_iter().flat_map(Figures::parts);
    let of = |(part, _): (&str, u64)| {
        let all: Vec<u64> = boots.iter().filter_map(|boot| boot.ns(part)).collect();
        Spread::of(part, &all)
    };
    let all: Vec<u64> = boots.iter().map(whole).collect();
    let whole = Spread::of("switched on until the first script", &all);
    parts.map(of).chain([whole]).collect()
}

/// Sets of boots without any in common, drawn for one comparison: the boots in an order that the comparison's number gives.
fn drawn(boots: &[Figures], number: usize) -> (Figures, Figures) {
    let mut order: Vec<&Figures> = boots.iter().collect();
    // xorshift64 (Marsaglia 2003): the same draws in each run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (number as u64 + 1).wrapping_mul(0x2545_f491);
    for last in (1..order.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(last, (state % (last as u64 + 1)) as usize);
    }
    let (one, rest) = order.split_at(ROUNDS.min(order.len() / 2));
    let other = rest.iter().take(ROUNDS).copied();
    (least(one.iter().copied()), least(other))
}

/// What is called worse when an image is held against itself, comparison by comparison.
fn false_alarms(boots: &[Figures]) -> Vec<String> {
    let compare = |number| {
        let (old, new) = drawn(boots, number);
        Baseline::of(&old).compare(&new)
    };
    let changes = (0..COMPARISONS).flat_map(compare);
    changes
        .filter(Change::is_worse)
        .map(|change| change.to_string())
        .collect()
}

/// What is made of one boot with a stage that has grown.
#[derive(Debug, PartialEq)]
struct Found {
    /// Whether that stage is called worse.
    is_named: bool,
    /// What else is.
    others: Vec<String>,
    /// By how much the stage has grown, ns.
    grown: u64,
}

fn found(same: &[Figures], number: usize, stage: &str, boot: &Figures) -> Found {
    let (old, _) = drawn(same, number);
    let part = format!("stage {stage}");
    let changes = Baseline::of(&old).compare(boot);
    let worse: Vec<&Change> = changes.iter().filter(|change| change.is_worse()).collect();
    // The whole grows with its part.
    let is_other = |change: &&&Change| change.part() != part && change.part() != UNTIL_SCRIPTS[1];
    let others = worse.iter().filter(is_other);
    Found {
        is_named: worse.iter().any(|change| change.part() == part),
        others: others.map(|change| change.to_string()).collect(),
        grown: boot
            .ns(&part)
            .unwrap_or(0)
            .saturating_sub(old.ns(&part).unwrap_or(0)),
    }
}

fn report(same: &[Figures], grown: &[(&str, &Figures)], until_scripts: u64) -> String {
    let mut page = String::new();
    let count = same.len();
    let _ = writeln!(
        page,
        "{count} counted boots of one image, guest time; in hundredths of the time from switched on until the first script:\n"
    );
    page.push_str("| part | least, ms | spread, ms | spread, % | standard deviation, % |\n");
    page.push_str("|---|---:|---:|---:|---:|\n");
    for spread in spreads(same) {
        let _ = writeln!(page, "{}", spread.line(until_scripts));
    }
    let alarms = false_alarms(same);
    let _ = writeln!(
        page,
        "\n{COMPARISONS} comparisons of the image with itself, least of {ROUNDS} against least of {ROUNDS}: {} false alarms.",
        alarms.len()
    );
    list(&mut page, &alarms);
    let found =
        |(number, (stage, boot)): (usize, &(&str, &Figures))| found(same, number, stage, boot);
    let results: Vec<Found> = grown.iter().enumerate().map(found).collect();
    let named = results.iter().filter(|found| found.is_named).count();
    let others: Vec<String> = results
        .iter()
        .flat_map(|found| found.others.clone())
        .collect();
    let grown = results.iter().map(|found| found.grown);
    let ms = |ns: u64| ns as f64 / 1e6;
    let _ = writeln!(
        page,
        "\nOne per cent more until the first script ({:.1} ms) in one stage, each of {} in turn, one boot against the least of \
         {ROUNDS}: named {named} of {}, {} other parts called worse; the stage grew by {:.1} to {:.1} ms.",
        ms(until_scripts / 100),
        STAGES.len(),
        results.len(),
        others.len(),
        ms(grown.clone().min().unwrap_or(0)),
        ms(grown.max().unwrap_or(0)),
    );
    list(&mut page, &others);
    page
}

fn list(page: &mut String, all: &[String]) {
    for one in all {
        let _ = writeln!(page, "- {one}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    fn boot(parts: &[(&str, u64)]) -> Figures {
        Figures::made(&parts.iter().copied().collect())
    }

    #[test]
    fn what_was_booted_is_not_booted_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("figures");
        let figures = boot(&[("kernel", 1600), ("stage root", 20)]);
        let kept = Kept::open(Some(&file)).unwrap();
        kept.put("same", 1, figures.clone()).unwrap();
        kept.put("grown", 0, figures.clone()).unwrap();
        let again = Kept::open(Some(&file)).unwrap();
        assert_eq!(again.get("same", 1), Some(figures.clone()));
        assert_eq!(again.get("grown", 0), Some(figures));
        assert_eq!(again.get("same", 0), None);
    }

    #[test]
    fn how_far_boots_differ_is_told_of_the_whole() {
        let spread = Spread::of("stage root", &[1_000_000, 3_000_000, 2_000_000]);
        assert_eq!(
            spread.line(200_000_000),
            "| stage root | 1.000 | 2.000 | 1.000 | 0.408 |"
        );
    }

    #[test]
    fn boots_are_drawn_for_two_sides() {
        let boots: Vec<Figures> = (0..6).map(|us| boot(&[("kernel", 100 + us)])).collect();
        for number in 0..COMPARISONS {
            let (one, other) = drawn(&boots, number);
            let sides = [one.ns("kernel"), other.ns("kernel")];
            // One has the least of all, the other does not: no boot is on both sides.
            let with_least = sides.iter().filter(|ns| **ns == Some(100_000)).count();
            assert_eq!(with_least, 1, "{sides:?}");
        }
    }

    #[test]
    fn a_stage_that_grew_is_told_from_the_others() {
        let usual = [
            ("kernel", 1_600_000),
            ("stage root", 20_000),
            ("stage mount", 3000),
        ];
        let same: Vec<Figures> = (0..6).map(|_| boot(&usual)).collect();
        assert_eq!(false_alarms(&same), [""; 0]);
        let of = |parts: &[(&str, u64)]| found(&same, 0, "root", &boot(parts));
        let [kernel, _, mount] = usual;
        let grown = of(&[kernel, ("stage root", 36_000), mount]);
        assert!(grown.is_named && grown.others.is_empty());
        assert_eq!(grown.grown, 16_000_000);
        let elsewhere = of(&[kernel, ("stage root", 20_000), ("stage mount", 19_000)]);
        assert!(!elsewhere.is_named && elsewhere.others.len() == 1);
    }
}
