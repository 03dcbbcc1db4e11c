//! A line on every terminal, to people who are logged in: as wall(1), but of terminals alone, for nobody of the rescue
//! stands in utmp(5).
//!
//! A terminal that does not take it (its connection hangs) is passed over, never waited for.

use preroot_boot::machine::Errno;
use preroot_sys::fs::{CWD, Mode, OFlags, open};
use preroot_sys::io;

use super::Words;
use crate::limits::{LINE_BYTES_MAX, TERMINALS_MAX};
use crate::linux::{compose, names};

/// Where they are; /dev/console has the line from PID 1.
const TERMINALS: &str = "/dev/pts";

pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let [line] = words.as_slice() else {
        return Err(Errno::INVAL);
    };
    let mut text = heapless::String::<{ LINE_BYTES_MAX + 32 }>::new();
    let line = line
        .get(..line.floor_char_boundary(LINE_BYTES_MAX))
        .unwrap_or_default();
    // It was cut to fit.
    let _ = core::fmt::Write::write_fmt(&mut text, format_args!("\r\npreroot: {line}\r\n"));
    let mut told = 0;
    names(CWD, TERMINALS, &mut |_, name| {
        let is_terminal = name.bytes().all(|byte| byte.is_ascii_digit());
        if is_terminal && told < TERMINALS_MAX {
            told += 1;
            write(name, &text);
        }
    })
}

fn write(name: &str, text: &str) {
    let Some(path) = compose(format_args!("{TERMINALS}/{name}")) else {
        return;
    };
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // Whoever had it may have gone.
    let _ = open(path.as_str(), flags, Mode::empty())
        .and_then(|terminal| io::write(&terminal, text.as_bytes()));
}
