//! Machines as data: their memory, slots, disks and cards, what the config expects of them, and what the record says.
//! `scenarios/hardware/*.toml`.
//!
//! The small root stays up, so that what is told late is told: drivers are loaded while the boot goes on.

use std::collections::BTreeMap;
use std::path::Path;

use preroot_record::Event;
use serde::Deserialize;

use crate::artefacts::Artefacts;
use crate::disk::{self, Disk};
use crate::error::Error;
use crate::files;
use crate::layer::Layer;
use crate::library;
use crate::machine::free_port;
use crate::programs::{self, Baked, Change};
use crate::record::{Boot, Record, why};
use crate::small::Small;
use crate::spec::{Bus, Nic, Spec};
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
    disk: Vec<Plugged>,
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
    disk: Vec<Plugged>,
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

/// A place for a DIMM.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Slot {
    locator: String,
    /// What is in it, MiB; 0: nothing.
    mib: u16,
    serial: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Plugged {
    bus: Bus,
    mib: u64,
    serial: String,
    #[serde(default)]
    wwn: Option<u64>,
    /// What is wrong with it.
    #[serde(default)]
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fault {
    /// Each read ends with an error.
    NoReads,
    /// No read ends.
    Hangs,
}

/// What the record says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expect {
    /// The verdict's word.
    verdict: String,
    /// What the verdict's reason has in it.
    #[serde(default)]
    reason: Vec<String>,
    /// Things, by class and name, or by class and one fact, each with facts that it has.
    #[serde(default)]
    is: BTreeMap<String, Vec<String>>,
    /// How many there are of a class.
    #[serde(default)]
    count: BTreeMap<String, usize>,
    /// What is judged of an item, with the detail behind it where there is one.
    #[serde(default)]
    judged: BTreeMap<String, String>,
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
    let differences = differences(&hardware.expect, &boot);
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
        let hangs = |plugged: &Plugged| plugged.fault == Some(Fault::Hangs);
        if !parts.disk.iter().any(hangs) {
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
            spec = spec.structure(structure(slot, number));
        }
        for plugged in &parts.disk {
            let disk = Disk::empty(plugged.mib << 20)?;
            let layer = plugged.fault.map(|fault| match fault {
                Fault::NoReads => Layer::NoReads,
                Fault::Hangs => Layer::Hangs,
            });
            spec = spec.plug(&disk, plugged.bus);
            spec = spec.with(layer, Some(&plugged.serial), plugged.wwn);
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

fn differences(expect: &Expect, boot: &Boot<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let verdict = boot.verdict();
    let word = verdict.map_or("none", |verdict| verdict.word);
    if word != expect.verdict {
        all.push(format!(
            "verdict: expected {}, found {word}",
            expect.verdict
        ));
    }
    let reason = verdict.map_or(String::new(), |verdict| why(&verdict));
    for part in expect.reason.iter().filter(|part| !reason.contains(*part)) {
        all.push(format!("no `{part}` in the reason `{reason}`"));
    }
    for (name, expected) in &expect.is {
        let mut things = boot.things();
        let thing = things.find(|thing| {
            let mut names = thing.facts.split('\t').chain([thing.name]);
            names.any(|one| format!("{} {one}", thing.class) == *name)
        });
        let facts: Vec<&str> = thing
            .map_or("none", |thing| thing.facts)
            .split('\t')
            .collect();
        for fact in expected
            .iter()
            .filter(|fact| !facts.contains(&fact.as_str()))
        {
            all.push(format!("{name}: no `{fact}` in {facts:?}"));
        }
    }
    for (class, expected) in &expect.count {
        let found = boot.things().filter(|thing| thing.class == class).count();
        if found != *expected {
            all.push(format!("{class}: {found} of them, not {expected}"));
        }
    }
    for (item, expected) in &expect.judged {
        let mut events = boot.events();
        let found = events.find_map(|(_, event)| match event {
            Event::Hardware(judged) if judged.item == item => {
                let detail = judged.detail.map(|detail| format!("; {detail}"));
                Some(judged.verdict.to_owned() + &detail.unwrap_or_default())
            }
            _ => None,
        });
        if found.as_ref() != Some(expected) {
            all.push(format!("{item}: expected `{expected}`, found {found:?}"));
        }
    }
    all
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

/// A Memory Device (SMBIOS type 17, DSP0134, section 7.18) as of version 2.8: 40 bytes, then texts.
fn structure(slot: &Slot, number: u8) -> Vec<u8> {
    let mut bytes = vec![0; 0x28];
    bytes[0] = 17;
    bytes[1] = 0x28;
    // Its handle, that of the system's array, and none for errors.
    bytes[2..8].copy_from_slice(&[number, 0x11, 0x00, 0x10, 0xFE, 0xFF]);
    bytes[0x0C..0x0E].copy_from_slice(&slot.mib.to_le_bytes());
    // A DIMM; locator, bank, manufacturer, serial, part.
    (bytes[0x0E], bytes[0x10], bytes[0x11]) = (9, 1, 2);
    (bytes[0x17], bytes[0x18], bytes[0x1A]) = (3, 4, 5);
    bytes[0x15..0x17].copy_from_slice(&3200_u16.to_le_bytes());
    let bank = format!("BANK {number}");
    for text in [&slot.locator, &bank, "ACME", &slot.serial, "PN7"] {
        bytes.extend(text.bytes());
        bytes.push(0);
    }
    bytes.push(0);
    bytes
}
