//! The frozen order on the fake machine: who starts when, and how each script can end.

use std::boxed::Box;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use preroot_plan::{Draft, Finish, Limits, Policy, ScriptMode, Weight};

use super::{boot, draft, names, position};
use crate::fake::{Behaviour, Fake};
use crate::groups;
use crate::machine::Errno;

fn with(name: &str, behaviour: Behaviour) -> Fake {
    with_draft(&draft(), name, behaviour)
}

fn with_draft(draft: &Draft, name: &str, behaviour: Behaviour) -> Fake {
    boot(draft, |fake| {
        let path = format!("/etc/init.d/{name}");
        fake.behaviours.insert(path, behaviour);
    })
}

/// Where in the record the first event with these words stands.
fn at(fake: &Fake, words: &str) -> usize {
    let record = fake.record();
    let found = record.iter().position(|event| event.contains(words));
    found.unwrap_or_else(|| panic!("no {words}: {record:#?}"))
}

fn says(fake: &Fake, words: &str) -> bool {
    fake.said.iter().any(|line| line.contains(words))
}

#[test]
fn a_script_that_hangs_is_ended_and_the_rest_starts() {
    for (behaviour, end) in [
        (Behaviour::Runs, "end: TimedOut, status: 15"),
        (Behaviour::IgnoresTerm, "end: TimedOut, status: 9"),
        (Behaviour::Undying, "end: Abandoned"),
    ] {
        let fake = with("ssh", behaviour);
        assert!(fake.recorded(end), "{end}: {:#?}", fake.record());
        assert!(position(&fake, "/etc/init.d/ssh") < position(&fake, "/etc/init.d/late"));
        assert!(fake.recorded("Verdict { word: \"DEGRADED\", reason: \"script ssh"));
        assert!(fake.ended.is_some());
    }
}

/// The shell or the C library of the root is gone: nothing on it can run, and that is no `OK`. One that can is enough.
#[test]
fn a_boot_in_which_no_script_ends_well_is_degraded() {
    let scripts = ["mountall.sh", "urandom", "rsyslog", "cron", "ssh", "late"];
    for (well, word) in [(None, "DEGRADED"), (Some("urandom"), "OK")] {
        let fake = boot(&draft(), |fake| {
            for script in scripts.iter().filter(|script| Some(**script) != well) {
                let failed = Behaviour::Exits(127, "", 1);
                fake.behaviours
                    .insert(format!("/etc/init.d/{script}"), failed);
            }
        });
        let verdict = format!("Verdict {{ word: \"{word}\"");
        assert!(fake.recorded(&verdict), "{word}: {:#?}", fake.record());
        let reason = "none of 6 scripts has ended well";
        assert_eq!(fake.recorded(reason), well.is_none());
    }
}

#[test]
fn edges_do_not_wait_for_a_hung_neighbour() {
    let mut draft = draft();
    draft.policy = Policy::Edges;
    // cron hangs; late only waits for ssh.
    let fake = with_draft(&draft, "cron", Behaviour::Runs);
    let started = at(&fake, "ScriptStarted { script: 5, name: \"late\"");
    assert!(started < at(&fake, "name: \"cron\", end: TimedOut"));
}

#[test]
fn interactive_scripts_run_alone() {
    let mut draft = draft();
    draft.runlevels[1].scripts[1].mode = ScriptMode::Interactive;
    let fake = boot(&draft, |_| {});
    let ended = at(&fake, "ScriptEnded { script: 3, name: \"cron\"");
    assert!(ended < at(&fake, "ScriptStarted { script: 4, name: \"ssh\""));
}

/// How many scripts ran at once, at most.
fn at_once(fake: &Fake) -> usize {
    let (mut running, mut most) = (0_usize, 0);
    for event in fake.record() {
        if event.contains("ScriptStarted {") {
            running += 1;
        } else if event.contains("ScriptEnded {") {
            running -= 1;
        }
        most = most.max(running);
    }
    most
}

#[test]
fn no_more_run_at_once_than_the_plan_allows() {
    for policy in [Policy::Levels, Policy::Edges] {
        for (parallel, most) in [(1, 1), (2, 2), (3, 3), (0, 6)] {
            let mut draft = draft();
            draft.policy = policy;
            draft.parallel = parallel;
            let runlevel = &mut draft.runlevels[1];
            for (number, script) in runlevel.scripts.iter_mut().enumerate() {
                script.level = 1;
                script.edges.clear();
                script.deadline_ms = 1000 * (u32::try_from(number).unwrap() + 1);
            }
            for name in ["more", "most"] {
                let mut script = runlevel.scripts[0].clone();
                script.name = name.to_string();
                runlevel.scripts.push(script);
            }
            runlevel.scripts.sort_by(|a, b| a.name.cmp(&b.name));
            let fake = boot(&draft, |_| {});
            assert_eq!(at_once(&fake), most, "{policy:?}, parallel {parallel}");
            assert!(fake.recorded("RunlevelEnded { runlevel: \"2\", succeeded: 6"));
        }
    }
}

#[test]
fn how_a_script_ends_is_recorded_and_stops_nobody() {
    let exit = |code| Behaviour::Exits(code, "out\n", 5);
    // How it ends, what is recorded, what the runlevel counts, what is said.
    let cases = [
        (exit(0), "Exited, status: 0", "succeeded: 4, failed: 0", ""),
        (
            exit(1),
            "Exited, status: 1",
            "succeeded: 3, failed: 1",
            "exit 1",
        ),
        (
            exit(5),
            "Exited, status: 5",
            "succeeded: 3, failed: 0, timed_out: 0, skipped: Some(1)",
            "exit 5: the program is not installed",
        ),
        (
            exit(6),
            "Exited, status: 6",
            "succeeded: 3, failed: 0, timed_out: 0, skipped: Some(1)",
            "exit 6: the program is not configured",
        ),
        (
            exit(127),
            "Exited, status: 127",
            "succeeded: 3, failed: 1",
            "exit 127: a command in it was not found",
        ),
        (
            Behaviour::NoExec(Errno::NOENT),
            "NotStarted, status: 2",
            "succeeded: 3, failed: 1",
            "errno 2: it or the interpreter in its first line is missing",
        ),
        (
            Behaviour::NoExec(Errno::ACCESS),
            "NotStarted, status: 13",
            "succeeded: 3, failed: 1",
            "errno 13: it is not executable",
        ),
    ];
    for (behaviour, end, counts, said) in cases {
        for weight in [Weight::Normal, Weight::Critical] {
            let mut draft = draft();
            draft.runlevels[1].scripts[0].weight = weight;
            let fake = with_draft(&draft, "rsyslog", behaviour.clone());
            let ended = format!("name: \"rsyslog\", end: {end}");
            assert!(fake.recorded(&ended), "{ended}: {:#?}", fake.record());
            let counted = format!("RunlevelEnded {{ runlevel: \"2\", {counts}");
            assert!(fake.recorded(&counted), "{counted}: {:#?}", fake.record());
            assert!(says(&fake, said), "{said}: {:#?}", fake.said);
            assert!(names(&fake).contains(&"/etc/init.d/late".to_string()));
            let is_fine = weight == Weight::Normal || said.is_empty();
            let word = if is_fine { "OK" } else { "DEGRADED" };
            let verdict = format!("Verdict {{ word: \"{word}\"");
            assert!(fake.recorded(&verdict), "{verdict}: {:#?}", fake.said);
        }
    }
}

#[test]
fn a_script_without_an_interpreter_is_given_to_the_shell() {
    let fake = with("ssh", Behaviour::NoExec(Errno::NOEXEC));
    let shell = "/bin/sh /etc/init.d/ssh start".to_string();
    assert!(fake.spawned.contains(&shell), "{:#?}", fake.spawned);
    assert!(fake.recorded("name: \"ssh\", end: Exited, status: 0"));
}

#[test]
fn a_deadline_ends_the_whole_group() {
    let group = "/run/preroot/cgroup/scripts/2.cron";
    for (behaviour, signals) in [
        // Whoever the script has left behind is killed when it has ended of SIGTERM.
        (Behaviour::Runs, &["Term", "Kill"][..]),
        (Behaviour::IgnoresTerm, &["Term", "Kill", "Kill"]),
        (Behaviour::Undying, &["Term", "Kill"]),
        (Behaviour::Exits(0, "", 10), &[]),
    ] {
        let fake = with("cron", behaviour);
        let expected: Vec<String> = signals.iter().map(|how| format!("{how} {group}")).collect();
        assert_eq!(fake.killed_groups, expected);
    }
}

#[test]
fn without_control_groups_scripts_run_all_the_same() {
    for call in ["mount_early", "make_directory"] {
        let fake = boot(&draft(), |fake| fake.fail_name = Some(call));
        assert!(fake.ended.is_some());
    }
    let clean = boot(&draft(), |_| {});
    let is_mount = |&call: &usize| clean.call_names[call] == "mount_early";
    // The first four are /dev, /proc, /sys and /run.
    let groups = (0..clean.calls).filter(is_mount).nth(4);
    let fake = boot(&draft(), |fake| fake.fail_at = groups);
    assert!(
        fake.recorded("no control groups, errno 5"),
        "{:#?}",
        fake.record()
    );
    assert!(fake.groups_born_into.is_empty());
    let fake = boot(&draft(), |_| {});
    let group = "/run/preroot/cgroup/scripts/2.ssh".to_string();
    assert!(fake.groups_born_into.contains(&group));
}

#[test]
fn scripts_leave_something_to_the_rescue_while_the_order_runs() {
    let fake = boot(&draft(), |_| {});
    let scripts = "/run/preroot/cgroup/scripts";
    let written = |path: &str| -> Vec<&str> {
        let of_path = fake.written.iter().filter(|(file, _)| file == path);
        of_path.map(|(_, value)| value.as_str()).collect()
    };
    let share = ["+memory", "+pids"];
    let taken = ["+memory", "+pids", "+cpu"];
    // sshd takes its share when it starts; going down begins the scripts' again.
    assert_eq!(
        written("/run/preroot/cgroup/cgroup.subtree_control"),
        [&share[..], &taken, &["-cpu"], &taken].concat()
    );
    // 3800 tasks, an eighth of them kept, by the daemons too; one script gets half while the order runs.
    assert_eq!(
        written(&format!("{scripts}/pids.max")),
        ["3325", "3325", "3325"]
    );
    assert_eq!(
        written(&format!("{scripts}/cgroup.subtree_control")),
        ["+pids", "+cpu", "-pids -cpu", "+pids", "+cpu"]
    );
    assert_eq!(written(&format!("{scripts}/2.ssh/pids.max")), ["1662"]);
    // 800 MiB can be used, an eighth of them kept while the order runs.
    assert_eq!(
        written(&format!("{scripts}/memory.max")),
        ["734003200", "max", "734003200"]
    );
}

#[test]
fn the_rescue_has_a_share_of_its_own() {
    let rescue = "/run/preroot/cgroup/rescue";
    let fake = boot(&draft(), |_| {});
    assert_eq!(fake.groups_born_into.first().unwrap(), rescue);
    let mut written: Vec<&str> = Vec::new();
    for (path, value) in &fake.written {
        if path.starts_with(rescue) {
            written.extend([path.rsplit('/').next().unwrap(), value]);
        }
    }
    // 48 MiB stay; of the 475 tasks that scripts leave, 32 are PID 1's.
    assert_eq!(written, ["memory.min", "50331648", "pids.max", "443"]);
    // What inittab serves leaves the same.
    let services = "/run/preroot/cgroup/scripts/services".to_string();
    assert!(fake.groups_born_into.contains(&services));
}

#[test]
fn the_root_s_own_init_finds_no_controller_taken() {
    let mut draft = draft();
    draft.finish = Finish::Init;
    let fake = boot(&draft, |_| {});
    assert!(
        !fake
            .written
            .iter()
            .any(|(path, _)| path.contains("/cgroup/"))
    );
    // The group is there all the same: its init moves who shares its own.
    assert!(fake.groups_born_into.contains(&groups::RESCUE.to_string()));
}

#[test]
fn a_plan_can_leave_the_controllers_to_the_root() {
    let mut draft = draft();
    draft.limits = Limits::None;
    let fake = boot(&draft, |_| {});
    assert_eq!(
        fake.written
            .iter()
            .filter(|(path, _)| path.contains("/cgroup/"))
            .count(),
        0
    );
    let group = "/run/preroot/cgroup/scripts/2.ssh".to_string();
    assert!(fake.groups_born_into.contains(&group));
}

#[test]
fn limits_that_the_kernel_does_not_have_are_told() {
    let fake = boot(&draft(), |fake| fake.fail_name = Some("write_file"));
    for controller in ["memory", "pids", "cpu"] {
        let told = format!("scripts: no limit of {controller}: errno 5");
        assert!(fake.recorded(&told), "{told}");
    }
    assert!(fake.recorded("rescue: no limit of memory: errno 5"));
    assert!(fake.groups_born_into.contains(&groups::RESCUE.to_string()));
    assert!(fake.recorded("name: \"ssh\", end: Exited, status: 0"));
}

#[test]
fn who_finds_no_room_waits_for_another_to_end() {
    let busy = |fake: &mut Fake| {
        fake.no_room_for = Some("/etc/init.d/ssh");
        let slow = Behaviour::Exits(0, "", 500);
        fake.behaviours.insert("/etc/init.d/cron".to_string(), slow);
    };
    let fake = boot(&draft(), busy);
    // cron of the same level ran when ssh was tried, and had ended when it was started.
    let ended = at(&fake, "ScriptEnded { script: 3, name: \"cron\"");
    assert!(ended < at(&fake, "ScriptStarted { script: 4, name: \"ssh\""));
    assert!(fake.recorded("name: \"ssh\", end: Exited, status: 0"));
}

#[test]
fn the_last_words_of_a_script_that_floods_are_kept() {
    let flood = format!("{}these are the last words\n", "x".repeat(40_000));
    let flood: &'static str = Box::leak(flood.into_boxed_str());
    let fake = with("ssh", Behaviour::Exits(1, flood, 50));
    let lost = at(&fake, "Lost { what: \"output\"");
    let end = at(&fake, "ScriptEnded { script: 4, name: \"ssh\"");
    assert_eq!(lost + 2, end, "Lost, the last words, the end");
    let words = format!("{:?}", "last words\n".as_bytes());
    let tail = &fake.record()[lost + 1];
    assert!(tail.contains(words.trim_start_matches('[')), "{tail}");
    assert!(position(&fake, "/etc/init.d/ssh") < position(&fake, "/etc/init.d/late"));
}
