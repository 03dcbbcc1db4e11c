//! The pivots: the root becomes /, and back.
//!
//! In: the early file systems move into the root, where the mount has seen to their places, then pivot_root(2) puts the
//! stage at /run/preroot/stage. Back, on the way down, pivot_root(2) comes first. Each is done whole or not at all: a
//! step that fails undoes those before it in reverse, so that the stage is whole again when the rescue begins.
//!
//! The rescue's own bind of the stage has copies of these mounts: no pivot changes what its sessions see.

use crate::core::{Boot, RootPlace};
use crate::early;
use crate::machine::Machine;
use crate::mount::NEW_ROOT;
use crate::stage::Next;
use crate::step::{At, Failed, Step};
use crate::text::{Text, text};

/// What moves along.
const MOVED: [&str; 4] = ["/dev", "/proc", "/sys", "/run"];
/// Where the stage is, seen from the root.
pub(crate) const STAGE: &str = "/run/preroot/stage";

/// The stage of the boot.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    match boot.root_place {
        RootPlace::Slash => Next::Done,
        RootPlace::Nowhere => Next::Failed(Failed::plain(Step::NoRoot)),
        RootPlace::NewRoot => Next::from(inward(boot)),
    }
}

fn inward<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    early::mend(boot)?;
    carry(boot, "", NEW_ROOT)?;
    let result = boot.machine.pivot_root(NEW_ROOT, &below(NEW_ROOT, STAGE));
    if let Err(failed) = result.at(Step::PivotRoot) {
        put_back(boot, &MOVED, "", NEW_ROOT);
        return Err(failed);
    }
    boot.root_place = RootPlace::Slash;
    Ok(())
}

/// Out of the root again: the stage is / and the root at /newroot.
pub(crate) fn outward<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    boot.machine
        .pivot_root(STAGE, &below(STAGE, NEW_ROOT))
        .at(Step::PivotRoot)?;
    boot.root_place = RootPlace::NewRoot;
    let carried = carry(boot, NEW_ROOT, "");
    if carried.is_err() {
        let result = boot.machine.pivot_root(NEW_ROOT, &below(NEW_ROOT, STAGE));
        match result.at(Step::PivotRoot) {
            Ok(()) => boot.root_place = RootPlace::Slash,
            Err(failed) => boot.alarm(format_args!("back into root: errno {}", failed.errno.0)),
        }
    }
    carried
}

/// Moves all of them from below one root to below another, or none.
fn carry<M: Machine>(boot: &mut Boot<'_, M>, from: &str, to: &str) -> Result<(), Failed> {
    for (moved, directory) in MOVED.into_iter().enumerate() {
        let result = boot
            .machine
            .move_mount(&below(from, directory), &below(to, directory));
        if let Err(failed) = result.at(Step::MoveMount) {
            put_back(boot, MOVED.get(..moved).unwrap_or_default(), from, to);
            return Err(failed);
        }
    }
    Ok(())
}

/// Moves these back to where they were, the last one first. One that will not come back is said, and the others are
/// still tried.
fn put_back<M: Machine>(boot: &mut Boot<'_, M>, moved: &[&str], from: &str, to: &str) {
    for directory in moved.iter().rev() {
        let result = boot
            .machine
            .move_mount(&below(to, directory), &below(from, directory));
        if let Err(errno) = result {
            boot.alarm(format_args!(
                "{directory} did not move back: errno {}",
                errno.0
            ));
        }
    }
}

fn below(root: &str, directory: &str) -> Text {
    text(format_args!("{root}{directory}"))
}
