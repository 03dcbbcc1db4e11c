//! The text form of a plan: what people review, and keep in git beside the config.
//!
//! Made from the plan's own bytes, not from what it was made of. One line a script, levels as
//! headings, so that a change of the order is a small diff.

use std::fmt::Write;

use preroot_plan::{Argument, Dropped, Edge, Plan, Policy, Runlevel, Script, ScriptMode, Weight};

use crate::{fleet_lines, hardware_lines, lines};

/// Hosts that are told before the order; more stand behind it.
const HOSTS_ABOVE_MAX: usize = 8;

/// The text form of a plan.
#[must_use]
pub fn text(plan: &Plan<'_>) -> String {
    let mut text = String::new();
    for (name, value) in lines::settings(plan) {
        let _ = writeln!(text, "{name:<9} {value}");
    }
    // A few hosts are part of what the plan is; a fleet would hide the rest of it.
    let hosts = fleet_lines::hosts(plan);
    let (above, below) = match hosts.len() {
        0..=HOSTS_ABOVE_MAX => (hosts, Vec::new()),
        _ => (Vec::new(), hosts),
    };
    for (_, line) in above {
        let _ = writeln!(text, "{:<9} {line}", "host");
    }
    if !below.is_empty() {
        let _ = writeln!(text, "{:<9} {}, at the end", "hosts", below.len());
    }
    table("assembled", lines::assemblies(plan), &mut text);
    for runlevel in plan.runlevels() {
        order(plan, runlevel, &mut text);
    }
    table("services", lines::services(plan), &mut text);
    table("kernel modules", lines::modules(plan), &mut text);
    table(
        "expected hardware",
        hardware_lines::expected(plan),
        &mut text,
    );
    table("hosts", below, &mut text);
    // A tree's words go to a terminal; they do not command it.
    let lines = text.lines().map(printable);
    lines.flat_map(|line| [line, "\n".to_string()]).collect()
}

/// A text without what a terminal or a drawing would obey or choke on.
pub(crate) fn printable(text: &str) -> String {
    let is_bad = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    text.replace(is_bad, "\u{fffd}")
}

/// A duration with the largest unit that leaves no rest.
pub(crate) fn duration(ms: u32) -> String {
    match ms {
        0 => "none".to_string(),
        ms if ms % 60_000 == 0 => format!("{}m", ms / 60_000),
        ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
        ms => format!("{ms}ms"),
    }
}

/// A size with the largest unit that leaves no rest.
pub(crate) fn size(bytes: u64) -> String {
    let units = [
        (1 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ];
    match units
        .iter()
        .find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit))
    {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}"),
    }
}

/// What holds for every script that does not say otherwise.
pub(crate) fn rule(plan: &Plan<'_>) -> String {
    let settings = plan.settings();
    let policy = match settings.policy() {
        Policy::Levels => "levels",
        Policy::Edges => "edges",
    };
    let parallel = match settings.parallel.get() {
        0 => "unlimited".to_string(),
        number => number.to_string(),
    };
    let deadline = duration(settings.script_deadline_ms.get());
    format!("policy {policy}, parallel {parallel}, deadline {deadline}")
}

fn order(plan: &Plan<'_>, runlevel: &Runlevel, text: &mut String) {
    let argument = match runlevel.argument() {
        Argument::Start => "start",
        Argument::Stop => "stop",
    };
    let scripts = plan.scripts_of(runlevel);
    let name = char::from(runlevel.name);
    let (count, levels) = (scripts.len(), runlevel.level_count);
    let _ = writeln!(
        text,
        "\nrunlevel {name}: {argument}; scripts {count}, levels {levels}; {}",
        rule(plan)
    );
    let mut level = 0;
    for script in scripts {
        if script.level.get() != level {
            level = script.level.get();
            let _ = writeln!(text, "  level {level}");
        }
        line(plan, script, text);
    }
    let is_here = |dropped: &&Dropped| dropped.runlevel == runlevel.name;
    let mut dropped = plan.dropped().iter().filter(is_here).peekable();
    if dropped.peek().is_some() {
        let _ = writeln!(text, "  dropped");
    }
    for dropped in dropped {
        let _ = writeln!(
            text,
            "    {}: {}",
            plan.text(dropped.name),
            plan.text(dropped.reason)
        );
    }
}

/// One script: what differs from the rule, then what it waits for.
fn line(plan: &Plan<'_>, script: &Script, text: &mut String) {
    let mut words = Vec::new();
    if script.mode() == ScriptMode::Interactive {
        words.push("interactive".to_string());
    }
    if script.weight() == Weight::Critical {
        words.push("critical".to_string());
    }
    if script.deadline_ms != plan.settings().script_deadline_ms {
        words.push(format!("deadline {}", duration(script.deadline_ms.get())));
    }
    let groups = reasons(plan, script);
    words.extend(
        groups
            .iter()
            .map(|(why, names)| format!("after {}: {why}", names.join(" "))),
    );
    let _ = writeln!(
        text,
        "    {:<24} {}",
        plan.text(script.name),
        words.join("; ")
    );
    let end = text.trim_end().len();
    text.truncate(end);
    text.push('\n');
}

/// What a script waits for, by reason. What has the same reason stands together, so a reason does not
/// repeat the names that stand before it.
pub(crate) fn reasons<'a>(plan: &Plan<'a>, script: &Script) -> Vec<(String, Vec<&'a str>)> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for edge in plan.edges_of(script) {
        let awaited = awaited(plan, edge);
        let reason = plan.text(edge.reason);
        let named = [awaited, plan.text(script.name)].map(|name| format!(" -> {name} ("));
        let reason = named
            .iter()
            .fold(reason.to_string(), |text, name| text.replace(name, " ("));
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(awaited),
            None => groups.push((reason, vec![awaited])),
        }
    }
    groups
}

/// The name of the script that an edge waits for.
pub(crate) fn awaited<'a>(plan: &Plan<'a>, edge: &Edge) -> &'a str {
    let script = plan.scripts().get(edge.awaited.get() as usize);
    script.map_or("", |script| plan.text(script.name))
}

fn table(name: &str, lines: Vec<(String, String)>, text: &mut String) {
    if !lines.is_empty() {
        let _ = writeln!(text, "\n{name}");
    }
    for (_, line) in lines {
        let _ = writeln!(text, "    {}", line.trim_end());
    }
}
