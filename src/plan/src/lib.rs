//! The plan: what the boot is to do, frozen on the host and only walked on the target.
//!
//! `preroot freeze` writes it, PID 1 reads it; both link this crate. Everything is checked once, in
//! [`Plan::check`]; after that every table, index and string is known to be good, so a walk over a
//! plan cannot fail. The reader allocates nothing, copies nothing and needs no alignment.
//!
//! A plan, little endian:
//!
//! ```text
//!   0  magic      8  "preroot\0"
//!   8  version    u16
//!  10  zero       u16
//!  12  length     u32   of the whole plan
//!  16  crc32      u32   over byte 20 to the end
//!  20  sections   u32
//!  24  section table: sections x { kind u16, entry bytes u16, offset u32, count u32 }
//!  ..  the sections, in the order of the table
//! ```
//!
//! | kind | section      | entry          | order                                             |
//! |------|--------------|----------------|---------------------------------------------------|
//! | 1    | strings      | bytes, UTF-8   | -                                                 |
//! | 2    | settings     | [`Settings`]   | exactly one                                       |
//! | 3    | hosts        | [`Host`]       | by name, then what they are known by              |
//! | 4    | addresses4   | [`Address4`]   | an interface's stand together                     |
//! | 5    | modules      | [`Module`]     | by rank: what is loaded first                     |
//! | 6    | dependencies | `u32` modules  | a module's stand together, in the order to load   |
//! | 7    | aliases      | [`Alias`]      | by module                                         |
//! | 8    | runlevels    | [`Runlevel`]   | S, the default one, 0, 6                          |
//! | 9    | scripts      | [`Script`]     | a runlevel's stand together, by level, then name  |
//! | 10   | edges        | [`Edge`]       | a script's stand together, by the script awaited  |
//! | 11   | services     | [`Service`]    | as in inittab                                     |
//! | 12   | dropped      | [`Dropped`]    | by runlevel, then name                            |
//! | 13   | expected     | [`Expected`]   | a machine's stand together                        |
//! | 14   | assemblies   | [`Assembly`]   | as in the config: what lies below comes first     |
//! | 15   | macs         | [`Mac`]        | ascending                                         |
//! | 16   | matches      | [`Match`]      | by kind, then key                                 |
//! | 17   | interfaces   | [`Interface`]  | a host's stand together                           |
//! | 18   | addresses6   | [`Address6`]   | an interface's stand together                     |
//! | 19   | machines     | [`Expecting`]  | every machine, then as in the config              |
//! | 20   | machine keys | [`KnownBy`]    | by kind, then key                                 |
//!
//! Scripts never point forward: a script awaits only scripts that stand before it in its runlevel, so
//! there is no loop to meet at boot.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "write"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(any(test, feature = "write"))]
mod chain;
mod check;
mod check_fleet;
mod check_hardware;
mod choices;
#[cfg(any(test, feature = "write"))]
mod draft;
mod fleet;
#[cfg(any(test, feature = "write"))]
mod freeze_fleet;
#[cfg(any(test, feature = "write"))]
mod freeze_hardware;
#[cfg(any(test, feature = "write"))]
mod freezer;
mod hardware;
pub mod limits;
pub mod nic;
mod root_spec;
mod store;
mod tables;
mod view;

#[cfg(any(test, feature = "write"))]
pub use chain::Link;
pub use check::{PlanError, is_watchdog};
pub use choices::*;
#[cfg(any(test, feature = "write"))]
pub use draft::{
    Draft, DraftAlias, DraftAssembly, DraftDropped, DraftEdge, DraftError, DraftExpected,
    DraftHost, DraftInterface, DraftMachine, DraftModule, DraftRunlevel, DraftScript, DraftService,
};
pub use fleet::*;
pub use hardware::*;
pub use nic::Nic;
pub use root_spec::{RootKey, RootSpec, Spelling, device_number, number_of};
pub use store::{STORE_PARTLABEL, Store};
pub use tables::*;
pub use view::Plan;

#[cfg(test)]
mod tests;
