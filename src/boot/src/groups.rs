//! Control groups: the processes of each script together, so that they can be limited and ended together.
//!
//! cgroup2 is mounted at a place of our own, so a root that mounts control groups in its own way still can.
//! While the order runs, scripts leave some of the memory and of the tasks, and their share of CPU time, to PID 1
//! and the rescue: one that forks without end or eats all memory does not lock anybody out, and of the tasks
//! one script has no more than half. When the order is done the limits and their controllers are given up:
//! what daemons may use is the root's business. The plan can say that there are none, for a root that mounts
//! the controllers itself.
//!
//! Nothing here can hold up a boot: where control groups are missing, scripts run without, and a deadline
//! ends the process group.
//! [cgroups(7)](https://man7.org/linux/man-pages/man7/cgroups.7.html),
//! kernel `Documentation/admin-guide/cgroup-v2.rst`.

use preroot_plan::Limits;
use preroot_record::Note;

use crate::core::Boot;
use crate::hardware;
use crate::limits::{
    GROUP_NAME_BYTES_MAX, MEMORY_RESERVED_MAX, MEMORY_RESERVED_MIN, MEMORY_RESERVED_SHARE,
    TASKS_RESERVED_MIN, TASKS_RESERVED_SHARE,
};
use crate::machine::{EarlyMount, Errno, Kill, Machine};
use crate::text::{Text, text};

/// Where the control groups are mounted.
pub const GROUPS: &str = "/run/preroot/cgroup";
/// The group of everything that the order starts.
pub const SCRIPTS: &str = "/run/preroot/cgroup/scripts";

/// What the scripts' groups are limited by.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// Whether there are control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Groups {
    /// They are mounted.
    #[default]
    Mounted,
    /// The kernel has none, or would not mount them.
    Missing(Errno),
    /// The scripts have their group, without limits.
    Free,
    /// The scripts have their group, and its limits.
    Limited {
        /// How many tasks one script may have.
        tasks_of_one: u64,
    },
}

/// Mounts the control groups.
pub(crate) fn mount<M: Machine>(machine: &mut M) -> Groups {
    match machine.mount_early(EarlyMount::Groups) {
        Ok(()) => Groups::Mounted,
        Err(errno) => Groups::Missing(errno),
    }
}

/// Before the order: the group of the scripts, and its limits.
pub(crate) fn begin<M: Machine>(boot: &mut Boot<'_, M>) {
    let made = match boot.groups {
        Groups::Missing(errno) => Err(errno),
        _ => boot.machine.make_directory(SCRIPTS),
    };
    if let Err(errno) = made {
        boot.groups = Groups::Missing(errno);
        let line: Text = text(format_args!(
            "no control groups, errno {}: a deadline ends a script's process group",
            errno.0
        ));
        boot.record(Note { text: &line });
        return;
    }
    boot.groups = Groups::Free;
    let limits = boot.plan.map(|plan| plan.settings().limits());
    if limits == Some(Limits::Reserve) {
        limit(boot);
    }
}

/// Limits what all scripts use together. A limit that the kernel does not have is told, and the others hold.
fn limit<M: Machine>(boot: &mut Boot<'_, M>) {
    for controller in CONTROLLERS {
        let taken: Text = text(format_args!("+{controller}"));
        let limited = write(boot, GROUPS, "cgroup.subtree_control", &taken).and_then(|()| {
            match controller {
                "memory" => limit_memory(boot),
                "pids" => limit_tasks(boot),
                // By the default weights: all scripts together are one beside PID 1 and the sshd, and each
                // script is one among them.
                _ => write(boot, SCRIPTS, "cgroup.subtree_control", "+cpu"),
            }
        });
        if let Err(errno) = limited {
            let line: Text = text(format_args!(
                "scripts: no limit of {controller}: errno {}",
                errno.0
            ));
            boot.record(Note { text: &line });
        }
    }
}

fn limit_memory<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Errno> {
    let all = hardware::memory_bytes(boot, "MemAvailable:")?;
    let reserved = (all / MEMORY_RESERVED_SHARE).clamp(MEMORY_RESERVED_MIN, MEMORY_RESERVED_MAX);
    let scripts = all.saturating_sub(reserved).max(MEMORY_RESERVED_MIN);
    write(boot, SCRIPTS, "memory.max", &number(scripts))
}

fn limit_tasks<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Errno> {
    let threads = read(boot, "/proc/sys/kernel/threads-max")?;
    let pids = read(boot, "/proc/sys/kernel/pid_max")?;
    let all = threads.min(pids);
    let reserved = (all / TASKS_RESERVED_SHARE).max(TASKS_RESERVED_MIN);
    let scripts = all.saturating_sub(reserved).max(TASKS_RESERVED_MIN);
    write(boot, SCRIPTS, "pids.max", &number(scripts))?;
    write(boot, SCRIPTS, "cgroup.subtree_control", "+pids")?;
    boot.groups = Groups::Limited {
        tasks_of_one: scripts / 2,
    };
    Ok(())
}

/// The group of one script, made ready for it; `None`: it runs without.
pub(crate) fn of_script<M: Machine>(
    boot: &mut Boot<'_, M>,
    runlevel: char,
    name: &str,
) -> Option<Text> {
    if !has_groups(boot) || name.len() > GROUP_NAME_BYTES_MAX {
        return None;
    }
    let group = path(runlevel, name);
    boot.machine.make_directory(&group).ok()?;
    if let Groups::Limited { tasks_of_one } = boot.groups {
        // The limit of all scripts still holds.
        let _ = write(boot, &group, "pids.max", &number(tasks_of_one));
    }
    Some(group)
}

fn has_groups<M: Machine>(boot: &Boot<'_, M>) -> bool {
    matches!(boot.groups, Groups::Free | Groups::Limited { .. })
}

fn path(runlevel: char, name: &str) -> Text {
    text(format_args!("{SCRIPTS}/{runlevel}.{name}"))
}

/// Signals everybody in a script's group, wherever they have gone.
pub(crate) fn kill<M: Machine>(boot: &mut Boot<'_, M>, runlevel: char, name: &str, how: Kill) {
    if has_groups(boot) {
        // What is not there need not be ended.
        let _ = boot.machine.kill_group(&path(runlevel, name), how);
    }
}

/// After the order: no limits any more, and no controller taken.
pub(crate) fn end<M: Machine>(boot: &mut Boot<'_, M>) {
    if !has_groups(boot) {
        return;
    }
    let released = match boot.plan.map(|plan| plan.settings().limits()) {
        Some(Limits::Reserve) => release(boot),
        _ => Ok(()),
    };
    if let Err(errno) = released {
        boot.alarm(format_args!(
            "scripts: their limits stay: errno {}",
            errno.0
        ));
    }
    boot.groups = Groups::Mounted;
}

/// Removes the groups that nobody is in, once nobody waits for anything: it takes as long as a tenth of an order.
pub(crate) fn sweep<M: Machine>(boot: &mut Boot<'_, M>) {
    if matches!(boot.groups, Groups::Missing(_)) {
        return;
    }
    if let Err(errno) = boot.machine.sweep_groups(SCRIPTS) {
        boot.milestone(format_args!(
            "scripts: their empty groups stay: errno {}",
            errno.0
        ));
    }
}

/// Gives up the controllers, and with them their limits. One that was not had is none to give up.
fn release<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Errno> {
    let of_each = write(boot, SCRIPTS, "cgroup.subtree_control", "-pids -cpu");
    let of_all = CONTROLLERS.map(|controller| {
        let given: Text = text(format_args!("-{controller}"));
        write(boot, GROUPS, "cgroup.subtree_control", &given)
    });
    of_all.into_iter().fold(of_each, Result::and)
}

fn write<M: Machine>(
    boot: &mut Boot<'_, M>,
    group: &str,
    file: &str,
    value: &str,
) -> Result<(), Errno> {
    let path: Text = text(format_args!("{group}/{file}"));
    boot.machine.write_file(&path, value.as_bytes())
}

fn number(number: u64) -> heapless::String<20> {
    text(format_args!("{number}"))
}

fn read<M: Machine>(boot: &mut Boot<'_, M>, path: &str) -> Result<u64, Errno> {
    let mut buffer = [0; 24];
    let length = boot.machine.read_file(path, &mut buffer)?;
    let digits = buffer.get(..length).unwrap_or_default();
    let digits = core::str::from_utf8(digits).unwrap_or_default();
    digits.trim_ascii().parse().map_err(|_| Errno::INVAL)
}
