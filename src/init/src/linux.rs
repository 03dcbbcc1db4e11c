//! The boot core's machine, on Linux.
//!
//! Each noun has its file; here they are put together behind [`Machine`]. Nothing here blocks but
//! [`Machine::wait`], with two exceptions that have limits: an exec is waited for
//! ([`spawn::EXEC_WAIT_MS_MAX`](preroot_sys::spawn::EXEC_WAIT_MS_MAX)), and a sync ([`SYNC_WAIT_MS_MAX`](crate::limits::SYNC_WAIT_MS_MAX)).

mod children;
mod console;
mod control;
mod descend;
mod events;
mod everybody;
mod files;
mod groups;
mod init_requests;
mod journal;
mod mounts;
mod watch;

use heapless::{Deque, Vec};
use preroot_boot::limits::CHILDREN_MAX;
use preroot_boot::machine::{
    Asked, Channel, Child, EarlyMount, Errno, Event, Ground, Kill, Loudness, Machine, Nanoseconds,
    Pid1, Power, Spare, Spawn, Spawned,
};
use preroot_sys::clock::now_ns;
use preroot_sys::fd::{AsFd, OwnedFd};
use preroot_sys::fs::{Access, access};
use preroot_sys::mount::mount_move;
use preroot_sys::netlink::{UeventSocket, uevents};
use preroot_sys::process::{Rlimit, chdir, pivot_root};
use preroot_sys::time::{ClockId, clock_settime};
use preroot_sys::{descriptor, io, rand};

use self::children::Children;
use self::console::Console;
use self::control::Control;
use self::events::Dead;
use self::journal::Journal;
use self::watch::{Source, Watch};
use crate::in_place::Life;
use crate::limits::{EARLY_FRAMES_BYTES_MAX, EVENTS_MAX};
use crate::statics::LAST_STAND;

pub use self::children::Slot;
pub use self::control::CONTROL;
pub(crate) use self::control::{receive, send};
pub(crate) use self::files::{
    compose, make_directory, names, read, read_all, read_at, read_whole, with_nul, write, write_all,
};
pub use self::journal::RECORD;
pub use self::watch::Queued;
pub(crate) use self::watch::{Ready, Source as ReadySource};

/// The memory a machine works in.
#[derive(Debug)]
pub struct Memory {
    /// The children.
    pub children: &'static mut Vec<Slot, CHILDREN_MAX>,
    /// Events to hand out.
    pub events: &'static mut Deque<Queued, EVENTS_MAX>,
    /// Frames until /run is there.
    pub early_frames: &'static mut Vec<u8, EARLY_FRAMES_BYTES_MAX>,
}

/// Linux, as PID 1 sees it.
#[derive(Debug)]
pub struct Linux {
    watch: Watch,
    children: Children,
    console: Console,
    journal: Journal,
    uevents: Option<UeventSocket>,
    signals: Option<OwnedFd>,
    control: Option<Control>,
    init_requests: Option<OwnedFd>,
    rescue_root: Option<OwnedFd>,
    helper: Option<OwnedFd>,
    open_files: Option<Rlimit>,
    syncing: Option<OwnedFd>,
    dead: Dead,
    life: Life,
}

/// The kernel's errno in the core's word.
pub(crate) fn errno(errno: io::Errno) -> Errno {
    Errno(u16::try_from(errno.raw_os_error()).unwrap_or(Errno::IO.0))
}

impl Linux {
    /// The machine as the kernel hands it over.
    #[must_use]
    pub fn new(memory: Memory, life: Life) -> Linux {
        Console::hold_standard_streams();
        let linux = Linux {
            watch: Watch::new(memory.events),
            children: Children::new(memory.children),
            console: Console::default(),
            journal: Journal::new(memory.early_frames),
            uevents: None,
            signals: None,
            control: None,
            init_requests: None,
            rescue_root: None,
            helper: descend::open_helper(),
            open_files: descend::raise_open_files(),
            syncing: None,
            dead: Dead::Perhaps,
            life,
        };
        let epoll = linux.watch.number();
        let helper = linux.helper.as_ref().map(descriptor::number);
        LAST_STAND.with(|last_stand| {
            last_stand.epoll = epoll;
            last_stand.helper = helper;
        });
        linux
    }
}

impl Machine for Linux {
    fn now(&mut self) -> Nanoseconds {
        now_ns(ClockId::Monotonic)
    }

    fn wall_clock(&mut self) -> Nanoseconds {
        now_ns(ClockId::Realtime)
    }

    fn set_wall_clock(&mut self, to: Nanoseconds) -> Result<(), Errno> {
        LAST_STAND.with(|last_stand| last_stand.clock_was_set = true);
        clock_settime(ClockId::Realtime, watch::timespec(to)).map_err(errno)
    }

    fn wait(&mut self, until: Option<Nanoseconds>) -> Event {
        self.wait_for_event(until)
    }

    fn keep(&mut self, frame: &[u8]) -> Result<(), Errno> {
        LAST_STAND.with(|last_stand| last_stand.recorded(frame));
        self.journal.keep(frame)
    }

    fn say(&mut self, loudness: Loudness, line: &str) {
        self.console.say(loudness, line);
    }

    fn random(&mut self) -> u32 {
        let mut bytes = [0; 4];
        // INSECURE: never waits for the pool to fill; this is a tag, not a key. Linux 5.6.
        match rand::getrandom(&mut bytes[..], rand::GetRandomFlags::INSECURE) {
            Ok(_) => u32::from_ne_bytes(bytes),
            Err(_) => u32::try_from(self.wall_clock() & 0xffff_ffff).unwrap_or_default(),
        }
    }

    fn ground(&mut self) -> Ground {
        mounts::ground()
    }

    fn make_stage(&mut self, ground: Ground) -> Result<(), Errno> {
        match self.life {
            Life::Initramfs => mounts::make_stage(ground),
            // It is a tmpfs of its own already.
            Life::InPlace => Ok(()),
        }
    }

    fn mount_early(&mut self, which: EarlyMount) -> Result<(), Errno> {
        mounts::mount_early(which)?;
        match which {
            EarlyMount::Proc | EarlyMount::Sys | EarlyMount::Pts | EarlyMount::Groups => Ok(()),
            EarlyMount::Dev => {
                self.console.open()?;
                let null = self.console.null_number();
                LAST_STAND.with(|last_stand| last_stand.null = null);
                Ok(())
            }
            EarlyMount::Run => self.journal.open(),
        }
    }

    fn make_rescue_root(&mut self) -> Result<(), Errno> {
        let root = mounts::make_rescue_root()?;
        if self.life == Life::InPlace {
            mounts::leave_root_out()?;
        }
        let number = descriptor::number(&root);
        LAST_STAND.with(|last_stand| last_stand.rescue_root = Some(number));
        self.rescue_root = Some(root);
        Ok(())
    }

    fn listen(&mut self, channel: Channel) -> Result<(), Errno> {
        match channel {
            Channel::Signals => self.listen_to_signals(),
            Channel::Uevents => {
                let socket = uevents().map_err(errno)?;
                self.watch.add(Source::Uevents, &socket)?;
                self.uevents = Some(socket);
                Ok(())
            }
            Channel::Control => {
                let control = Control::open()?;
                self.watch.add(Source::Control, control.as_fd())?;
                self.control = Some(control);
                Ok(())
            }
            Channel::InitRequests => {
                let fifo = init_requests::listen()?;
                self.watch.add(Source::InitRequests, &fifo)?;
                self.init_requests = Some(fifo);
                Ok(())
            }
        }
    }

    fn read_file(&mut self, path: &str, out: &mut [u8]) -> Result<usize, Errno> {
        read(path, out)
    }

    fn write_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Errno> {
        write(path, bytes)
    }

    fn append_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Errno> {
        files::append(path, bytes)
    }

    fn modaliases(
        &mut self,
        wanted: &dyn Fn(&str) -> bool,
        each: &mut dyn FnMut(&str),
    ) -> Result<(), Errno> {
        files::modaliases(wanted, each)
    }

    fn block_devices(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), Errno> {
        names(preroot_sys::fs::CWD, "/sys/class/block", &mut |_, name| {
            each(name)
        })
    }

    fn read_uevent(&mut self, out: &mut [u8]) -> Result<usize, Errno> {
        let socket = self.uevents.as_ref().ok_or(Errno::AGAIN)?;
        socket.take(out).map_err(errno)
    }

    fn spawn(&mut self, spawn: &Spawn<'_>) -> Result<Spawned, Errno> {
        self.spawn_child(spawn)
    }

    fn kill(&mut self, child: Child, how: Kill) -> Result<(), Errno> {
        self.children.kill(child, how)
    }

    fn read_output(&mut self, child: Child, out: &mut [u8]) -> Result<usize, Errno> {
        self.children.read_output(child, out)
    }

    fn kill_all(&mut self, how: Kill, spare: Spare) -> Result<(), Errno> {
        everybody::kill(how, spare, self.rescue_root.as_ref().map(AsFd::as_fd))
    }

    fn kill_process(&mut self, pid: u32) -> Result<(), Errno> {
        everybody::kill_one(pid)
    }

    fn kill_group(&mut self, group: &str, how: Kill) -> Result<(), Errno> {
        groups::kill(group, how)
    }

    fn sweep_groups(&mut self, directory: &str) -> Result<(), Errno> {
        groups::sweep(directory)
    }

    fn make_directory(&mut self, path: &str) -> Result<(), Errno> {
        make_directory(path)
    }

    fn writable(&mut self, path: &str) -> Result<(), Errno> {
        access(path, Access::WRITE_OK).map_err(errno)
    }

    fn move_mount(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        mount_move(from, to).map_err(errno)
    }

    fn pivot_root(&mut self, new: &str, old: &str) -> Result<(), Errno> {
        pivot_root(new, old).map_err(errno)?;
        chdir("/").map_err(errno)
    }

    fn sync(&mut self) -> Result<(), Errno> {
        self.sync_with_limit()
    }

    fn read_control(&mut self, out: &mut [u8]) -> Result<Asked, Errno> {
        self.control.as_mut().ok_or(Errno::AGAIN)?.read(out)
    }

    fn answer_control(&mut self, answer: &[u8]) -> Result<(), Errno> {
        self.control.as_mut().ok_or(Errno::INVAL)?.answer(answer)
    }

    fn read_init_request(&mut self, out: &mut [u8; 384]) -> Result<(), Errno> {
        init_requests::take(self.init_requests.as_ref().ok_or(Errno::AGAIN)?, out)
    }

    fn exec(&mut self, _: &Pid1, path: &str, arguments: &[&str]) -> Errno {
        descend::exec(path, arguments, self.open_files.as_ref())
    }

    fn power(&mut self, _: &Pid1, how: Power) -> Errno {
        descend::power(how)
    }
}
