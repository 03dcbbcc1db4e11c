//! `preroot show`: a plan as people review it.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Failure, print};
use crate::source::TreeOptions;

/// Prints the text form of a plan, which is what people review.
#[derive(Args)]
pub(crate) struct Show {
    /// A plan, an image, or a root tree; - is standard input
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    #[command(flatten)]
    tree: TreeOptions,
}

impl Show {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let source = self.tree.read(&self.source, None)?;
        print(&preroot_freeze::text::text(&source.plan()?))
    }
}
