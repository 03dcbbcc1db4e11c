//! `preroot enter`: a shell, or a command, in the real root.
//!
//! A session sees the stage, wherever the boot is. The root is where PID 1 sees it: / itself, or /newroot while it is
//! mounted and not / yet. In the second case it has no /dev, /proc, /sys and /run: they are bound into it in a mount
//! namespace of this process' own, so that no pivot meets them.
//!
//! What is started there is the root's, and stays when the person has gone: the kernel may end it for memory like any
//! other, and its share is that of the scripts, not the rescue's.

use core::fmt::Write;

use heapless::String;
use preroot_boot::groups::{ENTERED, GROUPS, SCRIPTS};
use preroot_sys::fs::{Access, access, stat};
use preroot_sys::io::Errno;
use preroot_sys::mount::{MountPropagationFlags, mount_bind_recursive, mount_change};
use preroot_sys::process::{chdir, chroot};
use preroot_sys::{namespace, spawn};

use super::super::{Stream, Words};
use super::{REFUSED, SYSTEM};
use crate::limits::PATH_BYTES_MAX;
use crate::linux::{compose, make_directory, read, with_nul, write};

/// Where PID 1 sees a root that is not / yet.
const NEW_ROOT: &str = "/proc/1/root/newroot";
/// What a root that is not / yet lacks.
const LACKS: [&str; 4] = ["dev", "proc", "sys", "run"];
/// Where commands are.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const PATHS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// Shells, the one that people like best first.
const SHELLS: [&str; 2] = ["/bin/bash", "/bin/sh"];

/// Where the root is, as a session sees it; `None`: it is not mounted.
pub(in crate::roles) fn root() -> Option<&'static str> {
    let device = |path: &str| stat(path).map(|found| found.st_dev);
    let stage = device("/");
    let is_root = |path: &&str| device(path).is_ok() && device(path) != stage;
    [NEW_ROOT, "/proc/1/root"].into_iter().find(is_root)
}

/// Becomes the command, or a shell. Returns only if that fails.
pub(super) fn run(command: &[&'static str]) -> i32 {
    let Some(root) = root() else {
        let _ = writeln!(
            Stream::error(),
            "preroot: the root is not mounted: `preroot status` says why. `preroot retry` or `preroot continue root=DEVICE`\n\
             mounts it and boots; to look into a disk by hand: mount -o ro /dev/DISK /mnt"
        );
        return REFUSED;
    };
    leave_rescue();
    if let Err((what, errno)) = go(root) {
        let errno = errno.raw_os_error();
        let _ = writeln!(Stream::error(), "preroot: {what} {root}: errno {errno}");
        return SYSTEM;
    }
    let mut terminal = String::<80>::new();
    term(&mut terminal);
    let environment = [
        PATH,
        "HOME=/root",
        "USER=root",
        "LOGNAME=root",
        "PS1=(root)# ",
        "debian_chroot=root",
        &terminal,
    ];
    let Some(name) = command.first().copied() else {
        return shell(root, &environment);
    };
    let errno = find(name, command, &environment);
    let errno = errno.raw_os_error();
    let _ = writeln!(
        Stream::error(),
        "preroot: {name} in the real root: errno {errno}"
    );
    SYSTEM
}

/// Gives up what the rescue has for itself: its oom_score_adj and its group. A person without that is better off than one
/// who cannot enter.
fn leave_rescue() {
    let _ = write("/proc/self/oom_score_adj", b"0");
    let Some(all) = compose(format_args!("{GROUPS}/cgroup.procs")) else {
        return;
    };
    // Before the order the scripts' group is not there yet.
    let made = access(all.as_str(), Access::EXISTS).is_ok()
        && make_directory(SCRIPTS).is_ok()
        && make_directory(ENTERED).is_ok();
    let processes = compose(format_args!("{ENTERED}/cgroup.procs")).filter(|_| made);
    let _ = processes.map(|processes| write(&processes, b"0"));
}

/// Makes the root ours.
fn go(root: &str) -> Result<(), (&'static str, Errno)> {
    chdir(root).map_err(|errno| ("enter", errno))?;
    if root == NEW_ROOT {
        namespace::own_mounts().map_err(|errno| ("a namespace for", errno))?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        // They are, unless somebody has made them shared.
        let _ = mount_change(".", private);
        for name in LACKS {
            let from = compose(format_args!("/{name}"));
            // Without one of them the shell is still of use.
            let _ = from.map(|from| mount_bind_recursive(from.as_str(), name));
        }
    }
    chroot(".").map_err(|errno| ("chroot into", errno))
}

fn shell(root: &str, environment: &[&str]) -> i32 {
    let place = match root {
        NEW_ROOT => {
            "mounted, and not / yet; it has /dev, /proc, /sys and /run for this shell alone"
        }
        _ => "/ as PID 1 has it",
    };
    let _ = writeln!(
        Stream::error(),
        "In the real root: {place}. `exit` comes back to the rescue."
    );
    for path in SHELLS {
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Some(file) = with_nul::<PATH_BYTES_MAX>(path) {
            let _ = spawn::exec(file.as_c_str(), &[name], environment);
        }
    }
    let _ = writeln!(
        Stream::error(),
        "preroot: the root has no shell that runs; its files are at {root}"
    );
    SYSTEM
}

/// Becomes a command: by its path, else the first of its name.
fn find(name: &str, words: &[&'static str], environment: &[&str]) -> Errno {
    let arguments: Words = words.iter().copied().collect();
    let become_it = |path: &str| match with_nul::<PATH_BYTES_MAX>(path) {
        Some(path) => spawn::exec(path.as_c_str(), &arguments, environment),
        None => Errno::NAMETOOLONG,
    };
    if name.bytes().any(|byte| byte == b'/') {
        return become_it(name);
    }
    let mut last = Errno::NOENT;
    for directory in PATHS {
        let errno = compose(format_args!("{directory}/{name}"))
            .map_or(Errno::NAMETOOLONG, |path| become_it(&path));
        if errno != Errno::NOENT {
            last = errno;
        }
    }
    last
}

/// `TERM=` as this process has it.
fn term(out: &mut String<80>) {
    let mut bytes = [0; 4096];
    let length = read("/proc/self/environ", &mut bytes).unwrap_or(0);
    let environment = preroot_record::text(bytes.get(..length).unwrap_or_default());
    let is_term = |word: &&str| word.starts_with("TERM=");
    let word = environment.split('\0').find(is_term);
    // One that is too long is none.
    let _ = out.push_str(word.unwrap_or("TERM=linux"));
}
