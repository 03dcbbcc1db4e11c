//! The partition that holds a record: found by its name, as the kernel tells it, so that no link below /dev is needed.

use std::fs;
use std::path::{Path, PathBuf};

use preroot_plan::STORE_PARTLABEL;

/// Where the kernel lists block devices.
const BLOCK_DEVICES: &str = "/sys/class/block";

/// The device node of the partition called [`STORE_PARTLABEL`]; of several, the first by name.
pub(crate) fn find() -> Option<PathBuf> {
    find_in(Path::new(BLOCK_DEVICES)).map(|name| Path::new("/dev").join(name))
}

/// Its name in such a list (`DEVNAME` and `PARTNAME` of `uevent`: the kernel's block/partitions/core.c).
fn find_in(devices: &Path) -> Option<String> {
    let mut names: Vec<String> = fs::read_dir(devices)
        .ok()?
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("uevent")).ok())
        .filter_map(|uevent| {
            let value = |key: &str| uevent.lines().find_map(|line| line.strip_prefix(key));
            let is_ours = value("PARTNAME=") == Some(STORE_PARTLABEL);
            value("DEVNAME=").filter(|_| is_ours).map(str::to_owned)
        })
        .collect();
    names.sort();
    names.into_iter().next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn a_partition_is_known_by_its_name() {
        let check = |devices: &[(&str, &str)], expected: Option<&str>| {
            let dir = tempfile::tempdir().unwrap();
            for (name, uevent) in devices {
                fs::create_dir(dir.path().join(name)).unwrap();
                fs::write(dir.path().join(name).join("uevent"), uevent).unwrap();
            }
            assert_eq!(find_in(dir.path()).as_deref(), expected, "{devices:?}");
        };
        let disk = ("sda", "MAJOR=8\nMINOR=0\nDEVNAME=sda\nDEVTYPE=disk\n");
        let root = (
            "sda1",
            "DEVNAME=sda1\nDEVTYPE=partition\nPARTN=1\nPARTNAME=root\n",
        );
        let log = (
            "sda2",
            "DEVNAME=sda2\nDEVTYPE=partition\nPARTN=2\nPARTNAME=preroot-log\n",
        );
        let other = ("sda3", "DEVNAME=sda3\nPARTNAME=preroot-log-old\n");
        let twin = (
            "cciss!c0d0p2",
            "DEVNAME=cciss/c0d0p2\nPARTNAME=preroot-log\n",
        );
        check(&[], None);
        check(&[disk, root, other], None);
        check(&[disk, other, log, root], Some("sda2"));
        check(&[log, twin], Some("cciss/c0d0p2"));
        assert_eq!(find_in(Path::new("/nonexistent")), None);
    }
}
