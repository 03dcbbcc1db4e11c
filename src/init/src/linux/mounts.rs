//! The early file systems, the stage and the rescue's root.
//!
//! ```text
//! rootfs            nobody sees it any more; Linux 7.0: a nullfs
//! `- stage          the same files, bound: this mount has a parent, so pivot_root(2) takes it; Linux 7.0: the rootfs
//!    |- dev proc sys run
//!    `- rescue      the stage and what is mounted in it, bound once more: sshd's root, which no pivot moves
//! ```

use core::ffi::CStr;

use preroot_boot::groups::GROUPS;
use preroot_boot::machine::{EarlyMount, Errno, Ground};
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, chmod, open};
use preroot_sys::io;
use preroot_sys::mount::{
    MountFlags, UnmountFlags, mount, mount_bind_recursive, mount_move, unmount,
};
use preroot_sys::parent::{self, Parent};
use preroot_sys::process::{chdir, chroot};

use super::errno;
use super::files::{make_directory, write};

const STAGE: &str = "/mnt";
const RESCUE: &str = "/rescue";

/// What PID 1 stands on. A kernel that cannot say has a rootfs without a parent.
pub(super) fn ground() -> Ground {
    match parent::of_root() {
        Ok(Parent::Another) => Ground::Mount,
        Ok(Parent::Itself) | Err(_) => Ground::Rootfs,
    }
}

/// Makes the initramfs a mount that can be pivoted away from: the rootfs itself cannot be, before Linux 7.0.
pub(super) fn make_stage(ground: Ground) -> Result<(), Errno> {
    if ground == Ground::Rootfs {
        mount_bind_recursive("/", STAGE).map_err(errno)?;
        // From here on the order matters: the cwd must be the new root before it is moved over the old one.
        chdir(STAGE).map_err(errno)?;
        mount_move(".", "/").map_err(errno)?;
        chroot(".").map_err(errno)?;
        chdir("/").map_err(errno)?;
    }
    // The kernel makes its rootfs 1777, and the stage can be seen by every user of the root.
    chmod("/", Mode::from_raw_mode(0o755)).map_err(errno)
}

/// Binds everything to the rescue's root and opens that.
pub(super) fn make_rescue_root() -> Result<OwnedFd, Errno> {
    mount_bind_recursive("/", RESCUE).map_err(errno)?;
    open(
        RESCUE,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(errno)
}

/// In place the root is mounted already, and was bound with everything else: a copy that would keep it in use.
pub(super) fn leave_root_out() -> Result<(), Errno> {
    unmount("/rescue/newroot", UnmountFlags::DETACH).map_err(errno)
}

/// Mounts one of the early file systems and makes what belongs into it.
pub(super) fn mount_early(which: EarlyMount) -> Result<(), Errno> {
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    match which {
        EarlyMount::Proc => {
            mount_one("proc", "/proc", quiet, c"")?;
            // Else the kernel drops what is said quickly. A kernel without this setting says it all.
            let _ = write("/proc/sys/kernel/printk_devkmsg", b"on\n");
            Ok(())
        }
        EarlyMount::Sys => mount_one("sysfs", "/sys", quiet, c""),
        EarlyMount::Dev => mount_one("devtmpfs", "/dev", MountFlags::NOSUID, c"mode=0755"),
        EarlyMount::Pts => {
            make_directory("/dev/pts")?;
            let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
            mount_one(
                "devpts",
                "/dev/pts",
                flags,
                c"gid=5,mode=0620,ptmxmode=0666",
            )
        }
        EarlyMount::Groups => {
            make_directory(GROUPS)?;
            mount_one("cgroup2", GROUPS, quiet, c"")
        }
        EarlyMount::Run => {
            let flags = MountFlags::NOSUID | MountFlags::NODEV;
            mount_one("tmpfs", "/run", flags, c"mode=0755")?;
            make_directory("/run/preroot")?;
            make_directory("/run/preroot/stage")?;
            make_directory("/run/initramfs")?;
            // Debian's bootclean takes a /run without this for one on disk and empties it, mounts and
            // all (/lib/init/bootclean.sh).
            write("/run/.tmpfs", b"")
        }
    }
}

fn mount_one(kind: &str, target: &str, flags: MountFlags, data: &CStr) -> Result<(), Errno> {
    match mount(kind, target, kind, flags, data) {
        // It is there already: this stage is tried again.
        Err(io::Errno::BUSY) | Ok(()) => Ok(()),
        Err(other) => Err(errno(other)),
    }
}
