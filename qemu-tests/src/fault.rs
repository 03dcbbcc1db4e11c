//! Faults as data: a small root with something wrong, one boot, and where that ends. `scenarios/damage/*.toml`.
//!
//! A boot that reaches the end of its order switches itself off. One that waits for a person gets one, with the real
//! OpenSSH client. Whatever the end: it is one boot, the kernel never panics, and a root that was booted is whole
//! afterwards. No file may be gone or changed without a word about it in the verdict.

use preroot_record::Fsck;
use serde::Deserialize;

use crate::artefacts::Artefacts;
use crate::damage::{self, Damage};
use crate::disk::{self, Disk, Health};
use crate::error::Error;
use crate::files;
use crate::library::named;
use crate::machine::Machine;
use crate::port::free_port;
use crate::record::{self, Boot, Record};
use crate::small::Small;
use crate::spec::{Nic, Spec};
use crate::ssh::{Door, Ssh};

/// The port of the rescue sshd in the config.
const RESCUE_PORT: u16 = 2222;

/// One fault.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Fault {
    /// What is wrong, for the person who reads a failure.
    story: String,
    /// Words for mke2fs(8).
    #[serde(default)]
    mke2fs: Vec<String>,
    /// Commands of debugfs(8) that add to the root what is to be damaged.
    #[serde(default)]
    prepare: Vec<String>,
    /// What is done to the disk.
    damage: Vec<Damage>,
    /// Words added to the kernel command line.
    #[serde(default)]
    append: String,
    /// Who switches it off.
    #[serde(default)]
    ends: Ends,
    /// Where it ends.
    expect: Expect,
}

/// Who switches the machine off when its order has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// The root's own service.
    #[default]
    ByItself,
    /// Somebody who logs in: so much is lost that nothing on the root does it.
    ByHand,
}

/// Where a boot ends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expect {
    /// The verdict's word.
    verdict: String,
    /// What the verdict's reason has in it.
    #[serde(default)]
    reason: Vec<String>,
    /// The verdict of each check of the root, in order.
    checks: Vec<String>,
    /// Why it was checked, or why not, the first time.
    why: String,
    /// Files that are not where they were, or not as they were.
    #[serde(default)]
    lost: usize,
    /// Whether the kernel met errors after the root was mounted: the next boot checks it.
    #[serde(default)]
    errors_left: bool,
    /// Whether files are lost that no check can miss, so that nobody tells.
    #[serde(default)]
    unnoticed: bool,
}

/// Boots it and compares.
///
/// # Errors
/// When anything is not as the scenario says; the message holds the whole boot.
pub fn run(name: &str) -> Result<(), Error> {
    let fault: Fault = named(name)?;
    let artefacts = Artefacts::find()?;
    let small = Small::ensure(&artefacts)?;
    let disk = small.disk(&fault.mke2fs)?;
    let prepare: Vec<&str> = fault.prepare.iter().map(String::as_str).collect();
    disk.debugfs(&prepare)?;
    damage::apply(&disk, &fault.damage)?;
    let spec = Spec::new(&artefacts)
        .image(&small.image())
        .append(&fault.append)
        .disk(&disk);
    let record = boot(&artefacts, &spec, &disk, fault.ends)?;
    let boots = record.boots();
    let boot = record.latest()?;
    let mut differences = differences(&fault.expect, &boot);
    if boots.len() != 1 {
        differences.push(format!("{} boots, not one", boots.len()));
    }
    let word = boot.verdict().map_or("", |verdict| verdict.word);
    if word != "RESCUE" {
        match (disk.health()?, fault.expect.errors_left) {
            (Health::Unclean(why), false) => {
                differences.push(format!("the root is left unclean: {why}"));
            }
            (Health::Clean, true) => differences.push("no errors are left".to_owned()),
            _ => {}
        }
        let lost = lost(&small, &disk)?;
        if lost.len() != fault.expect.lost {
            let expected = fault.expect.lost;
            differences.push(format!(
                "{} files lost, not {expected}: {lost:?}",
                lost.len()
            ));
        }
        if !lost.is_empty() && word == "OK" && !fault.expect.unnoticed {
            differences.push("files are lost without a word".to_owned());
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let (story, text) = (&fault.story, boot.text());
    let differences = differences.join("\n");
    Err(Error::unexpected(format!(
        "{story}\n{differences}\n\n{text}"
    )))
}

/// One boot from power to power; gives its record.
///
/// # Errors
/// When it ends in no way that it may end.
pub fn boot(artefacts: &Artefacts, spec: &Spec, disk: &Disk, ends: Ends) -> Result<Record, Error> {
    boot_to_end(artefacts, spec, ends)?.map_or_else(|| Record::stored(disk), Ok)
}

/// The same. The record that somebody took along; `None`: nobody was needed, and it is where the image keeps it.
pub(crate) fn boot_to_end(
    artefacts: &Artefacts,
    spec: &Spec,
    ends: Ends,
) -> Result<Option<Record>, Error> {
    let port = free_port()?;
    let forwards = vec![(port, RESCUE_PORT)];
    let mut machine = spec.clone().nic(Nic::User { forwards }).start_init()?;
    let (panic, waits) = ("Kernel panic", "RESCUE: ");
    let end = match ends {
        Ends::ByItself => machine.wait_any(&[panic, waits])?,
        Ends::ByHand => machine.wait_any(&[panic, waits, "preroot: verdict "])?,
    };
    match (end, ends) {
        (None, Ends::ByItself) => return Ok(None),
        (None, Ends::ByHand) => machine.check_running()?,
        (Some(end), _) if end == panic => return Err(Error::unexpected(machine.console())),
        (Some(_), _) => {}
    }
    let ssh = Ssh::new(artefacts, Door::Rescue, port)?;
    let record = help(&ssh, &mut machine)?;
    machine.wait_off()?;
    Ok(Some(record))
}

/// Logs in, as the person that the machine waits for; takes the record and switches it off.
fn help(ssh: &Ssh, machine: &mut Machine) -> Result<Record, Error> {
    ssh.wait(machine)?;
    let record = Record::fetched(ssh)?;
    ssh.run("preroot status")?;
    // The connection may be cut before the status comes back.
    ssh.output("preroot poweroff")?;
    Ok(record)
}

/// Files and links of the new root that are not there any more, or say something else.
pub(crate) fn lost(small: &Small, disk: &Disk) -> Result<Vec<String>, Error> {
    let into = disk::scratch()?;
    disk.asked(&format!("rdump / {}", into.path().display()))?;
    let tree = small.tree();
    let mut lost = Vec::new();
    for path in files::below(&tree)? {
        let name = path.strip_prefix(&tree).unwrap_or(&path);
        let now = into.path().join(name);
        let is_same = match (path.read_link(), now.read_link()) {
            (Ok(before), Ok(after)) => before == after,
            (Err(_), Err(_)) => now.is_file() && files::read(&path)? == files::read(&now)?,
            _ => false,
        };
        if !is_same {
            lost.push(name.display().to_string());
        }
    }
    Ok(lost)
}

fn differences(expect: &Expect, boot: &Boot<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let mut compare = |what: &str, expected: &str, found: &str| {
        if expected != found {
            all.push(format!("{what}: expected `{expected}`, found `{found}`"));
        }
    };
    let verdict = boot.verdict();
    let word = verdict.map_or("none", |verdict| verdict.word);
    compare("verdict", &expect.verdict, word);
    let checks = boot.checks();
    let verdicts: Vec<&str> = checks.iter().map(|check| check.verdict).collect();
    compare("checks", &expect.checks.join(", "), &verdicts.join(", "));
    let why = checks.first().map_or("", |check: &Fsck<'_>| check.reason);
    compare("why it is checked", &expect.why, why);
    let reason = verdict.map_or(String::new(), |verdict| record::why(&verdict));
    for part in &expect.reason {
        if !reason.contains(part.as_str()) {
            all.push(format!("the verdict's reason has no `{part}`: `{reason}`"));
        }
    }
    if boot.missing > 0 || boot.damaged > 0 {
        let (damaged, missing) = (boot.damaged, boot.missing);
        all.push(format!(
            "record: {damaged} bytes damaged, {missing} frames missing"
        ));
    }
    all
}
