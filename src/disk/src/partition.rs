//! One partition of a disk, by its number: GPT, else MBR.
//!
//! The kernel's own reading is followed (`block/partitions/efi.c`, `msdos.c`), so that number N here is
//! number N there: a GPT counts only behind a protective MBR.

use heapless::String;

use crate::gpt;
use crate::limits::{PARTITION_LABEL_BYTES_MAX, SCRATCH_BYTES, SECTOR_BYTES_MAX, SECTOR_BYTES_MIN};
use crate::mbr::{self, BootRecord};
use crate::read::Read;
use crate::text::Uuid;

/// The name of a partition.
pub type PartitionLabel = String<PARTITION_LABEL_BYTES_MAX>;

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// PARTUUID: of a GPT entry, or `DISKID-NN` (two hex digits) of an MBR; empty: it has none.
    pub uuid: Uuid,
    /// PARTLABEL; empty: it has none. An MBR has no names.
    pub label: PartitionLabel,
    /// Its first byte on the disk.
    pub start: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Finds partition `number` (the first is 1) of `disk`, whose logical sectors have `sector_bytes`.
/// `None`: the disk has no such partition, or no table that can be believed.
pub fn partition<R: Read>(
    disk: &mut R,
    sector_bytes: u32,
    number: u32,
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Result<Option<Partition>, R::Error> {
    let is_sector = (SECTOR_BYTES_MIN..=SECTOR_BYTES_MAX).contains(&sector_bytes)
        && sector_bytes.is_power_of_two();
    if !is_sector || number == 0 {
        return Ok(None);
    }
    match BootRecord::read(disk, 0, scratch)? {
        None => Ok(None),
        Some(record) if record.is_protective() => gpt::find(disk, sector_bytes, number, scratch),
        Some(record) => mbr::find(disk, sector_bytes, number, &record, scratch),
    }
}
