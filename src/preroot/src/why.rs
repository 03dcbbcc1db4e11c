//! `preroot why`: one edge of the order, explained.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Failure, print};
use crate::source::TreeOptions;

/// Says why script A waits for script B, or that it does not.
#[derive(Args)]
pub(crate) struct Why {
    /// A plan, an image, or a root tree; - is standard input
    #[arg(value_name = "SOURCE")]
    source: PathBuf,

    /// The script that waits
    #[arg(value_name = "A")]
    waiter: String,

    /// The script that it may wait for
    #[arg(value_name = "B")]
    other: String,

    #[command(flatten)]
    tree: TreeOptions,
}

impl Why {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let source = self.tree.read(&self.source, None)?;
        let text = preroot_freeze::why::why(&source.plan()?, &self.waiter, &self.other);
        print(&text.map_err(Failure::wrong_input)?)
    }
}
