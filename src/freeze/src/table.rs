//! The order as a table for a terminal: a row a level, the scripts of it by name.
//!
//! What a script waits for and why stands in the text form; here is what one screen can hold.

use std::fmt::Write;

use preroot_plan::{Argument, Plan, ScriptMode, Weight};

use crate::text::{duration, printable, rule};
use crate::view::View;

/// Where the names of a row begin.
const INDENT: usize = 6;
/// Blanks between two names.
const GAP: usize = 2;
/// The width of a terminal that nobody made wider.
const WIDTH: usize = 80;
/// The widest cell that other names of its level are aligned with.
const CELL_MAX: usize = 26;

/// The levels of the runlevels that a boot goes through, or of the one that is asked for. `Err` says
/// that the plan does not have it.
pub fn table(plan: &Plan<'_>, runlevel: Option<u8>) -> Result<String, String> {
    let mut text = format!("{}: {}\n", name(plan), rule(plan));
    for view in views(plan, runlevel)? {
        order(&view, &mut text);
    }
    Ok(text)
}

/// The name of a plan.
pub(crate) fn name(plan: &Plan<'_>) -> String {
    match plan.text(plan.settings().name) {
        "" => "no config".to_string(),
        name => printable(name),
    }
}

/// The runlevels that are asked for: S and the default one unless it is another.
pub(crate) fn views<'a>(plan: &Plan<'a>, runlevel: Option<u8>) -> Result<Vec<View<'a>>, String> {
    let boot = [b'S', plan.settings().runlevel];
    let asked = runlevel.map(|name| [name]);
    let names: &[u8] = asked.as_ref().map_or(&boot, |name| name);
    let view = |name: &u8| {
        let missing = || {
            let has: Vec<String> = plan
                .runlevels()
                .iter()
                .map(|runlevel| char::from(runlevel.name).to_string())
                .collect();
            let (name, has) = (char::from(*name), has.join(", "));
            format!("the plan has no runlevel {name}; it has {has}")
        };
        let runlevel = plan.runlevel(*name).ok_or_else(missing)?;
        Ok(View::new(plan, runlevel))
    };
    names.iter().map(view).collect()
}

/// `runlevel S: start; 18 scripts on 12 levels, longest chain 11`
pub(crate) fn heading(view: &View<'_>) -> String {
    let argument = match view.runlevel().argument() {
        Argument::Start => "start",
        Argument::Stop => "stop",
    };
    let (name, chain) = (view.name(), view.longest_chain().len());
    if chain == 0 {
        return format!("runlevel {name}: {argument}; no scripts");
    }
    let scripts = count(view.count(), "script");
    let levels = count(view.level_count(), "level");
    format!("runlevel {name}: {argument}; {scripts} on {levels}, longest chain {chain}")
}

/// `1 script`, `2 scripts`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

fn order(view: &View<'_>, text: &mut String) {
    let _ = writeln!(text, "\n{}", heading(view));
    let chain = view.longest_chain();
    for (scripts, level) in view.levels().iter().zip(1..) {
        let cells: Vec<String> = scripts
            .iter()
            .map(|script| cell(view, *script, chain.len() > 1 && chain.contains(script)))
            .collect();
        let _ = write!(text, "{level:>4}  ");
        row(&cells, text);
    }
    let dropped: Vec<String> = view.dropped().map(|(name, _)| printable(name)).collect();
    if !dropped.is_empty() {
        text.push_str("  dropped:\n      ");
        row(&dropped, text);
    }
    if chain.len() > 1 {
        text.push_str("  * on the longest chain: each waits for the one before\n");
    }
}

/// A name, and what sets its script apart.
fn cell(view: &View<'_>, index: usize, is_on_chain: bool) -> String {
    let script = view.script(index);
    let mut words = Vec::new();
    if script.mode() == ScriptMode::Interactive {
        words.push("interactive".to_string());
    }
    if script.weight() == Weight::Critical {
        words.push("critical".to_string());
    }
    if let Some(deadline_ms) = view.own_deadline_ms(index) {
        words.push(format!("deadline {}", duration(deadline_ms)));
    }
    let mut cell = printable(view.script_name(index));
    if is_on_chain {
        cell.push('*');
    }
    if !words.is_empty() {
        cell += &format!(" ({})", words.join(", "));
    }
    cell
}

/// Cells under each other where they need more than one line.
fn row(cells: &[String], text: &mut String) {
    let length = |cell: &String| cell.chars().count();
    let total: usize = cells.iter().map(|cell| length(cell) + GAP).sum();
    let widths = cells.iter().map(length).filter(|width| *width <= CELL_MAX);
    let column = match INDENT + total <= WIDTH + GAP {
        true => 1,
        false => widths.max().unwrap_or(0) + GAP,
    };
    let mut line = String::new();
    for cell in cells {
        if !line.is_empty() && INDENT + line.chars().count() + length(cell) > WIDTH {
            let _ = write!(text, "{}\n{:INDENT$}", line.trim_end(), "");
            line.clear();
        }
        // A long cell takes several columns.
        let width = (length(cell) + GAP).next_multiple_of(column);
        let _ = write!(line, "{cell:width$}");
    }
    let _ = writeln!(text, "{}", line.trim_end());
}
