//! Finding the root on the fake machine.

use std::boxed::Box;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::{boot, command_line, draft, names};
use crate::fake::{Behaviour, Fake};
use crate::roles;

/// Boots with these lines of probes, one a device.
fn with(lines: &[&'static str], change: impl FnOnce(&mut Fake)) -> Fake {
    boot(&draft(), |fake| {
        fake.disks.clear();
        fake.volumes.clear();
        for line in lines {
            let name = line.split('\t').next().unwrap();
            fake.disks.push(name);
            fake.volumes.insert(name.to_string(), line.to_string());
        }
        change(fake);
    })
}

fn says(fake: &Fake, words: &str) -> bool {
    fake.said.iter().any(|line| line.contains(words))
}

const SDA: &str = "sda1\ttype=ext4\tlabel=root\tuuid=0a-b\tpartuuid=c1\tpart=1\tdisk=sda\tnumber=8:1\tserial=SN1\t\
                   wwn=naa.5000\tpath=pci-1-ata-1.0";
const SDB: &str = "sdb1\ttype=ext4\tlabel=root\tuuid=0a-b\tpartuuid=c1\tpart=1\tdisk=sdb\tnumber=8:17\tserial=SN2\t\
                   wwn=naa.5001\tpath=pci-1-ata-2.0";

/// Of two disks with the same content each name that both have is an error that names them; what tells
/// them apart finds the one.
#[test]
fn clones_are_told_apart_or_named() {
    for spec in [
        "LABEL=root",
        "UUID=0A-B",
        "PARTUUID=c1",
        "/dev/disk/by-uuid/0a-b",
    ] {
        let fake = with(&[SDA, SDB], |fake| {
            command_line(fake, &format!("root={spec}"))
        });
        let words = format!("{spec} is more than one device: sda1 sdb1");
        assert!(says(&fake, &words), "{spec}: {:#?}", fake.said);
        assert!(fake.recorded(&words), "{spec}");
        assert!(fake.recorded("there is sdb1 8:17 ext4 UUID=0a-b"), "{spec}");
        assert!(says(
            &fake,
            "RESCUE: root: more than one device is the root"
        ));
        assert!(!names(&fake).contains(&"preroot-mount".to_string()));
    }
    for spec in [
        "SERIAL=SN2",
        "WWN=0x5001",
        "PATH=pci-1-ata-2.0-part1",
        "/dev/disk/by-path/pci-1-ata-2.0-part1",
        "/dev/disk/by-id/wwn-0x5001-part1",
        "8:17",
        "0811",
        "/dev/sdb1",
    ] {
        let fake = with(&[SDA, SDB], |fake| {
            command_line(fake, &format!("root={spec}"))
        });
        let words = format!("root {spec} is sdb1 (ext4)");
        assert!(says(&fake, &words), "{spec}: {:#?}", fake.said);
    }
}

/// A disk whose driver is in the kernel is there first; the clone comes with a module that still loads, or that has loaded
/// and whose device waits to be heard of.
#[test]
fn the_first_there_is_not_taken_while_drivers_load() {
    for hears_late in [false, true] {
        let fake = with(&[SDB], |fake| {
            fake.builtin_disks.push("sda1");
            fake.volumes.insert("sda1".to_string(), SDA.to_string());
            fake.hears_late = hears_late;
        });
        assert!(
            says(&fake, "more than one device: sda1 sdb1"),
            "{:#?}",
            fake.said
        );
    }
}

/// A disk that was wiped still has copies: it waits for the one that has the superblock.
#[test]
fn copies_are_believed_last() {
    const LOST: &str =
        "sda1\ttype=ext4\tlabel=root\tpartuuid=c1\tdue=lost\tbackup=32768\tblocksize=4096";
    let waited_s = |fake: &Fake| {
        let record = fake.record();
        let found = record
            .iter()
            .find_map(|event| event.split("waited_ns: ").nth(1));
        let digits: String = found
            .unwrap()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse::<u64>().unwrap() / crate::limits::SECOND_NS
    };
    for (line, least_s) in [
        ("quiet", 30),
        ("rootwait", 30),
        ("rootwait=7", 7),
        ("root=PARTUUID=c1", 0),
        ("root=/dev/sda1", 0),
    ] {
        let fake = with(&[LOST], |fake| command_line(fake, line));
        assert!(says(&fake, "is sda1 (ext4)"), "{line}: {:#?}", fake.said);
        assert!(names(&fake).contains(&"e2fsck".to_string()), "{line}");
        assert_eq!(waited_s(&fake), least_s, "{line}");
    }
    let fake = with(&[LOST, SDB], |_| {});
    assert!(says(&fake, "is sdb1 (ext4)"), "{:#?}", fake.said);
    assert_eq!(waited_s(&fake), 0);
    let other = "sdc1\ttype=ext4\tlabel=root\tdue=lost";
    let fake = with(&[LOST, other], |_| {});
    assert!(
        says(&fake, "more than one device: sda1 sdc1"),
        "{:#?}",
        fake.said
    );
}

/// Nothing is left of the superblock or its copies: what the plan says it is, e2fsck is told.
#[test]
fn what_is_on_a_named_partition_is_the_plans_word() {
    let named = |kind: &'static str| {
        let line = "sda1\tpartuuid=c1\tpart=1\tdisk=sda\tbytes=4096";
        with(&[line], |fake| {
            command_line(fake, &format!("root=PARTUUID=c1 rootfstype={kind}"));
        })
    };
    assert!(names(&named("ext4")).contains(&"e2fsck".to_string()));
    assert!(!names(&named("xfs")).contains(&"e2fsck".to_string()));
}

#[test]
fn what_has_gone_while_it_was_looked_at_is_not_heard() {
    let held = |fake: &mut Fake, words: &[&'static str]| {
        command_line(fake, "preroot.hold=root");
        fake.volumes.insert("sdb1".to_string(), SDB.to_string());
        fake.operator.extend(words);
        fake.operator.push_back("continue");
    };
    let fake = with(&[SDA], |fake| held(fake, &["flash sdb1"]));
    assert!(says(&fake, "is sda1 (ext4)"), "{:#?}", fake.said);
    let fake = with(&[SDA], |fake| held(fake, &["flash sdb1", "attach sdb1"]));
    assert!(
        says(&fake, "more than one device: sdb1 sda1"),
        "{:#?}",
        fake.said
    );
}

/// A disk that has gone is not blamed for the child that hung on it.
#[test]
fn what_has_gone_is_not_blamed() {
    let fake = with(&[SDA], |fake| {
        command_line(fake, "preroot.hold=early");
        fake.behaviours
            .insert(roles::PROBE.to_string(), Behaviour::Undying);
        fake.operator.extend(["flash sdb", "continue"]);
    });
    assert!(!says(&fake, "disk sdb"), "{:#?}", fake.said);
    assert!(says(&fake, "disk sda1 does not answer"), "{:#?}", fake.said);
}

#[test]
fn names_with_a_slash_are_one_device() {
    let fake = boot(&draft(), |fake| {
        fake.disks = Vec::from(["cciss!c0d0p1"]);
        let line = "cciss/c0d0p1\ttype=ext4\tlabel=root";
        fake.volumes
            .insert("cciss/c0d0p1".to_string(), line.to_string());
    });
    assert!(
        says(&fake, "root LABEL=root is cciss/c0d0p1"),
        "{:#?}",
        fake.said
    );
    let mount = fake
        .spawned
        .iter()
        .find(|line| line.starts_with("preroot-mount"));
    assert!(mount.unwrap().contains(" /dev/cciss/c0d0p1 "), "{mount:?}");
}

#[test]
fn hundreds_of_devices_are_all_looked_at() {
    for last in [200, 250] {
        let lines: Vec<&'static str> = (0..last)
            .map(|number| format!("vd{number}\ttype=ext4\tlabel=l{number}"))
            .map(|line| &*Box::leak(line.into_boxed_str()))
            .collect();
        let root = format!("root=LABEL=l{}", last - 1);
        let fake = with(&lines, |fake| command_line(fake, &root));
        let words = format!("is vd{} (ext4)", last - 1);
        assert!(says(&fake, &words), "{:#?}", fake.said);
        assert!(fake.recorded("Verdict { word: \"OK\""));
    }
}

/// An array that has its name and is not started has no bytes: it is waited for, not checked.
#[test]
fn what_has_no_bytes_yet_is_not_the_root() {
    let check = |line: &'static str, found: bool| {
        let fake = with(&[line], |fake| {
            command_line(fake, "root=/dev/md/root rootwait=5")
        });
        assert_eq!(
            fake.recorded("RootFound"),
            found,
            "{line}: {:#?}",
            fake.said
        );
        assert_eq!(says(&fake, "root: root was not found"), !found, "{line}");
    };
    check("md127\tmapper=md/root\tdisk=md127\tbytes=0", false);
    check("md127\tmapper=md/root\tdisk=md127\terrno=6", false);
    check("md127\tmapper=md/root\tdisk=md127\tbytes=4096", true);
}
