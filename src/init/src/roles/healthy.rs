//! `preroot-healthy ADDRESS:PORT [PID]`: whether the real sshd serves there.
//!
//! Healthy is one that accepts a connection and says its identification (`SSH-2.0-...`, RFC 4253, section 4.2, which may
//! come behind other lines) within [`BANNER_MS_MAX`]: an sshd says it out of the process that it has started for the
//! connection. One that only listens is not. It is asked with growing pauses until it answers.
//!
//! Once it has, each connection would be a line in its log, so what is looked at is whether anybody listens there
//! (/proc/net/tcp, tcp6); it is asked again when nobody does, and every [`BANNER_AGAIN_MS`] in any case.
//!
//! Never blocks but in poll(2) and sleep.

use core::fmt::Write;
use core::net::{IpAddr, SocketAddr};

use preroot_boot::machine::{Errno, Nanoseconds};
use preroot_boot::roles::{HEALTHY_ANSWERS, HEALTHY_GONE};
use preroot_sys::clock::now_ns;
use preroot_sys::event::{PollFd, PollFlags, poll};
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, open};
use preroot_sys::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with, sockopt};
use preroot_sys::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use preroot_sys::time::{ClockId, Timespec};
use preroot_sys::{io, thread};

use super::{Stream, Words};
use crate::limits::{
    BANNER_AGAIN_MS, BANNER_BYTES_MAX, BANNER_MS_MAX, BANNER_PAUSE_MS_MAX, BANNER_PAUSE_MS_MIN,
    BANNER_TRIES_MAX, LISTENS_MS,
};
use crate::linux::errno;

/// What a line of /proc/net/tcp has as state of a socket that listens (include/net/tcp_states.h).
const TCP_LISTEN: &str = "0A";

/// What it has said.
type Banner = heapless::String<BANNER_BYTES_MAX>;

/// Never returns without PID, but with errno.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let (address, pid) = match words.as_slice() {
        [address] => (address, None),
        [address, pid] => (address, Some(*pid)),
        _ => return Err(Errno::INVAL),
    };
    let address: SocketAddr = address.parse().map_err(|_| Errno::INVAL)?;
    if let Some(pid) = pid {
        return end_when_healthy(address, pid);
    }
    let mut output = Stream::output();
    loop {
        let banner = until_healthy(address);
        writeln!(output, "{HEALTHY_ANSWERS} {address} {banner}").map_err(|_| Errno::IO)?;
        until_gone(address);
        writeln!(output, "{HEALTHY_GONE} {address}").map_err(|_| Errno::IO)?;
    }
}

/// Ends the process once the real sshd serves. It is held by a descriptor: another of its number is not it.
fn end_when_healthy(address: SocketAddr, pid: &str) -> Result<(), Errno> {
    let pid = pid.parse().ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(Errno::INVAL)?;
    let process = pidfd_open(pid, PidfdFlags::empty()).map_err(errno)?;
    let banner = until_healthy(address);
    let ended = pidfd_send_signal(&process, Signal::TERM);
    let mut line = heapless::String::<400>::new();
    // What does not fit is cut.
    let _ = writeln!(
        line,
        "<6>preroot: {address} answers {banner}: the rescue sshd ends"
    );
    let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // A log that is full must not keep it from ending.
    let _ =
        open("/dev/kmsg", flags, Mode::empty()).and_then(|log| io::write(&log, line.as_bytes()));
    ended.map_err(errno)
}

fn until_healthy(address: SocketAddr) -> Banner {
    let mut pause_ms = BANNER_PAUSE_MS_MIN;
    loop {
        if let Ok(banner) = ask(address) {
            return banner;
        }
        sleep(pause_ms);
        pause_ms = (pause_ms * 2).min(BANNER_PAUSE_MS_MAX);
    }
}

/// Returns when it has not answered some times in a row.
fn until_gone(address: SocketAddr) {
    let mut asked_at = now();
    let mut failed = 0;
    while failed < BANNER_TRIES_MAX {
        sleep(LISTENS_MS);
        let is_time = now().saturating_sub(asked_at) >= u64::from(BANNER_AGAIN_MS) * 1_000_000;
        if failed == 0 && !is_time && listens(address) {
            continue;
        }
        asked_at = now();
        failed = match ask(address) {
            Ok(_) => 0,
            Err(_) => failed + 1,
        };
    }
}

/// Connects and reads up to the identification.
fn ask(address: SocketAddr) -> Result<Banner, Errno> {
    let until = now().saturating_add(u64::from(BANNER_MS_MAX) * 1_000_000);
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None).map_err(errno)?;
    match connect(&socket, &address) {
        Ok(()) => {}
        Err(io::Errno::INPROGRESS) => {
            wait(&socket, PollFlags::OUT, until)?;
            sockopt::socket_error(&socket)
                .and_then(|connected| connected)
                .map_err(errno)?;
        }
        Err(other) => return Err(errno(other)),
    }
    let mut lines = Banners::default();
    let mut buffer = [0; BANNER_BYTES_MAX];
    loop {
        wait(&socket, PollFlags::IN, until)?;
        let length = match io::read(&socket, &mut buffer) {
            Ok(0) => return Err(Errno::IO),
            Ok(length) => length,
            Err(io::Errno::AGAIN) => continue,
            Err(other) => return Err(errno(other)),
        };
        if let Some(banner) = lines.take(buffer.get(..length).unwrap_or_default())? {
            return Ok(banner);
        }
    }
}

/// Lines before the identification, of which there may be some.
#[derive(Default)]
struct Banners {
    line: Banner,
    bytes: usize,
}

impl Banners {
    /// Takes what was read; the identification when it is whole.
    fn take(&mut self, bytes: &[u8]) -> Result<Option<Banner>, Errno> {
        self.bytes += bytes.len();
        for &byte in bytes {
            match byte {
                b'\n'
                    if self.line.starts_with("SSH-2.0-") || self.line.starts_with("SSH-1.99-") =>
                {
                    return Ok(Some(core::mem::take(&mut self.line)));
                }
                b'\n' => self.line.clear(),
                // It goes into the record: nothing that a terminal obeys.
                b' '..=b'~' => {
                    let _ = self.line.push(char::from(byte));
                }
                _ => {}
            }
        }
        // One that talks and never says it is none.
        if self.bytes > 16 * BANNER_BYTES_MAX {
            return Err(Errno::BADMSG);
        }
        Ok(None)
    }
}

fn wait(socket: &OwnedFd, what: PollFlags, until: Nanoseconds) -> Result<(), Errno> {
    let left = until.saturating_sub(now());
    let mut polled = [PollFd::new(socket, what)];
    match poll(&mut polled, Some(&timespec(left))).map_err(errno)? {
        0 => Err(Errno::TIMEDOUT),
        _ => Ok(()),
    }
}

/// Whether somebody listens at that address and port, or at that port of every address. What cannot be read is asked.
fn listens(address: SocketAddr) -> bool {
    // One that listens on :: takes IPv4 too.
    let tables: &[&str] = match address {
        SocketAddr::V4(_) => &["/proc/net/tcp", "/proc/net/tcp6"],
        SocketAddr::V6(_) => &["/proc/net/tcp6"],
    };
    tables.iter().any(|table| {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let Ok(file) = open(*table, flags, Mode::empty()) else {
            return false;
        };
        let mut lines = Table::default();
        let mut buffer = [0; 1024];
        loop {
            match io::read(&file, &mut buffer) {
                Ok(length @ 1..) => {
                    let found = lines.look(buffer.get(..length).unwrap_or_default(), address);
                    if let Some(found) = found {
                        return found;
                    }
                }
                _ => return false,
            }
        }
    })
}

/// Lines of /proc/net/tcp. Those that listen come first (net/ipv4/tcp_ipv4.c, tcp_seek_last_pos).
#[derive(Default)]
struct Table {
    line: heapless::Vec<u8, 160>,
}

impl Table {
    /// Looks through a piece; whether it is there, as soon as that is known.
    fn look(&mut self, bytes: &[u8], address: SocketAddr) -> Option<bool> {
        for &byte in bytes {
            if byte != b'\n' {
                let _ = self.line.push(byte);
                continue;
            }
            let line = core::str::from_utf8(&self.line).unwrap_or_default();
            let mut words = line.split_ascii_whitespace().skip(1);
            let (local, _, state) = (words.next(), words.next(), words.next());
            let found = match (local, state) {
                (Some("local_address"), _) => None,
                (Some(local), Some(TCP_LISTEN)) => is_its(local, address).then_some(true),
                // From here on they are connections, and there may be many.
                _ => Some(false),
            };
            self.line.clear();
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// `0100007F:0016`: words of the address as this machine stores them, and the port.
fn is_its(local: &str, address: SocketAddr) -> bool {
    let Some((ip, port)) = local.split_once(':') else {
        return false;
    };
    if u16::from_str_radix(port, 16) != Ok(address.port()) {
        return false;
    }
    if ip.bytes().all(|byte| byte == b'0') {
        return true;
    }
    let (four, six);
    let octets: &[u8] = match address.ip() {
        IpAddr::V4(v4) => {
            four = v4.octets();
            &four
        }
        IpAddr::V6(v6) => {
            six = v6.octets();
            &six
        }
    };
    let mut words = octets.chunks_exact(4);
    let mut rest = ip;
    words.all(|word| {
        let (Some(digits), Ok(word)) = (rest.get(..8), <[u8; 4]>::try_from(word)) else {
            return false;
        };
        rest = rest.get(8..).unwrap_or_default();
        u32::from_str_radix(digits, 16) == Ok(u32::from_ne_bytes(word))
    })
}

fn sleep(milliseconds: u32) {
    let _ = thread::nanosleep(&timespec(u64::from(milliseconds) * 1_000_000));
}

fn timespec(duration: Nanoseconds) -> Timespec {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    Timespec {
        tv_sec: number(duration / 1_000_000_000),
        tv_nsec: number(duration % 1_000_000_000),
    }
}

fn now() -> Nanoseconds {
    now_ns(ClockId::Monotonic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifications_are_told_from_other_lines() {
        let check = |said: &[u8], expected: Option<&str>| {
            for cut in 0..=said.len() {
                let mut lines = Banners::default();
                let (first, rest) = said.split_at(cut);
                let mut found = lines.take(first).expect("short");
                if found.is_none() {
                    found = lines.take(rest).expect("short");
                }
                assert_eq!(found.as_deref(), expected, "{cut}");
            }
        };
        check(
            b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
            Some("SSH-2.0-OpenSSH_9.2p1 Debian-2"),
        );
        check(b"Hello\r\nSSH-1.99-x\n", Some("SSH-1.99-x"));
        check(b"SSH-2.0-\x1b[2Jx\n", Some("SSH-2.0-[2Jx"));
        check(b"SSH-2.0-no line end", None);
        check(b"HTTP/1.1 400 Bad Request\r\n\r\n", None);
        check(b"SSH-1.5-old\n", None);
        check(b"", None);
    }

    #[test]
    fn one_that_only_talks_is_none() {
        let mut lines = Banners::default();
        let line = [b'x'; BANNER_BYTES_MAX];
        let refused = (0..20).find_map(|_| lines.take(&line).err());
        assert_eq!(refused, Some(Errno::BADMSG));
    }

    /// What is said to whom connects, and what is heard of it.
    #[test]
    fn only_one_that_says_its_identification_is_healthy() {
        use std::io::Write;
        use std::net::TcpListener;
        let check = |said: &'static [u8], expected: Result<&str, Errno>| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = std::thread::spawn(move || {
                let (mut client, _) = listener.accept().unwrap();
                client.write_all(said).unwrap();
            });
            let heard = ask(address);
            let heard = heard.as_deref().map_err(|&errno| errno);
            assert_eq!(heard, expected);
            server.join().unwrap();
        };
        check(b"SSH-2.0-x\r\n", Ok("SSH-2.0-x"));
        check(b"Welcome\r\nSSH-2.0-x\r\n", Ok("SSH-2.0-x"));
        check(b"HTTP/1.0 400\r\n", Err(Errno::IO));
        check(b"", Err(Errno::IO));
        // Nobody listens there any more.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(ask(address), Err(Errno(111)));
    }

    #[test]
    fn one_that_listens_and_says_nothing_is_not_healthy() {
        let listener = std::net::TcpListener::bind("[::1]:0").unwrap();
        let address = listener.local_addr().unwrap();
        // The kernel accepts for it.
        assert_eq!(ask(address), Err(Errno::TIMEDOUT));
        assert!(listens(address));
        drop(listener);
        assert!(!listens(address));
    }

    const TCP: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11
   1: 00000000:08AE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12
   2: 0100007F:0050 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 13
";
    const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue
   0: B80D0120000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 00000000000000000000000000000000:0019 00000000000000000000000000000000:0000 0A 00000000:00000000
";

    #[test]
    fn who_listens_is_found() {
        let check = |table: &str, address: &str, expected: bool| {
            let address = address.parse().unwrap();
            for cut in 0..table.len() {
                let (first, rest) = table.as_bytes().split_at(cut);
                let mut lines = Table::default();
                let found = lines.look(first, address);
                let found = found.or_else(|| lines.look(rest, address));
                assert_eq!(found.unwrap_or(false), expected, "{address} {cut}");
            }
        };
        check(TCP, "127.0.0.1:22", true);
        check(TCP, "127.0.0.2:22", false);
        check(TCP, "127.0.0.1:23", false);
        check(TCP, "10.0.2.15:2222", true);
        check(TCP, "127.0.0.1:80", false);
        check(TCP6, "[2001:db8::1]:22", true);
        check(TCP6, "[2001:db8::2]:22", false);
        check(TCP6, "[::1]:25", true);
    }
}
