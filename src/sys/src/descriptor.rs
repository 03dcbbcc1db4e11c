//! Descriptors by number, for code that outlives their owners.

use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// The descriptor with this number, whoever owns it.
///
/// For the panic path, where the owners are dead and never dropped. A number that is not open is
/// answered with EBADF by the kernel; that is why this needs no promise from the caller.
#[must_use]
pub fn by_number(number: u32) -> Option<BorrowedFd<'static>> {
    let number = i32::try_from(number).ok()?;
    // SAFETY: the number is not -1. No memory hangs on a descriptor in this project (nothing is mapped
    // shared), so a number that was closed or reused meanwhile can misdirect a read, never break memory.
    Some(unsafe { BorrowedFd::borrow_raw(number) })
}

/// Standard input.
#[must_use]
pub fn stdin() -> BorrowedFd<'static> {
    standard(0)
}

/// Standard output.
#[must_use]
pub fn stdout() -> BorrowedFd<'static> {
    standard(1)
}

/// Standard error.
#[must_use]
pub fn stderr() -> BorrowedFd<'static> {
    standard(2)
}

fn standard(number: i32) -> BorrowedFd<'static> {
    // SAFETY: as in `by_number`.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// The number of a descriptor, to be remembered beside its owner.
#[must_use]
pub fn number(descriptor: &OwnedFd) -> u32 {
    descriptor.as_raw_fd().cast_unsigned()
}
