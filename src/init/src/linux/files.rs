//! Small files of /proc, /sys and /run, and directories.

use core::fmt::{self, Write};
use core::mem::MaybeUninit;

use heapless::{CString, String};
use preroot_boot::machine::Errno;
use preroot_sys::fd::{AsFd, OwnedFd};
use preroot_sys::fs::{CWD, Mode, OFlags, RawDir, SeekFrom, mkdir, open, openat, seek};
use preroot_sys::{io, memory};

use super::errno;
use crate::limits::{DIRECTORY_BYTES, MODALIAS_BYTES_MAX, PATH_BYTES_MAX};

/// Reads a file up to its end or that of `out`.
pub(crate) fn read(path: &str, out: &mut [u8]) -> Result<usize, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty()).map_err(errno)?;
    read_all(&file, out)
}

/// Reads up to the end or that of `out`.
pub(crate) fn read_all(file: &OwnedFd, out: &mut [u8]) -> Result<usize, Errno> {
    let mut length = 0;
    while let Some(room) = out.get_mut(length..).filter(|room| !room.is_empty()) {
        match io::read(file, room).map_err(errno)? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// The whole of a file, in memory of its own that lives as long as the process.
pub(crate) fn read_whole(file: &OwnedFd) -> Result<&'static [u8], Errno> {
    let bytes = seek(file, SeekFrom::End(0)).map_err(errno)?;
    seek(file, SeekFrom::Start(0)).map_err(errno)?;
    let bytes = usize::try_from(bytes).map_err(|_| Errno::INVAL)?;
    let buffer = memory::anonymous(bytes).map_err(errno)?;
    let length = read_all(file, buffer)?;
    Ok(buffer.get(..length).unwrap_or_default())
}

/// Writes all of it.
pub(crate) fn write_all(file: &OwnedFd, bytes: &[u8]) -> Result<(), Errno> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = io::write(file, rest).map_err(errno)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Fills `out` from `offset` on. `IO`: there is less.
pub(crate) fn read_at(file: &OwnedFd, offset: u64, out: &mut [u8]) -> Result<(), Errno> {
    let mut done = 0;
    while let Some(room) = out.get_mut(done..).filter(|room| !room.is_empty()) {
        let at = offset.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
        match io::pread(file, room, at).map_err(errno)? {
            0 => return Err(Errno::IO),
            more => done += more,
        }
    }
    Ok(())
}

/// Writes a file in one go: /proc and /sys take nothing else.
pub(crate) fn write(path: &str, bytes: &[u8]) -> Result<(), Errno> {
    // By the sticky bit udev knows what of its database outlives an initramfs (`udevadm info --cleanup-db`).
    let is_udevs = path.starts_with("/run/udev/");
    let mode = if is_udevs { 0o1644 } else { 0o644 };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::from_raw_mode(mode)).map_err(errno)?;
    let written = io::write(&file, bytes).map_err(errno)?;
    if written == bytes.len() {
        Ok(())
    } else {
        Err(Errno::IO)
    }
}

/// Adds to the end of a file.
pub(super) fn append(path: &str, bytes: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::from_raw_mode(0o644)).map_err(errno)?;
    let written = io::write(&file, bytes).map_err(errno)?;
    if written == bytes.len() {
        Ok(())
    } else {
        Err(Errno::NOSPC)
    }
}

/// mkdir(2), 0755. A directory that is there is fine.
pub(crate) fn make_directory(path: &str) -> Result<(), Errno> {
    match mkdir(path, Mode::from_raw_mode(0o755)) {
        Err(io::Errno::EXIST) | Ok(()) => Ok(()),
        Err(other) => Err(errno(other)),
    }
}

/// Hands the names in a directory to `each`, but `.` and `..`, and what is no UTF-8.
pub(crate) fn names(
    directory: impl AsFd,
    path: &str,
    each: &mut dyn FnMut(&OwnedFd, &str),
) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = openat(directory, path, flags, Mode::empty()).map_err(errno)?;
    let mut buffer = [MaybeUninit::uninit(); DIRECTORY_BYTES];
    let mut entries = RawDir::new(&open, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(errno)?;
        match entry.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => each(&open, name),
        }
    }
    Ok(())
}

/// Hands every modalias under /sys/bus/BUS/devices to `each`, for the buses that are `wanted`. Devices come and go
/// meanwhile, so one that cannot be read is passed over.
pub(super) fn modaliases(
    wanted: &dyn Fn(&str) -> bool,
    each: &mut dyn FnMut(&str),
) -> Result<(), Errno> {
    names(CWD, "/sys/bus", &mut |buses, bus| {
        if !wanted(bus) {
            return;
        }
        let Some(devices) = compose(format_args!("{bus}/devices")) else {
            return;
        };
        let _ = names(buses, &devices, &mut |devices, device| {
            if let Some(path) = compose(format_args!("{device}/modalias")) {
                modalias(devices, &path, each);
            }
        });
    })
}

fn modalias(devices: &OwnedFd, path: &str, each: &mut dyn FnMut(&str)) {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(file) = openat(devices, path, flags, Mode::empty()) else {
        return;
    };
    let mut buffer = [0; MODALIAS_BYTES_MAX];
    let Ok(length) = io::read(&file, &mut buffer) else {
        return;
    };
    let text = buffer.get(..length).unwrap_or_default();
    let text = core::str::from_utf8(text)
        .unwrap_or_default()
        .trim_ascii_end();
    if !text.is_empty() {
        each(text);
    }
}

/// A composed path; `None` when it is too long to be one.
pub(crate) fn compose(words: fmt::Arguments<'_>) -> Option<String<PATH_BYTES_MAX>> {
    let mut path = String::new();
    path.write_fmt(words).ok()?;
    Some(path)
}

/// A text with its NUL; `None` when it is too long or has one inside.
pub(crate) fn with_nul<const N: usize>(text: &str) -> Option<CString<N>> {
    let mut out = CString::new();
    out.extend_from_bytes(text.as_bytes()).ok()?;
    (out.as_bytes().len() == text.len()).then_some(out)
}
