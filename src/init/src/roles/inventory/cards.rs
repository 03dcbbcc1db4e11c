//! PCI devices and network interfaces, as far as the kernel tells of them without asking a driver.
//!
//! Link speed and carrier are asked of the driver, under a lock that all interfaces share, so that is done by a child
//! ([`link`]): one driver that hangs would hang whoever asks.

use core::fmt::Write;

use heapless::String;
use preroot_boot::inventory::{Facts, Item, name};
use preroot_plan::Class;

use super::tree::{Small, Tree};

/// Says each PCI device.
pub(super) fn pci(tree: &Tree<'_>, each: &mut dyn FnMut(&Item<'_>)) {
    let mut facts = Facts::new();
    let devices = "/sys/bus/pci/devices/";
    tree.names(&[devices], &mut |_, address| {
        facts.clear();
        let Some(device) = tree.directory(&[devices, address]) else {
            return;
        };
        let mut buffer = Small::new();
        let Some((id, class)) = identity(device.text("modalias", &mut buffer)) else {
            return;
        };
        facts.put("id", &id);
        facts.put("class", &class);
        device.put_last(&mut facts, "driver", "driver");
        each(&Item {
            class: Class::Pci,
            name: &name(address),
            facts: facts.text(),
        });
    });
}

/// `8086:10d3` and `020000` out of `pci:v00008086d000010D3sv00001AF4sd00001100bc02sc00i00` (Linux
/// drivers/pci/pci-sysfs.c): one file for what else is in three.
fn identity(modalias: &str) -> Option<(String<9>, String<6>)> {
    let mut rest = modalias.strip_prefix("pci:")?;
    let mut field = |key: &str, digits: usize| {
        let text = rest.strip_prefix(key)?.get(..digits)?;
        rest = rest.get(key.len() + digits..)?;
        u32::from_str_radix(text, 16).ok()
    };
    let (vendor, device) = (field("v", 8)?, field("d", 8)?);
    let _subsystem = (field("sv", 8)?, field("sd", 8)?);
    let class = (field("bc", 2)?, field("sc", 2)?, field("i", 2)?);
    let (mut id, mut class_text) = (String::new(), String::new());
    write!(id, "{vendor:04x}:{device:04x}").ok()?;
    let (base, sub, interface) = class;
    write!(class_text, "{base:02x}{sub:02x}{interface:02x}").ok()?;
    Some((id, class_text))
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
        let check = |modalias: &str, expected: Option<(&str, &str)>| {
            let found = identity(modalias);
            let found = found
                .as_ref()
                .map(|(id, class)| (id.as_str(), class.as_str()));
            assert_eq!(found, expected, "{modalias}");
        };
        check(
            "pci:v00008086d000010D3sv00001AF4sd00001100bc02sc00i00",
            Some(("8086:10d3", "020000")),
        );
        for bad in [
            "",
            "usb:v1D6Bp0002",
            "pci:v00008086",
            "pci:v0000808xd000010D3sv00001AF4sd00001100bc02sc00i00",
            "pci:v00008086d000010D3sv00001AF4sd00001100bc02sc00i",
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
