//! The differences for a person: what is worse first.

use super::{Diff, Fault, Hardware, Key, MadeOf, Side, Time, Waiting};
use crate::format::{duration, size};
use crate::page::{Page, Side as Column, Span, Style, Table};
use crate::show::verdict_style;

/// Digits of a digest that tell two apart.
const DIGEST_DIGITS: usize = 12;

/// The differences as a page.
#[must_use]
pub fn page(diff: &Diff) -> Page {
    let mut page = Page::default();
    page.line([verdict(diff)]);
    side(&mut page, "old  ", &diff.old);
    if diff.old_boots > 1 {
        let text = format!(
            "     the latest of {} boots, each of which counts",
            diff.old_boots
        );
        page.line([Span::new(Style::Dim, &text)]);
    }
    side(&mut page, "new  ", &diff.new);
    for made_of in &diff.made_of {
        self::made_of(&mut page, made_of);
    }
    faults(&mut page, "FAILING", Style::Bad, &diff.failing);
    hardware(&mut page, &diff.hardware);
    times(&mut page, "SLOWER", Style::Bad, &diff.slower, diff);
    waiting(&mut page, &diff.waiting);
    keys(&mut page, "GONE", &diff.gone);
    keys(&mut page, "ADDED", &diff.added);
    faults(&mut page, "RECOVERED", Style::Good, &diff.recovered);
    times(&mut page, "FASTER", Style::Good, &diff.faster, diff);
    page
}

fn verdict(diff: &Diff) -> Span {
    let parts = [
        (diff.failing.len(), "failing"),
        (diff.slower.len(), "slower"),
        (diff.waiting.len(), "newly waiting"),
    ];
    let mut words: Vec<String> = Vec::new();
    if diff.verdict_worse {
        words.push("its verdict".to_owned());
    }
    words.extend(
        parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}")),
    );
    if diff.hardware_worse {
        words.push("hardware".to_owned());
    }
    match diff.regressed {
        true => Span::new(Style::Bad, &format!("WORSE  {}", words.join(", "))),
        false => Span::new(Style::Good, "NO WORSE"),
    }
}

fn side(page: &mut Page, label: &str, side: &Side) {
    let started = side.started.as_deref().unwrap_or("-");
    let took = side.boot_ns.map_or("-".to_owned(), duration);
    let front = [
        label.into(),
        started.into(),
        format!("  {took:>9}  ").into(),
        Span::new(verdict_style(&side.verdict), &side.verdict),
        "  ".into(),
    ];
    page.wrapped(&front, &side.reason);
}

fn made_of(page: &mut Page, made_of: &MadeOf) {
    let label = format!("{:<9}", made_of.what);
    let is_digest = matches!(made_of.what, "image" | "plan");
    let text = |text: &str| match is_digest {
        true => text.chars().take(DIGEST_DIGITS).collect(),
        false => text.to_owned(),
    };
    let (old, new) = (text(&made_of.old), text(&made_of.new));
    page.labelled(&label, Style::Odd, &format!("{old} -> {new}"));
}

fn faults(page: &mut Page, title: &str, style: Style, faults: &[Fault]) {
    let sides = [Column::Left; 3];
    section(page, title, "", &sides, faults, |table, fault| {
        let [kind, name] = cells(&fault.key);
        table.row([kind, name, Span::new(style, &fault.fault)]);
    });
}

fn hardware(page: &mut Page, items: &[Hardware]) {
    let sides = [Column::Left; 2];
    section(page, "HARDWARE", "", &sides, items, |table, item| {
        let side = |verdict: &Option<String>, found: u64| match verdict {
            Some(verdict) if found > 0 => format!("{verdict} ({})", size(found)),
            Some(verdict) => verdict.clone(),
            None => "not looked for".to_owned(),
        };
        let text = format!(
            "{} -> {}",
            side(&item.old, item.old_found),
            side(&item.new, item.new_found)
        );
        let style = match item.is_worse() {
            true => Style::Bad,
            false => Style::Plain,
        };
        table.row([item.item.as_str().into(), Span::new(style, &text)]);
    });
}

fn times(page: &mut Page, title: &str, style: Style, times: &[Time], diff: &Diff) {
    let rest = format!(
        "by more than {} % and {}",
        diff.thresholds.percent,
        duration(diff.thresholds.least_ns)
    );
    let sides = [
        Column::Right,
        Column::Right,
        Column::Right,
        Column::Left,
        Column::Left,
    ];
    section(page, title, &rest, &sides, times, |table, time| {
        let sign = match time.new_ns > time.old_ns {
            true => "+",
            false => "-",
        };
        let [kind, name] = cells(&time.key);
        let difference = duration(time.new_ns.abs_diff(time.old_ns));
        table.row([
            Span::new(style, &format!("{sign}{difference}")),
            duration(time.old_ns).into(),
            format!("-> {}", duration(time.new_ns)).into(),
            kind,
            name,
        ]);
    });
}

fn waiting(page: &mut Page, waits: &[Waiting]) {
    let sides = [Column::Right, Column::Left, Column::Left];
    section(page, "NEWLY WAITING", "", &sides, waits, |table, wait| {
        let later = duration(wait.new_ns.saturating_sub(wait.old_ns));
        let before = match &wait.waited_for {
            Some(name) => format!("for {}, before for {name}", wait.waits_for),
            None => format!("for {}, before for nobody", wait.waits_for),
        };
        table.row([
            Span::new(Style::Bad, &format!("+{later}")),
            wait.key.name.as_str().into(),
            before.into(),
        ]);
    });
}

fn keys(page: &mut Page, title: &str, keys: &[Key]) {
    let sides = [Column::Left; 2];
    section(page, title, "", &sides, keys, |table, key| {
        table.row(cells(key));
    });
}

fn cells(key: &Key) -> [Span; 2] {
    [
        Span::new(Style::Dim, key.kind),
        Span::new(Style::Bold, &key.name),
    ]
}

fn section<T>(
    page: &mut Page,
    title: &str,
    rest: &str,
    sides: &[Column],
    items: &[T],
    mut row: impl FnMut(&mut Table, &T),
) {
    if items.is_empty() {
        return;
    }
    let heading = match rest {
        "" => items.len().to_string(),
        rest => format!("{}, {rest}", items.len()),
    };
    page.heading(title, &heading);
    let mut table = Table::new(sides);
    for item in items {
        row(&mut table, item);
    }
    page.table(&table);
}
