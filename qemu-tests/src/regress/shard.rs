//! One of several machines that share a run: each takes its part, and all of them agree on whose is whose.
//!
//! Where it is known how long each took, the longest goes first, each to who has least to do so far; else a name's checksum
//! says. Either way the same input gives the same parts, in whatever order names come.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use preroot_qemu_tests::{Error, files};
use serde::Deserialize;

/// How many may share a run.
const SHARDS_MAX: u32 = 1000;

/// Which of how many: `2/5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    number: u32,
    count: u32,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let wrong = || {
            format!(
                "`{text}`: must be NUMBER/COUNT, as 2/5, with 1 to COUNT, and COUNT at most {SHARDS_MAX}"
            )
        };
        let (number, count) = text.split_once('/').ok_or_else(wrong)?;
        let shard = Shard {
            number: number.parse().map_err(|_| wrong())?,
            count: count.parse().map_err(|_| wrong())?,
        };
        match (1..=SHARDS_MAX).contains(&shard.count) && (1..=shard.count).contains(&shard.number) {
            true => Ok(shard),
            false => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

/// How long each scenario took in an earlier run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Durations {
    by_name: BTreeMap<String, Duration>,
}

/// What is read of a line of `results.jsonl`.
#[derive(Deserialize)]
struct Line {
    name: Option<String>,
    wall_ms: Option<u64>,
}

impl Durations {
    /// Reads the JSON lines that an earlier run has written.
    ///
    /// # Errors
    /// When they cannot be read, or are no such lines.
    pub(crate) fn read(path: &Path) -> Result<Durations, Error> {
        let mut by_name = BTreeMap::new();
        for (number, line) in (1..).zip(files::read_text(path)?.lines()) {
            let line: Line = serde_json::from_str(line).map_err(|error| Error::Contents {
                path: path.to_owned(),
                what: format!("line {number}: not of results.jsonl: {error}"),
            })?;
            if let (Some(name), Some(ms)) = (line.name, line.wall_ms) {
                by_name.insert(name, Duration::from_millis(ms));
            }
        }
        Ok(Durations { by_name })
    }

    /// How long one takes: what it took, else the mean of the others.
    fn of(&self, name: &str) -> Option<Duration> {
        let count = u32::try_from(self.by_name.len())
            .ok()
            .filter(|&count| count > 0)?;
        let mean = || self.by_name.values().sum::<Duration>() / count;
        Some(self.by_name.get(name).copied().unwrap_or_else(mean))
    }

    /// Puts what takes longest first, so that nothing long begins when everything else is done.
    pub(crate) fn longest_first<T>(&self, parts: &mut [T], name: impl Fn(&T) -> &str) {
        parts.sort_by_cached_key(|part| {
            let name = name(part);
            (std::cmp::Reverse(self.of(name)), name.to_owned())
        });
    }
}

impl Shard {
    /// Its own of these.
    pub(crate) fn take<T>(
        self,
        mut parts: Vec<T>,
        durations: &Durations,
        name: impl Fn(&T) -> &str,
    ) -> Vec<T> {
        if durations.by_name.is_empty() {
            let is_ours = |part: &T| {
                preroot_crc::crc32(name(part).as_bytes()) % self.count == self.number - 1
            };
            return parts.into_iter().filter(is_ours).collect();
        }
        durations.longest_first(&mut parts, &name);
        let mut loads = vec![Duration::ZERO; self.count as usize];
        let mut ours = Vec::new();
        for part in parts {
            let least = (1..)
                .zip(&mut loads)
                .min_by_key(|(number, load)| (**load, *number));
            let Some((number, load)) = least else { break };
            *load += durations.of(name(&part)).unwrap_or_default();
            if number == self.number {
                ours.push(part);
            }
        }
        ours
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    fn durations(seconds: &[(&str, u64)]) -> Durations {
        let of = |&(name, seconds): &(&str, u64)| (name.to_owned(), Duration::from_secs(seconds));
        Durations {
            by_name: seconds.iter().map(of).collect(),
        }
    }

    #[test]
    fn shards_are_read() {
        let check = |text: &str, expected: Option<(u32, u32)>| {
            let found = text.parse::<Shard>().ok();
            assert_eq!(
                found.map(|shard| (shard.number, shard.count)),
                expected,
                "{text}"
            );
        };
        check("2/5", Some((2, 5)));
        check("1/1", Some((1, 1)));
        check("0/5", None);
        check("6/5", None);
        check("1/0", None);
        check("1/1001", None);
        check("2", None);
        check("-1/5", None);
        check("a/b", None);
    }

    /// Every part is somebody's, and nobody's twice, with and without durations.
    #[test]
    fn all_shards_together_are_the_run() {
        let names: Vec<String> = (0..117)
            .map(|number| format!("scenario-{number}"))
            .collect();
        let known = durations(&[("scenario-3", 90), ("scenario-7", 4), ("scenario-90", 33)]);
        for durations in [Durations::default(), known] {
            for count in [1, 2, 5, 200] {
                let take =
                    |number| Shard { number, count }.take(names.clone(), &durations, |name| name);
                let mut all: Vec<String> = (1..=count).flat_map(take).collect();
                all.sort();
                let mut expected = names.clone();
                expected.sort();
                assert_eq!(all, expected, "{count}");
            }
        }
    }

    #[test]
    fn known_durations_share_the_time() {
        let durations = durations(&[("a", 60), ("b", 30), ("c", 20), ("d", 10)]);
        let check = |number: u32, expected: &[&str]| {
            // Unknown: 30 s, the mean.
            let names = vec!["d", "x", "b", "a", "c"];
            let shard = Shard { number, count: 2 };
            assert_eq!(
                shard.take(names, &durations, |name| name),
                expected,
                "{number}"
            );
        };
        check(1, &["a", "c"]);
        check(2, &["b", "x", "d"]);
    }

    #[test]
    fn durations_are_those_of_an_earlier_run() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines = "{\"kind\":\"scenario\",\"name\":\"a\",\"wall_ms\":1500,\"more\":[]}\n{\"kind\":\"run\"}\n";
        std::fs::write(file.path(), lines).unwrap();
        let read = Durations::read(file.path()).unwrap();
        assert_eq!(read.of("a"), Some(Duration::from_millis(1500)));
        std::fs::write(file.path(), "{}\nnonsense\n").unwrap();
        let error = Durations::read(file.path()).unwrap_err().to_string();
        assert!(error.contains("line 2: not of results.jsonl"), "{error}");
    }
}
