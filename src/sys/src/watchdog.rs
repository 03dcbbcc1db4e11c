//! Watchdogs: what their devices are asked by ioctl(2).
//!
//! Documentation/watchdog/watchdog-api.rst, linux/watchdog.h.

use core::ffi::c_void;

use linux_raw_sys::general::__NR_ioctl;
use linux_raw_sys::ioctl::{
    WDIOC_GETBOOTSTATUS, WDIOC_GETSUPPORT, WDIOC_GETTIMEOUT, WDIOC_KEEPALIVE, WDIOC_SETOPTIONS,
    WDIOC_SETTIMEOUT,
};
use rustix::fd::{AsFd, AsRawFd};
use rustix::io::Errno;

use crate::syscall::syscall;

/// Bytes of `struct watchdog_info`: options, firmware version, identity.
const INFO_BYTES: usize = 40;
/// Where its identity begins.
const IDENTITY_AT: usize = 8;
/// `WDIOS_DISABLECARD`.
const DISABLE_CARD: u32 = 1;

/// Bytes of a driver's name for its device.
pub const IDENTITY_BYTES: usize = INFO_BYTES - IDENTITY_AT;

fn ioctl(device: impl AsFd, request: u32, argument: *mut c_void) -> Result<(), Errno> {
    let fd = usize::try_from(device.as_fd().as_raw_fd()).map_err(|_| Errno::BADF)?;
    let arguments = [fd, request as usize, argument as usize, 0, 0, 0];
    // SAFETY: each caller hands a local of the size that is encoded in the request.
    unsafe { syscall(__NR_ioctl, arguments) }.map(drop)
}

fn number(device: impl AsFd, request: u32, mut number: u32) -> Result<u32, Errno> {
    ioctl(device, request, (&raw mut number).cast())?;
    Ok(number)
}

/// `ioctl(fd, WDIOC_GETSUPPORT, &info)`: the driver's name for it, ended by NUL or by its end.
///
/// # Errors
/// As the call.
pub fn identity(device: impl AsFd) -> Result<[u8; IDENTITY_BYTES], Errno> {
    let mut info = [0_u8; INFO_BYTES];
    ioctl(device, WDIOC_GETSUPPORT, info.as_mut_ptr().cast())?;
    let identity = info.get(IDENTITY_AT..).and_then(|rest| rest.first_chunk());
    Ok(identity.copied().unwrap_or([0; IDENTITY_BYTES]))
}

/// `ioctl(fd, WDIOC_GETBOOTSTATUS, &flags)`: why the machine was started last, as bits `WDIOF_*`.
///
/// # Errors
/// As the call.
pub fn boot_status(device: impl AsFd) -> Result<u32, Errno> {
    number(device, WDIOC_GETBOOTSTATUS, 0)
}

/// `ioctl(fd, WDIOC_SETTIMEOUT, &seconds)`.
///
/// # Errors
/// As the call: `EINVAL` when the device cannot wait for so long.
pub fn set_timeout(device: impl AsFd, seconds: u32) -> Result<(), Errno> {
    number(device, WDIOC_SETTIMEOUT, seconds).map(drop)
}

/// `ioctl(fd, WDIOC_GETTIMEOUT, &seconds)`.
///
/// # Errors
/// As the call.
pub fn timeout(device: impl AsFd) -> Result<u32, Errno> {
    number(device, WDIOC_GETTIMEOUT, 0)
}

/// `ioctl(fd, WDIOC_KEEPALIVE, 0)`: it waits anew.
///
/// # Errors
/// As the call.
pub fn feed(device: impl AsFd) -> Result<(), Errno> {
    ioctl(device, WDIOC_KEEPALIVE, core::ptr::null_mut())
}

/// `ioctl(fd, WDIOC_SETOPTIONS, &WDIOS_DISABLECARD)`: it waits for nothing any more.
///
/// # Errors
/// As the call: `EBUSY` when it cannot be stopped (`nowayout`).
pub fn disarm(device: impl AsFd) -> Result<(), Errno> {
    number(device, WDIOC_SETOPTIONS, DISABLE_CARD).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_watchdog_says_so() {
        let mode = rustix::fs::Mode::empty();
        let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::WRONLY, mode).unwrap();
        assert_eq!(identity(&null), Err(Errno::NOTTY));
        assert_eq!(boot_status(&null), Err(Errno::NOTTY));
        assert_eq!(set_timeout(&null, 60), Err(Errno::NOTTY));
        assert_eq!(timeout(&null), Err(Errno::NOTTY));
        assert_eq!(feed(&null), Err(Errno::NOTTY));
        assert_eq!(disarm(&null), Err(Errno::NOTTY));
    }
}
