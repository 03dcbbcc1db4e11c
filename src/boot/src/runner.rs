//! The frozen order, run in parallel: every script with its deadline, its output and its own record.
//!
//! A script is started when its policy lets it: all of the level before have ended (`levels`), or those it is ordered
//! after have (`edges`). Interactive scripts run alone, on the console. No script can hold the boot: at its
//! deadline its process group gets SIGTERM, then SIGKILL, and if even that does not end it the boot goes on
//! without it. How a script ends never stops another from starting, as with startpar.

use heapless::Vec;
use preroot_plan::limits::SCRIPTS_PER_RUNLEVEL_MAX;
use preroot_plan::{Argument, Plan, Policy, Runlevel, Script, ScriptMode, Weight};
use preroot_record::{
    Lost, Output, RunlevelBegan, RunlevelEnded, ScriptEnd, ScriptEnded, ScriptStarted, Source,
};

use crate::core::{Boot, Purpose, Turn};
use crate::limits::{
    KILL_GRACE_NS, MILLISECOND_NS, SCRIPT_OUTPUT_BYTES_MAX, SCRIPTS_RUNNING_MAX, TERM_GRACE_NS,
};
use crate::machine::{
    Child, End, Kill, Machine, Nanoseconds, OnPanic, Place, Program, Spawn, Status, Streams,
};
use crate::text::{Text, text};

/// How far a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Waiting,
    Running,
    Done,
}

/// What has been done to one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Its deadline has not come.
    Waiting,
    /// It got SIGTERM.
    Asked,
    /// It got SIGKILL.
    Killed,
}

/// A script that runs. Its number is its place in the runlevel.
#[derive(Debug, Clone, Copy)]
struct Running {
    script: usize,
    child: Child,
    since: Nanoseconds,
    /// When patience ends; `None`: never.
    due: Option<Nanoseconds>,
    patience: Patience,
}

/// The scripts of the runlevel that is being run.
#[derive(Debug, Default)]
pub(crate) struct Runner {
    /// The number in the plan of its first script.
    first: u32,
    states: Vec<State, SCRIPTS_PER_RUNLEVEL_MAX>,
    output_bytes: Vec<u32, SCRIPTS_PER_RUNLEVEL_MAX>,
    running: Vec<Running, SCRIPTS_RUNNING_MAX>,
    /// The script that ended last: what let the next ones start.
    last_ended: Option<u32>,
    succeeded: u32,
    failed: u32,
    timed_out: u32,
}

impl Runner {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        self.running.iter().filter_map(|running| running.due).min()
    }

    fn state(&self, script: usize) -> State {
        self.states.get(script).copied().unwrap_or(State::Done)
    }

    fn index(&self, number: u32) -> Option<usize> {
        let index = number.checked_sub(self.first)? as usize;
        (index < self.states.len()).then_some(index)
    }

    /// How many scripts run now, and how many have not ended.
    pub(crate) fn progress(&self) -> (usize, usize) {
        let left = self
            .states
            .iter()
            .filter(|&&state| state != State::Done)
            .count();
        (self.running.len(), left)
    }
}

/// Whether the scripts of a runlevel are run to the end or left when the machine is to go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Starting: a request to go down ends it.
    WhenDown,
    /// Stopping: it is part of going down.
    Never,
}

/// Runs all scripts of a runlevel. `Turn::Down` when it was left because the machine is to go down.
pub(crate) fn run<M: Machine>(
    boot: &mut Boot<'_, M>,
    plan: &Plan<'_>,
    runlevel: &Runlevel,
    previous: u8,
    leave: Leave,
) -> Turn {
    let scripts = plan.scripts_of(runlevel);
    boot.runner = Runner {
        first: runlevel.first_script.get(),
        ..Runner::default()
    };
    // The plan's check has bounded their number.
    let _ = boot.runner.states.resize(scripts.len(), State::Waiting);
    let _ = boot.runner.output_bytes.resize(scripts.len(), 0);
    let mut name = [0; 4];
    let name: &str = char::from(runlevel.name).encode_utf8(&mut name);
    let policy = match plan.settings().policy() {
        Policy::Levels => "levels",
        Policy::Edges => "edges",
    };
    let count = runlevel.script_count.get();
    boot.record(RunlevelBegan {
        runlevel: name,
        scripts: count,
        policy,
    });
    let order = Order {
        plan,
        runlevel,
        scripts,
        previous,
    };
    let turn = loop {
        start_ready(boot, &order);
        if boot.runner.running.is_empty() {
            break Turn::Handled;
        }
        if boot.turn(None) == Turn::Down && leave == Leave::WhenDown {
            break Turn::Down;
        }
    };
    let Runner {
        succeeded,
        failed,
        timed_out,
        ..
    } = boot.runner;
    boot.record(RunlevelEnded {
        runlevel: name,
        succeeded,
        failed,
        timed_out,
    });
    turn
}

/// What a runlevel's scripts are started by.
struct Order<'o, 'p> {
    plan: &'o Plan<'p>,
    runlevel: &'o Runlevel,
    scripts: &'o [Script],
    previous: u8,
}

/// Starts whatever may start now.
fn start_ready<M: Machine>(boot: &mut Boot<'_, M>, order: &Order<'_, '_>) {
    let parallel = match order.plan.settings().parallel.get() {
        0 => SCRIPTS_RUNNING_MAX,
        limit => usize::from(limit).min(SCRIPTS_RUNNING_MAX),
    };
    loop {
        let mut started = false;
        let level = first_level_left(boot, order);
        for (index, script) in order.scripts.iter().enumerate() {
            if boot.runner.state(index) != State::Waiting {
                continue;
            }
            if order.plan.settings().policy() == Policy::Levels && script.level.get() > level {
                break;
            }
            if boot.runner.running.len() >= parallel || console_is_taken(boot, order) {
                return;
            }
            if !is_ready(boot, order, script) {
                continue;
            }
            if script.mode() == ScriptMode::Interactive && !boot.runner.running.is_empty() {
                // It wants the console for itself: nobody starts until the others have ended.
                return;
            }
            start(boot, order, index, script);
            started = true;
        }
        // One that could not be started has ended at once, and may have made others ready.
        if !started || !boot.runner.running.is_empty() {
            return;
        }
    }
}

/// The level of the first script that has not ended.
fn first_level_left<M: Machine>(boot: &Boot<'_, M>, order: &Order<'_, '_>) -> u16 {
    let left = |index: usize| boot.runner.state(index) != State::Done;
    let first = order
        .scripts
        .iter()
        .enumerate()
        .find(|(index, _)| left(*index));
    first.map_or(u16::MAX, |(_, script)| script.level.get())
}

fn console_is_taken<M: Machine>(boot: &Boot<'_, M>, order: &Order<'_, '_>) -> bool {
    let mode = |running: &Running| order.scripts.get(running.script).map(Script::mode);
    boot.runner
        .running
        .iter()
        .any(|running| mode(running) == Some(ScriptMode::Interactive))
}

fn is_ready<M: Machine>(boot: &Boot<'_, M>, order: &Order<'_, '_>, script: &Script) -> bool {
    order.plan.settings().policy() == Policy::Levels
        || order.plan.edges_of(script).iter().all(|edge| {
            let awaited = boot.runner.index(edge.awaited.get());
            awaited.is_none_or(|awaited| boot.runner.state(awaited) == State::Done)
        })
}

fn start<M: Machine>(boot: &mut Boot<'_, M>, order: &Order<'_, '_>, index: usize, script: &Script) {
    let number = boot.runner.first + u32::try_from(index).unwrap_or(0);
    let name = order.plan.text(script.name);
    let argument = match order.runlevel.argument() {
        Argument::Start => "start",
        Argument::Stop => "stop",
    };
    let (runlevel, previous) = (char::from(order.runlevel.name), char::from(order.previous));
    let path: Text = text(format_args!("/etc/init.d/{name}"));
    let level: Text = text(format_args!("RUNLEVEL={runlevel}"));
    let level_of_rc: Text = text(format_args!("runlevel={runlevel}"));
    let previous_level: Text = text(format_args!("PREVLEVEL={previous}"));
    let previous_of_rc: Text = text(format_args!("previous={previous}"));
    let spawn = Spawn {
        program: Program::Path(&path),
        arguments: &[&path, argument],
        // As sysvinit's init and Debian's /etc/init.d/rc leave it.
        environment: &[
            "PATH=/sbin:/usr/sbin:/bin:/usr/bin",
            "TERM=linux",
            "INIT_VERSION=sysvinit-3.06",
            "CONSOLE=/dev/console",
            &level,
            &previous_level,
            &level_of_rc,
            &previous_of_rc,
        ],
        place: Place::Here,
        streams: match script.mode() {
            ScriptMode::Parallel => Streams::Captured,
            ScriptMode::Interactive => Streams::Console,
        },
        oom_score: 0,
        on_panic: OnPanic::Leave,
    };
    let since = boot.machine.now();
    let spawned = boot.machine.spawn(&spawn);
    let mut name_of_runlevel = [0; 4];
    boot.record(ScriptStarted {
        script: number,
        name,
        runlevel: runlevel.encode_utf8(&mut name_of_runlevel),
        level: script.level.get(),
        argument,
        pid: spawned.map_or(0, |spawned| spawned.pid),
        waited_for: boot.runner.last_ended,
    });
    match spawned {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Script(number));
            let limit = u64::from(script.deadline_ms.get()) * MILLISECOND_NS;
            let due = (limit > 0).then(|| since.saturating_add(limit));
            let (child, patience) = (spawned.child, Patience::Waiting);
            set(boot, index, State::Running);
            // There is room: `start_ready` counts.
            let _ = boot.runner.running.push(Running {
                script: index,
                child,
                since,
                due,
                patience,
            });
        }
        Err(errno) => {
            let end = ScriptEnd::NotStarted;
            close(
                boot,
                index,
                Closing {
                    end,
                    status: errno.0,
                    since,
                    used: None,
                },
            );
        }
    }
}

fn set<M: Machine>(boot: &mut Boot<'_, M>, script: usize, state: State) {
    if let Some(slot) = boot.runner.states.get_mut(script) {
        *slot = state;
    }
}

/// What a script writes is kept up to a bound, and counted beyond it.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, number: u32, bytes: &[u8]) {
    let Some(index) = boot.runner.index(number) else {
        return;
    };
    let Some(total) = boot.runner.output_bytes.get_mut(index) else {
        return;
    };
    let before = *total;
    *total = total.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    if before < SCRIPT_OUTPUT_BYTES_MAX {
        boot.record(Output {
            source: Source::Script,
            script: number,
            bytes,
        });
    }
}

/// A script has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, number: u32, end: End) {
    let Some(index) = boot.runner.index(number) else {
        return;
    };
    let Some(at) = boot
        .runner
        .running
        .iter()
        .position(|running| running.script == index)
    else {
        return;
    };
    let running = boot.runner.running.swap_remove(at);
    let (kind, status) = match (running.patience, end.status) {
        (Patience::Waiting, Status::Exited(code)) => (ScriptEnd::Exited, code),
        (Patience::Waiting, Status::Signalled(signal)) => (ScriptEnd::Signalled, signal),
        (Patience::Asked, _) => (ScriptEnd::TimedOut, 15),
        (Patience::Killed, _) => (ScriptEnd::TimedOut, 9),
    };
    let status = u16::from(status);
    let closing = Closing {
        end: kind,
        status,
        since: running.since,
        used: Some(end),
    };
    close(boot, index, closing);
}

/// How a script is closed.
struct Closing {
    end: ScriptEnd,
    status: u16,
    since: Nanoseconds,
    used: Option<End>,
}

/// Records the end of a script and lets those behind it start.
fn close<M: Machine>(boot: &mut Boot<'_, M>, index: usize, closing: Closing) {
    let Some(plan) = boot.plan else { return };
    let number = boot.runner.first + u32::try_from(index).unwrap_or(0);
    let Some(script) = plan.scripts().get(number as usize) else {
        return;
    };
    let name = plan.text(script.name);
    let output_bytes = boot.runner.output_bytes.get(index).copied().unwrap_or(0);
    if let Some(beyond) = output_bytes
        .checked_sub(SCRIPT_OUTPUT_BYTES_MAX)
        .filter(|&b| b > 0)
    {
        boot.record(Lost {
            what: "output",
            count: u64::from(beyond),
            script: Some(number),
        });
    }
    let took_ns = boot.machine.now().saturating_sub(closing.since);
    boot.record(ScriptEnded {
        script: number,
        name,
        end: closing.end,
        status: closing.status,
        took_ns,
        user_ns: closing.used.map_or(0, |end| end.user_ns),
        system_ns: closing.used.map_or(0, |end| end.system_ns),
        memory_kib: closing.used.map_or(0, |end| end.memory_kib),
        output_bytes: u64::from(output_bytes),
    });
    set(boot, index, State::Done);
    boot.runner.last_ended = Some(number);
    let runner = &mut boot.runner;
    match closing.end {
        ScriptEnd::Exited if closing.status == 0 => {
            runner.succeeded += 1;
            return;
        }
        ScriptEnd::TimedOut | ScriptEnd::Abandoned => runner.timed_out += 1,
        _ => runner.failed += 1,
    }
    judge(boot, name, script, &closing);
}

/// A script that hung, or a critical one that failed, degrades the boot.
fn judge<M: Machine>(boot: &mut Boot<'_, M>, name: &str, script: &Script, closing: &Closing) {
    let status = closing.status;
    let what: Text = match closing.end {
        ScriptEnd::Exited => text(format_args!("script {name} exit {status}")),
        ScriptEnd::Signalled => text(format_args!("script {name} signal {status}")),
        ScriptEnd::TimedOut => text(format_args!("script {name} timed out")),
        ScriptEnd::NotStarted => text(format_args!("script {name} not started, errno {status}")),
        ScriptEnd::Abandoned => text(format_args!("script {name} hangs and cannot be killed")),
    };
    let hung = matches!(closing.end, ScriptEnd::TimedOut | ScriptEnd::Abandoned);
    if hung || script.weight() == Weight::Critical {
        boot.verdict.degrade(format_args!("{what}"));
        boot.alarm(format_args!("{what}"));
    } else {
        boot.milestone(format_args!("{what}"));
    }
}

/// Deadlines that have come: SIGTERM, then SIGKILL, then the boot goes on without it.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    let mut at = 0;
    while let Some(running) = boot.runner.running.get_mut(at) {
        if running.due.is_none_or(|due| due > now) {
            at += 1;
            continue;
        }
        let child = running.child;
        let (how, next) = match running.patience {
            Patience::Waiting => (Kill::Term, Some((Patience::Asked, TERM_GRACE_NS))),
            Patience::Asked => (Kill::Kill, Some((Patience::Killed, KILL_GRACE_NS))),
            Patience::Killed => (Kill::Kill, None),
        };
        if let Some((patience, grace)) = next {
            running.patience = patience;
            running.due = Some(now.saturating_add(grace));
            at += 1;
            let _ = boot.machine.kill(child, how);
            continue;
        }
        let running = boot.runner.running.swap_remove(at);
        let end = ScriptEnd::Abandoned;
        close(
            boot,
            running.script,
            Closing {
                end,
                status: 9,
                since: running.since,
                used: None,
            },
        );
    }
}
