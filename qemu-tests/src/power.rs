//! Power cuts as data: a boot that is cut off at each of many moments, on a disk that loses what was not flushed, and
//! the boot after it. `scenarios/power/*.toml`.
//!
//! What must be true of the boot after a cut: it reaches the end of its order, the root is whole then, no file is gone
//! that the damage had not taken, and the record of the boot that was cut is there, up to a moment before the cut, and with all that
//! was promised: PID 1 goes on to the next stage only when the end of the one before is in the store, or says that it does not.
//! `PREROOT_POWER_CUTS=all` cuts at every moment of a scenario; without it, at a fixed few, spread over all.

use std::time::Duration;

use preroot_record::Event;
use serde::Deserialize;

use crate::artefacts::Artefacts;
use crate::damage::{self, Damage};
use crate::disk::{Disk, Health};
use crate::error::Error;
use crate::fault::{self, Ends};
use crate::layer::Layer;
use crate::library;
use crate::record::{Boot, Record};
use crate::small::Small;
use crate::spec::Spec;
use crate::write_log::{Cut, WriteLog};

/// The variable.
const VARIABLE: &str = "PREROOT_POWER_CUTS";
/// How old what the record lacks may be, in guest time: a second until it is copied, and what copying takes on a busy
/// machine that is emulated.
const RECORD_NS_MAX: u64 = 3_000_000_000;
/// What the console says when the root has become /.
const PIVOTED: &str = "preroot: runlevel S";

/// What PID 1 or the kernel says of a stage, and the stage whose end was in the store by then, in a partition or in a file.
const PROMISES: [(&str, &str, &[Store]); 5] = [
    ("preroot: checking ", "root", &[Store::Partition]),
    ("EXT4-fs (vda", "fsck", &[Store::Partition]),
    (PIVOTED, "pivot", &[Store::Partition, Store::File]),
    (
        "preroot: verdict ",
        "start",
        &[Store::Partition, Store::File],
    ),
    (
        "preroot: poweroff",
        "seal",
        &[Store::Partition, Store::File],
    ),
];
/// What PID 1 says when it promises no more.
const SLOW: &str = "preroot: the record is stored beside the boot";
/// With this the order to go down is in the store.
const UNMOUNTED: &str = "preroot: root unmounted";

/// Where the record is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Store {
    /// In a file on the root.
    #[default]
    File,
    /// In a partition of another disk.
    Partition,
}

/// A boot, and when it is cut off.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Power {
    /// What happens, for the person who reads a failure.
    story: String,
    /// What is done to the disk before.
    #[serde(default)]
    damage: Vec<Damage>,
    /// Words added to the kernel command line of the boot that is cut.
    #[serde(default)]
    append: String,
    /// Where its record is kept.
    #[serde(default)]
    store: Store,
    /// Files that the damage takes: no cut takes others.
    #[serde(default)]
    lost: Vec<String>,
    /// Of so many moments, one is taken when not all are.
    every: usize,
    /// When.
    moments: Vec<Moments>,
}

/// Some moments of a boot.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Moments {
    /// After the console has shown this.
    after: String,
    /// So many milliseconds later.
    ms: Vec<u64>,
}

/// One moment.
#[derive(Debug, Clone, Copy)]
struct Moment<'a> {
    number: u64,
    after: &'a str,
    ms: u64,
}

/// Cuts and boots, for each moment.
///
/// # Errors
/// When a boot after a cut is not as it must be; the message has every moment that was bad.
pub fn run(name: &str) -> Result<(), Error> {
    let power: Power = library::named(name)?;
    let artefacts = Artefacts::find()?;
    let small = Small::ensure(&artefacts)?;
    let disk = small.disk(&[])?;
    damage::apply(&disk, &power.damage)?;
    let every = match std::env::var(VARIABLE) {
        Ok(all) if all == "all" => 1,
        _ => power.every,
    };
    let mut bad = Vec::new();
    let mut number = 0;
    for moments in &power.moments {
        for &ms in &moments.ms {
            let after = &moments.after;
            let moment = Moment { number, after, ms };
            number += 1;
            if usize::try_from(number).unwrap_or_default() % every == 0
                && let Err(error) = cut_and_boot(&artefacts, &small, &power, &disk, moment)
            {
                bad.push(format!("`{after}` and {ms} ms: {error}"));
            }
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    let (story, count) = (&power.story, bad.len());
    let bad = bad.join("\n\n");
    Err(Error::unexpected(format!("{story}\n{count} cuts:\n{bad}")))
}

fn cut_and_boot(
    artefacts: &Artefacts,
    small: &Small,
    power: &Power,
    fresh: &Disk,
    moment: Moment<'_>,
) -> Result<(), Error> {
    let (written, disk) = (fresh.duplicate()?, fresh.duplicate()?);
    let log = WriteLog::new()?;
    let image = match power.store {
        Store::File => small.image(),
        Store::Partition => small.image_with_log(),
    };
    let mut spec = Spec::new(artefacts)
        .image(&image)
        .append(&power.append)
        .disk_behind(&written, Layer::WriteLog(log.path()));
    let partition = match power.store {
        Store::File => None,
        Store::Partition => Some(Partition::new()?),
    };
    if let Some(Partition { written, log, .. }) = &partition {
        spec = spec.disk_behind(written, Layer::WriteLog(log.path()));
    }
    let mut machine = spec.start_init()?;
    machine.watch_console(moment.after)?;
    std::thread::sleep(Duration::from_millis(moment.ms));
    machine.cut_power();
    let console = machine.console();
    let cut = log.cut(&disk, moment.number)?;
    let mut spec = Spec::new(artefacts).image(&image).disk(&disk);
    if let Some(partition) = &partition {
        partition.log.cut(&partition.disk, moment.number)?;
        spec = spec.disk(&partition.disk);
    }
    let taken = fault::boot_to_end(artefacts, &spec, Ends::ByItself)?;
    let record = match (taken, &partition) {
        (Some(record), _) => record,
        (None, None) => Record::stored(&disk)?,
        (None, Some(partition)) => Record::in_partition(&partition.disk)?,
    };
    let mut faults = Vec::new();
    judge_boot(small, power, &disk, &record.latest()?, &mut faults)?;
    judge_record(&record, &console, &mut faults);
    let kept = judge_promises(power.store, &record, &console, &mut faults);
    let at = last_ns(&console).unwrap_or(0) / 1_000_000;
    let Cut {
        flushed,
        later,
        kept: later_kept,
    } = cut;
    eprintln!(
        "cut `{}` and {} ms, at {at} ms: {flushed} writes flushed, {later_kept} of {later} later ones kept; {} boots, {}; {kept}",
        moment.after,
        moment.ms,
        record.boots().len(),
        record
            .latest()?
            .verdict()
            .map_or("", |verdict| verdict.word),
    );
    if faults.is_empty() {
        return Ok(());
    }
    let faults = faults.join("\n");
    let text: String = record
        .boots()
        .iter()
        .map(|boot| boot.text() + "\n")
        .collect();
    Err(Error::unexpected(format!("{faults}\n{cut:?}\n{text}")))
}

/// A disk with a partition for the record: as it is written, and as the cut leaves it.
struct Partition {
    written: Disk,
    disk: Disk,
    log: WriteLog,
}

impl Partition {
    fn new() -> Result<Partition, Error> {
        let written = Disk::log()?;
        Ok(Partition {
            disk: written.duplicate()?,
            written,
            log: WriteLog::new()?,
        })
    }
}

/// Everything that was promised to be in the store. What there is to say of it.
fn judge_promises(
    store: Store,
    record: &Record,
    console: &str,
    faults: &mut Vec<String>,
) -> String {
    let promised_until = console.find(SLOW).unwrap_or(console.len());
    let was_said = |words: &str| console.find(words).is_some_and(|at| at < promised_until);
    let promised = PROMISES
        .iter()
        .filter(|(words, _, stores)| stores.contains(&store) && was_said(words));
    let boots = record.boots();
    let cut = boots.iter().rev().nth(1);
    let mut count = 0;
    for (words, stage, _) in promised {
        count += 1;
        if cut.is_none_or(|cut| cut.stage(stage).is_none()) {
            faults.push(format!(
                "`{words}` was said, and the end of {stage} is lost"
            ));
        }
    }
    if was_said(UNMOUNTED) {
        count += 1;
        let is_down = |(_, event): (u64, Event<'_>)| matches!(event, Event::Shutdown(_));
        if cut.is_none_or(|cut| !cut.events().any(is_down)) {
            faults.push("the root was unmounted, and the order to go down is lost".to_owned());
        }
    }
    let slow = match promised_until == console.len() {
        true => "",
        false => ", then the store was slow",
    };
    format!("{count} stages promised{slow}")
}

/// The boot after the cut.
fn judge_boot(
    small: &Small,
    power: &Power,
    disk: &Disk,
    boot: &Boot<'_>,
    faults: &mut Vec<String>,
) -> Result<(), Error> {
    let word = boot.verdict().map_or("none", |verdict| verdict.word);
    if !["OK", "DEGRADED"].contains(&word) {
        faults.push(format!("the boot after it ends with {word}"));
    }
    if boot.missing > 0 || boot.damaged > 0 {
        faults.push("its own record has gaps".to_owned());
    }
    if let Health::Unclean(why) = disk.health()? {
        faults.push(format!("the root is left unclean: {why}"));
    }
    let is_taken = |name: &String| {
        let taken = |taken: &String| name.starts_with(taken.as_str());
        !power.lost.iter().any(taken)
    };
    let mut lost = fault::lost(small, disk)?;
    lost.retain(is_taken);
    if !lost.is_empty() {
        faults.push(format!("the cut took files: {lost:?}"));
    }
    Ok(())
}

/// The record of the boot that was cut.
fn judge_record(record: &Record, console: &str, faults: &mut Vec<String>) {
    let boots = record.boots();
    let (Some(last), Some(pivoted)) = (last_ns(console), line_ns(console, PIVOTED)) else {
        return;
    };
    let [cut, _] = boots.as_slice() else {
        if last.saturating_sub(pivoted) > RECORD_NS_MAX {
            faults.push(format!("{} boots in the record, not two", boots.len()));
        }
        return;
    };
    if cut.missing > 0 {
        faults.push(format!(
            "{} frames of the boot that was cut are missing",
            cut.missing
        ));
    }
    // Everything that the console told, but for the last moment: its time is that of an event in the record.
    let ends = cut.events().map(|(time_ns, _)| time_ns).max().unwrap_or(0);
    let needed = console_said(console)
        .filter(|at| *at + RECORD_NS_MAX < last)
        .max();
    if needed.is_some_and(|needed| ends + 50_000_000 < needed) {
        faults.push(format!(
            "the record ends at {ends} ns, the cut came after {last} ns"
        ));
    }
}

/// When PID 1 said something that it had recorded.
fn console_said(console: &str) -> impl Iterator<Item = u64> + '_ {
    let said = [
        "preroot: runlevel ",
        "preroot: verdict ",
        "preroot: poweroff",
    ];
    let lines = console
        .lines()
        .filter(move |line| said.iter().any(|said| line.contains(said)));
    lines.filter_map(stamp_ns)
}

fn line_ns(console: &str, words: &str) -> Option<u64> {
    let line = console.lines().find(|line| line.contains(words))?;
    stamp_ns(line)
}

fn last_ns(console: &str) -> Option<u64> {
    console.lines().rev().find_map(stamp_ns)
}

/// `[    4.087356] preroot: ...`.
fn stamp_ns(line: &str) -> Option<u64> {
    let (seconds, rest) = line.strip_prefix('[')?.trim_start().split_once('.')?;
    let (micros, _) = rest.split_once(']')?;
    let (seconds, micros): (u64, u64) = (seconds.parse().ok()?, micros.parse().ok()?);
    Some(seconds * 1_000_000_000 + micros * 1_000)
}

#[cfg(test)]
mod tests {
    use super::{last_ns, line_ns};

    #[test]
    fn the_console_tells_the_time() {
        let console =
            "[    4.087356] preroot: runlevel S\r\n[   12.000001] x\r\nno time\r\n[    5.";
        assert_eq!(line_ns(console, "runlevel S"), Some(4_087_356_000));
        assert_eq!(last_ns(console), Some(12_000_001_000));
        assert_eq!(line_ns(console, "verdict"), None);
    }
}
