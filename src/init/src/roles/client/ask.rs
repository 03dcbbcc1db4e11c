//! One datagram to PID 1, and its answer.

use preroot_boot::machine::Errno;
use preroot_sys::event::{PollFd, PollFlags, poll};
use preroot_sys::fd::{AsFd, OwnedFd};
use preroot_sys::io;
use preroot_sys::net::{
    AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, bind, connect, send,
    socket_with,
};
use preroot_sys::time::Timespec;

use super::super::Words;
use crate::limits::REQUEST_BYTES_MAX;
use crate::linux::{CONTROL, errno, receive};

/// ECONNREFUSED: the socket's owner is gone.
pub(super) const REFUSED_CONNECTION: Errno = Errno(111);

/// What is sent.
pub(super) type Request = heapless::Vec<u8, REQUEST_BYTES_MAX>;

/// The words as one line, as a kernel command line has them: one with a blank in it is quoted. `None`: it is too long, or
/// a word cannot be said so.
pub(super) fn compose(words: &Words, request: &mut Request) -> Option<()> {
    for word in words {
        if word.bytes().any(|byte| byte == b'"') {
            return None;
        }
        let is_quoted = word.is_empty() || word.bytes().any(|byte| byte.is_ascii_whitespace());
        let quote: &[u8] = if is_quoted { b"\"" } else { b"" };
        let blank: &[u8] = if request.is_empty() { b"" } else { b" " };
        for part in [blank, quote, word.as_bytes(), quote] {
            request.extend_from_slice(part).ok()?;
        }
    }
    Some(())
}

/// Asks, and waits for the answer so many ms at most. `TIMEDOUT`: there came none.
pub(super) fn ask<'a>(
    request: &[u8],
    answer: &'a mut [u8],
    wait_ms: u32,
) -> Result<&'a str, Errno> {
    ask_on(&open()?, request, answer, wait_ms)
}

/// The same on a connection that is kept: it leads to PID 1 even where the socket's name has gone. Answers that came too late
/// are dropped.
pub(in crate::roles) fn ask_on<'a>(
    socket: &OwnedFd,
    request: &[u8],
    answer: &'a mut [u8],
    wait_ms: u32,
) -> Result<&'a str, Errno> {
    while receive(socket.as_fd(), answer).is_ok() {}
    let timeout = Timespec {
        tv_sec: i64::from(wait_ms / 1000),
        tv_nsec: 0,
    };
    // Where others send more than PID 1 has read, there is no room at once.
    let mut writable = [PollFd::new(socket, PollFlags::OUT)];
    if poll(&mut writable, Some(&timeout)).map_err(errno)? == 0 {
        return Err(Errno::TIMEDOUT);
    }
    let flags = SendFlags::NOSIGNAL;
    send(socket, request, flags).map_err(errno)?;
    let mut readable = [PollFd::new(socket, PollFlags::IN)];
    if poll(&mut readable, Some(&timeout)).map_err(errno)? == 0 {
        return Err(Errno::TIMEDOUT);
    }
    let (length, _) = receive(socket.as_fd(), answer)?;
    let bytes = answer.get(..length).unwrap_or_default();
    Ok(preroot_record::text(bytes))
}

/// A connection to PID 1.
pub(in crate::roles) fn open() -> Result<OwnedFd, Errno> {
    connected().map_err(errno)
}

fn connected() -> Result<OwnedFd, io::Errno> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_a_line() {
        let check = |words: &[&'static str], expected: Option<&str>| {
            let words = Words::from_slice(words).unwrap();
            let mut request = Request::new();
            let composed = compose(&words, &mut request);
            let line = core::str::from_utf8(&request).unwrap();
            assert_eq!(composed.map(|()| line), expected);
        };
        check(&["retry"], Some("retry"));
        check(
            &["continue", "root=LABEL=my root", "ro"],
            Some("continue \"root=LABEL=my root\" ro"),
        );
        check(&["hold", ""], Some("hold \"\""));
        check(&["continue", "root=LABEL=\"x"], None);
    }
}
