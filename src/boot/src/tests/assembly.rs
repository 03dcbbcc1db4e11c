//! Arrays, volume groups and encrypted disks under the root, on the fake machine.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use preroot_plan::{Draft, DraftAssembly};

use super::{boot, command_line, draft};
use crate::fake::{Behaviour, Fake};
use crate::limits::SECOND_NS;
use crate::machine::Errno;

const MDADM: &str = "/sbin/mdadm";
const MEMBERS: [&str; 2] = [
    "vda\ttype=linux_raid_member\tuuid=aa\tlabel=any:root\tnumber=254:0\tserial=SN0",
    "vdb\ttype=linux_raid_member\tuuid=aa\tlabel=any:root\tnumber=254:16\tserial=SN1",
];
const ARRAY: &str = "md127\ttype=ext4\tlabel=root\tnumber=9:127\tmapper=md/root";

fn step(name: &str, kind: &str, device: &str, run: &str, undo: &str) -> DraftAssembly {
    let words = |line: &str| line.split(' ').map(ToString::to_string).collect();
    DraftAssembly {
        name: name.to_string(),
        kind: kind.to_string(),
        device: device.to_string(),
        run: words(run),
        late: Vec::new(),
        undo: words(undo),
        deadline_ms: 10_000,
        late_ms: 0,
    }
}

fn md() -> DraftAssembly {
    let run = "/sbin/mdadm --incremental {}";
    let late = "/sbin/mdadm --incremental --run --scan";
    DraftAssembly {
        late: late.split(' ').map(ToString::to_string).collect(),
        late_ms: 5_000,
        ..step(
            "md",
            "linux_raid_member",
            "UUID=aa",
            run,
            "/sbin/mdadm --stop --scan",
        )
    }
}

fn crypt() -> DraftAssembly {
    let run = "/sbin/cryptsetup open {} root";
    let undo = "/sbin/cryptsetup close root";
    step("crypt root", "crypto_LUKS", "UUID=0a-b", run, undo)
}

fn lvm() -> DraftAssembly {
    let run = "/sbin/lvm vgchange -ay vg0";
    step(
        "lvm vg0",
        "LVM2_member",
        "",
        run,
        "/sbin/lvm vgchange -an vg0",
    )
}

fn with(steps: &[DraftAssembly]) -> Draft {
    Draft {
        assemblies: steps.to_vec(),
        ..draft()
    }
}

/// What is plugged in, and what programs make of it.
fn devices(fake: &mut Fake, there: &[&'static str], made: &[(&'static str, &'static str)]) {
    let mut add = |line: &'static str| {
        let name = line.split('\t').next().unwrap();
        fake.volumes.insert(name.to_string(), line.to_string());
        name
    };
    let disks = there.iter().map(|line| add(line)).collect();
    let makes = made.iter().map(|(by, line)| (*by, add(line))).collect();
    (fake.disks, fake.makes) = (disks, makes);
}

/// The programs that were run, in order.
fn programs(fake: &Fake) -> Vec<&str> {
    let lines = fake.spawned.iter().map(|line| line.trim_end());
    lines
        .filter(|line| line.starts_with("/sbin/") && !line.contains("getty"))
        .collect()
}

fn says(fake: &Fake, words: &str) -> bool {
    fake.said.iter().any(|line| line.contains(words))
}

fn whole_mirror(fake: &mut Fake) {
    let made = ("/sbin/mdadm --incremental /dev/vdb", ARRAY);
    devices(fake, &MEMBERS, &[made]);
}

#[test]
fn a_mirror_is_assembled_member_by_member_and_stopped_in_the_end() {
    let fake = boot(&with(&[md()]), whole_mirror);
    let expected = [
        "/sbin/mdadm --incremental /dev/vda",
        "/sbin/mdadm --incremental /dev/vdb",
        "/sbin/mdadm --stop --scan",
    ];
    assert_eq!(programs(&fake), expected, "{:#?}", fake.said);
    assert!(says(&fake, "root LABEL=root is md127 (ext4)"));
    assert!(fake.recorded("Assembled { step: \"md\", device: \"vdb\""));
    assert!(fake.recorded("Verdict { word: \"OK\""), "{:#?}", fake.said);
    assert!(fake.recorded("Output { source: Assembly"));
}

/// What is not whole waits for its time, and no longer.
#[test]
fn a_mirror_without_a_member_starts_after_its_time_and_degrades_the_boot() {
    let fake = boot(&with(&[md()]), |fake| {
        let made = ("/sbin/mdadm --incremental --run --scan", ARRAY);
        devices(fake, &MEMBERS[..1], &[made]);
        for (file, value) in [
            ("md127/md/degraded", "1\n"),
            ("md127/md/raid_disks", "2\n"),
            ("md127/md/rd0/state", "in_sync\n"),
            ("vda/holders/md127/dev", "9:127\n"),
        ] {
            fake.files
                .insert(format!("/sys/class/block/{file}"), value.to_string());
        }
    });
    let words = "array md127 lacks 1 of 2: slot 1";
    assert!(fake.recorded(&format!("word: \"DEGRADED\", reason: \"{words}\"")));
    assert!(says(&fake, words));
    let record = fake.record();
    let found = record.iter().find(|event| event.contains("RootFound"));
    let waited = found.unwrap().split("waited_ns: ").nth(1).unwrap();
    let waited: u64 = waited.trim_end_matches(" })").parse().unwrap();
    assert!((5 * SECOND_NS..6 * SECOND_NS).contains(&waited), "{waited}");
}

/// A member that the array has left behind is named.
#[test]
fn a_stale_member_is_named() {
    let fake = boot(&with(&[md()]), |fake| {
        whole_mirror(fake);
        for (file, value) in [
            ("md127/md/degraded", "1"),
            ("md127/md/raid_disks", "2"),
            ("md127/md/rd1/state", "in_sync"),
            ("vdb/holders/md127/dev", "9:127"),
        ] {
            fake.files
                .insert(format!("/sys/class/block/{file}"), value.to_string());
        }
    });
    assert!(
        says(&fake, "array md127 lacks 1 of 2: slot 0, left out vda"),
        "{:#?}",
        fake.said
    );
}

/// An array of another name than that of the step is not touched, and a program without a device of its own is run
/// again with each that comes.
#[test]
fn programs_run_for_what_they_are_meant_for() {
    let fake = boot(&with(&[crypt(), lvm()]), |fake| {
        let made = [
            (
                "/sbin/cryptsetup open /dev/vdc root",
                "dm-0\ttype=LVM2_member\tmapper=root\tnumber=253:0",
            ),
            (
                "/sbin/lvm vgchange -ay vg0",
                "dm-1\ttype=ext4\tlabel=root\tmapper=vg0-root\tnumber=253:1",
            ),
        ];
        let there = [
            "vda\ttype=crypto_LUKS\tuuid=other",
            "vdb\ttype=swap\tuuid=0a-b",
            "vdc\ttype=crypto_LUKS\tuuid=0a-b",
        ];
        devices(fake, &there, &made);
        command_line(fake, "root=/dev/vg0/root");
    });
    let expected = [
        "/sbin/cryptsetup open /dev/vdc root",
        "/sbin/lvm vgchange -ay vg0",
        "/sbin/lvm vgchange -an vg0",
        "/sbin/cryptsetup close root",
    ];
    assert_eq!(programs(&fake), expected, "{:#?}", fake.said);
    assert!(says(&fake, "root /dev/vg0/root is dm-1 (ext4)"));
    let entry = ("/run/udev/data/b253:1", "E:DM_UDEV_PRIMARY_SOURCE_FLAG=1\n");
    let entry = (entry.0.to_string(), entry.1.to_string());
    assert!(fake.written.contains(&entry), "{:#?}", fake.written);
}

#[test]
fn a_volume_group_is_tried_again_with_each_of_its_disks() {
    let fake = boot(&with(&[lvm()]), |fake| {
        let there = ["vda\ttype=LVM2_member"];
        devices(fake, &there, &[]);
        fake.volumes
            .insert("vdz".to_string(), "vdz\ttype=LVM2_member".to_string());
        fake.operator.extend(["attach vdz", "retry", "reboot"]);
    });
    let tries = programs(&fake);
    let tries = tries.iter().filter(|line| line.contains("-ay"));
    // At first, and when it is tried again with what was attached in the rescue.
    assert_eq!(tries.count(), 2, "{:#?}", fake.spawned);
}

/// However a program fails, the search goes on to its deadline, and the rescue names the program with its last words.
#[test]
fn a_program_that_fails_is_named_in_the_rescue() {
    for (behaviour, words) in [
        (
            Behaviour::Exits(2, "Reading.\nNo key available.\n\n", 30),
            "failed (exit 2, signal 0, errno 0): No key available.",
        ),
        (Behaviour::Runs, "timed out (exit 0, signal 0, errno 110)"),
        (
            Behaviour::Undying,
            "timed out (exit 0, signal 0, errno 110)",
        ),
        (
            Behaviour::NoExec(Errno::NOENT),
            "not started (exit 0, signal 0, errno 2)",
        ),
    ] {
        let fake = boot(&with(&[crypt()]), |fake| {
            devices(fake, &["vda\ttype=crypto_LUKS\tuuid=0a-b"], &[]);
            fake.behaviours
                .insert("/sbin/cryptsetup".to_string(), behaviour.clone());
        });
        let why = format!("crypt root: /sbin/cryptsetup {words}");
        assert!(says(&fake, &why), "{why}: {:#?}", fake.said);
        let verdict = format!("RESCUE: root: root was not found: {why}");
        assert!(says(&fake, &verdict), "{verdict}: {:#?}", fake.said);
        assert!(!programs(&fake).contains(&"/sbin/cryptsetup close root"));
    }
}

/// A hanging program keeps nobody from a root that has nothing to do with it for longer than its deadline.
#[test]
fn a_program_that_hangs_has_its_deadline() {
    let fake = boot(&with(&[crypt()]), |fake| {
        let there = [
            "vda1\ttype=ext4\tlabel=root",
            "vdb\ttype=crypto_LUKS\tuuid=0a-b",
        ];
        devices(fake, &there, &[]);
        fake.behaviours
            .insert("/sbin/cryptsetup".to_string(), Behaviour::Undying);
    });
    assert!(
        says(&fake, "root LABEL=root is vda1 (ext4)"),
        "{:#?}",
        fake.said
    );
    assert!(fake.recorded("verdict: \"timed out\""));
}

/// One without a device comes in its place among the steps: what is heard of a disk before all of them were looked at does not
/// go before it.
#[test]
fn steps_keep_their_order_while_disks_are_looked_at() {
    let first = step("first", "", "", "/sbin/first", "/sbin/last");
    // All drivers are built in: disks are looked at while the search begins, and no loader is waited for.
    let mut draft = with(&[first, crypt()]);
    for alias in &mut draft.aliases {
        alias.pattern = alias.pattern.replace(":", ":none");
    }
    let expected = [
        "/sbin/first",
        "/sbin/cryptsetup open /dev/vda root",
        "/sbin/cryptsetup close root",
        "/sbin/last",
    ];
    for seed in 0..32 {
        let fake = boot(&draft, |fake| {
            let made = [(
                "/sbin/cryptsetup open /dev/vda root",
                "dm-0\ttype=ext4\tlabel=root\tmapper=root\tnumber=253:0",
            )];
            devices(fake, &["vda\ttype=crypto_LUKS\tuuid=0a-b", "vdb"], &made);
            fake.builtin_disks = core::mem::take(&mut fake.disks);
            fake.seed = seed;
        });
        assert_eq!(programs(&fake), expected, "seed {seed}: {:#?}", fake.said);
    }
}

/// What failed is tried again with the stage; what was done is not done twice.
#[test]
fn retry_tries_again_what_failed() {
    let fake = boot(&with(&[md()]), |fake| {
        devices(fake, &MEMBERS, &[]);
        let failing = Behaviour::Exits(1, "no\n", 5);
        fake.behaviours.insert(MDADM.to_string(), failing);
        fake.operator.extend(["retry", "reboot"]);
    });
    let count = |words: &str| {
        programs(&fake)
            .iter()
            .filter(|line| **line == words)
            .count()
    };
    assert_eq!(count("/sbin/mdadm --incremental /dev/vda"), 2);
    assert_eq!(count("/sbin/mdadm --incremental --run --scan"), 2);
    let fake = boot(&with(&[md()]), |fake| {
        devices(fake, &MEMBERS, &[]);
        fake.operator.extend(["retry", "reboot"]);
    });
    let count = |words: &str| {
        programs(&fake)
            .iter()
            .filter(|line| **line == words)
            .count()
    };
    assert_eq!(count("/sbin/mdadm --incremental /dev/vda"), 1);
}

/// A mirror's member looks like what is on the mirror, and is never mounted in its place.
#[test]
fn a_part_is_never_the_root() {
    for (spec, name) in [
        ("/dev/vda", "vda"),
        ("SERIAL=SN1", "vdb"),
        ("254:16", "vdb"),
        ("LABEL=any:root", "vda"),
    ] {
        let fake = boot(&draft(), |fake| {
            devices(fake, &MEMBERS, &[]);
            command_line(fake, &format!("root={spec} rootfstype=ext4"));
        });
        let words = format!("{name} is a linux_raid_member, which has to be assembled");
        assert!(says(&fake, &words), "{spec}: {:#?}", fake.said);
        let mounts = |line: &String| line.starts_with("preroot-mount");
        assert!(!fake.spawned.iter().any(mounts), "{spec}");
    }
}

/// In place the kernel has assembled it: nothing is done again.
#[test]
fn in_place_nothing_is_assembled() {
    let fake = boot(&with(&[md()]), |fake| {
        let there = vec![MEMBERS[0], MEMBERS[1], ARRAY];
        devices(fake, &there, &[]);
        fake.origin = crate::Origin::InPlace;
        for (file, value) in [("degraded", "1"), ("raid_disks", "2")] {
            let path = format!("/sys/class/block/md127/md/{file}");
            fake.files.insert(path, value.to_string());
        }
    });
    assert_eq!(programs(&fake), Vec::<&str>::new());
    assert!(says(&fake, "array md127 lacks 1 of 2: slot 0 slot 1"));
    assert!(says(&fake, "root LABEL=root is md127 (ext4)"));
}

/// Whatever call fails, the boot ends: with the root, or with a person.
#[test]
fn every_call_may_fail() {
    let draft = with(&[md(), crypt(), lvm()]);
    let clean = boot(&draft, whole_mirror);
    for call in 0..clean.calls {
        let fake = boot(&draft, |fake| {
            whole_mirror(fake);
            fake.fail_at = Some(call);
        });
        assert!(fake.ended.is_some(), "call {call}");
        let went = fake.recorded("stage: \"stay\"") || says(&fake, "RESCUE");
        assert!(went, "call {call}: {:#?}", fake.said);
    }
}
