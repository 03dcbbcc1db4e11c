//! `continue` and `retry`: what ends the wait for a person, and with which root and init the boot goes on.
//!
//! What is said behind `continue` is read as the kernel command line is: `root= rootfstype= rootflags= rootwait ro rw
//! init=`, and goes over it. It is looked at before anything is done:
//!
//! - `root=` has to be one device that is here, and no part of something; with `rootwait` it may come later.
//! - a stage is not gone on to without what it works on: not to the check without a root, not to the root's init without
//!   a root that is /.
//!
//! Another root than that which is mounted is no matter: the boot leaves that one first ([`crate::root`]).

use core::fmt::Write;

use preroot_plan::{MountMode, RootSpec};

use super::{Answer, Order, Waiting, by, refuse, wait_ended};
use crate::command_line::{CommandLine, Words};
use crate::core::{Boot, RootPlace};
use crate::machine::Machine;
use crate::root;
use crate::stage::Stage;

/// A root that a person named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Named {
    /// `ro` or `rw`, which a person means, unlike a boot loader.
    pub(crate) mode: Option<MountMode>,
}

/// What `continue` takes.
const KEYS: [&str; 7] = [
    "root",
    "rootfstype",
    "rootflags",
    "rootwait",
    "ro",
    "rw",
    "init",
];

/// `retry`: the stage that failed once more.
pub(super) fn retry<M: Machine>(boot: &mut Boot<'_, M>, pid: u32, answer: &mut Answer) {
    match boot.operator.waiting {
        Waiting::No => nobody_is_waited_for(boot, answer),
        Waiting::Held(stage) | Waiting::Rescue(stage, _) => {
            decide(boot, "retry", stage, "", pid, answer);
        }
    }
}

/// `continue`: with the held stage or the one after that which failed; with another root, from where it is looked for.
pub(super) fn carry_on<M: Machine>(
    boot: &mut Boot<'_, M>,
    words: &str,
    pid: u32,
    answer: &mut Answer,
) {
    let line = CommandLine::parse(words);
    let is_init = line.init.is_some();
    let stage = match boot.operator.waiting {
        Waiting::No => return nobody_is_waited_for(boot, answer),
        Waiting::Held(stage) => stage,
        // An init that did not run is what another one is named for.
        Waiting::Rescue(Stage::Start, _) if is_init => Stage::Start,
        // After the last stage there is nothing to go on with.
        Waiting::Rescue(stage, _) => stage.next().unwrap_or(stage),
    };
    let is_behind_root = stage.number() > Stage::Root.number();
    let stage = match line.root {
        Some(_) if is_behind_root => Stage::Root,
        _ => stage,
    };
    let is_sound = check_words(words, &line, answer)
        && check_root(boot, &line, answer)
        && check_stage(boot, stage, answer);
    if !is_sound {
        return;
    }
    if !words.is_empty() && take(boot, words).is_none() {
        return refuse(
            answer,
            "too much was said in this boot to keep more: reboot",
        );
    }
    decide(boot, "continue", stage, words, pid, answer);
}

fn nobody_is_waited_for<M: Machine>(boot: &Boot<'_, M>, answer: &mut Answer) {
    let stage = boot.stage.name();
    let _ = writeln!(
        answer,
        "error: the boot waits for nobody; it is in {stage}: `preroot hold STAGE` stops it before a later one"
    );
}

/// Whether each word is one of those that may be said, and can be read. The answer says why not, here and below.
fn check_words(words: &str, line: &CommandLine<'_>, answer: &mut Answer) -> bool {
    let is_known = |word: &&str| {
        let key = word.split('=').next().unwrap_or_default();
        KEYS.contains(&key)
    };
    let stranger = Words::new(words).find(|word| !is_known(word));
    let Some(word) = stranger.or(line.unreadable) else {
        return true;
    };
    let _ = writeln!(
        answer,
        "error: `{word}` cannot be read; `continue` takes root= rootfstype= rootflags= rootwait ro rw init=/PATH"
    );
    false
}

/// Whether the root that is named is here.
fn check_root<M: Machine>(boot: &Boot<'_, M>, line: &CommandLine<'_>, answer: &mut Answer) -> bool {
    let Some(name) = line.root else {
        return true;
    };
    let Some(spec) = RootSpec::parse(name) else {
        let _ = writeln!(
            answer,
            "error: root={name} cannot be read: /dev/NAME, UUID=, LABEL=, PARTUUID=, PARTLABEL=, SERIAL= ..."
        );
        return false;
    };
    if line.root_wait.is_some() || root::is_here(boot, &spec) {
        return true;
    }
    let _ = write!(answer, "error: root={name}: ");
    let _ = root::tell_why(boot, &spec, answer);
    false
}

/// Whether a stage has what it works on.
fn check_stage<M: Machine>(boot: &Boot<'_, M>, stage: Stage, answer: &mut Answer) -> bool {
    if let Waiting::Held(_) = boot.operator.waiting {
        return true;
    }
    let lacks = match stage {
        Stage::Fsck | Stage::Mount if boot.root.found.is_none() => "no root was found",
        Stage::Pivot if boot.root_place == RootPlace::Nowhere => "the root is not mounted",
        Stage::Start if boot.root_place != RootPlace::Slash => "the root is not /",
        _ => return true,
    };
    let _ = writeln!(
        answer,
        "error: {lacks}, so there is nothing to go on with: `preroot retry`, or `preroot continue root=DEVICE`"
    );
    false
}

/// Puts the words over the kernel command line. `None`: there is no room for them.
fn take<'a, M: Machine>(boot: &mut Boot<'a, M>, words: &str) -> Option<()> {
    if boot.said_room.len() < words.len() {
        return None;
    }
    let (room, rest) = core::mem::take(&mut boot.said_room).split_at_mut_checked(words.len())?;
    boot.said_room = rest;
    room.copy_from_slice(words.as_bytes());
    let line = CommandLine::parse(core::str::from_utf8(room).ok()?);
    let over = &mut boot.command_line;
    over.root_type = line.root_type.or(over.root_type);
    over.root_flags = line.root_flags.or(over.root_flags);
    over.root_wait = line.root_wait.or(over.root_wait);
    over.init = line.init.or(over.init);
    if line.root.is_some() {
        over.root = line.root;
        boot.root.found = None;
        boot.operator.named = Some(Named { mode: line.mode });
    } else if let (Some(named), Some(_)) = (&mut boot.operator.named, line.mode) {
        named.mode = line.mode;
    } else {
        over.mode = line.mode.or(over.mode);
    }
    Some(())
}

fn decide<M: Machine>(
    boot: &mut Boot<'_, M>,
    word: &str,
    stage: Stage,
    said: &str,
    pid: u32,
    answer: &mut Answer,
) {
    let by = by(boot, pid);
    let order = Order {
        why: Some(said),
        by: Some(&by),
    };
    wait_ended(boot, word, order);
    boot.operator.decision = Some(stage);
    let _ = writeln!(answer, "on with {}", stage.name());
}
