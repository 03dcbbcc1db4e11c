//! The store on the root, kept up with the record: a power cut at any moment costs the last second of it, not all.
//!
//! Beside everything else: no stage waits for it. A child copies what is new a while after something was recorded, so a
//! machine where nothing happens writes nothing. Where a store fails or hangs, that is said once, and it is left alone
//! until the seal, or the way down, tries again and waits for it (`seal::store`).

use crate::core::{Boot, Purpose, RootPlace, Turn};
use crate::limits::{KEEP_AFTER_NS, KEEP_NS_MAX};
use crate::machine::{Child, Kill, Machine, Nanoseconds, Spawn, Status};
use crate::roles;
use crate::text::text;

/// What keeps the store.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) enum Keeper {
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

impl Keeper {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        match self {
            Keeper::Due(at) | Keeper::Copies(_, at) => Some(*at),
            Keeper::Idle | Keeper::Off => None,
        }
    }
}

/// Something was recorded.
pub(crate) fn recorded<M: Machine>(boot: &mut Boot<'_, M>) {
    if matches!(boot.keeper, Keeper::Idle) && boot.root_place == RootPlace::Slash {
        boot.keeper = Keeper::Due(boot.machine.now().saturating_add(KEEP_AFTER_NS));
    }
}

pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    match boot.keeper {
        Keeper::Due(at) if at <= now => begin(boot),
        Keeper::Copies(child, until) if until <= now => {
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
            boot.keeper = Keeper::Idle;
            if boot.recorder.sequence() != boot.kept {
                recorded(boot);
            }
        }
        Status::Exited(errno) => broken(boot, format_args!("errno {errno}")),
        Status::Signalled(signal) => broken(boot, format_args!("signal {signal}")),
        Status::NotExecuted(errno) => broken(boot, format_args!("errno {}", errno.0)),
    }
}

/// Two children must not write to one store: waits until the one that does has ended, which has a limit.
pub(crate) fn finish<M: Machine>(boot: &mut Boot<'_, M>) {
    while let Keeper::Copies(_, until) = boot.keeper {
        // Nobody going down is held up for longer by that than by the store itself.
        let _: Turn = boot.turn(Some(until));
    }
    boot.keeper = Keeper::Idle;
}

/// The store, as the child is told of it.
pub(crate) struct Store<'a> {
    pub(crate) path: &'a str,
    bytes: heapless::String<10>,
    epoch_ns: heapless::String<20>,
}

impl Store<'_> {
    /// The child's words.
    pub(crate) fn words(&self) -> [&str; 4] {
        [roles::KEEP, self.path, &self.bytes, &self.epoch_ns]
    }
}

/// The store; `None`: the plan has none, or its place is not there now.
pub(crate) fn store<'a, M: Machine>(boot: &Boot<'a, M>) -> Option<Store<'a>> {
    let plan = boot.plan?;
    let path = plan.text(plan.settings().store);
    (!path.is_empty() && boot.root_place == RootPlace::Slash).then(|| Store {
        path,
        bytes: text(format_args!("{}", plan.settings().store_bytes.get())),
        epoch_ns: text(format_args!("{}", boot.epoch_ns)),
    })
}

fn begin<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.keeper = Keeper::Idle;
    let Some(store) = store(boot) else {
        return;
    };
    boot.kept = boot.recorder.sequence();
    match boot.machine.spawn(&Spawn::helper(&store.words())) {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Keep);
            let until = boot.machine.now().saturating_add(KEEP_NS_MAX);
            boot.keeper = Keeper::Copies(spawned.child, until);
        }
        Err(errno) => broken(boot, format_args!("errno {}", errno.0)),
    }
}

fn broken<M: Machine>(boot: &mut Boot<'_, M>, why: core::fmt::Arguments<'_>) {
    boot.keeper = Keeper::Off;
    boot.alarm(format_args!("record not stored: {why}"));
}
