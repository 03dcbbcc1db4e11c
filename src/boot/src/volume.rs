//! What is on a block device: the line a probe child writes, and how the core reads it.
//!
//! One line a device, fields separated by tabs: the kernel's name, then `KEY=VALUE`. Bytes of a value that are
//! not printable ASCII, and `%`, are written as `%XX`. Keys:
//!
//! | key | value |
//! |---|---|
//! | `type` | file system: `ext2` `ext3` `ext4` `xfs` `btrfs` `swap` `crypto_LUKS` ... |
//! | `uuid` `label` | of the file system |
//! | `partuuid` `partlabel` | of the partition in its table |
//! | `serial` | of the disk |
//! | `bytes` | size of the device |
//! | `due` | ext: why it has to be checked: `unclean` `errors` `mounts` `interval` `journal` `damaged`; absent when it is clean |
//! | `files` | ext: inodes in use, by its superblock |
//! | `errno` | it could not be read |

use heapless::String;
use preroot_plan::RootSpec;

/// A label of a file system or partition.
pub type Label = String<128>;

/// What is on a block device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// The kernel's name (`vda1`).
    pub name: String<32>,
    /// File system; empty: none that we know.
    pub kind: String<24>,
    /// UUID of the file system, lower case.
    pub uuid: String<40>,
    /// Its label.
    pub label: Label,
    /// UUID of the partition, lower case.
    pub partuuid: String<40>,
    /// Its label.
    pub partlabel: Label,
    /// Serial number of the disk.
    pub serial: Label,
    /// Size in bytes.
    pub bytes: u64,
    /// Why the file system has to be checked; empty: it is clean.
    pub due: String<16>,
    /// ext: inodes in use, by its superblock.
    pub files: Option<u64>,
    /// errno when it could not be read.
    pub errno: u16,
}

impl Volume {
    /// Reads a probe's line. A field that does not fit or that nobody knows is passed over.
    #[must_use]
    pub fn parse(line: &str) -> Option<Volume> {
        let mut fields = line.split('\t');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let mut volume = Volume {
            name: String::try_from(name).ok()?,
            ..Volume::default()
        };
        for (key, value) in fields.filter_map(|field| field.split_once('=')) {
            match key {
                "type" => volume.kind = unescape(value),
                "uuid" => volume.uuid = unescape(value),
                "label" => volume.label = unescape(value),
                "partuuid" => volume.partuuid = unescape(value),
                "partlabel" => volume.partlabel = unescape(value),
                "serial" => volume.serial = unescape(value),
                "due" => volume.due = unescape(value),
                "bytes" => volume.bytes = value.parse().unwrap_or_default(),
                "files" => volume.files = value.parse().ok(),
                "errno" => volume.errno = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
        Some(volume)
    }

    /// Whether this is what `spec` names.
    #[must_use]
    pub fn is(&self, spec: RootSpec<'_>) -> bool {
        match spec {
            RootSpec::Uuid(uuid) => self.uuid.eq_ignore_ascii_case(uuid),
            RootSpec::Label(label) => self.label == label,
            RootSpec::PartUuid(uuid) => self.partuuid.eq_ignore_ascii_case(uuid),
            RootSpec::PartLabel(label) => self.partlabel == label,
            RootSpec::Serial(serial) => self.serial == serial && !self.kind.is_empty(),
            RootSpec::Path(path) => path.strip_prefix("/dev/") == Some(self.name.as_str()),
        }
    }
}

/// Undoes `%XX`. Bytes that are no UTF-8 become U+FFFD; what does not fit is cut.
fn unescape<const N: usize>(text: &str) -> String<N> {
    let mut bytes = heapless::Vec::<u8, 256>::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(hex_byte);
        rest = if escaped.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
        if bytes.push(escaped.unwrap_or(first)).is_err() {
            break;
        }
    }
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if out.push(character).is_err() {
                return out;
            }
        }
        if !chunk.invalid().is_empty() && out.push('\u{FFFD}').is_err() {
            return out;
        }
    }
    out
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

/// Writes `value` so that [`Volume::parse`] reads it back.
pub fn escape(value: &[u8], out: &mut dyn core::fmt::Write) -> core::fmt::Result {
    for &byte in value {
        if (b' '..=b'~').contains(&byte) && byte != b'%' {
            out.write_char(char::from(byte))?;
        } else {
            write!(out, "%{byte:02X}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back() {
        let mut line = std::string::String::from("vda1\ttype=ext4\tuuid=0A-b\tbytes=4096\tlabel=");
        escape("a %\tü".as_bytes(), &mut line).unwrap();
        let volume = Volume::parse(&line).unwrap();
        assert_eq!(volume.label, "a %\tü");
        assert_eq!((volume.kind.as_str(), volume.bytes), ("ext4", 4096));
        assert!(volume.is(RootSpec::Uuid("0a-B")));
        assert!(volume.is(RootSpec::Path("/dev/vda1")));
        assert!(!volume.is(RootSpec::Label("a")));
        assert!(!volume.is(RootSpec::Path("/dev/vda")));
    }

    #[test]
    fn an_empty_field_is_nobodys_name() {
        let volume = Volume::parse("vda").unwrap();
        for spec in ["UUID=x", "LABEL=x", "PARTUUID=x", "PARTLABEL=x", "SERIAL=x"] {
            assert!(!volume.is(RootSpec::parse(spec).unwrap()), "{spec}");
        }
    }
}
