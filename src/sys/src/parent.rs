//! Whether the mount that a process stands on lies upon another one: what pivot_root(2) asks of it.

use core::mem::MaybeUninit;

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use rustix::io::Errno;

use crate::syscall::syscall;

/// Linux 6.8, the same on every architecture (`syscall.tbl`).
const STATMOUNT: u32 = 457;
/// STATX_MNT_ID_UNIQUE of `linux/stat.h`: the number that statmount(2) takes.
const MOUNT_ID_UNIQUE: u32 = 0x4000;
/// STATMOUNT_MNT_BASIC of `linux/mount.h`.
const MOUNT_BASIC: u64 = 2;

/// `struct mnt_id_req` of `linux/mount.h`, as it first was (MNT_ID_REQ_SIZE_VER0).
#[repr(C)]
struct Request {
    size: u32,
    spare: u32,
    mount_id: u64,
    mask: u64,
}

/// `struct statmount` of `linux/mount.h`, its first 512 bytes.
#[repr(C)]
struct Answer {
    size: u32,
    options: u32,
    mask: u64,
    device: [u32; 2],
    magic: u64,
    flags: u32,
    kind: u32,
    mount_id: u64,
    parent_id: u64,
    rest: [u64; 57],
}

const _: () = assert!(size_of::<Request>() == 24 && size_of::<Answer>() == 512);

/// What is below a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent {
    /// Nothing: it is the rootfs of its namespace.
    Itself,
    /// Another mount.
    Another,
}

/// `statmount(the mount of "/")`. `NOSYS`: a kernel before Linux 6.8.
/// [statmount(2)](https://man7.org/linux/man-pages/man2/statmount.2.html)
pub fn of_root() -> Result<Parent, Errno> {
    let found = statx(
        CWD,
        "/",
        AtFlags::empty(),
        StatxFlags::from_bits_retain(MOUNT_ID_UNIQUE),
    )?;
    if found.stx_mask & MOUNT_ID_UNIQUE == 0 {
        return Err(Errno::NOSYS);
    }
    let request = Request {
        size: 24,
        spare: 0,
        mount_id: found.stx_mnt_id,
        mask: MOUNT_BASIC,
    };
    let mut answer = MaybeUninit::<Answer>::zeroed();
    let arguments = [
        &raw const request as usize,
        answer.as_mut_ptr() as usize,
        size_of::<Answer>(),
        0,
        0,
        0,
    ];
    // SAFETY: `request` is as long as it says and lives across the call, which writes no more than the size of
    // `answer` into it.
    unsafe { syscall(STATMOUNT, arguments) }?;
    // SAFETY: it was zeroed, and any bytes are integers.
    let answer = unsafe { answer.assume_init() };
    if answer.mask & MOUNT_BASIC == 0 {
        return Err(Errno::NOSYS);
    }
    Ok(if answer.parent_id == answer.mount_id {
        Parent::Itself
    } else {
        Parent::Another
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wherever tests run, they do not run on a bare rootfs.
    #[test]
    fn a_root_that_is_mounted_has_a_parent_if_the_kernel_can_say() {
        match of_root() {
            Ok(parent) => assert_eq!(parent, Parent::Another),
            Err(errno) => assert_eq!(errno, Errno::NOSYS),
        }
    }
}
