//! The frozen order beside startpar and rc: the same scripts, the same root, the same run.
//!
//! Ours is `run-order`, the runner, machine and record of PID 1 without a boot around them. Everybody
//! runs in the same chroot with a terminal, in turn, so that noise meets all alike. What is measured
//! is the whole command, from its start until it was reaped.

mod bound;
mod check;
mod dice;
mod freezing;
mod runner;
mod sandbox;
mod server;
mod table;
mod workload;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use preroot_qemu_tests::{Artefacts, Error, files};

use self::bound::{Alone, Entry};
use self::check::Faults;
use self::freezing::Freezing;
use self::runner::Runner;
use self::sandbox::{Left, Sandbox};
use self::table::Times;
use self::workload::{Work, Workload};
use super::Table;

/// What the section in the table is called.
const HEADING: &str = "Frozen order";
/// Rounds in which each runner has its turn.
const ROUNDS: usize = 7;
/// Who took longer than this is not asked again, ms.
const ONCE_MS: f64 = 4000.0;
/// How often one script is run alone.
const ALONE_TIMES: usize = 7;
/// The programs of `peers/` that are needed.
const PROGRAMS: [&str; 3] = ["makespan", "work", "fork-exec"];

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Programs {
    /// The directory with the compiled programs of `peers/`.
    #[arg(long)]
    programs: PathBuf,
    /// The runner of PID 1 as a program of its own.
    #[arg(long)]
    run_order: PathBuf,
}

/// Everything that was measured.
#[derive(Debug)]
struct Figures {
    processors: usize,
    /// The system's load before and after.
    loads: [String; 2],
    workloads: Vec<Measured>,
    freezing: Freezing,
}

/// A workload.
#[derive(Debug)]
struct Measured {
    workload: Workload,
    levels_ms: f64,
    edges_ms: f64,
    rows: Vec<Row>,
}

/// A runner on a workload.
#[derive(Debug)]
struct Row {
    runner: Runner,
    times: Times,
    /// What it did to the order; `None`: nobody looked.
    faults: Option<Faults>,
}

/// Measures everything.
pub(crate) fn run(programs: &Programs, table: &Table) -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let before = load()?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut needed = vec![programs.run_order.clone()];
    needed.extend(PROGRAMS.map(|name| programs.programs.join(name)));
    let sandbox = Sandbox::new(&artefacts, &needed)?;
    eprintln!("measuring in a chroot of the Debian root: leave the machine alone meanwhile");
    let mut workloads = Vec::new();
    for workload in workload::all() {
        eprintln!("  {}", workload.title);
        workloads.push(measure(&artefacts, &sandbox, workload, processors)?);
    }
    let figures = Figures {
        processors,
        workloads,
        freezing: freezing::measure(&artefacts)?,
        loads: [before, load()?],
    };
    table.hand_out(HEADING, &table::text(&figures))
}

/// How many processes wanted to run in the last minute.
fn load() -> Result<String, Error> {
    let loads = files::read_text("/proc/loadavg".as_ref())?;
    Ok(loads.split(' ').next().unwrap_or_default().to_owned())
}

fn measure(
    artefacts: &Artefacts,
    sandbox: &Sandbox,
    workload: Workload,
    processors: usize,
) -> Result<Measured, Error> {
    sandbox.load(&workload)?;
    let order = freeze(artefacts, sandbox, "edges")?;
    freeze(artefacts, sandbox, "levels")?;
    let alone = alone(sandbox, &workload)?;
    let alone = |name: &str| alone.get(name).copied().unwrap_or_default();
    let mut rows: Vec<(Runner, Vec<f64>, Option<Faults>)> = Runner::ALL
        .iter()
        .filter(|runner| runner.is_ordered() || workload.is_unordered())
        .map(|&runner| (runner, Vec::new(), None))
        .collect();
    for _ in 0..ROUNDS {
        for (runner, times, faults) in &mut rows {
            if times.iter().any(|&ms| ms > ONCE_MS) {
                continue;
            }
            let left = sandbox.measure(1, runner.command())?;
            times.extend(left.runs.iter().map(|run| run.wall_ms));
            if let Some(found) = look(*runner, &workload, &order, left)? {
                faults.get_or_insert_default().join(found);
            }
        }
    }
    // Few enough to be exact.
    let cores = processors as f64;
    Ok(Measured {
        levels_ms: bound::levels(&order, &alone, cores),
        edges_ms: bound::edges(&order, &alone, cores),
        rows: rows
            .into_iter()
            .map(|(runner, times, faults)| Row {
                runner,
                times: Times::new(times),
                faults,
            })
            .collect(),
        workload,
    })
}

/// What a run did to the order; `None` when scripts that do nothing leave no log. Ours must have kept it.
fn look(
    runner: Runner,
    workload: &Workload,
    order: &[Entry],
    left: Left,
) -> Result<Option<Faults>, Error> {
    let mut faults = None;
    if !workload.is_empty_work() {
        faults = Some(Faults::in_log(&left.log, order));
    }
    if runner.is_ours() {
        let recorded = Faults::in_record(left.record, order)?;
        faults.get_or_insert_default().join(recorded);
    }
    match faults {
        Some(faults) if runner.is_ours() && !faults.is_empty() => Err(Error::unexpected(format!(
            "{}: {} did not keep the order: {faults}",
            workload.title,
            runner.title()
        ))),
        faults => Ok(faults),
    }
}

/// Freezes what insserv has linked, for one policy; gives the order of runlevel 2.
fn freeze(artefacts: &Artefacts, sandbox: &Sandbox, policy: &str) -> Result<Vec<Entry>, Error> {
    let config = sandbox.path("config.toml");
    // Without limits: those cannot be had in a control group that others are in.
    let text = format!(
        "name = \"bench\"\n[root]\nfind = \"/dev/none\"\n\
         [order]\npolicy = \"{policy}\"\nlimits = \"none\"\nrunlevel = \"2\"\n"
    );
    files::write(&config, text)?;
    let mut freeze = Command::new(&artefacts.preroot);
    freeze.arg("freeze").arg("--config").arg(&config);
    freeze.arg("--root").arg(sandbox.tree()).arg("--json");
    let plan = sandbox.path("mnt").join(format!("{policy}.plan"));
    let json = files::run(freeze.arg("--output").arg(plan))?;
    let mut runlevels: BTreeMap<String, Vec<Entry>> = serde_json::from_slice(&json)
        .map_err(|error| Error::unexpected(format!("preroot freeze --json: {error}")))?;
    runlevels
        .remove("2")
        .ok_or_else(|| Error::unexpected("preroot freeze --json: no runlevel 2"))
}

/// What each script takes alone: the quickest of some runs of one of its kind.
fn alone(sandbox: &Sandbox, workload: &Workload) -> Result<BTreeMap<String, Alone>, Error> {
    let mut kinds: BTreeMap<Work, Alone> = BTreeMap::new();
    let mut alone = BTreeMap::new();
    for script in &workload.scripts {
        let time = match kinds.get(&script.work) {
            Some(time) => *time,
            None => {
                let path = format!("/etc/init.d/{}", script.name);
                let runs = sandbox.measure(ALONE_TIMES, &[&path, "start"])?.runs;
                let wall = runs.iter().map(|run| run.wall_ms).collect();
                let cpu = runs.iter().map(|run| run.cpu_ms).collect();
                let time = Alone {
                    wall_ms: Times::new(wall).least(),
                    cpu_ms: Times::new(cpu).least(),
                };
                kinds.insert(script.work, time);
                time
            }
        };
        alone.insert(script.name.clone(), time);
    }
    Ok(alone)
}
