//! `preroot show`: a plan as people review it.

use std::path::{Path, PathBuf};

use clap::Args;
use preroot_plan::Plan;

use crate::exit::{Failure, print};

/// Prints the text form of a plan, which is what people review.
#[derive(Args)]
pub(crate) struct Show {
    /// The plan
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
}

impl Show {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let bytes = read(&self.plan)?;
        print(&preroot_freeze::text::text(&check(&self.plan, &bytes)?))
    }
}

/// Reads a plan's bytes.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::system(path, error))
}

/// Checks a plan's bytes.
pub(crate) fn check<'a>(path: &Path, bytes: &'a [u8]) -> Result<Plan<'a>, Failure> {
    Plan::check(bytes).map_err(|error| {
        let remedy = "freeze it again with this version of preroot";
        Failure::wrong_input(format!("{}: {error}\n    remedy: {remedy}", path.display()))
    })
}
