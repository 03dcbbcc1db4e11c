//! The one instruction that enters the kernel, for the calls that rustix does not have.

use core::arch::asm;

use rustix::io::Errno;

/// `syscall(number, ...)`, as syscall(2) describes it for x86-64.
///
/// # Safety
/// As the system call itself: every argument that is a pointer is good for what the kernel does with it.
#[inline]
pub(crate) unsafe fn syscall(number: u32, arguments: [usize; 6]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = arguments;
    let returned: isize;
    // SAFETY: the kernel preserves all registers but rax, rcx and r11; what it does to memory is what
    // the caller vouches for.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as usize => returned,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack)
        );
    }
    match returned {
        -4095..=-1 => Err(Errno::from_raw_os_error(-(returned as i32))),
        _ => Ok(returned as usize),
    }
}
