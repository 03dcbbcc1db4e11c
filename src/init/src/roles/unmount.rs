//! `preroot-unmount DIRECTORY`: unmounts it and what is mounted below; what is busy becomes read-only.
//! Swap goes first: a swap file keeps its file system busy.

use heapless::String;
use preroot_boot::machine::Errno;
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::io;
use preroot_sys::mount::{MountFlags, UnmountFlags, mount_remount, unmount};
use preroot_sys::swap::swapoff;

use super::Words;
use crate::limits::{PATH_BYTES_MAX, UNMOUNT_PASSES_MAX};
use crate::linux::{errno, with_nul};

/// How the directory itself ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unmounted,
    ReadOnly,
    Stuck(Errno),
}

/// 0: all of it is unmounted. 16 (EBUSY): it is read-only.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let [directory] = words.as_slice() else {
        return Err(Errno::INVAL);
    };
    swap_off();
    // Mounts that hold others are busy until those are gone, so each pass frees one level.
    for _ in 0..UNMOUNT_PASSES_MAX {
        let mut progress = 0;
        let mut left = 0;
        each_mount_below(directory, &mut |path| {
            if unmount(path, UnmountFlags::NOFOLLOW).is_ok() {
                progress += 1;
            } else {
                left += 1;
            }
        })?;
        if left == 0 || progress == 0 {
            break;
        }
    }
    let mut fate = Fate::Unmounted;
    each_mount_below(directory, &mut |path| {
        let flags = MountFlags::RDONLY | MountFlags::SILENT;
        let remounted = mount_remount(path, flags, c"").map_err(errno);
        // A tmpfs or a mount of the kernel's own that stays as it is harms nobody.
        if path == *directory {
            fate = remounted.map_or_else(Fate::Stuck, |()| Fate::ReadOnly);
        }
    })?;
    match fate {
        Fate::Unmounted => Ok(()),
        Fate::ReadOnly => Err(Errno::BUSY),
        Fate::Stuck(errno) => Err(errno),
    }
}

/// Ends all swapping. What cannot be brought back into memory keeps its file system from being
/// unmounted, and that is told.
fn swap_off() {
    let _ = each_path("/proc/swaps", 0, &mut |path| {
        if let Some(path) = with_nul::<PATH_BYTES_MAX>(path).filter(|_| path.starts_with('/')) {
            let _ = swapoff(path.as_c_str());
        }
    });
}

/// Hands the mount points at and below `directory` to `each` (proc(5), mountinfo: the fifth field).
fn each_mount_below(directory: &str, each: &mut dyn FnMut(&str)) -> Result<(), Errno> {
    each_path("/proc/self/mountinfo", 4, &mut |path| {
        if is_below(path, directory) {
            each(path);
        }
    })
}

/// Hands one field of each line of a table in /proc to `each`.
pub(super) fn each_path(table: &str, wanted: u32, each: &mut dyn FnMut(&str)) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = open(table, flags, Mode::empty()).map_err(errno)?;
    let mut field = Field::new(wanted);
    each_byte(&file, &mut |byte| {
        if let Some(path) = field.push(byte) {
            each(&path);
        }
    })
}

fn each_byte(file: &OwnedFd, each: &mut dyn FnMut(u8)) -> Result<(), Errno> {
    let mut buffer = [0; 1024];
    loop {
        let length = io::read(file, &mut buffer).map_err(errno)?;
        if length == 0 {
            return Ok(());
        }
        buffer.iter().take(length).copied().for_each(&mut *each);
    }
}

/// One field of the line that is being read. The kernel writes blanks in it as `\040`.
struct Field {
    /// Which one, from 0.
    wanted: u32,
    number: u32,
    path: heapless::Vec<u8, { PATH_BYTES_MAX * 4 }>,
    /// A path longer than its room is nobody's: it cannot be unmounted by name anyway.
    is_cut: bool,
}

impl Field {
    fn new(wanted: u32) -> Field {
        Field {
            wanted,
            number: 0,
            path: heapless::Vec::new(),
            is_cut: false,
        }
    }

    /// Takes a byte; at the end of the field hands it out.
    fn push(&mut self, byte: u8) -> Option<String<PATH_BYTES_MAX>> {
        match byte {
            b'\n' => *self = Field::new(self.wanted),
            b' ' => {
                self.number += 1;
                if self.number == self.wanted + 1 && !self.is_cut {
                    return unescape(&self.path);
                }
            }
            _ if self.number == self.wanted => self.is_cut |= self.path.push(byte).is_err(),
            _ => {}
        }
        None
    }
}

/// Undoes `\ooo`.
fn unescape(path: &[u8]) -> Option<String<PATH_BYTES_MAX>> {
    let mut bytes = heapless::Vec::<u8, PATH_BYTES_MAX>::new();
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..3).filter(|_| first == b'\\');
        let code = code.and_then(|digits| core::str::from_utf8(digits).ok());
        let escaped = code.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let skipped = if escaped.is_some() { 3 } else { 0 };
        bytes.push(escaped.unwrap_or(first)).ok()?;
        rest = after.get(skipped..).unwrap_or_default();
    }
    String::from_utf8(bytes).ok()
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || directory == "/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn mount_points_are_read() {
        let text = "22 1 0:21 / / rw - rootfs rootfs rw\n\
                    23 22 0:22 / /new\\040root rw,relatime - ext4 /dev/vda1 rw\n\
                    24 22 0:23 / /new\\040root/proc rw - proc proc rw\n";
        let mut field = Field::new(4);
        let paths: Vec<_> = text.bytes().filter_map(|byte| field.push(byte)).collect();
        assert_eq!(paths, ["/", "/new root", "/new root/proc"]);
    }

    #[test]
    fn swaps_are_read() {
        let text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
                    /swap\\040file                              file\t\t1048572\t\t0\t\t-2\n";
        let mut field = Field::new(0);
        let paths: Vec<_> = text.bytes().filter_map(|byte| field.push(byte)).collect();
        assert_eq!(paths, ["/swap file"]);
    }

    #[test]
    fn below_is_a_matter_of_whole_names() {
        let check = |path, directory, expected| assert_eq!(is_below(path, directory), expected);
        check("/newroot", "/newroot", true);
        check("/newroot/proc", "/newroot", true);
        check("/newroot2", "/newroot", false);
        check("/", "/newroot", false);
        check("/newroot", "/", true);
    }
}
