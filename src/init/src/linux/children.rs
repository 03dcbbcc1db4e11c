//! The children: who runs, whose output is still open, what waits to be told.
//!
//! A slot is taken at spawn. It is free again when its end was handed out *and* its output is closed:
//! a daemon keeps its script's pipe for ever. Pids are enough to tell children apart, for a pid is not used
//! again before PID 1 reaps it, and only PID 1 reaps.

use heapless::Vec;
use preroot_boot::limits::CHILDREN_MAX;
use preroot_boot::machine::{Child, End, Errno, Kill, Status};
use preroot_sys::fd::OwnedFd;
use preroot_sys::io;
use preroot_sys::process::{Pid, Signal, kill_process_group, test_kill_process};
use preroot_sys::reap::Reaped;

use super::errno;

/// One child.
#[derive(Debug)]
pub struct Slot {
    pid: u32,
    output: Option<OwnedFd>,
    life: Life,
    generation: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Nobody: the slot may be taken.
    Free,
    /// The process is there, or is a zombie.
    Running,
    /// Reaped; its end waits in the queue.
    Reaped,
    /// Its end was handed out.
    Told,
}

/// A slot that was found for a child to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) child: Child,
    pub(super) generation: u16,
}

/// All children.
#[derive(Debug)]
pub(super) struct Children {
    slots: &'static mut Vec<Slot, CHILDREN_MAX>,
}

impl Children {
    pub(super) fn new(slots: &'static mut Vec<Slot, CHILDREN_MAX>) -> Children {
        Children { slots }
    }

    /// A free slot, not taken yet.
    pub(super) fn find_place(&mut self) -> Result<Place, Errno> {
        let free = self.slots.iter().position(|slot| slot.life == Life::Free);
        let index = match free {
            Some(index) => index,
            None => {
                let slot = Slot {
                    pid: 0,
                    output: None,
                    life: Life::Free,
                    generation: 0,
                };
                self.slots.push(slot).map_err(|_| Errno::AGAIN)?;
                self.slots.len() - 1
            }
        };
        let child = Child(u16::try_from(index).map_err(|_| Errno::AGAIN)?);
        let generation = self.get(child).map_or(0, |slot| slot.generation);
        Ok(Place { child, generation })
    }

    /// Takes the slot for a process that was started.
    pub(super) fn take_place(&mut self, place: Place, pid: u32, output: Option<OwnedFd>) {
        if let Some(slot) = self.get_mut(place.child) {
            slot.pid = pid;
            slot.output = output;
            slot.life = Life::Running;
        }
    }

    /// Notes that a process is gone. `None`: an orphan, nobody's concern.
    pub(super) fn reaped(&mut self, reaped: &Reaped) -> Option<(Child, End)> {
        let is_it = |slot: &Slot| slot.life == Life::Running && slot.pid == reaped.pid;
        let index = self.slots.iter().position(is_it)?;
        self.slots.get_mut(index)?.life = Life::Reaped;
        Some((Child(u16::try_from(index).ok()?), end(reaped)))
    }

    /// Notes that a child's end was handed out.
    pub(super) fn told(&mut self, child: Child) {
        if let Some(slot) = self.get_mut(child) {
            slot.life = Life::Told;
            slot.free_if_done();
        }
    }

    /// Whether an output event that was queued still means the child it was queued for.
    pub(super) fn is_current(&self, child: Child, generation: u16) -> bool {
        self.get(child)
            .is_some_and(|slot| slot.generation == generation && slot.output.is_some())
    }

    pub(super) fn read_output(&mut self, child: Child, out: &mut [u8]) -> Result<usize, Errno> {
        let Some(slot) = self.get_mut(child) else {
            return Err(Errno::INVAL);
        };
        let Some(output) = &slot.output else {
            return Ok(0);
        };
        let length = io::read(output, &mut *out).map_err(errno)?;
        if length == 0 && !out.is_empty() {
            slot.output = None;
            slot.free_if_done();
        }
        Ok(length)
    }

    /// Signals a child's group. When its leader was reaped, its number still names the group as long as
    /// anybody is in it; a process of that number is then a stranger, and the group is gone.
    pub(super) fn kill(&self, child: Child, how: Kill) -> Result<(), Errno> {
        let slot = self.get(child).filter(|slot| slot.life != Life::Free);
        let slot = slot.ok_or(Errno::SRCH)?;
        let group = i32::try_from(slot.pid).ok().and_then(Pid::from_raw);
        let group = group.ok_or(Errno::SRCH)?;
        if slot.life != Life::Running && test_kill_process(group).is_ok() {
            return Err(Errno::SRCH);
        }
        let send = |signal| kill_process_group(group, signal).map_err(errno);
        match how {
            Kill::Term => send(Signal::TERM).and_then(|()| send(Signal::CONT)),
            Kill::Kill => send(Signal::KILL),
            Kill::Ask => preroot_sys::process::test_kill_process_group(group).map_err(errno),
        }
    }

    fn get(&self, child: Child) -> Option<&Slot> {
        self.slots.get(usize::from(child.0))
    }

    fn get_mut(&mut self, child: Child) -> Option<&mut Slot> {
        self.slots.get_mut(usize::from(child.0))
    }
}

impl Slot {
    fn free_if_done(&mut self) {
        if self.life == Life::Told && self.output.is_none() {
            self.life = Life::Free;
            self.generation = self.generation.wrapping_add(1);
        }
    }
}

fn end(reaped: &Reaped) -> End {
    // wait(2): the signal in the low seven bits, 0x80 says that a core was dumped; else the code above.
    let low = |value: i32| u8::try_from(value & 0x7f).unwrap_or_default();
    if let Some(failed) = preroot_sys::spawn::failed(reaped.pid) {
        return End {
            status: Status::NotExecuted(errno(failed)),
            user_ns: reaped.user_ns,
            system_ns: reaped.system_ns,
            memory_kib: reaped.memory_kib,
            read_kib: reaped.read_kib,
            written_kib: reaped.written_kib,
        };
    }
    let status = match low(reaped.status) {
        0 => Status::Exited(u8::try_from(reaped.status >> 8 & 0xff).unwrap_or_default()),
        signal => Status::Signalled(signal),
    };
    End {
        status,
        user_ns: reaped.user_ns,
        system_ns: reaped.system_ns,
        memory_kib: reaped.memory_kib,
        read_kib: reaped.read_kib,
        written_kib: reaped.written_kib,
    }
}
