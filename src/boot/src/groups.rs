//! Control groups: the processes of each script together, so that they can be limited and ended together.
//!
//! cgroup2 is mounted at a place of our own, so a root that mounts control groups in its own way still can.
//! While the order runs, scripts leave some of the memory and of the tasks, and their share of CPU time, to PID 1
//! and the rescue: one that forks without end or eats all memory does not lock anybody out, and of the tasks
//! one script has no more than half. When the order is done, what daemons may use of memory and CPU time is the
//! root's business; of the tasks they still leave the same share, for nothing else keeps a bomb that goes off
//! later from taking the last one.
//!
//! The rescue has a group from its first sshd on. Its memory is neither swapped out nor reclaimed, and of the tasks
//! that all others leave it cannot take those that PID 1 needs. What keeps the kernel from killing it is its
//! oom_score_adj, not its group.
//!
//! The plan can say that no controller is taken, for a root that mounts them itself; none is for a root whose own
//! init takes over. The groups are there all the same.
//!
//! Nothing here can hold up a boot: where control groups are missing, scripts run without, and a deadline
//! ends the process group.
//! [cgroups(7)](https://man7.org/linux/man-pages/man7/cgroups.7.html),
//! kernel `Documentation/admin-guide/cgroup-v2.rst`.

use preroot_plan::Limits;
use preroot_record::Note;

use crate::core::Boot;
use crate::limits::{
    GROUP_NAME_BYTES_MAX, MEMORY_RESERVED_MAX, MEMORY_RESERVED_MIN, MEMORY_RESERVED_SHARE,
    TASKS_OF_PID1, TASKS_RESERVED_MIN, TASKS_RESERVED_SHARE,
};
use crate::machine::{EarlyMount, Errno, Kill, Machine};
use crate::start;
use crate::text::{Text, text};

/// Where the control groups are mounted.
pub const GROUPS: &str = "/run/preroot/cgroup";
/// The group of everything that the order starts.
pub const SCRIPTS: &str = "/run/preroot/cgroup/scripts";
/// The group of sshd and its sessions.
pub const RESCUE: &str = "/run/preroot/cgroup/rescue";
/// The group of what a person starts in the root, within that of the scripts.
pub const ENTERED: &str = "/run/preroot/cgroup/scripts/entered";
/// The group of inittab's services, within that of the scripts: no script is called so, they begin with a runlevel.
const SERVICES: &str = "/run/preroot/cgroup/scripts/services";

/// What the scripts' groups are limited by, and the rescue's has its share of.
const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
/// What a group hands on to those within it.
const HANDED_ON: &str = "cgroup.subtree_control";

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
    if takes_controllers(boot) {
        for controller in CONTROLLERS {
            take(boot, "scripts", controller, limit);
        }
    }
}

/// Whether the controllers are ours. The root's own init may mount them in its own way.
fn takes_controllers<M: Machine>(boot: &Boot<'_, M>) -> bool {
    let limits = boot.plan.map(|plan| plan.settings().limits());
    limits == Some(Limits::Reserve) && !start::hands_over(boot)
}

/// Takes a controller and sets a group's limits of it. What the kernel does not have is told, and the others hold.
fn take<M: Machine>(
    boot: &mut Boot<'_, M>,
    whose: &str,
    controller: &str,
    set: fn(&mut Boot<'_, M>, &str) -> Result<(), Errno>,
) {
    let taken: Text = text(format_args!("+{controller}"));
    let done = write(boot, GROUPS, HANDED_ON, &taken).and_then(|()| set(boot, controller));
    if let Err(errno) = done {
        let line: Text = text(format_args!(
            "{whose}: no limit of {controller}: errno {}",
            errno.0
        ));
        boot.record(Note { text: &line });
    }
}

/// Limits what all scripts use together.
fn limit<M: Machine>(boot: &mut Boot<'_, M>, controller: &str) -> Result<(), Errno> {
    match controller {
        "memory" => limit_memory(boot),
        "pids" => {
            let scripts = limit_tasks(boot)?;
            write(boot, SCRIPTS, HANDED_ON, "+pids")?;
            boot.groups = Groups::Limited {
                tasks_of_one: scripts / 2,
            };
            Ok(())
        }
        // By the default weights: all scripts together are one beside PID 1 and the rescue, and each
        // script is one among them.
        _ => write(boot, SCRIPTS, HANDED_ON, "+cpu"),
    }
}

/// A group that is there whatever the limits; `None`: there are no control groups.
fn made<M: Machine>(boot: &mut Boot<'_, M>, group: &'static str) -> Option<&'static str> {
    if let Groups::Missing(_) = boot.groups {
        return None;
    }
    boot.machine.make_directory(group).ok()?;
    Some(group)
}

/// The rescue's group, with its share of memory and tasks; `None`: there are no control groups.
pub(crate) fn of_rescue<M: Machine>(boot: &mut Boot<'_, M>) -> Option<&'static str> {
    let group = made(boot, RESCUE)?;
    if takes_controllers(boot) {
        for controller in ["memory", "pids"] {
            take(boot, "rescue", controller, share);
        }
    }
    Some(group)
}

/// The group of inittab's services; `None`: there is none of the scripts.
pub(crate) fn of_services<M: Machine>(boot: &mut Boot<'_, M>) -> Option<&'static str> {
    made(boot, SERVICES)
}

/// What the rescue has for itself.
fn share<M: Machine>(boot: &mut Boot<'_, M>, controller: &str) -> Result<(), Errno> {
    if controller == "memory" {
        // What it does not use of that is anybody's.
        return write(boot, RESCUE, "memory.min", &number(MEMORY_RESERVED_MIN));
    }
    let (_, reserved) = tasks(boot)?;
    write(boot, RESCUE, "pids.max", &number(reserved - TASKS_OF_PID1))
}

fn limit_memory<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Errno> {
    let all = memory_bytes(boot, "MemAvailable:")?;
    let reserved = (all / MEMORY_RESERVED_SHARE).clamp(MEMORY_RESERVED_MIN, MEMORY_RESERVED_MAX);
    let scripts = all.saturating_sub(reserved).max(MEMORY_RESERVED_MIN);
    write(boot, SCRIPTS, "memory.max", &number(scripts))
}

/// One of the first lines of /proc/meminfo (proc(5)), as in `MemTotal:  995368 kB`, in bytes.
fn memory_bytes<M: Machine>(boot: &mut Boot<'_, M>, line: &str) -> Result<u64, Errno> {
    let mut buffer = [0; 256];
    let length = boot.machine.read_file("/proc/meminfo", &mut buffer)?;
    let bytes = buffer.get(..length).and_then(|text| field(text, line));
    bytes.ok_or(Errno::INVAL)
}

fn field(meminfo: &[u8], line: &str) -> Option<u64> {
    let text = core::str::from_utf8(meminfo).ok()?;
    let rest = text.lines().find_map(|text| text.strip_prefix(line))?;
    let kib = rest.split_ascii_whitespace().next()?.parse::<u64>().ok()?;
    kib.checked_mul(1024)
}

/// Returns how many tasks they may have now.
fn limit_tasks<M: Machine>(boot: &mut Boot<'_, M>) -> Result<u64, Errno> {
    let (all, reserved) = tasks(boot)?;
    let scripts = all.saturating_sub(reserved).max(TASKS_RESERVED_MIN);
    write(boot, SCRIPTS, "pids.max", &number(scripts))?;
    Ok(scripts)
}

/// How many tasks there can be, and how many of them are for PID 1 and the rescue.
fn tasks<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(u64, u64), Errno> {
    let threads = read(boot, "/proc/sys/kernel/threads-max")?;
    let pids = read(boot, "/proc/sys/kernel/pid_max")?;
    let all = threads.min(pids);
    Ok((all, (all / TASKS_RESERVED_SHARE).max(TASKS_RESERVED_MIN)))
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

/// After the order: what is left of the limits is the tasks of PID 1 and the rescue.
pub(crate) fn end<M: Machine>(boot: &mut Boot<'_, M>) {
    if !has_groups(boot) {
        return;
    }
    let released = if takes_controllers(boot) {
        release(boot)
    } else {
        Ok(())
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

/// Gives up what only the order needs. A controller that was not had is none to give up.
fn release<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Errno> {
    let of_each = write(boot, SCRIPTS, HANDED_ON, "-pids -cpu");
    let of_all = write(boot, SCRIPTS, "memory.max", "max");
    let time = write(boot, GROUPS, HANDED_ON, "-cpu");
    // By now the scripts have set how many there can be.
    let tasks = limit_tasks(boot).map(|_| ());
    of_each.and(of_all).and(time).and(tasks)
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

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn meminfo_is_read() {
        assert_eq!(
            field(b"MemTotal:         995368 kB\nMemFree: 1 kB\n", "MemTotal:"),
            Some(995_368 << 10)
        );
        for bad in [
            &b""[..],
            b"MemTotal:",
            b"MemTotal: x kB",
            b"\xff",
            b"MemFree: 1 kB",
        ] {
            assert_eq!(field(bad, "MemTotal:"), None);
        }
        assert_eq!(
            field(b"MemTotal: 18446744073709551615 kB", "MemTotal:"),
            None
        );
    }
}
