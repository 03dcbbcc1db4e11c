//! The partition table of the PC's boot record, with logical partitions in extended ones.
//!
//! Numbers as the kernel's `block/partitions/msdos.c` gives them: the four slots are 1 to 4, empty or not;
//! logical partitions count from 5 in the order of their chain.

use core::fmt::Write;

use crate::bytes::{slice, u32_le};
use crate::limits::{EXTENDED_RECORDS_MAX, SCRATCH_BYTES};
use crate::partition::{Partition, PartitionLabel};
use crate::read::{Read, fill};
use crate::text::Uuid;

const RECORD_BYTES: usize = 512;
const SLOTS_AT: usize = 446;
const SLOT_BYTES: usize = 16;
const LOGICAL_FIRST: u32 = 5;
/// EFI's "this is a GPT".
const TYPE_PROTECTIVE: u8 = 0xee;

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    boot: u8,
    kind: u8,
    first: u32,
    sectors: u32,
}

impl Slot {
    fn is_extended(&self) -> bool {
        matches!(self.kind, 0x05 | 0x0f | 0x85)
    }

    /// Where it lies, when its first sector counts from `base`.
    fn extent(&self, base: u64) -> Option<Extent> {
        (self.sectors > 0).then(|| Extent {
            first: base + u64::from(self.first),
            sectors: u64::from(self.sectors),
        })
    }
}

/// Sectors on the disk. Both fit 33 bits: they come from sums of two 32-bit fields.
#[derive(Debug, Clone, Copy)]
struct Extent {
    first: u64,
    sectors: u64,
}

impl Extent {
    fn contains(&self, other: Extent) -> bool {
        self.first <= other.first && other.first + other.sectors <= self.first + self.sectors
    }
}

/// A boot record: the first sector of a disk, or of a link in the chain of an extended partition.
pub(crate) struct BootRecord {
    disk_id: u32,
    slots: [Slot; 4],
}

impl BootRecord {
    pub(crate) fn read<R: Read>(
        disk: &mut R,
        offset: u64,
        scratch: &mut [u8; SCRATCH_BYTES],
    ) -> Result<Option<BootRecord>, R::Error> {
        let sector = &mut scratch[..RECORD_BYTES];
        fill(disk, offset, sector)?;
        if slice(sector, 510, 2) != [0x55, 0xaa] {
            return Ok(None);
        }
        let mut slots = [Slot::default(); 4];
        for (index, slot) in slots.iter_mut().enumerate() {
            let bytes = slice(sector, SLOTS_AT + index * SLOT_BYTES, SLOT_BYTES);
            *slot = Slot {
                boot: bytes[0],
                kind: bytes[4],
                first: u32_le(bytes, 8),
                sectors: u32_le(bytes, 12),
            };
        }
        Ok(Some(BootRecord {
            disk_id: u32_le(sector, 440),
            slots,
        }))
    }

    /// Whether it only says that there is a GPT.
    pub(crate) fn is_protective(&self) -> bool {
        self.slots.iter().any(|slot| slot.kind == TYPE_PROTECTIVE)
    }

    /// Whether it is a table at all, and not the boot sector of a FAT, which ends with the same two bytes.
    fn is_table(&self) -> bool {
        self.slots.iter().all(|slot| slot.boot & 0x7f == 0)
    }

    /// The logical partitions of a `link` in the chain of the extended partition `whole`. Its last two slots
    /// should be empty and sometimes hold garbage: they count only if they stay within both.
    fn logical(&self, whole: Extent, link: Extent) -> impl Iterator<Item = Extent> {
        let slots = self.slots.into_iter().enumerate();
        slots
            .filter(|(_, slot)| !slot.is_extended())
            .filter_map(move |(index, slot)| slot.extent(link.first).map(|extent| (index, extent)))
            .filter(move |&(index, extent)| {
                index < 2 || whole.contains(extent) && link.contains(extent)
            })
            .map(|(_, extent)| extent)
    }
}

/// Finds partition `number` of the table that `record` starts.
pub(crate) fn find<R: Read>(
    disk: &mut R,
    sector_bytes: u32,
    number: u32,
    record: &BootRecord,
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Result<Option<Partition>, R::Error> {
    if !record.is_table() {
        return Ok(None);
    }
    let found = match number {
        1..LOGICAL_FIRST => record.slots[number as usize - 1].extent(0),
        _ => logical(disk, sector_bytes, number, record, scratch)?,
    };
    Ok(found.map(|extent| Partition {
        uuid: uuid(record.disk_id, number),
        label: PartitionLabel::new(),
        start: extent.first * u64::from(sector_bytes),
        bytes: extent.sectors * u64::from(sector_bytes),
    }))
}

/// Follows the chain of each extended partition, counting what is in it.
fn logical<R: Read>(
    disk: &mut R,
    sector_bytes: u32,
    number: u32,
    record: &BootRecord,
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Result<Option<Extent>, R::Error> {
    let mut next = LOGICAL_FIRST;
    let extended = record.slots.iter().filter(|slot| slot.is_extended());
    for whole in extended.filter_map(|slot| slot.extent(0)) {
        let mut link = whole;
        for _ in 0..EXTENDED_RECORDS_MAX {
            let offset = link.first * u64::from(sector_bytes);
            let Some(record) = BootRecord::read(disk, offset, scratch)? else {
                break;
            };
            for extent in record.logical(whole, link) {
                if next == number {
                    return Ok(Some(extent));
                }
                next += 1;
            }
            let mut onward = record.slots.iter().filter(|slot| slot.is_extended());
            let Some(onward) = onward.find_map(|slot| slot.extent(whole.first)) else {
                break;
            };
            link = onward;
        }
    }
    Ok(None)
}

/// `DISKID-NN`; a disk without an id has no PARTUUIDs.
fn uuid(disk_id: u32, number: u32) -> Uuid {
    let mut out = Uuid::new();
    if disk_id != 0 {
        let _ = write!(out, "{disk_id:08x}-{number:02x}");
    }
    out
}
