//! The check of the root on the fake machine.

use std::boxed::Box;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use preroot_plan::{Draft, Holders, Repair};

use super::{boot, draft};
use crate::Origin;
use crate::fake::{Behaviour, Fake};
use crate::fsck::LOG;

/// A root that is due, with 137 files by its superblock, and what e2fsck does about it.
fn checked(repair: Repair, behaviour: Behaviour) -> Fake {
    boot(&Draft { repair, ..draft() }, |fake| {
        let line = "vda1\ttype=ext4\tlabel=root\tdue=unclean\tfiles=137";
        fake.volumes.insert("vda1".to_string(), line.to_string());
        fake.behaviours.insert("e2fsck".to_string(), behaviour);
    })
}

fn says(fake: &Fake, words: &str) -> usize {
    fake.said.iter().filter(|line| line.contains(words)).count()
}

#[test]
fn the_check_follows_its_table() {
    let cases: [(Repair, u8, &[&str], &str); 6] = [
        (Repair::Preen, 0, &["-p"], "OK"),
        (Repair::Preen, 1, &["-p"], "DEGRADED"),
        (Repair::Preen, 4, &["-p"], "RESCUE"),
        (Repair::Yes, 4, &["-p", "-y"], "RESCUE"),
        (Repair::No, 4, &["-n"], "RESCUE"),
        (Repair::Yes, 8, &["-p"], "RESCUE"),
    ];
    for (repair, code, expected, word) in cases {
        let fake = checked(repair, Behaviour::Exits(code, "said\n", 50));
        let ran: Vec<&str> = fake
            .spawned
            .iter()
            .filter_map(|line| line.strip_prefix("e2fsck ")?.split(' ').next())
            .collect();
        assert_eq!(ran, expected, "{repair:?} {code}");
        assert!(
            fake.recorded(&format!("Verdict {{ word: \"{word}\"")),
            "{:#?}",
            fake.record()
        );
        assert!(fake.recorded("Output { source: Fsck"));
    }
}

#[test]
fn what_a_repair_cost_is_told() {
    let cases = [
        ("", "root vda1 was repaired"),
        // Not a word about what it did: only its count tells.
        (
            "/dev/vda1: 105/16384 files (0.0% non-contiguous), 9606/65536 blocks\n",
            "root vda1 was repaired: 32 files fewer than before",
        ),
        (
            "/dev/vda1: Entry 'a' in / (2) has deleted/unused inode 46.  CLEARED.\n\
             /dev/vda1: Inode 21 is a zero-length directory.  CLEARED.\n\
             /dev/vda1: 135/16384 files (0.0% non-contiguous), 9606/65536 blocks\n",
            "root vda1 was repaired: 1 inodes cleared, 1 names dropped, 2 files fewer than before",
        ),
        // What was deleted before is no loss.
        (
            "/dev/vda1: Clearing orphaned inode 12 (uid=0, gid=0, mode=0100644, size=0)\n\
             /dev/vda1: 136/16384 files (0.0% non-contiguous), 9606/65536 blocks\n",
            "root vda1 was repaired",
        ),
    ];
    for (output, told) in cases {
        let fake = checked(Repair::Preen, Behaviour::Exits(1, output, 50));
        let verdict = format!("Verdict {{ word: \"DEGRADED\", reason: \"{told}\"");
        assert!(fake.recorded(&verdict), "{verdict}: {:#?}", fake.record());
        let log = fake.files.get(LOG).cloned().unwrap_or_default();
        assert_eq!(log, format!("e2fsck -p /dev/vda1: not clean\n{output}"));
        assert!(fake.recorded("files_before: Some(137)"));
    }
}

#[test]
fn progress_is_told_and_is_no_output() {
    let mut output = String::new();
    for pass in 1..=5 {
        for current in 0..=100 {
            output += &format!("{pass} {current} 100 /dev/vda1\n");
        }
    }
    let output: &'static str = Box::leak(output.into_boxed_str());
    let fake = checked(Repair::Preen, Behaviour::Exits(0, output, 50));
    assert!(!fake.recorded("Output { source: Fsck"));
    assert!(says(&fake, "check: pass 5 of 5, ") > 0, "{:#?}", fake.said);
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

#[test]
fn what_the_record_has_no_room_for_is_in_the_log() {
    let flood = format!("{}\nthe last words\n", "x".repeat(60_000));
    let flood: &'static str = Box::leak(flood.into_boxed_str());
    let fake = checked(Repair::Preen, Behaviour::Exits(0, flood, 50));
    assert!(fake.recorded("Lost { what: \"fsck\""));
    let last = format!("{:?}", "last words\n".as_bytes());
    assert!(fake.recorded(last.trim_start_matches('[')));
    assert!(fake.files[LOG].ends_with("the last words\n"));
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

#[test]
fn a_check_that_stalls_is_told_once_and_may_still_end() {
    let fake = checked(Repair::Preen, Behaviour::Exits(0, "hm\n", 3_600_000));
    assert_eq!(says(&fake, "the check stalls"), 1, "{:#?}", fake.said);
    assert!(fake.recorded("Verdict { word: \"DEGRADED\", reason: \"the check of root stalled\""));
    assert!(fake.recorded("verdict: \"clean\""));
}

#[test]
fn in_place_the_root_is_unmounted_checked_and_mounted_again() {
    for due in ["", "unclean"] {
        let fake = boot(&draft(), |fake| {
            fake.origin = Origin::InPlace;
            let line = format!("vda1\ttype=ext4\tlabel=root\tdue={due}");
            fake.volumes.insert("vda1".to_string(), line);
            let line = "root=/dev/vda1 init=/sbin/preroot-init";
            fake.files
                .insert("/proc/cmdline".to_string(), line.to_string());
        });
        let at = |words: &str| {
            let found = fake.spawned.iter().position(|line| line.starts_with(words));
            found.unwrap_or_else(|| panic!("no {words}: {:#?}", fake.spawned))
        };
        let unmounted = at("preroot-unmount /newroot");
        assert!(unmounted < at("preroot-mount /dev/vda1"));
        if due == "unclean" {
            assert!(unmounted < at("e2fsck -p"));
        }
        assert!(fake.recorded("in place"));
        assert!(!fake.spawned.iter().any(|line| line.starts_with("exec ")));
        assert!(fake.recorded("Verdict { word: \"OK\""), "{:#?}", fake.said);
    }
}

/// A root that is held in place, until so many questions who does have been asked.
fn held(holders: Holders, questions: usize) -> Fake {
    boot(&Draft { holders, ..draft() }, |fake| {
        fake.origin = Origin::InPlace;
        fake.holders = questions;
        fake.operator.push_back("reboot");
    })
}

fn asked(fake: &Fake) -> Vec<&str> {
    let asked = fake.spawned.iter();
    asked
        .filter_map(|line| line.strip_prefix("preroot-holders /newroot"))
        .map(str::trim)
        .collect()
}

#[test]
fn in_place_a_root_that_is_held_is_told_and_waits_for_a_person() {
    let fake = held(Holders::Refuse, usize::MAX);
    assert!(
        says(
            &fake,
            "RESCUE: fsck: unmount the root, to check it, errno 16"
        ) > 0
    );
    assert_eq!(asked(&fake)[0], "");
    assert!(!asked(&fake).contains(&"TERM"));
    let told = format!("{:?}", "813 nginx: cwd\n".as_bytes());
    assert!(fake.recorded(&told), "{:#?}", fake.record());
    assert_eq!(says(&fake, "813 nginx: cwd"), 2, "and on the way down");
    let is_mounted = |line: &String| line.starts_with("preroot-mount");
    assert!(!fake.spawned.iter().any(is_mounted));
}

/// As the plan says: SIGTERM, and SIGKILL only for who is still there.
#[test]
fn in_place_holders_are_ended_where_the_plan_says_so() {
    for (questions, expected, said) in [
        (2, &["", "TERM", "ask"][..], "SIGTERM"),
        (4, &["", "TERM", "ask", "ask", "ask"], "SIGTERM"),
        (30, &["", "TERM", "ask"], "SIGKILL"),
    ] {
        let fake = held(Holders::End, questions);
        assert!(asked(&fake).starts_with(expected), "{:?}", asked(&fake));
        assert_eq!(asked(&fake).contains(&"KILL"), said == "SIGKILL");
        let told = format!("root was held: {said} to who held it");
        assert!(says(&fake, &told) > 0, "{:#?}", fake.said);
        assert!(fake.recorded("Verdict { word: \"DEGRADED\", reason: \"root was held: SIGTERM"));
        assert!(fake.recorded("stage: \"stay\""), "{:#?}", fake.said);
    }
    let fake = held(Holders::End, usize::MAX);
    assert!(asked(&fake).contains(&"KILL"));
    assert!(
        says(
            &fake,
            "RESCUE: fsck: unmount the root, to check it, errno 16"
        ) > 0
    );
}

#[test]
fn a_read_only_first_mount_is_for_those_who_mount_again() {
    for (line, expected) in [
        ("quiet", "rw"),
        ("ro", "rw"),
        ("rw", "rw"),
        ("ro init=/sbin/init", "ro"),
        ("init=/sbin/init", "rw"),
    ] {
        let fake = boot(&draft(), |fake| {
            fake.files
                .insert("/proc/cmdline".to_string(), line.to_string());
        });
        let mounted = format!("preroot-mount /dev/vda1 ext4 {expected}");
        let found = fake.spawned.iter().any(|line| line.starts_with(&mounted));
        assert!(found, "{line}: {:#?}", fake.spawned);
    }
}

#[test]
fn a_root_whose_superblock_is_bad_is_checked_by_the_copy_that_is_good() {
    let fake = boot(&draft(), |fake| {
        let line = "vda1\ttype=ext4\tlabel=root\tdue=damaged\tbackup=32768\tblocksize=4096";
        fake.volumes.insert("vda1".to_string(), line.to_string());
        let repaired = Behaviour::Exits(1, "", 50);
        fake.behaviours.insert("e2fsck".to_string(), repaired);
    });
    let command = "e2fsck -p -C 1 -f -b 32768 -B 4096 /dev/vda1".to_string();
    assert!(fake.spawned.contains(&command), "{:#?}", fake.spawned);
}

#[test]
fn a_root_that_cannot_be_mounted_is_checked_after_all() {
    // The mount fails for good here, so the check comes, and then the rescue.
    let cases = [
        ("", "quiet", 117, true),
        ("", "quiet", 74, true),
        ("", "quiet", 22, true),
        // What was asked for on the command line is asked for again, not looked for on the disk.
        ("", "rootflags=nonsense", 22, false),
        ("", "rootflags=nonsense", 117, true),
        ("", "quiet", 5, true),
        ("", "quiet", 6, false),
        ("", "fsck.mode=skip", 117, false),
        // It was checked already.
        ("\tdue=unclean", "quiet", 117, false),
    ];
    for (due, line, errno, is_checked) in cases {
        let fake = boot(&draft(), |fake| {
            let volume = format!("vda1\ttype=ext4\tlabel=root{due}");
            fake.volumes.insert("vda1".to_string(), volume);
            fake.files
                .insert("/proc/cmdline".to_string(), line.to_string());
            let fails = Behaviour::Exits(errno, "", 10);
            fake.behaviours.insert("preroot-mount".to_string(), fails);
            fake.operator.push_back("reboot");
        });
        let forced = "e2fsck -p -C 1 -f /dev/vda1".to_string();
        let told = format!("{due} {line} {errno}: {:#?}", fake.spawned);
        assert_eq!(fake.spawned.contains(&forced), is_checked, "{told}");
        let mounts = fake.spawned.iter();
        let mounts = mounts.filter(|line| line.starts_with("preroot-mount "));
        assert_eq!(mounts.count(), 1 + usize::from(is_checked), "{told}");
        assert!(fake.recorded("Verdict { word: \"RESCUE\""));
    }
}

#[test]
fn what_the_second_check_finds_mended_is_a_repair() {
    let plan = Draft {
        repair: Repair::Yes,
        ..draft()
    };
    let fake = boot(&plan, |fake| {
        let line = "vda1\ttype=ext4\tlabel=root\tdue=unclean";
        fake.volumes.insert("vda1".to_string(), line.to_string());
        for (command, code) in [("e2fsck -p", 4), ("e2fsck -y", 0)] {
            let exits = Behaviour::Exits(code, "", 50);
            fake.behaviours.insert(command.to_string(), exits);
        }
    });
    assert!(
        fake.recorded("Verdict { word: \"DEGRADED\", reason: \"root vda1 was repaired\""),
        "{:#?}",
        fake.record()
    );
}

#[test]
fn what_repairing_would_destroy_is_left_to_a_person() {
    let cases = [
        (
            "/dev/vda1: Error reading block 37 (Input/output error).\n",
            "fsck: the disk cannot be read",
        ),
        (
            "root: Block bitmap for group 0 is not in group.  (block 7)\n",
            "fsck: the file system has errors that were not corrected",
        ),
    ];
    for (told, reason) in cases {
        let fake = checked(Repair::Yes, Behaviour::Exits(4, told, 50));
        let checks = fake.spawned.iter();
        let checks = checks.filter(|line| line.starts_with("e2fsck "));
        assert_eq!(checks.count(), 1, "{:#?}", fake.spawned);
        let verdict =
            format!("Verdict {{ word: \"RESCUE\", reason: \"fsck 4\", detail: Some(\"{reason}\")");
        assert!(fake.recorded(&verdict), "{:#?}", fake.record());
    }
}
