//! The boot core: one boot as stages over a [`Machine`], without IO, without a heap.
//!
//! Everything here is tested on the host against a fake machine. This crate never names `sys`.
//!
//! Invariants:
//! - If [`run`] returns, the kernel has refused to end the machine. Nothing else ends a boot.
//! - If a call of the machine fails, the boot goes on or waits for a person in rescue.
//! - If a stage waits, everything else still reacts: there is one wait, in `core`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod array;
mod assembly;
mod born;
pub mod by_path;
mod changes;
mod check;
mod command_line;
mod console;
mod control;
mod core;
mod early;
mod fsck;
mod glob;
pub mod groups;
mod handover;
mod hardware;
mod health;
mod holders;
mod init_request;
pub mod inventory;
mod keeper;
mod kernel_log;
pub mod limits;
pub mod machine;
mod modules;
mod mount;
pub mod net;
mod network;
pub mod parameters;
mod patience;
mod pivot;
mod policy;
mod pstore;
mod recorder;
mod rescue;
mod respawn;
pub mod roles;
mod root;
mod runner;
mod script;
mod seal;
mod services;
mod session_lines;
mod sessions;
mod shutdown;
pub mod sshd;
pub mod sshd_recipe;
mod stage;
mod start;
mod step;
mod syslog;
mod tails;
mod task;
mod text;
mod uevent;
mod verdict;
pub mod volume;
mod watchdog;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use ::core::str;
use preroot_plan::Plan;
use preroot_record::{Note, Outcome, StageBegan, StageEnded};

use crate::core::{Boot, RootPlace};
use crate::limits::{COMMAND_LINE_BYTES_MAX, COMMAND_LINE_ROOM_BYTES};
use crate::machine::{Errno, Machine, Pid1};
use crate::rescue::Waited;
use crate::runner::Leave;
pub use crate::stage::Stage;
use crate::stage::{Edge, Next};
pub use crate::step::{Failed, Step};

/// Where PID 1 was started from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An initramfs: nothing of the root is mounted.
    Initramfs,
    /// The root itself, which the kernel had mounted: it is at /newroot.
    InPlace,
}

/// Boots. `plan` is what stands in /etc/preroot/plan; what is wrong with it is recorded, and the boot ends in
/// rescue with built-in defaults. `command_line` is where the kernel command line is kept, and what an operator puts over
/// it.
pub fn run<M: Machine>(
    machine: &mut M,
    pid1: &Pid1,
    plan: &[u8],
    command_line: &mut [u8; COMMAND_LINE_ROOM_BYTES],
    origin: Origin,
) -> Errno {
    let exec_ns = machine.now();
    let checked = Plan::check(plan);
    let mut boot = Boot::new(machine, pid1, checked.ok());
    if origin == Origin::InPlace {
        boot.root_place = RootPlace::NewRoot;
    }
    // The kernel's own file systems come first: the command line and the boot's name are read there.
    let began = early::run(&mut boot);
    let (line, said) = command_line.split_at_mut(COMMAND_LINE_BYTES_MAX);
    boot.said_room = said;
    let length = boot.machine.read_file("/proc/cmdline", line).unwrap_or(0);
    let line = line
        .get(..length)
        .and_then(|bytes| str::from_utf8(bytes).ok());
    let line = line.unwrap_or_default().trim_ascii();
    born::wind_clock(&mut boot);
    born::announce(&mut boot, exec_ns, line, checked.err());
    early::apply(&mut boot, line);
    watchdog::begin(&mut boot);
    if origin == Origin::InPlace {
        // It named us.
        boot.command_line.init = None;
        boot.record(Note {
            text: "in place: the kernel had mounted the root",
        });
    }
    let born = match checked {
        Ok(_) => Next::Done,
        Err(_) => Next::Failed(Failed::plain(Step::Plan)),
    };
    let mut stage = walk(&mut boot, Stage::Born, born);
    if stage == Some(Stage::Early) {
        stage = walk(&mut boot, Stage::Early, began);
    }
    while let Some(current) = stage {
        stage = enter(&mut boot, current);
    }
    let request = boot.down.unwrap_or(shutdown::Request {
        how: machine::Power::Reboot,
        who: "operator",
    });
    shutdown::run(&mut boot, request)
}

/// Runs the scripts of one runlevel on a root that is / already, with nothing of a boot around it but the control
/// groups: what a bench holds beside other runners. `None`: the plan has no such runlevel.
pub fn run_runlevel<M: Machine>(
    machine: &mut M,
    pid1: &Pid1,
    plan: Plan<'_>,
    name: u8,
) -> Option<()> {
    let runlevel = plan.runlevel(name)?;
    let mut boot = Boot::new(machine, pid1, Some(plan));
    boot.groups = groups::mount(boot.machine);
    groups::begin(&mut boot);
    let _ = runner::run(&mut boot, &plan, runlevel, b'N', Leave::Never);
    groups::end(&mut boot);
    Some(())
}

/// Holds before a stage if that was asked, then runs it. The stage after it, or `None`: down.
fn enter<M: Machine>(boot: &mut Boot<'_, M>, stage: Stage) -> Option<Stage> {
    boot.stage = stage;
    boot.stage_since = boot.machine.now();
    // The first two stages read the command line: who asks to be held before them is held after.
    let is_held = |hold: &Stage| hold.number() <= stage.number();
    if boot.command_line.hold.iter().any(is_held) {
        boot.command_line.hold.retain(|hold| !is_held(hold));
        match rescue::hold(boot, stage) {
            Waited::Down => return None,
            Waited::Decided(decided) if decided != stage => return Some(decided),
            Waited::Decided(_) => {}
        }
    }
    boot.stage_since = boot.machine.now();
    boot.record(StageBegan {
        stage: stage.name(),
    });
    if boot.command_line.test_panic == Some(stage) {
        panic!("preroot.test=panic:{}", stage.name());
    }
    while boot.command_line.test_hang == Some(stage) {
        ::core::hint::spin_loop();
    }
    spin(boot.command_line.test_spin, stage);
    let next = run_stage(boot, stage);
    walk(boot, stage, next)
}

/// Computes for a while, if that was asked for in this stage.
fn spin(asked: Option<(Stage, u32)>, stage: Stage) {
    if let Some((_, turns)) = asked.filter(|(spun, _)| *spun == stage) {
        for turn in 0..turns {
            ::core::hint::black_box(turn);
        }
    }
}

fn run_stage<M: Machine>(boot: &mut Boot<'_, M>, stage: Stage) -> Next {
    match stage {
        // Both are behind us before there is a record to hold them in; see `run`.
        Stage::Born | Stage::Early => Next::Done,
        Stage::Modules => modules::run(boot),
        Stage::Network => network::run(boot),
        Stage::Sshd => policy::run(boot),
        Stage::Hardware => hardware::run(boot),
        Stage::Root => root::run(boot),
        Stage::Fsck => fsck::run(boot),
        Stage::Mount => mount::run(boot),
        Stage::Pivot => pivot::run(boot),
        Stage::Start => start::run(boot),
        Stage::Seal => seal::run(boot),
        Stage::Stay => services::run(boot),
    }
}

fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::GoOn => "failed, going on",
        Outcome::Rescue => "failed, rescue",
        Outcome::Skipped => "skipped",
    }
}

/// Records how a stage ended and follows its edge.
fn walk<M: Machine>(boot: &mut Boot<'_, M>, stage: Stage, next: Next) -> Option<Stage> {
    let (outcome, failed) = match (next, stage.edge()) {
        (Next::Done, _) => (Outcome::Done, None),
        (Next::Down, _) => (Outcome::Skipped, None),
        (Next::Failed(failed), Edge::GoOn) => (Outcome::GoOn, Some(failed)),
        (Next::Failed(failed), Edge::Rescue) => (Outcome::Rescue, Some(failed)),
    };
    boot.record(StageEnded {
        stage: stage.name(),
        outcome,
        step: failed.map_or(0, |failed| failed.step.number()),
        step_name: failed.map_or("", |failed| failed.step.words()),
        errno: failed.map_or(0, |failed| failed.errno.0),
    });
    // pstore keeps the end of the kernel's log: how far a boot that died had come.
    let line = text::text::<40>(format_args!("{}: {}", stage.name(), words(outcome)));
    boot.machine.say(machine::Loudness::Trace, &line);
    keeper::milestone(boot);
    match (outcome, failed) {
        (Outcome::Skipped, _) => None,
        (Outcome::Rescue, Some(failed)) => match rescue::rescue(boot, stage, failed) {
            Waited::Down => None,
            Waited::Decided(stage) => Some(stage),
        },
        (_, failed) => {
            if let Some(failed) = failed {
                let (words, errno) = (failed.step.words(), failed.errno.0);
                boot.verdict
                    .degrade(format_args!("{}: {words}", stage.name()));
                boot.alarm(format_args!("{}: {words}: errno {errno}", stage.name()));
            }
            stage.next()
        }
    }
}
