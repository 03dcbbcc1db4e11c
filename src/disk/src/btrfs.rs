//! btrfs. Offsets: the kernel's `include/uapi/linux/btrfs_tree.h`, `struct btrfs_super_block`.

use crate::bytes::{array, slice, u16_le, u32_le, u64_le};
use crate::superblock::{Integrity, Kind, Superblock};
use crate::text;
use preroot_crc::crc32c_from as crc32c;

/// Where the first superblock lies; it says so itself.
pub(crate) const OFFSET: u64 = 64 << 10;
const CHECKSUM_BYTES: usize = 32;
const CHECKSUM_CRC32C: u16 = 0;

/// `block`: the 4096 bytes at [`OFFSET`].
pub(crate) fn identify(block: &[u8]) -> Option<Superblock> {
    let is_here = slice(block, 64, 8) == b"_BHRfS_M" && u64_le(block, 48) == OFFSET;
    is_here.then(|| Superblock {
        kind: Kind::Btrfs,
        uuid: text::uuid(array(block, 32)),
        label: text::label(slice(block, 299, 256)),
        integrity: integrity(block),
        ext: None,
        backup: None,
    })
}

/// xxhash, sha256 and blake2 are not summed.
fn integrity(block: &[u8]) -> Integrity {
    if u16_le(block, 196) != CHECKSUM_CRC32C {
        return Integrity::Unchecked;
    }
    let sum = !crc32c(!0, &block[CHECKSUM_BYTES..]);
    Integrity::from_sums(sum, u32_le(block, 0))
}
