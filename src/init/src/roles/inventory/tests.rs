//! Machines as trees of files: what is told of them.

use std::boxed::Box;
use std::format;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec::Vec;

use heapless::Vec as Bounded;
use preroot_smbios::{Range, structures};
use tempfile::TempDir;

use super::{Answer, Machine, Room, Told, Tree};
use crate::limits::{DISKS_MAX, FIRMWARE_BYTES_MAX};

/// A machine's files.
struct Fake {
    dir: TempDir,
}

impl Fake {
    fn new(files: &[(&str, &str)]) -> Fake {
        let fake = Fake {
            dir: TempDir::new().unwrap(),
        };
        for (path, text) in files {
            fake.file(path, text.as_bytes());
        }
        fake
    }

    fn at(&self, path: &str) -> PathBuf {
        let path = self.dir.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn file(&self, path: &str, bytes: &[u8]) {
        fs::write(self.at(path), bytes).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        symlink(target, self.at(path)).unwrap();
    }

    /// A disk below this place on a bus, with these files beside its size; its blocks are zeros.
    fn disk(&self, name: &str, place: &str, bytes: u64, files: &[(&str, &str)]) {
        let directory = format!("/sys/devices/{place}/block/{name}");
        self.file(
            &format!("{directory}/size"),
            format!("{}\n", bytes / 512).as_bytes(),
        );
        self.file(&format!("{directory}/ro"), b"0\n");
        self.file(&format!("{directory}/queue/logical_block_size"), b"512\n");
        for (file, text) in files {
            self.file(&format!("{directory}/{file}"), text.as_bytes());
        }
        self.link(
            &format!("/sys/class/block/{name}"),
            &format!("../../devices/{place}/block/{name}"),
        );
        self.link(
            &format!("/sys/block/{name}"),
            &format!("../devices/{place}/block/{name}"),
        );
        let device = self.at(&format!("/dev/{name}"));
        fs::File::create(device).unwrap().set_len(bytes).unwrap();
    }

    fn root(&self) -> &'static str {
        Box::leak(
            self.dir
                .path()
                .to_str()
                .unwrap()
                .to_string()
                .into_boxed_str(),
        )
    }

    /// All that is told, once every disk has answered, without what takes a different time each time.
    fn told(&self) -> String {
        self.after(|machine| {
            while machine
                .room
                .disks
                .iter()
                .any(|disk| disk.answer != Answer::Told)
            {
                machine.wait(1_000_000_000);
                machine.hear();
                machine.ask_disks();
            }
            machine.give_up();
        })
    }

    fn after(&self, then: impl Fn(&mut Machine<'_, '_>)) -> String {
        let room = Room {
            disks: Box::leak(Box::new(Bounded::<_, DISKS_MAX>::new())),
            nics: Box::leak(Box::new(Bounded::new())),
            firmware: Box::leak(Box::new([0; FIRMWARE_BYTES_MAX])),
        };
        let mut out = String::new();
        let mut machine = Machine::new(Tree::new(self.root()), None, room, &mut out).unwrap();
        machine.recognise();
        machine.fixed(Told::Now);
        machine.look();
        then(&mut machine);
        drop(machine);
        let mut lines: Vec<String> = out.lines().map(without_time).collect();
        assert_eq!(lines.pop().as_deref(), Some("done"));
        // Directories have no order.
        lines.sort();
        lines.join("\n").replace('\t', " ")
    }
}

impl super::Out for String {
    fn send(&mut self) {}
}

fn without_time(line: &str) -> String {
    let fields = line
        .split('\t')
        .filter(|field| !field.starts_with("took_us="));
    fields.collect::<Vec<_>>().join("\t")
}

/// Lines of one class.
fn of<'t>(told: &'t str, class: &str) -> Vec<&'t str> {
    let start = format!("is {class} ");
    told.lines()
        .filter_map(|line| line.strip_prefix(&start))
        .collect()
}

fn kept(name: &str) -> Vec<u8> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../smbios/tests/kept");
    fs::read(kept.join(name)).unwrap()
}

#[test]
fn memory_is_told() {
    let fake = Fake::new(&[
        (
            "/proc/meminfo",
            "MemTotal:         480284 kB\nMemFree:  1 kB\nHardwareCorrupted:    8 kB\nHugePages_Total: 0\n",
        ),
        ("/sys/firmware/memmap/0/type", "System RAM\n"),
        ("/sys/firmware/memmap/0/start", "0x0\n"),
        ("/sys/firmware/memmap/0/end", "0x9fbff\n"),
        ("/sys/firmware/memmap/1/type", "Reserved\n"),
        ("/sys/firmware/memmap/1/start", "0x9fc00\n"),
        ("/sys/firmware/memmap/1/end", "0x9ffff\n"),
        ("/sys/firmware/memmap/2/type", "System RAM\n"),
        ("/sys/firmware/memmap/2/start", "0x100000\n"),
        ("/sys/firmware/memmap/2/end", "0x1ffdffff\n"),
        (
            "/proc/iomem",
            "00000000-00000fff : Reserved\n00001000-0009fbff : System RAM\n\
             00100000-1fbfffff : System RAM\n  17c00000-18a01ef1 : Kernel code\n\
             \x20 18000000-18a01ef1 : System RAM\n20000000-afffffff : PCI Bus 0000:00\n",
        ),
        (
            "/proc/cmdline",
            "console=ttyS0 mem=508M memmap=1M$0x10000000 memory=x root=mem=\n",
        ),
        ("/sys/devices/system/edac/mc/mc0/ce_count", "3\n"),
        ("/sys/devices/system/edac/mc/mc0/ue_count", "0\n"),
        ("/sys/devices/system/edac/mc/mc1/ce_count", "4\n"),
        ("/sys/devices/system/edac/mc/power/ce_count", "9\n"),
    ]);
    fake.file(
        "/sys/firmware/dmi/tables/DMI",
        &kept("qemu-pc-three-slots.dmi"),
    );
    let told = fake.told();
    let gib = 1_u64 << 30;
    assert_eq!(
        of(&told, "memory"),
        [format!(
            "memory total={} corrupted=8192 kernel={} installed={} mapped=536870912 edac_ce=7 edac_ue=0 \
             limited=mem=508M memmap=1M$0x10000000 firmware={}",
            480_284 << 10,
            0x9_fc00 - 0x1000 + 0x1fc0_0000 - 0x10_0000,
            32 * gib + gib / 2,
            0x9_fc00 + 0x1ffe_0000 - 0x10_0000
        )]
    );
    assert_eq!(
        of(&told, "slot"),
        [
            "DIMM_A1 bank=BANK 0 bytes=536870912 speed=3200 manufacturer=ACME part=PN7 serial=SN-A1",
            "DIMM_A2 bank=BANK 1 bytes=0 manufacturer=ACME part=PN7 serial=SN-A2",
            "DIMM_B1 bank=BANK 2 bytes=34359738368 speed=3200 manufacturer=ACME part=PN7 serial=SN-B1",
        ]
    );
}

/// A workstation with four of six slots filled, two arrays, and flash in a third. What fills the slots has addresses, all of it;
/// then some of it has none.
#[test]
fn what_has_no_addresses_is_told() {
    let told = |table: &[u8]| {
        let fake = Fake::new(&[]);
        fake.file("/sys/firmware/dmi/tables/DMI", table);
        let told = fake.told();
        let slots = of(&told, "slot").len();
        (slots, of(&told, "memory").join(""))
    };
    let mut table = kept("hp-z600.dmi");
    let (slots, memory) = told(&table);
    assert_eq!(
        (slots, memory.as_str()),
        (6, "memory installed=34359738368")
    );
    // The second array's 16 GiB end 8 GiB earlier; its addresses are in KiB.
    let ranges = structures(&table).filter_map(|structure| Range::of(&structure.unwrap()));
    let end = ranges.map(|range| range.last).max().unwrap();
    let kib = |bytes: u64| u32::try_from(bytes >> 10).unwrap().to_le_bytes();
    let at = table
        .windows(4)
        .position(|bytes| bytes == kib(end))
        .unwrap();
    table[at..at + 4].copy_from_slice(&kib(end - (8 << 30)));
    let (_, memory) = told(&table);
    let mapped = 24_u64 << 30;
    assert_eq!(
        memory,
        format!("memory installed=34359738368 mapped={mapped}")
    );
}

/// A slot: its array, locator and bank.
fn slot(array: u8, locator: &str, bank: &str) -> Vec<u8> {
    let mut bytes = std::vec![17, 0x28, 0, 17, array, 0x10];
    bytes.resize(0x28, 0);
    bytes[0x0C] = 4;
    (bytes[0x10], bytes[0x11]) = (1, 2);
    for text in [locator, bank] {
        bytes.extend(text.bytes());
        bytes.push(0);
    }
    bytes.push(0);
    bytes
}

/// Slots with these locators and banks, told by name.
fn names_of(table: &[u8]) -> String {
    let fake = Fake::new(&[]);
    fake.file("/sys/firmware/dmi/tables/DMI", table);
    let told = fake.told();
    let slots = of(&told, "slot");
    let names = slots
        .iter()
        .map(|line| line.split(" bank=").next().unwrap());
    let names: Vec<&str> = names
        .map(|name| name.split(" bytes=").next().unwrap())
        .collect();
    names.join("; ")
}

#[test]
fn slots_have_names_of_their_own() {
    let check = |slots: &[(&str, &str)], expected: &str| {
        let table: Vec<u8> = slots
            .iter()
            .flat_map(|(locator, bank)| slot(1, locator, bank))
            .chain([127, 4, 0, 0, 0, 0])
            .collect();
        assert_eq!(names_of(&table), expected);
    };
    check(&[("A1", "X"), ("A2", "X")], "A1; A2");
    check(
        &[("DIMM 0", "P0 A"), ("DIMM 0", "P0 B")],
        "P0 A DIMM 0; P0 B DIMM 0",
    );
    check(&[("D", "X"), ("D", "X")], "X D #1; X D #2");
    check(&[(" ", " "), ("  ", " ")], "slot #1; slot #2");
    check(&[("A\t1\x1b[2J\n", "X")], "A1[2J");
    check(&[("D\u{ff}", "X")], "D");
}

#[test]
fn slots_of_flash_are_no_memory() {
    // An array for flash (purpose 4), with the handle 0x1002.
    let mut table = std::vec![16, 15, 2, 16, 3, 4, 3, 0, 0, 0, 0, 0xFE, 0xFF, 1, 0, 0, 0];
    table[3] = 0x10;
    table.extend(slot(2, "BIOS ROM", "X"));
    table.extend(slot(1, "A1", "X"));
    table.extend([127, 4, 0, 0, 0, 0]);
    assert_eq!(names_of(&table), "A1");
}

#[test]
fn arrays_are_told_with_their_members() {
    const ARRAY: &[(&str, &str)] = &[
        ("/sys/block/md127/ro", "0\n"),
        ("/sys/class/block/md127/md/level", "raid1\n"),
        ("/sys/class/block/md127/md/raid_disks", "2\n"),
        ("/sys/class/block/md127/md/degraded", "1\n"),
        ("/sys/class/block/md127/slaves/sdb1/size", "1\n"),
    ];
    let array = |state: &str| {
        let fake = Fake::new(ARRAY);
        fake.file("/sys/class/block/md127/md/array_state", state.as_bytes());
        of(&fake.told(), "md").join("; ")
    };
    let told = "md127 level=raid1 disks=2 degraded=1 members=sdb1";
    for (state, expected) in [
        ("clean\n", told),
        ("active\n", told),
        ("inactive\n", ""),
        ("", ""),
    ] {
        assert_eq!(array(state), expected, "{state}");
    }
}

#[test]
fn a_broken_table_is_said_to_be() {
    let whole = kept("qemu-pc-three-slots.dmi");
    for (cut, expected) in [
        (whole.len() - 7, "smbios=texts have no end at byte"),
        (0, ""),
    ] {
        let fake = Fake::new(&[]);
        fake.file("/sys/firmware/dmi/tables/DMI", &whole[..cut]);
        let told = fake.told();
        let memory = of(&told, "memory").join("");
        assert!(memory.contains(expected), "{memory}");
        assert_eq!(memory.contains("smbios="), !expected.is_empty(), "{memory}");
    }
    let fake = Fake::new(&[]);
    // A text of a slot is missing.
    let mut table = slot(1, "A1", "X");
    table[0x18] = 9;
    table.extend([127, 4, 0, 0, 0, 0]);
    fake.file("/sys/firmware/dmi/tables/DMI", &table);
    let told = fake.told();
    assert!(
        told.contains("smbios=a text is missing at byte 0"),
        "{told}"
    );
}

#[test]
fn processors_are_told() {
    let one = |number: u32, package: u32, core: u32| {
        format!(
            "processor\t: {number}\nmodel name\t: ACME {number} GHz\nmicrocode\t: 0x2b000603\n\
             physical id\t: {package}\nsiblings\t: 4\ncore id\t\t: {core}\ncpu cores\t: 2\n\
             flags\t\t: {}\n\n",
            "fpu ".repeat(1000)
        )
    };
    let cpuinfo: String = [(0, 0, 0), (1, 0, 1), (2, 7, 0), (3, 7, 1), (4, 0, 0)]
        .map(|(number, package, core)| one(number, package, core))
        .concat();
    let fake = Fake::new(&[
        ("/proc/cpuinfo", &cpuinfo),
        ("/sys/devices/system/cpu/present", "0-7\n"),
    ]);
    assert_eq!(
        of(&fake.told(), "cpu"),
        ["cpu model=ACME 0 GHz microcode=0x2b000603 sockets=2 cores=4 threads=8 online=5"]
    );
}

#[test]
fn cards_are_told() {
    let fake = Fake::new(&[
        ("/sys/class/net/eth0/address", ""),
        (
            "/sys/bus/pci/devices/0000:00:03.0/uevent",
            "PCI_CLASS=20000\nPCI_ID=1AF4:1041\nPCI_SLOT_NAME=0000:00:03.0\n",
        ),
        (
            "/sys/bus/pci/devices/0000:00:01.0/uevent",
            "PCI_CLASS=60000\nPCI_ID=8086:29C0\nPCI_SLOT_NAME=0000:00:01.0\n",
        ),
        ("/sys/bus/pci/devices/0000:00:1f.2/uevent", "nonsense"),
    ]);
    fs::remove_dir_all(fake.at("/sys/class/net/eth0")).unwrap();
    let device = "/sys/devices/pci0000:00/0000:00:03.0/virtio1";
    for (file, text) in [
        ("address", "52:54:00:12:34:56\n"),
        ("speed", "10000\n"),
        ("carrier", "1\n"),
    ] {
        fake.file(&format!("{device}/net/eth0/{file}"), text.as_bytes());
    }
    fake.link(&format!("{device}/net/eth0/device"), "../../../virtio1");
    fake.link(
        &format!("{device}/driver"),
        "../../../../bus/virtio/drivers/virtio_net",
    );
    fake.link(
        "/sys/class/net/eth0",
        "../../devices/pci0000:00/0000:00:03.0/virtio1/net/eth0",
    );
    fake.link("/sys/class/net/lo", "../../devices/virtual/net/lo");
    let told = fake.after(|machine| {
        // Its driver is loaded when it was told already.
        fake.file(
            "/sys/bus/pci/devices/0000:00:03.0/uevent",
            b"DRIVER=virtio-pci\nPCI_CLASS=20000\nPCI_ID=1AF4:1041\n",
        );
        machine.ask_links(0);
        while matches!(machine.links, super::Links::Asked(_)) {
            machine.wait(1_000_000_000);
            machine.hear();
        }
        machine.give_up();
    });
    assert_eq!(
        of(&told, "nic"),
        [
            "eth0 mac=52:54:00:12:34:56 pci=0000:00:03.0 driver=virtio_net",
            "eth0 mac=52:54:00:12:34:56 pci=0000:00:03.0 driver=virtio_net speed=10000 carrier=1"
        ]
    );
    assert_eq!(
        of(&told, "pci"),
        [
            "0000:00:01.0 id=8086:29c0 class=060000",
            "0000:00:03.0 id=1af4:1041 class=020000",
            "0000:00:03.0 id=1af4:1041 class=020000 driver=virtio-pci"
        ]
    );
}

/// The kinds of directories on the way to a disk, as sysfs links to them.
#[test]
fn a_disk_has_the_path_that_udev_gives_it() {
    let check = |name: &str, place: &str, kinds: &[(&str, &str)], expected: &str| {
        let fake = Fake::new(&[("/sys/class/ata_port/ata3/port_no", "1\n")]);
        fake.disk(name, place, 1 << 20, &[]);
        let mut at = String::from("/sys/devices");
        for part in place.split('/') {
            at = format!("{at}/{part}");
            if let Some((_, kind)) = kinds.iter().find(|(known, _)| *known == part) {
                fake.link(
                    &format!("{at}/subsystem"),
                    &format!("{}bus/{kind}", "../".repeat(at.matches('/').count() - 1)),
                );
            }
        }
        let told = fake.told();
        let path = format!(" path={expected} ");
        assert!(of(&told, "disk").join("").contains(&path), "{told}");
    };
    let kinds = [
        ("0000:00:1f.2", "pci"),
        ("virtio1", "virtio"),
        ("host2", "scsi"),
        ("target2:0:0", "scsi"),
        ("2:0:0:0", "scsi"),
    ];
    let scsi = "host2/target2:0:0/2:0:0:0";
    let place = format!("pci0000:00/0000:00:1f.2/ata3/{scsi}");
    check("sda", &place, &kinds, "pci-0000:00:1f.2-ata-1.0");
    let place = format!("pci0000:00/0000:00:1f.2/virtio1/{scsi}");
    check("sda", &place, &kinds, "pci-0000:00:1f.2-scsi-0:0:0:0");
}

const VIRTIO: &str = "pci0000:00/0000:00:04.0/virtio1";

#[test]
fn disks_are_told() {
    let fake = Fake::new(&[(
        "/dev/kmsg",
        "4,7,8,-;I/O error, dev sda, sector 8 op 0x0:(READ)\n3,8,9,-;I/O error, dev sda, sector 9\n\
         12,8,9,-;I/O error, dev sda, sector 9\n",
    )]);
    fake.disk("vda", VIRTIO, 1 << 20, &[("serial", "SN-1")]);
    let ata = "pci0000:00/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0";
    fake.disk(
        "sda",
        ata,
        8 << 20,
        &[
            ("device/wwid", "naa.5000c500a1b2c3d4\n"),
            ("device/vendor", "ATA     \n"),
            ("device/model", "ACME DISK       \n"),
            ("device/ioerr_cnt", "0x1f\n"),
        ],
    );
    fake.disk(
        "nvme0n1",
        "pci0000:00/0000:00:05.0/nvme/nvme0",
        512,
        &[
            ("wwid", "nvme.1b36-x\n"),
            ("device/serial", "NV-1                \n"),
            ("device/model", "QEMU NVMe Ctrl  \n"),
        ],
    );
    fake.file(
        &format!("/sys/devices/{ata}/block/sda/device/vpd_pg80"),
        b"\0\x80\0\x08  WD-1  ",
    );
    // It ends before its last sectors, so what the kernel has said is looked at.
    fake.file("/dev/sda", &[0; 4096]);
    // No blocks of their own; others are no disks.
    fake.disk(
        "sdb",
        "pci0000:00/0000:00:14.0/usb2/2-1/host7/target7:0:0/7:0:0:0",
        0,
        &[],
    );
    for (name, place) in [("sr0", ata), ("loop0", "virtual"), ("dm-0", "virtual")] {
        fake.disk(name, place, 1 << 20, &[]);
    }
    fake.file("/sys/devices/virtual/block/md0/md/array_state", b"clean\n");
    fake.file("/sys/devices/virtual/block/md0/md/level", b"raid1\n");
    fake.file("/sys/devices/virtual/block/md0/md/raid_disks", b"2\n");
    fake.file("/sys/devices/virtual/block/md0/md/degraded", b"1\n");
    fake.link("/sys/block/md0", "../devices/virtual/block/md0");
    fake.link("/sys/class/block/md0", "../../devices/virtual/block/md0");
    let told = fake.told();
    assert_eq!(
        of(&told, "disk"),
        [
            "nvme0n1 bus=nvme wwn=nvme.1b36-x model=QEMU NVMe Ctrl serial=NV-1 bytes=512 sector=512 \
             read_only=0 alive=ok errors=0",
            "sda bus=ata wwn=0x5000c500a1b2c3d4 model=ATA ACME DISK serial=WD-1 bytes=8388608 \
             sector=512 read_only=0 ioerr=31 alive=errno 5 errors=2",
            "sdb bus=usb bytes=0 sector=512 read_only=0 alive=not asked errors=0",
            "vda bus=virtio bytes=1048576 sector=512 read_only=0 serial=SN-1 alive=ok errors=0",
        ]
    );
    assert_eq!(of(&told, "md"), ["md0 level=raid1 disks=2 degraded=1"]);
}

#[test]
fn absurd_values_are_left_out() {
    let fake = Fake::new(&[
        (
            "/proc/meminfo",
            "MemTotal: 99999999999999999999 kB\nHardwareCorrupted: x kB\n",
        ),
        ("/sys/firmware/memmap/0/type", "System RAM\n"),
        ("/sys/firmware/memmap/0/start", "0x2\n"),
        ("/sys/firmware/memmap/0/end", "0x1\n"),
        (
            "/proc/iomem",
            "00000000-00000000 : System RAM\n-:\nx-y : System RAM\n",
        ),
        (
            "/proc/cpuinfo",
            "processor\t: x\nphysical id\t: -1\ncpu cores\t: 9\n",
        ),
    ]);
    fake.file("/sys/firmware/dmi/tables/DMI", &[17, 255]);
    fake.disk(
        "vda",
        VIRTIO,
        4096,
        &[
            ("size", "99999999999999999999\n"),
            ("ro", "\u{fffd}\n"),
            ("queue/logical_block_size", "513\n"),
            ("serial", "\x1b[2J\x07\t\u{1}"),
        ],
    );
    fake.disk(
        "vdb",
        "pci0000:00/0000:00:05.0/virtio2",
        4096,
        &[("size", "18446744073709551615\n"), ("serial", "SN-1")],
    );
    let told = fake.told();
    assert_eq!(
        told,
        "is cpu cpu online=1\n\
         is disk vda bus=virtio bytes=0 read_only=0 alive=not asked errors=0\n\
         is disk vdb bus=virtio bytes=18446744073709551615 sector=512 read_only=0 serial=SN-1 \
         alive=errno 22 errors=0\n\
         is memory memory smbios=the table ends within a structure at byte 0"
    );
}

/// Hundreds of disks, all with the same serial number or with none.
#[test]
fn hundreds_of_disks_are_told() {
    let fake = Fake::new(&[]);
    for number in 0..300 {
        let place = format!("pci0000:00/0000:00:04.0/host{number}/target0:0:0/0:0:0:0");
        let serial: &[(&str, &str)] = if number % 2 == 0 {
            &[("device/vpd_pg80", "\0\u{1}\0\u{2}SN")]
        } else {
            &[]
        };
        fake.disk(&format!("sd{number:03}"), &place, 8192, serial);
    }
    let told = fake.told();
    let disks = of(&told, "disk");
    assert_eq!(disks.len(), 300);
    assert!(
        disks.iter().all(|disk| disk.contains(" alive=ok")),
        "{told}"
    );
    let same = disks.iter().filter(|disk| disk.contains(" serial=SN "));
    assert_eq!(same.count(), 150);
}

#[test]
fn a_disk_that_cannot_be_read_says_why() {
    let fake = Fake::new(&[]);
    fake.disk("vda", VIRTIO, 1 << 20, &[]);
    fs::remove_file(fake.at("/dev/vda")).unwrap();
    let told = fake.told();
    assert!(told.contains(" alive=errno 2 "), "{told}");
    // It ends before its last sectors.
    let fake = Fake::new(&[]);
    fake.disk("vda", VIRTIO, 1 << 20, &[]);
    fake.file("/dev/vda", &[0; 4096]);
    let told = fake.told();
    assert!(told.contains(" alive=errno 5 "), "{told}");
}

#[test]
fn what_has_not_answered_hangs() {
    let check = |answer: Answer, expected: &str| {
        let fake = Fake::new(&[]);
        fake.disk("vda", VIRTIO, 1 << 20, &[]);
        let told = fake.after(|machine| {
            machine
                .room
                .disks
                .iter_mut()
                .for_each(|disk| disk.answer = answer);
            machine.give_up();
        });
        let start = "vda bus=virtio bytes=1048576 sector=512 read_only=0";
        assert_eq!(
            of(&told, "disk"),
            [format!("{start} alive={expected} errors=0")]
        );
    };
    check(Answer::Asked, "hangs");
    check(Answer::NotAsked, "not asked");
}

#[test]
fn an_empty_tree_is_no_machine() {
    let told = Fake::new(&[]).told();
    assert_eq!(told, "is cpu cpu\nis memory memory");
}
