//! The checksums of plan, record and disk formats: CRC-32 (IEEE 802.3) and CRC-32C (Castagnoli).
//!
//! Ours, because PID 1 has a budget of 256 KiB: crc32fast takes 21.7 KB of it, of which 16 are tables and 4 are code for
//! processors that nobody asks about without std. It is the oracle of the tests instead. A plan is summed once a boot and
//! a frame is some hundred bytes, so a byte at a time is fast enough. Hosts that read a fleet's records
//! have the feature `fast`, which is crc32fast.
#![no_std]
#![forbid(unsafe_code)]

/// CRC-32, reflected.
const IEEE: u32 = 0xedb8_8320;
/// CRC-32C, reflected.
const CASTAGNOLI: u32 = 0x82f6_3b78;

/// What each byte turns a checksum into: 1 KiB.
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = shift(byte as u32, 8, IEEE);
        byte += 1;
    }
    table
}

/// The same for half a byte of CRC-32C: one superblock a device is summed by it.
const NIBBLES: [u32; 16] = nibbles();

const fn nibbles() -> [u32; 16] {
    let mut table = [0; 16];
    let mut nibble = 0;
    while nibble < 16 {
        table[nibble] = shift(nibble as u32, 4, CASTAGNOLI);
        nibble += 1;
    }
    table
}

const fn shift(value: u32, bits: u32, polynomial: u32) -> u32 {
    let mut crc = value;
    let mut bit = 0;
    while bit < bits {
        crc = (crc >> 1) ^ (polynomial * (crc & 1));
        bit += 1;
    }
    crc
}

/// CRC-32 of `bytes`, as zlib, Ethernet and GPT have it.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    #[cfg(feature = "fast")]
    return crc32fast::hash(bytes);
    #[cfg(not(feature = "fast"))]
    !crc32_from(!0, bytes)
}

/// CRC-32 from a seed and without inversions, so that pieces can follow each other.
#[must_use]
pub fn crc32_from(seed: u32, bytes: &[u8]) -> u32 {
    let mut crc = seed;
    for &byte in bytes {
        let index = (crc ^ u32::from(byte)) & 0xff;
        crc = (crc >> 8) ^ TABLE[index as usize];
    }
    crc
}

/// CRC-32C from a seed and without inversions: every format differs in those.
#[must_use]
pub fn crc32c_from(seed: u32, bytes: &[u8]) -> u32 {
    let mut crc = seed;
    for &byte in bytes {
        crc ^= u32::from(byte);
        crc = (crc >> 4) ^ NIBBLES[(crc & 15) as usize];
        crc = (crc >> 4) ^ NIBBLES[(crc & 15) as usize];
    }
    crc
}

#[cfg(test)]
extern crate std;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn check_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        // RFC 3720, appendix B.4.
        assert_eq!(!crc32c_from(!0, b"123456789"), 0xe306_9283);
        assert_eq!(!crc32c_from(!0, &[0; 32]), 0x8a91_36aa);
    }

    proptest! {
        #[test]
        fn as_crc32fast(bytes in proptest::collection::vec(any::<u8>(), 0..2000), at in 0..2000_usize) {
            prop_assert_eq!(!crc32_from(!0, &bytes), crc32fast::hash(&bytes));
            prop_assert_eq!(crc32(&bytes), crc32fast::hash(&bytes));
            let (front, back) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(!crc32_from(crc32_from(!0, front), back), crc32(&bytes));
        }
    }
}
