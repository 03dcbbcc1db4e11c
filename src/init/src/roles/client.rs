//! `preroot WORD`: what an operator says to PID 1, and its answer.

use core::fmt::Write;

use preroot_boot::machine::Errno;
use preroot_sys::event::{PollFd, PollFlags, poll};
use preroot_sys::fd::{AsFd, OwnedFd};
use preroot_sys::io;
use preroot_sys::net::{
    AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, bind, connect, send,
    socket_with,
};
use preroot_sys::time::Timespec;

use super::{Stream, USAGE, Words, handover, holders};
use crate::limits::{ANSWER_MS_MAX, CONTROL_BYTES_MAX};
use crate::linux::{CONTROL, errno, receive};

const REFUSED: i32 = 1;
pub(super) const UNAVAILABLE: i32 = 69;
pub(super) const SYSTEM: i32 = 111;

const HELP: &str = "preroot WORD: speaks to PID 1
  status    where the boot stands, and what it waits for
  holders   who uses the root, and keeps it from being unmounted
  handover  what was made and handed to the root: the receipt; --check: what of it still stands; --undo: commands that
            undo what still stands, for sh
  continue  go on with the boot
  retry     try the stage that failed again
  reboot    shut down and reboot
  poweroff  shut down and switch off
  halt      shut down and halt
Exit codes: 0 fine, 1 refused, 69 nobody answers, 100 usage, 111 system.
";

/// Sends the words as one datagram and prints the answer.
pub(super) fn run(words: &Words) -> i32 {
    match words.as_slice() {
        [] => {
            let _ = Stream::error().write_str(HELP);
            return USAGE;
        }
        ["holders"] => return holders::client(),
        ["handover", options @ ..] => return handover::client(options),
        ["help" | "--help" | "-h"] => {
            let _ = Stream::output().write_str(HELP);
            return 0;
        }
        _ => {}
    }
    let mut request = heapless::Vec::<u8, CONTROL_BYTES_MAX>::new();
    for word in words {
        let blank: &[u8] = if request.is_empty() { b"" } else { b" " };
        let fits = request.extend_from_slice(blank).is_ok()
            && request.extend_from_slice(word.as_bytes()).is_ok();
        if !fits {
            return USAGE;
        }
    }
    let mut answer = [0; CONTROL_BYTES_MAX];
    match ask(&request, &mut answer) {
        Ok(length) => tell(answer.get(..length).unwrap_or_default()),
        Err(Errno::TIMEDOUT) => {
            complain("PID 1 does not answer");
            UNAVAILABLE
        }
        Err(Errno::NOENT | REFUSED_CONNECTION) => {
            complain(
                "PID 1 does not listen at /run/preroot/control: has it handed over, or is this not its machine?",
            );
            UNAVAILABLE
        }
        Err(errno) => {
            let _ = writeln!(Stream::error(), "preroot: {CONTROL}: errno {}", errno.0);
            SYSTEM
        }
    }
}

/// ECONNREFUSED: the socket's owner is gone.
const REFUSED_CONNECTION: Errno = Errno(111);

fn complain(words: &str) {
    let _ = writeln!(Stream::error(), "preroot: {words}");
}

fn tell(answer: &[u8]) -> i32 {
    let text = core::str::from_utf8(answer).unwrap_or("error: the answer is no text");
    let is_refused = text.starts_with("error:");
    let mut stream = if is_refused {
        Stream::error()
    } else {
        Stream::output()
    };
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(stream, "{text}{end}") {
        Ok(()) if is_refused => REFUSED,
        Ok(()) => 0,
        Err(_) => SYSTEM,
    }
}

fn ask(request: &[u8], answer: &mut [u8]) -> Result<usize, Errno> {
    let socket = open().map_err(errno)?;
    send(&socket, request, SendFlags::NOSIGNAL).map_err(errno)?;
    let mut polled = [PollFd::new(&socket, PollFlags::IN)];
    let timeout = Timespec {
        tv_sec: i64::from(ANSWER_MS_MAX / 1000),
        tv_nsec: 0,
    };
    if poll(&mut polled, Some(&timeout)).map_err(errno)? == 0 {
        return Err(Errno::TIMEDOUT);
    }
    receive(socket.as_fd(), answer).map(|(length, _)| length)
}

fn open() -> Result<OwnedFd, io::Errno> {
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // An address of the kernel's choice, to be answered at (unix(7), autobind).
    bind(&socket, &SocketAddrUnix::new_unnamed())?;
    connect(&socket, &SocketAddrUnix::new(CONTROL)?)?;
    Ok(socket)
}
