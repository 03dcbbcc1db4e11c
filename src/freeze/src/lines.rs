//! What stands in a plan beside its order, in lines: each with what it is known by.
//!
//! The text form prints them, a review compares them.

use preroot_plan::{
    Assembly, CheckMode, Finish, HandedOver, Holders, LetGo, Limits, Module, MountMode, Plan,
    Repair, RescueEnd, RescueStart, Service, ServiceAction, Store,
};

use crate::hardware_lines;
use crate::text::{duration, rule, size};

/// How long the network may take unless a config says otherwise, ms.
const NETWORK_MS_DEFAULT: u32 = 30_000;

/// The settings, by name.
pub(crate) fn settings(plan: &Plan<'_>) -> Vec<(&'static str, String)> {
    let settings = plan.settings();
    let mode = match settings.mount_mode() {
        MountMode::ReadWrite => "rw",
        MountMode::ReadOnly => "ro",
    };
    // Said where it is not as usual: plans that were reviewed before stay as they are.
    let holders = match settings.holders() {
        Holders::Refuse => "",
        Holders::End => ", holders ended",
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
    let store = match plan.store() {
        Store::Nowhere => "none".to_string(),
        Store::File(path) => format!("{path}, {}", size(u64::from(settings.store_bytes.get()))),
        Store::Partition(_) => plan.text(settings.store).to_string(),
    };
    let wait = duration(settings.root_wait_ms.get());
    let kind = or(plan.text(settings.root_type), "any type");
    let flags = or(plan.text(settings.root_flags), "no flags");
    let runlevel = char::from(settings.runlevel);
    let mut lines = vec![
        ("plan", plan.text(settings.name).to_string()),
        (
            "root",
            format!(
                "{}, {kind}, {mode}, {flags}, wait {wait}{holders}",
                plan.text(settings.root)
            ),
        ),
        ("fsck", format!("repair {repair}, mode {check}")),
        ("order", format!("{}, limits {limits}", rule(plan))),
        ("runlevel", format!("{runlevel}, then {finish}")),
        ("rescue", rescue(plan)),
        ("record", store),
        ("kernel", or(plan.text(settings.kernel), "none").to_string()),
    ];
    if let Some(watchdog) = watchdog(plan) {
        lines.push(("watchdog", watchdog));
    }
    if let Some(hardware) = hardware_lines::setting(plan) {
        lines.push(("hardware", hardware));
    }
    lines
}

/// Where the rescue sshd serves, and when, as far as that is not as always.
fn rescue(plan: &Plan<'_>) -> String {
    let settings = plan.settings();
    let mut words = format!("port {}", settings.rescue_port);
    // What every plan has unless it says otherwise is not news.
    if settings.network_ms.get() != NETWORK_MS_DEFAULT {
        words += &format!(", network within {}", duration(settings.network_ms.get()));
    }
    if settings.rescue_start() == RescueStart::OffPlan {
        words.push_str(", starts off-plan");
    }
    match settings.rescue_end() {
        RescueEnd::Never => {}
        RescueEnd::WhenHealthy => {
            let healthy = plan.text(settings.healthy);
            words.push_str(&format!(", ends when {healthy} is healthy"));
        }
        RescueEnd::AtHandover => words.push_str(", ends at hand-over"),
    }
    if settings.addresses() == HandedOver::Teardown {
        words.push_str(", addresses torn down");
    }
    let syslog = plan.text(settings.syslog);
    if !syslog.is_empty() {
        words.push_str(&format!(", syslog to {syslog}"));
    }
    words
}

/// Which watchdog is fed, and what becomes of it.
fn watchdog(plan: &Plan<'_>) -> Option<String> {
    let settings = plan.settings();
    let device = plan.text(settings.watchdog);
    let handover = match (settings.finish(), settings.watchdog_let_go()) {
        (Finish::Stay, _) => "",
        (Finish::Init, LetGo::Disarm) => ", disarmed at hand-over",
        (Finish::Init, LetGo::Leave) => ", left armed at hand-over",
    };
    let seconds = settings.watchdog_s.get();
    (!device.is_empty()).then(|| format!("{device}, {seconds} s{handover}"))
}

/// What the root is assembled from, by name.
pub(crate) fn assemblies(plan: &Plan<'_>) -> Vec<(String, String)> {
    let line = |step: &Assembly| {
        let command = |text| {
            Assembly::words(plan.text(text))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let name = plan.text(step.name);
        let mut words = vec![command(step.run)];
        let of = [plan.text(step.kind), plan.text(step.device)];
        let of: Vec<&str> = of.into_iter().filter(|text| !text.is_empty()).collect();
        if !of.is_empty() {
            words.push(format!("for {}", of.join(" ")));
        }
        words.push(format!("deadline {}", duration(step.deadline_ms.get())));
        if step.late_ms.get() > 0 {
            let after = duration(step.late_ms.get());
            words.push(format!("after {after}: {}", command(step.late)));
        }
        if !plan.text(step.undo).is_empty() {
            words.push(format!("undone by {}", command(step.undo)));
        }
        (name.to_string(), format!("{name:<16} {}", words.join("; ")))
    };
    plan.assemblies().iter().map(line).collect()
}

/// What inittab wants served, by id.
pub(crate) fn services(plan: &Plan<'_>) -> Vec<(String, String)> {
    let line = |service: &Service| {
        let action = match service.action() {
            ServiceAction::Respawn => "respawn",
            ServiceAction::Once => "once",
            ServiceAction::CtrlAltDel => "ctrl-alt-del",
            ServiceAction::PowerFail => "power fails",
        };
        let runlevels = or(plan.text(service.runlevels), "all");
        let (id, process) = (plan.text(service.id), plan.text(service.process));
        let line = format!("{id:<4} {action:<12} in {runlevels}: {process}");
        (id.to_string(), line)
    };
    plan.services().iter().map(line).collect()
}

/// The kernel modules, by name.
pub(crate) fn modules(plan: &Plan<'_>) -> Vec<(String, String)> {
    let always: Vec<&str> = plan
        .text(plan.settings().modules_always)
        .split(' ')
        .collect();
    let line = |(module, number): (&Module, u32)| {
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
        // What a host's interface asks for, not a device.
        for (alias, what) in [("rtnl-link-vlan", "VLANs"), ("rtnl-link-bond", "bonds")] {
            if aliases.contains(&alias) {
                words.push(format!("required by hosts with {what}"));
            }
        }
        if !aliases.is_empty() {
            words.push(format!("for {}", aliases.join(" ")));
        }
        (name.to_string(), format!("{name:<24} {}", words.join("; ")))
    };
    plan.modules().iter().zip(0_u32..).map(line).collect()
}

/// A text, or what stands for none.
pub(crate) fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}
