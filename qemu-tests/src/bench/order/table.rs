//! The figures as the table shows them: ratios first, then ms.

use std::fmt::Write as _;

use super::freezing::Freezing;
use super::runner::Runner;
use super::{Figures, Measured, ONCE_MS, ROUNDS, Row};

/// What is measured, and what a bound is.
const ABOUT: &str = "\
Scripts of a runlevel 2, in a chroot of the Debian root with a terminal; what is measured is the whole command.
preroot is the runner, machine and record of PID 1; it runs each script in a control group of its own, without
limits. startpar counts whatever runs on the machine against those it may start, so it needs an idle one; and
names are short, for of a runlevel whose names have more than 2047 bytes it starts only the first.

The bound: a script takes what it takes alone (measured: its work, one fork and exec). By edges, no runner is
quicker than the longest chain of scripts that wait for each other, nor than all CPU time shared among the
processors; by levels, that holds of each level. A script that is interactive adds to either, for it runs alone.
preroot by levels is held against the bound of levels, all others against that of edges.

";

/// How long something took, each time.
#[derive(Debug, Clone)]
pub(super) struct Times(Vec<f64>);

impl Times {
    /// Of at least one run, ms.
    pub(super) fn new(mut ms: Vec<f64>) -> Self {
        ms.sort_by(f64::total_cmp);
        Self(ms)
    }

    /// The one in the middle, ms.
    pub(super) fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or_default()
    }

    /// The quickest, ms.
    pub(super) fn least(&self) -> f64 {
        self.0.first().copied().unwrap_or_default()
    }

    /// The slowest, ms.
    fn most(&self) -> f64 {
        self.0.last().copied().unwrap_or_default()
    }
}

/// The whole section.
pub(super) fn text(figures: &Figures) -> String {
    let Figures {
        processors,
        loads: [before, after],
        ..
    } = figures;
    let once_s = ONCE_MS / 1e3;
    let mut text = format!(
        "{processors} processors, load {before} before and {after} after. Medians of {ROUNDS} rounds in which each \
         runner\nhas its turn; of one for those that take longer than {once_s} s.\n\n"
    );
    text.push_str(ABOUT);
    let is_empty_work = |measured: &&Measured| measured.workload.is_empty_work();
    let (empty, work): (Vec<_>, Vec<_>) = figures.workloads.iter().partition(is_empty_work);
    summary(&mut text, &work);
    for measured in empty {
        per_script(&mut text, measured);
    }
    freezing(&mut text, &figures.freezing);
    for measured in work {
        details(&mut text, measured);
    }
    text
}

/// Writing to a String cannot fail.
macro_rules! line {
    ($text:expr, $($words:tt)*) => {{ let _ = writeln!($text, $($words)*); }};
}

fn summary(text: &mut String, work: &[&Measured]) {
    let titles = Runner::ALL.map(Runner::title).join(" | ");
    line!(text, "| over its bound | {titles} |");
    line!(text, "|---|{}", "---:|".repeat(Runner::ALL.len()));
    for measured in work {
        let ratio = |runner: Runner| {
            let row = measured.row(runner);
            row.map_or(String::new(), |row| {
                format!("{:.3}", measured.over_bound(row))
            })
        };
        let ratios = Runner::ALL.map(ratio);
        line!(
            text,
            "| {} | {} |",
            measured.workload.title,
            ratios.join(" | ")
        );
    }
    line!(text, "");
}

fn per_script(text: &mut String, measured: &Measured) {
    line!(text, "## {}\n", measured.workload.title);
    line!(
        text,
        "| | over fork and exec | over preroot, edges | ms a script | least | most |"
    );
    line!(text, "|---|---:|---:|---:|---:|---:|");
    // Few enough to be exact.
    let count = measured.workload.scripts.len() as f64;
    let limit = measured.median(Runner::ForkExec);
    let ours = measured.median(Runner::Edges);
    for Row { runner, times, .. } in &measured.rows {
        let median = times.median();
        line!(
            text,
            "| {} | {:.2} | {:.2} | {:.3} | {:.3} | {:.3} |",
            runner.title(),
            median / limit,
            median / ours,
            median / count,
            times.least() / count,
            times.most() / count
        );
    }
    line!(text, "");
}

fn freezing(text: &mut String, freezing: &Freezing) {
    let Freezing {
        scripts,
        ours,
        insserv,
    } = freezing;
    line!(
        text,
        "## Freezing {scripts} scripts with Debian's headers\n"
    );
    line!(text, "| | over insserv | ms | least | most |");
    line!(text, "|---|---:|---:|---:|---:|");
    let peers = [
        ("`preroot freeze --json`", ours),
        ("`insserv`, all linked before", insserv),
    ];
    for (title, times) in peers {
        line!(
            text,
            "| {title} | {:.2} | {:.1} | {:.1} | {:.1} |",
            times.median() / insserv.median(),
            times.median(),
            times.least(),
            times.most()
        );
    }
    line!(text, "");
}

fn details(text: &mut String, measured: &Measured) {
    line!(text, "## {}\n", measured.workload.title);
    line!(
        text,
        "The bound of levels is {:.1} ms, that of edges {:.1} ms.\n",
        measured.levels_ms,
        measured.edges_ms
    );
    line!(
        text,
        "| | over its bound | over preroot, edges | ms | least | most | order |"
    );
    line!(text, "|---|---:|---:|---:|---:|---:|---|");
    let ours = measured.median(Runner::Edges);
    for row in &measured.rows {
        let times = &row.times;
        let faults = row.faults.as_ref().map(ToString::to_string);
        line!(
            text,
            "| {} | {:.3} | {:.2} | {:.1} | {:.1} | {:.1} | {} |",
            row.runner.title(),
            measured.over_bound(row),
            times.median() / ours,
            times.median(),
            times.least(),
            times.most(),
            faults.unwrap_or_default()
        );
    }
    line!(text, "");
}

impl Measured {
    fn row(&self, runner: Runner) -> Option<&Row> {
        self.rows.iter().find(|row| row.runner == runner)
    }

    fn median(&self, runner: Runner) -> f64 {
        self.row(runner).map_or(f64::NAN, |row| row.times.median())
    }

    fn over_bound(&self, row: &Row) -> f64 {
        let bound = match row.runner {
            Runner::Levels => self.levels_ms,
            _ => self.edges_ms,
        };
        row.times.median() / bound
    }
}
