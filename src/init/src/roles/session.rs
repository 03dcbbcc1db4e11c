//! The shell of a session: what sshd has for itself is not what a person starts has.
//!
//! sshd is never killed for memory, and its children are born the same (proc_pid_oom_score_adj(5)): a session
//! that takes all of it would have the kernel end everything else first, and then panic for want of a victim. So each
//! session begins here and is a victim like others, only the last one.

use core::fmt::Write;

use preroot_boot::limits::SESSION_OOM_SCORE;
use preroot_sys::entry::Arguments;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::io;

use super::Stream;
use super::tool::NOT_EXECUTABLE;
use crate::linux::compose;

/// Becomes the shell, as a login shell if it was called as one.
pub(super) fn run(name: &str, arguments: Arguments) -> i32 {
    // A person without it is better off than one without a shell.
    let _ = set_oom_score();
    let shell = match name.starts_with('-') {
        true => c"-sh",
        false => c"sh",
    };
    let errno = arguments.exec_as(c"/bin/sh", shell).raw_os_error();
    let _ = writeln!(Stream::error(), "/bin/sh: errno {errno}");
    NOT_EXECUTABLE
}

fn set_oom_score() -> Option<()> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = open("/proc/self/oom_score_adj", flags, Mode::empty()).ok()?;
    let score = compose(format_args!("{SESSION_OOM_SCORE}"))?;
    io::write(&file, score.as_bytes()).ok().map(drop)
}
