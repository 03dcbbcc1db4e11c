//! `preroot freeze`.

use clap::Args;

use crate::exit::Failure;

/// Computes the start order of a root tree and freezes it, with a config, into a plan.
#[derive(Args)]
pub(crate) struct Freeze {}

impl Freeze {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        Err(Failure::wrong_input("not there yet"))
    }
}
