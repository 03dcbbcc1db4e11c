//! Small files of sysfs and procfs, below `/`, or below another directory in a test.
//!
//! Whatever cannot be read is empty: devices come and go meanwhile, and drivers answer with errors.

use core::ops::ControlFlow;

use heapless::{String, Vec};
use preroot_boot::by_path::{Fact, Sysfs};
use preroot_boot::inventory::Facts;
use preroot_plan::number_of;
use preroot_sys::fd::{AsFd, OwnedFd};
use preroot_sys::fs::{CWD, Mode, OFlags, open, openat, readlinkat_raw};
use preroot_sys::io;

use crate::limits::{FACT_BYTES_MAX, INVENTORY_LINE_BYTES_MAX, PATH_BYTES_MAX};
use crate::linux::{names, read};

/// A path that is composed.
pub(super) type Path = String<PATH_BYTES_MAX>;

/// Where /sys and /proc are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree<'r> {
    root: &'r str,
}

/// What one small file says.
#[derive(Debug)]
pub(super) struct Small {
    bytes: [u8; FACT_BYTES_MAX],
}

impl Small {
    pub(super) const fn new() -> Small {
        Small {
            bytes: [0; FACT_BYTES_MAX],
        }
    }
}

impl<'r> Tree<'r> {
    pub(super) const fn new(root: &'r str) -> Tree<'r> {
        Tree { root }
    }

    /// A path below it, put together from its parts: cheaper than formatting it.
    pub(super) fn path(&self, parts: &[&str]) -> Option<Path> {
        let mut path = Path::try_from(self.root).ok()?;
        parts.iter().try_for_each(|part| path.push_str(part)).ok()?;
        Some(path)
    }

    /// A directory, from which its files are found without going all the way again.
    pub(super) fn directory(&self, parts: &[&str]) -> Option<Directory> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = open(self.path(parts)?.as_str(), flags, Mode::empty()).ok()?;
        Some(Directory { fd })
    }

    /// What a file says, up to the end of `buffer`.
    pub(super) fn bytes<'b>(&self, parts: &[&str], buffer: &'b mut [u8]) -> &'b [u8] {
        let length = self.path(parts).and_then(|path| read(&path, buffer).ok());
        length
            .and_then(|length| buffer.get(..length))
            .unwrap_or_default()
    }

    /// The text of a small file, without blanks at its end.
    pub(super) fn text<'b>(&self, parts: &[&str], buffer: &'b mut Small) -> &'b str {
        match self.path(parts) {
            Some(path) => small(CWD, &path, buffer),
            None => "",
        }
    }

    /// A decimal number, alone in a file.
    pub(super) fn number(&self, parts: &[&str]) -> Option<u64> {
        self.text(parts, &mut Small::new()).parse().ok()
    }

    /// Hands each line of a file to `each`, until it has enough. What is too long of one is cut off.
    pub(super) fn lines(&self, path: &str, each: &mut dyn FnMut(&str) -> ControlFlow<()>) {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = self
            .path(&[path])
            .and_then(|path| open(path.as_str(), flags, Mode::empty()).ok());
        let Some(file) = file else { return };
        let mut buffer = [0; 4096];
        let mut line = Vec::<u8, INVENTORY_LINE_BYTES_MAX>::new();
        while let Ok(length @ 1..) = io::read(&file, &mut buffer) {
            let bytes = buffer.get(..length).unwrap_or_default();
            for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
                if line.is_empty() && piece.ends_with(b"\n") {
                    if each(text_of(piece)).is_break() {
                        return;
                    }
                    continue;
                }
                let room = line.capacity() - line.len();
                let part = piece.get(..room.min(piece.len())).unwrap_or_default();
                // There is room for that much.
                let _ = line.extend_from_slice(part);
                if piece.ends_with(b"\n") {
                    let enough = each(text_of(&line)).is_break();
                    line.clear();
                    if enough {
                        return;
                    }
                }
            }
        }
        if !line.is_empty() {
            let _ = each(text_of(&line));
        }
    }

    /// Hands each name in a directory to `each`, with the directory.
    pub(super) fn names(&self, parts: &[&str], each: &mut dyn FnMut(&OwnedFd, &str)) {
        if let Some(path) = self.path(parts) {
            let _ = names(CWD, &path, each);
        }
    }

    /// Where a link leads.
    pub(super) fn target(&self, parts: &[&str]) -> Option<Fact> {
        target(CWD, &self.path(parts)?)
    }
}

/// A directory that is open.
#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
}

impl Directory {
    /// As [`Tree::text`].
    pub(super) fn text<'b>(&self, path: &str, buffer: &'b mut Small) -> &'b str {
        small(&self.fd, path, buffer)
    }

    /// What a file says, up to the end of `buffer`.
    pub(super) fn bytes<'b>(&self, path: &str, buffer: &'b mut Small) -> &'b [u8] {
        whole(&self.fd, path, buffer)
    }

    /// As [`Tree::number`].
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.text(path, &mut Small::new()).parse().ok()
    }

    /// Says as a fact what the last part of a link is: a driver's name.
    pub(super) fn put_last(&self, facts: &mut Facts, key: &str, path: &str) {
        if let Some(target) = target(&self.fd, path) {
            facts.put(key, target.rsplit('/').next().unwrap_or_default());
        }
    }
}

/// What a small file of sysfs says, without blanks at its end.
pub(super) fn small<'b>(directory: impl AsFd, path: &str, buffer: &'b mut Small) -> &'b str {
    text_of(whole(directory, path, buffer))
}

/// All of a small file: sysfs gives it at once.
fn whole<'b>(directory: impl AsFd, path: &str, buffer: &'b mut Small) -> &'b [u8] {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(directory, path, flags, Mode::empty());
    let length = file.and_then(|file| io::read(&file, &mut buffer.bytes));
    let bytes = length.ok().and_then(|length| buffer.bytes.get(..length));
    bytes.unwrap_or_default()
}

fn target(directory: impl AsFd, path: &str) -> Option<Fact> {
    let mut buffer = [0; PATH_BYTES_MAX];
    let length = readlinkat_raw(directory, path, &mut buffer[..]).ok()?;
    Fact::try_from(core::str::from_utf8(buffer.get(..length)?).ok()?).ok()
}

/// The text in front of what is none, without blanks around it.
pub(super) fn text_of(bytes: &[u8]) -> &str {
    let text = match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let whole = bytes.get(..error.valid_up_to());
            core::str::from_utf8(whole.unwrap_or_default()).unwrap_or_default()
        }
    };
    text.trim_ascii_end()
}

impl Sysfs for Tree<'_> {
    fn link(&self, directory: &str, name: &str) -> Option<Fact> {
        self.target(&["/sys/class/", directory, "/", name])
    }

    fn file(&self, directory: &str, name: &str) -> Option<Fact> {
        let path = ["/sys/class/", directory, "/", name];
        Fact::try_from(self.text(&path, &mut Small::new())).ok()
    }

    fn lowest_host(&self, directory: &str) -> Option<u32> {
        let mut lowest = None;
        self.names(&["/sys/class/", directory], &mut |_, name| {
            let number = name.strip_prefix("host");
            if let Some(number) = number.and_then(|number| number_of(number, 10)) {
                lowest = Some(lowest.map_or(number, |lowest: u32| lowest.min(number)));
            }
        });
        lowest
    }
}
