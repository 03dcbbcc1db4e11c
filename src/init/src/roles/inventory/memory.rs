//! Memory: how much there is, by the firmware and by the kernel, and what is in the slots.
//!
//! | fact | of |
//! |---|---|
//! | `total`, `corrupted` | /proc/meminfo, proc(5) |
//! | `firmware` | /sys/firmware/memmap, as the firmware gave it, whatever the kernel was told to leave out: where that explains something, for it is many files |
//! | `kernel` | /proc/iomem, what the kernel uses |
//! | `installed`, slots | SMBIOS |
//! | `mapped` | SMBIOS: how much of it has addresses, where that is not all of it: what is in a slot and was not brought up has none |
//! | `edac_ce`, `edac_ue` | corrected and uncorrected errors, of all controllers (Documentation/admin-guide/ras.rst) |

use core::fmt::Write;
use core::ops::ControlFlow;

use heapless::String;
use preroot_boot::inventory::{Facts, Item, Name, name};
use preroot_boot::limits::COMMAND_LINE_BYTES_MAX;
use preroot_plan::Class;
use preroot_smbios::{Array, Broken, Device, Range, Size, TABLE_BYTES_MAX, structures};

use super::tree::{Small, Tree, small, text_of};
use crate::limits::{FACT_BYTES_MAX, SLOTS_MAX};

/// The part of what is installed that firmware and chipset may keep without a word: one in so many.
const KEPT_PARTS: u64 = 50;
/// What memory is called that a kernel may use, by the firmware's map and by the kernel's.
const SYSTEM_RAM: &str = "System RAM";

/// Says what there is to say about memory. `table` is where the firmware's table is read to.
pub(super) fn look(
    tree: &Tree<'_>,
    table: &mut [u8; TABLE_BYTES_MAX],
    each: &mut dyn FnMut(&Item<'_>),
) {
    let mut facts = Facts::new();
    of_meminfo(tree, &mut facts);
    let kernel = of_kernel(tree);
    put(&mut facts, "kernel", kernel);
    let table = tree.bytes(&["/sys/firmware/dmi/tables/DMI"], table);
    let said = slots(table, each);
    put(&mut facts, "installed", said.installed);
    if said.installed.is_some() && said.mapped != said.installed {
        put(&mut facts, "mapped", said.mapped);
    }
    if let Some(broken) = said.broken {
        let mut words = String::<96>::new();
        // It fits.
        let _ = write!(words, "{} at byte {}", broken.fault.name(), broken.at);
        facts.put("smbios", &words);
    }
    errors(tree, &mut facts);
    let mut line = [0; COMMAND_LINE_BYTES_MAX];
    let line = text_of(tree.bytes(&["/proc/cmdline"], &mut line));
    let limits = limits(line);
    facts.put("limited", &limits);
    if !limits.is_empty() || !is_accounted_for(kernel, said.installed) {
        put(&mut facts, "firmware", of_firmware(tree));
    }
    each(&Item {
        class: Class::Memory,
        name: "memory",
        facts: facts.text(),
    });
}

/// Whether the kernel has what is installed, but for what firmware and chipset always keep.
fn is_accounted_for(kernel: Option<u64>, installed: Option<u64>) -> bool {
    let (Some(kernel), Some(installed)) = (kernel, installed) else {
        return false;
    };
    kernel.abs_diff(installed) <= installed / KEPT_PARTS
}

fn put(facts: &mut Facts, key: &str, number: Option<u64>) {
    if let Some(number) = number {
        facts.number(key, number);
    }
}

/// `MemTotal:  995368 kB`
fn of_meminfo(tree: &Tree<'_>, facts: &mut Facts) {
    tree.lines("/proc/meminfo", &mut |line| {
        let Some((name, rest)) = line.split_once(':') else {
            return ControlFlow::Continue(());
        };
        let key = match name {
            "MemTotal" => "total",
            "HardwareCorrupted" => "corrupted",
            _ => return ControlFlow::Continue(()),
        };
        let kib = rest.split_ascii_whitespace().next();
        let kib = kib.and_then(|kib| kib.parse::<u64>().ok());
        put(facts, key, kib.and_then(|kib| kib.checked_mul(1024)));
        if key == "corrupted" {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
}

/// The directories of /sys/firmware/memmap, each with `start`, `end`, which belongs to it, and `type`.
fn of_firmware(tree: &Tree<'_>) -> Option<u64> {
    let mut sum = None;
    tree.names(&["/sys/firmware/memmap"], &mut |map, entry| {
        let mut buffer = Small::new();
        let mut file = |name: &str| {
            let mut path = String::<32>::try_from(entry).ok()?;
            path.push_str(name).ok()?;
            if name == "/type" {
                return (small(map, &path, &mut buffer) == SYSTEM_RAM).then_some(0);
            }
            let digits = small(map, &path, &mut buffer).strip_prefix("0x")?;
            u64::from_str_radix(digits, 16).ok()
        };
        if file("/type").is_some()
            && let Some(bytes) = bytes(file("/start"), file("/end"))
        {
            sum = Some(sum.unwrap_or(0_u64).saturating_add(bytes));
        }
    });
    sum
}

fn bytes(first: Option<u64>, last: Option<u64>) -> Option<u64> {
    last?.checked_sub(first?)?.checked_add(1)
}

/// `00100000-1ffdffff : System RAM`, without a blank in front.
fn of_kernel(tree: &Tree<'_>) -> Option<u64> {
    let mut sum = None;
    tree.lines("/proc/iomem", &mut |line| {
        if let Some(bytes) = kernel_range(line) {
            sum = Some(sum.unwrap_or(0_u64).saturating_add(bytes));
        }
        ControlFlow::Continue(())
    });
    // Without the right to see addresses, all of them are 0.
    sum.filter(|sum| *sum > 1 << 20)
}

fn kernel_range(line: &str) -> Option<u64> {
    let (first, rest) = line.split_once('-')?;
    let (last, what) = rest.split_once(' ')?;
    if what.strip_prefix(": ") != Some(SYSTEM_RAM) {
        return None;
    }
    let address = |digits| u64::from_str_radix(digits, 16).ok();
    bytes(address(first), address(last))
}

/// What the firmware's table says in all.
#[derive(Debug, Default)]
struct Said {
    installed: Option<u64>,
    mapped: Option<u64>,
    broken: Option<Broken>,
}

/// Says each slot of the system's memory.
fn slots(table: &[u8], each: &mut dyn FnMut(&Item<'_>)) -> Said {
    let mut said = Said::default();
    if table.is_empty() {
        return said;
    }
    let mut facts = Facts::new();
    let mut count = 0;
    for structure in structures(table) {
        let structure = match structure {
            Ok(structure) => structure,
            Err(broken) => {
                said.broken = said.broken.or(Some(broken));
                continue;
            }
        };
        let range = Range::of(&structure).filter(|range| is_memory(table, range.array));
        if let Some(bytes) = range.and_then(|range| range.bytes()) {
            said.mapped = Some(said.mapped.unwrap_or(0).saturating_add(bytes));
        }
        let device = Device::of(&structure).filter(|device| is_memory(table, device.array));
        let Some(device) = device else {
            continue;
        };
        said.broken = said.broken.or(device.broken);
        let bytes = match device.size {
            Size::Empty => Some(0),
            Size::Unknown => None,
            Size::Bytes(bytes) => Some(bytes),
        };
        if let Some(bytes) = bytes {
            said.installed = Some(said.installed.unwrap_or(0).saturating_add(bytes));
        }
        count += 1;
        if count > SLOTS_MAX {
            continue;
        }
        facts.clear();
        facts.put("bank", &printable(device.bank));
        put(&mut facts, "bytes", bytes);
        put(&mut facts, "speed", device.speed.map(u64::from));
        facts.put("manufacturer", &printable(device.manufacturer));
        facts.put("part", &printable(device.part));
        facts.put("serial", &printable(device.serial));
        each(&Item {
            class: Class::Slot,
            name: &slot_name(table, &device, count),
            facts: facts.text(),
        });
    }
    said
}

/// Whether this is no array that is for something else: flash, video memory.
fn is_memory(table: &[u8], handle: u16) -> bool {
    let mut arrays = structures(table).filter_map(|structure| Array::of(&structure.ok()?));
    let array = arrays.find(|array| array.handle == handle);
    array.is_none_or(|array| array.purpose == Array::SYSTEM_MEMORY)
}

/// The slot's locator; with its bank in front where another has the same, and with its number where that has no end. `number`
/// counts from 1.
fn slot_name(table: &[u8], device: &Device<'_>, number: usize) -> Name {
    let same = |is_same: &dyn Fn(&Device<'_>) -> bool| {
        let others = structures(table).filter_map(|structure| Device::of(&structure.ok()?));
        others.filter(|other| is_same(other)).count() > 1
    };
    let locator = printable(device.locator);
    let mut words = String::<FACT_BYTES_MAX>::new();
    let locator_again = same(&|other| other.locator == device.locator);
    let bank_again = locator_again
        && same(&|other| other.locator == device.locator && other.bank == device.bank);
    let bank = if locator_again {
        printable(device.bank)
    } else {
        String::new()
    };
    for part in [&bank, &locator] {
        // What does not fit is cut.
        let _ = words.push_str(part).and_then(|()| words.push(' '));
    }
    let text = words.trim_ascii();
    if bank_again || text.is_empty() {
        let mut numbered = String::<FACT_BYTES_MAX>::new();
        let text = if text.is_empty() { "slot" } else { text };
        let _ = write!(numbered, "{text} #{number}");
        return name(&numbered);
    }
    name(text)
}

/// What is printable of a text of the firmware.
fn printable(bytes: &[u8]) -> String<120> {
    let printable = bytes.iter().filter(|byte| matches!(byte, b' '..=b'~'));
    let mut out = String::new();
    for &byte in printable {
        // What does not fit is cut.
        let _ = out.push(char::from(byte));
    }
    out
}

/// Errors that the memory's controllers have counted.
fn errors(tree: &Tree<'_>, facts: &mut Facts) {
    let (mut corrected, mut uncorrected) = (None, None);
    let controllers = "/sys/devices/system/edac/mc";
    tree.names(&[controllers], &mut |_, name| {
        let is_controller = name.strip_prefix("mc");
        if is_controller.is_none_or(|rest| rest.parse::<u32>().is_err()) {
            return;
        }
        for (sum, file) in [
            (&mut corrected, "/ce_count"),
            (&mut uncorrected, "/ue_count"),
        ] {
            if let Some(count) = tree.number(&[controllers, "/", name, file]) {
                *sum = Some(sum.unwrap_or(0_u64).saturating_add(count));
            }
        }
    });
    put(facts, "edac_ce", corrected);
    put(facts, "edac_ue", uncorrected);
}

/// The words of the command line that leave memory out.
fn limits(line: &str) -> String<240> {
    let mut out = String::new();
    for word in line.split_ascii_whitespace() {
        if word.starts_with("mem=") || word.starts_with("memmap=") {
            if !out.is_empty() {
                let _ = out.push(' ');
            }
            // What does not fit is left out.
            let _ = out.push_str(word);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::is_accounted_for;

    #[test]
    fn what_firmware_keeps_is_no_loss() {
        let gib = 1 << 30;
        let check = |kernel, installed, expected| {
            let found = is_accounted_for(kernel, installed);
            assert_eq!(found, expected, "{kernel:?} of {installed:?}");
        };
        check(Some(64 * gib), Some(64 * gib), true);
        check(Some(63 * gib), Some(64 * gib), true);
        check(Some(62 * gib), Some(64 * gib), false);
        // Slots that are not told of.
        check(Some(64 * gib), Some(32 * gib), false);
        check(None, Some(gib), false);
        check(Some(gib), None, false);
        check(Some(0), Some(0), true);
    }
}
