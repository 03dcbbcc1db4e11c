//! The boot core: one boot as stages over a [`Machine`], without IO, without a heap.
//!
//! Everything here is tested on the host against a fake machine. This crate never names `sys`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod machine;
pub mod roles;
pub mod volume;
