//! Holds what is there against what is expected.
//!
//! It remembers each expectation and how far it is met, never the things themselves. Things may be offered in any order
//! and more than once: the last that was said of one counts, and a thing is counted once.

use core::fmt::{self, Write};

use heapless::Vec;
use preroot_plan::{Class, Concern, Expecting, MachineKey, Plan};

use super::item::Item;
use super::want::{Fault, Want, memory_words};
use crate::limits::{EXPECTED_MAX, INVENTORY_SEEN_MAX, TEXT_BYTES_MAX};

/// What is said of one expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement<'a> {
    /// What becomes of it when it is not met.
    pub concern: Concern,
    /// `memory`, `slot DIMM_A2`, `disk SERIAL`.
    pub item: &'a str,
    /// What is expected, in the item's unit; 0: nothing is.
    pub expected: u64,
    /// What is there.
    pub found: u64,
    /// `ok`, `missing`, `small`, ...
    pub verdict: &'a str,
    /// A phrase where there is more to say, else empty: `DIMM_A2 32 GiB missing`.
    pub detail: &'a str,
}

impl Judgement<'_> {
    /// Writes the line that tells PID 1 of it, with its newline.
    pub fn write(&self, out: &mut impl Write) -> fmt::Result {
        let (expected, found) = (self.expected, self.found);
        out.write_str("verdict ")?;
        out.write_str(concern_word(self.concern))?;
        write!(out, "\t{}\t{expected}\t{found}\t", self.item)?;
        out.write_str(self.verdict)?;
        out.write_str("\t")?;
        out.write_str(self.detail)?;
        out.write_str("\n")
    }
}

/// A concern's word in lines, configs and records.
#[must_use]
pub(crate) fn concern_word(concern: Concern) -> &'static str {
    match concern {
        Concern::Note => "note",
        Concern::Degraded => "degraded",
        Concern::Hold => "hold",
    }
}

/// The judge of one machine.
#[derive(Debug)]
pub struct Judge<'a> {
    plan: Option<Plan<'a>>,
    wants: Vec<Want<'a>, EXPECTED_MAX>,
    /// Which machine of the plan this is; `None`: none of them, or not known yet.
    machine: Option<&'a Expecting>,
    /// Which thing was counted for which expectation.
    counted: Vec<u64, INVENTORY_SEEN_MAX>,
    /// Which classes were offered at all: without any slot, slots are not known.
    classes: [bool; Class::ALL.len()],
    /// What is said of memory beside its size.
    memory: heapless::String<TEXT_BYTES_MAX>,
    /// Things were offered before it was known which machine this is.
    again: bool,
}

impl<'a> Judge<'a> {
    /// The judge of what a plan expects of every machine.
    #[must_use]
    pub fn new(plan: &Plan<'a>) -> Judge<'a> {
        let mut judge = Judge::of_nothing();
        judge.take_on(plan);
        judge
    }

    /// One to be made where it stays: it is 80 KiB, and costs no page before it is used, and no copy.
    #[must_use]
    pub const fn of_nothing() -> Judge<'a> {
        Judge {
            plan: None,
            wants: Vec::new(),
            machine: None,
            counted: Vec::new(),
            classes: [false; Class::ALL.len()],
            memory: heapless::String::new(),
            again: false,
        }
    }

    /// Expects what a plan does of every machine.
    pub fn take_on(&mut self, plan: &Plan<'a>) {
        self.plan = Some(*plan);
        if let Some(every) = plan.machines().first() {
            self.expect(plan, every);
        }
    }

    /// Tells what this machine is known by. What is expected of it alone is judged from then on: it stands in place of
    /// what is expected of every machine, class by class.
    pub fn know(&mut self, by: MachineKey, key: &str) {
        let (Some(plan), None) = (self.plan, self.machine) else {
            return;
        };
        let Some(machine) = plan.machine_by(by, key) else {
            return;
        };
        self.machine = Some(machine);
        self.again = self.classes.contains(&true);
        let own = plan.expected_of(machine);
        self.wants
            .retain(|want| own.iter().all(|it| it.class() != want.class));
        // They are counted by the number of an expectation, which are others now.
        self.counted.clear();
        for want in &mut self.wants {
            want.forget();
        }
        self.expect(&plan, machine);
    }

    /// What the machine is called that the expectations are of; `None`: they are those of every machine.
    #[must_use]
    pub fn machine(&self) -> Option<&'a str> {
        Some(self.plan?.text(self.machine?.name))
    }

    /// Whether all that is there is to be offered again: the machine was only now recognised. Says so once.
    #[must_use]
    pub fn again(&mut self) -> bool {
        core::mem::take(&mut self.again)
    }

    fn expect(&mut self, plan: &Plan<'a>, machine: &Expecting) {
        for it in plan.expected_of(machine) {
            self.want(Want {
                low: it.low.get(),
                high: it.high.get(),
                count: it.count.get(),
                state: it.state(),
                ..Want::new(it.class(), it.by(), plan.text(it.name), it.concern())
            });
        }
    }

    pub(super) fn want(&mut self, want: Want<'a>) {
        // A plan has no more.
        let _ = self.wants.push(want);
    }

    /// What is expected, and how far it is met.
    pub(super) fn wants(&self) -> &[Want<'a>] {
        &self.wants
    }

    /// Whether a thing is one of which something is expected.
    #[must_use]
    pub fn expects(&self, item: &Item<'_>) -> bool {
        self.wants.iter().any(|want| want.meets(item).is_some())
    }

    /// Whether anything of the class was offered.
    pub(super) fn is_known(&self, class: Class) -> bool {
        let seen = self.classes.get(usize::from(class.number()));
        seen.is_some_and(|seen| *seen)
    }

    /// Takes note of a thing that is there.
    pub fn offer(&mut self, item: &Item<'_>) {
        if let Some(seen) = self.classes.get_mut(usize::from(item.class.number())) {
            *seen = true;
        }
        match item.class {
            Class::Memory => self.memory = memory_words(item),
            Class::Nic => {
                for (by, key) in [(MachineKey::Mac, "mac"), (MachineKey::Pci, "pci")] {
                    self.know(by, item.fact(key).unwrap_or_default());
                }
            }
            _ => {}
        }
        for (at, want) in self.wants.iter_mut().enumerate() {
            let Some((value, fault)) = want.meets(item) else {
                continue;
            };
            let thing = hash(item.name, at);
            if !self.counted.contains(&thing) {
                // When it is full, a thing that is offered twice counts twice.
                let _ = self.counted.push(thing);
                want.seen = want.seen.saturating_add(1);
            }
            want.value = value;
            if fault != Fault::None || want.culprit == thing {
                want.fault = fault;
                want.culprit = thing;
            }
        }
    }

    /// Whether something is expected that has not been seen yet, or not as it should be.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.wants
            .iter()
            .any(|want| want.seen < want.count || want.fault.may_pass())
    }

    /// Whether a NIC could still say which machine this is.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let by_nic = [MachineKey::Mac, MachineKey::Pci].map(MachineKey::number);
        let keys = self.plan.map(|plan| plan.machine_keys());
        let mut keys = keys.unwrap_or_default().iter();
        self.machine.is_none() && keys.any(|entry| by_nic.contains(&entry.kind))
    }

    /// Says of each expectation whether it is met.
    pub fn finish(&self, each: &mut dyn FnMut(&Judgement<'_>)) {
        for want in &self.wants {
            want.judge(self.is_known(want.class), &self.memory, each);
        }
    }
}

/// FNV-1a of a name and the number of an expectation.
fn hash(name: &str, at: usize) -> u64 {
    let bytes = name.bytes().chain(at.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
