//! Network interfaces, whose links a child asks for, and PCI devices, which are told with them.

use heapless::String;
use preroot_boot::inventory::{Class, Facts, Item, Judge, MachineKey};
use preroot_boot::machine::Nanoseconds;

use super::cards;
use super::{MILLISECOND_NS, Machine, now, offer};
use crate::limits::{DISKS_MAX, INVENTORY_QUIET_MS, LINKS_MS, NICS_MAX};

/// The number of the answers that there is no more to come of interfaces.
pub(super) const LINKS_END: usize = DISKS_MAX + NICS_MAX;

/// A network interface.
#[derive(Debug)]
pub(crate) struct Nic {
    name: String<16>,
    facts: Facts,
    /// Speed and carrier.
    pub(super) link: Facts,
}

/// When interfaces were asked for their links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// Not yet, or some are new.
    Unknown,
    /// They are being asked, since then.
    Asked(Nanoseconds),
    /// They have answered, and were asked then.
    Known(Nanoseconds),
    /// They were told.
    Told,
}

impl Machine<'_, '_> {
    pub(super) fn see_nic(&mut self, nic: &str) {
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
            judge.offer(&nic_item(&name, &facts));
        }
        let link = Facts::new();
        // The network is set up meanwhile: its link is told when there is one to tell.
        let _ = nic_item(&name, &facts).write(&mut self.out);
        // One that comes after all was told is asked too.
        if self.room.nics.push(Nic { name, facts, link }).is_ok() {
            self.links = Links::Unknown;
        }
    }

    /// Asks interfaces for their links while one is waited for, and once when nothing new has come for a while; tells them
    /// then.
    pub(super) fn see_to_links(&mut self) {
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

    pub(super) fn ask_links(&mut self, now: Nanoseconds) {
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

    /// Tells the links of interfaces, and of PCI devices those that had no driver, and have one by now, or were not there.
    pub(super) fn tell_cards(&mut self) {
        let Machine {
            judge,
            out,
            room,
            devices,
            ..
        } = self;
        for nic in room.nics.iter() {
            let facts = offer_nic(judge, nic);
            let _ = nic_item(&nic.name, &facts).write(out);
        }
        cards::pci(&self.tree, &mut |item| {
            let state = device_state(item);
            if !devices.contains(&state) {
                let _ = devices.push(state);
                let _ = item.write(out);
            }
        });
        self.links = Links::Told;
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

/// A PCI device's address as a number, its digits, and whether it has a driver.
pub(super) fn device_state(device: &Item<'_>) -> u64 {
    let digits = device.name.chars().filter_map(|digit| digit.to_digit(16));
    let address = digits.fold(0, |sum, digit| sum << 4 | u64::from(digit));
    address << 1 | u64::from(device.fact("driver").is_some())
}

fn nic_item<'i>(name: &'i str, facts: &'i Facts) -> Item<'i> {
    Item {
        class: Class::Nic,
        name,
        facts: facts.text(),
    }
}

/// All that is known of an interface.
pub(super) fn offer_nic(judge: &mut Option<&mut Judge<'_>>, nic: &Nic) -> Facts {
    let mut facts = Facts::new();
    for text in [nic.facts.text(), nic.link.text()] {
        let fields = text.split('\t').filter_map(|fact| fact.split_once('='));
        fields.for_each(|(key, value)| facts.put(key, value));
    }
    offer(judge, &nic_item(&nic.name, &facts));
    facts
}
