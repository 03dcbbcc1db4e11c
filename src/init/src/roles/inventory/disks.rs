//! Disks, as far as the kernel tells of them without asking them; and arrays.
//!
//! Where there are several files for one fact, it depends on what the disk hangs on:
//!
//! | bus | serial | wwn | model |
//! |---|---|---|---|
//! | virtio | the disk is asked for it (drivers/block/virtio_blk.c), by [`super::alive`] | | |
//! | nvme | `device/serial` | `wwid` | `device/model` |
//! | scsi, ata, usb | `device/vpd_pg80`, behind its header | `device/wwid`, out of page 0x83, with `0x` for `naa.` | `device/vendor`, `device/model` |
//! | mmc | `device/serial` | `device/cid` | `device/name` |

use heapless::String;
use preroot_boot::by_path::by_path;
use preroot_boot::inventory::{Facts, Item, name};
use preroot_plan::Class;

use super::tree::{Directory, Path, Small, Tree, text_of};

/// Bytes of a sector in sysfs' sizes, whatever the disk's own are (Documentation/ABI/stable/sysfs-block).
const SECTOR_BYTES: u64 = 512;
/// Bytes of the header of a page of SCSI's vital product data (SPC-4, section 7.8.2).
const PAGE_HEADER_BYTES: usize = 4;

/// What a disk hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bus {
    Virtio,
    Nvme,
    Scsi,
    Ata,
    Usb,
    Mmc,
    Other,
}

impl Bus {
    /// All of them, each at the place of its number.
    pub(super) const ALL: [Bus; 7] = [
        Bus::Virtio,
        Bus::Nvme,
        Bus::Scsi,
        Bus::Ata,
        Bus::Usb,
        Bus::Mmc,
        Bus::Other,
    ];

    fn word(self) -> &'static str {
        match self {
            Bus::Virtio => "virtio",
            Bus::Nvme => "nvme",
            Bus::Scsi => "scsi",
            Bus::Ata => "ata",
            Bus::Usb => "usb",
            Bus::Mmc => "mmc",
            Bus::Other => "other",
        }
    }

    /// By its directory in sysfs and its name.
    fn of(target: &str, name: &str) -> Bus {
        let mut parts = target.split('/');
        if name.starts_with("vd") {
            Bus::Virtio
        } else if name.starts_with("nvme") {
            Bus::Nvme
        } else if name.starts_with("mmcblk") {
            Bus::Mmc
        } else if !name.starts_with("sd") {
            Bus::Other
        } else if parts.any(|part| is_numbered(part, "ata")) {
            Bus::Ata
        } else if target.split('/').any(|part| is_numbered(part, "usb")) {
            Bus::Usb
        } else {
            Bus::Scsi
        }
    }
}

fn is_numbered(part: &str, prefix: &str) -> bool {
    let rest = part.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.parse::<u32>().is_ok())
}

/// What is known of a disk, and what it takes to ask it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) facts: Facts,
    pub(super) bus: Bus,
    pub(super) bytes: u64,
    /// Whether sysfs has told its serial number.
    pub(super) has_serial: bool,
}

/// The facts of a disk; `None`: it is none, but a loop, an array, a drive for media, or a part of another.
pub(super) fn look(tree: &Tree<'_>, disk: &str) -> Option<Known> {
    if !is_disk(disk) {
        return None;
    }
    let target = tree.target(&["/sys/class/block/", disk])?;
    let is_virtual = target.split('/').any(|part| part == "virtual");
    // A drive with several ways to it stands below none of them.
    if is_virtual && !disk.starts_with("nvme") {
        return None;
    }
    let bus = Bus::of(&target, disk);
    let mut facts = Facts::new();
    facts.put("bus", bus.word());
    let mut directory = Path::try_from("block/").ok()?;
    directory.push_str(disk).ok()?;
    if let Some(path) = by_path(tree, &directory) {
        facts.put("path", text_of(path.as_bytes()));
    }
    let files = tree.directory(&["/sys/class/block/", disk])?;
    let has_serial = names(&files, bus, &mut facts);
    let number = |file| files.number(file);
    let bytes = number("size").unwrap_or(0).saturating_mul(SECTOR_BYTES);
    facts.number("bytes", bytes);
    let sector = number("queue/logical_block_size");
    if let Some(bytes) = sector.filter(|bytes| bytes.is_power_of_two()) {
        facts.number("sector", bytes);
    }
    facts.number("read_only", u64::from(number("ro").unwrap_or(0) != 0));
    // In hexadecimal; not 0 on a disk that has refused what it need not know.
    let mut buffer = Small::new();
    let is_scsi = matches!(bus, Bus::Scsi | Bus::Ata | Bus::Usb);
    let count = is_scsi.then(|| files.text("device/ioerr_cnt", &mut buffer));
    let count = count.and_then(|count| count.strip_prefix("0x"));
    if let Some(count) = count.and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
        facts.number("ioerr", count);
    }
    Some(Known {
        facts,
        bus,
        bytes,
        has_serial,
    })
}

/// By its name. Those of paths to an NVMe drive (`nvme0c0n1`) and of the boot areas of a card (`mmcblk0boot0`) are left out.
fn is_disk(disk: &str) -> bool {
    let others = ["loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd"];
    if others.iter().any(|prefix| disk.starts_with(prefix)) {
        return false;
    }
    let is_part = |prefix: &str, marks: [u8; 2]| {
        let rest = disk.strip_prefix(prefix).unwrap_or_default();
        rest.bytes().any(|byte| marks.contains(&byte))
    };
    !is_part("nvme", [b'c', b'p']) && !is_part("mmcblk", [b'b', b'r'])
}

/// Puts who it is; whether that is known.
fn names(files: &Directory, bus: Bus, facts: &mut Facts) -> bool {
    let mut buffer = Small::new();
    let mut put = |facts: &mut Facts, key, file| {
        let text = files.text(file, &mut buffer);
        facts.put(key, text);
        !text.is_empty()
    };
    match bus {
        Bus::Virtio | Bus::Other => false,
        Bus::Nvme => {
            put(facts, "wwn", "wwid");
            put(facts, "model", "device/model");
            put(facts, "serial", "device/serial")
        }
        Bus::Mmc => {
            put(facts, "wwn", "device/cid");
            put(facts, "model", "device/name");
            put(facts, "serial", "device/serial")
        }
        Bus::Scsi | Bus::Ata | Bus::Usb => {
            world_wide_name(facts, files.text("device/wwid", &mut buffer));
            model(files, facts);
            let page = files.bytes("device/vpd_pg80", &mut buffer);
            let serial = text_of(page.get(PAGE_HEADER_BYTES..).unwrap_or_default());
            facts.put("serial", serial);
            !serial.trim_ascii().is_empty()
        }
    }
}

/// `naa.5000c500a1b2c3d4` as `0x5000c500a1b2c3d4`, as /dev/disk/by-id has it; `t10.ATA ...` is vendor and serial number once more.
fn world_wide_name(facts: &mut Facts, text: &str) {
    match text.strip_prefix("naa.") {
        Some(digits) => {
            let mut name = String::<64>::new();
            // Sixteen bytes of it fit.
            if name
                .push_str("0x")
                .and_then(|()| name.push_str(digits))
                .is_ok()
            {
                facts.put("wwn", &name);
            }
        }
        None if text.starts_with("t10.") => {}
        None => facts.put("wwn", text),
    }
}

/// Vendor and model of a SCSI disk, as one.
fn model(files: &Directory, facts: &mut Facts) {
    let mut words = String::<64>::new();
    for file in ["device/vendor", "device/model"] {
        let mut buffer = Small::new();
        let word = files.text(file, &mut buffer);
        if !words.is_empty() {
            let _ = words.push(' ');
        }
        // What does not fit is left out: fields of 8 and 16 bytes do.
        let _ = words.push_str(word);
    }
    facts.put("model", &words);
}

/// Says an array once it runs: before, some of its members may only not have come.
pub(super) fn arrays(tree: &Tree<'_>, disk: &str, each: &mut dyn FnMut(&Item<'_>)) {
    let Some(files) = tree.directory(&["/sys/class/block/", disk, "/md"]) else {
        return;
    };
    // Documentation/admin-guide/md.rst; `clear` has no members at all.
    let mut state = Small::new();
    if matches!(
        files.text("array_state", &mut state),
        "" | "clear" | "inactive"
    ) {
        return;
    }
    let mut level = Small::new();
    let level = files.text("level", &mut level);
    let mut facts = Facts::new();
    facts.put("level", level);
    for (key, file) in [("disks", "raid_disks"), ("degraded", "degraded")] {
        if let Some(number) = files.number(file) {
            facts.number(key, number);
        }
    }
    let mut members = String::<96>::new();
    tree.names(&["/sys/class/block/", disk, "/slaves"], &mut |_, member| {
        let room = members.capacity() - members.len();
        // What does not fit is left out.
        if member.len() < room {
            let blank = if members.is_empty() { "" } else { " " };
            let _ = members
                .push_str(blank)
                .and_then(|()| members.push_str(member));
        }
    });
    facts.put("members", &members);
    each(&Item {
        class: Class::Md,
        name: &name(disk),
        facts: facts.text(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_are_told_from_others() {
        for disk in ["vda", "sda", "nvme0n1", "mmcblk0", "xvda", "sdaa"] {
            assert!(is_disk(disk), "{disk}");
        }
        for other in [
            "loop0",
            "ram3",
            "zram0",
            "dm-2",
            "md127",
            "sr0",
            "fd0",
            "nbd4",
            "nvme0c0n1",
            "mmcblk0boot0",
            "mmcblk0rpmb",
        ] {
            assert!(!is_disk(other), "{other}");
        }
    }

    #[test]
    fn buses_are_known() {
        let check = |target: &str, name: &str, expected: Bus| {
            assert_eq!(Bus::of(target, name), expected, "{target}");
        };
        let pci = "../../devices/pci0000:00/0000:00:1f.2";
        check(
            &std::format!("{pci}/ata3/host2/target2:0:0/2:0:0:0/block/sda"),
            "sda",
            Bus::Ata,
        );
        check(
            &std::format!("{pci}/host2/target2:0:0/2:0:0:0/block/sda"),
            "sda",
            Bus::Scsi,
        );
        check(
            &std::format!("{pci}/usb2/2-1/2-1:1.0/host7/target7:0:0/7:0:0:0/block/sdb"),
            "sdb",
            Bus::Usb,
        );
        check(
            &std::format!("{pci}/virtio2/host6/target6:0:3/6:0:3:1/block/sda"),
            "sda",
            Bus::Scsi,
        );
        check(&std::format!("{pci}/virtio1/block/vda"), "vda", Bus::Virtio);
        check(
            &std::format!("{pci}/nvme/nvme0/nvme0n1"),
            "nvme0n1",
            Bus::Nvme,
        );
        check("../../devices/vbd-51712/block/xvda", "xvda", Bus::Other);
    }
}
