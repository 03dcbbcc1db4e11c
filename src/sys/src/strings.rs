//! argv and environment: strings one after the other, each ended by NUL.

use core::ffi::CStr;

use heapless::Vec;
use rustix::io::Errno;

/// Bytes of one argv or environment with its NULs.
pub const BYTES_MAX: usize = 8192;
/// Strings of one argv or environment.
pub const STRINGS_MAX: usize = 256;

/// An argv or environment for execve.
///
/// Invariant: `bytes` ends with NUL or is empty, and holds exactly `count` NULs.
#[derive(Debug, Clone, Default)]
pub struct Strings {
    bytes: Vec<u8, BYTES_MAX>,
    count: usize,
}

/// The pointers that execve takes, with the null behind the last.
pub(crate) type Pointers = [*const u8; STRINGS_MAX + 1];

impl Strings {
    /// None yet.
    #[must_use]
    pub const fn new() -> Strings {
        Strings {
            bytes: Vec::new(),
            count: 0,
        }
    }

    /// All of `strings`.
    ///
    /// # Errors
    /// `E2BIG` when they do not fit, `EINVAL` when one contains a NUL.
    pub fn of(strings: &[&str]) -> Result<Strings, Errno> {
        let mut out = Strings::new();
        out.set(strings)?;
        Ok(out)
    }

    /// Becomes all of `strings`, in place.
    ///
    /// # Errors
    /// As [`Strings::of`].
    pub fn set(&mut self, strings: &[&str]) -> Result<(), Errno> {
        self.bytes.clear();
        self.count = 0;
        strings
            .iter()
            .try_for_each(|string| self.push(string.as_bytes()))
    }

    /// Appends one.
    ///
    /// # Errors
    /// `E2BIG` when it does not fit, `EINVAL` when it contains a NUL.
    pub fn push(&mut self, string: &[u8]) -> Result<(), Errno> {
        if string.contains(&0) {
            return Err(Errno::INVAL);
        }
        if self.count == STRINGS_MAX || self.bytes.len() + string.len() >= BYTES_MAX {
            return Err(Errno::TOOBIG);
        }
        let fits = self.bytes.extend_from_slice(string).is_ok() && self.bytes.push(0).is_ok();
        debug_assert!(fits, "the length was checked above");
        self.count += 1;
        Ok(())
    }

    /// The strings.
    pub fn iter(&self) -> impl Iterator<Item = &CStr> {
        self.bytes
            .split_inclusive(|&byte| byte == 0)
            .filter_map(|string| CStr::from_bytes_with_nul(string).ok())
    }

    /// Writes the pointers to the strings, which are good as long as `self` is not touched.
    pub(crate) fn point(&self, out: &mut Pointers) {
        out.fill(core::ptr::null());
        // The last place keeps its null: there are at most STRINGS_MAX strings.
        for (pointer, string) in out.iter_mut().take(STRINGS_MAX).zip(self.iter()) {
            *pointer = string.as_ptr().cast();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn strings_come_back() {
        let strings = Strings::of(&["a", "", "b c"]).unwrap();
        let back: Vec<_> = strings.iter().map(|s| s.to_str().unwrap()).collect();
        assert_eq!(back, ["a", "", "b c"]);
        let mut pointers = [core::ptr::null(); STRINGS_MAX + 1];
        strings.point(&mut pointers);
        assert!(!pointers[2].is_null() && pointers[3].is_null());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(Strings::of(&["a\0b"]).unwrap_err(), Errno::INVAL);
        let long = "x".repeat(BYTES_MAX - 1);
        assert!(Strings::of(&[&long]).is_ok());
        assert_eq!(Strings::of(&[&long, ""]).unwrap_err(), Errno::TOOBIG);
        assert_eq!(
            Strings::of(&[""; STRINGS_MAX + 1]).unwrap_err(),
            Errno::TOOBIG
        );
        assert!(Strings::of(&[""; STRINGS_MAX]).is_ok());
    }
}
