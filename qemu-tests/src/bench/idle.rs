//! What an idle rescue takes of a machine that is up: memory that the same machine has again without it.
//!
//! The root's own init has taken over, so that PID 1 is none of ours and nobody starts the rescue again. Free memory is
//! read with all caches dropped; then the rescue's processes are ended and everything is removed from the stage, and it
//! is read again. Nobody has been in the rescue before the first reading.

use std::path::Path;

use preroot_qemu_tests::{Artefacts, Disk, Door, Error, Nic, Spec, Ssh, files, free_port, until};

use super::rescue::{RESCUE_PORT, SSH_PORT};

/// The stage, as the root sees it.
const STAGE: &str = "/run/preroot/stage";
/// The rescue's processes.
const GROUP: &str = "/run/preroot/cgroup/rescue";
/// The most of some readings: who drops caches also makes some.
const FREE: &str = "for i in 1 2 3 4 5; do sync; echo 3 > /proc/sys/vm/drop_caches; sleep 1; \
    sed -n 's/^MemFree: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo; done | sort -n | tail -n 1";

/// An idle rescue, KiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Idle {
    /// The unpacked image.
    pub(super) stage: u64,
    /// What its processes have of their own: without the pages of the stage that they run from.
    pub(super) own: u64,
    /// What is free again without it.
    pub(super) all: u64,
    /// The stage after a login, for which the tools were unpacked.
    pub(super) stage_used: u64,
}

/// Boots an image and looks.
pub(super) fn measure(artefacts: &Artefacts, image: &Path) -> Result<Idle, Error> {
    eprintln!("  an idle rescue's memory: {}", image.display());
    let disk = Disk::copy(artefacts)?;
    let (rescue, root) = (free_port()?, free_port()?);
    let mut machine = Spec::new(artefacts)
        .image(image)
        .append("init=/sbin/init")
        .disk(&disk)
        .nic(Nic::User {
            forwards: vec![(rescue, RESCUE_PORT), (root, SSH_PORT)],
        })
        .start_init()?;
    let rescue = Ssh::unpinned(artefacts, rescue)?;
    let root = Ssh::new(artefacts, Door::Root, root)?;
    root.wait(&mut machine)?;
    until("the root's gettys", || {
        let said = root.output("pgrep -c getty")?;
        Ok(match said.status.success() {
            true => Ok(()),
            false => Err("none".to_owned()),
        })
    })?;
    let kib = |command: &str| -> Result<u64, Error> {
        let text = root.text_of(command)?;
        text.parse()
            .map_err(|_| Error::unexpected(format!("{command}: {text}")))
    };
    let size = format!("du -skx {STAGE} | cut -f 1");
    let stage = kib(&size)?;
    let own = kib(&format!(
        "for pid in $(cat {GROUP}/cgroup.procs); do cat /proc/$pid/smaps_rollup; done | \
         awk '/^Pss_Anon:/ {{ sum += $2 }} END {{ print sum }}'"
    ))?;
    let with = kib(FREE)?;
    rescue.run("true")?;
    let stage_used = kib(&size)?;
    root.run(&format!(
        "echo 1 > {GROUP}/cgroup.kill; umount -R -l {STAGE}/rescue; rm -rf --one-file-system {STAGE}/*"
    ))?;
    let without = kib(FREE)?;
    machine.cut_power();
    Ok(Idle {
        stage,
        own,
        all: without.saturating_sub(with),
        stage_used,
    })
}

/// An image's size.
pub(super) fn bytes(image: &Path) -> Result<u64, Error> {
    Ok(u64::try_from(files::read(image)?.len()).unwrap_or(u64::MAX))
}
