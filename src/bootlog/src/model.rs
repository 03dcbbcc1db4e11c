//! One boot, folded out of its frames: what `show` prints and `--json` says.
//!
//! This is also the documented form of `bootlog show --json` (see [`crate::json`]): field names are
//! for ever, new fields may come. Every `at_ns` is CLOCK_MONOTONIC, that is ns since the kernel
//! started; every `took_ns` a duration in ns; what is not known is `null`. Text is as it was recorded;
//! bytes that are not UTF-8 are replaced in script output.

use std::collections::BTreeMap;

use preroot_record::Meaning;
use serde::Serialize;

use crate::before::{BeforeInit, Death, Died};

/// A boot.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Boot {
    /// How it went: the last verdict recorded.
    pub verdict: Verdict,
    /// Verdicts that were recorded before that one, when an operator or time changed it.
    pub earlier_verdicts: Vec<Verdict>,
    /// Which boot it is; absent when its first frame is lost.
    pub identity: Option<Identity>,
    /// The time of the last frame.
    pub last_ns: u64,
    /// The stages in the order they began. A stage that was retried is there again.
    pub stages: Vec<Stage>,
    /// What was done to network interfaces.
    pub network: Vec<Network>,
    /// Starts and ends of the rescue sshd.
    pub sshd: Vec<Sshd>,
    /// Who logged in to the rescue or was refused, in the order they began.
    pub sessions: Vec<Session>,
    /// How many connections to the rescue were refused: of many, not each is in `sessions`.
    pub refused: u32,
    /// Kernel modules in the order they were loaded.
    pub modules: Vec<Module>,
    /// Expected hardware.
    pub hardware: Vec<Hardware>,
    /// What was in the machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inventory: Vec<Thing>,
    /// What differs in it from the last good boot before this one in the same record; `null` where there is none that has one.
    pub since_good: Option<crate::hardware::Changes>,
    /// Where the root file system was found.
    pub roots: Vec<Root>,
    /// Programs that assembled what the root lies on.
    pub assemblies: Vec<Assembly>,
    /// File system checks.
    pub checks: Vec<Check>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// Runlevels, each with its levels.
    pub runlevels: Vec<Runlevel>,
    /// Scripts in the order they were started.
    pub scripts: Vec<Script>,
    /// Services of inittab.
    pub services: Vec<Service>,
    /// Orders of a person, and waits for one.
    pub operator: Vec<Operator>,
    /// Time spent waiting for a person.
    pub held_ns: u64,
    /// When that was, and why.
    pub waits: Vec<Wait>,
    /// From the kernel's start to the last verdict, without waiting for a person: how long the boot took.
    pub boot_ns: Option<u64>,
    /// Lines worth a line.
    pub notes: Vec<Note>,
    /// Output of sshd and other children.
    pub other_output: String,
    /// What was handed to the root.
    pub handovers: Vec<Handover>,
    /// Verdicts sent to syslog receivers.
    pub syslog: Vec<Syslog>,
    /// What the kernel said of level err and above.
    pub kernel: Vec<KernelMessage>,
    /// What became of the watchdog.
    pub watchdog: Vec<Watchdog>,
    /// What the machine had kept of boots that died, the oldest first.
    pub died: Vec<Died>,
    /// How this boot died, as a later one in the same record has found; `null`: none has.
    pub death: Option<Death>,
    /// How long what came before PID 1 took.
    pub before_init: Option<BeforeInit>,
    /// The order to go down.
    pub shutdown: Option<Shutdown>,
    /// What is missing from this record.
    pub lost: Lost,
}

impl Boot {
    /// The machine's name in the host table.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let mut lines = self.network.iter().rev();
        lines.find_map(|line| line.what.strip_prefix("host "))
    }
}

/// How a boot went.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verdict {
    /// `OK`, `DEGRADED`, `RESCUE`, `FAILED`; `UNFINISHED` when none was recorded.
    pub word: String,
    /// Why; empty for `OK`.
    pub reason: String,
    /// The same in full; `null` where there is no more to say.
    pub detail: Option<String>,
    /// When it was recorded.
    pub at_ns: Option<u64>,
}

/// Which boot it is.
#[derive(Debug, Clone, Serialize)]
pub struct Identity {
    /// The kernel's boot id.
    pub boot_id: String,
    /// When the kernel started, ns since 1970 UTC.
    pub started_unix_ns: u64,
    /// The same as text, `YYYY-MM-DD HH:MM:SS UTC`.
    pub started: String,
    /// `uname -r`.
    pub kernel: String,
    /// The config's name.
    pub config: String,
    /// SHA-256 of the plan.
    pub plan: String,
    /// SHA-256 of the image's members.
    pub image: String,
    /// Version of preroot-init.
    pub version: String,
    /// The kernel command line.
    pub command_line: String,
    /// What was wrong with the plan.
    pub plan_error: Option<String>,
    /// When PID 1 began, on the clock of every `at_ns`: before it, the kernel.
    pub exec_ns: Option<u64>,
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageEnd {
    /// As it should.
    Done,
    /// It failed and the boot went on.
    WentOn,
    /// It failed and the boot stopped for a person.
    Rescue,
    /// It was skipped.
    Skipped,
    /// Its end is not in the record.
    Unfinished,
}

/// A stage of preroot.
#[derive(Debug, Clone, Serialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// When it began; `null` when that frame is lost.
    pub at_ns: Option<u64>,
    /// How long it took.
    pub took_ns: Option<u64>,
    /// How it ended.
    pub end: StageEnd,
    /// The step that failed.
    pub failed: Option<FailedStep>,
}

/// The step at which a stage failed.
#[derive(Debug, Clone, Serialize)]
pub struct FailedStep {
    /// Its stable number.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// errno, 0 when it was no system call.
    pub errno: u16,
}

/// Something done to or seen on a network interface.
#[derive(Debug, Clone, Serialize)]
pub struct Network {
    /// When.
    pub at_ns: u64,
    /// The interface.
    pub interface: String,
    /// What.
    pub what: String,
    /// 0, or why it failed.
    pub errno: u16,
}

/// A start or end of the rescue sshd.
#[derive(Debug, Clone, Serialize)]
pub struct Sshd {
    /// When.
    pub at_ns: u64,
    /// `started`, `ended`, `failed`; `off`, `on`: a policy has switched it.
    pub what: String,
    /// Its pid.
    pub pid: u32,
    /// How often it was started until then.
    pub starts: u32,
    /// Wait status, or errno.
    pub status: i32,
    /// Why a policy has switched it.
    pub why: Option<String>,
}

/// A session of the rescue, or a connection that was refused.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    /// When it began.
    pub at_ns: u64,
    /// How long it lasted; `None`: its end is not recorded.
    pub took_ns: Option<u64>,
    /// `open`, `ended`, `refused`.
    pub state: String,
    /// Key or certificate.
    pub who: String,
    /// The user.
    pub user: String,
    /// `ADDRESS:PORT`.
    pub from: String,
    /// Its sshd's pid, 0 when not known.
    pub pid: u32,
    /// How it ended, or why it was refused.
    pub how: String,
}

/// A kernel module.
#[derive(Debug, Clone, Serialize)]
pub struct Module {
    /// When loading it was done.
    pub at_ns: u64,
    /// Its name.
    pub name: String,
    /// 0, or why it failed.
    pub errno: u16,
    /// Time in the kernel.
    pub took_ns: u64,
    /// What asked for it.
    pub modalias: String,
}

/// A piece of hardware against the plan.
#[derive(Debug, Clone, Serialize)]
pub struct Hardware {
    /// What it is.
    pub item: String,
    /// What is expected in its unit: bytes, Mbit/s, how many; 0 for nothing.
    pub expected: u64,
    /// What is there.
    pub found: u64,
    /// `ok`, `missing`, `small`, `wrong size`, `hangs`, `unknown`, ...
    pub verdict: String,
    /// What is wrong in a phrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What became of it: `note`, `degraded`, `hold`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concern: Option<String>,
}

/// A thing that was in the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Thing {
    /// `memory`, `slot`, `cpu`, `disk`, `md`, `nic`, `pci`.
    pub class: String,
    /// Which of its class.
    pub name: String,
    /// What is known of it, by key.
    pub facts: BTreeMap<String, String>,
}

/// Where the root file system was found.
#[derive(Debug, Clone, Serialize)]
pub struct Root {
    /// When.
    pub at_ns: u64,
    /// What was looked for.
    pub wanted: String,
    /// The device.
    pub device: String,
    /// Its file system.
    pub kind: String,
    /// How long it was looked for.
    pub waited_ns: u64,
}

/// A run of a program that assembles what the root lies on.
#[derive(Debug, Clone, Serialize)]
pub struct Assembly {
    /// When it ended.
    pub at_ns: u64,
    /// The step of the plan.
    pub step: String,
    /// The device it was run for, empty for none in particular.
    pub device: String,
    /// The command.
    pub command: String,
    /// Its exit code.
    pub code: u16,
    /// The signal that ended it.
    pub signal: u16,
    /// errno when it could not be started.
    pub errno: u16,
    /// How long it took.
    pub took_ns: u64,
    /// `done`, `failed`, `timed out`, `not started`.
    pub verdict: String,
    /// What it printed.
    pub output: String,
}

/// A file system check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// When it was done.
    pub at_ns: u64,
    /// The device.
    pub device: String,
    /// Why, or why not.
    pub reason: String,
    /// The command, empty when none ran.
    pub command: String,
    /// Its exit code, fsck(8).
    pub code: u16,
    /// The signal that ended it.
    pub signal: u16,
    /// How long it took.
    pub took_ns: u64,
    /// `clean`, `repaired`, `uncorrected`, `not checked`.
    pub verdict: String,
    /// Inodes that the repair cleared.
    pub inodes_cleared: Option<u32>,
    /// Names that the repair dropped from directories.
    pub entries_dropped: Option<u32>,
    /// Inodes that the repair put into lost+found.
    pub attached: Option<u32>,
    /// Deleted files that the repair freed: no loss.
    pub orphans: Option<u32>,
    /// Inodes in use before, by the superblock.
    pub files_before: Option<u64>,
    /// Inodes in use after, by e2fsck's count.
    pub files_after: Option<u64>,
    /// What it printed.
    pub output: String,
}

/// A mount.
#[derive(Debug, Clone, Serialize)]
pub struct Mount {
    /// When.
    pub at_ns: u64,
    /// The device.
    pub device: String,
    /// Where.
    pub at: String,
    /// The file system.
    pub kind: String,
    /// Its options.
    pub options: String,
}

/// One run of a runlevel.
#[derive(Debug, Clone, Serialize)]
pub struct Runlevel {
    /// `S`, `2`, `0`, `6`.
    pub runlevel: String,
    /// `levels` or `edges`.
    pub policy: String,
    /// When it began.
    pub at_ns: u64,
    /// How long it took; `null` when it did not end.
    pub took_ns: Option<u64>,
    /// How many scripts it should run.
    pub scripts: u32,
    /// How many ended with status 0.
    pub succeeded: u32,
    /// How many did not.
    pub failed: u32,
    /// How many were ended by their deadline.
    pub timed_out: u32,
    /// How many had nothing to start: not installed or not configured.
    pub skipped: u32,
    /// Its levels in order.
    pub levels: Vec<Level>,
    /// The scripts that were started in it, by their places in [`Boot::scripts`].
    #[serde(skip)]
    pub members: Vec<usize>,
}

/// One level of the frozen order.
#[derive(Debug, Clone, Serialize)]
pub struct Level {
    /// Its number, from 1.
    pub level: u16,
    /// How many scripts were started in it.
    pub scripts: u32,
    /// When the first was started.
    pub at_ns: u64,
    /// From the first start to the last end; `null` when a script in it did not end.
    pub took_ns: Option<u64>,
    /// The script that took longest.
    pub slowest: String,
    /// How long that took.
    pub slowest_ns: Option<u64>,
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptEnd {
    /// It exited; `status` is the exit code.
    Exited,
    /// A signal ended it; `status` is the signal.
    Signalled,
    /// Its deadline ended it; `status` is the signal that did.
    TimedOut,
    /// It could not be started; `status` is errno.
    NotStarted,
    /// Not even SIGKILL ended it.
    Abandoned,
    /// Its end is not in the record.
    Unfinished,
}

/// One run of a script.
#[derive(Debug, Clone, Serialize)]
pub struct Script {
    /// Its number in the plan.
    pub number: u32,
    /// Its file name.
    pub name: String,
    /// Its runlevel; empty when its first frame is lost.
    pub runlevel: String,
    /// Its level; 0 when its first frame is lost.
    pub level: u16,
    /// `start` or `stop`.
    pub argument: String,
    /// When it was started.
    pub at_ns: Option<u64>,
    /// How long it took.
    pub took_ns: Option<u64>,
    /// How it ended.
    pub end: ScriptEnd,
    /// Exit code, signal or errno.
    pub status: u16,
    /// CPU time in user mode.
    pub user_ns: u64,
    /// CPU time in the kernel.
    pub system_ns: u64,
    /// Largest resident set, KiB.
    pub memory_kib: u32,
    /// The script that it waited for, by number in the plan.
    pub waited_for: Option<u32>,
    /// Bytes that were read of disks for it; `null`: not recorded.
    pub read_bytes: Option<u64>,
    /// Bytes that it wrote to files on disks; `null`: not recorded.
    pub written_bytes: Option<u64>,
    /// Bytes it wrote, kept or not.
    pub output_bytes: u64,
    /// What is kept of its output.
    pub output: String,
    /// Output bytes that are not kept.
    pub output_lost: u64,
    /// What is kept of its output behind those.
    pub output_end: String,
}

impl Script {
    /// Whether it ended as it should.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.end == ScriptEnd::Exited && self.status == 0
    }

    /// Whether there was nothing to start, and it said so.
    #[must_use]
    pub fn skipped(&self) -> bool {
        self.end == ScriptEnd::Exited && Meaning::of(self.status) == Meaning::Skipped
    }
}

/// A start or end of a service of inittab.
#[derive(Debug, Clone, Serialize)]
pub struct Service {
    /// When.
    pub at_ns: u64,
    /// inittab's id.
    pub id: String,
    /// `started`, `ended`, `failed`, `held back`.
    pub what: String,
    /// Its pid.
    pub pid: u32,
    /// Wait status, or errno.
    pub status: i32,
}

/// An order, or a wait for one.
#[derive(Debug, Clone, Serialize)]
pub struct Operator {
    /// When.
    pub at_ns: u64,
    /// `waiting`, `continue`, `retry`, ...
    pub what: String,
    /// The stage it is about.
    pub stage: String,
    /// For an order: how long the boot had waited for it.
    pub waited_ns: Option<u64>,
    /// Of a wait, why; of an order, what else was said. `null`: nothing, or an older record.
    pub why: Option<String>,
    /// Who gave the order: a session's key and address, or a process.
    pub by: Option<String>,
}

/// A time in which the boot waited for a person: a state of its own, and no part of how long a boot takes.
#[derive(Debug, Clone, Serialize)]
pub struct Wait {
    /// When it began.
    pub at_ns: u64,
    /// The stage it was before, or that had failed.
    pub stage: String,
    /// `held`, or the step that failed.
    pub why: Option<String>,
    /// How long it was; `null`: the record ends in it.
    pub took_ns: Option<u64>,
    /// What ended it: a word, or `panic=`, `ctrl-alt-del`, `initctl`.
    pub ended_by: Option<String>,
    /// Whose word it was.
    pub by: Option<String>,
}

impl Boot {
    /// How much of the time until a moment went by waiting for a person.
    #[must_use]
    pub fn held_until(&self, moment_ns: u64) -> u64 {
        let part = |wait: &Wait| {
            let end = wait.took_ns.map(|took| wait.at_ns.saturating_add(took));
            let end = end.unwrap_or(u64::MAX).min(moment_ns);
            end.saturating_sub(wait.at_ns)
        };
        self.waits.iter().map(part).fold(0, u64::saturating_add)
    }
}

/// A note.
#[derive(Debug, Clone, Serialize)]
pub struct Note {
    /// When.
    pub at_ns: u64,
    /// The line.
    pub text: String,
}

/// What was made is handed to the root, or taken back.
#[derive(Debug, Clone, Serialize)]
pub struct Handover {
    /// When.
    pub at_ns: u64,
    /// `keep`, `teardown`, `give back`.
    pub what: String,
    /// To whom: the root's init, or the script that sets up the network.
    pub to: String,
    /// Lines of the receipt, or addresses and routes that were taken off or put on.
    pub count: u32,
    /// How many could not be.
    pub failed: u32,
    /// errno when it could not be done at all.
    pub errno: u16,
}

/// A verdict that was sent to a syslog receiver, or not.
#[derive(Debug, Clone, Serialize)]
pub struct Syslog {
    /// When.
    pub at_ns: u64,
    /// The receiver, `ADDRESS:PORT`.
    pub to: String,
    /// The verdict's word.
    pub word: String,
    /// Bytes that the kernel took; 0: none.
    pub bytes: u32,
    /// Why it did not, or what the network has said since.
    pub errno: u16,
    /// How often it was tried.
    pub tries: u32,
}

/// A message of the kernel of level err or above.
#[derive(Debug, Clone, Serialize)]
pub struct KernelMessage {
    /// When the kernel said it.
    pub at_ns: u64,
    /// As syslog(3) counts: 0 emerg to 3 err.
    pub level: u8,
    /// What it said.
    pub text: String,
}

/// The watchdog was armed, let go, or could not be.
#[derive(Debug, Clone, Serialize)]
pub struct Watchdog {
    /// When.
    pub at_ns: u64,
    /// `armed`, `missing`, `failed`, `disarmed`, `left`, `off`.
    pub what: String,
    /// Its device.
    pub device: String,
    /// After how long without food it resets the machine, s; 0: not known.
    pub timeout_s: u32,
    /// Its driver's name for it.
    pub identity: Option<String>,
    /// Why the machine was started last, as its driver knows: the kernel's words for the bits of linux/watchdog.h; `None`: the
    /// driver does not say.
    pub last_boot: Option<Vec<String>>,
    /// What failed, or why there is none.
    pub why: Option<String>,
    /// errno, where something failed.
    pub errno: Option<u16>,
}

/// The order to go down.
#[derive(Debug, Clone, Serialize)]
pub struct Shutdown {
    /// When.
    pub at_ns: u64,
    /// `reboot`, `poweroff`, `halt`.
    pub how: String,
    /// Who asked.
    pub who: String,
}

/// What is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Frames that are not there, by the gaps in their sequence.
    pub frames: u64,
    /// Bytes that are damaged.
    pub damaged_bytes: u64,
    /// Frames that PID 1 itself had to drop.
    pub dropped_frames: u64,
    /// Output bytes that were not kept.
    pub output_bytes: u64,
    /// Frames of a kind that this bootlog does not know.
    pub unknown_frames: u64,
    /// Whether later boots took the beginning of this one.
    pub beginning_overwritten: bool,
}
