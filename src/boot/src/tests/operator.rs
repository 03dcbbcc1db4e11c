//! What a person says, and what the boot makes of it.

use std::format;
use std::string::String;

use proptest::prelude::*;

use super::{boot, boot_bytes, command_line, draft, names, position};
use crate::fake::{Behaviour, FLOOD, Fake};
use crate::machine::{Errno, Power};

/// A machine without its root's disk, and what is said when it waits.
fn without_root(words: &[&'static str]) -> Fake {
    boot(&draft(), |fake| {
        fake.disks.clear();
        fake.operator.extend(words);
    })
}

/// One with another disk.
fn with_another(words: &[&'static str]) -> Fake {
    boot(&draft(), |fake| {
        fake.disks = std::vec!["vdb", "vdb1"];
        let line = "vdb1\ttype=ext4\tlabel=my spare\tuuid=ab-cd";
        fake.volumes.insert("vdb1".into(), line.into());
        fake.volumes
            .insert("vdb".into(), "vdb\ttype=LVM2_member\tuuid=ef".into());
        fake.operator.extend(words);
    })
}

#[test]
fn another_root_is_booted() {
    for word in [
        "continue root=/dev/vdb1",
        "continue root=UUID=ab-cd rw",
        "continue \"root=LABEL=my spare\" rootflags=noatime",
        "continue root=/dev/vdb1 rootwait=5",
    ] {
        let fake = with_another(&[word]);
        assert_eq!(fake.answers, ["on with root\n"], "{word}");
        assert!(
            fake.recorded("device: \"vdb1\""),
            "{word}: {:#?}",
            fake.said
        );
        assert!(fake.recorded("stage: \"stay\""), "{word}: {:#?}", fake.said);
        let said = format!("{:?}", &word["continue ".len()..]);
        let order = format!("what: \"continue\", stage: \"root\", why: Some({said})");
        assert!(fake.recorded(&order), "{word}: {:#?}", fake.record());
        assert!(fake.recorded("by: Some(\"pid 77 "), "{:#?}", fake.record());
    }
}

#[test]
fn a_person_who_says_ro_means_it() {
    for (word, options) in [("ro", "ro"), ("rw", "rw"), ("", "rw")] {
        let line = std::boxed::Box::leak(format!("continue root=/dev/vdb1 {word}").into());
        let fake = with_another(&[line]);
        let mounted = format!("kind: \"ext4\", options: \"{options}\"");
        assert!(fake.recorded(&mounted), "{word}: {:#?}", fake.record());
    }
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    for (word, why) in [
        (
            "continue",
            "no root was found, so there is nothing to go on",
        ),
        (
            "continue root=/dev/vdz9",
            "root=/dev/vdz9: no device here is that; there are: vdb vdb1",
        ),
        (
            "continue root=UUID=ef",
            "vdb is a LVM2_member, which has to be assembled",
        ),
        ("continue root=NONSENSE=x", "root=NONSENSE=x cannot be read"),
        ("continue root=", "root= cannot be read"),
        ("continue init=bash", "`init=bash` cannot be read"),
        ("continue quiet", "`quiet` cannot be read"),
        (
            "continue root=/dev/vdb1 panic=1",
            "`panic=1` cannot be read",
        ),
        ("continue init=/bin/bash", "no root was found"),
        ("status now", "that word stands alone"),
        ("reboot please", "that word stands alone"),
        ("hold", ""),
        ("hold never", "never is no stage"),
        ("hold root", "root has begun"),
        ("hold off fsck", "nothing holds before fsck"),
        ("hold fsck mount start", "one STAGE"),
        ("Status", "nobody knows that word"),
        ("", "nobody knows that word"),
    ] {
        let fake = with_another(&[word, "status", "reboot"]);
        let is_refused = fake.answers[0].starts_with("error: ");
        assert_eq!(is_refused, !why.is_empty(), "{word}: {}", fake.answers[0]);
        assert!(fake.answers[0].contains(why), "{word}: {}", fake.answers[0]);
        assert!(fake.answers[1].contains("waits\tperson\t"), "{word}");
        assert!(fake.answers[1].contains("\tLABEL=root\n"), "{word}");
        let words = fake.record();
        let orders = words.iter().filter(|event| event.starts_with("Operator("));
        assert_eq!(orders.count(), 2, "{word}: {words:#?}");
    }
}

#[test]
fn two_that_are_meant_are_refused() {
    let fake = boot(&draft(), |fake| {
        for name in ["vdb1", "vdc1"] {
            fake.disks.push(name);
            let line = format!("{name}\ttype=ext4\tlabel=twin");
            fake.volumes.insert(name.into(), line);
        }
        command_line(fake, "preroot.hold=start");
        fake.operator
            .extend(["continue root=LABEL=twin", "continue"]);
    });
    assert_eq!(
        fake.answers[0],
        "error: root=LABEL=twin: that is more than one device: vdb1 vdc1\n"
    );
    assert!(fake.recorded("device: \"vda1\", at: \"/newroot\""));
}

#[test]
fn an_order_names_who_gave_it() {
    let fake = boot(&draft(), |fake| {
        fake.disks.clear();
        for (file, text) in [
            ("/proc/77/stat", "77 (preroot) R 76 76"),
            ("/proc/76/stat", "76 (my (sh) x) S 200 76"),
        ] {
            fake.files.insert(file.into(), text.into());
        }
        fake.operator
            .extend(["log in", "attach vda1", "retry", "log out"]);
    });
    let who = "by: Some(\"10.0.2.2:566 ssh-ed25519 key SHA256:04k8\")";
    assert!(fake.recorded(who), "{:#?}", fake.record());
}

/// The root is / and its init does not run: another init, or another root altogether.
#[test]
fn an_init_that_does_not_run_is_replaced() {
    let broken = |word: &'static str| {
        boot(&draft(), |fake| {
            command_line(fake, "init=/sbin/init");
            fake.disks.push("vdb1");
            let line = "vdb1\ttype=ext4\tlabel=spare";
            fake.volumes.insert("vdb1".into(), line.into());
            fake.operator.push_back(word);
        })
    };
    let fake = broken("continue init=/bin/bash");
    assert_eq!(fake.answers[0], "on with start\n");
    let execs = |fake: &Fake| -> std::vec::Vec<String> {
        let spawned = fake.spawned.iter();
        spawned
            .filter(|line| line.starts_with("exec"))
            .cloned()
            .collect()
    };
    assert_eq!(execs(&fake), ["exec /sbin/init", "exec /bin/bash"]);
    let fake = broken("continue root=LABEL=spare init=/sbin/init2");
    assert_eq!(fake.answers[0], "on with root\n");
    assert_eq!(execs(&fake), ["exec /sbin/init", "exec /sbin/init2"]);
    let unmounted = position(&fake, "preroot-unmount");
    let mounts: std::vec::Vec<usize> = (0..fake.spawned.len())
        .filter(|&at| names(&fake)[at] == "preroot-mount")
        .collect();
    assert_eq!(mounts.len(), 2, "{:#?}", fake.spawned);
    assert!(mounts[0] < unmounted && unmounted < mounts[1]);
    let fake = broken("continue root=LABEL=nowhere");
    assert!(fake.answers[0].starts_with("error: root=LABEL=nowhere"));
}

/// With a plan that cannot be read, a person who names a root and an init boots all the same.
#[test]
fn without_a_plan_a_person_says_what_to_boot() {
    let mut plan = draft().freeze().unwrap();
    plan[100] ^= 1;
    let fake = boot_bytes(&plan, |fake| {
        fake.builtin_disks = std::vec!["vda1"];
        fake.operator
            .extend(["continue", "continue root=/dev/vda1 init=/sbin/init"]);
    });
    assert!(fake.answers[0].starts_with("error: no root was found"));
    assert_eq!(fake.answers[1], "on with root\n");
    assert!(
        fake.spawned.contains(&"exec /sbin/init".into()),
        "{:#?}",
        fake.said
    );
}

#[test]
fn a_boot_that_runs_is_held_and_let_go() {
    // The wait with this number is before the root is found.
    let held = boot(&draft(), |fake| {
        fake.speaks_at = Some((2, "hold fsck"));
        fake.operator
            .extend(["hold", "hold mount", "hold off mount", "continue"]);
    });
    assert_eq!(held.answers[0], "holds before fsck\n");
    assert_eq!(held.answers[1], "no holds\n");
    assert_eq!(held.answers[2], "holds before mount\n");
    assert_eq!(held.answers[3], "no holds\n");
    assert_eq!(held.answers[4], "on with fsck\n");
    assert!(held.recorded("what: \"waiting\", stage: \"fsck\", why: Some(\"held\")"));
    assert!(held.recorded("Verdict { word: \"OK\""));
    assert!(position(&held, "-sh") < position(&held, "preroot-mount"));
}

#[test]
fn a_boot_that_waits_for_nobody_says_so() {
    for word in ["continue", "retry", "continue root=/dev/vda1"] {
        let fake = boot(&draft(), |fake| fake.speaks_at = Some((2, word)));
        let answer = &fake.answers[0];
        assert!(answer.starts_with("error: the boot waits for nobody; it is in "));
        assert!(fake.recorded("Verdict { word: \"OK\""), "{word}");
    }
}

#[test]
fn only_root_is_listened_to() {
    let fake = boot(&draft(), |fake| {
        fake.asker_uid = 1000;
        fake.speaks_at = Some((2, "poweroff"));
    });
    assert_eq!(fake.answers, ["error: only root is listened to\n"]);
    assert_eq!(fake.ended, Some(Power::Reboot), "by initctl, at the end");
    assert!(fake.recorded("stage: \"stay\""));
}

#[test]
fn panic_reboots_when_nobody_is_there() {
    let missing = |words: &[&'static str]| {
        boot(&draft(), |fake| {
            command_line(fake, "panic=30");
            fake.disks.clear();
            fake.operator.extend(words);
        })
    };
    let fake = missing(&["attach vdz"; 100]);
    assert!(fake.recorded("who: \"panic=\""), "{:#?}", fake.record());
    assert!(fake.recorded("what: \"panic=\", stage: \"root\", why: None, by: None"));
    // Words alone are no person: a program may have said them.
    let fake = missing(&["status", "reboot"]);
    assert!(fake.recorded("who: \"panic=\""), "{:#?}", fake.record());
}

#[test]
fn nothing_reboots_under_a_persons_feet() {
    let mut words = std::vec!["log in"];
    words.extend(["attach vdz"; 90]);
    words.extend(["status", "log out"]);
    words.extend(["attach vdz"; 200]);
    let fake = boot(&draft(), |fake| {
        command_line(fake, "panic=30");
        fake.disks.clear();
        fake.operator.extend(words);
    });
    let at = |words: &str| {
        let is_it = |line: &String| line.contains(words);
        fake.said
            .iter()
            .position(is_it)
            .unwrap_or_else(|| panic!("{words}: {:#?}", fake.said))
    };
    let waits =
        at("panic= waits: somebody is logged in; it reboots 60 s after the last one has left");
    let left = at("the last one has left: panic= reboots in 60 s");
    assert!(waits < left && left < at("reboot (panic=)"));
    assert!(
        fake.answers[0].contains("panic\t0\n"),
        "{}",
        fake.answers[0]
    );
    let told = fake
        .spawned
        .iter()
        .filter(|line| line.starts_with("preroot-tell "));
    assert_eq!(told.count(), 2);
    assert!(fake.recorded("who: \"panic=\""));
}

#[test]
fn how_long_a_person_was_waited_for_is_recorded() {
    let fake = without_root(&["attach vda1", "retry"]);
    let ended = fake
        .record()
        .into_iter()
        .find(|event| event.contains("what: \"retry\""))
        .unwrap();
    assert!(ended.contains("stage: \"root\""), "{ended}");
    assert!(ended.contains("waited_ns: Some("), "{ended}");
    let fake = without_root(&["reboot"]);
    let down = fake
        .record()
        .into_iter()
        .filter(|event| event.contains("what: \"reboot\""));
    assert_eq!(down.count(), 1);
}

#[test]
fn what_a_flood_says_is_answered_and_loses_nothing() {
    for (garbage, times) in [(&b"status"[..], FLOOD), (&[0xff; 700][..], FLOOD)] {
        let fake = boot(&draft(), |fake| {
            fake.garbage = garbage.to_vec();
            fake.speaks_at = Some((2, "flood"));
        });
        assert_eq!(fake.answers.len(), times);
        assert!(fake.recorded("Verdict { word: \"OK\""));
        let clean = boot(&draft(), |_| {});
        assert_eq!(fake.record().len(), clean.record().len());
    }
}

#[test]
fn a_root_that_cannot_be_left_is_said() {
    let fake = boot(&draft(), |fake| {
        command_line(fake, "init=/sbin/init");
        fake.disks.push("vdb1");
        let line = "vdb1\ttype=ext4\tlabel=spare";
        fake.volumes.insert("vdb1".into(), line.into());
        fake.holders = 100;
        fake.operator
            .extend(["continue root=LABEL=spare", "reboot"]);
    });
    let words = "RESCUE: root: unmount the root, to check it, errno 16";
    assert!(
        fake.said.iter().any(|line| line.starts_with(words)),
        "{:#?}",
        fake.said
    );
}

#[test]
fn the_room_for_words_is_bounded() {
    let mut words = std::vec::Vec::new();
    let long = format!(
        "continue root=/dev/vdz1 rootwait=1 rootflags={}",
        "x".repeat(400)
    );
    let long: &'static str = std::boxed::Box::leak(long.into());
    words.extend([long; 8]);
    words.push("reboot");
    let fake = with_another(&words);
    let full = "error: too much was said in this boot to keep more: reboot\n";
    assert!(
        fake.answers.iter().any(|answer| answer == full),
        "{:?}",
        fake.answers
    );
    assert!(fake.recorded("who: \"operator\""));
}

/// Words, and what is nearly one.
fn any_words() -> impl Strategy<Value = std::vec::Vec<u8>> {
    let word = "(status|continue|retry|hold|off|reboot|poweroff|halt|root=|init=|ro|rw|rootwait|/dev/vda1|LABEL=root|fsck|start|stay|[a-z]{1,9}|\"|=|\\t|\u{fc})";
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600),
        prop::collection::vec(word, 0..8).prop_map(|words| words.join(" ").into_bytes()),
        "\\PC{0,80}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is sent to the socket, in whatever state: it is answered, once, by whole lines, and the boot goes on
    /// or goes down as a word has asked it to.
    #[test]
    fn any_datagram_is_answered_in_any_state(
        garbage in any_words(),
        at in 1_usize..120,
        line in "(|preroot.hold=(fsck|mount|start)|init=/sbin/init)",
        is_there in any::<bool>(),
    ) {
        let before = garbage.clone();
        let fake = boot(&draft(), |fake| {
            command_line(fake, &line);
            fake.garbage = garbage;
            fake.speaks_at = Some((at, "garbage"));
            if !is_there {
                fake.disks.clear();
                fake.operator.extend(["garbage", "attach vda1", "garbage", "retry"]);
            }
            fake.operator.extend(["garbage", "continue", "garbage", "continue"]);
            fake.behaviours.insert("/x".into(), Behaviour::NoExec(Errno::NOENT));
        });
        prop_assert!(fake.ended.is_some());
        let spoken = fake.call_names.iter().filter(|name| **name == "answer_control").count();
        prop_assert_eq!(fake.answers.len(), spoken);
        for answer in &fake.answers {
            prop_assert!(answer.ends_with('\n'), "{answer:?}");
        }
        if core::str::from_utf8(&before).is_err() {
            prop_assert!(fake.answers.iter().any(|answer| answer.starts_with("error: ")) || spoken == 0);
        }
    }
}
