//! How long what came before PID 1 took, where the machine tells: firmware and loader, and of the kernel the unpacking of the
//! initramfs, which its log has.
//!
//! | who tells | what is read |
//! |---|---|
//! | ACPI's FPDT, through the kernel (`CONFIG_ACPI_FPDT`) | `/sys/firmware/acpi/fpdt/boot/*` |
//! | the same, where the kernel does not know it | the table, and `/dev/mem` at the place that it names |
//! | systemd's boot loader interface | the EFI variables `LoaderTimeInitUSec` and `LoaderTimeExecUSec` |
//!
//! ACPI Specification 6.5, 5.2.24 (Firmware Performance Data Table); <https://systemd.io/BOOT_LOADER_INTERFACE>.

use core::fmt::Write;

use preroot_sys::fd::{AsFd, OwnedFd};
use preroot_sys::fs::{CWD, Mode, OFlags, openat};
use preroot_sys::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen,
};

use super::Stream;
use crate::linux::{read_all, read_at};

/// Where the kernel tells of the firmware.
const FIRMWARE: &str = "/sys/firmware";
/// Bytes of a table's front that are looked at; an FPDT has 52, or 68.
const TABLE_BYTES_MAX: usize = 256;
/// An ACPI table's header.
const TABLE_HEADER_BYTES: usize = 36;
/// FBPT: its signature and length, then one record.
const FBPT_BYTES: usize = 8 + 48;
/// Where the loader was loaded, and where it had left the firmware, in FBPT.
const LOAD_AT: usize = 8 + 16;
const EXIT_AT: usize = 8 + 40;
/// The vendor of systemd's variables.
const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// How far the kernel is, in its own words (`init/initramfs.c`, `init/main.c`).
const BEGINS: &str = "Trying to unpack rootfs image as initramfs";
const ENDS: &str = "Freeing initrd memory";
const RUNS: &str = "Run /";

/// Times of the kernel's log, µs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BeforeInit {
    began_us: Option<u64>,
    ended_us: Option<u64>,
    run_us: Option<u64>,
}

impl BeforeInit {
    /// Takes a message of the kernel. Whether it was the last one that matters.
    pub(super) fn take(&mut self, microseconds: u64, text: &str) -> bool {
        let slot = if text.starts_with(BEGINS) {
            &mut self.began_us
        } else if text.starts_with(ENDS) {
            &mut self.ended_us
        } else if text.starts_with(RUNS) {
            &mut self.run_us
        } else {
            return false;
        };
        *slot = slot.or(Some(microseconds));
        self.run_us.is_some()
    }

    /// The line for PID 1: see [`preroot_boot::roles::KERNEL_LOG`].
    pub(super) fn tell(&self, output: &mut Stream) -> core::fmt::Result {
        let told = firmware();
        let (by, load_ns, exit_ns) = told.as_ref().map_or(("", None, None), |told| {
            (told.by, Some(told.load_ns), Some(told.exit_ns))
        });
        let loader_ns = exit_ns.zip(load_ns).map(|(exit, load)| exit - load);
        write!(output, "before\t{by}")?;
        let ns = |us: Option<u64>| us.map(|us| us.saturating_mul(1000));
        let kernel = [ns(self.began_us), ns(self.ended_us), ns(self.run_us)];
        for time in [load_ns, loader_ns].into_iter().chain(kernel) {
            match time {
                Some(time) => write!(output, "\t{time}")?,
                None => output.write_str("\t-")?,
            }
        }
        output.write_char('\n')
    }
}

/// What the firmware or the loader tells.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    by: &'static str,
    /// When the loader was loaded, ns since the machine's reset.
    load_ns: u64,
    /// When the kernel had the machine.
    exit_ns: u64,
}

impl Told {
    /// A machine that was not started by UEFI has zeros there.
    fn new(by: &'static str, load_ns: u64, exit_ns: u64) -> Option<Told> {
        let told = Told {
            by,
            load_ns,
            exit_ns,
        };
        (load_ns > 0 && load_ns <= exit_ns).then_some(told)
    }
}

fn firmware() -> Option<Told> {
    let directory = open(CWD, FIRMWARE)?;
    told(&directory, || open(CWD, "/dev/mem"), variables)
}

/// `memory` and `variables` are asked only when they are needed.
fn told(
    firmware: &OwnedFd,
    memory: impl FnOnce() -> Option<OwnedFd>,
    variables: impl FnOnce() -> Option<OwnedFd>,
) -> Option<Told> {
    by_kernel(firmware)
        .or_else(|| by_table(firmware, memory))
        .or_else(|| {
            // Only a machine that was started by EFI has them.
            open(firmware, "efi")?;
            by_variables(&variables()?)
        })
}

fn by_kernel(firmware: &OwnedFd) -> Option<Told> {
    let number = |name| {
        let mut room = [0; 32];
        let text = small(firmware, name, &mut room)?;
        core::str::from_utf8(text).ok()?.trim_ascii().parse().ok()
    };
    let load_ns = number("acpi/fpdt/boot/bootloader_load_ns")?;
    let exit_ns = number("acpi/fpdt/boot/exitbootservice_end_ns")?;
    Told::new("FPDT", load_ns, exit_ns)
}

fn by_table(firmware: &OwnedFd, memory: impl FnOnce() -> Option<OwnedFd>) -> Option<Told> {
    let mut room = [0; TABLE_BYTES_MAX];
    let at = record_place(small(firmware, "acpi/tables/FPDT", &mut room)?)?;
    let mut record = [0; FBPT_BYTES];
    read_at(&memory()?, at, &mut record).ok()?;
    by_record(&record)
}

/// Where FBPT lies: the table's record 0 (Firmware Basic Boot Performance Pointer).
fn record_place(table: &[u8]) -> Option<u64> {
    let mut rest = table.get(TABLE_HEADER_BYTES..)?;
    loop {
        let length = usize::from(*rest.get(2)?);
        if rest.get(..2)? == [0, 0] && length == 16 {
            return word(rest, 8);
        }
        rest = rest.get(length.max(4)..)?;
    }
}

/// FBPT's record 2 (Firmware Basic Boot Performance Data), which is its first.
fn by_record(bytes: &[u8]) -> Option<Told> {
    if !bytes.starts_with(b"FBPT") || bytes.get(8..11)? != [2, 0, 48] {
        return None;
    }
    Told::new("FPDT", word(bytes, LOAD_AT)?, word(bytes, EXIT_AT)?)
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*word))
}

/// EFI's variables, mounted for nobody else.
fn variables() -> Option<OwnedFd> {
    let context = fsopen("efivarfs", FsOpenFlags::FSOPEN_CLOEXEC).ok()?;
    fsconfig_create(&context).ok()?;
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes).ok()
}

fn by_variables(variables: &OwnedFd) -> Option<Told> {
    let us = |name: &str| {
        let mut path = heapless::String::<64>::new();
        write!(path, "{name}-{VENDOR}").ok()?;
        let mut room = [0; 64];
        decimal(small(variables, &path, &mut room)?)
    };
    let (init, exec) = (us("LoaderTimeInitUSec")?, us("LoaderTimeExecUSec")?);
    let ns = |us: u64| us.saturating_mul(1000);
    Told::new("EFI", ns(init), ns(exec))
}

/// A variable's value: four bytes of attributes, then a number as text in UTF-16, a NUL behind it.
fn decimal(variable: &[u8]) -> Option<u64> {
    let (digits, _) = variable.get(4..)?.as_chunks::<2>();
    let mut number: Option<u64> = None;
    for &[low, high] in digits {
        match (low, high) {
            (b'0'..=b'9', 0) => {
                let digit = u64::from(low - b'0');
                let before = number.unwrap_or(0).checked_mul(10)?;
                number = Some(before.checked_add(digit)?);
            }
            (0, 0) => break,
            _ => return None,
        }
    }
    number
}

fn open(directory: impl AsFd, path: &str) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    openat(directory, path, flags, Mode::empty()).ok()
}

fn small<'r>(directory: &OwnedFd, path: &str, room: &'r mut [u8]) -> Option<&'r [u8]> {
    let length = read_all(&open(directory, path)?, room).ok()?;
    room.get(..length)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn the_kernel_says_when() {
        let mut before = BeforeInit::default();
        assert!(!before.take(1, "Linux version 6.1"));
        assert!(!before.take(700_000, "Trying to unpack rootfs image as initramfs..."));
        assert!(!before.take(900_000, "Freeing initrd memory: 4096K"));
        assert!(before.take(1_200_000, "Run /init as init process"));
        assert!(before.take(9_000_000, "Run /x as init process"));
        let expected = BeforeInit {
            began_us: Some(700_000),
            ended_us: Some(900_000),
            run_us: Some(1_200_000),
        };
        assert_eq!(before, expected);
    }

    fn fbpt(load_ns: u64, exit_ns: u64) -> Vec<u8> {
        let mut bytes = b"FBPT".to_vec();
        bytes.extend(56_u32.to_le_bytes());
        bytes.extend([2, 0, 48, 2, 0, 0, 0, 0]);
        for time in [1, load_ns, load_ns + 1, exit_ns - 1, exit_ns] {
            bytes.extend(time.to_le_bytes());
        }
        bytes
    }

    fn fpdt(records: &[(u16, u64)]) -> Vec<u8> {
        let mut bytes = b"FPDT".to_vec();
        bytes.resize(TABLE_HEADER_BYTES, 7);
        for (kind, place) in records {
            bytes.extend(kind.to_le_bytes());
            bytes.extend([16, 1, 0, 0, 0, 0]);
            bytes.extend(place.to_le_bytes());
        }
        bytes
    }

    fn write(root: &Path, path: &str, bytes: &[u8]) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("there is room");
        fs::write(path, bytes).expect("there is room");
    }

    /// What a machine tells whose /sys/firmware, /dev/mem and EFI variables are these files.
    fn check(files: &[(&str, Vec<u8>)], expected: Option<(&str, u64, u64)>) {
        let root = std::env::temp_dir().join(std::format!(
            "preroot-before-init-{}-{:p}",
            std::process::id(),
            &files
        ));
        fs::create_dir_all(root.join("sys")).expect("there is room");
        fs::create_dir_all(root.join("vars")).expect("there is room");
        for (path, bytes) in files {
            write(&root, path, bytes);
        }
        let at = |name: &str| open(CWD, root.join(name).to_str().expect("it is text"));
        let sys = at("sys").expect("it is there");
        let told = told(&sys, || at("mem"), || at("vars"));
        fs::remove_dir_all(&root).expect("it is ours");
        let told = told.map(|told| (told.by, told.load_ns, told.exit_ns));
        assert_eq!(told, expected, "{files:?}");
    }

    fn variable(digits: &str) -> Vec<u8> {
        let text = digits.encode_utf16().chain([0]);
        let text = text.flat_map(u16::to_le_bytes);
        [6, 0, 0, 0].into_iter().chain(text).collect()
    }

    #[test]
    fn the_firmware_tells_by_its_table() {
        let table = "sys/acpi/tables/FPDT";
        let fbpt = fbpt(2_000_000_000, 2_500_000_000);
        let memory = [std::vec![0; 64], fbpt.clone()].concat();
        let expected = Some(("FPDT", 2_000_000_000, 2_500_000_000));
        check(
            &[(table, fpdt(&[(0, 64)])), ("mem", memory.clone())],
            expected,
        );
        // Another record first; a place that is not there, or holds something else; a table that is cut.
        check(
            &[(table, fpdt(&[(1, 0), (0, 64)])), ("mem", memory.clone())],
            expected,
        );
        for place in [0, 65, 4096, u64::MAX] {
            check(
                &[(table, fpdt(&[(0, place)])), ("mem", memory.clone())],
                None,
            );
        }
        for length in 0..52 {
            let cut = fpdt(&[(0, 64)]).get(..length).expect("shorter").to_vec();
            check(&[(table, cut), ("mem", memory.clone())], None);
        }
        check(&[(table, fpdt(&[(0, 64)]))], None);
        // Zeros: not started by UEFI.
        let zeros = [b"FBPT".to_vec(), std::vec![0; 60]].concat();
        check(&[(table, fpdt(&[(0, 0)])), ("mem", zeros)], None);
    }

    #[test]
    fn the_kernel_that_knows_the_table_comes_first() {
        let files = [
            ("sys/acpi/fpdt/boot/bootloader_load_ns", b"12\n".to_vec()),
            (
                "sys/acpi/fpdt/boot/exitbootservice_end_ns",
                b"15\n".to_vec(),
            ),
        ];
        check(&files, Some(("FPDT", 12, 15)));
        check(&files[..1], None);
    }

    #[test]
    fn the_loader_tells_by_variables() {
        let name = |name: &str| std::format!("vars/{name}-{VENDOR}");
        let (init, exec) = (name("LoaderTimeInitUSec"), name("LoaderTimeExecUSec"));
        let efi = ("sys/efi/x", Vec::new());
        let check = |began: Vec<u8>, ran: Vec<u8>, expected| {
            check(
                &[efi.clone(), (init.as_str(), began), (exec.as_str(), ran)],
                expected,
            );
        };
        let one = variable("1500000");
        check(
            one.clone(),
            variable("1750000"),
            Some(("EFI", 1_500_000_000, 1_750_000_000)),
        );
        for bad in ["", "x", "1", "99999999999999999999999"] {
            check(one.clone(), variable(bad), None);
        }
        check(std::vec![6, 0, 0], variable("1750000"), None);
        check(std::vec![6, 0, 0, 0, 49], variable("1750000"), None);
    }
}
