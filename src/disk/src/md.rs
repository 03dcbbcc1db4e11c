//! A member of a Linux software RAID. Offsets: the kernel's `include/uapi/linux/raid/md_p.h`,
//! `struct mdp_superblock_s` (0.90) and `struct mdp_superblock_1` (1.0, 1.1, 1.2).
//!
//! 0.90 and 1.0 lie at the end: the front of a mirror's member looks like the file system on the mirror. So
//! this is asked first, and a read that fails is an error, not a "no".

use crate::bytes::{array, slice, u32_be, u32_le, u64_le};
use crate::read::{Read, fill};
use crate::superblock::{Kind, Superblock};
use crate::text::{self, Uuid};

const MAGIC: u32 = 0xa92b_4efc;
const SECTOR_BYTES: u64 = 512;
/// What both versions need of theirs.
const BYTES: usize = 256;
/// 0.90 keeps the last whole 64 KiB of a device for itself.
const RESERVED_BYTES: u64 = 64 << 10;

/// Asks at each place where a member's superblock can lie.
pub(crate) fn identify<R: Read>(device: &mut R) -> Result<Option<Superblock>, R::Error> {
    let size = device.size();
    let mut block = [0; BYTES];
    if size > RESERVED_BYTES {
        let offset = (size & !(RESERVED_BYTES - 1)) - RESERVED_BYTES;
        fill(device, offset, &mut block)?;
        if let Some(uuid) = version_0(&block, size) {
            let mut found = Superblock::new(Kind::LinuxRaidMember);
            found.uuid = uuid;
            return Ok(Some(found));
        }
    }
    let end = (size & !0xfff).saturating_sub(0x2000);
    for offset in [end, 0, 0x1000] {
        fill(device, offset, &mut block)?;
        if is_version_1(&block, offset) {
            let mut found = Superblock::new(Kind::LinuxRaidMember);
            found.uuid = text::uuid(array(&block, 16));
            found.label = text::label(slice(&block, 32, 32));
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Version 0.90 is written in the byte order of the machine that made it; its UUID is four numbers.
fn version_0(block: &[u8], size: u64) -> Option<Uuid> {
    let number = [u32_le, u32_be]
        .into_iter()
        .find(|number| number(block, 0) == MAGIC)?;
    let member_bytes = u64::from(number(block, 32)) << 10;
    if number(block, 4) != 0 || member_bytes + RESERVED_BYTES > size {
        return None;
    }
    let mut uuid = [0; 16];
    for (part, at) in uuid.chunks_exact_mut(4).zip([20, 52, 56, 60]) {
        part.copy_from_slice(&number(block, at).to_be_bytes());
    }
    Some(text::uuid(uuid))
}

fn is_version_1(block: &[u8], offset: u64) -> bool {
    u32_le(block, 0) == MAGIC
        && u32_le(block, 4) == 1
        && u64_le(block, 144) == offset / SECTOR_BYTES
}
