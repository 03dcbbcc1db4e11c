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
//! | with 4, "Error reading block" | the disk is bad       | rescue: `-y` would write over what it cannot read |
//! | with 4, "is not in group" | no group descriptors are good | rescue: `-y` would lose every file |
//! | with 8, 16, 32, 128 | the check failed, nothing is known | rescue                          |
//! | signal             | somebody ended it                | rescue                            |
//!
//! A superblock that is bad makes `e2fsck -p` exit with 8: it looks for no copies. `-y` looks for that of group 1;
//! `-b BLOCK -B SIZE` mends with any, while preening too ([`Volume::backup`], [`Volume::block_bytes`]).
//!
//! A device that cannot be written is not checked: what is only due by its calendar is mounted, read-only; what needs
//! repair ends in rescue.
//!
//! What is not ext is mounted without a check (recorded: "its file system needs no check"), each by its own rule:
//!
//! | file system        | what makes it whole              | never done by itself              |
//! |--------------------|----------------------------------|-----------------------------------|
//! | xfs                | mount(2) replays its log         | `xfs_repair`, which is for a log that cannot be replayed |
//! | btrfs              | never inconsistent on disk; mount(2) replays the fsync log | `btrfs check --repair`, `rescue zero-log` |
//! | f2fs               | mount(2) goes back to the last checkpoint, and forward over what was synced | `fsck.f2fs -f` |
//! | squashfs, erofs    | nothing writes to it             |                                   |
//!
//! It has no deadline: a large file system takes what it takes. How far it is, is told; so is that it stalls, and what
//! its repairs have cost. All it says is at [`LOG`].

use preroot_plan::{CheckMode, Repair};
use preroot_record::{Fsck as Record, Lost, Output, Source};

use crate::check::{Check, Costs, News, Words};
use crate::core::{Boot, Purpose, Turn};
use crate::limits::{FSCK_OUTPUT_BYTES_MAX, FSCK_STALL_NS, SECOND_NS};
use crate::machine::{
    Child, End, Errno, Exec, Machine, Nanoseconds, OnPanic, Place, Program, Spawn, Status, Streams,
};
use crate::mount;
use crate::stage::Next;
use crate::step::{Failed, Step};
use crate::tails::Tail;
use crate::text::{Text, text};
use crate::volume::Volume;

/// The file that tells sysvinit's checkroot.sh and systemd-fsck-root that root was checked.
const STAMP: &str = "/run/initramfs/fsck-root";

/// Why a root is checked that said it was clean.
const MOUNT_FAILED: &str = "the mount failed";

/// Where everything that checks say is kept while the machine runs.
pub(crate) const LOG: &str = "/run/preroot/fsck.log";

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
        Status::NotExecuted(_) => Meaning::Unknown(Step::SpawnFsck),
    }
}

/// The stage.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let Some(volume) = boot.root.found.clone() else {
        return Next::Failed(Failed::plain(Step::NoRoot));
    };
    if let Err(failed) = mount::release(boot) {
        return Next::Failed(failed);
    }
    let reason = match reason(boot, &volume) {
        Ok(reason) => reason,
        Err(why_not) => {
            skip(boot, &volume, why_not);
            return Next::Done;
        }
    };
    if volume.is_read_only {
        skip(boot, &volume, "read-only device");
        return match reason {
            "mount count" | "interval" | "forced" => Next::Done,
            _ => {
                let name = &volume.name;
                boot.alarm(format_args!(
                    "root {name} needs a check ({reason}), and its device is read-only"
                ));
                Next::Failed(Failed::plain(Step::ReadOnlyDevice))
            }
        };
    }
    checked(boot, &volume, reason)
}

/// Checks a root that the kernel cannot mount although its superblock said that it is clean. `None`: that is no
/// question of a check.
pub(crate) fn after_mount<M: Machine>(
    boot: &mut Boot<'_, M>,
    volume: &Volume,
    errno: Errno,
) -> Option<Next> {
    let is_damage = match errno {
        // Of a disk that fails, too: then the check says so, and writes nothing.
        Errno::UCLEAN | Errno::BADMSG | Errno::IO => true,
        // A journal that cannot be read, but also what was asked for on the command line.
        Errno::INVAL => {
            boot.command_line.root_flags.is_none() && boot.command_line.root_type.is_none()
        }
        _ => false,
    };
    let is_trusted =
        !boot.check.is_begun() && !volume.is_read_only && reason(boot, volume) == Err("clean");
    (is_damage && is_trusted).then(|| checked(boot, volume, MOUNT_FAILED))
}

/// Checks, for this reason.
fn checked<M: Machine>(boot: &mut Boot<'_, M>, volume: &Volume, reason: &'static str) -> Next {
    let repair = boot.command_line.repair.unwrap_or(
        // Without a plan there is no root, so this is never the answer to a real check.
        boot.plan
            .map_or(Repair::No, |plan| plan.settings().repair()),
    );
    boot.milestone(format_args!("checking {}: {reason}", volume.name));
    let mut how = if repair == Repair::No { "-n" } else { "-p" };
    let mut costs = Costs::default();
    let mut result = check(boot, volume, reason, how);
    if result == Ok(Meaning::Uncorrected) {
        // What cannot be read now may be read later, or elsewhere: -y says "Force rewrite? yes".
        if boot.check.costs.is_disk_bad {
            return Next::Failed(Failed::plain(Step::FsckDisk));
        }
        // A person may know a copy of the group descriptors: -y makes empty ones, and every file is gone.
        if boot.check.costs.is_without_inodes {
            return Next::Failed(Failed::plain(Step::FsckUncorrected));
        }
    }
    if result == Ok(Meaning::Uncorrected) && repair == Repair::Yes {
        costs = boot.check.costs;
        how = "-y";
        result = check(boot, volume, reason, how);
    }
    // What preening left, or kept the kernel from mounting it, is mended now, whatever e2fsck says: 1.47 exits with 0
    // when all it wrote anew is checksums, or the list of orphans.
    let is_again = how == "-y" || (how == "-p" && reason == MOUNT_FAILED);
    if result == Ok(Meaning::Clean) && is_again {
        result = Ok(Meaning::Repaired);
    }
    costs.add(boot.check.costs);
    match result {
        Err(next) => next,
        Ok(Meaning::Clean) => stamped(boot),
        Ok(Meaning::Repaired) => {
            let name = &volume.name;
            let lost: Text = text(format_args!("{}", Told(costs, volume.files)));
            boot.verdict
                .degrade(format_args!("root {name} was repaired{lost}"));
            boot.alarm(format_args!(
                "root {name} was repaired{lost}; all of it: {LOG}"
            ));
            stamped(boot)
        }
        Ok(Meaning::Uncorrected) => Next::Failed(Failed::plain(Step::FsckUncorrected)),
        Ok(Meaning::Unknown(step)) => Next::Failed(Failed::plain(step)),
    }
}

/// What repairs cost, for people; with the files that there were before, if anybody knows.
struct Told(Costs, Option<u64>);

impl core::fmt::Display for Told {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Told(costs, before) = self;
        let mut sign = ": ";
        for (count, what) in [
            (u64::from(costs.inodes_cleared), "inodes cleared"),
            (u64::from(costs.entries_dropped), "names dropped"),
            (u64::from(costs.attached), "in lost+found"),
            (costs.missing(*before), "files fewer than before"),
        ] {
            if count > 0 {
                write!(f, "{sign}{count} {what}")?;
                sign = ", ";
            }
        }
        Ok(())
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
        inodes_cleared: None,
        entries_dropped: None,
        attached: None,
        orphans: None,
        files_before: volume.files,
        files_after: None,
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

/// Runs one check to its end.
fn check<M: Machine>(
    boot: &mut Boot<'_, M>,
    volume: &Volume,
    reason: &'static str,
    how: &str,
) -> Result<Meaning, Next> {
    let began = boot.machine.now();
    let child = match start(boot, volume, reason, how) {
        Ok(child) => child,
        Err(errno) => {
            return Err(Next::Failed(Failed {
                step: Step::SpawnFsck,
                errno,
            }));
        }
    };
    boot.check = Check::begun(began);
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
    keep_rest(boot);
    finish(boot, volume, reason, how, status, began);
    if boot.down.is_some() {
        Err(Next::Down)
    } else {
        Ok(meaning(status))
    }
}

fn start<M: Machine>(
    boot: &mut Boot<'_, M>,
    volume: &Volume,
    reason: &'static str,
    how: &str,
) -> Result<Child, Errno> {
    let device: Text = text(format_args!("/dev/{}", volume.name));
    let head: Text = text(format_args!("e2fsck {how} {device}: {reason}\n"));
    log(boot, head.as_bytes());
    // -f: e2fsck's own opinion that nothing is due must not overrule ours.
    let is_forced = ["forced", "damaged superblock", MOUNT_FAILED].contains(&reason);
    let block: heapless::String<20> = text(format_args!("{}", volume.backup));
    let block_bytes: heapless::String<10> = text(format_args!("{}", volume.block_bytes));
    let mut arguments = heapless::Vec::<&str, 10>::new();
    arguments.extend(["e2fsck", how, "-C", "1"]);
    arguments.extend(is_forced.then_some("-f"));
    // By itself e2fsck tries no copy of the superblock while preening, and the first one only when told yes.
    if volume.backup != 0 {
        arguments.extend(["-b", &block, "-B", &block_bytes]);
    }
    arguments.extend([device.as_str()]);
    let spawn = Spawn {
        program: Program::Path("/sbin/e2fsck"),
        arguments: &arguments,
        environment: &["PATH=/sbin:/bin"],
        place: Place::Rescue,
        streams: Streams::Captured,
        group: None,
        exec: Exec::Waited,
        oom_score: -1000,
        on_panic: OnPanic::Leave,
    };
    Ok(boot.machine.spawn(&spawn)?.child)
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
        Status::NotExecuted(errno) => (errno.0, 0),
    };
    match (meaning(status), status) {
        (Meaning::Clean | Meaning::Repaired, _) | (_, Status::NotExecuted(_)) => {
            boot.verdict.program_ended(format_args!(""));
        }
        (_, Status::Signalled(signal)) => {
            boot.verdict.program_ended(format_args!("signal {signal}"));
        }
        (_, Status::Exited(code)) => boot.verdict.program_ended(format_args!("{code}")),
    }
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
        inodes_cleared: Some(boot.check.costs.inodes_cleared),
        entries_dropped: Some(boot.check.costs.entries_dropped),
        attached: Some(boot.check.costs.attached),
        orphans: Some(boot.check.costs.orphans),
        files_before: volume.files,
        files_after: boot.check.costs.files,
    });
    boot.milestone(format_args!(
        "{command}: {verdict} (exit {code}, signal {signal})"
    ));
}

/// A piece of what the check says.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let now = boot.machine.now();
    let mut words = Words::new();
    let news = boot.check.take(bytes, now, &mut words);
    keep(boot, &words);
    if let News::Progress(progress) = news {
        let (pass, percent) = (progress.pass, progress.percent);
        boot.milestone(format_args!("check: pass {pass} of 5, {percent} %"));
    }
}

/// Its words to the log, and to the record as far as they fit there.
fn keep<M: Machine>(boot: &mut Boot<'_, M>, words: &[u8]) {
    log(boot, words);
    for piece in words.chunks(preroot_record::limits::OUTPUT_BYTES_MAX) {
        if boot.check.kept < FSCK_OUTPUT_BYTES_MAX {
            record(boot, piece);
            let bytes = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            boot.check.kept = boot.check.kept.saturating_add(bytes);
            continue;
        }
        let (tail, count) = boot.check.beyond.get_or_insert((Tail::EMPTY, 0));
        tail.put(piece);
        *count = count.saturating_add(u64::try_from(piece.len()).unwrap_or(0));
    }
}

/// What is left when it has ended: an unfinished line, and the end of what the record has no room for.
fn keep_rest<M: Machine>(boot: &mut Boot<'_, M>) {
    let mut words = Words::new();
    boot.check.end_line(&mut words);
    boot.check.stalls_at = None;
    keep(boot, &words);
    let Some((mut tail, count)) = boot.check.beyond.take() else {
        return;
    };
    let bytes = tail.bytes();
    let lost = count.saturating_sub(u64::try_from(bytes.len()).unwrap_or(0));
    boot.record(Lost {
        what: "fsck",
        count: lost,
        script: None,
    });
    record(boot, bytes);
}

fn record<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    boot.record(Output {
        source: Source::Fsck,
        script: 0,
        bytes,
    });
}

/// To the log in /run. A /run that is full is no reason to stop.
fn log<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    if !bytes.is_empty() {
        let _ = boot.machine.append_file(LOG, bytes);
    }
}

/// A check that has said nothing for long: that is told once, until it speaks again. It may still be at work.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if boot.check.stalls_at.is_none_or(|at| at > now) {
        return;
    }
    boot.check.stalls_at = None;
    let (pass, percent) = (boot.check.progress.pass, boot.check.progress.percent);
    let minutes = FSCK_STALL_NS / SECOND_NS / 60;
    boot.alarm(format_args!(
        "the check stalls: not a word for {minutes} min (pass {pass}, {percent} %)"
    ));
    boot.verdict
        .degrade(format_args!("the check of root stalled"));
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
