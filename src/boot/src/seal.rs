//! The verdict, and the record put where it outlives the boot.

use preroot_plan::MountMode;

use crate::core::Boot;
use crate::health;
use crate::keeper;
use crate::limits::KEEP_NS_MAX;
use crate::machine::{Errno, Machine};
use crate::pstore;
use crate::stage::Next;
use crate::task::{self, Outcome};
use crate::verdict::say;

/// The stage.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    seal(boot);
    Next::Done
}

/// Says and records the verdict, then stores the record. One that cannot be stored is a verdict of its own.
pub(crate) fn seal<M: Machine>(boot: &mut Boot<'_, M>) {
    health::look(boot);
    boot.verdict.seal();
    say(boot);
    if store(boot).is_err() && boot.root_mode == MountMode::ReadWrite {
        boot.verdict.degrade(format_args!("record not stored"));
        say(boot);
    }
}

/// Copies what is new in the record to its store on the root, if there is one, and waits for it. A store that fails
/// or hangs costs a bounded time and a line.
pub(crate) fn store<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Errno> {
    keeper::finish(boot);
    let Some(store) = keeper::store(boot) else {
        return Ok(());
    };
    let path = &store.path;
    let sequence = boot.recorder.sequence();
    let done = match task::run(boot, &store.words(), KEEP_NS_MAX) {
        Outcome::Done => {
            boot.keeper.stored(sequence);
            pstore::stored(boot, sequence);
            return Ok(());
        }
        Outcome::NotStarted(errno) | Outcome::Failed(errno) => {
            boot.alarm(format_args!(
                "record not stored in {path}: errno {}",
                errno.0
            ));
            Err(errno)
        }
        Outcome::Hangs => {
            boot.alarm(format_args!("record not stored in {path}: it hangs"));
            Err(Errno::TIMEDOUT)
        }
    };
    boot.keeper.stop();
    done
}
