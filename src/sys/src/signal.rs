//! Signals: PID 1 blocks all of them for ever and reads those that mean something from a descriptor.
//!
//! No handler is ever installed and none is ignored: what is ignored stays so over exec, and children
//! must start with the kernel's defaults.

use core::mem::MaybeUninit;

use linux_raw_sys::general::{
    __NR_kill, __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_rt_sigtimedwait, __NR_signalfd4,
    O_CLOEXEC, O_NONBLOCK, SIG_SETMASK, kernel_sigaction,
};
use rustix::fd::{AsFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::Signal;
use rustix::time::Timespec;

use crate::syscall::syscall;

/// Signals the kernel has.
const SIGNAL_COUNT: usize = 64;
/// Bytes of `struct signalfd_siginfo`.
const INFO_BYTES: usize = 128;
/// Bytes of the kernel's sigset_t.
const SET_BYTES: usize = 8;

/// A set of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set(u64);

impl Set {
    /// None.
    pub const EMPTY: Set = Set(0);
    /// All; the kernel leaves out SIGKILL and SIGSTOP.
    pub const ALL: Set = Set(u64::MAX);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, signal: Signal) -> Set {
        Set(self.0 | 1 << (signal.as_raw() - 1))
    }
}

/// `sigprocmask(SIG_SETMASK, &set, NULL)`.
/// [sigprocmask(2)](https://man7.org/linux/man-pages/man2/sigprocmask.2.html)
pub fn block(set: Set) {
    let arguments = [
        SIG_SETMASK as usize,
        &raw const set.0 as usize,
        0,
        SET_BYTES,
        0,
        0,
    ];
    // SAFETY: the pointer is to a local of SET_BYTES bytes. It cannot fail with these arguments.
    let _ = unsafe { syscall(__NR_rt_sigprocmask, arguments) };
}

/// `sigaction(signal, SIG_DFL)` for every signal: whoever started us may have ignored some.
/// [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html)
pub fn default_all() {
    // SAFETY: an all-zero kernel_sigaction is SIG_DFL with no flags: a null handler is `None`.
    let default: kernel_sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    for signal in 1..=SIGNAL_COUNT {
        let arguments = [signal, &raw const default as usize, 0, SET_BYTES, 0, 0];
        // SAFETY: the pointer is to a local of the right type. SIGKILL and SIGSTOP are refused, rightly.
        let _ = unsafe { syscall(__NR_rt_sigaction, arguments) };
    }
}

/// `signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)`.
/// [signalfd(2)](https://man7.org/linux/man-pages/man2/signalfd.2.html)
///
/// # Errors
/// As the call.
pub fn descriptor(set: Set) -> Result<OwnedFd, Errno> {
    let arguments = [
        usize::MAX,
        &raw const set.0 as usize,
        SET_BYTES,
        (O_NONBLOCK | O_CLOEXEC) as usize,
        0,
        0,
    ];
    // SAFETY: the pointer is to a local of SET_BYTES bytes.
    let number = unsafe { syscall(__NR_signalfd4, arguments) }?;
    let number = i32::try_from(number).map_err(|_| Errno::BADF)?;
    // SAFETY: the kernel has just opened this number for us, nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Takes one signal from a [`descriptor`]; `None` when none is pending.
#[must_use]
pub fn take(descriptor: impl AsFd) -> Option<Signal> {
    let mut info = [0_u8; INFO_BYTES];
    let read = rustix::io::read(descriptor, &mut info).ok()?;
    if read < info.len() {
        return None;
    }
    // ssi_signo is its first field.
    let number = info.first_chunk().copied().map(u32::from_ne_bytes)?;
    Signal::from_named_raw(i32::try_from(number).ok()?)
}

/// `sigtimedwait(&set, NULL, timeout)`: waits for a blocked signal; `None` when the time is over.
/// [sigtimedwait(2)](https://man7.org/linux/man-pages/man2/sigtimedwait.2.html)
#[must_use]
pub fn wait(set: Set, timeout_ms: u32) -> Option<Signal> {
    let timeout = Timespec {
        tv_sec: i64::from(timeout_ms / 1000),
        tv_nsec: i64::from(timeout_ms % 1000) * 1_000_000,
    };
    let arguments = [
        &raw const set.0 as usize,
        0,
        &raw const timeout as usize,
        SET_BYTES,
        0,
        0,
    ];
    // SAFETY: both pointers are to locals of the kernel's types; a null siginfo is allowed.
    let number = unsafe { syscall(__NR_rt_sigtimedwait, arguments) }.ok()?;
    Signal::from_named_raw(i32::try_from(number).ok()?)
}

/// `kill(-1, signal)`: every process but this one and PID 1.
/// [kill(2)](https://man7.org/linux/man-pages/man2/kill.2.html)
///
/// # Errors
/// `ESRCH` when there is nobody.
pub fn everybody(signal: Signal) -> Result<(), Errno> {
    let arguments = [usize::MAX, signal.as_raw() as usize, 0, 0, 0, 0];
    // SAFETY: no pointers.
    unsafe { syscall(__NR_kill, arguments) }.map(|_| ())
}
