//! Whether disks are alive: children read some of their sectors, past every cache, and ask them how they are.
//!
//! A child may hang in the kernel for ever (state D), so nobody waits for it: it takes one disk after the other from a
//! pipe, and answers by another, a line for what it knows, or not at all. Those that are left are for the next child. When
//! one is over it is reaped by whoever has it then.

use core::fmt::Write;

use heapless::String;
use preroot_boot::inventory::Facts;
use preroot_boot::machine::Errno;
use preroot_sys::clock::now_ns;
use preroot_sys::disk::{Scsi, nvme_health, nvme_identify, scsi};
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::pipe::{PipeFlags, pipe_with};
use preroot_sys::stdio::{dup2_stderr, dup2_stdout};
use preroot_sys::thread::nanosleep;
use preroot_sys::time::{ClockId, Timespec};
use preroot_sys::{fork, io, memory};

use super::disks::Bus;
use super::tree::{Small, Tree, text_of};
use crate::limits::{DISK_OPEN_PAUSE_NS, DISK_OPENS_MAX, DISK_READ_BYTES, HEALTH_MS_MAX};
use crate::linux::{errno, read_at};

/// ATA PASS-THROUGH (16) with SMART RETURN STATUS in it, whose answer comes as sense data (SAT-3, section 12.2.3; ACS-3,
/// section 7.48.8).
const SMART_RETURN_STATUS: [u8; 16] = [
    0x85, 0x06, 0x20, 0, 0xDA, 0, 0, 0, 0, 0, 0x4F, 0, 0xC2, 0, 0xB0, 0,
];
/// TEST UNIT READY (SPC-4, section 6.47).
const TEST_UNIT_READY: [u8; 6] = [0; 6];
/// CHECK CONDITION (SAM-5).
const CHECK_CONDITION: u8 = 2;
/// UNIT ATTENTION: something has happened since, and it is said once (SPC-4, table 48).
const UNIT_ATTENTION: u8 = 6;

/// What a controller calls critical, by the bits of its log's first byte (NVM Express Base Specification 2.0, figure 207).
const CRITICAL: [&str; 6] = [
    "spare low",
    "too hot",
    "unreliable",
    "read only",
    "backup failed",
    "memory unreliable",
];

/// A disk that is to be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Its number, which stands in front of its answers.
    pub(super) number: u16,
    pub(super) bus: Bus,
    /// Whether sysfs has told its serial number.
    pub(super) has_serial: bool,
    pub(super) bytes: u64,
    pub(super) name: String<32>,
}

/// A question in the pipe: number, bus, whether the serial number is known, bytes, name with its length.
const QUESTION_BYTES: usize = 48;

impl Question {
    fn write(&self) -> [u8; QUESTION_BYTES] {
        let mut out = [0; QUESTION_BYTES];
        let [low, high] = self.number.to_le_bytes();
        let bus = Bus::ALL.iter().position(|bus| *bus == self.bus);
        let bus = bus.and_then(|bus| u8::try_from(bus).ok()).unwrap_or(0);
        let length = u8::try_from(self.name.len()).unwrap_or(0);
        let head = [low, high, bus, u8::from(self.has_serial), length];
        let all = head.into_iter().chain(self.bytes.to_le_bytes());
        let all = all.chain(self.name.bytes());
        out.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        out
    }

    fn read(bytes: &[u8; QUESTION_BYTES]) -> Option<Question> {
        let (&[low, high, bus, has_serial, length], rest) = bytes.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let name = core::str::from_utf8(rest.get(..length.into())?).ok()?;
        Some(Question {
            number: u16::from_le_bytes([low, high]),
            bus: *Bus::ALL.get(usize::from(bus))?,
            has_serial: has_serial != 0,
            bytes: u64::from_le_bytes(*size),
            name: String::try_from(name).ok()?,
        })
    }
}

/// Both pipes: what is asked, what is answered.
#[derive(Debug)]
pub(super) struct Pipes {
    questions: [OwnedFd; 2],
    answers: [OwnedFd; 2],
}

impl Pipes {
    pub(super) fn new() -> Result<Pipes, Errno> {
        let pipe = || {
            let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
            Ok([reader, writer])
        };
        Ok(Pipes {
            questions: pipe().map_err(errno)?,
            answers: pipe().map_err(errno)?,
        })
    }

    /// Puts a disk behind those that are to be asked.
    pub(super) fn put(&self, question: &Question) -> Result<(), Errno> {
        let [_, writer] = &self.questions;
        let written = io::write(writer, &question.write()).map_err(errno)?;
        (written == QUESTION_BYTES)
            .then_some(())
            .ok_or(Errno::AGAIN)
    }

    /// Where answers come from.
    pub(super) fn answers(&self) -> &OwnedFd {
        let [reader, _] = &self.answers;
        reader
    }

    /// A line `NUMBER\tkey=value\t...`, in one write: it is shorter than what a pipe takes whole.
    pub(super) fn answer(&self, number: usize, facts: &Facts) {
        let [_, writer] = &self.answers;
        let mut line = String::<1024>::new();
        let fits = write!(line, "{number}\t")
            .and_then(|()| line.write_str(facts.text()))
            .and_then(|()| line.write_str("\n"));
        if fits.is_ok() {
            let _ = io::write(writer, line.as_bytes());
        }
    }

    /// Has a child answer by these pipes.
    pub(super) fn child(&self, work: impl FnOnce()) -> Result<(), Errno> {
        let child = fork::child(|| {
            // Whoever reads what this program says must not wait for one that hangs.
            let [_, writer] = &self.answers;
            let _ = (dup2_stdout(writer), dup2_stderr(writer));
            work();
        });
        child.map(drop).map_err(errno)
    }

    /// Has a child ask disks until none is left. A disk's first answer says nothing but that it is being asked, the last one has
    /// `alive`.
    pub(super) fn ask(&self, tree: &Tree<'_>) -> Result<(), Errno> {
        self.child(|| {
            let mut bytes = [0; QUESTION_BYTES];
            let [questions, _] = &self.questions;
            while io::read(questions, &mut bytes) == Ok(QUESTION_BYTES) {
                if let Some(question) = Question::read(&bytes) {
                    self.ask_one(tree, &question);
                }
            }
        })
    }

    fn ask_one(&self, tree: &Tree<'_>, question: &Question) {
        let number = usize::from(question.number);
        let mut facts = Facts::new();
        self.answer(number, &facts);
        if question.bus == Bus::Virtio {
            let serial = ["/sys/class/block/", &question.name, "/serial"];
            facts.put("serial", tree.text(&serial, &mut Small::new()));
            self.answer(number, &facts);
            facts.clear();
        }
        look(tree, question, &mut facts);
        self.answer(number, &facts);
    }
}

fn look(tree: &Tree<'_>, question: &Question, facts: &mut Facts) {
    let begun = now_ns(ClockId::Monotonic);
    let device = device(tree, &question.name);
    let read = device
        .as_ref()
        .map_err(|errno| *errno)
        .and_then(|device| sectors(device, question.bytes));
    let took_ns = now_ns(ClockId::Monotonic).saturating_sub(begun);
    if let Ok(device) = &device {
        health(device, question, facts);
    }
    match read {
        Ok(()) => facts.put("alive", "ok"),
        Err(errno) => {
            let mut words = String::<16>::new();
            let _ = write!(words, "errno {}", errno.0);
            facts.put("alive", &words);
        }
    }
    facts.number("took_us", took_ns / 1000);
}

fn device(tree: &Tree<'_>, disk: &str) -> Result<OwnedFd, Errno> {
    let path = tree.path(&["/dev/", disk]).ok_or(Errno::INVAL)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let open = |flags| open(path.as_str(), flags, Mode::empty()).map_err(errno);
    let direct = || open(flags | OFlags::DIRECT);
    let pause = || {
        let _ = nanosleep(&Timespec {
            tv_sec: 0,
            tv_nsec: DISK_OPEN_PAUSE_NS,
        });
    };
    match patiently(direct, pause) {
        // What has no blocks of its own is read as it can be.
        Err(Errno::INVAL) => open(flags),
        other => other,
    }
}

/// Opens what may be on its way: `device_add_disk` (block/genhd.c) puts a disk into sysfs, then its node into /dev, and only then
/// where open(2) finds it.
fn patiently<T>(
    mut open: impl FnMut() -> Result<T, Errno>,
    mut pause: impl FnMut(),
) -> Result<T, Errno> {
    for _ in 1..DISK_OPENS_MAX {
        match open() {
            Err(Errno::NXIO | Errno::NOENT) => pause(),
            other => return other,
        }
    }
    open()
}

/// Reads at its beginning, in its middle and at its end.
fn sectors(device: &OwnedFd, bytes: u64) -> Result<(), Errno> {
    let piece = u64::try_from(DISK_READ_BYTES).unwrap_or(u64::MAX);
    // Memory and offset must be multiples of the sector (open(2), O_DIRECT); a page is one of each that there is.
    let buffer = memory::anonymous(DISK_READ_BYTES).map_err(errno)?;
    let last = bytes.saturating_sub(piece) / piece * piece;
    let middle = last / 2 / piece * piece;
    let length = if bytes < piece {
        usize::try_from(bytes).map_err(|_| Errno::INVAL)?
    } else {
        DISK_READ_BYTES
    };
    let mut before = None;
    for offset in [0, middle, last] {
        if before == Some(offset) {
            continue;
        }
        before = Some(offset);
        let room = buffer.get_mut(..length).ok_or(Errno::INVAL)?;
        read_at(device, offset, room)?;
    }
    Ok(())
}

/// What the disk says of itself, where it takes one question.
fn health(device: &OwnedFd, question: &Question, facts: &mut Facts) {
    match question.bus {
        Bus::Nvme => {
            if !question.has_serial
                && let Ok(said) = nvme_identify(device, HEALTH_MS_MAX)
            {
                facts.put("serial", text_of(said.get(4..24).unwrap_or_default()));
                facts.put("model", text_of(said.get(24..64).unwrap_or_default()));
            }
            if let Ok(log) = nvme_health(device, HEALTH_MS_MAX) {
                facts.put("health", &critical(log.first().copied().unwrap_or(0)));
            }
        }
        Bus::Ata => {
            if let Ok(said) = scsi(device, &SMART_RETURN_STATUS, HEALTH_MS_MAX) {
                facts.put("health", smart(&said));
            }
        }
        Bus::Scsi | Bus::Usb => {
            let said = scsi(device, &TEST_UNIT_READY, HEALTH_MS_MAX);
            let said = match said {
                Ok(said) if sense_key(&said) == Some(UNIT_ATTENTION) => {
                    scsi(device, &TEST_UNIT_READY, HEALTH_MS_MAX)
                }
                other => other,
            };
            if let Ok(said) = said {
                facts.put("health", ready(&said));
            }
        }
        Bus::Virtio | Bus::Mmc | Bus::Other => {}
    }
}

/// The words for the bits of a critical warning.
fn critical(bits: u8) -> String<96> {
    let mut out = String::new();
    for (bit, word) in CRITICAL.iter().enumerate() {
        if bits >> bit & 1 == 0 {
            continue;
        }
        if !out.is_empty() {
            let _ = out.push_str(", ");
        }
        // All of them fit.
        let _ = out.push_str(word);
    }
    if out.is_empty() {
        let _ = out.push_str("ok");
    }
    out
}

/// What SMART says in all: by two registers, which come in sense data of either form (SAT-3, section 12.2.2.6; SPC-4, section 4.5).
fn smart(said: &Scsi) -> &'static str {
    let sense = &said.sense;
    let (middle, high) = match sense.first().map(|code| code & 0x7F) {
        Some(0x72 | 0x73) if sense.get(8) == Some(&0x09) => (sense.get(17), sense.get(19)),
        Some(0x70 | 0x71) => (sense.get(10), sense.get(11)),
        _ => return "",
    };
    match (middle, high) {
        (Some(0x4F), Some(0xC2)) => "ok",
        (Some(0xF4), Some(0x2C)) => "failing",
        _ => "",
    }
}

/// Whether it is ready, and why not.
fn ready(said: &Scsi) -> &'static str {
    match (said.status, said.host, sense_key(said)) {
        (0, 0, _) | (CHECK_CONDITION, 0, Some(0 | 1)) => "ok",
        (CHECK_CONDITION, 0, Some(2)) => "not ready",
        (CHECK_CONDITION, 0, Some(3)) => "medium error",
        (CHECK_CONDITION, 0, Some(4)) => "hardware error",
        _ => "does not answer",
    }
}

fn sense_key(said: &Scsi) -> Option<u8> {
    let at = match said.sense.first()? & 0x7F {
        0x72 | 0x73 => 1,
        0x70 | 0x71 => 2,
        _ => return None,
    };
    said.sense.get(at).map(|byte| byte & 0x0F)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u8, sense: &[(usize, u8)]) -> Scsi {
        let mut said = Scsi {
            status,
            host: 0,
            sense: [0; 32],
        };
        for &(at, byte) in sense {
            said.sense[at] = byte;
        }
        said
    }

    #[test]
    fn what_is_on_its_way_is_waited_for() {
        let check = |failures: &[Errno], expected: Result<(), Errno>, pauses: u32| {
            let (mut failures, mut paused) = (failures.iter(), 0);
            let found = patiently(
                || failures.next().map_or(Ok(()), |errno| Err(*errno)),
                || paused += 1,
            );
            assert_eq!((found, paused), (expected, pauses));
        };
        check(&[], Ok(()), 0);
        check(&[Errno::NOENT, Errno::NXIO, Errno::NXIO], Ok(()), 3);
        check(&[Errno::NXIO, Errno::IO], Err(Errno::IO), 1);
        check(&[Errno::INVAL], Err(Errno::INVAL), 0);
        check(&[Errno::NXIO; 90], Err(Errno::NXIO), DISK_OPENS_MAX - 1);
    }

    #[test]
    fn questions_come_back() {
        for (at, bus) in Bus::ALL.into_iter().enumerate() {
            let question = Question {
                number: u16::try_from(at * 1000).unwrap(),
                bus,
                has_serial: at % 2 == 0,
                bytes: u64::MAX - 7,
                name: String::try_from("x".repeat(at * 5).as_str()).unwrap(),
            };
            assert_eq!(Question::read(&question.write()), Some(question));
        }
        assert_eq!(Question::read(&[0xFF; QUESTION_BYTES]), None);
    }

    #[test]
    fn smart_is_understood() {
        let check = |sense: &[(usize, u8)], expected| assert_eq!(smart(&said(2, sense)), expected);
        check(&[(0, 0x72), (8, 9), (17, 0x4F), (19, 0xC2)], "ok");
        check(&[(0, 0x72), (8, 9), (17, 0xF4), (19, 0x2C)], "failing");
        check(&[(0, 0x70), (10, 0x4F), (11, 0xC2)], "ok");
        check(&[(0, 0xF0), (10, 0xF4), (11, 0x2C)], "failing");
        // Another descriptor; a refusal; nothing.
        check(&[(0, 0x72), (8, 0), (17, 0x4F), (19, 0xC2)], "");
        check(&[(0, 0x70), (2, 5)], "");
        check(&[], "");
    }

    #[test]
    fn readiness_is_understood() {
        let check = |status, sense: &[(usize, u8)], expected| {
            assert_eq!(ready(&said(status, sense)), expected);
        };
        check(0, &[], "ok");
        check(2, &[(0, 0x70), (2, 1)], "ok");
        check(2, &[(0, 0x70), (2, 2)], "not ready");
        check(2, &[(0, 0x72), (1, 3)], "medium error");
        check(2, &[(0, 0x72), (1, 4)], "hardware error");
        check(2, &[(0, 0x72), (1, 0xB)], "does not answer");
        check(8, &[], "does not answer");
    }

    #[test]
    fn warnings_have_words() {
        assert_eq!(critical(0), "ok");
        assert_eq!(critical(1), "spare low");
        assert_eq!(critical(0b1100), "unreliable, read only");
        assert_eq!(critical(0xC0), "ok");
        assert!(critical(0xFF).ends_with("memory unreliable"));
    }
}
