//! `status`: how things are, a line each, for a program to read; `preroot status` says it in people's words.
//!
//! Fields are separated by tabs, times are CLOCK_MONOTONIC in ns. A reader passes over lines and fields that it does not
//! know; new ones come behind the old.
//!
//! | line | fields |
//! |---|---|
//! | `now` | the time |
//! | `verdict` | word, since when, reason, the reason in full where it is short for something |
//! | `stage` | name, since when |
//! | `failed` | stage, errno, the step in words; while the boot waits for that reason |
//! | `waits` | for whom: `person`, `root`, `check`, `scripts`, `nobody`; since when; until when, 0: nobody knows; more words |
//! | `script` | name, since when, its deadline or 0: it runs |
//! | `root` | `unmounted`, `newroot` or `slash`; device, file system, what was looked for |
//! | `device` | name, file system, label, UUID, bytes: what a root could be, while there is none |
//! | `sshd` | pid, 0: it does not run; how often it was started |
//! | `host` | name |
//! | `session` | user, from where, since when, key or certificate: who is logged in |
//! | `hold` | stage |
//! | `panic` | when it reboots; 0: it waits for those who are logged in |
//! | `watchdog` | device; `fed`, `missing`, `failed` or `off`; its time in s, 0: not armed; its driver's name for it; `reset`: it reset the machine before this boot |
//! | `down` | `reboot`, `poweroff` or `halt`: it goes down |

use core::fmt::Write;

use super::{Answer, Waiting};
use crate::core::{Boot, RootPlace};
use crate::machine::{Machine, Nanoseconds};
use crate::patience::Patience;
use crate::root;
use crate::shutdown;
use crate::stage::Stage;
use crate::volume::escape;

/// Scripts that are named.
const SCRIPTS_TOLD_MAX: usize = 16;
/// Devices that are named.
const DEVICES_TOLD_MAX: usize = 16;

/// An error says that the answer is full; what is there is whole lines but the last.
pub(super) fn write<M: Machine>(
    boot: &mut Boot<'_, M>,
    answer: &mut Answer,
) -> Result<(), core::fmt::Error> {
    let now = boot.machine.now();
    boot.verdict.stamp(now);
    writeln!(answer, "now\t{now}")?;
    let verdict = &boot.verdict;
    let (word, since) = (verdict.word().name(), verdict.since());
    let (reason, detail) = (verdict.reason(), verdict.detail());
    writeln!(answer, "verdict\t{word}\t{since}\t{reason}\t{detail}")?;
    let stage = boot.stage.name();
    writeln!(answer, "stage\t{stage}\t{}", boot.stage_since)?;
    waits(boot, answer)?;
    let place = match boot.root_place {
        RootPlace::Nowhere => "unmounted",
        RootPlace::NewRoot => "newroot",
        RootPlace::Slash => "slash",
    };
    let found = boot.root.found.as_ref();
    let (name, kind) = found.map_or(("", ""), |found| (found.name.as_str(), found.kind.as_str()));
    writeln!(
        answer,
        "root\t{place}\t{name}\t{kind}\t{}",
        root::written(boot)
    )?;
    let (pid, starts) = (boot.sshd.pid().unwrap_or(0), boot.sshd.starts());
    writeln!(answer, "sshd\t{pid}\t{starts}")?;
    writeln!(answer, "host\t{}", boot.network.hostname)?;
    for peer in boot.sessions.live() {
        let (user, from, who) = (&peer.user, &peer.from, &peer.who);
        writeln!(answer, "session\t{user}\t{from}\t{}\t{who}", peer.since)?;
    }
    for hold in &boot.command_line.hold {
        writeln!(answer, "hold\t{}", hold.name())?;
    }
    match boot.operator.patience {
        Patience::Endless => {}
        Patience::Until(at) => writeln!(answer, "panic\t{at}")?,
        Patience::Held => writeln!(answer, "panic\t0")?,
    }
    crate::watchdog::status(boot, answer)?;
    if let Some(down) = boot.down {
        writeln!(answer, "down\t{}", shutdown::name(down.how))?;
    }
    match boot.root_place {
        RootPlace::Nowhere => devices(boot, answer),
        _ => Ok(()),
    }
}

/// What is waited for.
fn waits<M: Machine>(boot: &Boot<'_, M>, answer: &mut Answer) -> core::fmt::Result {
    let since = boot.operator.since;
    match boot.operator.waiting {
        Waiting::Held(_) => writeln!(answer, "waits\tperson\t{since}\t0\theld"),
        Waiting::Rescue(stage, failed) => {
            let (errno, words) = (failed.errno.0, failed.step.words());
            writeln!(answer, "failed\t{}\t{errno}\t{words}", stage.name())?;
            writeln!(answer, "waits\tperson\t{since}\t0\trescue")
        }
        Waiting::No => stage_waits(boot, answer),
    }
}

fn stage_waits<M: Machine>(boot: &Boot<'_, M>, answer: &mut Answer) -> core::fmt::Result {
    let since = boot.stage_since;
    if boot.check.is_running() {
        let (pass, percent) = (boot.check.progress.pass, boot.check.progress.percent);
        return writeln!(answer, "waits\tcheck\t{since}\t0\t{pass}\t{percent}");
    }
    let (running, left) = boot.runner.progress();
    if running > 0 {
        writeln!(answer, "waits\tscripts\t{since}\t0\t{running}\t{left}")?;
        return scripts(boot, answer);
    }
    let (whom, until) = match boot.stage {
        Stage::Root => ("root", boot.root.until.unwrap_or(0)),
        Stage::Stay => ("nobody", 0),
        _ => ("stage", 0),
    };
    writeln!(answer, "waits\t{whom}\t{since}\t{until}")
}

fn scripts<M: Machine>(boot: &Boot<'_, M>, answer: &mut Answer) -> core::fmt::Result {
    let Some(plan) = boot.plan else {
        return Ok(());
    };
    for running in boot.runner.running().take(SCRIPTS_TOLD_MAX) {
        let number = usize::try_from(boot.runner.number(running.script)).unwrap_or(usize::MAX);
        let script = plan.scripts().get(number);
        let name = script.map_or("", |script| plan.text(script.name));
        let due: Nanoseconds = running.due.unwrap_or(0);
        writeln!(answer, "script\t{name}\t{}\t{due}", running.since)?;
    }
    Ok(())
}

fn devices<M: Machine>(boot: &Boot<'_, M>, answer: &mut Answer) -> core::fmt::Result {
    let volumes = boot.root.volumes().iter();
    let with_something = volumes.filter(|volume| !volume.kind.is_empty());
    for volume in with_something.take(DEVICES_TOLD_MAX) {
        write!(answer, "device\t{}\t{}\t", volume.name, volume.kind)?;
        escape(volume.label.as_bytes(), answer)?;
        writeln!(answer, "\t{}\t{}", volume.uuid, volume.bytes)?;
    }
    Ok(())
}
