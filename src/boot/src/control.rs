//! The operator's words on the control socket: one datagram, one answer.
//!
//! | word | does |
//! |---|---|
//! | `status` | says how things are, for programs: [`status`] |
//! | `continue [root=...] [init=...]`, `retry` | ends the wait for a person: [`resume`] |
//! | `hold [STAGE]`, `hold off [STAGE]` | has the boot wait before a stage: [`hold`] |
//! | `reboot`, `poweroff`, `halt` | takes the machine down |
//! | `alive` | who is logged in, by their processes; what the watchdog's helper asks |
//!
//! Only root can reach the socket, and what the kernel says of the sender is looked at again. A word that is not
//! obeyed is answered `error: ` and why, and changes nothing. One datagram is taken a turn, so nobody who floods keeps
//! anything else from its turn; an answer that its asker does not take is dropped.

mod hold;
mod resume;
mod status;

use core::fmt::Write;

use heapless::String;
use preroot_record::Operator as Record;

use crate::command_line::Words;
use crate::core::{Boot, is_again};
use crate::machine::{Asked, Machine, Nanoseconds, Power};
use crate::patience::Patience;
use crate::roles;
use crate::sessions;
use crate::shutdown;
use crate::stage::Stage;
use crate::step::Failed;
use crate::text::{cut, text};
use crate::watchdog;

/// Bytes of one command: a root by its longest name, with its options.
const COMMAND_BYTES_MAX: usize = 512;
/// Bytes of one answer.
const ANSWER_BYTES_MAX: usize = 4096;
/// The user who may.
const ROOT_UID: u32 = 0;

/// An answer. One that does not fit is cut: every `write!` to it may fail for that reason only.
type Answer = String<ANSWER_BYTES_MAX>;
/// Who asked, in words.
type By = String<200>;

/// What a person is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Waiting {
    /// Nobody is waited for.
    #[default]
    No,
    /// Before this stage, as somebody asked.
    Held(Stage),
    /// This stage failed.
    Rescue(Stage, Failed),
}

/// The person at the other end.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) waiting: Waiting,
    /// Since when.
    pub(crate) since: Nanoseconds,
    /// The stage that the person lets the boot go on with.
    pub(crate) decision: Option<Stage>,
    /// How a request for runlevel 0 is meant.
    pub(crate) halt_as: Power,
    /// What reboots if nobody comes.
    pub(crate) patience: Patience,
    /// A person has named the root, and how it is mounted.
    pub(crate) named: Option<resume::Named>,
}

impl Default for Operator {
    fn default() -> Operator {
        Operator {
            waiting: Waiting::No,
            since: 0,
            decision: None,
            halt_as: Power::Off,
            patience: Patience::default(),
            named: None,
        }
    }
}

/// The boot begins to wait for a person.
pub(crate) fn wait_begins<M: Machine>(boot: &mut Boot<'_, M>, waiting: Waiting) {
    let (stage, why) = match waiting {
        Waiting::No => return,
        Waiting::Held(stage) => (stage, "held"),
        Waiting::Rescue(stage, failed) => (stage, failed.step.words()),
    };
    boot.operator.waiting = waiting;
    boot.operator.since = boot.machine.now();
    boot.operator.decision = None;
    boot.record(Record {
        what: "waiting",
        stage: stage.name(),
        why: Some(why),
        by: None,
        waited_ns: None,
    });
}

/// The wait is over, if there was one: by what, and whose word it was.
pub(crate) fn wait_ended<M: Machine>(boot: &mut Boot<'_, M>, what: &str, order: Order<'_>) {
    let stage = match core::mem::take(&mut boot.operator.waiting) {
        Waiting::No => return note(boot, what, boot.stage, order, None),
        Waiting::Held(stage) | Waiting::Rescue(stage, _) => stage,
    };
    let waited_ns = boot.machine.now().saturating_sub(boot.operator.since);
    note(boot, what, stage, order, Some(waited_ns));
}

/// What else was said, and by whom; of what nobody said, neither.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Order<'o> {
    why: Option<&'o str>,
    by: Option<&'o str>,
}

fn note<M: Machine>(
    boot: &mut Boot<'_, M>,
    what: &str,
    stage: Stage,
    order: Order<'_>,
    waited_ns: Option<u64>,
) {
    boot.record(Record {
        what,
        stage: stage.name(),
        why: order.why.filter(|why| !why.is_empty()),
        by: order.by,
        waited_ns,
    });
}

/// Takes one datagram.
pub(crate) fn arrived<M: Machine>(boot: &mut Boot<'_, M>) {
    // One byte more than there may be tells what is too long.
    let mut buffer = [0; COMMAND_BYTES_MAX + 1];
    let asked = match boot.machine.read_control(&mut buffer) {
        Ok(asked) => asked,
        Err(errno) if is_again(errno) => return,
        Err(errno) => {
            boot.alarm(format_args!("control socket: errno {}", errno.0));
            return;
        }
    };
    let mut answer = Answer::new();
    let bytes = buffer.get(..asked.length).unwrap_or_default();
    match understood(&asked, bytes) {
        Ok(line) => obey(boot, line, asked.pid, &mut answer),
        Err(why) => refuse(&mut answer, why),
    }
    // One who did not wait for the answer does not get it.
    let _ = boot.machine.answer_control(answer.as_bytes());
}

/// The line that somebody who may has sent.
fn understood<'b>(asked: &Asked, bytes: &'b [u8]) -> Result<&'b str, &'static str> {
    if asked.uid != ROOT_UID {
        return Err("only root is listened to");
    }
    if bytes.len() > COMMAND_BYTES_MAX {
        return Err("that is more than 512 bytes");
    }
    let line = core::str::from_utf8(bytes).map_err(|_| "that is no text")?;
    let line = line.trim_ascii();
    match line.bytes().any(|byte| byte.is_ascii_control()) {
        true => Err("that has control characters in it"),
        false => Ok(line),
    }
}

fn obey<M: Machine>(boot: &mut Boot<'_, M>, line: &str, pid: u32, answer: &mut Answer) {
    let mut words = Words::new(line);
    let word = words.next().unwrap_or_default();
    let rest = words.rest();
    match word {
        "status" if rest.is_empty() => {
            let _ = status::write(boot, answer);
        }
        roles::ALIVE if rest.is_empty() => {
            let _ = watchdog::alive(boot, answer);
        }
        "continue" => resume::carry_on(boot, rest, pid, answer),
        "retry" if rest.is_empty() => resume::retry(boot, pid, answer),
        "hold" => hold::run(boot, rest, pid, answer),
        "reboot" if rest.is_empty() => down(boot, "reboot", Power::Reboot, pid, answer),
        "poweroff" if rest.is_empty() => down(boot, "poweroff", Power::Off, pid, answer),
        "halt" if rest.is_empty() => down(boot, "halt", Power::Halt, pid, answer),
        "status" | "retry" | "reboot" | "poweroff" | "halt" => {
            refuse(answer, "that word stands alone");
        }
        _ => refuse(
            answer,
            "nobody knows that word; known: status continue retry hold reboot poweroff halt",
        ),
    }
}

fn refuse(answer: &mut Answer, why: &str) {
    let _ = writeln!(answer, "error: {why}");
}

/// Who asked: by the session's key and address, else what process it is, of the console or of the root.
fn by<M: Machine>(boot: &mut Boot<'_, M>, pid: u32) -> By {
    if let Some(peer) = sessions::of(boot, pid) {
        return text(format_args!("{} {}", peer.from, peer.who));
    }
    let mut name = [0; 16];
    let path = text::<40>(format_args!("/proc/{pid}/comm"));
    let length = boot.machine.read_file(&path, &mut name).unwrap_or(0);
    let name = name.get(..length).unwrap_or_default().trim_ascii();
    let name = core::str::from_utf8(name).unwrap_or_default();
    text(format_args!("pid {pid} {}", cut(name, 15)))
}

fn down<M: Machine>(
    boot: &mut Boot<'_, M>,
    word: &'static str,
    how: Power,
    pid: u32,
    answer: &mut Answer,
) {
    if boot.down.is_some() {
        let _ = writeln!(answer, "it goes down already");
        return;
    }
    let by = by(boot, pid);
    let order = Order {
        why: None,
        by: Some(&by),
    };
    wait_ended(boot, word, order);
    shutdown::request(boot, how, "operator");
    let _ = writeln!(answer, "going down");
}
