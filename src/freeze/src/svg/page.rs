//! The measures of a drawing: where lines and columns are on the page, in pixels.

use preroot_plan::{ScriptMode, Weight};

use crate::svg::drawn::Drawn;
use crate::svg::place::{Places, places};
use crate::text::{duration, printable};
use crate::view::View;

/// The margin around everything.
pub(super) const MARGIN: f64 = 20.0;
/// The height of a box.
pub(super) const BOX_HEIGHT: f64 = 24.0;
/// What a letter of a box takes.
pub(super) const LETTER: f64 = 7.23;
/// The padding of a box.
const PADDING: f64 = 9.0;
/// Between two columns.
const GUTTER: f64 = 24.0;
/// Where levels have their numbers.
const NUMBERS: f64 = 44.0;
/// Columns stop here: a page as wide as a screen.
const WIDTH_MAX: f64 = 1360.0;
/// A page with more scripts than this is as wide as a large screen.
const SCRIPTS_MANY: usize = 120;
const WIDTH_MANY_MAX: f64 = 1800.0;
/// Longer names are cut; the whole name is under the pointer.
const LETTERS_MAX: usize = 24;
/// Above a level, and above a line that is not its first.
const GAP_MIN: (f64, f64) = (30.0, 12.0);
/// More where many lines turn.
const GAP_PER_LINE: f64 = 1.2;
const GAP_MORE_MAX: (f64, f64) = (60.0, 24.0);
/// More where a rail lies.
const GAP_PER_RAIL: f64 = 16.0;

/// The words in a box.
#[derive(Debug, Clone)]
pub(super) struct Label {
    /// The name, cut.
    pub(super) name: String,
    /// What else is to be seen at once: a deadline of its own.
    pub(super) note: String,
}

/// The measures of one runlevel's drawing, from its own top left.
#[derive(Debug)]
pub(super) struct Page {
    /// How wide a box is.
    pub(super) box_width: f64,
    /// By script.
    pub(super) labels: Vec<Label>,
    /// The whole height.
    pub(super) height: f64,
    /// The whole width.
    pub(super) width: f64,
    tops: Vec<f64>,
}

impl Page {
    /// Places a runlevel on a page of its own.
    pub(super) fn lay_out(view: &View<'_>, drawn: &Drawn<'_>) -> (Page, Places) {
        let labels: Vec<Label> = (0..view.count()).map(|index| label(view, index)).collect();
        let letters = |label: &Label| {
            let note = match label.note.chars().count() {
                0 => 0,
                count => count + 1,
            };
            label.name.chars().count() + note
        };
        let widest = labels.iter().map(letters).max().unwrap_or(0).max(8);
        let box_width = (widest as f64 * LETTER + 2.0 * PADDING).ceil();
        let pitch = box_width + GUTTER;
        let width_max = match view.count() > SCRIPTS_MANY {
            true => WIDTH_MANY_MAX,
            false => WIDTH_MAX,
        };
        let columns_max = ((width_max - NUMBERS) / pitch).floor() as usize;
        let places = places(view, drawn, columns_max);
        let mut page = Page {
            box_width,
            labels,
            height: 0.0,
            width: NUMBERS + GUTTER + places.columns as f64 * pitch,
            tops: Vec::new(),
        };
        page.set_lines(view, drawn, &places);
        (page, places)
    }

    fn set_lines(&mut self, view: &View<'_>, drawn: &Drawn<'_>, places: &Places) {
        let mut turning = vec![0_usize; places.lines.len() + 1];
        for edge in &drawn.edges {
            turning[places.scripts[edge.wait.awaited].line + 1] += 1;
            turning[places.scripts[edge.waiter].line] += 1;
        }
        let has_rail = |level: usize| {
            drawn
                .rails
                .iter()
                .any(|script| view.level(*script) == level + 1)
        };
        let mut y = 0.0;
        for (line, level) in places.lines.iter().enumerate() {
            let is_first = line == 0 || places.lines[line - 1] != *level;
            let more = turning[line] as f64 * GAP_PER_LINE;
            y += match (line, is_first) {
                (0, _) => PADDING,
                (_, true) => GAP_MIN.0 + more.min(GAP_MORE_MAX.0),
                (_, false) => GAP_MIN.1 + more.min(GAP_MORE_MAX.1),
            };
            if is_first && has_rail(*level) {
                y += GAP_PER_RAIL;
            }
            self.tops.push(y);
            y += BOX_HEIGHT;
        }
        self.height = y + PADDING;
    }

    /// The left edge of a column's boxes.
    pub(super) fn left(&self, column: usize) -> f64 {
        NUMBERS + GUTTER / 2.0 + column as f64 * (self.box_width + GUTTER)
    }

    /// The middle of a column.
    pub(super) fn centre(&self, column: usize) -> f64 {
        self.left(column) + self.box_width / 2.0
    }

    /// The middle of the gutter before a column; the last gutter is behind the last column.
    pub(super) fn gutter(&self, column: usize) -> f64 {
        self.left(column) - GUTTER / 2.0
    }

    /// The edge of a box that faces a gutter beside it.
    pub(super) fn side(&self, column: usize, gutter: usize) -> f64 {
        match gutter <= column {
            true => self.left(column),
            false => self.left(column) + self.box_width,
        }
    }

    /// The top of a line's boxes.
    pub(super) fn top(&self, line: usize) -> f64 {
        self.tops[line]
    }

    /// The bottom of a line's boxes.
    pub(super) fn bottom(&self, line: usize) -> f64 {
        self.tops[line] + BOX_HEIGHT
    }

    /// The middle of a line's boxes.
    pub(super) fn middle(&self, line: usize) -> f64 {
        self.tops[line] + BOX_HEIGHT / 2.0
    }
}

fn label(view: &View<'_>, index: usize) -> Label {
    let own = view.own_deadline_ms(index);
    let note = own.map_or(String::new(), duration);
    let name = printable(view.script_name(index));
    let mark = match view.script(index).weight() {
        Weight::Critical => "! ",
        Weight::Normal => "",
    };
    let mut letters: Vec<char> = mark.chars().chain(name.chars()).collect();
    if letters.len() > LETTERS_MAX {
        letters.truncate(LETTERS_MAX - 1);
        letters.push('…');
    }
    Label {
        name: letters.into_iter().collect(),
        note,
    }
}

/// Whether a script runs alone.
pub(super) fn is_alone(view: &View<'_>, index: usize) -> bool {
    view.script(index).mode() == ScriptMode::Interactive
}
