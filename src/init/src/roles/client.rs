//! `preroot WORD`: what an operator says to PID 1, and its answer in people's words.
//!
//! PID 1 answers in lines for programs; here they become the greeting at login, `preroot status`, or JSON. What PID 1
//! need not be asked for (`enter`, `holders`, `bootlog`, `help`) is done here alone, so it also works where PID 1 has
//! become the root's own init, or its core has panicked.

mod addresses;
pub(super) mod ask;
pub(super) mod enter;
mod help;
mod json;
mod next;
mod show;
mod status;

use core::fmt::Write;

use preroot_boot::machine::Errno;
use preroot_sys::spawn;

use self::status::Status;
use super::{Stream, USAGE, Words, handover, holders};
use crate::limits::{ANSWER_MS_MAX, CONTROL_BYTES_MAX, GREETING_MS_MAX};
use crate::linux::CONTROL;

/// PID 1, or this program, says no.
const REFUSED: i32 = 1;
/// Nobody answers.
pub(super) const UNAVAILABLE: i32 = 69;
/// A system call failed.
pub(super) const SYSTEM: i32 = 111;

/// The answer of PID 1, as it came.
type Answer = [u8; CONTROL_BYTES_MAX];

/// What is said, done and told.
pub(super) fn run(words: &Words) -> i32 {
    match words.as_slice() {
        [] => {
            let _ = help::all(&mut Stream::error());
            USAGE
        }
        ["help" | "--help" | "-h"] => done(help::all(&mut Stream::output())),
        ["help" | "--help", word] | [word, "--help" | "-h"] => one_help(word),
        ["holders"] => holders::client(),
        ["handover", options @ ..] => handover::client(options),
        ["enter", command @ ..] => enter::run(command),
        ["bootlog", arguments @ ..] => bootlog(arguments),
        ["greeting"] => greeting(),
        ["status"] => with_status(|status| show::status(&mut Stream::output(), status)),
        ["status", "--json"] => with_status(|status| json::status(&mut Stream::output(), status)),
        _ => say(words),
    }
}

fn one_help(word: &str) -> i32 {
    match help::one(&mut Stream::output(), word) {
        Some(written) => done(written),
        None => {
            let _ = help::all(&mut Stream::error());
            USAGE
        }
    }
}

/// Sends the words to PID 1 and prints its answer.
fn say(words: &Words) -> i32 {
    let mut request = ask::Request::new();
    if ask::compose(words, &mut request).is_none() {
        complain("that is too long, or has a quotation mark in it");
        return USAGE;
    }
    let mut answer: Answer = [0; CONTROL_BYTES_MAX];
    match ask::ask(&request, &mut answer, ANSWER_MS_MAX) {
        Ok(text) => tell(text),
        Err(errno) => failed(errno),
    }
}

/// Asks how things are and shows it.
fn with_status(show: impl FnOnce(&Status<'_>) -> core::fmt::Result) -> i32 {
    let mut answer: Answer = [0; CONTROL_BYTES_MAX];
    match ask::ask(b"status", &mut answer, ANSWER_MS_MAX) {
        Ok(text) if text.starts_with("error:") => tell(text),
        Ok(text) => done(show(&Status::of(text))),
        Err(errno) => failed(errno),
    }
}

/// What somebody sees who logs in. It never keeps anybody from the shell: whatever fails is told, and that is all.
fn greeting() -> i32 {
    let mut answer: Answer = [0; CONTROL_BYTES_MAX];
    let out = &mut Stream::output();
    let written = match ask::ask(b"status", &mut answer, GREETING_MS_MAX) {
        Ok(text) if !text.starts_with("error:") => show::greeting(out, &Status::of(text)),
        Ok(text) => write!(out, "{}", status::Plain(text)),
        Err(errno) => show::greeting_without(out, why_not(errno)),
    };
    done(written)
}

/// Becomes the reader of records that the image carries, for this boot's unless something else is said.
fn bootlog(arguments: &[&str]) -> i32 {
    let mut words = Words::new();
    // No more than there were.
    let _ = words.push("bootlog");
    let given = if arguments.is_empty() {
        &["show"]
    } else {
        arguments
    };
    let _ = words.extend_from_slice(given);
    let errno = spawn::exec(c"/bin/bootlog", &words, &["PATH=/usr/bin:/bin"]);
    let _ = writeln!(
        Stream::error(),
        "preroot: /bin/bootlog: errno {}",
        errno.raw_os_error()
    );
    SYSTEM
}

fn done(written: core::fmt::Result) -> i32 {
    written.map_or(SYSTEM, |()| 0)
}

fn complain(words: &str) {
    let _ = writeln!(Stream::error(), "preroot: {words}");
}

/// Nobody answers, and why.
fn failed(errno: Errno) -> i32 {
    match why_not(errno) {
        Some(why) => {
            complain(why);
            UNAVAILABLE
        }
        None => {
            let _ = writeln!(Stream::error(), "preroot: {CONTROL}: errno {}", errno.0);
            SYSTEM
        }
    }
}

/// What it means that PID 1 could not be asked; `None`: nothing that has words.
fn why_not(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::TIMEDOUT => Some("PID 1 does not answer"),
        Errno::NOENT | ask::REFUSED_CONNECTION => Some(
            "PID 1 does not listen at /run/preroot/control: has it handed over to the root's own init, or is this not its machine?",
        ),
        Errno::ACCESS | Errno::PERM => Some("only root may ask PID 1"),
        _ => None,
    }
}

fn tell(answer: &str) -> i32 {
    let is_refused = answer.starts_with("error:");
    let mut stream = if is_refused {
        Stream::error()
    } else {
        Stream::output()
    };
    let end = if answer.ends_with('\n') { "" } else { "\n" };
    match write!(stream, "{}{end}", status::Plain(answer)) {
        Ok(()) if is_refused => REFUSED,
        Ok(()) => 0,
        Err(_) => SYSTEM,
    }
}
