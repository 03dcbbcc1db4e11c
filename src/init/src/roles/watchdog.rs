//! `preroot-watchdog DEVICE SECONDS`: arms a watchdog and feeds it, as long as there is a reason to.
//!
//! | PID 1 | somebody is logged in | it is |
//! |---|---|---|
//! | answers | - | fed |
//! | does not | as far as PID 1 has said, and his sshd runs | fed: nothing reboots under a person's feet |
//! | does not | no | not fed: it resets the machine |
//!
//! A process of its own, for drivers may sleep in every request: ipmi_watchdog waits for the BMC to answer, with PID 1 it
//! would wait. What hangs here is reset all the same.
//!
//! Never disarms it but for SIGTERM. Closed in any other way it stays armed (Documentation/watchdog/watchdog-api.rst, "Magic
//! Close feature"), and the kernel feeds it once more (drivers/watchdog/watchdog_dev.c, `watchdog_release`).

use core::fmt::Write;

use heapless::{String, Vec};
use preroot_boot::limits::SESSIONS_MAX;
use preroot_boot::machine::Errno;
use preroot_boot::roles::ALIVE;
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::process::{Pid, Signal, test_kill_process};
use preroot_sys::{io, signal, watchdog};

use super::client::ask;
use super::{Stream, Words};
use crate::limits::{
    CONTROL_BYTES_MAX, WATCHDOG_ASK_MS_MAX, WATCHDOG_ASK_MS_MIN, WATCHDOG_FEEDS,
    WATCHDOG_UNANSWERED_MS,
};
use crate::linux::errno;

/// What ends it, and disarms.
const END: signal::Set = signal::Set::EMPTY.with(Signal::TERM);
/// What a driver that knows no request to stop takes for one, just before the close.
const MAGIC: &[u8] = b"V";

/// The sshds of those who are logged in, as PID 1 said last.
type People = Vec<Pid, SESSIONS_MAX>;

/// For whose sake it is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sake {
    /// PID 1 answers.
    Boot,
    /// PID 1 does not, and somebody is logged in.
    Person,
    /// It is not fed.
    Nobody,
}

/// Returns when it was told to end, or with what failed.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let [device, seconds] = words.as_slice() else {
        return Err(Errno::INVAL);
    };
    let seconds = seconds.parse::<u32>().map_err(|_| Errno::INVAL)?;
    // From before it is armed: who is told to end then, disarms it.
    signal::block(END);
    // One that PID 1 cannot be asked for is not armed.
    let control = ask::open().map_err(|errno| said("control", errno))?;
    if sake(&control, &mut People::new(), WATCHDOG_ASK_MS_MAX) != Sake::Boot {
        return Err(said("control", Errno::TIMEDOUT));
    }
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = open(*device, flags, Mode::empty());
    let watchdog = opened.map_err(|error| failed("open", error))?;
    let seconds = arm(&watchdog, seconds)?;
    let pause_ms = seconds.saturating_mul(1000) / WATCHDOG_FEEDS;
    let ask_ms = pause_ms.clamp(WATCHDOG_ASK_MS_MIN, WATCHDOG_ASK_MS_MAX);
    let mut people = People::new();
    let mut was = Sake::Boot;
    loop {
        let sake = sake(&control, &mut people, ask_ms);
        if sake != was {
            tell(device, seconds, sake);
            was = sake;
        }
        if sake != Sake::Nobody {
            watchdog::feed(&watchdog).map_err(|error| failed("feed", error))?;
        }
        let pause_ms = match sake {
            Sake::Boot => pause_ms,
            Sake::Person | Sake::Nobody => pause_ms.min(WATCHDOG_UNANSWERED_MS),
        };
        if signal::wait(END, pause_ms) == Some(Signal::TERM) {
            return disarm(watchdog);
        }
    }
}

/// Open, it is armed: gives it its time, and says what it is. How long it waits, s.
fn arm(watchdog: &OwnedFd, seconds: u32) -> Result<u32, Errno> {
    if let Err(error) = watchdog::set_timeout(watchdog, seconds) {
        // Then it has the driver's own.
        let _ = failed("timeout", error);
    }
    let granted = watchdog::timeout(watchdog).unwrap_or(seconds);
    let status = watchdog::boot_status(watchdog);
    let identity = watchdog::identity(watchdog).unwrap_or_default();
    let mut output = Stream::output();
    let said = write!(output, "armed\t{granted}\t")
        .and_then(|()| status.map_or(Ok(()), |status| write!(output, "{status}")))
        .and_then(|()| writeln!(output, "\t{}", name(&identity)));
    said.map_err(|_| Errno::IO)?;
    Ok(granted)
}

/// A driver's name for it, as text.
fn name(identity: &[u8]) -> String<{ watchdog::IDENTITY_BYTES }> {
    let is_safe = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let bytes = identity.iter().take_while(|byte| **byte != 0);
    bytes
        .map(|&byte| if is_safe(byte) { char::from(byte) } else { '?' })
        .collect()
}

/// Asks PID 1, and when it does not answer looks who is there.
fn sake(control: &OwnedFd, people: &mut People, ask_ms: u32) -> Sake {
    let mut answer = [0; CONTROL_BYTES_MAX];
    let answer = ask::ask_on(control, ALIVE.as_bytes(), &mut answer, ask_ms);
    let is_there = |pid: &Pid| test_kill_process(*pid).is_ok();
    match answer.ok().and_then(listed) {
        Some(named) => {
            *people = named;
            Sake::Boot
        }
        None if people.iter().any(is_there) => Sake::Person,
        None => Sake::Nobody,
    }
}

/// The processes that PID 1 names. `None`: that is no answer of its.
fn listed(answer: &str) -> Option<People> {
    let mut words = answer.split_ascii_whitespace();
    if words.next() != Some(ALIVE) {
        return None;
    }
    let pids = words.filter_map(|word| word.parse().ok().and_then(Pid::from_raw));
    Some(pids.take(SESSIONS_MAX).collect())
}

/// Says in the kernel's log what has become of it: PID 1 may never hear of it.
fn tell(device: &str, seconds: u32, sake: Sake) {
    let mut line = String::<200>::new();
    // What does not fit is cut.
    let _ = match sake {
        Sake::Boot => writeln!(line, "<4>preroot: PID 1 answers again: {device} is fed"),
        Sake::Person => writeln!(
            line,
            "<2>preroot: PID 1 does not answer: {device} is fed as long as somebody is logged in"
        ),
        Sake::Nobody => writeln!(
            line,
            "<2>preroot: PID 1 does not answer: {device} is not fed, and resets the machine within {seconds} s"
        ),
    };
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let _ =
        open("/dev/kmsg", flags, Mode::empty()).and_then(|log| io::write(&log, line.as_bytes()));
}

/// Says what failed.
fn failed(what: &str, error: io::Errno) -> Errno {
    said(what, errno(error))
}

fn said(what: &str, errno: Errno) -> Errno {
    let _ = writeln!(Stream::output(), "failed\t{what}\t{}", errno.0);
    errno
}

/// It waits for nothing any more, or goes on waiting where it cannot be stopped (`nowayout`).
fn disarm(watchdog: OwnedFd) -> Result<(), Errno> {
    let done = match watchdog::disarm(&watchdog) {
        Err(io::Errno::NOTTY | io::Errno::OPNOTSUPP) | Ok(()) => {
            io::write(&watchdog, MAGIC).map(drop)
        }
        stays => stays,
    };
    drop(watchdog);
    let done = done.map_err(errno);
    let number = done.map_or_else(|errno| errno.0, |()| 0);
    let _ = writeln!(Stream::output(), "disarmed\t{number}");
    done
}

#[cfg(test)]
mod tests {
    use preroot_sys::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};

    use super::*;

    #[test]
    fn people_are_read() {
        let check = |answer: &str, expected: Option<&[i32]>| {
            let read = listed(answer);
            let pids = read.map(|people| {
                people
                    .iter()
                    .map(|pid| pid.as_raw_nonzero().get())
                    .collect::<std::vec::Vec<_>>()
            });
            assert_eq!(pids.as_deref(), expected, "{answer}");
        };
        check("alive\n", Some(&[]));
        check("alive 312 415\n", Some(&[312, 415]));
        check("alive 0 x 7\n", Some(&[7]));
        check("error: nobody knows that word\n", None);
        check("", None);
    }

    #[test]
    fn whoever_is_there_keeps_it_fed() {
        // Both ends are ours, and the other says nothing.
        let (control, pid1) = socketpair(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::NONBLOCK,
            None,
        )
        .unwrap();
        let ask = |people: &mut People| sake(&control, people, WATCHDOG_ASK_MS_MIN);
        let mut people = People::new();
        assert_eq!(ask(&mut people), Sake::Nobody);
        let me = i32::try_from(std::process::id()).unwrap();
        people.push(Pid::from_raw(me).unwrap()).unwrap();
        assert_eq!(ask(&mut people), Sake::Person);
        // No process has this number (PID_MAX_LIMIT of the kernel is 2^22).
        people[0] = Pid::from_raw(1 << 30).unwrap();
        assert_eq!(ask(&mut people), Sake::Nobody);
        // An answer that came too late is none to the next question.
        send(&pid1, b"alive\n", SendFlags::NOSIGNAL).unwrap();
    }

    #[test]
    fn names_of_drivers_do_nothing_to_a_terminal() {
        assert_eq!(name(b"wdat_wdt\0\0junk"), "wdat_wdt");
        assert_eq!(name(b"a b\x1b[2J\t\xff"), "a b?[2J??");
        assert_eq!(name(&[b'x'; watchdog::IDENTITY_BYTES]).len(), 32);
    }
}
