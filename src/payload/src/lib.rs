//! The payload: tools that a clean boot does not need, packed in one member of the image.
//!
//! The kernel copies it as it is; PID 1's helper unpacks it when somebody logs in or a check is due.
//! Packed by LZMA over all files at once, for static programs hold the same libc; the window is the
//! output itself. The reader allocates nothing: it is given the output and 16 KiB of [`Model`].
//!
//! A payload, little endian:
//!
//! ```text
//!   0  magic    8  "prepack\0"
//!   8  version  u16
//!  10  entries  u16
//!  12  header   u32   bytes before the stream
//!  16  crc32    u32   over byte 20 to the end of the header
//!  20  stream   u32   bytes of the stream, up to the end of the payload
//!  24  raw      u32   bytes of all files, unpacked
//!  28  entries, one after the other:
//!      { mode u16, path bytes u16, target bytes u16, zero u16, file bytes u32, crc32 u32,
//!        path, target }
//!  ..  the stream: raw LZMA (lc 3, lp 0, pb 2), the files one after the other
//! ```
//!
//! An entry with a target is a symbolic link to it and has no bytes; every other one is a file.
//! Entries stand in the order of their bytes: what is wanted first is unpacked first, and nothing
//! behind it.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "write"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(any(test, feature = "write"))]
mod draft;
pub mod limits;
mod lzma;
mod model;
mod payload;
mod unpack;

#[cfg(any(test, feature = "write"))]
pub use draft::{Draft, DraftEntry, DraftError, Packed};
pub use lzma::StreamError;
pub use model::Model;
pub use payload::{Entries, Entry, Payload, PayloadError};
pub use unpack::Unpacker;

#[cfg(test)]
mod tests;
