//! What should be there against what is: memory before the root is looked for, disks before the first
//! service starts.

use preroot_plan::{Concern, Plan};
use preroot_record::Hardware as Record;

use crate::core::Boot;
use crate::machine::{Errno, Machine};
use crate::stage::Next;
use crate::step::{At, Failed, Step};

/// The stage: memory, and what the kernel has to say of the rest.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    crate::kernel_log::start(boot);
    let Some(plan) = boot.plan else {
        return Next::Done;
    };
    Next::from(memory(boot, &plan))
}

fn memory<M: Machine>(boot: &mut Boot<'_, M>, plan: &Plan<'_>) -> Result<(), Failed> {
    let expected = plan.settings().memory_bytes_min.get();
    let found = memory_bytes(boot, "MemTotal:").at(Step::ReadMemory)?;
    let short = found < expected;
    let verdict = match (expected, short) {
        (0, _) => "unknown",
        (_, true) => "small",
        (_, false) => "ok",
    };
    boot.record(Record {
        item: "memory",
        expected,
        found,
        verdict,
        detail: None,
        concern: None,
    });
    if !short {
        return Ok(());
    }
    let missing_mib = (expected - found) >> 20;
    boot.alarm(format_args!("memory: {missing_mib} MiB less than expected"));
    match plan.settings().memory_concern() {
        Concern::Note => Ok(()),
        Concern::Degraded => {
            boot.verdict
                .degrade(format_args!("memory: {missing_mib} MiB missing"));
            Ok(())
        }
        Concern::Hold => Err(Failed::plain(Step::MemoryMissing)),
    }
}

/// One of the first lines of /proc/meminfo (proc(5)), as in `MemTotal:  995368 kB`, in bytes.
pub(crate) fn memory_bytes<M: Machine>(boot: &mut Boot<'_, M>, line: &str) -> Result<u64, Errno> {
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

/// Every expected disk, by serial number, among those that were found.
pub(crate) fn disks<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    let Some(plan) = boot.plan else { return Ok(()) };
    let mut hold = None;
    for disk in plan.disks() {
        let serial = plan.text(disk.serial);
        let expected = disk.bytes.get();
        let found = boot.root.disk_bytes(serial);
        let verdict = match found {
            None => "missing",
            Some(bytes) if expected != 0 && bytes != expected => "wrong size",
            Some(_) => "ok",
        };
        let item = crate::text::text::<96>(format_args!("disk {serial}"));
        boot.record(Record {
            item: &item,
            expected,
            found: found.unwrap_or(0),
            verdict,
            detail: None,
            concern: None,
        });
        if verdict == "ok" {
            continue;
        }
        boot.alarm(format_args!("disk {serial}: {verdict}"));
        match disk.concern() {
            Concern::Note => {}
            Concern::Degraded => boot
                .verdict
                .degrade(format_args!("disk {serial} {verdict}")),
            Concern::Hold => hold = Some(Failed::plain(Step::DiskMissing)),
        }
    }
    hold.map_or(Ok(()), Err)
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
