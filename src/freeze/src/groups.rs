//! Whether the tree mounts control groups of the first version.
//!
//! A controller is in one hierarchy at a time: those that PID 1 limits scripts with could not be mounted by a
//! script (cgroupfs-mount, Docker's) in its own way. Where one does, they are left to it.

use preroot_plan::Limits;

use crate::limits::SCRIPT_BYTES_MAX;
use crate::message::Messages;
use crate::root::Root;
use crate::tree::Script;

/// Debian's package for it does it in a program outside of its script.
const BY_NAME: &str = "cgroupfs-mount";
/// How mount(8) is asked for it; the second version has a 2 behind it.
const MOUNT: &str = "-t cgroup";

/// What scripts may use while the order runs, as far as the tree lets us.
pub fn limits(root: &Root, scripts: &[Script], messages: &mut Messages) -> Limits {
    for script in scripts.iter().filter(|script| !script.start.is_empty()) {
        let path = format!("/etc/init.d/{}", script.name);
        let Ok(text) = root.read_text(&path, SCRIPT_BYTES_MAX) else {
            continue;
        };
        let line = text.lines().zip(1..).find(|(line, _)| mounts(line));
        let line = line.map(|(_, number)| number);
        let named = (script.name == BY_NAME).then_some(0);
        if let Some(line) = line.or(named) {
            let text =
                "mounts control groups (cgroup v1): scripts are not limited while the order runs";
            messages.note(root.place(&path, line), text);
            return Limits::None;
        }
    }
    Limits::Reserve
}

fn mounts(line: &str) -> bool {
    let is_comment = line.trim_start().starts_with('#');
    !is_comment
        && line
            .match_indices(MOUNT)
            .any(|(at, _)| !line[at + MOUNT.len()..].starts_with('2'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_version_counts() {
        for (line, expected) in [
            ("mount -n -t cgroup -o cpu cgroup cpu", true),
            ("  mount -t cgroup none /x", true),
            ("mount -t cgroup2 none /x", false),
            ("# mount -t cgroup none /x", false),
            ("mount -t tmpfs none /x", false),
        ] {
            assert_eq!(mounts(line), expected, "{line}");
        }
    }
}
