//! The system call wall: the only `unsafe` code of preroot.
//!
//! rustix (the kernel's own numbers and structs, no libc) has most calls, and they are used from here
//! as they are: [`fs`], [`io`], [`mount`], [`net`], [`event`], [`process`], [`system`], [`thread`], [`time`].
//! What it lacks or keeps private stands here, as functions that no caller can use wrongly:
//!
//! | module | what |
//! |---|---|
//! | [`mod@entry`] | `_start`, `mem*`: process entry without a libc |
//! | [`claim`] | static memory that is handed out once |
//! | [`memory`] | anonymous memory |
//! | [`swap`] | swapoff |
//! | [`strings`] | argv and environment, ended by NUL |
//! | [`spawn`] | clone3, execve |
//! | [`reap`] | wait4 |
//! | [`signal`] | sigprocmask, sigaction, signalfd4, sigtimedwait, kill(-1) |
//! | [`background`] | sync(2) that nobody waits for |
//! | [`fork`] | fork |
//! | [`netlink`] | interfaces, addresses, routes; uevents |
//! | [`namespace`] | unshare |
//! | [`packet`] | ARP |
//! | [`watchdog`] | what a watchdog is asked by ioctl |
//! | [`disk`] | what a disk is asked by ioctl, beside its blocks |
//! | [`parent`] | statmount |
//! | [`descriptor`] | fds by number, for the panic path |
//!
//! No heap, no thread-local storage, no libc. Never enabled in rustix: `runtime` (renamed at will),
//! `param` (panics before /proc is there), `alloc`, `std`.
#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("preroot-sys knows Linux on x86-64 only");

pub mod background;
pub mod claim;
pub mod clock;
pub mod descriptor;
pub mod disk;
pub mod entry;
pub mod fork;
pub mod memory;
pub mod namespace;
pub mod netlink;
pub mod packet;
pub mod parent;
pub mod reap;
pub mod signal;
pub mod spawn;
pub mod strings;
pub mod swap;
mod syscall;
pub mod watchdog;

pub use rustix::{
    cmsg_space, event, fd, fs, io, mount, net, path, pipe, process, rand, stdio, system, thread,
    time,
};
