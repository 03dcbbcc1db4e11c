//! `run-order PLAN RUNLEVEL`: runs the scripts of one runlevel as PID 1 does, without a boot around it.
//!
//! What `cargo xtask bench` holds beside startpar and rc: the very runner, machine and record of PID 1, in a
//! root, mount and pid namespace of their own. It mounts /run and starts the init scripts of whatever
//! root it sees: do not run it elsewhere.
//!
//! Exit codes: 0 done, 1 the plan is refused or has no such runlevel, 100 usage, 111 it cannot be read.

use std::process::ExitCode;

use preroot_boot::machine::{Channel, EarlyMount, Machine, Pid1};
use preroot_init::in_place::Life;
use preroot_init::linux::{Linux, Memory};
use preroot_init::statics;
use preroot_plan::Plan;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let [_, path, runlevel] = words.as_slice() else {
        eprintln!("usage: run-order PLAN RUNLEVEL");
        return ExitCode::from(100);
    };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("{path}: {error}");
            return ExitCode::from(111);
        }
    };
    let plan = match Plan::check(&bytes) {
        Ok(plan) => plan,
        Err(error) => {
            eprintln!("{path}: {error}");
            return ExitCode::from(1);
        }
    };
    let memory = (
        statics::CHILDREN.take(),
        statics::EVENTS.take(),
        statics::EARLY_FRAMES.take(),
    );
    let (Some(children), Some(events), Some(early_frames)) = memory else {
        return ExitCode::from(111);
    };
    let memory = Memory {
        children,
        events,
        early_frames,
    };
    // A script must not find our signals blocked, nor lose those that come meanwhile.
    preroot_sys::signal::block(preroot_sys::signal::Set::ALL);
    let machine = &mut Linux::new(memory, Life::Initramfs);
    if let Err(errno) = machine.mount_early(EarlyMount::Run) {
        eprintln!("/run: errno {}", errno.0);
    }
    // What it does last, taking over ctrl-alt-del, is refused outside of the first pid namespace.
    let _ = machine.listen(Channel::Signals);
    let runlevel = runlevel.bytes().next().unwrap_or_default();
    match preroot_boot::run_runlevel(machine, &Pid1::mint(), plan, runlevel) {
        Some(()) => ExitCode::SUCCESS,
        None => {
            eprintln!("{path}: no runlevel {}", char::from(runlevel));
            ExitCode::from(1)
        }
    }
}
