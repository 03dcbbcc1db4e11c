//! Stores added up. What is kept is bounded: by images, scripts and entries of lists, not by stores.

use std::collections::{BTreeMap, HashMap, HashSet};

use hdrhistogram::Histogram;

use super::summary::{Part, Summary};
use super::{ByItem, Fleet, Group, Host, Missing, Outlier, Reading, Script, Spread};

/// Images and plans told apart; the boots of further ones are added to the last.
const GROUPS_MAX: usize = 512;
/// Scripts told apart, over all groups: at most 30 kB each.
const SCRIPTS_MAX: usize = 8192;
/// Entries of a list.
const LIST_MAX: usize = 100_000;
/// The slowest hosts that are kept for each script.
const SLOWEST_MAX: usize = 4;
/// Digits of a time that are kept.
const DIGITS: u8 = 2;
/// Longer than this nothing takes that a boot is made of: 12 days.
const TIME_NS_MAX: u64 = 1 << 50;
/// How many times the median an outlier takes, and how much more.
const OUTLIER_TIMES: u64 = 3;
const OUTLIER_MORE_NS: u64 = 100_000_000;

/// Made of what: config, image, plan.
type Made = [String; 3];

#[derive(Default)]
pub(super) struct Tally {
    pub(super) read: Reading,
    groups: Vec<Counted>,
    by_made: HashMap<Made, usize>,
    scripts: usize,
    not_ok: Vec<Host>,
    missing: Vec<Missing>,
    by_item: BTreeMap<(String, String), u64>,
    left_out: u64,
}

#[derive(Default)]
struct Counted {
    made: Made,
    stores: u64,
    verdicts: [u64; 5],
    boot: Times,
    scripts: HashMap<String, Times>,
}

/// How long something took, on all hosts.
#[derive(Default)]
struct Times {
    /// `None` until there is one.
    histogram: Option<Histogram<u32>>,
    failed: u64,
    timed_out: u64,
    /// The hosts with the largest medians, largest first: median, host, record.
    slowest: Vec<(u64, String, String)>,
}

/// What hosts have in common of an item: a serial number or an address is one machine's.
fn item_of(item: &str) -> String {
    let class = item.split(' ').next().unwrap_or_default();
    match class {
        "disk" | "nic" => class.to_owned(),
        _ => item.to_owned(),
    }
}

impl Tally {
    /// Adds a store of so many bytes.
    pub(super) fn add(&mut self, summary: &Summary<'_>, bytes: u64) {
        self.read.stores += 1;
        self.read.boots += summary.boots;
        self.read.frames += summary.frames;
        self.read.damaged_bytes += summary.damaged_bytes;
        self.read.bytes += bytes;
        let host = summary.host.unwrap_or(summary.file);
        for part in &summary.parts {
            self.part(part, host, summary.file);
        }
        let (verdict, reason) = summary.verdict;
        if verdict != "OK" && self.has_room(self.not_ok.len()) {
            self.not_ok.push(Host {
                host: host.to_owned(),
                file: summary.file.to_owned(),
                verdict: verdict.to_owned(),
                reason: reason.to_owned(),
            });
        }
        let mut told = HashSet::new();
        let is_missing = |verdict: &str| !matches!(verdict, "ok" | "unknown");
        for item in summary
            .hardware
            .iter()
            .filter(|item| is_missing(item.verdict))
        {
            // A host that misses two disks is one host.
            if told.insert((item_of(item.item), item.verdict)) {
                self.count(&item_of(item.item), item.verdict);
            }
            if self.has_room(self.missing.len()) {
                self.missing.push(Missing {
                    item: item.item.to_owned(),
                    host: host.to_owned(),
                    file: summary.file.to_owned(),
                    verdict: item.verdict.to_owned(),
                    expected: item.expected,
                    found: item.found,
                });
            }
        }
    }

    fn count(&mut self, item: &str, verdict: &str) {
        let key = (item.to_owned(), verdict.to_owned());
        if self.by_item.len() < GROUPS_MAX || self.by_item.contains_key(&key) {
            *self.by_item.entry(key).or_default() += 1;
        } else {
            self.left_out += 1;
        }
    }

    fn has_room(&mut self, length: usize) -> bool {
        let has_room = length < LIST_MAX;
        self.left_out += u64::from(!has_room);
        has_room
    }

    fn part(&mut self, part: &Part<'_>, host: &str, file: &str) {
        let made = part.made.map(str::to_owned);
        let place = match self.by_made.get(&made) {
            Some(&place) => place,
            None if self.groups.len() < GROUPS_MAX => {
                let place = self.groups.len();
                self.groups.push(Counted {
                    made: made.clone(),
                    ..Counted::default()
                });
                self.by_made.insert(made, place);
                place
            }
            None => GROUPS_MAX - 1,
        };
        let Some(group) = self.groups.get_mut(place) else {
            return;
        };
        group.stores += 1;
        for (sum, count) in group.verdicts.iter_mut().zip(part.verdicts) {
            *sum += count;
        }
        group.boot.add(&part.boots_ns, host, file);
        for (name, runs) in &part.scripts {
            if !group.scripts.contains_key(*name) {
                if self.scripts == SCRIPTS_MAX {
                    self.left_out += 1;
                    continue;
                }
                self.scripts += 1;
                group.scripts.insert((*name).to_owned(), Times::default());
            }
            if let Some(times) = group.scripts.get_mut(*name) {
                times.failed += runs.failed;
                times.timed_out += runs.timed_out;
                times.add(&runs.times_ns, host, file);
            }
        }
    }

    /// What all of it says, in an order that does not depend on that of the stores.
    pub(super) fn finish(mut self) -> Fleet {
        let mut outliers = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        for group in self.groups {
            outliers.extend(group.boot.outliers(""));
            for (name, times) in &group.scripts {
                outliers.extend(times.outliers(name));
            }
            let script = |(name, times): (&String, &Times)| Script {
                name: name.clone(),
                failed: times.failed,
                timed_out: times.timed_out,
                spread: times.spread(),
            };
            let mut scripts: Vec<Script> = group.scripts.iter().map(script).collect();
            scripts.sort_by(|a, b| {
                let by = |script: &Script| std::cmp::Reverse(script.spread.p99_ns);
                by(a).cmp(&by(b)).then_with(|| a.name.cmp(&b.name))
            });
            let [config, image, plan] = group.made;
            groups.push(Group {
                config,
                image,
                plan,
                stores: group.stores,
                verdicts: group.verdicts,
                boot: group.boot.spread(),
                scripts,
            });
        }
        let boots = |group: &Group| group.verdicts.iter().sum::<u64>();
        groups.sort_by(|a, b| {
            let made =
                |group: &Group| [&group.config, &group.image, &group.plan].map(String::clone);
            boots(b).cmp(&boots(a)).then_with(|| made(a).cmp(&made(b)))
        });
        outliers.sort_by(|a: &Outlier, b| {
            let more = |outlier: &Outlier| outlier.took_ns - outlier.p50_ns;
            let names = |outlier: &Outlier| {
                [&outlier.host, &outlier.script, &outlier.file].map(String::clone)
            };
            more(b).cmp(&more(a)).then_with(|| names(a).cmp(&names(b)))
        });
        self.not_ok.sort();
        self.missing.sort();
        let by_item = self.by_item.into_iter();
        let by_item = by_item.map(|((item, verdict), hosts)| ByItem {
            item,
            verdict,
            hosts,
        });
        let mut by_item: Vec<ByItem> = by_item.collect();
        by_item.sort_by_key(|it| std::cmp::Reverse(it.hosts));
        Fleet {
            read: self.read,
            groups,
            not_ok: self.not_ok,
            by_item,
            missing: self.missing,
            outliers,
            left_out: self.left_out,
        }
    }
}

impl Times {
    /// Adds what something took on one host.
    fn add(&mut self, times_ns: &[u64], host: &str, file: &str) {
        let Some(median) = median(times_ns) else {
            return;
        };
        // Two digits of any u64: no other bounds can be asked for, so this does not fail.
        let new = || Histogram::new_with_bounds(1, TIME_NS_MAX, DIGITS).ok();
        if self.histogram.is_none() {
            self.histogram = new();
        }
        if let Some(histogram) = &mut self.histogram {
            for &time in times_ns {
                histogram.saturating_record(time);
            }
        }
        let is_among = self.slowest.len() < SLOWEST_MAX
            || self
                .slowest
                .last()
                .is_some_and(|last| (median, host, file) > (last.0, &*last.1, &*last.2));
        if is_among {
            let entry = (median, host.to_owned(), file.to_owned());
            let place = self.slowest.partition_point(|known| *known > entry);
            self.slowest.insert(place, entry);
            self.slowest.truncate(SLOWEST_MAX);
        }
    }

    fn spread(&self) -> Spread {
        let Some(histogram) = &self.histogram else {
            return Spread::default();
        };
        Spread {
            count: histogram.len(),
            p50_ns: histogram.value_at_quantile(0.5),
            p90_ns: histogram.value_at_quantile(0.9),
            p99_ns: histogram.value_at_quantile(0.99),
            max_ns: histogram.max(),
        }
    }

    fn outliers(&self, script: &str) -> Vec<Outlier> {
        let p50_ns = self.spread().p50_ns;
        let limit = p50_ns
            .saturating_mul(OUTLIER_TIMES)
            .max(p50_ns.saturating_add(OUTLIER_MORE_NS));
        let slow = self.slowest.iter().filter(|(median, ..)| *median >= limit);
        let outlier = |(median, host, file): &(u64, String, String)| Outlier {
            host: host.clone(),
            file: file.clone(),
            script: script.to_owned(),
            took_ns: *median,
            p50_ns,
        };
        slow.map(outlier).collect()
    }
}

/// The lower median: of two times, that of the better boot.
fn median(times: &[u64]) -> Option<u64> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads() {
        let check = |times: &[u64], p50: u64, max: u64| {
            let mut all = Times::default();
            all.add(times, "host", "file");
            let spread = all.spread();
            let is_near = |found: u64, wanted: u64| found.abs_diff(wanted) * 100 <= wanted;
            assert!(is_near(spread.p50_ns, p50), "{times:?}: {spread:?}");
            assert!(is_near(spread.max_ns, max), "{times:?}: {spread:?}");
            assert_eq!(spread.count, times.len() as u64);
        };
        check(&[], 0, 0);
        check(&[1_000_000], 1_000_000, 1_000_000);
        check(&[100, 2_000_000, 30_000_000_000], 2_000_000, 30_000_000_000);
    }

    #[test]
    fn who_is_slow() {
        let mut times = Times::default();
        for host in 0..100_u64 {
            let slow = u64::from(host == 7) * 2_000_000_000;
            let name = format!("host{host}");
            times.add(
                &[200_000_000 + slow, 210_000_000 + slow, u64::MAX],
                &name,
                "file",
            );
        }
        let hosts: Vec<String> = times
            .outliers("cron")
            .into_iter()
            .map(|found| found.host)
            .collect();
        assert_eq!(hosts, ["host7"]);
    }

    /// Threads read stores in any order: which of equals are among the slowest must not depend on it.
    #[test]
    fn equals_are_the_same_ones_in_any_order() {
        let among = |files: &mut dyn Iterator<Item = u64>| {
            let mut times = Times::default();
            for file in files {
                times.add(&[5_000_000_000], "db1", &format!("{file:03}"));
            }
            times.slowest
        };
        assert_eq!(among(&mut (0..100)), among(&mut (0..100).rev()));
    }
}
