//! Swap, which a root cannot be unmounted under.

use core::ffi::CStr;

use linux_raw_sys::general::__NR_swapoff;
use rustix::io::Errno;

use crate::syscall::syscall;

/// `swapoff(path)`. Brings back into memory what lies there, so it may take long.
/// [swapoff(2)](https://man7.org/linux/man-pages/man2/swapoff.2.html)
pub fn swapoff(path: &CStr) -> Result<(), Errno> {
    let arguments = [path.as_ptr() as usize, 0, 0, 0, 0, 0];
    // SAFETY: `path` ends with NUL and lives across the call.
    unsafe { syscall(__NR_swapoff, arguments) }.map(drop)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_no_swap_is_refused() {
        assert!(super::swapoff(c"/nonexistent").is_err());
    }
}
