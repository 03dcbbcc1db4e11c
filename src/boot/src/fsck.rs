//! Checking the root while it is not mounted: only when its superblock says that it is due, and never
//! with a second boot.
//!
//! What e2fsck's exit status leads to (e2fsck(8); the status is a sum of bits):
//!
//! | status             | meaning                          | what follows                      |
//! |--------------------|----------------------------------|-----------------------------------|
//! | 0                  | no errors                        | mount                             |
//! | 1                  | errors corrected                 | mount, verdict DEGRADED           |
//! | 2, 3               | as 1, "reboot": only meant for a mounted root | as 1                 |
//! | with 4             | errors left                      | `repair = yes`: `-y`; else rescue |
//! | with 8, 16, 32, 128 | the check failed, nothing is known | rescue                          |
//! | signal             | somebody ended it                | rescue                            |

use preroot_plan::{CheckMode, Repair};
use preroot_record::{Fsck as Record, Source};

use crate::core::{Boot, Purpose, Turn};
use crate::limits::FSCK_OUTPUT_BYTES_MAX;
use crate::machine::{
    End, Errno, Machine, Nanoseconds, OnPanic, Place, Program, Spawn, Status, Streams,
};
use crate::stage::Next;
use crate::step::{Failed, Step};
use crate::text::{Text, text};
use crate::volume::Volume;

/// The file that tells sysvinit's checkroot.sh and systemd-fsck-root that root was checked.
const STAMP: &str = "/run/initramfs/fsck-root";

/// A check that runs.
#[derive(Debug, Default)]
pub(crate) struct Check {
    ended: Option<Status>,
    output_bytes: u32,
}

/// What a check's end means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Clean,
    Repaired,
    Uncorrected,
    /// Nothing is known about the file system.
    Unknown(Step),
}

/// The table above: total over all ends.
fn meaning(status: Status) -> Meaning {
    match status {
        Status::Exited(0) => Meaning::Clean,
        Status::Exited(1..=3) => Meaning::Repaired,
        Status::Exited(4..=7) => Meaning::Uncorrected,
        Status::Exited(_) => Meaning::Unknown(Step::FsckFailed),
        Status::Signalled(_) => Meaning::Unknown(Step::FsckSignalled),
    }
}

/// The stage.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let Some(volume) = boot.root.found.clone() else {
        return Next::Failed(Failed::plain(Step::NoRoot));
    };
    let reason = match reason(boot, &volume) {
        Ok(reason) => reason,
        Err(why_not) => {
            skip(boot, &volume, why_not);
            return Next::Done;
        }
    };
    let repair = boot.command_line.repair.unwrap_or(
        // Without a plan there is no root, so this is never the answer to a real check.
        boot.plan
            .map_or(Repair::No, |plan| plan.settings().repair()),
    );
    boot.milestone(format_args!("checking {}: {reason}", volume.name));
    let first = if repair == Repair::No { "-n" } else { "-p" };
    let result = match check(boot, &volume, reason, first) {
        Ok(Meaning::Uncorrected) if repair == Repair::Yes => check(boot, &volume, reason, "-y"),
        result => result,
    };
    match result {
        Err(next) => next,
        Ok(Meaning::Clean) => stamped(boot),
        Ok(Meaning::Repaired) => {
            boot.verdict
                .degrade(format_args!("root {} was repaired", volume.name));
            stamped(boot)
        }
        Ok(Meaning::Uncorrected) => Next::Failed(Failed::plain(Step::FsckUncorrected)),
        Ok(Meaning::Unknown(step)) => Next::Failed(Failed::plain(step)),
    }
}

/// Why it is checked, or `Err`: why not.
fn reason<M: Machine>(boot: &Boot<'_, M>, volume: &Volume) -> Result<&'static str, &'static str> {
    let planned = boot
        .plan
        .map_or(CheckMode::Auto, |plan| plan.settings().check_mode());
    let mode = boot.command_line.check_mode.unwrap_or(planned);
    let due = match volume.due.as_str() {
        "" => None,
        "unclean" => Some("not clean"),
        "errors" => Some("errors"),
        "mounts" => Some("mount count"),
        "interval" => Some("interval"),
        "journal" => Some("journal to be replayed"),
        _ => Some("damaged superblock"),
    };
    match mode {
        CheckMode::Skip => Err("skipped"),
        _ if !volume.kind.starts_with("ext") => Err("its file system needs no check"),
        CheckMode::Force => Ok("forced"),
        CheckMode::Auto => due.ok_or("clean"),
    }
}

fn skip<M: Machine>(boot: &mut Boot<'_, M>, volume: &Volume, reason: &'static str) {
    let clean = reason == "clean";
    boot.record(Record {
        device: &volume.name,
        reason,
        command: "",
        code: 0,
        signal: 0,
        took_ns: 0,
        verdict: if clean { "clean" } else { "not checked" },
    });
    if clean {
        stamp(boot);
    }
}

fn stamped<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    stamp(boot);
    Next::Done
}

/// Leaves word for the root's own scripts. Without it they check a mounted root once more, and that is all.
fn stamp<M: Machine>(boot: &mut Boot<'_, M>) {
    if let Err(Errno(errno)) = boot.machine.write_file(STAMP, b"") {
        boot.alarm(format_args!("{STAMP}: errno {errno}"));
    }
}

/// Runs one check to its end. It has no deadline: a large file system takes what it takes.
fn check<M: Machine>(
    boot: &mut Boot<'_, M>,
    volume: &Volume,
    reason: &'static str,
    how: &str,
) -> Result<Meaning, Next> {
    let device: Text = text(format_args!("/dev/{}", volume.name));
    // -f: e2fsck's own opinion that nothing is due must not overrule ours.
    let (force, arguments) = ("-f", ["e2fsck", how, "", &device]);
    let arguments: heapless::Vec<&str, 4> = arguments
        .iter()
        .map(|&word| if word.is_empty() { force } else { word })
        .filter(|&word| word != force || reason == "forced" || reason == "damaged superblock")
        .collect();
    let spawn = Spawn {
        program: Program::Path("/sbin/e2fsck"),
        arguments: &arguments,
        environment: &["PATH=/sbin:/bin"],
        place: Place::Rescue,
        streams: Streams::Captured,
        group: None,
        oom_score: -1000,
        on_panic: OnPanic::Leave,
    };
    boot.check = Check::default();
    let began = boot.machine.now();
    let child = match boot.machine.spawn(&spawn) {
        Ok(spawned) => spawned.child,
        Err(errno) => {
            return Err(Next::Failed(Failed {
                step: Step::SpawnFsck,
                errno,
            }));
        }
    };
    boot.assign(child, Purpose::Fsck);
    let status = loop {
        if let Some(status) = boot.check.ended {
            break status;
        }
        // To go down in the middle of a repair could cost the root: it is let end first.
        if boot.turn(None) == Turn::Down && boot.check.ended.is_none() {
            boot.alarm(format_args!("the check of {} ends first", volume.name));
            while boot.check.ended.is_none() {
                let _ = boot.turn(None);
            }
        }
    };
    finish(boot, volume, reason, how, status, began);
    if boot.down.is_some() {
        Err(Next::Down)
    } else {
        Ok(meaning(status))
    }
}

fn finish<M: Machine>(
    boot: &mut Boot<'_, M>,
    volume: &Volume,
    reason: &'static str,
    how: &str,
    status: Status,
    began: Nanoseconds,
) {
    let (code, signal) = match status {
        Status::Exited(code) => (u16::from(code), 0),
        Status::Signalled(signal) => (0, u16::from(signal)),
    };
    let verdict = match meaning(status) {
        Meaning::Clean => "clean",
        Meaning::Repaired => "repaired",
        Meaning::Uncorrected => "uncorrected",
        Meaning::Unknown(_) => "not checked",
    };
    let took_ns = boot.machine.now().saturating_sub(began);
    let command: Text = text(format_args!("e2fsck {how} /dev/{}", volume.name));
    let device = &volume.name;
    boot.record(Record {
        device,
        reason,
        command: &command,
        code,
        signal,
        took_ns,
        verdict,
    });
    boot.milestone(format_args!(
        "{command}: {verdict} (exit {code}, signal {signal})"
    ));
}

/// What the check says is kept.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let kept = boot.check.output_bytes;
    boot.check.output_bytes = boot.keep_output(Source::Fsck, kept, FSCK_OUTPUT_BYTES_MAX, bytes);
}

/// The check has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, end: End) {
    boot.check.ended = Some(end.status);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_one_meaning() {
        for code in 0..=255 {
            let expected = match code {
                0 => Meaning::Clean,
                _ if code & !7 != 0 => Meaning::Unknown(Step::FsckFailed),
                _ if code & 4 != 0 => Meaning::Uncorrected,
                _ => Meaning::Repaired,
            };
            assert_eq!(meaning(Status::Exited(code)), expected, "exit {code}");
        }
        for signal in 1..=64 {
            let expected = Meaning::Unknown(Step::FsckSignalled);
            assert_eq!(
                meaning(Status::Signalled(signal)),
                expected,
                "signal {signal}"
            );
        }
    }
}
