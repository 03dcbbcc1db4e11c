//! Copies of one root disk for one scenario after another: the next is made while machines run.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::artefacts::Artefacts;
use crate::disk::Disk;
use crate::error::Error;

/// A disk of which so many copies are made, one ahead.
#[derive(Debug)]
pub struct Copies {
    disk: PathBuf,
    offset: u64,
    next: Mutex<Next>,
}

#[derive(Debug, Default)]
struct Next {
    copy: Option<JoinHandle<Result<Disk, Error>>>,
    /// How many are still to be begun.
    left: usize,
}

impl Next {
    fn begin(&mut self, disk: &Path, offset: u64) {
        self.copy = None;
        if let Some(left) = self.left.checked_sub(1) {
            let disk = disk.to_owned();
            self.left = left;
            self.copy = Some(thread::spawn(move || Disk::copy_of(&disk, offset)));
        }
    }
}

impl Copies {
    /// Begins the first of `count` copies of the root disk.
    #[must_use]
    pub fn new(artefacts: &Artefacts, count: usize) -> Self {
        let copies = Self {
            disk: artefacts.root_disk.clone(),
            offset: artefacts.root_offset,
            next: Mutex::new(Next {
                copy: None,
                left: count,
            }),
        };
        copies.take_next();
        copies
    }

    /// One of them; begins the next.
    ///
    /// # Errors
    /// As [`Disk::copy`].
    pub(crate) fn take(&self) -> Result<Disk, Error> {
        match self.take_next().map(JoinHandle::join) {
            Some(Ok(copy)) => copy,
            // More are wanted than were said.
            Some(Err(_)) | None => Disk::copy_of(&self.disk, self.offset),
        }
    }

    /// What is under way, the next in its place.
    fn take_next(&self) -> Option<JoinHandle<Result<Disk, Error>>> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let copy = next.copy.take();
        next.begin(&self.disk, self.offset);
        copy
    }
}

impl Drop for Copies {
    /// Waits for the copy that nobody has taken, which is removed with its owner.
    fn drop(&mut self) {
        let next = self.next.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(next.copy.take().map(JoinHandle::join));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    fn of(disk: &Disk, count: usize) -> Copies {
        let copies = Copies {
            disk: disk.path(),
            offset: 0,
            next: Mutex::new(Next {
                copy: None,
                left: count,
            }),
        };
        copies.take_next();
        copies
    }

    #[test]
    fn each_copy_is_somebody_s_own_and_none_is_left() {
        let disk = Disk::empty(1 << 20).unwrap();
        disk.overwrite(4096, b"root").unwrap();
        let copies = of(&disk, 3);
        let mut paths = Vec::new();
        // One more than was said.
        for _ in 0..4 {
            let copy = copies.take().unwrap();
            assert_eq!(copy.peek(4096, 4).unwrap(), b"root");
            copy.overwrite(4096, b"mine").unwrap();
            paths.push(copy.path());
        }
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), 4);
        assert_eq!(disk.peek(4096, 4).unwrap(), b"root");
        // Nobody takes the second.
        let copies = of(&disk, 2);
        copies.take().unwrap();
        let next = copies.next.lock().unwrap().copy.take().unwrap();
        let untaken = next.join().unwrap().unwrap();
        let path = untaken.path();
        assert!(path.exists());
        copies.next.lock().unwrap().copy = Some(thread::spawn(|| Ok(untaken)));
        drop(copies);
        assert!(!path.exists());
    }

    #[test]
    fn a_disk_that_cannot_be_copied_is_told_of() {
        let disk = Disk::empty(1 << 20).unwrap();
        let copies = of(&disk, 2);
        std::fs::remove_file(disk.path()).unwrap();
        // The first may have been made by then.
        let _ = copies.take();
        assert!(copies.take().is_err());
    }
}
