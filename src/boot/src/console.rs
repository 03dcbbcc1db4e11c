//! A shell on the console while the boot is held before a stage, as rd.break gives one.
//!
//! Only who can write the kernel command line can hold a boot, and could as well have said
//! `init=/bin/sh`; so the hold gives a shell and the rescue, which anybody's broken disk can cause,
//! does not.

use crate::core::{Boot, Purpose};
use crate::groups;
use crate::limits::{SECOND_NS, SESSION_OOM_SCORE};
use crate::machine::{
    Child, Exec, Kill, Machine, Nanoseconds, OnPanic, Place, Program, Spawn, Streams,
};

/// The shell.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) enum Console {
    /// The boot is not held.
    #[default]
    Off,
    Running(Child),
    /// It has ended, or did not start: it is started at this moment.
    Pause(Nanoseconds),
}

impl Console {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        match self {
            Console::Pause(until) => Some(*until),
            _ => None,
        }
    }
}

/// The boot is held.
pub(crate) fn start<M: Machine>(boot: &mut Boot<'_, M>) {
    let spawn = Spawn {
        program: Program::Path("/bin/sh"),
        arguments: &["-sh"],
        environment: &[
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "TERM=linux",
        ],
        place: Place::Rescue,
        streams: Streams::Console,
        group: groups::of_rescue(boot),
        exec: Exec::Waited,
        oom_score: SESSION_OOM_SCORE,
        on_panic: OnPanic::Leave,
    };
    boot.console = match boot.machine.spawn(&spawn) {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Console);
            Console::Running(spawned.child)
        }
        Err(_) => Console::Pause(boot.machine.now().saturating_add(SECOND_NS)),
    };
}

/// Somebody left the shell while the boot is held.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>) {
    if let Console::Running(_) = boot.console {
        boot.console = Console::Pause(boot.machine.now().saturating_add(SECOND_NS));
    }
}

/// The pause is over.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if boot.console.deadline().is_some_and(|until| until <= now) {
        start(boot);
    }
}

/// The boot goes on.
pub(crate) fn stop<M: Machine>(boot: &mut Boot<'_, M>) {
    if let Console::Running(child) = boot.console {
        // A login shell heeds SIGHUP and not SIGTERM; nothing of worth runs in it.
        let _ = boot.machine.kill(child, Kill::Kill);
    }
    boot.console = Console::Off;
}
