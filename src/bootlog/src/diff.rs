//! `bootlog diff OLD NEW`: what is different in a boot against another one, or against many.
//!
//! Of many old boots (a baseline) each counts: something is slower if it is slower than in the slowest of them, new if
//! none of them has it, and gone if all of them have it.

mod items;
mod page;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::Boot;

pub use self::page::page;

use self::items::{Item, Key, items};

/// From when on a difference counts. Both must be exceeded.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Thresholds {
    /// Of the old time, in percent.
    pub percent: u32,
    /// The difference itself.
    pub least_ns: u64,
}

impl Thresholds {
    fn is_more(&self, from_ns: u64, to_ns: u64) -> bool {
        let more = u128::from(to_ns.saturating_sub(from_ns));
        more > u128::from(self.least_ns)
            && more * 100 > u128::from(from_ns) * u128::from(self.percent)
    }
}

/// How a boot differs from others.
#[derive(Debug, Clone, Serialize)]
pub struct Diff {
    /// Whether anything is worse: the verdict, or an entry in `failing`, `slower`, `waiting`, `hardware_worse`.
    pub regressed: bool,
    /// How many old boots there are.
    pub old_boots: usize,
    /// The latest of the old boots.
    pub old: Side,
    /// The boot that is looked at.
    pub new: Side,
    /// Whether its verdict is worse than all of the old ones.
    pub verdict_worse: bool,
    /// From when on a time counts as different.
    pub thresholds: Thresholds,
    /// What the boots were made of, where it is not the same.
    pub made_of: Vec<MadeOf>,
    /// What fails and did not.
    pub failing: Vec<Fault>,
    /// What failed and does not.
    pub recovered: Vec<Fault>,
    /// What takes longer, the largest difference first.
    pub slower: Vec<Time>,
    /// What takes less, the largest difference first.
    pub faster: Vec<Time>,
    /// What starts later because it waits for something that it did not wait for.
    pub waiting: Vec<Waiting>,
    /// Hardware that is there and was not, or the other way round.
    pub hardware: Vec<Hardware>,
    /// Whether any of that is worse than it was.
    pub hardware_worse: bool,
    /// What there was not.
    pub added: Vec<Key>,
    /// What is not there any more.
    pub gone: Vec<Key>,
}

/// A boot in short.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// When the kernel started, UTC; `null` when that is lost.
    pub started: Option<String>,
    /// The verdict's word.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// How long the boot took, waits for a person not counted.
    pub boot_ns: Option<u64>,
}

/// A part of what a boot was made of.
#[derive(Debug, Clone, Serialize)]
pub struct MadeOf {
    /// `kernel`, `image`, `plan`, `config`, `preroot`, `options`.
    pub what: &'static str,
    /// What it was in the latest of the old boots.
    pub old: String,
    /// What it is.
    pub new: String,
}

/// Something that fails, or failed.
#[derive(Debug, Clone, Serialize)]
pub struct Fault {
    /// What.
    #[serde(flatten)]
    pub key: Key,
    /// How.
    pub fault: String,
}

/// Something that takes another time.
#[derive(Debug, Clone, Serialize)]
pub struct Time {
    /// What.
    #[serde(flatten)]
    pub key: Key,
    /// What it took in the old boot; of many, the one that comes nearest to the new one.
    pub old_ns: u64,
    /// What it takes.
    pub new_ns: u64,
}

/// A script that waits for another one than before, and starts later.
#[derive(Debug, Clone, Serialize)]
pub struct Waiting {
    /// What.
    #[serde(flatten)]
    pub key: Key,
    /// For whom.
    pub waits_for: String,
    /// For whom before; `null`: for nobody.
    pub waited_for: Option<String>,
    /// From the beginning of its runlevel to its start, before.
    pub old_ns: u64,
    /// The same now.
    pub new_ns: u64,
}

/// A piece of hardware.
#[derive(Debug, Clone, Serialize)]
pub struct Hardware {
    /// Which.
    pub item: String,
    /// `ok`, `missing`, `small`, `unknown`; `null`: it was not looked for.
    pub old: Option<String>,
    /// The same now.
    pub new: Option<String>,
    /// Found bytes.
    pub old_found: u64,
    /// The same now.
    pub new_found: u64,
}

/// Compares a boot with old ones, of which there is at least one, the latest last.
#[must_use]
pub fn diff(old: &[Boot], new: &Boot, thresholds: Thresholds) -> Diff {
    let fallback = Boot::default();
    let latest = old.last().unwrap_or(&fallback);
    let before: Vec<BTreeMap<Key, Item>> = old.iter().map(items).collect();
    let now = items(new);
    let worst = old.iter().map(|boot| rank(&boot.verdict.word)).max();
    let mut diff = Diff {
        regressed: false,
        old_boots: old.len(),
        old: side(latest),
        new: side(new),
        verdict_worse: worst.is_some_and(|worst| rank(&new.verdict.word) > worst),
        thresholds,
        made_of: made_of(latest, new),
        failing: Vec::new(),
        recovered: Vec::new(),
        slower: Vec::new(),
        faster: Vec::new(),
        waiting: Vec::new(),
        hardware: hardware(latest, new),
        hardware_worse: false,
        added: Vec::new(),
        gone: Vec::new(),
    };
    for (key, item) in &now {
        let known: Vec<&Item> = before.iter().filter_map(|boot| boot.get(key)).collect();
        diff.compare(key, item, &known);
    }
    diff.gone(&before, &now);
    diff.hardware_worse = diff.hardware.iter().any(Hardware::is_worse);
    let by = |time: &Time| std::cmp::Reverse(time.new_ns.abs_diff(time.old_ns));
    diff.slower.sort_by_key(by);
    diff.faster.sort_by_key(by);
    diff.regressed = diff.verdict_worse
        || diff.hardware_worse
        || !(diff.failing.is_empty() && diff.slower.is_empty() && diff.waiting.is_empty());
    diff
}

impl Diff {
    /// One thing that the new boot has, against the old boots that have it.
    fn compare(&mut self, key: &Key, item: &Item, known: &[&Item]) {
        let key = || key.clone();
        let has_failed = known.iter().any(|old| !old.fault.is_empty());
        if !item.fault.is_empty() && !has_failed {
            let fault = item.fault.clone();
            self.failing.push(Fault { key: key(), fault });
        }
        if known.is_empty() {
            self.added.push(key());
            return;
        }
        let always_failed = known.iter().all(|old| !old.fault.is_empty());
        if let (true, true, Some(old)) = (item.fault.is_empty(), always_failed, known.last()) {
            let fault = old.fault.clone();
            self.recovered.push(Fault { key: key(), fault });
        }
        let times = || known.iter().filter_map(|old| old.took_ns);
        if let (Some(new_ns), Some(least), Some(most)) =
            (item.took_ns, times().min(), times().max())
        {
            let time = |old_ns| Time {
                key: key(),
                old_ns,
                new_ns,
            };
            if self.thresholds.is_more(most, new_ns) {
                self.slower.push(time(most));
            } else if self.thresholds.is_more(new_ns, least) {
                self.faster.push(time(least));
            }
        }
        self.compare_waits(&key(), item, known);
    }

    fn compare_waits(&mut self, key: &Key, item: &Item, known: &[&Item]) {
        let Some(waits_for) = &item.waits_for else {
            return;
        };
        let is_known = known
            .iter()
            .any(|old| old.waits_for.as_ref() == Some(waits_for));
        let latest = known.iter().max_by_key(|old| old.start_ns);
        let (Some(new_ns), Some(latest)) = (item.start_ns, latest) else {
            return;
        };
        let old_ns = latest.start_ns.unwrap_or(new_ns);
        if !is_known && self.thresholds.is_more(old_ns, new_ns) {
            self.waiting.push(Waiting {
                key: key.clone(),
                waits_for: waits_for.clone(),
                waited_for: latest.waits_for.clone(),
                old_ns,
                new_ns,
            });
        }
    }

    /// What all of the old boots have and the new one has not.
    fn gone(&mut self, before: &[BTreeMap<Key, Item>], now: &BTreeMap<Key, Item>) {
        let Some((first, rest)) = before.split_first() else {
            return;
        };
        for key in first.keys().filter(|key| !now.contains_key(*key)) {
            if rest.iter().all(|boot| boot.contains_key(key)) {
                self.gone.push(key.clone());
            }
        }
    }
}

impl Hardware {
    /// What was right, or not looked for, and is not right.
    fn is_worse(&self) -> bool {
        let is_bad =
            |verdict: &Option<String>| matches!(verdict.as_deref(), Some("missing" | "small"));
        is_bad(&self.new) && !is_bad(&self.old)
    }
}

/// How bad a verdict is. A boot without one has not come to its end.
fn rank(word: &str) -> u8 {
    match word {
        "OK" => 0,
        "DEGRADED" => 1,
        "UNFINISHED" => 2,
        "RESCUE" => 3,
        _ => 4,
    }
}

fn side(boot: &Boot) -> Side {
    let identity = boot.identity.as_ref();
    Side {
        started: identity.map(|known| known.started.clone()),
        verdict: boot.verdict.word.clone(),
        reason: boot.verdict.reason.clone(),
        boot_ns: boot.boot_ns,
    }
}

fn made_of(old: &Boot, new: &Boot) -> Vec<MadeOf> {
    // Of a boot whose first frame is lost nobody knows, and that is no difference.
    let (Some(old), Some(new)) = (&old.identity, &new.identity) else {
        return Vec::new();
    };
    let all = [
        ("kernel", &old.kernel, &new.kernel),
        ("image", &old.image, &new.image),
        ("plan", &old.plan, &new.plan),
        ("config", &old.config, &new.config),
        ("preroot", &old.version, &new.version),
        ("options", &old.command_line, &new.command_line),
    ];
    let differ = all.into_iter().filter(|(_, old, new)| old != new);
    let made_of = |(what, old, new): (&'static str, &String, &String)| MadeOf {
        what,
        old: old.clone(),
        new: new.clone(),
    };
    differ.map(made_of).collect()
}

fn hardware(old: &Boot, new: &Boot) -> Vec<Hardware> {
    let mut items: BTreeMap<&str, [Option<(&str, u64)>; 2]> = BTreeMap::new();
    for (place, boot) in [old, new].into_iter().enumerate() {
        for found in &boot.hardware {
            let sides = items.entry(&found.item).or_default();
            if let Some(side) = sides.get_mut(place) {
                *side = Some((&found.verdict, found.found));
            }
        }
    }
    let word = |side: Option<(&str, u64)>| side.map(|(verdict, _)| verdict.to_owned());
    let found = |side: Option<(&str, u64)>| side.map_or(0, |(_, found)| found);
    items
        .into_iter()
        .filter(|(_, [old, new])| word(*old) != word(*new))
        .map(|(item, [old, new])| Hardware {
            item: item.to_owned(),
            old: word(old),
            new: word(new),
            old_found: found(old),
            new_found: found(new),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Script, ScriptEnd, Verdict};

    fn boot(scripts: &[(&str, u64, u16)]) -> Boot {
        let script = |&(name, milliseconds, status): &(&str, u64, u16)| Script {
            number: 0,
            name: name.to_owned(),
            runlevel: "2".to_owned(),
            level: 1,
            argument: "start".to_owned(),
            at_ns: Some(0),
            took_ns: Some(milliseconds * 1_000_000),
            end: ScriptEnd::Exited,
            status,
            user_ns: 0,
            system_ns: 0,
            memory_kib: 0,
            waited_for: None,
            read_bytes: None,
            written_bytes: None,
            output_bytes: 0,
            output: String::new(),
            output_lost: 0,
            output_end: String::new(),
        };
        Boot {
            verdict: Verdict {
                word: "OK".to_owned(),
                ..Verdict::default()
            },
            scripts: scripts.iter().map(script).collect(),
            ..Boot::default()
        }
    }

    /// Names by how they differ: slower, faster, failing, recovered, added, gone.
    fn check(old: &[&[(&str, u64, u16)]], new: &[(&str, u64, u16)], expected: [&str; 6]) {
        let old: Vec<Boot> = old.iter().map(|scripts| boot(scripts)).collect();
        let thresholds = Thresholds {
            percent: 20,
            least_ns: 50_000_000,
        };
        let diff = diff(&old, &boot(new), thresholds);
        let keys = |keys: Vec<&Key>| {
            let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
            names.join(" ")
        };
        let found = [
            keys(diff.slower.iter().map(|time| &time.key).collect()),
            keys(diff.faster.iter().map(|time| &time.key).collect()),
            keys(diff.failing.iter().map(|fault| &fault.key).collect()),
            keys(diff.recovered.iter().map(|fault| &fault.key).collect()),
            keys(diff.added.iter().collect()),
            keys(diff.gone.iter().collect()),
        ];
        assert_eq!(found, expected, "{old:?} {new:?}");
        let worse = !expected[0].is_empty() || !expected[2].is_empty();
        assert_eq!(diff.regressed, worse);
    }

    #[test]
    fn two_boots() {
        let cron: &[_] = &[("cron", 100, 0)];
        check(&[cron], cron, [""; 6]);
        // 60 ms are 60 %; 49 ms are too few; of 1000 ms, 150 are too few in percent.
        check(&[cron], &[("cron", 160, 0)], ["cron", "", "", "", "", ""]);
        check(&[cron], &[("cron", 149, 0)], [""; 6]);
        check(&[&[("cron", 1000, 0)]], &[("cron", 1150, 0)], [""; 6]);
        check(&[&[("cron", 160, 0)]], cron, ["", "cron", "", "", "", ""]);
        check(&[cron], &[("cron", 100, 1)], ["", "", "cron", "", "", ""]);
        check(&[&[("cron", 100, 1)]], cron, ["", "", "", "cron", "", ""]);
        check(&[cron], &[("ssh", 100, 0)], ["", "", "", "", "ssh", "cron"]);
        check(
            &[cron],
            &[("cron", 100, 0), ("ssh", 9, 1)],
            ["", "", "ssh", "", "ssh", ""],
        );
    }

    #[test]
    fn newly_waiting() {
        let check = |waited_for: Option<u32>, at_ms: u64, expected: &[(&str, Option<&str>)]| {
            let ordered = |waited_for, at_ms: u64| {
                let mut boot = boot(&[("a", 100, 0), ("b", 100, 0), ("c", 100, 0)]);
                for (number, script) in (0..).zip(&mut boot.scripts) {
                    script.number = number;
                }
                boot.scripts[2].waited_for = waited_for;
                boot.scripts[2].at_ns = Some(at_ms * 1_000_000);
                boot.runlevels.push(crate::model::Runlevel {
                    runlevel: "2".to_owned(),
                    policy: "edges".to_owned(),
                    at_ns: 0,
                    took_ns: None,
                    scripts: 3,
                    succeeded: 0,
                    failed: 0,
                    timed_out: 0,
                    skipped: 0,
                    levels: Vec::new(),
                    members: vec![0, 1, 2],
                });
                boot
            };
            let thresholds = Thresholds {
                percent: 20,
                least_ns: 50_000_000,
            };
            let diff = diff(
                &[ordered(Some(0), 100)],
                &ordered(waited_for, at_ms),
                thresholds,
            );
            let found: Vec<(&str, Option<&str>)> = diff
                .waiting
                .iter()
                .map(|wait| (wait.waits_for.as_str(), wait.waited_for.as_deref()))
                .collect();
            assert_eq!(found, expected, "{waited_for:?} {at_ms}");
            assert_eq!(diff.regressed, !expected.is_empty());
        };
        check(Some(0), 100, &[]);
        // Later for the same one: that one is slower, and told as such.
        check(Some(0), 500, &[]);
        check(Some(1), 120, &[]);
        check(None, 500, &[]);
        check(Some(1), 500, &[("b", Some("a"))]);
        check(Some(7), 500, &[("script 7", Some("a"))]);
    }

    #[test]
    fn many_boots() {
        let old: &[&[_]] = &[&[("cron", 100, 0)], &[("cron", 300, 1), ("ssh", 9, 0)]];
        check(old, &[("cron", 320, 0)], [""; 6]);
        check(old, &[("cron", 400, 1)], ["cron", "", "", "", "", ""]);
        check(old, &[("cron", 20, 0)], ["", "cron", "", "", "", ""]);
        check(old, &[], ["", "", "", "", "", "cron"]);
        check(old, &[("cron", 100, 0), ("ssh", 9, 0)], [""; 6]);
    }
}
