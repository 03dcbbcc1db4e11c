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
            Span::new(Style::Plain, &entry.reason),
        ]);
    }
    let mut page = Page::default();
    page.table(&table);
    page
}
