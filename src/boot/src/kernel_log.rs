//! The kernel's own errors: a child reads its log ([`roles::KERNEL_LOG`]), and what is of level err or above is recorded.
//!
//! The kernel keeps its messages from before there was a reader, so the child is started when sshd is, and has them all. It
//! is started again whenever it ends, behind the last message it told of; nobody waits for it. What comes once so many are
//! kept is not: a disk that dies says the same a thousand times.

use preroot_record::{BeforeInit, KernelMessage as Record};

use crate::core::{Boot, Purpose};
use crate::limits::{
    KERNEL_LINE_BYTES_MAX, KERNEL_LOG_BACKOFF_NS_MAX, KERNEL_MESSAGES_MAX, SECOND_NS,
};
use crate::machine::{Kill, Machine, Nanoseconds, Spawn};
use crate::respawn::Respawn;
use crate::roles;
use crate::text::{Lines, text};

/// What is known of the kernel's log.
#[derive(Debug, Default)]
pub(crate) struct KernelLog {
    /// Off: before its stage, and when all is kept that can be.
    reader: Respawn,
    lines: Lines<KERNEL_LINE_BYTES_MAX>,
    /// The first message that is not recorded yet, by the kernel's own number.
    next: u64,
    kept: u32,
}

impl KernelLog {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        self.reader.deadline()
    }
}

/// From now on what the kernel says is recorded.
pub(crate) fn start<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.command_line.test_unrecorded {
        return;
    }
    let next = text::<20>(format_args!("{}", boot.kernel_log.next));
    let arguments = [roles::KERNEL_LOG, &next];
    match boot.machine.spawn(&Spawn::helper(&arguments)) {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::KernelLog);
            boot.kernel_log.reader.started(spawned.child);
            boot.kernel_log.lines = Lines::new();
        }
        Err(_) => pause(boot),
    }
}

fn pause<M: Machine>(boot: &mut Boot<'_, M>) {
    let now = boot.machine.now();
    boot.kernel_log
        .reader
        .pause(now, SECOND_NS, KERNEL_LOG_BACKOFF_NS_MAX);
}

/// The pause is over.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if boot.kernel_log.reader.is_due(now) {
        start(boot);
    }
}

/// The reader has ended, which it never does by itself.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.kernel_log.reader.is_running() {
        pause(boot);
    }
}

/// Nobody of ours reads any more: PID 1 is about to become the root's init, or enough is kept.
pub(crate) fn stop<M: Machine>(boot: &mut Boot<'_, M>) {
    if let Some(child) = boot.kernel_log.reader.stop() {
        let _ = boot.machine.kill(child, Kill::Kill);
    }
}

/// What the reader says.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let mut lines = core::mem::take(&mut boot.kernel_log.lines);
    lines.take(bytes, |line| said(boot, line));
    boot.kernel_log.lines = lines;
}

/// A line of it.
fn said<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    if let Some(times) = line.strip_prefix("before\t") {
        before_init(boot, times);
        return;
    }
    let mut words = line.splitn(4, '\t');
    let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
    let (Some(sequence), Some(level), Some(at_us)) = (number(), number(), number()) else {
        return;
    };
    // One that the last reader had told of before it ended.
    if sequence < boot.kernel_log.next || boot.kernel_log.kept >= KERNEL_MESSAGES_MAX {
        return;
    }
    boot.kernel_log.next = sequence.saturating_add(1);
    boot.kernel_log.kept += 1;
    boot.record(Record {
        level: u8::try_from(level).unwrap_or(0),
        at_ns: at_us.saturating_mul(1000),
        text: words.next().unwrap_or_default(),
    });
    if boot.kernel_log.kept == KERNEL_MESSAGES_MAX {
        boot.alarm(format_args!(
            "kernel: {KERNEL_MESSAGES_MAX} errors are kept, no more"
        ));
        stop(boot);
    }
}

/// What it says once, of the time before PID 1.
fn before_init<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    let mut fields = line.split('\t');
    let told_by = fields.next().unwrap_or_default();
    let mut time = || fields.next().and_then(|field| field.parse().ok());
    boot.record(BeforeInit {
        told_by,
        firmware_ns: time(),
        loader_ns: time(),
        unpack_began_ns: time(),
        unpack_ended_ns: time(),
        run_ns: time(),
    });
}
