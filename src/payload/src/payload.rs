//! A checked payload, walked where it lies.

use core::fmt;

use crate::limits::{ENTRIES_MAX, PATH_BYTES_MAX, RAW_BYTES_MAX};

pub(crate) const MAGIC: [u8; 8] = *b"prepack\0";
pub(crate) const VERSION: u16 = 1;
pub(crate) const HEADER_BYTES: usize = 28;
pub(crate) const CHECKED_FROM: usize = 20;
pub(crate) const ENTRY_BYTES: usize = 16;

/// Why bytes are not a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadError {
    /// Shorter than it says.
    Short,
    /// Not a payload.
    Magic,
    /// Of another version of preroot.
    Version,
    /// Its header is damaged.
    Checksum,
    /// An entry is beyond the header, or its path is none.
    Entry,
    /// Larger than a payload may be, or its files are not what it says in all.
    Size,
}

impl PayloadError {
    /// In words, for a console.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            PayloadError::Short => "payload is cut short",
            PayloadError::Magic => "not a payload",
            PayloadError::Version => "payload of another version",
            PayloadError::Checksum => "payload is damaged (checksum)",
            PayloadError::Entry => "payload has a bad entry",
            PayloadError::Size => "payload has a wrong size",
        }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A file or link of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its path, without a leading slash.
    pub path: &'a str,
    /// Where the link leads; empty: it is a file.
    pub target: &'a str,
    /// Its permission bits.
    pub permissions: u16,
    /// Where its bytes begin among all files.
    pub start: usize,
    /// How many they are.
    pub bytes: usize,
    /// CRC32 over them.
    pub crc32: u32,
}

/// A payload whose header has been checked. The stream is checked file by file when unpacked.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    entries: &'a [u8],
    stream: &'a [u8],
    raw_bytes: usize,
}

impl<'a> Payload<'a> {
    /// Checks the header and every entry.
    pub fn check(bytes: &'a [u8]) -> Result<Payload<'a>, PayloadError> {
        let start = bytes.get(..HEADER_BYTES).ok_or(PayloadError::Short)?;
        if !start.starts_with(&MAGIC) {
            return Err(PayloadError::Magic);
        }
        if u16_at(start, 8) != Some(VERSION) {
            return Err(PayloadError::Version);
        }
        let field = |at| {
            u32_at(start, at)
                .map(|value| value as usize)
                .ok_or(PayloadError::Short)
        };
        let (header_bytes, stream_bytes, raw_bytes) = (field(12)?, field(20)?, field(24)?);
        let checked = bytes
            .get(CHECKED_FROM..header_bytes)
            .ok_or(PayloadError::Short)?;
        if u32_at(start, 16) != Some(preroot_crc::crc32(checked)) {
            return Err(PayloadError::Checksum);
        }
        let entries = bytes
            .get(HEADER_BYTES..header_bytes)
            .ok_or(PayloadError::Short)?;
        let stream = bytes.get(header_bytes..).ok_or(PayloadError::Short)?;
        if stream.len() != stream_bytes {
            return Err(if stream.len() < stream_bytes {
                PayloadError::Short
            } else {
                PayloadError::Size
            });
        }
        let payload = Payload {
            entries,
            stream,
            raw_bytes,
        };
        payload.check_entries(usize::from(u16_at(start, 10).unwrap_or(0)))?;
        Ok(payload)
    }

    fn check_entries(&self, count: usize) -> Result<(), PayloadError> {
        if self.raw_bytes > RAW_BYTES_MAX || count > ENTRIES_MAX {
            return Err(PayloadError::Size);
        }
        let mut entries = self.entries();
        for _ in 0..count {
            let entry = entries.next().ok_or(PayloadError::Entry)?;
            let odd = |part: &str| part.is_empty() || part == "." || part == "..";
            let is_long = |text: &str| text.len() > PATH_BYTES_MAX || text.contains('\0');
            if entry.path.split('/').any(odd) || is_long(entry.path) || is_long(entry.target) {
                return Err(PayloadError::Entry);
            }
            if !entry.target.is_empty() && entry.bytes > 0 || entry.permissions > 0o7777 {
                return Err(PayloadError::Entry);
            }
        }
        if !entries.rest.is_empty() {
            return Err(PayloadError::Entry);
        }
        if entries.start == self.raw_bytes {
            Ok(())
        } else {
            Err(PayloadError::Size)
        }
    }

    /// The files and links, in the order of their bytes.
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        Entries {
            rest: self.entries,
            start: 0,
        }
    }

    /// Bytes of all files: how long the output must be.
    #[must_use]
    pub fn raw_bytes(&self) -> usize {
        self.raw_bytes
    }

    pub(crate) fn stream(&self) -> &'a [u8] {
        self.stream
    }
}

/// A walk over entries. It ends at the first that is not whole, which a checked payload has not.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
    start: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let fixed = self.rest.get(..ENTRY_BYTES)?;
        let path_end = ENTRY_BYTES + usize::from(u16_at(fixed, 2)?);
        let target_end = path_end + usize::from(u16_at(fixed, 4)?);
        if u16_at(fixed, 6) != Some(0) {
            return None;
        }
        let text = |from, to| core::str::from_utf8(self.rest.get(from..to)?).ok();
        let bytes = u32_at(fixed, 8)? as usize;
        let entry = Entry {
            path: text(ENTRY_BYTES, path_end)?,
            target: text(path_end, target_end)?,
            permissions: u16_at(fixed, 0)?,
            start: self.start,
            bytes,
            crc32: u32_at(fixed, 12)?,
        };
        self.start = self.start.checked_add(bytes)?;
        self.rest = self.rest.get(target_end..)?;
        Some(entry)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|chunk| u32::from_le_bytes(*chunk))
}
