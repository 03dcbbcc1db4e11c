//! What the marks mean: those that the drawing has.

use std::fmt::Write;

use preroot_plan::Weight;

use crate::svg::boxes::Picture;
use crate::svg::page::{MARGIN, is_alone};
use crate::svg::xml::{At, escape};

/// What a letter of words takes at most.
const LETTER: f64 = 6.6;
/// The height of a line of the legend.
const LINE: f64 = 22.0;
/// A sample and the space around it.
const SAMPLE: f64 = 40.0;

/// The marks in use, each with its sample (drawn from its own left, around height 0) and its words.
pub(super) struct Legend(Vec<(String, String)>);

impl Legend {
    /// Of these runlevels.
    pub(super) fn of(pictures: &[Picture<'_>]) -> Legend {
        let any = |is: &dyn Fn(&Picture<'_>, usize) -> bool| {
            pictures
                .iter()
                .any(|picture| (0..picture.view.count()).any(|script| is(picture, script)))
        };
        let mut marks = Vec::new();
        let mut mark = |is_used: bool, sample: &str, words: String| {
            if is_used {
                marks.push((sample.to_string(), words));
            }
        };
        let implied: usize = pictures.iter().map(|picture| picture.drawn.implied).sum();
        let has = |is: &dyn Fn(&Picture<'_>) -> bool| pictures.iter().any(is);
        mark(
            has(&|picture| !picture.drawn.edges.is_empty()),
            "<path class=\"edge\" d=\"M15 -9V9\"/>",
            match implied {
                0 => "the lower waits for the upper".to_string(),
                _ => format!(
                    "the lower waits for the upper; {implied} that follow from others are left out"
                ),
            },
        );
        mark(
            has(&|picture| picture.drawn.chain.len() > 1),
            "<path class=\"chain\" d=\"M8 -9V9\"/><path class=\"bar\" d=\"M18 -8h5v16h-5z\"/>",
            "the longest chain".to_string(),
        );
        mark(
            has(&|picture| !picture.drawn.rails.is_empty()),
            "<path class=\"rail\" d=\"M3 -4H27\"/><path class=\"stem\" d=\"M15 -4V9\"/>",
            "waits for everything above".to_string(),
        );
        mark(
            any(&|picture, script| is_alone(&picture.view, script)),
            "<g class=\"box alone\"><rect y=\"-8\" width=\"30\" height=\"16\" rx=\"8\"/></g>",
            "interactive: alone, on the console".to_string(),
        );
        mark(
            any(&|picture, script| picture.view.script(script).weight() == Weight::Critical),
            "<g class=\"box critical\"><rect y=\"-8\" width=\"30\" height=\"16\" rx=\"3\"/>\
             <text x=\"11\" y=\"4\">!</text></g>",
            "critical: its failure degrades the boot".to_string(),
        );
        mark(
            any(&|picture, script| picture.view.own_deadline_ms(script).is_some()),
            "<g class=\"box\"><text class=\"note\" x=\"4\" y=\"4\">30s</text></g>",
            "a deadline of its own".to_string(),
        );
        if !marks.is_empty() {
            marks.push((
                String::new(),
                "point at a script for its reasons".to_string(),
            ));
        }
        Legend(marks)
    }

    /// The widest mark: a drawing is not narrower.
    pub(super) fn width_min(&self) -> f64 {
        let widths = self.0.iter().map(width);
        widths.fold(320.0, f64::max)
    }

    /// Draws from this height on; returns where it ends.
    pub(super) fn draw(&self, room: f64, top: f64, body: &mut String) -> f64 {
        let (mut x, mut y) = (0.0, top + 8.0);
        for mark in &self.0 {
            if x > 0.0 && x + width(mark) > room {
                (x, y) = (0.0, y + LINE);
            }
            let (sample, words) = mark;
            let indent = if sample.is_empty() { 0.0 } else { SAMPLE };
            let _ = writeln!(
                body,
                "<g transform=\"translate({} {})\">{sample}<text class=\"soft\" x=\"{}\" y=\"4\">{}</text></g>",
                At(MARGIN + x),
                At(y),
                At(indent),
                escape(words)
            );
            x += width(mark);
        }
        y + 8.0
    }
}

fn width(mark: &(String, String)) -> f64 {
    let sample = if mark.0.is_empty() { 0.0 } else { SAMPLE };
    sample + mark.1.chars().count() as f64 * LETTER + 20.0
}
