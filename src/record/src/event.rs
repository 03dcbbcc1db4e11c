//! What can happen: one struct a kind, each a CBOR map with integer keys.
//!
//! Numbers are for ever: a kind or key that is no longer written is not used again, a new key is an
//! `Option`, so old records still decode.

mod before;
mod hardware;
mod rescue;
mod scripts;

use minicbor::encode::write::Cursor;
use minicbor::{Decode, Encode};

pub use self::before::*;
pub use self::hardware::*;
pub use self::rescue::*;
pub use self::scripts::*;

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
    /// The watchdog was armed, let go, or could not be.
    28 Watchdog,
    /// The kernel said that something is wrong.
    29 KernelMessage,
    /// A thing that is in the machine.
    30 Inventory,
    /// What the machine kept of a boot that died.
    31 Died,
    /// How long what came before PID 1 took.
    32 BeforeInit,
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

/// A message of the kernel itself, of level err or above.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct KernelMessage<'a> {
    /// As syslog(3) counts: 0 emerg to 3 err.
    #[n(0)]
    pub level: u8,
    /// When the kernel said it, CLOCK_MONOTONIC in ns: before it was recorded.
    #[n(1)]
    pub at_ns: u64,
    /// What it said; bytes that are no text as `\x1b`.
    #[cbor(b(2), with = "crate::text")]
    pub text: &'a str,
}
