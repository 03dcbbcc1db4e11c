//! What is in an image and why, read from the image alone.
//!
//! An image may be several archives, one after the other: plain ones (microcode, what `preroot bake-host` makes), and a
//! last one that may be compressed. The kernel unpacks them in this order, so of a path that several have the last one
//! counts (Documentation/driver-api/early-userspace/buffer-format.rst).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

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
    /// At least one.
    parts: Vec<Part>,
    members: Vec<Member>,
}

/// One archive of an image.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) compression: Compression,
    /// Where it lies in the image.
    pub(crate) place: Range<usize>,
    /// Which of the image's members are in it.
    members: Range<usize>,
    reasons: BTreeMap<String, String>,
}

impl Listing {
    /// Reads an image of any compression. The error says what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Listing, String> {
        let mut listing = Listing {
            parts: Vec::new(),
            members: Vec::new(),
        };
        let mut at = 0;
        while let Some(begin) = bytes[at..].iter().position(|byte| *byte != 0) {
            let part = &bytes[at + begin..];
            let number = listing.parts.len() + 1;
            let (archive, compression, end) = read_part(part).map_err(|error| match number {
                1 => error,
                _ => format!("archive {number}, at byte {}: {error}", at + begin),
            })?;
            let place = at + begin..at + begin + end;
            at = place.end;
            listing.add(archive, compression, place);
        }
        if listing.parts.is_empty() {
            listing.add(Archive::default(), Compression::None, 0..bytes.len());
        }
        Ok(listing)
    }

    /// Whether bytes begin as an image does: with a compression that images have, or an archive.
    #[must_use]
    pub fn is_image(bytes: &[u8]) -> bool {
        Compression::of(bytes) != Compression::None || bytes.starts_with(MAGIC)
    }

    pub(crate) fn of(archive: Archive, compression: Compression, packed_bytes: usize) -> Listing {
        let mut listing = Listing {
            parts: Vec::new(),
            members: Vec::new(),
        };
        listing.add(archive, compression, 0..packed_bytes);
        listing
    }

    fn add(&mut self, archive: Archive, compression: Compression, place: Range<usize>) {
        let begin = self.members.len();
        self.members.extend(archive.into_members());
        let members = begin..self.members.len();
        let reasons = file(&self.members[members.clone()], CONTENTS_PATH)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .map(contents::read)
            .unwrap_or_default();
        self.parts.push(Part {
            compression,
            place,
            members,
            reasons,
        });
    }

    /// The members of all its archives, in the order in which the kernel unpacks them.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The frozen plan that the image was baked from; `None`: it has none.
    #[must_use]
    pub fn plan(&self) -> Option<&[u8]> {
        self.file(PLAN_PATH)
    }

    /// The archive whose plan counts, and its members.
    pub(crate) fn part_with_plan(&self) -> Option<(&Part, &[Member])> {
        let mut parts = self.parts.iter().rev();
        let members = |part: &Part| &self.members[part.members.clone()];
        let part = parts.find(|part| file(members(part), PLAN_PATH).is_some())?;
        Some((part, members(part)))
    }

    /// The contents of a file. The kernel unpacks in order, so of several the last one counts.
    pub(crate) fn file(&self, path: &str) -> Option<&[u8]> {
        file(&self.members, path)
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.file(path)?).ok()
    }
}

/// The first archive of some bytes, what it is compressed with, and where it ends.
fn read_part(bytes: &[u8]) -> Result<(Archive, Compression, usize), String> {
    let compression = Compression::of(bytes);
    if compression == Compression::None {
        let (archive, end) = Archive::first(bytes).map_err(|error| error.to_string())?;
        return Ok((archive, compression, end));
    }
    // Nothing says where a compressed one ends: it is the last.
    let unpacked = compression
        .decompress(bytes)
        .map_err(|error| error.to_string())?;
    let archive = Archive::read(&unpacked).map_err(|error| error.to_string())?;
    Ok((archive, compression, bytes.len()))
}

fn file<'a>(members: &'a [Member], path: &str) -> Option<&'a [u8]> {
    // Other packers begin their paths with the directory they stood in.
    let is_it = |member: &&Member| member.path.trim_start_matches("./") == path;
    match &members.iter().rfind(is_it)?.kind {
        Kind::File(bytes) => Some(bytes),
        _ => None,
    }
}

/// Whether the members of an archive are as they were baked; none where it does not say how they were.
pub(crate) fn is_as_baked(members: &[Member]) -> Option<bool> {
    let digests = std::str::from_utf8(file(members, DIGESTS_PATH)?).ok()?;
    let mut lines = digests.lines();
    let said = lines.find_map(|line| line.strip_prefix("image "))?;
    Some(said == digest::of_members(members))
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.parts.len();
        if count > 1 {
            writeln!(f, "{count} archives, unpacked one after the other")?;
        }
        for (index, part) in self.parts.iter().enumerate() {
            if count > 1 {
                write!(f, "\narchive {} of {count}: ", index + 1)?;
            }
            let members = &self.members[part.members.clone()];
            write!(f, "{}", Shown { part, members })?;
        }
        Ok(())
    }
}

/// One archive of an image, as it is shown.
struct Shown<'a> {
    part: &'a Part,
    members: &'a [Member],
}

impl Shown<'_> {
    fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(file(self.members, path)?).ok()
    }

    fn reason(&self, path: &str) -> &str {
        self.part.reasons.get(path).map_or("", String::as_str)
    }

    fn fmt_packed(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_it = |member: &&Member| member.path == PAYLOAD_PATH;
        let Some(member) = self.members.iter().find(is_it) else {
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
            let reason = self.reason(&packed_path(entry.path));
            writeln!(f, "{}", Line::of_packed(&entry, reason))?;
        }
        Ok(())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unpacked: usize = self.members.iter().map(|one| one.bytes().len()).sum();
        writeln!(
            f,
            "{} bytes ({}), {unpacked} bytes unpacked, {} members",
            self.part.place.len(),
            self.part.compression.name(),
            self.members.len(),
        )?;
        f.write_str(self.text(DIGESTS_PATH).unwrap_or_default())?;
        if is_as_baked(self.members) == Some(false) {
            writeln!(f, "NOT AS BAKED: the members do not have this digest")?;
        }
        writeln!(f)?;
        for member in self.members {
            writeln!(f, "{}", Line::of(member, self.reason(&member.path)))?;
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
