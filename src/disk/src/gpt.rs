//! The GUID partition table: UEFI specification 2.10, section 5.3.
//!
//! Invariant: an entry is believed only if the CRCs of its header and of the whole entry array are right.

use preroot_crc::crc32_from;

use crate::bytes::{array, slice, u32_le, u64_le};
use crate::limits::{GPT_ARRAY_BYTES_MAX, GPT_NAME_UNITS, SCRATCH_BYTES};
use crate::partition::Partition;
use crate::read::{Read, fill};
use crate::text;

const SIGNATURE: &[u8] = b"EFI PART";
const HEADER_BYTES_MIN: usize = 92;
const HEADER_CRC_AT: usize = 16;
/// Larger entries are allowed by the specification and refused by the kernel.
const ENTRY_BYTES: usize = 128;
const PRIMARY_LBA: u64 = 1;

/// What is used of a header whose checksum was right.
struct Header {
    array_lba: u64,
    entries: u32,
    array_crc: u32,
    first_lba: u64,
    last_lba: u64,
}

/// Finds entry `number` in the primary table, or, if that is damaged, in the backup in the last sector.
pub(crate) fn find<R: Read>(
    disk: &mut R,
    sector_bytes: u32,
    number: u32,
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Result<Option<Partition>, R::Error> {
    let sectors = disk.size() / u64::from(sector_bytes);
    for lba in [PRIMARY_LBA, sectors.saturating_sub(1)] {
        let Some(header) = Header::read(disk, sector_bytes, lba, scratch)? else {
            continue;
        };
        if let Some(entry) = header.entry(disk, sector_bytes, number, scratch)? {
            return Ok(header.partition(sector_bytes, &entry));
        }
    }
    Ok(None)
}

impl Header {
    fn read<R: Read>(
        disk: &mut R,
        sector_bytes: u32,
        lba: u64,
        scratch: &mut [u8; SCRATCH_BYTES],
    ) -> Result<Option<Header>, R::Error> {
        let sector = &mut scratch[..sector_bytes as usize];
        fill(disk, lba.saturating_mul(u64::from(sector_bytes)), sector)?;
        let length = u32_le(sector, 12) as usize;
        if slice(sector, 0, 8) != SIGNATURE
            || !(HEADER_BYTES_MIN..=sector.len()).contains(&length)
            || u64_le(sector, 24) != lba
        {
            return Ok(None);
        }
        let pieces = [
            slice(sector, 0, HEADER_CRC_AT),
            &[0; 4],
            slice(sector, HEADER_CRC_AT + 4, length - HEADER_CRC_AT - 4),
        ];
        let crc = !pieces.into_iter().fold(!0, crc32_from);
        let is_good = crc == u32_le(sector, HEADER_CRC_AT);
        let header = Header {
            first_lba: u64_le(sector, 40),
            last_lba: u64_le(sector, 48),
            array_lba: u64_le(sector, 72),
            entries: u32_le(sector, 80),
            array_crc: u32_le(sector, 88),
        };
        let is_usable = u32_le(sector, 84) as usize == ENTRY_BYTES
            && header.array_bytes() <= GPT_ARRAY_BYTES_MAX
            && header.first_lba <= header.last_lba;
        Ok((is_good && is_usable).then_some(header))
    }

    fn array_bytes(&self) -> u64 {
        u64::from(self.entries) * ENTRY_BYTES as u64
    }

    /// The bytes of entry `number`, zeros if the table has none; `None` if the array is damaged.
    fn entry<R: Read>(
        &self,
        disk: &mut R,
        sector_bytes: u32,
        number: u32,
        scratch: &mut [u8; SCRATCH_BYTES],
    ) -> Result<Option<[u8; ENTRY_BYTES]>, R::Error> {
        let start = self.array_lba.saturating_mul(u64::from(sector_bytes));
        let wanted = u64::from(number - 1) * ENTRY_BYTES as u64;
        let mut entry = [0; ENTRY_BYTES];
        let mut crc = !0;
        let mut done: u64 = 0;
        while done < self.array_bytes() {
            let length = (self.array_bytes() - done).min(SCRATCH_BYTES as u64);
            let piece = &mut scratch[..length as usize];
            fill(disk, start.saturating_add(done), piece)?;
            crc = crc32_from(crc, piece);
            if (done..done + length).contains(&wanted) {
                entry = array(piece, (wanted - done) as usize);
            }
            done += length;
        }
        Ok((!crc == self.array_crc).then_some(entry))
    }

    fn partition(&self, sector_bytes: u32, entry: &[u8; ENTRY_BYTES]) -> Option<Partition> {
        let kind: [u8; 16] = array(entry, 0);
        let (first, last) = (u64_le(entry, 32), u64_le(entry, 40));
        if kind == [0; 16] || first > last || first < self.first_lba || last > self.last_lba {
            return None;
        }
        let sector_bytes = u64::from(sector_bytes);
        Some(Partition {
            uuid: text::guid(array(entry, 16)),
            label: text::utf16(slice(entry, 56, GPT_NAME_UNITS * 2)),
            start: first.checked_mul(sector_bytes)?,
            bytes: (last - first).checked_add(1)?.checked_mul(sector_bytes)?,
        })
    }
}
