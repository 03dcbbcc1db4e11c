//! Whether there is room for what a run writes: measured before, for a machine whose host's disk is full looks broken.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use preroot_qemu_tests::{Artefacts, Error, files};

/// What each machine writes beside its copy of the root disk: other disks, an image, its console.
const JOB_BYTES: u64 = 384 << 20;
/// What is kept of each scenario.
const REPORT_BYTES: u64 = 4 << 20;
/// Below this a disk is as good as full.
const LEFT_BYTES: u64 = 64 << 20;

/// The memory of a usual machine, and what QEMU needs beside.
const JOB_MEMORY_BYTES: u64 = 768 << 20;

/// Looks whether so many machines at once, and the reports of so many scenarios, have room.
///
/// # Errors
/// When they have not; the message has both figures.
pub(crate) fn check(
    artefacts: &Artefacts,
    jobs: usize,
    parts: usize,
    report: &Path,
) -> Result<(), Error> {
    let root = std::fs::metadata(&artefacts.root_disk).map_or(0, |meta| meta.blocks() * 512);
    let machines = jobs.min(parts) as u64;
    if let Some(there) = free_memory(&files::read_text(Path::new("/proc/meminfo"))?) {
        enough_of(
            "memory",
            there,
            JOB_MEMORY_BYTES * machines,
            "--jobs N runs fewer machines at once",
        )?;
    }
    // A copy for the next one is made meanwhile.
    let scratch = (2 * root + JOB_BYTES) * machines;
    enough(
        &std::env::temp_dir(),
        scratch,
        "TMPDIR=DIR names another one, --jobs N runs fewer machines at once",
    )?;
    enough(
        report,
        REPORT_BYTES * parts as u64,
        "--report DIR names another one",
    )
}

/// Whether a disk has run full: what failed meanwhile says nothing about an image.
pub(crate) fn is_full(report: &Path) -> Option<String> {
    let full = |dir: &Path| free(dir).is_ok_and(|bytes| bytes < LEFT_BYTES);
    let dirs = [std::env::temp_dir(), report.to_owned()];
    let dir = dirs.iter().find(|dir| full(dir))?;
    Some(format!("{}: no room left", dir.display()))
}

fn enough(dir: &Path, needed: u64, remedy: &str) -> Result<(), Error> {
    enough_of(&dir.display().to_string(), free(dir)?, needed, remedy)
}

fn enough_of(what: &str, there: u64, needed: u64, remedy: &str) -> Result<(), Error> {
    if there >= needed {
        return Ok(());
    }
    let mib = |bytes: u64| bytes >> 20;
    Err(Error::Machine {
        what: format!(
            "{what}: {} MiB are free, and {} are needed",
            mib(there),
            mib(needed)
        ),
        remedy: format!("make room; or {remedy}"),
    })
}

/// What programs can still have: proc_meminfo(5), in KiB.
fn free_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace()
        .next()?
        .parse()
        .ok()
        .map(|kib: u64| kib << 10)
}

/// What an ordinary user can write on the file system of a directory: statvfs(3).
fn free(dir: &Path) -> Result<u64, Error> {
    let stat = statvfs(dir);
    let stat = stat.map_err(|errno| Error::unexpected(format!("{}: {errno}", dir.display())))?;
    Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn memory_is_read() {
        let check = |meminfo: &str, expected| assert_eq!(free_memory(meminfo), expected);
        check(
            "MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable:   2048 kB\n",
            Some(2 << 20),
        );
        check("MemTotal: 9 kB\n", None);
    }

    #[test]
    fn what_is_needed_is_told() {
        let dir = tempfile::tempdir().unwrap();
        enough(dir.path(), 0, "").unwrap();
        let error = enough(dir.path(), u64::MAX, "name another").unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("MiB are free, and 17592186044415 are needed"),
            "{said}"
        );
        assert!(said.contains("make room; or name another"), "{said}");
        assert!(matches!(error, Error::Machine { .. }));
    }
}
