//! Rescue networking, as PID 1 sees it: a helper does it ([`crate::net`]), PID 1 starts it, hears it and tells.
//!
//! It is started again whenever it ends: what it has done it finds done. Nothing waits for the network; there is one
//! deadline, by which what is wanted is reached or that is told and the boot is not as planned. It goes on all the
//! same, and so does the helper: a carrier that comes after minutes is as good.

use heapless::String;
use preroot_record::Network as Record;

use crate::core::{Boot, Purpose};
use crate::limits::{
    MILLISECOND_NS, NETWORK_BACKOFF_NS_MAX, NETWORK_BACKOFF_NS_MIN, NETWORK_GRACE_NS,
    NETWORK_LINE_BYTES_MAX, NETWORK_NS_DEFAULT,
};
use crate::machine::{Errno, Kill, Machine, Nanoseconds, OnPanic, Place, Spawn};
use crate::respawn::Respawn;
use crate::roles;
use crate::stage::{Next, Stage};
use crate::step::{At, Failed, Step};
use crate::text::{Lines, text};

/// What is known of the network.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// Off: before its stage, and when interfaces are somebody else's.
    helper: Respawn,
    lines: Lines<NETWORK_LINE_BYTES_MAX>,
    begun: Nanoseconds,
    /// `None`: what there was to say about it is said.
    deadline: Option<Nanoseconds>,
    /// Where sshd listens on this host; `None`: as the plan says for all.
    pub(crate) port: Option<u16>,
    /// The host name of the matching host.
    pub(crate) hostname: String<64>,
}

impl Network {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        // The helper says what there is to say; one that hangs in the kernel says nothing.
        let silent = self.deadline.map(|at| at.saturating_add(NETWORK_GRACE_NS));
        self.helper.deadline().into_iter().chain(silent).min()
    }
}

/// The stage: starts the helper; the rest comes with what it says.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let begun = boot.machine.now();
    boot.network.begun = begun;
    let of_plan = boot.plan.map(|plan| plan.settings().network_ms.get());
    let limit = of_plan.map_or(NETWORK_NS_DEFAULT, |ms| u64::from(ms) * MILLISECOND_NS);
    boot.network.deadline = Some(begun.saturating_add(limit));
    Next::from(start(boot))
}

fn start<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    let begun: String<20> = text(format_args!("{}", boot.network.begun));
    // One that is started later has nothing more to say about the deadline.
    let deadline: String<20> = text(format_args!("{}", boot.network.deadline.unwrap_or(0)));
    let arguments = [roles::NETWORK, &begun, &deadline];
    let spawn = Spawn {
        // It outlives the pivots, and finds the image where it is.
        place: Place::Rescue,
        on_panic: OnPanic::Network,
        ..Spawn::helper(&arguments)
    };
    let spawned = boot.machine.spawn(&spawn).at(Step::SpawnNetwork);
    if spawned.is_err() {
        pause(boot);
    }
    let child = spawned?.child;
    boot.assign(child, Purpose::Network);
    boot.network.helper.started(child);
    boot.network.lines = Lines::new();
    Ok(())
}

fn pause<M: Machine>(boot: &mut Boot<'_, M>) {
    let now = boot.machine.now();
    let (least, most) = (NETWORK_BACKOFF_NS_MIN, NETWORK_BACKOFF_NS_MAX);
    boot.network.helper.pause(now, least, most);
}

pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if boot.network.helper.is_due(now) {
        // A failure has set the next pause.
        let _ = start(boot);
    }
    let silent = |at: &mut Nanoseconds| at.saturating_add(NETWORK_GRACE_NS) <= now;
    if boot.network.deadline.take_if(silent).is_some() {
        wrong(boot, "", "its helper does not answer");
    }
}

/// The helper has ended: again.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.network.helper.is_running() {
        boot.alarm(format_args!("network: its helper ended, starting it again"));
        pause(boot);
    }
}

/// Interfaces are somebody else's from now on: the root's own init's.
pub(crate) fn stop<M: Machine>(boot: &mut Boot<'_, M>) {
    if let Some(child) = boot.network.helper.stop() {
        let _ = boot.machine.kill(child, Kill::Kill);
    }
    boot.network.deadline = None;
}

/// They are the rescue's again, as far as nobody else has given them addresses.
pub(crate) fn resume<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.network.helper.is_off() {
        boot.network.helper.resume(boot.machine.now());
    }
}

/// What the helper says.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let mut lines = core::mem::take(&mut boot.network.lines);
    lines.take(bytes, |line| said(boot, line));
    boot.network.lines = lines;
}

/// One line, as [`roles::NETWORK`] has it.
fn said<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    let mut fields = line.split('\t');
    let word = fields.next().unwrap_or_default();
    let mut field = || fields.next().unwrap_or_default();
    match word {
        "note" => {
            let (interface, what) = (field(), field());
            note(boot, interface, what, Errno(field().parse().unwrap_or(0)));
        }
        "wrong" => {
            let (interface, what) = (field(), field());
            boot.record(Record {
                interface,
                what,
                errno: 0,
            });
            wrong(boot, interface, what);
        }
        "host" => {
            let (name, port, by) = (field(), field(), field());
            let what = text::<120>(format_args!("host {name}, by {by}"));
            note(boot, "", &what, Errno(0));
            boot.network.hostname = text(format_args!("{name}"));
            boot.network.port = port.parse().ok().filter(|port| *port != 0);
            crate::sshd::moved(boot);
        }
        "module" => crate::modules::need(boot, field()),
        "judged" => boot.network.deadline = None,
        // A helper of another version knows words that are not known here.
        _ => {}
    }
}

/// Records one thing about an interface; a failure degrades the boot.
fn note<M: Machine>(boot: &mut Boot<'_, M>, interface: &str, what: &str, errno: Errno) {
    boot.record(Record {
        interface,
        what,
        errno: errno.0,
    });
    if errno.0 != 0 {
        let what = text::<160>(format_args!("{what} failed: errno {}", errno.0));
        wrong(boot, interface, &what);
    }
}

/// Says and remembers for the verdict that the network is not as it is to be.
fn wrong<M: Machine>(boot: &mut Boot<'_, M>, interface: &str, what: &str) {
    let blank = if interface.is_empty() { "" } else { " " };
    boot.degrade(format_args!("network{blank}{interface}: {what}"));
    // Sealed already: the verdict is another one now.
    if boot.stage == Stage::Stay {
        crate::verdict::say(boot);
    }
}
