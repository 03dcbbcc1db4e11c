//! `bootlog kernel`: what the kernel said of level err and above.

use crate::format::{count, duration};
use crate::model::{Boot, KernelMessage};
use crate::page::{Page, Side, Span, Style, Table};

/// Messages that `show` has; the rest is here.
const SHOWN_MAX: usize = 8;

/// The level as syslog(3) names it.
fn level(message: &KernelMessage) -> Span {
    match message.level {
        0 => Span::new(Style::Bad, "emerg"),
        1 => Span::new(Style::Bad, "alert"),
        2 => Span::new(Style::Bad, "crit"),
        _ => "err".into(),
    }
}

fn table(messages: &[KernelMessage]) -> Table {
    let mut table = Table::new(&[Side::Right, Side::Left, Side::Left]);
    for message in messages {
        table.row([
            duration(message.at_ns).into(),
            level(message),
            message.text.as_str().into(),
        ]);
    }
    table
}

/// All of them.
#[must_use]
pub fn page(boot: &Boot) -> Page {
    let mut page = Page::default();
    crate::before::all_words(&mut page, boot);
    if !boot.died.is_empty() {
        page.heading("THIS BOOT", "");
    }
    match boot.kernel.is_empty() {
        true => page.line(["no kernel message of level err or above".into()]),
        false => page.table(&table(&boot.kernel)),
    }
    page
}

/// The first of them, in `show`.
pub(crate) fn shown(page: &mut Page, boot: &Boot) {
    if boot.kernel.is_empty() {
        return;
    }
    let told = count(
        u64::try_from(boot.kernel.len()).unwrap_or(u64::MAX),
        "error",
    );
    page.heading("KERNEL", &told);
    let (first, rest) = boot.kernel.split_at(boot.kernel.len().min(SHOWN_MAX));
    page.table(&table(first));
    if !rest.is_empty() {
        let more = format!("  and {} more (see bootlog kernel)", rest.len());
        page.line([Span::new(Style::Dim, &more)]);
    }
}
