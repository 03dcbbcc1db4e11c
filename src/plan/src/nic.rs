//! A network interface as a host table names it: by its MAC, its PCI address, or the kernel's name.
//!
//! | spelling                 | which                                                       |
//! |--------------------------|-------------------------------------------------------------|
//! | `mac=52:54:00:12:34:56`  | the one with this permanent address                         |
//! | `pci=0000:3b:00.0`       | the one whose device has this PCI address (lspci -D)        |
//! | `name=eth0`              | the one that the kernel calls so                            |
//!
//! Hexadecimal digits are in lower case: one thing has one spelling, so that two can be compared.

use crate::limits::INTERFACE_NAME_BYTES_MAX;

/// Which network interface is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nic<'a> {
    /// The one with this MAC address.
    Mac([u8; 6]),
    /// The one whose device has this PCI address, `0000:3b:00.0`.
    Pci(&'a str),
    /// The one with this name.
    Name(&'a str),
}

impl<'a> Nic<'a> {
    /// Reads one spelling of the table above.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Nic<'a>> {
        let (kind, value) = text.split_once('=')?;
        match kind {
            "mac" => mac(value).map(Nic::Mac),
            "pci" => is_pci(value).then_some(Nic::Pci(value)),
            "name" => is_interface_name(value).then_some(Nic::Name(value)),
            _ => None,
        }
    }
}

/// Reads `52:54:00:12:34:56`. Neither a group address nor all zeros is the address of an interface.
#[must_use]
pub fn mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        *byte = hex(parts.next()?, 2..=2)?.to_le_bytes()[0];
    }
    (parts.next().is_none() && is_station(mac)).then_some(mac)
}

/// Whether a MAC address is that of one interface: not a group's (IEEE 802-2014, 8.2.2), not zero.
#[must_use]
pub fn is_station(mac: [u8; 6]) -> bool {
    mac[0] & 1 == 0 && mac != [0; 6]
}

/// Whether this is a PCI address with its domain: `0000:3b:00.0`, Linux' drivers/pci/probe.c. A domain has four
/// digits or, behind a VMD, more.
#[must_use]
pub fn is_pci(text: &str) -> bool {
    let mut parts = text.split(':');
    let (Some(domain), Some(bus), Some(rest), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let Some((device, function)) = rest.split_once('.') else {
        return false;
    };
    hex(domain, 4..=8).is_some()
        && hex(bus, 2..=2).is_some()
        && hex(device, 2..=2).is_some_and(|device| device < 32)
        && hex(function, 1..=1).is_some_and(|function| function < 8)
}

/// Whether the kernel would take this as the name of an interface: `dev_valid_name`, net/core/dev.c. Blanks have no
/// place in it, and here neither has `=`.
#[must_use]
pub fn is_interface_name(text: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':' | b'=');
    !text.is_empty()
        && text.len() <= INTERFACE_NAME_BYTES_MAX
        && !matches!(text, "." | "..")
        && text.bytes().all(is_good)
}

/// Lower case hexadecimal digits, this many.
fn hex(text: &str, digits: core::ops::RangeInclusive<usize>) -> Option<u32> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_good = digits.contains(&text.len()) && text.bytes().all(is_digit);
    is_good.then(|| u32::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nic_has_one_spelling() {
        let check = |text: &str, expected: Option<Nic<'_>>| {
            assert_eq!(Nic::parse(text), expected, "{text}");
        };
        let mac = Nic::Mac([0x52, 0x54, 0, 0x12, 0x34, 0xab]);
        check("mac=52:54:00:12:34:ab", Some(mac));
        check("mac=52:54:00:12:34:AB", None);
        check("mac=52:54:00:12:34", None);
        check("mac=52:54:00:12:34:ab:cd", None);
        check("mac=52:54:0:12:34:ab", None);
        check("mac=+2:54:00:12:34:ab", None);
        check("mac=53:54:00:12:34:ab", None);
        check("mac=00:00:00:00:00:00", None);
        check("mac=", None);
        check("pci=0000:3b:00.0", Some(Nic::Pci("0000:3b:00.0")));
        check("pci=10000:e1:1f.7", Some(Nic::Pci("10000:e1:1f.7")));
        for bad in [
            "3b:00.0",
            "000:3b:00.0",
            "0000:3b:20.0",
            "0000:3b:00.8",
            "0000:3B:00.0",
            "0000:3b:00",
            "0000:3b:00.0:1",
            "123456789:3b:00.0",
        ] {
            assert!(!is_pci(bad), "{bad}");
        }
        check("name=eth0", Some(Nic::Name("eth0")));
        check("name=enp129s0f0np0", Some(Nic::Name("enp129s0f0np0")));
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a b",
            "a:1",
            "a=b",
            "é",
            "0123456789abcdef",
        ] {
            assert!(!is_interface_name(bad), "{bad}");
        }
        check("eth0", None);
        check("slot=3", None);
    }
}
