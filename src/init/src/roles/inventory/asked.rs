//! Disks that are asked whether they live, and all answers, which come by one pipe.

use heapless::String;
use preroot_boot::inventory::{Class, Item};
use preroot_sys::io;

use super::alive::Question;
use super::disks::{self, Known};
use super::links::{LINKS_END, Links, offer_nic};
use super::tree::text_of;
use super::{MILLISECOND_NS, Machine, now, offer};
use crate::limits::{DISKS_ASKED_MAX, DISKS_MAX, INVENTORY_WAITS_MS};

/// How far a disk has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
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
    pub(super) known: Known,
    pub(super) answer: Answer,
}

impl Machine<'_, '_> {
    pub(super) fn see_block(&mut self, disk: &str) {
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

    /// Has disks asked that are new. While some wait for it another child is started now and then: the one before may hang.
    pub(super) fn ask_disks(&mut self) {
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

    /// Takes the answers that have come.
    pub(super) fn hear(&mut self) {
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
    pub(super) fn tell_disk(&mut self, number: usize) {
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
}

pub(super) fn disk_item(disk: &Disk) -> Item<'_> {
    Item {
        class: Class::Disk,
        name: &disk.name,
        facts: disk.known.facts.text(),
    }
}
