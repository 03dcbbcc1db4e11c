//! One store, summed up: a pass over its frames that decodes what a fleet asks for and copies nothing.
//!
//! It counts as [`crate::fold`] does, and a test holds the two against each other.

use std::collections::HashMap;

use preroot_record::limits::SEGMENT_COUNT_MAX;
use preroot_record::{
    Born, Event, Found, Frame, Frames, Hardware, Meaning, Network, Operator, ScriptEnd,
    ScriptEnded, Store, Verdict, raw_tags,
};

/// A store.
#[derive(Debug)]
pub(super) struct Summary<'a> {
    /// The record.
    pub(super) file: &'a str,
    /// The host's name, where its host table has one.
    pub(super) host: Option<&'a str>,
    /// By what its boots were made of.
    pub(super) parts: Vec<Part<'a>>,
    /// The latest boot's.
    pub(super) verdict: (&'a str, &'a str),
    /// The latest boot's.
    pub(super) hardware: Vec<Hardware<'a>>,
    /// Boots.
    pub(super) boots: u64,
    /// Frames.
    pub(super) frames: u64,
    /// Bytes that are damaged.
    pub(super) damaged_bytes: u64,
}

/// Parts of a store: a ring keeps no more boots.
const PARTS_MAX: usize = SEGMENT_COUNT_MAX as usize;

/// What boots were made of: config, image, plan.
pub(super) type Made<'a> = [&'a str; 3];

/// The boots of a store that were made of the same.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) made: Made<'a>,
    /// Verdicts, by [`super::VERDICTS`].
    pub(super) verdicts: [u64; 5],
    /// How long its boots took.
    pub(super) boots_ns: Vec<u64>,
    /// Its scripts by name.
    pub(super) scripts: HashMap<&'a str, Runs>,
}

/// The runs of a script.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) times_ns: Vec<u64>,
    pub(super) failed: u64,
    pub(super) timed_out: u64,
}

/// What is known of a boot while its frames are read.
#[derive(Default)]
struct Reading<'a> {
    made: Made<'a>,
    verdict: Option<(&'a str, &'a str)>,
    boot_ns: Option<u64>,
    held_ns: u64,
    /// Since when a person is waited for, and whether the record says why.
    waits: Option<(u64, bool)>,
    hardware: Vec<Hardware<'a>>,
}

/// Sums up a store, or raw frames; `None` when no boot is in it.
pub(super) fn store<'a>(file: &'a str, bytes: &'a [u8]) -> Option<Summary<'a>> {
    let mut summary = Summary {
        file,
        host: None,
        parts: Vec::new(),
        verdict: ("", ""),
        hardware: Vec::new(),
        boots: 0,
        frames: 0,
        damaged_bytes: 0,
    };
    match Store::open(bytes) {
        Ok(store) => {
            for boot in store.boots() {
                summary.boot(store.frames(boot.tag));
            }
        }
        Err(_) => {
            for &tag in raw_tags(bytes, &mut [0; SEGMENT_COUNT_MAX as usize]) {
                summary.boot(Frames::raw(bytes, tag));
            }
        }
    }
    (summary.boots > 0).then_some(summary)
}

impl<'a> Summary<'a> {
    fn boot(&mut self, found: impl Iterator<Item = Found<'a>>) {
        let mut reading = Reading::default();
        // Until its first frame says otherwise.
        let mut part = None;
        for found in found {
            match found {
                Found::Frame(frame) => {
                    self.frames += 1;
                    self.frame(&frame, &mut reading, &mut part);
                }
                Found::Damaged(bytes) => self.damaged_bytes += bytes as u64,
                Found::Missing(_) => {}
            }
        }
        self.boots += 1;
        let (word, reason) = reading
            .verdict
            .unwrap_or(("UNFINISHED", "no verdict was recorded"));
        let place = part.unwrap_or_else(|| self.part(reading.made));
        if let Some(part) = self.parts.get_mut(place) {
            let rank = super::VERDICTS.iter().position(|known| *known == word);
            if let Some(count) = part
                .verdicts
                .get_mut(rank.unwrap_or(super::VERDICTS.len() - 1))
            {
                *count += 1;
            }
            part.boots_ns.extend(reading.boot_ns);
        }
        self.verdict = (word, reason);
        self.hardware = reading.hardware;
    }

    /// The part of what boots were made of; a store has few.
    fn part(&mut self, made: Made<'a>) -> usize {
        if let Some(place) = self.parts.iter().position(|part| part.made == made) {
            return place;
        }
        if self.parts.len() == PARTS_MAX {
            return PARTS_MAX - 1;
        }
        self.parts.push(Part {
            made,
            verdicts: [0; 5],
            boots_ns: Vec::new(),
            scripts: HashMap::new(),
        });
        self.parts.len() - 1
    }

    fn frame(&mut self, frame: &Frame<'a>, boot: &mut Reading<'a>, part: &mut Option<usize>) {
        const ASKED: [u16; 6] = [
            Born::KIND,
            Hardware::KIND,
            Network::KIND,
            Operator::KIND,
            ScriptEnded::KIND,
            Verdict::KIND,
        ];
        // Most of a record is output and what else nobody asks for here.
        if !ASKED.contains(&frame.header.kind) {
            return;
        }
        let at_ns = frame.header.time_ns;
        match frame.event() {
            Some(Event::ScriptEnded(event)) => {
                let place = *part.get_or_insert_with(|| self.part(boot.made));
                if let Some(part) = self.parts.get_mut(place) {
                    part.scripts.entry(event.name).or_default().add(&event);
                }
            }
            Some(Event::Born(event)) => {
                boot.made = [event.config, event.image, event.plan];
                *part = None;
            }
            Some(Event::Hardware(event)) => boot.hardware.push(event),
            Some(Event::Network(event)) => {
                if let Some(name) = event.what.strip_prefix("host ") {
                    self.host = Some(name);
                }
            }
            Some(Event::Operator(event)) => boot.operator(at_ns, &event),
            Some(Event::Verdict(event)) => {
                boot.verdict = Some((event.word, event.reason));
                let open = boot
                    .waits
                    .map_or(0, |(since, _)| at_ns.saturating_sub(since));
                let held = boot.held_ns.saturating_add(open);
                boot.boot_ns = Some(at_ns.saturating_sub(held));
            }
            _ => {}
        }
    }
}

impl Reading<'_> {
    /// As [`crate::fold`]: what ends a wait says for how long, and in older records any word does.
    fn operator(&mut self, at_ns: u64, event: &Operator<'_>) {
        match (event.what, self.waits) {
            ("waiting", Some(_)) => {}
            ("waiting", None) => self.waits = Some((at_ns, event.why.is_some())),
            (_, Some((since, says_why))) if event.waited_ns.is_some() || !says_why => {
                let waited = event.waited_ns.unwrap_or(at_ns.saturating_sub(since));
                self.held_ns = self.held_ns.saturating_add(waited);
                self.waits = None;
            }
            _ => {}
        }
    }
}

impl Runs {
    fn add(&mut self, event: &ScriptEnded<'_>) {
        self.times_ns.push(event.took_ns);
        let is_good = event.end == ScriptEnd::Exited
            && (event.status == 0 || Meaning::of(event.status) == Meaning::Skipped);
        self.failed += u64::from(!is_good);
        self.timed_out += u64::from(matches!(
            event.end,
            ScriptEnd::TimedOut | ScriptEnd::Abandoned
        ));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;
    use crate::input::Record;
    use crate::walk::may_be_record;

    /// The records of the corpus, each summed up and folded.
    #[test]
    fn as_the_fold_counts() {
        let place = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records");
        for entry in std::fs::read_dir(place).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|kind| kind != "record") {
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            assert!(may_be_record(&bytes), "{}", path.display());
            let summary = store("", &bytes).unwrap();
            let boots = Record::new(path.clone(), bytes.clone()).boots().unwrap();
            let latest = boots.last().unwrap();
            let name = path.display();
            assert_eq!(summary.boots, boots.len() as u64, "{name}");
            let (word, reason) = summary.verdict;
            assert_eq!(
                (word, reason),
                (&*latest.verdict.word, &*latest.verdict.reason),
                "{name}"
            );
            assert_eq!(summary.hardware.len(), latest.hardware.len(), "{name}");
            let mut times: Vec<u64> = boots.iter().filter_map(|boot| boot.boot_ns).collect();
            let mut summed: Vec<u64> = summary
                .parts
                .iter()
                .flat_map(|part| part.boots_ns.clone())
                .collect();
            times.sort_unstable();
            summed.sort_unstable();
            assert_eq!(summed, times, "{name}");
            let scripts = boots.iter().flat_map(|boot| &boot.scripts);
            let mut ended: Vec<(&str, u64)> = scripts
                .filter_map(|script| Some((&*script.name, script.took_ns?)))
                .collect();
            let runs = summary.parts.iter().flat_map(|part| &part.scripts);
            let mut counted: Vec<(&str, u64)> = runs
                .flat_map(|(name, runs)| runs.times_ns.iter().map(|&took| (*name, took)))
                .collect();
            ended.sort_unstable();
            counted.sort_unstable();
            assert_eq!(counted, ended, "{name}");
        }
    }
}
