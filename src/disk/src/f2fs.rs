//! f2fs. Offsets: the kernel's `include/linux/f2fs_fs.h`, `struct f2fs_super_block`.

use heapless::String;

use crate::bytes::{array, slice, u16_le, u32_le};
use crate::limits::LABEL_BYTES_MAX;
use crate::superblock::{Integrity, Kind, Superblock};
use crate::text::{self, Label};
use preroot_crc::crc32_from as crc32;

const OFFSET: usize = 1024;
const BYTES: usize = 3072;
const MAGIC: u32 = 0xf2f5_2010;
const FEATURE_SUPERBLOCK_CHECKSUM: u32 = 0x800;

/// `front`: the first 4096 bytes of the device.
pub(crate) fn identify(front: &[u8]) -> Option<Superblock> {
    let block = slice(front, OFFSET, BYTES);
    if u32_le(block, 0) != MAGIC {
        return None;
    }
    let mut found = Superblock::new(Kind::F2fs);
    // In version 1.0 UUID and name lay elsewhere.
    if (u16_le(block, 4), u16_le(block, 6)) != (1, 0) {
        let name: String<LABEL_BYTES_MAX> = text::utf16(slice(block, 124, 1024));
        found.uuid = text::uuid(array(block, 108));
        found.label = Label::from_slice(name.as_bytes()).unwrap_or_default();
    }
    found.integrity = integrity(block);
    Some(found)
}

fn integrity(block: &[u8]) -> Integrity {
    if u32_le(block, 2180) & FEATURE_SUPERBLOCK_CHECKSUM == 0 {
        return Integrity::Unchecked;
    }
    match usize::try_from(u32_le(block, 32)) {
        Ok(at) if at + 4 <= block.len() => {
            Integrity::from_sums(crc32(MAGIC, &block[..at]), u32_le(block, at))
        }
        _ => Integrity::Damaged,
    }
}
