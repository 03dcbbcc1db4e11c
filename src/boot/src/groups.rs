//! Control groups: the processes of each script together, so that they can be limited and ended together.
//!
//! cgroup2 is mounted at a place of our own, so a root that mounts control groups in its own way still can.
//! While the order runs, the scripts together and each of them have a limit of tasks, so that one that forks
//! without end leaves room for the others, for PID 1 and for the rescue. When the order is done the limit and
//! its controller are given up: what daemons may use is the root's business.
//!
//! Nothing here can hold up a boot: where control groups are missing, scripts run without, and a deadline
//! ends the process group.
//! [cgroups(7)](https://man7.org/linux/man-pages/man7/cgroups.7.html),
//! kernel `Documentation/admin-guide/cgroup-v2.rst`.

use preroot_record::Note;

use crate::core::Boot;
use crate::limits::{GROUP_NAME_BYTES_MAX, TASKS_RESERVED_MIN, TASKS_RESERVED_SHARE};
use crate::machine::{Errno, Kill, Machine};
use crate::text::{Text, text};

/// Where the control groups are mounted.
pub const GROUPS: &str = "/run/preroot/cgroup";
/// The group of everything that the order starts.
pub const SCRIPTS: &str = "/run/preroot/cgroup/scripts";

/// Whether there are control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Groups {
    /// They are mounted.
    #[default]
    Mounted,
    /// The kernel has none, or would not mount them.
    Missing(Errno),
    /// They are mounted, and the scripts have their group.
    Ready {
        /// What one script may have; `None`: without limit.
        tasks_of_one: Option<u64>,
    },
}

/// Before the order: the group of the scripts, and its limit.
pub(crate) fn begin<M: Machine>(boot: &mut Boot<'_, M>) {
    if let Groups::Missing(errno) = boot.groups {
        return without(boot, errno);
    }
    match boot.machine.make_directory(SCRIPTS) {
        Ok(()) => {}
        Err(errno) => return without(boot, errno),
    }
    let tasks_of_one = match limit(boot) {
        Ok(tasks) => Some(tasks),
        Err(errno) => {
            let line: Text = text(format_args!(
                "scripts: their tasks are not limited: errno {}",
                errno.0
            ));
            boot.record(Note { text: &line });
            None
        }
    };
    boot.groups = Groups::Ready { tasks_of_one };
}

fn without<M: Machine>(boot: &mut Boot<'_, M>, errno: Errno) {
    boot.groups = Groups::Missing(errno);
    let line: Text = text(format_args!(
        "no control groups, errno {}: a deadline ends a script's process group",
        errno.0
    ));
    boot.record(Note { text: &line });
}

/// Limits the tasks of all scripts; returns what one of them may have.
fn limit<M: Machine>(boot: &mut Boot<'_, M>) -> Result<u64, Errno> {
    let threads = number(boot, "/proc/sys/kernel/threads-max")?;
    let pids = number(boot, "/proc/sys/kernel/pid_max")?;
    let all = threads.min(pids);
    let reserved = (all / TASKS_RESERVED_SHARE).max(TASKS_RESERVED_MIN);
    let scripts = all.saturating_sub(reserved).max(TASKS_RESERVED_MIN);
    write(boot, GROUPS, "cgroup.subtree_control", "+pids")?;
    write(
        boot,
        SCRIPTS,
        "pids.max",
        &text::<20>(format_args!("{scripts}")),
    )?;
    write(boot, SCRIPTS, "cgroup.subtree_control", "+pids")?;
    Ok(scripts / 2)
}

/// The group of one script, made ready for it; `None`: it runs without.
pub(crate) fn of_script<M: Machine>(
    boot: &mut Boot<'_, M>,
    runlevel: char,
    name: &str,
) -> Option<Text> {
    let Groups::Ready { tasks_of_one } = boot.groups else {
        return None;
    };
    if name.len() > GROUP_NAME_BYTES_MAX {
        return None;
    }
    let group = path(runlevel, name);
    boot.machine.make_directory(&group).ok()?;
    if let Some(tasks) = tasks_of_one {
        // The limit of all scripts still holds.
        let _ = write(
            boot,
            &group,
            "pids.max",
            &text::<20>(format_args!("{tasks}")),
        );
    }
    Some(group)
}

fn path(runlevel: char, name: &str) -> Text {
    text(format_args!("{SCRIPTS}/{runlevel}.{name}"))
}

/// Signals everybody in a script's group, wherever they have gone.
pub(crate) fn kill<M: Machine>(boot: &mut Boot<'_, M>, runlevel: char, name: &str, how: Kill) {
    if let Groups::Ready { .. } = boot.groups {
        // What is not there need not be ended.
        let _ = boot.machine.kill_group(&path(runlevel, name), how);
    }
}

/// After the order: no limits any more, no controller taken, and no empty groups.
pub(crate) fn end<M: Machine>(boot: &mut Boot<'_, M>) {
    let Groups::Ready { tasks_of_one } = boot.groups else {
        return;
    };
    let swept = boot.machine.sweep_groups(SCRIPTS);
    let released = match tasks_of_one {
        None => Ok(()),
        Some(_) => write(boot, SCRIPTS, "cgroup.subtree_control", "-pids")
            .and_then(|()| write(boot, SCRIPTS, "pids.max", "max"))
            .and_then(|()| write(boot, GROUPS, "cgroup.subtree_control", "-pids")),
    };
    if let Err(errno) = swept.and(released) {
        boot.alarm(format_args!(
            "scripts: the limit of their tasks stays: errno {}",
            errno.0
        ));
    }
    boot.groups = Groups::Mounted;
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

fn number<M: Machine>(boot: &mut Boot<'_, M>, path: &str) -> Result<u64, Errno> {
    let mut buffer = [0; 24];
    let length = boot.machine.read_file(path, &mut buffer)?;
    let digits = buffer.get(..length).unwrap_or_default();
    let digits = core::str::from_utf8(digits).unwrap_or_default();
    digits.trim_ascii().parse().map_err(|_| Errno::INVAL)
}
