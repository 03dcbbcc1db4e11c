//! The cpio archive inside an image (newc, as the kernel's `init/initramfs.c` reads it): where a
//! member's bytes lie, for tests that damage them, and the few members that a peer's image needs.

use std::ops::Range;
use std::path::Path;

use crate::error::Error;
use crate::files;

/// The length of a newc header: six bytes of magic and thirteen fields of eight digits.
const HEADER_BYTES: usize = 110;
/// Every part begins at a multiple of this.
const ALIGN: usize = 4;

/// An archive that is not compressed.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    bytes: Vec<u8>,
}

impl Archive {
    /// Reads one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            bytes: files::read(path)?,
        })
    }

    /// Adds a member: a file or directory, by its mode.
    pub fn add(&mut self, name: &str, mode: u32, contents: &[u8]) {
        // The kernel tells hard links by their inodes: one each.
        let inode = self.bytes.len();
        let mode = usize::try_from(mode).unwrap_or_default();
        self.bytes.extend(b"070701");
        let fields = [
            inode,
            mode,
            0,
            0,
            1,
            0,
            contents.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes().chain([0]));
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        self.bytes.extend(contents);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGN), 0);
    }

    /// Adds the member that ends it.
    pub fn end(&mut self) {
        self.add("TRAILER!!!", 0, b"");
    }

    /// Its bytes, with the member that ends it.
    pub fn finish(mut self) -> Vec<u8> {
        self.end();
        self.bytes
    }

    /// Writes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        files::write(path, &self.bytes)
    }

    /// Adds an archive after the end of this one, as the kernel takes them.
    pub fn append(&mut self, other: &Archive) {
        // The kernel looks for the next one at a multiple of this too, and takes zeros for padding.
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        self.bytes.extend(&other.bytes);
    }

    /// Gives a member another name, of the same length.
    ///
    /// # Errors
    /// When it is not there.
    pub fn rename(&mut self, name: &str, to: &str) -> Result<(), Error> {
        let at = |window: &[u8]| window.strip_suffix(&[0]) == Some(name.as_bytes());
        let found = self.bytes.windows(name.len() + 1).position(at);
        let place = found.and_then(|found| self.bytes.get_mut(found..found + to.len()));
        match place.filter(|_| name.len() == to.len()) {
            Some(place) => place.copy_from_slice(to.as_bytes()),
            None => return Err(Error::unexpected(format!("the image has no {name}"))),
        }
        Ok(())
    }

    /// The contents of a member, to change in place.
    ///
    /// # Errors
    /// When it is not there.
    pub fn member_mut(&mut self, name: &str) -> Result<&mut [u8], Error> {
        let range = find(&self.bytes, name);
        let missing = || Error::unexpected(format!("the image has no {name}"));
        range
            .and_then(|range| self.bytes.get_mut(range))
            .ok_or_else(missing)
    }
}

fn find(bytes: &[u8], wanted: &str) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        let header = bytes.get(at..at + HEADER_BYTES)?;
        let name_from = at + HEADER_BYTES;
        let name_to = name_from + field(header, 11)?;
        let from = name_to.next_multiple_of(ALIGN);
        let to = from + field(header, 6)?;
        let name = bytes.get(name_from..name_to.checked_sub(1)?)?;
        if name == wanted.as_bytes() {
            return Some(from..to);
        }
        if name == b"TRAILER!!!" {
            return None;
        }
        at = to.next_multiple_of(ALIGN);
    }
}

/// Field `number` of a header: 6 is the size of the contents, 11 the size of the name.
fn field(header: &[u8], number: usize) -> Option<usize> {
    let from = 6 + 8 * number;
    let digits = std::str::from_utf8(header.get(from..from + 8)?).ok()?;
    usize::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = Archive::default();
        for (name, contents) in members {
            archive.add(name, 0o100_644, contents.as_bytes());
        }
        archive.bytes
    }

    #[test]
    fn members_are_found() {
        let bytes = archive(&[("a", "one"), ("etc/b", "three"), ("TRAILER!!!", "")]);
        let check = |name, expected: Option<&str>| {
            let found = find(&bytes, name).and_then(|range| bytes.get(range));
            assert_eq!(found, expected.map(str::as_bytes), "{name}");
        };
        check("a", Some("one"));
        check("etc/b", Some("three"));
        check("c", None);
    }

    #[test]
    fn cut_archives_have_nothing() {
        let bytes = archive(&[("a", "one"), ("b", "two")]);
        for length in 0..bytes.len() {
            assert!(find(&bytes[..length], "c").is_none());
        }
    }
}
