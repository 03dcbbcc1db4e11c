//! One boot as a person on call wants it: the verdict first, then what to look at.

mod head;
mod machine;
mod scripts;
mod told;

use crate::model::Boot;
use crate::page::{Page, Side, Span, Style, Table};

/// Rows of a table that may grow without end: a service that respawns, a link that flaps.
const ROWS_MAX: usize = 20;
/// Lines of output shown with a failure.
const TAIL_LINES_MAX: usize = 10;

/// The page for one boot.
#[must_use]
pub fn page(boot: &Boot) -> Page {
    let mut page = Page::default();
    head::head(&mut page, boot);
    crate::before::last_words(&mut page, boot);
    head::stages(&mut page, boot);
    scripts::failures(&mut page, boot);
    head::operator(&mut page, boot);
    machine::root(&mut page, boot);
    machine::network(&mut page, boot);
    machine::sshd(&mut page, boot);
    machine::sessions(&mut page, boot);
    crate::hardware::verdicts(&mut page, boot);
    crate::hardware::since(&mut page, boot);
    crate::kernel::shown(&mut page, boot);
    machine::modules(&mut page, boot);
    scripts::runlevels(&mut page, boot);
    scripts::slowest(&mut page, boot);
    machine::services(&mut page, boot);
    told::handovers(&mut page, boot);
    told::syslog(&mut page, boot);
    told::watchdog(&mut page, boot);
    head::notes(&mut page, boot);
    page
}

/// The style a verdict's word is shown in.
#[must_use]
pub fn verdict_style(word: &str) -> Style {
    match word {
        "OK" => Style::Good,
        "DEGRADED" | "UNFINISHED" => Style::Odd,
        _ => Style::Bad,
    }
}

/// Prints the first rows and says how many there are beside them.
pub(crate) fn rows<T>(
    page: &mut Page,
    sides: &[Side],
    items: &[T],
    mut row: impl FnMut(&mut Table, &T),
) {
    let mut table = Table::new(sides);
    for item in items.iter().take(ROWS_MAX) {
        row(&mut table, item);
    }
    page.table(&table);
    if let Some(more) = items.len().checked_sub(ROWS_MAX).filter(|&more| more > 0) {
        page.line([Span::new(
            Style::Dim,
            &format!("  and {more} more (see --json)"),
        )]);
    }
}

/// The last lines of some output, each behind a bar.
fn tail(page: &mut Page, output: &str) {
    let lines: Vec<&str> = output.lines().collect();
    let first = lines.len().saturating_sub(TAIL_LINES_MAX);
    if first > 0 {
        page.line([Span::new(
            Style::Dim,
            &format!("    | ({first} lines before)"),
        )]);
    }
    for line in lines.get(first..).unwrap_or_default() {
        page.line([Span::new(Style::Dim, "    | "), (*line).into()]);
    }
}
