//! A physical volume of LVM2. Offsets: `lib/format_text/layout.h` and `lib/label/label.h` of LVM2. A label whose
//! checksum is wrong is none, for LVM too.

use crate::bytes::{array, slice, u32_le, u64_le};
use crate::superblock::{Integrity, Kind, Superblock};
use crate::text::{self, Uuid};
use preroot_crc::crc32_from as crc32;

const SECTOR_BYTES: usize = 512;
/// The label lies in one of these sectors.
const SECTORS: usize = 4;
const SUMMED_FROM: usize = 20;
const CRC_SEED: u32 = 0xf597_a6cf;
/// Where the UUID's dashes go.
const GROUPS: [usize; 7] = [6, 4, 4, 4, 4, 4, 6];

/// `front`: the first 4096 bytes of the device.
pub(crate) fn identify(front: &[u8]) -> Option<Superblock> {
    let mut sectors = front.chunks_exact(SECTOR_BYTES).take(SECTORS).enumerate();
    let (_, label) = sectors.find(|&(number, sector)| {
        slice(sector, 0, 8) == b"LABELONE"
            && u64_le(sector, 8) == number as u64
            && slice(sector, 24, 8) == b"LVM2 001"
            && u32_le(sector, 16) == crc32(CRC_SEED, &sector[SUMMED_FROM..])
    })?;
    let header = u32_le(label, 20) as usize;
    let mut found = Superblock::new(Kind::Lvm2Member);
    found.uuid = uuid(array(label, header));
    found.integrity = Integrity::Good;
    Some(found)
}

fn uuid(bytes: [u8; 32]) -> Uuid {
    let mut out = Uuid::new();
    let mut rest = text::uuid_text(&bytes);
    for length in GROUPS {
        let Some((group, after)) = rest.split_at_checked(length) else {
            return Uuid::new();
        };
        let _ = out.push_str(if out.is_empty() { "" } else { "-" });
        let _ = out.push_str(group);
        rest = Uuid::try_from(after).unwrap_or_default();
    }
    out
}
