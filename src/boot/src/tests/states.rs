//! Roots that are not as they should be, on the fake machine: each has its words, in the verdict and on the console.

use std::format;
use std::string::ToString;

use preroot_plan::Draft;

use super::{boot, command_line, draft};
use crate::fake::{Behaviour, Fake};
use crate::roles;

fn says(fake: &Fake, words: &str) -> bool {
    fake.said.iter().any(|line| line.contains(words))
}

fn is_rescued(fake: &Fake, words: &str) {
    assert!(
        says(fake, &format!("RESCUE: {words}")),
        "{words}: {:#?}",
        fake.said
    );
    assert!(fake.recorded("Verdict { word: \"RESCUE\""));
    assert!(fake.spawned.iter().any(|line| line.starts_with("dropbear")));
}

fn is_degraded(fake: &Fake, words: &str) {
    let verdict = format!("Verdict {{ word: \"DEGRADED\", reason: \"{words}");
    assert!(fake.recorded(&verdict), "{words}: {:#?}", fake.record());
    assert!(says(fake, words), "{words}: {:#?}", fake.said);
    assert!(fake.recorded("stage: \"stay\""), "{words}");
}

/// A root whose superblock says this.
fn probed(line: &str) -> impl Fn(&mut Fake) {
    let line = format!("vda1\tlabel=root\tbytes=4096\t{line}");
    move |fake: &mut Fake| {
        fake.volumes.insert("vda1".to_string(), line.clone());
    }
}

fn mounts_with(code: u8, output: &'static str) -> Behaviour {
    Behaviour::Exits(code, output, 10)
}

#[test]
fn what_the_mount_finds_in_no_order_degrades() {
    for line in [
        "root is read-only: its device cannot be written\n",
        "root is mounted without commit=soon: the kernel refuses that\n",
        "root had no /run: made\n",
        "root is full: 0 KiB free\n",
        "root is full: 0 inodes free\n",
    ] {
        let fake = boot(&draft(), |fake| {
            let mounted = mounts_with(0, line);
            fake.behaviours.insert("preroot-mount".to_string(), mounted);
        });
        is_degraded(&fake, line.trim_end());
        let options = if line.contains("read-only") {
            "ro"
        } else {
            "rw"
        };
        let mounted = format!("at: \"/newroot\", kind: \"ext4\", options: \"{options}\"");
        assert!(fake.recorded(&mounted), "{line}: {:#?}", fake.record());
    }
}

#[test]
fn a_mount_that_fails_is_rescued_by_its_reason() {
    for (code, output, words) in [
        (22, "", "mount: mount root, errno 22"),
        (
            19,
            "",
            "mount: the kernel and the image do not know root's file system, errno 19",
        ),
        (
            30,
            "root has no /run: errno 30\n",
            "mount: make a mount point in root, errno 30",
        ),
    ] {
        let fake = boot(&draft(), |fake| {
            let failed = mounts_with(code, output);
            fake.behaviours.insert("preroot-mount".to_string(), failed);
        });
        is_rescued(&fake, words);
        assert!(output.is_empty() || says(&fake, output.trim_end()));
    }
}

#[test]
fn a_root_is_mounted_as_what_it_is() {
    let types = |planned: &str, asked: &str, found: &str| {
        let draft = Draft {
            root_type: planned.to_string(),
            ..draft()
        };
        boot(&draft, |fake| {
            probed(&format!("type={found}"))(fake);
            if !asked.is_empty() {
                command_line(fake, &format!("rootfstype={asked}"));
            }
        })
    };
    for (planned, asked, found, mounted, verdict) in [
        ("", "", "ext4", "ext4", ""),
        ("ext4", "", "ext4", "ext4", ""),
        ("ext4", "", "ext3", "ext4", ""),
        ("xfs", "auto", "ext4", "ext4", ""),
        ("ext4", "btrfs,xfs", "xfs", "xfs", ""),
        ("ext4", "", "xfs", "xfs", "root vda1 is xfs, not ext4"),
        (
            "",
            "xfs",
            "squashfs",
            "squashfs",
            "root vda1 is squashfs, not xfs",
        ),
        ("jfs", "", "", "jfs", ""),
    ] {
        let fake = types(planned, asked, found);
        let words = format!("preroot-mount /dev/vda1 {mounted} rw");
        let is_mounted = fake.spawned.iter().any(|line| line.starts_with(&words));
        assert!(is_mounted, "{words}: {:#?}", fake.spawned);
        if verdict.is_empty() {
            assert!(fake.recorded("Verdict { word: \"OK\""), "{words}");
        } else {
            is_degraded(&fake, verdict);
        }
    }
}

#[test]
fn what_is_no_file_system_is_never_mounted() {
    for (found, words) in [("swap", "swap"), ("", "nothing known")] {
        let fake = boot(&draft(), probed(&format!("type={found}")));
        is_rescued(&fake, "mount: root is no file system");
        let told = format!("root vda1 is {words}, and no file system");
        assert!(says(&fake, &told), "{:#?}", fake.said);
        let is_mounted = |line: &std::string::String| line.starts_with("preroot-mount");
        assert!(!fake.spawned.iter().any(is_mounted));
    }
}

/// Nothing can repair it, so nothing tries: what is due by its calendar only is booted.
#[test]
fn a_device_that_cannot_be_written_is_not_checked() {
    for (due, word) in [
        ("", "OK"),
        ("mounts", "OK"),
        ("interval", "OK"),
        ("unclean", "RESCUE"),
        ("journal", "RESCUE"),
        ("errors", "RESCUE"),
        ("damaged", "RESCUE"),
    ] {
        let fake = boot(&draft(), probed(&format!("type=ext4\tro=1\tdue={due}")));
        assert!(!fake.spawned.iter().any(|line| line.starts_with("e2fsck")));
        assert!(
            fake.recorded(&format!("Verdict {{ word: \"{word}\"")),
            "{due}"
        );
        if word == "RESCUE" {
            is_rescued(
                &fake,
                "fsck: root needs a check, and its device is read-only",
            );
        }
        let reason = if due.is_empty() {
            "clean"
        } else {
            "read-only device"
        };
        assert!(fake.recorded(&format!("reason: \"{reason}\"")), "{due}");
    }
}

#[test]
fn a_root_that_turns_read_only_is_told() {
    for (kind, root_turns, errors, words) in [
        (
            "ext4",
            true,
            "3\n",
            "root has turned read-only: 3 errors, see dmesg",
        ),
        ("ext4", false, "1\n", "root has met 1 errors, see dmesg"),
        ("xfs", true, "", "root has turned read-only, see dmesg"),
        // Only the store hears of it.
        (
            "ext4",
            false,
            "316\n",
            "root has turned read-only: 316 errors, see dmesg",
        ),
        // Somebody wanted it so.
        ("ext4", true, "0\n", ""),
        ("ext4", false, "0\n", ""),
    ] {
        let fake = boot(&draft(), |fake| {
            probed(&format!("type={kind}"))(fake);
            fake.root_turns = root_turns;
            if errors == "316\n" {
                let refused = Behaviour::Exits(30, "", 10);
                fake.behaviours.insert("preroot-keep".to_string(), refused);
            }
            let path = "/sys/fs/ext4/vda1/errors_count".to_string();
            fake.files.insert(path, errors.to_string());
        });
        if words.is_empty() {
            assert!(fake.recorded("Verdict { word: \"OK\""));
        } else {
            is_degraded(&fake, words);
        }
    }
}

#[test]
fn a_record_that_cannot_be_stored_degrades() {
    let fake = boot(&draft(), |fake| {
        let full = Behaviour::Exits(28, "", 10);
        fake.behaviours.insert("preroot-keep".to_string(), full);
    });
    is_degraded(&fake, "record not stored");
    assert!(says(
        &fake,
        "record not stored in /var/lib/preroot/record: errno 28"
    ));
}

#[test]
fn a_root_without_an_init_is_rescued_only_where_one_is_wanted() {
    let fake = boot(&draft(), |fake| command_line(fake, "init=/sbin/no-init"));
    is_rescued(&fake, "start: exec the root's init, errno 2");
    assert!(says(&fake, "root has no /sbin/no-init that runs"));
    // What was decided is on the root, whatever becomes of the rescue.
    let stored = |line: &&std::string::String| line.starts_with("preroot-keep");
    assert!(fake.spawned.iter().filter(stored).count() >= 2);
    let fake = boot(&draft(), |_| {});
    assert!(!fake.spawned.iter().any(|line| line.starts_with("exec ")));
}

/// Every way down before the order has ended, and the verdict that is the last word of that boot.
#[test]
fn a_boot_that_goes_down_before_it_is_up_has_failed() {
    let check = |change: &dyn Fn(&mut Fake), verdict: &str| {
        let fake = boot(&draft(), |fake| change(fake));
        let last = fake.record();
        let last = last.iter().rfind(|event| event.starts_with("Verdict"));
        let last = last.expect("a verdict");
        assert!(last.contains(verdict), "{last}\n{:#?}", fake.said);
    };
    check(&|_| {}, "word: \"OK\"");
    check(
        &|fake| fake.volumes.clear(),
        "word: \"FAILED\", reason: \"root, not found\"",
    );
    check(
        &|fake| {
            fake.files
                .insert("/proc/cmdline".to_string(), "panic=5".to_string());
            fake.behaviours
                .insert(roles::MOUNT.to_string(), Behaviour::Exits(5, "", 1));
            fake.operator.clear();
        },
        "word: \"FAILED\", reason: \"mount, mount root, 5\"",
    );
    check(
        &|fake| {
            fake.files.insert(
                "/proc/cmdline".to_string(),
                "preroot.hold=mount".to_string(),
            );
        },
        "word: \"FAILED\", reason: \"mount, reboot by operator\"",
    );
}

/// The kernel's log has the end of each stage, whatever the console shows: it is what a panic leaves in pstore.
#[test]
fn the_end_of_each_stage_is_traced() {
    let fake = boot(&draft(), |_| {});
    let ends = [
        "born", "early", "modules", "network", "sshd", "hardware", "root", "fsck", "mount",
        "pivot", "start", "seal", "stay",
    ];
    let ends = ends.map(|stage| match stage {
        "stay" => format!("{stage}: skipped"),
        _ => format!("{stage}: done"),
    });
    assert_eq!(fake.traced, ends);
}
