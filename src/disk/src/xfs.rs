//! xfs. Offsets: the kernel's `fs/xfs/libxfs/xfs_format.h`, `struct xfs_dsb`; big endian but for the checksum.

use crate::bytes::{array, slice, u16_be, u32_le};
use crate::superblock::{Integrity, Kind, Superblock};
use crate::text;
use preroot_crc::crc32c_from as crc32c;

const CRC_AT: usize = 224;
/// From this version on there is a checksum.
const VERSION_WITH_CRC: u16 = 5;

/// `front`: the first bytes of the device.
pub(crate) fn identify(front: &[u8]) -> Option<Superblock> {
    (slice(front, 0, 4) == b"XFSB").then(|| Superblock {
        kind: Kind::Xfs,
        uuid: text::uuid(array(front, 32)),
        label: text::label(slice(front, 108, 12)),
        integrity: integrity(front),
        ext: None,
        backup: None,
    })
}

/// The sum covers a whole sector; one that is larger than `front` is not summed.
fn integrity(front: &[u8]) -> Integrity {
    let sector = slice(front, 0, usize::from(u16_be(front, 102)));
    if u16_be(front, 100) & 0xf < VERSION_WITH_CRC || sector.len() < CRC_AT + 4 {
        return Integrity::Unchecked;
    }
    let (before, rest) = sector.split_at(CRC_AT);
    let sum = [before, &[0; 4], &rest[4..]].into_iter().fold(!0, crc32c);
    Integrity::from_sums(!sum, u32_le(front, CRC_AT))
}
