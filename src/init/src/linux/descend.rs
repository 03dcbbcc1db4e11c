//! What comes after PID 1: its children, the root's own init, the end of the machine.

use core::fmt::Write;

use heapless::String;
use preroot_boot::machine::{
    Errno, Exec, OnPanic, Place, Power, Program as CoreProgram, Spawn, Spawned, Streams,
};
use preroot_sys::event::{PollFd, PollFlags, poll};
use preroot_sys::fd::{AsFd, OwnedFd};
use preroot_sys::fs::{Mode, OFlags, fcntl_setfl, open};
use preroot_sys::pipe::{PipeFlags, pipe_with};
use preroot_sys::process::{Resource, Rlimit, getrlimit, setrlimit};
use preroot_sys::spawn::{Command, Program, Terminal, spawn, spawn_unwaited};
use preroot_sys::{background, io, signal, system};

use super::watch::{Source, timespec};
use super::{Linux, errno, groups, with_nul};
use crate::limits::{OPEN_FILES_MAX, PATH_BYTES_MAX, SYNC_WAIT_MS_MAX};
use crate::statics::LAST_STAND;

/// Where the image has the helpers' program.
const HELPER: &str = "/sbin/preroot-helper";

/// Opens the helpers' program, so that it can be started whatever root PID 1 sees.
pub(super) fn open_helper() -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    open(HELPER, flags, Mode::empty()).ok()
}

/// Raises our own limit of open files; returns what it was, for the children.
pub(super) fn raise_open_files() -> Option<Rlimit> {
    let inherited = getrlimit(Resource::Nofile);
    let maximum = inherited.maximum.map(|maximum| maximum.max(OPEN_FILES_MAX));
    let raised = Rlimit {
        current: Some(OPEN_FILES_MAX),
        maximum,
    };
    setrlimit(Resource::Nofile, raised)
        .is_ok()
        .then_some(inherited)
}

impl Linux {
    /// Starts a child and takes its slot.
    pub(super) fn spawn_child(&mut self, wanted: &Spawn<'_>) -> Result<Spawned, Errno> {
        let place = self.children.find_place()?;
        let (child, generation) = (place.child, place.generation);
        let (reader, writer) = match wanted.streams {
            Streams::Captured => {
                let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(errno)?;
                // Ours only: the children's end must block as any pipe does.
                fcntl_setfl(&reader, OFlags::NONBLOCK).map_err(errno)?;
                self.watch
                    .add(Source::Output { child, generation }, &reader)?;
                (Some(reader), Some(writer))
            }
            Streams::Console | Streams::Null => (None, None),
        };
        let null = self.console.null();
        let streams = match (&writer, wanted.streams) {
            (Some(writer), _) => [null, writer.as_fd(), writer.as_fd()],
            (None, Streams::Console) => [self.console.console(); 3],
            (None, Streams::Captured | Streams::Null) => [null; 3],
        };
        let terminal = match wanted.streams {
            Streams::Console => Terminal::Stdin,
            Streams::Captured | Streams::Null => Terminal::None,
        };
        let program = match (wanted.program, &self.helper) {
            (CoreProgram::Path(path), _) => Program::Path(path),
            (CoreProgram::Helper, Some(helper)) => Program::Open(helper.as_fd()),
            (CoreProgram::Helper, None) => return Err(Errno::NOENT),
        };
        let root = match wanted.place {
            Place::Here => None,
            Place::Rescue => self.rescue_root.as_ref().map(AsFd::as_fd),
        };
        let group = wanted.group.and_then(groups::open_group);
        let oom_score = oom_score(wanted.oom_score);
        let command = Command {
            program,
            arguments: wanted.arguments,
            environment: wanted.environment,
            root,
            streams,
            terminal,
            group: group.as_ref().map(AsFd::as_fd),
            oom_score: &oom_score,
            open_files: self.open_files,
        };
        let started = match wanted.exec {
            Exec::Waited => spawn(&command),
            Exec::Unwaited => spawn_unwaited(&command),
        };
        let pid = started.map_err(errno)?;
        self.children.take_place(place, pid, reader);
        match wanted.on_panic {
            OnPanic::Leave => {}
            OnPanic::Restart => {
                LAST_STAND.with(|last_stand| last_stand.remember(wanted, pid));
            }
            OnPanic::Network => {
                LAST_STAND.with(|last_stand| last_stand.network = pid);
            }
        }
        Ok(Spawned { child, pid })
    }

    /// Has a process sync, and waits for it a while. `BUSY`: an earlier one still hangs.
    pub(super) fn sync_with_limit(&mut self) -> Result<(), Errno> {
        if let Some(earlier) = self.syncing.take()
            && !is_done(&earlier, 0)?
        {
            self.syncing = Some(earlier);
            return Err(Errno::BUSY);
        }
        let pidfd = background::sync().map_err(errno)?;
        if is_done(&pidfd, SYNC_WAIT_MS_MAX)? {
            return Ok(());
        }
        self.syncing = Some(pidfd);
        Err(Errno::TIMEDOUT)
    }
}

/// What is written to oom_score_adj; nothing where the inherited 0 is wanted.
pub(crate) fn oom_score(score: i16) -> String<8> {
    let mut text = String::new();
    if score != 0 {
        let written = write!(text, "{score}");
        debug_assert!(written.is_ok(), "an i16 has at most six characters");
    }
    text
}

fn is_done(pidfd: &OwnedFd, wait_ms: u32) -> Result<bool, Errno> {
    let mut polled = [PollFd::new(pidfd, PollFlags::IN)];
    let timeout = timespec(u64::from(wait_ms) * 1_000_000);
    match poll(&mut polled, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(io::Errno::INTR) => Ok(false),
        Err(other) => Err(errno(other)),
    }
}

/// Becomes another program, which finds signals and limits as the kernel made them.
pub(super) fn exec(path: &str, arguments: &[&str], open_files: Option<&Rlimit>) -> Errno {
    let Some(path) = with_nul::<{ PATH_BYTES_MAX + 1 }>(path) else {
        return Errno::INVAL;
    };
    let ours = getrlimit(Resource::Nofile);
    if let Some(limit) = open_files {
        let _ = setrlimit(Resource::Nofile, *limit);
    }
    let _ = system::reboot(system::RebootCommand::CadOn);
    signal::block(signal::Set::EMPTY);
    let failed = preroot_sys::spawn::exec(path.as_c_str(), arguments, &[PATH]);
    signal::block(signal::Set::ALL);
    let _ = system::reboot(system::RebootCommand::CadOff);
    let _ = setrlimit(Resource::Nofile, ours);
    errno(failed)
}

/// What an init finds in its environment.
const PATH: &str = "PATH=/sbin:/usr/sbin:/bin:/usr/bin";

/// Ends the machine.
pub(super) fn power(how: Power) -> Errno {
    let command = match how {
        Power::Reboot => system::RebootCommand::Restart,
        Power::Off => system::RebootCommand::PowerOff,
        Power::Halt => system::RebootCommand::Halt,
    };
    system::reboot(command).map_or_else(errno, |()| Errno::IO)
}
