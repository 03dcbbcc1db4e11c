//! A review as people read it.

use std::collections::HashMap;
use std::fmt::Write;

use crate::review::edges::{EdgeGroup, Implied};
use crate::review::moves::{Cause, MoveGroup, Moved};
use crate::review::runlevel::{Added, Dropped, Reason, Removed, RunlevelReview, word};
use crate::review::tables::Entry;
use crate::review::{Detail, Review};
use crate::table::count;
use crate::text::printable;

/// Lines are broken here.
const WIDTH: usize = 100;
/// Names in one list; more are counted.
const NAMES_MAX: usize = 24;
/// Names in a cause; more are counted.
const HIT_MAX: usize = 3;
/// Lines of a table that differ; more are counted.
const ENTRIES_MAX: usize = 40;
/// Causes of one group; more are counted.
const CAUSES_MAX: usize = 4;

/// The review.
pub(super) fn text(review: &Review, detail: Detail) -> String {
    let mut page = Page {
        text: String::new(),
        detail,
    };
    let mut told: Vec<&RunlevelReview> = Vec::new();
    for runlevel in review
        .runlevels
        .iter()
        .filter(|runlevel| !runlevel.is_same())
    {
        let is_like = |other: &&&RunlevelReview| other.is_like(runlevel);
        match told.iter().find(is_like) {
            Some(other) => {
                let (name, other) = (runlevel.heading(), other.heading());
                page.line(0, &format!("runlevel {name}: as runlevel {other}"));
                page.text.push('\n');
            }
            None => page.runlevel(runlevel),
        }
        told.push(runlevel);
    }
    page.settings(review);
    for (name, entries) in review.tables() {
        page.entries(name, entries);
    }
    page.text + &review.summary() + "\n"
}

impl RunlevelReview {
    /// Whether this says of its runlevel what another says of its own.
    fn is_like(&self, other: &RunlevelReview) -> bool {
        let named = RunlevelReview {
            old_name: other.old_name,
            new_name: other.new_name,
            scripts: other.scripts,
            ..self.clone()
        };
        named == *other
    }
}

struct Page {
    text: String,
    detail: Detail,
}

impl Page {
    fn runlevel(&mut self, runlevel: &RunlevelReview) {
        let (scripts, levels) = (runlevel.scripts, runlevel.levels);
        let heading = format!(
            "runlevel {}: {}; {}, {}",
            runlevel.heading(),
            word(runlevel.argument),
            from_to("scripts", scripts.old, scripts.new),
            from_to("levels", levels.old, levels.new),
        );
        self.line(0, &heading);
        self.section("added", &runlevel.added, Page::added);
        self.section("removed", &runlevel.removed, Page::removed);
        self.section("dropped", &runlevel.dropped, Page::dropped);
        self.section("moved", &runlevel.moves, Page::moves);
        self.section("new edges", &runlevel.new_edges, Page::edges);
        self.section("lost edges", &runlevel.lost_edges, Page::edges);
        self.section("changed", &runlevel.changed, |page, changed| {
            let what = format!("{}: {}", changed.script, changed.what);
            page.line(4, &format!("{what} {} -> {}", changed.old, changed.new));
        });
        match (self.detail, runlevel.changed_edges.len()) {
            (_, 0) => {}
            (Detail::Usual, number) => {
                let edges = count(number, "edge");
                self.line(
                    2,
                    &format!("{edges} for another reason (--verbose shows which)"),
                );
            }
            (Detail::Verbose, _) => {
                self.section("other reasons", &runlevel.changed_edges, |page, edge| {
                    page.line(4, &format!("{} after {}", edge.script, edge.after));
                    page.line(8, &format!("was {}", edge.old));
                    page.line(8, &format!("is  {}", edge.new));
                });
            }
        }
        self.text.push('\n');
    }

    fn section<T>(&mut self, name: &str, entries: &[T], each: impl Fn(&mut Page, &T)) {
        if !entries.is_empty() {
            self.line(2, name);
        }
        for entry in entries {
            each(self, entry);
        }
    }

    fn added(&mut self, added: &Added) {
        let mut words = vec![format!("level {}", added.level)];
        words.extend(added.marks.iter().cloned());
        if let Some(reason) = &added.was_dropped {
            words.push(format!("was dropped: {reason}"));
        }
        for after in &added.after {
            let names = self.names(&after.scripts);
            words.push(format!("after {names}: {}", after.reason));
        }
        for before in self.telling(&added.before) {
            let names = self.names(&before.scripts);
            words.push(format!("before {names}: {}", before.reason));
        }
        self.line(4, &format!("+ {:<20} {}", added.script, words.join("; ")));
    }

    fn removed(&mut self, removed: &Removed) {
        let mut words = format!("was on level {}", removed.level);
        let before: Vec<String> = self
            .telling(&removed.before)
            .flat_map(|before| before.scripts.iter().cloned())
            .collect();
        if !before.is_empty() {
            words += &format!(", before {}", self.names(&before));
        }
        if let Some(reason) = &removed.now_dropped {
            words += &format!("; now dropped: {reason}");
        }
        self.line(4, &format!("- {:<20} {words}", removed.script));
    }

    /// What waits for a script for more of a reason than that it waits for all of them.
    fn telling<'a>(&self, before: &'a [Reason]) -> impl Iterator<Item = &'a Reason> + use<'a> {
        let is_verbose = self.detail == Detail::Verbose;
        let tells = move |before: &&Reason| is_verbose || !before.reason.contains("$all");
        before.iter().filter(tells)
    }

    fn dropped(&mut self, dropped: &Dropped) {
        let name = &dropped.script;
        let line = match (&dropped.old, &dropped.new) {
            (None, Some(new)) => format!("+ {name:<20} {new}"),
            (Some(old), None) => format!("- {name:<20} no longer enabled; was {old}"),
            (old, new) => {
                let (old, new) = (old.as_deref(), new.as_deref());
                let none = "nothing";
                format!(
                    "  {name:<20} {} -> {}",
                    old.unwrap_or(none),
                    new.unwrap_or(none)
                )
            }
        };
        self.line(4, &line);
    }

    fn moves(&mut self, group: &MoveGroup) {
        let shown = match self.detail {
            Detail::Usual => CAUSES_MAX,
            Detail::Verbose => group.causes.len(),
        };
        let causes = group.causes.iter().take(shown);
        let mut causes: Vec<String> = causes.map(|cause| because(cause, &group.hit)).collect();
        match group.causes.len().saturating_sub(shown) {
            0 => {}
            more => causes.push(format!("{more} more")),
        }
        for (at, cause) in causes.iter().enumerate() {
            let joint = if at == 0 { "" } else { "and " };
            let end = if at + 1 == causes.len() { ":" } else { "" };
            self.line(4, &format!("{joint}{cause}{end}"));
        }
        let mut rest = group.scripts.as_slice();
        while let Some(first) = rest.first() {
            let same = |moved: &Moved| (moved.old, moved.new) == (first.old, first.new);
            let length = rest.iter().take_while(|moved| same(moved)).count();
            let (now, later) = rest.split_at(length);
            let names: Vec<String> = now.iter().map(|moved| moved.script.clone()).collect();
            let names = self.names(&names);
            self.line(8, &format!("{} -> {}  {names}", first.old, first.new));
            rest = later;
        }
    }

    fn edges(&mut self, group: &EdgeGroup) {
        let (scripts, after) = (self.names(&group.scripts), self.names(&group.after));
        let implied = match group.implied {
            Implied::No => "",
            Implied::ByOthers => " (so also by way of others)",
        };
        self.line(
            4,
            &format!("{scripts} after {after}: {}{implied}", group.reason),
        );
    }

    fn settings(&mut self, review: &Review) {
        if review.settings.is_empty() {
            return;
        }
        self.line(0, "settings");
        for change in &review.settings {
            self.line(
                4,
                &format!("{:<9} {} -> {}", change.name, change.old, change.new),
            );
        }
        self.text.push('\n');
    }

    fn entries(&mut self, name: &str, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        self.line(0, &format!("{name}s"));
        let shown = match self.detail {
            Detail::Usual => ENTRIES_MAX,
            Detail::Verbose => usize::MAX,
        };
        let mut lines: Vec<(String, Vec<String>)> = Vec::new();
        let mut told = HashMap::new();
        for entry in entries {
            match (&entry.old, &entry.new, name) {
                // A rack with another gateway is one line.
                (Some(old), Some(new), "host") => {
                    let what = differing(old, new);
                    let at = *told.entry(what.clone()).or_insert(lines.len());
                    match lines.get_mut(at) {
                        Some((_, names)) => names.push(entry.key.clone()),
                        None => lines.push((what, vec![entry.key.clone()])),
                    }
                }
                (old, new, _) => {
                    for (sign, line) in [("-", old), ("+", new)] {
                        let Some(line) = line else { continue };
                        let words: Vec<&str> = line.split_whitespace().collect();
                        lines.push((format!("{sign} {}", words.join(" ")), Vec::new()));
                    }
                }
            }
        }
        for (what, names) in lines.iter().take(shown) {
            match &names[..] {
                [] => self.line(4, what),
                [name] => self.line(4, &format!("  {name}: {what}")),
                _ => {
                    let names = self.names(names);
                    self.line(4, &format!("  {what}: {names}"));
                }
            }
        }
        if lines.len() > shown {
            self.line(4, &format!("and {} more", lines.len() - shown));
        }
        self.text.push('\n');
    }

    /// Names in a list, in their order.
    fn names(&self, names: &[String]) -> String {
        let shown = match self.detail {
            Detail::Usual => NAMES_MAX,
            Detail::Verbose => names.len(),
        };
        match names.len() > shown + 1 {
            true => format!(
                "{} and {} more",
                names[..shown].join(" "),
                names.len() - shown
            ),
            false => names.join(" "),
        }
    }

    /// A line, broken where it is too long; what follows is indented further.
    fn line(&mut self, indent: usize, line: &str) {
        let line = printable(line);
        let mut own = String::new();
        let mut room = WIDTH - indent;
        let mut margin = indent;
        for word in line.split(' ') {
            if !own.trim().is_empty() && own.chars().count() + word.chars().count() > room {
                let _ = writeln!(self.text, "{:margin$}{}", "", own.trim_end());
                own.clear();
                margin = indent + 4;
                room = WIDTH - margin;
                if word.is_empty() {
                    continue;
                }
            }
            own.push_str(word);
            own.push(' ');
        }
        let _ = writeln!(self.text, "{:margin$}{}", "", own.trim_end());
    }
}

/// The words of two lines that differ, with what stands between them.
fn differing(old: &str, new: &str) -> String {
    let (mut olds, mut news): (Vec<&str>, Vec<&str>) = (
        old.split_whitespace().collect(),
        new.split_whitespace().collect(),
    );
    while olds.last().is_some() && olds.last() == news.last() {
        olds.pop();
        news.pop();
    }
    let same = olds.iter().zip(&news).take_while(|(old, new)| old == new);
    // A word that says what the next one is stays with it: `vlan 5`, `via 192.0.2.1`.
    let mut same = same.count();
    let is_name = |at: usize| olds[at].bytes().all(|byte| byte.is_ascii_lowercase());
    if same > 0 && is_name(same - 1) {
        same -= 1;
    }
    let words = |words: &[&str]| match words[same..].join(" ") {
        words if words.is_empty() => "nothing".to_string(),
        words => words,
    };
    format!("{} -> {}", words(&olds), words(&news))
}

fn from_to(what: &str, old: usize, new: usize) -> String {
    match old == new {
        true => format!("{what} {new}"),
        false => format!("{what} {old} -> {new}"),
    }
}

/// A cause, as what comes before a colon. `hit`: the scripts that it reaches directly.
fn because(cause: &Cause, hit: &[String]) -> String {
    let hit = match hit {
        [] => None,
        [one] => Some((one.clone(), "waits", "waited")),
        [..] if hit.len() <= HIT_MAX => Some((hit.join(" "), "wait", "waited")),
        more => Some((count(more.len(), "script"), "wait", "waited")),
    };
    match (cause, hit) {
        (Cause::Added { script }, Some((who, waits, _))) => {
            format!("{script} is started now, {who} {waits} for it")
        }
        (Cause::Removed { script }, Some((who, _, waited))) => {
            format!("{script} is started no longer, {who} {waited} for it")
        }
        (Cause::Added { script }, None) => format!("{script} is started now"),
        (Cause::Removed { script }, None) => format!("{script} is started no longer"),
        (
            Cause::NewEdge {
                script,
                after,
                reason,
            },
            _,
        ) => {
            format!("{script} waits for {after} now, {reason}")
        }
        (
            Cause::LostEdge {
                script,
                after,
                reason,
            },
            _,
        ) => {
            format!("{script} waits for {after} no longer, {reason}")
        }
        (Cause::Interactive { script }, _) => format!("{script} runs alone now"),
        (Cause::NotInteractive { script }, _) => format!("{script} runs alone no longer"),
        (Cause::Elsewhere, _) => "scripts of other runlevels, or dropped ones".to_string(),
    }
}
