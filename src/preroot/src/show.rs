//! `preroot show`.

use clap::Args;

use crate::exit::Failure;

/// Prints the text form of a plan, which is what people review.
#[derive(Args)]
pub(crate) struct Show {}

impl Show {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        Err(Failure::wrong_input("not there yet"))
    }
}
