//! What a device holds, whatever its kind.

use crate::ext::{self, ExtState};
use crate::limits::SCRATCH_BYTES;
use crate::read::{Read, fill};
use crate::text::{Label, Uuid};

/// What a device holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    /// File system, or what else it is.
    pub kind: Kind,
    /// Its UUID; empty: it has none.
    pub uuid: Uuid,
    /// Its label; empty: it has none.
    pub label: Label,
    /// Whether the superblock can be believed.
    pub integrity: Integrity,
    /// What decides whether e2fsck is due; ext2, ext3, ext4 only.
    pub ext: Option<ExtState>,
}

/// Whether a superblock can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// It carries no checksum, or none that we know.
    Unchecked,
    /// Its checksum is right.
    Good,
    /// Its checksum is wrong, or it contradicts itself.
    Damaged,
}

impl Integrity {
    pub(crate) fn from_sums(computed: u32, stored: u32) -> Integrity {
        if computed == stored {
            Integrity::Good
        } else {
            Integrity::Damaged
        }
    }
}

/// A kind of superblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ext2: no journal.
    Ext2,
    /// ext3: a journal, and nothing that came later.
    Ext3,
    /// ext4.
    Ext4,
    /// The external journal of an ext3 or ext4.
    Jbd,
}

impl Kind {
    /// The name that blkid(8) has for it, which mount(8) takes for file systems.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Ext2 => "ext2",
            Kind::Ext3 => "ext3",
            Kind::Ext4 => "ext4",
            Kind::Jbd => "jbd",
        }
    }
}

/// Says what `device` holds; `None`: nothing that we know.
pub fn identify<R: Read>(
    device: &mut R,
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Result<Option<Superblock>, R::Error> {
    fill(device, 0, scratch)?;
    Ok(ext::identify(scratch, device.size()))
}
