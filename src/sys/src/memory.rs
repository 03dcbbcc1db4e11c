//! Memory of a size that is only known at run time, for helpers that live shortly.

use core::ptr::null_mut;

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

/// `mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)`: zeroes, until the
/// process ends. [mmap(2)](https://man7.org/linux/man-pages/man2/mmap.2.html)
pub fn anonymous(bytes: usize) -> Result<&'static mut [u8], Errno> {
    if bytes == 0 {
        return Ok(&mut []);
    }
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the kernel picks a free range, so nothing else of this process is touched; it is zeroed,
    // readable and writable, and as nobody unmaps it, it lives as long as the process.
    unsafe {
        let start = mmap_anonymous(null_mut(), bytes, protection, MapFlags::PRIVATE)?;
        Ok(core::slice::from_raw_parts_mut(start.cast(), bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::anonymous;

    #[test]
    fn memory_is_zeroed_and_writable() {
        let memory = anonymous(10_000).unwrap();
        assert!(memory.iter().all(|&byte| byte == 0));
        memory[9_999] = 1;
        assert_eq!(memory.len(), 10_000);
        assert!(anonymous(0).unwrap().is_empty());
        assert!(anonymous(usize::MAX).is_err());
    }
}
