//! Debian's init scripts whose work preroot does itself.

use preroot_plan::Argument;

/// What preroot does instead, by script.
const START: [(&str, &str); 1] = [(
    "checkroot.sh",
    "checks the root before it mounts it, in its final mode",
)];

/// When stopping, what has to come after the last process: all of it is PID 1's.
const STOP: [(&str, &str); 5] = [
    (
        "sendsigs",
        "ends all processes itself, and spares the rescue sshd",
    ),
    (
        "umountfs",
        "unmounts after the last process has ended, and keeps its stage",
    ),
    ("umountroot", "unmounts the root itself"),
    ("halt", "powers off itself"),
    ("reboot", "reboots itself"),
];

/// Why a script is not in the order; `None`: it is.
#[must_use]
pub fn replaced(name: &str, argument: Argument) -> Option<String> {
    let table: &[(&str, &str)] = match argument {
        Argument::Start => &START,
        Argument::Stop => &STOP,
    };
    let (_, work) = table.iter().find(|(script, _)| *script == name)?;
    Some(format!("replaced by preroot: {work}"))
}
