//! Machines as data: their memory, slots, disks and cards, what the config expects of them, and what the record says.
//! `scenarios/hardware/*.toml`.
//!
//! The small root stays up, so that what is told late is told: drivers are loaded while the boot goes on.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::artefacts::Artefacts;
use crate::disk::{self, Disk};
use crate::error::Error;
use crate::files;
use crate::library;
use crate::machine::{Machine, free_port};
use crate::parts::{Extra, Slot};
use crate::programs::{self, Baked, Change};
use crate::record::Record;
use crate::scenario::expect::{self, Expect};
use crate::small::Small;
use crate::spec::{Nic, Spec};
use crate::ssh::{Door, Ssh};
use crate::wait;

/// The port of the rescue sshd in the config.
const RESCUE_PORT: u16 = 2222;
/// What of the usual config says which modules are loaded, and that with what other buses need.
const MODULES: (&str, &str) = ("\"?ahci\"]", "\"?ahci\", \"virtio_scsi\", \"sd_mod\"]");
/// In place of what switches the small root off.
const STAYS: &str = "#!/bin/sh\nexec sleep 100000\n";
/// Where that is.
const POWER_OFF: &str = "/sbin/power-off";

/// One machine.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Hardware {
    /// What happens, for the person who reads a failure.
    story: String,
    /// Words added to the kernel command line.
    #[serde(default)]
    append: String,
    /// Lines added to the config.
    #[serde(default)]
    config: String,
    /// Which kernel boots it.
    #[serde(default)]
    kernel: Kernel,
    /// What it was like at the boot before, whose verdict is `OK`; left out: there was none.
    #[serde(default)]
    before: Option<Parts>,
    /// Its memory, MiB; left out: the usual.
    #[serde(default)]
    memory: Option<u32>,
    /// Its places for memory; none: those that the firmware makes up.
    #[serde(default)]
    slot: Vec<Slot>,
    /// Its disks behind the root's, which is vda.
    #[serde(default)]
    disk: Vec<Extra>,
    /// Disks more, each behind a PCI bridge, MiB.
    #[serde(default)]
    bridged: Vec<u64>,
    /// What controllers of NVMe warn of, by serial number, as their health logs have it.
    #[serde(default)]
    warns: BTreeMap<String, u8>,
    /// How many network cards it has.
    cards: usize,
    /// What the record says.
    expect: Expect,
}

/// What is in it, as above.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Parts {
    #[serde(default)]
    memory: Option<u32>,
    #[serde(default)]
    slot: Vec<Slot>,
    #[serde(default)]
    disk: Vec<Extra>,
    cards: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kernel {
    /// The root's own.
    #[default]
    Cloud,
    /// The one for all machines.
    Full,
}

/// Boots it and compares.
///
/// # Errors
/// When anything is not as the scenario says; the message holds the whole boot.
pub fn run(name: &str) -> Result<(), Error> {
    let mut hardware: Hardware = library::named(name)?;
    let parts = Parts {
        memory: hardware.memory,
        slot: std::mem::take(&mut hardware.slot),
        disk: std::mem::take(&mut hardware.disk),
        cards: hardware.cards,
    };
    let artefacts = Artefacts::find()?;
    let small = Small::ensure(&artefacts)?;
    let root = small.disk(&[])?;
    root.write(POWER_OFF, STAYS, 0o755)?;
    let bench = Bench {
        baked: bake(&hardware, &artefacts, &small)?,
        artefacts,
        root,
    };
    if let Some(before) = &hardware.before {
        let record = bench.boot(&hardware, before)?;
        let boot = record.latest()?;
        if boot.verdict().is_none_or(|verdict| verdict.word != "OK") {
            let text = boot.text();
            return Err(Error::unexpected(format!("the boot before: {text}")));
        }
    }
    let record = bench.boot(&hardware, &parts)?;
    let boot = record.latest()?;
    let differences = expect::differences(&hardware.expect, &boot);
    if differences.is_empty() {
        return Ok(());
    }
    let (story, differences) = (&hardware.story, differences.join("\n"));
    let text = boot.text();
    Err(Error::unexpected(format!(
        "{story}\n{differences}\n\n{text}"
    )))
}

/// What is the same for all boots.
struct Bench {
    artefacts: Artefacts,
    baked: Baked,
    root: Disk,
}

impl Bench {
    /// Boots a machine of these parts, until all is told.
    fn boot(&self, hardware: &Hardware, parts: &Parts) -> Result<Record, Error> {
        let port = free_port()?;
        let mut disks = Vec::new();
        let spec = self.spec(hardware, parts, port, &mut disks)?;
        let mut machine = spec.start_init()?;
        // Before any driver is loaded.
        for number in 0..hardware.bridged.len() {
            machine.attach(1 + parts.disk.len() + number)?;
        }
        for (serial, bits) in &hardware.warns {
            warn(&machine, serial, *bits)?;
        }
        let ssh = Ssh::new(&self.artefacts, Door::Rescue, port)?;
        ssh.wait(&mut machine)?;
        let mut session = ssh.session()?;
        wait::until("the verdict, and links in the record", || {
            machine.check_running()?;
            let record = Record::running(&mut session)?;
            let boot = record.latest()?;
            // The last that is told, but what hangs.
            let is_told = boot.things().any(|thing| thing.facts.contains("carrier="));
            let is_whole = is_told && boot.verdict().is_some();
            Ok(if is_whole { Ok(()) } else { Err(boot.text()) })
        })?;
        let record = Record::running(&mut session)?;
        ssh.output("preroot poweroff")?;
        // One that hangs may keep the kernel from switching off.
        if !parts.disk.iter().any(Extra::hangs) {
            machine.wait_off()?;
        }
        Ok(record)
    }

    fn spec(
        &self,
        hardware: &Hardware,
        parts: &Parts,
        port: u16,
        disks: &mut Vec<Disk>,
    ) -> Result<Spec, Error> {
        let mut spec = Spec::new(&self.artefacts)
            .image(&self.baked.image())
            .append(&hardware.append)
            .disk(&self.root);
        if hardware.kernel == Kernel::Full {
            spec = spec.kernel(&full_kernel(&self.artefacts)?);
        }
        if let Some(mib) = parts.memory {
            spec = spec.memory(mib);
        }
        for (slot, number) in parts.slot.iter().zip(0..) {
            spec = spec.structure(slot.structure(number));
        }
        for disk in &parts.disk {
            let (plugged, disk) = disk.plug(spec)?;
            spec = plugged;
            disks.push(disk);
        }
        for mib in &hardware.bridged {
            let disk = Disk::empty(mib << 20)?;
            spec = spec.disk_unplugged(&disk);
            disks.push(disk);
        }
        for card in 0..parts.cards {
            let forwards = if card == 0 {
                vec![(port, RESCUE_PORT)]
            } else {
                Vec::new()
            };
            spec = spec.nic(Nic::User { forwards });
        }
        Ok(spec)
    }
}

/// Has the controller of NVMe with this serial number warn.
fn warn(machine: &Machine, serial: &str, bits: u8) -> Result<(), Error> {
    let mut monitor = machine.monitor()?;
    let anonymous = "/machine/peripheral-anon";
    let devices = monitor.execute("qom-list", serde_json::json!({ "path": anonymous }))?;
    let names = devices.as_array().into_iter().flatten();
    for name in names.filter_map(|device| device["name"].as_str()) {
        let path = format!("{anonymous}/{name}");
        let mut get = |property: &str| {
            let what = serde_json::json!({ "path": path, "property": property });
            monitor.execute("qom-get", what)
        };
        let is_it = get("type").is_ok_and(|kind| kind == "nvme")
            && get("serial").is_ok_and(|value| value == serial);
        if is_it {
            let what = serde_json::json!({
                "path": path, "property": "smart_critical_warning", "value": bits,
            });
            return monitor.execute("qom-set", what).map(drop);
        }
    }
    Err(Error::unexpected(format!(
        "no NVMe disk {serial}: {devices}"
    )))
}

/// The image, with what is expected and with the drivers of all buses.
fn bake(hardware: &Hardware, artefacts: &Artefacts, small: &Small) -> Result<Baked, Error> {
    let mut replaced = BTreeMap::from([(MODULES.0.to_owned(), MODULES.1.to_owned())]);
    let size = ("size = \"4MiB\"", "size = \"512KiB\"");
    replaced.insert(size.0.to_owned(), size.1.to_owned());
    let change = Change {
        replaced,
        added: hardware.config.clone(),
    };
    let modules = match hardware.kernel {
        Kernel::Cloud => &artefacts.root_tree,
        Kernel::Full => &artefacts.full_kernel,
    };
    let frozen = disk::scratch()?;
    files::create_directory(&frozen.path().join("lib"))?;
    let copy = |from: &Path, into: &Path| {
        let mut copy = std::process::Command::new("cp");
        copy.args(["-a", "--reflink=auto"]).arg(from).arg(into);
        files::run(&mut copy).map(drop)
    };
    copy(&small.tree().join("etc"), frozen.path())?;
    copy(&modules.join("lib/modules"), &frozen.path().join("lib"))?;
    programs::bake_kernel(artefacts, &change, frozen.path())
}

fn full_kernel(artefacts: &Artefacts) -> Result<std::path::PathBuf, Error> {
    let version = artefacts.kernel_version.replace("-cloud-", "-");
    let kernel = artefacts
        .full_kernel
        .join(format!("boot/vmlinuz-{version}"));
    if kernel.exists() {
        return Ok(kernel);
    }
    Err(Error::unexpected(format!("no {}", kernel.display())))
}
