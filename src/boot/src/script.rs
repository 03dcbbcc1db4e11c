//! One init script: how it is started, what it writes, how it ends, and what its deadline does.
//!
//! A script finds what Debian's rc gives it: RUNLEVEL, PREVLEVEL, PATH, its link in rc?.d as `argv[0]`, / as working
//! directory, umask 022, /dev/null as standard input. One without a first line `#!` is given to the shell, as
//! startpar does. At its deadline its process group and everybody in its control group get SIGTERM, then
//! SIGKILL, so nobody who left the one is forgotten by the other.

use preroot_plan::{Argument, Plan, Script, ScriptMode, Weight};
use preroot_record::{
    Lost, Meaning, Output, ScriptEnd, ScriptEnded, ScriptStarted, Source, exit_words,
    not_started_words,
};

use crate::core::{Boot, Purpose};
use crate::groups;
use crate::handover;
use crate::limits::{KILL_GRACE_NS, MILLISECOND_NS, TERM_GRACE_NS, TEXT_BYTES_MAX};
use crate::machine::{
    End, Errno, Exec, Kill, Machine, Nanoseconds, OnPanic, Place, Program, Spawn, Spawned, Status,
    Streams,
};
use crate::roles;
use crate::runner::{Keep, Order, Patience, Running};
use crate::tails::Tail;
use crate::text::{Text, text};

/// Whether a script was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Started {
    /// It runs, or could not be started and has ended.
    Yes,
    /// There is no room for it now: it waits for another one to end.
    NoRoom,
}

/// Starts a script.
pub(crate) fn start<M: Machine>(
    boot: &mut Boot<'_, M>,
    order: &Order<'_, '_>,
    index: usize,
    script: &Script,
) -> Started {
    let number = boot.runner.number(index);
    let name = order.plan.text(script.name);
    let runlevel = char::from(order.runlevel.name);
    let since = boot.machine.now();
    let spawned = spawn(boot, order.plan, script, How::ByItself);
    if spawned == Err(Errno::AGAIN) && !boot.runner.is_idle() {
        return Started::NoRoom;
    }
    let mut name_of_runlevel = [0; 4];
    boot.record(ScriptStarted {
        script: number,
        name,
        runlevel: runlevel.encode_utf8(&mut name_of_runlevel),
        level: script.level.get(),
        argument: order.argument(),
        pid: spawned.map_or(0, |spawned| spawned.pid),
        waited_for: boot.runner.last_ended,
    });
    match spawned {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Script(number));
            let limit = u64::from(script.deadline_ms.get()) * MILLISECOND_NS;
            boot.runner.began(Running {
                script: index,
                child: spawned.child,
                since,
                due: (limit > 0).then(|| since.saturating_add(limit)),
                patience: Patience::Waiting,
            });
        }
        Err(errno) => {
            let closing = Closing {
                end: ScriptEnd::NotStarted,
                status: errno.0,
                since,
                used: None,
            };
            close(boot, index, closing);
        }
    }
    Started::Yes
}

/// The child of a script.
fn spawn<M: Machine>(
    boot: &mut Boot<'_, M>,
    plan: &Plan<'_>,
    script: &Script,
    how: How,
) -> Result<Spawned, Errno> {
    let name = plan.text(script.name);
    let (runlevel, previous) = (boot.runner.runlevel, boot.runner.previous);
    let (runlevel, previous) = (char::from(runlevel), char::from(previous));
    let (kind, argument) = match boot.runner.argument {
        Argument::Start => ('S', "start"),
        Argument::Stop => ('K', "stop"),
    };
    let path: Text = text(format_args!("/etc/init.d/{name}"));
    let link = script.link;
    let link: Text = text(format_args!("/etc/rc{runlevel}.d/{kind}{link:02}{name}"));
    let level: Text = text(format_args!("RUNLEVEL={runlevel}"));
    let level_of_rc: Text = text(format_args!("runlevel={runlevel}"));
    let previous_level: Text = text(format_args!("PREVLEVEL={previous}"));
    let previous_of_rc: Text = text(format_args!("previous={previous}"));
    let group = groups::of_script(boot, runlevel, name);
    let is_behind_teardown = handover::is_before(boot, name);
    let (program, words) = match how {
        // Takes the rescue's addresses off, and becomes the script.
        _ if is_behind_teardown => (
            Program::Helper,
            &[roles::HANDOVER, "before", &*path, &*link, argument][..],
        ),
        How::ByItself => (Program::Path(&path), &[&*link, argument][..]),
        How::ByShell => (Program::Path("/bin/sh"), &["/bin/sh", &*path, argument][..]),
    };
    let spawn = Spawn {
        program,
        arguments: words,
        // As sysvinit's init and Debian's /lib/init/rc leave it.
        environment: &[
            "PATH=/sbin:/usr/sbin:/bin:/usr/bin",
            "TERM=linux",
            "INIT_VERSION=sysvinit-3.06",
            "CONSOLE=/dev/console",
            &level,
            &previous_level,
            &level_of_rc,
            &previous_of_rc,
        ],
        place: Place::Here,
        streams: match script.mode() {
            ScriptMode::Parallel => Streams::Captured,
            ScriptMode::Interactive => Streams::Console,
        },
        group: group.as_deref(),
        exec: Exec::Unwaited,
        oom_score: 0,
        on_panic: OnPanic::Leave,
    };
    let spawned = boot.machine.spawn(&spawn)?;
    if is_behind_teardown {
        handover::before(boot);
    }
    Ok(spawned)
}

/// What executes a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// The kernel, by its first line.
    ByItself,
    /// The shell, as execvp(3) has it and with it startpar: there is no such line.
    ByShell,
}

/// What a script writes is kept up to a bound, and counted beyond it; of what is beyond, the end is kept.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, number: u32, bytes: &[u8]) {
    match boot.runner.count_output(number, bytes.len()) {
        Some(Keep::Whole) => boot.record(Output {
            source: Source::Script,
            script: number,
            bytes,
        }),
        Some(Keep::Tail) => boot.runner.tails.put(number, bytes),
        None => {}
    }
}

/// A script has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, number: u32, end: End) {
    let Some(running) = boot.runner.ended(number) else {
        return;
    };
    if end.status == Status::NotExecuted(Errno::NOEXEC) && again_by_shell(boot, running) {
        return;
    }
    let (kind, status) = match (running.patience, end.status) {
        (_, Status::NotExecuted(errno)) => (ScriptEnd::NotStarted, errno.0),
        (Patience::Waiting, Status::Exited(code)) => (ScriptEnd::Exited, u16::from(code)),
        (Patience::Waiting, Status::Signalled(signal)) => (ScriptEnd::Signalled, u16::from(signal)),
        (Patience::Asked, _) => (ScriptEnd::TimedOut, 15),
        (Patience::Killed, _) => (ScriptEnd::TimedOut, 9),
    };
    if kind == ScriptEnd::TimedOut {
        // A deadline ends the whole tree, not only the script that was its root.
        kill_group(boot, running.script, Kill::Kill);
    }
    let closing = Closing {
        end: kind,
        status,
        since: running.since,
        used: Some(end),
    };
    close(boot, running.script, closing);
}

/// A script without a first line that names its interpreter: the shell gets it. Whether it runs now.
fn again_by_shell<M: Machine>(boot: &mut Boot<'_, M>, running: Running) -> bool {
    let number = boot.runner.number(running.script);
    let Some(plan) = boot.plan else { return false };
    let Some(script) = plan.scripts().get(number as usize) else {
        return false;
    };
    let Ok(spawned) = spawn(boot, &plan, script, How::ByShell) else {
        return false;
    };
    boot.assign(spawned.child, Purpose::Script(number));
    let child = spawned.child;
    boot.runner.began(Running { child, ..running });
    true
}

/// How a script is closed.
struct Closing {
    end: ScriptEnd,
    status: u16,
    since: Nanoseconds,
    used: Option<End>,
}

/// Records the end of a script and lets those behind it start.
fn close<M: Machine>(boot: &mut Boot<'_, M>, index: usize, closing: Closing) {
    let Some(plan) = boot.plan else { return };
    let number = boot.runner.number(index);
    let Some(script) = plan.scripts().get(number as usize) else {
        return;
    };
    let name = plan.text(script.name);
    let output_bytes = keep_tail(boot, number);
    let took_ns = boot.machine.now().saturating_sub(closing.since);
    boot.record(ScriptEnded {
        script: number,
        name,
        end: closing.end,
        status: closing.status,
        took_ns,
        user_ns: closing.used.map_or(0, |end| end.user_ns),
        system_ns: closing.used.map_or(0, |end| end.system_ns),
        memory_kib: closing.used.map_or(0, |end| end.memory_kib),
        output_bytes,
        read_bytes: closing.used.map(|end| u64::from(end.read_kib) << 10),
        written_bytes: closing.used.map(|end| u64::from(end.written_kib) << 10),
    });
    boot.runner.close(index, closing.end, closing.status);
    handover::after(boot, name);
    let is_well = closing.end == ScriptEnd::Exited && closing.status == 0;
    boot.verdict.script_ended(is_well);
    if !is_well {
        judge(boot, name, script, &closing);
    }
}

/// Records how much of a script's output is not kept, and then the end of it. Returns how much there was.
fn keep_tail<M: Machine>(boot: &mut Boot<'_, M>, number: u32) -> u64 {
    let written = boot.runner.written(number);
    let mut tail = boot.runner.tails.take(number);
    let bytes = tail.as_mut().map_or(&[][..], Tail::bytes);
    let kept = u64::try_from(bytes.len()).unwrap_or(0);
    let lost = written.beyond.saturating_sub(kept);
    if lost > 0 {
        boot.record(Lost {
            what: "output",
            count: lost,
            script: Some(number),
        });
    }
    if !bytes.is_empty() {
        boot.record(Output {
            source: Source::Script,
            script: number,
            bytes,
        });
    }
    written.all
}

/// A script that hung, or a critical one that failed, degrades the boot.
fn judge<M: Machine>(boot: &mut Boot<'_, M>, name: &str, script: &Script, closing: &Closing) {
    let status = closing.status;
    let what: Text = match closing.end {
        ScriptEnd::Exited => words(
            format_args!("script {name} exit {status}"),
            exit_words(status),
        ),
        ScriptEnd::Signalled => text(format_args!("script {name} signal {status}")),
        ScriptEnd::TimedOut => text(format_args!("script {name} timed out")),
        ScriptEnd::NotStarted => words(
            format_args!("script {name} not started, errno {status}"),
            not_started_words(status),
        ),
        ScriptEnd::Abandoned => text(format_args!("script {name} hangs and cannot be killed")),
    };
    let hung = matches!(closing.end, ScriptEnd::TimedOut | ScriptEnd::Abandoned);
    if hung || script.weight() == Weight::Critical {
        boot.verdict.degrade(format_args!("{what}"));
        boot.alarm(format_args!("{what}"));
    } else {
        boot.milestone(format_args!("{what}"));
    }
}

fn words(what: core::fmt::Arguments<'_>, meaning: &str) -> Text {
    match meaning {
        "" => text::<TEXT_BYTES_MAX>(what),
        _ => text(format_args!("{what}: {meaning}")),
    }
}

/// Deadlines that have come: SIGTERM, then SIGKILL, then the boot goes on without it.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    while let Some(running) = boot.runner.overdue(now) {
        let Running { child, script, .. } = running;
        let (how, next) = match running.patience {
            Patience::Waiting => {
                crate::policy::script_is_late(boot);
                (Kill::Term, Some((Patience::Asked, TERM_GRACE_NS)))
            }
            Patience::Asked => (Kill::Kill, Some((Patience::Killed, KILL_GRACE_NS))),
            Patience::Killed => (Kill::Kill, None),
        };
        match next {
            Some((patience, grace)) => {
                boot.runner
                    .set_patience(script, patience, now.saturating_add(grace));
                let _ = boot.machine.kill(child, how);
                kill_group(boot, script, how);
            }
            None => {
                boot.runner.ended(boot.runner.number(script));
                let closing = Closing {
                    end: ScriptEnd::Abandoned,
                    status: 9,
                    since: running.since,
                    used: None,
                };
                close(boot, script, closing);
            }
        }
    }
}

fn kill_group<M: Machine>(boot: &mut Boot<'_, M>, index: usize, how: Kill) {
    let Some(plan) = boot.plan else { return };
    let number = boot.runner.number(index);
    if let Some(script) = plan.scripts().get(number as usize) {
        let runlevel = char::from(boot.runner.runlevel);
        groups::kill(boot, runlevel, plan.text(script.name), how);
    }
}

/// Whether an end counts as done, skipped or failed.
pub(crate) fn meaning(end: ScriptEnd, status: u16) -> Meaning {
    match end {
        ScriptEnd::Exited => Meaning::of(status),
        _ => Meaning::Failed,
    }
}
