//! When the rescue sshd starts and ends, and what is handed over, on the fake machine.

use std::string::ToString;

use preroot_plan::{Draft, Finish, HandedOver, RescueEnd, RescueStart};

use super::{boot, command_line, draft, script};
use crate::fake::{Behaviour, Fake};
use crate::machine::Errno;
use crate::roles;

/// How often sshd was started.
fn starts(fake: &Fake) -> usize {
    let is_sshd = |line: &&std::string::String| line.starts_with("dropbear");
    fake.spawned.iter().filter(is_sshd).count()
}

fn off_plan() -> Draft {
    Draft {
        rescue_start: RescueStart::OffPlan,
        ..draft()
    }
}

/// The place of the first event with these words.
fn place(fake: &Fake, words: &str) -> usize {
    let record = fake.record();
    let place = record.iter().position(|event| event.contains(words));
    place.unwrap_or_else(|| panic!("{words}: {record:#?}"))
}

#[test]
fn off_plan_nothing_starts_it_in_a_clean_boot() {
    let fake = boot(&off_plan(), |_| {});
    assert_eq!(starts(&fake), 0, "{:#?}", fake.spawned);
    assert!(fake.recorded(
        "what: \"off\", pid: 0, starts: 0, status: 0, why: Some(\"off-plan: nothing is\")"
    ));
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

#[test]
fn off_plan_it_starts_at_once_for_whatever_is() {
    let check = |change: &dyn Fn(&mut Fake), before: &str| {
        let fake = boot(&off_plan(), |fake| change(fake));
        assert!(starts(&fake) > 0, "{:#?}", fake.record());
        assert!(place(&fake, "what: \"on\"") < place(&fake, before));
    };
    // A stage that fails.
    check(&|fake| fake.volumes.clear(), "Operator { what: \"reboot\"");
    // A hold.
    check(
        &|fake| {
            command_line(fake, "preroot.hold=root");
            fake.operator.extend(["continue"]);
        },
        "Operator { what: \"continue\"",
    );
    // What degrades the boot on its way.
    check(
        &|fake| fake.module_errno = Some(("virtio_net", 5)),
        "stage: \"start\"",
    );
    // A script at its deadline, long before it has ended.
    check(
        &|fake| {
            let undying = Behaviour::Undying;
            fake.behaviours
                .insert("/etc/init.d/urandom".to_string(), undying);
        },
        "ScriptEnded { script: 1",
    );
    // A plan that is none has no policies.
    let fake = boot(&off_plan(), |fake| fake.fail_name = Some("mount_early"));
    assert!(starts(&fake) > 0);
}

fn healthy(finish: Finish) -> Draft {
    Draft {
        rescue_end: RescueEnd::WhenHealthy,
        healthy: "127.0.0.1:22".to_string(),
        finish,
        ..draft()
    }
}

#[test]
fn it_ends_when_the_real_one_answers_and_comes_back_when_that_is_gone() {
    let says = |said: &'static str| {
        boot(&healthy(Finish::Stay), |fake| {
            let asker = Behaviour::Says(said);
            fake.behaviours.insert(roles::HEALTHY.to_string(), asker);
        })
    };
    let fake = says("");
    assert_eq!(starts(&fake), 1);
    assert!(!fake.recorded("what: \"off\""));
    let fake = says("answers 127.0.0.1:22 SSH-2.0-x\n");
    assert_eq!(starts(&fake), 1);
    assert!(fake.recorded("why: Some(\"when-healthy: answers 127.0.0.1:22 SSH-2.0-x\")"));
    assert!(place(&fake, "stage: \"pivot\"") < place(&fake, "what: \"off\""));
    let fake = says("answers a b\ngone a\n");
    assert_eq!(starts(&fake), 2, "{:#?}", fake.record());
    assert!(place(&fake, "what: \"off\"") < place(&fake, "what: \"on\""));
    let fake = says("answers a b\ngone a\nanswers a b\n");
    assert!(
        fake.record()
            .iter()
            .rfind(|event| event.starts_with("Sshd"))
            .unwrap()
            .contains("what: \"off\"")
    );
}

#[test]
fn an_asker_that_dies_leaves_nobody_without_sshd() {
    let fake = boot(&healthy(Finish::Stay), |fake| {
        let dies = Behaviour::Exits(9, "answers a b\n", 500);
        fake.behaviours.insert(roles::HEALTHY.to_string(), dies);
    });
    assert!(starts(&fake) >= 2, "{:#?}", fake.record());
    assert!(fake.recorded("why: Some(\"when-healthy: nobody asks\")"));
}

#[test]
fn at_the_handover_it_ends_or_somebody_is_left_to_end_it() {
    let check = |draft: &Draft, spawned: &[&str], off: bool| {
        let fake = boot(draft, |_| {});
        for line in spawned {
            assert!(
                fake.spawned.iter().any(|s| s.starts_with(line)),
                "{line}: {:#?}",
                fake.spawned
            );
        }
        assert_eq!(fake.recorded("what: \"off\""), off, "{:#?}", fake.record());
        // There is no init in the fake's root: it comes back.
        assert!(fake.recorded("RESCUE"), "{:#?}", fake.said);
        assert_eq!(fake.recorded("what: \"on\""), off, "{:#?}", fake.record());
        assert_eq!(starts(&fake), 1 + usize::from(off));
    };
    let at_handover = Draft {
        rescue_end: RescueEnd::AtHandover,
        finish: Finish::Init,
        ..draft()
    };
    check(
        &at_handover,
        &["preroot-handover keep", "exec /sbin/init"],
        true,
    );
    let healthy = healthy(Finish::Init);
    check(
        &healthy,
        &["preroot-healthy 127.0.0.1:22 10", "preroot-handover keep"],
        false,
    );
    let teardown = Draft {
        addresses: HandedOver::Teardown,
        finish: Finish::Init,
        ..draft()
    };
    check(
        &teardown,
        &["preroot-handover teardown", "preroot-handover give-back"],
        false,
    );
}

#[test]
fn the_network_script_is_behind_the_teardown() {
    let mut draft = Draft {
        addresses: HandedOver::Teardown,
        ..draft()
    };
    draft.runlevels[0]
        .scripts
        .push(script("networking", 3, &[]));
    let fake = boot(&draft, |_| {});
    let before = "preroot-handover before /etc/init.d/networking";
    let at = |front: &str| {
        let place = fake.spawned.iter().position(|line| line.starts_with(front));
        place.unwrap_or_else(|| panic!("{front}: {:#?}", fake.spawned))
    };
    assert!(at("preroot-handover keep") < at(before));
    assert!(at(before) < at("preroot-handover give-back"));
    assert!(fake.recorded("Handover { what: \"keep\""));
    assert!(fake.recorded("Handover { what: \"teardown\", to: \"networking\""));
    assert!(fake.recorded("Handover { what: \"give back\", to: \"networking\""));
    draft.addresses = HandedOver::Keep;
    let fake = boot(&draft, |_| {});
    assert!(
        fake.spawned
            .iter()
            .any(|line| line.starts_with("/etc/init.d/networking"))
    );
    assert!(!fake.spawned.iter().any(|line| line.contains("give-back")));
}

#[test]
fn each_verdict_is_sent_and_what_became_of_it_recorded() {
    let draft = Draft {
        syslog: std::vec!["192.0.2.1:514".to_string()],
        ..draft()
    };
    let said = "192.0.2.1:514 OK 391 0 2\n";
    let fake = boot(&draft, |fake| {
        let sends = Behaviour::Exits(0, said, 20);
        fake.behaviours.insert(roles::SYSLOG.to_string(), sends);
    });
    assert!(fake.recorded(
        "Syslog { to: \"192.0.2.1:514\", word: \"OK\", bytes: 391, errno: 0, tries: 2 }"
    ));
    let sent = |fake: &Fake| {
        let is_sent = |line: &&std::string::String| line.starts_with(roles::SYSLOG);
        fake.spawned.iter().filter(is_sent).count()
    };
    assert_eq!(sent(&fake), 1);
    // RESCUE, and FAILED.
    let fake = boot(&draft, |fake| fake.volumes.clear());
    assert_eq!(sent(&fake), 2, "{:#?}", fake.spawned);
    let fake = boot(&draft, |fake| {
        let no = Behaviour::NoExec(Errno::NOENT);
        fake.behaviours.insert(roles::SYSLOG.to_string(), no);
    });
    assert!(fake.recorded("bytes: 0, errno: 2, tries: 0"));
}

/// Whichever call fails with all policies at once: it ends, sshd was there as soon as anything was off plan, and the way in
/// that was taken off is put on again.
#[test]
fn whichever_call_fails_with_policies_the_boot_ends() {
    let mut draft = Draft {
        rescue_start: RescueStart::OffPlan,
        addresses: HandedOver::Teardown,
        syslog: std::vec!["192.0.2.1:514".to_string()],
        ..healthy(Finish::Stay)
    };
    draft.runlevels[0]
        .scripts
        .push(script("networking", 3, &[]));
    let run = |call| {
        boot(&draft, |fake| {
            fake.fail_at = call;
            fake.operator.extend(["retry", "retry"]);
            let asker = Behaviour::Says("answers a b\ngone a\n");
            fake.behaviours.insert(roles::HEALTHY.to_string(), asker);
        })
    };
    for call in 0..run(None).calls {
        let fake = run(Some(call));
        let name = fake.call_names[call];
        assert!(fake.ended.is_some(), "call {call} {name}");
        let is_rescued = fake.said.iter().any(|line| line.starts_with("RESCUE"));
        assert!(!is_rescued || starts(&fake) > 0, "call {call} {name}");
        let began = |front: &str| fake.spawned.iter().any(|line| line.starts_with(front));
        let is_torn_down = began("preroot-handover before");
        let is_given_back = began("preroot-handover give-back") || name == "spawn";
        assert!(!is_torn_down || is_given_back, "call {call} {name}");
    }
}
