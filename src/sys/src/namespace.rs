//! A mount namespace of one's own.

use rustix::io::Errno;
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// `unshare(CLONE_NEWNS)`: from here on this process has a copy of all mounts, and its root and working directory
/// stand at the same places in the copy.
/// [unshare(2)](https://man7.org/linux/man-pages/man2/unshare.2.html)
pub fn own_mounts() -> Result<(), Errno> {
    // SAFETY: what is unsafe about it is CLONE_FILES, which is not asked for: no thread sees another's descriptors
    // change.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }
}
