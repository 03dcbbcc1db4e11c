//! A cpio archive in memory, as the kernel unpacks an initramfs from it: "new ASCII", without compression.
//! [kernel, `Documentation/driver-api/early-userspace/buffer-format.rst`](https://docs.kernel.org/driver-api/early-userspace/buffer-format.html)

use preroot_boot::machine::Errno;

/// Bytes of a header: a magic of 6, then 13 numbers of 8 hexadecimal digits.
const HEADER_BYTES: usize = 110;
const MAGIC: &[u8] = b"070701";
const TRAILER: &str = "TRAILER!!!";

/// A file, directory or link of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Where it belongs, relative to the archive's root.
    pub path: &'a str,
    /// Kind and permissions, as stat(2) has them.
    pub mode: u32,
    /// Its contents, or what a link leads to.
    pub bytes: &'a [u8],
}

/// The members in order, up to the trailer. After an error there are no more.
#[derive(Debug)]
pub struct Archive<'a> {
    rest: Option<&'a [u8]>,
    all: usize,
}

impl<'a> Archive<'a> {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Archive<'a> {
        Archive {
            rest: Some(bytes),
            all: bytes.len(),
        }
    }

    /// The next member; `None`: the trailer.
    fn member(&mut self, bytes: &'a [u8]) -> Option<Option<Member<'a>>> {
        let header = bytes.get(..HEADER_BYTES)?;
        if !header.starts_with(MAGIC) {
            return None;
        }
        let (mode, file_bytes, name_bytes) =
            (field(header, 1)?, field(header, 6)?, field(header, 11)?);
        let (name, rest) = self.piece(bytes.get(HEADER_BYTES..)?, name_bytes)?;
        let path = core::str::from_utf8(name).ok()?.strip_suffix('\0')?;
        if path == TRAILER {
            self.rest = None;
            return Some(None);
        }
        let (bytes, rest) = self.piece(rest, file_bytes)?;
        // What leads out of the archive is no member of it.
        if path.is_empty() || path.starts_with('/') || path.split('/').any(|name| name == "..") {
            return None;
        }
        self.rest = Some(rest);
        let mode = u32::try_from(mode).ok()?;
        Some(Some(Member { path, mode, bytes }))
    }

    /// A piece, and what stands behind it and its padding to a multiple of four bytes of the archive.
    fn piece(&self, bytes: &'a [u8], length: usize) -> Option<(&'a [u8], &'a [u8])> {
        let piece = bytes.get(..length)?;
        let end = self.all - bytes.len() + length;
        let padding = end.next_multiple_of(4) - end;
        Some((piece, bytes.get(length + padding..)?))
    }
}

fn field(header: &[u8], number: usize) -> Option<usize> {
    let at = MAGIC.len() + number * 8;
    let digits = core::str::from_utf8(header.get(at..at + 8)?).ok()?;
    usize::from_str_radix(digits, 16).ok()
}

impl<'a> Iterator for Archive<'a> {
    type Item = Result<Member<'a>, Errno>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.rest.take()?;
        match self.member(bytes) {
            Some(member) => member.map(Ok),
            None => Some(Err(Errno::INVAL)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn add(archive: &mut Vec<u8>, path: &str, mode: u32, bytes: &[u8]) {
        let mut header = String::from("070701");
        let numbers = [
            1,
            mode,
            0,
            0,
            1,
            0,
            bytes.len() as u32,
            0,
            0,
            0,
            0,
            path.len() as u32 + 1,
            0,
        ];
        for number in numbers {
            header += &std::format!("{number:08x}");
        }
        archive.extend(header.as_bytes());
        for piece in [std::format!("{path}\0").as_bytes(), bytes] {
            archive.extend(piece);
            archive.resize(archive.len().next_multiple_of(4), 0);
        }
    }

    fn archive() -> Vec<u8> {
        let mut archive = Vec::new();
        add(&mut archive, "bin", 0o040_755, b"");
        add(&mut archive, "bin/sh", 0o120_777, b"../init");
        add(&mut archive, "init", 0o100_755, b"\x7fELF!");
        add(&mut archive, TRAILER, 0, b"");
        archive.resize(archive.len() + 512, 0);
        archive
    }

    #[test]
    fn members_come_in_order() {
        let bytes = archive();
        let members: Vec<_> = Archive::new(&bytes).map(Result::unwrap).collect();
        let paths: Vec<&str> = members.iter().map(|member| member.path).collect();
        assert_eq!(paths, ["bin", "bin/sh", "init"]);
        assert_eq!(members[1].bytes, b"../init");
        assert_eq!(
            (members[2].mode, members[2].bytes),
            (0o100_755, &b"\x7fELF!"[..])
        );
    }

    #[test]
    fn what_is_cut_off_or_leads_out_is_an_error() {
        let bytes = archive();
        for end in 0..bytes.len() - 512 {
            let last = Archive::new(&bytes[..end]).last();
            assert_eq!(last, Some(Err(Errno::INVAL)), "{end}");
        }
        for path in ["/etc/passwd", "../x", "a/../../x", ""] {
            let mut bytes = Vec::new();
            add(&mut bytes, path, 0o100_644, b"x");
            assert_eq!(
                Archive::new(&bytes).next(),
                Some(Err(Errno::INVAL)),
                "{path}"
            );
        }
        // Any flipped byte: an answer, and an end.
        let mut bytes = archive();
        for at in 0..bytes.len() {
            bytes[at] ^= 0xff;
            assert!(Archive::new(&bytes).count() <= 4);
            bytes[at] ^= 0xff;
        }
    }
}
