//! Who is logged in, out of what the rescue sshd writes: the record's who, from where, when and how it ended.
//!
//! Invariants:
//! - A session is over when its sshd says so or its process is gone, whichever comes first.
//! - However many connect and say nothing, there is room for one more, in a few seconds at the latest: sshd alone
//!   would keep them for minutes, and everybody else from their address out.
//! - However many are refused, few frames are written: the first ones, then one each time their number has doubled.
//!
//! When PID 1 has become the root's own init, or its core has panicked, nobody reads these lines: sessions go on and
//! are not recorded.

use heapless::{String, Vec};
use preroot_record::Session as Record;

use crate::core::Boot;
use crate::limits::{
    SESSION_ASK_NS, SESSION_DEPTH_MAX, SESSION_FROM_BYTES_MAX, SESSION_LINE_BYTES_MAX,
    SESSION_LOGIN_NS_MAX, SESSION_LOGIN_NS_MIN, SESSION_REFUSED_RECORDED_MAX,
    SESSION_USER_BYTES_MAX, SESSION_WHO_BYTES_MAX, SESSION_WHY_BYTES_MAX, SESSIONS_MAX,
    SESSIONS_TRYING_MAX, SESSIONS_TRYING_OF_ADDRESS_MAX,
};
use crate::machine::{Machine, Nanoseconds};
use crate::session_lines::{Kind, Said, read};
use crate::text::{Lines, cut, split_at_words, text};

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It has come, and may have tried to log in.
    Trying,
    /// It is logged in.
    In,
}

/// A connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    state: State,
    /// Its sshd; 0: not known.
    pid: u32,
    pub(crate) since: Nanoseconds,
    /// `ADDRESS:PORT`, with brackets around an IPv6 address.
    pub(crate) from: String<SESSION_FROM_BYTES_MAX>,
    pub(crate) user: String<SESSION_USER_BYTES_MAX>,
    /// The key or certificate it came with last.
    pub(crate) who: String<SESSION_WHO_BYTES_MAX>,
    /// What was said about it last.
    why: String<SESSION_WHY_BYTES_MAX>,
}

/// Who is logged in.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    lines: Lines<SESSION_LINE_BYTES_MAX>,
    peers: Vec<Peer, SESSIONS_MAX>,
    /// How many were refused in this boot.
    refused: u32,
    /// When is looked next whether their processes are there.
    ask: Option<Nanoseconds>,
    /// When the next one that only tries has to go.
    room_at: Option<Nanoseconds>,
}

impl Peer {
    /// Where it is from, without the port.
    fn address(&self) -> &str {
        self.from
            .rsplit_once(':')
            .map_or("", |(address, _)| address)
    }
}

impl Sessions {
    /// How many sessions are logged in. More than [`SESSIONS_MAX`] are not told apart.
    pub(crate) fn count(&self) -> usize {
        self.live().count()
    }

    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        [self.ask, self.room_at].into_iter().flatten().min()
    }

    /// Who has to go first, and when: of a crowd the oldest, else the oldest of all.
    fn next_to_go(&self) -> Option<(usize, Nanoseconds)> {
        let trying = || {
            let all = self.peers.iter().enumerate();
            all.filter(|(_, peer)| peer.state == State::Trying && peer.pid != 0)
        };
        let are_many = trying().count() >= SESSIONS_TRYING_MAX;
        let is_in_crowd = |(_, peer): &(usize, &Peer)| {
            let of_address = trying().filter(|(_, other)| other.address() == peer.address());
            are_many || of_address.count() >= SESSIONS_TRYING_OF_ADDRESS_MAX
        };
        let (oldest, patience) = match trying().find(is_in_crowd) {
            None => (trying().next(), SESSION_LOGIN_NS_MAX),
            oldest => (oldest, SESSION_LOGIN_NS_MIN),
        };
        oldest.map(|(at, peer)| (at, peer.since.saturating_add(patience)))
    }

    /// Those that are logged in.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter().filter(|peer| peer.state == State::In)
    }

    /// Their sshds, as far as they are known.
    pub(crate) fn pids(&self) -> impl Iterator<Item = u32> {
        self.live().map(|peer| peer.pid).filter(|pid| *pid != 0)
    }

    /// The place of the connection that is meant; of one that is not known yet, a new one.
    fn place(&mut self, said: &Said<'_>, from: &str, now: Nanoseconds) -> Option<usize> {
        let is_it = |peer: &Peer| {
            (said.pid != 0 && peer.pid == said.pid) || (!from.is_empty() && peer.from == from)
        };
        if let Some(at) = self.peers.iter().position(is_it) {
            return Some(at);
        }
        if self.peers.is_full() {
            // They stand in the order they came: of those that only try, the oldest has to go.
            let trying = |peer: &Peer| peer.state == State::Trying;
            let oldest = self.peers.iter().position(trying)?;
            self.peers.remove(oldest);
        }
        let peer = Peer {
            state: State::Trying,
            pid: said.pid,
            since: now,
            from: String::new(),
            user: String::new(),
            who: String::new(),
            why: String::new(),
        };
        self.peers.push(peer).ok()?;
        Some(self.peers.len() - 1)
    }
}

/// The session that a process belongs to: one of those it descends from is its sshd.
pub(crate) fn of<'b, M: Machine>(boot: &'b mut Boot<'_, M>, pid: u32) -> Option<&'b Peer> {
    let mut pid = pid;
    for _ in 0..SESSION_DEPTH_MAX {
        let is_it = |peer: &Peer| peer.state == State::In && peer.pid == pid;
        if let Some(at) = boot.sessions.peers.iter().position(is_it) {
            return boot.sessions.peers.get(at);
        }
        pid = parent(boot.machine, pid).filter(|parent| *parent > 1)?;
    }
    None
}

/// `PID (COMMAND) STATE PPID` (proc_pid_stat(5)).
fn parent<M: Machine>(machine: &mut M, pid: u32) -> Option<u32> {
    let mut bytes = [0; 64];
    let path = text::<32>(format_args!("/proc/{pid}/stat"));
    let length = machine.read_file(&path, &mut bytes).ok()?;
    let stat = preroot_record::text(bytes.get(..length)?);
    // A command's name may have anything in it, and what follows has no bracket.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Takes what sshd has written.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let mut lines = core::mem::take(&mut boot.sessions.lines);
    lines.take(bytes, |line| {
        if let Some(said) = read(line) {
            heard(boot, &said);
        }
    });
    boot.sessions.lines = lines;
}

fn heard<M: Machine>(boot: &mut Boot<'_, M>, said: &Said<'_>) {
    let now = boot.machine.now();
    let from = said.from();
    let is_known = |peer: &Peer| peer.from == from && peer.state == State::In;
    if said.kind == Kind::Ended && !boot.sessions.peers.iter().any(is_known) {
        return;
    }
    let Some(at) = boot.sessions.place(said, &from, now) else {
        // Only sessions are never forgotten: all places are theirs.
        if said.kind == Kind::Began {
            boot.alarm(format_args!(
                "{} logged in from {from}, one session more than can be followed",
                said.user
            ));
        }
        return;
    };
    let Some(peer) = boot.sessions.peers.get_mut(at) else {
        return;
    };
    // Of one that is logged in nothing changes any more but why it ends.
    if peer.state == State::Trying {
        put(&mut peer.from, &from);
        put(&mut peer.user, said.user);
        // A client that has tried a certificate tries the bare key too, which says less.
        let is_certificate = |who: &str| split_at_words(who, "-CERT ").is_some();
        if is_certificate(said.who) || !is_certificate(&peer.who) {
            put(&mut peer.who, said.who);
        }
    }
    // What was said before says more than how it ended.
    if peer.why.is_empty() || said.kind == Kind::About {
        put(&mut peer.why, said.why);
    }
    match said.kind {
        Kind::About | Kind::Came => {}
        Kind::Began => {
            peer.state = State::In;
            peer.pid = said.pid;
            peer.since = now;
            peer.why.clear();
            let peer = peer.clone();
            began(boot, &peer);
        }
        Kind::Ended => over(boot, at),
        Kind::Refused => {
            let peer = boot.sessions.peers.remove(at);
            if peer.state == State::Trying {
                refused(boot, &peer);
            }
        }
    }
    make_room(boot, now);
}

/// Ends those that have been silent for long enough.
fn make_room<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    while let Some((at, due)) = boot.sessions.next_to_go() {
        if due > now {
            boot.sessions.room_at = Some(due);
            return;
        }
        let mut peer = boot.sessions.peers.remove(at);
        if !is_gone(boot.machine, peer.pid) {
            // One that has just gone is gone.
            let _ = boot.machine.kill_process(peer.pid);
        }
        put(&mut peer.why, "it did not log in");
        refused(boot, &peer);
    }
    boot.sessions.room_at = None;
}

fn began<M: Machine>(boot: &mut Boot<'_, M>, peer: &Peer) {
    // Who logs in again and again does not put it off.
    let first = peer.since.saturating_add(SESSION_ASK_NS);
    boot.sessions.ask.get_or_insert(first);
    record(boot, peer, "began");
    let count = boot.sessions.count();
    boot.milestone(format_args!(
        "{} logged in from {}: {} ({count} now)",
        peer.user, peer.from, peer.who
    ));
}

/// Sets a text that is known now.
fn put<const N: usize>(to: &mut String<N>, from: &str) {
    if !from.is_empty() {
        to.clear();
        let _ = to.push_str(cut(from, N));
    }
}

fn over<M: Machine>(boot: &mut Boot<'_, M>, at: usize) {
    let peer = boot.sessions.peers.remove(at);
    record(boot, &peer, "ended");
    if boot.sessions.count() == 0 {
        boot.sessions.ask = None;
    }
}

fn refused<M: Machine>(boot: &mut Boot<'_, M>, peer: &Peer) {
    boot.sessions.refused = boot.sessions.refused.saturating_add(1);
    let refused = boot.sessions.refused;
    if refused <= SESSION_REFUSED_RECORDED_MAX || refused.is_power_of_two() {
        record(boot, peer, "refused");
    }
}

fn record<M: Machine>(boot: &mut Boot<'_, M>, peer: &Peer, what: &str) {
    let refused = boot.sessions.refused;
    boot.record(Record {
        what,
        who: &peer.who,
        user: &peer.user,
        from: &peer.from,
        pid: peer.pid,
        began_ns: peer.since,
        how: &peer.why,
        refused,
    });
}

/// Looks whether the processes of those that are logged in are there.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if boot.sessions.room_at.is_some_and(|at| at <= now) {
        make_room(boot, now);
    }
    if boot.sessions.ask.is_none_or(|ask| ask > now) {
        return;
    }
    boot.sessions.ask = Some(now.saturating_add(SESSION_ASK_NS));
    let mut at = 0;
    while let Some(peer) = boot.sessions.peers.get_mut(at) {
        let gone = peer.state == State::In && peer.pid != 0 && is_gone(boot.machine, peer.pid);
        if gone {
            put(&mut peer.why, "its sshd is gone");
            over(boot, at);
        } else {
            at += 1;
        }
    }
    if boot.sessions.count() == 0 {
        boot.sessions.ask = None;
    }
}

/// Whether a process is none of an sshd (`PID (COMMAND) STATE`, proc_pid_stat(5)): another may have got its number.
fn is_gone<M: Machine>(machine: &mut M, pid: u32) -> bool {
    let mut bytes = [0; 64];
    let path = text::<32>(format_args!("/proc/{pid}/stat"));
    let length = match machine.read_file(&path, &mut bytes) {
        Ok(length) => length,
        Err(errno) => {
            return errno == crate::machine::Errno::NOENT || errno == crate::machine::Errno::SRCH;
        }
    };
    let stat = preroot_record::text(bytes.get(..length).unwrap_or_default());
    let Some((_, rest)) = stat.split_once('(') else {
        return true;
    };
    let is_sshd = rest.starts_with("dropbear") || rest.starts_with("sshd");
    let is_dead = split_at_words(rest, ") Z").is_some();
    !is_sshd || is_dead
}
