//! The machine on a real kernel, as far as that needs neither PID 1 nor root: children, their output, their end.
//!
//! One test, because it reaps every child of its process. It never listens to signals: that would take
//! ctrl-alt-del from the machine it runs on. So this is also the deaf machine, which polls.

#![allow(clippy::unwrap_used)] // Helpers of a test are part of the test.

use preroot_boot::machine::{
    Child, End, Errno, Event, Exec, Kill, Machine, OnPanic, Place, Program, Spawn, Status, Streams,
};
use preroot_init::in_place::Life;
use preroot_init::linux::{Linux, Memory};
use preroot_init::statics;

const SECOND_NS: u64 = 1_000_000_000;

fn shell<'a>(arguments: &'a [&'a str]) -> Spawn<'a> {
    Spawn {
        program: Program::Path("/bin/sh"),
        arguments,
        environment: &["PATH=/usr/bin:/bin", "WHO=preroot"],
        place: Place::Rescue,
        streams: Streams::Captured,
        group: None,
        exec: Exec::Waited,
        oom_score: 0,
        on_panic: OnPanic::Leave,
    }
}

/// Everything a child says until nobody holds its output, and how it ended.
fn run_to_the_end(machine: &mut Linux, child: Child) -> (String, Status) {
    let until = machine.now() + 20 * SECOND_NS;
    let mut text = Vec::new();
    let mut end: Option<End> = None;
    let mut is_open = true;
    while is_open || end.is_none() {
        match machine.wait(Some(until)) {
            Event::Output(of) if of == child => {
                let mut buffer = [0; 16];
                match machine.read_output(child, &mut buffer) {
                    Ok(0) => is_open = false,
                    Ok(length) => text.extend_from_slice(&buffer[..length]),
                    Err(errno) => panic!("{errno:?}"),
                }
            }
            Event::Ended(of, how) if of == child => assert!(end.replace(how).is_none()),
            other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&text)),
        }
    }
    (String::from_utf8(text).unwrap(), end.unwrap().status)
}

fn check(machine: &mut Linux, script: &str, text: &str, status: Status) {
    let spawned = machine.spawn(&shell(&["sh", "-c", script])).unwrap();
    let (said, ended) = run_to_the_end(machine, spawned.child);
    assert_eq!((said.as_str(), ended), (text, status), "{script}");
}

#[test]
fn children_speak_and_end() {
    let memory = Memory {
        children: statics::CHILDREN.take().unwrap(),
        events: statics::EVENTS.take().unwrap(),
        early_frames: statics::EARLY_FRAMES.take().unwrap(),
    };
    let machine = &mut Linux::new(memory, Life::Initramfs);

    check(
        machine,
        "echo out; echo err >&2; exit 3",
        "out\nerr\n",
        Status::Exited(3),
    );
    check(
        machine,
        "echo $WHO; pwd; umask -S >/dev/null; kill -9 $$",
        "preroot\n/\n",
        Status::Signalled(9),
    );
    check(
        machine,
        "head -c 100000 /dev/zero | tr '\\0' x | wc -c",
        "100000\n",
        Status::Exited(0),
    );
    // A child that lives on keeps the output; one that gives it back does not.
    check(
        machine,
        "(sleep 0.2; echo late) & exit 7",
        "late\n",
        Status::Exited(7),
    );
    check(
        machine,
        "sleep 0.2 >/dev/null 2>&1 & exit 0",
        "",
        Status::Exited(0),
    );

    a_program_that_is_not_there_is_told_at_once(machine);
    a_whole_group_is_ended(machine);
    many_are_started_without_waiting_for_their_execs(machine);
    slots_are_used_again(machine);
    frames_are_kept_in_memory_first(machine);

    let now = machine.now();
    assert_eq!(machine.wait(Some(now)), Event::Due);
    let later = machine.now() + SECOND_NS / 20;
    assert_eq!(machine.wait(Some(later)), Event::Due);
    assert!(machine.now() >= later);
}

fn a_program_that_is_not_there_is_told_at_once(machine: &mut Linux) {
    let missing = Spawn {
        program: Program::Path("/nowhere"),
        ..shell(&["x"])
    };
    assert_eq!(machine.spawn(&missing), Err(Errno::NOENT));
    let too_long = "x".repeat(10_000);
    assert_eq!(machine.spawn(&shell(&["sh", &too_long])), Err(Errno(7)));
}

fn many_are_started_without_waiting_for_their_execs(machine: &mut Linux) {
    let arguments = ["sh", "-c", "exit 4"];
    let missing = ["x"];
    for round in 0..4 {
        let mut expected = Vec::new();
        for number in 0..40 {
            let (program, words, end) = match number % 4 {
                0 => ("/nowhere", &missing[..], Status::NotExecuted(Errno::NOENT)),
                1 => (
                    "/etc/passwd",
                    &missing[..],
                    Status::NotExecuted(Errno::ACCESS),
                ),
                _ => ("/bin/sh", &arguments[..], Status::Exited(4)),
            };
            let wanted = Spawn {
                program: Program::Path(program),
                exec: Exec::Unwaited,
                streams: Streams::Null,
                ..shell(words)
            };
            // Failed execs are told when they are reaped; until then they keep their places.
            match machine.spawn(&wanted) {
                Ok(spawned) => expected.push((spawned.child, end)),
                Err(Errno::AGAIN) => {}
                Err(errno) => panic!("{errno:?}"),
            }
        }
        assert!(expected.len() > 8, "round {round}: {}", expected.len());
        let until = machine.now() + 20 * SECOND_NS;
        while !expected.is_empty() {
            match machine.wait(Some(until)) {
                Event::Ended(child, end) => {
                    let at = expected.iter().position(|(of, _)| *of == child).unwrap();
                    assert_eq!(expected.swap_remove(at).1, end.status, "round {round}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn a_whole_group_is_ended(machine: &mut Linux) {
    let script = "sleep 60 & echo begun; sleep 60";
    let child = machine.spawn(&shell(&["sh", "-c", script])).unwrap().child;
    let until = machine.now() + 20 * SECOND_NS;
    assert_eq!(machine.wait(Some(until)), Event::Output(child));
    assert_eq!(machine.kill(child, Kill::Ask), Ok(()));
    assert_eq!(machine.kill(child, Kill::Term), Ok(()));
    assert_eq!(
        run_to_the_end(machine, child),
        ("begun\n".into(), Status::Signalled(15))
    );
    assert_eq!(machine.kill(child, Kill::Kill), Err(Errno::SRCH));
}

fn slots_are_used_again(machine: &mut Linux) {
    let first = machine
        .spawn(&shell(&["sh", "-c", "exit 0"]))
        .unwrap()
        .child;
    let second = machine
        .spawn(&shell(&["sh", "-c", "sleep 0.3"]))
        .unwrap()
        .child;
    assert_ne!(first, second);
    let until = machine.now() + 20 * SECOND_NS;
    let mut ended = 0;
    while ended < 2 {
        match machine.wait(Some(until)) {
            Event::Ended(..) => ended += 1,
            Event::Output(child) => assert_eq!(machine.read_output(child, &mut [0; 8]), Ok(0)),
            other => panic!("{other:?}"),
        }
    }
    let third = machine
        .spawn(&shell(&["sh", "-c", "exit 0"]))
        .unwrap()
        .child;
    assert_eq!(third, first);
    run_to_the_end(machine, third);
}

fn frames_are_kept_in_memory_first(machine: &mut Linux) {
    let mut kept = 0;
    while machine.keep(&[0; 1000]).is_ok() {
        kept += 1;
        assert!(kept < 1000, "early frames have a bound");
    }
    assert!(kept >= 4);
}
