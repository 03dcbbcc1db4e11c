//! Swap, and swap that holds a hibernated system. Offsets: the kernel's `include/linux/swap.h`,
//! `union swap_header`; the signatures of hibernation: `kernel/power/swap.c` and blkid's list.
//!
//! Swap is told by the last ten bytes of its first page, whose size is that of the kernel that made it.

use crate::bytes::{array, slice, u32_be, u32_le};
use crate::read::{Read, fill};
use crate::superblock::{Kind, Superblock};
use crate::text;

const PAGE_BYTES: [u64; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];
const SIGNATURE_BYTES: usize = 10;
const HIBERNATED: [&[u8]; 4] = [b"S1SUSPEND", b"S2SUSPEND", b"ULSUSPEND", b"LINHIB0001"];
const HEADER_OFFSET: usize = 1024;

/// `front`: the first 4096 bytes of the device.
pub(crate) fn identify<R: Read>(
    device: &mut R,
    front: &[u8],
) -> Result<Option<Superblock>, R::Error> {
    for page_bytes in PAGE_BYTES {
        let mut signature = [0; SIGNATURE_BYTES];
        fill(device, page_bytes - SIGNATURE_BYTES as u64, &mut signature)?;
        let found = told_by(&signature, slice(front, HEADER_OFFSET, 512));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn told_by(signature: &[u8; SIGNATURE_BYTES], header: &[u8]) -> Option<Superblock> {
    let mut found = match signature {
        b"SWAP-SPACE" => return Some(Superblock::new(Kind::Swap)),
        b"SWAPSPACE2" => Superblock::new(Kind::Swap),
        _ if HIBERNATED.iter().any(|known| signature.starts_with(known)) => {
            Superblock::new(Kind::Hibernated)
        }
        _ => return None,
    };
    let has_version = u32_le(header, 0) == 1 || u32_be(header, 0) == 1;
    if found.kind == Kind::Swap && !(has_version && u32_le(header, 4) > 0) {
        return None;
    }
    found.uuid = text::uuid(array(header, 12));
    found.label = text::label(slice(header, 28, 16));
    Some(found)
}
