//! Partition tables against sfdisk.

use preroot_disk::Partition;
use preroot_disk::limits::{EXTENDED_RECORDS_MAX, SCRATCH_BYTES};

use crate::image::{Image, device, partition};

const DISK_BYTES: u64 = 24 << 20;
const SECTOR_BYTES: u32 = 512;

fn made(script: &str) -> Image {
    let image = Image::new(DISK_BYTES);
    image.sfdisk(&["--quiet"], script);
    image
}

/// Every partition of `bytes` as a line of `sfdisk --dump`: number, start, size, PARTUUID, PARTLABEL.
fn found(bytes: &[u8]) -> String {
    let line = |(number, found): (u32, Partition)| {
        let sector_bytes = u64::from(SECTOR_BYTES);
        let (start, size) = (found.start / sector_bytes, found.bytes / sector_bytes);
        format!("{number} {start} {size} {} {}\n", found.uuid, found.label)
    };
    let find = |number| Some((number, partition(bytes, SECTOR_BYTES, number)?));
    (0..300).filter_map(find).map(line).collect()
}

/// The same lines out of `sfdisk --dump`.
fn dumped(image: &Image) -> String {
    let dump = image.dump();
    let id = dump
        .lines()
        .find_map(|line| line.strip_prefix("label-id: 0x"));
    let mut out = String::new();
    for line in dump.lines() {
        let Some((node, fields)) = line.split_once(" : ") else {
            continue;
        };
        let number = node.rsplit_once("image").unwrap().1;
        let field = |name: &str| {
            let (_, rest) = fields.split_once(&format!("{name}="))?;
            let end = if name == "name" { '"' } else { ',' };
            Some(rest.trim_matches([' ', '"']).split(end).next()?.to_owned())
        };
        let dos = id.map(|id| format!("{id}-{:02x}", number.parse::<u8>().unwrap()));
        out += &format!(
            "{number} {} {} {} {}\n",
            field("start").unwrap(),
            field("size").unwrap(),
            field("uuid").map_or_else(|| dos.unwrap_or_default(), |uuid| uuid.to_lowercase()),
            field("name").unwrap_or_default()
        );
    }
    out
}

fn check(script: &str, numbers: &[u32]) {
    let image = made(script);
    let lines = found(&image.bytes());
    assert_eq!(lines, dumped(&image), "{script}");
    let count = lines.lines().count();
    assert_eq!(count, numbers.len(), "{script}\n{lines}");
    for (line, number) in lines.lines().zip(numbers) {
        assert_eq!(
            line.split(' ').next(),
            Some(&*number.to_string()),
            "{script}"
        );
    }
}

#[test]
fn gpt_as_sfdisk_writes_it() {
    check("label: gpt\nsize=2M, name=\"efi x\"\nsize=3M\n", &[1, 2]);
    check(
        "label: gpt\n128: size=2M, name=boot\n3: size=1M, name=root\n",
        &[3, 128],
    );
}

#[test]
fn names_beyond_ascii() {
    for name in ["wurzel-größe", &"€".repeat(36), "ends in a space "] {
        let image = made(&format!("label: gpt\nsize=2M, name=\"{name}\"\n"));
        let found = partition(&image.bytes(), SECTOR_BYTES, 1).unwrap();
        assert_eq!(found.label, *name);
    }
}

#[test]
fn mbr_as_sfdisk_writes_it() {
    check(
        "label: dos\nlabel-id: 0x0badcafe\nsize=2M\nsize=2M\n",
        &[1, 2],
    );
    check(
        "label: dos\nlabel-id: 0x00000001\n2: size=2M\n3: size=9M, type=5\n5: size=1M\n6: size=1M\n7: size=2M\n",
        &[2, 3, 5, 6, 7],
    );
    check(
        "label: dos\nsize=2M\ntype=f\nsize=1M\nsize=1M\nsize=1M\n",
        &[1, 2, 5, 6, 7],
    );
}

#[test]
fn the_backup_stands_in_for_the_primary() {
    let image = made("label: gpt\nsize=2M, name=root\nsize=3M\n");
    let good = image.bytes();
    let expected = found(&good);
    let backup_header = good.len() - 512;
    let array = 1024;
    for at in [512, 512 + 16, 512 + 72, 512 + 88, array, array + 127 * 128] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        assert_eq!(found(&bytes), expected, "byte {at}");
        // Both damaged: nothing is believed.
        bytes[backup_header + 16] ^= 1;
        assert_eq!(found(&bytes), "", "byte {at}");
    }
}

/// A header and its array for a disk of `sectors`, as UEFI 2.10 section 5.3 draws them.
fn gpt(sector_bytes: usize, sectors: usize) -> Vec<u8> {
    let mut disk = vec![0; sector_bytes * sectors];
    let put = |disk: &mut [u8], at: usize, bytes: &[u8]| {
        disk[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(&mut disk, 446 + 4, &[0xee]);
    put(&mut disk, 446 + 12, &[0xff; 4]);
    put(&mut disk, 510, &[0x55, 0xaa]);
    let array = 2 * sector_bytes;
    let array_bytes = 128 * 128;
    put(&mut disk, array + 128, &[7; 16]);
    put(
        &mut disk,
        array + 128 + 16,
        &std::array::from_fn::<u8, 16, _>(|index| index as u8),
    );
    put(&mut disk, array + 128 + 32, &40_u64.to_le_bytes());
    put(&mut disk, array + 128 + 40, &49_u64.to_le_bytes());
    put(&mut disk, array + 128 + 56, b"r\0o\0o\0t\0");
    let array_crc = preroot_crc::crc32(&disk[array..array + array_bytes]);
    let header = sector_bytes;
    put(&mut disk, header, b"EFI PART\0\0\x01\0\x5c\0\0\0");
    for (at, value) in [
        (24, 1),
        (32, sectors as u64 - 1),
        (40, 34),
        (48, sectors as u64 - 34),
        (72, 2),
    ] {
        put(&mut disk, header + at, &u64::to_le_bytes(value));
    }
    for (at, value) in [(80, 128), (84, 128), (88, array_crc)] {
        put(&mut disk, header + at, &u32::to_le_bytes(value));
    }
    let header_crc = preroot_crc::crc32(&disk[header..header + 92]);
    put(&mut disk, header + 16, &header_crc.to_le_bytes());
    disk
}

#[test]
fn both_sizes_of_sectors() {
    for sector_bytes in [512, 4096] {
        let disk = gpt(sector_bytes, 200);
        let found = partition(&disk, sector_bytes as u32, 2).unwrap();
        assert_eq!(found.uuid, "03020100-0504-0706-0809-0a0b0c0d0e0f");
        assert_eq!(found.label, "root");
        assert_eq!(found.start, 40 * sector_bytes as u64);
        assert_eq!(found.bytes, 10 * sector_bytes as u64);
        for other in [0, 1, 3, 128, 129, u32::MAX] {
            assert_eq!(
                partition(&disk, sector_bytes as u32, other),
                None,
                "{other}"
            );
        }
    }
    let disk = gpt(512, 200);
    for wrong in [0, 1, 511, 513, 4096, 8192, u32::MAX] {
        assert_eq!(partition(&disk, wrong, 2), None, "{wrong}");
    }
}

/// Every flipped bit of the header and of the array's used part: no other partition is ever made up.
#[test]
fn flipped_bits() {
    let mut disk = gpt(512, 200);
    let good = partition(&disk, 512, 2);
    for at in 512..2048 {
        for bit in 0..8 {
            disk[at] ^= 1 << bit;
            // Behind the 92 bytes of a header, nothing is meant.
            let expected = (512 + 92..1024)
                .contains(&at)
                .then_some(good.clone())
                .flatten();
            assert_eq!(partition(&disk, 512, 2), expected, "byte {at}, bit {bit}");
            disk[at] ^= 1 << bit;
        }
    }
}

/// A chain of extended records that comes back to itself is followed a bounded number of times.
#[test]
fn a_chain_that_bites_its_tail() {
    let mut disk = vec![0; 1 << 20];
    let slot = |disk: &mut [u8], record: usize, slot: usize, kind: u8, first: u32, sectors: u32| {
        let at = record + 446 + 16 * slot;
        disk[at + 4] = kind;
        disk[at + 8..at + 12].copy_from_slice(&first.to_le_bytes());
        disk[at + 12..at + 16].copy_from_slice(&sectors.to_le_bytes());
        disk[record + 510..record + 512].copy_from_slice(&[0x55, 0xaa]);
    };
    for extended in 0..4 {
        slot(&mut disk, 0, extended, 5, 8, 1000);
    }
    slot(&mut disk, 8 * 512, 0, 0x83, 1, 10);
    slot(&mut disk, 8 * 512, 1, 5, 0, 1000);
    assert_eq!(partition(&disk, 512, 5).unwrap().start, 9 * 512);
    let mut device = device(&disk);
    let Ok(found) = preroot_disk::partition(&mut device, 512, 100_000, &mut [0; SCRATCH_BYTES]);
    assert_eq!(found, None);
    assert_eq!(device.reads, 1 + 4 * EXTENDED_RECORDS_MAX);
}

/// A table with garbage where the boot flags should be is a FAT's boot sector, not a table.
#[test]
fn a_boot_sector_is_no_table() {
    let mut disk = made("label: dos\nsize=2M\n").bytes();
    assert!(partition(&disk, 512, 1).is_some());
    disk[446 + 16] = 0x61;
    assert_eq!(partition(&disk, 512, 1), None);
}
