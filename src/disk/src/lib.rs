//! What is on a disk: superblocks and partition tables, read only.
//!
//! [`identify`] says what a block device holds and who it is, under the names that blkid(8) has for it;
//! [`partition()`] says who a partition is by its number. PID 1's probe child asks both of each device while
//! it looks for the root. Nothing here writes, allocates, or trusts what it reads:
//!
//! - any bytes on a disk ⇒ no panic, and a bounded number of reads, each within the device;
//! - a checksum that is wrong ⇒ [`Integrity::Damaged`] (superblocks) or not there at all (tables);
//! - nothing known on a device ⇒ copies of an ext superblock are looked for: a dozen small reads at most;
//! - an error of a read ⇒ handed to the caller: a member of a mirror must not be taken for a plain file
//!   system because the sector that says so could not be read.
//!
//! ```text
//! byte      0   xfs, crypto_LUKS, squashfs, linux_raid_member 1.1; MBR
//!         512   LVM2_member (sectors 0 to 3); GPT (the second sector, and the last)
//!        1024   ext2 ext3 ext4 jbd, f2fs, erofs, swap
//!        4096   linux_raid_member 1.2
//!       65536   btrfs
//!  8 to 896 MB  copies of an ext superblock
//!   last 128k   linux_raid_member 0.90 and 1.0
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod backup;
mod btrfs;
mod bytes;
mod descriptors;
mod erofs;
mod ext;
mod f2fs;
mod gpt;
pub mod limits;
mod luks;
mod lvm;
mod mbr;
mod md;
mod partition;
mod read;
mod squashfs;
mod superblock;
mod swap;
mod text;
mod xfs;

pub use backup::Backup;
pub use ext::{Due, ExtState};
pub use partition::{Partition, PartitionLabel, partition};
pub use read::Read;
pub use superblock::{Integrity, Kind, Superblock, identify};
pub use text::{Label, Uuid};
