//! `preroot-handover keep|teardown|give-back`, `preroot-handover before PROGRAM ARGUMENT...`, and `preroot handover`.
//!
//! The receipt, /run/preroot/handover, is text of this form: five fields with a tab between them, a line for each thing that
//! was made, in that order. New kinds may come; fields keep their places.
//!
//! ```text
//! # preroot handover 1: kind, name, detail, state, undo
//! address <tab> eth0 <tab> 192.0.2.1/24 <tab> kept <tab> ip address delete 192.0.2.1/24 dev eth0
//! ```
//!
//! | kind | name | detail |
//! |---|---|---|
//! | `link` | interface | `up`, `bond`, `into BOND`, `VLAN ID on INTERFACE` |
//! | `address` | interface | `IP/PREFIX` |
//! | `route` | interface | the gateway of a default route |
//! | `hostname` | the name | `-` |
//! | `module` | kernel module | `-` |
//! | `mount` | where, as the root sees it | type |
//!
//! | state | what |
//! |---|---|
//! | `kept` | it was handed over as it is |
//! | `taken-off` | it was taken off before the root set up its network |
//! | `given-back` | and put on again, for the root put none of its kind there |
//! | `made-again` | and the root has made it itself |
//!
//! Undo is a command for sh, or `-` where the machine needs it. Undone is from the last line up.

mod things;
mod world;

use core::fmt::Write;

use heapless::{String, Vec};
use preroot_boot::machine::Errno;
use preroot_sys::entry::Arguments;
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{FlockOperation, Mode, OFlags, flock, open, rename};
use preroot_sys::io;
use preroot_sys::netlink::Lifetime;

use self::things::{Kind, Thing};
use self::world::{Standing, World};
use super::{Stream, USAGE, Words, client};
use crate::limits::{INVENTORY_MAX, RECEIPT_BYTES_MAX, RECEIPT_LINE_BYTES_MAX};
use crate::linux::{RECORD, errno, read_whole, with_nul, write_all};

/// Where it is.
const RECEIPT: &str = "/run/preroot/handover";
const RECEIPT_NEW: &str = "/run/preroot/handover.new";
const LOCK: &str = "/run/preroot/handover.lock";
const HEAD: &str = "# preroot handover 1: kind, name, detail, state, undo\n";

const KEPT: &str = "kept";
const TAKEN_OFF: &str = "taken-off";
const GIVEN_BACK: &str = "given-back";
const MADE_AGAIN: &str = "made-again";

/// What to do beside writing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Keep,
    Teardown,
    GiveBack,
}

/// Writes the receipt, and does what is asked.
pub(super) fn run(words: &Words, started: Arguments) -> Result<(), Errno> {
    let deed = match words.as_slice() {
        ["keep"] => Deed::Keep,
        ["teardown"] => Deed::Teardown,
        ["give-back"] => Deed::GiveBack,
        ["before", program, ..] => {
            // Its way in is what it sets up itself, in any case.
            let _ = write(Deed::Teardown);
            return become_script(program, started);
        }
        _ => return Err(Errno::INVAL),
    };
    let (count, failed) = write(deed)?;
    writeln!(Stream::output(), "{count} {failed}").map_err(|_| Errno::IO)
}

/// `preroot-handover before PROGRAM ARGV0 ...`; one without a first line is the shell's.
fn become_script(program: &str, started: Arguments) -> Result<(), Errno> {
    let path = with_nul::<{ crate::limits::PATH_BYTES_MAX }>(program).ok_or(Errno::INVAL)?;
    match started.exec_behind(3, path.as_c_str()) {
        io::Errno::NOEXEC => Err(errno(started.exec_behind(2, c"/bin/sh"))),
        failed => Err(errno(failed)),
    }
}

/// One at a time: how many lines, or deeds, and how many of those failed.
fn write(deed: Deed) -> Result<(u32, u32), Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let lock = open(LOCK, flags, Mode::from_raw_mode(0o600)).map_err(errno)?;
    flock(&lock, FlockOperation::LockExclusive).map_err(errno)?;
    let record = read_bytes(RECORD)?;
    let before = read_file(RECEIPT).unwrap_or_default();
    let mut world = World::look()?;
    let mut done = Done {
        deed,
        count: 0,
        failed: 0,
        given: Vec::new(),
    };
    match deed {
        Deed::Keep => {}
        Deed::Teardown => done.tear_down(record, &mut world),
        Deed::GiveBack => done.give_back(before, &mut world),
    }
    let world = World::look()?;
    let mut text = Vec::<u8, RECEIPT_BYTES_MAX>::new();
    let _ = text.extend_from_slice(HEAD.as_bytes());
    let mut lines = 0;
    things::each(record, &mut |thing| {
        // A mount of ours that could not be made is none.
        if thing.kind == Kind::Mount && world.standing(&thing) == Standing::Gone {
            return;
        }
        let mut front = String::<RECEIPT_LINE_BYTES_MAX>::new();
        let Thing { kind, name, detail } = thing;
        let _ = write!(front, "{}\t{name}\t{detail}\t", kind.word());
        if line_with(&text, &front).is_some() {
            return;
        }
        let was = line_with(before.as_bytes(), &front).unwrap_or(KEPT);
        let state = done.state(&thing, was, &world);
        let _ = writeln!(front, "{state}\t{}", thing.undo());
        // What does not fit is not in it: a receipt of half a line would be wrong.
        if text.extend_from_slice(front.as_bytes()).is_ok() {
            lines += 1;
        }
    });
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let file = open(RECEIPT_NEW, flags, Mode::from_raw_mode(0o644)).map_err(errno)?;
    write_all(&file, &text)?;
    rename(RECEIPT_NEW, RECEIPT).map_err(errno)?;
    match deed {
        Deed::Keep => Ok((lines, 0)),
        Deed::Teardown | Deed::GiveBack => Ok((done.count, done.failed)),
    }
}

/// What was done, and to what.
struct Done {
    deed: Deed,
    count: u32,
    failed: u32,
    /// Put on again: interface, and address or gateway.
    given: Vec<(u32, core::net::IpAddr), INVENTORY_MAX>,
}

impl Done {
    fn note(&mut self, result: Result<(), io::Errno>) {
        match result {
            Ok(()) => self.count += 1,
            Err(_) => self.failed += 1,
        }
    }

    /// Routes first: some go with their address, and would not be there to be taken off.
    fn tear_down(&mut self, record: &[u8], world: &mut World) {
        for kind in [Kind::Route, Kind::Address] {
            things::each(record, &mut |thing| {
                let Some((ip, prefix)) = thing.ip().filter(|_| thing.kind == kind) else {
                    return;
                };
                let Some(index) = world.index(thing.name) else {
                    return;
                };
                if world.standing(&thing) != Standing::Stands {
                    return;
                }
                let result = match kind {
                    Kind::Route => world.socket.remove_route(index, ip),
                    _ => world.socket.remove_address(index, ip, prefix),
                };
                self.note(result);
            });
        }
    }

    /// Addresses first: gateways are reached through them.
    fn give_back(&mut self, before: &str, world: &mut World) {
        for kind in [Kind::Address, Kind::Route] {
            for (thing, state) in lines(before).filter(|(thing, _)| thing.kind == kind) {
                let Some((ip, prefix)) = thing.ip().filter(|_| state == TAKEN_OFF) else {
                    continue;
                };
                let Some(index) = world.index(thing.name) else {
                    continue;
                };
                let result = match kind {
                    Kind::Address if world.has_address(index, ip) => continue,
                    Kind::Route if world.has_route(ip) => continue,
                    Kind::Address => world
                        .socket
                        .add_address(index, ip, prefix, Lifetime::Forever),
                    _ => world.socket.add_route(index, ip),
                };
                if result.is_ok() {
                    let _ = self.given.push((index, ip));
                }
                self.note(result);
            }
        }
    }

    /// The state of a thing now, by what it was and what was done.
    fn state<'s>(&self, thing: &Thing<'_>, was: &'s str, world: &World) -> &'s str {
        if !matches!(thing.kind, Kind::Address | Kind::Route) {
            return was;
        }
        let is_there = world.standing(thing) == Standing::Stands;
        let key = world.index(thing.name).zip(thing.ip().map(|(ip, _)| ip));
        match (was, is_there) {
            (TAKEN_OFF, true) if key.is_some_and(|key| self.given.contains(&key)) => GIVEN_BACK,
            (TAKEN_OFF, true) => MADE_AGAIN,
            (_, false) if self.deed == Deed::Teardown => TAKEN_OFF,
            _ => was,
        }
    }
}

/// The things of a receipt, with their states.
fn lines(receipt: &str) -> impl Iterator<Item = (Thing<'_>, &str)> {
    receipt.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let kind = Kind::from_word(fields.next()?)?;
        let (name, detail) = (fields.next()?, fields.next()?);
        Some((Thing { kind, name, detail }, fields.next()?))
    })
}

/// The state in the line of a receipt that begins with this.
fn line_with<'t>(receipt: &'t [u8], front: &str) -> Option<&'t str> {
    let text = core::str::from_utf8(receipt).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(front))?;
    rest.split('\t').next()
}

fn read_file(path: &str) -> Result<&'static str, Errno> {
    core::str::from_utf8(read_bytes(path)?).map_err(|_| Errno::BADMSG)
}

fn read_bytes(path: &str) -> Result<&'static [u8], Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file: OwnedFd = open(path, flags, Mode::empty()).map_err(errno)?;
    read_whole(&file)
}

/// `preroot handover [--check|--undo]`.
pub(super) fn client(options: &[&str]) -> i32 {
    let show = match options {
        [] => Show::Receipt,
        ["--check"] => Show::Check,
        ["--undo"] => Show::Undo,
        _ => return USAGE,
    };
    match read_file(RECEIPT) {
        Ok(receipt) => print(receipt, show).unwrap_or(client::SYSTEM),
        Err(Errno::NOENT) => {
            let words = "nothing was handed over: the root's own system has not begun";
            let _ = writeln!(Stream::error(), "preroot: {RECEIPT}: {words}");
            client::UNAVAILABLE
        }
        Err(errno) => {
            let _ = writeln!(Stream::error(), "preroot: {RECEIPT}: errno {}", errno.0);
            client::SYSTEM
        }
    }
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    Receipt,
    Check,
    Undo,
}

/// 0: all that was handed over stands as it was made. 1: not all.
fn print(receipt: &str, show: Show) -> Option<i32> {
    let mut output = Stream::output();
    if show == Show::Receipt {
        return output.write_str(receipt).ok().map(|()| 0);
    }
    let world = match World::look() {
        Ok(world) => world,
        Err(errno) => {
            let _ = writeln!(Stream::error(), "preroot: the kernel: errno {}", errno.0);
            return None;
        }
    };
    if show == Show::Undo {
        for line in receipt.lines().rev() {
            let undo = line.split('\t').nth(4).filter(|undo| *undo != "-");
            let thing = lines(line).next();
            if let (Some(undo), Some((thing, _))) = (undo, thing)
                && world.standing(&thing) != Standing::Gone
            {
                writeln!(output, "{undo}").ok()?;
            }
        }
        return Some(0);
    }
    let mut is_whole = true;
    for (thing, state) in lines(receipt) {
        let (word, instead) = match world.standing(&thing) {
            Standing::Stands => ("stands", String::new()),
            Standing::Gone => ("gone", String::new()),
            Standing::Changed(instead) => ("changed", instead),
        };
        is_whole &= word == "stands" || state == TAKEN_OFF;
        let Thing { kind, name, detail } = thing;
        let kind = kind.word();
        writeln!(
            output,
            "{word}\t{kind}\t{name}\t{detail}\t{state}\t{instead}"
        )
        .ok()?;
    }
    Some(i32::from(!is_whole))
}
