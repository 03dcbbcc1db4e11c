//! `preroot bake-host`: gives one machine an identity of its own, in front of the image that all have.

use std::path::{Path, PathBuf};

use clap::Args;
use preroot_bake::{HostRecipe, bake_host, write_whole};

use crate::exit::Failure;

/// Puts one machine's host key, and what a CA says about it, in front of an image.
///
/// The image must have been baked with rescue.make-host-key = true: a machine without a key of its own makes one
/// at each boot. The same input gives the same bytes.
#[derive(Args)]
pub(crate) struct BakeHost {
    /// The image that all machines have
    #[arg(long, value_name = "IMAGE")]
    image: PathBuf,

    /// This machine's host key, in the format of the image's sshd
    #[arg(long, value_name = "FILE")]
    host_key: PathBuf,

    /// What a CA says about that key
    #[arg(long, value_name = "FILE")]
    host_certificate: Option<PathBuf>,

    /// Write only what comes in front, for a boot loader that loads several files as one initramfs
    #[arg(long)]
    alone: bool,

    /// Where it goes
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

impl BakeHost {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let recipe = HostRecipe {
            image: self.image.clone(),
            host_key: self.host_key.clone(),
            host_certificate: self.host_certificate.clone(),
        };
        let baked = bake_host(&recipe).map_err(|error| {
            let text = format!("error: {error}\nrefused: no image is written");
            match error.is_system() {
                true => Failure::system_text(text),
                false => Failure::wrong_input(text),
            }
        })?;
        let mut bytes = baked.front;
        if !self.alone {
            bytes.extend_from_slice(&baked.image);
        }
        let output: &Path = &self.output;
        write_whole(output, &bytes).map_err(|error| Failure::system(output, error))
    }
}
