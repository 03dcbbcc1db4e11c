//! What a person can do now: commands to type as they stand, with the names of this machine in them.

use core::fmt::{Arguments, Result, Write};

use super::status::{Plain, Status};

/// Devices that a command is written out for.
const DEVICES_MAX: usize = 3;
/// What no root can be mounted from, by its type.
const NO_ROOTS: [&str; 5] = [
    "swap",
    "jbd",
    "linux_raid_member",
    "LVM2_member",
    "crypto_LUKS",
];

/// The commands, each with what it does.
pub(super) fn list(out: &mut dyn Write, status: &Status<'_>) -> Result {
    let [whom, _, _, why, _] = status.one("waits").unwrap_or_default();
    let [failed, ..] = status.one("failed").unwrap_or_default();
    let [stage, ..] = status.one("stage").unwrap_or_default();
    let [place, device, _, wanted, _] = status.one("root").unwrap_or_default();
    match (whom, why, failed) {
        ("person", "held", _) => line(
            out,
            format_args!("preroot continue"),
            format_args!("goes on with {stage}"),
        )?,
        ("person", _, "root") => without_root(out, status, wanted)?,
        ("person", _, "fsck") => {
            line(
                out,
                format_args!("less /run/preroot/fsck.log"),
                format_args!("what the check has said"),
            )?;
            line(
                out,
                format_args!("e2fsck -f /dev/{device}"),
                format_args!("checks it by hand"),
            )?;
            retry(out, format_args!("checks {device} again"))?;
            go_on(out, format_args!("mounts {device} as it is"))?;
        }
        ("person", _, "mount" | "pivot") => {
            retry(out, format_args!("mounts {device} again"))?;
            other_roots(out, status, device)?;
        }
        ("person", _, "start") => {
            line(
                out,
                format_args!("preroot continue init=/bin/bash"),
                format_args!("starts that from {device} instead"),
            )?;
            retry(out, format_args!("starts its init again"))?;
        }
        ("person", ..) => {
            retry(out, format_args!("tries {failed} again"))?;
            go_on(out, format_args!("goes on without it"))?;
        }
        ("nobody", ..) => {}
        _ => line(
            out,
            format_args!("preroot status"),
            format_args!("what the boot waits for"),
        )?,
    }
    if place != "unmounted" {
        line(
            out,
            format_args!("preroot enter"),
            format_args!("a shell in the real root"),
        )?;
    }
    line(
        out,
        format_args!("preroot bootlog"),
        format_args!("what has happened so far"),
    )?;
    line(
        out,
        format_args!("preroot reboot"),
        format_args!("starts over"),
    )?;
    line(out, format_args!("preroot help"), format_args!("all words"))
}

fn retry(out: &mut dyn Write, does: Arguments<'_>) -> Result {
    line(out, format_args!("preroot retry"), does)
}

fn go_on(out: &mut dyn Write, does: Arguments<'_>) -> Result {
    line(out, format_args!("preroot continue"), does)
}

fn without_root(out: &mut dyn Write, status: &Status<'_>, wanted: &str) -> Result {
    retry(out, format_args!("looks for {} again", Plain(wanted)))?;
    other_roots(out, status, "")
}

/// The devices here that could be a root.
fn other_roots(out: &mut dyn Write, status: &Status<'_>, but: &str) -> Result {
    let could = |[name, kind, ..]: &[&str; 5]| *name != but && !NO_ROOTS.contains(kind);
    for [name, kind, label, ..] in status.all("device").filter(could).take(DEVICES_MAX) {
        let does = match label {
            "" => line(
                out,
                format_args!("preroot continue root=/dev/{name}"),
                format_args!("boots from it ({kind})"),
            ),
            _ => line(
                out,
                format_args!("preroot continue root=/dev/{name}"),
                format_args!("boots from it ({kind}, LABEL={})", Plain(label)),
            ),
        };
        does?;
    }
    Ok(())
}

/// A command and what it does, in two columns.
fn line(out: &mut dyn Write, command: Arguments<'_>, does: Arguments<'_>) -> Result {
    const COLUMN: usize = 34;
    let mut text = heapless::String::<120>::new();
    // A name that does not fit is cut; no command is that long.
    let _ = text.write_fmt(command);
    write!(out, "  {text}")?;
    for _ in text.len()..COLUMN {
        out.write_char(' ')?;
    }
    writeln!(out, "  {does}")
}
