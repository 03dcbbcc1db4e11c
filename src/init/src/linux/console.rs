//! Where PID 1 speaks: the kernel's log, and the console behind it.

use core::fmt::Write;

use heapless::String;
use preroot_boot::machine::{Errno, Loudness};
use preroot_sys::fd::{AsFd, BorrowedFd, OwnedFd};
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::{descriptor, io, stdio};

use super::errno;
use crate::limits::LINE_BYTES_MAX;

/// What is open of it.
#[derive(Debug, Default)]
pub(super) struct Console {
    log: Option<OwnedFd>,
    console: Option<OwnedFd>,
    null: Option<OwnedFd>,
}

impl Console {
    /// Sees to it that fds 0, 1 and 2 are open, whatever they are, before anything else is: the kernel opens
    /// /dev/console there when the image has one.
    pub(super) fn hold_standard_streams() {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        while let Ok(fd) = open("/", flags, Mode::empty()) {
            if descriptor::number(&fd) > 2 {
                return;
            }
            // Held for as long as PID 1 lives, or until `open` puts the console there.
            core::mem::forget(fd);
        }
    }

    /// Opens the log, the console and /dev/null in a /dev that is there now. A machine without a console is
    /// no error: its standard streams are /dev/null then.
    pub(super) fn open(&mut self) -> Result<(), Errno> {
        let both = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let write = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        self.log = open("/dev/kmsg", write, Mode::empty()).ok();
        self.console = open("/dev/console", both, Mode::empty()).ok();
        self.null = Some(open("/dev/null", both, Mode::empty()).map_err(errno)?);
        if let Some(fd) = self.console.as_ref().or(self.null.as_ref()) {
            stdio::dup2_stdin(fd)
                .and_then(|()| stdio::dup2_stdout(fd))
                .and_then(|()| stdio::dup2_stderr(fd))
                .map_err(errno)?;
        }
        Ok(())
    }

    /// Says a line. Before /dev is there, on whatever the kernel opened for us.
    pub(super) fn say(&self, loudness: Loudness, line: &str) {
        let level = match loudness {
            // Standard error would show it.
            Loudness::Trace if self.log.is_none() => return,
            Loudness::Trace => 7,
            Loudness::Milestone => 6,
            Loudness::Alarm => 3,
        };
        let mut text = String::<{ LINE_BYTES_MAX + 32 }>::new();
        let line = line
            .get(..line.floor_char_boundary(LINE_BYTES_MAX))
            .unwrap_or_default();
        let written = match &self.log {
            Some(_) => writeln!(text, "<{level}>preroot: {line}"),
            None => writeln!(text, "preroot: {line}"),
        };
        debug_assert!(written.is_ok(), "the line was cut to fit");
        // Nobody is left to tell when even this fails.
        let _ = match &self.log {
            Some(log) => io::write(log, text.as_bytes()),
            None => io::write(descriptor::stderr(), text.as_bytes()),
        };
    }

    /// /dev/null, or what stands for it before it is there.
    pub(super) fn null(&self) -> BorrowedFd<'_> {
        self.null.as_ref().map_or(descriptor::stdin(), AsFd::as_fd)
    }

    /// The console, or what stands for it.
    pub(super) fn console(&self) -> BorrowedFd<'_> {
        self.console
            .as_ref()
            .map_or(descriptor::stdin(), AsFd::as_fd)
    }

    /// The number of /dev/null, for the panic handler.
    pub(super) fn null_number(&self) -> Option<u32> {
        self.null.as_ref().map(descriptor::number)
    }
}
