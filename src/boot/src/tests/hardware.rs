//! What the child says that reads the machine, and what becomes of it, on the fake machine.

use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use preroot_plan::{By, Changes, Class, Concern, Draft, DraftExpected};

use super::{boot, draft};
use crate::fake::{Behaviour, COMPARES, Fake};
use crate::limits::SECOND_NS;
use crate::machine::{Errno, Nanoseconds};
use crate::roles;

/// A plan that expects a disk, with this concern.
pub(super) fn expecting(concern: Concern) -> Draft {
    Draft {
        expected: vec![DraftExpected {
            concern,
            ..DraftExpected::new(Class::Disk, By::Serial, "SN1")
        }],
        hardware_ms: 5_000,
        ..draft()
    }
}

fn read(draft: &Draft, behaviour: Behaviour) -> Fake {
    boot(draft, |fake| {
        fake.behaviours
            .insert(roles::INVENTORY.to_string(), behaviour);
    })
}

/// How often the machine was read.
fn reads(fake: &Fake) -> usize {
    let is_read = |line: &&String| line.starts_with(roles::INVENTORY);
    fake.spawned.iter().filter(is_read).count()
}

/// When the first event with these words was recorded.
fn at(fake: &Fake, words: &str) -> Option<Nanoseconds> {
    let mut times = fake.times().into_iter();
    times
        .find(|(_, event)| event.contains(words))
        .map(|(at, _)| at)
}

const GOOD: &str =
    "is disk vda\tserial=SN1\tbytes=4096\nverdict degraded\tdisk SN1\t0\t4096\tok\t\ndone\n";
const MISSING: &str = "verdict degraded\tdisk SN1\t0\t0\tmissing\t\ndone\n";
const HELD: &str = "verdict hold\tdisk SN1\t0\t0\tmissing\t\ndone\n";
const SLOT: &str =
    "verdict degraded\tslot DIMM_A2\t34359738368\t0\tmissing\tDIMM_A2 32 GiB missing\ndone\n";

#[test]
fn what_is_there_is_recorded() {
    let fake = read(&expecting(Concern::Hold), Behaviour::Exits(0, GOOD, 5));
    assert!(fake.recorded(
        "Inventory { class: \"disk\", name: \"vda\", facts: \"serial=SN1\\tbytes=4096\" }"
    ));
    assert!(fake.recorded("item: \"disk SN1\", expected: 0, found: 4096, verdict: \"ok\", detail: None, concern: Some(\"degraded\")"));
    assert!(fake.recorded("Verdict { word: \"OK\""));
    let deadline = fake
        .spawned
        .iter()
        .find_map(|line| line.strip_prefix("preroot-inventory "));
    let deadline: Nanoseconds = deadline.and_then(|at| at.parse().ok()).expect("a moment");
    let began = at(&fake, "StageBegan { stage: \"hardware\"").expect("it began");
    assert!(deadline.abs_diff(began + 5 * SECOND_NS) < SECOND_NS);
}

#[test]
fn a_verdict_is_told_before_the_first_script() {
    for (said, words) in [
        (MISSING, "disk SN1 missing"),
        (SLOT, "DIMM_A2 32 GiB missing"),
    ] {
        // It comes long after the root is there.
        let fake = read(
            &expecting(Concern::Degraded),
            Behaviour::Exits(0, said, 4_000),
        );
        assert!(
            fake.recorded(&["Verdict { word: \"DEGRADED\", reason: \"", words, "\"",].concat())
        );
        let told = at(&fake, "Hardware {").expect("it was recorded");
        assert!(told <= at(&fake, "ScriptStarted").expect("scripts start"));
    }
    let noted = MISSING.replace("degraded", "note").leak();
    let fake = read(&expecting(Concern::Note), Behaviour::Exits(0, noted, 5));
    assert!(fake.recorded("Verdict { word: \"OK\"") && fake.recorded("disk SN1 missing"));
}

#[test]
fn a_boot_is_held_before_the_root_is_looked_for() {
    let fake = read(&expecting(Concern::Hold), Behaviour::Exits(0, HELD, 1_000));
    assert!(fake.recorded("Verdict { word: \"RESCUE\", reason: \"hardware disk missing\""));
    assert!(fake.recorded("disk SN1 missing"));
    assert!(!fake.recorded("StageBegan { stage: \"root\""));
    // Whoever lets it go on has a degraded boot; the check is not made again.
    let fake = boot(&expecting(Concern::Hold), |fake| {
        fake.operator = ["continue"].into();
        fake.behaviours.insert(
            roles::INVENTORY.to_string(),
            Behaviour::Exits(0, HELD, 1_000),
        );
    });
    assert!(fake.recorded("Verdict { word: \"DEGRADED\"") && fake.recorded("ScriptStarted"));
    // A retry reads the machine anew.
    let fake = boot(&expecting(Concern::Hold), |fake| {
        fake.operator = ["retry"].into();
        fake.behaviours.insert(
            roles::INVENTORY.to_string(),
            Behaviour::Exits(0, HELD, 1_000),
        );
    });
    assert_eq!(reads(&fake), 2);
}

#[test]
fn a_reader_that_fails_costs_the_verdict_and_not_the_boot() {
    let check = |behaviour: Behaviour, words: &str| {
        for concern in [Concern::Degraded, Concern::Hold] {
            let fake = read(&expecting(concern), behaviour.clone());
            assert!(fake.recorded(words), "{words}");
            assert!(fake.recorded("Verdict { word: \"DEGRADED\""), "{words}");
            assert!(fake.recorded("ScriptStarted"), "{words}");
        }
        // Where nothing is expected, nothing is wrong.
        let fake = read(&draft(), behaviour.clone());
        assert!(fake.recorded(words) && fake.recorded("Verdict { word: \"OK\""));
    };
    check(
        Behaviour::NoExec(Errno::NOENT),
        "hardware: cannot be read: errno 2",
    );
    check(
        Behaviour::Exits(22, "", 5),
        "hardware: not judged, its reader ended: exit 22",
    );
    check(
        Behaviour::Exits(0, "is disk vda\tbytes=1\n", 5),
        "hardware: not judged, its reader ended: exit 0",
    );
    check(Behaviour::Says(""), "hardware: not judged in time");
    check(Behaviour::Undying, "hardware: not judged in time");
    check(
        Behaviour::Says("is disk vda\tserial=SN1\n"),
        "hardware: not judged in time",
    );
    check(
        Behaviour::Exits(0, "is tape st0\nverdict what\ndone\n", 5),
        "hardware: its reader says what is no line: is tape st0",
    );
}

#[test]
fn a_reader_that_hangs_costs_one_deadline() {
    let fake = read(&expecting(Concern::Hold), Behaviour::Undying);
    let began = at(&fake, "StageBegan { stage: \"hardware\"").expect("it began");
    let ended = at(&fake, "ScriptStarted").expect("scripts start");
    // Five seconds and the grace, once.
    assert!(ended - began < 10 * SECOND_NS, "{}", ended - began);
}

#[test]
fn things_without_end_are_not_all_recorded() {
    let flood: String = (0..5_000)
        .map(|number| std::format!("is disk sd{number}\tbytes=1\n"))
        .collect();
    let fake = read(&draft(), Behaviour::Exits(0, (flood + "done\n").leak(), 5));
    let record = fake.record();
    let things = record.iter().filter(|event| event.starts_with("Inventory"));
    assert_eq!(
        things.count(),
        crate::limits::INVENTORY_RECORDED_MAX as usize
    );
    assert!(fake.recorded("2048 things are recorded, no more"));
}

/// A plan that compares, with the store in a file of the root.
fn comparing() -> Draft {
    Draft {
        changes: Changes::Degraded,
        store: "/var/lib/preroot/record".to_string(),
        store_bytes: 1 << 20,
        hardware_ms: 5_000,
        ..draft()
    }
}

fn compared(draft: &Draft, behaviour: Behaviour) -> Fake {
    boot(draft, |fake| {
        fake.behaviours.insert(COMPARES.to_string(), behaviour);
    })
}

/// The lines of children that were asked to compare.
fn asked_to_compare(fake: &Fake) -> Vec<Vec<&str>> {
    let lines = fake.spawned.iter().map(|line| line.split(' ').collect());
    lines
        .filter(|words: &Vec<&str>| words.len() == 6 && words[0] == roles::KEEP)
        .collect()
}

const GONE: &str =
    "verdict degraded\tdisk SN2\t4096\t0\tmissing\tdisk SN2 missing since boot 3\ndone\nstored 0\n";

#[test]
fn what_is_missing_since_the_last_good_boot_is_told_before_the_first_script() {
    let fake = compared(&comparing(), Behaviour::Exits(0, GONE, 4_000));
    assert!(
        fake.recorded("Verdict { word: \"DEGRADED\", reason: \"disk SN2 missing since boot 3\"")
    );
    assert!(fake.recorded("item: \"disk SN2\", expected: 4096, found: 0, verdict: \"missing\", detail: Some(\"disk SN2 missing since boot 3\"), concern: Some(\"degraded\")"));
    let told = at(&fake, "disk SN2 missing").expect("it was recorded");
    assert!(told <= at(&fake, "ScriptStarted").expect("scripts start"));
    let began = at(&fake, "StageBegan { stage: \"hardware\"").expect("it began");
    let asked = asked_to_compare(&fake);
    // By the one child, when it has stored.
    let [words] = &asked[..] else {
        panic!("{asked:?}");
    };
    let [
        _,
        "/var/lib/preroot/record",
        "1048576",
        _,
        deadline,
        "degraded",
    ] = words[..]
    else {
        panic!("{words:?}");
    };
    let deadline: Nanoseconds = deadline.parse().expect("a moment");
    assert!(deadline.abs_diff(began + 5 * SECOND_NS + crate::limits::CHANGES_AFTER_NS) < SECOND_NS);
}

#[test]
fn what_was_late_is_told_late() {
    // Done at once, so that scripts start; then more, as the child ends.
    let late =
        "done\nstored 0\nverdict degraded\tnic m1\t0\t0\tmissing\tnic m1 missing since boot 3\n";
    let fake = compared(&comparing(), Behaviour::Says(late));
    assert!(fake.recorded("nic m1 missing since boot 3") && fake.recorded("ScriptStarted"));
    let began = at(&fake, "StageBegan { stage: \"hardware\"").expect("it began");
    assert!(at(&fake, "ScriptStarted").expect("scripts start") - began < SECOND_NS);
}

#[test]
fn nobody_compares_where_there_is_nothing_to_compare_with() {
    let asked = |draft: &Draft| {
        let fake = boot(draft, |_| {});
        !asked_to_compare(&fake).is_empty()
    };
    assert!(asked(&comparing()));
    assert!(!asked(&Draft {
        changes: Changes::Off,
        ..comparing()
    }));
    assert!(!asked(&Draft {
        store: String::new(),
        ..comparing()
    }));
    let told = |words: &str| {
        let fake = boot(&comparing(), |fake| {
            fake.files
                .insert("/proc/cmdline".to_string(), words.to_string());
        });
        let asked = asked_to_compare(&fake);
        asked.first().map(|words| words[5].to_string())
    };
    assert_eq!(told("preroot.changes=off"), None);
    assert_eq!(told("preroot.changes=note").as_deref(), Some("note"));
}

#[test]
fn a_child_that_cannot_compare_costs_nothing() {
    for (behaviour, words) in [
        (
            Behaviour::NoExec(Errno::NOENT),
            "not compared with the last good boot: errno 2",
        ),
        (
            Behaviour::Exits(5, "stored 0\n", 5),
            "not compared with the last good boot: errno 5",
        ),
        (
            Behaviour::Exits(28, "", 5),
            "not compared with the last good boot: errno 28",
        ),
        (
            Behaviour::Exits(0, "", 5),
            "not compared with the last good boot: errno 0",
        ),
        (
            Behaviour::Undying,
            "not compared with the last good boot: it takes too long",
        ),
        (
            Behaviour::Says("stored 0\nis disk vda\nverdict what\n"),
            "it takes too long",
        ),
    ] {
        let fake = compared(&comparing(), behaviour);
        assert!(fake.recorded(words), "{words}");
        assert!(fake.recorded("Verdict { word: \"OK\""), "{words}");
        let began = at(&fake, "StageBegan { stage: \"hardware\"").expect("it began");
        let ended = at(&fake, "ScriptStarted").expect("scripts start");
        assert!(ended - began < 8 * SECOND_NS, "{}", ended - began);
    }
}

/// It has the store open no more, so the next one may have it.
#[test]
fn who_compares_on_keeps_nobody_from_storing() {
    let fake = compared(&comparing(), Behaviour::Says("done\nstored 0\n"));
    assert!(fake.recorded("Verdict { word: \"OK\""));
    assert!(!fake.recorded("record not stored"), "{:#?}", fake.said);
    let keeps = fake.spawned.iter();
    let keeps = keeps.filter(|line| line.starts_with(roles::KEEP)).count();
    // The one that compares, and that of the seal at least.
    assert!(keeps > 1 && asked_to_compare(&fake).len() == 1, "{keeps}");
}

#[test]
fn a_store_that_cannot_be_written_is_compared_with_all_the_same() {
    let said = "stored 30\nverdict degraded\tdisk SN2\t4096\t0\tmissing\tdisk SN2 missing since boot 3\ndone\n";
    let fake = compared(&comparing(), Behaviour::Exits(0, said, 5));
    assert!(fake.recorded("record not stored: errno 30"));
    assert!(fake.recorded("reason: \"disk SN2 missing since boot 3\""));
    assert!(!fake.recorded("not compared"), "{:#?}", fake.said);
}

#[test]
fn a_stage_that_is_made_again_compares_again() {
    let draft = Draft {
        store: "PARTLABEL=preroot-log".to_string(),
        store_bytes: 0,
        expected: expecting(Concern::Hold).expected,
        ..comparing()
    };
    let fake = boot(&draft, |fake| {
        fake.disks.push("vdb1");
        let line = "vdb1\tpartlabel=preroot-log\tpart=1\tdisk=vdb\tbytes=4194304";
        fake.volumes.insert("vdb1".to_string(), line.to_string());
        // Two seconds go by before the stage is made again.
        fake.operator = ["attach vdz", "attach vdz", "retry", "continue"].into();
        let held = Behaviour::Exits(0, HELD, 1_000);
        fake.behaviours.insert(roles::INVENTORY.to_string(), held);
        let compares = Behaviour::Says("done\nstored 0\n");
        fake.behaviours.insert(COMPARES.to_string(), compares);
    });
    assert_eq!(reads(&fake), 2);
    assert_eq!(asked_to_compare(&fake).len(), 2, "{:#?}", fake.spawned);
    assert!(fake.killed.iter().any(|name| name == roles::KEEP));
}

#[test]
fn a_reader_that_has_said_all_is_ended_before_the_next() {
    // It stays, for what comes late, when a person has the stage made again.
    let fake = boot(&expecting(Concern::Hold), |fake| {
        fake.operator = ["retry"].into();
        fake.behaviours
            .insert(roles::INVENTORY.to_string(), Behaviour::Says(HELD));
    });
    assert_eq!(reads(&fake), 2);
    assert!(fake.killed.iter().any(|name| name == roles::INVENTORY));
}
