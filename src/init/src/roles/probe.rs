//! `preroot-probe NAME...`: looks what is on block devices and whose partitions they are.

use core::fmt::{self, Write};

use heapless::String;
use preroot_boot::machine::Errno;
use preroot_boot::volume::escape;
use preroot_disk::limits::SCRATCH_BYTES;
use preroot_disk::{Partition, Read, Superblock, identify, partition};
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, SeekFrom, open, seek};
use preroot_sys::time::{ClockId, clock_gettime};

use super::{Stream, Words};
use crate::limits::PATH_BYTES_MAX;
use crate::linux::{compose, errno, read, read_at};

/// Bytes of one small file of sysfs: a number, a serial, an `uevent`.
const FACT_BYTES_MAX: usize = 512;
/// Logical sectors when sysfs does not say.
const SECTOR_BYTES_DEFAULT: u32 = 512;

/// A line for each name.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let mut output = Stream::output();
    for name in words {
        let found = Found::look(name);
        line(name, &found, &mut output).map_err(|_| Errno::IO)?;
    }
    Ok(())
}

/// What was found on a device.
struct Found {
    bytes: u64,
    superblock: Option<Superblock>,
    partition: Option<Partition>,
    serial: Fact,
}

/// A small file's text.
type Fact = heapless::Vec<u8, FACT_BYTES_MAX>;

impl Found {
    fn look(name: &str) -> Result<Found, Errno> {
        let mut scratch = [0; SCRATCH_BYTES];
        let mut device = Device::open(name)?;
        let superblock = identify(&mut device, &mut scratch)?;
        // The disk of a partition is the directory above it in sysfs; a disk is its own.
        let number = fact(format_args!("/sys/class/block/{name}/partition"));
        let number = number.as_deref().and_then(decimal);
        let above = if number.is_some() { "/.." } else { "" };
        let disk = compose(format_args!("/sys/class/block/{name}{above}")).ok_or(Errno::INVAL)?;
        let partition = match number {
            Some(number) => of_table(&disk, number, &mut scratch)?,
            None => None,
        };
        let serial = serial(&disk);
        Ok(Found {
            bytes: device.size,
            superblock,
            partition,
            serial,
        })
    }
}

fn of_table(
    disk: &str,
    number: u32,
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Result<Option<Partition>, Errno> {
    let size = fact(format_args!("{disk}/queue/logical_block_size"));
    let sector_bytes = size
        .as_deref()
        .and_then(decimal)
        .unwrap_or(SECTOR_BYTES_DEFAULT);
    let Some(name) = fact(format_args!("{disk}/uevent"))
        .as_deref()
        .and_then(device_name)
    else {
        return Ok(None);
    };
    let mut device = Device::open(&name)?;
    partition(&mut device, sector_bytes, number, scratch)
}

/// virtio and others, nvme, scsi (page 0x80 of its vital product data: four bytes, then the serial).
fn serial(disk: &str) -> Fact {
    let scsi = || {
        let page = fact(format_args!("{disk}/device/vpd_pg80"))?;
        Fact::from_slice(page.get(4..)?).ok()
    };
    let serial = fact(format_args!("{disk}/serial"))
        .or_else(|| fact(format_args!("{disk}/device/serial")))
        .or_else(scsi)
        .unwrap_or_default();
    Fact::from_slice(serial.trim_ascii()).unwrap_or_default()
}

fn fact(path: fmt::Arguments<'_>) -> Option<Fact> {
    let mut buffer = [0; FACT_BYTES_MAX];
    let length = read(&compose(path)?, &mut buffer).ok()?;
    Fact::from_slice(buffer.get(..length)?).ok()
}

fn decimal(text: &[u8]) -> Option<u32> {
    core::str::from_utf8(text).ok()?.trim_ascii().parse().ok()
}

/// `DEVNAME=vda` of an `uevent` file.
fn device_name(uevent: &[u8]) -> Option<String<PATH_BYTES_MAX>> {
    let text = core::str::from_utf8(uevent).ok()?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("DEVNAME="))?;
    String::try_from(name).ok()
}

fn line(name: &str, found: &Result<Found, Errno>, out: &mut Stream) -> fmt::Result {
    write!(out, "{name}")?;
    match found {
        Err(errno) => write!(out, "\terrno={}", errno.0)?,
        Ok(found) => fields(found, out)?,
    }
    writeln!(out)
}

fn fields(found: &Found, out: &mut Stream) -> fmt::Result {
    let mut field = |key: &str, value: &[u8]| {
        if value.is_empty() {
            return Ok(());
        }
        write!(out, "\t{key}=")?;
        escape(value, out)
    };
    let mut files = None;
    if let Some(superblock) = &found.superblock {
        field("type", superblock.kind.name().as_bytes())?;
        field("uuid", superblock.uuid.as_bytes())?;
        field("label", &superblock.label)?;
        let now_s = u64::try_from(clock_gettime(ClockId::Realtime).tv_sec).unwrap_or(0);
        let due = superblock.ext.as_ref().and_then(|ext| ext.due(now_s));
        files = superblock.ext.as_ref().map(|ext| ext.files);
        field("due", due.map_or("", preroot_disk::Due::name).as_bytes())?;
    }
    if let Some(partition) = &found.partition {
        field("partuuid", partition.uuid.as_bytes())?;
        field("partlabel", partition.label.as_bytes())?;
    }
    field("serial", &found.serial)?;
    if let Some(files) = files {
        write!(out, "\tfiles={files}")?;
    }
    write!(out, "\tbytes={}", found.bytes)
}

/// A block device, read through the page cache.
struct Device {
    file: OwnedFd,
    size: u64,
}

impl Device {
    /// Opens it by the kernel's name, in which `!` stands for `/`.
    fn open(name: &str) -> Result<Device, Errno> {
        let mut path = String::<PATH_BYTES_MAX>::try_from("/dev/").map_err(|_| Errno::INVAL)?;
        for character in name.chars() {
            let character = if character == '!' { '/' } else { character };
            path.push(character).map_err(|_| Errno::INVAL)?;
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = open(path.as_str(), flags, Mode::empty()).map_err(errno)?;
        let size = seek(&file, SeekFrom::End(0)).map_err(errno)?;
        Ok(Device { file, size })
    }
}

impl Read for Device {
    type Error = Errno;

    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Errno> {
        read_at(&self.file, offset, out)
    }
}
