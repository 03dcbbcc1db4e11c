//! `preroot-kernel-log NEXT`: what the kernel has said and says, from its message number NEXT on, of level err and above: each a
//! line `NUMBER LEVEL MICROSECONDS TEXT` with a tab between the fields, the time being CLOCK_MONOTONIC. Never ends. The first reader also
//! tells how long what came before PID 1 took (`before_init.rs`).
//!
//! Each read(2) of /dev/kmsg gives one message, `PRIORITY,NUMBER,MICROSECONDS,FLAGS;TEXT\n`, with lines that begin with a blank
//! behind it, which tell of its device; control characters come as `\x1b`. A reader who is too slow gets EPIPE once and then the
//! oldest message that is left: the numbers say what was missed.
//! Kernel `Documentation/ABI/testing/dev-kmsg`.

use core::fmt::Write;

use preroot_boot::machine::Errno;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::io;

use super::before_init::BeforeInit;
use super::{Stream, Words};
use crate::linux::errno;

/// err, as syslog(3) counts; lower is worse.
const LEVEL_MAX: u32 = 3;
/// debug: what is above has another facility than the kernel's.
const LEVEL_OF_KERNEL_MAX: u32 = 7;
/// The largest message: `PRINTK_MESSAGE_MAX` of the kernel's `kernel/printk/internal.h`.
const MESSAGE_BYTES_MAX: usize = 2048;

pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let [next] = words.as_slice() else {
        return Err(Errno::INVAL);
    };
    let next: u64 = next.parse().map_err(|_| Errno::INVAL)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let log = open("/dev/kmsg", flags, Mode::empty()).map_err(errno)?;
    let mut output = Stream::output();
    let mut message = [0; MESSAGE_BYTES_MAX];
    let mut before = (next == 0).then(BeforeInit::default);
    loop {
        let length = match io::read(&log, &mut message) {
            Ok(length) => length,
            // Some were overwritten before they were read.
            Err(io::Errno::PIPE | io::Errno::INTR) => continue,
            Err(error) => return Err(errno(error)),
        };
        let bytes = message.get(..length).unwrap_or_default();
        let Some(told) = Message::parse(bytes) else {
            continue;
        };
        // PID 1 speaks: whatever came before it has been said.
        let is_init = told.level > LEVEL_OF_KERNEL_MAX;
        if let Some(times) = &mut before
            && (is_init || times.take(told.microseconds, told.text))
        {
            times.tell(&mut output).map_err(|_| Errno::IO)?;
            before = None;
        }
        if told.level <= LEVEL_MAX && told.number >= next {
            let Message {
                number,
                level,
                microseconds,
                text,
            } = told;
            // Nobody reads any more.
            writeln!(output, "{number}\t{level}\t{microseconds}\t{text}").map_err(|_| Errno::IO)?;
        }
    }
}

/// A message. Its level is that of syslog(3), with the facility above it: the kernel's own is 0.
#[derive(Debug, PartialEq, Eq)]
struct Message<'m> {
    number: u64,
    level: u32,
    microseconds: u64,
    text: &'m str,
}

impl<'m> Message<'m> {
    fn parse(bytes: &'m [u8]) -> Option<Message<'m>> {
        let at = bytes.iter().position(|&byte| byte == b';')?;
        let (front, rest) = (bytes.get(..at)?, bytes.get(at + 1..)?);
        let mut fields = core::str::from_utf8(front).ok()?.split(',');
        let level: u32 = fields.next()?.parse().ok()?;
        let line = rest.split(|&byte| byte == b'\n').next()?;
        // Bytes that are no text are written as `\x..`, but for those above 127.
        let line = match core::str::from_utf8(line) {
            Ok(line) => line,
            Err(error) => core::str::from_utf8(line.get(..error.valid_up_to())?).ok()?,
        };
        Some(Message {
            number: fields.next()?.parse().ok()?,
            level,
            microseconds: fields.next()?.parse().ok()?,
            text: line,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read() {
        let check = |bytes: &[u8], expected: Option<(u64, u32, u64, &str)>| {
            let message = Message::parse(bytes);
            let found = message.map(|m| (m.number, m.level, m.microseconds, m.text));
            assert_eq!(found, expected, "{}", bytes.escape_ascii());
        };
        check(
            b"3,339,5140900,-;ata1: error\n SUBSYSTEM=scsi\n DEVICE=+scsi:1\n",
            Some((339, 3, 5_140_900, "ata1: error")),
        );
        check(
            b"0,1,2,-,caller=T1;panic; or not\n",
            Some((1, 0, 2, "panic; or not")),
        );
        // Less bad; a process's; later fields of a newer kernel.
        check(b"4,339,51,-;warning\n", Some((339, 4, 51, "warning")));
        check(
            b"11,339,51,-;a daemon's\n",
            Some((339, 11, 51, "a daemon's")),
        );
        check(b"2,7,8,c,more,fields;text", Some((7, 2, 8, "text")));
        check(b"3,7,8,-;ab\xffcd\n", Some((7, 3, 8, "ab")));
        check(b"3,7,8,-;\n", Some((7, 3, 8, "")));
        for broken in [
            "",
            ";",
            "3",
            "3,7",
            "3,7;x",
            "x,7,8,-;x",
            "3,x,8,-;x",
            "3,7,x,-;x",
            "-1,7,8,-;x",
        ] {
            check(broken.as_bytes(), None);
        }
    }
}
