//! Damage as data: what is done to a root's disk before it is booted.

use std::process::Command;

use serde::Deserialize;

use crate::disk::Disk;
use crate::error::Error;
use crate::files;
use crate::place::Places;

/// One thing that is done to a disk. Offsets are those that the file system had before all of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Damage {
    /// Commands of debugfs(8).
    Debugfs(Vec<String>),
    /// Words for tune2fs(8).
    Tune2fs(Vec<String>),
    /// Zeros.
    Zero {
        /// From where on, as [`crate::place`] has it.
        at: String,
        /// How many.
        bytes: usize,
    },
    /// Bytes that mean nothing.
    Garble {
        /// From where on.
        at: String,
        /// How many.
        bytes: usize,
    },
    /// These bytes.
    Write {
        /// Where.
        at: String,
        /// Two hexadecimal digits each.
        hex: String,
    },
    /// Bytes from elsewhere.
    Copy {
        /// From there.
        from: String,
        /// To there.
        to: String,
        /// How many.
        bytes: usize,
    },
    /// The disk is cut off.
    Cut {
        /// What is left of it, bytes.
        bytes: u64,
    },
}

/// Bytes that are written to a place, all known before the first is.
struct Bytes {
    offset: u64,
    bytes: Vec<u8>,
}

/// Does all of it, in this order.
pub(crate) fn apply(disk: &Disk, damage: &[Damage]) -> Result<(), Error> {
    let places = Places::of(disk)?;
    let written: Vec<Option<Bytes>> = damage
        .iter()
        .map(|damage| bytes(disk, &places, damage))
        .collect::<Result<_, _>>()?;
    for (damage, written) in damage.iter().zip(written) {
        if let Some(Bytes { offset, bytes }) = written {
            disk.overwrite(disk.begins_at() + offset, &bytes)?;
        }
        match damage {
            Damage::Debugfs(commands) => {
                let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
                disk.debugfs(&commands)?;
            }
            Damage::Tune2fs(words) => {
                let mut tune = Command::new("/sbin/tune2fs");
                files::run(tune.args(words).arg(disk.file_system()))?;
            }
            Damage::Cut { bytes } => disk.cut(*bytes)?,
            _ => {}
        }
    }
    Ok(())
}

fn bytes(disk: &Disk, places: &Places<'_>, damage: &Damage) -> Result<Option<Bytes>, Error> {
    let (at, bytes) = match damage {
        Damage::Debugfs(_) | Damage::Tune2fs(_) | Damage::Cut { .. } => return Ok(None),
        Damage::Zero { at, bytes } => (at, vec![0; *bytes]),
        Damage::Garble { at, bytes } => (at, noise(*bytes)),
        Damage::Write { at, hex } => {
            let garbled = || Error::unexpected(format!("not hexadecimal: {hex}"));
            (at, from_hex(hex).ok_or_else(garbled)?)
        }
        Damage::Copy { from, to, bytes } => {
            let from = disk.begins_at() + places.offset(from)?;
            (to, disk.peek(from, *bytes)?)
        }
    };
    let offset = places.offset(at)?;
    Ok(Some(Bytes { offset, bytes }))
}

/// The same noise each time (xorshift, 32 bits).
fn noise(count: usize) -> Vec<u8> {
    let mut state: u32 = 0x7072_6572;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{from_hex, noise};

    #[test]
    fn bytes_are_as_written() {
        assert_eq!(from_hex("00ff10"), Some(vec![0, 255, 16]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("xy"), None);
        assert_eq!(noise(9), noise(9));
        assert!(noise(64).iter().any(|byte| *byte != noise(1)[0]));
    }
}
