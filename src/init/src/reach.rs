//! The network of the last stand: a core that panicked before the network was up leaves an sshd that
//! nobody can reach.
//!
//! As long as no Ethernet interface is up, every one that is there is brought up; the kernel gives it its
//! IPv6 link-local address. If there is none, a child loads every module of the image, once. As soon as
//! one is up nothing more is touched: it may be the running root's.

use heapless::Vec;
use preroot_boot::roles;
use preroot_sys::descriptor;
use preroot_sys::netlink::{Carrier, Kind, RouteSocket};
use preroot_sys::spawn::{Command, Program, Terminal, spawn};

use crate::statics::LAST_STAND;

/// Interfaces brought up in one go; the rest has its turn when none of these came up.
const LINKS_AT_ONCE_MAX: usize = 16;

/// Whether the image's modules have been tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Modules {
    /// Not yet.
    Untried,
    /// A child loads them, or has.
    Tried,
}

/// One attempt. Whatever fails is tried again by the next.
pub(crate) fn try_once(modules: Modules) -> Modules {
    let mut down = Vec::<u32, LINKS_AT_ONCE_MAX>::new();
    let mut is_up = false;
    let Ok(mut route) = RouteSocket::open() else {
        return modules;
    };
    let listed = route.links(&mut |link| {
        if link.kind == Kind::Ethernet {
            is_up |= link.carrier != Carrier::Down;
            let _ = down.push(link.index);
        }
    });
    if listed.is_err() || is_up {
        return modules;
    }
    for index in &down {
        let _ = route.link_up(*index);
    }
    if down.is_empty() && modules == Modules::Untried {
        load_modules();
        return Modules::Tried;
    }
    modules
}

/// Starts the child that loads every module of the image.
fn load_modules() {
    let known = LAST_STAND.with(|last| (last.null, last.helper));
    let Some((Some(null), Some(helper))) = known else {
        return;
    };
    let (Some(null), Some(helper)) = (descriptor::by_number(null), descriptor::by_number(helper))
    else {
        return;
    };
    // One that cannot be started leaves the console and ctrl-alt-del.
    let _ = spawn(&Command {
        program: Program::Open(helper),
        arguments: &[roles::LOAD_ALL_MODULES],
        environment: &[],
        root: None,
        streams: [null; 3],
        terminal: Terminal::None,
        group: None,
        oom_score: "-1000",
        open_files: None,
    });
}
