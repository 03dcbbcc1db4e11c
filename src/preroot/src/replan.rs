//! `preroot replan`: puts another plan into an image that was baked, and changes nothing else in it.

use std::path::PathBuf;

use clap::Args;
use preroot_bake::{Compression, write_whole};

use crate::bake::{compression, refused};
use crate::exit::Failure;

/// Puts another plan into an image; programs, keys and modules in it stay as they are, byte for byte.
///
/// For an order, a deadline, a host table or expectations of the hardware that change in an image that is known to be good. What the
/// plan wants must be in the image. What is baked from other settings than the plan's (tools, files, the
/// sshd with its keys and certificates) stays as it was: that wants an image of its own. The same input gives the same bytes.
#[derive(Args)]
pub(crate) struct Replan {
    /// The image
    #[arg(value_name = "IMAGE")]
    image: PathBuf,

    /// The plan that it is to have, or an image that has it
    #[arg(long, value_name = "PLAN")]
    plan: PathBuf,

    /// zstd, gzip, lz4 or none, instead of the image's
    #[arg(long, value_name = "NAME", value_parser = compression)]
    compression: Option<Compression>,

    /// Where the new image goes
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

impl Replan {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let recipe = preroot_bake::Replan {
            image: self.image.clone(),
            plan: self.plan.clone(),
            compression: self.compression,
        };
        let bytes = preroot_bake::replan(&recipe).map_err(|errors| refused(&errors))?;
        write_whole(&self.output, &bytes).map_err(|error| Failure::system(&self.output, error))
    }
}
