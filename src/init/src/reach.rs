//! The network of the last stand: a core that panicked before the network was up leaves an sshd that
//! nobody can reach.
//!
//! The network's helper does not need the core: the one that runs goes on, and when there is none it is started. If
//! there is no NIC, another helper loads every module of the image, once. One more sends the verdict.

use preroot_boot::roles;
use preroot_sys::descriptor;
use preroot_sys::fs::CWD;
use preroot_sys::spawn::{Command, Program, Terminal, spawn};

use crate::last_stand::FAILED;
use crate::linux::names;
use crate::statics::LAST_STAND;

/// Where the kernel lists interfaces.
const INTERFACES: &str = "/sys/class/net";

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
    if LAST_STAND.with(|last| last.network == 0) == Some(true) {
        let pid = start(&[roles::NETWORK]).unwrap_or(0);
        LAST_STAND.with(|last| last.network = pid);
    }
    let mut has_nic = false;
    let listed = names(CWD, INTERFACES, &mut |_, name| {
        // A module that makes interfaces makes more than its own: bonding_masters is a file.
        has_nic |= !matches!(name, "lo" | "bonding_masters");
    });
    if modules == Modules::Untried && listed.is_ok() && !has_nic {
        // One that cannot be started leaves the console and ctrl-alt-del.
        let _ = start(&[roles::LOAD_ALL_MODULES]);
        return Modules::Tried;
    }
    modules
}

/// Has the verdict sent to whom the plan names. Nobody is left who could be told what becomes of it.
pub(crate) fn send(verdict: &str) {
    let clock = match LAST_STAND.with(|last| last.clock_was_set) {
        Some(false) => "+",
        _ => "-",
    };
    // It tries until the network is up.
    let _ = start(&[roles::SYSLOG, "", FAILED, verdict, "", "", clock]);
}

/// Starts a helper in the role that the first word names: its pid.
fn start(words: &[&str]) -> Option<u32> {
    let known = LAST_STAND.with(|last| (last.null, last.helper, last.rescue_root))?;
    let null = descriptor::by_number(known.0?)?;
    let helper = descriptor::by_number(known.1?)?;
    spawn(&Command {
        program: Program::Open(helper),
        arguments: words,
        environment: &[],
        root: known.2.and_then(descriptor::by_number),
        streams: [null; 3],
        terminal: Terminal::None,
        group: None,
        oom_score: "-1000",
        open_files: None,
    })
    .ok()
}
