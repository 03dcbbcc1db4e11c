//! The watchdog: armed early, fed whatever the boot's state is, let go in the way that is meant.

use preroot_plan::{Draft, Finish, LetGo};

use super::{boot, command_line, draft, names, position};
use crate::fake::{Behaviour, Fake};
use crate::limits::SECOND_NS;
use crate::machine::{Errno, Power};
use crate::roles;

fn guarded() -> Draft {
    Draft {
        watchdog: "/dev/watchdog0".into(),
        watchdog_s: 60,
        ..draft()
    }
}

fn handing_over(let_go: LetGo) -> Draft {
    Draft {
        finish: Finish::Init,
        watchdog_let_go: let_go,
        ..guarded()
    }
}

/// Every time its helper was started, its words.
fn starts(fake: &Fake) -> std::vec::Vec<&str> {
    let lines = fake.spawned.iter().map(std::string::String::as_str);
    lines
        .filter_map(|line| line.strip_prefix("preroot-watchdog "))
        .collect()
}

fn recorded(fake: &Fake, what: &str) -> usize {
    let front = std::format!("Watchdog(Watchdog {{ what: \"{what}\"");
    let record = fake.record();
    record
        .iter()
        .filter(|line| line.starts_with(&front))
        .count()
}

fn failing(said: &'static str, code: u8) -> impl Fn(&mut Fake) {
    move |fake| {
        let behaviour = Behaviour::Exits(code, said, 10);
        fake.behaviours.insert(roles::WATCHDOG.into(), behaviour);
    }
}

#[test]
fn it_is_armed_before_anything_else_and_fed_to_the_end() {
    let fake = boot(&guarded(), |_| {});
    assert!(position(&fake, roles::WATCHDOG) < position(&fake, roles::LOAD_MODULES));
    // Once at the beginning, and for the way down with as much time as a restart may take.
    assert_eq!(starts(&fake), ["/dev/watchdog0 60", "/dev/watchdog0 600"]);
    assert!(
        fake.recorded(
            "what: \"armed\", device: \"/dev/watchdog0\", timeout_s: 60, identity: Some(\"fake wdt\"), boot_status: Some(0)"
        ),
        "{:#?}",
        fake.record()
    );
    assert!(fake.recorded("Verdict { word: \"OK\""));
    assert_eq!(fake.alive(), [roles::WATCHDOG], "it guards the restart");
    assert!(!fake.said.iter().any(|line| line.contains("has reset")));
}

#[test]
fn without_one_nobody_looks_for_it() {
    let fake = boot(&draft(), |_| {});
    assert!(starts(&fake).is_empty());
    assert!(!fake.recorded("Watchdog("));
}

#[test]
fn the_command_line_comes_first() {
    let check = |draft: &Draft, line: &str, expected: &[&str]| {
        let fake = boot(draft, |fake| command_line(fake, line));
        assert_eq!(starts(&fake).first(), expected.first(), "{line}");
        assert!(fake.recorded("Verdict { word: \"OK\""), "{line}");
        fake
    };
    let off = check(&guarded(), "preroot.watchdog=off", &[]);
    assert_eq!(recorded(&off, "off"), 1, "{:#?}", off.record());
    check(&guarded(), "preroot.watchdog=20", &["/dev/watchdog0 20"]);
    let other = "preroot.watchdog=/dev/watchdog1";
    check(&guarded(), other, &["/dev/watchdog1 60"]);
    check(
        &draft(),
        "preroot.watchdog=/dev/watchdog,90",
        &["/dev/watchdog 90"],
    );
    check(&draft(), "preroot.watchdog=90", &["/dev/watchdog0 90"]);
    let none = check(&draft(), "preroot.watchdog=off", &[]);
    assert_eq!(recorded(&none, "off"), 0);
}

#[test]
fn what_it_did_last_boot_is_told() {
    let fake = boot(&guarded(), |fake| {
        fake.boot_status = 0x20;
        fake.disks.clear();
        fake.operator.extend(["status", "reboot"]);
    });
    let told = fake
        .said
        .iter()
        .filter(|line| line.contains("the watchdog has reset this machine"));
    assert_eq!(
        told.count(),
        1,
        "though it was armed twice: {:#?}",
        fake.said
    );
    assert!(
        fake.answers[0].contains("watchdog\t/dev/watchdog0\tfed\t60\tfake wdt\treset\n"),
        "{}",
        fake.answers[0]
    );
}

#[test]
fn pid_1_answers_and_says_who_is_there() {
    let fake = boot(&guarded(), |fake| {
        fake.disks.clear();
        fake.operator
            .extend(["alive", "log in", "alive", "log out", "alive", "reboot"]);
    });
    assert_eq!(fake.answers[..3], ["alive\n", "alive 200\n", "alive\n"]);
}

#[test]
fn one_that_comes_late_is_armed_when_it_comes() {
    let fake = boot(&guarded(), |fake| {
        failing("failed\topen\t2\n", 2)(fake);
        fake.disks.clear();
        // As another name of it appears, and long after it was to be there.
        fake.operator.extend([
            "plug watchdog1",
            "status",
            "plug watchdog0",
            "attach vdz",
            "reboot",
        ]);
    });
    assert_eq!(
        starts(&fake).len(),
        2,
        "no other name, no timer: {:?}",
        fake.spawned
    );
    assert!(fake.answers[0].contains("watchdog\t/dev/watchdog0\tmissing\t0\t\t\n"));
    assert_eq!(recorded(&fake, "missing"), 1, "{:#?}", fake.record());
    assert_eq!(recorded(&fake, "failed"), 0);
    assert!(
        fake.said
            .iter()
            .any(|line| line == "watchdog /dev/watchdog0 missing")
    );
}

#[test]
fn what_is_wrong_is_told_once_and_tried_again() {
    for (said, code, words) in [
        (
            "failed\topen\t16\n",
            16,
            "watchdog /dev/watchdog0: open: errno 16",
        ),
        (
            "failed\tcontrol\t110\n",
            110,
            "watchdog /dev/watchdog0: control: errno 110",
        ),
        (
            "armed\t60\t0\tx\nfailed\tfeed\t5\n",
            5,
            "watchdog /dev/watchdog0: feed: errno 5",
        ),
    ] {
        let fake = boot(&guarded(), |fake| {
            failing(said, code)(fake);
            // Long enough for some tries.
            fake.disks.clear();
            fake.operator.extend(["attach vdz"; 10]);
        });
        let told = fake.said.iter().filter(|line| *line == words);
        assert_eq!(told.count(), 1, "{words}: {:#?}", fake.said);
        assert_eq!(recorded(&fake, "failed"), 1, "{words}");
        let count = starts(&fake).len();
        assert!((3..40).contains(&count), "{words}: {count}");
    }
    // A time that it cannot wait is no reason not to have it.
    let fake = boot(&guarded(), |fake| {
        let said = "failed\ttimeout\t22\narmed\t30\t0\tx\n";
        fake.behaviours
            .insert(roles::WATCHDOG.into(), Behaviour::Says(said));
    });
    assert!(fake.recorded("DEGRADED\", reason: \"watchdog /dev/watchdog0: timeout: errno 22\""));
    assert_eq!(recorded(&fake, "failed"), 1);
}

#[test]
fn a_helper_that_dies_comes_back() {
    let fake = boot(&guarded(), |fake| {
        fake.disks.clear();
        for _ in 0..2 {
            fake.operator.push_back("kill preroot-watchdog");
            fake.operator.extend(["attach vdz"; 3]);
        }
    });
    assert_eq!(starts(&fake).len(), 4, "{:#?}", fake.times());
    let armed: std::vec::Vec<u64> = fake
        .times()
        .into_iter()
        .filter(|(_, line)| line.contains("what: \"armed\""))
        .map(|(at, _)| at / SECOND_NS)
        .collect();
    // Well before its time is over.
    assert!(
        armed[1..].windows(2).all(|two| two[1] - two[0] <= 5),
        "{armed:?}"
    );
}

#[test]
fn at_the_hand_over_it_is_let_go_as_the_plan_says() {
    let run = |let_go, change: &dyn Fn(&mut Fake)| boot(&handing_over(let_go), |fake| change(fake));
    let place = |fake: &Fake, words: &str| {
        let record = fake.record();
        let at = record.iter().position(|line| line.contains(words));
        at.unwrap_or_else(|| panic!("{words}: {record:#?}"))
    };
    let sealed = "Verdict { word: \"OK\"";
    let disarmed = run(LetGo::Disarm, &|_| {});
    assert!(place(&disarmed, "what: \"disarmed\"") < place(&disarmed, sealed));
    let left = run(LetGo::Leave, &|_| {});
    assert!(place(&left, "what: \"left\"") < place(&left, sealed));
    assert_eq!(recorded(&left, "disarmed"), 0);
    // It cannot be stopped: somebody has to know.
    let stays = run(LetGo::Disarm, &|fake| fake.disarms = "disarmed\t16\n");
    assert!(
        stays
            .said
            .iter()
            .any(|line| line.contains("cannot be stopped (errno 16)"))
    );
    assert!(place(&stays, "what: \"left\"") < place(&stays, sealed));
    // Nor does one that hangs hold the hand-over up for long.
    let hangs = run(LetGo::Disarm, &|fake| {
        fake.behaviours
            .insert(roles::WATCHDOG.into(), Behaviour::Undying);
    });
    assert!(hangs.recorded("what: \"left\"") && hangs.recorded("errno: Some(110)"));
    for fake in [disarmed, left, stays, hangs] {
        // There is no init in the fake's root: it is armed again.
        let exec = position(&fake, "exec");
        let again = names(&fake)[exec..]
            .iter()
            .any(|name| name == roles::WATCHDOG);
        assert!(again, "{:?}", fake.spawned);
    }
    // One that is missing is told by then: nobody is left to tell it later.
    let missing = run(LetGo::Leave, &failing("failed\topen\t2\n", 2));
    assert!(place(&missing, "what: \"missing\"") < place(&missing, "Verdict { word: \"DEGRADED\""));
}

#[test]
fn switched_off_it_is_disarmed() {
    for (word, how) in [("poweroff", Power::Off), ("halt", Power::Halt)] {
        let fake = boot(&guarded(), |fake| {
            fake.disks.clear();
            fake.operator.push_back(word);
        });
        assert_eq!(fake.ended, Some(how));
        assert_eq!(
            recorded(&fake, "disarmed"),
            1,
            "{word}: {:#?}",
            fake.record()
        );
        assert_eq!(starts(&fake).len(), 1, "{word}");
    }
}

/// Whichever call fails: the boot ends as it would without a watchdog, and one that could be armed is.
#[test]
fn whichever_call_fails_the_boot_goes_on() {
    for finish in [Finish::Stay, Finish::Init] {
        let draft = Draft {
            finish,
            ..guarded()
        };
        let run = |call| {
            boot(&draft, |fake| {
                fake.fail_at = call;
                fake.operator.extend(["retry", "retry", "alive", "status"]);
            })
        };
        for call in 0..run(None).calls {
            let fake = run(Some(call));
            let name = fake.call_names[call];
            assert!(fake.ended.is_some(), "{finish:?} call {call} {name}");
            assert!(!starts(&fake).is_empty(), "{finish:?} call {call} {name}");
            let armed = recorded(&fake, "armed");
            assert!(armed > 0, "{finish:?} call {call} {name}: {:#?}", fake.said);
        }
    }
}

#[test]
fn one_that_cannot_be_started_is_no_end() {
    let fake = boot(&guarded(), |fake| {
        let behaviour = Behaviour::NoExec(Errno::NOENT);
        fake.behaviours.insert(roles::WATCHDOG.into(), behaviour);
    });
    assert!(fake.recorded("stage: \"stay\""));
}
