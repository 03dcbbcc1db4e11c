//! LUKS 1 and 2. Offsets: "LUKS1 On-Disk Format Specification" 1.2.3, section 2.3, and "LUKS2 On-Disk Format
//! Specification" 1.1.1, section 2.1; big endian.

use crate::bytes::{slice, u16_be};
use crate::superblock::{Kind, Superblock};
use crate::text;

/// `front`: the first bytes of the device.
pub(crate) fn identify(front: &[u8]) -> Option<Superblock> {
    if slice(front, 0, 6) != b"LUKS\xba\xbe" {
        return None;
    }
    let mut found = Superblock::new(Kind::CryptoLuks);
    match u16_be(front, 6) {
        1 => {}
        2 => found.label = text::label(slice(front, 24, 48)),
        _ => return None,
    }
    found.uuid = text::uuid_text(slice(front, 168, 40));
    Some(found)
}
