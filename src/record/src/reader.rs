//! Finds boots in the bytes of a store, and the frames of one boot in order, whatever is damaged.
//!
//! Nothing is allocated, so this also serves the rescue shell. Whatever the bytes are: a frame that
//! comes out has a right checksum, the boot's tag and a sequence above the one before it; what was
//! lost is counted; and the work is bounded by the length of the bytes.

use crate::frame::{Frame, Scan, Scanned};
use crate::limits::{
    SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, SEGMENT_COUNT_MAX, SEGMENT_COUNT_MIN, STORE_BLOCK_BYTES,
};
use crate::ring::Ring;
use crate::store::{HeaderError, STORE_HEADER_OFFSETS, SegmentHeader, StoreHeader};

/// A store in memory, its segments found.
#[derive(Debug, Clone)]
pub struct Store<'a> {
    bytes: &'a [u8],
    ring: Ring,
    damaged_headers: u32,
}

/// A boot that has frames in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptBoot {
    /// The tag of its frames.
    pub tag: u32,
    /// `Born::epoch_ns`; `None` when the header that says so is lost.
    pub epoch_ns: Option<u64>,
    /// How many segments it has.
    pub segments: u32,
    /// Whether later boots took its first segments.
    pub overwritten: bool,
}

/// What is met on the way through the frames of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// The next frame.
    Frame(Frame<'a>),
    /// This many bytes in a row are damaged.
    Damaged(usize),
    /// This many frames are missing, counted by the gap in the sequence.
    Missing(u32),
}

impl<'a> Store<'a> {
    /// Looks at the headers. The bytes may be cut anywhere: what is there is used.
    ///
    /// # Errors
    /// When this is not a store: `Blank` (nothing but zeros), `Damaged` (something else), `Newer`.
    pub fn open(bytes: &'a [u8]) -> Result<Store<'a>, HeaderError> {
        let shape = find_shape(bytes)?;
        let mut store = Store {
            bytes,
            ring: Ring::new(shape),
            damaged_headers: 0,
        };
        let mut newest_number = None;
        for slot in 0..shape.segment_count {
            let extent = shape.extent(slot);
            let front = at(bytes, extent.start).map(SegmentHeader::decode);
            let header = segment_header(bytes, &shape, slot);
            if !matches!(front, Some(Ok(_)) | Some(Err(HeaderError::Blank)) | None) {
                store.damaged_headers += 1;
            }
            if let Some(header) = header.filter(|header| newest_number < Some(header.number)) {
                newest_number = Some(header.number);
                store.ring.newest = slot;
            }
            let tag = match header {
                Some(header) => Some(header.boot),
                None => first_tag(store.body(slot)),
            };
            store.ring.set(slot, tag);
        }
        Ok(store)
    }

    /// Segment headers that had to be read from their copy, or not at all.
    #[must_use]
    pub fn damaged_headers(&self) -> u32 {
        self.damaged_headers
    }

    /// The boots, oldest first.
    pub fn boots(&self) -> impl Iterator<Item = KeptBoot> + '_ {
        self.ring.boots().map(move |(tag, slot)| {
            let header = |slot| segment_header(self.bytes, &self.ring.shape, slot);
            let dated = self.ring.of(tag).find_map(header);
            KeptBoot {
                tag,
                epoch_ns: dated.map(|header| header.epoch_ns),
                segments: u32::try_from(self.ring.of(tag).count()).unwrap_or(u32::MAX),
                overwritten: header(slot).is_some_and(|header| header.index > 0),
            }
        })
    }

    /// The frames of the boot with this tag, in order.
    #[must_use]
    pub fn frames(&self, tag: u32) -> Frames<'a, '_> {
        let first = self.ring.of(tag).next();
        let expected = first
            .and_then(|slot| segment_header(self.bytes, &self.ring.shape, slot))
            .map_or(0, |header| header.first_sequence);
        Frames::new(
            Source::Store {
                store: self,
                left: self.ring.shape.segment_count,
            },
            tag,
            expected,
        )
    }

    /// Where the frames of a segment are, as far as the bytes go.
    fn body(&self, slot: u32) -> &'a [u8] {
        let extent = self.ring.shape.extent(slot);
        let length = usize::try_from(extent.frames_end() - extent.frames_start());
        let rest = at(self.bytes, extent.frames_start()).unwrap_or_default();
        rest.get(..length.unwrap_or(0)).unwrap_or(rest)
    }
}

/// Walks over the frames of one boot.
#[derive(Debug, Clone)]
pub struct Frames<'a, 's> {
    source: Source<'a, 's>,
    scan: Scan<'a>,
    tag: u32,
    /// The sequence that should come next.
    expected: u32,
    /// Damage that counts if a frame of this boot follows, or if it is not just zeros.
    pending: Damage,
    /// A frame found behind a gap, which is reported first.
    held: Option<Frame<'a>>,
    previous: Previous,
}

#[derive(Debug, Clone)]
enum Source<'a, 's> {
    /// One run of bytes, already in the scan.
    Raw,
    /// Segments, and how many of them are left.
    Store { store: &'s Store<'a>, left: u32 },
}

#[derive(Debug, Clone, Copy, Default)]
struct Damage {
    /// All of it: counts in the middle.
    bytes: usize,
    /// Without the zeros at its end: counts at the end of a segment, where zeros are free space.
    trimmed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Previous {
    Own,
    Foreign,
}

impl<'a> Frames<'a, 'a> {
    /// The frames with this tag in bytes that are frames one after the other, as in
    /// `/run/preroot/record`.
    #[must_use]
    pub fn raw(bytes: &'a [u8], tag: u32) -> Frames<'a, 'a> {
        let mut frames = Frames::new(Source::Raw, tag, 0);
        frames.scan = Scan::new(bytes);
        frames
    }
}

impl<'a, 's> Frames<'a, 's> {
    fn new(source: Source<'a, 's>, tag: u32, expected: u32) -> Frames<'a, 's> {
        Frames {
            source,
            scan: Scan::new(&[]),
            tag,
            expected,
            pending: Damage::default(),
            held: None,
            previous: Previous::Own,
        }
    }

    /// Goes to the next segment of this boot.
    fn advance(&mut self) -> Option<()> {
        let Source::Store { store, left } = &mut self.source else {
            return None;
        };
        while *left > 0 {
            let slot = store.ring.slot(*left);
            *left -= 1;
            if store.ring.tag(slot) == Some(self.tag) {
                self.scan = Scan::new(store.body(slot));
                self.previous = Previous::Own;
                return Some(());
            }
        }
        None
    }

    fn accept(&mut self, frame: Frame<'a>) -> Option<Found<'a>> {
        let damage = core::mem::take(&mut self.pending);
        let own = frame.header.boot == self.tag && frame.header.sequence >= self.expected;
        if !own {
            // Left over from before, and so are the bytes in front of it. In one run of bytes
            // nothing is left over: that is damage between two boots.
            let counts = self.previous == Previous::Own && matches!(self.source, Source::Raw);
            self.previous = Previous::Foreign;
            return (counts && damage.bytes > 0).then_some(Found::Damaged(damage.bytes));
        }
        self.previous = Previous::Own;
        self.held = Some(frame);
        (damage.bytes > 0).then_some(Found::Damaged(damage.bytes))
    }

    fn release(&mut self) -> Option<Found<'a>> {
        let frame = self.held?;
        let missing = frame.header.sequence - self.expected;
        self.expected = frame.header.sequence;
        if missing > 0 {
            return Some(Found::Missing(missing));
        }
        self.expected = frame.header.sequence.saturating_add(1);
        self.held = None;
        Some(Found::Frame(frame))
    }
}

impl<'a> Iterator for Frames<'a, '_> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        loop {
            if let Some(found) = self.release() {
                return Some(found);
            }
            let before = self.scan.clone();
            let found = match self.scan.next() {
                Some(Scanned::Frame(frame)) => self.accept(frame),
                Some(Scanned::Skipped(bytes)) => {
                    self.pending = Damage::of(before.rest(), bytes);
                    None
                }
                None => {
                    let damage = core::mem::take(&mut self.pending);
                    let bytes = match self.source {
                        Source::Raw => damage.bytes,
                        Source::Store { .. } => damage.trimmed,
                    };
                    if self.previous == Previous::Own && bytes > 0 {
                        return Some(Found::Damaged(bytes));
                    }
                    self.advance()?;
                    None
                }
            };
            if found.is_some() {
                return found;
            }
        }
    }
}

impl Damage {
    fn of(rest: &[u8], bytes: usize) -> Damage {
        let skipped = rest.get(..bytes).unwrap_or_default();
        let last = skipped.iter().rposition(|&byte| byte != 0);
        Damage {
            bytes,
            trimmed: last.map_or(0, |last| last + 1),
        }
    }
}

/// The tags in a run of frames, in the order they first appear; `seen` bounds how many are told.
pub fn raw_tags<'t>(bytes: &[u8], seen: &'t mut [u32]) -> &'t [u32] {
    let mut count = 0;
    for found in Scan::new(bytes) {
        let Scanned::Frame(frame) = found else {
            continue;
        };
        let tag = frame.header.boot;
        if seen.get(..count).is_some_and(|seen| seen.contains(&tag)) {
            continue;
        }
        if let Some(place) = seen.get_mut(count) {
            *place = tag;
            count += 1;
        }
    }
    seen.get(..count).unwrap_or_default()
}

fn at(bytes: &[u8], offset: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(offset).ok()?..)
}

/// The header of a segment, or its copy.
fn segment_header(bytes: &[u8], shape: &StoreHeader, slot: u32) -> Option<SegmentHeader> {
    let extent = shape.extent(slot);
    [extent.start, extent.frames_end()]
        .into_iter()
        .filter_map(|offset| SegmentHeader::decode(at(bytes, offset)?).ok())
        .find(|header| header.belongs(shape, slot))
}

pub(crate) fn first_tag(body: &[u8]) -> Option<u32> {
    Scan::new(body).find_map(|found| match found {
        Scanned::Frame(frame) => Some(frame.header.boot),
        Scanned::Skipped(_) => None,
    })
}

/// The store header, its copy, or what the first two segments say.
fn find_shape(bytes: &[u8]) -> Result<StoreHeader, HeaderError> {
    let mut worst = HeaderError::Blank;
    for offset in STORE_HEADER_OFFSETS {
        match StoreHeader::decode(at(bytes, offset).unwrap_or_default()) {
            Ok(header) => return Ok(header),
            Err(HeaderError::Newer(version)) => return Err(HeaderError::Newer(version)),
            Err(HeaderError::Damaged) => worst = HeaderError::Damaged,
            Err(HeaderError::Blank) => {}
        }
    }
    let block = bytes.get(..STORE_BLOCK_BYTES as usize).unwrap_or(bytes);
    if worst == HeaderError::Blank && block.iter().any(|&byte| byte != 0) {
        worst = HeaderError::Damaged;
    }
    let mut segment_bytes = SEGMENT_BYTES_MIN;
    while segment_bytes <= SEGMENT_BYTES_MAX {
        let there = bytes.len() / segment_bytes as usize;
        let shape = StoreHeader {
            segment_bytes,
            segment_count: u32::try_from(there)
                .unwrap_or(SEGMENT_COUNT_MAX)
                .clamp(SEGMENT_COUNT_MIN, SEGMENT_COUNT_MAX),
        };
        if (0..2).any(|slot| segment_header(bytes, &shape, slot).is_some()) {
            return Ok(shape);
        }
        segment_bytes *= 2;
    }
    Err(worst)
}
