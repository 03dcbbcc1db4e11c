//! What is in an image and why, read from the image alone.

use std::collections::BTreeMap;
use std::fmt;

use preroot_payload::{Entry, Payload};

use crate::compress::Compression;
use crate::contents::{self, CONTENTS_PATH};
use crate::cpio::{Archive, Kind, MAGIC, Member};
use crate::digest::{self, DIGESTS_PATH};
use crate::layout::PLAN_PATH;
use crate::pack::{PAYLOAD_PATH, packed_path};

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

    /// Whether bytes begin as an image does: with a compression that images have, or an archive.
    #[must_use]
    pub fn is_image(bytes: &[u8]) -> bool {
        Compression::of(bytes) != Compression::None || bytes.starts_with(MAGIC)
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

    /// The frozen plan that the image was baked from; `None`: it has none.
    #[must_use]
    pub fn plan(&self) -> Option<&[u8]> {
        self.file(PLAN_PATH)
    }

    /// The contents of a file. The kernel unpacks in order, so of several the last one counts.
    pub(crate) fn file(&self, path: &str) -> Option<&[u8]> {
        // Other packers begin their paths with the directory they stood in.
        let is_it = |member: &&Member| member.path.trim_start_matches("./") == path;
        match &self.members().iter().rfind(is_it)?.kind {
            Kind::File(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.file(path)?).ok()
    }

    fn fmt_packed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(member) = self
            .members()
            .iter()
            .find(|member| member.path == PAYLOAD_PATH)
        else {
            return Ok(());
        };
        let payload = match Payload::check(member.bytes()) {
            Ok(payload) => payload,
            Err(error) => return writeln!(f, "\nNOT AS BAKED: {error}"),
        };
        writeln!(
            f,
            "\npacked in /{PAYLOAD_PATH}, {} bytes unpacked:\n",
            payload.raw_bytes()
        )?;
        for entry in payload.entries() {
            let reason = self
                .reasons
                .get(&packed_path(entry.path))
                .map_or("", String::as_str);
            writeln!(f, "{}", Line::of_packed(&entry, reason))?;
        }
        Ok(())
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
            writeln!(f, "{}", Line::of(member, reason))?;
        }
        self.fmt_packed(f)
    }
}

/// One member: mode, size, path, reason.
struct Line<'a> {
    letter: char,
    permissions: u16,
    size: String,
    path: String,
    reason: &'a str,
}

impl<'a> Line<'a> {
    fn of(member: &Member, reason: &'a str) -> Line<'a> {
        let path = format!("/{}", member.path);
        let (letter, size, path) = match &member.kind {
            Kind::Directory => ('d', String::new(), format!("{path}/")),
            Kind::File(bytes) => ('-', bytes.len().to_string(), path),
            Kind::Symlink(target) => ('l', String::new(), format!("{path} -> {target}")),
            Kind::Char { major, minor } => ('c', format!("{major},{minor}"), path),
        };
        Line {
            letter,
            permissions: member.permissions,
            size,
            path,
            reason,
        }
    }

    fn of_packed(entry: &Entry<'_>, reason: &'a str) -> Line<'a> {
        let path = format!("/{}", entry.path);
        let (letter, size, path) = match entry.target {
            "" => ('-', entry.bytes.to_string(), path),
            target => ('l', String::new(), format!("{path} -> {target}")),
        };
        Line {
            letter,
            permissions: entry.permissions,
            size,
            path,
            reason,
        }
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line {
            letter,
            permissions,
            size,
            path,
            reason,
        } = self;
        let line = format!("{letter}{permissions:04o} {size:>9}  {path:<44} {reason}");
        f.write_str(line.trim_end())
    }
}
