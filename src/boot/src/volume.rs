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
//! | `part` | number of the partition; absent: it is none |
//! | `disk` | the disk it is a partition of |
//! | `number` | major and minor: `8:1` |
//! | `serial` `wwn` `path` | of the disk |
//! | `mapper` | name that the device mapper has for it; of an array `md/NAME`, as mdadm calls it below /dev |
//! | `bytes` | size of the device |
//! | `ro` | 1: it cannot be written |
//! | `due` | ext: why it has to be checked: `unclean` `errors` `mounts` `interval` `journal` `damaged`, or `lost`: there is no superblock, only a copy; absent when it is clean |
//! | `backup` `blocksize` | ext: the block of a copy that is good, and the size of blocks, when the superblock is not |
//! | `files` | ext: inodes in use, by its superblock |
//! | `errno` | it could not be read |

use heapless::String;
use heapless::string::StringView;
use preroot_plan::{RootKey, RootSpec, Spelling, device_number};

/// What `due` says when there is no superblock, but a good copy of one.
pub const LOST: &str = "lost";

/// The type of a member of an array.
pub const RAID_MEMBER: &str = "linux_raid_member";
/// Types of devices that something is assembled from. A mirror's member may look like the file system on the mirror;
/// mounted by itself, it would not be the same as its twin any more.
const PARTS: [&str; 3] = [RAID_MEMBER, "LVM2_member", "crypto_LUKS"];

/// A label of a file system or partition.
pub type Label = String<128>;

/// What is on a block device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// Its name below /dev (`vda1`, `cciss/c0d0p1`).
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
    /// Number of the partition; 0: it is none.
    pub part: u32,
    /// The disk it is a partition of; empty: it is none.
    pub disk: String<32>,
    /// Major and minor.
    pub number: String<24>,
    /// Serial number of the disk.
    pub serial: Label,
    /// World wide name of the disk.
    pub wwn: Label,
    /// Where the disk is plugged in, as udev names it.
    pub path: Label,
    /// What the device mapper calls it.
    pub mapper: Label,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether it cannot be written.
    pub is_read_only: bool,
    /// Why the file system has to be checked; empty: it is clean.
    pub due: String<16>,
    /// ext: the block of a good copy of a superblock that is bad; 0: there is none, or no need for one.
    pub backup: u64,
    /// ext: the size of blocks, where `backup` is said.
    pub block_bytes: u32,
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
            volume.take(key, value);
        }
        Some(volume)
    }

    fn take(&mut self, key: &str, value: &str) {
        let text: &mut StringView = match key {
            "type" => &mut self.kind,
            "uuid" => &mut self.uuid,
            "label" => &mut self.label,
            "partuuid" => &mut self.partuuid,
            "partlabel" => &mut self.partlabel,
            "disk" => &mut self.disk,
            "number" => &mut self.number,
            "serial" => &mut self.serial,
            "wwn" => &mut self.wwn,
            "path" => &mut self.path,
            "mapper" => &mut self.mapper,
            "due" => &mut self.due,
            _ => {
                let Ok(number) = value.parse::<u64>() else {
                    return;
                };
                let small = u32::try_from(number).unwrap_or_default();
                match key {
                    "bytes" => self.bytes = number,
                    "ro" => self.is_read_only = number == 1,
                    "files" => self.files = Some(number),
                    "backup" => self.backup = number,
                    "blocksize" => self.block_bytes = small,
                    "part" => self.part = small,
                    "errno" => self.errno = u16::try_from(small).unwrap_or_default(),
                    _ => {}
                }
                return;
            }
        };
        text.clear();
        unescape(value, text);
    }

    /// What it is called by one kind of name; empty: it has none.
    #[must_use]
    pub fn named(&self, key: RootKey) -> &str {
        match key {
            RootKey::Uuid => &self.uuid,
            RootKey::Label => &self.label,
            RootKey::PartUuid => &self.partuuid,
            RootKey::PartLabel => &self.partlabel,
            RootKey::Path => &self.path,
            RootKey::Serial => &self.serial,
            RootKey::Wwn => &self.wwn,
            RootKey::Number => &self.number,
            RootKey::Mapper => &self.mapper,
            RootKey::Name => &self.name,
        }
    }

    /// Whether this is a part of something that has to be assembled, and never a root by itself.
    #[must_use]
    pub fn is_part(&self) -> bool {
        PARTS.contains(&self.kind.as_str())
    }

    /// Whether there is anything that could be mounted: neither a part of something, nor an array or a mapping that is named
    /// and not started yet, which has no bytes.
    #[must_use]
    pub fn can_be_root(&self) -> bool {
        !self.is_part() && (self.bytes > 0 || !self.kind.is_empty())
    }

    /// Whether this is what `spec` names, not counting its offset.
    #[must_use]
    pub fn is(&self, spec: &RootSpec<'_>) -> bool {
        let mut name = self.named(spec.key);
        let mut wanted = spec.value;
        if spec.key == RootKey::Wwn && !wanted.contains('.') {
            wanted = wanted.strip_prefix("0x").unwrap_or(wanted);
            name = name.split_once('.').map_or("", |(_, digits)| digits);
        }
        let is_named = match spec.key {
            RootKey::Number => device_number(name) == device_number(wanted),
            RootKey::Name if wanted.bytes().any(|byte| byte == b'/') => {
                is_below_dev(self, wanted) || name == wanted
            }
            _ => is_spelled(name, wanted, spec),
        };
        is_named
            && match (spec.part, spec.key) {
                (Some(part), _) => self.part == part,
                (None, RootKey::Path | RootKey::Serial | RootKey::Wwn) => !self.kind.is_empty(),
                _ => true,
            }
    }

    /// Whether this is what `spec` names, among all that there are.
    #[must_use]
    pub fn is_meant(&self, spec: &RootSpec<'_>, all: &[Volume]) -> bool {
        let is_behind = |named: &Volume| {
            named.is(spec)
                && !named.disk.is_empty()
                && (named.disk == self.disk || named.disk == self.name)
                && named.part.checked_add_signed(spec.offset) == Some(self.part)
        };
        match spec.offset {
            0 => self.is(spec),
            _ => all.iter().any(is_behind),
        }
    }
}

/// Whether LVM or mdadm would link this below /dev by a name with a `/` in it, `GROUP/VOLUME` or `md/NAME`: the device
/// mapper's name has a `-` between the two, and their own doubled (dm_build_dm_name() of LVM2's libdm-string.c).
fn is_below_dev(volume: &Volume, wanted: &str) -> bool {
    let mut rest = volume.mapper.bytes();
    let is_volume = wanted.bytes().all(|byte| match byte {
        b'-' => rest.next() == Some(b'-') && rest.next() == Some(b'-'),
        b'/' => rest.next() == Some(b'-'),
        _ => rest.next() == Some(byte),
    });
    is_volume && rest.next().is_none() || volume.mapper == wanted
}

/// Whether this is how `spec` has the name written.
fn is_spelled(name: &str, wanted: &str, spec: &RootSpec<'_>) -> bool {
    let any_case = matches!(spec.key, RootKey::Uuid | RootKey::PartUuid | RootKey::Wwn);
    let mut bytes = name.bytes();
    let mut wanted = wanted.as_bytes();
    while let Some((&first, mut rest)) = wanted.split_first() {
        let mut byte = first;
        if spec.spelling == Spelling::Link
            && let Some(escaped) = wanted.strip_prefix(br"\x")
            && let Some((digits, behind)) = escaped.split_at_checked(2)
            && let Some(value) = hex_byte(digits)
        {
            (byte, rest) = (value, behind);
        }
        let is_same = bytes
            .next()
            .is_some_and(|own| own == byte || any_case && own.eq_ignore_ascii_case(&byte));
        if !is_same {
            return false;
        }
        wanted = rest;
    }
    bytes.next().is_none()
}

/// Undoes `%XX`. Bytes that are no UTF-8 become U+FFFD; what does not fit is cut.
fn unescape(text: &str, out: &mut StringView) {
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
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if out.push(character).is_err() {
                return;
            }
        }
        if !chunk.invalid().is_empty() && out.push('\u{FFFD}').is_err() {
            return;
        }
    }
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

    const LINES: [&str; 4] = [
        "sda1\ttype=ext4\tuuid=0a-b\tlabel=my root\tpartuuid=C1\tpartlabel=a/b\tpart=1\tdisk=sda\t\
         number=8:1\tserial=SN1\twwn=naa.5000c500\tpath=pci-1-ata-1.0",
        "sda2\tpartuuid=c2\tpart=2\tdisk=sda\tnumber=8:2\tserial=SN1\twwn=naa.5000c500\t\
         path=pci-1-ata-1.0",
        "dm-0\ttype=swap\tnumber=253:0\tmapper=vg--a-root",
        "md127\ttype=ext4\tnumber=9:127\tmapper=md/root",
    ];

    /// Which of the lines above a spec means.
    fn check(spec: &str, expected: &[usize]) {
        let volumes = LINES.map(|line| Volume::parse(line).unwrap());
        let spec = RootSpec::parse(spec).unwrap();
        let meant = volumes
            .iter()
            .map(|volume| volume.is_meant(&spec, &volumes));
        let meant: std::vec::Vec<usize> = meant
            .enumerate()
            .filter_map(|(index, is_meant)| is_meant.then_some(index))
            .collect();
        assert_eq!(meant, expected, "{spec:?}");
    }

    #[test]
    fn a_line_is_read_back() {
        let mut line = std::string::String::from("vda1\ttype=ext4\tuuid=0A-b\tbytes=4096\tlabel=");
        escape("a %\tü".as_bytes(), &mut line).unwrap();
        let volume = Volume::parse(&line).unwrap();
        assert_eq!(volume.label, "a %\tü");
        assert_eq!((volume.kind.as_str(), volume.bytes), ("ext4", 4096));
    }

    #[test]
    fn a_volume_has_all_its_names() {
        for spec in [
            "UUID=0A-B",
            "LABEL=my root",
            r"/dev/disk/by-label/my\x20root",
            "PARTUUID=c1",
            r"/dev/disk/by-partlabel/a\x2fb",
            "SERIAL=SN1",
            "SERIAL=SN1-part1",
            "WWN=naa.5000C500",
            "WWN=0x5000c500",
            "5000c500-part1",
            "/dev/disk/by-id/wwn-0x5000c500-part1",
            "PATH=pci-1-ata-1.0",
            "/dev/disk/by-path/pci-1-ata-1.0-part1",
            "8:1",
            "0801",
            "/dev/sda1",
            "PARTUUID=C2/PARTNROFF=-1",
        ] {
            let spec = if spec.starts_with("5000") {
                std::format!("WWN={spec}")
            } else {
                std::string::String::from(spec)
            };
            check(&spec, &[0]);
        }
        for spec in ["SERIAL=SN1-part2", "PARTUUID=C1/PARTNROFF=1", "8:2"] {
            check(spec, &[1]);
        }
        for spec in [
            "/dev/mapper/vg--a-root",
            "/dev/vg-a/root",
            "/dev/dm-0",
            "253:0",
            "fd00",
        ] {
            check(spec, &[2]);
        }
        for spec in ["/dev/md/root", "9:127"] {
            check(spec, &[3]);
        }
    }

    #[test]
    fn what_is_not_its_name_is_not() {
        for spec in [
            "LABEL=My root",
            r"LABEL=my\x20root",
            "/dev/sda",
            "/dev/disk/by-path/pci-1-ata-1.0",
            "WWN=eui.5000c500",
            "WWN=0x5000c5",
            "PATH=pci-1-ata",
            "SERIAL=SN1-part3",
            "PARTUUID=C1/PARTNROFF=5",
            "PARTUUID=C1/PARTNROFF=-2147483647",
            "/dev/mapper/vg",
            "/dev/vg--a/root",
            "/dev/vg-a/roo",
            "/dev/vg/a-root",
            "/dev/vg-a/root/",
            "/dev/md/roo",
            "/dev/root",
            "9:1",
        ] {
            check(spec, &[]);
        }
    }

    #[test]
    fn an_empty_field_is_nobodys_name() {
        let volume = Volume::parse("vda").unwrap();
        for key in [
            "UUID",
            "LABEL",
            "PARTUUID",
            "PARTLABEL",
            "SERIAL",
            "PATH",
            "WWN",
        ] {
            let spec = std::format!("{key}=0");
            assert!(!volume.is(&RootSpec::parse(&spec).unwrap()), "{spec}");
        }
        assert!(!volume.is(&RootSpec::parse("8:1").unwrap()));
        assert!(!volume.is(&RootSpec::parse("/dev/mapper/x").unwrap()));
    }
}
