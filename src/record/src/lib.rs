//! The boot record: what happened, as a sequence of frames.
//!
//! Writer (PID 1) and readers (`bootlog`, the test harness) link this crate, so they cannot drift.
//! It does no IO and allocates nothing: it turns events into bytes, bytes into events, and knows how
//! a store is laid out.
//!
//! One frame, little endian, no padding:
//!
//! ```text
//!  0        4        6        8          12         16              24        24+n      28+n
//!  +--------+--------+--------+----------+----------+---------------+---------+---------+
//!  | sync   | kind   | length | boot     | sequence | monotonic     | payload | crc32   |
//!  | u32    | u16    | u16 =n | u32      | u32      | ns u64        | n bytes | u32     |
//!  +--------+--------+--------+----------+----------+---------------+---------+---------+
//! ```
//!
//! `crc32` (IEEE, as zlib's) covers everything from `kind` to the end of the payload. `boot` is a
//! random tag of this boot: it tells the frames of two boots apart wherever they lie. `sequence` counts
//! from 0 within a boot; a gap says how many frames were lost. The payload is a CBOR map (RFC 8949) with small
//! integer keys; a reader skips keys and kinds it does not know, so every record ever written stays
//! readable.
//!
//! Frames lie one after the other in `/run/preroot/record`, and in the segments of a store, which keeps many boots
//! (its bytes are drawn in `store.rs`). The whole format, with every kind and key, is a page of its own, `FORMAT.md`.
//! [`Writer`] appends to a store, [`Store`] and [`Frames`] read one.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod bytes;
mod event;
mod frame;
pub mod limits;
mod meaning;
mod past;
mod reader;
mod ring;
mod store;
mod text;
mod writer;

pub use event::*;
pub use frame::{Frame, FrameError, Header, SYNC, Scan, Scanned, write_frame};
pub use meaning::{Meaning, exit_words, not_started_words};
pub use past::{Kept, Past};
pub use reader::{Found, Frames, KeptBoot, Store, raw_tags};
pub use store::{
    Extent, HeaderError, STORE_HEADER_OFFSETS, STORE_MAGIC, SegmentHeader, StoreHeader,
};
pub use text::{cut, text};
pub use writer::{Appended, Boot, Media, StoreError, Writer, is_bulk};
