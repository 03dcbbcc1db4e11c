//! All memory of PID 1 beside its stack, claimed once, in [`crate::pid1`]. All of it is zero at first, so it
//! costs nothing in the file, and no page until it is used.

use heapless::{Deque, Vec};
use preroot_boot::inventory::{Judge, Since, Thing};
use preroot_boot::limits::CHILDREN_MAX;
use preroot_plan::limits::PLAN_BYTES_MAX;
use preroot_sys::claim::{Claim, Shared};

use crate::last_stand::LastStand;
use crate::limits::{
    CHUNK_BYTES, DISKS_MAX, EARLY_FRAMES_BYTES_MAX, EVENTS_MAX, FIRMWARE_BYTES_MAX, NICS_MAX,
    THINGS_MAX,
};
use crate::linux::{Queued, Slot};
use crate::roles::{Disk, Nic};

/// The plan, read whole: a mapped file could be cut short under PID 1, and that is a fatal signal. 4 MiB.
pub static PLAN: Claim<[u8; PLAN_BYTES_MAX]> = Claim::new([0; PLAN_BYTES_MAX]);
/// Frames until /run is there. 16 KiB.
pub static EARLY_FRAMES: Claim<Vec<u8, EARLY_FRAMES_BYTES_MAX>> = Claim::new(Vec::new());
/// The children. 24 KiB.
pub static CHILDREN: Claim<Vec<Slot, CHILDREN_MAX>> = Claim::new(Vec::new());
/// Events to hand out. 10 KiB.
pub static EVENTS: Claim<Deque<Queued, EVENTS_MAX>> = Claim::new(Deque::new());
/// What the panic handler knows. 17 KiB.
pub static LAST_STAND: Shared<LastStand> = Shared::new(LastStand::new());
/// Disks of the child that reads the machine. 1 MiB.
pub(crate) static DISKS: Claim<Vec<Disk, DISKS_MAX>> = Claim::new(Vec::new());
/// Network interfaces, in the same child. 66 KiB.
pub(crate) static NICS: Claim<Vec<Nic, NICS_MAX>> = Claim::new(Vec::new());
/// The firmware's table, in the same child. 64 KiB.
pub static FIRMWARE: Claim<[u8; FIRMWARE_BYTES_MAX]> = Claim::new([0; FIRMWARE_BYTES_MAX]);
/// What is expected, in the same child. 80 KiB.
pub(crate) static JUDGE: Claim<Judge<'static>> = Claim::new(Judge::of_nothing());
/// Frames that are copied, in the child that keeps the store. 64 KiB.
pub(crate) static CHUNK: Claim<[u8; CHUNK_BYTES]> = Claim::new([0; CHUNK_BYTES]);
/// What is missing since the last good boot, in the same child. 160 KiB.
pub(crate) static SINCE: Claim<Since<'static>> = Claim::new(Since::nothing());
/// What was in the machine then. 96 KiB.
pub(crate) static THINGS: Claim<Vec<Thing<'static>, THINGS_MAX>> = Claim::new(Vec::new());

const _: () = assert!(size_of::<Slot>() <= 24);
const _: () = assert!(size_of::<Queued>() <= 48);
const _: () = assert!(size_of::<LastStand>() <= 17 << 10);
