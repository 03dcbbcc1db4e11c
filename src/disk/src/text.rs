//! UUIDs and labels in the form that blkid(8) prints.

use core::fmt::Write;

use heapless::{String, Vec};

use crate::limits::{LABEL_BYTES_MAX, UUID_BYTES_MAX};

/// A UUID in text; empty when there is none.
pub type Uuid = String<UUID_BYTES_MAX>;
/// A label: bytes, mostly UTF-8, but nothing on a disk promises that.
pub type Label = Vec<u8, LABEL_BYTES_MAX>;

/// `8-4-4-4-12`, lower case. All zeros is no UUID.
pub(crate) fn uuid(bytes: [u8; 16]) -> Uuid {
    let mut out = Uuid::new();
    if bytes == [0; 16] {
        return out;
    }
    for (index, byte) in bytes.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            let _ = out.push('-');
        }
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// A GUID of EFI: its first three fields are little endian.
pub(crate) fn guid(mut bytes: [u8; 16]) -> Uuid {
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    uuid(bytes)
}

/// A UUID that is text on the disk already. Anything but visible ASCII means that it is none.
pub(crate) fn uuid_text(field: &[u8]) -> Uuid {
    let text = until_nul(field);
    if !text.iter().all(u8::is_ascii_graphic) {
        return Uuid::new();
    }
    core::str::from_utf8(text)
        .ok()
        .and_then(|text| Uuid::try_from(text).ok())
        .unwrap_or_default()
}

/// The bytes up to the first NUL, without white space at the end, as blkid has it.
pub(crate) fn label(field: &[u8]) -> Label {
    let text = until_nul(field).trim_ascii_end();
    let end = text.len().min(LABEL_BYTES_MAX);
    Label::from_slice(&text[..end]).unwrap_or_default()
}

/// UTF-16 (little endian) up to the first NUL, as UTF-8 of at most `N` bytes; a lone surrogate becomes U+FFFD.
pub(crate) fn utf16<const N: usize>(field: &[u8]) -> String<N> {
    let units = field
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .take_while(|&unit| unit != 0);
    let mut out = String::new();
    for character in char::decode_utf16(units) {
        if out
            .push(character.unwrap_or(char::REPLACEMENT_CHARACTER))
            .is_err()
        {
            break;
        }
    }
    out
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf16_is_cut_and_mended() {
        let check = |units: &[u16], expected: &str| {
            let bytes: Vec<u8, 64> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            assert_eq!(utf16::<8>(&bytes), *expected);
        };
        check(&[0x72, 0x6f, 0, 0x6f], "ro");
        check(&[0xd83e, 0xdd80], "\u{1f980}");
        check(&[0xd83e, 0x41, 0xdd80], "\u{fffd}A\u{fffd}");
        check(&[0x20ac; 3], "\u{20ac}\u{20ac}");
    }
}
