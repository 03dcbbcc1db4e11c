//! Where a disk is plugged in: the name that udev's `path_id` gives it (`ID_PATH`, the links in /dev/disk/by-path).
//!
//! A disk is a directory of sysfs below those of everything it hangs on. From the disk upwards, each device of a
//! known subsystem puts its part in front:
//!
//! | subsystem | part | |
//! |---|---|---|
//! | `nvme` | `nvme-1` | the namespace |
//! | `scsi` on ATA | `ata-1.0` | port and drive; `ata-1.2.0` behind a port multiplier |
//! | `scsi` | `scsi-0:0:1:0` | host, counted from the controller's first; bus, target, unit |
//! | `usb` | `usb-0:1.2:1.0` | ports, configuration, interface |
//! | `virtio` | | one device for one address |
//! | `pci` `platform` `acpi` `xen` | `pci-0000:00:04.0` | the deepest of those that follow each other |
//!
//! As with udev a disk has no path when what it hangs on, or how, is not known: another disk could get the same.
//! Disks of SAS, Fibre Channel, iSCSI and Hyper-V have one there and none here.

use heapless::String;
use preroot_plan::number_of;

/// A link's target, a directory, or the text of a file.
pub type Fact = String<250>;

/// What is asked of sysfs, below /sys/class.
pub trait Sysfs {
    /// Where a link in a directory leads.
    fn link(&self, directory: &str, name: &str) -> Option<Fact>;
    /// What a file in a directory says.
    fn file(&self, directory: &str, name: &str) -> Option<Fact>;
    /// The smallest N of the directories `hostN` in a directory.
    fn lowest_host(&self, directory: &str) -> Option<u32>;
}

/// A path, written from its end to its front.
#[derive(Debug)]
pub struct Path {
    bytes: [u8; PATH_BYTES_MAX],
    begins: usize,
}

/// A path that is longer is cut at its front.
const PATH_BYTES_MAX: usize = 128;

impl Path {
    /// Its text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.begins..).unwrap_or_default()
    }

    fn put(&mut self, text: &str) {
        for &byte in text.as_bytes().iter().rev() {
            self.begins = self.begins.saturating_sub(1);
            if let Some(slot) = self.bytes.get_mut(self.begins) {
                *slot = byte;
            }
        }
    }

    fn put_number(&mut self, mut number: u32) {
        loop {
            let digit = char::from_digit(number % 10, 10).unwrap_or('0');
            self.put(digit.encode_utf8(&mut [0; 4]));
            number /= 10;
            if number == 0 {
                break;
            }
        }
    }

    /// Puts a part of its own in front, given from its end.
    fn part(&mut self, texts: &[&str]) {
        if self.begins < PATH_BYTES_MAX {
            self.put("-");
        }
        for text in texts {
            self.put(text);
        }
    }
}

/// The directory that links to those of all block devices.
const CLASS_BLOCK: &str = "block/";
/// Transports whose disks are named in another way, by the directories that these are.
const OTHER_TRANSPORTS: [&str; 5] = ["rport-", "end_device-", "session", "vmbus_", "VMBUS"];

/// The path of the disk with this directory, `block/NAME`; `None`: it has none.
pub fn by_path(sysfs: &impl Sysfs, disk: &str) -> Option<Path> {
    let (class, own_name) = disk.rsplit_once('/')?;
    // The link says `../../devices/...`; from here on it is followed from its own directory.
    let mut at = Fact::try_from(CLASS_BLOCK).ok()?;
    at.push_str(&sysfs.link(class, own_name)?).ok()?;
    let mut path = Path {
        bytes: [0; PATH_BYTES_MAX],
        begins: PATH_BYTES_MAX,
    };
    let mut below = Fact::new();
    let (mut has_parent, mut has_transport) = (false, false);
    while let Some((above, _)) = at.rsplit_once('/') {
        at.truncate(above.len());
        let Some(subsystem) = sysfs.link(&at, "subsystem") else {
            continue;
        };
        let kind = last(&subsystem);
        // The links differ in how far up they go.
        if kind == last(&below) {
            continue;
        }
        let name = last(&at);
        match kind {
            "pci" | "platform" | "acpi" | "xen" => {
                path.part(&[name, "-", kind]);
                has_parent = true;
            }
            "virtio" => {}
            "usb" => path.part(&[name.split_once('-')?.1, "usb-0:"]),
            "scsi" => scsi(sysfs, &at, &mut path)?,
            "nvme" | "nvme-subsystem" => {
                path.part(&[sysfs.file(disk, "nsid")?.trim_ascii(), "nvme-"]);
                if kind != "nvme" {
                    // One of several ways to it: the controller of the same number stands for all.
                    let (controller, _) = own_name.rsplit_once('n')?;
                    at.truncate(CLASS_BLOCK.len());
                    at.push_str(&sysfs.link("nvme", controller)?).ok()?;
                }
            }
            _ => continue,
        }
        has_transport |= !matches!(kind, "pci" | "acpi" | "xen");
        below = subsystem;
    }
    (has_parent && has_transport).then_some(path)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// `.../host2/target2:0:0/2:0:0:0`
fn scsi(sysfs: &impl Sysfs, at: &str, path: &mut Path) -> Option<()> {
    let is_other = |part: &str| OTHER_TRANSPORTS.iter().any(|other| part.starts_with(other));
    if at.split('/').any(is_other) {
        return None;
    }
    let mut parts = at.rsplitn(4, '/');
    let address = parts.next()?;
    let controller = parts.nth(2)?;
    let (host, unit) = address.split_once(':')?;
    if !last(controller).starts_with("ata") {
        let host = number_of(host, 10)?.checked_sub(sysfs.lowest_host(controller)?)?;
        path.part(&[unit, ":"]);
        path.put_number(host);
        path.put("scsi-");
        return Some(());
    }
    let mut directory = Fact::try_from("ata_port/").ok()?;
    directory.push_str(last(controller)).ok()?;
    let port = sysfs.file(&directory, "port_no")?;
    let (bus, rest) = unit.split_once(':')?;
    // Behind a port multiplier the bus tells drives apart, else the target does.
    let (drive, target) = match bus {
        "0" => (rest.split_once(':')?.0, ""),
        _ => (bus, ".0"),
    };
    path.part(&[target, drive, ".", port.trim_ascii(), "ata-"]);
    Some(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// Directories of sysfs: the disk's, each part with the subsystem that it belongs to behind a blank, and
    /// files.
    #[derive(Debug, Default)]
    struct Fake {
        texts: BTreeMap<String, String>,
        hosts: Vec<String>,
    }

    /// The disk's name.
    fn name_of(device: &str) -> &str {
        last(device).split(' ').next().unwrap()
    }

    impl Fake {
        fn new(devices: &[&str], files: &[(&str, &str)]) -> Fake {
            let mut fake = Fake::default();
            for device in devices {
                let mut at = "../../devices".to_string();
                let mut kind = "";
                for part in device.split('/') {
                    let (name, subsystem) = part.split_once(' ').unwrap_or((part, ""));
                    at = std::format!("{at}/{name}");
                    kind = subsystem;
                    if !subsystem.is_empty() {
                        let up = "../".repeat(at.matches('/').count() - 1);
                        let target = std::format!("{up}bus/{subsystem}");
                        let link = std::format!("{CLASS_BLOCK}{at}/subsystem");
                        fake.texts.insert(link, target);
                    }
                    if name.starts_with("host") {
                        fake.hosts.push(std::format!("{CLASS_BLOCK}{at}"));
                    }
                }
                let class = if kind == "nvme" { "nvme" } else { "block" };
                let name = last(&at).to_string();
                fake.texts.insert(std::format!("{class}/{name}"), at);
            }
            let disk = std::format!("{CLASS_BLOCK}{}", name_of(devices[0]));
            for (file, text) in files {
                // Those of a class, or of the disk itself.
                let directory = if file.contains('/') { "" } else { &disk };
                let path = std::format!("{directory}/{file}");
                let text = std::format!("{text}\n");
                fake.texts
                    .insert(path.trim_start_matches('/').to_string(), text);
            }
            fake
        }
    }

    impl Sysfs for Fake {
        fn link(&self, directory: &str, name: &str) -> Option<Fact> {
            let text = self.texts.get(&std::format!("{directory}/{name}"))?;
            Fact::try_from(text.as_str()).ok()
        }

        fn file(&self, directory: &str, name: &str) -> Option<Fact> {
            self.link(directory, name)
        }

        fn lowest_host(&self, directory: &str) -> Option<u32> {
            let path = std::format!("{directory}/host");
            let hosts = self
                .hosts
                .iter()
                .filter_map(|host| host.strip_prefix(&path));
            hosts.filter_map(|number| number.parse().ok()).min()
        }
    }

    fn check(devices: &[&str], files: &[(&str, &str)], expected: &str) {
        let fake = Fake::new(devices, files);
        let disk = std::format!("{CLASS_BLOCK}{}", name_of(devices[0]));
        let found = by_path(&fake, &disk);
        let found = found.as_ref().map_or(&b""[..], Path::as_bytes);
        assert_eq!(str::from_utf8(found), Ok(expected), "{devices:?}");
    }

    #[test]
    fn paths_are_those_of_udev() {
        check(
            &["pci0000:00/0000:00:04.0 pci/virtio1 virtio/block/vda block"],
            &[],
            "pci-0000:00:04.0",
        );
        check(
            &["pci0000:00/0000:00:1c.0 pci/0000:03:00.0 pci/nvme/nvme0 nvme/nvme0n1 block"],
            &[("nsid", "1")],
            "pci-0000:03:00.0-nvme-1",
        );
        check(
            &[
                "virtual/nvme-subsystem/nvme-subsys1 nvme-subsystem/nvme1n2 block",
                "pci0000:00/0000:00:04.0 pci/nvme/nvme1 nvme",
            ],
            &[("nsid", "2")],
            "pci-0000:00:04.0-nvme-2",
        );
        check(
            &[
                "pci0000:00/0000:00:1f.2 pci/ata3/host2 scsi/target2:0:0 scsi/2:0:0:0 scsi/block/sda block",
            ],
            &[("ata_port/ata3/port_no", "1")],
            "pci-0000:00:1f.2-ata-1.0",
        );
        check(
            &[
                "pci0000:00/0000:00:1f.2 pci/ata3/host2 scsi/target2:1:0 scsi/2:1:0:0 scsi/block/sda block",
            ],
            &[("ata_port/ata3/port_no", "6")],
            "pci-0000:00:1f.2-ata-6.1.0",
        );
        check(
            &[
                "pci0000:00/0000:00:05.0 pci/virtio2 virtio/host6 scsi/target6:0:3 scsi/6:0:3:1 scsi/block/sda block",
            ],
            &[],
            "pci-0000:00:05.0-scsi-0:0:3:1",
        );
        check(
            &[
                "pci0000:00/0000:00:05.0 pci/host6 scsi/target6:0:3 scsi/6:0:3:1 scsi/block/sdb block",
                "pci0000:00/0000:00:05.0 pci/host5 scsi/target5:0:3 scsi/5:0:3:1 scsi/block/sda block",
            ],
            &[],
            "pci-0000:00:05.0-scsi-1:0:3:1",
        );
        check(
            &[
                "pci0000:00/0000:00:14.0 pci/usb2 usb/2-1 usb/2-1.2 usb/2-1.2:1.0 usb/host7 scsi/target7:0:0 scsi/7:0:0:0 scsi/block/sdb block",
            ],
            &[],
            "pci-0000:00:14.0-usb-0:1.2:1.0-scsi-0:0:0:0",
        );
        check(
            &[
                "platform/soc platform/fe340000.mmc platform/mmc_host/mmc0/mmc0:aaaa mmc/block/mmcblk0 block",
            ],
            &[],
            "platform-fe340000.mmc",
        );
        check(
            &[
                "platform/fd500000.pcie platform/pci0000:00/0000:01:00.0 pci/nvme/nvme0 nvme/nvme0n1 block",
            ],
            &[("nsid", "1")],
            "platform-fd500000.pcie-pci-0000:01:00.0-nvme-1",
        );
    }

    #[test]
    fn what_udev_would_not_name_has_none() {
        let scsi = "host2 scsi/target2:0:0 scsi/2:0:0:0 scsi/block/sda block";
        for front in ["rport-2:0-0", "port-2:0/end_device-2:0", "session1"] {
            check(
                &[&std::format!("pci0000:00/0000:00:05.0 pci/{front}/{scsi}")],
                &[],
                "",
            );
        }
        check(&["virtual/block/dm-0 block"], &[], "");
        check(&["pci0000:00/0000:00:05.0 pci/block/odd0 block"], &[], "");
        check(&["vmbus/block/sda block"], &[], "");
        check(
            &["pci0000:00/0000:00:05.0 pci/nvme/nvme0 nvme/nvme0n1 block"],
            &[],
            "",
        );
        assert!(by_path(&Fake::default(), "block/vda").is_none());
    }

    proptest! {
        #[test]
        fn any_directory_has_a_path_or_none(
            parts in prop::collection::vec("[a-z0-9:.-]{0,8}( (pci|scsi|usb|nvme|nvme-subsystem|virtio))?", 1..9),
        ) {
            let device = parts.join("/");
            let device = std::format!("{device}/sda block");
            let fake = Fake::new(&[&device], &[("ata_port/ata1/port_no", "1"), ("nsid", "1")]);
            let _ = by_path(&fake, "block/sda");
        }
    }
}
