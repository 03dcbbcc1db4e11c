//! PID 1 on Linux: [`linux::Linux`] is the boot core's [`Machine`](preroot_boot::machine::Machine), and
//! [`roles`] are the helpers that do for it whatever can hang.
//!
//! | file | what |
//! |---|---|
//! | `pid1.rs` | from the first instruction to the boot core |
//! | `in_place.rs` | a root that the kernel has mounted itself: unpacking the image beside it (`cpio.rs`) |
//! | `linux.rs`, `linux/` | the machine, one noun a file |
//! | `roles.rs`, `roles/` | the helpers |
//! | `last_stand.rs` | what is left when the core has panicked |
//! | `statics.rs` | all memory there is |
//! | `limits.rs` | all bounds |
//!
//! A library, so that it is tested on the host. Two programs add the process entry and a panic handler each: `main.rs` is PID 1,
//! `helper.rs` the helpers.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod cpio;
pub mod in_place;
pub mod last_stand;
pub mod limits;
pub mod linux;
pub mod pid1;
mod reach;
pub mod roles;
pub mod statics;
