//! Reaping: wait4 with what the dead used, which rustix's waitpid and waitid leave out.

use core::mem::MaybeUninit;

use linux_raw_sys::general::{__NR_wait4, WNOHANG, rusage};
use rustix::io::Errno;

use crate::syscall::syscall;

/// A process that has ended and is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reaped {
    /// Its pid, which may be used again from now on.
    pub pid: u32,
    /// Its status as wait(2) encodes it.
    pub status: i32,
    /// CPU time in user mode, ns.
    pub user_ns: u64,
    /// CPU time in the kernel, ns.
    pub system_ns: u64,
    /// Largest resident set, KiB.
    pub memory_kib: u32,
    /// What was read of disks for it, KiB.
    pub read_kib: u32,
    /// What it wrote to files on disks, KiB.
    pub written_kib: u32,
}

/// `wait4(-1, &status, WNOHANG, &usage)`: any child that has ended, ours or adopted.
/// [wait4(2)](https://man7.org/linux/man-pages/man2/wait4.2.html)
#[must_use]
pub fn any() -> Option<Reaped> {
    wait4(-1, WNOHANG as usize)
}

/// `wait4(pid, &status, 0, &usage)`: blocks until this child has ended, so ask only for one that is ending.
/// [wait4(2)](https://man7.org/linux/man-pages/man2/wait4.2.html)
#[must_use]
pub fn ending(pid: u32) -> Option<Reaped> {
    wait4(i32::try_from(pid).ok()?, 0)
}

fn wait4(pid: i32, options: usize) -> Option<Reaped> {
    let mut status: i32 = 0;
    let mut usage = MaybeUninit::<rusage>::zeroed();
    let arguments = [
        pid as usize,
        &raw mut status as usize,
        options,
        usage.as_mut_ptr() as usize,
        0,
        0,
    ];
    let reaped = loop {
        // SAFETY: both pointers are to locals of the types that the kernel writes.
        match unsafe { syscall(__NR_wait4, arguments) } {
            Err(Errno::INTR) => {}
            Ok(0) | Err(_) => return None,
            Ok(pid) => break u32::try_from(pid).ok()?,
        }
    };
    // SAFETY: an rusage is integers only, so zeros are one, and the kernel has filled it in.
    let usage = unsafe { usage.assume_init() };
    Some(Reaped {
        pid: reaped,
        status,
        user_ns: nanoseconds(usage.ru_utime.tv_sec, usage.ru_utime.tv_usec),
        system_ns: nanoseconds(usage.ru_stime.tv_sec, usage.ru_stime.tv_usec),
        memory_kib: u32::try_from(usage.ru_maxrss).unwrap_or(u32::MAX),
        read_kib: kib(usage.ru_inblock),
        written_kib: kib(usage.ru_oublock),
    })
}

/// A count of sectors, which have 512 bytes whatever the disk's have (`task_io_get_inblock` of
/// `include/linux/task_io_accounting_ops.h`).
fn kib(sectors: i64) -> u32 {
    u32::try_from(sectors / 2).unwrap_or(u32::MAX)
}

fn nanoseconds(seconds: i64, microseconds: i64) -> u64 {
    let microseconds = seconds
        .saturating_mul(1_000_000)
        .saturating_add(microseconds);
    u64::try_from(microseconds)
        .unwrap_or(0)
        .saturating_mul(1000)
}
