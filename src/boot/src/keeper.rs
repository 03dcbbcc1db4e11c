//! The store, kept up with the record: in a partition of its own from the moment when that is found, before the root is and
//! when there is none any more; in a file on the root from the pivot on.
//!
//! A child copies what is new: at once when a stage has ended, for that is what has to be known of a machine that is found
//! dead, else a while after something was recorded, so a machine where nothing happens writes nothing. A stage that ends
//! waits a moment until its end is on the disk, no longer; after one that took longer no stage waits, and that is said: what PID 1 says
//! without that line before it, it says with every earlier stage stored. Where a store fails or hangs, that
//! is said once, and it is left alone until the seal, or the way down, tries again and waits for it (`seal::store`).
//!
//! One of these children, the first once the machine is being read, compares this boot with the last good one besides
//! ([`crate::changes`]). It says when it has stored, and is the keeper's no more.

use heapless::{String, Vec};
use preroot_plan::Store as Place;
use preroot_record::Note;

use crate::changes;
use crate::core::{Boot, Purpose, RootPlace, Turn};
use crate::limits::{KEEP_AFTER_NS, KEEP_MILESTONE_NS_MAX, KEEP_NS_MAX, MILLISECOND_NS};
use crate::machine::{Child, Kill, Machine, Nanoseconds, Spawn, Status};
use crate::pstore;
use crate::roles;
use crate::text::{Text, text};

/// What keeps the store.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    state: State,
    /// The number of the first event that is not known to be stored.
    kept: u32,
    /// The same, of those that a child has stored and ended well.
    stored: u32,
    /// The partition that holds the store.
    partition: Option<String<32>>,
    pace: Pace,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// Nothing is recorded that is not stored, or there is nowhere to store it.
    #[default]
    Idle,
    /// Something is: it is copied at this moment.
    Due(Nanoseconds),
    /// A child copies it, until then.
    Copies(Child, Nanoseconds),
    /// It failed, or the root is about to be left: nothing is copied until somebody waits for it.
    Off,
}

/// Whether the end of a stage waits for the store.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Pace {
    #[default]
    Waited,
    /// It was too slow once.
    Beside,
}

impl Keeper {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        match self.state {
            State::Due(at) | State::Copies(_, at) => Some(at),
            State::Idle | State::Off => None,
        }
    }

    /// A device has gone.
    pub(crate) fn vanished(&mut self, name: &str) {
        if self.partition.as_deref() == Some(name) {
            self.partition = None;
        }
    }

    /// Everything before the event with this number is stored.
    pub(crate) fn stored(&mut self, before: u32) {
        self.stored = self.stored.max(before);
    }

    /// Nothing is copied until somebody waits for it.
    pub(crate) fn stop(&mut self) {
        self.state = State::Off;
    }
}

/// Devices have been looked at: is the store's partition among them? One with something on it is not.
pub(crate) fn look<M: Machine>(boot: &mut Boot<'_, M>) {
    let Some(Place::Partition(spec)) = boot.plan.map(|plan| plan.store()) else {
        return;
    };
    if boot.keeper.partition.is_some() {
        return;
    }
    let volumes = boot.root.volumes();
    let found = volumes.iter().find(|volume| {
        volume.kind.is_empty() && !volume.is_read_only && volume.is_meant(&spec, volumes)
    });
    let Some(name) = found.map(|volume| volume.name.clone()) else {
        return;
    };
    let line: Text = text(format_args!("the record is kept on {name}"));
    boot.keeper.partition = Some(name);
    boot.record(Note { text: &line });
}

/// Something was recorded.
pub(crate) fn recorded<M: Machine>(boot: &mut Boot<'_, M>) {
    if matches!(boot.keeper.state, State::Idle) && has_store(boot) {
        boot.keeper.state = State::Due(boot.machine.now().saturating_add(KEEP_AFTER_NS));
    }
}

/// A stage has ended, and that is recorded: it is stored before the next one begins, if the store lets it.
pub(crate) fn milestone<M: Machine>(boot: &mut Boot<'_, M>) {
    let end = boot.recorder.sequence();
    let until = boot.machine.now().saturating_add(KEEP_MILESTONE_NS_MAX);
    loop {
        // A child that copies already may have read the record before this: its end is waited for, then that of another.
        if matches!(boot.keeper.state, State::Due(_)) {
            begin(boot);
        }
        let copies = matches!(boot.keeper.state, State::Copies(..));
        if !copies || boot.keeper.pace == Pace::Beside || boot.keeper.stored >= end {
            return;
        }
        match boot.turn(Some(until)) {
            Turn::Handled => {}
            Turn::Due => slow(boot),
            Turn::Down => return,
        }
    }
}

/// The store is too slow for a boot to wait for.
fn slow<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.keeper.pace = Pace::Beside;
    let line: Text = text(format_args!(
        "the record is stored beside the boot: it took longer than {} ms",
        KEEP_MILESTONE_NS_MAX / MILLISECOND_NS
    ));
    boot.record(Note { text: &line });
    boot.milestone(format_args!("{line}"));
}

pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    match boot.keeper.state {
        State::Due(at) if at <= now => begin(boot),
        State::Copies(child, until) if until <= now => {
            let _ = boot.machine.kill(child, Kill::Kill);
            boot.assign(child, Purpose::Nobody);
            broken(boot, format_args!("it hangs"));
        }
        _ => {}
    }
}

/// The child has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, status: Status) {
    match status {
        // Recorded while it copied, or just before: that is for the next one.
        Status::Exited(0) => {
            boot.keeper.state = State::Idle;
            boot.keeper.stored(boot.keeper.kept);
            pstore::stored(boot, boot.keeper.kept);
            if boot.recorder.sequence() != boot.keeper.kept {
                recorded(boot);
            }
        }
        Status::Exited(errno) => broken(boot, format_args!("errno {errno}")),
        Status::Signalled(signal) => broken(boot, format_args!("signal {signal}")),
        Status::NotExecuted(errno) => broken(boot, format_args!("errno {}", errno.0)),
    }
}

/// Somebody waits for what a child says: it begins now, and not a while after something was recorded.
pub(crate) fn hasten<M: Machine>(boot: &mut Boot<'_, M>) {
    while let State::Copies(_, until) = boot.keeper.state {
        if boot.turn(Some(until)) == Turn::Down {
            return;
        }
    }
    match boot.keeper.state {
        State::Off => changes::unkept(boot, format_args!("the record is not stored")),
        _ => begin(boot),
    }
}

/// Two children must not write to one store: waits until the one that does has ended, which has a limit.
pub(crate) fn finish<M: Machine>(boot: &mut Boot<'_, M>) {
    while let State::Copies(_, until) = boot.keeper.state {
        // Nobody going down is held up for longer by that than by the store itself.
        let _: Turn = boot.turn(Some(until));
    }
    boot.keeper.state = State::Idle;
}

/// The store, as the child is told of it.
pub(crate) struct Store {
    pub(crate) path: Text,
    bytes: String<10>,
    epoch_ns: String<20>,
}

impl Store {
    /// The child's words.
    pub(crate) fn words(&self) -> [&str; 4] {
        [roles::KEEP, &self.path, &self.bytes, &self.epoch_ns]
    }
}

fn has_store<M: Machine>(boot: &Boot<'_, M>) -> bool {
    if boot.command_line.test_unrecorded {
        return false;
    }
    match boot.plan.map(|plan| plan.store()) {
        Some(Place::File(_)) => boot.root_place == RootPlace::Slash,
        Some(Place::Partition(_)) => boot.keeper.partition.is_some(),
        Some(Place::Nowhere) | None => false,
    }
}

/// The store; `None`: the plan has none, or its place is not there now.
pub(crate) fn store<M: Machine>(boot: &Boot<'_, M>) -> Option<Store> {
    let plan = boot.plan.filter(|_| has_store(boot))?;
    let (path, bytes) = match &boot.keeper.partition {
        Some(name) => (text(format_args!("/dev/{name}")), 0),
        None => {
            let path = plan.text(plan.settings().store);
            (
                text(format_args!("{path}")),
                plan.settings().store_bytes.get(),
            )
        }
    };
    Some(Store {
        path,
        bytes: text(format_args!("{bytes}")),
        epoch_ns: text(format_args!("{}", boot.epoch_ns)),
    })
}

fn begin<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.keeper.state = State::Idle;
    let Some(store) = store(boot) else {
        return;
    };
    boot.keeper.kept = boot.recorder.sequence();
    let asked = changes::wanted(boot);
    let mut words = Vec::<&str, 6>::from_array(store.words());
    if let Some(asked) = &asked {
        // There is room for them.
        let _ = words.extend_from_slice(&asked.words());
    }
    match boot.machine.spawn(&Spawn::helper(&words)) {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Keep);
            if let Some(asked) = &asked {
                changes::asked(boot, spawned.child, asked);
            }
            let until = boot.machine.now().saturating_add(KEEP_NS_MAX);
            boot.keeper.state = State::Copies(spawned.child, until);
        }
        Err(errno) => broken(boot, format_args!("errno {}", errno.0)),
    }
}

fn broken<M: Machine>(boot: &mut Boot<'_, M>, why: core::fmt::Arguments<'_>) {
    boot.keeper.state = State::Off;
    boot.alarm(format_args!("record not stored: {why}"));
    changes::unkept(boot, why);
}
