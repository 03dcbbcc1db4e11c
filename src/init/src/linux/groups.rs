//! Control groups: signalling everybody in one, removing those that nobody is in.
//!
//! [cgroups(7)](https://man7.org/linux/man-pages/man7/cgroups.7.html), kernel
//! `Documentation/admin-guide/cgroup-v2.rst`. Opening and reading them takes kernel memory only: no disk can hang it.

use preroot_boot::machine::{Errno, Kill};
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{AtFlags, CWD, Mode, OFlags, open, unlinkat};
use preroot_sys::io;
use preroot_sys::process::Pid;

use super::errno;
use super::everybody::kill_each;
use super::files::{compose, names, write};

/// Opens a group for a child to be born into.
pub(super) fn open_group(directory: &str) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(directory, flags, Mode::empty()).ok()
}

/// Signals everybody in a group. `SRCH`: nobody was in it.
pub(super) fn kill(directory: &str, how: Kill) -> Result<(), Errno> {
    if how == Kill::Kill {
        let all = compose(format_args!("{directory}/cgroup.kill")).ok_or(Errno::INVAL)?;
        // Linux 5.14; it also meets those who are being born, and groups within the group.
        if write(&all, b"1").is_ok() {
            return Ok(());
        }
    }
    kill_each(how, &mut |meet| each(directory, meet))
}

/// Hands everybody in a group to `meet`, and counts them.
fn each(directory: &str, meet: &mut dyn FnMut(Pid)) -> Result<usize, Errno> {
    let path = compose(format_args!("{directory}/cgroup.procs")).ok_or(Errno::INVAL)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = open(&*path, flags, Mode::empty()).map_err(errno)?;
    let mut buffer = [0; 512];
    let mut met = 0;
    let mut number = 0_i32;
    loop {
        let length = io::read(&file, &mut buffer).map_err(errno)?;
        if length == 0 {
            return Ok(met);
        }
        for &byte in buffer.get(..length).unwrap_or_default() {
            if byte.is_ascii_digit() {
                number = number.wrapping_mul(10).wrapping_add(i32::from(byte - b'0'));
                continue;
            }
            // 0 is a process of another pid namespace, which has no number here.
            if let Some(pid) = Pid::from_raw(number).filter(|pid| !pid.is_init()) {
                meet(pid);
                met += 1;
            }
            number = 0;
        }
    }
}

/// Removes the groups in a directory that nobody is in.
pub(super) fn sweep(directory: &str) -> Result<(), Errno> {
    names(CWD, directory, &mut |open, name| {
        // Its files stay as long as it does, and a group that somebody is in is busy: both refuse.
        let _ = unlinkat(open, name, AtFlags::REMOVEDIR);
    })
}
