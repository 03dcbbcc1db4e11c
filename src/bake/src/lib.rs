//! From a plan, tools and kernel modules to an initramfs image.
//!
//! [`bake()`] takes a [`Recipe`] and gives an [`Image`]: the bytes, and why each member is there. It
//! reads and never writes, runs nothing, and knows no clock: the same input gives the same bytes.
//! Invariant: what is in an image can be started there. Every tool has its libraries and its loader,
//! every module is for the plan's kernel, every key is one that dropbear takes; what is not is
//! refused here, naming file and remedy.
//!
//! [`replan()`] puts another plan into an image that was baked, and [`bake_host()`] one machine's key in front of it; all else
//! in it stays as it was.
//!
//! [`Listing`] reads any image back: what is in it and, where we baked it, why.
#![forbid(unsafe_code)]

mod bake;
mod compress;
mod contents;
mod cpio;
mod deb;
mod demands;
mod digest;
mod elf;
mod error;
mod file;
mod host_image;
mod keys;
mod layout;
pub mod limits;
mod list;
mod modules;
mod openssh_keys;
mod pack;
mod replan;
mod rescue;
mod sources;
mod sshd_config;
mod tools;

pub use bake::{ExtraFile, Image, Recipe, bake};
pub use compress::Compression;
pub use cpio::{Archive, CpioError, Kind, Member};
pub use error::Error;
pub use file::write_whole;
pub use host_image::{HostImage, HostRecipe, bake_host};
pub use list::Listing;
pub use pack::Packing;
pub use replan::{Replan, replan};
pub use rescue::{Backend, HostKeys, Rescue};
pub use tools::Tool;
