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
    let mut word = |at| words.nth(at).and_then(|word| word.to_str().ok());
    if word(1) == Some(SECOND)
        && let Some(place) = word(0)
    {
        let Err(Errno(number)) = enter(&mut Linux, place) else {
            return Life::InPlace;
        };
        say(
            "pivot into the unpacked image; the root's own init goes on",
            number,
        );
        let _ = arguments.exec(INIT);
        return Life::Initramfs;
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

/// What the pivot out of the root asks of the kernel.
trait Calls {
    fn chdir(&mut self, to: &str) -> Result<(), Errno>;
    fn pivot_root(&mut self, new: &str, old: &str) -> Result<(), Errno>;
    /// umount2(2), MNT_DETACH.
    fn unmount(&mut self, at: &str) -> Result<(), Errno>;
}

struct Linux;

impl Calls for Linux {
    fn chdir(&mut self, to: &str) -> Result<(), Errno> {
        chdir(to).map_err(errno)
    }

    fn pivot_root(&mut self, new: &str, old: &str) -> Result<(), Errno> {
        pivot_root(new, old).map_err(errno)
    }

    fn unmount(&mut self, at: &str) -> Result<(), Errno> {
        unmount(at, UnmountFlags::DETACH).map_err(errno)
    }
}

/// The second life stands on the root still: makes the tmpfs / and the root /newroot. When that fails the root is / and
/// nothing covers it.
fn enter(calls: &mut impl Calls, place: &str) -> Result<(), Errno> {
    let back = compose(format_args!("/newroot{place}")).ok_or(Errno::INVAL)?;
    let entered = calls
        .chdir(place)
        .and_then(|()| calls.pivot_root(".", "newroot"))
        .and_then(|()| {
            let arrived = calls.chdir("/");
            if arrived.is_err() {
                let _ = calls.pivot_root("/newroot", &back);
            }
            arrived
        });
    if entered.is_err() {
        let _ = calls.chdir("/");
        let _ = calls.unmount(place);
        return entered;
    }
    // The kernel's own devtmpfs, where it has mounted one: the stage gets its own, of the same devices.
    let _ = calls.unmount("/newroot/dev");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    /// A root with a tmpfs in it.
    #[derive(Debug, Default)]
    struct Fake {
        calls: usize,
        fail_at: usize,
        cwd: String,
        is_in_image: bool,
        is_covered: bool,
    }

    impl Fake {
        fn call(&mut self) -> Result<(), Errno> {
            self.calls += 1;
            if self.calls == self.fail_at {
                return Err(Errno::IO);
            }
            Ok(())
        }
    }

    impl Calls for Fake {
        fn chdir(&mut self, to: &str) -> Result<(), Errno> {
            self.call()?;
            self.cwd = to.to_string();
            Ok(())
        }

        fn pivot_root(&mut self, new: &str, old: &str) -> Result<(), Errno> {
            self.call()?;
            match (self.is_in_image, new, old) {
                (false, ".", "newroot") => assert_eq!(self.cwd, "/run"),
                (true, "/newroot", "/newroot/run") => {}
                other => panic!("{other:?}"),
            }
            self.is_in_image ^= true;
            Ok(())
        }

        fn unmount(&mut self, at: &str) -> Result<(), Errno> {
            self.call()?;
            match at {
                "/run" => {
                    assert!(!self.is_in_image);
                    self.is_covered = false;
                }
                other => assert_eq!((other, self.is_in_image), ("/newroot/dev", true)),
            }
            Ok(())
        }
    }

    #[test]
    fn whichever_call_fails_the_root_is_as_it_was() {
        let mut clean = Fake::default();
        assert_eq!(enter(&mut clean, "/run"), Ok(()));
        assert!(clean.is_in_image && clean.cwd == "/");
        for fail_at in 1..=clean.calls {
            let mut fake = Fake {
                fail_at,
                is_covered: true,
                cwd: "/".to_string(),
                ..Fake::default()
            };
            let entered = enter(&mut fake, "/run");
            // A devtmpfs that is not there is nothing that failed.
            let is_last = fail_at == clean.calls;
            assert_eq!(entered.is_ok(), is_last, "call {fail_at}");
            assert_eq!(fake.is_in_image, is_last, "call {fail_at}");
            assert_eq!(fake.is_covered, is_last, "call {fail_at}");
            assert_eq!(fake.cwd, "/", "call {fail_at}");
        }
    }
}
