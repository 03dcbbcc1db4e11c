//! Which way a line goes, and which lines meet.
//!
//! From one line of boxes to the next it is a curve. Over more than that it goes down a gutter, the
//! space between two columns, beside the box at that end of it that has fewer lines; it curves only
//! in the gap at the other end.

use crate::svg::drawn::{Drawn, Line};
use crate::svg::place::Place;

/// The end of a line at which its gutter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Beside {
    /// At the script above.
    Awaited,
    /// At the script below.
    Waiter,
}

/// A gutter: the one before this column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gutter {
    /// The column; one more than there are for the last gutter.
    pub(super) column: usize,
    /// Whose box it is beside.
    pub(super) beside: Beside,
    /// The script at the other end: lines from or to one script go down as one.
    pub(super) far: usize,
}

/// Beside which end each line goes down, where it has to.
#[derive(Debug)]
pub(super) struct Sides(Vec<Beside>);

impl Sides {
    /// By line: the end with fewer lines.
    pub(super) fn of(count: usize, drawn: &Drawn<'_>) -> Sides {
        let (mut leaving, mut entering) = (vec![0; count], vec![0; count]);
        for edge in &drawn.edges {
            leaving[edge.wait.awaited] += 1;
            entering[edge.waiter] += 1;
        }
        let side = |edge: &Line<'_>| match leaving[edge.wait.awaited] >= entering[edge.waiter] {
            true => Beside::Waiter,
            false => Beside::Awaited,
        };
        Sides(drawn.edges.iter().map(side).collect())
    }

    /// The course of a line.
    pub(super) fn course(&self, edge: usize, drawn: &Drawn<'_>, places: &[Place]) -> Course {
        let line = &drawn.edges[edge];
        let (from, to) = (places[line.wait.awaited], places[line.waiter]);
        let beside = self.0[edge];
        let (own, other, far) = match beside {
            Beside::Awaited => (from.column, to.column, line.waiter),
            Beside::Waiter => (to.column, from.column, line.wait.awaited),
        };
        let gutter = (to.line > from.line + 1).then_some(Gutter {
            column: if other > own { own + 1 } else { own },
            beside,
            far,
        });
        Course { from, to, gutter }
    }
}

/// From where to where a line goes, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// The script above.
    pub(super) from: Place,
    /// The script below.
    pub(super) to: Place,
    /// The gutter between; none: a curve alone.
    pub(super) gutter: Option<Gutter>,
}

impl Course {
    /// The gap in which it curves, by the line of boxes above it.
    fn gap(&self) -> usize {
        match self.gutter {
            Some(gutter) if gutter.beside == Beside::Awaited => self.to.line - 1,
            _ => self.from.line,
        }
    }

    /// Where it is at the top and at the bottom of a gap, in half columns.
    fn ends(&self, gap: usize) -> (usize, usize) {
        let (from, to) = (self.from.column * 2 + 1, self.to.column * 2 + 1);
        let Some(gutter) = self.gutter else {
            return (from, to);
        };
        let between = gutter.column * 2;
        match gutter.beside {
            Beside::Waiter if gap == self.gap() => (from, between),
            Beside::Awaited if gap == self.gap() => (between, to),
            _ => (between, between),
        }
    }

    /// How far it goes aside, in half columns.
    pub(super) fn aside(&self) -> usize {
        let (top, bottom) = self.ends(self.gap());
        top.abs_diff(bottom)
    }

    /// Whether it meets another: changes sides with it, or is beside it in a gutter, where one of the
    /// two has to cross the other to get out.
    pub(super) fn meets(&self, other: &Course) -> bool {
        self.crosses(other) || self.is_beside(other)
    }

    fn is_beside(&self, other: &Course) -> bool {
        let overlap = self.from.line < other.to.line && other.from.line < self.to.line;
        match (self.gutter, other.gutter) {
            (Some(own), Some(other)) => {
                overlap && own.column == other.column && own.far != other.far
            }
            _ => false,
        }
    }

    fn crosses(&self, other: &Course) -> bool {
        let changes = |gap| {
            let (own, other) = (self.ends(gap), other.ends(gap));
            let (top, bottom) = (own.0.cmp(&other.0), own.1.cmp(&other.1));
            top.is_ne() && bottom.is_ne() && top != bottom
        };
        let passes = |course: &Course, gap| course.from.line <= gap && gap < course.to.line;
        let (own, theirs) = (self.gap(), other.gap());
        (passes(other, own) && changes(own)) || (passes(self, theirs) && changes(theirs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(from: (usize, usize), to: (usize, usize), gutter: Option<usize>) -> Course {
        let place = |(line, column)| Place { line, column };
        let beside = Beside::Waiter;
        Course {
            from: place(from),
            to: place(to),
            gutter: gutter.map(|column| Gutter {
                column,
                beside,
                far: from.1,
            }),
        }
    }

    #[test]
    fn lines_meet_where_they_change_sides_or_share_a_gutter() {
        let check = |one: &Course, other: &Course, expected: bool| {
            assert_eq!(one.meets(other), expected, "{one:?} {other:?}");
            assert_eq!(other.meets(one), expected, "{other:?} {one:?}");
        };
        let curve = |from, to| course((0, from), (1, to), None);
        check(&curve(0, 1), &curve(1, 0), true);
        check(&curve(0, 0), &curve(1, 1), false);
        check(&curve(0, 1), &curve(0, 0), false);
        let down = course((0, 1), (3, 1), Some(1));
        check(&down, &curve(0, 1), true);
        check(&down, &curve(0, 0), false);
        check(&down, &course((1, 0), (2, 1), None), true);
        check(&down, &course((2, 0), (3, 0), None), false);
        check(&down, &course((3, 0), (4, 1), None), false);
        check(&down, &course((0, 0), (3, 0), Some(1)), true);
        check(&down, &course((0, 0), (3, 0), Some(0)), false);
        check(&down, &course((0, 1), (2, 1), Some(1)), false);
    }
}
