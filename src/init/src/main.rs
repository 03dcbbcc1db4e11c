//! PID 1: one static program, [`preroot_init::pid1`].
//!
//! What PID 1 has done by children is a program of its own, `helper.rs`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::panic::PanicInfo;

use preroot_init::{last_stand, pid1};
use preroot_sys::entry::Arguments;
use preroot_sys::{descriptor, io, process, spawn};

/// Exit code of one who starts it by hand.
const USAGE: i32 = 100;
/// Exit code of a child that panicked before its exec.
const PANICKED: i32 = 101;

/// `_start` and `mem*`: the one opt-in to unsafe code outside `sys`.
mod entry {
    #![allow(unsafe_code)]
    preroot_sys::entry!(crate::main);
}

fn main(arguments: Arguments) -> ! {
    if process::getpid().is_init() {
        pid1::run(arguments)
    }
    let words = b"preroot-init: PID 1 of an initramfs; not to be run by hand\n";
    // Who cannot be told sees the exit code.
    let _ = io::write(descriptor::stderr(), words);
    spawn::exit(USAGE)
}

/// Panics abort nothing here: PID 1 goes on without its core.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if process::getpid().is_init() {
        last_stand::run(info)
    }
    spawn::exit(PANICKED)
}
