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
use crate::step::{Failed, Step};
use crate::text::{Text, text};

/// The stage. The first failure is what it hands back.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let mut first = None;
    let mut tried = |step: Step, result: Result<(), Errno>| {
        if let Err(errno) = result {
            first = first.or(Some(Failed { step, errno }));
        }
    };
    let machine = &mut *boot.machine;
    tried(Step::MakeStage, machine.make_stage());
    tried(Step::MountDev, machine.mount_early(EarlyMount::Dev));
    tried(Step::MountProc, machine.mount_early(EarlyMount::Proc));
    tried(Step::MountSys, machine.mount_early(EarlyMount::Sys));
    tried(Step::MountRun, machine.mount_early(EarlyMount::Run));
    // Told when the order begins: a kernel without them boots all the same.
    boot.groups = groups::mount(machine);
    tried(Step::MountPts, machine.mount_early(EarlyMount::Pts));
    tried(Step::RescueRoot, machine.make_rescue_root());
    tried(Step::ListenSignals, machine.listen(Channel::Signals));
    tried(Step::ListenUevents, machine.listen(Channel::Uevents));
    tried(Step::ListenLinks, machine.listen(Channel::Links));
    tried(Step::ListenControl, machine.listen(Channel::Control));
    tried(
        Step::ListenInitRequests,
        machine.listen(Channel::InitRequests),
    );
    first.map_or(Next::Done, Next::Failed)
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
