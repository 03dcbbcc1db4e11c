//! Events of the rescue: its sshd, its sessions, what a person says, what is handed over, who is told.

use minicbor::{Decode, Encode};

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

/// The watchdog was armed, let go, or could not be.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Watchdog<'a> {
    /// `armed`, and fed from then on; `missing`; `failed`; `disarmed`; `left`: armed, and fed by nobody any more; `off`, as
    /// the command line says.
    #[cbor(b(0), with = "crate::text")]
    pub what: &'a str,
    /// Its device, `/dev/watchdog0`.
    #[cbor(b(1), with = "crate::text")]
    pub device: &'a str,
    /// After how long without food it resets the machine, s, as its driver has it; 0: not known.
    #[n(2)]
    pub timeout_s: u32,
    /// Its driver's name for it.
    #[cbor(b(3), with = "crate::text::optional", has_nil)]
    pub identity: Option<&'a str>,
    /// Why the machine was started last, as its driver knows (`WDIOC_GETBOOTSTATUS`): bits of linux/watchdog.h.
    #[n(4)]
    pub boot_status: Option<u32>,
    /// What failed, or why it was let go: `open`, `feed`, `hand-over`.
    #[cbor(b(5), with = "crate::text::optional", has_nil)]
    pub why: Option<&'a str>,
    /// errno, where something failed.
    #[n(6)]
    pub errno: Option<u16>,
}

impl Watchdog<'_> {
    /// Of [`boot_status`](Watchdog::boot_status): the watchdog has reset the machine (`WDIOF_CARDRESET`).
    pub const CARD_RESET: u32 = 0x20;
}
