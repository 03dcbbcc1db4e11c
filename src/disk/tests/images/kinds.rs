//! What is no ext: superblocks that were cut out of what each file system's own tool made, what mkswap
//! makes, and superblocks of RAID and LVM by hand, for making those takes a block device. blkid is asked of all.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use preroot_disk::{Integrity, Kind, Superblock};

use crate::image::{Image, identify, value};

const UUID: &str = "6d1c6a4e-8f0b-4f6e-9d0a-0123456789ab";
/// blkid takes less for a floppy disk, and does not look for RAID there.
const SIZE: usize = 2 << 20;

/// The image that a file of `OFFSET: BYTES` lines, all in hexadecimal, describes.
fn cut_out(lines: &str) -> Vec<u8> {
    let mut image = vec![0; SIZE];
    for line in lines.lines().filter(|line| !line.starts_with('#')) {
        let (offset, bytes) = line.split_once(": ").unwrap();
        let offset = usize::from_str_radix(offset, 16).unwrap();
        for (index, pair) in bytes.as_bytes().chunks(2).enumerate() {
            let digits = str::from_utf8(pair).unwrap();
            image[offset + index] = u8::from_str_radix(digits, 16).unwrap();
        }
    }
    image
}

/// Every kind, with its name.
pub(crate) fn all() -> &'static BTreeMap<&'static str, Vec<u8>> {
    static ALL: OnceLock<BTreeMap<&'static str, Vec<u8>>> = OnceLock::new();
    ALL.get_or_init(make)
}

fn make() -> BTreeMap<&'static str, Vec<u8>> {
    BTreeMap::from([
        ("xfs", cut_out(include_str!("superblocks/xfs.hex"))),
        ("xfs-4", cut_out(include_str!("superblocks/xfs-4.hex"))),
        ("btrfs", cut_out(include_str!("superblocks/btrfs.hex"))),
        (
            "btrfs-xxhash",
            cut_out(include_str!("superblocks/btrfs-xxhash.hex")),
        ),
        ("f2fs", cut_out(include_str!("superblocks/f2fs.hex"))),
        (
            "f2fs-checksum",
            cut_out(include_str!("superblocks/f2fs-checksum.hex")),
        ),
        (
            "squashfs",
            cut_out(include_str!("superblocks/squashfs.hex")),
        ),
        ("erofs", cut_out(include_str!("superblocks/erofs.hex"))),
        ("luks-1", cut_out(include_str!("superblocks/luks-1.hex"))),
        ("luks-2", cut_out(include_str!("superblocks/luks-2.hex"))),
        ("swap", swap(4096, b"SWAPSPACE2")),
        ("swap-64k", swap(65536, b"SWAPSPACE2")),
        ("hibernated", swap(4096, b"S1SUSPEND\0")),
        ("lvm", lvm()),
        ("md-0.90", md_0()),
        ("md-1.0", md_1(SIZE - 0x2000)),
        ("md-1.1", md_1(0)),
        ("md-1.2", md_1(0x1000)),
    ])
}

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

fn uuid_bytes() -> [u8; 16] {
    let digits = UUID.replace('-', "");
    std::array::from_fn(|index| u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).unwrap())
}

/// The kernel's `union swap_header`.
fn swap(page_bytes: usize, signature: &[u8; 10]) -> Vec<u8> {
    let mut image = vec![0; SIZE];
    put(&mut image, 1024, &1_u32.to_le_bytes());
    put(&mut image, 1028, &15_u32.to_le_bytes());
    put(&mut image, 1036, &uuid_bytes());
    put(&mut image, 1052, b"the-root");
    put(&mut image, page_bytes - 10, signature);
    image
}

/// LVM2's `struct label_header` in sector 1, with `struct pv_header` behind it.
fn lvm() -> Vec<u8> {
    let mut sector = [0; 512];
    put(&mut sector, 0, b"LABELONE");
    put(&mut sector, 8, &1_u64.to_le_bytes());
    put(&mut sector, 20, &32_u32.to_le_bytes());
    put(&mut sector, 24, b"LVM2 001");
    put(&mut sector, 32, b"AbcdefGhijKlmnOpqrStuvWxyz012345");
    // CRC-32 bit by bit, so that the test does not lean on what it tests.
    let crc = sector[20..].iter().fold(0xf597_a6cf_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    });
    put(&mut sector, 16, &crc.to_le_bytes());
    let mut image = vec![0; SIZE];
    put(&mut image, 512, &sector);
    image
}

/// The kernel's `struct mdp_superblock_s`, in the last whole 64 KiB.
fn md_0() -> Vec<u8> {
    let mut image = vec![0; SIZE + 4096];
    let at = SIZE - 65536;
    let mut number = |index: usize, value: u32| {
        put(&mut image, at + 4 * index, &value.to_le_bytes());
    };
    number(0, 0xa92b_4efc);
    number(2, 90);
    number(8, (SIZE as u32 - 65536) >> 10);
    for (index, bytes) in [5, 13, 14, 15]
        .into_iter()
        .zip(uuid_bytes().chunks_exact(4))
    {
        number(index, u32::from_be_bytes(bytes.try_into().unwrap()));
    }
    image
}

/// The kernel's `struct mdp_superblock_1`.
fn md_1(at: usize) -> Vec<u8> {
    let mut image = vec![0; SIZE];
    put(&mut image, at, &0xa92b_4efc_u32.to_le_bytes());
    put(&mut image, at + 4, &1_u32.to_le_bytes());
    put(&mut image, at + 16, &uuid_bytes());
    put(&mut image, at + 32, b"the-root");
    put(&mut image, at + 144, &(at as u64 / 512).to_le_bytes());
    // All that is summed, with no roles behind it: the sum of its 32-bit words.
    let words = image[at..at + 256].chunks_exact(4);
    let sum: u64 = words
        .map(|word| u64::from(u32::from_le_bytes(word.try_into().unwrap())))
        .sum();
    let sum = (sum & 0xffff_ffff) as u32 + (sum >> 32) as u32;
    put(&mut image, at + 216, &sum.to_le_bytes());
    image
}

#[test]
fn named_as_blkid_names_it() {
    use Integrity::{Good, Unchecked};
    let cases = [
        ("xfs", Kind::Xfs, Good),
        ("xfs-4", Kind::Xfs, Unchecked),
        ("btrfs", Kind::Btrfs, Good),
        ("btrfs-xxhash", Kind::Btrfs, Unchecked),
        ("f2fs", Kind::F2fs, Unchecked),
        ("f2fs-checksum", Kind::F2fs, Good),
        ("squashfs", Kind::Squashfs, Unchecked),
        ("erofs", Kind::Erofs, Good),
        ("luks-1", Kind::CryptoLuks, Unchecked),
        ("luks-2", Kind::CryptoLuks, Unchecked),
        ("swap", Kind::Swap, Unchecked),
        ("swap-64k", Kind::Swap, Unchecked),
        ("hibernated", Kind::Hibernated, Unchecked),
        ("lvm", Kind::Lvm2Member, Good),
        ("md-0.90", Kind::LinuxRaidMember, Unchecked),
        ("md-1.0", Kind::LinuxRaidMember, Unchecked),
        ("md-1.1", Kind::LinuxRaidMember, Unchecked),
        ("md-1.2", Kind::LinuxRaidMember, Unchecked),
    ];
    let images = all();
    assert_eq!(images.len(), cases.len());
    for (name, kind, integrity) in cases {
        let found = identify(&images[name]).unwrap_or_else(|| panic!("{name}: nothing"));
        assert_eq!((found.kind, found.integrity), (kind, integrity), "{name}");
        assert_eq!(found.ext, None, "{name}");
        let image = Image::new(0);
        image.write(&images[name]);
        assert_as_blkid(&found, &image, name);
    }
}

fn assert_as_blkid(found: &Superblock, image: &Image, name: &str) {
    let blkid = image.blkid();
    assert_eq!(found.kind.name(), value(&blkid, "TYPE"), "{name}");
    assert_eq!(found.uuid, value(&blkid, "UUID"), "{name}");
    let label = str::from_utf8(&found.label).unwrap();
    assert_eq!(label, value(&blkid, "LABEL_ENC"), "{name}");
}

#[test]
fn what_mkswap_makes() {
    let image = Image::new(1 << 20);
    image.run("mkswap", &["-U", UUID, "-L", "the-swap"]);
    let found = identify(&image.bytes()).unwrap();
    assert_eq!(found.kind, Kind::Swap);
    assert_eq!(found.uuid, UUID);
    assert_eq!(found.label, *b"the-swap");
    assert_as_blkid(&found, &image, "mkswap");
}

/// Of two on one device, what wraps the other is told, and never a mirror's member as its file system.
#[test]
fn what_wraps_is_told() {
    let images = all();
    for (outer, inner, kind) in [
        ("md-1.0", "xfs", Kind::LinuxRaidMember),
        ("md-1.2", "luks-2", Kind::LinuxRaidMember),
        ("lvm", "btrfs", Kind::Lvm2Member),
        ("luks-2", "btrfs", Kind::CryptoLuks),
    ] {
        let mut bytes = images[inner].clone();
        for (byte, &over) in bytes.iter_mut().zip(&images[outer]) {
            *byte |= over;
        }
        assert_eq!(identify(&bytes).unwrap().kind, kind, "{outer} {inner}");
    }
}

/// With a checksum, a flipped bit below it is damage, or makes it something else or nothing.
#[test]
fn flipped_bits() {
    for (name, range) in [
        ("xfs", 0..512),
        // The sum takes 4 of the 32 bytes that are kept for it.
        ("btrfs", 65536 + 32..69632),
        ("erofs", 1024..4096),
    ] {
        let mut bytes = all()[name].clone();
        let kind = identify(&bytes).unwrap().kind;
        for at in range {
            bytes[at] ^= 4;
            let good = identify(&bytes).filter(|found| found.integrity == Integrity::Good);
            assert_eq!(good, None, "{name}: byte {at}");
            bytes[at] ^= 4;
        }
        assert_eq!(identify(&bytes).unwrap().kind, kind);
    }
}

#[test]
fn nothing_is_nothing() {
    for size in [0, 1, 511, 4096, 65536, 1 << 20] {
        assert_eq!(identify(&vec![0; size]), None, "{size}");
    }
}
