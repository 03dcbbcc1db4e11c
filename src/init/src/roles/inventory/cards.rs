//! PCI devices and network interfaces, as far as the kernel tells of them without asking a driver.
//!
//! Link speed and carrier are asked of the driver, under a lock that all interfaces share, so that is done by a child
//! ([`link`]): one driver that hangs would hang whoever asks.

use core::fmt::Write;

use heapless::String;
use preroot_boot::inventory::{Facts, Item, name};
use preroot_plan::Class;

use super::tree::{Small, Tree};

/// Says each PCI device: by its `uevent`, one file for what else is in four (Linux drivers/pci/pci-driver.c, pci_uevent).
pub(super) fn pci(tree: &Tree<'_>, each: &mut dyn FnMut(&Item<'_>)) {
    let mut facts = Facts::new();
    let devices = "/sys/bus/pci/devices/";
    tree.names(&[devices], &mut |_, address| {
        let mut buffer = Small::new();
        let uevent = tree.text(&[devices, address, "/uevent"], &mut buffer);
        let Some(Identity { id, class, driver }) = identity(uevent) else {
            return;
        };
        facts.clear();
        facts.put("id", &id);
        facts.put("class", &class);
        facts.put("driver", driver);
        each(&Item {
            class: Class::Pci,
            name: &name(address),
            facts: facts.text(),
        });
    });
}

/// What a device is.
#[derive(Debug, PartialEq, Eq)]
struct Identity<'u> {
    /// Vendor and device: `8086:10d3`.
    id: String<9>,
    /// `020000`.
    class: String<6>,
    /// Empty: it has none.
    driver: &'u str,
}

/// Out of lines such as `DRIVER=e1000e`, `PCI_CLASS=20000` and `PCI_ID=8086:10D3`.
fn identity(uevent: &str) -> Option<Identity<'_>> {
    let value = |key: &str| {
        let mut lines = uevent.split('\n');
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    };
    let hex = |digits: &str, most: u32| {
        let number = u32::from_str_radix(digits, 16).ok();
        number.filter(|number| *number <= most)
    };
    let (vendor, device) = value("PCI_ID")?.split_once(':')?;
    let (vendor, device) = (hex(vendor, 0xffff)?, hex(device, 0xffff)?);
    let class_number = hex(value("PCI_CLASS")?, 0xff_ffff)?;
    let (mut id, mut class) = (String::new(), String::new());
    write!(id, "{vendor:04x}:{device:04x}").ok()?;
    write!(class, "{class_number:06x}").ok()?;
    Some(Identity {
        id,
        class,
        driver: value("DRIVER").unwrap_or_default(),
    })
}

/// The facts of an interface that is a card; those of software have none.
pub(super) fn nic(tree: &Tree<'_>, interface: &str) -> Option<Facts> {
    let path = ["/sys/class/net/", interface];
    let target = tree.target(&path)?;
    let device = target.rsplit_once("/net/")?.0;
    if device.ends_with("/virtual") {
        return None;
    }
    let mut facts = Facts::new();
    let directory = tree.directory(&path)?;
    facts.put("mac", directory.text("address", &mut Small::new()));
    // What it hangs on may hang on the PCI device itself, as virtio does.
    let pci = device.rsplit('/').find(|part| is_pci_address(part));
    facts.put("pci", pci.unwrap_or_default());
    directory.put_last(&mut facts, "driver", "device/driver");
    Some(facts)
}

/// `0000:00:03.0`
fn is_pci_address(part: &str) -> bool {
    let shape = b"xxxx:xx:xx.x";
    part.len() == shape.len()
        && part.bytes().zip(shape).all(|(byte, &wanted)| match wanted {
            b'x' => byte.is_ascii_hexdigit(),
            other => byte == other,
        })
}

/// Speed and carrier of an interface. Neither is there while it is down.
pub(super) fn link(tree: &Tree<'_>, interface: &str, facts: &mut Facts) {
    let speed = tree.number(&["/sys/class/net/", interface, "/speed"]);
    // Unknown is -1, which some drivers have as a u32.
    if let Some(speed) = speed.filter(|speed| *speed > 0 && *speed < u64::from(u32::MAX)) {
        facts.number("speed", speed);
    }
    let carrier = tree.number(&["/sys/class/net/", interface, "/carrier"]);
    facts.number(
        "carrier",
        carrier.filter(|carrier| *carrier == 1).unwrap_or(0),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_read() {
        let check = |uevent: &str, expected: Option<(&str, &str, &str)>| {
            let found = identity(uevent);
            let found = found
                .as_ref()
                .map(|found| (found.id.as_str(), found.class.as_str(), found.driver));
            assert_eq!(found, expected, "{uevent}");
        };
        check(
            "DRIVER=e1000e\nPCI_CLASS=20000\nPCI_ID=8086:10D3\nPCI_SUBSYS_ID=8086:0000\nPCI_SLOT_NAME=0000:00:03.0",
            Some(("8086:10d3", "020000", "e1000e")),
        );
        check(
            "PCI_CLASS=C0500\nPCI_ID=8086:2930",
            Some(("8086:2930", "0c0500", "")),
        );
        for bad in [
            "",
            "DRIVER=usb",
            "PCI_CLASS=20000",
            "PCI_ID=8086:10D3",
            "PCI_CLASS=20000\nPCI_ID=808610D3",
            "PCI_CLASS=20000\nPCI_ID=18086:10D3",
            "PCI_CLASS=1000000\nPCI_ID=8086:10D3",
            "PCI_CLASS=2000x\nPCI_ID=8086:10D3",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn addresses_are_told_from_names() {
        assert!(is_pci_address("0000:00:1f.2"));
        for other in [
            "virtio1",
            "0000:00:1f.23",
            "0000:00:1g.2",
            "",
            "0000-00:1f.2",
        ] {
            assert!(!is_pci_address(other), "{other}");
        }
    }
}
