//! The one place where PID 1 blocks: epoll, and the queue between it and the boot core.
//!
//! The kernel hands out what is ready in turn, and all of it is queued and handed out before it is
//! asked again, so nobody can starve anybody. Everything is level triggered: what the core leaves
//! unread is reported again.

use core::mem::MaybeUninit;

use heapless::Deque;
use preroot_boot::machine::{Child, End, Errno, Nanoseconds, Signal};
use preroot_sys::event::epoll;
use preroot_sys::fd::{AsFd, AsRawFd, OwnedFd};
use preroot_sys::time::Timespec;

use super::errno;
use crate::limits::{EVENTS_MAX, READY_MAX};

/// An event that waits to be handed out.
#[derive(Debug, Clone, Copy)]
pub enum Queued {
    /// A child was reaped.
    Ended(Child, End),
    /// A child's output can be read, if the slot is still of this generation.
    Output(Child, u16),
    /// As the machine's events.
    Uevent,
    /// As the machine's events.
    Control,
    /// As the machine's events.
    InitRequest,
    /// As the machine's events.
    Signal(Signal),
}

/// What a descriptor in the epoll set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Signals,
    Uevents,
    Control,
    InitRequests,
    Output { child: Child, generation: u16 },
}

/// What is known of a descriptor that is ready: 8 bits of kind, 16 of child, 16 of generation, 24 of fd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) source: Source,
    pub(crate) fd: u32,
}

impl Ready {
    fn pack(self) -> u64 {
        let (kind, child, generation) = match self.source {
            Source::Signals => (1, 0, 0),
            Source::Uevents => (2, 0, 0),
            Source::Control => (3, 0, 0),
            Source::InitRequests => (4, 0, 0),
            Source::Output { child, generation } => (5, child.0, generation),
        };
        let fd = u64::from(self.fd & 0xff_ffff);
        kind << 56 | u64::from(child) << 40 | u64::from(generation) << 24 | fd
    }

    pub(crate) fn unpack(data: u64) -> Option<Ready> {
        let bits = |shift: u32| u16::try_from(data >> shift & 0xffff).unwrap_or_default();
        let source = match data >> 56 {
            1 => Source::Signals,
            2 => Source::Uevents,
            3 => Source::Control,
            4 => Source::InitRequests,
            5 => Source::Output {
                child: Child(bits(40)),
                generation: bits(24),
            },
            _ => return None,
        };
        let fd = u32::try_from(data & 0xff_ffff).ok()?;
        Some(Ready { source, fd })
    }
}

/// The epoll set and the queue.
#[derive(Debug)]
pub(super) struct Watch {
    epoll: Option<OwnedFd>,
    pub(super) queue: &'static mut Deque<Queued, EVENTS_MAX>,
}

impl Watch {
    pub(super) fn new(queue: &'static mut Deque<Queued, EVENTS_MAX>) -> Watch {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).ok();
        Watch { epoll, queue }
    }

    /// The set's number, for the panic handler.
    pub(super) fn number(&self) -> Option<u32> {
        self.epoll.as_ref().map(preroot_sys::descriptor::number)
    }

    /// Begins to watch `fd`. Closing it ends that.
    pub(super) fn add(&self, source: Source, fd: impl AsFd) -> Result<(), Errno> {
        let epoll = self.epoll.as_ref().ok_or(Errno::INVAL)?;
        let number = u32::try_from(fd.as_fd().as_raw_fd()).map_err(|_| Errno::INVAL)?;
        let data = epoll::EventData::new_u64(Ready { source, fd: number }.pack());
        epoll::add(epoll, fd, data, epoll::EventFlags::IN).map_err(errno)
    }

    /// Waits until something is ready, at most `timeout`, and hands each to `each`.
    pub(super) fn wait(
        &mut self,
        timeout: Option<Nanoseconds>,
        mut each: impl FnMut(&mut Deque<Queued, EVENTS_MAX>, Source),
    ) -> Result<(), Errno> {
        let epoll = self.epoll.as_ref().ok_or(Errno::INVAL)?;
        let mut ready = [const { MaybeUninit::uninit() }; READY_MAX];
        let timeout = timeout.map(timespec);
        let (ready, _) = epoll::wait(epoll, &mut ready, timeout.as_ref()).map_err(errno)?;
        for event in ready.iter() {
            if let Some(ready) = Ready::unpack(event.data.u64()) {
                each(self.queue, ready.source);
            }
        }
        Ok(())
    }
}

pub(super) fn timespec(duration: Nanoseconds) -> Timespec {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    Timespec {
        tv_sec: number(duration / 1_000_000_000),
        tv_nsec: number(duration % 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let output = Source::Output {
            child: Child(1023),
            generation: 65_535,
        };
        for source in [
            Source::Signals,
            Source::Uevents,
            Source::Control,
            Source::InitRequests,
            output,
        ] {
            let ready = Ready { source, fd: 4095 };
            assert_eq!(Ready::unpack(ready.pack()), Some(ready));
        }
        assert_eq!(Ready::unpack(0), None);
    }
}
