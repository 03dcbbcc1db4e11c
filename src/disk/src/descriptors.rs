//! The group descriptors of an ext2, ext3 or ext4: where the bitmaps and inodes of each group are.
//!
//! Layout: the kernel's `Documentation/filesystems/ext4/group_descr.rst`. e2fsck told to repair a file system whose
//! descriptors mean nothing puts new, empty ones in their place, and copies them over the good copies: every file is
//! lost. So who has a good copy has to say so before e2fsck runs.

use crate::bytes::{array, slice, u16_le, u32_le};
use crate::ext;
use crate::limits::SCRATCH_BYTES;
use crate::read::{Read, fill};
use preroot_crc::crc32c_from as crc32c;

const INCOMPAT_META_BG: u32 = 0x10;
const INCOMPAT_64BIT: u32 = 0x80;
const INCOMPAT_CSUM_SEED: u32 = 0x2000;
const RO_COMPAT_BIGALLOC: u32 = 0x200;
const RO_COMPAT_METADATA_CSUM: u32 = 0x400;

/// Bytes of a descriptor without and with blocks beyond 32 bits.
const SMALL_BYTES: usize = 32;
const LARGE_BYTES: usize = 64;
/// Where its checksum is.
const SUM_AT: usize = 0x1e;

/// Whether the first descriptors beside the superblock that begins `block`, as many as a page holds, can be believed:
/// what they lead to is on the file system, and their checksums are right. Others than the usual layouts are believed.
pub(crate) fn are_good<R: Read>(
    device: &mut R,
    superblock: &[u8],
    block: u64,
) -> Result<bool, R::Error> {
    let layout = Layout::of(superblock);
    if layout.is_other {
        return Ok(true);
    }
    let mut page = [0; SCRATCH_BYTES];
    let offset = block.saturating_add(1).saturating_mul(layout.block_bytes);
    fill(device, offset, &mut page)?;
    let mut descriptors = page.chunks_exact(layout.descriptor_bytes);
    Ok((0..layout.groups).all(|group| {
        let descriptor = descriptors.next();
        descriptor.is_none_or(|descriptor| layout.is_good(descriptor, group))
    }))
}

/// What a superblock says of its descriptors.
struct Layout {
    block_bytes: u64,
    first_block: u64,
    blocks: u64,
    groups: u32,
    descriptor_bytes: usize,
    /// What checksums begin with; `None`: there are none that we know.
    seed: Option<u32>,
    is_other: bool,
}

impl Layout {
    fn of(block: &[u8]) -> Layout {
        let incompat = u32_le(block, 0x60);
        let ro_compat = u32_le(block, 0x64);
        let is_large = incompat & INCOMPAT_64BIT != 0;
        let high = if is_large { u32_le(block, 0x150) } else { 0 };
        let blocks = u64::from(u32_le(block, 0x04)) | u64::from(high) << 32;
        let first_block = u64::from(u32_le(block, 0x14));
        let per_group = u64::from(u32_le(block, 0x20)).max(1);
        let descriptor_bytes = usize::from(u16_le(block, 0xfe));
        let descriptor_bytes = if is_large {
            descriptor_bytes
        } else {
            SMALL_BYTES
        };
        let has_sums = ro_compat & RO_COMPAT_METADATA_CSUM != 0;
        let seed = match incompat & INCOMPAT_CSUM_SEED {
            0 => crc32c(!0, slice(block, ext::UUID_AT, 16)),
            _ => u32_le(block, 0x270),
        };
        let groups = blocks.saturating_sub(first_block).div_ceil(per_group);
        Layout {
            block_bytes: 1024 << u32_le(block, 0x18).min(6),
            first_block,
            blocks,
            groups: u32::try_from(groups).unwrap_or(u32::MAX),
            descriptor_bytes: descriptor_bytes.max(1),
            seed: has_sums.then_some(seed),
            is_other: incompat & INCOMPAT_META_BG != 0
                || ro_compat & RO_COMPAT_BIGALLOC != 0
                || ![SMALL_BYTES, LARGE_BYTES].contains(&descriptor_bytes),
        }
    }

    fn is_good(&self, descriptor: &[u8], group: u32) -> bool {
        // Block bitmap, inode bitmap, inode table.
        let is_inside = [0, 4, 8].into_iter().all(|at| {
            let high = match descriptor.len() {
                LARGE_BYTES => u32_le(descriptor, 0x20 + at),
                _ => 0,
            };
            let block = u64::from(u32_le(descriptor, at)) | u64::from(high) << 32;
            block > self.first_block && block < self.blocks
        });
        is_inside
            && self
                .seed
                .is_none_or(|seed| sum(seed, descriptor, group) == stored(descriptor))
    }
}

fn stored(descriptor: &[u8]) -> u16 {
    u16_le(descriptor, SUM_AT)
}

/// `ext4_group_desc_csum` of the kernel's `fs/ext4/super.c`.
fn sum(seed: u32, descriptor: &[u8], group: u32) -> u16 {
    let (before, after) = descriptor.split_at(SUM_AT.min(descriptor.len()));
    let sum = crc32c(seed, &group.to_le_bytes());
    let sum = crc32c(crc32c(sum, before), &[0, 0]);
    let sum = crc32c(sum, after.get(2..).unwrap_or_default());
    let low: [u8; 2] = array(&sum.to_le_bytes(), 0);
    u16::from_le_bytes(low)
}
