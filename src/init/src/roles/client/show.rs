//! PID 1's answer for people: `preroot status`, and the greeting at login.

use core::fmt::{Result, Write};

use super::addresses;
use super::next;
use super::status::{Plain, Status, Time, number};

/// What `preroot status` prints.
pub(super) fn status(out: &mut dyn Write, status: &Status<'_>) -> Result {
    verdict(out, "verdict   ", status)?;
    let [host, ..] = status.one("host").unwrap_or_default();
    if !host.is_empty() {
        writeln!(out, "host      {}", Plain(host))?;
    }
    let [stage, since, ..] = status.one("stage").unwrap_or_default();
    writeln!(out, "stage     {stage}, for {}", Time(status.since(since)))?;
    failed(out, status)?;
    waits(out, status)?;
    root(out, status)?;
    for [name, kind, label, uuid, bytes] in status.all("device") {
        write!(out, "device    {name} {kind}")?;
        for (key, value) in [("LABEL", label), ("UUID", uuid)] {
            if !value.is_empty() {
                write!(out, " {key}={}", Plain(value))?;
            }
        }
        let mib = number(bytes) >> 20;
        writeln!(out, ", {mib} MiB")?;
    }
    let [pid, starts, ..] = status.one("sshd").unwrap_or_default();
    match pid {
        "0" => writeln!(out, "sshd      does not run, started {starts} times")?,
        _ => writeln!(out, "sshd      pid {pid}, started {starts} times")?,
    }
    write!(out, "addresses")?;
    let mut count = 0;
    addresses::each(&mut |address| {
        count += 1;
        let _ = write!(out, " {address}");
    });
    writeln!(out, "{}", if count == 0 { " none" } else { "" })?;
    people(out, status)?;
    watchdog(out, status)?;
    deadlines(out, status)
}

/// What somebody sees who logs in.
pub(super) fn greeting(out: &mut dyn Write, status: &Status<'_>) -> Result {
    writeln!(
        out,
        "This is preroot's rescue: it runs from memory, beside the boot."
    )?;
    writeln!(out)?;
    verdict(out, "verdict   ", status)?;
    failed(out, status)?;
    waits(out, status)?;
    root(out, status)?;
    watchdog(out, status)?;
    deadlines(out, status)?;
    writeln!(out)?;
    next::list(out, status)?;
    writeln!(out)
}

/// The greeting where PID 1 could not be asked.
pub(super) fn greeting_without(out: &mut dyn Write, why: Option<&str>) -> Result {
    let why = why.unwrap_or("PID 1 could not be asked how the boot is");
    writeln!(
        out,
        "This is preroot's rescue, from memory.\n{why}.\n\n  \
         preroot enter     a shell in the real root, if it is mounted\n  \
         preroot bootlog   what happened until then\n  \
         dmesg             what the kernel and PID 1 have said\n"
    )
}

fn verdict(out: &mut dyn Write, label: &str, status: &Status<'_>) -> Result {
    let [word, since, reason, detail, _] = status.one("verdict").unwrap_or_default();
    write!(out, "{label}{word}")?;
    if !reason.is_empty() {
        write!(out, "({})", Plain(reason))?;
    }
    match word {
        "OK" => writeln!(out, " so far")?,
        _ => writeln!(out, ", for {}", Time(status.since(since)))?,
    }
    match detail {
        "" => Ok(()),
        _ => writeln!(out, "because   {}", Plain(detail)),
    }
}

fn failed(out: &mut dyn Write, status: &Status<'_>) -> Result {
    let Some([stage, errno, words, ..]) = status.one("failed") else {
        return Ok(());
    };
    write!(out, "failed    {stage}: {}", Plain(words))?;
    match errno {
        "0" | "" => writeln!(out),
        _ => writeln!(out, " (errno {errno})"),
    }
}

/// What is waited for, and since when.
fn waits(out: &mut dyn Write, status: &Status<'_>) -> Result {
    if let Some([down, ..]) = status.one("down") {
        return writeln!(out, "waits     for nothing: {down}");
    }
    let Some([whom, since, until, more, rest]) = status.one("waits") else {
        return Ok(());
    };
    let time = Time(status.since(since));
    match whom {
        "person" if more == "held" => {
            let [stage, ..] = status.one("stage").unwrap_or_default();
            writeln!(
                out,
                "waits     for a person, for {time}: held before {stage}"
            )
        }
        "person" => writeln!(out, "waits     for a person, for {time}"),
        "root" => {
            let [_, _, _, wanted, _] = status.one("root").unwrap_or_default();
            write!(out, "waits     for {}, for {time}", Plain(wanted))?;
            match until {
                "0" => writeln!(out),
                _ => writeln!(out, ", {} more", Time(status.until(until))),
            }
        }
        "check" => writeln!(
            out,
            "waits     for the check of the root, for {time}: pass {more} of 5, {rest} %; all of it: /run/preroot/fsck.log"
        ),
        "scripts" => scripts(out, status, more, rest),
        "nobody" => writeln!(out, "waits     for nothing: the boot is done"),
        _ => writeln!(out, "waits     for the stage to end, for {time}"),
    }
}

fn scripts(out: &mut dyn Write, status: &Status<'_>, running: &str, left: &str) -> Result {
    writeln!(
        out,
        "waits     for scripts: {running} running, {left} not ended"
    )?;
    for [name, since, due, ..] in status.all("script") {
        write!(
            out,
            "script    {}, for {}",
            Plain(name),
            Time(status.since(since))
        )?;
        match due {
            "0" => writeln!(out, ", without a deadline")?,
            _ => writeln!(out, "; ended in {} if it does not", Time(status.until(due)))?,
        }
    }
    Ok(())
}

fn root(out: &mut dyn Write, status: &Status<'_>) -> Result {
    let [place, device, kind, wanted, _] = status.one("root").unwrap_or_default();
    write!(out, "root      {}", Plain(wanted))?;
    match device {
        "" => write!(out, ": not found")?,
        _ => write!(out, ": {device} ({kind})")?,
    }
    match place {
        "slash" => writeln!(
            out,
            ", running: `preroot enter`, or its files at /proc/1/root"
        ),
        "newroot" => writeln!(
            out,
            ", mounted: `preroot enter`, or its files at /proc/1/root/newroot"
        ),
        _ => writeln!(out, ", not mounted"),
    }
}

/// Who is logged in.
fn people(out: &mut dyn Write, status: &Status<'_>) -> Result {
    for [user, from, since, who, _] in status.all("session") {
        let time = Time(status.since(since));
        writeln!(
            out,
            "logged in {} from {}, for {time}: {}",
            Plain(user),
            Plain(from),
            Plain(who)
        )?;
    }
    Ok(())
}

/// What resets the machine when it hangs.
fn watchdog(out: &mut dyn Write, status: &Status<'_>) -> Result {
    let Some([device, state, seconds, identity, reset]) = status.one("watchdog") else {
        return Ok(());
    };
    match state {
        "fed" => write!(
            out,
            "watchdog  {device} ({}) is armed and fed: {seconds} s after PID 1 hangs it resets the machine",
            Plain(identity)
        )?,
        "missing" => write!(out, "watchdog  {device} is not there")?,
        "off" => write!(out, "watchdog  {device} is let go")?,
        _ => write!(
            out,
            "watchdog  {device} could not be armed, it is tried again"
        )?,
    }
    match reset {
        "" => writeln!(out),
        _ => writeln!(
            out,
            "\nlast boot the watchdog has reset this machine before this boot"
        ),
    }
}

/// What will stop the boot, or reboot it.
fn deadlines(out: &mut dyn Write, status: &Status<'_>) -> Result {
    for [stage, ..] in status.all("hold") {
        writeln!(out, "holds     before {stage}")?;
    }
    match status.one("panic") {
        None => Ok(()),
        Some(["0", ..]) => writeln!(
            out,
            "deadline  panic= waits as long as somebody is logged in"
        ),
        Some([at, ..]) => writeln!(
            out,
            "deadline  panic= reboots in {}, unless somebody logs in",
            Time(status.until(at))
        ),
    }
}
