//! `bootlog list`: the boots of a record, oldest first, each with its verdict.

use serde::Serialize;

use crate::format::duration;
use crate::model::Boot;
use crate::page::{Page, Side, Span, Style, Table};

/// A boot in the list.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// What `show --boot` takes: 0 is the latest.
    pub boot: usize,
    /// When the kernel started, UTC; `null` when that is lost.
    pub started: Option<String>,
    /// The verdict's word.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// When the verdict was given.
    pub at_ns: Option<u64>,
    /// How it died, as a later boot has found; `null`: none has.
    pub died: Option<String>,
    /// The kernel.
    pub kernel: Option<String>,
    /// The kernel's boot id.
    pub boot_id: Option<String>,
}

impl Entry {
    /// The entry of a boot.
    #[must_use]
    pub fn new(number: usize, started: Option<String>, boot: Boot) -> Entry {
        let (started, kernel, boot_id) = match boot.identity {
            Some(known) => (Some(known.started), Some(known.kernel), Some(known.boot_id)),
            None => (started, None, None),
        };
        Entry {
            boot: number,
            started,
            verdict: boot.verdict.word,
            reason: boot.verdict.reason,
            at_ns: boot.verdict.at_ns,
            died: boot.death.map(|death| death.why),
            kernel,
            boot_id,
        }
    }
}

/// The list as a page.
#[must_use]
pub fn page(entries: &[Entry]) -> Page {
    let sides = [
        Side::Right,
        Side::Left,
        Side::Left,
        Side::Right,
        Side::Left,
        Side::Left,
    ];
    let mut table = Table::new(&sides);
    table.names(&["boot", "started", "verdict", "at", "kernel", "why"]);
    for entry in entries {
        let known = |text: &Option<String>| text.as_deref().unwrap_or("-").into();
        table.row([
            entry.boot.to_string().into(),
            known(&entry.started),
            Span::new(crate::show::verdict_style(&entry.verdict), &entry.verdict),
            entry.at_ns.map_or("-".into(), duration).into(),
            known(&entry.kernel),
            why(entry),
        ]);
    }
    let mut page = Page::default();
    page.table(&table);
    page
}

/// Why it is not well: that it died comes first.
fn why(entry: &Entry) -> Span {
    let reason = &entry.reason;
    match &entry.died {
        None => Span::new(Style::Plain, reason),
        Some(died) if reason.is_empty() => Span::new(Style::Bad, &format!("died: {died}")),
        Some(died) => Span::new(Style::Bad, &format!("died: {died}; {reason}")),
    }
}
