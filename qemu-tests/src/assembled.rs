//! Roots that are assembled, as data: disks that the real tools make, some of them plugged in, one boot.
//! `scenarios/assembled/*.toml`.
//!
//! The disks are made by a preparation boot, by an image of ours with those tools in it, and kept beside the root disk
//! as long as that lives: neither the host's kernel nor its rights matter. Each boot gets copies.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde::Deserialize;

use crate::artefacts::Artefacts;
use crate::disk::{self, Disk};
use crate::error::Error;
use crate::files;
use crate::library::named;
use crate::machine::Machine;
use crate::port::free_port;
use crate::programs;
use crate::record::{Record, why};
use crate::scenario::{expect, wait_verdict};
use crate::session::Session;
use crate::spec::{Nic, Spec};
use crate::ssh::{Door, Ssh};

/// The root's file system on these disks: all of it, with some room.
const FILE_SYSTEM_MIB: u64 = 640;
/// Each disk: room for what wraps a file system.
const DISK_MIB: u64 = 704;
/// What udev links in a root with the device mapper's tools in it.
const UDEV_RULES: [&str; 2] = ["55-dm.rules", "60-persistent-storage-dm.rules"];
/// What the preparation's image can assemble, so that its programs and their modules are in it. It is held before.
const TOOLS: &str = "[[root.assemble]]\nmd = \"any\"\n[[root.assemble]]\ncrypt = \"root\"\n\
                     device = \"UUID=0\"\nkey = \"root.key\"\n[[root.assemble]]\nlvm = \"vg0\"\n";
/// One preparation at a time: others may want the same disks.
static PREPARING: Mutex<()> = Mutex::new(());

/// One scenario.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Scenario {
    /// What happens, for the person who reads a failure.
    story: String,
    /// How many disks there are.
    disks: usize,
    /// Commands that make them; the last disk behind them holds the root's file system.
    prepare: Vec<String>,
    /// Which of them are plugged in, in this order; left out: all.
    #[serde(default)]
    plugged: Vec<usize>,
    /// The config's root.
    root: String,
    /// TOML laid over the config.
    config: String,
    /// Words added to the kernel command line.
    #[serde(default)]
    append: String,
    /// What must come of it.
    expect: Expect,
}

/// What must come of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expect {
    /// The verdict's word.
    verdict: String,
    /// What the verdict's reason has in it.
    #[serde(default)]
    reason: Vec<String>,
    /// What the record has in it, in this order.
    #[serde(default)]
    record: Vec<String>,
    /// What the hardware check says.
    #[serde(default)]
    hardware: Option<expect::Expect>,
    /// Commands in the rescue shell, and what they print has in it.
    #[serde(default)]
    shell: BTreeMap<String, String>,
    /// What the console says on the way down.
    #[serde(default)]
    console: Vec<String>,
}

/// Boots it and compares.
///
/// # Errors
/// When anything is not as the scenario says; the message holds the whole boot.
pub fn run(name: &str) -> Result<(), Error> {
    let scenario = named(&format!("assembled/{name}"))?;
    let artefacts = Artefacts::find()?;
    let prepared = prepared(&scenario, &artefacts)?;
    let all: Vec<usize> = (0..scenario.disks).collect();
    let plugged = if scenario.plugged.is_empty() {
        &all
    } else {
        &scenario.plugged
    };
    let copies = plugged
        .iter()
        .map(|number| Disk::copy_of(&disk_path(&prepared, *number), 0));
    let disks = copies.collect::<Result<Vec<Disk>, Error>>()?;
    let find = format!("root.find = \"{}\"", scenario.root);
    let over = [find.as_str(), &scenario.config];
    let baked = programs::bake(&artefacts, &over, &artefacts.root_tree)?;
    let spec = Spec::new(&artefacts)
        .image(&baked.image())
        .append(&scenario.append);
    let spec = disks.iter().fold(spec, Spec::disk);
    let (mut machine, rescue, root) = start(&artefacts, spec)?;
    rescue.wait(&mut machine)?;
    let mut session = rescue.session()?;
    let verdict = wait_verdict(&mut machine, &mut session)?;
    let mut differences = judge(&scenario, &mut session)?;
    if verdict != "RESCUE" {
        root.wait(&mut machine)?;
        // The connection may be cut before the status comes back.
        root.output("poweroff")?;
        machine.wait_off()?;
        let console = files::read(&machine.console_path())?;
        let console = String::from_utf8_lossy(&console).into_owned();
        if let Some((_, why)) = console.split_once(" stays: ") {
            let why = why.lines().next().unwrap_or_default();
            differences.push(format!("console: something stays: {why}"));
        }
        for words in scenario
            .expect
            .console
            .iter()
            .filter(|words| !console.contains(*words))
        {
            differences.push(format!("console: no `{words}`"));
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let (story, console) = (&scenario.story, machine.console());
    Err(Error::unexpected(format!(
        "{story}\n{}\n{console}",
        differences.join("\n")
    )))
}

fn start(artefacts: &Artefacts, spec: Spec) -> Result<(Machine, Ssh, Ssh), Error> {
    let (rescue, root) = (free_port()?, free_port()?);
    let forwards = vec![(rescue, 2222), (root, 22)];
    let machine = spec.nic(Nic::User { forwards }).start_init()?;
    let rescue = Ssh::new(artefacts, Door::Rescue, rescue)?;
    Ok((machine, rescue, Ssh::new(artefacts, Door::Root, root)?))
}

fn judge(scenario: &Scenario, session: &mut Session) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    let expect = &scenario.expect;
    for (command, words) in &expect.shell {
        let found = session.ask(command)?;
        if !found.contains(words) {
            all.push(format!("`{command}`: expected `{words}`, found `{found}`"));
        }
    }
    let record = Record::running(session)?;
    let boot = record.latest()?;
    let (word, reason) = boot
        .verdict()
        .map_or(("none", String::new()), |v| (v.word, why(&v)));
    if word != expect.verdict {
        all.push(format!(
            "verdict: expected {}, found {word}",
            expect.verdict
        ));
    }
    for words in expect
        .reason
        .iter()
        .filter(|words| !reason.contains(*words))
    {
        all.push(format!("reason: no `{words}` in `{reason}`"));
    }
    if let Some(hardware) = &expect.hardware {
        all.extend(expect::differences(hardware, &boot));
    }
    let text = boot.text();
    let mut rest = text.as_str();
    for words in &expect.record {
        match rest.split_once(words.as_str()) {
            Some((_, behind)) => rest = behind,
            None => all.push(format!("record: no `{words}` there, or not in this order")),
        }
    }
    if !all.is_empty() {
        all.push(text);
    }
    Ok(all)
}

fn disk_path(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("disk{number}.img"))
}

/// The directory with the disks; makes them if nobody has.
fn prepared(scenario: &Scenario, artefacts: &Artefacts) -> Result<PathBuf, Error> {
    let _one = PREPARING
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut hasher = DefaultHasher::new();
    (
        scenario.disks,
        &scenario.prepare,
        FILE_SYSTEM_MIB,
        DISK_MIB,
        TOOLS,
        UDEV_RULES,
    )
        .hash(&mut hasher);
    let beside = artefacts.root_disk.parent().unwrap_or(Path::new("."));
    let dir = beside.join(format!("assembled-{:016x}", hasher.finish()));
    if dir.is_dir() {
        return Ok(dir);
    }
    let part = beside.join(format!("assembled.{}.part", std::process::id()));
    files::create_directory(&part)?;
    let made = prepare(scenario, artefacts, &part);
    let renamed = made.and_then(|()| {
        std::fs::rename(&part, &dir).map_err(|error| Error::file("rename", &part, error))
    });
    if renamed.is_err() {
        // What could not be made is not kept.
        let _ = std::fs::remove_dir_all(&part);
    }
    renamed.map(|()| dir)
}

/// Boots an image with the tools and lets them make the disks.
fn prepare(scenario: &Scenario, artefacts: &Artefacts, dir: &Path) -> Result<(), Error> {
    let root = dir.join("root.img");
    file_system(artefacts, &root)?;
    let mut spec = Spec::new(artefacts).append("preroot.hold=root");
    for number in 0..scenario.disks {
        let path = disk_path(dir, number);
        blank(&path)?;
        spec = spec.disk_at(&path);
    }
    let baked = programs::bake(artefacts, &[TOOLS], &artefacts.root_tree)?;
    let (mut machine, rescue, _) = start(artefacts, spec.disk_at(&root).image(&baked.image()))?;
    rescue.wait(&mut machine)?;
    let mut session = rescue.session()?;
    session.ask("export DM_DISABLE_UDEV=1 MDADM_NO_UDEV=1 PATH=/sbin:/bin")?;
    for command in &scenario.prepare {
        let said = session.ask(&format!("{command} 2>&1 || echo PREPARE-FAILED"))?;
        if said.contains("PREPARE-FAILED") {
            return Err(Error::unexpected(format!("{command}: {said}")));
        }
    }
    session.ask("sync")?;
    // The connection is cut by it.
    let _ = session.ask("preroot poweroff");
    machine.wait_off()?;
    files::remove(&root)
}

fn blank(path: &Path) -> Result<(), Error> {
    let made = std::fs::File::create(path).and_then(|file| file.set_len(DISK_MIB << 20));
    made.map_err(|error| Error::file("make", path, error))
}

/// The root's file system without its disk, made smaller: it is copied by an emulated processor.
fn file_system(artefacts: &Artefacts, path: &Path) -> Result<(), Error> {
    let mut dd = Command::new("dd");
    dd.arg(format!("if={}", artefacts.root_disk.display()))
        .arg(format!("of={}", path.display()))
        .arg(format!("skip={}", artefacts.root_offset >> 20))
        .args(["bs=1M", "conv=sparse", "status=none"]);
    files::run(&mut dd)?;
    files::run(Command::new("/sbin/e2fsck").args(["-f", "-y"]).arg(path))?;
    let size = format!("{FILE_SYSTEM_MIB}M");
    files::run(Command::new("/sbin/resize2fs").arg(path).arg(size))?;
    udev_rules(artefacts, path)?;
    let file = std::fs::File::options().write(true).open(path);
    file.and_then(|file| file.set_len(FILE_SYSTEM_MIB << 20))
        .map_err(|error| Error::file("shorten", path, error))
}

/// Puts the device mapper's rules for udev into the file system, as its package would.
fn udev_rules(artefacts: &Artefacts, path: &Path) -> Result<(), Error> {
    let is_it = |package: &&PathBuf| {
        let name = package.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("dmsetup_")
    };
    let package = artefacts.assembly_packages.iter().find(is_it);
    let package = package.ok_or_else(|| Error::unexpected("there is no package dmsetup"))?;
    let dir = disk::scratch()?;
    files::run(
        Command::new("dpkg-deb")
            .arg("-x")
            .arg(package)
            .arg(dir.path()),
    )?;
    for name in UDEV_RULES {
        let from = dir.path().join("lib/udev/rules.d").join(name);
        let write = format!("write {} /usr/lib/udev/rules.d/{name}", from.display());
        let mut debugfs = Command::new("/sbin/debugfs");
        files::run(debugfs.args(["-w", "-R", &write]).arg(path))?;
    }
    Ok(())
}
