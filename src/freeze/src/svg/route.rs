//! How a line gets from one box to another without crossing a third.
//!
//! Its course is known; here are the pixels. What comes from or goes to one box in one gutter shares
//! a lane, so that many lines look like one.

use std::collections::BTreeMap;

use crate::svg::course::{Beside, Sides};
use crate::svg::drawn::Drawn;
use crate::svg::page::Page;
use crate::svg::place::Places;
use crate::svg::xml::At;

/// Lanes beside each other in a gutter.
const LANES: usize = 5;
/// From lane to lane.
const LANE_WIDTH: f64 = 3.0;
/// The corner where a line leaves its lane.
const CORNER: f64 = 5.0;
/// The widest step between two lines at one side of a box.
const PORT_WIDTH: f64 = 9.0;

/// Lines that share a lane: in this gutter, all from or to this script.
type Bundle = (usize, Beside, usize);

/// The `d` of each line's path, in the order of [`Drawn::edges`].
pub(super) fn routes(drawn: &Drawn<'_>, places: &Places, page: &Page) -> Vec<String> {
    let router = Router::new(drawn, places, page);
    (0..drawn.edges.len())
        .map(|edge| router.path(edge))
        .collect()
}

struct Router<'a> {
    drawn: &'a Drawn<'a>,
    places: &'a Places,
    page: &'a Page,
    /// By edge: the bundle, where it goes through a gutter.
    bundles: Vec<Option<Bundle>>,
    lanes: BTreeMap<Bundle, usize>,
    /// By edge: where it leaves and where it enters its boxes.
    ports: Vec<(f64, f64)>,
}

impl<'a> Router<'a> {
    fn new(drawn: &'a Drawn<'a>, places: &'a Places, page: &'a Page) -> Router<'a> {
        let mut router = Router {
            drawn,
            places,
            page,
            bundles: Vec::new(),
            lanes: BTreeMap::new(),
            ports: vec![(0.0, 0.0); drawn.edges.len()],
        };
        router.bundles = router.bundles();
        router.lanes = router.choose_lanes();
        router.choose_ports();
        router
    }

    fn ends(&self, edge: usize) -> (usize, usize) {
        let edge = &self.drawn.edges[edge];
        (edge.wait.awaited, edge.waiter)
    }

    /// What shares a lane: all from or to the script at the other end.
    fn bundles(&self) -> Vec<Option<Bundle>> {
        let sides = Sides::of(self.places.scripts.len(), self.drawn);
        let bundle = |edge: usize| {
            let course = sides.course(edge, self.drawn, &self.places.scripts);
            let gutter = course.gutter?;
            Some((gutter.column, gutter.beside, gutter.far))
        };
        (0..self.drawn.edges.len()).map(bundle).collect()
    }

    /// Bundles that are in a gutter at the same height get lanes of their own, as long as there are
    /// any.
    fn choose_lanes(&self) -> BTreeMap<Bundle, usize> {
        let mut spans: BTreeMap<Bundle, (usize, usize)> = BTreeMap::new();
        for (edge, bundle) in self.bundles.iter().enumerate() {
            let Some(bundle) = bundle else { continue };
            let (awaited, waiter) = self.ends(edge);
            let top = self.places.scripts[awaited].line;
            let bottom = self.places.scripts[waiter].line;
            let span = spans.entry(*bundle).or_insert((top, bottom));
            *span = (span.0.min(top), span.1.max(bottom));
        }
        let mut lanes: BTreeMap<Bundle, usize> = BTreeMap::new();
        for (bundle, span) in &spans {
            let meets = |other: &&Bundle| {
                other.0 == bundle.0 && spans[*other].0 < span.1 && span.0 < spans[*other].1
            };
            let taken: Vec<usize> = lanes
                .keys()
                .filter(meets)
                .map(|other| lanes[other])
                .collect();
            let free = (0..LANES).find(|lane| !taken.contains(lane));
            lanes.insert(*bundle, free.unwrap_or(taken.len() % LANES));
        }
        lanes
    }

    /// Lines that leave or enter a box through its long side do so beside each other, in the order of
    /// where they come from.
    fn choose_ports(&mut self) {
        let count = self.places.scripts.len();
        let (mut leaving, mut entering) = (vec![Vec::new(); count], vec![Vec::new(); count]);
        for edge in 0..self.drawn.edges.len() {
            let (awaited, waiter) = self.ends(edge);
            let beside = self.bundles[edge].map(|bundle| bundle.1);
            if beside != Some(Beside::Awaited) {
                leaving[awaited].push(edge);
            }
            if beside != Some(Beside::Waiter) {
                entering[waiter].push(edge);
            }
        }
        for script in 0..count {
            for (side, edges) in [&mut leaving[script], &mut entering[script]]
                .into_iter()
                .enumerate()
            {
                let far = |edge: &usize| match (self.bundles[*edge], self.ends(*edge)) {
                    (Some(bundle), _) => self.lane_x(bundle),
                    (None, ends) => {
                        let other = if side == 0 { ends.1 } else { ends.0 };
                        self.page.centre(self.places.scripts[other].column)
                    }
                };
                edges.sort_by(|a, b| far(a).total_cmp(&far(b)).then(a.cmp(b)));
                // What shares a lane leaves as one line.
                let mut groups: Vec<(f64, Vec<usize>)> = Vec::new();
                for edge in edges.iter() {
                    match groups.last_mut() {
                        Some((x, group)) if *x == far(edge) => group.push(*edge),
                        _ => groups.push((far(edge), vec![*edge])),
                    }
                }
                let room = self.page.box_width - 20.0;
                let step = PORT_WIDTH.min(room / groups.len().max(1) as f64);
                let middle = (groups.len() as f64 - 1.0) / 2.0;
                let centre = self.page.centre(self.places.scripts[script].column);
                for (at, (_, group)) in groups.iter().enumerate() {
                    for edge in group {
                        let x = centre + (at as f64 - middle) * step;
                        match side {
                            0 => self.ports[*edge].0 = x,
                            _ => self.ports[*edge].1 = x,
                        }
                    }
                }
            }
        }
    }

    fn lane_x(&self, bundle: Bundle) -> f64 {
        let lane = self.lanes.get(&bundle).copied().unwrap_or(0);
        // The middle one first, then to both sides of it.
        let steps = lane.div_ceil(2) as f64 * if lane % 2 == 0 { 1.0 } else { -1.0 };
        self.page.gutter(bundle.0) + steps * LANE_WIDTH
    }

    fn path(&self, edge: usize) -> String {
        let (awaited, waiter) = self.ends(edge);
        let (from, to) = (self.places.scripts[awaited], self.places.scripts[waiter]);
        let (x1, x2) = self.ports[edge];
        let (y1, y2) = (self.page.bottom(from.line), self.page.top(to.line));
        let Some(bundle) = self.bundles[edge] else {
            let middle = f64::midpoint(y1, y2);
            return format!("M{} {}{}", At(x1), At(y1), curve(x1, middle, x2, y2));
        };
        let x = self.lane_x(bundle);
        match bundle.1 {
            Beside::Waiter => {
                let next = self.page.top(from.line + 1);
                let middle = f64::midpoint(y1, next);
                let side = self.page.side(to.column, bundle.0);
                let end = self.page.middle(to.line);
                format!(
                    "M{} {}{}V{}Q{} {} {} {}H{}",
                    At(x1),
                    At(y1),
                    curve(x1, middle, x, next),
                    At(end - CORNER),
                    At(x),
                    At(end),
                    At(if side > x { x + CORNER } else { x - CORNER }),
                    At(end),
                    At(side),
                )
            }
            Beside::Awaited => {
                let side = self.page.side(from.column, bundle.0);
                let start = self.page.middle(from.line);
                let last = self.page.bottom(to.line - 1);
                let middle = f64::midpoint(last, y2);
                format!(
                    "M{} {}H{}Q{} {} {} {}V{}{}",
                    At(side),
                    At(start),
                    At(if side > x { x + CORNER } else { x - CORNER }),
                    At(x),
                    At(start),
                    At(x),
                    At(start + CORNER),
                    At(last),
                    curve(x, middle, x2, y2),
                )
            }
        }
    }
}

/// A curve that begins and ends upright.
fn curve(x1: f64, middle: f64, x2: f64, y2: f64) -> String {
    if (x1 - x2).abs() < 0.05 {
        return format!("V{}", At(y2));
    }
    format!(
        "C{} {} {} {} {} {}",
        At(x1),
        At(middle),
        At(x2),
        At(middle),
        At(x2),
        At(y2)
    )
}
