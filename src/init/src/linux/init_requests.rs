//! /run/initctl: the fifo through which sysvinit's telinit, shutdown and halt speak to PID 1.

use preroot_boot::machine::Errno;
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use preroot_sys::io;

use super::errno;

const FIFO: &str = "/run/initctl";

/// Makes the fifo if it is not there and opens it. For reading and writing, so that it never reads as ended when
/// the last writer leaves.
pub(super) fn listen() -> Result<OwnedFd, Errno> {
    match mknodat(CWD, FIFO, FileType::Fifo, Mode::from_raw_mode(0o600), 0) {
        Err(io::Errno::EXIST) | Ok(()) => {}
        Err(other) => return Err(errno(other)),
    }
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    open(FIFO, flags, Mode::empty()).map_err(errno)
}

/// Takes one request. They are below PIPE_BUF, so each was written whole or is not one.
pub(super) fn take(fifo: &OwnedFd, out: &mut [u8; 384]) -> Result<(), Errno> {
    match io::read(fifo, &mut out[..]).map_err(errno)? {
        384 => Ok(()),
        _ => Err(Errno::INVAL),
    }
}
