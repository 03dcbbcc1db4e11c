//! How a root file system is named: the words of the kernel's `root=`, of fstab(5), and udev's links.
//!
//! | form | what it names |
//! |---|---|
//! | `UUID=` `LABEL=` | a file system |
//! | `PARTUUID=` `PARTLABEL=` | a partition, by its entry in the table |
//! | `PARTUUID=ID/PARTNROFF=N` | the partition N numbers behind that one, on the same disk |
//! | `SERIAL=` `WWN=` `PATH=` | what holds a file system on a disk; with `-partN` behind it, that partition |
//! | `8:1` `0801` | a device by major and minor, decimal or the kernel's old hexadecimal |
//! | `/dev/mapper/NAME` `/dev/GROUP/VOLUME` | a device of the device mapper; a logical volume |
//! | `/dev/md/NAME` | an array, as mdadm calls it |
//! | `/dev/disk/by-uuid/...`, `by-label`, `by-partuuid`, `by-partlabel` | as `UUID=` and so on; `\x20` is a blank |
//! | `/dev/disk/by-path/...`, `by-id/wwn-` `nvme-` `scsi-3` `virtio-` | as `PATH=`, `WWN=`, `SERIAL=`; without `-partN` the disk itself |
//! | `/dev/NAME` | the kernel's name |
//!
//! A WWN is written as the kernel's `wwid` has it: `naa.5000c500a1b2c3d4`, `eui.0025385b71b0a1c2`; `0x` instead
//! of the type, or the digits alone, mean the same. A path is udev's `ID_PATH`: `pci-0000:00:04.0-nvme-1`.
//! Case matters in labels, serials, paths and names only.
//!
//! Invariant: what parses has a value that is not empty, so an unknown field of a device is nobody's name.

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RootSpec<'a> {
    /// Which of a device's names is meant.
    pub key: RootKey,
    /// That name, as it was written.
    pub value: &'a str,
    /// How it was written.
    pub spelling: Spelling,
    /// Of a disk that was named: the partition with this number, 0 for the disk itself; `None`: whatever on it
    /// holds a file system.
    pub part: Option<u32>,
    /// How many partitions behind the one that was named.
    pub offset: i32,
}

/// A name of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootKey {
    /// The file system's UUID.
    Uuid,
    /// The file system's label.
    Label,
    /// The partition's UUID in its table.
    PartUuid,
    /// The partition's name in a GPT.
    PartLabel,
    /// Where the disk is plugged in.
    Path,
    /// The disk's serial number.
    Serial,
    /// The disk's world wide name.
    Wwn,
    /// Major and minor.
    Number,
    /// The device mapper's name.
    Mapper,
    /// The kernel's name.
    Name,
}

/// How a name was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As it is.
    Plain,
    /// As udev names its links: `\xNN` is a byte.
    Link,
}

/// What a spec begins with, of which names it is one, and how that is written.
static FRONTS: [(&str, RootKey, Spelling); 18] = [
    ("UUID=", RootKey::Uuid, Spelling::Plain),
    ("LABEL=", RootKey::Label, Spelling::Plain),
    ("PARTUUID=", RootKey::PartUuid, Spelling::Plain),
    ("PARTLABEL=", RootKey::PartLabel, Spelling::Plain),
    ("SERIAL=", RootKey::Serial, Spelling::Plain),
    ("WWN=", RootKey::Wwn, Spelling::Plain),
    ("PATH=", RootKey::Path, Spelling::Plain),
    ("/dev/disk/by-uuid/", RootKey::Uuid, Spelling::Link),
    ("/dev/disk/by-label/", RootKey::Label, Spelling::Link),
    ("/dev/disk/by-partuuid/", RootKey::PartUuid, Spelling::Link),
    (
        "/dev/disk/by-partlabel/",
        RootKey::PartLabel,
        Spelling::Link,
    ),
    ("/dev/disk/by-path/", RootKey::Path, Spelling::Link),
    ("/dev/disk/by-id/virtio-", RootKey::Serial, Spelling::Link),
    ("/dev/disk/by-id/wwn-", RootKey::Wwn, Spelling::Link),
    ("/dev/disk/by-id/nvme-", RootKey::Wwn, Spelling::Link),
    // The 3 is scsi_id's word for an NAA.
    ("/dev/disk/by-id/scsi-3", RootKey::Wwn, Spelling::Link),
    ("/dev/mapper/", RootKey::Mapper, Spelling::Plain),
    ("/dev/", RootKey::Name, Spelling::Plain),
];
/// How many of those are `KEY=`.
const KEYS: usize = 7;
/// The longest type of a WWN, which the kernel writes before a dot: `naa` `eui` `t10` `uuid` `nvme`.
const WWN_TYPE_BYTES_MAX: usize = 4;

impl RootKey {
    /// Names that a device can have, each with the words it is written with: `UUID=`.
    pub fn words() -> impl Iterator<Item = (&'static str, RootKey)> {
        FRONTS
            .iter()
            .take(KEYS)
            .map(|(front, key, _)| (*front, *key))
    }
}

impl<'a> RootSpec<'a> {
    /// Reads one of the forms above; `None`: it is none of them.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<RootSpec<'a>> {
        let mut spec = RootSpec {
            key: RootKey::Number,
            value: text,
            spelling: Spelling::Plain,
            part: None,
            offset: 0,
        };
        for &(front, key, spelling) in &FRONTS {
            if let Some(value) = text.strip_prefix(front) {
                let unquoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
                (spec.key, spec.spelling) = (key, spelling);
                spec.value = unquoted.unwrap_or(value);
                break;
            }
        }
        spec.split()?;
        (!spec.value.is_empty()).then_some(spec)
    }

    /// Takes off what stands behind the name itself, and checks what is left.
    fn split(&mut self) -> Option<()> {
        match self.key {
            RootKey::PartUuid => {
                if let Some((uuid, rest)) = self.value.split_once('/') {
                    self.value = uuid;
                    self.offset = signed(rest.strip_prefix("PARTNROFF=")?)?;
                }
            }
            RootKey::Path | RootKey::Serial | RootKey::Wwn => {
                // A link without a number is that of the disk itself.
                self.part = (self.spelling == Spelling::Link).then_some(0);
                if let Some((disk, behind)) = self.value.rsplit_once('-')
                    && let Some(number) = behind.strip_prefix("part")
                    && let Some(number) = number_of(number, 10)
                {
                    (self.value, self.part) = (disk, Some(number));
                }
            }
            RootKey::Number => {
                device_number(self.value).filter(|(major, _)| *major > 0)?;
            }
            // What else udev links there is made of more than we know of a device.
            RootKey::Name if self.value.starts_with("disk/") => return None,
            _ => {}
        }
        (self.key != RootKey::Wwn || is_wwn(self.value)).then_some(())
    }
}

fn is_wwn(value: &str) -> bool {
    match value.split_once('.') {
        Some((kind, rest)) => kind.len() <= WWN_TYPE_BYTES_MAX && !rest.is_empty(),
        None => {
            let digits = value.strip_prefix("0x").unwrap_or(value);
            !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        }
    }
}

fn signed(text: &str) -> Option<i32> {
    let digits = text.strip_prefix('-');
    let number = i32::try_from(number_of(digits.unwrap_or(text), 10)?).ok()?;
    Some(if digits.is_some() { -number } else { number })
}

/// A number of digits alone.
#[must_use]
pub fn number_of(text: &str, radix: u32) -> Option<u32> {
    let mut number = 0_u32;
    for digit in text.bytes() {
        let digit = char::from(digit).to_digit(radix)?;
        number = number.checked_mul(radix)?.checked_add(digit)?;
    }
    (!text.is_empty()).then_some(number)
}

/// Major and minor: `8:1`, or as the kernel packs them into one hexadecimal number (`new_decode_dev` of its
/// linux/kdev_t.h).
#[must_use]
pub fn device_number(text: &str) -> Option<(u32, u32)> {
    if let Some((major, minor)) = text.split_once(':') {
        return Some((number_of(major, 10)?, number_of(minor, 10)?));
    }
    let packed = number_of(text, 16)?;
    Some((
        packed >> 8 & 0xfff,
        packed & 0xff | packed >> 12 & 0x000f_ff00,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use RootKey::{Label, Mapper, Name, Number, PartLabel, PartUuid, Path, Serial, Uuid, Wwn};

    fn check(text: &str, key: RootKey, value: &str, part: Option<u32>, offset: i32) {
        let spec = RootSpec::parse(text);
        let found = spec.map(|spec| (spec.key, spec.value, spec.part, spec.offset));
        assert_eq!(found, Some((key, value, part, offset)), "{text}");
        let is_link = text.starts_with("/dev/disk/");
        let spelling = spec.map(|spec| spec.spelling == Spelling::Link);
        assert_eq!(spelling, Some(is_link), "{text}");
    }

    #[test]
    fn specs_are_read_as_fstab_reads_them() {
        check("UUID=0a-b", Uuid, "0a-b", None, 0);
        check("LABEL=\"my root\"", Label, "my root", None, 0);
        check("LABEL=a-part1", Label, "a-part1", None, 0);
        check("PARTUUID=x", PartUuid, "x", None, 0);
        check("PARTUUID=ab-01/PARTNROFF=1", PartUuid, "ab-01", None, 1);
        check("PARTUUID=ab-01/PARTNROFF=-2", PartUuid, "ab-01", None, -2);
        check("PARTLABEL=x", PartLabel, "x", None, 0);
        check("SERIAL=x", Serial, "x", None, 0);
        check("SERIAL=x-part2", Serial, "x", Some(2), 0);
        check("SERIAL=x-party", Serial, "x-party", None, 0);
        check("/dev/vda1", Name, "vda1", None, 0);
        check("/dev/cciss/c0d0p1", Name, "cciss/c0d0p1", None, 0);
        check("/dev/md/root", Name, "md/root", None, 0);
        check("/dev/vg0/root", Name, "vg0/root", None, 0);
        check("/dev/mapper/vg-root", Mapper, "vg-root", None, 0);
        check("8:1", Number, "8:1", None, 0);
        check("0801", Number, "0801", None, 0);
        let path = "pci-0000:00:04.0-nvme-1";
        check(&std::format!("PATH={path}"), Path, path, None, 0);
        check(&std::format!("PATH={path}-part2"), Path, path, Some(2), 0);
    }

    #[test]
    fn wwns_are_read_in_the_usual_spellings() {
        for value in [
            "naa.5000c500a1b2c3d4",
            "0x5000c500a1b2c3d4",
            "5000C500A1B2C3D4",
        ] {
            check(&std::format!("WWN={value}"), Wwn, value, None, 0);
        }
        check("WWN=eui.0025-part3", Wwn, "eui.0025", Some(3), 0);
        check("WWN=\"t10.ATA     QEMU\"", Wwn, "t10.ATA     QEMU", None, 0);
    }

    #[test]
    fn links_of_udev_are_read() {
        let of = |text: &str| std::format!("/dev/disk/by-{text}");
        check(&of("uuid/0a-b"), Uuid, "0a-b", None, 0);
        check(&of(r"label/my\x20root"), Label, r"my\x20root", None, 0);
        check(&of("partuuid/x"), PartUuid, "x", None, 0);
        check(&of("partlabel/x"), PartLabel, "x", None, 0);
        check(&of("path/pci-1-part2"), Path, "pci-1", Some(2), 0);
        check(&of("path/pci-1"), Path, "pci-1", Some(0), 0);
        check(&of("id/wwn-0x5000-part1"), Wwn, "0x5000", Some(1), 0);
        check(&of("id/nvme-eui.0025"), Wwn, "eui.0025", Some(0), 0);
        check(&of("id/scsi-35000c5-part1"), Wwn, "5000c5", Some(1), 0);
        check(&of("id/virtio-disk0"), Serial, "disk0", Some(0), 0);
    }

    #[test]
    fn what_is_no_spec_is_refused() {
        let cases = [
            "",
            "/dev/",
            "/dev/mapper/",
            "/dev/disk/by-uuid/",
            "/dev/disk/by-id/ata-QEMU_1",
            "/dev/disk/by-id/nvme-Maker_Disk_1.0_S1",
            "/dev/disk/by-serial/x",
            "/dev/disk/x",
            "UUID=",
            "uuid=x",
            "UUID=\"\"",
            "SERIAL=-part1",
            "PARTUUID=/PARTNROFF=1",
            "PARTUUID=a/1",
            "PARTUUID=a/PARTNROFF=",
            "PARTUUID=a/PARTNROFF=99999999999",
            "WWN=0x",
            "WWN=eui.",
            "WWN=disk",
            "WWN=maker.5000",
            "PATH=",
            "vda1",
            "sda1",
            "8:",
            ":1",
            "8:1:0",
            "0:1",
            "00ab",
            "123456789",
            "ID=x",
        ];
        for text in cases {
            assert_eq!(RootSpec::parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_unpacked_as_the_kernel_does() {
        let cases = [
            ("8:1", Some((8, 1))),
            ("0801", Some((8, 1))),
            ("fd00", Some((253, 0))),
            ("259:65537", Some((259, 65537))),
            ("4294967296:0", None),
            ("x", None),
        ];
        for (text, expected) in cases {
            assert_eq!(device_number(text), expected, "{text}");
        }
        // MKDEV(259, 0x12345), packed by new_encode_dev.
        assert_eq!(device_number("12310345"), Some((259, 0x12345)));
    }
}
