//! Appends the frames of one boot to a store, without a heap, in a process that may end at any time.
//!
//! ```text
//! let mut writer = Writer::open(&mut media, size, Boot { tag, epoch_ns })?;
//! loop {
//!     let done = writer.append(&mut media, &buffer[..filled])?;
//!     // keep what is behind done.consumed: it may be the front of a frame
//! }
//! ```
//!
//! It reads the segment headers to find its place, so nothing is remembered between two processes
//! but the store itself. Frames that are already kept are passed over, so a helper may always offer
//! the whole of `/run/preroot/record`. The same frames end up at the same offsets however often
//! a helper was killed on the way.
//!
//! **A boot takes at most half of the ring**, so that one that floods its record cannot push out the
//! boots before it. In the last half segment of that share only milestones are kept
//! ([`is_bulk`] says what is not one), and nothing when it is full. What is dropped shows as a gap in
//! the sequence.
//!
//! Order of writes: a segment is claimed by its header, then its old bytes are zeroed, then frames
//! are appended, each `append` in one write a segment. Open the medium with `O_DSYNC`, or sync after
//! `append`.

use crate::frame::{Frame, read_frame, resync};
use crate::limits::{FRAME_BYTES_MAX, HEADER_BYTES, STORE_BLOCK_BYTES};
use crate::store::{HeaderError, STORE_HEADER_OFFSETS, SegmentHeader, StoreHeader};

const BLOCK_BYTES: usize = STORE_BLOCK_BYTES as usize;

/// Where a store lies: a file or a partition.
pub trait Media {
    /// What goes wrong (an errno).
    type Error;

    /// Fills `out` from `offset`.
    ///
    /// # Errors
    /// When not all of it could be read.
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Self::Error>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// When not all of it could be written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Self::Error>;
}

/// Why a store cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreError<E> {
    /// The medium failed.
    Media(E),
    /// Too few bytes for two segments.
    TooSmall,
    /// The bytes are something else, so they are left alone.
    NotAStore,
    /// A later version wrote it.
    Newer(u32),
}

/// The boot whose frames are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// The tag in its frames.
    pub tag: u32,
    /// `Born::epoch_ns`.
    pub epoch_ns: u64,
}

/// What an `append` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Bytes of the input that need not be offered again. What is left may be the front of a frame.
    pub consumed: usize,
    /// Frames written.
    pub kept: u32,
    /// Frames for which this boot has no room left.
    pub dropped: u32,
}

/// Whether frames of this kind may be left out so that milestones fit: output, and what repeats.
#[must_use]
pub fn is_bulk(kind: u16) -> bool {
    // Network, Sshd, Output, Service, Note.
    matches!(kind, 5 | 6 | 15 | 17 | 20)
}

/// The writing end of a store.
#[derive(Debug, Clone)]
pub struct Writer {
    store: StoreHeader,
    boot: Boot,
    newest: Option<SegmentHeader>,
    place: Option<Place>,
    next_sequence: u32,
}

/// Where the next frame goes.
#[derive(Debug, Clone, Copy)]
struct Place {
    index: u32,
    at: u64,
    middle: u64,
    end: u64,
}

/// Frames that lie one after the other in the input and will in the store.
#[derive(Default)]
struct Run {
    start: usize,
    end: usize,
    frames: u32,
}

/// What to do with a frame.
enum Choice {
    Pass,
    Keep,
    Drop,
    NextSegment,
}

impl Writer {
    /// Finds the place of this boot in a store of `size` bytes, after formatting it if it is blank.
    ///
    /// Formatting writes the store header only. It is done for bytes that are all zero in the first
    /// block, or where segments are found behind a store header that is lost; anything else is
    /// somebody's data.
    ///
    /// # Errors
    /// When the medium fails or is not ours to write.
    pub fn open<M: Media>(
        media: &mut M,
        size: u64,
        boot: Boot,
    ) -> Result<Writer, StoreError<M::Error>> {
        let store = open_header(media, size)?;
        let mut newest: Option<SegmentHeader> = None;
        let mut own: Option<SegmentHeader> = None;
        for slot in 0..store.segment_count {
            let Some(header) = read_segment(media, &store, slot)? else {
                continue;
            };
            if newest.is_none_or(|newest| newest.number < header.number) {
                newest = Some(header);
            }
            if header.boot == boot.tag && own.is_none_or(|own| own.number < header.number) {
                own = Some(header);
            }
        }
        let mut writer = Writer {
            store,
            boot,
            newest,
            place: None,
            next_sequence: 0,
        };
        if let Some(own) = own {
            writer.resume(media, &own)?;
        }
        Ok(writer)
    }

    /// The first sequence that is not in the store yet.
    #[must_use]
    pub fn next_sequence(&self) -> u32 {
        self.next_sequence
    }

    /// Finds the end of the frames that an earlier process wrote into this boot's last segment.
    ///
    /// It stops at the first damage: what is behind it will be offered again and is written to the
    /// same place.
    fn resume<M: Media>(
        &mut self,
        media: &mut M,
        own: &SegmentHeader,
    ) -> Result<(), StoreError<M::Error>> {
        let mut place = Place::at_start(&self.store, own);
        let mut block = [0; BLOCK_BYTES];
        self.next_sequence = own.first_sequence;
        loop {
            let left = usize::try_from(place.end - place.at).unwrap_or(BLOCK_BYTES);
            let block = block.get_mut(..left.min(BLOCK_BYTES)).unwrap_or_default();
            media.read_at(place.at, block).map_err(StoreError::Media)?;
            let mut used = 0;
            while let Ok(frame) = read_frame(block.get(used..).unwrap_or_default())
                && frame.header.boot == self.boot.tag
                && frame.header.sequence >= self.next_sequence
            {
                used += frame.bytes.len();
                self.next_sequence = frame.header.sequence.saturating_add(1);
            }
            if used == 0 {
                self.place = Some(place);
                return Ok(());
            }
            place.at += long(used);
        }
    }

    /// Appends those of `frames` that are not kept yet: any run of frames as [`crate::write_frame`]
    /// makes them, ascending in sequence.
    ///
    /// # Errors
    /// When the medium fails. What was written before is kept, and the same frames may be offered
    /// again.
    pub fn append<M: Media>(
        &mut self,
        media: &mut M,
        frames: &[u8],
    ) -> Result<Appended, StoreError<M::Error>> {
        let mut done = Appended::default();
        let mut run = Run::default();
        let mut next_sequence = self.next_sequence;
        while let Some(rest) = frames.get(run.end..).filter(|rest| !rest.is_empty()) {
            let Ok(frame) = read_frame(rest) else {
                if rest.len() < FRAME_BYTES_MAX {
                    break;
                }
                done.kept += self.flush(media, frames, &mut run, next_sequence)?;
                run.skip(resync(rest));
                continue;
            };
            let choice = self.choose(&frame, next_sequence, &run);
            if matches!(choice, Choice::Keep) {
                run.end += frame.bytes.len();
                run.frames += 1;
                next_sequence = frame.header.sequence.saturating_add(1);
                continue;
            }
            done.kept += self.flush(media, frames, &mut run, next_sequence)?;
            match choice {
                Choice::NextSegment => self.claim(media, frame.header.sequence)?,
                Choice::Drop => {
                    done.dropped += 1;
                    next_sequence = frame.header.sequence.saturating_add(1);
                    self.next_sequence = next_sequence;
                    run.skip(frame.bytes.len());
                }
                Choice::Pass | Choice::Keep => run.skip(frame.bytes.len()),
            }
        }
        done.kept += self.flush(media, frames, &mut run, next_sequence)?;
        done.consumed = run.end;
        Ok(done)
    }

    fn choose(&self, frame: &Frame<'_>, next_sequence: u32, run: &Run) -> Choice {
        let header = &frame.header;
        if header.boot != self.boot.tag || header.sequence < next_sequence {
            return Choice::Pass;
        }
        let Some(place) = self.place else {
            return Choice::NextSegment;
        };
        let at = place.at + long(run.end - run.start);
        let last = place.index + 1 >= self.store.segment_count / 2;
        if last && at >= place.middle && is_bulk(header.kind) {
            return Choice::Drop;
        }
        match (at + long(frame.bytes.len()) <= place.end, last) {
            (true, _) => Choice::Keep,
            (false, true) => Choice::Drop,
            (false, false) => Choice::NextSegment,
        }
    }

    /// Writes the run, and only then believes that it is there.
    fn flush<M: Media>(
        &mut self,
        media: &mut M,
        frames: &[u8],
        run: &mut Run,
        next_sequence: u32,
    ) -> Result<u32, StoreError<M::Error>> {
        let bytes = frames.get(run.start..run.end).unwrap_or_default();
        let written = run.frames;
        if let Some(place) = self.place.as_mut().filter(|_| !bytes.is_empty()) {
            media.write_at(place.at, bytes).map_err(StoreError::Media)?;
            place.at += long(bytes.len());
            self.next_sequence = next_sequence;
        }
        run.start = run.end;
        run.frames = 0;
        Ok(written)
    }

    /// Takes the oldest segment for this boot.
    fn claim<M: Media>(
        &mut self,
        media: &mut M,
        first_sequence: u32,
    ) -> Result<(), StoreError<M::Error>> {
        let header = SegmentHeader {
            number: self
                .newest
                .map_or(1, |newest| newest.number.saturating_add(1)),
            boot: self.boot.tag,
            index: self.place.map_or(0, |place| place.index + 1),
            slot: self
                .newest
                .map_or(0, |newest| self.store.after(newest.slot)),
            segment_bytes: self.store.segment_bytes,
            first_sequence,
            epoch_ns: self.boot.epoch_ns,
        };
        let extent = self.store.extent(header.slot);
        let bytes = header.encode();
        media
            .write_at(extent.start, &bytes)
            .and_then(|()| media.write_at(extent.frames_end(), &bytes))
            .map_err(StoreError::Media)?;
        self.newest = Some(header);
        zero(media, extent.frames_start(), extent.frames_end())?;
        self.place = Some(Place::at_start(&self.store, &header));
        Ok(())
    }
}

impl Place {
    fn at_start(store: &StoreHeader, header: &SegmentHeader) -> Place {
        let extent = store.extent(header.slot);
        Place {
            index: header.index,
            at: extent.frames_start(),
            middle: extent.end - u64::from(store.segment_bytes) / 2,
            end: extent.frames_end(),
        }
    }
}

impl Run {
    /// Passes over input behind the run, which must have been flushed.
    fn skip(&mut self, bytes: usize) {
        self.end += bytes;
        self.start = self.end;
    }
}

fn long(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Reads the store header, or makes one where that harms nobody.
fn open_header<M: Media>(media: &mut M, size: u64) -> Result<StoreHeader, StoreError<M::Error>> {
    let mut block = [0; BLOCK_BYTES];
    let shape = StoreHeader::for_size(size).ok_or(StoreError::TooSmall)?;
    media.read_at(0, &mut block).map_err(StoreError::Media)?;
    let copies = STORE_HEADER_OFFSETS.map(|offset| {
        let at = usize::try_from(offset).unwrap_or(BLOCK_BYTES);
        StoreHeader::decode(block.get(at..).unwrap_or_default())
    });
    let blank = block.iter().all(|&byte| byte == 0);
    let header = match copies {
        [Ok(header), Ok(_)] => return sound(&header, size),
        [Err(HeaderError::Newer(version)), _] | [_, Err(HeaderError::Newer(version))] => {
            return Err(StoreError::Newer(version));
        }
        [Ok(header), _] | [_, Ok(header)] => header,
        _ if blank => shape,
        _ => find_shape(media, &shape)?.ok_or(StoreError::NotAStore)?,
    };
    for offset in STORE_HEADER_OFFSETS {
        media
            .write_at(offset, &header.encode())
            .map_err(StoreError::Media)?;
    }
    sound(&header, size)
}

fn sound<E>(header: &StoreHeader, size: u64) -> Result<StoreHeader, StoreError<E>> {
    let header = header.within(size);
    if header.segment_count < crate::limits::SEGMENT_COUNT_MIN {
        return Err(StoreError::TooSmall);
    }
    Ok(header)
}

/// Whether the medium has a segment where a store of this shape has one.
fn find_shape<M: Media>(
    media: &mut M,
    shape: &StoreHeader,
) -> Result<Option<StoreHeader>, StoreError<M::Error>> {
    for slot in 0..shape.segment_count {
        if read_segment(media, shape, slot)?.is_some() {
            return Ok(Some(*shape));
        }
    }
    Ok(None)
}

/// The header of the segment in `slot`, or its copy; `None` when the slot is free or both are gone.
pub(crate) fn read_segment<M: Media>(
    media: &mut M,
    store: &StoreHeader,
    slot: u32,
) -> Result<Option<SegmentHeader>, StoreError<M::Error>> {
    let extent = store.extent(slot);
    for offset in [extent.start, extent.frames_end()] {
        let mut bytes = [0; HEADER_BYTES];
        media
            .read_at(offset, &mut bytes)
            .map_err(StoreError::Media)?;
        match SegmentHeader::decode(&bytes) {
            Ok(header) if header.belongs(store, slot) => return Ok(Some(header)),
            // A segment that was never begun has no copy either.
            Err(HeaderError::Blank) => return Ok(None),
            _ => {}
        }
    }
    Ok(None)
}

/// Zeroes a range, block by block; what is zero already is not written.
fn zero<M: Media>(media: &mut M, start: u64, end: u64) -> Result<(), StoreError<M::Error>> {
    let mut block = [0; BLOCK_BYTES];
    let mut at = start;
    while at < end {
        // Up to the next block boundary, so that whole blocks are written.
        let room = u64::from(STORE_BLOCK_BYTES) - at % u64::from(STORE_BLOCK_BYTES);
        let length = usize::try_from(room.min(end - at)).unwrap_or(BLOCK_BYTES);
        let part = block.get_mut(..length).unwrap_or_default();
        media.read_at(at, part).map_err(StoreError::Media)?;
        if part.iter().any(|&byte| byte != 0) {
            part.fill(0);
            media.write_at(at, part).map_err(StoreError::Media)?;
        }
        at += long(length);
    }
    Ok(())
}
