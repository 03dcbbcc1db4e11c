//! Events of the order: runlevels, scripts, services, and what they write.

use minicbor::{Decode, Encode};

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
    /// Bytes that were read of disks for it and the children it waited for (getrusage(2)).
    #[n(9)]
    pub read_bytes: Option<u64>,
    /// Bytes that they wrote to files on disks, whenever those get there.
    #[n(10)]
    pub written_bytes: Option<u64>,
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
