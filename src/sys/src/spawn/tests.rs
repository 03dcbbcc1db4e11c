//! Children of the test itself: what reaches them, and how a failed exec comes back.

use super::*;
use rustix::fs::{Mode, OFlags, open};
use rustix::pipe::pipe;
use std::string::String;
use std::time::{Duration, Instant};

fn run(program: &str, arguments: &[&str]) -> Result<(i32, String), Errno> {
    let null = open("/dev/null", OFlags::RDWR, Mode::empty())?;
    let (reader, writer) = pipe()?;
    use rustix::fd::AsFd;
    let pid = spawn(&Command {
        program: Program::Path(program),
        arguments,
        environment: &["A=b"],
        root: None,
        streams: [null.as_fd(), writer.as_fd(), writer.as_fd()],
        terminal: Terminal::None,
        group: None,
        oom_score: "100",
        open_files: Some(Rlimit {
            current: Some(77),
            maximum: Some(88),
        }),
    })?;
    drop(writer);
    let mut output = [0; 4096];
    let mut length = 0;
    while let Ok(more @ 1..) = rustix::io::read(&reader, &mut output[length..]) {
        length += more;
    }
    let end = reap::ending(pid).unwrap();
    assert_eq!(end.pid, pid);
    let text = std::str::from_utf8(&output[..length]).unwrap();
    Ok((end.status, String::from(text)))
}

#[test]
fn a_child_runs_as_it_was_asked_to() {
    let script =
        "echo $0 $A $(ulimit -Sn) $(ulimit -Hn) $(cat /proc/self/oom_score_adj); pwd; exit 3";
    let (status, output) = run("/bin/sh", &["sh", "-c", script, "zero"]).unwrap();
    assert_eq!(output, "zero b 77 88 100\n/\n");
    assert_eq!(status, 3 << 8);
}

#[test]
fn a_failed_exec_is_told_at_once() {
    let check = |path: &str, errno| assert_eq!(run(path, &["x"]).unwrap_err(), errno);
    check("/nowhere", Errno::NOENT);
    check("/etc/passwd", Errno::ACCESS);
    check("/etc", Errno::ACCESS);
    check(&"x".repeat(PATH_BYTES_MAX), Errno::NAMETOOLONG);
}

#[test]
fn an_exec_that_hangs_does_not_hang_the_parent() {
    // To the parent, a lane that nobody clears is an exec that never ends.
    let lane = &LANES[LANES_MAX - 1];
    while !claim(lane) {
        std::thread::yield_now();
    }
    lane.leaving.store(1, Ordering::Release);
    let begin = Instant::now();
    assert!(matches!(wait_until_gone(lane), Gone::NotYet));
    assert!(begin.elapsed() >= Duration::from_millis(u64::from(EXEC_WAIT_MS_MAX) - 1));
    lane.leaving.store(0, Ordering::Release);
    lane.claimed.store(false, Ordering::Release);
}
