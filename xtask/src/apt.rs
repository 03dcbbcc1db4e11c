//! The host's own packages: what is missing is installed, with root rights where we have them,
//! else the one command that a person has to run is said.

use std::process::Command;

use crate::error::Error;
use crate::progress::Progress;
use crate::run;

/// What the host needs, and for what.
const PACKAGES: [(&str, &str); 19] = [
    ("qemu-system-x86", "boots the machines"),
    ("mmdebstrap", "makes the Debian root"),
    (
        "e2fsprogs",
        "makes, damages and reads the root's file system",
    ),
    ("xfsprogs", "makes a root of another kind"),
    ("btrfs-progs", "makes a root of another kind"),
    ("fdisk", "writes the disk's partition table"),
    ("openssh-client", "logs in to the machines"),
    ("dropbear-bin", "makes the rescue sshd's host key"),
    ("musl-tools", "builds dropbear with other algorithms"),
    ("make", "builds dropbear"),
    ("patch", "builds dropbear"),
    ("bzip2", "unpacks dropbear's source"),
    ("insserv", "the peer that start orders are compared with"),
    ("startpar", "the peer that start times are compared with"),
    (
        "dmidecode",
        "the peer that tables of the firmware are compared with",
    ),
    (
        "kmod",
        "lists the modules of a kernel that is not installed",
    ),
    ("zstd", "looks into images"),
    ("lz4", "looks into images"),
    ("cpio", "looks into images"),
];

/// Makes sure that every package is there.
pub(crate) fn ensure(progress: &Progress) -> Result<(), Error> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !is_installed(name))
        .collect();
    if missing.is_empty() {
        progress.kept("host packages");
        return Ok(());
    }
    let prefix = root_prefix().ok_or_else(|| Error::Machine {
        what: format!("missing on this machine: {}", missing.join(" ")),
        remedy: format!(
            "sudo apt-get install -y --no-install-recommends {}",
            missing.join(" ")
        ),
    })?;
    let begun = progress.begin(&format!("host packages: {}", missing.join(" ")));
    let result = install(&prefix, &missing);
    match result {
        Ok(()) => begun.done(),
        Err(_) => begun.failed(),
    }
    result
}

/// How to run something as root without being asked anything: nothing to add, `sudo -n`, or not
/// at all.
pub(crate) fn root_prefix() -> Option<Vec<&'static str>> {
    let user = run::quiet(Command::new("id").arg("-u")).unwrap_or_default();
    if user.trim() == "0" {
        return Some(Vec::new());
    }
    run::succeeds(Command::new("sudo").args(["-n", "true"])).then(|| vec!["sudo", "-n"])
}

/// A command that runs with root rights.
pub(crate) fn as_root(prefix: &[&str], program: &str) -> Command {
    match prefix.split_first() {
        None => Command::new(program),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}

fn is_installed(name: &str) -> bool {
    let query = ["-W", "-f", "${db:Status-Status}", name];
    run::output(Command::new("dpkg-query").args(query))
        .is_ok_and(|output| output.stdout == b"installed")
}

fn install(prefix: &[&str], missing: &[&str]) -> Result<(), Error> {
    let apt_get = || {
        // `env` passes the variable through sudo too.
        let mut command = as_root(prefix, "env");
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]);
        command
    };
    let mut install = apt_get();
    install
        .args(["install", "-y", "--no-install-recommends"])
        .args(missing);
    if run::quiet(&mut install).is_ok() {
        return Ok(());
    }
    // A fresh machine has no package lists yet, or old ones.
    run::quiet(apt_get().arg("update"))?;
    run::quiet(&mut install).map(drop)
}
