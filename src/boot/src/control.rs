//! The operator's words on the control socket: one datagram, one answer.
//!
//! `status`, `continue`, `retry`, `reboot`, `poweroff`, `halt`. Only root can reach the socket. Words
//! that nobody here knows are answered with those that are known.

use core::fmt::Write;

use heapless::String;
use preroot_record::Operator as Record;

use crate::core::{Boot, RootPlace, is_again};
use crate::fsck::LOG;
use crate::machine::{Machine, Power};
use crate::shutdown;
use crate::stage::Stage;
use crate::step::Failed;

/// Bytes of one command.
const COMMAND_BYTES_MAX: usize = 256;
/// Bytes of one answer.
const ANSWER_BYTES_MAX: usize = 2048;

type Answer = String<ANSWER_BYTES_MAX>;

/// What a person is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Waiting {
    /// Nobody is waited for.
    #[default]
    No,
    /// Before this stage, as `preroot.hold=` asked.
    Held(Stage),
    /// This stage failed.
    Rescue(Stage, Failed),
}

/// What the person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// On with the boot: with the held stage, or the one after that which failed.
    Continue,
    /// The stage that failed once more.
    Retry,
}

/// The person at the other end.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) waiting: Waiting,
    pub(crate) decision: Option<Decision>,
    /// How a request for runlevel 0 is meant.
    pub(crate) halt_as: Power,
    /// Somebody has spoken: nothing reboots by itself any more.
    pub(crate) heard: bool,
}

impl Default for Operator {
    fn default() -> Operator {
        Operator {
            waiting: Waiting::No,
            decision: None,
            halt_as: Power::Off,
            heard: false,
        }
    }
}

/// Takes one datagram.
pub(crate) fn arrived<M: Machine>(boot: &mut Boot<'_, M>) {
    let mut buffer = [0; COMMAND_BYTES_MAX];
    let length = match boot.machine.read_control(&mut buffer) {
        Ok(length) => length,
        Err(errno) if is_again(errno) => return,
        Err(errno) => {
            boot.alarm(format_args!("control socket: errno {}", errno.0));
            return;
        }
    };
    let word = buffer
        .get(..length)
        .and_then(|bytes| core::str::from_utf8(bytes).ok());
    let answer = obey(boot, word.unwrap_or_default().trim_ascii());
    // One who did not wait for the answer does not get it.
    let _ = boot.machine.answer_control(answer.as_bytes());
}

fn obey<M: Machine>(boot: &mut Boot<'_, M>, word: &str) -> Answer {
    let mut answer = Answer::new();
    // An answer that does not fit is cut: every `write!` below may fail for that reason only.
    let _ = match word {
        "status" => status(boot, &mut answer),
        "continue" => decide(boot, Decision::Continue, &mut answer),
        "retry" => decide(boot, Decision::Retry, &mut answer),
        "reboot" => down(boot, Power::Reboot, &mut answer),
        "poweroff" => down(boot, Power::Off, &mut answer),
        "halt" => down(boot, Power::Halt, &mut answer),
        _ => writeln!(
            answer,
            "error: nobody knows that word; known: status continue retry reboot poweroff halt"
        ),
    };
    answer
}

fn note<M: Machine>(boot: &mut Boot<'_, M>, what: &str) {
    boot.operator.heard = true;
    let stage = boot.stage.name();
    boot.record(Record { what, stage });
}

fn decide<M: Machine>(
    boot: &mut Boot<'_, M>,
    decision: Decision,
    answer: &mut Answer,
) -> core::fmt::Result {
    let stage = match (boot.operator.waiting, decision) {
        (Waiting::No, _) => {
            return writeln!(answer, "error: the boot does not wait for anybody");
        }
        (Waiting::Held(stage), _) | (Waiting::Rescue(stage, _), Decision::Retry) => Some(stage),
        (Waiting::Rescue(stage, _), Decision::Continue) => stage.next(),
    };
    let word = match decision {
        Decision::Continue => "continue",
        Decision::Retry => "retry",
    };
    note(boot, word);
    boot.operator.decision = Some(decision);
    match stage {
        Some(stage) => writeln!(answer, "on with {}", stage.name()),
        None => writeln!(answer, "on"),
    }
}

fn down<M: Machine>(boot: &mut Boot<'_, M>, how: Power, answer: &mut Answer) -> core::fmt::Result {
    note(boot, "down");
    shutdown::request(boot, how, "operator");
    writeln!(answer, "going down")
}

fn status<M: Machine>(boot: &mut Boot<'_, M>, answer: &mut Answer) -> core::fmt::Result {
    boot.operator.heard = true;
    writeln!(answer, "verdict  {} so far", boot.verdict)?;
    if !boot.verdict.detail().is_empty() {
        writeln!(answer, "because  {}", boot.verdict.detail())?;
    }
    writeln!(answer, "stage    {}", boot.stage.name())?;
    match boot.operator.waiting {
        Waiting::No if boot.check.is_running() => {
            let (pass, percent) = (boot.check.progress.pass, boot.check.progress.percent);
            writeln!(
                answer,
                "check    pass {pass} of 5, {percent} %; its words: {LOG}"
            )?;
        }
        Waiting::No => {
            let (running, left) = boot.runner.progress();
            writeln!(answer, "scripts  {running} running, {left} not ended")?;
        }
        Waiting::Held(stage) => {
            writeln!(
                answer,
                "waiting  before {}: `preroot continue`",
                stage.name()
            )?;
        }
        Waiting::Rescue(stage, failed) => {
            writeln!(answer, "failed   {}: {}", stage.name(), failed.step.words())?;
            if failed.errno.0 != 0 {
                writeln!(answer, "errno    {}", failed.errno.0)?;
            }
            writeln!(
                answer,
                "waiting  `preroot retry`, `preroot continue`, `preroot reboot`"
            )?;
        }
    }
    let root = boot
        .root
        .found
        .as_ref()
        .map_or("not found", |volume| volume.name.as_str());
    let place = match boot.root_place {
        RootPlace::Nowhere => "not mounted",
        RootPlace::NewRoot => "mounted at /newroot",
        RootPlace::Slash => "running, at /proc/1/root",
    };
    writeln!(answer, "root     {root}, {place}")?;
    let pid = boot.sshd.pid().unwrap_or(0);
    writeln!(
        answer,
        "sshd     pid {pid}, started {} times",
        boot.sshd.starts()
    )?;
    let up_s = boot.machine.now() / crate::limits::SECOND_NS;
    writeln!(answer, "uptime   {up_s} s")
}
