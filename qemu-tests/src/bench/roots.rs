//! What it costs that the root is checked before it is mounted: beside the classical flow, a bare mount, and a root
//! that the kernel had mounted itself.
//!
//! The classical flow checks a root that is mounted read-only, and has to boot again after a repair. It is counted
//! without its firmware, and without anything that Debian's rc starts before `checkroot.sh`. Ours ends where
//! the order would begin, with the root as `/` and writable.

use std::fmt::Write as _;

use preroot_qemu_tests::{Artefacts, Disk, Error, Record, Spec};

use super::Table;
use super::guest::{self, HELD, MEASURED_INIT, Peers, quiet_nic};

/// What the section in the table is called.
const HEADING: &str = "Roots";
/// What the classical init says before it boots again.
const ASKS_FOR_A_REBOOT: &str = "measured: root asks for a reboot";
/// What it says when the root is checked and writable.
const IS_CHECKED: &str = "measured: root is checked";
/// What the limit says before it mounts.
const MOUNTING: &str = "measured: mounting";
/// Damage that `e2fsck -p` repairs by itself: a link count, and the mark that something is wrong.
const DAMAGE: [&str; 2] = [
    "set_inode_field /etc/hostname links_count 3",
    "set_super_value state 2",
];

/// A root's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Clean,
    Damaged,
}

/// Where preroot comes from, and what the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// An initramfs; virtio-blk, whose driver is a module.
    Virtio,
    /// An initramfs; NVMe, whose driver is in the kernel.
    Nvme,
    /// The root itself, which the kernel has mounted; NVMe.
    InPlace,
}

/// One way to a checked root.
#[derive(Debug)]
struct Row {
    name: &'static str,
    disk: &'static str,
    boots_if_damaged: usize,
    clean_ms: f64,
    damaged_ms: f64,
}

/// Measures everything.
pub(crate) fn run(peers: &Peers, table: &Table) -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    eprintln!("measuring: each boot takes about a minute, whatever else the machine does");
    let held = guest::held_at_start(&artefacts)?;
    let record = Record::new(held.record.clone());
    let ours = |name, disk, mode| -> Result<Row, Error> {
        let time = |root| ours(&artefacts, mode, root);
        let (clean_ms, damaged_ms) = (time(Root::Clean)?, time(Root::Damaged)?);
        Ok(Row {
            name,
            disk,
            boots_if_damaged: 1,
            clean_ms,
            damaged_ms,
        })
    };
    let rows = [
        ours("preroot", "virtio", Mode::Virtio)?,
        Row {
            name: "initramfs-tools, check after the mount, reboot",
            disk: "virtio",
            boots_if_damaged: 2,
            clean_ms: classical(&artefacts, peers, Root::Clean)?,
            damaged_ms: classical(&artefacts, peers, Root::Damaged)?,
        },
        ours("preroot", "NVMe", Mode::Nvme)?,
        ours("preroot, in place", "NVMe", Mode::InPlace)?,
    ];
    let bare_ms = bare_mount(&artefacts, peers, &record)?;
    table.hand_out(HEADING, &report(&rows, bare_ms, stages_ms(&record)?))
}

fn disk(artefacts: &Artefacts, root: Root) -> Result<Disk, Error> {
    let disk = Disk::copy(artefacts)?;
    if root == Root::Damaged {
        disk.debugfs(&DAMAGE)?;
    }
    Ok(disk)
}

/// Until the order would begin.
fn ours(artefacts: &Artefacts, mode: Mode, root: Root) -> Result<f64, Error> {
    eprintln!("  preroot, {mode:?}, {root:?}");
    let disk = disk(artefacts, root)?;
    let spec = Spec::new(artefacts)
        .counted()
        .append("preroot.hold=start")
        .nic(quiet_nic());
    let spec = match mode {
        Mode::Virtio => spec.disk(&disk),
        Mode::Nvme => spec.nvme(&disk),
        Mode::InPlace => spec.in_place(disk.install_preroot(artefacts)?),
    };
    let mut machine = spec.start()?;
    machine.wait_console(HELD)?;
    let console = machine.console();
    machine.cut_power();
    guest::stamp_ms(&console, HELD)
}

/// Until the root is checked and writable, in as many boots as that takes.
fn classical(artefacts: &Artefacts, peers: &Peers, root: Root) -> Result<f64, Error> {
    let disk = disk(artefacts, root)?;
    disk.install(&peers.program("classical-init"), MEASURED_INIT)?;
    let boot = |said: &str| -> Result<f64, Error> {
        eprintln!("  initramfs-tools, {root:?}, until {said}");
        let spec = Spec::new(artefacts)
            .counted()
            .image(&peers.image("plain"))
            .append(&format!("root=/dev/vda1 ro init={MEASURED_INIT}"))
            .disk(&disk)
            .nic(quiet_nic());
        let mut machine = spec.start()?;
        machine.wait_off()?;
        guest::stamp_ms(&machine.console(), said)
    };
    let first_ms = match root {
        Root::Clean => 0.0,
        Root::Damaged => boot(ASKS_FOR_A_REBOOT)?,
    };
    Ok(first_ms + boot(IS_CHECKED)?)
}

/// What mounting and switching cost a program that does nothing else, ms.
fn bare_mount(artefacts: &Artefacts, peers: &Peers, record: &Record) -> Result<f64, Error> {
    let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let image = guest::limit_image(artefacts, peers, &record.latest()?, scratch.path())?;
    let console = guest::boot_to_init(artefacts, peers, &image, "root=/dev/vda1")?;
    let stamp = |text| guest::stamp_ms(&console, text);
    Ok(stamp(guest::REACHED)? - stamp(MOUNTING)?)
}

/// What check, mount and pivot of a clean root cost us, ms.
fn stages_ms(record: &Record) -> Result<f64, Error> {
    let boot = record.latest()?;
    let missing = || Error::unexpected("the record has no check that led to the order".to_owned());
    let began_ns = boot.began_ns("fsck").ok_or_else(missing)?;
    let held_ns = guest::held_ns(&boot).ok_or_else(missing)?;
    Ok(guest::ms(held_ns.saturating_sub(began_ns)))
}

fn report(rows: &[Row], bare_ms: f64, stages_ms: f64) -> String {
    let mut text = String::from(
        "Guest time from the kernel's start until the root is checked, mounted and writable: one\n\
         instruction is one ns (QEMU icount). Firmware, which a second boot pays again, is not counted.\n\n\
         | | disk | boots if damaged | clean, ms | damaged, ms | damaged / classical |\n\
         |---|---|---:|---:|---:|---:|\n",
    );
    let classical = rows.iter().find(|row| row.boots_if_damaged > 1);
    for row in rows {
        let to_classical = classical
            .filter(|classical| classical.disk == row.disk)
            .map_or_else(String::new, |classical| {
                format!("{:.2}", row.damaged_ms / classical.damaged_ms)
            });
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.1} | {:.1} | {to_classical} |",
            row.name, row.disk, row.boots_if_damaged, row.clean_ms, row.damaged_ms
        );
    }
    let _ = writeln!(
        text,
        "\nClean root: check, mount and pivot {stages_ms:.2} ms, a bare mount, switch and exec {bare_ms:.2} ms."
    );
    text
}
