//! Waiting: from what the kernel has ready to one event for the core.
//!
//! Invariant: the queue is empty when the kernel is asked, and `EVENTS_MAX` holds all that one asking can queue.

use preroot_boot::machine::{Errno, Event, Machine, Nanoseconds, Signal};
use preroot_sys::process::Signal as KernelSignal;
use preroot_sys::{reap, signal, system, thread};

use super::watch::{Queued, Source, timespec};
use super::{Linux, errno};
use crate::limits::{DEAF_POLL_MS, REAPED_AT_ONCE_MAX, SIGNALS_AT_ONCE_MAX};
use crate::statics::LAST_STAND;

const DEAF_POLL_NS: Nanoseconds = DEAF_POLL_MS as Nanoseconds * 1_000_000;

/// Whether anybody may be waiting to be reaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dead {
    None,
    Perhaps,
}

impl Linux {
    /// The signals that mean something, from a descriptor; ctrl-alt-del comes to us from here on.
    pub(super) fn listen_to_signals(&mut self) -> Result<(), Errno> {
        let set = signal::Set::EMPTY
            .with(KernelSignal::CHILD)
            .with(KernelSignal::INT)
            .with(KernelSignal::POWER)
            .with(KernelSignal::USR1);
        let descriptor = signal::descriptor(set).map_err(errno)?;
        self.watch.add(Source::Signals, &descriptor)?;
        self.signals = Some(descriptor);
        system::reboot(system::RebootCommand::CadOff).map_err(errno)
    }

    /// One event: from the queue, or when that is empty from the kernel.
    pub(super) fn wait_for_event(&mut self, until: Option<Nanoseconds>) -> Event {
        loop {
            while let Some(queued) = self.watch.queue.pop_front() {
                if let Some(event) = self.hand_out(queued) {
                    return event;
                }
            }
            let left = until.map(|until| until.saturating_sub(self.now()));
            self.collect(left);
            let is_quiet = self.watch.queue.is_empty() && self.dead == Dead::None;
            if is_quiet && until.is_some_and(|until| until <= self.now()) {
                return Event::Due;
            }
        }
    }

    /// Asks the kernel once and queues what it has.
    fn collect(&mut self, left: Option<Nanoseconds>) {
        let is_deaf = self.signals.is_none();
        let timeout = match (self.dead, left) {
            (Dead::Perhaps, _) => Some(0),
            (Dead::None, left) if is_deaf => Some(left.unwrap_or(u64::MAX).min(DEAF_POLL_NS)),
            (Dead::None, left) => left,
        };
        let mut signalled = false;
        let waited = self.watch.wait(timeout, |queue, source| {
            let queued = match source {
                Source::Signals => {
                    signalled = true;
                    return;
                }
                Source::Uevents => Queued::Uevent,
                Source::Control => Queued::Control,
                Source::InitRequests => Queued::InitRequest,
                Source::Output { child, generation } => Queued::Output(child, generation),
            };
            // The queue is empty before the kernel is asked, and larger than all it can answer.
            let _ = queue.push_back(queued);
        });
        if waited.is_err() {
            // No epoll set, which only a kernel out of memory does: PID 1 lives on as a clock.
            let pause = timespec(timeout.unwrap_or(DEAF_POLL_NS).min(DEAF_POLL_NS));
            let _ = thread::nanosleep(&pause);
        }
        if signalled || waited.is_err() {
            self.take_signals();
        }
        if is_deaf || self.dead == Dead::Perhaps {
            self.dead = self.reap();
        }
    }

    /// Queues the signals that came; notes that children have.
    fn take_signals(&mut self) {
        for _ in 0..SIGNALS_AT_ONCE_MAX {
            let Some(signal) = self.signals.as_ref().and_then(signal::take) else {
                break;
            };
            let meaning = match signal {
                KernelSignal::CHILD => {
                    self.dead = Dead::Perhaps;
                    continue;
                }
                KernelSignal::INT => Signal::CtrlAltDel,
                KernelSignal::POWER => Signal::PowerFail,
                KernelSignal::USR1 => Signal::Reopen,
                _ => continue,
            };
            let _ = self.watch.queue.push_back(Queued::Signal(meaning));
        }
    }

    /// Reaps a bounded number. Who is no child of ours is an orphan and nobody's concern.
    fn reap(&mut self) -> Dead {
        for _ in 0..REAPED_AT_ONCE_MAX {
            let Some(reaped) = reap::any() else {
                return Dead::None;
            };
            LAST_STAND.with(|last_stand| last_stand.reaped(reaped.pid));
            if let Some((child, end)) = self.children.reaped(&reaped) {
                let _ = self.watch.queue.push_back(Queued::Ended(child, end));
            }
        }
        Dead::Perhaps
    }

    fn hand_out(&mut self, queued: Queued) -> Option<Event> {
        match queued {
            Queued::Ended(child, end) => {
                self.children.told(child);
                Some(Event::Ended(child, end))
            }
            Queued::Output(child, generation) => {
                let current = self.children.is_current(child, generation);
                current.then_some(Event::Output(child))
            }
            Queued::Uevent => Some(Event::Uevent),
            Queued::Control => Some(Event::Control),
            Queued::InitRequest => Some(Event::InitRequest),
            Queued::Signal(signal) => Some(Event::Signal(signal)),
        }
    }
}
