//! squashfs 4, the only one that Linux mounts. Offsets: the kernel's `fs/squashfs/squashfs_fs.h`,
//! `struct squashfs_super_block`. It has neither UUID nor label.

use crate::bytes::{slice, u16_le};
use crate::superblock::{Kind, Superblock};

const VERSION: u16 = 4;

/// `front`: the first bytes of the device.
pub(crate) fn identify(front: &[u8]) -> Option<Superblock> {
    let is_here = slice(front, 0, 4) == b"hsqs" && u16_le(front, 28) == VERSION;
    is_here.then(|| Superblock::new(Kind::Squashfs))
}
