//! `bootlog fleet DIR...`: thousands of stores at once. What is usual, and who is not.
//!
//! Each store is read once, by one of a few threads, and summed up before the next one: what is kept does not grow with
//! the number of stores, but with that of images, scripts and hosts that have something wrong, and that is bounded too.

mod page;
mod summary;
mod tally;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use crate::error::Error;
use crate::walk::{self, Seen, Walk};

pub use self::page::page;

use self::tally::Tally;

/// What a fleet's records say.
#[derive(Debug, Clone, Serialize)]
pub struct Fleet {
    /// What was read.
    pub read: Reading,
    /// By what the boots were made of, the one with the most boots first.
    pub groups: Vec<Group>,
    /// Hosts whose latest boot was not `OK`.
    pub not_ok: Vec<Host>,
    /// How many hosts miss what, or have it otherwise than expected: what most miss first.
    pub by_item: Vec<ByItem>,
    /// Hosts that missed hardware at their latest boot: memory, disks.
    pub missing: Vec<Missing>,
    /// Hosts on which something is far slower than on the others of its group, the largest difference first.
    pub outliers: Vec<Outlier>,
    /// How many entries of these lists there was no room for.
    pub left_out: u64,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Reading {
    /// Stores and raw records with at least one boot.
    pub stores: u64,
    /// Boots in them.
    pub boots: u64,
    /// Frames of these boots.
    pub frames: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes of frames that are damaged or missing.
    pub damaged_bytes: u64,
    /// Files that are no record.
    pub other_files: u64,
    /// Files and directories that could not be read.
    pub unreadable: u64,
    /// How long it took. Text only: it differs from run to run.
    #[serde(skip)]
    pub took_ns: u64,
}

/// Boots of one image with one plan.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// The config's name.
    pub config: String,
    /// SHA-256 of the image's members.
    pub image: String,
    /// SHA-256 of the plan.
    pub plan: String,
    /// How many stores have a boot of it.
    pub stores: u64,
    /// Its boots by verdict, worst last: `OK`, `DEGRADED`, `UNFINISHED`, `RESCUE`, `FAILED`.
    pub verdicts: [u64; 5],
    /// How long a boot takes until its verdict, waits for a person not counted.
    pub boot: Spread,
    /// Its scripts, the one with the largest 99th percentile first.
    pub scripts: Vec<Script>,
}

/// The words of [`Group::verdicts`].
pub const VERDICTS: [&str; 5] = ["OK", "DEGRADED", "UNFINISHED", "RESCUE", "FAILED"];

/// How times are spread, each within 1 %.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub count: u64,
    /// Half of them take no longer.
    pub p50_ns: u64,
    /// Nine in ten take no longer.
    pub p90_ns: u64,
    /// 99 in a hundred take no longer.
    pub p99_ns: u64,
    /// None takes longer.
    pub max_ns: u64,
}

/// A script of a group.
#[derive(Debug, Clone, Serialize)]
pub struct Script {
    /// Its name.
    pub name: String,
    /// How often it failed, runs ended by its deadline among them.
    pub failed: u64,
    /// How often its deadline ended it.
    pub timed_out: u64,
    /// How long it takes.
    pub spread: Spread,
}

/// A host by its latest boot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Host {
    /// Its name in the host table; the record's file where it has none.
    pub host: String,
    /// The record.
    pub file: String,
    /// The verdict's word.
    pub verdict: String,
    /// Why.
    pub reason: String,
}

/// Hosts with the same fault. Slots go by their names, what has a number of its own (disks, NICs) by its class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ByItem {
    /// `memory`, `slot DIMM_A2`, `disk`.
    pub item: String,
    /// `missing`, `small`, `hangs`, ...
    pub verdict: String,
    /// Hosts at whose latest boot it was so.
    pub hosts: u64,
}

/// Hardware that is not there, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missing {
    /// `memory`, `disk SERIAL`, ...
    pub item: String,
    /// The host.
    pub host: String,
    /// The record.
    pub file: String,
    /// `missing`, `small`.
    pub verdict: String,
    /// Expected bytes.
    pub expected: u64,
    /// Found bytes.
    pub found: u64,
}

/// A host on which something takes far longer than on others: at least three times their median, and 0.1 s more.
#[derive(Debug, Clone, Serialize)]
pub struct Outlier {
    /// The host.
    pub host: String,
    /// The record.
    pub file: String,
    /// The script; empty: the whole boot.
    pub script: String,
    /// The median of its boots.
    pub took_ns: u64,
    /// The median of the group.
    pub p50_ns: u64,
}

/// Reads all records below these directories.
///
/// # Errors
/// When one of them cannot be read, or none has a record in it.
pub fn fleet(places: &[PathBuf], threads: usize) -> Result<Fleet, Error> {
    let began = Instant::now();
    for place in places {
        place
            .metadata()
            .map_err(|source| crate::input::read_error(place, source))?;
    }
    let walk = Mutex::new(Walk::new(places));
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| work(&walk, &tally));
        }
    });
    let walk = walk.into_inner().unwrap_or_else(PoisonError::into_inner);
    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut fleet = tally.finish();
    fleet.read.unreadable += walk.unreadable();
    fleet.read.took_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    match fleet.read.stores {
        0 => Err(Error::NoFleet {
            looked_in: places
                .iter()
                .map(|place| place.display().to_string())
                .collect(),
            files: fleet.read.other_files,
            unreadable: fleet.read.unreadable,
        }),
        _ => Ok(fleet),
    }
}

/// Takes one file after the other. A lock that a panic has left is as good as before: nothing is half done under it.
fn work(walk: &Mutex<Walk>, tally: &Mutex<Tally>) {
    let mut bytes = Vec::new();
    loop {
        let next = walk.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(path) = next else {
            return;
        };
        let seen = walk::read(&path, &mut bytes);
        let file = path.display().to_string();
        let summary = match seen {
            Seen::Record => summary::store(&file, &bytes),
            Seen::Other | Seen::Unreadable => None,
        };
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        match (seen, summary) {
            (Seen::Record, Some(summary)) => tally.add(&summary, bytes.len() as u64),
            (Seen::Unreadable, _) => tally.read.unreadable += 1,
            (Seen::Record | Seen::Other, _) => tally.read.other_files += 1,
        }
    }
}
