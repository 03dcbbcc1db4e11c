//! `preroot-inventory DEADLINE`: reads what is in the machine, tells it, and holds it against what the plan expects
//! ([`preroot_boot::inventory`]).
//!
//! Memory, CPUs and PCI devices are told at once, a network interface when it appears, a disk when it has answered (`alive.rs`). Drivers are
//! still being loaded: links, and PCI devices that have a driver by then, are told when nothing new has come for a while. `done` is said as soon as all that is expected is
//! there and as it should be, or at the deadline, and what came late is still told until then.
//!
//! The kernel's own messages of errors are read from the start of this child on, and from the start of the boot when a disk is
//! not well.
//!
//! It looks again in short intervals: uevents would wake it for each of the hundreds of devices that are none of these.
//! Whatever has to ask a device or its driver is done by a child of its own, which may hang.

mod alive;
mod asked;
mod cards;
mod disks;
mod kernel_errors;
mod links;
mod memory;
mod processors;
#[cfg(test)]
mod tests;
mod tree;

use core::fmt::Write;

use heapless::{String, Vec};
use preroot_boot::inventory::{Class, Item, Judge, MachineKey};
use preroot_boot::machine::{Errno, Nanoseconds};
use preroot_plan::Plan;
use preroot_sys::event::{PollFd, PollFlags, poll};
use preroot_sys::time::Timespec;

use self::alive::Pipes;
pub(crate) use self::asked::Disk;
use self::asked::{Answer, disk_item};
use self::kernel_errors::KernelErrors;
pub(crate) use self::links::Nic;
use self::links::{Links, device_state, offer_nic};
use self::tree::{Small, Tree};
use super::load_modules::now;
use super::{Stream, Words};
use crate::limits::{
    DISKS_FAULTY_MAX, DISKS_MAX, FIRMWARE_BYTES_MAX, INVENTORY_LINE_BYTES_MAX, INVENTORY_LOOK_MS,
    INVENTORY_QUIET_MS, INVENTORY_WAITS_MS, NICS_MAX, PCI_DEVICES_MAX,
};
use crate::linux::read;
use crate::pid1::PLAN;
use crate::statics;

const MILLISECOND_NS: Nanoseconds = 1_000_000;
/// Memory that is large.
pub(crate) struct Room {
    disks: &'static mut Vec<Disk, DISKS_MAX>,
    nics: &'static mut Vec<Nic, NICS_MAX>,
    firmware: &'static mut [u8; FIRMWARE_BYTES_MAX],
}

pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let deadline = words.first().and_then(|word| word.parse().ok());
    let deadline: Nanoseconds = deadline.ok_or(Errno::INVAL)?;
    let bytes = statics::PLAN.take().ok_or(Errno::INVAL)?;
    let length = read(PLAN, bytes).unwrap_or(0);
    // One that is damaged expects nothing.
    let plan = Plan::check(bytes.get(..length).unwrap_or_default()).ok();
    let room = Room {
        disks: statics::DISKS.take().ok_or(Errno::INVAL)?,
        nics: statics::NICS.take().ok_or(Errno::INVAL)?,
        firmware: statics::FIRMWARE.take().ok_or(Errno::INVAL)?,
    };
    let mut judge = None;
    if let Some(plan) = &plan {
        let taken = statics::JUDGE.take().ok_or(Errno::INVAL)?;
        taken.take_on(plan);
        judge = Some(taken);
    }
    let mut output = Stream::output_at_once();
    let mut machine = Machine::new(Tree::new(""), judge, room, &mut output)?;
    machine.tell_all(deadline);
    Ok(())
}

/// Where it is told, and when that is sent.
trait Out: Write {
    /// Sends what was written.
    fn send(&mut self);
}

impl Out for Stream {
    fn send(&mut self) {
        // Whoever does not listen any more is not told.
        let _ = self.flush();
    }
}

/// The machine, as far as it was read.
struct Machine<'m, 'p> {
    tree: Tree<'m>,
    judge: Option<&'m mut Judge<'p>>,
    out: &'m mut dyn Out,
    room: Room,
    /// Arrays, and how many members each lacked when it was told.
    arrays: Vec<(String<32>, Option<u64>), DISKS_FAULTY_MAX>,
    log: KernelErrors,
    /// How many errors the kernel has told of each disk.
    errors: Vec<(String<32>, u64), DISKS_FAULTY_MAX>,
    pipes: Pipes,
    /// How many children were started to ask disks, and the last one when.
    askers: usize,
    asker_at: Nanoseconds,
    looked_at: Nanoseconds,
    line: Vec<u8, INVENTORY_LINE_BYTES_MAX>,
    /// When the last thing was new.
    changed: Nanoseconds,
    /// PCI devices as they were told.
    devices: Vec<u64, PCI_DEVICES_MAX>,
    links: Links,
    is_judged: bool,
}

impl<'m, 'p> Machine<'m, 'p> {
    fn new(
        tree: Tree<'m>,
        judge: Option<&'m mut Judge<'p>>,
        room: Room,
        out: &'m mut dyn Out,
    ) -> Result<Machine<'m, 'p>, Errno> {
        let pipes = Pipes::new()?;
        Ok(Machine {
            tree,
            judge,
            out,
            room,
            arrays: Vec::new(),
            log: KernelErrors::open(&tree),
            errors: Vec::new(),
            pipes,
            askers: 0,
            asker_at: 0,
            looked_at: 0,
            line: Vec::new(),
            changed: now(),
            devices: Vec::new(),
            links: Links::Unknown,
            is_judged: false,
        })
    }

    /// Tells everything until the deadline.
    fn tell_all(&mut self, deadline: Nanoseconds) {
        self.recognise();
        self.fixed(Told::Now);
        loop {
            let pause_ms = if self.is_judged {
                INVENTORY_LOOK_MS
            } else {
                INVENTORY_WAITS_MS
            };
            let pause = u64::from(pause_ms) * MILLISECOND_NS;
            // Woken by an answer, it does not look again.
            if now().saturating_sub(self.looked_at) >= pause {
                self.look();
                self.see_to_links();
            }
            if !self.is_judged && !self.waits() {
                self.finish();
            }
            self.out.send();
            let now = now();
            if now >= deadline {
                break;
            }
            self.wait(pause.min(deadline - now));
            self.hear();
        }
        self.give_up();
    }

    /// Whether something may still come that changes the verdict. A card that would say which machine this is is not waited for
    /// once nothing new has come for a while: this may be a machine of which the plan knows nothing.
    fn waits(&self) -> bool {
        let quiet = u64::from(INVENTORY_QUIET_MS) * MILLISECOND_NS;
        let is_quiet = now().saturating_sub(self.changed) >= quiet;
        let judge = self.judge.as_ref();
        judge.is_some_and(|judge| judge.waits() || judge.is_unknown() && !is_quiet)
    }

    /// Says what was not said yet, of what has not answered too.
    fn give_up(&mut self) {
        for number in 0..self.room.disks.len() {
            let answer = self.room.disks.get(number).map(|disk| disk.answer);
            let alive = match answer {
                Some(Answer::Asked) => "hangs",
                Some(Answer::New | Answer::NotAsked) => "not asked",
                Some(Answer::Told) | None => continue,
            };
            if let Some(disk) = self.room.disks.get_mut(number) {
                disk.known.facts.put("alive", alive);
            }
            self.tell_disk(number);
        }
        if self.links != Links::Told {
            self.tell_cards();
        }
        if !self.is_judged {
            self.finish();
        }
        self.out.send();
    }

    /// Tells the judge which machine this is, by its firmware.
    fn recognise(&mut self) {
        if let Some(judge) = &mut self.judge {
            recognise_in(&self.tree, judge);
        }
    }

    /// What does not come and go: memory, CPUs, PCI devices.
    fn fixed(&mut self, told: Told) {
        let tree = self.tree;
        // The table is read anew each time, and nothing else is in that memory.
        let Machine {
            judge,
            out,
            room,
            devices,
            ..
        } = self;
        let mut each = |item: &Item<'_>| {
            offer(judge, item);
            if told == Told::Now {
                if item.class == Class::Pci {
                    // Of more than these it is told twice that they are there.
                    let _ = devices.push(device_state(item));
                }
                // Whoever does not listen any more is not told.
                let _ = item.write(out);
            }
        };
        memory::look(&tree, room.firmware, &mut each);
        processors::look(&tree, &mut each);
        cards::pci(&tree, &mut each);
    }

    /// Looks for what is new.
    fn look(&mut self) {
        let tree = self.tree;
        self.looked_at = now();
        let known = self.room.disks.len() + self.room.nics.len() + self.arrays.len();
        tree.names(&["/sys/block"], &mut |_, disk| self.see_block(disk));
        self.ask_disks();
        tree.names(&["/sys/class/net"], &mut |_, nic| self.see_nic(nic));
        if self.room.disks.len() + self.room.nics.len() + self.arrays.len() != known {
            self.changed = now();
        }
        if self.judge.as_mut().is_some_and(|judge| judge.again()) {
            self.offer_again();
        }
    }

    fn see_array(&mut self, disk: &str) {
        let Machine {
            judge, out, arrays, ..
        } = self;
        disks::arrays(&self.tree, disk, &mut |item| {
            offer(judge, item);
            let lacks = item.number("degraded");
            let is_new = match arrays.iter_mut().find(|(name, _)| name == disk) {
                Some((_, told)) => core::mem::replace(told, lacks) != lacks,
                // More than these are not told.
                None => String::try_from(disk).is_ok_and(|name| arrays.push((name, lacks)).is_ok()),
            };
            if is_new {
                let _ = item.write(out);
            }
        });
    }

    /// Offers once more what the judge did not know to be of interest.
    fn offer_again(&mut self) {
        self.fixed(Told::Already);
        let Machine { judge, room, .. } = self;
        for disk in room.disks.iter() {
            if disk.answer == Answer::Told {
                offer(judge, &disk_item(disk));
            }
        }
        for nic in room.nics.iter() {
            offer_nic(judge, nic);
        }
    }

    fn wait(&self, longest: Nanoseconds) {
        let timeout = Timespec {
            tv_sec: i64::try_from(longest / 1_000_000_000).unwrap_or(1),
            tv_nsec: i64::try_from(longest % 1_000_000_000).unwrap_or(0),
        };
        let mut answers = [PollFd::new(self.pipes.answers(), PollFlags::IN)];
        // Woken too early, it looks once too often.
        let _ = poll(&mut answers, Some(&timeout));
    }

    /// Says what is judged.
    fn finish(&mut self) {
        if let Some(judge) = &self.judge {
            judge.finish(&mut |judgement| {
                let _ = judgement.write(&mut self.out);
            });
        }
        let _ = self.out.write_str("done\n");
        self.is_judged = true;
    }
}

/// Tells a judge which machine this is, by its firmware, before anything is offered.
pub(super) fn recognise(judge: &mut Judge<'_>) {
    recognise_in(&Tree::new(""), judge);
}

fn recognise_in(tree: &Tree<'_>, judge: &mut Judge<'_>) {
    for (key, file) in [
        (MachineKey::DmiProduct, "product_name"),
        (MachineKey::DmiSerial, "product_serial"),
        (MachineKey::DmiUuid, "product_uuid"),
    ] {
        let mut buffer = Small::new();
        let text = tree.text(&["/sys/class/dmi/id/", file], &mut buffer);
        if !text.is_empty() {
            judge.know(key, text);
        }
    }
    // Nothing was offered yet that had to be offered again.
    let _ = judge.again();
}

/// Whether what is offered is told too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It is.
    Now,
    /// It was.
    Already,
}

fn offer(judge: &mut Option<&mut Judge<'_>>, item: &Item<'_>) {
    if let Some(judge) = judge {
        judge.offer(item);
    }
}
