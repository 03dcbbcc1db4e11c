//! What can happen: one struct a kind, each a CBOR map with integer keys.
//!
//! Numbers are for ever: a kind or key that is no longer written is not used again, a new key is an
//! `Option`, so old records still decode.

use minicbor::encode::write::Cursor;
use minicbor::{Decode, Encode};

macro_rules! events {
    ($($(#[$doc:meta])* $number:literal $name:ident),+ $(,)?) => {
        /// One event with its payload.
        #[derive(Debug, Clone, Copy, PartialEq)]
        #[non_exhaustive]
        pub enum Event<'a> {
            $($(#[$doc])* $name($name<'a>),)+
        }

        impl<'a> Event<'a> {
            /// The stable number of this kind.
            #[must_use]
            pub fn kind(&self) -> u16 {
                match self { $(Event::$name(_) => $number,)+ }
            }

            /// The name of a kind, for people.
            #[must_use]
            pub fn kind_name(kind: u16) -> Option<&'static str> {
                match kind { $($number => Some(stringify!($name)),)+ _ => None }
            }

            /// Writes the payload to the front of `out`: its length, or `None` if it does not fit.
            pub fn encode(&self, out: &mut [u8]) -> Option<usize> {
                let mut cursor = Cursor::new(out);
                match self {
                    $(Event::$name(payload) => minicbor::encode(payload, &mut cursor).ok()?,)+
                }
                Some(cursor.position())
            }

            /// Reads a payload of this kind.
            #[must_use]
            pub fn decode(kind: u16, payload: &'a [u8]) -> Option<Event<'a>> {
                match kind {
                    $($number => minicbor::decode(payload).ok().map(Event::$name),)+
                    _ => None,
                }
            }
        }

        $(impl $name<'_> {
            /// The stable number of this kind.
            pub const KIND: u16 = $number;
        })+

        $(impl<'a> From<$name<'a>> for Event<'a> {
            fn from(payload: $name<'a>) -> Event<'a> { Event::$name(payload) }
        })+
    };
}

events! {
    /// The first frame of a boot.
    1 Born,
    /// A stage began.
    2 StageBegan,
    /// A stage ended, well or not.
    3 StageEnded,
    /// A kernel module was loaded, or not.
    4 Module,
    /// Something about a network interface.
    5 Network,
    /// The rescue sshd was started or ended.
    6 Sshd,
    /// One expected or found piece of hardware.
    7 Hardware,
    /// The root file system was found.
    8 RootFound,
    /// The root file system was checked, or the check was not needed.
    9 Fsck,
    /// A file system was mounted.
    10 Mounted,
    /// A runlevel's scripts began.
    11 RunlevelBegan,
    /// A runlevel's scripts are done.
    12 RunlevelEnded,
    /// An init script was started.
    13 ScriptStarted,
    /// An init script ended.
    14 ScriptEnded,
    /// A piece of output of a script or of fsck.
    15 Output,
    /// How the boot went, in one line.
    16 Verdict,
    /// A service of inittab was started or ended.
    17 Service,
    /// The machine is going down.
    18 Shutdown,
    /// A person gave an order, or the boot waits for one.
    19 Operator,
    /// Something worth a line.
    20 Note,
    /// Frames or output that could not be kept.
    21 Lost,
    /// A program that assembles what the root lies on has ended.
    22 Assembled,
    /// Somebody logged in to the rescue, left it, or was refused.
    23 Session,
    /// What was made is handed to the root, or taken back.
    24 Handover,
    /// A verdict was sent to a syslog receiver, or not.
    27 Syslog,
}

/// The first frame: which boot this is.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Born<'a> {
    /// The kernel's boot id (`/proc/sys/kernel/random/boot_id`), as text.
    #[cbor(b(0), with = "crate::text")]
    pub boot_id: &'a str,
    /// `uname -r`.
    #[cbor(b(1), with = "crate::text")]
    pub kernel: &'a str,
    /// SHA-256 of the image's members, in hex; empty when the image does not say.
    #[cbor(b(2), with = "crate::text")]
    pub image: &'a str,
    /// SHA-256 of the plan, in hex.
    #[cbor(b(3), with = "crate::text")]
    pub plan: &'a str,
    /// The name of the config the plan was frozen from.
    #[cbor(b(4), with = "crate::text")]
    pub config: &'a str,
    /// The kernel command line, cut to fit.
    #[cbor(b(5), with = "crate::text::command_line")]
    pub command_line: &'a str,
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC at this moment, in ns: turns every time into a date.
    #[n(6)]
    pub epoch_ns: u64,
    /// Version of preroot-init.
    #[cbor(b(7), with = "crate::text")]
    pub version: &'a str,
    /// What was wrong with the plan, when built-in defaults are used instead.
    #[cbor(b(8), with = "crate::text::optional", has_nil)]
    pub plan_error: Option<&'a str>,
    /// When PID 1 began, ns on the clock of the frames: what lies between is born and early.
    #[n(9)]
    pub exec_ns: Option<u64>,
}

/// A stage began.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct StageBegan<'a> {
    /// The stage's name as in the documentation (`early`, `fsck`, ...).
    #[cbor(b(0), with = "crate::text")]
    pub stage: &'a str,
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// As it should.
    #[n(0)]
    Done,
    /// Not, and the boot goes on.
    #[n(1)]
    GoOn,
    /// Not, and the boot stops for a person.
    #[n(2)]
    Rescue,
    /// A person or the plan skipped it.
    #[n(3)]
    Skipped,
}

/// A stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct StageEnded<'a> {
    /// The stage's name.
    #[cbor(b(0), with = "crate::text")]
    pub stage: &'a str,
    /// How.
    #[n(1)]
    pub outcome: Outcome,
    /// The step that failed: the stable number of `boot`'s `Step`, 0 when none did.
    #[n(2)]
    pub step: u16,
    /// The step's name.
    #[cbor(b(3), with = "crate::text")]
    pub step_name: &'a str,
    /// errno of that step, 0 when it is no system call.
    #[n(4)]
    pub errno: u16,
}

/// A kernel module was loaded, or not.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Module<'a> {
    /// Its name.
    #[cbor(b(0), with = "crate::text")]
    pub name: &'a str,
    /// 0, or why not.
    #[n(1)]
    pub errno: u16,
    /// Time inside `finit_module`, ns.
    #[n(2)]
    pub took_ns: u64,
    /// The modalias that asked for it, empty for `modules.always`.
    #[cbor(b(3), with = "crate::text")]
    pub modalias: &'a str,
}

/// Something about a network interface.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Network<'a> {
    /// Its name.
    #[cbor(b(0), with = "crate::text")]
    pub interface: &'a str,
    /// What was done or seen: `up`, `address 192.0.2.1/24`, `route 192.0.2.254`, `carrier`, `no-carrier`, `host NAME`.
    #[cbor(b(1), with = "crate::text")]
    pub what: &'a str,
    /// 0, or why not.
    #[n(2)]
    pub errno: u16,
}

/// The rescue sshd was started or ended.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Sshd<'a> {
    /// `started`, `ended`, `failed`; `off`, `on`: a policy has switched it, see `why`.
    #[cbor(b(0), with = "crate::text")]
    pub what: &'a str,
    /// Its pid, 0 when it could not be started.
    #[n(1)]
    pub pid: u32,
    /// How often it was started in this boot.
    #[n(2)]
    pub starts: u32,
    /// Exit status as wait(2) gives it, or errno when it could not be started.
    #[n(3)]
    pub status: i32,
    /// Why it was switched on or off; `None`: it was not.
    #[cbor(b(4), with = "crate::text::optional", has_nil)]
    pub why: Option<&'a str>,
}

/// One expected or found piece of hardware.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Hardware<'a> {
    /// `memory`, `disk SERIAL`, ...
    #[cbor(b(0), with = "crate::text")]
    pub item: &'a str,
    /// What the plan expects, in the item's unit (bytes); 0 when it expects nothing.
    #[n(1)]
    pub expected: u64,
    /// What is there.
    #[n(2)]
    pub found: u64,
    /// `ok`, `missing`, `small`, `unknown`.
    #[cbor(b(3), with = "crate::text")]
    pub verdict: &'a str,
}

/// The root file system was found.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct RootFound<'a> {
    /// What was looked for.
    #[cbor(b(0), with = "crate::text")]
    pub wanted: &'a str,
    /// The device that holds it.
    #[cbor(b(1), with = "crate::text")]
    pub device: &'a str,
    /// Its file system.
    #[cbor(b(2), with = "crate::text")]
    pub kind: &'a str,
    /// Time from the beginning of the search, ns.
    #[n(3)]
    pub waited_ns: u64,
}

/// The root file system was checked, or the check was not needed.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Fsck<'a> {
    /// The device.
    #[cbor(b(0), with = "crate::text")]
    pub device: &'a str,
    /// Why it was checked, or why not: `clean`, `not clean`, `errors`, `mount count`, `interval`, `forced`, `skipped`,
    /// `read-only device`.
    #[cbor(b(1), with = "crate::text")]
    pub reason: &'a str,
    /// The command that ran, empty when none did.
    #[cbor(b(2), with = "crate::text")]
    pub command: &'a str,
    /// Its exit code (fsck(8)), 0 when none ran.
    #[n(3)]
    pub code: u16,
    /// The signal that ended it, 0 when none did.
    #[n(4)]
    pub signal: u16,
    /// How long it took, ns.
    #[n(5)]
    pub took_ns: u64,
    /// What follows: `clean`, `repaired`, `uncorrected`, `not checked`.
    #[cbor(b(6), with = "crate::text")]
    pub verdict: &'a str,
    /// Inodes that the repair cleared, with what they held.
    #[n(7)]
    pub inodes_cleared: Option<u32>,
    /// Names that the repair dropped from directories.
    #[n(8)]
    pub entries_dropped: Option<u32>,
    /// Inodes that the repair put into lost+found.
    #[n(9)]
    pub attached: Option<u32>,
    /// Deleted files that the repair freed; no loss.
    #[n(10)]
    pub orphans: Option<u32>,
    /// Inodes in use before, by the superblock.
    #[n(11)]
    pub files_before: Option<u64>,
    /// Inodes in use after, by e2fsck's count.
    #[n(12)]
    pub files_after: Option<u64>,
}

/// A file system was mounted.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Mounted<'a> {
    /// The device.
    #[cbor(b(0), with = "crate::text")]
    pub device: &'a str,
    /// Where.
    #[cbor(b(1), with = "crate::text")]
    pub at: &'a str,
    /// File system type.
    #[cbor(b(2), with = "crate::text")]
    pub kind: &'a str,
    /// Options.
    #[cbor(b(3), with = "crate::text")]
    pub options: &'a str,
}

/// A runlevel's scripts began.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct RunlevelBegan<'a> {
    /// `S`, `2`, `0`, `6`.
    #[cbor(b(0), with = "crate::text")]
    pub runlevel: &'a str,
    /// How many scripts it has.
    #[n(1)]
    pub scripts: u32,
    /// `levels` or `edges`.
    #[cbor(b(2), with = "crate::text")]
    pub policy: &'a str,
}

/// A runlevel's scripts are done.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct RunlevelEnded<'a> {
    /// Which.
    #[cbor(b(0), with = "crate::text")]
    pub runlevel: &'a str,
    /// How many ended with status 0.
    #[n(1)]
    pub succeeded: u32,
    /// How many did not.
    #[n(2)]
    pub failed: u32,
    /// How many were ended by their deadline.
    #[n(3)]
    pub timed_out: u32,
    /// How many had nothing to start: exit 5, not installed, or 6, not configured.
    #[n(4)]
    pub skipped: Option<u32>,
}

/// An init script was started.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct ScriptStarted<'a> {
    /// Its number in the plan; ties `Output` and `ScriptEnded` to it.
    #[n(0)]
    pub script: u32,
    /// Its file name.
    #[cbor(b(1), with = "crate::text")]
    pub name: &'a str,
    /// `S`, `2`, `0`, `6`.
    #[cbor(b(2), with = "crate::text")]
    pub runlevel: &'a str,
    /// Its level in the frozen order, from 1.
    #[n(3)]
    pub level: u16,
    /// `start` or `stop`.
    #[cbor(b(4), with = "crate::text")]
    pub argument: &'a str,
    /// Its pid; 0 when it could not be started (`ScriptEnded` follows with the errno).
    #[n(5)]
    pub pid: u32,
    /// The script whose end let it start, by number; `None` when it waited for nobody.
    #[n(6)]
    pub waited_for: Option<u32>,
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ScriptEnd {
    /// It exited; `status` is its exit code.
    #[n(0)]
    Exited,
    /// A signal ended it; `status` is the signal.
    #[n(1)]
    Signalled,
    /// Its deadline ended it; `status` is the signal that did.
    #[n(2)]
    TimedOut,
    /// It could not be started; `status` is errno.
    #[n(3)]
    NotStarted,
    /// It had not ended when the deadline's SIGKILL should have taken it; the boot went on.
    #[n(4)]
    Abandoned,
}

/// An init script ended.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct ScriptEnded<'a> {
    /// Its number in the plan.
    #[n(0)]
    pub script: u32,
    /// Its file name.
    #[cbor(b(1), with = "crate::text")]
    pub name: &'a str,
    /// How.
    #[n(2)]
    pub end: ScriptEnd,
    /// Exit code, signal or errno.
    #[n(3)]
    pub status: u16,
    /// From start to end, ns.
    #[n(4)]
    pub took_ns: u64,
    /// CPU time in user mode, ns, with all children it waited for.
    #[n(5)]
    pub user_ns: u64,
    /// CPU time in the kernel, ns.
    #[n(6)]
    pub system_ns: u64,
    /// Largest resident set of it or a child it waited for, KiB.
    #[n(7)]
    pub memory_kib: u32,
    /// Output bytes it wrote until it ended, kept or not.
    #[n(8)]
    pub output_bytes: u64,
}

/// Whose output it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Source {
    /// An init script; `script` is its number.
    #[n(0)]
    Script,
    /// The file system check.
    #[n(1)]
    Fsck,
    /// The rescue sshd.
    #[n(2)]
    Sshd,
    /// Another child of PID 1.
    #[n(3)]
    Child,
    /// A program that assembles what the root lies on.
    #[n(4)]
    Assembly,
}

/// A piece of output.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Output<'a> {
    /// Whose.
    #[n(0)]
    pub source: Source,
    /// The script's number in the plan, 0 for other sources.
    #[n(1)]
    pub script: u32,
    /// The bytes as they came.
    #[cbor(b(2), with = "minicbor::bytes")]
    pub bytes: &'a [u8],
}

/// How the boot went, in one line.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Verdict<'a> {
    /// `OK`, `DEGRADED`, `RESCUE`, `FAILED`.
    #[cbor(b(0), with = "crate::text")]
    pub word: &'a str,
    /// Why, as in `DEGRADED(disk SERIAL missing)`; empty for `OK`.
    #[cbor(b(1), with = "crate::text")]
    pub reason: &'a str,
    /// The same in full, where there is more to say.
    #[cbor(b(2), with = "crate::text::optional", has_nil)]
    pub detail: Option<&'a str>,
}

/// A service of inittab was started or ended.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Service<'a> {
    /// inittab's id.
    #[cbor(b(0), with = "crate::text")]
    pub id: &'a str,
    /// `started`, `ended`, `failed`, `held back`.
    #[cbor(b(1), with = "crate::text")]
    pub what: &'a str,
    /// Its pid.
    #[n(2)]
    pub pid: u32,
    /// Exit status as wait(2) gives it, or errno.
    #[n(3)]
    pub status: i32,
}

/// The machine is going down.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Shutdown<'a> {
    /// `reboot`, `poweroff`, `halt`.
    #[cbor(b(0), with = "crate::text")]
    pub how: &'a str,
    /// Who asked: `initctl`, `ctrl-alt-del`, `operator`, `panic=`.
    #[cbor(b(1), with = "crate::text")]
    pub who: &'a str,
}

/// A person gave an order, or the boot began or ceased to wait for one.
///
/// A wait begins with `waiting`. What ends it has [`waited_ns`](Operator::waited_ns), whoever ended it: a person's
/// `continue`, `retry`, `reboot`, `poweroff` or `halt`, or `panic=`, `ctrl-alt-del`, `initctl`.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Operator<'a> {
    /// `waiting`, `continue`, `retry`, `reboot`, ...
    #[cbor(b(0), with = "crate::text")]
    pub what: &'a str,
    /// The stage it is about.
    #[cbor(b(1), with = "crate::text")]
    pub stage: &'a str,
    /// Of a wait, why: `held`, or the step that failed, in words. Of an order, what else was said:
    /// `root=/dev/vdb1 ro`.
    #[cbor(b(2), with = "crate::text::optional", has_nil)]
    pub why: Option<&'a str>,
    /// Who gave it: `ADDRESS:PORT` and key of a session, or `pid 123 sh`.
    #[cbor(b(3), with = "crate::text::optional", has_nil)]
    pub by: Option<&'a str>,
    /// How long the wait was that it ended, ns.
    #[n(4)]
    pub waited_ns: Option<u64>,
}

/// Something worth a line.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Note<'a> {
    /// The line.
    #[cbor(b(0), with = "crate::text")]
    pub text: &'a str,
}

/// Frames or output that could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Lost<'a> {
    /// `frames`, `output` (of a script) or `fsck` (what the check says).
    #[cbor(b(0), with = "crate::text")]
    pub what: &'a str,
    /// How many frames, or bytes.
    #[n(1)]
    pub count: u64,
    /// The script whose output it was.
    #[n(2)]
    pub script: Option<u32>,
}

/// A program that assembles what the root lies on has ended.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Assembled<'a> {
    /// The step of the plan it belongs to: `md`, `lvm vg0`.
    #[cbor(b(0), with = "crate::text")]
    pub step: &'a str,
    /// The device it was run for, by the kernel's name; empty: none in particular.
    #[cbor(b(1), with = "crate::text")]
    pub device: &'a str,
    /// The words of its command, a tab between them; `{}` stands for the device.
    #[cbor(b(2), with = "crate::text")]
    pub command: &'a str,
    /// Its exit code, 0 when it did not exit.
    #[n(3)]
    pub code: u16,
    /// The signal that ended it, 0 when none did.
    #[n(4)]
    pub signal: u16,
    /// errno when it could not be started.
    #[n(5)]
    pub errno: u16,
    /// How long it took, ns.
    #[n(6)]
    pub took_ns: u64,
    /// `done`, `failed`, `timed out`, `not started`.
    #[cbor(b(7), with = "crate::text")]
    pub verdict: &'a str,
}

/// Somebody logged in to the rescue, left it, or was refused.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Session<'a> {
    /// `began`, `ended`, `refused`.
    #[cbor(b(0), with = "crate::text")]
    pub what: &'a str,
    /// The key by its type and fingerprint, or the certificate by its id, serial number and CA, as sshd has it; empty: it
    /// came with none that sshd told of.
    #[cbor(b(1), with = "crate::text")]
    pub who: &'a str,
    /// The user; of one that was refused empty where sshd does not tell.
    #[cbor(b(2), with = "crate::text")]
    pub user: &'a str,
    /// `ADDRESS:PORT` of the client, with brackets around an IPv6 address.
    #[cbor(b(3), with = "crate::text")]
    pub from: &'a str,
    /// The process of its sshd, 0 when sshd does not tell.
    #[n(4)]
    pub pid: u32,
    /// When it began, or first was heard of, ns on the clock of the frames.
    #[n(5)]
    pub began_ns: u64,
    /// How it ended, or why it was refused, in sshd's words.
    #[cbor(b(6), with = "crate::text")]
    pub how: &'a str,
    /// How many were refused in this boot until now: of many, not each has a frame.
    #[n(7)]
    pub refused: u32,
}

/// What was made is handed to the root, or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Handover<'a> {
    /// `keep`: all of it stays; `teardown`: addresses and routes are taken off; `give back`: they are put on again, where
    /// the root has put none.
    #[cbor(b(0), with = "crate::text")]
    pub what: &'a str,
    /// To whom: the root's init, or the script that sets up the network.
    #[cbor(b(1), with = "crate::text")]
    pub to: &'a str,
    /// Lines of the receipt, or addresses and routes that were taken off or put on.
    #[n(2)]
    pub count: u32,
    /// How many of those could not be.
    #[n(3)]
    pub failed: u32,
    /// errno when it could not be done at all.
    #[n(4)]
    pub errno: u16,
}

/// A verdict was sent to a syslog receiver, or not.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Syslog<'a> {
    /// The receiver, `ADDRESS:PORT`.
    #[cbor(b(0), with = "crate::text")]
    pub to: &'a str,
    /// The verdict's word.
    #[cbor(b(1), with = "crate::text")]
    pub word: &'a str,
    /// Bytes of the datagram that the kernel took; 0: none.
    #[n(2)]
    pub bytes: u32,
    /// Why it did not, or what the network has said of it since.
    #[n(3)]
    pub errno: u16,
    /// How often it was tried.
    #[n(4)]
    pub tries: u32,
}
