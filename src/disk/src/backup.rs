//! Copies of the superblock of an ext2, ext3 or ext4, for when the first is bad.
//!
//! mke2fs(8) puts copies into group 1 and, with `sparse_super`, those whose numbers are powers of 3, 5 and 7. Where
//! a group begins depends on the size of blocks, which nobody can say any more: each usual size is tried. Not found
//! are copies in other places (`mke2fs -g`, bigalloc, sparse_super2).
//!
//! - a boot sector ⇒ there is something else, or a partition table: no copy is looked for;
//! - a superblock without its magic and else as it was ⇒ wipefs(8) took it away: nor there;
//! - a copy that does not fit its place, the device or its checksum, or whose group descriptors are bad ⇒ not there.

use crate::bytes::{slice, u32_le};
use crate::descriptors;
use crate::ext;
use crate::limits::SCRATCH_BYTES;
use crate::read::{Read, fill};
use crate::superblock::{Integrity, Superblock};

/// Where a good copy is, as e2fsck's `-b` and `-B` want it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// The block that it begins.
    pub block: u64,
    /// The size of blocks.
    pub block_bytes: u32,
}

const GROUPS: [u32; 4] = [1, 3, 5, 7];
/// 1, 2 and 4 KiB.
const LOG_BLOCK_SIZES: [u32; 3] = [0, 1, 2];

/// What a device was whose first 4096 bytes, `scratch`, hold nothing that we know, or a superblock that is
/// [`Integrity::Damaged`]: then only a copy of that counts, one of its UUID or its size.
///
/// Of several copies of one group, an earlier file system's being left, the one that was made last.
pub(crate) fn find<R: Read>(
    device: &mut R,
    integrity: Integrity,
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Option<Superblock> {
    let size = device.size();
    let mut primary = [0; ext::BYTES];
    primary.copy_from_slice(slice(scratch, ext::OFFSET, ext::BYTES));
    let is_lost = integrity == Integrity::Lost;
    if is_lost && (slice(scratch, 510, 2) == [0x55, 0xaa] || ext::is_wiped(&primary, size)) {
        return None;
    }
    let mut newest: Option<(u32, Backup)> = None;
    for group in GROUPS {
        for log in LOG_BLOCK_SIZES {
            let block_bytes = 1024_u32 << log;
            let block = u64::from(ext::first_block(log) + group * 8 * block_bytes);
            let backup = Backup { block, block_bytes };
            let copy = &mut scratch[..ext::BYTES];
            // A sector that cannot be read holds no good copy.
            if backup.read(device, copy)
                && ext::is_copy(copy, group, log)
                && (is_lost || ext::is_akin(copy, &primary))
                && ext::integrity(copy, size) != Integrity::Damaged
                && descriptors::are_good(device, copy, block).unwrap_or(false)
            {
                let made_s = u32_le(copy, ext::MADE_AT);
                if newest.is_none_or(|(newest_s, _)| newest_s < made_s) {
                    newest = Some((made_s, backup));
                }
            }
        }
        if newest.is_some() {
            break;
        }
    }
    let (_, backup) = newest?;
    let copy = &mut scratch[..ext::BYTES];
    let mut found = backup
        .read(device, copy)
        .then(|| ext::identify_as(copy, integrity))?;
    found.backup = Some(backup);
    Some(found)
}

impl Backup {
    fn read<R: Read>(self, device: &mut R, copy: &mut [u8]) -> bool {
        let offset = self.block * u64::from(self.block_bytes);
        offset + ext::BYTES as u64 <= device.size() && fill(device, offset, copy).is_ok()
    }
}
