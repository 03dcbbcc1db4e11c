//! What is in the machine, as text, and the judge that holds it against what is expected.
//!
//! A child reads the machine ([`crate::roles::INVENTORY`]), offers each thing to a [`Judge`] and tells PID 1 in lines what is there
//! and what is not as it should be. All of this is pure: nothing here reads anything.
//!
//! | class    | name                      | keys |
//! |----------|---------------------------|------|
//! | `memory` | `memory`                  | `total` MemTotal; `firmware` System RAM by its map; `kernel` System RAM of iomem; `installed` the sum of SMBIOS type 17; `corrupted`: bytes. `edac_ce`, `edac_ue`: errors. `limited`: the words of the command line that leave memory out; `smbios`: how the firmware's table is broken |
//! | `slot`   | its locator, `DIMM_A1`    | `bank`, `bytes` (0: empty), `speed` MT/s, `manufacturer`, `part`, `serial` |
//! | `cpu`    | `cpu`                     | `sockets`, `cores`, `threads`, `online`, `microcode`, `model` |
//! | `disk`   | the kernel's, `vda`       | `bus` virtio, nvme, scsi, ata, usb, mmc, other; `path` as in /dev/disk/by-path; `serial`, `wwn`, `model`, `bytes`, `sector` bytes, `read_only` 0 or 1, `alive` ok, hangs, errno N, not asked; `took_us`; `errors` of the kernel in this boot; `ioerr` a SCSI disk's own count, not 0 on some that are well; `health` ok, or what it says is wrong |
//! | `md`     | the kernel's, `md0`       | `level`, `disks`, `degraded`: how many are missing |
//! | `nic`    | the kernel's, `eth0`      | `mac`, `pci`, `driver`, `speed` Mbit/s, `carrier` 0 or 1 |
//! | `pci`    | its address, `0000:00:03.0` | `id` 8086:10d3, `class` 020000, `driver` |
//!
//! What is not known is left out. Numbers are decimal, but `microcode`, which is hexadecimal with `0x` as the kernel has it.

mod item;
mod judge;
mod line;
mod since;
#[cfg(test)]
mod tests;
mod want;

pub use item::{Facts, Item, Name, name};
pub(crate) use judge::concern_word;
pub use judge::{Judge, Judgement};
pub use line::Line;
pub use preroot_plan::{Class, MachineKey};
pub use since::{Since, Thing, When};
