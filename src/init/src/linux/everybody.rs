//! Every process there is: signalling them, sparing those who see the rescue's root.
//!
//! Who sees which root is asked by readlink of /proc/PID/root: the kernel composes the path from memory,
//! so a dead disk or server cannot hang PID 1. Kernel threads and zombies have no /proc/PID/exe.

use preroot_boot::machine::{Errno, Kill, Spare};
use preroot_sys::fd::{AsRawFd, BorrowedFd, OwnedFd};
use preroot_sys::fs::{CWD, readlinkat_raw};
use preroot_sys::process::{Pid, Signal, kill_process};
use preroot_sys::signal;

use super::errno;
use super::files::{compose, names};
use crate::limits::{KILL_PASSES_MAX, PATH_BYTES_MAX};

/// Signals every process but PID 1, kernel threads and those spared. `SRCH`: there is nobody.
pub(super) fn kill(how: Kill, spare: Spare, rescue: Option<BorrowedFd<'_>>) -> Result<(), Errno> {
    let spared = match (spare, rescue) {
        (Spare::Rescue, Some(root)) => root_of_descriptor(root),
        _ => None,
    };
    match spared {
        None => kill_all(signals(how)),
        Some(spared) => kill_each(how, &mut |meet| each(Some(&spared), meet)),
    }
}

/// SIGKILL to a process that is not PID 1.
pub(super) fn kill_one(pid: u32) -> Result<(), Errno> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.filter(|pid| !pid.is_init()).ok_or(Errno::SRCH)?;
    kill_process(pid, Signal::KILL).map_err(errno)
}

/// What is sent.
fn signals(how: Kill) -> &'static [Signal] {
    match how {
        Kill::Term => &[Signal::TERM, Signal::CONT],
        Kill::Kill => &[Signal::KILL],
        Kill::Ask => &[],
    }
}

/// What is done to each of them.
type Meet<'m> = &'m mut dyn FnMut(Pid);

/// Signals everybody whom `each` hands out, which also counts them. `SRCH`: nobody was there.
pub(super) fn kill_each(
    how: Kill,
    each: &mut dyn FnMut(Meet<'_>) -> Result<usize, Errno>,
) -> Result<(), Errno> {
    // Once more against those born meanwhile; SIGTERM and a question meet nobody twice.
    let passes = if how == Kill::Kill {
        KILL_PASSES_MAX
    } else {
        1
    };
    let mut met = 0;
    for _ in 0..passes {
        let met_now = each(&mut |pid| {
            for signal in signals(how) {
                let _ = kill_process(pid, *signal);
            }
        })?;
        met += met_now;
        if met_now == 0 {
            break;
        }
    }
    if met == 0 { Err(Errno::SRCH) } else { Ok(()) }
}

/// Nobody is spared: the kernel does it in one go, and needs no /proc.
fn kill_all(signals: &[Signal]) -> Result<(), Errno> {
    let met = each(None, &mut |_| {});
    for each in signals {
        let _ = signal::everybody(*each);
    }
    match met {
        Ok(0) => Err(Errno::SRCH),
        Ok(_) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Hands every process but PID 1, kernel threads and those whose root is `spared` to `meet`, and counts them.
fn each(spared: Option<&Link>, meet: &mut dyn FnMut(Pid)) -> Result<usize, Errno> {
    let mut met = 0;
    names(CWD, "/proc", &mut |proc, name| {
        let Some(pid) = name
            .parse()
            .ok()
            .and_then(Pid::from_raw)
            .filter(|pid| !pid.is_init())
        else {
            return;
        };
        if link(proc, name, "exe").is_none() {
            return;
        }
        if spared.is_some() && link(proc, name, "root").as_ref() == spared {
            return;
        }
        meet(pid);
        met += 1;
    })?;
    Ok(met)
}

/// A link's target, cut to what is compared.
type Link = heapless::Vec<u8, PATH_BYTES_MAX>;

fn link(proc: &OwnedFd, pid: &str, what: &str) -> Option<Link> {
    read_link(proc, &compose(format_args!("{pid}/{what}"))?)
}

fn root_of_descriptor(root: BorrowedFd<'_>) -> Option<Link> {
    read_link(
        CWD,
        &compose(format_args!("/proc/self/fd/{}", root.as_raw_fd()))?,
    )
}

fn read_link(directory: impl preroot_sys::fd::AsFd, path: &str) -> Option<Link> {
    let mut buffer = [0; PATH_BYTES_MAX];
    let length = readlinkat_raw(directory, path, &mut buffer[..]).ok()?;
    Link::from_slice(buffer.get(..length)?).ok()
}
