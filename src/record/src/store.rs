//! The layout of a store: a ring of segments, the same bytes in a file and in a partition.
//!
//! A store of N bytes is N / `segment_bytes` equal segments. The front of the first one is the store
//! header, so that segment is shorter by a block. Everything is little endian, without padding:
//!
//! ```text
//!  store       0                4096          S             2S            3S
//!              +----------------+-------------+-------------+-------------+--
//!              | header, copy   | segment 0   | segment 1   | segment 2   | ...
//!              | at 0 and 2048  | S - 4096    | S bytes     | S bytes     |
//!              +----------------+-------------+-------------+-------------+--
//!
//!  segment     0                64                                 end-64      end
//!              +----------------+--------+--------+--------+-------+-----------+
//!              | segment header | frame  | frame  | frame  | zeros | the header|
//!              |                |        |        |        |       | once more |
//!              +----------------+--------+--------+--------+-------+-----------+
//!
//!  store header   0        8         12              16              20          60      64
//!                 +--------+---------+---------------+---------------+-----------+-------+
//!                 | magic  | version | segment bytes | segment count | zeros     | crc32 |
//!                 +--------+---------+---------------+---------------+-----------+-------+
//!
//!  segment header 0       4         6      8        16     20      24     28
//!                 +-------+---------+------+--------+------+-------+------+---------------+
//!                 | magic | version | zero | number | boot | index | slot | segment bytes |
//!                 +-------+---------+------+--------+------+-------+------+---------------+
//!                 32               36     40         48          60      64
//!                 +----------------+------+----------+-----------+-------+
//!                 | first sequence | zero | epoch ns | zeros     | crc32 |
//!                 +----------------+------+----------+-----------+-------+
//! ```
//!
//! - The ring: `number` grows by one with every segment that is begun, so the highest is the newest
//!   and the one behind it is the oldest, which is taken next. Nothing else says where the ring ends,
//!   so there is no pointer that a power cut can tear.
//! - A segment belongs to one boot. A frame in it belongs to that boot if its tag says so and its
//!   sequence is higher than the last one; other frames are what was left from before.
//! - A frame lies in one segment, never across two.
//! - A flipped byte in a header costs nothing, the copy is used. With both gone the frames are still
//!   found: they carry their own tag.

use crate::bytes::{field, put};
use crate::limits::{
    HEADER_BYTES, SEGMENT_BYTES_DEFAULT, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, SEGMENT_COUNT_MAX,
    SEGMENT_COUNT_MIN, STORE_BLOCK_BYTES,
};

/// What a store begins with; a partition or a disk image is known by it.
pub const STORE_MAGIC: [u8; 8] = *b"PRstore\xF5";
/// Where the store header lies, and its copy: in two different sectors.
pub const STORE_HEADER_OFFSETS: [u64; 2] = [0, 2048];

const SEGMENT_MAGIC: [u8; 4] = *b"PRs\xF5";
const VERSION: u16 = 1;
const CRC_AT: usize = HEADER_BYTES - 4;
const HEADER_BYTES_LONG: u64 = HEADER_BYTES as u64;

/// Why bytes are not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// Nothing but zeros, or fewer bytes than a header has.
    Blank,
    /// Not a header, or a damaged one.
    Damaged,
    /// A header of a later version, which this reader must not touch.
    Newer(u32),
}

/// The shape of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreHeader {
    /// Bytes of one segment.
    pub segment_bytes: u32,
    /// How many there are.
    pub segment_count: u32,
}

/// Where a segment lies in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Offset of its header.
    pub start: u64,
    /// Offset behind its last byte.
    pub end: u64,
}

impl Extent {
    /// Where the first frame lies.
    #[must_use]
    pub fn frames_start(&self) -> u64 {
        self.start + HEADER_BYTES_LONG
    }

    /// Where frames end, and the copy of the header begins.
    #[must_use]
    pub fn frames_end(&self) -> u64 {
        self.end - HEADER_BYTES_LONG
    }
}

impl StoreHeader {
    /// The shape of a new store of `size` bytes; `None` when that is too small for a ring.
    ///
    /// Segments are as small as the limit on their number lets them be: a boot takes whole segments,
    /// so small ones keep more boots. 4 MiB make 128, for at least 64 boots of up to 63 KiB.
    #[must_use]
    pub fn for_size(size: u64) -> Option<StoreHeader> {
        let mut segment_bytes = SEGMENT_BYTES_DEFAULT;
        while size / u64::from(segment_bytes) > u64::from(SEGMENT_COUNT_MAX)
            && segment_bytes < SEGMENT_BYTES_MAX
        {
            segment_bytes *= 2;
        }
        if size / u64::from(segment_bytes) < u64::from(SEGMENT_COUNT_MIN) {
            segment_bytes = SEGMENT_BYTES_MIN;
        }
        let count = (size / u64::from(segment_bytes)).min(u64::from(SEGMENT_COUNT_MAX));
        let segment_count = u32::try_from(count).ok()?;
        let header = StoreHeader {
            segment_bytes,
            segment_count,
        };
        header.is_sound().then_some(header)
    }

    fn is_sound(&self) -> bool {
        self.segment_bytes.is_power_of_two()
            && (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes)
            && (SEGMENT_COUNT_MIN..=SEGMENT_COUNT_MAX).contains(&self.segment_count)
    }

    /// The header as it lies in the store.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        put(&mut out, 0, &STORE_MAGIC);
        put(&mut out, 8, &u32::from(VERSION).to_le_bytes());
        put(&mut out, 12, &self.segment_bytes.to_le_bytes());
        put(&mut out, 16, &self.segment_count.to_le_bytes());
        seal(&mut out);
        out
    }

    /// Reads a header from the front of `bytes`.
    ///
    /// # Errors
    /// When there is none, or one of a later version.
    pub fn decode(bytes: &[u8]) -> Result<StoreHeader, HeaderError> {
        let bytes = checked(bytes)?;
        let read = || {
            let version = u32::from_le_bytes(field(bytes, 8)?);
            let header = StoreHeader {
                segment_bytes: u32::from_le_bytes(field(bytes, 12)?),
                segment_count: u32::from_le_bytes(field(bytes, 16)?),
            };
            Some((field::<8>(bytes, 0)?, version, header))
        };
        match read() {
            Some((STORE_MAGIC, version, _)) if version > u32::from(VERSION) => {
                Err(HeaderError::Newer(version))
            }
            Some((STORE_MAGIC, _, header)) if header.is_sound() => Ok(header),
            _ => Err(HeaderError::Damaged),
        }
    }

    /// Where the segment in `slot` lies.
    #[must_use]
    pub fn extent(&self, slot: u32) -> Extent {
        let start = u64::from(slot) * u64::from(self.segment_bytes);
        Extent {
            start: start.max(u64::from(STORE_BLOCK_BYTES)),
            end: start + u64::from(self.segment_bytes),
        }
    }

    /// The same shape without the segments that a medium of `size` bytes no longer has.
    pub(crate) fn within(&self, size: u64) -> StoreHeader {
        let there = u32::try_from(size / u64::from(self.segment_bytes)).unwrap_or(u32::MAX);
        StoreHeader {
            segment_count: self.segment_count.min(there),
            ..*self
        }
    }

    /// The slot that is written after `slot`.
    #[must_use]
    pub fn after(&self, slot: u32) -> u32 {
        match slot.checked_add(1) {
            Some(next) if next < self.segment_count => next,
            _ => 0,
        }
    }
}

/// What a segment begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Counts every segment that was ever begun in this store.
    pub number: u64,
    /// The tag of the boot it belongs to.
    pub boot: u32,
    /// Which of the boot's segments it is, from 0.
    pub index: u32,
    /// The slot it was written to.
    pub slot: u32,
    /// Bytes of one segment, so that a lost store header can be made again.
    pub segment_bytes: u32,
    /// The sequence of its first frame.
    pub first_sequence: u32,
    /// The boot's `Born::epoch_ns`, so that boots can be listed by headers alone.
    pub epoch_ns: u64,
}

impl SegmentHeader {
    /// The header as it lies in the store.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        put(&mut out, 0, &SEGMENT_MAGIC);
        put(&mut out, 4, &VERSION.to_le_bytes());
        put(&mut out, 8, &self.number.to_le_bytes());
        put(&mut out, 16, &self.boot.to_le_bytes());
        put(&mut out, 20, &self.index.to_le_bytes());
        put(&mut out, 24, &self.slot.to_le_bytes());
        put(&mut out, 28, &self.segment_bytes.to_le_bytes());
        put(&mut out, 32, &self.first_sequence.to_le_bytes());
        put(&mut out, 40, &self.epoch_ns.to_le_bytes());
        seal(&mut out);
        out
    }

    /// Reads a header from the front of `bytes`.
    ///
    /// # Errors
    /// When there is none, or one of a later version.
    pub fn decode(bytes: &[u8]) -> Result<SegmentHeader, HeaderError> {
        let bytes = checked(bytes)?;
        let read = || {
            let version = u16::from_le_bytes(field(bytes, 4)?);
            let header = SegmentHeader {
                number: u64::from_le_bytes(field(bytes, 8)?),
                boot: u32::from_le_bytes(field(bytes, 16)?),
                index: u32::from_le_bytes(field(bytes, 20)?),
                slot: u32::from_le_bytes(field(bytes, 24)?),
                segment_bytes: u32::from_le_bytes(field(bytes, 28)?),
                first_sequence: u32::from_le_bytes(field(bytes, 32)?),
                epoch_ns: u64::from_le_bytes(field(bytes, 40)?),
            };
            Some((field::<4>(bytes, 0)?, version, header))
        };
        match read() {
            Some((SEGMENT_MAGIC, version, _)) if version > VERSION => {
                Err(HeaderError::Newer(u32::from(version)))
            }
            Some((SEGMENT_MAGIC, _, header)) => Ok(header),
            _ => Err(HeaderError::Damaged),
        }
    }

    /// Whether this header was written for this place: one that was copied elsewhere does not count.
    #[must_use]
    pub fn belongs(&self, store: &StoreHeader, slot: u32) -> bool {
        self.slot == slot && self.segment_bytes == store.segment_bytes
    }
}

fn seal(header: &mut [u8; HEADER_BYTES]) {
    let crc = preroot_crc::crc32(header.get(..CRC_AT).unwrap_or_default());
    put(header, CRC_AT, &crc.to_le_bytes());
}

/// The front of `bytes` as a header, its checksum right.
fn checked(bytes: &[u8]) -> Result<&[u8], HeaderError> {
    let header = bytes.get(..HEADER_BYTES).ok_or(HeaderError::Blank)?;
    if header.iter().all(|&byte| byte == 0) {
        return Err(HeaderError::Blank);
    }
    let crc = field(header, CRC_AT).map(u32::from_le_bytes);
    if crc != header.get(..CRC_AT).map(preroot_crc::crc32) {
        return Err(HeaderError::Damaged);
    }
    Ok(header)
}
