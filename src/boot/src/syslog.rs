//! The verdict for a fleet's log: a child sends each as one RFC 5424 datagram to every receiver of the plan.
//!
//! A child, for it tries again until the network is up, which may take minutes, and nobody waits for it. What became of
//! each datagram is recorded when it is known; of what is sent as PID 1 becomes the root's init, nobody hears.

use preroot_record::Syslog as Record;

use crate::core::{Boot, Purpose, Turn};
use crate::limits::{SYSLOG_FINISH_NS, SYSLOG_SENDERS_MAX};
use crate::machine::{Errno, Machine, Place, Spawn, Streams};
use crate::roles;
use crate::text::{Lines, text};

/// The children that send.
#[derive(Debug, Default)]
pub(crate) struct Syslog {
    running: usize,
    lines: Lines<{ crate::limits::SYSLOG_LINE_BYTES_MAX }>,
}

/// Has the verdict sent as it is now.
pub(crate) fn send<M: Machine>(boot: &mut Boot<'_, M>) {
    let Some(plan) = boot.plan else { return };
    let receivers = plan.text(plan.settings().syslog);
    if receivers.is_empty() {
        return;
    }
    let word = boot.verdict.word().name();
    let line = text::<{ crate::limits::TEXT_BYTES_MAX }>(format_args!("{}", boot.verdict));
    let detail = heapless::String::<200>::try_from(boot.verdict.detail()).unwrap_or_default();
    let config = plan.text(plan.settings().name);
    // A clock that had to be set by the image's age says nothing of when this is.
    let clock = if boot.clock_was.is_some() { "-" } else { "+" };
    let words = [
        roles::SYSLOG,
        receivers,
        word,
        &line,
        &detail,
        config,
        clock,
    ];
    let streams = if crate::start::hands_over(boot) {
        Streams::Null
    } else {
        Streams::Captured
    };
    let spawn = Spawn {
        place: Place::Rescue,
        streams,
        ..Spawn::helper(&words)
    };
    let started = if boot.syslog.running < SYSLOG_SENDERS_MAX {
        boot.machine.spawn(&spawn)
    } else {
        Err(Errno::AGAIN)
    };
    match started {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Syslog);
            boot.syslog.running += 1;
        }
        Err(errno) => boot.record(Record {
            to: receivers,
            word,
            bytes: 0,
            errno: errno.0,
            tries: 0,
        }),
    }
}

/// A line of a sender: `TO WORD BYTES ERRNO TRIES`.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let mut lines = core::mem::take(&mut boot.syslog.lines);
    lines.take(bytes, |line| {
        let mut words = line.split_ascii_whitespace();
        let (Some(to), Some(word)) = (words.next(), words.next()) else {
            return;
        };
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
        let (bytes, errno, tries) = (number(), number(), number());
        boot.record(Record {
            to,
            word,
            bytes: bytes.unwrap_or(0),
            errno: u16::try_from(errno.unwrap_or(0)).unwrap_or(Errno::IO.0),
            tries: tries.unwrap_or(0),
        });
    });
    boot.syslog.lines = lines;
}

/// A sender has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.syslog.running = boot.syslog.running.saturating_sub(1);
}

/// Lets those that send come to an end, for a moment: what sends the last verdict of a boot has no later one.
pub(crate) fn finish<M: Machine>(boot: &mut Boot<'_, M>) {
    let until = boot.machine.now().saturating_add(SYSLOG_FINISH_NS);
    while boot.syslog.running > 0 && boot.machine.now() < until {
        // A request to go down is what this waits in.
        let _: Turn = boot.turn(Some(until));
    }
}
