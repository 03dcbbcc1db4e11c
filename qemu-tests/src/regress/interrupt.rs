//! ctrl-C, or whoever ends the run otherwise: nothing new begins, and nothing that runs is left behind.
//!
//! The signals are blocked in all threads, and in the programs that they start; one thread waits for them. When one comes it kills
//! every child that there is, and those that are started meanwhile, so that all that waits for one ends, and takes its scratch files
//! with it as it does at any end. A second signal ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;
use preroot_qemu_tests::Error;

/// The pause between two looks for children.
const PAUSE: Duration = Duration::from_millis(50);

static HAS_COME: AtomicBool = AtomicBool::new(false);

/// Whether the run is to end.
pub(crate) fn has_come() -> bool {
    HAS_COME.load(Ordering::Relaxed)
}

/// Waits for signals from here on. To be called before any other thread is there.
///
/// # Errors
/// When the system says no.
pub(crate) fn watch(code: i32) -> Result<(), Error> {
    let signals = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    let signals: SigSet = signals.into_iter().collect();
    let blocked = signals.thread_block();
    blocked.map_err(|errno| Error::unexpected(format!("signals cannot be blocked: {errno}")))?;
    std::thread::spawn(move || {
        // It fails only for what is no signal.
        let Ok(signal) = signals.wait() else { return };
        HAS_COME.store(true, Ordering::Relaxed);
        eprintln!(
            "{}: ending machines; what was done is reported",
            signal.as_str()
        );
        std::thread::spawn(move || {
            if signals.wait().is_ok() {
                kill_children();
                std::process::exit(code);
            }
        });
        loop {
            kill_children();
            std::thread::sleep(PAUSE);
        }
    });
    Ok(())
}

fn kill_children() {
    for child in children(std::process::id()) {
        // It may have ended by itself.
        let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
    }
}

/// The processes that a process has started: proc_pid_stat(5).
fn children(parent: u32) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        parent_in(&stat) == Some(parent)
    };
    pids.filter(is_child).collect()
}

/// The parent in a line of `/proc/PID/stat`: the second field behind the name, which may have anything in it.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, behind) = stat.rsplit_once(") ")?;
    behind.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn parents_are_read() {
        let check =
            |stat: &str, expected: Option<u32>| assert_eq!(parent_in(stat), expected, "{stat}");
        check("12 (qemu-system-x86) S 7 12 12 0 -1", Some(7));
        check("12 (a) S 9 (b) c) R 8 12", Some(8));
        check("12 (sh", None);
        check("", None);
    }

    #[test]
    fn children_are_found() {
        let mut child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(children(std::process::id()).contains(&pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!children(std::process::id()).contains(&pid));
    }
}
