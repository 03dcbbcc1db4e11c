//! One expectation: what meets it, and what is said where it is not met.
//!
//! | class | it is met by |
//! |---|---|
//! | memory | a total that is not less |
//! | slot, disk | the named one with a size in the bounds; or so many of that size |
//! | cpu | a number that is not lower |
//! | md | the named one, or any, with so many disks, none of them missing |
//! | nic | the named one, not slower, with a carrier where one is asked for |
//! | pci | so many of an id |

use core::fmt::{self, Write};

use preroot_plan::{By, Class, Concern, State};

use super::item::{Item, number};
use super::judge::Judgement;
use crate::limits::TEXT_BYTES_MAX;
use crate::text::text;

/// What keeps a thing that is there from being as expected, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    NoCarrier,
    Unknown,
    Slow,
    Errors,
    Health,
    ReadOnly,
    Small,
    WrongSize,
    Degraded,
    Unreadable,
    Hangs,
}

impl Fault {
    fn verdict(self) -> &'static str {
        match self {
            Fault::None => "ok",
            Fault::NoCarrier => "no carrier",
            Fault::Unknown => "unknown",
            Fault::Slow => "slow",
            Fault::Errors => "errors",
            Fault::Health => "failing",
            Fault::ReadOnly => "read-only",
            Fault::Small => "small",
            Fault::WrongSize => "wrong size",
            Fault::Degraded => "degraded",
            Fault::Unreadable => "unreadable",
            Fault::Hangs => "hangs",
        }
    }

    /// Whether it may be over in a moment: a link takes seconds to come up, an array to be assembled.
    pub(super) fn may_pass(self) -> bool {
        matches!(self, Fault::NoCarrier | Fault::Slow | Fault::Degraded)
    }
}

/// An expectation, and how far it is met.
#[derive(Debug)]
pub(super) struct Want<'a> {
    pub(super) class: Class,
    pub(super) by: By,
    /// What it is known by; empty: any.
    pub(super) name: &'a str,
    /// At least, in the item's unit.
    pub(super) low: u64,
    /// At most; 0: whatever.
    pub(super) high: u64,
    /// How many there should be.
    pub(super) count: u16,
    pub(super) state: State,
    pub(super) concern: Concern,
    /// How many there are.
    pub(super) seen: u16,
    /// The size, speed or number of the last one.
    pub(super) value: u64,
    /// What is wrong with one of them, and which: a hash of its name.
    pub(super) fault: Fault,
    pub(super) culprit: u64,
}

impl<'a> Want<'a> {
    pub(super) fn new(class: Class, by: By, name: &'a str, concern: Concern) -> Want<'a> {
        Want {
            class,
            by,
            name,
            low: 0,
            high: 0,
            count: 1,
            state: State::Plain,
            concern,
            seen: 0,
            value: 0,
            fault: Fault::None,
            culprit: 0,
        }
    }

    /// Nothing was offered.
    pub(super) fn forget(&mut self) {
        (self.seen, self.value) = (0, 0);
        (self.fault, self.culprit) = (Fault::None, 0);
    }

    /// Whether a thing is what is expected: its size, speed or number, and what is wrong with it.
    pub(super) fn meets(&self, item: &Item<'_>) -> Option<(u64, Fault)> {
        if item.class != self.class {
            return None;
        }
        match self.class {
            Class::Memory => {
                let total = item.number("total")?;
                Some((total, self.not_less(total, Fault::Small)))
            }
            Class::Cpu => {
                let key = match self.by {
                    By::Threads => "online",
                    by => by.key(),
                };
                let value = item.number(key)?;
                Some((value, self.not_less(value, Fault::Small)))
            }
            Class::Slot => {
                let bytes = item.number("bytes").filter(|bytes| *bytes > 0)?;
                self.sized(item, bytes)
            }
            Class::Disk => {
                let bytes = item.number("bytes")?;
                let (bytes, fault) = self.sized(item, bytes)?;
                let state = self.disk_fault(item);
                Some((bytes, if state == Fault::None { fault } else { state }))
            }
            Class::Md => {
                if !self.is_named(item) {
                    return None;
                }
                let disks = item.number("disks").unwrap_or(0);
                let missing = item.number("degraded").unwrap_or(0);
                let working = disks.saturating_sub(missing);
                let is_whole = missing == 0 && disks >= self.low;
                let fault = if is_whole {
                    Fault::None
                } else {
                    Fault::Degraded
                };
                Some((working, fault))
            }
            Class::Nic => {
                if !self.is_named(item) {
                    return None;
                }
                let speed = item.number("speed");
                let has_carrier = item.number("carrier") == Some(1);
                let is_asked = self.state == State::Carrier || self.low > 0;
                let fault = match speed {
                    _ if is_asked && !has_carrier => Fault::NoCarrier,
                    Some(speed) => self.not_less(speed, Fault::Slow),
                    None if self.low > 0 => Fault::Unknown,
                    None => Fault::None,
                };
                Some((speed.unwrap_or(0), fault))
            }
            Class::Pci => self.is_named(item).then_some((1, Fault::None)),
        }
    }

    fn not_less(&self, value: u64, fault: Fault) -> Fault {
        if value < self.low { fault } else { Fault::None }
    }

    /// A thing with a size: of one that is named a wrong size is a fault, of any it is another thing.
    fn sized(&self, item: &Item<'_>, bytes: u64) -> Option<(u64, Fault)> {
        let fits = bytes >= self.low && (self.high == 0 || bytes <= self.high);
        match (self.by, fits) {
            (By::Any, false) => None,
            (By::Any, true) => Some((bytes, Fault::None)),
            (_, fits) => self
                .is_named(item)
                .then_some((bytes, if fits { Fault::None } else { Fault::WrongSize })),
        }
    }

    fn is_named(&self, item: &Item<'_>) -> bool {
        match self.by {
            By::Any => true,
            By::Name => item.name == self.name,
            by => item.fact(by.key()) == Some(self.name),
        }
    }

    fn disk_fault(&self, item: &Item<'_>) -> Fault {
        match item.fact("alive") {
            Some("hangs") => return Fault::Hangs,
            Some(alive) if alive.starts_with("errno") => return Fault::Unreadable,
            _ => {}
        }
        if self.state != State::ReadOnly && item.fact("read_only").and_then(number) == Some(1) {
            Fault::ReadOnly
        } else if item.fact("health").is_some_and(|health| health != "ok") {
            Fault::Health
        } else if item.number("errors").is_some_and(|errors| errors > 0) {
            Fault::Errors
        } else {
            Fault::None
        }
    }

    pub(super) fn judge(&self, is_known: bool, memory: &str, each: &mut dyn FnMut(&Judgement<'_>)) {
        let is_missing = self.seen < self.count;
        // What cannot be read may well be there: it is no reason to stop.
        let is_unknown = is_missing
            && !is_known
            && matches!(self.class, Class::Memory | Class::Slot | Class::Cpu);
        let verdict = match (is_missing, is_unknown) {
            (_, true) => Fault::Unknown.verdict(),
            (true, _) => "missing",
            (false, _) => self.fault.verdict(),
        };
        let concern = match (verdict, self.concern) {
            ("unknown", Concern::Hold) => Concern::Degraded,
            (_, concern) => concern,
        };
        let (expected, found) = match self.count {
            0 | 1 if !matches!(self.class, Class::Pci) => {
                (self.low, if self.seen == 0 { 0 } else { self.value })
            }
            count => (u64::from(count), u64::from(self.seen)),
        };
        let item = self.item();
        let detail = match (verdict, self.class) {
            ("missing" | "small" | "unknown" | "wrong size" | "slow" | "degraded", _) => {
                self.detail(verdict, expected, found, memory)
            }
            _ => text(format_args!("")),
        };
        each(&Judgement {
            concern,
            item: &item,
            expected,
            found,
            verdict,
            detail: &detail,
        });
    }

    /// What it is called: `slot DIMM_A2`, `disks of 4 TB`, `cpu cores`.
    fn item(&self) -> heapless::String<TEXT_BYTES_MAX> {
        let word = self.class.word();
        match (self.class, self.by) {
            (Class::Memory, _) => text(format_args!("{word}")),
            (Class::Cpu, by) => text(format_args!("{word} {}", by.key())),
            (_, By::Any) if self.low > 0 && self.class != Class::Md => {
                text(format_args!("{word}s of {}", Size(self.low)))
            }
            (_, By::Any) => text(format_args!("{word}s")),
            _ => text(format_args!("{word} {}", self.name)),
        }
    }

    /// What is wrong, in a phrase; empty where item and verdict say all of it.
    fn detail(
        &self,
        verdict: &str,
        expected: u64,
        found: u64,
        memory: &str,
    ) -> heapless::String<TEXT_BYTES_MAX> {
        let item = self.item();
        match (self.class, verdict) {
            (Class::Memory, "small") => {
                let missing = Size(expected.saturating_sub(found));
                text(format_args!("memory: {missing} missing{memory}"))
            }
            (Class::Slot, "missing") if self.by == By::Name => {
                text(format_args!("{} {} missing", self.name, Size(self.low)))
            }
            (Class::Slot | Class::Disk, "wrong size") => {
                let name = match self.class {
                    Class::Slot => self.name,
                    _ => &item,
                };
                let (found, expected) = (Size(found), Size(self.low));
                text(format_args!("{name} has {found} instead of {expected}"))
            }
            (Class::Nic, "slow") => text(format_args!(
                "{item} has {found} Mbit/s instead of {expected}"
            )),
            (Class::Cpu, "small") => text(format_args!("{item}: {found} instead of {expected}")),
            (Class::Md, "degraded") => text(format_args!("{item} degraded")),
            (_, "missing") if self.count > 1 => {
                let missing = self.count.saturating_sub(self.seen);
                text(format_args!("{missing} of {expected} missing: {item}"))
            }
            _ => text(format_args!("")),
        }
    }
}

/// Bytes for people: with the largest unit that leaves no rest, else in MiB.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            (1 << 40, "TiB"),
            (1_000_000_000_000, "TB"),
            (1 << 30, "GiB"),
            (1_000_000_000, "GB"),
        ];
        for (unit, name) in units {
            if self.0 > 0 && self.0.is_multiple_of(unit) {
                return write!(f, "{} {name}", self.0 / unit);
            }
        }
        write!(f, "{} MiB", self.0 >> 20)
    }
}

/// Where memory may have gone: what is installed, what the firmware and the kernel see of it, what was left out.
pub(super) fn memory_words(item: &Item<'_>) -> heapless::String<TEXT_BYTES_MAX> {
    let mut words = heapless::String::new();
    let of = [
        ("installed", "installed"),
        ("mapped", "mapped"),
        ("firmware", "the firmware tells of"),
        ("kernel", "the kernel has"),
        ("corrupted", "corrupted"),
    ];
    for (key, what) in of {
        if let Some(bytes) = item.number(key).filter(|bytes| *bytes > 0) {
            // What does not fit is not said.
            let _ = write!(words, ", {what} {}", Size(bytes));
        }
    }
    if let Some(limited) = item.fact("limited") {
        let _ = write!(words, ", left out by {limited}");
    }
    words
}
