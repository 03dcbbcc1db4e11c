//! The helpers of PID 1: one static program that looks at `argv[0]`.
//!
//! | `argv[0]` | what it is |
//! |---|---|
//! | a role of [`preroot_boot::roles`] | a helper, or the operator's client: [`preroot_init::roles`] |
//! | a tool that the image carries packed (`sh`, `e2fsck`) | unpacks the tool and becomes it |
//!
//! A program of its own, so that PID 1 holds nothing but what PID 1 does.
//! Exit codes of the client: 0 fine, 1 refused, 69 nobody answers, 100 usage, 111 system. Of the helpers: errno.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::panic::PanicInfo;

use preroot_init::roles;
use preroot_sys::entry::Arguments;
use preroot_sys::spawn;

/// `_start` and `mem*`: the one opt-in to unsafe code outside `sys`.
mod entry {
    #![allow(unsafe_code)]
    preroot_sys::entry!(crate::main);
}

fn main(arguments: Arguments) -> ! {
    spawn::exit(roles::run(arguments))
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    roles::panicked(info)
}
