//! `preroot-probe NAME...`: looks what is on block devices and whose partitions they are.

use core::fmt::{self, Write};

use heapless::String;
use preroot_boot::by_path::{Fact as Text, Sysfs, by_path};
use preroot_boot::machine::Errno;
use preroot_boot::volume::escape;
use preroot_disk::limits::SCRATCH_BYTES;
use preroot_disk::{Partition, Read, Superblock, identify, partition};
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{CWD, Mode, OFlags, SeekFrom, open, readlinkat_raw, seek};
use preroot_sys::time::{ClockId, clock_gettime};

use super::{Stream, Words};
use crate::limits::PATH_BYTES_MAX;
use crate::linux::{compose, errno, names, read, read_at};

/// Bytes of one small file of sysfs: a number, a serial, an `uevent`.
const FACT_BYTES_MAX: usize = 512;
/// Logical sectors when sysfs does not say.
const SECTOR_BYTES_DEFAULT: u32 = 512;
/// A directory for each block device, linked.
const BLOCK: &str = "/sys/class/block/";

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
    /// Number of the partition; 0: it is none.
    part: u32,
    /// Names of the device and of its disk: the key in the line, and the text.
    names: [(&'static str, Option<Fact>); 6],
}

/// A small file's text.
type Fact = heapless::Vec<u8, FACT_BYTES_MAX>;
type Path = String<PATH_BYTES_MAX>;

impl Found {
    fn look(name: &str) -> Result<Found, Errno> {
        let mut scratch = [0; SCRATCH_BYTES];
        let mut device = Device::open(name)?;
        let superblock = identify(&mut device, &mut scratch)?;
        let own = compose(format_args!("{BLOCK}{}", in_sysfs(name))).ok_or(Errno::INVAL)?;
        // The disk of a partition is the directory above it in sysfs; a disk is its own.
        let part = fact(format_args!("{own}/partition"));
        let part = part.as_deref().and_then(decimal).unwrap_or(0);
        let above = if part > 0 { "/.." } else { "" };
        let above = compose(format_args!("{own}{above}")).ok_or(Errno::INVAL)?;
        let disk = fact(format_args!("{above}/uevent"));
        let disk = disk.as_deref().and_then(device_name).unwrap_or_default();
        let partition = match part {
            0 => None,
            _ => of_table(&disk, &above, part, &mut scratch)?,
        };
        let path = by_path(&Linux, &in_sysfs(&disk));
        let mapper = fact(format_args!("{own}/dm/name"));
        let number = fact(format_args!("{own}/dev"));
        let names = [
            ("disk", Fact::from_slice(disk.as_bytes()).ok()),
            ("number", number),
            ("mapper", mapper),
            ("serial", serial(&above)),
            ("wwn", wwn(&above)),
            (
                "path",
                path.and_then(|path| Fact::from_slice(path.as_bytes()).ok()),
            ),
        ];
        Ok(Found {
            bytes: device.size,
            superblock,
            partition,
            part,
            names,
        })
    }
}

/// A device's name in sysfs, where a `!` stands for the `/` of that in /dev.
fn in_sysfs(name: &str) -> Path {
    let mut out = Path::new();
    for character in name.chars() {
        // What does not fit is not found.
        let _ = out.push(if character == '/' { '!' } else { character });
    }
    out
}

fn of_table(
    disk: &str,
    directory: &str,
    number: u32,
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Result<Option<Partition>, Errno> {
    let size = fact(format_args!("{directory}/queue/logical_block_size"));
    let sector_bytes = size
        .as_deref()
        .and_then(decimal)
        .unwrap_or(SECTOR_BYTES_DEFAULT);
    let mut device = Device::open(disk)?;
    partition(&mut device, sector_bytes, number, scratch)
}

/// virtio and others, nvme, scsi (page 0x80 of its vital product data: four bytes, then the serial).
fn serial(disk: &str) -> Option<Fact> {
    let scsi = || {
        let page = fact(format_args!("{disk}/device/vpd_pg80"))?;
        Fact::from_slice(page.get(4..)?).ok()
    };
    fact(format_args!("{disk}/serial"))
        .or_else(|| fact(format_args!("{disk}/device/serial")))
        .or_else(scsi)
}

/// nvme, scsi.
fn wwn(disk: &str) -> Option<Fact> {
    fact(format_args!("{disk}/wwid")).or_else(|| fact(format_args!("{disk}/device/wwid")))
}

fn fact(path: fmt::Arguments<'_>) -> Option<Fact> {
    let mut buffer = [0; FACT_BYTES_MAX];
    let length = read(&compose(path)?, &mut buffer).ok()?;
    Fact::from_slice(buffer.get(..length)?).ok()
}

/// sysfs as it is.
struct Linux;

impl Sysfs for Linux {
    fn link(&self, directory: &str, name: &str) -> Option<Text> {
        let path = compose(format_args!("/sys/class/{directory}/{name}"))?;
        let mut buffer = [0; PATH_BYTES_MAX];
        let length = readlinkat_raw(CWD, path.as_str(), &mut buffer[..]).ok()?;
        string(buffer.get(..length)?)
    }

    fn file(&self, directory: &str, name: &str) -> Option<Text> {
        string(&fact(format_args!("/sys/class/{directory}/{name}"))?)
    }

    fn lowest_host(&self, directory: &str) -> Option<u32> {
        let directory = compose(format_args!("/sys/class/{directory}"))?;
        let mut lowest = None;
        let listed = names(CWD, &directory, &mut |_, name| {
            let number = name.strip_prefix("host").and_then(|n| n.parse().ok());
            lowest = [lowest, number].into_iter().flatten().min();
        });
        listed.ok().and(lowest)
    }
}

fn string(bytes: &[u8]) -> Option<Text> {
    Text::try_from(core::str::from_utf8(bytes).ok()?).ok()
}

fn decimal(text: &[u8]) -> Option<u32> {
    core::str::from_utf8(text).ok()?.trim_ascii().parse().ok()
}

/// `DEVNAME=vda` of an `uevent` file.
fn device_name(uevent: &[u8]) -> Option<Path> {
    let text = core::str::from_utf8(uevent).ok()?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("DEVNAME="))?;
    Path::try_from(name).ok()
}

fn line(name: &str, found: &Result<Found, Errno>, out: &mut Stream) -> fmt::Result {
    write!(out, "{name}")?;
    match found {
        Err(errno) => write!(out, "\terrno={}", errno.0)?,
        Ok(found) => fields(found, out)?,
    }
    writeln!(out)
}

/// Those that can be long come last, where a line that is cut can miss them.
fn fields(found: &Found, out: &mut Stream) -> fmt::Result {
    let superblock = found.superblock.as_ref();
    if let Some(superblock) = superblock {
        text(out, "type", superblock.kind.name().as_bytes())?;
        text(out, "uuid", superblock.uuid.as_bytes())?;
        if let Some(ext) = &superblock.ext {
            let now_s = u64::try_from(clock_gettime(ClockId::Realtime).tv_sec).unwrap_or(0);
            let due = ext.due(now_s).map_or("", preroot_disk::Due::name);
            text(out, "due", due.as_bytes())?;
            write!(out, "\tfiles={}", ext.files)?;
        }
    }
    write!(out, "\tbytes={}\tpart={}", found.bytes, found.part)?;
    for (key, name) in &found.names {
        text(out, key, name.as_deref().unwrap_or_default())?;
    }
    if let Some(partition) = &found.partition {
        text(out, "partuuid", partition.uuid.as_bytes())?;
        text(out, "partlabel", partition.label.as_bytes())?;
    }
    text(
        out,
        "label",
        superblock.map_or(&[], |superblock| &superblock.label),
    )
}

fn text(out: &mut Stream, key: &str, value: &[u8]) -> fmt::Result {
    let value = value.trim_ascii();
    if value.is_empty() {
        return Ok(());
    }
    write!(out, "\t{key}=")?;
    escape(value, out)
}

/// A block device, read through the page cache.
struct Device {
    file: OwnedFd,
    size: u64,
}

impl Device {
    /// Opens it by its name below /dev.
    fn open(name: &str) -> Result<Device, Errno> {
        let path = compose(format_args!("/dev/{name}")).ok_or(Errno::INVAL)?;
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
