//! `preroot-network BEGUN DEADLINE`: the network's state machine ([`preroot_boot::net`]) on the kernel.
//!
//! It ends only when it is killed, and can be started again at any moment: what was done is found done. What it does
//! is kept in /run/preroot/network, so that it can be undone.

use core::fmt::{Arguments, Write};

use preroot_boot::limits::COMMAND_LINE_BYTES_MAX;
use preroot_boot::machine::{Errno, Nanoseconds};
use preroot_boot::net::Net;
use preroot_plan::Plan;
use preroot_sys::event::{PollFd, PollFlags, poll};
use preroot_sys::fd::{AsFd, OwnedFd};
use preroot_sys::netlink::news;
use preroot_sys::time::Timespec;
use preroot_sys::{io, reap};

use super::wire::Kernel;
use super::{Stream, Words};
use crate::linux::{errno, read};
use crate::pid1::PLAN;
use crate::roles::load_modules::now;
use crate::statics;

/// How long it sleeps while a DHCP client of its own runs, whose end nothing else tells.
const CLIENT_NS_MAX: Nanoseconds = 5_000_000_000;
/// How long it sleeps at most.
const SLEEP_NS_MAX: Nanoseconds = 3_600_000_000_000;
/// ARP packets taken at once: on a busy link there is always another.
const PACKETS_AT_ONCE_MAX: usize = 64;

pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let moment = |at: usize| words.get(at).and_then(|word| word.parse().ok());
    let begun: Nanoseconds = moment(0).unwrap_or_else(now);
    let deadline = moment(1).filter(|deadline| *deadline != 0);
    let bytes = statics::PLAN.take().ok_or(Errno::INVAL)?;
    let length = read(PLAN, bytes).unwrap_or(0);
    // One that is damaged knows no host: then there are link-local addresses, and `ip=`.
    let plan = Plan::check(bytes.get(..length).unwrap_or_default()).ok();
    let mut line = [0; COMMAND_LINE_BYTES_MAX];
    let length = read("/proc/cmdline", &mut line).unwrap_or(0);
    let line = line
        .get(..length)
        .and_then(|line| core::str::from_utf8(line).ok());
    let news = news().map_err(errno)?;
    let mut kernel = Kernel::new()?;
    let mut net = Net::new(&mut kernel, plan, line.unwrap_or_default(), begun, deadline);
    loop {
        net.look(&mut kernel);
        wait(&news, &kernel, net.next());
        forget(&news);
        for _ in 0..PACKETS_AT_ONCE_MAX {
            let Some(packet) = kernel.hear_arp() else {
                break;
            };
            net.heard_arp(&mut kernel, &packet);
        }
        while let Some(reaped) = reap::any() {
            if let Some(interface) = kernel.client_ended(reaped.pid) {
                net.dhcp_ended(&interface);
            }
        }
    }
}

/// Sleeps until there is news, an ARP packet, or something to do.
fn wait(news: &OwnedFd, kernel: &Kernel, until: Option<Nanoseconds>) {
    let longest = if kernel.has_clients() {
        CLIENT_NS_MAX
    } else {
        SLEEP_NS_MAX
    };
    let left = until.map_or(longest, |until| until.saturating_sub(now()).min(longest));
    let timeout = Timespec {
        tv_sec: i64::try_from(left / 1_000_000_000).unwrap_or(1),
        tv_nsec: i64::try_from(left % 1_000_000_000).unwrap_or(0),
    };
    let news = PollFd::new(news, PollFlags::IN);
    // Woken too early, it looks once too often.
    let _ = match kernel.arp() {
        Some(arp) => poll(
            &mut [news, PollFd::new(&arp, PollFlags::IN)],
            Some(&timeout),
        ),
        None => poll(&mut [news], Some(&timeout)),
    };
}

/// What the news says is not read: everything is looked at anyway.
fn forget(news: &OwnedFd) {
    let mut buffer = [0; 64];
    // Too many at once are ENOBUFS, once; then what is queued can be read.
    while matches!(
        io::read(news.as_fd(), &mut buffer),
        Ok(_) | Err(io::Errno::NOBUFS)
    ) {}
}

/// A line to PID 1.
pub(super) fn say(line: Arguments<'_>) {
    // Whoever does not listen any more is not told.
    let _ = writeln!(Stream::output(), "{line}");
}
