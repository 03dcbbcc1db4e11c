//! The frozen order, run in parallel: which script may start when.
//!
//! A script is started when its policy lets it: all of the level before have ended (`levels`), or those it is ordered
//! after have (`edges`). Interactive scripts run alone, on the console. No script can hold the boot, for each
//! has its deadline ([`crate::script`]). How a script ends never stops another from starting, as with startpar.

use heapless::Vec;
use preroot_plan::limits::SCRIPTS_PER_RUNLEVEL_MAX;
use preroot_plan::{Argument, Plan, Policy, Runlevel, Script, ScriptMode};
use preroot_record::{Meaning, RunlevelBegan, RunlevelEnded, ScriptEnd};

use crate::core::{Boot, Turn};
use crate::limits::{SCRIPT_OUTPUT_BYTES_MAX, SCRIPTS_RUNNING_MAX};
use crate::machine::{Child, Machine, Nanoseconds};
use crate::script::{self, Started};
use crate::tails::Tails;

/// How far a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    #[default]
    Waiting,
    Running,
    Done,
}

/// What has been done to one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Its deadline has not come.
    Waiting,
    /// It got SIGTERM.
    Asked,
    /// It got SIGKILL.
    Killed,
}

/// A script that runs. Its number is its place in the runlevel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Running {
    pub(crate) script: usize,
    pub(crate) child: Child,
    pub(crate) since: Nanoseconds,
    /// When patience ends; `None`: never.
    pub(crate) due: Option<Nanoseconds>,
    pub(crate) patience: Patience,
}

/// What a script has written, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written {
    /// All of it.
    pub(crate) all: u64,
    /// What is not in the record.
    pub(crate) beyond: u64,
}

/// The scripts of the runlevel that is being run.
#[derive(Debug)]
pub(crate) struct Runner {
    /// Its letter.
    pub(crate) runlevel: u8,
    /// The one before it.
    pub(crate) previous: u8,
    /// What its scripts are asked to do.
    pub(crate) argument: Argument,
    /// The number in the plan of its first script.
    first: u32,
    states: Vec<State, SCRIPTS_PER_RUNLEVEL_MAX>,
    written: Vec<Written, SCRIPTS_PER_RUNLEVEL_MAX>,
    running: Vec<Running, SCRIPTS_RUNNING_MAX>,
    /// The end of what those write that write too much.
    pub(crate) tails: Tails,
    /// The script that ended last: what let the next ones start.
    pub(crate) last_ended: Option<u32>,
    succeeded: u32,
    skipped: u32,
    failed: u32,
    timed_out: u32,
}

impl Default for Runner {
    fn default() -> Runner {
        Runner {
            runlevel: b'N',
            previous: b'N',
            argument: Argument::Start,
            first: 0,
            states: Vec::new(),
            written: Vec::new(),
            running: Vec::new(),
            tails: Tails::default(),
            last_ended: None,
            succeeded: 0,
            skipped: 0,
            failed: 0,
            timed_out: 0,
        }
    }
}

impl Runner {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        self.running.iter().filter_map(|running| running.due).min()
    }

    fn state(&self, script: usize) -> State {
        self.states.get(script).copied().unwrap_or(State::Done)
    }

    fn set(&mut self, script: usize, state: State) {
        if let Some(slot) = self.states.get_mut(script) {
            *slot = state;
        }
    }

    /// A script's number in the plan.
    pub(crate) fn number(&self, index: usize) -> u32 {
        self.first
            .saturating_add(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// A script's place in the runlevel; `None`: it is in another one.
    fn index(&self, number: u32) -> Option<usize> {
        let index = number.checked_sub(self.first)? as usize;
        (index < self.states.len()).then_some(index)
    }

    /// Those that run.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Running> {
        self.running.iter()
    }

    /// Whether no script runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
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

    /// A script was started. There is room: `start_ready` counts.
    pub(crate) fn began(&mut self, running: Running) {
        self.set(running.script, State::Running);
        let _ = self.running.push(running);
    }

    /// Takes a script off those that run.
    pub(crate) fn ended(&mut self, number: u32) -> Option<Running> {
        let index = self.index(number)?;
        let is_it = |running: &Running| running.script == index;
        let at = self.running.iter().position(is_it)?;
        Some(self.running.swap_remove(at))
    }

    /// Counts a script as ended, and lets those behind it start.
    pub(crate) fn close(&mut self, index: usize, end: ScriptEnd, status: u16) {
        self.set(index, State::Done);
        self.last_ended = Some(self.number(index));
        let counter = match (end, script::meaning(end, status)) {
            (ScriptEnd::TimedOut | ScriptEnd::Abandoned, _) => &mut self.timed_out,
            (_, Meaning::Done) => &mut self.succeeded,
            (_, Meaning::Skipped) => &mut self.skipped,
            (_, Meaning::Failed) => &mut self.failed,
        };
        *counter += 1;
    }

    /// A script whose patience has ended.
    pub(crate) fn overdue(&self, now: Nanoseconds) -> Option<Running> {
        let is_due = |running: &&Running| running.due.is_some_and(|due| due <= now);
        self.running.iter().find(is_due).copied()
    }

    /// What a script's deadline comes to next.
    pub(crate) fn set_patience(&mut self, script: usize, patience: Patience, due: Nanoseconds) {
        let is_it = |running: &&mut Running| running.script == script;
        if let Some(running) = self.running.iter_mut().find(is_it) {
            running.patience = patience;
            running.due = Some(due);
        }
    }

    /// Counts what a script has written, and says what becomes of it.
    pub(crate) fn count_output(&mut self, number: u32, bytes: usize) -> Option<Keep> {
        let index = self.index(number)?;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let written = self.written.get_mut(index)?;
        let is_kept = written.all < SCRIPT_OUTPUT_BYTES_MAX;
        written.all = written.all.saturating_add(bytes);
        if is_kept {
            return Some(Keep::Whole);
        }
        written.beyond = written.beyond.saturating_add(bytes);
        (self.state(index) == State::Running).then_some(Keep::Tail)
    }

    /// What a script has written.
    pub(crate) fn written(&self, number: u32) -> Written {
        let index = self.index(number);
        let written = index.and_then(|index| self.written.get(index));
        written.copied().unwrap_or_default()
    }
}

/// What is kept of a piece of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All of it.
    Whole,
    /// Perhaps its end, should nothing follow.
    Tail,
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
        runlevel: runlevel.name,
        previous,
        argument: runlevel.argument(),
        first: runlevel.first_script.get(),
        ..Runner::default()
    };
    // The plan's check has bounded their number.
    let _ = boot.runner.states.resize(scripts.len(), State::Waiting);
    let _ = boot
        .runner
        .written
        .resize(scripts.len(), Written::default());
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
        skipped,
        failed,
        timed_out,
        ..
    } = boot.runner;
    boot.record(RunlevelEnded {
        runlevel: name,
        succeeded,
        failed,
        timed_out,
        skipped: Some(skipped),
    });
    turn
}

/// What a runlevel's scripts are started by.
pub(crate) struct Order<'o, 'p> {
    pub(crate) plan: &'o Plan<'p>,
    pub(crate) runlevel: &'o Runlevel,
    scripts: &'o [Script],
}

impl Order<'_, '_> {
    /// What the scripts are asked to do.
    pub(crate) fn argument(&self) -> &'static str {
        match self.runlevel.argument() {
            Argument::Start => "start",
            Argument::Stop => "stop",
        }
    }
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
            if script::start(boot, order, index, script) == Started::NoRoom {
                return;
            }
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
