//! What is in the machine, and whether it is what should be.

use minicbor::{Decode, Encode};

/// One piece of hardware against what is expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Hardware<'a> {
    /// `memory`, `slot DIMM_A2`, `disk SERIAL`, ...
    #[cbor(b(0), with = "crate::text")]
    pub item: &'a str,
    /// What is expected, in the item's unit (bytes, Mbit/s, how many); 0 when nothing is.
    #[n(1)]
    pub expected: u64,
    /// What is there.
    #[n(2)]
    pub found: u64,
    /// `ok`, `missing`, `small`, `wrong size`, `unknown`, ...
    #[cbor(b(3), with = "crate::text")]
    pub verdict: &'a str,
    /// What is wrong in a phrase, where there is more to say: `DIMM_A2 32 GiB missing`.
    #[cbor(b(4), with = "crate::text::optional", has_nil)]
    pub detail: Option<&'a str>,
    /// What becomes of it when it is not `ok`: `note`, `degraded`, `hold`.
    #[cbor(b(5), with = "crate::text::optional", has_nil)]
    pub concern: Option<&'a str>,
}

/// A thing that is in the machine.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Inventory<'a> {
    /// `memory`, `slot`, `cpu`, `disk`, `md`, `nic`, `pci`.
    #[cbor(b(0), with = "crate::text")]
    pub class: &'a str,
    /// Which of its class: `DIMM_A1`, `vda`, `eth0`, `0000:00:03.0`.
    #[cbor(b(1), with = "crate::text")]
    pub name: &'a str,
    /// What is known of it: `key=value`, a tab between them. The keys are those of `inventory.rs` of the boot core.
    #[cbor(b(2), with = "crate::text::facts")]
    pub facts: &'a str,
}
