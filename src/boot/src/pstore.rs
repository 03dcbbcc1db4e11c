//! What the machine kept of a boot that died: pstore, which a child reads, and empties when it is in the store.
//!
//! Asked when the root is there, or somebody is waited for, and only where the kernel has something to keep it in (ramoops, EFI
//! variables, ERST): a boot without that costs nothing, and none waits for it. The firmware's variables are few, so what was read has to be
//! unlinked or the next panic finds no room. But not before the keeper has stored the frames: a boot that dies between
//! has the next one read it again. Where there is no store, it stays where it is.

use heapless::{String, Vec};
use preroot_record::Died;
use preroot_record::limits::OUTPUT_BYTES_MAX;

use crate::core::{Boot, Purpose, Turn};
use crate::limits::{
    BOOT_ID_BYTES, PSTORE_FILES_MAX, PSTORE_FINISH_NS, PSTORE_LINE_BYTES_MAX,
    PSTORE_NAME_BYTES_MAX, PSTORE_NS_MAX,
};
use crate::machine::{Child, Kill, Machine, Nanoseconds, Spawn, Status};
use crate::roles;
use crate::text::{Lines, cut, text};

/// Where the kernel says what it keeps things in (`fs/pstore/platform.c`).
const BACKEND: &str = "/sys/module/pstore/parameters/backend";

/// How far it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has asked, or there was nothing to ask.
    #[default]
    Before,
    /// A child reads it, until then.
    Reads(Child, Nanoseconds),
    /// It is recorded, and stored when everything before this event is.
    Recorded(u32),
    /// A child unlinks it, until then.
    Forgets(Child, Nanoseconds),
    /// There is nothing more to do in this boot.
    Done,
}

/// What is known of it.
#[derive(Debug, Default)]
pub(crate) struct Pstore {
    state: State,
    lines: Lines<PSTORE_LINE_BYTES_MAX>,
    /// The dump that is being told of.
    kept_by: String<16>,
    reason: String<32>,
    boot_id: String<BOOT_ID_BYTES>,
    unix_s: u64,
    lost: u64,
    /// Dumps that were told of, and pieces of the last.
    dumps: u32,
    pieces: u32,
    /// Files that were told of in whole.
    files: Vec<String<PSTORE_NAME_BYTES_MAX>, PSTORE_FILES_MAX>,
}

impl Pstore {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        match self.state {
            State::Reads(_, until) | State::Forgets(_, until) => Some(until),
            State::Before | State::Recorded(_) | State::Done => None,
        }
    }
}

/// Has it read, once in a boot, if there is anything to read.
pub(crate) fn begin<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.pstore.state != State::Before || !has_backend(boot) {
        return;
    }
    boot.pstore.state = match start(boot, &[roles::PSTORE, roles::PSTORE_READ]) {
        Some(child) => State::Reads(child, until(boot)),
        None => State::Done,
    };
}

fn has_backend<M: Machine>(boot: &mut Boot<'_, M>) -> bool {
    let mut name = [0; 32];
    let length = boot.machine.read_file(BACKEND, &mut name).unwrap_or(0);
    let name = name.get(..length).unwrap_or_default().trim_ascii();
    // What the kernel prints of a parameter that is not set.
    !name.is_empty() && name != b"(null)"
}

fn start<M: Machine>(boot: &mut Boot<'_, M>, words: &[&str]) -> Option<Child> {
    let child = boot.machine.spawn(&Spawn::helper(words)).ok()?.child;
    boot.assign(child, Purpose::Pstore);
    Some(child)
}

fn until<M: Machine>(boot: &mut Boot<'_, M>) -> Nanoseconds {
    boot.machine.now().saturating_add(PSTORE_NS_MAX)
}

/// What the child says: see [`roles::PSTORE`].
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    if !matches!(boot.pstore.state, State::Reads(..)) {
        return;
    }
    let mut lines = core::mem::take(&mut boot.pstore.lines);
    lines.take(bytes, |line| said(boot, line));
    boot.pstore.lines = lines;
}

fn said<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    let (word, rest) = line.split_once('\t').unwrap_or((line, ""));
    match word {
        "dump" => dump(boot, rest),
        "text" => piece(boot, rest),
        // What there is no room for stays, and is read by the next boot.
        "file" => {
            if let Ok(name) = String::try_from(rest) {
                let _ = boot.pstore.files.push(name);
            }
        }
        _ => {}
    }
}

/// `KEPT_BY REASON BOOT_ID UNIX_S LOST`, of what follows.
fn dump<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    let mut fields = line.split('\t');
    let mut field = || fields.next().unwrap_or_default();
    let pstore = &mut boot.pstore;
    pstore.kept_by = text(format_args!("{}", field()));
    pstore.reason = text(format_args!("{}", field()));
    pstore.boot_id = text(format_args!("{}", field()));
    pstore.unix_s = field().parse().unwrap_or(0);
    pstore.lost = field().parse().unwrap_or(0);
    pstore.dumps = pstore.dumps.saturating_add(1);
    pstore.pieces = 0;
    let (kept_by, reason) = (pstore.kept_by.clone(), pstore.reason.clone());
    let boot_id = pstore.boot_id.clone();
    let of = if boot_id.is_empty() { "" } else { " of boot " };
    boot.alarm(format_args!(
        "{kept_by} has kept the last words{of}{boot_id}: {reason}"
    ));
}

/// A piece of its text, a tab for the end of each line.
fn piece<M: Machine>(boot: &mut Boot<'_, M>, line: &str) {
    let mut bytes = [0; OUTPUT_BYTES_MAX];
    let line = cut(line, OUTPUT_BYTES_MAX);
    let ends = |byte| if byte == b'\t' { b'\n' } else { byte };
    for (to, from) in bytes.iter_mut().zip(line.bytes()) {
        *to = ends(from);
    }
    let pstore = &mut boot.pstore;
    let (number, piece) = (pstore.dumps.saturating_sub(1), pstore.pieces);
    pstore.pieces = piece.saturating_add(1);
    let (kept_by, reason) = (pstore.kept_by.clone(), pstore.reason.clone());
    let (boot_id, unix_s, lost) = (pstore.boot_id.clone(), pstore.unix_s, pstore.lost);
    boot.record(Died {
        kept_by: &kept_by,
        reason: &reason,
        boot_id: &boot_id,
        unix_s,
        number,
        piece,
        bytes: bytes.get(..line.len()).unwrap_or_default(),
        lost: (lost > 0).then_some(lost),
    });
}

/// A child has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, status: Status) {
    let is_well = status == Status::Exited(0);
    boot.pstore.state = match boot.pstore.state {
        State::Reads(..) if !boot.pstore.files.is_empty() => {
            State::Recorded(boot.recorder.sequence())
        }
        _ => State::Done,
    };
    if !is_well {
        boot.alarm(format_args!("pstore: {}", words(status)));
    }
}

/// How a child ended, in a word.
fn words(status: Status) -> String<24> {
    match status {
        Status::Exited(errno) => text(format_args!("errno {errno}")),
        Status::Signalled(signal) => text(format_args!("signal {signal}")),
        Status::NotExecuted(errno) => text(format_args!("errno {}", errno.0)),
    }
}

/// Everything before the event with this number is in the store.
pub(crate) fn stored<M: Machine>(boot: &mut Boot<'_, M>, before: u32) {
    let State::Recorded(until_event) = boot.pstore.state else {
        return;
    };
    if before < until_event {
        return;
    }
    let files = core::mem::take(&mut boot.pstore.files);
    let mut words = Vec::<&str, { PSTORE_FILES_MAX + 2 }>::new();
    words.extend([roles::PSTORE, roles::PSTORE_FORGET]);
    words.extend(files.iter().map(String::as_str));
    boot.pstore.state = match start(boot, &words) {
        Some(child) => State::Forgets(child, until(boot)),
        None => State::Done,
    };
}

/// A child that hangs in the firmware is left behind.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    let (State::Reads(child, until) | State::Forgets(child, until)) = boot.pstore.state else {
        return;
    };
    if until <= now {
        let _ = boot.machine.kill(child, Kill::Kill);
        boot.assign(child, Purpose::Nobody);
        boot.pstore.state = State::Done;
        boot.alarm(format_args!("pstore: it hangs"));
    }
}

/// PID 1 is about to become the root's init: what is being read comes in, for a moment.
pub(crate) fn finish<M: Machine>(boot: &mut Boot<'_, M>) {
    let until = boot.machine.now().saturating_add(PSTORE_FINISH_NS);
    while matches!(boot.pstore.state, State::Reads(..)) && boot.machine.now() < until {
        // A request to go down is looked at by the stage.
        if boot.turn(Some(until)) != Turn::Handled {
            return;
        }
    }
}
