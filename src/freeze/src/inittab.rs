//! inittab: the default runlevel, and the services that PID 1 keeps running.
//!
//! Lines that run the start order (`rcS`, `rc N`) are preroot's own work, and what init does before
//! or between runlevels (`sulogin` for S) has no place in a boot that has a rescue shell.

use std::collections::HashSet;
use std::io::ErrorKind;

use preroot_plan::limits::TEXT_BYTES_MAX;
use preroot_plan::{DraftService, ServiceAction};

use crate::message::{Messages, Place};
use crate::root::Root;

const PATH: &str = "/etc/inittab";

/// What inittab says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inittab {
    /// The default runlevel, where it has one.
    pub default: Option<u8>,
    /// What PID 1 serves.
    pub services: Vec<DraftService>,
}

impl Inittab {
    /// Reads it from a tree. Without one there is no service to serve.
    #[must_use]
    pub fn read(root: &Root, messages: &mut Messages) -> Inittab {
        match root.read_settings(PATH) {
            Ok(text) => parse(&text, root, messages),
            Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                let text = format!("cannot be read: {error}");
                messages.refuse(root.place(PATH, 0), text, "shorten it");
                Inittab::default()
            }
            Err(error) => {
                let text = format!("cannot be read, no getty is started: {error}");
                messages.warn(
                    root.place(PATH, 0),
                    text,
                    "install sysvinit-core, or name a runlevel",
                );
                Inittab::default()
            }
        }
    }
}

fn parse(text: &str, root: &Root, messages: &mut Messages) -> Inittab {
    let mut inittab = Inittab::default();
    let mut ids = HashSet::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let place = || root.place(PATH, number);
        let mut fields = line.splitn(4, ':');
        let (Some(id), Some(runlevels), Some(action)) =
            (fields.next(), fields.next(), fields.next())
        else {
            messages.warn(
                place(),
                "is not a line of inittab and is ignored",
                "write id:runlevels:action:process",
            );
            continue;
        };
        // A process that begins with + asks for no utmp entry; preroot writes none anyway.
        let process = fields
            .next()
            .unwrap_or_default()
            .trim_start_matches('+')
            .trim();
        if line.len() > TEXT_BYTES_MAX {
            let text = format!("is longer than the {TEXT_BYTES_MAX} bytes that a plan can hold");
            messages.refuse(place(), text, "make a script of the command");
            continue;
        }
        if !ids.insert(id) {
            let text = format!("the id \"{id}\" stands here a second time");
            messages.warn(place(), text, "rename it");
        }
        if action == "initdefault" {
            inittab.default = default(runlevels);
            if inittab.default.is_none() {
                let text = format!("\"{runlevels}\" is not a default runlevel from 1 to 5");
                let remedy = "write one digit, or name a runlevel to the freeze";
                messages.warn(place(), text, remedy);
            }
            continue;
        }
        let Some(action) = service_action(action) else {
            not_served(action, process, root.place(PATH, number), messages);
            continue;
        };
        if process.is_empty() {
            messages.warn(
                place(),
                "has no process and is ignored",
                "add one, or remove the line",
            );
            continue;
        }
        inittab.services.push(DraftService {
            id: id.to_string(),
            runlevels: runlevels.to_string(),
            process: process.to_string(),
            action,
        });
    }
    inittab
}

fn default(runlevels: &str) -> Option<u8> {
    match runlevels.as_bytes() {
        [digit @ b'1'..=b'5'] => Some(*digit),
        _ => None,
    }
}

fn service_action(action: &str) -> Option<ServiceAction> {
    match action {
        "respawn" => Some(ServiceAction::Respawn),
        "once" => Some(ServiceAction::Once),
        "ctrlaltdel" => Some(ServiceAction::CtrlAltDel),
        "powerwait" | "powerfail" => Some(ServiceAction::PowerFail),
        _ => None,
    }
}

/// Says which lines are lost that did more than run the start order.
fn not_served(action: &str, process: &str, place: Place, messages: &mut Messages) {
    let program = process.split_whitespace().next().unwrap_or_default();
    let preroots = ["/etc/init.d/rc", "/etc/init.d/rcS", "/sbin/sulogin"];
    match action {
        "sysinit" | "boot" | "bootwait" | "wait" if !preroots.contains(&program) => {
            let text =
                format!("\"{process}\" is not run: preroot starts scripts and services only");
            messages.warn(place, text, "make an init script of it");
        }
        "sysinit" | "boot" | "bootwait" | "wait" | "off" | "powerokwait" | "powerfailnow"
        | "kbrequest" | "ondemand" => {}
        _ => {
            let text = format!("\"{action}\" is not an action and is ignored");
            messages.warn(place, text, "see inittab(5) for the actions");
        }
    }
}
