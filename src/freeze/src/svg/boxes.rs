//! One runlevel's elements: bands of levels, lines, rails, boxes, and what is dropped.

use std::fmt::Write;

use preroot_plan::{Plan, Weight};

use crate::svg::drawn::Drawn;
use crate::svg::page::{BOX_HEIGHT, LETTER, MARGIN, Page, is_alone};
use crate::svg::place::Places;
use crate::svg::route::routes;
use crate::svg::xml::{At, escape};
use crate::table::{count, heading};
use crate::text::{duration, reasons};
use crate::view::View;

/// Names in one line under the pointer; more are counted.
const NAMES_MAX: usize = 40;
/// The height of a line of words.
const WORDS: f64 = 17.0;
/// How far a rail lies above its level.
const RAIL: f64 = 13.0;

/// A runlevel, ready to be drawn.
pub(super) struct Picture<'a> {
    plan: Plan<'a>,
    pub(super) view: View<'a>,
    pub(super) drawn: Drawn<'a>,
    pub(super) page: Page,
    places: Places,
}

impl<'a> Picture<'a> {
    /// Lays a runlevel out.
    pub(super) fn new(plan: &Plan<'a>, view: View<'a>) -> Picture<'a> {
        let drawn = Drawn::of(&view);
        let (page, places) = Page::lay_out(&view, &drawn);
        Picture {
            plan: *plan,
            view,
            drawn,
            page,
            places,
        }
    }

    /// Draws from this height on; returns where it ends. `number` keeps names of several apart.
    pub(super) fn draw(&self, number: usize, top: f64, width: f64, body: &mut String) -> f64 {
        let mut y = top + 14.0;
        let _ = writeln!(
            body,
            "<text class=\"head\" x=\"{MARGIN}\" y=\"{}\">{}</text>",
            At(y),
            escape(&heading(&self.view))
        );
        y += 10.0;
        if self.view.count() > 0 {
            let _ = writeln!(body, "<g transform=\"translate({MARGIN} {})\">", At(y));
            self.levels(width - 2.0 * MARGIN, body);
            self.lines(number, body);
            self.rails(body);
            self.boxes(number, body);
            body.push_str("</g>\n");
            y += self.page.height;
        }
        self.dropped(y, body)
    }

    /// A band for each level, with its number.
    fn levels(&self, width: f64, body: &mut String) {
        for (level, scripts) in self.view.levels().iter().enumerate() {
            let is_own = |line: &usize| *line == level;
            let lines = &self.places.lines;
            let (Some(first), Some(last)) = (
                lines.iter().position(is_own),
                lines.iter().rposition(is_own),
            ) else {
                continue;
            };
            let (top, bottom) = (self.page.top(first) - 6.0, self.page.bottom(last) + 6.0);
            let _ = writeln!(
                body,
                "<g><title>level {}: {}</title>\
                 <rect class=\"level\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"5\"/>\
                 <text class=\"soft\" x=\"10\" y=\"{}\">{}</text></g>",
                level + 1,
                count(scripts.len(), "script"),
                At(top),
                At(width),
                At(bottom - top),
                At(self.page.middle(first) + 4.0),
                level + 1,
            );
        }
    }

    fn lines(&self, number: usize, body: &mut String) {
        let paths = routes(&self.drawn, &self.places, &self.page);
        // What is on the longest chain lies on top.
        for (class, is_chain) in [("edge", false), ("chain", true)] {
            let _ = writeln!(body, "<g class=\"{class}\">");
            for (at, (edge, path)) in self.drawn.edges.iter().zip(&paths).enumerate() {
                if edge.is_chain != is_chain {
                    continue;
                }
                let title = format!(
                    "{} after {}: {}",
                    self.view.script_name(edge.waiter),
                    self.view.script_name(edge.wait.awaited),
                    edge.wait.reason
                );
                let _ = writeln!(
                    body,
                    "<g><title>{}</title><path id=\"e{number}-{at}\" d=\"{path}\"/>\
                     <use href=\"#e{number}-{at}\" class=\"reach\"/></g>",
                    escape(&title),
                );
            }
            body.push_str("</g>\n");
        }
    }

    /// A rail over the level of what waits for everything above, with a stem to it.
    fn rails(&self, body: &mut String) {
        let mut levels: Vec<usize> = Vec::new();
        for script in &self.drawn.rails {
            let place = self.places.scripts[*script];
            let level = self.places.lines[place.line];
            let first = self.places.lines.iter().position(|other| *other == level);
            let y = self.page.top(first.unwrap_or(place.line)) - RAIL;
            if !levels.contains(&level) {
                levels.push(level);
                let (x1, x2) = (self.page.left(0), self.page.left(self.places.columns));
                let _ = writeln!(
                    body,
                    "<path class=\"rail\" d=\"M{} {}H{}\"><title>everything above</title></path>",
                    At(x1),
                    At(y),
                    At(x2 - (x2 - self.page.gutter(self.places.columns)) * 2.0),
                );
            }
            let gutter = self.page.gutter(place.column);
            let path = match first == Some(place.line) {
                true => format!(
                    "M{} {}V{}",
                    At(self.page.centre(place.column)),
                    At(y),
                    At(self.page.top(place.line))
                ),
                false => format!(
                    "M{} {}V{}H{}",
                    At(gutter),
                    At(y),
                    At(self.page.middle(place.line)),
                    At(self.page.left(place.column))
                ),
            };
            let why: Vec<String> = reasons(&self.plan, self.view.script(*script))
                .into_iter()
                .map(|(reason, _)| reason)
                .collect();
            let name = self.view.script_name(*script);
            let title = format!("{name} waits for everything above it: {}", why.join("; "));
            let _ = writeln!(
                body,
                "<path class=\"stem\" d=\"{path}\"><title>{}</title></path>",
                escape(&title),
            );
        }
    }

    fn boxes(&self, number: usize, body: &mut String) {
        for script in 0..self.view.count() {
            let place = self.places.scripts[script];
            let (x, y) = (self.page.left(place.column), self.page.top(place.line));
            let mut class = String::from("box");
            let mut corner = 3;
            if is_alone(&self.view, script) {
                class += " alone";
                corner = 12;
            }
            if self.view.script(script).weight() == Weight::Critical {
                class += " critical";
            }
            let _ = writeln!(
                body,
                "<g class=\"{class}\"><title>{}</title>",
                self.title(script)
            );
            for (at, edge) in self.drawn.edges.iter().enumerate() {
                if edge.waiter == script || edge.wait.awaited == script {
                    let _ = write!(body, "<use href=\"#e{number}-{at}\" class=\"light\"/>");
                }
            }
            let _ = write!(
                body,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{BOX_HEIGHT}\" rx=\"{corner}\"/>",
                At(x),
                At(y),
                At(self.page.box_width),
            );
            if self.drawn.chain.len() > 1 && self.drawn.chain.contains(&script) {
                let _ = write!(
                    body,
                    "<path class=\"bar\" d=\"M{} {}h5v16h-5z\"/>",
                    At(x - 2.0),
                    At(y + 4.0)
                );
            }
            self.label(script, x, y + 16.0, body);
            body.push_str("</g>\n");
        }
    }

    fn label(&self, script: usize, x: f64, y: f64, body: &mut String) {
        let label = &self.page.labels[script];
        let _ = write!(
            body,
            "<text x=\"{}\" y=\"{}\">{}</text>",
            At(x + 9.0),
            At(y),
            escape(&label.name)
        );
        if !label.note.is_empty() {
            let right = x + self.page.box_width - 9.0 - label.note.chars().count() as f64 * LETTER;
            let _ = write!(
                body,
                "<text class=\"note\" x=\"{}\" y=\"{}\">{}</text>",
                At(right),
                At(y),
                escape(&label.note)
            );
        }
    }

    /// All that can be said of a script, escaped.
    fn title(&self, script: usize) -> String {
        let mut first = format!(
            "{}: level {}",
            self.view.script_name(script),
            self.view.level(script)
        );
        if is_alone(&self.view, script) {
            first += ", interactive: alone, on the console";
        }
        if self.view.script(script).weight() == Weight::Critical {
            first += ", critical: its failure degrades the boot";
        }
        if let Some(deadline_ms) = self.view.own_deadline_ms(script) {
            first += &format!(", deadline {}", duration(deadline_ms));
        }
        let mut lines = vec![first];
        for (reason, awaited) in reasons(&self.plan, self.view.script(script)) {
            lines.push(format!("after {}: {reason}", names(&awaited)));
        }
        let waiters: Vec<&str> = (0..self.view.count())
            .filter(|other| self.view.waits(*other).any(|wait| wait.awaited == script))
            .map(|other| self.view.script_name(other))
            .collect();
        if !waiters.is_empty() {
            lines.push(format!("before {}", names(&waiters)));
        }
        let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
        lines.join("\n")
    }

    fn dropped(&self, top: f64, body: &mut String) -> f64 {
        let mut y = top;
        for (at, (name, reason)) in self.view.dropped().enumerate() {
            if at == 0 {
                y += 8.0;
            }
            y += WORDS;
            let _ = writeln!(
                body,
                "<text x=\"{MARGIN}\" y=\"{}\"><tspan class=\"soft\">dropped</tspan>\
                 <tspan class=\"name\" dx=\"7\">{}</tspan>\
                 <tspan class=\"soft\" dx=\"9\">{}</tspan></text>",
                At(y),
                escape(name),
                escape(reason)
            );
        }
        y
    }
}

fn names(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMES_MAX)].join(" ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
