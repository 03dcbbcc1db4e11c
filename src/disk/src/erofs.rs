//! erofs. Offsets: the kernel's `fs/erofs/erofs_fs.h`, `struct erofs_super_block`.

use crate::bytes::{array, slice, u32_le};
use crate::superblock::{Integrity, Kind, Superblock};
use crate::text;
use preroot_crc::crc32c_from as crc32c;

const OFFSET: usize = 1024;
const MAGIC: u32 = 0xe0f5_e1e2;
const COMPAT_CHECKSUM: u32 = 1;

/// `front`: the first 4096 bytes of the device.
pub(crate) fn identify(front: &[u8]) -> Option<Superblock> {
    let block = front.get(OFFSET..)?;
    (u32_le(block, 0) == MAGIC).then(|| Superblock {
        kind: Kind::Erofs,
        uuid: text::uuid(array(block, 48)),
        label: text::label(slice(block, 64, 16)),
        integrity: integrity(front, block),
        ext: None,
        backup: None,
    })
}

/// The sum goes to the end of the block that the superblock lies in; a block larger than `front` is not
/// summed.
fn integrity(front: &[u8], block: &[u8]) -> Integrity {
    let [log_block_size] = array(block, 12);
    let end = 1_usize
        .checked_shl(u32::from(log_block_size))
        .unwrap_or_default();
    if u32_le(block, 8) & COMPAT_CHECKSUM == 0 || end <= OFFSET || end > front.len() {
        return Integrity::Unchecked;
    }
    let pieces = [&block[..4], &[0; 4], &block[8..end - OFFSET]];
    Integrity::from_sums(pieces.into_iter().fold(!0, crc32c), u32_le(block, 4))
}
