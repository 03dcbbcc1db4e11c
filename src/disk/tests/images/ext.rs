//! ext2, ext3 and ext4 against e2fsprogs' own tools and blkid.

use preroot_disk::{Due, ExtState, Integrity, Kind, Superblock};

use crate::image::{Image, identify, value};

const UUID: &str = "6d1c6a4e-8f0b-4f6e-9d0a-0123456789ab";
const DAY_S: u64 = 24 * 3600;

fn made(arguments: &[&str]) -> Image {
    let image = Image::new(4 << 20);
    let common = ["-q", "-F", "-U", UUID, "-L", "the-root"];
    image.run("mke2fs", &[&common, arguments].concat());
    image
}

fn found(image: &Image) -> Superblock {
    identify(&image.bytes()).expect("an ext file system")
}

fn ext(image: &Image) -> ExtState {
    found(image).ext.expect("a state")
}

#[test]
fn named_as_blkid_names_it() {
    let cases: &[(&[&str], Kind, Integrity)] = &[
        (&["-t", "ext2"], Kind::Ext2, Integrity::Unchecked),
        (&["-t", "ext3"], Kind::Ext3, Integrity::Unchecked),
        (
            &["-t", "ext4", "-O", "metadata_csum"],
            Kind::Ext4,
            Integrity::Good,
        ),
        (
            &["-t", "ext4", "-O", "^metadata_csum"],
            Kind::Ext4,
            Integrity::Unchecked,
        ),
        (
            &["-t", "ext4", "-O", "^has_journal"],
            Kind::Ext4,
            Integrity::Good,
        ),
        (&["-t", "ext4", "-b", "4096"], Kind::Ext4, Integrity::Good),
        (&["-t", "ext4", "-I", "128"], Kind::Ext4, Integrity::Good),
        (&["-O", "journal_dev"], Kind::Jbd, Integrity::Unchecked),
    ];
    for &(arguments, kind, integrity) in cases {
        let image = made(arguments);
        let superblock = found(&image);
        let blkid = image.blkid();
        assert_eq!(superblock.kind, kind, "{arguments:?}");
        assert_eq!(
            superblock.kind.name(),
            value(&blkid, "TYPE"),
            "{arguments:?}"
        );
        assert_eq!(superblock.uuid, UUID, "{arguments:?}");
        assert_eq!(superblock.uuid, value(&blkid, "UUID"), "{arguments:?}");
        assert_eq!(superblock.label, *b"the-root", "{arguments:?}");
        assert_eq!(superblock.integrity, integrity, "{arguments:?}");
        let due = superblock.ext.map(|ext| ext.due(0));
        assert_eq!(due, (kind != Kind::Jbd).then_some(None), "{arguments:?}");
    }
}

/// What debugfs's `set_super_value` makes of a clean file system, why it is then due, and whether e2fsck does
/// more to it than look.
#[test]
fn due_as_e2fsck_says() {
    let clean = &["-t", "ext4"][..];
    let cases: &[(&[&str], Option<Due>)] = &[
        (&["state 1"], None),
        (&["state 0"], Some(Due::Unclean)),
        (&["state 2"], Some(Due::Errors)),
        (&["state 3"], Some(Due::Errors)),
        (&["feature_incompat 0x2c6"], Some(Due::Journal)),
        (&["mnt_count 20", "max_mnt_count 20"], Some(Due::Mounts)),
        (&["mnt_count 65535", "max_mnt_count 1"], Some(Due::Mounts)),
        (&["mnt_count 19", "max_mnt_count 20"], None),
        (&["mnt_count 65535", "max_mnt_count -1"], None),
        (&["mnt_count 65535", "max_mnt_count 0"], None),
    ];
    for &(values, due) in cases {
        let image = made(clean);
        for value in values {
            let request = format!("set_super_value {value}");
            image.run("debugfs", &["-w", "-R", &request]);
        }
        assert_eq!(ext(&image).due(0), due, "{values:?}");
        let preen = image.preen();
        let is_left_alone = preen.contains(": clean,") && !preen.contains("recovering journal");
        assert_eq!(due.is_none(), is_left_alone, "{values:?}: {preen}");
    }
}

#[test]
fn a_check_that_is_due_by_time() {
    let image = made(&["-t", "ext4"]);
    image.run("tune2fs", &["-i", "10d", "-T", "20240301"]);
    let state = ext(&image);
    let checked_s = state.checked_s;
    assert_eq!(u64::from(state.interval_s), 10 * DAY_S);
    let cases = [
        (checked_s + 10 * DAY_S, Some(Due::Interval)),
        (checked_s + 10 * DAY_S - 1, None),
        (checked_s, None),
        // A dead clock is no reason to check, nor is one far ahead of the end of 32 bits.
        (checked_s - 1, None),
        (0, None),
        (u64::MAX, Some(Due::Interval)),
    ];
    for (now_s, due) in cases {
        assert_eq!(state.due(now_s), due, "{now_s}");
    }
    let never = ExtState {
        interval_s: 0,
        ..state
    };
    assert_eq!(never.due(u64::MAX), None);
}

/// Every combination of reasons: the first of `Due::ALL` is told.
#[test]
fn the_worst_reason_is_told() {
    for set in 0..1_u32 << Due::ALL.len() {
        let is = |due| Due::ALL.iter().position(|&other| other == due).unwrap();
        let has = |due| set & (1 << is(due)) != 0;
        let state = ExtState {
            integrity: if has(Due::Damaged) {
                Integrity::Damaged
            } else if has(Due::Lost) {
                Integrity::Lost
            } else {
                Integrity::Good
            },
            is_valid: !has(Due::Unclean),
            has_errors: has(Due::Errors),
            needs_recovery: has(Due::Journal),
            mounts: 5,
            mounts_max: if has(Due::Mounts) { 5 } else { 6 },
            checked_s: 1000,
            interval_s: if has(Due::Interval) { 500 } else { 501 },
            files: 11,
        };
        let is_both = has(Due::Lost) && has(Due::Damaged);
        let expected = Due::ALL
            .into_iter()
            .find(|&due| has(due) && !(is_both && due == Due::Lost));
        assert_eq!(state.due(1500), expected, "{set:07b}");
    }
}

/// With a checksum, no flipped byte of the superblock goes by as a clean file system, but for the bit that
/// says that there is a checksum, and the one that makes it an external journal, which is no root.
#[test]
fn flipped_bytes() {
    let mut bytes = made(&["-t", "ext4"]).bytes();
    for at in 1024..2048 {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            let due = identify(&bytes).map(|superblock| superblock.ext.map(|ext| ext.due(0)));
            let expected = match (at - 1024, bit) {
                (0x38 | 0x39, _) => None,
                (0x60, 3) => Some(None),
                (0x65, 2) => Some(Some(None)),
                _ => Some(Some(Some(Due::Damaged))),
            };
            assert_eq!(due, expected, "byte {at}, bit {bit}");
            bytes[at] ^= 1 << bit;
        }
    }
}

/// A device that ends before the file system does is never taken for a clean one.
#[test]
fn truncations() {
    let image = made(&["-t", "ext4"]);
    let bytes = image.bytes();
    let rest = [8192, 1 << 20, bytes.len() - 1];
    for end in (0..4096).chain(rest) {
        let superblock = identify(&bytes[..end]);
        let due = superblock.map(|superblock| superblock.ext.and_then(|ext| ext.due(0)));
        let expected = (end >= 1024 + 0x3a).then_some(Some(Due::Damaged));
        assert_eq!(due, expected, "{end}");
    }
}

/// As e2fsck counts them.
#[test]
fn files_in_use() {
    let image = made(&["-t", "ext4"]);
    assert_eq!(ext(&image).files, 11);
}
