//! The helpers: the program `preroot-helper` as a child of PID 1, known by its `argv[0]` ([`preroot_boot::roles`]).
//!
//! Each does one thing that can hang, says what it found in lines, and exits with 0 or an errno. Any
//! other name is that of a tool which the image carries packed: `tool.rs` unpacks and becomes it.

mod all_modules;
mod before_init;
mod client;
mod handover;
mod healthy;
mod holders;
mod inventory;
mod keep;
mod kernel_log;
mod lease;
mod load_modules;
mod mount;
mod network;
mod no_shell;
mod options;
mod probe;
mod pstore;
mod session;
mod syslog;
mod tell;
mod tool;
mod unmount;
mod utmp;
mod watchdog;
mod wire;

use core::ffi::CStr;
use core::fmt::{self, Write};
use core::panic::PanicInfo;

use heapless::Vec;
use preroot_boot::machine::Errno;
use preroot_boot::roles;
use preroot_sys::entry::Arguments;
use preroot_sys::fd::BorrowedFd;
use preroot_sys::strings::STRINGS_MAX;
use preroot_sys::{descriptor, io, spawn, thread};

use crate::limits::STREAM_BYTES;
use crate::linux::with_nul;

pub(crate) use self::inventory::{Disk, Nic};

/// Exit code when the words on the command line make no sense.
const USAGE: i32 = 100;
/// Exit code of a helper that panicked.
const PANICKED: i32 = 101;

/// The words behind `argv[0]`.
type Words = Vec<&'static str, STRINGS_MAX>;

/// Runs the role that `argv[0]` names and returns its exit code.
#[must_use]
pub fn run(mut arguments: Arguments) -> i32 {
    let started = arguments;
    let name = arguments.next().and_then(|word: &CStr| word.to_str().ok());
    let name = name
        .and_then(|path| path.rsplit('/').next())
        .unwrap_or_default();
    if name.trim_start_matches('-') == roles::SESSION {
        return session::run(name, started);
    }
    let mut words = Words::new();
    let has_sense = arguments.all(|word| word.to_str().map(|word| words.push(word)) == Ok(Ok(())));
    // What a shell is asked to do may be anything.
    if !has_sense && name.starts_with(roles::CLIENT) {
        return USAGE;
    }
    // Started from a descriptor, the kernel has named it after that.
    if let Some(short) = with_nul::<16>(name.get(..name.len().min(15)).unwrap_or_default()) {
        let _ = thread::set_name(short.as_c_str());
    }
    match name {
        roles::LOAD_MODULES => code(|| load_modules::run(&words)),
        roles::LOAD_ALL_MODULES => code(all_modules::run),
        roles::PROBE => code(|| probe::run(&words)),
        roles::NETWORK => code(|| network::run(&words)),
        roles::LEASE => code(|| lease::run(&words, started)),
        roles::INVENTORY => code(|| inventory::run(&words)),
        roles::MOUNT => code(|| mount::run(&words)),
        roles::UNMOUNT => code(|| unmount::run(&words)),
        roles::HOLDERS => code(|| holders::run(&words)),
        roles::KEEP => code(|| keep::run(&words)),
        roles::KERNEL_LOG => code(|| kernel_log::run(&words)),
        roles::TELL => code(|| tell::run(&words)),
        roles::UTMP => code(|| utmp::run(&words)),
        roles::HANDOVER => code(|| handover::run(&words, started)),
        roles::HEALTHY => code(|| healthy::run(&words)),
        roles::SYSLOG => code(|| syslog::run(&words)),
        roles::PSTORE => code(|| pstore::run(&words)),
        roles::WATCHDOG => code(|| watchdog::run(&words)),
        roles::CLIENT => apart(|| client::run(&words)),
        _ => apart(|| tool::run(name, &words, started)),
    }
}

fn code(role: impl FnOnce() -> Result<(), Errno>) -> i32 {
    apart(|| role().map_or_else(|errno| i32::from(errno.0), |()| 0))
}

/// Never part of its caller: what one role has on its stack would be touched, page by page, at the start of every other.
#[inline(never)]
fn apart(role: impl FnOnce() -> i32) -> i32 {
    role()
}

/// A helper that panics says so and ends.
pub fn panicked(info: &PanicInfo<'_>) -> ! {
    let _ = writeln!(Stream::error(), "preroot helper {info}");
    spawn::exit(PANICKED)
}

/// A standard stream that text is written to, a line at a time so that lines of several helpers do not mix, or as much as fits, until
/// it is sent: whoever reads it is woken once.
struct Stream {
    fd: BorrowedFd<'static>,
    text: Vec<u8, STREAM_BYTES>,
    sends: Sends,
}

/// When a stream's text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sends {
    EachLine,
    WhenAsked,
}

impl Stream {
    fn output() -> Stream {
        Stream::to(descriptor::stdout(), Sends::EachLine)
    }

    /// The same, sent when it is asked to be, or when there is no more room.
    fn output_at_once() -> Stream {
        Stream::to(descriptor::stdout(), Sends::WhenAsked)
    }

    fn error() -> Stream {
        Stream::to(descriptor::stderr(), Sends::EachLine)
    }

    fn to(fd: BorrowedFd<'static>, sends: Sends) -> Stream {
        let text = Vec::new();
        Stream { fd, text, sends }
    }

    fn flush(&mut self) -> fmt::Result {
        let mut rest = self.text.as_slice();
        while !rest.is_empty() {
            let written = io::write(self.fd, rest).map_err(|_| fmt::Error)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        self.text.clear();
        Ok(())
    }
}

impl Write for Stream {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.text.is_full() {
                self.flush()?;
            }
            self.text.push(byte).map_err(|_| fmt::Error)?;
            if byte == b'\n' && self.sends == Sends::EachLine {
                self.flush()?;
            }
        }
        Ok(())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
