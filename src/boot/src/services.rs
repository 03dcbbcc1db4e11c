//! What inittab wants served: started when the order is done, started again whenever it ends.
//!
//! A service that keeps failing is tried again for ever, at growing intervals: the pause doubles from a
//! second to a minute.

use heapless::Vec;
use preroot_plan::{Service, ServiceAction};
use preroot_record::Service as Record;

use crate::core::{Boot, Purpose, Turn};
use crate::groups;
use crate::limits::{SECOND_NS, SERVICE_BACKOFF_NS_MAX, SERVICE_HEALTHY_NS, SERVICES_MAX};
use crate::machine::{End, Exec, Machine, Nanoseconds, OnPanic, Place, Program, Spawn, Streams};
use crate::respawn::Backoff;
use crate::stage::Next;

/// Words of one command line of inittab.
const WORDS_MAX: usize = 32;

/// What only a shell understands.
const FOR_A_SHELL: &[u8] = b"~`!$^&*()=|\\{}[];\"'<>?";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Off,
    Running(Nanoseconds),
    Pause(Nanoseconds),
}

/// The services of inittab, by their numbers in the plan.
#[derive(Debug)]
pub(crate) struct Services {
    states: [State; SERVICES_MAX],
    backoff: [Backoff; SERVICES_MAX],
    /// The runlevel the boot has reached.
    pub(crate) runlevel: u8,
}

impl Default for Services {
    fn default() -> Services {
        Services {
            states: [State::Off; SERVICES_MAX],
            backoff: [Backoff::default(); SERVICES_MAX],
            runlevel: b'N',
        }
    }
}

impl Services {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        self.states
            .iter()
            .filter_map(|state| match state {
                State::Pause(until) => Some(*until),
                _ => None,
            })
            .min()
    }

    /// The machine goes down: nothing is started again.
    pub(crate) fn stop(&mut self) {
        self.states = [State::Off; SERVICES_MAX];
    }
}

/// The stage: PID 1 stays.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    let runlevel = char::from(boot.services.runlevel);
    let count = boot.plan.map_or(0, |plan| plan.services().len());
    for number in 0..count {
        let Some((service, levels)) = service(boot, number) else {
            continue;
        };
        let starts = matches!(
            service.action(),
            ServiceAction::Respawn | ServiceAction::Once
        );
        if starts && (levels.is_empty() || levels.contains(runlevel)) {
            start(boot, number);
        }
    }
    groups::sweep(boot);
    loop {
        if boot.turn(None) == Turn::Down {
            return Next::Down;
        }
    }
}

fn service<'a, M: Machine>(boot: &Boot<'a, M>, number: usize) -> Option<(&'a Service, &'a str)> {
    let plan = boot.plan?;
    let service = plan.services().get(number)?;
    Some((service, plan.text(service.runlevels)))
}

fn set<M: Machine>(boot: &mut Boot<'_, M>, number: usize, state: State) {
    if let Some(slot) = boot.services.states.get_mut(number) {
        *slot = state;
    }
}

fn start<M: Machine>(boot: &mut Boot<'_, M>, number: usize) {
    let (Some(plan), Some((service, _))) = (boot.plan, service(boot, number)) else {
        return;
    };
    let process = plan.text(service.process);
    let id = plan.text(service.id);
    // As sysvinit: what only a shell understands is given to one (init.c, spawn()).
    let needs_shell = process.bytes().any(|byte| FOR_A_SHELL.contains(&byte));
    let mut words = Vec::<&str, WORDS_MAX>::new();
    if needs_shell {
        words.extend(["/bin/sh", "-c", process]);
    } else {
        words.extend(process.split_ascii_whitespace().take(WORDS_MAX));
    }
    let spawn = Spawn {
        program: Program::Path(words.first().copied().unwrap_or("")),
        arguments: &words,
        environment: &[
            "PATH=/sbin:/usr/sbin:/bin:/usr/bin",
            "TERM=linux",
            "INIT_VERSION=sysvinit-3.06",
            "CONSOLE=/dev/console",
        ],
        place: Place::Here,
        // A getty opens its own terminal.
        streams: Streams::Null,
        group: groups::of_services(boot),
        exec: Exec::Waited,
        oom_score: 0,
        on_panic: OnPanic::Leave,
    };
    let now = boot.machine.now();
    match boot.machine.spawn(&spawn) {
        Ok(spawned) => {
            boot.assign(
                spawned.child,
                Purpose::Service(u8::try_from(number).unwrap_or(0)),
            );
            set(boot, number, State::Running(now));
            boot.record(Record {
                id,
                what: "started",
                pid: spawned.pid,
                status: 0,
            });
        }
        Err(errno) => {
            boot.record(Record {
                id,
                what: "failed",
                pid: 0,
                status: i32::from(errno.0),
            });
            boot.alarm(format_args!("service {id}: {process}: errno {}", errno.0));
            again(boot, number, now);
        }
    }
}

/// Sets the moment of the next start, if there is to be one.
fn again<M: Machine>(boot: &mut Boot<'_, M>, number: usize, now: Nanoseconds) {
    let respawns = service(boot, number)
        .is_some_and(|(service, _)| service.action() == ServiceAction::Respawn);
    if !respawns {
        set(boot, number, State::Off);
        return;
    }
    let Some(backoff) = boot.services.backoff.get_mut(number) else {
        return;
    };
    let until = now.saturating_add(backoff.next(SECOND_NS, SERVICE_BACKOFF_NS_MAX));
    set(boot, number, State::Pause(until));
}

/// A service has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, number: u8, end: End) {
    let number = usize::from(number);
    let Some(State::Running(since)) = boot.services.states.get(number).copied() else {
        return;
    };
    let (Some(plan), Some((service, _))) = (boot.plan, service(boot, number)) else {
        return;
    };
    let id = plan.text(service.id);
    boot.record(Record {
        id,
        what: "ended",
        pid: 0,
        status: end.status.raw(),
    });
    let now = boot.machine.now();
    if now.saturating_sub(since) < SERVICE_HEALTHY_NS {
        again(boot, number, now);
        return;
    }
    if let Some(backoff) = boot.services.backoff.get_mut(number) {
        backoff.reset();
    }
    set(boot, number, State::Off);
    if service.action() == ServiceAction::Respawn {
        start(boot, number);
    }
}

/// Pauses that are over.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    for number in 0..SERVICES_MAX {
        if let Some(State::Pause(until)) = boot.services.states.get(number).copied()
            && until <= now
        {
            start(boot, number);
        }
    }
}

/// SIGPWR: what inittab has for it.
pub(crate) fn power_fails<M: Machine>(boot: &mut Boot<'_, M>) {
    start_action(boot, ServiceAction::PowerFail);
}

/// Starts every service of this action. Returns whether there was one.
pub(crate) fn start_action<M: Machine>(boot: &mut Boot<'_, M>, action: ServiceAction) -> Found {
    let mut found = Found::None;
    let count = boot.plan.map_or(0, |plan| plan.services().len());
    for number in 0..count {
        if service(boot, number).is_some_and(|(service, _)| service.action() == action) {
            start(boot, number);
            found = Found::Some;
        }
    }
    found
}

/// Whether inittab has a line of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// It has.
    Some,
    /// It has not.
    None,
}
