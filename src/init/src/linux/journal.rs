//! This boot's frames: in memory until /run is there, then in /run/preroot/record.

use heapless::Vec;
use preroot_boot::machine::Errno;
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::io;

use super::errno;
use crate::limits::{EARLY_FRAMES_BYTES_MAX, RECORD_BYTES_MAX};

/// Where the record of this boot lies.
pub const RECORD: &str = "/run/preroot/record";

/// The frames.
#[derive(Debug)]
pub(super) struct Journal {
    early: &'static mut Vec<u8, EARLY_FRAMES_BYTES_MAX>,
    file: Option<OwnedFd>,
    bytes: u64,
}

impl Journal {
    pub(super) fn new(early: &'static mut Vec<u8, EARLY_FRAMES_BYTES_MAX>) -> Journal {
        Journal {
            early,
            file: None,
            bytes: 0,
        }
    }

    /// Opens the record in a /run that is there now, and writes what was kept so far.
    pub(super) fn open(&mut self) -> Result<(), Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC;
        self.file = Some(open(RECORD, flags, Mode::from_raw_mode(0o600)).map_err(errno)?);
        let early = core::mem::take(self.early);
        self.keep(&early)
    }

    /// Appends a frame, whole or not at all.
    pub(super) fn keep(&mut self, frame: &[u8]) -> Result<(), Errno> {
        let Some(file) = &self.file else {
            return self
                .early
                .extend_from_slice(frame)
                .map_err(|_| Errno::NOSPC);
        };
        let length = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        if self.bytes.saturating_add(length) > RECORD_BYTES_MAX {
            return Err(Errno::NOSPC);
        }
        let written = io::write(file, frame).map_err(errno)?;
        self.bytes = self.bytes.saturating_add(length);
        // A tmpfs that is full takes a part; a reader finds the next frame behind it.
        if written < frame.len() {
            Err(Errno::NOSPC)
        } else {
            Ok(())
        }
    }
}
