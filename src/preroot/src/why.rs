//! `preroot why`.

use clap::Args;

use crate::exit::Failure;

/// Says why a script waits for another.
#[derive(Args)]
pub(crate) struct Why {}

impl Why {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        Err(Failure::wrong_input("not there yet"))
    }
}
