//! The QEMU that boots the machines: this machine's own when it is new enough, else that of Debian's backports.
//!
//! Debian 12's own, 7.2, takes more than twice the time for a boot where it translates instructions (no KVM), and a
//! machine of two processors may hang in it. The backport needs the same libraries; it is unpacked in the cache and
//! installed nowhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, Inputs};
use crate::debian;
use crate::error::Error;
use crate::progress::Progress;
use crate::release::Release;
use crate::run;
use crate::sources;

/// The program.
const PROGRAM: &str = "qemu-system-x86_64";

/// The first major version whose translator is fast enough.
const MAJOR_MIN: u32 = 9;

/// Where a newer one is.
const RELEASE: &str = "bookworm-backports";

/// The program, its modules, its firmware.
const PACKAGES: [&str; 4] = [
    "qemu-system-x86",
    "qemu-system-common",
    "qemu-system-data",
    "seabios",
];

/// A package that is not installed looks for its firmware where it would be, were it installed.
const WRAPPER: &str = "#!/bin/sh\ntree=${0%/*}/tree/usr\n\
    exec \"$tree/bin/qemu-system-x86_64\" -L \"$tree/share/seabios\" -L \"$tree/share/qemu\" \"$@\"\n";

/// Count it up with any change below that the inputs do not show.
const VERSION: &str = "1";

/// Finds or fetches it; gives what to run.
pub(crate) fn ensure(cache: &Cache, progress: &Progress) -> Result<PathBuf, Error> {
    let said = run::quiet(Command::new(PROGRAM).arg("--version")).unwrap_or_default();
    if major(&said).is_some_and(|major| major >= MAJOR_MIN) {
        return Ok(PathBuf::from(PROGRAM));
    }
    let lines = sources::backports();
    let inputs = Inputs::default()
        .add("version", VERSION)
        .add("packages", PACKAGES.join(" "))
        .add("wrapper", WRAPPER)
        .add("sources", &lines);
    let dir = cache.step(progress, "qemu", &inputs, |dir| fetch(dir, &lines))?;
    Ok(dir.join(PROGRAM))
}

/// The major version in `QEMU emulator version 7.2.22 (Debian ...)`.
fn major(said: &str) -> Option<u32> {
    let version = said.split("version ").nth(1)?;
    version.split('.').next()?.parse().ok()
}

fn fetch(dir: &Path, lines: &str) -> Result<(), Error> {
    let (packages, tree) = (dir.join("packages"), dir.join("tree"));
    let release = Release::open(&dir.join("apt"), RELEASE, lines)?;
    release.download(&packages, &PACKAGES)?;
    release.close()?;
    for package in debian::list(&packages)? {
        let mut unpack = Command::new("dpkg-deb");
        run::quiet(unpack.arg("-x").arg(&package).arg(&tree))?;
    }
    fs::remove_dir_all(&packages).map_err(|error| Error::file("remove", &packages, error))?;
    let wrapper = dir.join(PROGRAM);
    fs::write(&wrapper, WRAPPER).map_err(|error| Error::file("write", &wrapper, error))?;
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&wrapper, mode).map_err(|error| Error::file("chmod", &wrapper, error))?;
    // A library that is missing shows here, not in the first test.
    run::quiet(Command::new(&wrapper).arg("--version")).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let check = |said: &str, expected| assert_eq!(major(said), expected, "{said}");
        check(
            "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)\nCopyright",
            Some(7),
        );
        check("QEMU emulator version 10.0.2\n", Some(10));
        check("QEMU emulator version x", None);
        check("", None);
    }
}
