//! What a run ends with on a terminal: what is worse, what could not be run, what took how long, and where the reports are.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use preroot_qemu_tests::Ended;

use super::parts::TIME;
use super::results::{Results, Tally};
use super::time;
use super::view::duration;

/// The text.
pub(crate) fn page(results: &Results, report: &Path) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(results, report, &mut out);
    out
}

fn write(results: &Results, report: &Path, out: &mut String) -> std::fmt::Result {
    for ran in &results.ran {
        match &ran.ended {
            // The page of the counted boots says which part of them, and by how much.
            Ended::Failed { .. } if ran.name == TIME && results.timing.is_some() => {}
            Ended::Failed { differences } => {
                let first = differences.first().and_then(|all| all.lines().next());
                writeln!(
                    out,
                    "REGRESSED: {}: {}",
                    ran.name,
                    first.unwrap_or(&ran.story)
                )?;
                writeln!(out, "    again: {}", results.replay(ran))?;
            }
            Ended::CouldNotRun { why } => {
                let why = why.lines().next().unwrap_or_default();
                writeln!(out, "could not run: {}: {why}", ran.name)?;
            }
            Ended::Passed | Ended::Skipped { .. } => {}
        }
    }
    for change in results.changes() {
        writeln!(out, "against the baseline: {change}")?;
    }
    if let Some(timing) = &results.timing {
        out.push_str(&time::page(timing));
        out.push('\n');
    }
    let Tally {
        passed,
        failed,
        skipped,
        could_not_run,
    } = results.tally();
    let all = results.ran.len() + results.not_begun.len();
    let of = match all {
        1 => "1 scenario".to_owned(),
        all => format!("{all} scenarios"),
    };
    let wall = duration(results.wall);
    let not_begun = match results.not_begun.len() {
        0 => String::new(),
        count => format!(" ({count} of them not begun: the run was ended)"),
    };
    writeln!(
        out,
        "{of} in {wall}: {passed} passed, {failed} failed, {skipped} skipped, {could_not_run} could not run{not_begun}"
    )?;
    if let Some(outside) = outside(results) {
        writeln!(
            out,
            "the harness's own time, without its machines: {:.1} s a scenario (the median)",
            outside.as_secs_f64()
        )?;
    }
    writeln!(out, "reports: {}", report.display())
}

/// How long scenarios took while no machine ran: the median of those that passed.
fn outside(results: &Results) -> Option<Duration> {
    let passed = results
        .ran
        .iter()
        .filter(|ran| ran.ended == Ended::Passed && ran.name != TIME);
    let mut outside: Vec<Duration> = passed
        .map(|ran| ran.wall.saturating_sub(ran.machine))
        .collect();
    outside.sort();
    outside.get(outside.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worse_comes_first() {
        let text = page(&super::super::results::tests::made(), Path::new("report"));
        super::super::golden::check("summary.txt", &text);
    }
}
