//! dmidecode(8) as a second opinion: each table that is kept, as a dump with an entry point before it.

mod common;

use std::fmt::Write;
use std::process::Command;

use preroot_smbios::{Array, Device, Range, Size, structures};

/// Where the table begins in a dump: behind the entry point.
const TABLE_AT: u64 = 32;

/// A dump as `dmidecode --dump-bin` writes it: a 64-bit entry point (DSP0134, section 5.2.2), then the table.
fn dump(table: &[u8]) -> Vec<u8> {
    let mut bytes = b"_SM3_\0\x18\x03\x07\0\x01\0".to_vec();
    bytes.extend(u32::try_from(table.len()).expect("short").to_le_bytes());
    bytes.extend(TABLE_AT.to_le_bytes());
    // All bytes of it add up to 0.
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[5] = sum.wrapping_neg();
    bytes.resize(TABLE_AT.try_into().expect("small"), 0);
    bytes.extend(table);
    bytes
}

/// What dmidecode says of a table's memory.
fn theirs(table: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), dump(table)).expect("written");
    let mut dmidecode = Command::new("dmidecode");
    dmidecode.arg("--from-dump").arg(file.path());
    let said = dmidecode.args(["-t", "16,17,19"]).output();
    let said = said.expect("dmidecode: `cargo xtask setup` installs it");
    assert!(said.status.success(), "{said:?}");
    let mut out = String::new();
    let mut title = "";
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    for line in text.lines() {
        let Some(field) = line.strip_prefix('\t') else {
            title = line;
            continue;
        };
        let Some((key, value)) = field.split_once(':') else {
            continue;
        };
        // Blanks are no more than nothing.
        let value = match value.trim() {
            "" => "Not Specified",
            value => value,
        };
        let value = match (title, key) {
            ("Physical Memory Array", "Maximum Capacity")
            | ("Memory Device", "Size")
            | ("Memory Array Mapped Address", "Range Size") => bytes(value),
            ("Physical Memory Array", "Number Of Devices")
            | (
                "Memory Device",
                "Locator" | "Bank Locator" | "Speed" | "Manufacturer" | "Serial Number"
                | "Part Number",
            ) => value.to_owned(),
            _ => continue,
        };
        writeln!(out, "{key}: {value}").expect("a String");
    }
    out
}

/// `32 GB` in bytes, and words as they are.
fn bytes(text: &str) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let Some((number, unit)) = text.split_once(' ') else {
        return text.to_owned();
    };
    let power = units.iter().position(|name| *name == unit);
    let number: Result<u64, _> = number.parse();
    match (number, power) {
        (Ok(number), Some(power)) => (number << (10 * power)).to_string(),
        _ => text.to_owned(),
    }
}

/// The same of ours.
fn ours(table: &[u8]) -> String {
    let mut out = String::new();
    let mut say = |key: &str, value: String| writeln!(out, "{key}: {value}").expect("a String");
    for structure in structures(table) {
        let structure = structure.expect("a whole table");
        let known = |bytes: Option<u64>| bytes.map_or("Unknown".to_owned(), |b| b.to_string());
        if let Some(array) = Array::of(&structure) {
            say("Maximum Capacity", known(array.bytes_max));
            say("Number Of Devices", array.slots.to_string());
        }
        if let Some(range) = Range::of(&structure) {
            say("Range Size", known(range.bytes()));
        }
        let Some(device) = Device::of(&structure) else {
            continue;
        };
        let size = match device.size {
            Size::Empty => "No Module Installed".to_owned(),
            Size::Unknown => "Unknown".to_owned(),
            Size::Bytes(bytes) => bytes.to_string(),
        };
        say("Size", size);
        let words = |text: &[u8]| match text {
            [] => "Not Specified".to_owned(),
            text => String::from_utf8_lossy(text).into_owned(),
        };
        say("Locator", words(device.locator));
        say("Bank Locator", words(device.bank));
        let Size::Bytes(_) = device.size else {
            // Of an empty slot dmidecode tells no more.
            continue;
        };
        let speed = device.speed.map(|speed| format!("{speed} MT/s"));
        say("Speed", speed.unwrap_or("Unknown".to_owned()));
        say("Manufacturer", words(device.manufacturer));
        say("Serial Number", words(device.serial));
        say("Part Number", words(device.part));
    }
    out
}

#[test]
fn dmidecode_says_the_same() {
    for (name, table) in common::kept() {
        assert_eq!(ours(&table), theirs(&table), "{name}");
    }
}
