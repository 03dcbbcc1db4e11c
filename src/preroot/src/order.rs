//! `preroot order`: the levels of an order, on a screen or as a drawing.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::{Failure, print};
use crate::freeze::write;
use crate::source::TreeOptions;

/// Prints the levels of an order on one screen, or draws them with what waits for what.
#[derive(Args)]
pub(crate) struct Order {
    /// A plan, an image, or a root tree; - is standard input
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// One runlevel, S or 0 to 6; left out: S and the default one. A root tree has any of 1 to 5, as
    /// if inittab said so
    #[arg(long, value_name = "S|N", value_parser = runlevel)]
    runlevel: Option<u8>,

    /// Draw it, as SVG: levels from top to bottom, each script with its reasons under the pointer
    #[arg(long)]
    svg: bool,

    /// Where it goes; left out or -: standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    tree: TreeOptions,
}

impl Order {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let of_tree = self.runlevel.filter(|name| matches!(name, b'1'..=b'5'));
        let source = self.tree.read(&self.source, of_tree)?;
        let plan = source.plan()?;
        let text = if self.svg {
            preroot_freeze::svg::svg(&plan, self.runlevel)
        } else {
            preroot_freeze::table::table(&plan, self.runlevel)
        };
        let wrong = |text| Failure::wrong_input(format!("{}: {text}", self.source.display()));
        let text = text.map_err(wrong)?;
        match self.output.as_deref() {
            Some(path) if path != Path::new("-") => write(path, text.as_bytes()),
            _ => print(&text),
        }
    }
}

fn runlevel(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [b'S' | b's'] => Ok(b'S'),
        [digit @ b'0'..=b'6'] => Ok(*digit),
        _ => Err("S, or one of 0 to 6".to_string()),
    }
}
