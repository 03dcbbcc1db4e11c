//! A boot as metrics: OpenMetrics 1.0 text that the older Prometheus parser of node_exporter's textfile collector reads as
//! well. So every family is a gauge: that parser refuses the type `info`.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::format::visible;
use crate::model::Boot;

const VERDICTS: [&str; 5] = ["OK", "DEGRADED", "RESCUE", "FAILED", "UNFINISHED"];

/// The families, one after the other.
struct Text(String);

/// The boot as metrics.
#[must_use]
pub fn openmetrics(boot: &Boot) -> String {
    let mut text = Text(String::new());
    identity(&mut text, boot);
    text.family(
        "preroot_boot_verdict",
        "How the boot went: 1 for the verdict that was given.",
    );
    for word in VERDICTS {
        let is_it = u8::from(boot.verdict.word == word).to_string();
        text.sample("preroot_boot_verdict", &[("verdict", word)], &is_it);
    }
    if let Some(boot_ns) = boot.boot_ns {
        text.one(
            "preroot_boot_duration_seconds",
            "From the kernel's start to the verdict, waits for a person not counted.",
            &seconds(boot_ns),
        );
    }
    text.one(
        "preroot_boot_held_seconds",
        "Time that was spent waiting for a person.",
        &seconds(boot.held_ns),
    );
    times(&mut text, boot);
    let missing = boot.hardware.iter().map(|item| {
        let is_missing = matches!(&*item.verdict, "missing" | "small");
        (vec![&*item.item], u64::from(is_missing))
    });
    text.summed(
        "preroot_boot_hardware_missing",
        "Expected hardware: 1 if it is missing or too small.",
        &["item"],
        missing,
        |count| count.to_string(),
    );
    text.one(
        "preroot_boot_record_lost_frames",
        "Frames that are missing from the record.",
        &boot
            .lost
            .frames
            .saturating_add(boot.lost.dropped_frames)
            .to_string(),
    );
    text.0 += "# EOF\n";
    text.0
}

fn identity(text: &mut Text, boot: &Boot) {
    let Some(identity) = &boot.identity else {
        return;
    };
    text.family(
        "preroot_boot_info",
        "Which boot it is, and what it was made of.",
    );
    let labels = [
        ("boot_id", &*identity.boot_id),
        ("config", &*identity.config),
        ("image", &*identity.image),
        ("kernel", &*identity.kernel),
        ("plan", &*identity.plan),
        ("preroot", &*identity.version),
    ];
    text.sample("preroot_boot_info", &labels, "1");
    text.one(
        "preroot_boot_start_timestamp_seconds",
        "When the kernel started, since 1970 UTC.",
        &seconds(identity.started_unix_ns),
    );
    if let Some(exec_ns) = identity.exec_ns {
        text.one(
            "preroot_boot_kernel_seconds",
            "From the kernel's start to that of PID 1.",
            &seconds(exec_ns),
        );
    }
}

/// What took time. Of what ran more than once the times are added.
fn times(text: &mut Text, boot: &Boot) {
    let stages = boot.stages.iter();
    let stages = stages.filter_map(|stage| Some((vec![&*stage.name], stage.took_ns?)));
    text.summed(
        "preroot_boot_stage_duration_seconds",
        "How long a stage took.",
        &["stage"],
        stages,
        seconds,
    );
    fn labels(script: &crate::model::Script) -> Vec<&str> {
        vec![&script.runlevel, &script.name, &script.argument]
    }
    const LABELS: [&str; 3] = ["runlevel", "script", "argument"];
    let scripts = boot.scripts.iter();
    text.summed(
        "preroot_boot_script_duration_seconds",
        "How long a script took.",
        &LABELS,
        scripts
            .clone()
            .filter_map(|script| Some((labels(script), script.took_ns?))),
        seconds,
    );
    text.summed(
        "preroot_boot_script_cpu_seconds",
        "CPU time of a script and its children.",
        &LABELS,
        scripts.clone().map(|script| {
            (
                labels(script),
                script.user_ns.saturating_add(script.system_ns),
            )
        }),
        seconds,
    );
    text.summed(
        "preroot_boot_script_failed",
        "How many runs of a script did not end as they should.",
        &LABELS,
        scripts.map(|script| {
            let is_good = script.succeeded() || script.skipped();
            (labels(script), u64::from(!is_good))
        }),
        |count| count.to_string(),
    );
}

impl Text {
    fn family(&mut self, name: &str, help: &str) {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} gauge");
    }

    fn one(&mut self, name: &str, help: &str, value: &str) {
        self.family(name, help);
        self.sample(name, &[], value);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: &str) {
        let label = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escape(value));
        let labels: Vec<String> = labels.iter().map(label).collect();
        let _ = match labels.is_empty() {
            true => writeln!(self.0, "{name} {value}"),
            false => writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")),
        };
    }

    /// A family with a sample for each set of labels, which a parser demands to be there once.
    fn summed<'b>(
        &mut self,
        name: &str,
        help: &str,
        labels: &[&str],
        samples: impl Iterator<Item = (Vec<&'b str>, u64)>,
        value: impl Fn(u64) -> String,
    ) {
        let mut sums: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for (values, more) in samples {
            // As they are printed: two that look the same are the same.
            let values = values.into_iter().map(visible).collect();
            let sum = sums.entry(values).or_default();
            *sum = sum.saturating_add(more);
        }
        if sums.is_empty() {
            return;
        }
        self.family(name, help);
        for (values, sum) in &sums {
            let values = values.iter().map(String::as_str);
            let pairs: Vec<(&str, &str)> = labels.iter().copied().zip(values).collect();
            self.sample(name, &pairs, &value(*sum));
        }
    }
}

/// A label's value: what a terminal would act on is made visible, and the quotes are escaped.
fn escape(value: &str) -> String {
    visible(value).replace('\\', "\\\\").replace('"', "\\\"")
}

/// The base unit.
fn seconds(ns: u64) -> String {
    format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped() {
        let check = |value: &str, expected: &str| assert_eq!(escape(value), expected);
        check("ssh", "ssh");
        check("a\"b\\c\nd", "a\\\"b\\\\c\\\\x0ad");
    }

    #[test]
    fn base_units() {
        let check = |ns: u64, expected: &str| assert_eq!(seconds(ns), expected);
        check(0, "0.000000000");
        check(1_500_000_001, "1.500000001");
    }
}
