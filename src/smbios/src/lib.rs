//! What the firmware says of a machine's memory: the SMBIOS structure table (DMTF DSP0134, 3.7.0), read only.
//!
//! [`structures`] walks the bytes of `/sys/firmware/dmi/tables/DMI` where they lie; [`Array`], [`Device`] and [`Range`] are
//! the structures that tell of memory. Nothing here writes, allocates, or trusts what it reads:
//!
//! - any bytes => no panic, and at most a structure for each six bytes;
//! - a structure that is broken => [`Broken`] says how and where, and the walk ends: nobody knows where the next begins;
//! - a field behind the end of its structure => `None`, for older firmware has shorter ones;
//! - a text that is not there => [`Structure::text`] says which.
//!
//! ```text
//! byte  0  type       u8    16 array, 17 device, 19 mapped range, 127 the end
//!       1  length     u8    of the formatted area, with these four bytes
//!       2  handle     u16   little-endian, as every number
//!       4  fields           a text is a u8: its number among those below, from 1; 0: none
//!  length  texts            each ended by a NUL, all of them by one more; two NULs when there is none
//! ```
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod memory;
mod structure;

pub use memory::{Array, Device, Range, Size};
pub use structure::{Broken, END, Fault, Structure, Structures, structures};

/// The longest table that is read, in bytes. One of version 2 has at most 65,535; the largest servers say some ten thousand.
pub const TABLE_BYTES_MAX: usize = 64 << 10;
