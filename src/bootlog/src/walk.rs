//! Files below directories, one at a time, so that none of their lists is held in memory; and whether they are records.

use std::fs::{self, File, ReadDir};
use std::io::Read;
use std::path::{Path, PathBuf};

use preroot_record::{STORE_HEADER_OFFSETS, STORE_MAGIC, SYNC};

/// The largest file that is read: a store has 4 MiB unless somebody made it larger.
const STORE_BYTES_MAX: u64 = 64 << 20;
/// What is read of a file to see whether it may be a record.
const FRONT_BYTES: usize = 4096;

/// How deep directories are gone into.
const DEPTH_MAX: usize = 32;

/// A walk over files. Links to directories are not followed, so that it ends.
#[derive(Debug)]
pub(crate) struct Walk {
    places: Vec<PathBuf>,
    open: Vec<ReadDir>,
    unreadable: u64,
}

impl Walk {
    /// Files, and those below directories.
    pub(crate) fn new(places: &[PathBuf]) -> Walk {
        Walk {
            places: places.iter().rev().cloned().collect(),
            open: Vec::new(),
            unreadable: 0,
        }
    }

    /// Directories that could not be read.
    pub(crate) fn unreadable(&self) -> u64 {
        self.unreadable
    }

    fn enter(&mut self, place: PathBuf) {
        match fs::read_dir(place) {
            Ok(entries) if self.open.len() < DEPTH_MAX => self.open.push(entries),
            _ => self.unreadable += 1,
        }
    }
}

impl Iterator for Walk {
    type Item = PathBuf;

    fn next(&mut self) -> Option<PathBuf> {
        loop {
            let Some(entries) = self.open.last_mut() else {
                let place = self.places.pop()?;
                if !place.is_dir() {
                    return Some(place);
                }
                self.enter(place);
                continue;
            };
            let Some(entry) = entries.next() else {
                self.open.pop();
                continue;
            };
            let Ok((path, kind)) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))
            else {
                self.unreadable += 1;
                continue;
            };
            if kind.is_dir() {
                self.enter(path);
            } else if kind.is_file() || (kind.is_symlink() && path.is_file()) {
                return Some(path);
            }
        }
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Record,
    Other,
    Unreadable,
}

/// Reads a file that begins like a record, into memory that was used for the one before.
pub(crate) fn read(path: &Path, bytes: &mut Vec<u8>) -> Seen {
    bytes.clear();
    let Ok(file) = File::open(path) else {
        return Seen::Unreadable;
    };
    let mut front = (&file).take(FRONT_BYTES as u64);
    if front.read_to_end(bytes).is_err() {
        return Seen::Unreadable;
    }
    if !may_be_record(bytes) {
        return Seen::Other;
    }
    match (&file).take(STORE_BYTES_MAX + 1).read_to_end(bytes) {
        Err(_) => Seen::Unreadable,
        Ok(_) if bytes.len() as u64 > STORE_BYTES_MAX => Seen::Other,
        Ok(_) => Seen::Record,
    }
}

/// Whether a file that begins so may be a store or raw frames.
pub(crate) fn may_be_record(front: &[u8]) -> bool {
    let is_store = |at: u64| {
        let front = usize::try_from(at).ok().and_then(|at| front.get(at..));
        front.is_some_and(|front| front.starts_with(&STORE_MAGIC))
    };
    front.starts_with(&SYNC) || STORE_HEADER_OFFSETS.into_iter().any(is_store)
}
