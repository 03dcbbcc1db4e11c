//! `bootlog critical-path`: what decided how long the order took, and what the other policy would have made of it.
//!
//! Every script is recorded with the one whose end let it start, so the path is walked back from the script that ended
//! last. With the plan of the boot, each wait is given its reason, and the order is run again under both policies with
//! the times that its scripts took.

mod page;
pub mod plan;
mod simulate;

use std::collections::HashMap;

use preroot_plan::{Plan, Policy, Runlevel as Planned, ScriptMode};
use serde::Serialize;

use crate::model::{Boot, Runlevel, Script, ScriptEnd};

pub use self::page::page;
use self::simulate::Job;

/// The paths of a boot, one for each runlevel that it ran.
#[derive(Debug, Clone, Serialize)]
pub struct CriticalPath {
    /// From the kernel's start to PID 1's.
    pub kernel_ns: Option<u64>,
    /// From there to the first runlevel, waits for a person in it.
    pub stages_ns: Option<u64>,
    /// Time spent waiting for a person.
    pub held_ns: u64,
    /// `stages_ns` without what of it went by waiting for a person.
    pub preroot_ns: Option<u64>,
    /// In the order they ran.
    pub runlevels: Vec<RunlevelPath>,
}

/// The path of one runlevel.
#[derive(Debug, Clone, Serialize)]
pub struct RunlevelPath {
    /// `S`, `2`, `0`, `6`.
    pub runlevel: String,
    /// The policy it ran by: `levels` or `edges`.
    pub policy: String,
    /// How long it took; `null` when it did not end.
    pub took_ns: Option<u64>,
    /// The path, first script first.
    pub steps: Vec<Step>,
    /// Whether the path is whole: no frame that it leads through is lost.
    pub is_whole: bool,
    /// What the policies make of it; `null` without the plan, or when a script's time is not known.
    pub what_if: Option<WhatIf>,
}

/// A script on the path.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Its name.
    pub script: String,
    /// Its level.
    pub level: u16,
    /// When it was started.
    pub at_ns: Option<u64>,
    /// How long it took; `null` when it has not ended.
    pub took_ns: Option<u64>,
    /// From the end of the one before to its start.
    pub delay_ns: Option<u64>,
    /// Why it waited for the one before.
    pub wait: Wait,
}

/// Why a script waited for the one before it on the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum Wait {
    /// It did not wait.
    First,
    /// Headers order it so: each line is one edge of the chain, with its reason.
    Ordered {
        /// `ssh after rsyslog: Required-Start ...`
        chain: Vec<String>,
    },
    /// Nothing orders the two: it is in a later level.
    Level,
    /// Nothing orders the two: one of them runs alone, on the console.
    Alone,
    /// Nothing orders the two: as many ran as may run at once.
    Parallel,
    /// Without the plan nobody knows.
    Unknown,
}

/// What the policies would have made of the times that the scripts took.
#[derive(Debug, Clone, Serialize)]
pub struct WhatIf {
    /// By levels.
    pub levels: Course,
    /// By edges.
    pub edges: Course,
}

/// An order that was run again.
#[derive(Debug, Clone, Serialize)]
pub struct Course {
    /// How long it takes, the time to start scripts not counted.
    pub took_ns: u64,
    /// The scripts on its critical path, first one first.
    pub path: Vec<String>,
}

/// The paths of a boot. `plan` is the one that it was made with.
#[must_use]
pub fn critical_path(boot: &Boot, plan: Option<&Plan<'_>>) -> CriticalPath {
    let path = |runlevel| RunlevelPath::of(boot, runlevel, plan);
    let kernel_ns = boot.identity.as_ref().and_then(|known| known.exec_ns);
    let first_ns = boot.runlevels.first().map(|runlevel| runlevel.at_ns);
    let stages_ns = first_ns.and_then(|first| first.checked_sub(kernel_ns?));
    let held_before = first_ns.map_or(0, |first| boot.held_until(first));
    CriticalPath {
        kernel_ns,
        stages_ns,
        held_ns: boot.held_ns,
        preroot_ns: stages_ns.map(|stages| stages.saturating_sub(held_before)),
        runlevels: boot.runlevels.iter().map(path).collect(),
    }
}

/// The scripts of one run of a runlevel.
struct Scripts<'b> {
    all: Vec<&'b Script>,
    by_number: HashMap<u32, &'b Script>,
}

impl<'b> Scripts<'b> {
    fn of(boot: &'b Boot, runlevel: &Runlevel) -> Scripts<'b> {
        let members = runlevel.members.iter();
        let all: Vec<&Script> = members.filter_map(|&run| boot.scripts.get(run)).collect();
        let by_number = all.iter().map(|script| (script.number, *script)).collect();
        Scripts { all, by_number }
    }

    fn by_number(&self, number: u32) -> Option<&'b Script> {
        self.by_number.get(&number).copied()
    }

    /// The one that ended last. One that has not ended comes after all that have.
    fn last(&self) -> Option<&'b Script> {
        let end = |script: &&&Script| end_ns(script).unwrap_or(u64::MAX);
        self.all.iter().max_by_key(end).copied()
    }
}

fn end_ns(script: &Script) -> Option<u64> {
    Some(script.at_ns?.saturating_add(script.took_ns?))
}

impl RunlevelPath {
    fn of(boot: &Boot, runlevel: &Runlevel, plan: Option<&Plan<'_>>) -> RunlevelPath {
        let scripts = Scripts::of(boot, runlevel);
        let planned = plan.and_then(|plan| {
            let name = runlevel.runlevel.bytes().next()?;
            Some((plan, plan.runlevel(name)?))
        });
        let mut steps = Vec::new();
        let mut is_whole = true;
        let mut current = scripts.last();
        while let Some(script) = current {
            let before = script
                .waited_for
                .and_then(|number| scripts.by_number(number));
            // Whom it waited for had ended before it started; what a damaged record says otherwise leads nowhere.
            let ended =
                |before: &&Script| end_ns(before).is_some_and(|end| Some(end) <= script.at_ns);
            let before = before.filter(ended);
            is_whole = script.waited_for.is_none() || before.is_some();
            steps.push(step(script, before, planned));
            current = before.filter(|_| steps.len() < scripts.all.len());
        }
        steps.reverse();
        RunlevelPath {
            runlevel: runlevel.runlevel.clone(),
            policy: runlevel.policy.clone(),
            took_ns: runlevel.took_ns,
            steps,
            is_whole: is_whole && !scripts.all.is_empty(),
            what_if: planned.and_then(|(plan, planned)| what_if(&scripts, plan, planned)),
        }
    }
}

fn step(script: &Script, before: Option<&Script>, planned: Option<(&Plan<'_>, &Planned)>) -> Step {
    let delay_ns = before.and_then(|before| script.at_ns?.checked_sub(end_ns(before)?));
    let wait = match (script.waited_for, before, planned) {
        (None, _, _) => Wait::First,
        (Some(_), Some(before), Some((plan, planned))) => wait(script, before, plan, planned),
        _ => Wait::Unknown,
    };
    Step {
        script: script.name.clone(),
        level: script.level,
        at_ns: script.at_ns,
        took_ns: (script.end != ScriptEnd::Unfinished)
            .then_some(script.took_ns)
            .flatten(),
        delay_ns,
        wait,
    }
}

fn wait(script: &Script, before: &Script, plan: &Plan<'_>, planned: &Planned) -> Wait {
    let first = planned.first_script.get();
    let place = |script: &Script| script.number.checked_sub(first).map(|place| place as usize);
    let (Some(waiter), Some(awaited)) = (place(script), place(before)) else {
        return Wait::Unknown;
    };
    let scripts = plan.scripts_of(planned);
    let name = |place: usize| {
        scripts
            .get(place)
            .map_or("", |script| plan.text(script.name))
    };
    if let Some(chain) = plan.chain(planned, waiter, awaited) {
        let line = |link: &preroot_plan::Link<'_>| {
            let reason = plan.text(link.edge.reason);
            format!(
                "{} after {}: {reason}",
                name(link.waiter),
                name(link.awaited)
            )
        };
        return Wait::Ordered {
            chain: chain.iter().map(line).collect(),
        };
    }
    let is_alone = |place: usize| {
        let script = scripts.get(place);
        script.is_some_and(|script| script.mode() == ScriptMode::Interactive)
    };
    if is_alone(waiter) || is_alone(awaited) {
        Wait::Alone
    } else if plan.settings().policy() == Policy::Levels && script.level > before.level {
        Wait::Level
    } else {
        Wait::Parallel
    }
}

/// Runs the order again by both policies; `None` when a script's time is not known.
fn what_if(scripts: &Scripts<'_>, plan: &Plan<'_>, planned: &Planned) -> Option<WhatIf> {
    let first = planned.first_script.get();
    let job = |(place, script): (usize, &preroot_plan::Script)| {
        let number = first.checked_add(u32::try_from(place).ok()?)?;
        let recorded = scripts.by_number(number)?;
        let awaited = |edge: &preroot_plan::Edge| edge.awaited.get().checked_sub(first);
        let after = plan.edges_of(script).iter().filter_map(awaited);
        Some(Job {
            level: script.level.get(),
            after: after.map(|place| place as usize).collect(),
            is_interactive: script.mode() == ScriptMode::Interactive,
            took_ns: recorded.took_ns?,
        })
    };
    let all = plan.scripts_of(planned);
    let jobs = all
        .iter()
        .enumerate()
        .map(job)
        .collect::<Option<Vec<Job>>>()?;
    let parallel = match plan.settings().parallel.get() {
        0 => usize::MAX,
        limit => usize::from(limit),
    };
    let course = |policy| {
        let runs = simulate::run(&jobs, policy, parallel);
        let mut path = Vec::new();
        let mut at = (0..runs.len()).max_by_key(|&place| runs.get(place).map(|run| run.end_ns));
        while let Some(place) = at {
            path.push(
                all.get(place)
                    .map_or("", |script| plan.text(script.name))
                    .to_string(),
            );
            at = runs.get(place).and_then(|run| run.behind);
        }
        path.reverse();
        Course {
            took_ns: runs.iter().map(|run| run.end_ns).max().unwrap_or(0),
            path,
        }
    };
    Some(WhatIf {
        levels: course(Policy::Levels),
        edges: course(Policy::Edges),
    })
}
