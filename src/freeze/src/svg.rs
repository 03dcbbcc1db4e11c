//! The order as a drawing: levels from top to bottom, scripts as boxes, who waits for whom as lines.
//!
//! One SVG file that needs nothing else: no scripts, no fonts, nothing from elsewhere. Each box and
//! each line has its reasons under the pointer. Edges that follow from others are left out, and the
//! legend says so; the same plan gives the same bytes.
//!
//! | file    | what it knows                                     |
//! |---------|---------------------------------------------------|
//! | `drawn` | which edges are drawn                             |
//! | `course` | curve or gutter, and what crosses                |
//! | `place` | lines and columns of the boxes, few crossings     |
//! | `page`  | pixels                                            |
//! | `route` | how a line gets past boxes that are not its own   |
//! | `boxes` | one runlevel's elements                           |
//! | `style` | colours, `xml` escapes                            |

mod boxes;
mod course;
mod drawn;
mod legend;
mod page;
mod place;
mod route;
mod style;
mod xml;

use std::fmt::Write;

use preroot_plan::Plan;

use crate::svg::boxes::Picture;
use crate::svg::legend::Legend;
use crate::svg::page::MARGIN;
use crate::svg::xml::{At, escape};
use crate::table::{heading, name, views};
use crate::text::rule;

/// Draws the runlevels that a boot goes through, or the one that is asked for. `Err` says that the
/// plan does not have it.
pub fn svg(plan: &Plan<'_>, runlevel: Option<u8>) -> Result<String, String> {
    let views = views(plan, runlevel)?;
    let pictures: Vec<Picture<'_>> = views.iter().map(|view| Picture::new(plan, *view)).collect();
    let legend = Legend::of(&pictures);
    let widths = pictures.iter().map(|picture| picture.page.width);
    let width = widths.fold(legend.width_min(), f64::max) + 2.0 * MARGIN;
    let mut body = String::new();
    let mut y = MARGIN + 16.0;
    let title = format!("{}: order", name(plan));
    let _ = writeln!(
        body,
        "<text class=\"title\" x=\"{MARGIN}\" y=\"{}\">{}</text>",
        At(y),
        escape(&title)
    );
    y += 20.0;
    let _ = writeln!(
        body,
        "<text class=\"soft\" x=\"{MARGIN}\" y=\"{}\">{}</text>",
        At(y),
        escape(&rule(plan))
    );
    y = legend.draw(width - 2.0 * MARGIN, y + 14.0, &mut body);
    for (number, picture) in pictures.iter().enumerate() {
        y = picture.draw(number, y + 18.0, width, &mut body);
    }
    let (width, height) = (At(width.ceil()), At((y + MARGIN).ceil()));
    let says: Vec<String> = views.iter().map(|view| escape(&heading(view))).collect();
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>{}</title>\n<desc>{}</desc>\n<style>\n{}</style>\n\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n{body}</svg>\n",
        escape(&title),
        says.join("\n"),
        style::STYLE,
    ))
}
