//! Whether somebody writes to the user's root disk while it is copied: what is copied then is no file system that ever was.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use preroot_qemu_tests::{Error, files};

/// Looks who has a disk open for writing, or mounted.
///
/// # Errors
/// When somebody has, and who that is; or when it is not there.
pub(crate) fn check(disk: &Path) -> Result<(), Error> {
    let failed = |source| Error::File {
        what: "look at",
        path: disk.to_owned(),
        source,
    };
    let meta = std::fs::metadata(disk).map_err(failed)?;
    let user = writer(&meta).or_else(|| loop_device(&meta));
    let user = match user {
        None if meta.file_type().is_block_device() => held(disk),
        user => user,
    };
    match user {
        None => Ok(()),
        Some(who) => Err(Error::Contents {
            path: disk.to_owned(),
            what: format!("in use: {who}; end that, or name a copy"),
        }),
    }
}

/// A process that has the file open for writing: proc_pid_fd(5), proc_pid_fdinfo(5).
fn writer(meta: &Metadata) -> Option<String> {
    let own = std::process::id().to_string();
    let pids = std::fs::read_dir("/proc").ok()?.flatten();
    let pids = pids.filter_map(|entry| entry.file_name().into_string().ok());
    let is_pid = |name: &String| name.bytes().all(|byte| byte.is_ascii_digit()) && *name != own;
    for pid in pids.filter(is_pid) {
        let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
            continue;
        };
        for fd in open.flatten() {
            let is_it = std::fs::metadata(fd.path()).is_ok_and(|other| is_same(meta, &other));
            let info = format!("/proc/{pid}/fdinfo/{}", fd.file_name().display());
            if is_it && writes(&std::fs::read_to_string(info).unwrap_or_default()) {
                let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                return Some(format!(
                    "{} (process {pid}) has it open for writing",
                    name.trim()
                ));
            }
        }
    }
    None
}

/// Whether two are one file, or one block device under two names.
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    let is_block = one.file_type().is_block_device() && other.file_type().is_block_device();
    match is_block {
        true => one.rdev() == other.rdev(),
        false => (one.dev(), one.ino()) == (other.dev(), other.ino()),
    }
}

/// Whether a descriptor can be written, by its flags, in octal.
fn writes(fdinfo: &str) -> bool {
    let flags = fdinfo.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & (OFlag::O_WRONLY | OFlag::O_RDWR).bits() != 0)
}

/// A loop device that the file is behind: `Documentation/ABI/testing/sysfs-block-loop`.
fn loop_device(meta: &Metadata) -> Option<String> {
    for device in std::fs::read_dir("/sys/block").ok()?.flatten() {
        let at = device.path().join("loop");
        let Ok(path) = std::fs::read_to_string(at.join("backing_file")) else {
            continue;
        };
        let is_it = std::fs::metadata(path.trim()).is_ok_and(|other| is_same(meta, &other));
        if is_it
            && std::fs::read_to_string(device.path().join("ro")).is_ok_and(|ro| ro.trim() == "0")
        {
            return Some(format!(
                "/dev/{} is made of it",
                device.file_name().display()
            ));
        }
    }
    None
}

/// A block device that is mounted, swap or part of something cannot be opened with O_EXCL: open(2).
fn held(disk: &Path) -> Option<String> {
    let mut exclusive = OpenOptions::new();
    exclusive.read(true).custom_flags(OFlag::O_EXCL.bits());
    let opened: std::io::Result<File> = exclusive.open(disk);
    let busy = |error: std::io::Error| error.raw_os_error() == Some(Errno::EBUSY as i32);
    if !opened.err().is_some_and(busy) {
        return None;
    }
    let name = disk.canonicalize().unwrap_or_else(|_| disk.to_owned());
    let mounts = files::read_text(Path::new("/proc/self/mounts")).unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| line.split_once(' '));
    let on = mounts.filter(|(from, _)| Path::new(from) == name);
    let on = on.filter_map(|(_, rest)| rest.split(' ').next()).next();
    Some(match on {
        Some(on) => format!("it is mounted on {on}"),
        None => "the kernel has it (a mounted partition, swap, RAID or LVM)".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    /// How often it is looked whether nobody has a file any more, and with which pauses.
    const LOOKS: usize = 600;
    const PAUSE: Duration = Duration::from_millis(10);

    #[test]
    fn flags_say_who_writes() {
        let check = |info: &str, expected| assert_eq!(writes(info), expected, "{info}");
        check("pos:\t0\nflags:\t0100000\nmnt_id:\t1\n", false);
        check("pos:\t0\nflags:\t0100001\n", true);
        check("pos:\t0\nflags:\t02100002\n", true);
        check("", false);
    }

    #[test]
    fn whoever_writes_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        std::fs::write(&disk, "").unwrap();
        let said = || check(&disk).map_err(|error| error.to_string());
        assert_eq!(said(), Ok(()));
        let open = |options: &mut OpenOptions| options.open(&disk).unwrap();
        let sleep = |stdio: Stdio| {
            Command::new("sleep")
                .arg("1000")
                .stdin(stdio)
                .spawn()
                .unwrap()
        };
        let mut reader = sleep(open(OpenOptions::new().read(true)).into());
        assert_eq!(said(), Ok(()));
        let mut writer = sleep(open(OpenOptions::new().write(true)).into());
        let expected = format!(
            "{}: in use: sleep (process {}) has it open for writing; end that, or name a copy",
            disk.display(),
            writer.id()
        );
        assert_eq!(said(), Err(expected));
        for child in [&mut reader, &mut writer] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        // A program that another test starts has all that is open here, until it is executed.
        let mut looks = (0..LOOKS).map(|_| {
            std::thread::sleep(PAUSE);
            said()
        });
        assert!(looks.any(|said| said == Ok(())));
        let missing = check(&dir.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("cannot look at"), "{missing}");
    }
}
