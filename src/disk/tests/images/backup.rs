//! Bad superblocks with good copies, as mke2fs makes them and e2fsck mends them.

use std::process::Command;

use preroot_disk::{Backup, Due, Integrity, Kind, Superblock};

use crate::image::{Image, identify};
use crate::kinds;

const UUID: &str = "6d1c6a4e-8f0b-4f6e-9d0a-0123456789ab";
const SUPERBLOCK: core::ops::Range<usize> = 1024..2048;
const MAGIC_AT: usize = 1024 + 0x38;

/// Its name, what is told of it, and how it is done.
type Damage = (&'static str, Due, fn(&mut [u8]));

/// A file system with blocks of this size, large enough that its group 1 begins.
fn made(block_bytes: u32, mebibytes: u64, arguments: &[&str]) -> Image {
    let image = Image::new(mebibytes << 20);
    let block_bytes = block_bytes.to_string();
    let common = ["-q", "-F", "-U", UUID, "-L", "the-root", "-b", &block_bytes];
    image.run("mke2fs", &[&common, arguments].concat());
    image
}

fn garbage(bytes: &mut [u8]) {
    let mut state = 1_u32;
    for byte in bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
}

fn found(image: &Image) -> Superblock {
    let found = identify(&image.bytes()).expect("an ext file system");
    assert_eq!(
        (found.uuid.as_str(), &found.label[..]),
        (UUID, &b"the-root"[..])
    );
    found
}

fn due(superblock: &Superblock) -> Option<Due> {
    superblock.ext.and_then(|ext| ext.due(0))
}

fn change(image: &Image, change: impl FnOnce(&mut [u8])) {
    let mut bytes = image.bytes();
    change(&mut bytes);
    image.write(&bytes);
}

fn check_file_system(image: &Image, arguments: &[&str]) -> Option<i32> {
    let path = format!(
        "{}:/usr/sbin:/sbin",
        std::env::var("PATH").unwrap_or_default()
    );
    let mut command = Command::new("e2fsck");
    command.args(arguments).arg(&image.path).env("PATH", path);
    command.output().unwrap().status.code()
}

/// Each size of blocks and each kind of damage: it is found by its copy, and e2fsck mends it with that, while
/// preening too. Without being told where the copy is, `e2fsck -p` gives up (8).
#[test]
fn a_bad_superblock_is_found_by_a_copy() {
    let kinds: [(u32, u64, &[&str], u64); 4] = [
        (1024, 16, &["-t", "ext4"], 8193),
        (1024, 16, &["-t", "ext2"], 8193),
        (2048, 48, &["-t", "ext3"], 16384),
        (4096, 160, &["-t", "ext4"], 32768),
    ];
    let damages: [Damage; 3] = [
        ("zeros", Due::Lost, |bytes| bytes[SUPERBLOCK].fill(0)),
        ("garbage", Due::Lost, |bytes| {
            garbage(&mut bytes[SUPERBLOCK])
        }),
        ("impossible", Due::Damaged, |bytes| {
            bytes[1024 + 0x18] = 0x77
        }),
    ];
    for (block_bytes, mebibytes, arguments, block) in kinds {
        for (name, expected, damage) in damages {
            let image = made(block_bytes, mebibytes, arguments);
            let kind = found(&image).kind;
            change(&image, damage);
            let bad = found(&image);
            let told = format!("{arguments:?} {block_bytes} {name}");
            assert_eq!(bad.kind, kind, "{told}");
            assert_eq!(due(&bad), Some(expected), "{told}");
            assert_eq!(bad.backup, Some(Backup { block, block_bytes }), "{told}");
            assert_eq!(check_file_system(&image, &["-p"]), Some(8), "{told}");
            let (block, size) = (block.to_string(), block_bytes.to_string());
            let status = check_file_system(&image, &["-p", "-b", &block, "-B", &size]);
            assert_eq!(status, Some(1), "{told}");
            let mended = found(&image);
            assert_eq!((due(&mended), mended.backup), (None, None), "{told}");
        }
    }
}

#[test]
fn a_wrong_checksum_has_its_copy_told() {
    let image = made(1024, 16, &["-t", "ext4"]);
    change(&image, |bytes| bytes[1024 + 0x68] ^= 1);
    let bad = found(&image);
    assert_eq!(bad.integrity, Integrity::Damaged);
    assert_eq!(bad.backup.map(|backup| backup.block), Some(8193));
    // Of a damaged superblock and another file system's copy, the superblock is told.
    change(&image, |bytes| bytes[1024..1032].fill(1));
    let bad = identify(&image.bytes()).unwrap();
    assert_ne!(bad.uuid, UUID);
    assert_eq!(bad.backup, None);
}

/// Copies go bad one after the other; `e2fsck -y` alone knows no further than the first.
#[test]
fn the_next_copy_is_taken() {
    let image = made(1024, 64, &["-t", "ext4"]);
    change(&image, |bytes| bytes[SUPERBLOCK].fill(0));
    for group in [1, 3, 5, 7] {
        let block = group * 8192 + 1;
        assert_eq!(found(&image).backup.map(|backup| backup.block), Some(block));
        let at = block as usize * 1024;
        change(&image, |bytes| garbage(&mut bytes[at..at + 1024]));
        assert_eq!(check_file_system(&image, &["-y"]), Some(8), "{group}");
    }
    assert_eq!(identify(&image.bytes()), None);
}

#[test]
fn what_is_something_else_by_now_is_left_alone() {
    let image = made(1024, 16, &["-t", "ext4"]);
    let bytes = image.bytes();
    // wipefs(8) took the magic away.
    let mut wiped = bytes.clone();
    wiped[MAGIC_AT..MAGIC_AT + 2].fill(0);
    assert_eq!(identify(&wiped), None);
    // A boot sector: FAT, NTFS, a partition table.
    let mut table = bytes.clone();
    table[SUPERBLOCK].fill(0);
    assert!(identify(&table).is_some());
    table[510..512].copy_from_slice(b"\x55\xaa");
    assert_eq!(identify(&table), None);
    // Whatever else we know.
    for (name, other) in kinds::all() {
        let mut both = bytes.clone();
        both[..other.len()].copy_from_slice(other);
        if name.starts_with("md") || *name == "swap-64k" {
            continue;
        }
        let kind = identify(&both).map(|found| found.kind);
        assert!(!matches!(kind, None | Some(Kind::Ext4)), "{name}: {kind:?}");
    }
}

/// An older file system's copies may be left at their places.
#[test]
fn the_file_system_made_last_is_told() {
    let image = made(1024, 160, &["-t", "ext4"]);
    let old = image.bytes();
    let new = "11111111-8f0b-4f6e-9d0a-0123456789ab";
    image.run(
        "mke2fs",
        &["-q", "-F", "-U", new, "-b", "4096", "-t", "ext4"],
    );
    change(&image, |bytes| {
        bytes[SUPERBLOCK].fill(0);
        let at = 8193 * 1024;
        bytes[at..at + 1024].copy_from_slice(&old[at..at + 1024]);
        // Made an hour before, by a superblock without a checksum.
        let made_s = u32::from_le_bytes(bytes[at + 0x108..at + 0x10c].try_into().unwrap());
        bytes[at + 0x108..at + 0x10c].copy_from_slice(&(made_s - 3600).to_le_bytes());
        bytes[at + 0x65] &= !4;
    });
    let found = identify(&image.bytes()).unwrap();
    assert_eq!(found.uuid, new);
}

#[test]
fn a_copy_that_does_not_fit_is_none() {
    let image = made(1024, 16, &["-t", "ext4"]);
    let mut bytes = image.bytes();
    bytes[SUPERBLOCK].fill(0);
    let at = 8193 * 1024;
    for offset in 0..1024 {
        bytes[at + offset] ^= 0x10;
        assert_eq!(identify(&bytes), None, "byte {offset:#x}");
        bytes[at + offset] ^= 0x10;
    }
    for end in [at, at + 1023, bytes.len() - 1] {
        assert_eq!(identify(&bytes[..end]), None, "{end}");
    }
}

/// e2fsck told `-y` makes empty descriptors of bad ones and copies them over the good copies: every file is gone. With
/// the copy that is told here it loses none.
#[test]
fn bad_group_descriptors_are_told_with_a_good_copy() {
    let kinds: [(u32, u64, &[&str], u64); 4] = [
        (1024, 24, &["-t", "ext4"], 8193),
        (1024, 24, &["-t", "ext4", "-O", "metadata_csum_seed"], 8193),
        (2048, 48, &["-t", "ext3"], 16384),
        (4096, 160, &["-t", "ext4", "-O", "^64bit"], 32768),
    ];
    for (block_bytes, mebibytes, arguments, block) in kinds {
        let image = made(block_bytes, mebibytes, arguments);
        let files = found(&image).ext.map(|ext| ext.files);
        let at = 1024_usize.max(block_bytes as usize) + if block_bytes == 1024 { 1024 } else { 0 };
        change(&image, |bytes| garbage(&mut bytes[at..at + 32]));
        let bad = found(&image);
        let told = format!("{arguments:?} {block_bytes}");
        assert_eq!(due(&bad), Some(Due::Damaged), "{told}");
        assert_eq!(bad.backup, Some(Backup { block, block_bytes }), "{told}");
        let (block, size) = (block.to_string(), block_bytes.to_string());
        let status = check_file_system(&image, &["-p", "-f", "-b", &block, "-B", &size]);
        assert_eq!(status, Some(1), "{told}");
        let mended = found(&image);
        assert_eq!((due(&mended), mended.backup), (None, None), "{told}");
        assert_eq!(mended.ext.map(|ext| ext.files), files, "{told}");
    }
}

#[test]
fn group_descriptors_of_every_layout_are_believed() {
    for features in [
        "^64bit",
        "meta_bg,^resize_inode",
        "bigalloc",
        "^metadata_csum,uninit_bg",
        "^flex_bg",
        "metadata_csum_seed",
        "^metadata_csum",
        "sparse_super2",
        "^has_journal,^resize_inode",
    ] {
        let image = made(1024, 40, &["-t", "ext4", "-O", features]);
        assert_eq!(due(&found(&image)), None, "{features}");
    }
}
