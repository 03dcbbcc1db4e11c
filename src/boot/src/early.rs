//! The first things: the stage, the early file systems, what PID 1 listens to, the command line.
//!
//! Each step that fails is recorded and the rest still tried: a machine without /dev/pts can still be
//! logged in to.

use preroot_record::Note;

use crate::command_line::CommandLine;
use crate::core::Boot;
use crate::groups;
use crate::machine::{Channel, EarlyMount, Errno, Machine};
use crate::stage::Next;
use crate::step::{At, Failed, Step};
use crate::text::{Text, text};

/// The stage. The first failure is what it hands back.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let mut first = None;
    let mut tried = |step: Step, result: Result<(), Errno>| {
        if let Err(errno) = result {
            first = first.or(Some(Failed { step, errno }));
        }
    };
    for step in STEPS {
        let done = take(boot, step);
        if done.is_err() {
            // There are no more than there is room for.
            let _ = boot.early_missing.push(step);
        }
        tried(step, done);
    }
    let machine = &mut *boot.machine;
    // Told when the order begins: a kernel without them boots all the same.
    boot.groups = groups::mount(machine);
    tried(Step::MountPts, machine.mount_early(EarlyMount::Pts));
    tried(Step::RescueRoot, machine.make_rescue_root());
    tried(Step::ListenSignals, machine.listen(Channel::Signals));
    tried(Step::ListenUevents, machine.listen(Channel::Uevents));
    tried(Step::ListenControl, machine.listen(Channel::Control));
    tried(
        Step::ListenInitRequests,
        machine.listen(Channel::InitRequests),
    );
    first.map_or(Next::Done, Next::Failed)
}

/// What a pivot cannot do without.
pub(crate) const STEPS: [Step; 5] = [
    Step::MakeStage,
    Step::MountDev,
    Step::MountProc,
    Step::MountSys,
    Step::MountRun,
];

fn take<M: Machine>(boot: &mut Boot<'_, M>, step: Step) -> Result<(), Errno> {
    let machine = &mut *boot.machine;
    match step {
        Step::MountDev => machine.mount_early(EarlyMount::Dev),
        Step::MountProc => machine.mount_early(EarlyMount::Proc),
        Step::MountSys => machine.mount_early(EarlyMount::Sys),
        Step::MountRun => machine.mount_early(EarlyMount::Run),
        _ => {
            let ground = machine.ground();
            machine.make_stage(ground)
        }
    }
}

/// Does what failed then, once more: what moves into the root has to be there.
pub(crate) fn mend<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    while let Some(&step) = boot.early_missing.first() {
        take(boot, step).at(step)?;
        boot.early_missing.remove(0);
    }
    Ok(())
}

/// Puts the kernel command line over the plan.
pub(crate) fn apply<'a, M: Machine>(boot: &mut Boot<'a, M>, line: &'a str) {
    boot.command_line = CommandLine::parse(line);
    if let Some(word) = boot.command_line.unreadable {
        let line: Text = text(format_args!(
            "kernel command line: \"{word}\" cannot be read"
        ));
        boot.record(Note { text: &line });
        boot.machine.say(crate::machine::Loudness::Alarm, &line);
        boot.verdict.degrade(format_args!("{word} cannot be read"));
    }
}
