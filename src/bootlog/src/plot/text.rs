//! The chart for a terminal, in characters that every console has.

use super::{Bar, Chart, Section, Tone, tick_label, ticks};
use crate::format::{duration, visible};
use crate::page::{COLUMNS_MAX, Page, Span, Style};
use crate::show::verdict_style;

/// Columns of a name.
const NAME_COLUMNS: usize = 20;
/// Columns of a duration.
const TOOK_COLUMNS: usize = 10;
/// Columns of the bars.
const BAR_COLUMNS: usize = COLUMNS_MAX - NAME_COLUMNS - TOOK_COLUMNS - 4;
const TICKS_MAX: u64 = 6;

/// The chart as a page.
#[must_use]
pub fn page(chart: &Chart) -> Page {
    let mut page = Page::default();
    let word = Span::new(verdict_style(&chart.verdict), &chart.verdict);
    page.wrapped(&[word, "  ".into()], &chart.reason);
    let parts = [&*chart.started, &*chart.machine];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if !parts.is_empty() {
        page.line([Span::new(Style::Dim, &parts.join(", "))]);
    }
    for mark in &chart.marks {
        let text = format!(
            "not drawn: {} of waiting for a person at {}",
            duration(mark.took_ns),
            duration(mark.at_ns)
        );
        page.line([Span::new(Style::Odd, &text)]);
    }
    for section in &chart.sections {
        self::section(&mut page, section);
    }
    page.line([]);
    let legend = "# CPU  = the rest of its time  . waits for its turn  > has not ended  * on the critical path";
    page.line([Span::new(Style::Dim, legend)]);
    page
}

fn section(page: &mut Page, section: &Section) {
    page.heading(&section.title, &section.detail);
    page.line([Span::new(Style::Dim, &labels(section))]);
    let mut level = 0;
    for bar in &section.bars {
        if bar.level != level {
            level = bar.level;
            let rule = "-".repeat(BAR_COLUMNS);
            let name = format!("{:<width$}", format!("  level {level}"), width = FRONT);
            page.line([Span::new(Style::Dim, &format!("{name}{rule}"))]);
        }
        self::bar(page, section, bar);
    }
    if section.left_out > 0 {
        let text = format!("  and {} more", section.left_out);
        page.line([Span::new(Style::Dim, &text)]);
    }
}

const FRONT: usize = NAME_COLUMNS + TOOK_COLUMNS + 4;

/// The labels of the ticks, each beginning at its tick.
fn labels(section: &Section) -> String {
    let mut line = String::new();
    for at in ticks(section, TICKS_MAX) {
        let label = format!("|{}", tick_label(at));
        let column = FRONT + column(at, section);
        if column >= line.len() && column + label.len() <= COLUMNS_MAX {
            line = format!("{line:<column$}{label}");
        }
    }
    line
}

/// Which column a time falls into.
fn column(ns: u64, section: &Section) -> usize {
    let part = u128::from(ns.saturating_sub(section.from_ns));
    let whole = u128::from(section.to_ns.saturating_sub(section.from_ns).max(1));
    let column = part * BAR_COLUMNS as u128 / whole;
    usize::try_from(column)
        .unwrap_or(usize::MAX)
        .min(BAR_COLUMNS - 1)
}

fn bar(page: &mut Page, section: &Section, bar: &Bar) {
    let mark = match bar.on_path {
        true => "*",
        false => " ",
    };
    let mut name: String = visible(&bar.name);
    if name.chars().count() > NAME_COLUMNS {
        name = name.chars().take(NAME_COLUMNS - 3).collect::<String>() + "...";
    }
    let took = match bar.tone {
        Tone::Open => "-".to_owned(),
        _ => duration(bar.end_ns.saturating_sub(bar.at_ns)),
    };
    let column = |ns: u64| column(ns, section);
    let (first, last) = (column(bar.at_ns), column(bar.end_ns));
    let waited = match bar.level {
        0 => 0,
        _ => first,
    };
    let length = last - first + 1;
    // All of it that is more than a column's time, so that one that only waits shows none.
    let cpu_ns = bar
        .cpu_ns
        .unwrap_or(0)
        .min(bar.end_ns.saturating_sub(bar.at_ns));
    let cpu = column(bar.at_ns.saturating_add(cpu_ns))
        .saturating_sub(first)
        .min(length);
    let style = match bar.tone {
        Tone::Good => Style::Good,
        Tone::Skipped => Style::Dim,
        Tone::Bad => Style::Bad,
        Tone::Open => Style::Odd,
    };
    let wall = match bar.tone {
        Tone::Open => "=".repeat((length - cpu).saturating_sub(1)) + ">",
        _ => "=".repeat(length - cpu),
    };
    let name_style = match (bar.tone, bar.on_path) {
        (Tone::Bad, _) => Style::Bad,
        (_, true) => Style::Bold,
        _ => Style::Plain,
    };
    let room = BAR_COLUMNS.saturating_sub(last + 1);
    let fault: String = match bar.fault.chars().count() < room {
        true => format!(" {}", bar.fault),
        false => String::new(),
    };
    page.line([
        mark.into(),
        " ".into(),
        Span::new(name_style, &format!("{name:<NAME_COLUMNS$}")),
        format!("{took:>TOOK_COLUMNS$}  ").into(),
        " ".repeat(first - waited).into(),
        Span::new(Style::Dim, &".".repeat(waited)),
        Span::new(style, &"#".repeat(cpu)),
        Span::new(style, &wall),
        Span::new(Style::Bad, &fault),
    ]);
}
