//! Parts of a machine as scenarios name them: disks, network cards, places for memory.

use serde::Deserialize;

use crate::disk::Disk;
use crate::error::Error;
use crate::layer::Layer;
use crate::spec::{Bus, Cache, Nic, Spec};

/// What a disk's sectors are counted in.
const SECTOR_BYTES: u64 = 512;

/// How the root disk is plugged in.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Root {
    #[serde(default = "virtio")]
    bus: Bus,
    #[serde(default)]
    serial: Option<String>,
    /// What is wrong with it.
    #[serde(default)]
    fault: Option<Fault>,
    /// How it caches what is written.
    #[serde(default)]
    cache: Cache,
    /// It lies beside the machine until a step attaches it.
    #[serde(default)]
    unplugged: bool,
}

/// A disk with nothing on it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Extra {
    #[serde(default = "virtio")]
    bus: Bus,
    mib: u64,
    #[serde(default)]
    serial: Option<String>,
    #[serde(default)]
    wwn: Option<u64>,
    /// What is wrong with it.
    #[serde(default)]
    fault: Option<Fault>,
    /// How it caches what is written.
    #[serde(default)]
    cache: Cache,
    /// What its controller warns of, as an NVMe health log has it: the bits of Critical Warning (NVM Express Base Specification 2.0,
    /// figure 207).
    #[serde(default)]
    warns: Option<u8>,
    /// It lies beside the machine until a step attaches it, behind a PCI port of its own.
    #[serde(default)]
    unplugged: bool,
}

/// What is wrong with a disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// Each read ends with an error.
    NoReads,
    /// No read ends.
    Hangs,
    /// So many bytes in a second.
    Slow(u64),
    /// The sector at this place of its file system cannot be read, as [`crate::place`] has it.
    BadAt(String),
}

/// A network card.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Card {
    /// Left out: the address that the config's host has, and others for further cards.
    #[serde(default)]
    mac: Option<String>,
    /// What it is plugged into.
    #[serde(default)]
    on: Net,
    /// Its PCI slot.
    #[serde(default)]
    slot: Option<String>,
    /// Its cable is not in when the machine is switched on.
    #[serde(default)]
    pub(crate) unplugged: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Net {
    /// Where the client comes from.
    #[default]
    Clients,
    /// The hub, where the client comes from too.
    Hub,
    /// A network where nobody is.
    Alone,
}

/// A place for a DIMM.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Slot {
    locator: String,
    /// What is in it, MiB; 0: nothing.
    mib: u16,
    serial: String,
}

fn virtio() -> Bus {
    Bus::Virtio
}

impl Default for Root {
    fn default() -> Self {
        Self {
            bus: virtio(),
            serial: None,
            fault: None,
            cache: Cache::default(),
            unplugged: false,
        }
    }
}

impl Root {
    /// Plugs it in.
    pub(crate) fn plug(&self, spec: Spec, disk: &Disk) -> Result<Spec, Error> {
        let bus = if self.unplugged {
            Bus::Unplugged
        } else {
            self.bus
        };
        let layer = self.fault.as_ref().map(|fault| fault.layer(disk));
        let spec = spec.plug(disk, bus);
        let spec = spec.with(layer.transpose()?, self.serial.as_deref(), None);
        Ok(spec.cached(self.cache))
    }

    /// What no root disk can be.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.unplugged && self.cache != Cache::default() {
            return Err("root: one that is attached later has a write-back cache".to_owned());
        }
        Ok(())
    }

    /// Whether it holds the machine up for ever.
    pub(crate) fn hangs(&self) -> bool {
        self.fault == Some(Fault::Hangs)
    }
}

impl Extra {
    /// Makes it and plugs it in.
    pub(crate) fn plug(&self, spec: Spec) -> Result<(Spec, Disk), Error> {
        let disk = Disk::empty(self.mib << 20)?;
        let bus = if self.unplugged {
            Bus::Unplugged
        } else {
            self.bus
        };
        let layer = self.fault.as_ref().map(|fault| fault.layer(&disk));
        let spec = spec.plug(&disk, bus);
        let spec = spec.with(layer.transpose()?, self.serial.as_deref(), self.wwn);
        let spec = match (&self.serial, self.warns) {
            (Some(serial), Some(bits)) => spec.warning(serial, bits),
            _ => spec,
        };
        Ok((spec.cached(self.cache), disk))
    }

    /// What no disk can be.
    pub(crate) fn check(&self) -> Result<(), String> {
        let is_plain = self.bus == Bus::Virtio && self.cache == Cache::default();
        if self.unplugged && !(is_plain && self.serial.is_none() && self.wwn.is_none()) {
            let what = "one that is attached later is virtio, with a write-back cache and the serial number preroot-diskN";
            return Err(format!("disk: {what}"));
        }
        if self.warns.is_some() && (self.bus != Bus::Nvme || self.serial.is_none()) {
            return Err("disk: what warns is on nvme, and has a serial number".to_owned());
        }
        Ok(())
    }

    /// Whether it holds the machine up for ever.
    pub(crate) fn hangs(&self) -> bool {
        self.fault == Some(Fault::Hangs)
    }
}

impl Fault {
    /// What lies between the machine and this disk.
    fn layer(&self, disk: &Disk) -> Result<Layer, Error> {
        Ok(match self {
            Fault::NoReads => Layer::NoReads,
            Fault::Hangs => Layer::Hangs,
            Fault::Slow(bytes) => Layer::Slow(*bytes),
            Fault::BadAt(place) => Layer::ReadError(disk.offset_of(place)? / SECTOR_BYTES),
        })
    }
}

impl Card {
    /// Plugs it in; the first one that clients can come to gets the forwards.
    pub(crate) fn plug(&self, spec: Spec, forwards: &mut Vec<(u16, u16)>) -> Spec {
        let nic = match self.on {
            Net::Clients => Nic::User {
                forwards: std::mem::take(forwards),
            },
            Net::Hub => Nic::Hub {
                forwards: std::mem::take(forwards),
            },
            Net::Alone => Nic::User {
                forwards: Vec::new(),
            },
        };
        let spec = match &self.mac {
            Some(mac) => spec.nic_with_mac(nic, mac),
            None => spec.nic(nic),
        };
        let spec = match self.unplugged {
            true => spec.cable_out(),
            false => spec,
        };
        match &self.slot {
            Some(slot) => spec.in_slot(slot),
            None => spec,
        }
    }
}

impl Slot {
    /// A Memory Device (SMBIOS type 17, DSP0134, section 7.18) as of version 2.8: 40 bytes, then texts.
    pub(crate) fn structure(&self, number: u8) -> Vec<u8> {
        let mut bytes = vec![0; 0x28];
        bytes[0] = 17;
        bytes[1] = 0x28;
        // Its handle, that of the system's array, and none for errors.
        bytes[2..8].copy_from_slice(&[number, 0x11, 0x00, 0x10, 0xFE, 0xFF]);
        bytes[0x0C..0x0E].copy_from_slice(&self.mib.to_le_bytes());
        // A DIMM; locator, bank, manufacturer, serial, part.
        (bytes[0x0E], bytes[0x10], bytes[0x11]) = (9, 1, 2);
        (bytes[0x17], bytes[0x18], bytes[0x1A]) = (3, 4, 5);
        bytes[0x15..0x17].copy_from_slice(&3200_u16.to_le_bytes());
        let bank = format!("BANK {number}");
        for text in [&self.locator, &bank, "ACME", &self.serial, "PN7"] {
            bytes.extend(text.bytes());
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    }
}
