//! The pivots: the root becomes /, and back.
//!
//! In: the early file systems move into the root, then pivot_root(2) puts the stage at
//! /run/preroot/stage. A step that fails undoes those before it in reverse, so that the stage is whole
//! again when the rescue begins. Back, on the way down, is the same in reverse order.
//!
//! The rescue's own bind of the stage has copies of these mounts: no pivot changes what its sessions see.

use crate::core::{Boot, RootPlace};
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
    for directory in MOVED {
        boot.machine
            .make_directory(&below(NEW_ROOT, directory))
            .at(Step::MakeDirectory)?;
    }
    for (moved, directory) in MOVED.into_iter().enumerate() {
        let result = boot
            .machine
            .move_mount(directory, &below(NEW_ROOT, directory));
        if let Err(failed) = result.at(Step::MoveMount) {
            move_back(boot, moved, NEW_ROOT);
            return Err(failed);
        }
    }
    let result = boot.machine.pivot_root(NEW_ROOT, &below(NEW_ROOT, STAGE));
    if let Err(failed) = result.at(Step::PivotRoot) {
        move_back(boot, MOVED.len(), NEW_ROOT);
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
    move_back(boot, MOVED.len(), NEW_ROOT);
    Ok(())
}

/// Moves the first `count` of them from below `root` to where they belong. One that will not come back
/// is said, and the others are still tried.
fn move_back<M: Machine>(boot: &mut Boot<'_, M>, count: usize, root: &str) {
    for directory in MOVED.into_iter().take(count).rev() {
        if let Err(errno) = boot.machine.move_mount(&below(root, directory), directory) {
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
