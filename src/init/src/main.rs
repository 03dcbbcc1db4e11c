//! PID 1, and the helpers it starts: one static binary that looks at `argv[0]`.
//!
//! | pid | `argv[0]` | what it is |
//! |---|---|---|
//! | 1 | any | PID 1: [`preroot_init::pid1`] |
//! | other | a role of [`preroot_boot::roles`] | a helper, or the operator's client: [`preroot_init::roles`] |
//!
//! Exit codes of the client: 0 fine, 1 refused, 69 nobody answers, 100 usage, 111 system. Of the helpers: errno.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::panic::PanicInfo;

use preroot_init::{last_stand, pid1, roles};
use preroot_sys::entry::Arguments;
use preroot_sys::{process, spawn};

/// `_start` and `mem*`: the one opt-in to unsafe code outside `sys`.
mod entry {
    #![allow(unsafe_code)]
    preroot_sys::entry!(crate::main);
}

fn main(arguments: Arguments) -> ! {
    if process::getpid().is_init() {
        pid1::run(arguments)
    }
    spawn::exit(roles::run(arguments))
}

/// Panics abort nothing here: PID 1 goes on without its core.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if process::getpid().is_init() {
        last_stand::run(info)
    }
    roles::panicked(info)
}
