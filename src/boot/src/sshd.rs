//! The rescue sshd: started before root is touched, started again whenever it ends, for ever.

use preroot_record::{Source, Sshd as Record};

use heapless::String;

use crate::core::{Boot, Purpose, RootPlace};
use crate::groups;
use crate::limits::{
    SSHD_BACKOFF_NS_MAX, SSHD_BACKOFF_NS_MIN, SSHD_HEALTHY_NS, SSHD_OUTPUT_BYTES_MAX,
    SSHD_RECIPE_BYTES_MAX, SSHD_STARTS_RECORDED_MAX,
};
use crate::machine::{
    Child, End, Errno, Exec, Kill, Machine, Nanoseconds, OnPanic, Place, Program, Spawn, Status,
    Streams,
};
use crate::respawn::Backoff;
use crate::sshd_recipe::{FILE, Recipe};
use crate::stage::Next;
use crate::step::{At, Failed, Step};
use crate::text::{Lines, Text, text};

/// signal(7).
const SIGKILL: u8 = 9;
const SIGTERM: u8 = 15;
/// How the listener is ended. dropbear (2025.89, `main_noinetd`) notes a SIGTERM and then waits for a connection: one that comes
/// between its start and its first `select` is lost, and it listens on, at its old port. It has nothing to put away, and
/// its sessions are process groups of their own.
const KILL: Kill = Kill::Kill;
/// The port when there is no plan.
const PORT_DEFAULT: u16 = 22;
/// What sshd and its sessions see.
pub const ENVIRONMENT: &[&str] = &[
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "TERM=linux",
];

/// A fingerprint of a key (`SHA256:` and 43 letters).
const FINGERPRINT_BYTES_MAX: usize = 64;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not wanted: before its stage, and when the machine goes down.
    #[default]
    Off,
    /// Its host key is being made.
    Making,
    Running {
        child: Child,
        pid: u32,
        since: Nanoseconds,
    },
    /// It will be started at this moment.
    Pause(Nanoseconds),
    /// It was told to end. Meanwhile somebody may have come to want it again.
    Ending(Wanted),
}

/// Whether it is wanted when it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Again,
    No,
}

/// The rescue sshd.
#[derive(Debug, Default)]
pub(crate) struct Sshd {
    state: State,
    starts: u32,
    backoff: Backoff,
    output_bytes: u32,
    recipe: Option<Recipe>,
    key: Key,
    /// What makes the host key writes.
    lines: Lines<200>,
    /// Of a host key that was made in this boot.
    fingerprint: String<FINGERPRINT_BYTES_MAX>,
    /// Where it listens.
    port: u16,
}

/// Whether there is a host key.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Key {
    #[default]
    There,
    Missing,
}

impl Sshd {
    /// The fingerprint of a host key that was made in this boot; empty: the image has one.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

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

/// Where it is to listen: as this host's entry says, else as the plan does.
fn port<M: Machine>(boot: &Boot<'_, M>) -> u16 {
    let of_plan = boot.plan.map(|plan| plan.settings().rescue_port.get());
    boot.network.port.or(of_plan).unwrap_or(PORT_DEFAULT)
}

/// Which host this is has become known: one that is to listen elsewhere is started again. Its sessions stay.
pub(crate) fn moved<M: Machine>(boot: &mut Boot<'_, M>) {
    let State::Running { child, .. } = boot.sshd.state else {
        return;
    };
    let port = port(boot);
    if port != boot.sshd.port {
        boot.alarm(format_args!("sshd: port {port} from now on"));
        let _ = boot.machine.kill(child, KILL);
    }
}

/// The stage.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    if let State::Ending(wanted) = &mut boot.sshd.state {
        // Two cannot listen at one address.
        *wanted = Wanted::Again;
        return Next::Done;
    }
    Next::from(start(boot))
}

/// What the image says about its sshd. It is asked once for each port.
fn recipe<M: Machine>(boot: &mut Boot<'_, M>) -> Recipe {
    let port = port(boot);
    if let Some(recipe) = &boot.sshd.recipe
        && port == boot.sshd.port
    {
        return recipe.clone();
    }
    boot.sshd.port = port;
    let port: String<5> = text(format_args!("{port}"));
    let mut bytes = [0; SSHD_RECIPE_BYTES_MAX];
    // Once / is the root, the image is in the stage.
    let place = match boot.root_place {
        RootPlace::Slash => crate::pivot::STAGE,
        RootPlace::Nowhere | RootPlace::NewRoot => "",
    };
    let path: Text = text(format_args!("{place}{FILE}"));
    let length = boot.machine.read_file(&path, &mut bytes).unwrap_or(0);
    let recipe = Recipe::new(bytes.get(..length).unwrap_or_default(), &port);
    boot.sshd.recipe = Some(recipe.clone());
    let mut first = [0];
    let is_missing = |key: &&str| boot.machine.read_file(key, &mut first) == Err(Errno::NOENT);
    let is_made = !recipe.words("make").is_empty();
    // Later, / is the root, and the key is where it was made.
    let is_image = boot.root_place != RootPlace::Slash;
    if is_image && is_made && recipe.words("key").first().is_some_and(is_missing) {
        boot.sshd.key = Key::Missing;
    }
    recipe
}

fn start<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    let recipe = recipe(boot);
    for directory in recipe.all("directory").flatten() {
        // Without it sshd fails, and says so.
        let _ = boot.machine.make_directory(directory);
    }
    if boot.root_place != RootPlace::Slash {
        allow(boot, b"1");
    }
    if boot.sshd.key == Key::Missing && make_key(boot, &recipe).is_ok() {
        return Ok(());
    }
    let words = recipe.words("run");
    let spawn = Spawn {
        group: groups::of_rescue(boot),
        on_panic: OnPanic::Restart,
        ..spawn(&words)
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
                    why: None,
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
                    why: None,
                });
                boot.alarm(format_args!("sshd could not be started: errno {}", errno.0));
            }
            Err(errno).at(Step::SpawnSshd)
        }
    }
}

fn spawn<'w>(words: &'w [&'w str]) -> Spawn<'w> {
    Spawn {
        program: Program::Path(words.first().copied().unwrap_or_default()),
        arguments: words.get(1..).unwrap_or_default(),
        environment: ENVIRONMENT,
        place: Place::Rescue,
        // The root's own init will not read what it writes; both back ends ignore SIGPIPE and go on.
        streams: Streams::Captured,
        group: None,
        exec: Exec::Waited,
        oom_score: -1000,
        on_panic: OnPanic::Leave,
    }
}

/// Has the host key made. sshd starts when that has ended; nothing else waits for it.
fn make_key<M: Machine>(boot: &mut Boot<'_, M>, recipe: &Recipe) -> Result<(), Errno> {
    let words = recipe.words("make");
    let spawned = boot.machine.spawn(&spawn(&words))?;
    boot.assign(spawned.child, Purpose::Sshd);
    boot.sshd.state = State::Making;
    Ok(())
}

/// The maker of the host key has ended: its fingerprint is told, and sshd starts in any case, for what it says then is
/// why it cannot.
fn key_made<M: Machine>(boot: &mut Boot<'_, M>, status: Status) {
    if status == Status::Exited(0) {
        boot.sshd.key = Key::There;
        let fingerprint = boot.sshd.fingerprint.clone();
        boot.alarm(format_args!("sshd: made a host key, {fingerprint}"));
    } else {
        boot.alarm(format_args!("sshd: no host key could be made: {status:?}"));
    }
    let key = core::mem::take(&mut boot.sshd.key);
    // A failure has set the next pause.
    let _ = start(boot);
    boot.sshd.key = key;
}

/// Sets what lets sshd listen on addresses that nobody has yet.
fn allow<M: Machine>(boot: &mut Boot<'_, M>, value: &[u8]) {
    let Some(recipe) = boot.sshd.recipe.clone() else {
        return;
    };
    for path in recipe.all("allow").flatten() {
        // Without it sshd starts when the address is there.
        let _ = boot.machine.write_file(path, value);
    }
}

/// The root's own system begins: the kernel's settings are as it expects them.
pub(crate) fn settle<M: Machine>(boot: &mut Boot<'_, M>) {
    allow(boot, b"0");
}

/// Whether this start is told: one that fails for days must not fill the record.
fn is_told(starts: u32) -> bool {
    starts <= SSHD_STARTS_RECORDED_MAX || starts.is_power_of_two()
}

/// The next start is twice as far away as the last one was.
fn pause<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    let backoff = boot
        .sshd
        .backoff
        .next(SSHD_BACKOFF_NS_MIN, SSHD_BACKOFF_NS_MAX);
    boot.sshd.state = State::Pause(now.saturating_add(backoff));
}

/// What it says is kept: who logged in, from where.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    if boot.sshd.state == State::Making {
        let Sshd {
            lines, fingerprint, ..
        } = &mut boot.sshd;
        lines.take(bytes, |line| {
            let mut words = line.split(' ');
            if let Some(word) = words.find(|word| word.starts_with("SHA256:")) {
                *fingerprint = text(format_args!("{word}"));
            }
        });
    }
    let kept = boot.sshd.output_bytes;
    boot.sshd.output_bytes = boot.keep_output(Source::Sshd, kept, SSHD_OUTPUT_BYTES_MAX, bytes);
    crate::sessions::output(boot, bytes);
}

/// It has ended: again.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, end: End) {
    if boot.sshd.state == State::Making {
        return key_made(boot, end.status);
    }
    let now = boot.machine.now();
    if let State::Ending(wanted) = boot.sshd.state {
        boot.sshd.state = match wanted {
            Wanted::Again => State::Pause(now),
            Wanted::No => State::Off,
        };
    }
    let State::Running { pid, since, .. } = boot.sshd.state else {
        return;
    };
    let is_healthy = now.saturating_sub(since) >= SSHD_HEALTHY_NS;
    // Whoever kills it has not found it failing: the next one comes as soon as the first did.
    if is_healthy || matches!(end.status, Status::Signalled(SIGKILL | SIGTERM)) {
        boot.sshd.backoff.reset();
    }
    let starts = boot.sshd.starts;
    if is_told(starts) {
        boot.record(Record {
            what: "ended",
            pid,
            starts,
            status: end.status.raw(),
            why: None,
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

/// It is not needed any more, or the machine goes down: it is not started again. Its sessions are not of its process
/// group, and stay.
pub(crate) fn stop<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.sshd.state = match boot.sshd.state {
        State::Running { child, .. } => {
            let _ = boot.machine.kill(child, KILL);
            State::Ending(Wanted::No)
        }
        State::Ending(_) => State::Ending(Wanted::No),
        _ => State::Off,
    };
}
