//! What a machine is made of: kernel, image, disks, network cards.

mod command;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use self::command::bound_to_us;
pub(crate) use self::command::disk_device;
use crate::artefacts::Artefacts;
use crate::disk::{self, Disk};
use crate::error::Error;
use crate::files;
use crate::fpdt;
use crate::layer::Layer;
use crate::machine::{Cable as Plugged, LOOK_PAUSE, Machine};
use crate::port::free_port;
use crate::steady;
use crate::wdat;

/// The MAC address that the config's host table names.
const MAC: &str = "52:54:00:12:34:56";
/// The memory that a machine has.
const MEMORY_MIB: u32 = 512;
/// The processors that it has, where instructions are not counted.
const PROCESSORS: u8 = 2;
/// How often a kernel may fail to start PID 1.
const KERNEL_STARTS_MAX: usize = 4;
/// How long it may take to; some two seconds are usual.
const KERNEL_MAX: Duration = Duration::from_secs(60);

/// What a network card is plugged into.
#[derive(Debug, Clone)]
pub enum Nic {
    /// QEMU's own network, cut off from the outside; loopback ports lead to guest ports.
    User {
        /// Host port, guest port.
        forwards: Vec<(u16, u16)>,
    },
    /// The same, where 10.0.2.2 and fec0::2 are this machine's loopback: for a guest that contacts nobody else.
    Loopback {
        /// Host port, guest port.
        forwards: Vec<(u16, u16)>,
    },
    /// A cable to one other machine.
    Cable(Link),
    /// A hub, which has QEMU's own network too; the forwards of the first of its cards count.
    Hub {
        /// Host port, guest port.
        forwards: Vec<(u16, u16)>,
    },
}

/// One end of a cable between two machines: UDP between two loopback ports.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    here: u16,
    there: u16,
}

impl Link {
    /// Both ends of a new cable.
    ///
    /// # Errors
    /// When no port is free.
    pub fn pair() -> Result<(Self, Self), Error> {
        let (a, b) = (free_port()?, free_port()?);
        Ok((Self { here: a, there: b }, Self { here: b, there: a }))
    }
}

/// A disk and where it is plugged in.
#[derive(Debug, Clone)]
struct Plug {
    path: PathBuf,
    bus: Bus,
    layer: Option<Layer>,
    /// Its serial number; `None`: one by its place.
    serial: Option<String>,
    /// Its World Wide Name, where its bus has one.
    wwn: Option<u64>,
    cache: Cache,
}

/// What a disk says of its cache, and so whether the machine flushes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Cache {
    /// What is written is on the disk once it has been flushed.
    #[default]
    Writeback,
    /// What is written is on the disk.
    Writethrough,
}

/// Where ramoops keeps things, as parameters that the kernel does not give to a module; and a kernel that panics resets the machine.
const RAMOOPS: &str = "ramoops.mem_address=0x1e000000 ramoops.mem_size=0x100000 ramoops.record_size=0x10000 \
     ramoops.max_reason=2 panic=1 sysrq_always_enabled";

impl Plug {
    fn new(path: PathBuf, bus: Bus) -> Self {
        Self {
            path,
            bus,
            layer: None,
            serial: None,
            wwn: None,
            cache: Cache::default(),
        }
    }
}

/// What a disk is plugged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bus {
    /// virtio-blk.
    Virtio,
    /// virtio-blk, write-protected.
    VirtioReadOnly,
    /// NVMe.
    Nvme,
    /// A SCSI disk on a virtio controller.
    VirtioScsi,
    /// An ATA disk on the chipset's AHCI controller.
    Ahci,
    /// Nothing yet: a slot is kept for it.
    #[serde(skip)]
    Unplugged,
}

/// Whether guest time is counted in instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// No: as fast as it goes.
    Free,
    /// One instruction is one nanosecond, one processor: figures that repeat.
    Instructions,
}

/// What a machine is made of.
#[derive(Debug, Clone)]
pub struct Spec {
    qemu: PathBuf,
    kernel: PathBuf,
    image: Option<PathBuf>,
    append: Vec<String>,
    disks: Vec<Plug>,
    nics: Vec<(Nic, String)>,
    /// Where cards sit, by their number (`0x10`); those that are not here wherever QEMU puts them.
    slots: Vec<(usize, String)>,
    /// What the firmware says of the machine, as `-smbios` takes it.
    firmware: Option<String>,
    /// SMBIOS structures in place of the firmware's own of their type.
    structures: Vec<Vec<u8>>,
    memory_mib: u32,
    processors: u8,
    counted: Counted,
    random: Random,
    reboots: bool,
    watchdog: bool,
    remembers: bool,
    /// Cards whose cable is not in when it is switched on, by their number.
    cables_out: Vec<usize>,
    /// Serial numbers of NVMe drives that warn, and the bits of their health logs' Critical Warning.
    warnings: Vec<(String, u8)>,
    /// Where what is left of its boots is kept.
    kept: Option<PathBuf>,
}

/// Whether the machine has random numbers to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Random {
    /// The processor's, and a seed by the loader; where instructions are counted, none.
    Usual,
    /// The processor's, in any case.
    Processor,
    /// None.
    None,
}

impl Spec {
    /// The usual kernel and image, no disk, no network.
    #[must_use]
    pub fn new(artefacts: &Artefacts) -> Self {
        Self {
            qemu: artefacts.qemu.clone(),
            kernel: artefacts.kernel.clone(),
            image: Some(artefacts.image.clone()),
            append: ["console=ttyS0", "net.ifnames=0", &artefacts.append]
                .map(str::to_owned)
                .into(),
            disks: Vec::new(),
            nics: Vec::new(),
            slots: Vec::new(),
            firmware: None,
            structures: Vec::new(),
            memory_mib: MEMORY_MIB,
            processors: PROCESSORS,
            counted: Counted::Free,
            random: Random::Usual,
            reboots: false,
            watchdog: false,
            remembers: false,
            cables_out: Vec::new(),
            warnings: Vec::new(),
            kept: None,
        }
    }

    /// Keeps consoles and command lines of its boots in this directory: `console.log`, `qemu.txt`.
    #[must_use]
    pub fn keep_in(mut self, dir: &Path) -> Self {
        self.kept = Some(dir.to_owned());
        self
    }

    /// Boots another kernel.
    #[must_use]
    pub fn kernel(mut self, kernel: &Path) -> Self {
        self.kernel = kernel.to_owned();
        self
    }

    /// Has so many processors.
    #[must_use]
    pub(crate) fn processors(mut self, count: u8) -> Self {
        self.processors = count;
        self
    }

    /// Has so much memory.
    #[must_use]
    pub fn memory(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }

    /// Has the firmware's table have this structure, and none of its own of that type.
    #[must_use]
    pub(crate) fn structure(mut self, structure: Vec<u8>) -> Self {
        self.structures.push(structure);
        self
    }

    /// Boots another image.
    #[must_use]
    pub fn image(mut self, image: &Path) -> Self {
        self.image = Some(image.to_owned());
        self
    }

    /// Boots without an image from an NVMe drive with preroot on it: the kernel's own drivers find the root, and
    /// what is on it starts.
    #[must_use]
    pub fn in_place(mut self, disk: &Disk) -> Self {
        self.image = None;
        self.nvme(disk)
            .append("root=/dev/nvme0n1p1 ro init=/sbin/preroot-init")
    }

    /// Adds words to the kernel command line.
    #[must_use]
    pub fn append(mut self, words: &str) -> Self {
        self.append.push(words.to_owned());
        self
    }

    /// Plugs a disk in.
    #[must_use]
    pub fn disk(self, disk: &Disk) -> Self {
        self.plug(disk, Bus::Virtio)
    }

    /// Plugs a disk in that says that it cannot be written.
    #[must_use]
    pub fn disk_read_only(self, disk: &Disk) -> Self {
        self.plug(disk, Bus::VirtioReadOnly)
    }

    /// Plugs in a disk that is kept: what the machine writes stays.
    #[must_use]
    pub(crate) fn disk_at(mut self, path: &Path) -> Self {
        self.disks.push(Plug::new(path.to_owned(), Bus::Virtio));
        self
    }

    /// Plugs a disk in as an NVMe drive, whose driver is in the kernel itself.
    #[must_use]
    pub fn nvme(self, disk: &Disk) -> Self {
        self.plug(disk, Bus::Nvme)
    }

    /// Plugs a disk in behind something.
    #[must_use]
    pub fn disk_behind(mut self, disk: &Disk, layer: Layer) -> Self {
        self = self.plug(disk, Bus::Virtio);
        if let Some(plug) = self.disks.last_mut() {
            plug.layer = Some(layer);
        }
        self
    }

    /// Has a disk lie ready behind something, for [`Machine::attach`].
    #[must_use]
    pub fn disk_unplugged_behind(mut self, disk: &Disk, layer: Layer) -> Self {
        self = self.plug(disk, Bus::Unplugged);
        if let Some(plug) = self.disks.last_mut() {
            plug.layer = Some(layer);
        }
        self
    }

    pub(crate) fn plug(mut self, disk: &Disk, bus: Bus) -> Self {
        self.disks.push(Plug::new(disk.path(), bus));
        self
    }

    /// Puts the last disk behind something, if that is said, and gives it these names, if they are.
    #[must_use]
    pub(crate) fn with(
        mut self,
        layer: Option<Layer>,
        serial: Option<&str>,
        wwn: Option<u64>,
    ) -> Self {
        if let Some(plug) = self.disks.last_mut() {
            plug.layer = layer;
            plug.serial = serial.map(str::to_owned);
            plug.wwn = wwn;
        }
        self
    }

    /// Has the last disk cache what is written so.
    #[must_use]
    pub(crate) fn cached(mut self, cache: Cache) -> Self {
        if let Some(plug) = self.disks.last_mut() {
            plug.cache = cache;
        }
        self
    }

    /// Has a disk lie ready, for [`Machine::attach`].
    #[must_use]
    pub fn disk_unplugged(self, disk: &Disk) -> Self {
        self.plug(disk, Bus::Unplugged)
    }

    /// Plugs a network card in: the first one has the address that the config's host has.
    #[must_use]
    pub fn nic(mut self, nic: Nic) -> Self {
        let mac = match self.nics.len() {
            0 => MAC.to_owned(),
            more => format!("52:54:00:12:35:{more:02x}"),
        };
        self.nics.push((nic, mac));
        self
    }

    /// A card whose MAC address is this one.
    #[must_use]
    pub fn nic_with_mac(mut self, nic: Nic, mac: &str) -> Self {
        self.nics.push((nic, mac.to_owned()));
        self
    }

    /// Puts the last card into a PCI slot of the root bus.
    #[must_use]
    pub fn in_slot(mut self, slot: &str) -> Self {
        let number = self.nics.len().saturating_sub(1);
        self.slots.push((number, slot.to_owned()));
        self
    }

    /// Has the firmware say this of the machine, as `-smbios` takes it: `type=1,serial=...`.
    #[must_use]
    pub fn firmware(mut self, words: &str) -> Self {
        self.firmware = Some(words.to_owned());
        self
    }

    /// Counts instructions.
    #[must_use]
    pub fn counted(mut self) -> Self {
        self.counted = Counted::Instructions;
        self
    }

    /// Counts instructions of a processor that has random numbers: an sshd needs some, and without them the kernel
    /// computes for a second to gather them.
    #[must_use]
    pub fn counted_with_random(mut self) -> Self {
        self.random = Random::Processor;
        self.counted()
    }

    /// Takes away whatever gives random numbers: the kernel has to gather them itself.
    #[must_use]
    pub fn starved_of_random(mut self) -> Self {
        self.random = Random::None;
        self.append("random.trust_cpu=off random.trust_bootloader=off")
    }

    /// Lets a reboot be one; without this, it ends the machine.
    #[must_use]
    pub fn reboots(mut self) -> Self {
        self.reboots = true;
        self
    }

    /// Has the firmware tell of the chipset's watchdog by an ACPI table, which resets the machine when it is not fed.
    #[must_use]
    pub fn watchdog(mut self) -> Self {
        self.watchdog = true;
        self.reboots()
    }

    /// Has two megabytes of memory outlive a reset: one for ramoops, of which the kernel command line says where it is, and one in which
    /// the firmware tells how long it took.
    #[must_use]
    pub fn remembers(mut self) -> Self {
        self.remembers = true;
        self.reboots().append(fpdt::MEMORY).append(RAMOOPS)
    }

    /// What the firmware of such a machine tells: when the loader was loaded, ns since the reset, and how long that took.
    #[must_use]
    pub fn firmware_times() -> (u64, u64) {
        (fpdt::LOAD_NS, fpdt::EXIT_NS - fpdt::LOAD_NS)
    }

    /// Has the last card's cable not be in.
    #[must_use]
    pub(crate) fn cable_out(mut self) -> Self {
        self.cables_out.push(self.nics.len().saturating_sub(1));
        self
    }

    /// Has the NVMe drive with this serial number warn: bits of its health log's Critical Warning.
    #[must_use]
    pub(crate) fn warning(mut self, serial: &str, bits: u8) -> Self {
        self.warnings.push((serial.to_owned(), bits));
        self
    }

    /// Switches the machine on.
    ///
    /// # Errors
    /// When QEMU cannot be started or does not like what it is given.
    pub fn start(&self) -> Result<Machine, Error> {
        let dir = disk::scratch()?;
        let mut command = self.command(dir.path());
        if self.counted == Counted::Instructions {
            self.disks
                .iter()
                .try_for_each(|plug| steady::read_all(&plug.path))?;
        }
        if self.watchdog {
            let table = dir.path().join("wdat");
            files::write(&table, wdat::table())?;
            let words = format!("sig=WDAT,rev=1,data={}", table.display());
            command.args(["-acpitable", &words]);
            command.args(["-global", "ICH9-LPC.noreboot=false"]);
        }
        if self.remembers {
            let (table, record) = (dir.path().join("fpdt"), dir.path().join("fbpt"));
            files::write(&table, fpdt::table())?;
            files::write(&record, fpdt::record())?;
            let words = format!("sig=FPDT,rev=1,data={}", table.display());
            command.args(["-acpitable", &words]);
            let (at, record) = (fpdt::RECORD_AT, record.display());
            let words = format!("loader,addr={at:#x},force-raw=on,file={record}");
            command.args(["-device", &words]);
        }
        for (number, structure) in self.structures.iter().enumerate() {
            let file = dir.path().join(format!("structure{number}"));
            files::write(&file, structure)?;
            command.args(["-smbios", &format!("file={}", file.display())]);
        }
        let said = dir.path().join("qemu");
        let log = std::fs::File::create(&said).map_err(|e| Error::file("create", &said, e))?;
        let mut bound = bound_to_us(&command);
        bound.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = bound.spawn().map_err(|source| Error::Start {
            program: self.qemu.display().to_string(),
            source,
        })?;
        let mut machine = Machine::new(dir, child)?;
        if let Some(kept) = &self.kept {
            let path = kept.join("qemu.txt");
            let file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(&path);
            file.and_then(|mut file| writeln!(file, "{}", files::words(&command)))
                .map_err(|error| Error::file("write", &path, error))?;
            machine.keep_console(kept.join("console.log"));
        }
        if self.is_held() {
            for card in &self.cables_out {
                machine.plug(*card, Plugged::Out)?;
            }
            for (serial, bits) in &self.warnings {
                machine.warn(serial, *bits)?;
            }
            machine.go()?;
        }
        Ok(machine)
    }

    /// Whether something is done to it before its first instruction.
    fn is_held(&self) -> bool {
        !self.cables_out.is_empty() || !self.warnings.is_empty()
    }

    /// Switches the machine on, and again if its kernel does not come as far as PID 1: on a busy host an emulated timer
    /// can tick so late that a kernel gives up, or never wakes up. By then nothing has touched a disk.
    ///
    /// # Errors
    /// As [`Spec::start`], and when it never does.
    pub fn start_init(&self) -> Result<Machine, Error> {
        for _ in 0..KERNEL_STARTS_MAX {
            let mut machine = self.start()?;
            let begun = Instant::now();
            while begun.elapsed() < KERNEL_MAX {
                let console = machine.console();
                if console.contains("as init process") {
                    return Ok(machine);
                }
                if console.contains("Kernel panic") {
                    break;
                }
                machine.check_running()?;
                std::thread::sleep(LOOK_PAUSE);
            }
        }
        Err(Error::unexpected(format!(
            "{KERNEL_STARTS_MAX} times the kernel did not start PID 1"
        )))
    }
}
