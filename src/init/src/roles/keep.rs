//! `preroot-keep STORE BYTES EPOCH_NS [DEADLINE CONCERN]`: copies this boot's frames that are not there yet into the store on disk;
//! with all words, compares this boot's hardware with that of the last good one in it besides (`since.rs`), and says when it has stored.

mod good;
mod since;

use core::fmt::Write;

use preroot_boot::machine::Errno;
use preroot_boot::roles::STORED;
use preroot_record::{Boot, Media, Scan, Scanned, StoreError, Writer};
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{
    FallocateFlags, FileType, Mode, OFlags, SeekFrom, fallocate, fdatasync, fstat, fsync, open,
    seek,
};
use preroot_sys::io;

use self::since::{Asked, Comparison};
use super::{Stream, Words};
use crate::limits::CHUNK_BYTES;
use crate::linux::{RECORD, errno, make_directory, read_all, read_at, write_all};
use crate::statics;

/// Exits with errno: EEXIST when the store's place holds something else, ENOSPC when it is too small.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let (&[path, bytes, epoch_ns], asked) = words.split_first_chunk().ok_or(Errno::INVAL)?;
    let bytes: u64 = bytes.parse().map_err(|_| Errno::INVAL)?;
    let epoch_ns: u64 = epoch_ns.parse().map_err(|_| Errno::INVAL)?;
    let asked = match *asked {
        [] => return store(path, bytes, epoch_ns),
        [deadline, concern] => Asked::parse(deadline, concern)?,
        _ => return Err(Errno::INVAL),
    };
    let mut output = Stream::output();
    let comparison = Comparison::begin(path, &asked, &mut output);
    let stored = store(path, bytes, epoch_ns).map_or_else(|errno| errno.0, |()| 0);
    // One that cannot be written may have been read all the same.
    let _ = writeln!(Stream::output(), "{STORED}{stored}");
    comparison?.finish()
}

/// Copies what is not there yet.
fn store(path: &str, bytes: u64, epoch_ns: u64) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let record = open(RECORD, flags, Mode::empty()).map_err(errno)?;
    let chunk = statics::CHUNK.take().ok_or(Errno::INVAL)?;
    let mut filled = read_all(&record, chunk)?;
    let tag = tag(chunk.get(..filled).unwrap_or_default()).ok_or(Errno::NOENT)?;
    let boot = Boot { tag, epoch_ns };
    let mut medium = Medium::open(path, bytes)?;
    let size = medium.size;
    let mut writer = Writer::open(&mut medium, size, boot).map_err(store_errno)?;
    loop {
        let frames = chunk.get(..filled).unwrap_or_default();
        let done = writer.append(&mut medium, frames).map_err(store_errno)?;
        chunk.copy_within(done.consumed.min(filled)..filled, 0);
        filled -= done.consumed.min(filled);
        let more = read_all(&record, chunk.get_mut(filled..).unwrap_or_default())?;
        if more == 0 {
            break;
        }
        filled += more;
    }
    fdatasync(&medium.file).map_err(errno)
}

/// Whose record this is: the tag is in every frame.
fn tag(frames: &[u8]) -> Option<u32> {
    Scan::new(frames).find_map(|scanned| match scanned {
        Scanned::Frame(frame) => Some(frame.header.boot),
        _ => None,
    })
}

fn store_errno(error: StoreError<Errno>) -> Errno {
    match error {
        StoreError::Media(errno) => errno,
        StoreError::TooSmall => Errno::NOSPC,
        StoreError::NotAStore | StoreError::Newer(_) => Errno::EXIST,
    }
}

/// A file or a partition that holds a store.
struct Medium {
    file: OwnedFd,
    size: u64,
}

impl Medium {
    /// Opens it; makes the file, and the directory it lies in, when they are missing.
    fn open(path: &str, bytes: u64) -> Result<Medium, Errno> {
        // Of a block device, O_EXCL asks that nobody has it mounted or assembled into something (open(2)).
        let alone = if bytes == 0 {
            OFlags::EXCL
        } else {
            OFlags::empty()
        };
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | alone;
        let file = match open(path, flags, Mode::empty()) {
            Err(io::Errno::NOENT) if bytes > 0 => return Medium::make(path, bytes),
            other => other.map_err(errno)?,
        };
        let size = match FileType::from_raw_mode(fstat(&file).map_err(errno)?.st_mode) {
            FileType::RegularFile | FileType::BlockDevice => seek(&file, SeekFrom::End(0)),
            _ => return Err(Errno::EXIST),
        };
        let size = size.map_err(errno)?;
        if size == 0 {
            // Made, and then the power failed.
            allocate(&file, bytes)?;
            return Ok(Medium { file, size: bytes });
        }
        Ok(Medium { file, size })
    }

    fn make(path: &str, bytes: u64) -> Result<Medium, Errno> {
        let directory = path.rsplit_once('/').map(|(directory, _)| directory);
        if let Some(directory) = directory.filter(|directory| !directory.is_empty()) {
            make_directory(directory)?;
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = open(path, flags, Mode::from_raw_mode(0o600)).map_err(errno)?;
        allocate(&file, bytes)?;
        Ok(Medium { file, size: bytes })
    }
}

/// Takes all the space now, so that a full disk does not cost a record later.
fn allocate(file: &OwnedFd, bytes: u64) -> Result<(), Errno> {
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        // Files without extents (ext3, and ext4 that was one) cannot have it but by being written.
        Err(io::Errno::OPNOTSUPP) => fill(file, bytes)?,
        other => other.map_err(errno)?,
    }
    fsync(file).map_err(errno)
}

/// Zeros from the beginning on.
fn fill(file: &OwnedFd, bytes: u64) -> Result<(), Errno> {
    let zeros = [0; CHUNK_BYTES];
    let mut rest = bytes;
    while rest > 0 {
        let count = usize::try_from(rest).map_or(CHUNK_BYTES, |rest| rest.min(CHUNK_BYTES));
        write_all(file, zeros.get(..count).unwrap_or_default())?;
        rest = rest.saturating_sub(u64::try_from(count).unwrap_or(rest));
    }
    Ok(())
}

impl Media for Medium {
    type Error = Errno;

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Errno> {
        read_at(&self.file, offset, out)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
            match io::pwrite(&self.file, rest, at).map_err(errno)? {
                0 => return Err(Errno::IO),
                more => done += more,
            }
        }
        Ok(())
    }
}
