//! The critical path of a boot whose plan is at hand: why each script waited, and what the other policy would have
//! made of it.

#[allow(dead_code)] // Stories of other tests.
mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use preroot_plan::{
    Argument, Draft, DraftEdge, DraftRunlevel, DraftScript, Policy, ScriptMode, Weight,
};
use preroot_record::{Born, RunlevelBegan, RunlevelEnded, ScriptEnd, ScriptEnded, ScriptStarted};
use sha2::{Digest, Sha256};

use common::Story;

/// A script: name, level, what it is ordered after, how long it took in ms.
type Script = (&'static str, u16, &'static [u32], u64);

const SCRIPTS: [Script; 5] = [
    ("exim4", 1, &[], 900),
    ("rsyslog", 1, &[], 100),
    ("cron", 2, &[1], 50),
    ("ssh", 2, &[1], 400),
    ("rc.local", 3, &[1, 3], 20),
];

fn plan() -> Vec<u8> {
    let script = |(name, level, after, _): &Script| DraftScript {
        name: (*name).to_string(),
        level: *level,
        mode: ScriptMode::Parallel,
        weight: Weight::Normal,
        link: 1,
        deadline_ms: 0,
        edges: after
            .iter()
            .map(|&awaited| DraftEdge {
                awaited,
                reason: format!("Required-Start ({name}:3)"),
            })
            .collect(),
    };
    let draft = Draft {
        policy: Policy::Levels,
        runlevels: vec![DraftRunlevel {
            name: b'2',
            argument: Argument::Start,
            scripts: SCRIPTS.iter().map(script).collect(),
        }],
        ..Draft::default()
    };
    draft.freeze().expect("a good draft")
}

/// A boot by levels: what starts when is worked out by hand.
fn record(plan: &[u8]) -> Vec<u8> {
    let digest: String = Sha256::digest(plan)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut story = Story::new(1);
    story.event(Born {
        boot_id: "0b5e4f6a-1c2d-4e3f-8a9b-012345678901",
        kernel: "6.1.0",
        image: "",
        plan: &digest,
        config: "test",
        command_line: "",
        epoch_ns: common::EPOCH_NS,
        version: "0.1.0",
        plan_error: None,
        exec_ns: Some(1_500_000_000),
    });
    let begin = |number: u32, waited_for| {
        let (name, level, ..) = SCRIPTS[number as usize];
        ScriptStarted {
            script: number,
            name,
            runlevel: "2",
            level,
            argument: "start",
            pid: 100 + number,
            waited_for,
        }
    };
    let end = |number: u32| {
        let (name, _, _, took_ms) = SCRIPTS[number as usize];
        ScriptEnded {
            script: number,
            name,
            end: ScriptEnd::Exited,
            status: 0,
            took_ns: took_ms * 1_000_000,
            user_ns: 0,
            system_ns: 0,
            memory_kib: 0,
            output_bytes: 0,
            read_bytes: None,
            written_bytes: None,
        }
    };
    story.event(RunlevelBegan {
        runlevel: "2",
        scripts: 5,
        policy: "levels",
    });
    story.event(begin(0, None)).event(begin(1, None));
    story.after_us(100_000).event(end(1));
    story.after_us(800_000).event(end(0));
    story
        .after_us(1_000)
        .event(begin(2, Some(0)))
        .event(begin(3, Some(0)));
    story.after_us(50_000).event(end(2));
    story.after_us(350_000).event(end(3));
    story.after_us(1_000).event(begin(4, Some(3)));
    story.after_us(20_000).event(end(4));
    story.event(RunlevelEnded {
        runlevel: "2",
        succeeded: 5,
        failed: 0,
        timed_out: 0,
        skipped: Some(0),
    });
    story.raw()
}

fn bootlog(record: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootlog"));
    command.arg("critical-path").args(arguments).arg(record);
    command.output().expect("bootlog runs")
}

#[test]
fn waits_are_given_their_reasons() {
    let place = tempfile::tempdir().expect("a directory");
    let (plan, bytes) = (place.path().join("plan"), plan());
    let path = place.path().join("record");
    fs::write(&plan, &bytes).expect("plan");
    fs::write(&path, record(&bytes)).expect("record");
    let done = bootlog(&path, &["--plan", plan.to_str().expect("a path")]);
    let expected = "\
kernel 1.500 s, preroot 100.0 ms, runlevel 2 1.322 s

RUNLEVEL 2  1.322 s, order by levels, 3 scripts on the path
       at   delay      took  level  script    why it waited for the one before
  1.600 s       -  900.0 ms      1  exim4     -
  2.501 s  1.0 ms  400.0 ms      2  ssh       its level: no header orders them
  2.902 s  1.0 ms   20.0 ms      3  rc.local  Required-Start (rc.local:3)

  With the times that the scripts took, starting them not counted:
    by levels    1.320 s  exim4 > ssh > rc.local
    by edges    900.0 ms (420.0 ms less)  exim4
";
    assert_eq!(String::from_utf8_lossy(&done.stdout), expected);
    let done = bootlog(&path, &["--json", "--plan", plan.to_str().expect("a path")]);
    let json: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let runlevel = &json["runlevels"][0];
    assert_eq!(runlevel["what_if"]["edges"]["took_ns"], 900_000_000);
    assert_eq!(runlevel["steps"][1]["wait"]["why"], "level");
    let chain = &runlevel["steps"][2]["wait"]["chain"];
    assert_eq!(chain[0], "rc.local after ssh: Required-Start (rc.local:3)");
    // Nobody who only has the record is told what he cannot know.
    let alone = bootlog(&path, &["--json"]);
    let json: serde_json::Value = serde_json::from_slice(&alone.stdout).expect("JSON");
    assert!(json["runlevels"][0]["what_if"].is_null());
}

#[test]
fn plans_of_others_are_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("record");
    fs::write(&path, record(&plan())).expect("record");
    let other = Draft {
        name: "other".to_string(),
        ..Draft::default()
    };
    let other = other.freeze().expect("a good draft");
    for (name, bytes, message) in [
        ("other", &other[..], "not the plan of this boot"),
        ("text", b"plan      x", "Name the plan itself"),
        ("torn", &plan()[..60], "Name the plan itself"),
    ] {
        let plan = place.path().join(name);
        fs::write(&plan, bytes).expect("plan");
        let done = bootlog(&path, &["--plan", plan.to_str().expect("a path")]);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains(message), "{said}");
    }
    let done = bootlog(&path, &["--plan", "/nonexistent"]);
    assert_eq!(done.status.code(), Some(1));
}
