//! The paths for a person.

use crate::format::{count, duration};
use crate::page::{Page, Side, Span, Style, Table};

use super::{Course, CriticalPath, RunlevelPath, Step, Wait, WhatIf};

/// Scripts named of a path that was not run.
const PATH_MAX: usize = 12;

/// The paths as a page.
#[must_use]
pub fn page(path: &CriticalPath) -> Page {
    let mut page = Page::default();
    page.line([whole(path).into()]);
    if path.runlevels.is_empty() {
        page.line(["No runlevel was run in this boot.".into()]);
    }
    for runlevel in &path.runlevels {
        section(&mut page, runlevel);
    }
    page
}

/// The parts of the boot, one after the other.
fn whole(path: &CriticalPath) -> String {
    let known = |took: Option<u64>| took.map_or("?".to_string(), duration);
    let mut text = format!(
        "kernel {}, preroot {}",
        known(path.kernel_ns),
        known(path.preroot_ns)
    );
    for runlevel in &path.runlevels {
        text += &format!(
            ", runlevel {} {}",
            runlevel.runlevel,
            known(runlevel.took_ns)
        );
    }
    if path.held_ns > 0 {
        text += &format!(
            "; not counted: {} of waiting for a person",
            duration(path.held_ns)
        );
    }
    text
}

fn section(page: &mut Page, runlevel: &RunlevelPath) {
    let took = runlevel
        .took_ns
        .map_or("has not ended".to_string(), duration);
    let steps = count(runlevel.steps.len() as u64, "script");
    let rest = format!("{took}, order by {}, {steps} on the path", runlevel.policy);
    page.heading(&format!("RUNLEVEL {}", runlevel.runlevel), &rest);
    let sides = [
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Left,
        Side::Left,
    ];
    let mut table = Table::new(&sides);
    table.names(&[
        "at",
        "delay",
        "took",
        "level",
        "script",
        "why it waited for the one before",
    ]);
    for step in &runlevel.steps {
        table.row([
            step.at_ns.map_or("-".into(), duration).into(),
            step.delay_ns.map_or("-".into(), duration).into(),
            step.took_ns.map_or("has not ended".into(), duration).into(),
            step.level.to_string().into(),
            Span::new(Style::Bold, &step.script),
            Span::new(style(&step.wait), &why(step)),
        ]);
    }
    page.table(&table);
    if !runlevel.is_whole {
        page.line([Span::new(
            Style::Odd,
            "  what was before is not in this record",
        )]);
    }
    if runlevel.steps.iter().any(|step| step.wait == Wait::Unknown) {
        let text = "  ? is known with the plan of this boot: --plan FILE";
        page.line([Span::new(Style::Dim, text)]);
    }
    if let Some(what_if) = &runlevel.what_if {
        compare(page, &runlevel.policy, what_if);
    }
}

/// A wait that nothing asked for is what can be saved.
fn style(wait: &Wait) -> Style {
    match wait {
        Wait::Level | Wait::Alone | Wait::Parallel => Style::Odd,
        Wait::First | Wait::Ordered { .. } | Wait::Unknown => Style::Plain,
    }
}

fn why(step: &Step) -> String {
    match &step.wait {
        Wait::First => "-".into(),
        Wait::Ordered { chain } => match chain.as_slice() {
            [edge] => edge
                .split_once(": ")
                .map_or(edge.clone(), |(_, reason)| reason.into()),
            [first, ..] => format!("{first} (and {} more)", chain.len() - 1),
            [] => String::new(),
        },
        Wait::Level => "its level: no header orders them".into(),
        Wait::Alone => "one of them runs alone".into(),
        Wait::Parallel => "so many ran at once".into(),
        Wait::Unknown => "?".into(),
    }
}

fn compare(page: &mut Page, policy: &str, what_if: &WhatIf) {
    page.line([]);
    page.line(["  With the times that the scripts took, starting them not counted:".into()]);
    let (own, other) = match policy {
        "edges" => (("edges", &what_if.edges), ("levels", &what_if.levels)),
        _ => (("levels", &what_if.levels), ("edges", &what_if.edges)),
    };
    course(page, own.0, own.1, String::new());
    course(
        page,
        other.0,
        other.1,
        difference(own.1.took_ns, other.1.took_ns),
    );
}

fn course(page: &mut Page, policy: &str, course: &Course, difference: String) {
    let left_out = course.path.len().saturating_sub(PATH_MAX);
    let mut names = course.path.clone();
    if left_out > 0 {
        names.drain(..left_out);
        names.insert(0, format!("({left_out} more)"));
    }
    let took = duration(course.took_ns);
    let front = [format!("    by {policy:<7} {took:>9}{difference}  ").into()];
    page.wrapped(&front, &names.join(" > "));
}

fn difference(own_ns: u64, other_ns: u64) -> String {
    match own_ns.cmp(&other_ns) {
        std::cmp::Ordering::Equal => " (the same)".into(),
        std::cmp::Ordering::Greater => format!(" ({} less)", duration(own_ns - other_ns)),
        std::cmp::Ordering::Less => format!(" ({} more)", duration(other_ns - own_ns)),
    }
}
