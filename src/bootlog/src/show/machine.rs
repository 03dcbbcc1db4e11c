//! The machine: root file system, network, sshd, hardware, modules, services.

use crate::format::{count, duration, errno, signal, wait_status};
use crate::model::{Assembly, Boot, Check, Module, Session};
use crate::page::{Page, Side, Span, Style};

/// Modules listed one by one, the slowest first.
const MODULES_MAX: usize = 10;

pub(super) fn root(page: &mut Page, boot: &Boot) {
    let is_silent = boot.roots.is_empty() && boot.checks.is_empty() && boot.mounts.is_empty();
    if is_silent && boot.assemblies.is_empty() {
        return;
    }
    page.heading("ROOT", "");
    for assembly in &boot.assemblies {
        self::assembly(page, assembly);
    }
    for root in &boot.roots {
        let text = format!(
            "{} is {} ({}), after {}",
            root.wanted,
            root.device,
            root.kind,
            duration(root.waited_ns)
        );
        page.labelled("  found   ", Style::Plain, &text);
    }
    for check in &boot.checks {
        self::check(page, check);
    }
    for mount in &boot.mounts {
        let text = format!(
            "{} on {} type {} ({})",
            mount.device, mount.at, mount.kind, mount.options
        );
        page.labelled("  mounted ", Style::Plain, &text);
    }
}

fn assembly(page: &mut Page, assembly: &Assembly) {
    let is_done = assembly.verdict == "done";
    let style = if is_done { Style::Plain } else { Style::Bad };
    let device = match assembly.device.as_str() {
        "" => String::new(),
        device => format!(" for {device}"),
    };
    let end = match (assembly.errno, assembly.signal) {
        (0, 0) => format!("exit {}", assembly.code),
        (0, number) => signal(number),
        (number, _) => errno(number),
    };
    let text = format!(
        "{}{device} {}; {}: {end} after {}",
        assembly.step,
        assembly.verdict,
        assembly.command,
        duration(assembly.took_ns)
    );
    page.labelled("  made    ", style, &text);
    if !is_done {
        super::tail(page, &assembly.output);
    }
}

fn check(page: &mut Page, check: &Check) {
    let style = match check.verdict.as_str() {
        "clean" => Style::Plain,
        "repaired" | "not checked" => Style::Odd,
        _ => Style::Bad,
    };
    let mut text = format!("{} is {}", check.device, check.verdict);
    if check.reason != check.verdict {
        text += &format!(" (was: {})", check.reason);
    }
    if !check.command.is_empty() {
        let end = match check.signal {
            0 => format!("exit {}", check.code),
            number => signal(number),
        };
        text += &format!(
            "; {}: {end} after {}",
            check.command,
            duration(check.took_ns)
        );
    }
    page.labelled("  fsck    ", style, &text);
    let costs = costs(check);
    if !costs.is_empty() {
        page.labelled("  lost    ", Style::Bad, &costs);
    }
    if check.verdict != "clean" {
        super::tail(page, &check.output);
    }
}

/// What a repair has cost.
fn costs(check: &Check) -> String {
    let number = |count: Option<u32>| u64::from(count.unwrap_or(0));
    let missing = match (check.files_before, check.files_after) {
        (Some(before), Some(after)) => before.saturating_sub(after + number(check.orphans)),
        _ => 0,
    };
    let parts = [
        (number(check.inodes_cleared), "inodes cleared"),
        (number(check.entries_dropped), "names dropped"),
        (number(check.attached), "files in lost+found"),
        (missing, "files fewer than before"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    parts.join(", ")
}

pub(super) fn network(page: &mut Page, boot: &Boot) {
    if boot.network.is_empty() {
        return;
    }
    page.heading("NETWORK", "");
    let sides = [Side::Right, Side::Left, Side::Left, Side::Left];
    super::rows(page, &sides, &boot.network, |table, line| {
        table.row([
            duration(line.at_ns).into(),
            line.interface.as_str().into(),
            line.what.as_str().into(),
            failure(line.errno),
        ]);
    });
}

pub(super) fn failure(number: u16) -> Span {
    match number {
        0 => "".into(),
        _ => Span::new(Style::Bad, &format!("failed: {}", errno(number))),
    }
}

pub(super) fn sshd(page: &mut Page, boot: &Boot) {
    if boot.sshd.is_empty() {
        return;
    }
    page.heading("RESCUE SSHD", "");
    let sides = [Side::Right, Side::Left, Side::Left];
    super::rows(page, &sides, &boot.sshd, |table, line| {
        let end = match line.what.as_str() {
            "started" => format!("pid {}, start {}", line.pid, line.starts).into(),
            "ended" => Span::new(
                Style::Odd,
                &format!("pid {}, {}", line.pid, wait_status(line.status)),
            ),
            "on" | "off" => line.why.as_deref().unwrap_or_default().into(),
            _ => failure(u16::try_from(line.status).unwrap_or(0)),
        };
        table.row([duration(line.at_ns).into(), line.what.as_str().into(), end]);
    });
}

pub(super) fn sessions(page: &mut Page, boot: &Boot) {
    if boot.sessions.is_empty() {
        return;
    }
    let rest = match boot.refused {
        0 => String::new(),
        refused => count(u64::from(refused), "connection") + " refused",
    };
    page.heading("RESCUE SESSIONS", &rest);
    // Who was in comes first: of those that were not, there may be many.
    let (refused, others): (Vec<&Session>, Vec<&Session>) = boot
        .sessions
        .iter()
        .partition(|session| session.state == "refused");
    let all = others.iter().chain(&refused);
    for session in all.take(super::ROWS_MAX) {
        self::session(page, session);
    }
    let more = boot.sessions.len().saturating_sub(super::ROWS_MAX);
    if more > 0 {
        page.line([Span::new(
            Style::Dim,
            &format!("  and {more} more (see --json)"),
        )]);
    }
}

fn session(page: &mut Page, session: &Session) {
    let style = match session.state.as_str() {
        "refused" => Style::Odd,
        _ => Style::Plain,
    };
    let mut text = format!("{} from {} {}", session.user, session.from, session.state);
    if let Some(took) = session.took_ns.filter(|_| session.state == "ended") {
        text += &format!(" after {}", duration(took));
    }
    if !session.how.is_empty() {
        text += &format!(": {}", session.how);
    }
    let label = format!("{:>10}  ", duration(session.at_ns));
    page.labelled(&label, style, text.trim_start());
    if !session.who.is_empty() {
        page.labelled("            ", Style::Dim, &session.who);
    }
}

pub(super) fn modules(page: &mut Page, boot: &Boot) {
    if boot.modules.is_empty() {
        return;
    }
    let failed = boot
        .modules
        .iter()
        .filter(|module| module.errno != 0)
        .count();
    let total = boot
        .modules
        .iter()
        .map(|module| module.took_ns)
        .fold(0, u64::saturating_add);
    let loaded = count((boot.modules.len() - failed) as u64, "module");
    let mut rest = format!("{loaded} loaded, {} in the kernel", duration(total));
    if failed > 0 {
        rest += &format!(", {failed} failed");
    }
    page.heading("MODULES", &rest);
    // What failed first, then the slowest.
    let mut modules: Vec<&Module> = boot.modules.iter().collect();
    modules.sort_by_key(|module| (module.errno == 0, u64::MAX - module.took_ns));
    let shown = failed.max(MODULES_MAX).min(modules.len());
    let (listed, others) = modules.split_at(shown);
    let sides = [Side::Left, Side::Right, Side::Left];
    super::rows(page, &sides, listed, |table, module| {
        table.row([
            module.name.as_str().into(),
            duration(module.took_ns).into(),
            match module.errno {
                0 => Span::new(Style::Dim, &module.modalias),
                number => failure(number),
            },
        ]);
    });
    if !others.is_empty() {
        let took = others
            .iter()
            .map(|module| module.took_ns)
            .fold(0, u64::saturating_add);
        let text = format!(
            "  and {} in {}",
            count(others.len() as u64, "faster module"),
            duration(took)
        );
        page.line([Span::new(Style::Dim, &text)]);
    }
}

pub(super) fn services(page: &mut Page, boot: &Boot) {
    if boot.services.is_empty() {
        return;
    }
    page.heading("SERVICES OF INITTAB", "");
    let sides = [Side::Right, Side::Left, Side::Left, Side::Left];
    super::rows(page, &sides, &boot.services, |table, line| {
        let end = match line.what.as_str() {
            "started" => format!("pid {}", line.pid).into(),
            "ended" => format!("pid {}, {}", line.pid, wait_status(line.status)).into(),
            "failed" => failure(u16::try_from(line.status).unwrap_or(0)),
            _ => "".into(),
        };
        table.row([
            duration(line.at_ns).into(),
            line.id.as_str().into(),
            line.what.as_str().into(),
            end,
        ]);
    });
}
