//! Whether a disk is alive: a child reads some of its sectors, past every cache, and asks it how it is.
//!
//! The child may hang in the kernel for ever (state D), so nobody waits for it: it answers by a pipe, a line for what it
//! knows, or not at all. When it is over it is reaped by whoever has it then.

use core::fmt::Write;

use heapless::String;
use preroot_boot::inventory::Facts;
use preroot_boot::machine::Errno;
use preroot_sys::clock::now_ns;
use preroot_sys::disk::{Scsi, nvme_health, nvme_identify, scsi};
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::stdio::{dup2_stderr, dup2_stdout};
use preroot_sys::time::ClockId;
use preroot_sys::{fork, io, memory};

use super::disks::{Bus, Known};
use super::tree::{Small, Tree, text_of};
use crate::limits::{DISK_READ_BYTES, HEALTH_MS_MAX};
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

/// Has a child ask a disk, which answers with lines `NUMBER\tkey=value\t...`, of which the last has `alive`.
pub(super) fn ask(
    tree: &Tree<'_>,
    disk: &str,
    number: usize,
    known: &Known,
    answers: &OwnedFd,
) -> Result<(), Errno> {
    let child = fork::child(|| {
        leave_streams(answers);
        let mut facts = Facts::new();
        if known.bus == Bus::Virtio {
            let serial = format_args!("/sys/class/block/{disk}/serial");
            facts.put("serial", tree.text(serial, &mut Small::new()));
            answer(answers, number, &facts);
            facts.clear();
        }
        look(tree, disk, known, &mut facts);
        answer(answers, number, &facts);
    });
    child.map(drop).map_err(errno)
}

/// Lets go of this program's own streams: whoever reads them must not wait for a child that hangs.
pub(super) fn leave_streams(answers: &OwnedFd) {
    let _ = (dup2_stdout(answers), dup2_stderr(answers));
}

/// A line, in one write: it is shorter than what a pipe takes whole.
pub(super) fn answer(answers: &OwnedFd, number: usize, facts: &Facts) {
    let mut line = String::<1024>::new();
    let fits = write!(line, "{number}\t")
        .and_then(|()| line.write_str(facts.text()))
        .and_then(|()| line.write_str("\n"));
    if fits.is_ok() {
        let _ = io::write(answers, line.as_bytes());
    }
}

fn look(tree: &Tree<'_>, disk: &str, known: &Known, facts: &mut Facts) {
    let begun = now_ns(ClockId::Monotonic);
    let device = device(tree, disk);
    let read = device
        .as_ref()
        .map_err(|errno| *errno)
        .and_then(|device| sectors(device, known));
    let took_ns = now_ns(ClockId::Monotonic).saturating_sub(begun);
    if let Ok(device) = &device {
        health(device, known, facts);
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
    let path = tree.path(format_args!("/dev/{disk}")).ok_or(Errno::INVAL)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let open = |flags| open(path.as_str(), flags, Mode::empty()).map_err(errno);
    match open(flags | OFlags::DIRECT) {
        // What has no blocks of its own is read as it can be.
        Err(Errno::INVAL) => open(flags),
        other => other,
    }
}

/// Reads at its beginning, in its middle and at its end.
fn sectors(device: &OwnedFd, known: &Known) -> Result<(), Errno> {
    let piece = u64::try_from(DISK_READ_BYTES).unwrap_or(u64::MAX);
    // Memory and offset must be multiples of the sector (open(2), O_DIRECT); a page is one of each that there is.
    let buffer = memory::anonymous(DISK_READ_BYTES).map_err(errno)?;
    let last = known.bytes.saturating_sub(piece) / piece * piece;
    let middle = last / 2 / piece * piece;
    let length = if known.bytes < piece {
        usize::try_from(known.bytes).map_err(|_| Errno::INVAL)?
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
fn health(device: &OwnedFd, known: &Known, facts: &mut Facts) {
    match known.bus {
        Bus::Nvme => {
            if !known.has_serial
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
