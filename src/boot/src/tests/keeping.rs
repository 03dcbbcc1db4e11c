//! The store, kept up with the record, on the fake machine.

use std::string::{String, ToString};

use preroot_plan::Draft;

use super::{boot, draft};
use crate::fake::{Behaviour, Fake};
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
        let fake = parted(|fake| {
            let slow = Behaviour::Exits(0, "", keep_ms);
            fake.behaviours.insert("preroot-keep".to_string(), slow);
        });
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
