//! Tables and what is read from them; `any_` bytes besides.

mod common;

use common::{Table, bytes_of};
use preroot_smbios::{Array, Broken, Device, END, Fault, Range, Size, Structure, structures};
use proptest::prelude::*;

/// Everything that anybody asks of a table: never panics, and takes a step for each six bytes at most.
fn walk(table: &[u8]) -> Result<usize, Broken> {
    walk_around(table, None)
}

/// The same; only structures that begin near this byte are asked for every field that one could have.
fn walk_around(table: &[u8], place: Option<usize>) -> Result<usize, Broken> {
    let mut count = 0;
    for structure in structures(table) {
        let structure = structure?;
        count += 1;
        assert!(count <= table.len() / 4, "more structures than bytes");
        let _ = (Array::of(&structure), Range::of(&structure));
        if let Some(device) = Device::of(&structure) {
            let texts = [device.locator, device.bank, device.serial, device.part];
            assert!(texts.iter().all(|text| text.len() < table.len()));
        }
        if place.is_none_or(|place| structure.at.abs_diff(place) <= 256) {
            for offset in 0..=256 {
                let _ = (structure.text(offset), structure.quad(offset));
            }
        }
    }
    Ok(count)
}

fn first(table: &[u8]) -> Structure<'_> {
    structures(table)
        .next()
        .expect("a structure")
        .expect("whole")
}

/// A device with these fields over those of an empty slot.
fn device(fields: &[(usize, &[u8])], length: usize, texts: &[&str]) -> Vec<u8> {
    let mut formatted = vec![0; length];
    formatted[..2].copy_from_slice(&[17, u8::try_from(length).expect("short")]);
    for (at, bytes) in fields {
        formatted[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    Table::default().structure(&formatted, texts).end()
}

#[test]
fn sizes_of_slots() {
    let check = |fields: &[(usize, &[u8])], length, expected| {
        let table = device(fields, length, &[]);
        let found = Device::of(&first(&table)).map(|device| device.size);
        assert_eq!(found, expected, "{fields:?} {length}");
    };
    let of = |bytes: u64| Some(Size::Bytes(bytes));
    check(&[], 0x54, Some(Size::Empty));
    check(&[(0x0C, &[0xFF, 0xFF])], 0x54, Some(Size::Unknown));
    check(&[(0x0C, &[0x00, 0x04])], 0x54, of(1 << 30));
    // In KiB.
    check(&[(0x0C, &[0x40, 0x80])], 0x54, of(64 << 10));
    check(&[(0x0C, &[0x00, 0x80])], 0x54, Some(Size::Unknown));
    // 32 GiB, as MiB in the extended field; its highest bit means nothing.
    let extended: [(usize, &[u8]); 2] = [(0x0C, &[0xFF, 0x7F]), (0x1C, &[0, 0x80, 0, 0])];
    check(&extended, 0x54, of(32 << 30));
    let reserved: [(usize, &[u8]); 2] = [(0x0C, &[0xFF, 0x7F]), (0x1C, &[0, 0x80, 0, 0x80])];
    check(&reserved, 0x54, of(32 << 30));
    check(&[(0x0C, &[0xFF, 0x7F])], 0x54, Some(Size::Unknown));
    // Version 2.3 has no extended field; one that ends before the size tells nothing.
    check(&[(0x0C, &[0xFF, 0x7F])], 0x1B, Some(Size::Unknown));
    check(&[], 0x0D, None);
}

#[test]
fn speeds_of_slots() {
    let check = |fields: &[(usize, &[u8])], length, expected| {
        let table = device(fields, length, &[]);
        let found = Device::of(&first(&table)).expect("a device").speed;
        assert_eq!(found, expected, "{fields:?} {length}");
    };
    check(&[(0x15, &[0x80, 0x0C])], 0x5C, Some(3200));
    check(&[], 0x5C, None);
    let extended: [(usize, &[u8]); 2] = [(0x15, &[0xFF, 0xFF]), (0x54, &[0x70, 0x11, 1, 0])];
    check(&extended, 0x5C, Some(70_000));
    check(&extended[..1], 0x54, None);
    check(&[], 0x15, None);
}

#[test]
fn texts_are_found() {
    let check = |number: u8, texts: &[&str], expected: Result<&str, u8>| {
        let table = device(&[(0x10, &[number])], 0x28, texts);
        let found = first(&table).text(0x10);
        let expected = expected.map(str::as_bytes).map_err(Fault::Text);
        assert_eq!(found.map_err(|broken| broken.fault), expected, "{number}");
        let device = Device::of(&first(&table)).expect("a device");
        assert_eq!(device.locator, expected.unwrap_or_default());
        assert_eq!(device.broken.map(|broken| broken.fault), expected.err());
    };
    check(0, &["DIMM_A1"], Ok(""));
    check(1, &["  DIMM_A1 ", "BANK 0"], Ok("DIMM_A1"));
    check(2, &["DIMM_A1", "BANK 0"], Ok("BANK 0"));
    check(3, &["DIMM_A1", "BANK 0"], Err(3));
    check(255, &["DIMM_A1"], Err(255));
    check(1, &[], Err(1));
    check(2, &["", "behind an empty one"], Ok("behind an empty one"));
}

#[test]
fn arrays_and_ranges() {
    let array = |bytes: &[u8]| {
        let table = Table::default().structure(bytes, &[]).end();
        Array::of(&first(&table)).map(|array| (array.bytes_max, array.slots))
    };
    let short = [16, 15, 0, 16, 3, 3, 6, 0, 0, 0x10, 0, 0xFE, 0xFF, 8, 0];
    assert_eq!(array(&short), Some((Some(1 << 30), 8)));
    assert_eq!(array(&[&[16, 14], &short[2..14]].concat()), None);
    let mut long = [&short[..], &(2_u64 << 40).to_le_bytes()].concat();
    long[1] = 23;
    long[7..11].copy_from_slice(&0x8000_0000_u32.to_le_bytes());
    assert_eq!(array(&long), Some((Some(2 << 40), 8)));
    long.truncate(15);
    long[1] = 15;
    assert_eq!(array(&long), Some((None, 8)));

    let range = |first_kib: u32, last_kib: u32, extended: Option<(u64, u64)>| {
        let mut bytes = vec![19, 15, 0, 19];
        bytes.extend(first_kib.to_le_bytes());
        bytes.extend(last_kib.to_le_bytes());
        bytes.extend([0, 16, 1]);
        if let Some((first, last)) = extended {
            bytes[1] = 31;
            bytes.extend(first.to_le_bytes());
            bytes.extend(last.to_le_bytes());
        }
        let table = Table::default().structure(&bytes, &[]).end();
        Range::of(&first(&table)).map(|range| range.bytes())
    };
    assert_eq!(range(0, 0xF_FFFF, None), Some(Some(1 << 30)));
    assert_eq!(range(1, 0, None), None);
    assert_eq!(range(u32::MAX, 0, None), None);
    let high = Some((4 << 30, (4_u64 << 30) + 9));
    assert_eq!(range(u32::MAX, u32::MAX, high), Some(Some(10)));
    assert_eq!(range(u32::MAX, 0, Some((0, u64::MAX))), Some(None));
    assert_eq!(range(u32::MAX, 0, Some((2, 1))), None);
}

#[test]
fn broken_tables_say_how() {
    let check = |table: &[u8], whole: usize, expected: Option<(usize, Fault)>| {
        let mut found = structures(table);
        for _ in 0..whole {
            assert!(matches!(found.next(), Some(Ok(_))), "{table:?}");
        }
        let broken = expected.map(|(at, fault)| Err(Broken { at, fault }));
        assert_eq!(found.next(), broken, "{table:?}");
        assert_eq!(found.next(), None, "the walk ends");
    };
    check(&[], 0, Some((0, Fault::NoEnd)));
    check(&[127, 4, 0, 0, 0, 0], 1, None);
    // What comes behind the end is nothing, and the end needs no texts.
    check(&[127, 4, 0, 0, 0, 0, 17, 9], 1, None);
    check(&[127, 4, 0, 0], 1, None);
    check(&[17, 4, 0], 0, Some((0, Fault::Cut)));
    check(&[17, 3, 0, 0, 0, 0], 0, Some((0, Fault::Length(3))));
    check(&[17, 0, 0, 0, 0, 0], 0, Some((0, Fault::Length(0))));
    check(&[17, 9, 0, 0, 0, 0], 0, Some((0, Fault::Cut)));
    check(&[17, 4, 0, 0, b'x', 0], 0, Some((0, Fault::Unended)));
    check(&[17, 4, 0, 0, 0, 0], 1, Some((6, Fault::NoEnd)));
    check(&[17, 4, 0, 0, 0, 0, 1, 255], 1, Some((6, Fault::Cut)));
}

/// Each table that is kept, cut off at each byte and with each byte another: what is read before stays the same.
#[test]
fn kept_tables_broken_at_every_byte() {
    for (name, table) in common::kept() {
        let whole: Vec<_> = structures(&table).collect();
        assert_eq!(whole.last().map(Result::is_ok), Some(true), "{name}");
        for at in 0..table.len() {
            let cut = table.get(..at).unwrap_or_default();
            let read: Vec<_> = structures(cut).filter_map(Result::ok).collect();
            let same = whole.iter().filter_map(|one| one.as_ref().ok());
            assert!(read.iter().zip(same).all(|(a, b)| a == b || a.kind == END));
            let _ = walk_around(cut, Some(at));
            let mut flipped = table.clone();
            for value in [0, 1, 0x7F, 0xFF, table[at] ^ 0x80] {
                flipped[at] = value;
                let _ = walk_around(&flipped, Some(at));
            }
        }
    }
}

#[test]
fn a_full_table_of_slots_is_walked() {
    let one = bytes_of(17, &[0; 0x50], &["DIMM"]);
    let table = one.repeat(preroot_smbios::TABLE_BYTES_MAX / one.len());
    let count = structures(&table).filter(Result::is_ok).count();
    assert_eq!(count, preroot_smbios::TABLE_BYTES_MAX / one.len());
}

proptest! {
    #[test]
    fn any_bytes_are_walked(table in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = walk(&table);
    }

    /// Structures that could be, with lengths and texts that need not fit.
    #[test]
    fn any_structures_are_walked(
        parts in prop::collection::vec(
            (
                prop::sample::select(vec![1_u8, 16, 17, 19, 127]),
                any::<u8>(),
                prop::collection::vec(any::<u8>(), 0..100),
                prop::collection::vec("[ -~]{0,9}", 0..5),
            ),
            0..8,
        ),
    ) {
        let mut table = Vec::new();
        for (kind, length, fields, texts) in parts {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let mut bytes = bytes_of(kind, &fields, &texts);
            // Half of them as long as they say.
            if length % 2 == 0 {
                bytes[1] = length;
            }
            table.extend(bytes);
        }
        let _ = walk(&table);
    }

    /// A table that is kept, damaged in some places.
    #[test]
    fn any_damage_is_walked(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9),
        cut in any::<prop::sample::Index>(),
    ) {
        let kept = common::kept();
        let (_, mut table) = kept[which.index(kept.len())].clone();
        for (at, value) in damage {
            let at = at.index(table.len());
            table[at] = value;
        }
        let _ = walk(&table);
        table.truncate(cut.index(table.len()));
        let _ = walk(&table);
    }
}
