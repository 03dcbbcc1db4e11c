//! `preroot-syslog RECEIVERS WORD LINE DETAIL CONFIG CLOCK`: sends a verdict to a fleet's log.
//!
//! Where RECEIVERS is empty, they and CONFIG are those of the image's plan: a core that has panicked names none.
//!
//! A datagram is handed to the kernel once for each receiver, and again only when the kernel or the network has said
//! that it did not get there: no route yet, nobody answers for the address (ARP takes three seconds to say so), nobody
//! listens. That is tried again for [`SYSLOG_NS_MAX`]. So a receiver gets a verdict at most once.
//!
//! Never blocks but in poll(2).

mod message;

use core::fmt::Write;
use core::net::SocketAddr;

use heapless::Vec;
use preroot_boot::limits::SYSLOG_NS_MAX;
use preroot_boot::machine::{Errno, Nanoseconds};
use preroot_plan::Plan;
use preroot_plan::limits::SYSLOG_TARGETS_MAX;
use preroot_sys::clock::now_ns;
use preroot_sys::event::{PollFd, PollFlags, poll};
use preroot_sys::fd::OwnedFd;
use preroot_sys::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, connect, send, socket_with, sockopt,
};
use preroot_sys::system::uname;
use preroot_sys::time::{ClockId, Timespec};
use preroot_sys::{io, thread};

use self::message::{Datagram, Message};
use super::{Stream, Words};
use crate::limits::{SYSLOG_HEARD_MS, SYSLOG_PAUSE_MS_MAX, SYSLOG_PAUSE_MS_MIN};
use crate::linux::{errno, read};
use crate::pid1::PLAN;
use crate::statics;

/// A receiver, and how far it is.
struct Receiver<'w> {
    name: &'w str,
    address: Option<SocketAddr>,
    socket: Option<OwnedFd>,
    tries: u32,
    errno: Errno,
    bytes: usize,
    is_done: bool,
}

/// Sends it to each.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let [receivers, word, line, detail, config, clock] = words.as_slice() else {
        return Err(Errno::INVAL);
    };
    let (receivers, config) = match *receivers {
        "" => of_plan().ok_or(Errno::NOENT)?,
        named => (named, *config),
    };
    if receivers.is_empty() {
        return Ok(());
    }
    let datagram = datagram(word, line, detail, config, clock);
    let mut all = Vec::<Receiver<'_>, SYSLOG_TARGETS_MAX>::new();
    for name in receivers.split(' ').take(SYSLOG_TARGETS_MAX) {
        let address = name.parse::<SocketAddr>().ok();
        let receiver = Receiver {
            name,
            address,
            socket: None,
            tries: 0,
            errno: Errno::INVAL,
            bytes: 0,
            is_done: address.is_none(),
        };
        let _ = all.push(receiver);
    }
    let until = now().saturating_add(SYSLOG_NS_MAX);
    let mut pause_ms = SYSLOG_PAUSE_MS_MIN;
    loop {
        for receiver in all.iter_mut().filter(|receiver| !receiver.is_done) {
            receiver.try_once(&datagram);
        }
        hear(&mut all);
        if all.iter().all(|receiver| receiver.is_done) || now() >= until {
            break;
        }
        sleep(pause_ms);
        pause_ms = (pause_ms * 2).min(SYSLOG_PAUSE_MS_MAX);
    }
    let mut output = Stream::output();
    for receiver in &all {
        let (name, bytes, tries) = (receiver.name, receiver.bytes, receiver.tries);
        let errno = receiver.errno.0;
        writeln!(output, "{name} {word} {bytes} {errno} {tries}").map_err(|_| Errno::IO)?;
    }
    Ok(())
}

/// Whom the plan names, and its config's name.
fn of_plan() -> Option<(&'static str, &'static str)> {
    let bytes = statics::PLAN.take()?;
    let length = read(PLAN, bytes).ok()?;
    let bytes: &'static [u8] = bytes;
    let plan = Plan::check(bytes.get(..length)?).ok()?;
    let settings = plan.settings();
    Some((plan.text(settings.syslog), plan.text(settings.name)))
}

fn datagram(word: &str, line: &str, detail: &str, config: &str, clock: &str) -> Datagram {
    let (mut boot, mut digests) = ([0; 64], [0; 256]);
    let boot = file("/proc/sys/kernel/random/boot_id", &mut boot);
    let digests = file("/etc/preroot/digests", &mut digests);
    let digest = |name: &str| {
        let mut lines = digests.lines().map(str::split_ascii_whitespace);
        let found = lines.find_map(|mut words| (words.next() == Some(name)).then(|| words.next()));
        found.flatten().unwrap_or_default()
    };
    let kernel = uname();
    let message = Message {
        word,
        line,
        detail,
        host: kernel.nodename().to_str().unwrap_or_default(),
        time_us: (clock == "+").then(|| now_ns(ClockId::Realtime) / 1000),
        boot,
        image: digest("image"),
        plan: digest("plan"),
        config,
    };
    message.datagram()
}

/// A small file; empty when it cannot be read.
fn file<'b>(path: &str, buffer: &'b mut [u8]) -> &'b str {
    let length = read(path, buffer).unwrap_or(0);
    let bytes = buffer.get(..length).unwrap_or_default();
    core::str::from_utf8(bytes).unwrap_or_default().trim_ascii()
}

impl Receiver<'_> {
    /// Hands it to the kernel. What the kernel does not take now it may take later.
    fn try_once(&mut self, datagram: &Datagram) {
        let Some(address) = self.address else { return };
        self.tries = self.tries.saturating_add(1);
        match hand_over(address, datagram) {
            Ok((socket, bytes)) => {
                self.socket = Some(socket);
                self.bytes = bytes;
                self.errno = Errno(0);
            }
            Err(failed) => {
                self.errno = errno(failed);
                self.bytes = 0;
            }
        }
    }
}

/// One datagram. The socket is connected, so that it hears what becomes of it (udp(7)).
fn hand_over(address: SocketAddr, datagram: &Datagram) -> Result<(OwnedFd, usize), io::Errno> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
    connect(&socket, &address)?;
    let bytes = send(&socket, datagram, SendFlags::NOSIGNAL)?;
    Ok((socket, bytes))
}

/// Listens for a while to what the network says of those that were sent: no word is good word.
fn hear(all: &mut [Receiver<'_>]) {
    let until = now().saturating_add(u64::from(SYSLOG_HEARD_MS) * 1_000_000);
    while all.iter().any(|receiver| receiver.socket.is_some()) {
        let left = until.saturating_sub(now());
        if left == 0 {
            break;
        }
        let sockets = all.iter().filter_map(|receiver| receiver.socket.as_ref());
        let mut polled: Vec<PollFd<'_>, SYSLOG_TARGETS_MAX> = sockets
            .map(|socket| PollFd::new(socket, PollFlags::empty()))
            .collect();
        let timeout = timespec(left);
        // An error of poll(2) itself: what is open is taken as it is.
        if poll(&mut polled, Some(&timeout)).is_err() {
            break;
        }
        drop(polled);
        for receiver in all.iter_mut() {
            let heard = receiver
                .socket
                .as_ref()
                .and_then(|socket| sockopt::socket_error(socket).ok()?.err());
            if let Some(failed) = heard {
                receiver.errno = errno(failed);
                receiver.socket = None;
            }
        }
    }
    for receiver in all.iter_mut() {
        receiver.is_done |= receiver.socket.take().is_some();
    }
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
