//! Digests that a record carries: of the plan, and of the image it booted with.

use sha2::{Digest, Sha256};

use crate::cpio::{Kind, Member};

/// Where the digests stand in an image. This member alone is not digested.
pub(crate) const DIGESTS_PATH: &str = "etc/preroot/digests";

/// SHA-256 of some bytes, in hexadecimal.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// SHA-256 over the members in their order: path, NUL, mode (u32), length (u64), contents; of a
/// device its numbers (u32 each) as contents. Little endian. It does not depend on compression.
pub(crate) fn of_members(members: &[Member]) -> String {
    let mut digest = Sha256::new();
    for member in members.iter().filter(|member| member.path != DIGESTS_PATH) {
        let device = match member.kind {
            Kind::Char { major, minor } => [major.to_le_bytes(), minor.to_le_bytes()].concat(),
            _ => Vec::new(),
        };
        let contents = if device.is_empty() {
            member.bytes()
        } else {
            &device
        };
        digest.update(member.path.as_bytes());
        digest.update([0]);
        digest.update(member.mode().to_le_bytes());
        digest.update((contents.len() as u64).to_le_bytes());
        digest.update(contents);
    }
    hexadecimal(&digest.finalize())
}

/// The text of the member that holds both.
pub(crate) fn text(plan: &str, image: &str) -> String {
    format!("plan {plan}\nimage {image}\n")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
