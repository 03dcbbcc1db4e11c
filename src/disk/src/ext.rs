//! ext2, ext3 and ext4: who it is, and whether e2fsck is due.
//!
//! Offsets: the kernel's `Documentation/filesystems/ext4/super.rst`. When a check is due: `check_if_skip` in
//! e2fsck's `unix.c`. Two deliberate differences: a journal to be replayed is a reason (e2fsck replays it
//! before it asks), and a clock that stands before the last check is none (e2fsck takes it for one, so a
//! dead clock would cost a full check at each boot). Copies are only read of a superblock that is bad (`backup.rs`),
//! so a feature that differs from the copy's is no reason here.

use crate::bytes::{array, slice, u16_le, u32_le};
use crate::descriptors;
use crate::read::Read;
use crate::superblock::{Integrity, Kind, Superblock};
use crate::text;
use preroot_crc::crc32c_from as crc32c;

/// Where the first superblock lies.
pub(crate) const OFFSET: usize = 1024;
/// Bytes of a superblock.
pub(crate) const BYTES: usize = 1024;
/// When it was made, in seconds since 1970.
pub(crate) const MADE_AT: usize = 0x108;
pub(crate) const UUID_AT: usize = 0x68;
const MAGIC: u16 = 0xef53;

const STATE_VALID: u16 = 1;
const STATE_ERRORS: u16 = 2;

const COMPAT_HAS_JOURNAL: u32 = 0x4;
const INCOMPAT_FILETYPE: u32 = 0x2;
const INCOMPAT_RECOVER: u32 = 0x4;
const INCOMPAT_JOURNAL_DEVICE: u32 = 0x8;
const INCOMPAT_META_BG: u32 = 0x10;
const INCOMPAT_64BIT: u32 = 0x80;
const RO_COMPAT_SPARSE_SUPER: u32 = 0x1;
const RO_COMPAT_LARGE_FILE: u32 = 0x2;
const RO_COMPAT_BTREE_DIR: u32 = 0x4;
const RO_COMPAT_METADATA_CSUM: u32 = 0x400;

const EXT2_INCOMPAT: u32 = INCOMPAT_FILETYPE | INCOMPAT_META_BG;
const EXT3_INCOMPAT: u32 = EXT2_INCOMPAT | INCOMPAT_RECOVER;
const EXT3_RO_COMPAT: u32 = RO_COMPAT_SPARSE_SUPER | RO_COMPAT_LARGE_FILE | RO_COMPAT_BTREE_DIR;

/// `s_log_block_size` counts from 1 KiB; 64 KiB is the largest block there is.
const LOG_BLOCK_SIZE_MAX: u32 = 6;

/// What decides whether e2fsck is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtState {
    /// Whether the superblock can be believed.
    pub integrity: Integrity,
    /// `EXT2_VALID_FS`: it was unmounted cleanly, or has a journal.
    pub is_valid: bool,
    /// `EXT2_ERROR_FS`: the kernel met errors.
    pub has_errors: bool,
    /// The journal has to be replayed.
    pub needs_recovery: bool,
    /// Mounts since the last check.
    pub mounts: u16,
    /// Mounts after which it is checked; 0 or less: never.
    pub mounts_max: i16,
    /// When it was checked last, in seconds since 1970.
    pub checked_s: u64,
    /// Seconds between checks; 0: never.
    pub interval_s: u32,
    /// Inodes in use: what is counted as `files` by e2fsck. Up to date when it was unmounted cleanly.
    pub files: u64,
}

/// Why e2fsck has to look at it, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// There is no superblock, only a copy of it.
    Lost,
    /// The superblock's checksum is wrong, it contradicts itself, or its group descriptors are bad.
    Damaged,
    /// The kernel met errors.
    Errors,
    /// It has no journal and was not unmounted.
    Unclean,
    /// It was not unmounted: its journal has to be replayed.
    Journal,
    /// It was mounted often enough.
    Mounts,
    /// It was checked long ago.
    Interval,
}

impl Due {
    /// Every reason, in the order in which they are asked for.
    pub const ALL: [Due; 7] = [
        Due::Lost,
        Due::Damaged,
        Due::Errors,
        Due::Unclean,
        Due::Journal,
        Due::Mounts,
        Due::Interval,
    ];

    /// One word, lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Due::Lost => "lost",
            Due::Damaged => "damaged",
            Due::Errors => "errors",
            Due::Unclean => "unclean",
            Due::Journal => "journal",
            Due::Mounts => "mounts",
            Due::Interval => "interval",
        }
    }
}

impl ExtState {
    /// Why it has to be checked, when the wall clock says `now_s`; `None`: it is clean and not due.
    #[must_use]
    pub fn due(&self, now_s: u64) -> Option<Due> {
        Due::ALL.into_iter().find(|due| match due {
            Due::Lost => self.integrity == Integrity::Lost,
            Due::Damaged => self.integrity == Integrity::Damaged,
            Due::Errors => self.has_errors,
            Due::Unclean => !self.is_valid,
            Due::Journal => self.needs_recovery,
            Due::Mounts => {
                u16::try_from(self.mounts_max).is_ok_and(|max| max > 0 && self.mounts >= max)
            }
            Due::Interval => {
                let next_s = self.checked_s.saturating_add(u64::from(self.interval_s));
                self.interval_s > 0 && now_s >= next_s
            }
        })
    }
}

/// `front`: the first 4096 bytes of a device of `size` bytes.
pub(crate) fn identify(front: &[u8], size: u64) -> Option<Superblock> {
    let block = slice(front, OFFSET, BYTES);
    (u16_le(block, 0x38) == MAGIC).then(|| identify_as(block, integrity(block, size)))
}

/// Whether the group descriptors of what was found in `front` are good, as far as that can be said: a journal that is
/// to be replayed may hold better ones, and without a good superblock nobody knows where they are.
pub(crate) fn has_good_descriptors<R: Read>(
    device: &mut R,
    found: &Superblock,
    front: &[u8],
) -> Result<bool, R::Error> {
    let is_known = |ext: &ExtState| ext.integrity != Integrity::Damaged && !ext.needs_recovery;
    if !found.ext.as_ref().is_some_and(is_known) {
        return Ok(true);
    }
    let block = slice(front, OFFSET, BYTES);
    descriptors::are_good(device, block, u64::from(u32_le(block, 0x14)))
}

/// What a superblock, or a copy of one, says.
pub(crate) fn identify_as(block: &[u8], integrity: Integrity) -> Superblock {
    let kind = kind(block);
    Superblock {
        kind,
        uuid: text::uuid(array(block, UUID_AT)),
        label: text::label(slice(block, 0x78, 16)),
        integrity,
        ext: (kind != Kind::Jbd).then(|| state(block, integrity)),
        backup: None,
    }
}

/// Whether it lacks nothing but its magic, which is what wipefs(8) leaves.
pub(crate) fn is_wiped(block: &[u8], size: u64) -> bool {
    u16_le(block, 0x38) == 0 && is_possible(block, size)
}

/// Whether `block` says that it is the copy in `group`, and that blocks have this size. A copy may call itself the
/// first: kernels before 5.19 left that when they made a file system larger.
pub(crate) fn is_copy(block: &[u8], group: u32, log_block_size: u32) -> bool {
    let own = u32::from(u16_le(block, 0x5a));
    u16_le(block, 0x38) == MAGIC
        && (own == group || own == 0)
        && u32_le(block, 0x18) == log_block_size
        && u32_le(block, 0x14) == first_block(log_block_size)
        && u32_le(block, 0x20) == 8 << (10 + log_block_size)
}

/// The block that the first group begins with: 1 KiB are left to a boot loader.
pub(crate) fn first_block(log_block_size: u32) -> u32 {
    u32::from(log_block_size == 0)
}

/// Whether two superblocks, one of them damaged, can be of one file system: by UUID, or by inodes and blocks.
pub(crate) fn is_akin(one: &[u8], other: &[u8]) -> bool {
    slice(one, UUID_AT, 16) == slice(other, UUID_AT, 16) || slice(one, 0, 8) == slice(other, 0, 8)
}

/// By features, as blkid tells them apart.
fn kind(block: &[u8]) -> Kind {
    let compat = u32_le(block, 0x5c);
    let incompat = u32_le(block, 0x60);
    let ro_compat = u32_le(block, 0x64);
    if incompat & INCOMPAT_JOURNAL_DEVICE != 0 {
        return Kind::Jbd;
    }
    let has_journal = compat & COMPAT_HAS_JOURNAL != 0;
    if has_journal && incompat & !EXT3_INCOMPAT == 0 && ro_compat & !EXT3_RO_COMPAT == 0 {
        return Kind::Ext3;
    }
    if !has_journal && incompat & !EXT2_INCOMPAT == 0 && ro_compat & !EXT3_RO_COMPAT == 0 {
        return Kind::Ext2;
    }
    Kind::Ext4
}

/// Whether a superblock, or a copy of one, can be believed.
pub(crate) fn integrity(block: &[u8], size: u64) -> Integrity {
    let is_journal_device = u32_le(block, 0x60) & INCOMPAT_JOURNAL_DEVICE != 0;
    if !is_journal_device && !is_possible(block, size) {
        return Integrity::Damaged;
    }
    if u32_le(block, 0x64) & RO_COMPAT_METADATA_CSUM == 0 {
        return Integrity::Unchecked;
    }
    Integrity::from_sums(crc32c(!0, slice(block, 0, 0x3fc)), u32_le(block, 0x3fc))
}

/// Whether a file system can be like that: what the kernel too asks of it before it mounts it.
fn is_possible(block: &[u8], size: u64) -> bool {
    let log_block_size = u32_le(block, 0x18);
    let blocks_high = if u32_le(block, 0x60) & INCOMPAT_64BIT == 0 {
        0
    } else {
        u64::from(u32_le(block, 0x150))
    };
    let blocks = u64::from(u32_le(block, 0x04)) | blocks_high << 32;
    let has_groups = u32_le(block, 0x20) > 0 && u32_le(block, 0x28) > 0;
    log_block_size <= LOG_BLOCK_SIZE_MAX
        && has_groups
        && blocks > 0
        && blocks <= size >> (10 + log_block_size)
}

fn state(block: &[u8], integrity: Integrity) -> ExtState {
    let state = u16_le(block, 0x3a);
    let [checked_high] = array(block, 0x277);
    ExtState {
        integrity,
        is_valid: state & STATE_VALID != 0,
        has_errors: state & STATE_ERRORS != 0,
        needs_recovery: u32_le(block, 0x60) & INCOMPAT_RECOVER != 0,
        mounts: u16_le(block, 0x34),
        mounts_max: i16::from_le_bytes(array(block, 0x36)),
        checked_s: u64::from(u32_le(block, 0x40)) | u64::from(checked_high) << 32,
        interval_s: u32_le(block, 0x44),
        files: u64::from(u32_le(block, 0x00).saturating_sub(u32_le(block, 0x10))),
    }
}
