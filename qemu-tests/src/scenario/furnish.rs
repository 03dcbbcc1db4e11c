//! The machine of a scenario: files on its root, parts plugged into it.

use super::{Ends, Scenario};
use crate::disk::Disk;
use crate::error::Error;
use crate::machine::Machine;
use crate::spec::{Nic, Spec};

impl Scenario {
    /// Writes its files into the root.
    pub(super) fn write_files(&self, disk: &Disk) -> Result<(), Error> {
        for file in &self.file {
            let mode = if file.executable { 0o755 } else { 0o644 };
            disk.write(&file.path, &file.contents, mode)?;
        }
        Ok(())
    }

    /// The machine, and disks that go away with it. The first card that clients can come to has the forwards: host port, guest port.
    pub(super) fn furnish(
        &self,
        mut spec: Spec,
        disk: &Disk,
        mut forwards: Vec<(u16, u16)>,
    ) -> Result<(Spec, Vec<Disk>), Error> {
        if let Some(cpus) = self.cpus {
            spec = spec.processors(cpus);
        }
        if let Some(mib) = self.memory {
            spec = spec.memory(mib);
        }
        if let Some(words) = &self.firmware {
            spec = spec.firmware(words);
        }
        if self.watchdog {
            spec = spec.watchdog();
        }
        for (slot, number) in self.slot.iter().zip(0..) {
            spec = spec.structure(slot.structure(number));
        }
        spec = self.root.plug(spec, disk)?;
        let mut extra = Vec::new();
        for disk in &self.disk {
            let (plugged, disk) = disk.plug(spec)?;
            spec = plugged;
            extra.push(disk);
        }
        spec = match &self.card {
            None => spec.nic(Nic::User { forwards }),
            Some(cards) => cards
                .iter()
                .fold(spec, |spec, card| card.plug(spec, &mut forwards)),
        };
        Ok((spec, extra))
    }

    /// Switches it on.
    pub(super) fn switch_on(&self, spec: &Spec) -> Result<Machine, Error> {
        match self.ends {
            // It may never come as far as PID 1.
            Ends::Power => spec.start(),
            _ => spec.start_init(),
        }
    }
}
