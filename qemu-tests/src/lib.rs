//! The harness: real disks, real kernels, the real OpenSSH client, and the record as the judge.
//!
//! A test builds a disk, starts a machine, talks to it over loopback and asserts on the frames it
//! recorded; never on prose from the console, never on how long something took. Waits are for
//! events, with deadlines that only a broken boot meets. No host but loopback is contacted: the
//! guest's network is cut off from the outside.

#![forbid(unsafe_code)]

mod accelerator;
mod artefacts;
mod assembled;
pub mod base64;
mod copies;
mod cpio;
mod damage;
mod disk;
mod error;
mod fault;
pub mod files;
mod fpdt;
mod layer;
mod library;
mod machine;
mod outcome;
mod overlay;
mod parts;
mod place;
mod port;
mod power;
mod programs;
mod qmp;
pub mod random;
mod record;
mod scenario;
mod scripts;
mod session;
mod small;
mod spec;
mod ssh;
mod steady;
mod stock;
mod subject;
mod tree;
mod wait;
mod wdat;
mod write_log;

pub use accelerator::Accelerator;
pub use artefacts::{Artefacts, VARIABLE};
pub use assembled::run as run_assembled;
pub use copies::Copies;
pub use cpio::Archive;
pub use disk::{Disk, Health};
pub use error::Error;
pub use fault::{Ends, boot as boot_small, run as run_fault};
pub use layer::Layer;
pub use library::{directory as library_directory, library, scenarios_in};
pub use machine::{Cable, Machine};
pub use outcome::{Ended, Outcome as Ran};
pub use port::free_port;
pub use power::run as run_power;
pub use programs::{Baked, SshdImage, bake, bake_sshd};
pub use qmp::Qmp;
pub use record::{Boot, Record};
pub use scenario::{
    Generator, Last, Rival, Scenario, Seen, is_for_all, run as run_scenario, run_on, see,
    wait_verdict,
};

pub use session::Session;
pub use small::Small;
pub use spec::{Counted, Link, Nic, Spec};
pub use ssh::{Door, Ssh};
pub use subject::{ADDRESS, Owner, PORT, Subject};
pub use wait::{DEADLINE, until};
pub use write_log::{Cut, WriteLog};

pub use preroot_record::{BeforeInit, Event, Outcome, Watchdog};
