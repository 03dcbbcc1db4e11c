//! One frame: writing it into a buffer, and finding frames in bytes that may be damaged.
//!
//! A reader that meets damage looks for the next sync mark whose frame has a right checksum, and says
//! how many bytes it passed over.

use crate::bytes::field;
use crate::event::{Born, Event};
use crate::limits::{FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_TRAILER_BYTES, PAYLOAD_BYTES_MAX};

/// The first four bytes of a frame: `PRf` and a byte that no text has.
pub const SYNC: [u8; 4] = *b"PRf\xF5";

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The kind of event, a stable number ([`Event::kind`]).
    pub kind: u16,
    /// The tag of the boot this frame belongs to.
    pub boot: u32,
    /// The number of this frame in its boot.
    pub sequence: u32,
    /// CLOCK_MONOTONIC in nanoseconds: since the kernel started.
    pub time_ns: u64,
}

/// A frame found in bytes: header and payload, checksum checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What stands before the payload.
    pub header: Header,
    /// The CBOR map.
    pub payload: &'a [u8],
    /// The whole frame as it lies in the store.
    pub bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The event in the payload: `None` for a kind this reader does not know, or a payload that is
    /// not what its kind says.
    #[must_use]
    pub fn event(&self) -> Option<Event<'a>> {
        Event::decode(self.header.kind, self.payload)
    }

    /// The event in the payload if it is the first of a boot. Guests ask for no other, and are spared the code
    /// that reads the rest.
    #[must_use]
    pub fn born(&self) -> Option<Born<'a>> {
        let is_born = self.header.kind == Born::KIND;
        is_born
            .then(|| minicbor::decode(self.payload).ok())
            .flatten()
    }
}

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// Not a sync mark.
    Sync,
    /// The frame is longer than the bytes, or longer than a frame may be.
    Length,
    /// The checksum is wrong.
    Checksum,
}

/// Writes the frame of `event` to the front of `out` and returns its length.
///
/// Returns `None` when the event does not fit; callers bound text and output by [`crate::limits`],
/// so that is a bug, and a test demands that no event of bounded size meets it.
pub fn write_frame(header: &Header, event: &Event<'_>, out: &mut [u8]) -> Option<usize> {
    let room = out
        .len()
        .min(FRAME_BYTES_MAX)
        .checked_sub(FRAME_TRAILER_BYTES)?;
    let payload = event.encode(out.get_mut(FRAME_HEADER_BYTES..room)?)?;
    let length = u16::try_from(payload).ok()?;
    out.get_mut(0..4)?.copy_from_slice(&SYNC);
    out.get_mut(4..6)?
        .copy_from_slice(&header.kind.to_le_bytes());
    out.get_mut(6..8)?.copy_from_slice(&length.to_le_bytes());
    out.get_mut(8..12)?
        .copy_from_slice(&header.boot.to_le_bytes());
    out.get_mut(12..16)?
        .copy_from_slice(&header.sequence.to_le_bytes());
    out.get_mut(16..24)?
        .copy_from_slice(&header.time_ns.to_le_bytes());
    let end = FRAME_HEADER_BYTES + payload;
    let crc = preroot_crc::crc32(out.get(4..end)?);
    out.get_mut(end..end + FRAME_TRAILER_BYTES)?
        .copy_from_slice(&crc.to_le_bytes());
    Some(end + FRAME_TRAILER_BYTES)
}

/// The frame at the front of `bytes`.
pub(crate) fn read_frame(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    if field::<4>(bytes, 0) != Some(SYNC) {
        return Err(FrameError::Sync);
    }
    parse(bytes).ok_or(FrameError::Length)?
}

fn parse(bytes: &[u8]) -> Option<Result<Frame<'_>, FrameError>> {
    let length = usize::from(u16::from_le_bytes(field(bytes, 6)?));
    if length > PAYLOAD_BYTES_MAX {
        return None;
    }
    let end = FRAME_HEADER_BYTES + length;
    let crc = u32::from_le_bytes(field(bytes, end)?);
    if crc != preroot_crc::crc32(bytes.get(4..end)?) {
        return Some(Err(FrameError::Checksum));
    }
    Some(Ok(Frame {
        header: Header {
            kind: u16::from_le_bytes(field(bytes, 4)?),
            boot: u32::from_le_bytes(field(bytes, 8)?),
            sequence: u32::from_le_bytes(field(bytes, 12)?),
            time_ns: u64::from_le_bytes(field(bytes, 16)?),
        },
        payload: bytes.get(FRAME_HEADER_BYTES..end)?,
        bytes: bytes.get(..end + FRAME_TRAILER_BYTES)?,
    }))
}

/// How many bytes to pass over until another frame may begin; `bytes` begins with none.
pub(crate) fn resync(bytes: &[u8]) -> usize {
    let next = bytes.iter().skip(1).position(|&byte| byte == SYNC[0]);
    next.map_or(bytes.len(), |at| at + 1)
}

/// What a scan met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanned<'a> {
    /// A whole frame.
    Frame(Frame<'a>),
    /// This many bytes in a row were no frame.
    Skipped(usize),
}

/// Walks over bytes, frame by frame, and over damage.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    bytes: &'a [u8],
}

impl<'a> Scan<'a> {
    /// Starts at the front of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Scan<'a> {
        Scan { bytes }
    }

    /// The bytes that were not looked at yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Scanned<'a>;

    fn next(&mut self) -> Option<Scanned<'a>> {
        let mut skipped = 0;
        while let Some(rest) = self.bytes.get(skipped..).filter(|rest| !rest.is_empty()) {
            if let Ok(frame) = read_frame(rest) {
                if skipped > 0 {
                    break;
                }
                self.bytes = self.bytes.get(frame.bytes.len()..).unwrap_or_default();
                return Some(Scanned::Frame(frame));
            }
            skipped += resync(rest);
        }
        self.bytes = self.bytes.get(skipped..).unwrap_or_default();
        (skipped > 0).then_some(Scanned::Skipped(skipped))
    }
}
