//! What is expected of one machine, as rows of a plan.

use preroot_plan::{By, Class, Concern, DraftExpected, State};
use toml::Spanned;

use super::{agree, wrong};
use crate::check::Check;
use crate::hosts;
use crate::raw_config::{Number, RawCpu, RawDisk, RawMd, RawNic, RawPci, RawSlot, RawThings, Word};
use crate::units::{disk_bytes, percent, size_bytes};

/// How much less memory than what is said is still all of it, per cent: the kernel and the firmware keep some.
const MEMORY_TOLERANCE: u64 = 10;

/// A row, and the byte of the file that it stands at.
pub(super) type Row = (DraftExpected, usize);

/// Reads and checks all of it.
pub(super) fn things(check: &mut Check<'_>, raw: &RawThings<'_>) -> Vec<DraftExpected> {
    let default = concern(check, raw.policy, Concern::Degraded);
    let mut rows: Vec<Row> = Vec::new();
    rows.extend(memory(check, raw, default));
    rows.extend(raw.slot.iter().map(|it| slot(check, it, default)));
    rows.extend(raw.cpu.iter().flat_map(|it| cpu(check, it, default)));
    rows.extend(raw.disk.iter().map(|it| disk(check, it, default)));
    rows.extend(raw.md.iter().map(|it| md(check, it, default)));
    rows.extend(raw.nic.iter().map(|it| nic(check, it, default)));
    rows.extend(raw.pci.iter().map(|it| pci(check, it, default)));
    agree::agree(check, &rows, raw);
    rows.into_iter().map(|(row, _)| row).collect()
}

fn concern(check: &mut Check<'_>, word: &Word, default: Concern) -> Concern {
    let choices = [
        ("note", Concern::Note),
        ("degraded", Concern::Degraded),
        ("hold", Concern::Hold),
    ];
    check.choice(word, default, &choices)
}

fn tolerance(check: &mut Check<'_>, word: &Word, default: u64) -> u64 {
    word.as_ref().map_or(default, |word| {
        percent(word.get_ref()).unwrap_or_else(|| {
            let text = format!("\"{}\" is not a share", word.get_ref());
            check.wrong(word, text, "write 0% to 100%");
            default
        })
    })
}

/// A size that something can have.
fn size(check: &mut Check<'_>, word: &Word, read: fn(&str) -> Option<u64>) -> u64 {
    let Some(word) = word else { return 0 };
    let bytes = read(word.get_ref());
    bytes.filter(|bytes| *bytes > 0).unwrap_or_else(|| {
        let text = format!("\"{}\" is no size of anything", word.get_ref());
        let remedy = "write a number with its unit: 512MiB, 64GiB; of a disk also 960GB, 4TB";
        check.wrong(word, text, remedy);
        0
    })
}

/// A number from 1.
fn number(check: &mut Check<'_>, at: &Number, max: u64, what: &str) -> u64 {
    let Some(word) = at else { return 0 };
    let number = u64::try_from(*word.get_ref()).ok();
    let number = number.filter(|number| (1..=max).contains(number));
    number.unwrap_or_else(|| {
        let text = format!("{} is no {what}", word.get_ref());
        check.wrong(word, text, &format!("write 1 to {max}"));
        0
    })
}

fn count(check: &mut Check<'_>, at: &Number) -> u16 {
    let count = number(check, at, 1024, "number of them");
    u16::try_from(count).unwrap_or(0).max(1)
}

fn memory(check: &mut Check<'_>, raw: &RawThings<'_>, concern: Concern) -> Option<Row> {
    let tolerance = tolerance(check, raw.memory_tolerance, MEMORY_TOLERANCE);
    let Some(word) = raw.memory else {
        if let Some(word) = raw.memory_tolerance {
            let text = "a tolerance of nothing: memory is not said".to_string();
            check.wrong(word, text, "add memory = \"64GiB\"");
        }
        return None;
    };
    let bytes = size(check, raw.memory, size_bytes);
    let low = bytes / 100 * (100 - tolerance);
    let row = DraftExpected {
        // A tolerance of all of it expects nothing.
        low,
        concern,
        ..DraftExpected::new(Class::Memory, By::Any, "")
    };
    (low > 0).then(|| (row, word.span().start))
}

fn slot(check: &mut Check<'_>, at: &Spanned<RawSlot>, default: Concern) -> Row {
    let raw = at.get_ref();
    one_of(
        check,
        at,
        &[("name", raw.name.is_some()), ("count", raw.count.is_some())],
    );
    if raw.size.is_none() {
        let text = "a slot without a size".to_string();
        check.wrong(at, text, "add size = \"32GiB\": what the DIMM in it has");
    }
    let by = if raw.name.is_some() {
        By::Name
    } else {
        By::Any
    };
    let bytes = size(check, &raw.size, size_bytes);
    let name = known(check, &raw.name);
    let row = DraftExpected {
        low: bytes,
        high: bytes,
        count: count(check, &raw.count),
        concern: concern(check, &raw.policy, default),
        ..DraftExpected::new(Class::Slot, by, &name)
    };
    (row, at.span().start)
}

fn disk(check: &mut Check<'_>, at: &Spanned<RawDisk>, default: Concern) -> Row {
    let raw = at.get_ref();
    let keys = [
        ("serial", &raw.serial, By::Serial),
        ("wwn", &raw.wwn, By::Wwn),
        ("path", &raw.path, By::Path),
    ];
    let given: Vec<(&str, bool)> = keys
        .iter()
        .map(|(key, word, _)| (*key, word.is_some()))
        .collect();
    // By its serial number there may be several: cheap controllers give all of their disks the same.
    let names = given.iter().filter(|(_, is_given)| *is_given).count();
    if names == 0 && raw.count.is_none() || names > 1 {
        one_of(check, at, &[&given[..], &[("count", false)]].concat());
    } else if let (1, None, Some(word)) = (names, &raw.serial, &raw.count) {
        let text = "a count of one disk: its name is its own".to_string();
        check.wrong(word, text, "take it out");
    }
    let named = keys.into_iter().find(|(_, word, _)| word.is_some());
    let (name, by) = match named {
        None => (String::new(), By::Any),
        Some((_, word, by)) => (known(check, word), by),
    };
    let name = match by {
        By::Path => name.trim_start_matches("/dev/disk/by-path/").to_string(),
        By::Wwn => name.trim_start_matches("wwn-").to_string(),
        _ => name,
    };
    let bytes = size(check, &raw.size, disk_bytes);
    let tolerance = tolerance(check, &raw.size_tolerance, 0);
    if let (Some(word), None) = (&raw.size_tolerance, &raw.size) {
        let text = "a tolerance of nothing: the size is not said".to_string();
        check.wrong(word, text, "add size = \"4TB\"");
    }
    let part = bytes / 100 * tolerance;
    let row = DraftExpected {
        low: bytes - part,
        high: bytes.saturating_add(part),
        count: count(check, &raw.count),
        concern: concern(check, &raw.policy, default),
        state: if raw.read_only {
            State::ReadOnly
        } else {
            State::Plain
        },
        ..DraftExpected::new(Class::Disk, by, &name)
    };
    (row, at.span().start)
}

fn md(check: &mut Check<'_>, at: &Spanned<RawMd>, default: Concern) -> Row {
    let raw = at.get_ref();
    if raw.name.is_none() {
        let text = "an array without a name".to_string();
        check.wrong(at, text, "add name = \"md0\"");
    }
    let concern = concern(check, &raw.policy, default);
    if concern == Concern::Hold {
        let text = "a boot that holds for an array never sees it".to_string();
        let remedy = "take policy = \"degraded\", and \"hold\" for its disks: arrays are assembled when the root is looked for";
        match &raw.policy {
            Some(word) => check.wrong(word, text, remedy),
            None => check.wrong(at, text, remedy),
        }
    }
    let name = known(check, &raw.name);
    let row = DraftExpected {
        low: number(check, &raw.disks, 1024, "number of disks"),
        concern,
        ..DraftExpected::new(Class::Md, By::Name, name.trim_start_matches("/dev/"))
    };
    (row, at.span().start)
}

fn nic(check: &mut Check<'_>, at: &Spanned<RawNic>, default: Concern) -> Row {
    let raw = at.get_ref();
    one_of(
        check,
        at,
        &[("mac", raw.mac.is_some()), ("pci", raw.pci.is_some())],
    );
    let (by, name) = match (&raw.mac, &raw.pci) {
        (Some(word), _) => {
            let mac = hosts::mac(word.get_ref()).map(hosts::mac_text);
            (By::Mac, spelled(check, word, mac))
        }
        (None, Some(word)) => (By::Pci, spelled(check, word, hosts::pci(word.get_ref()))),
        (None, None) => (By::Mac, String::new()),
    };
    let row = DraftExpected {
        low: number(check, &raw.speed, 10_000_000, "speed in Mbit/s"),
        concern: concern(check, &raw.policy, default),
        state: if raw.carrier {
            State::Carrier
        } else {
            State::Plain
        },
        ..DraftExpected::new(Class::Nic, by, &name)
    };
    (row, at.span().start)
}

fn cpu(check: &mut Check<'_>, at: &Spanned<RawCpu>, default: Concern) -> Vec<Row> {
    let raw = at.get_ref();
    let concern = concern(check, &raw.policy, default);
    let microcode = raw.microcode.as_ref().map_or(0, |word| {
        let digits = word.get_ref().strip_prefix("0x").unwrap_or_default();
        let revision = u64::from_str_radix(digits, 16).ok();
        revision
            .filter(|revision| *revision > 0 && !digits.starts_with('+'))
            .unwrap_or_else(|| {
                let remedy = "write it as /proc/cpuinfo has it: 0x2b000603";
                wrong(check, word, word.get_ref(), ("is no revision", remedy));
                0
            })
    });
    let numbers = [
        (
            By::Sockets,
            number(check, &raw.sockets, 1024, "number of sockets"),
        ),
        (
            By::Cores,
            number(check, &raw.cores, 65_536, "number of cores"),
        ),
        (
            By::Threads,
            number(check, &raw.threads, 65_536, "number of threads"),
        ),
        (By::Microcode, microcode),
    ];
    let given = numbers.into_iter().filter(|(_, number)| *number > 0);
    let row = |(by, low)| {
        let row = DraftExpected {
            low,
            concern,
            ..DraftExpected::new(Class::Cpu, by, "")
        };
        (row, at.span().start)
    };
    given.map(row).collect()
}

fn pci(check: &mut Check<'_>, at: &Spanned<RawPci>, default: Concern) -> Row {
    let raw = at.get_ref();
    let id = raw.id.as_ref().map_or("", |word| word.get_ref());
    let id = id.to_ascii_lowercase();
    let is_part = |part: &str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let is_id = id
        .split_once(':')
        .is_some_and(|(vendor, device)| is_part(vendor) && is_part(device));
    if !is_id {
        let text = format!("\"{id}\" is no id of a PCI device");
        check.wrong(at, text, "write it as lspci -n does: id = \"10de:20b0\"");
    }
    let row = DraftExpected {
        count: count(check, &raw.count),
        concern: concern(check, &raw.policy, default),
        ..DraftExpected::new(Class::Pci, By::Id, &id)
    };
    (row, at.span().start)
}

/// What a thing is known by: something, and nothing that the target drops from what firmware says.
fn known(check: &mut Check<'_>, word: &Word) -> String {
    let Some(word) = word else {
        return String::new();
    };
    let text = word.get_ref().trim();
    let is_printable = |character: char| matches!(character, ' '..='~');
    if text.is_empty() || text.len() > 96 || !text.chars().all(is_printable) {
        let text = format!("\"{text}\" is nothing that a thing is known by");
        let remedy = "write up to 96 printable ASCII characters, as `bootlog hardware` shows them";
        check.wrong(word, text, remedy);
        return String::new();
    }
    text.to_string()
}

fn spelled(
    check: &mut Check<'_>,
    word: &Spanned<String>,
    result: Result<String, hosts::Wrong>,
) -> String {
    result.unwrap_or_else(|why| {
        wrong(check, word, word.get_ref(), why);
        String::new()
    })
}

/// Complains where not exactly one of some keys is given.
fn one_of<T>(check: &mut Check<'_>, at: &Spanned<T>, keys: &[(&str, bool)]) {
    if keys.iter().filter(|(_, is_given)| *is_given).count() != 1 {
        let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
        let text = "does not say in one way what is expected".to_string();
        check.wrong(at, text, &format!("write one of: {}", names.join(", ")));
    }
}
