//! What a device holds, whatever its kind.

use crate::backup::{self, Backup};
use crate::ext::{self, ExtState};
use crate::limits::SCRATCH_BYTES;
use crate::read::{Read, fill};
use crate::text::{Label, Uuid};
use crate::{btrfs, erofs, f2fs, luks, lvm, md, squashfs, swap, xfs};

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
    /// Where a good copy of it is, when it cannot be believed; ext only.
    pub backup: Option<Backup>,
}

/// Whether a superblock can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// It carries no checksum, or none that we know.
    Unchecked,
    /// Its checksum is right.
    Good,
    /// Its checksum is wrong, it contradicts itself, or the group descriptors beside it are bad.
    Damaged,
    /// It is not there: this is a copy.
    Lost,
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
    /// xfs.
    Xfs,
    /// btrfs, one device of it.
    Btrfs,
    /// f2fs.
    F2fs,
    /// squashfs 4.
    Squashfs,
    /// erofs.
    Erofs,
    /// Swap.
    Swap,
    /// Swap that holds a hibernated system: file systems it had mounted must not be touched.
    Hibernated,
    /// LUKS 1 or 2.
    CryptoLuks,
    /// A physical volume of LVM2.
    Lvm2Member,
    /// A member of a Linux software RAID; its UUID is that of the array.
    LinuxRaidMember,
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
            Kind::Xfs => "xfs",
            Kind::Btrfs => "btrfs",
            Kind::F2fs => "f2fs",
            Kind::Squashfs => "squashfs",
            Kind::Erofs => "erofs",
            Kind::Swap => "swap",
            Kind::Hibernated => "swsuspend",
            Kind::CryptoLuks => "crypto_LUKS",
            Kind::Lvm2Member => "LVM2_member",
            Kind::LinuxRaidMember => "linux_raid_member",
        }
    }
}

impl Superblock {
    /// Something that it leads to is not there.
    fn distrust(&mut self) {
        self.integrity = Integrity::Damaged;
        if let Some(ext) = &mut self.ext {
            ext.integrity = Integrity::Damaged;
        }
    }

    /// A `kind` of which nothing more is known.
    pub(crate) fn new(kind: Kind) -> Superblock {
        Superblock {
            kind,
            uuid: Uuid::new(),
            label: Label::new(),
            integrity: Integrity::Unchecked,
            ext: None,
            backup: None,
        }
    }
}

/// What tells by the first 4096 bytes of a device whether it is of one kind.
type Teller = fn(&[u8]) -> Option<Superblock>;

/// All but ext, which is asked after them: its magic is two bytes.
const TELLERS: [Teller; 6] = [
    luks::identify,
    lvm::identify,
    xfs::identify,
    squashfs::identify,
    f2fs::identify,
    erofs::identify,
];

/// Says what `device` holds; `None`: nothing that we know.
///
/// What wraps a file system is asked for before file systems. Of two superblocks left on one device the
/// one is told whose tool leaves the other in place: `mkfs.btrfs` wipes what lies before it, `mke2fs` does
/// not wipe what lies behind.
pub fn identify<R: Read>(
    device: &mut R,
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Result<Option<Superblock>, R::Error> {
    if let Some(member) = md::identify(device)? {
        return Ok(Some(member));
    }
    fill(device, 0, scratch)?;
    let size = device.size();
    let front = TELLERS.iter().find_map(|tell| tell(scratch));
    if let Some(mut found) = front.or_else(|| ext::identify(scratch, size)) {
        if !ext::has_good_descriptors(device, &found, scratch)? {
            found.distrust();
        }
        let copy = match (found.ext, found.integrity) {
            (Some(_), Integrity::Damaged) => backup::find(device, Integrity::Damaged, scratch),
            _ => None,
        };
        return Ok(copy.or(Some(found)));
    }
    if let Some(found) = swap::identify(device, scratch)? {
        return Ok(Some(found));
    }
    fill(device, btrfs::OFFSET, scratch)?;
    if let Some(found) = btrfs::identify(scratch) {
        return Ok(Some(found));
    }
    fill(device, 0, scratch)?;
    Ok(backup::find(device, Integrity::Lost, scratch))
}
