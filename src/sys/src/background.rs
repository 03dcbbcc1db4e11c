//! A system call that may hang, made by somebody else: sync(2) on a disk that does not answer.

use core::arch::asm;

use linux_raw_sys::general::{
    __NR_clone3, __NR_exit, __NR_sync, CLONE_PIDFD, CLONE_VM, SIGCHLD, clone_args,
};
use rustix::fd::{FromRawFd, OwnedFd};
use rustix::io::Errno;

/// Starts a process that calls `sync()` and exits; its pidfd becomes readable when it is done.
/// [sync(2)](https://man7.org/linux/man-pages/man2/sync.2.html),
/// [clone3(2)](https://man7.org/linux/man-pages/man2/clone.2.html)
///
/// # Errors
/// As clone3.
pub fn sync() -> Result<OwnedFd, Errno> {
    let mut pidfd: i32 = -1;
    let arguments = clone_args {
        flags: u64::from(CLONE_VM | CLONE_PIDFD),
        pidfd: &raw mut pidfd as u64,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: u64::from(SIGCHLD),
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    };
    let returned: isize;
    // SAFETY: the child shares our memory and even our stack pointer, but until it is gone it executes only the
    // six instructions below, none of which touches memory. The kernel writes one int to `pidfd`.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov eax, {sync}",
            "syscall",
            "xor edi, edi",
            "mov eax, {exit}",
            "syscall",
            "ud2",
            "2:",
            sync = const __NR_sync,
            exit = const __NR_exit,
            inlateout("rax") __NR_clone3 as isize => returned,
            in("rdi") &raw const arguments, in("rsi") size_of::<clone_args>(),
            lateout("rcx") _, lateout("r11") _,
        );
    }
    if returned < 0 {
        return Err(Errno::from_raw_os_error(-(returned as i32)));
    }
    // SAFETY: the kernel has just opened this number for us, close-on-exec, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(pidfd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    #[test]
    fn a_sync_ends() {
        let pidfd = sync().unwrap();
        let mut polled = [PollFd::new(&pidfd, PollFlags::IN)];
        assert_eq!(poll(&mut polled, None), Ok(1));
    }
}
