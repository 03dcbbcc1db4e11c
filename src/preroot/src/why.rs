//! `preroot why`: one edge of the order, explained.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Failure, print};
use crate::show::{check, read};

/// Says why script A waits for script B, or that it does not.
#[derive(Args)]
pub(crate) struct Why {
    /// The plan
    #[arg(value_name = "PLAN")]
    plan: PathBuf,

    /// The script that waits
    #[arg(value_name = "A")]
    waiter: String,

    /// The script that it may wait for
    #[arg(value_name = "B")]
    other: String,
}

impl Why {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let bytes = read(&self.plan)?;
        let plan = check(&self.plan, &bytes)?;
        let text = preroot_freeze::why::why(&plan, &self.waiter, &self.other);
        print(&text.map_err(Failure::wrong_input)?)
    }
}
