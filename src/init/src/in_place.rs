//! In place: the kernel has mounted the root itself and started us from it (`init=/sbin/preroot-init`, no initramfs).
//!
//! A first life unpacks the same archive that an initramfs would be (`/usr/lib/preroot/image`, not compressed) into a tmpfs and
//! executes the `/init` in it. That second life pivots into the tmpfs, and what follows is the boot of any initramfs, with
//! one thing more to do: the root at /newroot is mounted already, and has to go before it can be checked.
//!
//! A root without a good archive is left to its own init: the machine boots as if preroot had never been there.

use preroot_boot::machine::Errno;
use preroot_sys::entry::Arguments;
use preroot_sys::fs::{Mode, OFlags, mkdir, open, statfs, symlink};
use preroot_sys::io;
use preroot_sys::mount::{MountFlags, UnmountFlags, mount, unmount};
use preroot_sys::process::{chdir, pivot_root};

use crate::cpio::{Archive, Member};
use crate::last_stand::epitaph;
use crate::linux::{compose, errno, read_whole, with_nul, write_all};

/// The image on the root.
const ARCHIVE: &str = "/usr/lib/preroot/image";
/// What the second life is told, as its first argument.
const SECOND: &str = "preroot.in-place";
/// Directories that a root has, one of which the tmpfs covers until it is /.
const PLACES: [&str; 3] = ["/run", "/mnt", "/tmp"];
/// The root's own init, when we cannot do our part.
const INIT: &core::ffi::CStr = c"/sbin/init";
/// RAMFS_MAGIC and TMPFS_MAGIC of the kernel's magic.h: what a rootfs is.
const ROOTFS: [u64; 2] = [0x8584_58f6, 0x0102_1994];

/// Where PID 1 was started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// An initramfs.
    Initramfs,
    /// The root: it is at /newroot now.
    InPlace,
}

/// Finds out which life this is, and if it is the first in place, ends it by the second one. Returns where there is
/// a stage to stand on.
pub fn begin(arguments: Arguments) -> Life {
    let mut words = arguments;
    let second = words.nth(1).and_then(|word| word.to_str().ok()) == Some(SECOND);
    if second {
        if let Err(Errno(number)) = enter(words) {
            say("pivot into the unpacked image", number);
        }
        return Life::InPlace;
    }
    let on_rootfs = statfs("/")
        .is_ok_and(|root| u64::try_from(root.f_type).is_ok_and(|magic| ROOTFS.contains(&magic)));
    if on_rootfs {
        return Life::Initramfs;
    }
    let Errno(number) = match unpack() {
        Ok(place) => start(place),
        Err(failed) => failed,
    };
    say(
        "unpack /usr/lib/preroot/image; the root's own init goes on",
        number,
    );
    let _ = arguments.exec(INIT);
    Life::Initramfs
}

fn say(what: &str, number: u16) {
    if let Some(line) = compose(format_args!("<2>preroot: in place: {what}: errno {number}")) {
        epitaph(&line);
    }
}

/// Unpacks the archive over a directory; says which.
fn unpack() -> Result<&'static str, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = open(ARCHIVE, flags, Mode::empty()).map_err(errno)?;
    let archive = read_whole(&file)?;
    // All of it is looked through before anything is covered.
    for member in Archive::new(archive) {
        member?;
    }
    let mount_at = |place: &&&str| {
        let flags = MountFlags::NOSUID;
        mount("tmpfs", **place, "tmpfs", flags, c"mode=0755").is_ok()
    };
    let place = PLACES.iter().find(mount_at).ok_or(Errno::NOENT)?;
    for member in Archive::new(archive) {
        make(place, &member?)?;
    }
    Ok(place)
}

/// Makes one member below a directory. What the kernel makes itself (devices) is left to it.
fn make(place: &str, member: &Member<'_>) -> Result<(), Errno> {
    let path = compose(format_args!("{place}/{}", member.path)).ok_or(Errno::INVAL)?;
    let mode = Mode::from_raw_mode(member.mode & 0o7777);
    let made = match member.mode & 0o170_000 {
        0o040_000 => mkdir(path.as_str(), mode),
        0o120_000 => {
            let target = core::str::from_utf8(member.bytes).map_err(|_| Errno::INVAL)?;
            symlink(target, path.as_str())
        }
        0o100_000 => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
            let file = open(path.as_str(), flags, mode).map_err(errno)?;
            return write_all(&file, member.bytes);
        }
        _ => Ok(()),
    };
    match made {
        Ok(()) | Err(io::Errno::EXIST) => Ok(()),
        Err(other) => Err(errno(other)),
    }
}

/// Becomes the second life. Returns only if that fails.
fn start(place: &str) -> Errno {
    let path = compose(format_args!("{place}/init"));
    let Some(path) = path.and_then(|path| with_nul::<64>(&path)) else {
        return Errno::INVAL;
    };
    let arguments = ["/init", SECOND, place];
    errno(preroot_sys::spawn::exec(path.as_c_str(), &arguments, &[]))
}

/// The second life stands on the root still: makes the tmpfs / and the root /newroot.
fn enter(mut words: Arguments) -> Result<(), Errno> {
    let place = words.next().and_then(|word| word.to_str().ok());
    let place = place.ok_or(Errno::INVAL)?;
    chdir(place).map_err(errno)?;
    pivot_root(".", "newroot").map_err(errno)?;
    chdir("/").map_err(errno)?;
    // The kernel's own devtmpfs, where it has mounted one: the stage gets its own, of the same devices.
    let _ = unmount("/newroot/dev", UnmountFlags::DETACH);
    Ok(())
}
