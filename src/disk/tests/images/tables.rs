//! Partition tables against sfdisk.

use preroot_disk::Partition;

use crate::image::{Image, partition};

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
