//! Whatever is on the disk: no panic, and a bounded number of reads, each within the device (which the
//! device of these tests checks).

use preroot_disk::limits::{EXTENDED_RECORDS_MAX, GPT_ARRAY_BYTES_MAX, SCRATCH_BYTES};
use proptest::prelude::*;

use crate::image::device;
use crate::kinds;

/// Four for members of a RAID, the front, one for each size of a page, btrfs; the front again, each place of a copy and the one.
const IDENTIFY_READS_MAX: u32 = 4 + 1 + 5 + 1 + 1 + 13;
/// The record; then two headers and their arrays, or four chains.
const PARTITION_READS_MAX: u32 = {
    let gpt = 2 + 2 * (GPT_ARRAY_BYTES_MAX as u32 / SCRATCH_BYTES as u32);
    let mbr = 4 * EXTENDED_RECORDS_MAX;
    1 + if gpt > mbr { gpt } else { mbr }
};

fn look(bytes: &[u8]) {
    let mut scratch = [0xa5; SCRATCH_BYTES];
    let mut disk = device(bytes);
    let Ok(found) = preroot_disk::identify(&mut disk, &mut scratch);
    assert!(disk.reads <= IDENTIFY_READS_MAX, "{} reads", disk.reads);
    for now_s in [0, u64::MAX] {
        let _ = found.as_ref().and_then(|found| found.ext?.due(now_s));
    }
    for sector_bytes in [512, 1024, 4096] {
        for number in [1, 5, 128, u32::MAX] {
            let mut disk = device(bytes);
            let Ok(_) = preroot_disk::partition(&mut disk, sector_bytes, number, &mut scratch);
            assert!(disk.reads <= PARTITION_READS_MAX, "{} reads", disk.reads);
        }
    }
}

#[test]
fn every_truncation_of_every_kind() {
    for image in kinds::all().values() {
        let ends = (0..5000).step_by(7).chain(60_000..66_000).step_by(61);
        for end in ends.chain(image.len() - 9000..image.len()).step_by(3) {
            look(&image[..end]);
        }
    }
}

/// The magics, so that random bytes get behind the first check.
const SEEDS: &[(usize, &[u8])] = &[
    (0, b"XFSB"),
    (0, b"LUKS\xba\xbe\0\x02"),
    (0, b"hsqs"),
    (0, b"\xfc\x4e\x2b\xa9\x01\0\0\0"),
    (510, b"\x55\xaa"),
    (512, b"EFI PART"),
    (512, b"LABELONE"),
    (1024, b"\x10\x20\xf5\xf2"),
    (1024, b"\xe2\xe1\xf5\xe0"),
    (1024 + 0x38, b"\x53\xef"),
    (4086, b"SWAPSPACE2"),
    (4096, b"\xfc\x4e\x2b\xa9\x01\0\0\0"),
    (65536 + 64, b"_BHRfS_M"),
];

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_bytes(
        mut bytes in prop::collection::vec(any::<u8>(), 0..80_000),
        seeds in prop::collection::vec(prop::sample::select(SEEDS), 0..3),
        is_protective in any::<bool>(),
    ) {
        for (at, magic) in seeds {
            if let Some(place) = bytes.get_mut(at..at + magic.len()) {
                place.copy_from_slice(magic);
            }
        }
        if let Some(slot) = bytes.get_mut(446..510) {
            for slot in slot.chunks_exact_mut(16) {
                slot[0] &= 0x80;
                slot[4] = if is_protective { 0xee } else { 5 };
                slot[8] %= 8;
                slot[9..12].fill(0);
            }
        }
        look(&bytes);
    }

    #[test]
    fn known_kinds_with_random_damage(
        name in prop::sample::select(kinds::all().keys().copied().collect::<Vec<_>>()),
        damage in prop::collection::vec((0..5000_usize, any::<u8>()), 1..20),
    ) {
        let mut image = kinds::all()[name].clone();
        for (at, byte) in damage {
            let length = image.len();
            for base in [0, 65_536, length - 65_536, length - 8192] {
                image[base + at] ^= byte;
            }
        }
        look(&image);
    }
}
