//! `preroot-inventory DEADLINE`: reads what is in the machine, tells it, and holds it against what the plan expects
//! ([`preroot_boot::inventory`]).
//!
//! Memory and CPUs are told at once, a disk when it has answered (`alive.rs`), network interfaces and PCI devices when
//! nothing new has come for a while, for drivers are still being loaded. `done` is said as soon as all that is expected is
//! there and as it should be, or at the deadline, and what came late is still told until then.
//!
//! The kernel's own messages of errors are read from the start of this child on, and from the start of the boot when a disk is
//! not well.
//!
//! It looks again in short intervals: uevents would wake it for each of the hundreds of devices that are none of these.
//! Whatever has to ask a device or its driver is done by a child of its own, which may hang.

mod alive;
mod cards;
mod disks;
mod kernel_errors;
mod memory;
mod processors;
#[cfg(test)]
mod tests;
mod tree;

use core::fmt::Write;

use heapless::{String, Vec};
use preroot_boot::inventory::{Class, Facts, Item, Judge, MachineKey};
use preroot_boot::machine::{Errno, Nanoseconds};
use preroot_plan::Plan;
use preroot_sys::event::{PollFd, PollFlags, poll};
use preroot_sys::io;
use preroot_sys::time::Timespec;

use self::alive::{Pipes, Question};
use self::cards::Drivers;
use self::disks::Known;
use self::kernel_errors::KernelErrors;
use self::tree::{Small, Tree, text_of};
use super::load_modules::now;
use super::{Stream, Words};
use crate::limits::{
    DISKS_ASKED_MAX, DISKS_FAULTY_MAX, DISKS_MAX, FIRMWARE_BYTES_MAX, INVENTORY_LINE_BYTES_MAX,
    INVENTORY_LOOK_MS, INVENTORY_QUIET_MS, INVENTORY_WAITS_MS, LINKS_MS, NICS_MAX,
};
use crate::linux::read;
use crate::pid1::PLAN;
use crate::statics;

const MILLISECOND_NS: Nanoseconds = 1_000_000;
/// The number of the answers that there is no more to come of interfaces.
const LINKS_END: usize = DISKS_MAX + NICS_MAX;

/// How far a disk has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It was only now found.
    New,
    /// It is to be asked.
    NotAsked,
    /// It is being asked.
    Asked,
    /// It was told.
    Told,
}

/// A disk.
#[derive(Debug)]
pub(crate) struct Disk {
    name: String<32>,
    known: Known,
    answer: Answer,
}

/// A network interface.
#[derive(Debug)]
pub(crate) struct Nic {
    name: String<16>,
    facts: Facts,
    /// Speed and carrier.
    link: Facts,
}

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
    let mut judge = plan.as_ref().map(Judge::new);
    let mut output = Stream::output();
    let mut machine = Machine::new(Tree::new(""), judge.as_mut(), room, &mut output)?;
    machine.tell_all(deadline);
    Ok(())
}

/// The machine, as far as it was read.
struct Machine<'m, 'p> {
    tree: Tree<'m>,
    judge: Option<&'m mut Judge<'p>>,
    out: &'m mut dyn Write,
    room: Room,
    arrays: Vec<String<32>, DISKS_FAULTY_MAX>,
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
    links: Links,
    is_judged: bool,
}

/// When interfaces were asked for their links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    /// Not yet, or some are new.
    Unknown,
    /// They are being asked, since then.
    Asked(Nanoseconds),
    /// They have answered, and were asked then.
    Known(Nanoseconds),
    /// They were told.
    Told,
}

impl<'m, 'p> Machine<'m, 'p> {
    fn new(
        tree: Tree<'m>,
        judge: Option<&'m mut Judge<'p>>,
        room: Room,
        out: &'m mut dyn Write,
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
            let now = now();
            if now >= deadline {
                break;
            }
            self.wait(pause.min(deadline - now));
            self.hear();
        }
        self.give_up();
    }

    fn waits(&self) -> bool {
        self.judge.as_ref().is_some_and(|judge| judge.waits())
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
    }

    /// Tells the judge which machine this is, by its firmware.
    fn recognise(&mut self) {
        let Some(judge) = &mut self.judge else { return };
        for (key, file) in [
            (MachineKey::DmiProduct, "product_name"),
            (MachineKey::DmiSerial, "product_serial"),
            (MachineKey::DmiUuid, "product_uuid"),
        ] {
            let mut buffer = Small::new();
            let text = self.tree.text(&["/sys/class/dmi/id/", file], &mut buffer);
            if !text.is_empty() {
                judge.know(key, text);
            }
        }
        // Nothing was offered yet that had to be offered again.
        let _ = judge.again();
    }

    /// What does not come and go: memory, CPUs, PCI devices.
    fn fixed(&mut self, told: Told) {
        let tree = self.tree;
        // The table is read anew each time, and nothing else is in that memory.
        let Machine {
            judge, out, room, ..
        } = self;
        let mut each = |item: &Item<'_>| {
            offer(judge, item);
            if told == Told::Now {
                // Whoever does not listen any more is not told.
                let _ = item.write(out);
            }
        };
        memory::look(&tree, room.firmware, &mut each);
        processors::look(&tree, &mut each);
        if judge.as_ref().is_some_and(|judge| judge.waits()) {
            cards::pci(&tree, Drivers::Later, &mut |item| offer(judge, item));
        }
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

    fn see_block(&mut self, disk: &str) {
        if disk.starts_with("md") {
            return self.see_array(disk);
        }
        if self.room.disks.iter().any(|known| known.name == disk) {
            return;
        }
        let Ok(name) = String::try_from(disk) else {
            return;
        };
        let Some(known) = disks::look(&self.tree, disk) else {
            return;
        };
        // Of more than so many the rest is left out.
        let _ = self.room.disks.push(Disk {
            name,
            known,
            answer: Answer::New,
        });
    }

    fn see_array(&mut self, disk: &str) {
        let Machine {
            judge, out, arrays, ..
        } = self;
        let is_told = arrays.iter().any(|array| array == disk);
        disks::arrays(&self.tree, disk, &mut |item| {
            offer(judge, item);
            let name = String::try_from(disk);
            if !is_told && name.is_ok_and(|name| arrays.push(name).is_ok()) {
                let _ = item.write(out);
            }
        });
    }

    fn see_nic(&mut self, nic: &str) {
        if self.room.nics.iter().any(|known| known.name == nic) {
            return;
        }
        let (Ok(name), Some(facts)) = (String::try_from(nic), cards::nic(&self.tree, nic)) else {
            return;
        };
        if let Some(judge) = &mut self.judge {
            for (key, fact) in [(MachineKey::Mac, "mac"), (MachineKey::Pci, "pci")] {
                if let Some(value) = of(&facts).fact(fact) {
                    judge.know(key, value);
                }
            }
            judge.offer(&Item {
                class: Class::Nic,
                name: &name,
                facts: facts.text(),
            });
        }
        let link = Facts::new();
        if self.room.nics.push(Nic { name, facts, link }).is_ok() && self.links != Links::Told {
            self.links = Links::Unknown;
        }
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

    /// Has disks asked that are new. While some wait for it another child is started now and then: the one before may hang.
    fn ask_disks(&mut self) {
        let mut waiting = 0;
        for number in 0..self.room.disks.len() {
            let Some(disk) = self.room.disks.get_mut(number) else {
                return;
            };
            match disk.answer {
                Answer::New => {}
                Answer::NotAsked => {
                    waiting += 1;
                    continue;
                }
                Answer::Asked | Answer::Told => continue,
            }
            let question = Question {
                number: u16::try_from(number).unwrap_or(u16::MAX),
                bus: disk.known.bus,
                has_serial: disk.known.has_serial,
                bytes: disk.known.bytes,
                name: disk.name.clone(),
            };
            // A drive without a medium has nothing to be read.
            if disk.known.bytes != 0 && self.pipes.put(&question).is_ok() {
                disk.answer = Answer::NotAsked;
                waiting += 1;
            } else {
                disk.known.facts.put("alive", "not asked");
                self.tell_disk(number);
            }
        }
        let now = now();
        let pause = u64::from(INVENTORY_WAITS_MS) * MILLISECOND_NS;
        let is_time = now.saturating_sub(self.asker_at) >= pause;
        if waiting > 0 && is_time && self.askers < DISKS_ASKED_MAX {
            self.asker_at = now;
            self.askers += usize::from(self.pipes.ask(&self.tree).is_ok());
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

    /// Takes the answers that have come.
    fn hear(&mut self) {
        let mut buffer = [0; 1024];
        while let Ok(length @ 1..) = io::read(self.pipes.answers(), &mut buffer) {
            for &byte in buffer.get(..length).unwrap_or_default() {
                if byte != b'\n' {
                    // A line that is too long is cut.
                    let _ = self.line.push(byte);
                    continue;
                }
                let line = core::mem::take(&mut self.line);
                self.heard(text_of(&line));
            }
        }
    }

    /// `NUMBER\tkey=value\t...`
    fn heard(&mut self, line: &str) {
        let (number, facts) = line.split_once('\t').unwrap_or((line, ""));
        let Ok(number) = number.parse::<usize>() else {
            return;
        };
        let mut fields = facts.split('\t').filter_map(|fact| fact.split_once('='));
        if number < DISKS_MAX {
            let Some(disk) = self.room.disks.get_mut(number) else {
                return;
            };
            let mut is_last = false;
            // One that was told as hanging may answer after all.
            let is_told = disk.answer == Answer::Told;
            for (key, value) in fields.filter(|_| !is_told) {
                disk.known.facts.put(key, value);
                is_last |= key == "alive";
            }
            if disk.answer != Answer::Told {
                disk.answer = Answer::Asked;
                if is_last {
                    self.tell_disk(number);
                }
            }
        } else if number == LINKS_END {
            if let Links::Asked(at) = self.links {
                self.links = Links::Known(at);
            }
        } else if let Some(nic) = self.room.nics.get_mut(number - DISKS_MAX) {
            nic.link.clear();
            fields
                .by_ref()
                .for_each(|(key, value)| nic.link.put(key, value));
            offer_nic(&mut self.judge, nic);
        }
    }

    /// Tells of a disk, with what the kernel has said of it.
    fn tell_disk(&mut self, number: usize) {
        let Machine {
            log,
            errors,
            judge,
            out,
            room,
            ..
        } = self;
        let alive = room.disks.get(number).map(disk_item);
        let alive = alive.and_then(|item| item.fact("alive"));
        let is_ill = alive.is_some_and(|alive| !matches!(alive, "ok" | "not asked"));
        if is_ill && log.rewind() {
            errors.clear();
        }
        log.read(&mut |name| {
            if let Some((_, count)) = errors.iter_mut().find(|(known, _)| known == name) {
                *count = count.saturating_add(1);
            } else if let Ok(name) = String::try_from(name) {
                // More disks than these are not counted.
                let _ = errors.push((name, 1));
            }
        });
        let Some(disk) = room.disks.get_mut(number) else {
            return;
        };
        let count = errors.iter().find(|(name, _)| *name == disk.name);
        let count = count.map_or(0, |(_, count)| *count);
        disk.known.facts.number("errors", count);
        disk.answer = Answer::Told;
        let item = disk_item(disk);
        offer(judge, &item);
        let _ = item.write(out);
    }

    /// Asks interfaces for their links while one is waited for, and once when nothing new has come for a while; tells them
    /// then.
    fn see_to_links(&mut self) {
        let now = now();
        let quiet = u64::from(INVENTORY_QUIET_MS) * MILLISECOND_NS;
        let is_quiet = now.saturating_sub(self.changed) >= quiet;
        let pause = u64::from(LINKS_MS) * MILLISECOND_NS;
        let is_old = |at: Nanoseconds| now.saturating_sub(at) >= pause;
        match self.links {
            Links::Told | Links::Asked(_) => {}
            Links::Unknown if self.room.nics.is_empty() => {
                if is_quiet {
                    self.tell_cards();
                }
            }
            Links::Unknown if self.waits() || is_quiet => self.ask_links(now),
            Links::Known(at) if !self.waits() && is_quiet && !is_old(at) => self.tell_cards(),
            Links::Known(at) if is_old(at) && (self.waits() || is_quiet) => self.ask_links(now),
            Links::Unknown | Links::Known(_) => {}
        }
    }

    fn ask_links(&mut self, now: Nanoseconds) {
        let Machine {
            tree, room, pipes, ..
        } = &*self;
        let asked = pipes.child(|| {
            for (number, nic) in room.nics.iter().enumerate() {
                let mut facts = Facts::new();
                cards::link(tree, &nic.name, &mut facts);
                pipes.answer(DISKS_MAX + number, &facts);
            }
            pipes.answer(LINKS_END, &Facts::new());
        });
        self.links = match asked {
            Ok(()) => Links::Asked(now),
            Err(_) => Links::Known(now),
        };
    }

    /// Tells of interfaces and of PCI devices, which have their drivers by now.
    fn tell_cards(&mut self) {
        let Machine {
            judge, out, room, ..
        } = self;
        for nic in room.nics.iter() {
            let facts = offer_nic(judge, nic);
            let _ = nic_item(nic, &facts).write(out);
        }
        cards::pci(&self.tree, Drivers::Now, &mut |item| {
            let _ = item.write(out);
        });
        self.links = Links::Told;
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

fn disk_item(disk: &Disk) -> Item<'_> {
    Item {
        class: Class::Disk,
        name: &disk.name,
        facts: disk.known.facts.text(),
    }
}

/// Facts as a thing of no class, to be asked.
fn of(facts: &Facts) -> Item<'_> {
    Item {
        class: Class::Nic,
        name: "",
        facts: facts.text(),
    }
}

fn nic_item<'i>(nic: &'i Nic, facts: &'i Facts) -> Item<'i> {
    Item {
        class: Class::Nic,
        name: &nic.name,
        facts: facts.text(),
    }
}

/// All that is known of an interface.
fn offer_nic(judge: &mut Option<&mut Judge<'_>>, nic: &Nic) -> Facts {
    let mut facts = Facts::new();
    for text in [nic.facts.text(), nic.link.text()] {
        let fields = text.split('\t').filter_map(|fact| fact.split_once('='));
        fields.for_each(|(key, value)| facts.put(key, value));
    }
    offer(judge, &nic_item(nic, &facts));
    facts
}
