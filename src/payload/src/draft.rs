//! A payload as owned values: what the host tools build, and freeze into bytes.
//!
//! [`Draft::freeze`] unpacks what it has written, so what it returns is a payload that unpacks.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::limits::{ENTRIES_MAX, PATH_BYTES_MAX, RAW_BYTES_MAX};
use crate::model::Model;
use crate::payload::{CHECKED_FROM, HEADER_BYTES, MAGIC, Payload, VERSION};
use crate::unpack::Unpacker;

/// A file or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftEntry {
    /// Its path, without a leading slash.
    pub path: String,
    /// What it is.
    pub packed: Packed,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packed {
    /// A file with these permissions and bytes.
    File(u16, Vec<u8>),
    /// A symbolic link to this path.
    Link(String),
}

/// Why a draft cannot be frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftError {
    /// More than a payload can hold.
    Large,
    /// The compressor failed, or used other settings than the format has.
    Compressor,
    /// What was written does not unpack.
    Check,
}

impl core::fmt::Display for DraftError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            DraftError::Large => "the tools are more than a payload can hold",
            DraftError::Compressor => "the tools cannot be compressed",
            DraftError::Check => "the payload would be refused at boot",
        })
    }
}

impl core::error::Error for DraftError {}

/// A whole payload, in the order in which it is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The entries.
    pub entries: Vec<DraftEntry>,
}

impl Draft {
    /// The payload's bytes, checked. `compress` makes a .lzma file (13 bytes of header) of lc 3,
    /// lp 0, pb 2, which are every encoder's defaults.
    pub fn freeze(
        &self,
        compress: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<Vec<u8>, DraftError> {
        let raw: Vec<u8> = self.files().flatten().copied().collect();
        if raw.len() > RAW_BYTES_MAX || self.entries.len() > ENTRIES_MAX {
            return Err(DraftError::Large);
        }
        let packed = compress(&raw).ok_or(DraftError::Compressor)?;
        // (pb * 5 + lp) * 9 + lc
        let stream = match packed.split_at_checked(13) {
            Some((header, stream)) if header.first() == Some(&0x5D) => stream,
            _ => return Err(DraftError::Compressor),
        };
        let bytes = self.assemble(raw.len(), stream)?;
        self.check(&bytes).ok_or(DraftError::Check)?;
        Ok(bytes)
    }

    /// The payload's bytes with the stream of one that was made before, without compressing anything; `None`: that one does not
    /// hold these very files, one after the other.
    #[must_use]
    pub fn freeze_as(&self, before: &Payload<'_>) -> Option<Vec<u8>> {
        let raw_bytes = self.files().map(<[u8]>::len).sum();
        if raw_bytes != before.raw_bytes() || self.entries.len() > ENTRIES_MAX {
            return None;
        }
        let bytes = self.assemble(raw_bytes, before.stream()).ok()?;
        self.check(&bytes)?;
        Some(bytes)
    }

    fn files(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().map(|entry| match &entry.packed {
            Packed::File(_, bytes) => bytes.as_slice(),
            Packed::Link(_) => &[],
        })
    }

    fn assemble(&self, raw_bytes: usize, stream: &[u8]) -> Result<Vec<u8>, DraftError> {
        let number = |value: usize| u32::try_from(value).map_err(|_| DraftError::Large);
        let short = |value: usize| u16::try_from(value).map_err(|_| DraftError::Large);
        let mut entries = Vec::new();
        for (entry, file) in self.entries.iter().zip(self.files()) {
            let (permissions, target) = match &entry.packed {
                Packed::File(permissions, _) => (*permissions, ""),
                Packed::Link(target) => (0o777, target.as_str()),
            };
            if entry.path.len() > PATH_BYTES_MAX || target.len() > PATH_BYTES_MAX {
                return Err(DraftError::Large);
            }
            for field in [
                permissions,
                short(entry.path.len())?,
                short(target.len())?,
                0,
            ] {
                entries.extend_from_slice(&field.to_le_bytes());
            }
            entries.extend_from_slice(&number(file.len())?.to_le_bytes());
            entries.extend_from_slice(&preroot_crc::crc32(file).to_le_bytes());
            entries.extend_from_slice(entry.path.as_bytes());
            entries.extend_from_slice(target.as_bytes());
        }
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&short(self.entries.len())?.to_le_bytes());
        bytes.extend_from_slice(&number(HEADER_BYTES + entries.len())?.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&number(stream.len())?.to_le_bytes());
        bytes.extend_from_slice(&number(raw_bytes)?.to_le_bytes());
        bytes.extend_from_slice(&entries);
        let crc32 = preroot_crc::crc32(&bytes[CHECKED_FROM..]);
        bytes[CHECKED_FROM - 4..CHECKED_FROM].copy_from_slice(&crc32.to_le_bytes());
        bytes.extend_from_slice(stream);
        Ok(bytes)
    }

    fn check(&self, bytes: &[u8]) -> Option<()> {
        let payload = Payload::check(bytes).ok()?;
        let mut model = Model::NEW;
        let mut output = vec![0; payload.raw_bytes()];
        let mut unpacker = Unpacker::new(&payload, &mut model, &mut output).ok()?;
        for (entry, file) in payload.entries().zip(self.files()) {
            let unpacked = unpacker.file(&entry).ok()?;
            if unpacked != file {
                return None;
            }
        }
        Some(())
    }
}
