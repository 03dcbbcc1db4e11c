//! The text form of a plan: what people review, and keep in git beside the config.
//!
//! Made from the plan's own bytes, not from what it was made of. One line a script, levels as
//! headings, so that a change of the order is a small diff.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use preroot_plan::{
    Address, Argument, CheckMode, Concern, Dropped, Edge, Finish, HostKey, Limits, MountMode, Plan,
    Policy, Repair, Runlevel, Script, ScriptMode, ServiceAction, Weight,
};

/// The text form of a plan.
#[must_use]
pub fn text(plan: &Plan<'_>) -> String {
    let mut text = String::new();
    settings(plan, &mut text);
    hosts(plan, &mut text);
    for runlevel in plan.runlevels() {
        order(plan, runlevel, &mut text);
    }
    services(plan, &mut text);
    modules(plan, &mut text);
    disks(plan, &mut text);
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

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

fn concern(concern: Concern) -> &'static str {
    match concern {
        Concern::Note => "note",
        Concern::Degraded => "degraded",
        Concern::Hold => "hold",
    }
}

fn settings(plan: &Plan<'_>, text: &mut String) {
    let settings = plan.settings();
    let mode = match settings.mount_mode() {
        MountMode::ReadWrite => "rw",
        MountMode::ReadOnly => "ro",
    };
    let repair = match settings.repair() {
        Repair::Preen => "preen",
        Repair::Yes => "yes",
        Repair::No => "no",
    };
    let check = match settings.check_mode() {
        CheckMode::Auto => "auto",
        CheckMode::Force => "force",
        CheckMode::Skip => "skip",
    };
    let limits = match settings.limits() {
        Limits::Reserve => "reserve",
        Limits::None => "none",
    };
    let finish = match settings.finish() {
        Finish::Stay => "stay",
        Finish::Init => "init",
    };
    let store = match plan.text(settings.store) {
        "" => "none".to_string(),
        store => format!("{store}, {}", size(u64::from(settings.store_bytes.get()))),
    };
    let wait = duration(settings.root_wait_ms.get());
    let kind = or(plan.text(settings.root_type), "any type");
    let flags = or(plan.text(settings.root_flags), "no flags");
    let runlevel = char::from(settings.runlevel);
    let lines = [
        ("plan", plan.text(settings.name).to_string()),
        (
            "root",
            format!(
                "{}, {kind}, {mode}, {flags}, wait {wait}",
                plan.text(settings.root)
            ),
        ),
        ("fsck", format!("repair {repair}, mode {check}")),
        ("order", format!("{}, limits {limits}", rule(plan))),
        ("runlevel", format!("{runlevel}, then {finish}")),
        ("rescue", format!("port {}", settings.rescue_port)),
        ("record", store),
        ("kernel", or(plan.text(settings.kernel), "none").to_string()),
    ];
    for (name, value) in lines {
        let _ = writeln!(text, "{name:<9} {value}");
    }
    let memory = settings.memory_bytes_min.get();
    if memory > 0 {
        let concern = concern(settings.memory_concern());
        let _ = writeln!(
            text,
            "{:<9} at least {}, else {concern}",
            "memory",
            size(memory)
        );
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

fn hosts(plan: &Plan<'_>, text: &mut String) {
    for host in plan.hosts() {
        let key = match host.key_kind() {
            HostKey::Mac => format!("mac={}", plan.text(host.key)),
            HostKey::FirstCarrier => "first-carrier".to_string(),
        };
        let name = or(plan.text(host.hostname), "(no name)");
        let addresses: Vec<String> = plan.addresses_of(host).iter().map(address).collect();
        let _ = writeln!(text, "{:<9} {name} {key} {}", "host", addresses.join(", "));
    }
}

fn address(address: &Address) -> String {
    let ip = |bytes: [u8; 16]| match address.family {
        4 => Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).to_string(),
        _ => Ipv6Addr::from(bytes).to_string(),
    };
    let own = format!("{}/{}", ip(address.ip), address.prefix);
    if address.gateway == [0; 16] {
        own
    } else {
        format!("{own} via {}", ip(address.gateway))
    }
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

fn services(plan: &Plan<'_>, text: &mut String) {
    if !plan.services().is_empty() {
        let _ = writeln!(text, "\nservices");
    }
    for service in plan.services() {
        let action = match service.action() {
            ServiceAction::Respawn => "respawn",
            ServiceAction::Once => "once",
            ServiceAction::CtrlAltDel => "ctrl-alt-del",
            ServiceAction::PowerFail => "power fails",
        };
        let runlevels = or(plan.text(service.runlevels), "all");
        let (id, process) = (plan.text(service.id), plan.text(service.process));
        let _ = writeln!(text, "    {id:<4} {action:<12} in {runlevels}: {process}");
    }
}

fn modules(plan: &Plan<'_>, text: &mut String) {
    if !plan.modules().is_empty() {
        let _ = writeln!(text, "\nkernel modules");
    }
    let always: Vec<&str> = plan
        .text(plan.settings().modules_always)
        .split(' ')
        .collect();
    for (module, number) in plan.modules().iter().zip(0_u32..) {
        let name = plan.text(module.name);
        let mut words = Vec::new();
        if always.contains(&name) {
            words.push("always".to_string());
        }
        if !plan.text(module.options).is_empty() {
            words.push(format!("with {}", plan.text(module.options)));
        }
        let needed = plan.dependencies_of(module).iter();
        let needed = needed.filter_map(|index| plan.modules().get(index.get() as usize));
        let needed: Vec<&str> = needed.map(|needed| plan.text(needed.name)).collect();
        if !needed.is_empty() {
            words.push(format!("after {}", needed.join(" ")));
        }
        let aliases = plan
            .aliases()
            .iter()
            .filter(|alias| alias.module.get() == number);
        let aliases: Vec<&str> = aliases.map(|alias| plan.text(alias.pattern)).collect();
        if !aliases.is_empty() {
            words.push(format!("for {}", aliases.join(" ")));
        }
        let _ = writeln!(
            text,
            "{}",
            format!("    {name:<24} {}", words.join("; ")).trim_end()
        );
    }
}

fn disks(plan: &Plan<'_>, text: &mut String) {
    if !plan.disks().is_empty() {
        let _ = writeln!(text, "\nexpected disks");
    }
    for disk in plan.disks() {
        let bytes = match disk.bytes.get() {
            0 => "any size".to_string(),
            bytes => size(bytes),
        };
        let (serial, concern) = (plan.text(disk.serial), concern(disk.concern()));
        let _ = writeln!(text, "    {serial:<24} {bytes}, else {concern}");
    }
}
