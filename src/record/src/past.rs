//! The boots of a store that is read piece by piece: one segment in memory, the rest where it lies.
//!
//! ```text
//! let past = Past::open(&mut media, size, &mut room)?;
//! for tag in past.boots() {                      // the latest first
//!     for segment in past.segments(tag) {        // the oldest first
//!         let length = past.read(&mut media, segment, &mut room)?;
//!         for found in Frames::raw(&room[..length], tag) { ... }
//!     }
//! }
//! ```
//!
//! Nothing is written, and whatever the bytes are, what comes out is what [`crate::Store`] would find: frames with a right
//! checksum. A store whose header and its copy are both gone is none; the next [`crate::Writer`] mends it.

use crate::limits::{HEADER_BYTES, SEGMENT_COUNT_MIN, STORE_BLOCK_BYTES};
use crate::reader::first_tag;
use crate::ring::Ring;
use crate::store::{HeaderError, STORE_HEADER_OFFSETS, SegmentHeader, StoreHeader};
use crate::writer::{Media, StoreError, read_segment};

/// Where the boots of a store lie.
#[derive(Debug, Clone)]
pub struct Past {
    ring: Ring,
}

/// A segment of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    slot: u32,
}

impl Past {
    /// Looks at the headers of a store of `size` bytes. `room` is for a segment whose header is lost; with less than that it
    /// is passed over.
    ///
    /// # Errors
    /// When the medium fails, or this is no store.
    pub fn open<M: Media>(
        media: &mut M,
        size: u64,
        room: &mut [u8],
    ) -> Result<Past, StoreError<M::Error>> {
        let mut past = Past {
            ring: Ring::new(shape(media, size)?),
        };
        let mut newest: Option<SegmentHeader> = None;
        for slot in 0..past.ring.shape.segment_count {
            let tag = match read_segment(media, &past.ring.shape, slot)? {
                Some(header) => {
                    if newest.is_none_or(|newest| newest.number < header.number) {
                        newest = Some(header);
                        past.ring.newest = slot;
                    }
                    Some(header.boot)
                }
                None => past.lost_tag(media, slot, room)?,
            };
            past.ring.set(slot, tag);
        }
        Ok(past)
    }

    /// Whose a segment is that has no header: it was never begun, or both copies are damaged.
    fn lost_tag<M: Media>(
        &self,
        media: &mut M,
        slot: u32,
        room: &mut [u8],
    ) -> Result<Option<u32>, StoreError<M::Error>> {
        let start = self.ring.shape.extent(slot).frames_start();
        let mut front = [0; HEADER_BYTES];
        media
            .read_at(start, &mut front)
            .map_err(StoreError::Media)?;
        // Where one was begun there is a frame.
        if front.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let length = self.read(media, Kept { slot }, room)?;
        Ok(first_tag(room.get(..length).unwrap_or_default()))
    }

    /// Bytes of a segment, at most.
    #[must_use]
    pub fn segment_bytes(&self) -> usize {
        usize::try_from(self.ring.shape.segment_bytes).unwrap_or(usize::MAX)
    }

    /// The tags of the boots, the latest first, in the order of [`crate::Store::boots`].
    pub fn boots(&self) -> impl Iterator<Item = u32> + '_ {
        self.ring.boots().rev().map(|(tag, _)| tag)
    }

    /// The segments of a boot, the oldest first.
    pub fn segments(&self, tag: u32) -> impl DoubleEndedIterator<Item = Kept> + '_ {
        self.ring.of(tag).map(|slot| Kept { slot })
    }

    /// Reads where the frames of a segment are, with what else is there, and returns how many bytes that are. Of too little
    /// room nothing is filled.
    ///
    /// # Errors
    /// When the medium fails.
    pub fn read<M: Media>(
        &self,
        media: &mut M,
        segment: Kept,
        room: &mut [u8],
    ) -> Result<usize, StoreError<M::Error>> {
        let extent = self.ring.shape.extent(segment.slot);
        let length = extent.frames_end() - extent.frames_start();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(room) = room.get_mut(..length) else {
            return Ok(0);
        };
        let start = extent.frames_start();
        media.read_at(start, room).map_err(StoreError::Media)?;
        Ok(length)
    }
}

/// The shape that the store's header tells, or its copy.
fn shape<M: Media>(media: &mut M, size: u64) -> Result<StoreHeader, StoreError<M::Error>> {
    if size < u64::from(STORE_BLOCK_BYTES) {
        return Err(StoreError::TooSmall);
    }
    let mut error = StoreError::NotAStore;
    for offset in STORE_HEADER_OFFSETS {
        let mut bytes = [0; HEADER_BYTES];
        media
            .read_at(offset, &mut bytes)
            .map_err(StoreError::Media)?;
        match StoreHeader::decode(&bytes).map(|header| header.within(size)) {
            Ok(header) if header.segment_count < SEGMENT_COUNT_MIN => {
                error = StoreError::TooSmall;
            }
            Ok(header) => return Ok(header),
            Err(HeaderError::Newer(version)) => return Err(StoreError::Newer(version)),
            Err(_) => {}
        }
    }
    Err(error)
}
