//! What hosts are known by, in the one spelling that a plan has of it, from those that people and machines use.
//!
//! | what        | is read                                                                     | in a plan               |
//! |-------------|-----------------------------------------------------------------------------|-------------------------|
//! | MAC         | `52:54:00:AB:cd:ef`, `52-54-00-ab-cd-ef`, `5254.00ab.cdef`, `525400abcdef`  | six bytes               |
//! | PCI address | `0000:3B:00.0`, `3b:00.0`, `pci-0000:3b:00.0` (udev's ID_PATH)              | `0000:3b:00.0`          |
//! | DMI UUID    | with and without dashes, in either case                                     | as sysfs, in lower case |
//! | DMI serial  | as dmidecode and sysfs show it                                              | the same                |

use preroot_plan::nic;

/// What is wrong with a text, and what to write instead.
pub(crate) type Wrong = (&'static str, &'static str);

/// The longest serial number that a board was seen with has 32 bytes.
const SERIAL_BYTES_MAX: usize = 64;

/// What boards tell whose maker has set nothing; many machines have the same.
const SERIALS_OF_NOBODY: [&str; 12] = [
    "to be filled by o.e.m.",
    "default string",
    "system serial number",
    "not specified",
    "not applicable",
    "not available",
    "none",
    "n/a",
    "unknown",
    "invalid",
    "empty",
    "0123456789",
];

/// As with the serials: a BIOS vendor's example.
const UUID_OF_NOBODY: &str = "03000200-0400-0500-0006-000700080009";

/// A MAC address.
pub(crate) fn mac(text: &str) -> Result<[u8; 6], Wrong> {
    let separator = text.chars().find(|c| !c.is_ascii_hexdigit());
    let parts: Vec<&str> = match separator {
        Some(separator @ (':' | '-' | '.')) => text.split(separator).collect(),
        _ => vec![text],
    };
    let digits = parts.concat().to_ascii_lowercase();
    let sizes_fit = match parts.len() {
        6 => parts.iter().all(|part| part.len() == 2),
        3 => parts.iter().all(|part| part.len() == 4),
        1 => true,
        _ => false,
    };
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !sizes_fit || digits.len() != 12 || !is_hex {
        return Err(("is no MAC address", "write six bytes: 52:54:00:12:34:56"));
    }
    let bytes: Vec<String> = (0..6).map(|at| digits[2 * at..][..2].to_string()).collect();
    nic::mac(&bytes.join(":")).ok_or((
        "is the MAC address of a group or of nobody",
        "write the address of one interface; the last bit of its first byte is 0",
    ))
}

/// A PCI address.
pub(crate) fn pci(text: &str) -> Result<String, Wrong> {
    let text = text.strip_prefix("pci-").unwrap_or(text);
    let text = text.to_ascii_lowercase();
    let text = match text.matches(':').count() {
        1 => format!("0000:{text}"),
        _ => text,
    };
    match nic::is_pci(&text) {
        true => Ok(text),
        false => Err((
            "is no PCI address",
            "write it as lspci -D does: 0000:3b:00.0",
        )),
    }
}

/// A DMI UUID.
pub(crate) fn uuid(text: &str) -> Result<String, Wrong> {
    let lower = text.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('-').collect();
    let sizes: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let digits = parts.concat();
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !matches!(sizes[..], [32] | [8, 4, 4, 4, 12]) {
        return Err((
            "is no UUID",
            "write it as /sys/class/dmi/id/product_uuid has it",
        ));
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
    let uuid = parts.join("-");
    let is_one_digit = |digit: char| digits.chars().all(|c| c == digit);
    if is_one_digit('0') || is_one_digit('f') || uuid == UUID_OF_NOBODY {
        return Err((
            "is what many machines tell whose maker has set no UUID",
            "use another key for this host: mac=, dmi-serial=, pci=",
        ));
    }
    Ok(uuid)
}

/// A DMI serial number.
pub(crate) fn serial(text: &str) -> Result<String, Wrong> {
    let is_printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if text.is_empty() || text.len() > SERIAL_BYTES_MAX || !text.bytes().all(is_printable) {
        return Err((
            "is no serial number",
            "write it as /sys/class/dmi/id/product_serial has it",
        ));
    }
    let lower = text.to_ascii_lowercase();
    let repeats = lower
        .bytes()
        .all(|byte| matches!(byte, b'0' | b'x' | b'.' | b' ' | b'-'));
    if repeats || SERIALS_OF_NOBODY.contains(&&*lower) {
        return Err((
            "is what many machines tell whose maker has set no serial number",
            "use another key for this host: mac=, dmi-uuid=, pci=",
        ));
    }
    Ok(text.to_string())
}

/// A NIC as [`preroot_plan::Nic`] reads it.
pub(crate) fn nic(text: &str) -> Result<String, Wrong> {
    let unknown = (
        "names no NIC",
        "write mac=52:54:00:12:34:56, pci=0000:3b:00.0 or name=eth0",
    );
    match text.split_once('=') {
        Some(("mac", text)) => mac(text).map(|mac| format!("mac={}", mac_text(mac))),
        Some(("pci", text)) => pci(text).map(|pci| format!("pci={pci}")),
        Some(("name", name)) if nic::is_interface_name(name) => Ok(text.to_string()),
        _ => Err(unknown),
    }
}

/// A MAC address as the kernel spells it.
pub(crate) fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// A host name: RFC 1123 section 2.1, and the 64 bytes of Linux. One that reads as an IPv4 address is none.
pub(crate) fn is_hostname(name: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    name.len() <= 64 && name.split('.').all(good) && name.parse::<std::net::Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_spelling_is_the_same_thing() {
        let check = |text: &str, expected: Option<&str>| {
            let mac = mac(text).ok().map(mac_text);
            assert_eq!(mac.as_deref(), expected, "{text}");
        };
        for text in [
            "52:54:00:AB:cd:ef",
            "52-54-00-ab-cd-EF",
            "5254.00ab.cdef",
            "525400abcdef",
        ] {
            check(text, Some("52:54:00:ab:cd:ef"));
        }
        for text in [
            "",
            "52:54",
            "52:54:00:ab:cd",
            "52:54:00:ab:cd:ef:00",
            "52:54-00:ab:cd:ef",
            "5:254:00:ab:cd:ef",
            "52:54:00:ab:cd:eg",
            "5254:00ab:cdef:",
            "52:54:00:ab:cd:é",
            "53:54:00:ab:cd:ef",
            "ff:ff:ff:ff:ff:ff",
            "000000000000",
            "52.54.00.ab.cd",
        ] {
            check(text, None);
        }
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(pci(text).ok().as_deref(), expected, "{text}");
        };
        check("0000:3B:00.0", Some("0000:3b:00.0"));
        check("3b:00.0", Some("0000:3b:00.0"));
        check("pci-0000:3b:00.1", Some("0000:3b:00.1"));
        check("10000:e1:00.0", Some("10000:e1:00.0"));
        for text in [
            "",
            "3b:00",
            "0000:3b:00.8",
            "0000:3b:20.0",
            "3b:00.0:1:2",
            "pci-",
        ] {
            check(text, None);
        }
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(uuid(text).ok().as_deref(), expected, "{text}");
        };
        let good = Some("4c4c4544-0042-3510-8058-b4c04f4d3132");
        check("4C4C4544-0042-3510-8058-B4C04F4D3132", good);
        check("4c4c4544004235108058b4c04f4d3132", good);
        for text in [
            "",
            "4c4c4544",
            "4c4c4544-0042-3510-8058-b4c04f4d313g",
            "4c4c454400423510-8058-b4c04f4d3132",
            UUID_OF_NOBODY,
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_serial_of_many_machines_is_none() {
        let check = |text: &str, expected: bool| {
            assert_eq!(serial(text).is_ok(), expected, "{text}");
        };
        check("CZ3412ABCD", true);
        check("VMware-56 4d 0f 12", true);
        check("0", false);
        check("00000000", false);
        check("To Be Filled By O.E.M.", false);
        check("Default string", false);
        check("", false);
        check("a\tb", false);
        check("é", false);
    }

    #[test]
    fn a_host_name_is_one_by_rfc_1123() {
        let check = |text: &str, expected: bool| assert_eq!(is_hostname(text), expected, "{text}");
        check("db1", true);
        check("3com", true);
        check("db-1.rack7.example.net", true);
        check(&"a".repeat(63), true);
        for bad in [
            "", "-a", "a-", "a..b", "a.", ".a", "a_b", "a b", "é", "10.0.0.1",
        ] {
            check(bad, false);
        }
        check(&"a".repeat(64), false);
    }
}
