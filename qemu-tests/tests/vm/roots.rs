//! Roots by every name, on virtio and NVMe, and with a bad superblock.

use std::path::Path;
use std::process::Command;

use preroot_qemu_tests::{Artefacts, Disk, Error, Record, Session, Spec, bake, files, until};
use preroot_record::Fsck;

use crate::Guest;

const SUPERBLOCK_BYTES: usize = 1024;

/// Every way to name the root finds it.
#[test]
fn root_by_each_name() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    let spec = Spec::new(&artefacts).disk(&disk);
    let (number, address) = named(&artefacts, &spec, "vda")?;
    let names = [
        format!("UUID={}", artefacts.root_uuid),
        format!("/dev/disk/by-uuid/{}", artefacts.root_uuid),
        format!("PARTUUID={}", artefacts.root_partition_uuid),
        format!("PARTUUID={}/PARTNROFF=0", artefacts.root_partition_uuid),
        format!("PARTLABEL={}", artefacts.root_label),
        "/dev/vda1".to_owned(),
        "SERIAL=preroot-disk0".to_owned(),
        format!("{number}1"),
        format!("PATH=pci-{address}-part1"),
    ];
    for name in names {
        is_found_by(&artefacts, &spec, &name)?;
    }
    Ok(())
}

#[test]
fn root_by_each_name_of_an_nvme_drive() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    let spec = Spec::new(&artefacts).nvme(&disk);
    let mut guest = Guest::start(&artefacts, spec.clone().append("preroot.hold=root"))?;
    let mut session = guest.log_in()?;
    let wwn = session.ask("cat /sys/class/block/nvme0n1/wwid")?;
    // The drive itself may lie below a subsystem of several controllers, which is nowhere.
    let address = address(&mut session, "nvme/nvme0")?;
    drop(guest);
    for name in [
        format!("WWN={wwn}"),
        format!("/dev/disk/by-id/nvme-{wwn}-part1"),
        format!("/dev/disk/by-path/pci-{address}-nvme-1-part1"),
    ] {
        is_found_by(&artefacts, &spec, &name)?;
    }
    Ok(())
}

/// Two disks with the same content: an error that names both, until something else tells them apart.
#[test]
fn clones_are_named_and_told_apart() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disks = [Disk::copy(&artefacts)?, Disk::copy(&artefacts)?];
    let spec = Spec::new(&artefacts).disk(&disks[0]).nvme(&disks[1]);
    let mut guest = Guest::start(&artefacts, spec.clone())?;
    let mut session = guest.log_in()?;
    until("both disks to be named", || {
        guest.machine.check_running()?;
        let record = Record::running(&mut session)?;
        let text = record.latest()?.text();
        let line = text
            .lines()
            .find(|line| line.contains("is more than one device:"));
        let both = line.is_some_and(|line| line.contains("vda1") && line.contains("nvme0n1p1"));
        Ok(if both { Ok(()) } else { Err(text) })
    })?;
    let status = session.ask("preroot status")?;
    assert!(
        status.contains("more than one device is the root"),
        "{status}"
    );
    drop(guest);
    is_found_by(&artefacts, &spec, "SERIAL=preroot-disk1-part1")
}

/// The superblock is gone, its copies are not: found by its label once all others had the time to appear, and told to
/// e2fsck as damaged.
#[test]
fn a_lost_superblock_is_found_by_its_copy() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    let at = artefacts.root_offset + 1024;
    disk.overwrite(at, &[0; SUPERBLOCK_BYTES])?;
    let spec = Spec::new(&artefacts).disk(&disk);
    let words = "rootwait=20 preroot.hold=mount";
    let mut guest = Guest::start(&artefacts, spec.append(words))?;
    let mut session = guest.log_in()?;
    until("the check of a lost superblock", || {
        guest.machine.check_running()?;
        let record = Record::running(&mut session)?;
        let boot = record.latest()?;
        let checks = boot.checks();
        let is_mended =
            |check: &Fsck<'_>| check.reason == "damaged superblock" && check.verdict == "repaired";
        let mended = checks.iter().any(is_mended);
        Ok(if boot.did("fsck") && mended {
            Ok(())
        } else {
            Err(boot.text())
        })
    })
}

/// Directories that a root of another kind has, as mkfs.xfs(8) wants to be told.
const PROTO: &str = "/\n0 0\nd--755 0 0\ndev d--755 0 0\n$\nproc d--755 0 0\n$\nsys d--755 0 0\n$\nrun d--755 0 0\n$\n\
                     etc d--755 0 0\n$\n$\n";

#[test]
fn a_root_on_xfs() -> Result<(), Error> {
    is_mounted_unchecked("xfs", |dir, disk| {
        let proto = dir.join("proto");
        files::write(&proto, PROTO)?;
        let mut mkfs = Command::new("/sbin/mkfs.xfs");
        mkfs.args(["-q", "-f", "-L", "preroot-root", "-p"]);
        files::run(mkfs.arg(proto).arg(disk)).map(drop)
    })
}

#[test]
fn a_root_on_btrfs() -> Result<(), Error> {
    is_mounted_unchecked("btrfs", |dir, disk| {
        let tree = dir.join("tree");
        for name in ["dev", "proc", "sys", "run", "etc"] {
            files::create_directory(&tree.join(name))?;
        }
        let mut mkfs = Command::new("/sbin/mkfs.btrfs");
        mkfs.args(["-q", "-f", "-L", "preroot-root", "--rootdir"]);
        files::run(mkfs.arg(tree).arg(disk)).map(drop)
    })
}

/// A root of another kind than was planned is booted by its own rules: no program checks it, its driver makes it whole.
fn is_mounted_unchecked(
    kind: &str,
    make: impl Fn(&Path, &Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    let path = disk.path();
    make(path.parent().unwrap_or(Path::new("/")), &path)?;
    let module = format!("modules.always = [\"{kind}\"]");
    let baked = bake(&artefacts, &[&module], &artefacts.root_tree)?;
    let spec = Spec::new(&artefacts).image(&baked.image()).disk(&disk);
    let mut guest = Guest::start(&artefacts, spec.append("preroot.hold=start"))?;
    let mut session = guest.log_in()?;
    until(&format!("a root on {kind}"), || {
        guest.machine.check_running()?;
        let record = Record::running(&mut session)?;
        let boot = record.latest()?;
        let text = boot.text();
        let checks = boot.checks();
        let is_unchecked = |check: &Fsck<'_>| {
            check.reason == "its file system needs no check" && check.verdict == "not checked"
        };
        let told = format!("root vda is {kind}, not ext4");
        let is_right = checks.iter().any(is_unchecked) && text.contains(&told);
        Ok(if boot.did("pivot") && is_right {
            Ok(())
        } else {
            Err(text)
        })
    })?;
    let mounts = session.ask("grep ' / ' /proc/1/mounts")?;
    assert!(
        mounts.contains(&format!("/dev/vda / {kind} rw")),
        "{mounts}"
    );
    Ok(())
}

/// Boots until the root is /.
fn is_found_by(artefacts: &Artefacts, spec: &Spec, name: &str) -> Result<(), Error> {
    let words = format!("root={name} preroot.hold=start");
    let mut guest = Guest::start(artefacts, spec.clone().append(&words))?;
    let mut session = guest.log_in()?;
    until(&format!("root by {name}"), || {
        guest.machine.check_running()?;
        let record = Record::running(&mut session)?;
        let boot = record.latest()?;
        Ok(if boot.did("pivot") {
            Ok(())
        } else {
            Err(boot.text())
        })
    })
}

/// Major and the colon of a disk whose minor is 0, and where it is plugged in, by a boot that stops before the root.
fn named(artefacts: &Artefacts, spec: &Spec, disk: &str) -> Result<(String, String), Error> {
    let mut guest = Guest::start(artefacts, spec.clone().append("preroot.hold=root"))?;
    let mut session = guest.log_in()?;
    let number = session.ask(&format!("cat /sys/class/block/{disk}/dev"))?;
    let number = number.trim_end_matches('0').to_owned();
    Ok((number, address(&mut session, &format!("block/{disk}"))?))
}

/// The PCI address that the directory of a device, by its class and name, lies below.
fn address(session: &mut Session, device: &str) -> Result<String, Error> {
    let directory = session.ask(&format!("readlink -f /sys/class/{device}"))?;
    let mut parts = directory.split('/').rev();
    let is_address = |part: &&str| part.starts_with("0000:") && part.contains('.');
    parts
        .find(is_address)
        .map(str::to_owned)
        .ok_or_else(|| Error::unexpected(&directory))
}
