//! The newc archive, as the kernel unpacks it: Documentation/driver-api/early-userspace/buffer-format.rst.
//!
//! ```text
//! "070701" ino mode uid gid nlink mtime filesize major minor rmajor rminor namesize check
//!          (13 x 8 hexadecimal digits), name NUL, to 4 bytes, contents, to 4 bytes
//! ... "TRAILER!!!"
//! ```
//!
//! The writer is deterministic: members by path, so parents come first; numbered in that order; no
//! times; all owned by root. The reader takes several archives one after the other, as the kernel
//! does.

use crate::limits::{MEMBERS_MAX, PATH_BYTES_MAX, UNPACKED_BYTES_MAX};

pub(crate) const MAGIC: &[u8] = b"070701";
const HEADER_BYTES: usize = 110;
const TRAILER: &str = "TRAILER!!!";

const TYPE_MASK: u32 = 0o170_000;
const TYPE_DIRECTORY: u32 = 0o040_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_SYMLINK: u32 = 0o120_000;
const TYPE_CHAR: u32 = 0o020_000;

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file with its contents.
    File(Vec<u8>),
    /// A symbolic link to this path.
    Symlink(String),
    /// A character device.
    Char {
        /// Its major number.
        major: u32,
        /// Its minor number.
        minor: u32,
    },
}

/// One member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path, without a leading slash.
    pub path: String,
    /// Its permission bits.
    pub permissions: u16,
    /// What it is.
    pub kind: Kind,
}

impl Member {
    /// Type and permissions in one number, as `st_mode` has them.
    #[must_use]
    pub fn mode(&self) -> u32 {
        let kind = match self.kind {
            Kind::Directory => TYPE_DIRECTORY,
            Kind::File(_) => TYPE_FILE,
            Kind::Symlink(_) => TYPE_SYMLINK,
            Kind::Char { .. } => TYPE_CHAR,
        };
        kind | u32::from(self.permissions)
    }

    /// What stands behind its header: a file's contents, a link's target.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.kind {
            Kind::File(bytes) => bytes,
            Kind::Symlink(target) => target.as_bytes(),
            Kind::Directory | Kind::Char { .. } => &[],
        }
    }
}

/// Why members do not make an archive, or bytes are not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CpioError {
    /// A path that an archive cannot hold.
    #[error("\"{0}\" is no path for an archive")]
    Path(String),
    /// Two members of one path.
    #[error("{0} is in the archive twice")]
    Twice(String),
    /// A member without its directory.
    #[error("{0} has no directory to be in")]
    Orphan(String),
    /// Too much of something.
    #[error("{0} is more than an image can hold")]
    Large(String),
    /// The bytes end within a member.
    #[error("the archive is cut short at byte {0}")]
    Short(usize),
    /// What stands there is not a member.
    #[error("byte {0} of the archive does not begin a member")]
    Header(usize),
    /// A type of file that an image does not hold.
    #[error("{0} is of a type that is not read here")]
    Type(String),
}

/// The members of an image, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archive {
    members: Vec<Member>,
}

impl Archive {
    /// An archive of these members, in any order.
    pub fn new(mut members: Vec<Member>) -> Result<Archive, CpioError> {
        members.sort_by(|a, b| a.path.cmp(&b.path));
        let mut unpacked: u64 = 0;
        for (index, member) in members.iter().enumerate() {
            check_path(&member.path)?;
            // Sorted, so a directory stands before what is in it.
            let (before, path) = (&members[..index], &member.path);
            if before.last().is_some_and(|last| last.path == *path) {
                return Err(CpioError::Twice(path.clone()));
            }
            if let Some((parent, _)) = path.rsplit_once('/') {
                let found = before.binary_search_by(|other| other.path.as_str().cmp(parent));
                if !found.is_ok_and(|at| before[at].kind == Kind::Directory) {
                    return Err(CpioError::Orphan(path.clone()));
                }
            }
            unpacked = unpacked.saturating_add(member.bytes().len() as u64);
            if unpacked > UNPACKED_BYTES_MAX {
                return Err(CpioError::Large(path.clone()));
            }
        }
        if members.len() > MEMBERS_MAX {
            return Err(CpioError::Large(format!("{} members", members.len())));
        }
        Ok(Archive { members })
    }

    /// The members, by path.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The archive's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            append(&mut bytes, index + 1, member.mode(), member);
        }
        let trailer = Member {
            path: TRAILER.to_owned(),
            permissions: 0,
            kind: Kind::File(Vec::new()),
        };
        append(&mut bytes, 0, 0, &trailer);
        bytes
    }

    /// Reads archives, one after the other, up to the end of the bytes.
    pub fn read(bytes: &[u8]) -> Result<Archive, CpioError> {
        let mut members = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at] == 0 {
                at += 1;
                continue;
            }
            at = read_one(bytes, at, &mut members)?;
        }
        Ok(Archive { members })
    }

    /// Reads the archive that the bytes begin with, and where it ends.
    pub(crate) fn first(bytes: &[u8]) -> Result<(Archive, usize), CpioError> {
        let mut members = Vec::new();
        let end = read_one(bytes, 0, &mut members)?;
        Ok((Archive { members }, end))
    }

    pub(crate) fn into_members(self) -> Vec<Member> {
        self.members
    }
}

/// Reads members up to a trailer; gives where that ends.
fn read_one(bytes: &[u8], mut at: usize, members: &mut Vec<Member>) -> Result<usize, CpioError> {
    while at < bytes.len() {
        let (member, end) = read_member(bytes, at)?;
        at = end;
        let Some(member) = member else {
            return Ok(at);
        };
        members.push(member);
        if members.len() > MEMBERS_MAX {
            return Err(CpioError::Large(format!("{} members", members.len())));
        }
    }
    Err(CpioError::Short(bytes.len()))
}

fn check_path(path: &str) -> Result<(), CpioError> {
    let odd = |part: &str| part.is_empty() || part == "." || part == "..";
    if path.split('/').any(odd) || path.len() >= PATH_BYTES_MAX || path.contains('\0') {
        return Err(CpioError::Path(path.to_owned()));
    }
    if path == TRAILER {
        return Err(CpioError::Path(path.to_owned()));
    }
    Ok(())
}

fn append(bytes: &mut Vec<u8>, number: usize, mode: u32, member: &Member) {
    let links = match member.kind {
        Kind::Directory => 2,
        _ => 1,
    };
    let (major, minor) = match member.kind {
        Kind::Char { major, minor } => (major, minor),
        _ => (0, 0),
    };
    let contents = member.bytes();
    let name_bytes = member.path.len() + 1;
    bytes.extend_from_slice(MAGIC);
    let header = format!(
        "{number:08X}{mode:08X}{zero:08X}{zero:08X}{links:08X}{zero:08X}{size:08X}\
         {zero:08X}{zero:08X}{major:08X}{minor:08X}{name_bytes:08X}{zero:08X}",
        zero = 0,
        size = contents.len(),
    );
    debug_assert_eq!(MAGIC.len() + header.len(), HEADER_BYTES);
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(member.path.as_bytes());
    bytes.push(0);
    pad(bytes);
    bytes.extend_from_slice(contents);
    pad(bytes);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// One member, or none for a trailer, and where the next one begins.
fn read_member(bytes: &[u8], at: usize) -> Result<(Option<Member>, usize), CpioError> {
    let short = || CpioError::Short(bytes.len());
    let header = at
        .checked_add(HEADER_BYTES)
        .and_then(|end| bytes.get(at..end))
        .ok_or_else(short)?;
    if !header.starts_with(MAGIC) {
        return Err(CpioError::Header(at));
    }
    let field = |index: usize| -> Result<usize, CpioError> {
        let start = MAGIC.len() + index * 8;
        let digits = &header[start..start + 8];
        // `from_str_radix` alone would take a sign.
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(CpioError::Header(at));
        }
        let text = std::str::from_utf8(digits).map_err(|_| CpioError::Header(at))?;
        usize::from_str_radix(text, 16).map_err(|_| CpioError::Header(at))
    };
    let number = |value: usize| u32::try_from(value).map_err(|_| CpioError::Header(at));
    let mode = number(field(1)?)?;
    let (size, name_bytes) = (field(6)?, field(11)?);
    let name_start = at + HEADER_BYTES;
    let name_end = name_start.checked_add(name_bytes).ok_or_else(short)?;
    let name = bytes.get(name_start..name_end).ok_or_else(short)?;
    let name = name.strip_suffix(&[0]).ok_or(CpioError::Header(at))?;
    let name = std::str::from_utf8(name).map_err(|_| CpioError::Header(at))?;
    let start = name_end.next_multiple_of(4);
    let end = start.checked_add(size).ok_or_else(short)?;
    let contents = bytes.get(start..end).ok_or_else(short)?;
    // The last member's padding may be missing.
    let next = end.next_multiple_of(4).min(bytes.len());
    if name == TRAILER {
        return Ok((None, next));
    }
    let kind = match mode & TYPE_MASK {
        TYPE_DIRECTORY => Kind::Directory,
        TYPE_FILE => Kind::File(contents.to_vec()),
        TYPE_SYMLINK => {
            Kind::Symlink(String::from_utf8(contents.to_vec()).map_err(|_| CpioError::Header(at))?)
        }
        TYPE_CHAR => Kind::Char {
            major: number(field(9)?)?,
            minor: number(field(10)?)?,
        },
        _ => return Err(CpioError::Type(name.to_owned())),
    };
    let permissions = (mode & 0o7777) as u16;
    Ok((
        Some(Member {
            path: name.to_owned(),
            permissions,
            kind,
        }),
        next,
    ))
}
