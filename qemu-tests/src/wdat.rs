//! The watchdog of the chipset that QEMU emulates (ICH9, "TCO"), as a firmware tells of it: the ACPI table WDAT, by which
//! the kernel's wdat_wdt drives it.
//!
//! "Hardware Watchdog Timers Design Specification" (Microsoft, linked from uefi.org/acpi); registers: Intel's ICH9 datasheet, 13.9, and
//! 10.1.75 for the bit that lets it reset the machine.

/// Where the firmware puts the chipset's power management; its watchdog is 0x60 further.
const TCO: u64 = 0x600 + 0x60;
/// `GCS` in the chipset's configuration registers, where the firmware puts those.
const GCS: u64 = 0xfed1_c000 + 0x3410;
/// A count is 0.6 s, and it resets the machine when it has counted down a second time.
const COUNT_MS: u32 = 2 * 600;
const COUNT_MAX: u32 = 0x3ff;
const COUNT_MIN: u32 = 4;
/// It is there, and stops while the machine sleeps.
const FLAGS: u32 = 0x81;
/// What an instruction does, and that the register's other bits stay.
const READ: u8 = 0;
const READ_COUNT: u8 = 1;
const WRITE: u8 = 2;
const WRITE_COUNT: u8 = 3;
const PRESERVE: u8 = 0x80;

/// A register: ACPI's address space, bits, width of an access, place.
#[derive(Clone, Copy)]
struct Register(u8, u8, u8, u64);

const RELOAD: Register = Register(1, 16, 2, TCO);
const STATUS: Register = Register(1, 16, 2, TCO + 0x06);
const CONTROL: Register = Register(1, 16, 2, TCO + 0x08);
const TIMER: Register = Register(1, 16, 2, TCO + 0x12);
const RESETS: Register = Register(0, 32, 3, GCS);

/// Action, instruction, register, value, mask.
const ACTIONS: [(u8, u8, Register, u32, u32); 10] = [
    // It counts anew.
    (1, WRITE, RELOAD, 1, 0x1ff),
    (5, READ_COUNT, TIMER, 0, COUNT_MAX),
    (6, WRITE_COUNT, TIMER, 0, COUNT_MAX),
    // It runs, is to run; has stopped, is to stop.
    (8, READ, CONTROL, 0, 0x800),
    (9, WRITE | PRESERVE, CONTROL, 0, 0x800),
    (10, READ, CONTROL, 0x800, 0x800),
    (11, WRITE | PRESERVE, CONTROL, 0x800, 0x800),
    // It is to reset the machine.
    (17, WRITE | PRESERVE, RESETS, 0, 0x20),
    // Whether it has; forget that.
    (32, READ, STATUS, 0x2, 0x2),
    (33, WRITE | PRESERVE, STATUS, 0x2, 0x2),
];

/// The table without its ACPI header, which QEMU writes.
pub(crate) fn table() -> Vec<u8> {
    let mut out = Vec::new();
    let mut number = |number: u32| out.extend(number.to_le_bytes());
    // Bytes up to the instructions; no PCI device, whose segment is of two bytes and 0xff all the same.
    number(0x20);
    number(0xffff_00ff);
    number(0x0000_00ff);
    number(COUNT_MS);
    number(COUNT_MAX);
    number(COUNT_MIN);
    number(FLAGS);
    number(ACTIONS.len() as u32);
    for (action, instruction, Register(space, bits, access, at), value, mask) in ACTIONS {
        out.extend([action, instruction, 0, 0, space, bits, 0, access]);
        out.extend(at.to_le_bytes());
        out.extend(value.to_le_bytes());
        out.extend(mask.to_le_bytes());
    }
    out
}
