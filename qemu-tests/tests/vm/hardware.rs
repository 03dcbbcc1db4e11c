//! What is in the machine, and what should be: one test a file of `scenarios/hardware`.

use std::collections::BTreeMap;
use std::process::Command;

use preroot_qemu_tests::{Artefacts, Boot, Disk, Error, Record, files, until};
use serde_json::Value;

use crate::{Guest, usual};

scenarios! {
    ahci "hardware/ahci"
    failing "hardware/failing"
    healthy "hardware/healthy"
    missing "hardware/missing"
    sick "hardware/sick"
    since "hardware/since"
}

/// What a program that looks at the machine says of each thing, and what the record has of it.
struct Agreement<'b> {
    boot: &'b Boot<'b>,
}

impl Agreement<'_> {
    /// The facts of a thing.
    fn facts(&self, class: &str, name: &str) -> Result<BTreeMap<&str, &str>, Error> {
        let mut things = self.boot.things();
        let thing = things.find(|thing| thing.class == class && thing.name == name);
        let missing = || Error::unexpected(format!("no {class} {name}\n{}", self.boot.text()));
        let facts = thing.ok_or_else(missing)?.facts;
        Ok(facts
            .split('\t')
            .filter_map(|fact| fact.split_once('='))
            .collect())
    }

    fn names(&self, class: &str) -> Vec<&str> {
        let things = self.boot.things().filter(|thing| thing.class == class);
        let mut names: Vec<&str> = things.map(|thing| thing.name).collect();
        names.sort_unstable();
        names
    }

    /// `NAME="vda" SIZE="1612709888" ...`
    fn lsblk(&self, said: &str) -> Result<(), Error> {
        let mut disks = Vec::new();
        for line in said.lines().filter(|line| line.contains("TYPE=\"disk\"")) {
            let fields = line
                .split("\" ")
                .filter_map(|field| field.split_once("=\""));
            let fields: BTreeMap<&str, &str> = fields
                .map(|(key, value)| (key, value.trim_end_matches('"')))
                .collect();
            let disk = self.facts("disk", fields["NAME"])?;
            for (theirs, ours) in [
                ("SIZE", "bytes"),
                ("RO", "read_only"),
                ("SERIAL", "serial"),
                ("LOG-SEC", "sector"),
            ] {
                assert_eq!(disk.get(ours), fields.get(theirs), "{ours} of {line}");
            }
            disks.push(fields["NAME"]);
        }
        disks.sort_unstable();
        assert_eq!(disks, self.names("disk"));
        Ok(())
    }

    /// The slots, one after the other.
    fn dmidecode(&self, said: &str) -> Result<(), Error> {
        let (mut size, mut locators) = ("", Vec::new());
        for line in said.lines() {
            match line.trim().split_once(": ") {
                Some(("Size", value)) => size = value,
                Some(("Locator", locator)) => {
                    let slot = self.facts("slot", locator)?;
                    let mib: u64 = slot["bytes"].parse().unwrap_or(0) >> 20;
                    assert_eq!(size, format!("{mib} MB"), "{locator}");
                    locators.push(locator);
                }
                _ => {}
            }
        }
        assert_eq!(locators, self.names("slot"));
        Ok(())
    }

    /// Its tree of things.
    fn lshw(&self, said: &str) -> Result<(), Error> {
        let tree: Value = serde_json::from_str(said)
            .map_err(|error| Error::unexpected(format!("lshw: {error}: {said}")))?;
        let mut all = Vec::new();
        flatten(&tree, &mut all);
        let (mut disks, mut nics, mut memory) = (Vec::new(), Vec::new(), None);
        for node in all {
            let name = node["logicalname"].as_str().unwrap_or_default();
            let size = node["size"].as_u64();
            match (node["class"].as_str(), size) {
                (Some("disk"), Some(size)) => {
                    let name = name.trim_start_matches("/dev/");
                    let disk = self.facts("disk", name)?;
                    assert_eq!(disk["bytes"], size.to_string(), "{name}");
                    disks.push(name);
                }
                (Some("network"), _) if !name.is_empty() => {
                    let nic = self.facts("nic", name)?;
                    assert_eq!(Some(nic["mac"]), node["serial"].as_str());
                    nics.push(name);
                }
                (Some("memory"), Some(size)) if node["description"] == "System Memory" => {
                    memory = Some(size.to_string());
                }
                _ => {}
            }
        }
        disks.sort_unstable();
        // Of a namespace of NVMe it tells no size (02.19).
        let mut ours = self.names("disk");
        ours.retain(|name| !name.starts_with("nvme"));
        assert_eq!(disks, ours, "{said}");
        assert_eq!(nics, self.names("nic"), "{said}");
        let installed = self.facts("memory", "memory")?["installed"].to_owned();
        assert_eq!(memory, Some(installed), "{said}");
        Ok(())
    }
}

fn flatten<'v>(node: &'v Value, all: &mut Vec<&'v Value>) {
    let below = node.as_array().or_else(|| node["children"].as_array());
    if node.is_object() {
        all.push(node);
    }
    for child in below.into_iter().flatten() {
        flatten(child, all);
    }
}

/// Debian's own programs, on the root that was booted, say of disks, slots, cards and memory what the record says.
#[test]
fn programs_of_the_root_agree() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (disk, spec) = usual(&artefacts)?;
    let unpacked = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    for package in &artefacts.hardware_packages {
        let mut unpack = Command::new("dpkg-deb");
        files::run(unpack.arg("-x").arg(package).arg(unpacked.path()))?;
    }
    for program in ["usr/sbin/dmidecode", "usr/bin/lshw"] {
        disk.install(&unpacked.path().join(program), &format!("/{program}"))?;
    }
    let (second, third) = (Disk::empty(64 << 20)?, Disk::empty(72 << 20)?);
    let spec = spec.disk(&second).nvme(&third);
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    assert_eq!(guest.wait_verdict(&mut session)?, "OK");
    guest.wait_root()?;
    let lsblk = guest
        .root
        .text_of("lsblk -b -d -n -P -o NAME,SIZE,RO,SERIAL,LOG-SEC,TYPE")?;
    let dmidecode = guest.root.text_of("dmidecode -t 17")?;
    let lshw = guest
        .root
        .text_of("lshw -json -quiet -class memory -class disk -class network")?;
    until("PCI devices in the record", || {
        let record = Record::running(&mut session)?;
        let boot = record.latest()?;
        let is_told = boot.things().any(|thing| thing.class == "pci");
        Ok(if is_told { Ok(()) } else { Err(boot.text()) })
    })?;
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    let agreement = Agreement { boot: &boot };
    agreement.lsblk(&lsblk)?;
    agreement.dmidecode(&dmidecode)?;
    agreement.lshw(&lshw)?;
    guest.power_off()
}
