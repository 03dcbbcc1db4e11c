//! Static memory that is handed out once, and static memory that is lent out one at a time.
//!
//! There is no heap, so everything large is a `static`. [`Claim`] gives it away for good, in `main`;
//! [`Shared`] is for the little that the panic handler reads beside the boot core.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

/// Memory with one owner.
///
/// Invariant: `taken` => exactly one `&'static mut T` was ever made.
#[derive(Debug)]
pub struct Claim<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through `take` only, which succeeds for one caller, and T may be sent to it.
unsafe impl<T: Send> Sync for Claim<T> {}

impl<T> Claim<T> {
    /// Memory that nobody has claimed.
    pub const fn new(value: T) -> Claim<T> {
        Claim {
            taken: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes it; `None` when somebody has.
    #[allow(clippy::mut_from_ref)] // One caller ever gets it: `taken`.
    pub fn take(&'static self) -> Option<&'static mut T> {
        if self.taken.swap(true, Ordering::AcqRel) {
            return None;
        }
        // SAFETY: `taken` was false until now and never becomes false again, so this is the only reference.
        Some(unsafe { &mut *self.value.get() })
    }
}

/// Memory that is lent for the length of a call.
///
/// Invariant: `lent` => one closure is running with the only reference.
#[derive(Debug)]
pub struct Shared<T> {
    lent: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through `with` only, by one caller at a time, and T may be sent between them.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Memory that nobody holds.
    pub const fn new(value: T) -> Shared<T> {
        Shared {
            lent: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Runs `with` on it; `None` when it is lent already (a panic in the midst of a change leaves it so).
    pub fn with<R>(&self, with: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.lent.swap(true, Ordering::AcqRel) {
            return None;
        }
        // SAFETY: `lent` was false, and stays true until the closure has given the reference back.
        let result = with(unsafe { &mut *self.value.get() });
        self.lent.store(false, Ordering::Release);
        Some(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_claimed_once() {
        static NUMBER: Claim<u32> = Claim::new(7);
        assert_eq!(NUMBER.take().copied(), Some(7));
        assert!(NUMBER.take().is_none());
    }

    #[test]
    fn memory_is_lent_one_at_a_time() {
        static NUMBER: Shared<u32> = Shared::new(7);
        let inner = NUMBER.with(|number| {
            *number += 1;
            NUMBER.with(|_| ()).is_none()
        });
        assert_eq!(inner, Some(true));
        assert_eq!(NUMBER.with(|number| *number), Some(8));
    }
}
