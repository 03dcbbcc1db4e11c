//! The rescue sshd: started before root is touched, started again whenever it ends, for ever.

use preroot_record::{Source, Sshd as Record};

use crate::core::{Boot, Purpose};
use crate::groups;
use crate::limits::{
    SSHD_BACKOFF_NS_MAX, SSHD_BACKOFF_NS_MIN, SSHD_HEALTHY_NS, SSHD_OUTPUT_BYTES_MAX,
    SSHD_STARTS_RECORDED_MAX,
};
use crate::machine::{
    Child, End, Exec, Kill, Machine, Nanoseconds, OnPanic, Place, Program, Spawn, Status, Streams,
};
use crate::stage::Next;
use crate::step::{At, Failed, Step};
use crate::text::text;

/// signal(7).
const SIGKILL: u8 = 9;
const SIGTERM: u8 = 15;
/// The port when there is no plan.
const PORT_DEFAULT: u16 = 22;
/// Where the image has it.
pub const PROGRAM: &str = "/usr/sbin/dropbear";
/// What sshd and its sessions see.
pub const ENVIRONMENT: &[&str] = &[
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "TERM=linux",
];

/// In the foreground, log to stderr, no password for anyone, no forwarding in or out, this host key,
/// this port (dropbear(8)).
#[must_use]
pub fn arguments(port: &str) -> [&str; 11] {
    let key = "/etc/dropbear/host_key";
    [
        "dropbear", "-F", "-E", "-s", "-j", "-k", "-m", "-r", key, "-p", port,
    ]
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not wanted: before its stage, and when the machine goes down.
    #[default]
    Off,
    Running {
        child: Child,
        pid: u32,
        since: Nanoseconds,
    },
    /// It will be started at this moment.
    Pause(Nanoseconds),
}

/// The rescue sshd.
#[derive(Debug, Default)]
pub(crate) struct Sshd {
    state: State,
    starts: u32,
    backoff: Nanoseconds,
    output_bytes: u32,
}

impl Sshd {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        match self.state {
            State::Pause(until) => Some(until),
            _ => None,
        }
    }

    /// Its pid while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        match self.state {
            State::Running { pid, .. } => Some(pid),
            _ => None,
        }
    }

    /// How often it was started.
    pub(crate) fn starts(&self) -> u32 {
        self.starts
    }
}

/// The stage.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    Next::from(start(boot))
}

fn start<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    let port = boot
        .plan
        .map_or(PORT_DEFAULT, |plan| plan.settings().rescue_port.get());
    let port: heapless::String<5> = text(format_args!("{port}"));
    let spawn = Spawn {
        program: Program::Path(PROGRAM),
        arguments: &arguments(&port),
        environment: ENVIRONMENT,
        place: Place::Rescue,
        // The root's own init will not read what it writes; both back ends ignore SIGPIPE and go on.
        streams: Streams::Captured,
        group: groups::of_rescue(boot),
        exec: Exec::Waited,
        oom_score: -1000,
        on_panic: OnPanic::Restart,
    };
    boot.sshd.starts = boot.sshd.starts.saturating_add(1);
    let starts = boot.sshd.starts;
    let now = boot.machine.now();
    match boot.machine.spawn(&spawn) {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Sshd);
            let (child, pid) = (spawned.child, spawned.pid);
            boot.sshd.state = State::Running {
                child,
                pid,
                since: now,
            };
            if is_told(starts) {
                boot.record(Record {
                    what: "started",
                    pid,
                    starts,
                    status: 0,
                });
            }
            Ok(())
        }
        Err(errno) => {
            pause(boot, now);
            if is_told(starts) {
                boot.record(Record {
                    what: "failed",
                    pid: 0,
                    starts,
                    status: i32::from(errno.0),
                });
                boot.alarm(format_args!("sshd could not be started: errno {}", errno.0));
            }
            Err(errno).at(Step::SpawnSshd)
        }
    }
}

/// Whether this start is told: one that fails for days must not fill the record.
fn is_told(starts: u32) -> bool {
    starts <= SSHD_STARTS_RECORDED_MAX || starts.is_power_of_two()
}

/// The next start is twice as far away as the last one was.
fn pause<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    let backoff = (boot.sshd.backoff * 2).clamp(SSHD_BACKOFF_NS_MIN, SSHD_BACKOFF_NS_MAX);
    boot.sshd.backoff = backoff;
    boot.sshd.state = State::Pause(now.saturating_add(backoff));
}

/// What it says is kept: who logged in, from where.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let kept = boot.sshd.output_bytes;
    boot.sshd.output_bytes = boot.keep_output(Source::Sshd, kept, SSHD_OUTPUT_BYTES_MAX, bytes);
    crate::sessions::output(boot, bytes);
}

/// It has ended: again.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, end: End) {
    let State::Running { pid, since, .. } = boot.sshd.state else {
        return;
    };
    let now = boot.machine.now();
    let is_healthy = now.saturating_sub(since) >= SSHD_HEALTHY_NS;
    // Whoever kills it has not found it failing: the next one comes as soon as the first did.
    if is_healthy || matches!(end.status, Status::Signalled(SIGKILL | SIGTERM)) {
        boot.sshd.backoff = 0;
    }
    let starts = boot.sshd.starts;
    if is_told(starts) {
        boot.record(Record {
            what: "ended",
            pid,
            starts,
            status: end.status.raw(),
        });
        boot.alarm(format_args!(
            "sshd ended ({:?}), starting it again",
            end.status
        ));
    }
    pause(boot, now);
}

/// The pause is over.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if boot.sshd.deadline().is_some_and(|until| until <= now) {
        // A failure has set the next pause.
        let _ = start(boot);
    }
}

/// The machine goes down: it is not started again.
pub(crate) fn stop<M: Machine>(boot: &mut Boot<'_, M>) {
    if let State::Running { child, .. } = boot.sshd.state {
        let _ = boot.machine.kill(child, Kill::Term);
    }
    boot.sshd.state = State::Off;
}
