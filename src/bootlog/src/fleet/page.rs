//! A fleet for a person: what is wrong first, then what is usual.

use super::{Fleet, Group, Reading, Script, VERDICTS};
use crate::format::{count, duration, size, visible};
use crate::hardware::amount;
use crate::page::{Page, Side, Span, Style, Table};
use crate::show::verdict_style;

/// Rows of a list; the rest is in the JSON.
const ROWS_MAX: usize = 20;
/// Groups that are shown.
const GROUPS_MAX: usize = 8;
/// Columns of a name.
const NAME_COLUMNS: usize = 40;
/// Digits of a digest that tell two apart.
const DIGEST_DIGITS: usize = 12;

/// The fleet as a page.
#[must_use]
pub fn page(fleet: &Fleet) -> Page {
    let mut page = Page::default();
    reading(&mut page, &fleet.read);
    let text = Side::Left;
    list(
        &mut page,
        "HOSTS NOT OK AT THEIR LATEST BOOT",
        &[text; 3],
        &fleet.not_ok,
        |table, host| {
            table.row([
                cut(&host.host).into(),
                Span::new(verdict_style(&host.verdict), &cut(&host.verdict)),
                host.reason.as_str().into(),
            ]);
        },
    );
    list(
        &mut page,
        "HARDWARE BY ITEM",
        &[text, text, Side::Right],
        &fleet.by_item,
        |table, item| {
            table.row([
                cut(&item.item).into(),
                Span::new(Style::Bad, &item.verdict),
                count(item.hosts, "host").into(),
            ]);
        },
    );
    list(
        &mut page,
        "MISSING HARDWARE",
        &[text; 4],
        &fleet.missing,
        |table, item| {
            let bytes = match (item.found, item.expected) {
                (0, 0) => String::new(),
                (found, expected) => format!(
                    "{} of {}",
                    amount(&item.item, found),
                    amount(&item.item, expected)
                ),
            };
            table.row([
                cut(&item.host).into(),
                cut(&item.item).into(),
                Span::new(Style::Bad, &item.verdict),
                bytes.into(),
            ]);
        },
    );
    let sides = [text, text, Side::Right, text];
    list(
        &mut page,
        "OUTLIERS",
        &sides,
        &fleet.outliers,
        |table, outlier| {
            let script = match outlier.script.as_str() {
                "" => Span::new(Style::Dim, "the whole boot"),
                name => cut(name).into(),
            };
            table.row([
                cut(&outlier.host).into(),
                script,
                Span::new(Style::Bad, &duration(outlier.took_ns)),
                format!("usual: {}", duration(outlier.p50_ns)).into(),
            ]);
        },
    );
    for group in fleet.groups.iter().take(GROUPS_MAX) {
        self::group(&mut page, group);
    }
    more(&mut page, fleet.groups.len(), GROUPS_MAX, "images or plans");
    if fleet.left_out > 0 {
        let text = format!(
            "{} for which there was no room",
            count(fleet.left_out, "entry")
        );
        page.line([Span::new(Style::Odd, &text)]);
    }
    page
}

fn reading(page: &mut Page, read: &Reading) {
    let speed = match read.took_ns {
        0 => 0,
        took => u128::from(read.bytes) * 1_000_000_000 / u128::from(took),
    };
    let text = format!(
        "{}, {}: {} in {}, {}/s",
        count(read.stores, "store"),
        count(read.boots, "boot"),
        size(read.bytes),
        duration(read.took_ns),
        size(u64::try_from(speed).unwrap_or(u64::MAX)),
    );
    page.line([Span::new(Style::Bold, &text)]);
    let parts = [
        (read.other_files, "no record"),
        (read.unreadable, "not readable"),
    ];
    for (files, what) in parts.into_iter().filter(|(files, _)| *files > 0) {
        let text = format!("{}: {what}", count(files, "file"));
        page.line([Span::new(Style::Odd, &text)]);
    }
    if read.damaged_bytes > 0 {
        let text = format!("{} of records damaged", size(read.damaged_bytes));
        page.line([Span::new(Style::Odd, &text)]);
    }
}

fn group(page: &mut Page, group: &Group) {
    let digest = |text: &str| match text {
        "" => "-".to_owned(),
        text => text.chars().take(DIGEST_DIGITS).collect(),
    };
    let config = match group.config.as_str() {
        "" => "(made of what is lost)",
        config => config,
    };
    let what = format!(
        "image {}, plan {}, {}",
        digest(&group.image),
        digest(&group.plan),
        count(group.stores, "store")
    );
    page.heading(config, &what);
    let verdicts = VERDICTS.iter().zip(group.verdicts);
    let verdicts = verdicts.filter(|(_, count)| *count > 0);
    let verdicts: Vec<String> = verdicts
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    page.labelled("  boots  ", Style::Plain, &verdicts.join(", "));
    let mut table = Table::new(&[
        Side::Left,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Left,
    ]);
    table.names(&["", "runs", "p50", "p90", "p99", "max", ""]);
    let spread = |table: &mut Table, name: Span, spread: &super::Spread, failed: String| {
        table.row([
            name,
            spread.count.to_string().into(),
            duration(spread.p50_ns).into(),
            duration(spread.p90_ns).into(),
            duration(spread.p99_ns).into(),
            duration(spread.max_ns).into(),
            Span::new(Style::Bad, &failed),
        ]);
    };
    let whole = Span::new(Style::Bold, "the whole boot");
    spread(&mut table, whole, &group.boot, String::new());
    for script in group.scripts.iter().take(ROWS_MAX) {
        spread(
            &mut table,
            cut(&script.name).into(),
            &script.spread,
            failed(script),
        );
    }
    page.table(&table);
    more(page, group.scripts.len(), ROWS_MAX, "scripts");
}

/// A name that leaves room for what is said of it.
fn cut(name: &str) -> String {
    let name = visible(name);
    match name.chars().count() > NAME_COLUMNS {
        true => name.chars().take(NAME_COLUMNS - 3).collect::<String>() + "...",
        false => name,
    }
}

fn failed(script: &Script) -> String {
    match (script.failed, script.timed_out) {
        (0, _) => String::new(),
        (failed, 0) => format!("{failed} failed"),
        (failed, timed_out) => format!("{failed} failed, {timed_out} by their deadline"),
    }
}

fn list<T>(
    page: &mut Page,
    title: &str,
    sides: &[Side],
    items: &[T],
    mut row: impl FnMut(&mut Table, &T),
) {
    if items.is_empty() {
        return;
    }
    page.heading(title, &items.len().to_string());
    let mut table = Table::new(sides);
    for item in items.iter().take(ROWS_MAX) {
        row(&mut table, item);
    }
    page.table(&table);
    more(page, items.len(), ROWS_MAX, "");
}

fn more(page: &mut Page, length: usize, shown: usize, what: &str) {
    if let Some(more) = length.checked_sub(shown).filter(|&more| more > 0) {
        let text = format!("  and {more} more {what}");
        page.line([Span::new(
            Style::Dim,
            &format!("{} (see --json)", text.trim_end()),
        )]);
    }
}
