//! `preroot-mount DEVICE TYPE MODE OPTIONS DIRECTORY`: mounts a root, and sees that it can be pivoted into.
//!
//! A root that is not as it should be is booted all the same where that harms nobody, and a line says so:
//!
//! | what is wrong | what is done |
//! |---|---|
//! | the device cannot be written | mounted `ro` |
//! | the kernel refuses the options | mounted without those that only the file system knows |
//! | /dev, /proc, /sys or /run is missing | made; on a root that is read-only or full: unmounted again, errno |
//! | no room | said |

use core::fmt::Write;

use heapless::String;
use preroot_boot::machine::Errno;
use preroot_boot::roles::{NO_PLACE, READ_ONLY};
use preroot_sys::fs::{FileType, Mode, lstat, mkdir, statvfs, symlink};
use preroot_sys::io;
use preroot_sys::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::options::Options;
use super::{Stream, Words};
use crate::limits::{ROOT_FREE_BYTES_MIN, ROOT_FREE_INODES_MIN};
use crate::linux::{compose, errno};

/// What moves into a root.
const PLACES: [&str; 4] = ["dev", "proc", "sys", "run"];

/// MODE stands above an `ro` or `rw` in the options.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let [device, kind, mode, options, directory] = words.as_slice() else {
        return Err(Errno::INVAL);
    };
    let mut options = Options::parse(options)?;
    match *mode {
        "ro" => options.flags.insert(MountFlags::RDONLY),
        "rw" => options.flags.remove(MountFlags::RDONLY),
        _ => return Err(Errno::INVAL),
    }
    let mut output = Stream::output();
    mount_somehow(device, kind, directory, &mut options, &mut output)?;
    if let Err(failed) = make_places(directory, &mut output) {
        let _ = unmount(*directory, UnmountFlags::DETACH);
        return Err(failed);
    }
    if !options.flags.contains(MountFlags::RDONLY) {
        make_mtab(directory);
        tell_room(directory, &mut output);
    }
    Ok(())
}

/// Mounts it as asked; if the kernel will not, as it will.
fn mount_somehow(
    device: &str,
    kind: &str,
    directory: &str,
    options: &mut Options,
    output: &mut Stream,
) -> Result<(), Errno> {
    let mut refused = String::<200>::new();
    loop {
        let mounted = mount(device, directory, kind, options.flags, options.data());
        match mounted {
            Ok(()) => break,
            // As mount(8) does.
            Err(io::Errno::ACCESS | io::Errno::ROFS)
                if !options.flags.contains(MountFlags::RDONLY) =>
            {
                options.flags.insert(MountFlags::RDONLY);
                // Whoever reads has gone, here and below: the exit code is still heard.
                let _ = writeln!(output, "{READ_ONLY}: its device cannot be written");
            }
            Err(io::Errno::INVAL) if refused.is_empty() => {
                refused = options.give_up();
                if refused.is_empty() {
                    return Err(Errno::INVAL);
                }
            }
            Err(other) => return Err(errno(other)),
        }
    }
    if !refused.is_empty() {
        let _ = writeln!(
            output,
            "root is mounted without {refused}: the kernel refuses that"
        );
    }
    Ok(())
}

/// Makes the mount points that are missing.
fn make_places(root: &str, output: &mut Stream) -> Result<(), Errno> {
    for place in PLACES {
        let path = compose(format_args!("{root}/{place}")).ok_or(Errno::INVAL)?;
        // What leads elsewhere would lead out of the root, which is not / yet.
        let found = match lstat(path.as_str()) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => continue,
            Ok(_) => Err(io::Errno::NOTDIR),
            Err(io::Errno::NOENT) => mkdir(path.as_str(), Mode::from_raw_mode(0o755)),
            Err(other) => Err(other),
        };
        match found {
            Ok(()) => {
                let _ = writeln!(output, "root had no /{place}: made");
            }
            Err(failed) => {
                let failed = errno(failed);
                let _ = writeln!(output, "{NO_PLACE}/{place}: errno {}", failed.0);
                return Err(failed);
            }
        }
    }
    Ok(())
}

/// /etc/mtab as Debian's checkroot.sh makes it, which is not run for a root that is checked already. A root that
/// has one, or no /etc, is left as it is.
fn make_mtab(root: &str) {
    if let Some(path) = compose(format_args!("{root}/etc/mtab")) {
        let _ = symlink("/proc/mounts", path.as_str());
    }
}

/// Says it where there is hardly any room left for those who are not root. A file system that has no fixed number of
/// inodes says 0 of 0.
fn tell_room(root: &str, output: &mut Stream) {
    let Ok(room) = statvfs(root) else { return };
    let bytes = room.f_bavail.saturating_mul(room.f_frsize);
    if bytes < ROOT_FREE_BYTES_MIN {
        let _ = writeln!(output, "root is full: {} KiB free", bytes >> 10);
    }
    if room.f_files > 0 && room.f_favail < ROOT_FREE_INODES_MIN {
        let _ = writeln!(output, "root is full: {} inodes free", room.f_favail);
    }
}
