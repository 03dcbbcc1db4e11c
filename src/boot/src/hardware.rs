//! What should be in the machine against what is: a child reads and judges ([`crate::inventory`]), PID 1 records what it says
//! and does what the plan wants done about it.
//!
//! The child runs beside everything else until it is done or its deadline has come. The first script waits for that, and the
//! search for the root does where something is expected that the boot is to hold for. On a healthy machine all is there by
//! then. What is missing since the last good boot is for another child to say ([`crate::changes`]). A child that ends early,
//! hangs or says nonsense costs the verdict, never the boot.

use preroot_plan::Concern;
use preroot_record::{Hardware as Record, Inventory, Note};

use crate::changes;
use crate::core::{Boot, Purpose, Turn};
use crate::inventory::{Judgement, Line, concern_word};
use crate::limits::{
    HARDWARE_GRACE_NS, HARDWARE_NS_DEFAULT, INVENTORY_LINE_BYTES_MAX, INVENTORY_RECORDED_MAX,
    MILLISECOND_NS,
};
use crate::machine::{Child, Kill, Machine, Nanoseconds, Place, Spawn, Status};
use crate::roles;
use crate::stage::Next;
use crate::step::{Failed, Step};
use crate::text::{Lines, text};

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody reads the machine.
    #[default]
    Idle,
    /// Until this moment.
    Reads(Child, Nanoseconds),
    /// All is judged; what comes late is still told.
    Stays(Child),
}

/// What is known of the machine's hardware.
#[derive(Debug, Default)]
pub(crate) struct Hardware {
    state: State,
    /// When it is to have said all.
    reads_until: Option<Nanoseconds>,
    lines: Lines<INVENTORY_LINE_BYTES_MAX>,
    /// Things and verdicts that are recorded.
    recorded: u32,
    /// Something was said that is no line.
    nonsense: bool,
    /// What a person is to be waited for.
    hold: Option<Step>,
    /// It was waited for once: what is said from now on holds nobody up.
    is_settled: bool,
}

impl Hardware {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        match self.state {
            State::Idle | State::Stays(_) => None,
            State::Reads(_, until) => Some(until),
        }
    }

    /// Until when the machine is read; `None`: nobody has begun to.
    pub(crate) fn reads_until(&self) -> Option<Nanoseconds> {
        self.reads_until
    }
}

/// The stage: the machine is read from now on, and waited for where something is to hold the boot.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    crate::kernel_log::start(boot);
    stop(boot);
    changes::stop(boot);
    boot.hardware = Hardware::default();
    start(boot);
    if !holds(boot) {
        return Next::Done;
    }
    match wait(boot) {
        Turn::Down => Next::Down,
        _ => boot
            .hardware
            .hold
            .take()
            .map_or(Next::Done, |step| Next::Failed(Failed::plain(step))),
    }
}

/// Waits until all is said that the first script waits for, or nobody is there who would.
pub(crate) fn settle<M: Machine>(boot: &mut Boot<'_, M>) -> Turn {
    changes::look(boot);
    match wait(boot) {
        Turn::Down => Turn::Down,
        _ => wait_while(boot, |boot| boot.changes.holds_until()),
    }
}

/// Waits until all is judged.
fn wait<M: Machine>(boot: &mut Boot<'_, M>) -> Turn {
    let turn = wait_while(boot, |boot| boot.hardware.deadline());
    boot.hardware.is_settled |= turn != Turn::Down;
    turn
}

fn wait_while<M: Machine>(
    boot: &mut Boot<'_, M>,
    until: impl Fn(&Boot<'_, M>) -> Option<Nanoseconds>,
) -> Turn {
    while let Some(until) = until(boot) {
        if boot.turn(Some(until)) == Turn::Down {
            return Turn::Down;
        }
    }
    Turn::Handled
}

fn start<M: Machine>(boot: &mut Boot<'_, M>) {
    let limit = boot.plan.map_or(HARDWARE_NS_DEFAULT, |plan| {
        u64::from(plan.settings().hardware_ms.get()).saturating_mul(MILLISECOND_NS)
    });
    let until = boot.machine.now().saturating_add(limit);
    boot.hardware.reads_until = Some(until);
    let deadline = text::<20>(format_args!("{until}"));
    let arguments = [roles::INVENTORY, &deadline];
    let spawn = Spawn {
        // It outlives the pivot, and finds the plan where it is.
        place: Place::Rescue,
        ..Spawn::helper(&arguments)
    };
    match boot.machine.spawn(&spawn) {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Inventory);
            let until = until.saturating_add(HARDWARE_GRACE_NS);
            boot.hardware.state = State::Reads(spawned.child, until);
        }
        Err(errno) => unjudged(boot, format_args!("cannot be read: errno {}", errno.0)),
    }
}

fn stop<M: Machine>(boot: &mut Boot<'_, M>) {
    if let State::Reads(child, _) | State::Stays(child) = boot.hardware.state {
        let _ = boot.machine.kill(child, Kill::Kill);
        // What it still had to say is not mixed with what the next one says.
        boot.assign(child, Purpose::Nobody);
    }
    boot.hardware.state = State::Idle;
}

/// Whether the plan expects anything; of which machine is the child's to say.
fn expects<M: Machine>(boot: &Boot<'_, M>) -> bool {
    boot.plan.is_some_and(|plan| !plan.expected().is_empty())
}

/// Whether something of that is to hold the boot.
fn holds<M: Machine>(boot: &Boot<'_, M>) -> bool {
    boot.plan.is_some_and(|plan| {
        let mut expected = plan.expected().iter();
        expected.any(|it| it.concern() == Concern::Hold)
    })
}

/// It is not known whether all is there.
fn unjudged<M: Machine>(boot: &mut Boot<'_, M>, why: core::fmt::Arguments<'_>) {
    boot.hardware.state = State::Idle;
    if expects(boot) {
        boot.degrade(format_args!("hardware: {why}"));
    } else {
        let line = text::<80>(format_args!("hardware: {why}"));
        boot.record(Note { text: &line });
    }
}

/// The child says nothing any more.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if matches!(boot.hardware.state, State::Reads(_, until) if until <= now) {
        stop(boot);
        unjudged(boot, format_args!("not judged in time"));
    }
}

/// The child has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, child: Child, status: Status) {
    if boot.hardware.state == State::Stays(child) {
        boot.hardware.state = State::Idle;
    } else if matches!(boot.hardware.state, State::Reads(reader, _) if reader == child) {
        let how = match status {
            Status::Exited(code) => text::<24>(format_args!("exit {code}")),
            Status::Signalled(signal) => text(format_args!("signal {signal}")),
            Status::NotExecuted(errno) => text(format_args!("errno {}", errno.0)),
        };
        unjudged(boot, format_args!("not judged, its reader ended: {how}"));
    }
}

/// What the child says.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let mut lines = core::mem::take(&mut boot.hardware.lines);
    lines.take(bytes, |line| said(boot, line));
    boot.hardware.lines = lines;
}

/// One line of it.
fn said<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    match Line::parse(line) {
        Some(Line::Done) => {
            if let State::Reads(child, _) = boot.hardware.state {
                boot.hardware.state = State::Stays(child);
            }
        }
        Some(_) if boot.hardware.recorded >= INVENTORY_RECORDED_MAX => {}
        Some(Line::Is(item)) => {
            count(boot);
            boot.record(Inventory {
                class: item.class.word(),
                name: item.name,
                facts: item.facts,
            });
        }
        Some(Line::Verdict(judgement)) => {
            count(boot);
            judged(boot, &judgement);
        }
        None if boot.hardware.nonsense => {}
        None => {
            boot.hardware.nonsense = true;
            let front = text::<80>(format_args!("{line}"));
            unjudged_line(boot, &front);
        }
    }
}

/// One line of the child that compares: only what is missing is news.
pub(crate) fn compared<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    match Line::parse(line) {
        Some(Line::Done) => boot.changes.settled(),
        Some(Line::Verdict(judgement)) if boot.hardware.recorded < INVENTORY_RECORDED_MAX => {
            count(boot);
            judged(boot, &judgement);
        }
        Some(_) | None => {}
    }
}

fn unjudged_line<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    let state = boot.hardware.state;
    unjudged(
        boot,
        format_args!("its reader says what is no line: {line}"),
    );
    // What it says else may be good.
    boot.hardware.state = state;
}

fn count<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.hardware.recorded += 1;
    if boot.hardware.recorded == INVENTORY_RECORDED_MAX {
        boot.alarm(format_args!(
            "hardware: {INVENTORY_RECORDED_MAX} things are recorded, no more"
        ));
    }
}

/// One expectation is judged.
fn judged<M: Machine>(boot: &mut Boot<'_, M>, judgement: &Judgement<'_>) {
    let Judgement {
        concern,
        item,
        expected,
        found,
        verdict,
        detail,
    } = *judgement;
    boot.record(Record {
        item,
        expected,
        found,
        verdict,
        detail: Some(detail).filter(|detail| !detail.is_empty()),
        concern: Some(concern_word(concern)),
    });
    if verdict == "ok" {
        return;
    }
    let words = match detail {
        "" => text::<200>(format_args!("{item} {verdict}")),
        detail => text(format_args!("{detail}")),
    };
    match concern {
        Concern::Note => boot.alarm(format_args!("{words}")),
        Concern::Hold if !boot.hardware.is_settled => {
            boot.alarm(format_args!("{words}"));
            boot.verdict.because(&words);
            boot.hardware.hold = Some(step(item));
        }
        Concern::Degraded | Concern::Hold => boot.degrade(format_args!("{words}")),
    }
}

/// What the stage fails for.
fn step(item: &str) -> Step {
    match item.split(' ').next() {
        Some("memory" | "slot" | "slots") => Step::MemoryMissing,
        Some("disk" | "disks") => Step::DiskMissing,
        _ => Step::HardwareMissing,
    }
}
