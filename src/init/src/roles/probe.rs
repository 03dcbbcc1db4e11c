//! `preroot-probe NAME...`: looks what is on block devices and whose partitions they are.

use core::fmt::{self, Write};

use heapless::String;
use preroot_boot::by_path::{Fact as Text, Sysfs, by_path};
use preroot_boot::machine::Errno;
use preroot_boot::volume::escape;
use preroot_disk::limits::SCRATCH_BYTES;
use preroot_disk::{Due, Read, identify, partition};
use preroot_plan::number_of;
use preroot_sys::clock::now_ns;
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{CWD, Mode, OFlags, SeekFrom, open, readlinkat_raw, seek};
use preroot_sys::time::ClockId;

use super::{Stream, Words};
use crate::limits::PATH_BYTES_MAX;
use crate::linux::{compose, errno, names, read, read_at};

/// Bytes of one small file of sysfs: a number, a serial, an `uevent`.
const FACT_BYTES_MAX: usize = 512;
/// Logical sectors when sysfs does not say.
const SECTOR_BYTES_DEFAULT: u32 = 512;

/// Names of a disk: the key in the line, the file, and how many bytes of it stand before the name (page 0x80 of
/// SCSI's vital product data). Of virtio and others, nvme, scsi; of two with one key the last counts.
const NAMES: [(&str, &str, usize); 5] = [
    ("serial", "device/vpd_pg80", 4),
    ("serial", "device/serial", 0),
    ("serial", "serial", 0),
    ("wwn", "device/wwid", 0),
    ("wwn", "wwid", 0),
];

type Path = String<PATH_BYTES_MAX>;

/// A line for each name.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let mut output = Stream::output();
    for name in words {
        line(name, &mut output).map_err(|_| Errno::IO)?;
    }
    Ok(())
}

fn line(name: &str, out: &mut Stream) -> fmt::Result {
    out.write_str(name)?;
    if let Err(errno) = look(name, out) {
        write!(out, "\terrno={}", errno.0)?;
    }
    out.write_str("\n")
}

/// Says everything about a device, what costs no read of it first; labels, which can be long, last, where a line
/// that is cut can miss them.
fn look(name: &str, out: &mut Stream) -> Result<(), Errno> {
    let mut buffer = [0; FACT_BYTES_MAX];
    let buffer = &mut buffer;
    let mut disk = in_class(name).ok_or(Errno::INVAL)?;
    text(out, "number", file(&disk, "dev", buffer))?;
    text(out, "mapper", file(&disk, "dm/name", buffer))?;
    text(out, "mapper", array_name(name, buffer))?;
    if file(&disk, "ro", buffer).starts_with(b"1") {
        number(out, "ro", 1)?;
    }
    let part = file(&disk, "partition", buffer);
    text(out, "part", part)?;
    let part = decimal(part).unwrap_or(0);
    if part > 0 {
        // The disk of a partition is the directory above it in sysfs; a disk is its own.
        disk.push_str("/..").map_err(|_| Errno::INVAL)?;
    }
    for (key, path, skipped) in NAMES {
        let value = file(&disk, path, buffer).get(skipped..);
        text(out, key, value.unwrap_or_default())?;
    }
    let disk_name = device_name(file(&disk, "uevent", buffer)).ok_or(Errno::INVAL)?;
    text(out, "disk", disk_name.as_bytes())?;
    if let Some(path) = in_class(&disk_name).and_then(|disk| by_path(&Linux, &disk)) {
        text(out, "path", path.as_bytes())?;
    }
    let mut scratch = [0; SCRATCH_BYTES];
    if part > 0 {
        let size = decimal(file(&disk, "queue/logical_block_size", buffer));
        let size = size.unwrap_or(SECTOR_BYTES_DEFAULT);
        let entry = partition(&mut Device::open(&disk_name)?, size, part, &mut scratch)?;
        if let Some(entry) = entry {
            text(out, "partuuid", entry.uuid.as_bytes())?;
            text(out, "partlabel", entry.label.as_bytes())?;
        }
    }
    let mut device = Device::open(name)?;
    number(out, "bytes", device.size)?;
    if let Some(superblock) = identify(&mut device, &mut scratch)? {
        text(out, "type", superblock.kind.name().as_bytes())?;
        text(out, "uuid", superblock.uuid.as_bytes())?;
        if let Some(ext) = &superblock.ext {
            let now_s = now_ns(ClockId::Realtime) / 1_000_000_000;
            text(out, "due", ext.due(now_s).map_or("", Due::name).as_bytes())?;
            match superblock.backup {
                // What a copy says of files in use is old.
                Some(backup) => {
                    number(out, "backup", backup.block)?;
                    number(out, "blocksize", u64::from(backup.block_bytes))?;
                }
                None => number(out, "files", ext.files)?,
            }
        }
        text(out, "label", &superblock.label)?;
    }
    Ok(())
}

/// What mdadm calls an array below /dev (`md/root`), by its map: `md127 1.2 UUID /dev/md/root` (mapfile.c). Empty: the
/// same as the kernel.
fn array_name<'a>(name: &str, buffer: &'a mut [u8; FACT_BYTES_MAX]) -> &'a [u8] {
    if !name.starts_with("md") {
        return &[];
    }
    let length = read("/run/mdadm/map", buffer).unwrap_or(0);
    let map = buffer.get(..length).unwrap_or_default();
    let mut lines = map.split(|byte| *byte == b'\n');
    let path = lines.find_map(|line| {
        let mut words = line.split(|byte| *byte == b' ');
        (words.next() == Some(name.as_bytes())).then(|| words.next_back())?
    });
    path.and_then(|path| path.strip_prefix(b"/dev/"))
        .filter(|path| path.contains(&b'/'))
        .unwrap_or_default()
}

/// Its directory below /sys/class, where a `!` stands for the `/` of the name in /dev.
fn in_class(name: &str) -> Option<Path> {
    let mut out = Path::try_from("block/").ok()?;
    for character in name.chars() {
        out.push(if character == '/' { '!' } else { character })
            .ok()?;
    }
    Some(out)
}

fn number(out: &mut Stream, key: &str, value: u64) -> Result<(), Errno> {
    write!(out, "\t{key}={value}").map_err(|_| Errno::IO)
}

/// Says what is not empty.
fn text(out: &mut Stream, key: &str, value: &[u8]) -> Result<(), Errno> {
    let value = value.trim_ascii();
    if value.is_empty() {
        return Ok(());
    }
    write!(out, "\t{key}=")
        .and_then(|()| escape(value, out))
        .map_err(|_| Errno::IO)
}

/// What a file of sysfs says; empty: there is none.
fn file<'a>(directory: &str, name: &str, buffer: &'a mut [u8; FACT_BYTES_MAX]) -> &'a [u8] {
    let length = in_sysfs(directory, name).and_then(|path| read(&path, buffer).ok());
    length
        .and_then(|length| buffer.get(..length))
        .unwrap_or_default()
}

fn in_sysfs(directory: &str, name: &str) -> Option<Path> {
    compose(format_args!("/sys/class/{directory}/{name}"))
}

/// sysfs as it is.
struct Linux;

impl Sysfs for Linux {
    fn link(&self, directory: &str, name: &str) -> Option<Text> {
        let mut buffer = [0; PATH_BYTES_MAX];
        let path = in_sysfs(directory, name)?;
        let length = readlinkat_raw(CWD, path.as_str(), &mut buffer[..]).ok()?;
        string(buffer.get(..length)?)
    }

    fn file(&self, directory: &str, name: &str) -> Option<Text> {
        string(file(directory, name, &mut [0; FACT_BYTES_MAX]))
    }

    fn lowest_host(&self, directory: &str) -> Option<u32> {
        let mut lowest = u32::MAX;
        let directory = in_sysfs(directory, "")?;
        let listed = names(CWD, &directory, &mut |_, name| {
            let number = name.strip_prefix("host");
            let number = number.and_then(|number| number_of(number, 10));
            lowest = lowest.min(number.unwrap_or(lowest));
        });
        listed.ok().map(|()| lowest)
    }
}

fn string(bytes: &[u8]) -> Option<Text> {
    Text::try_from(core::str::from_utf8(bytes).ok()?).ok()
}

fn decimal(text: &[u8]) -> Option<u32> {
    number_of(core::str::from_utf8(text).ok()?.trim_ascii(), 10)
}

/// `DEVNAME=vda` of an `uevent` file.
fn device_name(uevent: &[u8]) -> Option<Path> {
    let text = core::str::from_utf8(uevent).ok()?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("DEVNAME="))?;
    Path::try_from(name).ok()
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
