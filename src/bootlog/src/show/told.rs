//! What left the machine, or its rescue: things handed to the root, verdicts sent to syslog receivers; and what would have
//! reset it.

use crate::format::{count, duration, errno};
use crate::model::Boot;
use crate::page::{Page, Side, Span, Style};

use super::machine::failure;

pub(super) fn handovers(page: &mut Page, boot: &Boot) {
    if boot.handovers.is_empty() {
        return;
    }
    page.heading("HANDED OVER", "");
    let sides = [Side::Right, Side::Left, Side::Left, Side::Left];
    super::rows(page, &sides, &boot.handovers, |table, line| {
        let count = match line.what.as_str() {
            "keep" => format!("{} in the receipt", count(u64::from(line.count), "line")),
            // What was taken off by the child that became a script, nobody has counted.
            "teardown" if line.count == 0 => String::new(),
            "teardown" => format!("{} taken off", line.count),
            _ => format!("{} put on", line.count),
        };
        let end = match (line.failed, line.errno) {
            (0, 0) => count.as_str().into(),
            (failed, 0) => Span::new(Style::Bad, &format!("{count}, {failed} failed")),
            (_, number) => failure(number),
        };
        table.row([
            duration(line.at_ns).into(),
            line.what.as_str().into(),
            line.to.as_str().into(),
            end,
        ]);
    });
}

pub(super) fn syslog(page: &mut Page, boot: &Boot) {
    if boot.syslog.is_empty() {
        return;
    }
    page.heading("SYSLOG", "");
    let sides = [Side::Right, Side::Left, Side::Left, Side::Left];
    super::rows(page, &sides, &boot.syslog, |table, line| {
        let tries = match line.tries {
            0 | 1 => String::new(),
            tries => format!(", {tries} tries"),
        };
        let end = match (line.bytes, line.errno) {
            (0, number) => Span::new(Style::Bad, &format!("not sent: {}{tries}", errno(number))),
            (bytes, 0) => format!("{}{tries}", count(u64::from(bytes), "byte"))
                .as_str()
                .into(),
            (_, number) => Span::new(Style::Odd, &format!("sent, then: {}{tries}", errno(number))),
        };
        table.row([
            duration(line.at_ns).into(),
            line.to.as_str().into(),
            line.word.as_str().into(),
            end,
        ]);
    });
}

pub(super) fn watchdog(page: &mut Page, boot: &Boot) {
    if boot.watchdog.is_empty() {
        return;
    }
    page.heading("WATCHDOG", "");
    let sides = [Side::Right, Side::Left, Side::Left, Side::Left];
    super::rows(page, &sides, &boot.watchdog, |table, line| {
        let end = match (line.errno, line.what.as_str()) {
            (Some(number), _) => {
                let what = line.why.as_deref().unwrap_or("it stays armed");
                Span::new(Style::Bad, &format!("{what}: {}", errno(number)))
            }
            (None, "armed" | "left") => {
                let name = line.identity.as_deref().unwrap_or_default();
                let blank = if name.is_empty() { "" } else { ", " };
                format!("{} s{blank}{name}", line.timeout_s).as_str().into()
            }
            (None, _) => line.why.as_deref().unwrap_or_default().into(),
        };
        table.row([
            duration(line.at_ns).into(),
            line.device.as_str().into(),
            line.what.as_str().into(),
            end,
        ]);
    });
    let last = boot
        .watchdog
        .iter()
        .find_map(|line| line.last_boot.as_ref());
    if let Some(flags) = last.filter(|flags| !flags.is_empty()) {
        let text = format!("it says of the boot before: {}", flags.join(", "));
        page.labelled("  ", Style::Bad, &text);
    }
}
