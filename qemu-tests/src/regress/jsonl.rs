//! `results.jsonl`: a run for programs, one JSON object a line, written as each thing ends, so that a run which is cut short has
//! what was done.
//!
//! ```text
//! {"kind":"scenario","name":"state/btrfs","story":"...","outcome":"passed","verdict":"OK","seed":1,"wall_ms":12345,
//!  "machine_ms":12000,"said":[],"files":"runs/state/btrfs","replay":"cargo xtask regress --only ..."}
//! {"kind":"time","parts":[{"part":"stage root","ns":9000000,"before_ns":8900000}],"worse":["..."],"notes":["..."]}
//! {"kind":"run","exit":2,"passed":1,"failed":1,"skipped":0,"could_not_run":0,"not_begun":[],"interrupted":false,
//!  "wall_ms":75250,"seed":1,"shard":"2/5","kernel":"...","image":"...","root":"..."}
//! ```
//!
//! `outcome` is `passed`, `failed` (the image's), `skipped` (not for this image) or `could-not-run` (nobody knows). `machine_ms` is how
//! long machines ran, of `wall_ms`. `said` is empty where it passed. `kind` is `scenario` once for each, `time` at most once, `run` once, last. A reader skips kinds and keys that it
//! does not know.

use std::path::Path;

use serde::Serialize;

use super::results::{self, About, Results, Timing};
use preroot_qemu_tests::{Error, Ran};

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line<'r> {
    Scenario {
        name: &'r str,
        story: &'r str,
        outcome: &'static str,
        verdict: Option<&'r str>,
        seed: u64,
        wall_ms: u64,
        machine_ms: u64,
        said: &'r [String],
        files: String,
        replay: String,
    },
    Time {
        parts: Vec<TimePart<'r>>,
        worse: Vec<String>,
        notes: Vec<String>,
    },
    Run {
        exit: u8,
        passed: usize,
        failed: usize,
        skipped: usize,
        could_not_run: usize,
        not_begun: &'r [String],
        interrupted: bool,
        wall_ms: u64,
        seed: u64,
        shard: Option<&'r str>,
        kernel: String,
        image: String,
        root: String,
    },
}

#[derive(Serialize)]
struct TimePart<'r> {
    part: &'r str,
    ns: u64,
    before_ns: Option<u64>,
}

/// The line of a scenario. `report`: where all reports are.
///
/// # Errors
/// When it is nothing that JSON can say.
pub(crate) fn scenario(about: &About, outcome: &Ran, report: &Path) -> Result<String, Error> {
    let files = outcome.dir.strip_prefix(report).unwrap_or(&outcome.dir);
    line(&Line::Scenario {
        name: &outcome.name,
        story: &outcome.story,
        outcome: results::word(&outcome.ended),
        verdict: outcome.verdict.as_deref(),
        seed: outcome.seed,
        wall_ms: ms(outcome.wall),
        machine_ms: ms(outcome.machine),
        said: results::said(&outcome.ended),
        files: files.display().to_string(),
        replay: results::replay(about, outcome),
    })
}

/// The line of the counted boots.
///
/// # Errors
/// As [`scenario`].
pub(crate) fn timing(timing: &Timing) -> Result<String, Error> {
    let part = |(part, ns)| TimePart {
        part,
        ns,
        before_ns: timing.before(part),
    };
    let (worse, notes): (Vec<_>, Vec<_>) =
        timing.changes.iter().partition(|change| change.is_worse());
    let text =
        |changes: Vec<&super::baseline::Change>| changes.iter().map(ToString::to_string).collect();
    line(&Line::Time {
        parts: timing.figures.parts().map(part).collect(),
        worse: text(worse),
        notes: text(notes),
    })
}

/// The line of the whole run.
///
/// # Errors
/// As [`scenario`].
pub(crate) fn run(results: &Results) -> Result<String, Error> {
    let tally = results.tally();
    let [kernel, image, root] = &results.about.subject;
    let text = |path: &Path| path.display().to_string();
    line(&Line::Run {
        // The discriminants are the codes.
        exit: results.exit() as u8,
        passed: tally.passed,
        failed: tally.failed,
        skipped: tally.skipped,
        could_not_run: tally.could_not_run,
        not_begun: &results.not_begun,
        interrupted: results.interrupted,
        wall_ms: ms(results.wall),
        seed: results.about.seed,
        shard: results.about.shard.as_deref(),
        kernel: text(kernel),
        image: text(image),
        root: text(root),
    })
}

fn line(line: &Line<'_>) -> Result<String, Error> {
    let text = serde_json::to_string(line);
    text.map(|text| text + "\n")
        .map_err(|error| Error::unexpected(format!("results.jsonl: {error}")))
}

fn ms(wall: std::time::Duration) -> u64 {
    u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn a_run_is_lines_of_json() {
        let results = results::tests::made();
        let mut text = String::new();
        for outcome in &results.ran {
            text += &scenario(&results.about, outcome, Path::new("/nowhere")).unwrap();
        }
        text += &run(&results).unwrap();
        super::super::golden::check("results.jsonl", &text);
    }
}
