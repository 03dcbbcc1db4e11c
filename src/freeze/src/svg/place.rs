//! Where each script stands in a drawing: its line, and its column in it.
//!
//! A level has as many lines as it needs. Within a level, scripts stand near what they wait for and
//! what waits for them: a few passes of the barycentre method, of which the one with the fewest
//! meetings is kept. Ties go by the scripts' own order, so the same order gives the same drawing.

use crate::svg::course::{Course, Sides};
use crate::svg::drawn::{Drawn, Line};
use crate::view::View;

/// Times that all levels are sorted, down and up.
const PASSES: usize = 12;
/// Times that neighbours are compared.
const EXCHANGES: usize = 8;
/// With more edges than this, only the best pass is bettered by exchanges.
const EXCHANGED_EDGES_MAX: usize = 200;
/// More edges than this are not counted meeting by meeting.
const COUNTED_EDGES_MAX: usize = 1500;

/// A script's place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Its line, from the top.
    pub(super) line: usize,
    /// Its column.
    pub(super) column: usize,
}

/// All places of a runlevel.
#[derive(Debug)]
pub(super) struct Places {
    /// By script.
    pub(super) scripts: Vec<Place>,
    /// The level of each line, from 0.
    pub(super) lines: Vec<usize>,
    /// How many columns there are.
    pub(super) columns: usize,
}

/// Gives every script its place. `columns_max` is what a page is wide.
pub(super) fn places(view: &View<'_>, drawn: &Drawn<'_>, columns_max: usize) -> Places {
    let mut levels = view.levels();
    let widest = levels.iter().map(Vec::len).max().unwrap_or(0);
    let columns = widest.clamp(1, columns_max.max(1));
    let neighbours = Neighbours::of(view.count(), drawn);
    let firsts = first_lines(&levels, columns);
    let centre = vec![(columns - 1) as f64 / 2.0; view.count()];
    let mut last = vec![Place::default(); view.count()];
    for (level, first) in levels.iter().zip(&firsts) {
        place(level, *first, columns, &centre, &mut last);
    }
    let costs = Costs::of(view.count(), drawn);
    let (mut best, mut best_cost) = (last.clone(), costs.all(&last));
    let down: Vec<usize> = (0..levels.len()).collect();
    let up: Vec<usize> = down.iter().rev().copied().collect();
    let mut wish = centre;
    for pass in 0..PASSES {
        let (order, side, other) = match pass % 2 {
            0 => (&down, &neighbours.awaited, &neighbours.waiters),
            _ => (&up, &neighbours.waiters, &neighbours.awaited),
        };
        for number in order.iter().copied() {
            let level = &mut levels[number];
            for script in level.iter().copied() {
                wish[script] = wish_of(script, &last, side, other);
            }
            level.sort_by(|a, b| wish[*a].total_cmp(&wish[*b]).then(a.cmp(b)));
            place(level, firsts[number], columns, &wish, &mut last);
        }
        let mut tried = last.clone();
        if drawn.edges.len() <= EXCHANGED_EDGES_MAX {
            exchange(&mut tried, &levels, columns, &costs);
        }
        let cost = costs.all(&tried);
        if cost < best_cost {
            (best, best_cost) = (tried, cost);
        }
    }
    exchange(&mut best, &levels, columns, &costs);
    let lines = levels.iter().enumerate();
    let line = |(number, level): (usize, &Vec<usize>)| vec![number; level.len().div_ceil(columns)];
    Places {
        scripts: best,
        lines: lines.flat_map(line).collect(),
        columns,
    }
}

/// Scripts at the other ends of a script's edges, each with the weight of that edge.
type Ends = Vec<(usize, usize)>;

/// By script, the other ends of its edges.
struct Neighbours {
    awaited: Vec<Ends>,
    waiters: Vec<Ends>,
}

impl Neighbours {
    fn of(count: usize, drawn: &Drawn<'_>) -> Neighbours {
        let mut neighbours = Neighbours {
            awaited: vec![Vec::new(); count],
            waiters: vec![Vec::new(); count],
        };
        for edge in &drawn.edges {
            let (awaited, waiter) = (edge.wait.awaited, edge.waiter);
            neighbours.awaited[waiter].push((awaited, weight(edge)));
            neighbours.waiters[awaited].push((waiter, weight(edge)));
        }
        neighbours
    }
}

/// The longest chain should run straight.
fn weight(edge: &Line<'_>) -> usize {
    if edge.is_chain { 4 } else { 1 }
}

/// The column where a script would like to be: the mean of its neighbours on one side, else on the
/// other, else where it is.
fn wish_of(script: usize, places: &[Place], side: &[Ends], other: &[Ends]) -> f64 {
    let mean = |ends: &Ends| {
        let weights: usize = ends.iter().map(|(_, weight)| weight).sum();
        let column = |(script, weight): &(usize, usize)| places[*script].column * weight;
        let sum: usize = ends.iter().map(column).sum();
        (weights > 0).then(|| sum as f64 / weights as f64)
    };
    mean(&side[script])
        .or_else(|| mean(&other[script]))
        .unwrap_or(places[script].column as f64)
}

/// The first line of each level.
fn first_lines(levels: &[Vec<usize>], columns: usize) -> Vec<usize> {
    let mut next = 0;
    let first = |level: &Vec<usize>| {
        let first = next;
        next += level.len().div_ceil(columns);
        first
    };
    levels.iter().map(first).collect()
}

/// Puts a sorted level into lines and columns.
fn place(level: &[usize], first: usize, columns: usize, wish: &[f64], places: &mut [Place]) {
    let lines = level.len().div_ceil(columns);
    if lines == 1 {
        let wishes: Vec<f64> = level.iter().map(|script| wish[*script]).collect();
        for (script, column) in level.iter().zip(nearest(&wishes, columns)) {
            let line = first;
            places[*script] = Place { line, column };
        }
        return;
    }
    // Column by column, so that what belongs together stands together.
    for (at, script) in level.iter().enumerate() {
        places[*script] = Place {
            line: first + at % lines,
            column: at / lines,
        };
    }
}

/// Different columns in this order, as near to these sorted wishes as can be (least squares).
fn nearest(wishes: &[f64], columns: usize) -> Vec<usize> {
    // With its rank taken off, a column may equal the one before: runs that fall are evened out.
    let mut runs: Vec<(f64, usize)> = Vec::new();
    for (rank, wish) in wishes.iter().enumerate() {
        let mut run = (wish - rank as f64, 1);
        while let Some(before) = runs.last().filter(|before| before.0 >= run.0) {
            let count = before.1 + run.1;
            let sum = before.0 * before.1 as f64 + run.0 * run.1 as f64;
            run = (sum / count as f64, count);
            runs.pop();
        }
        runs.push(run);
    }
    let free = columns.saturating_sub(wishes.len());
    let bases = runs.iter().flat_map(|(base, count)| vec![*base; *count]);
    bases
        .enumerate()
        .map(|(rank, base)| base.round().clamp(0.0, free as f64) as usize + rank)
        .collect()
}

/// Lets neighbours of one line change places, and scripts move to an empty place beside them, as long
/// as that costs less.
fn exchange(places: &mut [Place], levels: &[Vec<usize>], columns: usize, costs: &Costs<'_>) {
    let one_line = levels.iter().filter(|level| level.len() <= columns);
    let rows: Vec<&Vec<usize>> = one_line.collect();
    for _ in 0..EXCHANGES {
        let mut is_better = false;
        for row in &rows {
            for column in 1..columns {
                let at = |column| {
                    let mut row = row.iter().copied();
                    row.find(|script| places[*script].column == column)
                };
                let pair = [at(column - 1), at(column)];
                if pair == [None, None] {
                    continue;
                }
                let before = costs.of_pair(pair, places);
                let move_to = |places: &mut [Place], columns: [usize; 2]| {
                    for (script, column) in pair.iter().zip(columns) {
                        if let Some(script) = script {
                            places[*script].column = column;
                        }
                    }
                };
                move_to(places, [column, column - 1]);
                if costs.of_pair(pair, places) < before {
                    is_better = true;
                } else {
                    move_to(places, [column - 1, column]);
                }
            }
        }
        if !is_better {
            return;
        }
    }
}

/// What a drawing with these places costs.
struct Costs<'a> {
    drawn: &'a Drawn<'a>,
    sides: Sides,
    /// By script, its edges.
    edges: Vec<Vec<usize>>,
}

impl<'a> Costs<'a> {
    fn of(count: usize, drawn: &'a Drawn<'a>) -> Costs<'a> {
        let mut edges = vec![Vec::new(); count];
        for (number, edge) in drawn.edges.iter().enumerate() {
            edges[edge.waiter].push(number);
            edges[edge.wait.awaited].push(number);
        }
        let sides = Sides::of(count, drawn);
        Costs {
            drawn,
            sides,
            edges,
        }
    }

    /// How often lines meet, then how far they go aside.
    fn all(&self, places: &[Place]) -> (usize, usize) {
        self.cost(0..self.drawn.edges.len(), places)
    }

    /// The same, of the lines of two scripts alone.
    fn of_pair(&self, pair: [Option<usize>; 2], places: &[Place]) -> (usize, usize) {
        let edges = pair
            .iter()
            .flatten()
            .flat_map(|script| &self.edges[*script]);
        self.cost(edges.copied(), places)
    }

    fn cost(&self, edges: impl Iterator<Item = usize>, places: &[Place]) -> (usize, usize) {
        let course = |edge| self.sides.course(edge, self.drawn, places);
        let count = match self.drawn.edges.len() {
            count if count <= COUNTED_EDGES_MAX => count,
            _ => 0,
        };
        let all: Vec<Course> = (0..count).map(course).collect();
        let (mut meetings, mut aside) = (0, 0);
        for edge in edges {
            let own = course(edge);
            aside += own.aside() * weight(&self.drawn.edges[edge]);
            meetings += all.iter().filter(|other| own.meets(other)).count();
        }
        (meetings, aside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_near_to_the_wishes() {
        let check = |wishes: &[f64], columns, expected: &[usize]| {
            assert_eq!(nearest(wishes, columns), expected, "{wishes:?}");
        };
        check(&[], 3, &[]);
        check(&[1.0], 3, &[1]);
        check(&[5.0], 3, &[2]);
        check(&[1.0, 1.0, 1.0], 3, &[0, 1, 2]);
        check(&[0.0, 4.0], 5, &[0, 4]);
        check(&[2.0, 2.0], 5, &[2, 3]);
        check(&[4.0, 4.0], 5, &[3, 4]);
    }
}
