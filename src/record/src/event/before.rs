//! Events of what came before PID 1: the boot before this one, the firmware, the kernel.

use minicbor::{Decode, Encode};

/// What the machine kept of a boot that died, or a piece of it (`fs/pstore` of the kernel).
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Died<'a> {
    /// What kept it: `ramoops`, `efi`, `erst`.
    #[cbor(b(0), with = "crate::text")]
    pub kept_by: &'a str,
    /// Why it was kept, in the kernel's words: `Panic#1`, `Oops#2`.
    #[cbor(b(1), with = "crate::text")]
    pub reason: &'a str,
    /// The boot id of the boot that died, as a line of preroot in the text has it; empty: none has.
    #[cbor(b(2), with = "crate::text")]
    pub boot_id: &'a str,
    /// When, by its clock, s since 1970; 0: not known.
    #[n(3)]
    pub unix_s: u64,
    /// Which of several that were found this is, from 0, the oldest.
    #[n(4)]
    pub number: u32,
    /// Which piece of its text this is, from 0.
    #[n(5)]
    pub piece: u32,
    /// The end of the kernel's log, lines ended by `\n`; what is no text as `?`.
    #[cbor(b(6), with = "minicbor::bytes")]
    pub bytes: &'a [u8],
    /// Bytes before the first piece that were there and are not kept.
    #[n(7)]
    pub lost: Option<u64>,
}

/// How long what came before PID 1 took. Each key only where the machine tells it.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct BeforeInit<'a> {
    /// Who tells of firmware and loader: `FPDT` (ACPI), `EFI` (systemd's boot loader interface); empty: nobody.
    #[cbor(b(0), with = "crate::text")]
    pub told_by: &'a str,
    /// From the machine's reset until the loader began, ns.
    #[n(1)]
    pub firmware_ns: Option<u64>,
    /// From then until the kernel began, ns.
    #[n(2)]
    pub loader_ns: Option<u64>,
    /// When the kernel began to unpack the initramfs, ns on the clock of its log, which is that of the frames within some ms.
    #[n(3)]
    pub unpack_began_ns: Option<u64>,
    /// When it was unpacked.
    #[n(4)]
    pub unpack_ended_ns: Option<u64>,
    /// When the kernel executed init.
    #[n(5)]
    pub run_ns: Option<u64>,
}
