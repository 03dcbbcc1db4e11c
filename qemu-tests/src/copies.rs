//! Copies of one root disk for one scenario after another: the next ones are made while machines run, and not while one is made ready,
//! which writes and flushes too.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::artefacts::Artefacts;
use crate::disk::Disk;
use crate::error::Error;

/// A disk of which so many copies are made, some of them ahead.
#[derive(Debug)]
pub struct Copies {
    disk: PathBuf,
    offset: u64,
    /// How many are there, or under way, that nobody has taken.
    ahead: usize,
    next: Mutex<Next>,
}

#[derive(Debug, Default)]
struct Next {
    copies: VecDeque<Copy>,
    /// How many are still to be begun.
    left: usize,
}

#[derive(Debug)]
enum Copy {
    Making(JoinHandle<Result<Disk, Error>>),
    Made(Result<Disk, Error>),
}

impl Copy {
    fn begin(disk: &Path, offset: u64) -> Self {
        let disk = disk.to_owned();
        Self::Making(thread::spawn(move || {
            let copy = Disk::copy_of(&disk, offset)?;
            copy.begin_to_sync()?;
            Ok(copy)
        }))
    }

    fn wait(self) -> Result<Disk, Error> {
        match self {
            Self::Making(thread) => thread
                .join()
                .unwrap_or_else(|_| Err(Error::unexpected("a copy was not made"))),
            Self::Made(made) => made,
        }
    }
}

impl Copies {
    /// Begins the first of `count` copies of the root disk, so many as are to be `ahead`.
    #[must_use]
    pub fn new(artefacts: &Artefacts, count: usize, ahead: usize) -> Self {
        Self::of(&artefacts.root_disk, artefacts.root_offset, count, ahead)
    }

    fn of(disk: &Path, offset: u64, count: usize, ahead: usize) -> Self {
        let copies = Self {
            disk: disk.to_owned(),
            offset,
            ahead,
            next: Mutex::new(Next {
                copies: VecDeque::new(),
                left: count,
            }),
        };
        for _ in 0..ahead {
            copies.begin_next();
        }
        copies
    }

    /// Begins one more, if one is missing.
    pub(crate) fn begin_next(&self) {
        let mut next = self.next();
        if next.left > 0 && next.copies.len() < self.ahead {
            next.left -= 1;
            next.copies.push_back(Copy::begin(&self.disk, self.offset));
        }
    }

    /// Waits for all that are under way. What goes wrong with one is for whoever takes it.
    pub(crate) fn wait(&self) {
        let mut next = self.next();
        let made = std::mem::take(&mut next.copies).into_iter();
        next.copies = made.map(|copy| Copy::Made(copy.wait())).collect();
    }

    /// One of them.
    ///
    /// # Errors
    /// As [`Disk::copy`].
    pub(crate) fn take(&self) -> Result<Disk, Error> {
        let copy = {
            let mut next = self.next();
            let copy = next.copies.pop_front();
            if copy.is_none() {
                next.left = next.left.saturating_sub(1);
            }
            copy
        };
        // None is ahead, or more are wanted than were said.
        copy.map_or_else(|| Disk::copy_of(&self.disk, self.offset), Copy::wait)
    }

    fn next(&self) -> MutexGuard<'_, Next> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Copies {
    /// Waits for the copies that nobody has taken, which are removed with their owner.
    fn drop(&mut self) {
        self.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn each_copy_is_somebody_s_own_and_none_is_left() {
        let disk = Disk::empty(1 << 20).unwrap();
        disk.overwrite(4096, b"root").unwrap();
        for ahead in [0, 1, 2, 9] {
            let copies = Copies::of(&disk.path(), 0, 3, ahead);
            let mut paths = Vec::new();
            // One more than was said.
            for number in 0..4 {
                if number == ahead {
                    copies.wait();
                }
                let copy = copies.take().unwrap();
                assert_eq!(copy.peek(4096, 4).unwrap(), b"root");
                copy.overwrite(4096, b"mine").unwrap();
                copies.begin_next();
                paths.push(copy.path());
            }
            paths.sort();
            paths.dedup();
            assert_eq!(paths.len(), 4);
            assert_eq!(disk.peek(4096, 4).unwrap(), b"root");
        }
    }

    #[test]
    fn so_many_are_made_as_were_said_and_what_nobody_takes_goes_away() {
        let disk = Disk::empty(1 << 20).unwrap();
        let path = |copy: &Copy| match copy {
            Copy::Made(Ok(disk)) => disk.path(),
            other => panic!("{other:?}"),
        };
        for (count, ahead, taken, expected) in [
            (0, 2, 0, 0),
            (1, 2, 0, 1),
            (3, 2, 0, 2),
            (3, 2, 1, 2),
            (3, 2, 2, 1),
            (9, 2, 0, 2),
            (2, 0, 0, 0),
            (4, 0, 3, 0),
        ] {
            let copies = Copies::of(&disk.path(), 0, count, ahead);
            for _ in 0..taken {
                copies.take().unwrap();
            }
            for _ in 0..9 {
                copies.begin_next();
            }
            copies.wait();
            let paths: Vec<PathBuf> = copies.next().copies.iter().map(path).collect();
            assert_eq!(paths.len(), expected, "{count} {ahead} {taken}");
            assert!(paths.iter().all(|path| path.exists()));
            drop(copies);
            assert!(!paths.iter().any(|path| path.exists()));
        }
    }

    #[test]
    fn a_disk_that_cannot_be_copied_is_told_of() {
        let disk = Disk::empty(1 << 20).unwrap();
        let path = disk.path();
        drop(disk);
        let copies = Copies::of(&path, 0, 2, 1);
        copies.wait();
        for _ in 0..3 {
            assert!(copies.take().is_err());
        }
    }
}
