//! Every bound of the record, unit last.

/// Bytes of a frame before its payload.
pub const FRAME_HEADER_BYTES: usize = 24;
/// Bytes of a frame behind its payload: the checksum.
pub const FRAME_TRAILER_BYTES: usize = 4;
/// The largest payload. Output of scripts is cut into pieces that fit.
pub const PAYLOAD_BYTES_MAX: usize = 4000;
/// The largest frame. Below 4096, so one block buffer holds any frame.
pub const FRAME_BYTES_MAX: usize = FRAME_HEADER_BYTES + PAYLOAD_BYTES_MAX + FRAME_TRAILER_BYTES;
/// Output carried by one frame: small, because one damaged byte loses the whole frame.
pub const OUTPUT_BYTES_MAX: usize = 960;
/// Text carried by one field: names, paths, reasons. Longer text is cut when the event is encoded.
pub const TEXT_BYTES_MAX: usize = 256;
/// The kernel command line in `Born`: what x86 can have is 2048, what anybody writes is far less.
pub const COMMAND_LINE_BYTES_MAX: usize = 1024;
/// What is known of one thing of an inventory.
pub const FACTS_BYTES_MAX: usize = 512;
/// Text fields of one event beside the command line. New text keys must fit below this.
pub const TEXT_FIELDS_MAX: usize = 10;

/// The first block of a store: its header, twice.
pub const STORE_BLOCK_BYTES: u32 = 4096;
/// One header, of a store or of a segment. A disk writes these bytes whole or not at all.
pub const HEADER_BYTES: usize = 64;
/// A segment when nothing else is asked for. A boot of an ordinary server takes one or two.
pub const SEGMENT_BYTES_DEFAULT: u32 = 32 * 1024;
/// The smallest segment: any frame must fit, with room to spare.
pub const SEGMENT_BYTES_MIN: u32 = 16 * 1024;
/// The largest segment.
pub const SEGMENT_BYTES_MAX: u32 = 1024 * 1024;
/// The fewest segments that make a ring: this boot and the one before.
pub const SEGMENT_COUNT_MIN: u32 = 2;
/// The most segments: a reader keeps a table of them, and a writer reads a header of each.
pub const SEGMENT_COUNT_MAX: u32 = 1024;

/// Bytes CBOR spends on a key and a length of one field, at most.
const FIELD_OVERHEAD_BYTES: usize = 5;
/// What the numbers of one event take at most.
const NUMBERS_BYTES: usize = 128;

const _: () = assert!(PAYLOAD_BYTES_MAX <= u16::MAX as usize);
const _: () = assert!(OUTPUT_BYTES_MAX + FIELD_OVERHEAD_BYTES + NUMBERS_BYTES <= PAYLOAD_BYTES_MAX);
const _: () = assert!(
    COMMAND_LINE_BYTES_MAX
        + TEXT_FIELDS_MAX * (TEXT_BYTES_MAX + FIELD_OVERHEAD_BYTES)
        + NUMBERS_BYTES
        <= PAYLOAD_BYTES_MAX
);
const _: () = assert!(FACTS_BYTES_MAX <= COMMAND_LINE_BYTES_MAX);
const _: () = assert!(FRAME_BYTES_MAX <= STORE_BLOCK_BYTES as usize);
const _: () = assert!(2 * FRAME_BYTES_MAX + 2 * HEADER_BYTES < SEGMENT_BYTES_MIN as usize);
const _: () = assert!(SEGMENT_BYTES_MIN > STORE_BLOCK_BYTES);
const _: () = assert!(SEGMENT_BYTES_MIN.is_power_of_two() && SEGMENT_BYTES_MAX.is_power_of_two());
