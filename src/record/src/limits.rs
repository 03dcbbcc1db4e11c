//! Every bound of the record, unit last.

/// Bytes of a frame before its payload.
pub const FRAME_HEADER_BYTES: usize = 24;
/// Bytes of a frame behind its payload: the checksum.
pub const FRAME_TRAILER_BYTES: usize = 4;
/// The largest payload. Output of scripts is cut into pieces that fit.
pub const PAYLOAD_BYTES_MAX: usize = 1000;
/// The largest frame.
pub const FRAME_BYTES_MAX: usize = FRAME_HEADER_BYTES + PAYLOAD_BYTES_MAX + FRAME_TRAILER_BYTES;
/// Output carried by one frame: what is left of a payload beside the map and its other keys.
pub const OUTPUT_BYTES_MAX: usize = 960;
/// Text carried by one event: names, paths, reasons. Longer text is cut at a character boundary.
pub const TEXT_BYTES_MAX: usize = 256;

const _: () = assert!(PAYLOAD_BYTES_MAX <= u16::MAX as usize);
const _: () = assert!(OUTPUT_BYTES_MAX + 32 <= PAYLOAD_BYTES_MAX);
