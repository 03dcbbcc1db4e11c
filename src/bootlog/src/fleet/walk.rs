//! Files below directories, one at a time, so that none of their lists is held in memory.

use std::fs::{self, ReadDir};
use std::path::PathBuf;

/// How deep directories are gone into.
const DEPTH_MAX: usize = 32;

/// A walk over files. Links to directories are not followed, so that it ends.
#[derive(Debug)]
pub(super) struct Walk {
    places: Vec<PathBuf>,
    open: Vec<ReadDir>,
    unreadable: u64,
}

impl Walk {
    /// Files, and those below directories.
    pub(super) fn new(places: &[PathBuf]) -> Walk {
        Walk {
            places: places.iter().rev().cloned().collect(),
            open: Vec::new(),
            unreadable: 0,
        }
    }

    /// Directories that could not be read.
    pub(super) fn unreadable(&self) -> u64 {
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
