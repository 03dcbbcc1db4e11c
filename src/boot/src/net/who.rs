//! Which host of the table this machine is: by the MAC address of a NIC, else by what its firmware says, else by the PCI
//! address of a NIC, else the entry for any machine.

use heapless::Vec;
use preroot_plan::{Host, HostKey, Plan};

use crate::limits::{DMI_BYTES_MAX, LINKS_MAX};
use crate::net::Known;
use crate::net::wire::{Dmi, LinkKind, Wire};

/// A host, and the NIC it is known by; 0: none.
pub(crate) struct Found<'a> {
    pub host: &'a Host,
    pub nic: u32,
    /// In words, for the record.
    pub by: &'static str,
    /// It is the entry for any machine.
    pub is_any: bool,
}

/// Whether the entry for any machine will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Any {
    /// Not yet: another NIC may come that knows better.
    NotYet,
    /// It will.
    Allowed,
}

/// The host. `None`: it is not known, or not known yet.
pub(crate) fn find<'a, W: Wire>(
    wire: &mut W,
    plan: &Plan<'a>,
    links: &Vec<Known, LINKS_MAX>,
    any: Any,
) -> Option<Found<'a>> {
    let nics = links.iter().filter(|link| link.kind == LinkKind::Ethernet);
    // The firmware alone is not asked before a NIC is there: its MAC address comes first.
    nics.clone().next()?;
    for link in nics.clone() {
        if let Some(host) = plan.host_by_mac(link.built) {
            return Some(Found {
                host,
                nic: link.index,
                by: "its MAC address",
                is_any: false,
            });
        }
    }
    if plan.matches().is_empty() {
        return None;
    }
    let dmi = [
        (Dmi::Serial, HostKey::DmiSerial, "its DMI serial"),
        (Dmi::Uuid, HostKey::DmiUuid, "its DMI UUID"),
    ];
    for (which, kind, by) in dmi {
        let mut buffer = [0; DMI_BYTES_MAX];
        let length = wire.dmi(which, &mut buffer);
        if which == Dmi::Uuid {
            buffer.make_ascii_lowercase();
        }
        if let Some(host) = key(&buffer, length).and_then(|key| plan.host_by(kind, key)) {
            return Some(Found {
                host,
                nic: 0,
                by,
                is_any: false,
            });
        }
    }
    for link in nics {
        let mut buffer = [0; 32];
        let length = wire.pci(&link.name, &mut buffer);
        if let Some(host) = key(&buffer, length).and_then(|key| plan.host_by(HostKey::Pci, key)) {
            return Some(Found {
                host,
                nic: link.index,
                by: "a PCI address",
                is_any: false,
            });
        }
    }
    let host = match any {
        Any::NotYet => None,
        Any::Allowed => plan.host_by(HostKey::Any, ""),
    }?;
    Some(Found {
        host,
        nic: 0,
        by: "the entry for any machine",
        is_any: true,
    })
}

/// What stands in a file of sysfs; `None`: nothing.
fn key(buffer: &[u8], length: usize) -> Option<&str> {
    let text = core::str::from_utf8(buffer.get(..length)?).ok()?;
    Some(text.trim_ascii()).filter(|text| !text.is_empty())
}
