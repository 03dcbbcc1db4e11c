//! What is in an image and why, read from the image alone.

use std::collections::BTreeMap;
use std::fmt;

use crate::compress::Compression;
use crate::contents::{self, CONTENTS_PATH};
use crate::cpio::{Archive, Kind, Member};
use crate::digest::{self, DIGESTS_PATH};

/// An image, listed.
#[derive(Debug)]
pub struct Listing {
    compression: Compression,
    packed_bytes: usize,
    archive: Archive,
    reasons: BTreeMap<String, String>,
}

impl Listing {
    /// Reads an image of any compression. The error says what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Listing, String> {
        let compression = Compression::of(bytes);
        let unpacked = compression
            .decompress(bytes)
            .map_err(|error| error.to_string())?;
        let archive = Archive::read(&unpacked).map_err(|error| error.to_string())?;
        Ok(Listing::of(archive, compression, bytes.len()))
    }

    pub(crate) fn of(archive: Archive, compression: Compression, packed_bytes: usize) -> Listing {
        let mut listing = Listing {
            compression,
            packed_bytes,
            archive,
            reasons: BTreeMap::new(),
        };
        listing.reasons = listing
            .text(CONTENTS_PATH)
            .map(contents::read)
            .unwrap_or_default();
        listing
    }

    /// The members.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        self.archive.members()
    }

    /// Bytes of all files, unpacked.
    #[must_use]
    pub fn unpacked_bytes(&self) -> usize {
        self.members()
            .iter()
            .map(|member| member.bytes().len())
            .sum()
    }

    fn text(&self, path: &str) -> Option<&str> {
        let member = self.members().iter().find(|member| member.path == path)?;
        std::str::from_utf8(member.bytes()).ok()
    }

    /// Whether the image is as it was baked; none where it does not say how it was.
    fn is_whole(&self) -> Option<bool> {
        let said = self
            .text(DIGESTS_PATH)?
            .lines()
            .find_map(|line| line.strip_prefix("image "))?;
        Some(said == digest::of_members(self.members()))
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} bytes ({}), {} bytes unpacked, {} members",
            self.packed_bytes,
            self.compression.name(),
            self.unpacked_bytes(),
            self.members().len(),
        )?;
        f.write_str(self.text(DIGESTS_PATH).unwrap_or_default())?;
        if self.is_whole() == Some(false) {
            writeln!(f, "NOT AS BAKED: the members do not have this digest")?;
        }
        writeln!(f)?;
        for member in self.members() {
            let reason = self.reasons.get(&member.path).map_or("", String::as_str);
            writeln!(f, "{}", Line { member, reason })?;
        }
        Ok(())
    }
}

/// One member: mode, size, path, reason.
struct Line<'a> {
    member: &'a Member,
    reason: &'a str,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (letter, size, path) = match &self.member.kind {
            Kind::Directory => ('d', String::new(), format!("/{}/", self.member.path)),
            Kind::File(bytes) => (
                '-',
                bytes.len().to_string(),
                format!("/{}", self.member.path),
            ),
            Kind::Symlink(target) => (
                'l',
                String::new(),
                format!("/{} -> {target}", self.member.path),
            ),
            Kind::Char { major, minor } => (
                'c',
                format!("{major},{minor}"),
                format!("/{}", self.member.path),
            ),
        };
        let line = format!(
            "{letter}{:04o} {size:>9}  {path:<44}",
            self.member.permissions
        );
        match self.reason {
            "" => f.write_str(line.trim_end()),
            reason => write!(f, "{line} {reason}"),
        }
    }
}
