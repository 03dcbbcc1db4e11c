//! The watchdog: armed from the beginning and fed as long as PID 1 answers, so that it resets a machine whose PID 1 or
//! kernel hangs, and none that a person mends.
//!
//! A helper has it open ([`roles::WATCHDOG`]) and asks before it feeds; PID 1 answers whatever the boot's state is: while it
//! waits for a person, while a check runs for hours, and as the last stand. When PID 1 does not answer, the helper
//! still feeds it as long as somebody is there of those whom PID 1 has named as logged in.
//!
//! | what comes | the watchdog |
//! |---|---|
//! | its device is not there | is armed when it appears; told after [`WATCHDOG_WAIT_NS`] |
//! | somebody else has it, its driver refuses | is tried again with growing pauses |
//! | PID 1 stays as init | is fed on |
//! | PID 1 becomes the root's init | is disarmed, or left armed for a daemon of the root, as the plan says |
//! | the machine reboots | has [`WATCHDOG_DOWN_S`] from when everybody has been ended, and is left armed |
//! | it is switched off or halted | is disarmed |
//!
//! Nothing waits for it, and nothing that is wrong with it stops a boot.

use heapless::String;
use preroot_plan::LetGo;
use preroot_plan::limits::WATCHDOG_S_DEFAULT;
use preroot_record::Watchdog as Record;

use crate::command_line::Watchdog as Words;
use crate::core::{Boot, Purpose, Turn};
use crate::limits::{
    SECOND_NS, WATCHDOG_BACKOFF_NS_MAX, WATCHDOG_BACKOFF_NS_MIN, WATCHDOG_DISARM_NS_MAX,
    WATCHDOG_DOWN_S, WATCHDOG_IDENTITY_BYTES_MAX, WATCHDOG_WAIT_NS,
};
use crate::machine::{Child, Errno, Kill, Machine, Nanoseconds, Place, Power, Spawn};
use crate::respawn::Backoff;
use crate::roles;
use crate::stage::Stage;
use crate::text::{Lines, cut, text};

/// The one that is meant where only its time is named.
const DEVICE: &str = "/dev/watchdog0";

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not wanted, or let go.
    #[default]
    Off,
    /// Its device is not there yet.
    Missing,
    Running(Child),
    /// Its helper is started at this moment.
    Pause(Nanoseconds),
}

/// What is known of the watchdog.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    state: State,
    /// How long it waits, s; 0: it is not armed.
    armed_s: u32,
    identity: String<WATCHDOG_IDENTITY_BYTES_MAX>,
    /// It says that it has reset the machine before this boot.
    has_reset: bool,
    /// The last failure, which is told once.
    failure: Option<Errno>,
    /// When it is told that its device is not there.
    tell_at: Option<Nanoseconds>,
    backoff: Backoff,
    /// The machine reboots.
    goes_down: bool,
    lines: Lines<120>,
}

impl Watchdog {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        let again = match self.state {
            State::Pause(at) => Some(at),
            _ => None,
        };
        again.into_iter().chain(self.tell_at).min()
    }
}

/// Its device and time: the command line's, else the plan's.
fn wanted<'a, M: Machine>(boot: &Boot<'a, M>) -> Option<(&'a str, u16)> {
    match (boot.command_line.watchdog, planned(boot)) {
        (None, planned) => planned,
        (Some(Words::Off), _) => None,
        (Some(Words::On { device, seconds }), planned) => {
            let (planned, time) = planned.unwrap_or((DEVICE, WATCHDOG_S_DEFAULT));
            Some((device.unwrap_or(planned), seconds.unwrap_or(time)))
        }
    }
}

fn planned<'a, M: Machine>(boot: &Boot<'a, M>) -> Option<(&'a str, u16)> {
    let plan = boot.plan?;
    let settings = plan.settings();
    let device = plan.text(settings.watchdog);
    (!device.is_empty()).then(|| (device, settings.watchdog_s.get()))
}

/// As soon as it is known which one.
pub(crate) fn begin<M: Machine>(boot: &mut Boot<'_, M>) {
    if wanted(boot).is_some() {
        let now = boot.machine.now();
        boot.watchdog.tell_at = Some(now.saturating_add(WATCHDOG_WAIT_NS));
        start(boot);
    } else if let Some((device, _)) = planned(boot) {
        note(boot, "off", device, Some("preroot.watchdog="), None);
    }
}

fn start<M: Machine>(boot: &mut Boot<'_, M>) {
    let Some((device, seconds)) = wanted(boot) else {
        return;
    };
    let seconds = match boot.watchdog.goes_down {
        true => seconds.max(WATCHDOG_DOWN_S),
        false => seconds,
    };
    let seconds: String<5> = text(format_args!("{seconds}"));
    let arguments = [roles::WATCHDOG, device, &seconds];
    let spawn = Spawn {
        // It outlives the pivots, and finds PID 1's socket where it was.
        place: Place::Rescue,
        ..Spawn::helper(&arguments)
    };
    boot.watchdog.lines = Lines::new();
    match boot.machine.spawn(&spawn) {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Watchdog);
            boot.watchdog.state = State::Running(spawned.child);
        }
        Err(errno) => {
            failed(boot, "start", errno);
            pause(boot);
        }
    }
}

fn pause<M: Machine>(boot: &mut Boot<'_, M>) {
    // One that is armed is waited for no longer than until its next feed.
    let armed_s = u64::from(boot.watchdog.armed_s);
    let longest = match armed_s {
        0 => WATCHDOG_BACKOFF_NS_MAX,
        _ => armed_s.saturating_mul(SECOND_NS) / 4,
    };
    let backoff = boot.watchdog.backoff.next(WATCHDOG_BACKOFF_NS_MIN, longest);
    boot.watchdog.state = State::Pause(boot.machine.now().saturating_add(backoff));
}

/// A device of this name has appeared; an empty one: any may have.
pub(crate) fn appeared<M: Machine>(boot: &mut Boot<'_, M>, name: &str) {
    let is_it = |device: &str| name.is_empty() || device.strip_prefix("/dev/") == Some(name);
    if boot.watchdog.state == State::Missing && wanted(boot).is_some_and(|(it, _)| is_it(it)) {
        start(boot);
    }
}

pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if matches!(boot.watchdog.state, State::Pause(at) if at <= now) {
        start(boot);
    }
    if boot.watchdog.tell_at.is_some_and(|at| at <= now) {
        tell_missing(boot);
    }
}

/// Tells that its device is not there, once.
fn tell_missing<M: Machine>(boot: &mut Boot<'_, M>) {
    let has_said = boot.watchdog.tell_at.take().is_none();
    if has_said || boot.watchdog.state != State::Missing {
        return;
    }
    if let Some((device, _)) = wanted(boot) {
        note(boot, "missing", device, None, None);
        wrong(boot, format_args!("watchdog {device} missing"));
    }
}

fn wrong<M: Machine>(boot: &mut Boot<'_, M>, words: core::fmt::Arguments<'_>) {
    boot.degrade(words);
    // Sealed already: the verdict is another one now.
    if boot.stage == Stage::Stay {
        crate::verdict::say(boot);
    }
}

fn note<M: Machine>(
    boot: &mut Boot<'_, M>,
    what: &str,
    device: &str,
    why: Option<&str>,
    errno: Option<Errno>,
) {
    boot.record(Record {
        what,
        device,
        timeout_s: boot.watchdog.armed_s,
        identity: None,
        boot_status: None,
        why,
        errno: errno.map(|errno| errno.0),
    });
}

/// Takes what the helper writes.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let mut lines = core::mem::take(&mut boot.watchdog.lines);
    lines.take(bytes, |line| said(boot, line));
    boot.watchdog.lines = lines;
}

/// One line, as [`roles::WATCHDOG`] has it.
fn said<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    let mut fields = line.split('\t');
    let word = fields.next().unwrap_or_default();
    let (first, second) = (fields.next(), fields.next());
    let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
    match word {
        "armed" => {
            let identity = fields.next().unwrap_or_default();
            armed(
                boot,
                first.parse().unwrap_or(0),
                second.parse().ok(),
                identity,
            );
        }
        "failed" => failed(boot, first, Errno(second.parse().unwrap_or(Errno::IO.0))),
        "disarmed" => disarmed(boot, Errno(first.parse().unwrap_or(Errno::IO.0))),
        _ => {}
    }
}

fn armed<M: Machine>(boot: &mut Boot<'_, M>, seconds: u32, status: Option<u32>, identity: &str) {
    let Some((device, _)) = wanted(boot) else {
        return;
    };
    boot.watchdog.armed_s = seconds;
    boot.watchdog.identity = text(format_args!("{identity}"));
    boot.watchdog.tell_at = None;
    boot.record(Record {
        what: "armed",
        device,
        timeout_s: seconds,
        identity: Some(cut(identity, WATCHDOG_IDENTITY_BYTES_MAX)),
        boot_status: status,
        why: None,
        errno: None,
    });
    boot.milestone(format_args!("watchdog {device}: armed, {seconds} s"));
    let has_reset = status.is_some_and(|status| status & Record::CARD_RESET != 0);
    if has_reset && !core::mem::replace(&mut boot.watchdog.has_reset, true) {
        boot.alarm(format_args!(
            "the watchdog has reset this machine before this boot"
        ));
    }
}

fn failed<M: Machine>(boot: &mut Boot<'_, M>, what: &str, errno: Errno) {
    let is_told = boot.watchdog.failure.replace(errno) == Some(errno);
    // Of what is not there is spoken when it should be; and on the way down nobody needs to hear that the device cannot wait longer.
    if is_told || is_missing(errno) || boot.watchdog.goes_down {
        return;
    }
    if let Some((device, _)) = wanted(boot) {
        note(boot, "failed", device, Some(what), Some(errno));
        let errno = errno.0;
        wrong(
            boot,
            format_args!("watchdog {device}: {what}: errno {errno}"),
        );
    }
}

/// No device, or nothing behind it: `ENOENT`, `ENXIO`, `ENODEV`.
fn is_missing(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NODEV | Errno(6))
}

/// It was told to disarm it. It may refuse (`nowayout`), and is left then.
fn disarmed<M: Machine>(boot: &mut Boot<'_, M>, errno: Errno) {
    let Some((device, _)) = wanted(boot) else {
        return;
    };
    if errno == Errno(0) {
        boot.watchdog.armed_s = 0;
        note(boot, "disarmed", device, None, None);
    } else {
        left(boot, Some(errno));
    }
}

/// It stays armed, and nobody of ours feeds it any more.
fn left<M: Machine>(boot: &mut Boot<'_, M>, errno: Option<Errno>) {
    let Some((device, _)) = wanted(boot) else {
        return;
    };
    note(boot, "left", device, None, errno);
    let seconds = boot.watchdog.armed_s;
    match errno {
        None => boot.milestone(format_args!("watchdog {device}: left armed, {seconds} s")),
        Some(Errno(errno)) => boot.alarm(format_args!(
            "watchdog {device} cannot be stopped (errno {errno}): it resets the machine in {seconds} s unless somebody feeds it"
        )),
    }
}

/// The helper has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, child: Child) {
    if boot.watchdog.state != State::Running(child) {
        return;
    }
    match boot.watchdog.failure {
        Some(errno) if is_missing(errno) => {
            boot.watchdog.failure = None;
            boot.watchdog.armed_s = 0;
            boot.watchdog.state = State::Missing;
        }
        _ => pause(boot),
    }
}

/// What it asks: PID 1 is alive, and these are the processes of those who are logged in.
pub(crate) fn alive<M: Machine>(
    boot: &Boot<'_, M>,
    answer: &mut dyn core::fmt::Write,
) -> core::fmt::Result {
    answer.write_str(roles::ALIVE)?;
    for pid in boot.sessions.pids() {
        write!(answer, " {pid}")?;
    }
    answer.write_str("\n")
}

/// How it is, for `status`.
pub(crate) fn status<M: Machine>(
    boot: &Boot<'_, M>,
    answer: &mut dyn core::fmt::Write,
) -> core::fmt::Result {
    let Some((device, _)) = wanted(boot) else {
        return Ok(());
    };
    let Watchdog {
        state,
        armed_s,
        identity,
        has_reset,
        ..
    } = &boot.watchdog;
    let word = match (state, armed_s) {
        (State::Running(_), 1..) => "fed",
        (State::Missing, _) => "missing",
        (State::Off, _) => "off",
        _ => "failed",
    };
    let reset = if *has_reset { "reset" } else { "" };
    writeln!(
        answer,
        "watchdog\t{device}\t{word}\t{armed_s}\t{identity}\t{reset}"
    )
}

/// PID 1 is about to become the root's init, and nobody has sealed the record yet: what is to be disarmed is.
pub(crate) fn hand_over<M: Machine>(boot: &mut Boot<'_, M>) {
    tell_missing(boot);
    match (boot.watchdog.state, let_go(boot)) {
        (State::Running(_), LetGo::Leave) if boot.watchdog.armed_s > 0 => left(boot, None),
        (State::Running(child), LetGo::Disarm) => {
            let _ = boot.machine.kill(child, Kill::Term);
            let now = boot.machine.now();
            let until = now.saturating_add(WATCHDOG_DISARM_NS_MAX);
            while boot.watchdog.state == State::Running(child) {
                if boot.turn(Some(until)) != Turn::Handled {
                    left(boot, Some(Errno::TIMEDOUT));
                    break;
                }
            }
            drop_helper(boot);
        }
        _ => {}
    }
}

fn let_go<M: Machine>(boot: &Boot<'_, M>) -> LetGo {
    boot.plan
        .map_or(LetGo::Disarm, |plan| plan.settings().watchdog_let_go())
}

/// Nothing is left to do but to become it.
pub(crate) fn drop_helper<M: Machine>(boot: &mut Boot<'_, M>) {
    if let State::Running(child) = boot.watchdog.state {
        let _ = boot.machine.kill(child, Kill::Kill);
    }
    boot.watchdog.state = State::Off;
}

/// It has not become it.
pub(crate) fn take_back<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.watchdog.state == State::Off {
        start(boot);
    }
}

/// The machine goes down, and everybody is about to be ended: for a reboot the watchdog stays armed, else it is disarmed.
pub(crate) fn step_aside<M: Machine>(boot: &mut Boot<'_, M>, how: Power) {
    boot.watchdog.goes_down = true;
    boot.watchdog.tell_at = None;
    if how == Power::Reboot {
        drop_helper(boot);
    }
    // Its helper disarms it when everybody is told to end.
    boot.watchdog.state = State::Off;
}

/// Everybody has been ended: one that is armed guards the way down, and the restart of the kernel.
pub(crate) fn guard<M: Machine>(boot: &mut Boot<'_, M>, how: Power) {
    if how == Power::Reboot && boot.watchdog.armed_s > 0 {
        start(boot);
    }
}
