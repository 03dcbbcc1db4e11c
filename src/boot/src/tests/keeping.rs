//! The store, kept up with the record, on the fake machine.

use std::string::{String, ToString};

use preroot_plan::Draft;

use super::{boot, draft};
use crate::fake::{Behaviour, COMPARES, Fake};
use crate::limits::{KEEP_AFTER_NS, KEEP_MILESTONE_NS_MAX, MILLISECOND_NS};

/// Boots with a script that takes so long, and copying that goes so.
fn kept(script_ms: u64, keep: Behaviour) -> Fake {
    boot(&draft(), |fake| {
        let takes = Behaviour::Exits(0, "", script_ms);
        fake.behaviours
            .insert("/etc/init.d/urandom".to_string(), takes);
        fake.behaviours.insert("preroot-keep".to_string(), keep);
    })
}

/// A store that takes so long to write. What the last good boot had is read before, and settled then.
fn slow(fake: &mut Fake, keep_ms: u64) {
    let keep = Behaviour::Exits(0, "", keep_ms);
    fake.behaviours.insert("preroot-keep".to_string(), keep);
    let compares = Behaviour::Exits(0, "done\n", keep_ms);
    fake.behaviours.insert(COMPARES.to_string(), compares);
}

fn copies(fake: &Fake) -> usize {
    let copies = fake.spawned.iter();
    copies
        .filter(|line| line.starts_with("preroot-keep /"))
        .count()
}

#[test]
fn what_is_recorded_is_stored_while_scripts_run() {
    // The seal and the way down store in any case.
    let short = copies(&kept(1, Behaviour::Exits(0, "", 2)));
    let after_ms = KEEP_AFTER_NS / MILLISECOND_NS;
    let long = copies(&kept(20 * after_ms, Behaviour::Exits(0, "", 2)));
    // One for all that came before; nothing is recorded while nothing happens.
    assert_eq!(long, short + 1);
}

#[test]
fn a_store_that_fails_or_hangs_is_told_and_holds_nobody_up() {
    for (keep, words) in [
        (Behaviour::Exits(28, "", 2), "record not stored: errno 28"),
        (Behaviour::Undying, "record not stored: it hangs"),
        (
            Behaviour::NoExec(crate::machine::Errno::NOENT),
            "record not stored: errno 2",
        ),
    ] {
        let fake = kept(60_000, keep);
        let said = fake.said.iter().filter(|line| line.contains(words)).count();
        assert_eq!(said, 1, "{words}: {:#?}", fake.said);
        assert!(fake.recorded("Verdict { word: \"OK\""));
    }
}

/// A boot with a partition for the record among its devices.
fn parted(change: impl Fn(&mut Fake)) -> Fake {
    let draft = Draft {
        store: "PARTLABEL=preroot-log".to_string(),
        ..draft()
    };
    boot(&draft, |fake| {
        fake.disks.push("vdb1");
        let line = "vdb1\tpartlabel=preroot-log\tpart=1\tdisk=vdb\tbytes=4194304";
        fake.volumes.insert("vdb1".to_string(), line.to_string());
        change(fake);
    })
}

fn place(fake: &Fake, words: &str) -> Option<usize> {
    fake.spawned.iter().position(|line| line.starts_with(words))
}

#[test]
fn a_partition_is_written_before_the_root_is_touched() {
    let fake = parted(|_| {});
    assert!(fake.recorded("the record is kept on vdb1"));
    let first = place(&fake, "preroot-keep /dev/vdb1 0 ").unwrap();
    assert!(
        first < place(&fake, "preroot-mount").unwrap(),
        "{:#?}",
        fake.spawned
    );
    // And when the root has gone.
    let last = fake
        .spawned
        .iter()
        .rposition(|line| line.starts_with("preroot-keep"));
    assert!(
        last > place(&fake, "preroot-unmount"),
        "{:#?}",
        fake.spawned
    );
}

#[test]
fn every_stage_is_stored_before_the_next() {
    let fake = parted(|_| {});
    let stages = ["preroot-mount", "/etc/init.d/"];
    for pair in stages.map(|words| place(&fake, words).unwrap()).windows(2) {
        let between = fake.spawned.get(pair[0]..pair[1]).unwrap();
        let kept = between.iter().any(|line| line.starts_with("preroot-keep"));
        assert!(kept, "{between:#?}");
    }
}

#[test]
fn a_slow_store_is_waited_for_once() {
    let time = |keep_ms: u64| {
        let fake = parted(|fake| slow(fake, keep_ms));
        let mut times = fake.times().into_iter();
        let started = times.find(|(_, event)| event.starts_with("ScriptStarted"));
        started.unwrap().0
    };
    let lost = time(3_000) - time(0);
    let waits = KEEP_MILESTONE_NS_MAX / MILLISECOND_NS;
    assert!(
        (waits - 5..waits + 20).contains(&(lost / MILLISECOND_NS)),
        "{lost}"
    );
}

/// A child that began to copy before a stage has ended does not stand for one that begins after: nothing that PID 1 says or does
/// in a stage comes before the end of the one before it is stored, unless it has said that it does.
#[test]
fn no_stage_begins_before_the_last_one_is_stored() {
    const SLOW: &str = "the record is stored beside the boot: it took longer than 250 ms";
    // How long a copy takes, and the mount; how many are made from there to the first script.
    let check = |keep_ms: u64, mount_ms: u64, copies: usize, is_slow: bool| {
        let fake = parted(|fake| {
            slow(fake, keep_ms);
            let mount = Behaviour::Exits(0, "", mount_ms);
            fake.behaviours.insert("preroot-mount".to_string(), mount);
        });
        let mount = place(&fake, "preroot-mount").unwrap();
        let scripts = place(&fake, "/etc/init.d/").unwrap();
        let between = fake.spawned.get(mount..scripts).unwrap().iter();
        let found = between.filter(|line| line.starts_with("preroot-keep"));
        assert_eq!(found.count(), copies, "{keep_ms} {mount_ms}");
        assert_eq!(fake.said.iter().any(|line| line == SLOW), is_slow);
        assert_eq!(fake.recorded(SLOW), is_slow);
    };
    // The ends of mount and pivot.
    check(20, 1, 2, false);
    // One has begun a second after the mount was asked for, and goes on when that is done.
    check(100, 1_040, 3, false);
    check(249, 1_040, 2, true);
    // Known since the end of an earlier stage.
    check(300, 1, 0, true);
}

#[test]
fn somebody_elses_data_is_left_alone() {
    for line in [
        "vdb1\tpartlabel=preroot-log\ttype=ext4",
        "vdb1\tpartlabel=preroot-log\tro=1",
        "vdb1\tpartlabel=preroot-log2",
    ] {
        let fake = parted(|fake| {
            fake.volumes.insert("vdb1".to_string(), line.to_string());
        });
        assert_eq!(place(&fake, "preroot-keep"), None, "{line}");
        assert!(fake.recorded("Verdict { word: \"OK\""), "{line}");
    }
}

#[test]
fn an_unrecorded_boot_does_the_same_and_keeps_nothing() {
    // It ends in a reboot, for there is no such init: the fake's operator knows of a rescue by the record.
    let boot_with = |words: &str| {
        let words = std::format!("init=/sbin/init panic=1 {words}");
        boot(&draft(), |fake| super::command_line(fake, &words))
    };
    let recorded = boot_with("");
    let unrecorded = boot_with("preroot.test=unrecorded");
    let is_of_the_record =
        |line: &str| line.starts_with("preroot-keep") || line.starts_with("preroot-kernel-log");
    let mut others = recorded.spawned.clone();
    others.retain(|line| !is_of_the_record(line));
    assert_eq!(unrecorded.spawned, others);
    let said_before = |fake: &Fake| -> std::vec::Vec<String> {
        let before = fake
            .said
            .iter()
            .take_while(|line| !line.starts_with("reboot"));
        before.cloned().collect()
    };
    assert_eq!(said_before(&unrecorded), said_before(&recorded));
    // What came before the command line was read.
    assert!(unrecorded.record().len() < 3, "{:?}", unrecorded.record());
}
