//! Scenarios as data: a disk, perhaps damaged, one boot to the end of the order, one power-off by
//! the root's own tools, and what the record on the disk must say. `scenarios/*.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use preroot_record::{Event, ScriptEnd};
use serde::Deserialize;

use crate::artefacts::Artefacts;
use crate::disk::{Disk, Health};
use crate::error::Error;
use crate::files;
use crate::machine::{Machine, free_port};
use crate::programs::{self, Baked, Change};
use crate::record::{Boot, Record, why};
use crate::scripts::{self, NewScript, Tree};
use crate::session::Session;
use crate::spec::{Nic, Spec};
use crate::ssh::{Door, Ssh};
use crate::wait;

/// One scenario.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// What happens, for the person who reads a failure.
    pub story: String,
    /// Words added to the kernel command line.
    #[serde(default)]
    append: String,
    /// Lines added to the config; the image is baked anew with them.
    #[serde(default)]
    config: String,
    /// Text of the usual config, and what stands there instead.
    #[serde(default)]
    config_replaced: BTreeMap<String, String>,
    /// Commands of debugfs(8) that damage the disk first.
    #[serde(default)]
    damage: Vec<String>,
    /// Whether the disk can be written.
    #[serde(default)]
    disk: Writing,
    /// Bytes to write at places of the root's partition, behind the damage.
    #[serde(default)]
    overwrite: Vec<Overwrite>,
    /// Who switches it off, and whose copy of the record is read.
    #[serde(default)]
    ends: Ends,
    /// What is said in a session of the rescue sshd once the boot has come to its verdict, and what is in the answers.
    #[serde(default)]
    ask: Vec<Ask>,
    /// Files written into the root first.
    #[serde(default)]
    file: Vec<RootFile>,
    /// Init scripts added to the root; the plan is frozen with them.
    #[serde(default)]
    script: Vec<NewScript>,
    /// A script during whose run doors must let us in.
    #[serde(default)]
    open_while: Option<OpenWhile>,
    /// What the record must say.
    expect: Expect,
}

/// Whether a disk can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Writing {
    /// It can.
    #[default]
    Writable,
    /// It says that it cannot.
    ReadOnly,
}

/// Who switches the machine off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ends {
    /// The root's own tools; the record is on the root.
    #[default]
    ByRoot,
    /// Somebody in the rescue, who takes the record along: the root has not come up, or cannot be written.
    ByRescue,
}

/// Bytes at a place of the root's partition.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Overwrite {
    at: u64,
    text: String,
}

/// Something said in a session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Ask {
    command: String,
    #[serde(default)]
    answer: Vec<String>,
    /// What must not be in it.
    #[serde(default)]
    never: Vec<String>,
}

/// Doors that are open while a script runs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct OpenWhile {
    /// The script.
    script: String,
    /// The doors: `rescue`, `root`.
    doors: Vec<Door>,
    /// What is said behind the first of them meanwhile, and what is in the answers.
    #[serde(default)]
    ask: Vec<Ask>,
}

impl Ask {
    /// Whether an answer is as it should be.
    ///
    /// # Errors
    /// When it is not; the message has both.
    fn judge(&self, said: &str) -> Result<(), Error> {
        let is_right = self.answer.iter().all(|part| said.contains(part.as_str()))
            && !self.never.iter().any(|part| said.contains(part.as_str()));
        match is_right {
            true => Ok(()),
            false => Err(Error::unexpected(format!("{}: {said}", self.command))),
        }
    }
}

/// A file of the root.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RootFile {
    path: String,
    contents: String,
    #[serde(default)]
    executable: bool,
}

/// What the record must say.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expect {
    /// The verdict's word.
    verdict: String,
    /// What the verdict's reason has in it.
    #[serde(default)]
    reason: Vec<String>,
    /// How scripts end: `exited 0`, `timed-out`, ...
    #[serde(default)]
    script: BTreeMap<String, String>,
    /// The verdict of each check of the root, in order.
    #[serde(default)]
    checks: Vec<String>,
    /// What a script's kept output has in it.
    #[serde(default)]
    output: BTreeMap<String, Vec<String>>,
    /// Pairs of moments, `ssh starts` or `ssh ends`: the first comes before the second.
    #[serde(default)]
    sequence: Vec<[String; 2]>,
    /// What a file of the root holds in the end.
    #[serde(default)]
    file: BTreeMap<String, String>,
}

impl Scenario {
    /// Reads one of `scenarios/`.
    ///
    /// # Errors
    /// When it is not there or not well formed.
    pub fn named(name: &str) -> Result<Self, Error> {
        named(name)
    }
}

/// Reads one of `scenarios/`, of whichever kind.
pub(crate) fn named<T: serde::de::DeserializeOwned>(name: &str) -> Result<T, Error> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let path = dir.join(format!("{name}.toml"));
    let text = files::read_text(&path)?;
    toml::from_str(&text).map_err(|error| Error::Contents {
        what: error.to_string(),
        path: path.clone(),
    })
}

/// Boots it and compares.
///
/// # Errors
/// When anything is not as the scenario says; the message holds the whole boot.
pub fn run(name: &str) -> Result<(), Error> {
    let scenario = Scenario::named(name)?;
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    for file in &scenario.file {
        let mode = if file.executable { 0o755 } else { 0o644 };
        disk.write(&file.path, &file.contents, mode)?;
    }
    if !scenario.damage.is_empty() {
        disk.debugfs(
            &scenario
                .damage
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        )?;
    }
    let baked = baked(&scenario, &artefacts, &disk)?;
    for Overwrite { at, text } in &scenario.overwrite {
        disk.overwrite(artefacts.root_offset + at, text.as_bytes())?;
    }
    let (rescue, root) = (free_port()?, free_port()?);
    let mut spec = Spec::new(&artefacts)
        .append(&scenario.append)
        .nic(Nic::User {
            forwards: vec![(rescue, 2222), (root, 22)],
        });
    spec = match scenario.disk {
        Writing::Writable => spec.disk(&disk),
        Writing::ReadOnly => spec.disk_read_only(&disk),
    };
    if let Some(baked) = &baked {
        spec = spec.image(&baked.image());
    }
    let mut machine = spec.start_init()?;
    let rescue = Ssh::new(&artefacts, Door::Rescue, rescue)?;
    let root = Ssh::new(&artefacts, Door::Root, root)?;
    rescue.wait(&mut machine)?;
    let mut session = rescue.session()?;
    if let Some(open) = &scenario.open_while {
        let door = |door: &Door| match door {
            Door::Rescue => &rescue,
            Door::Root => &root,
        };
        let doors: Vec<&Ssh> = open.doors.iter().map(door).collect();
        is_open_while(open, &mut machine, &mut session, &doors)?;
    }
    wait_verdict(&mut machine, &mut session)?;
    for ask in &scenario.ask {
        ask.judge(&session.ask(&ask.command)?)?;
    }
    let record = match scenario.ends {
        Ends::ByRoot => {
            root.wait(&mut machine)?;
            // The connection may be cut before the status comes back.
            root.output("poweroff")?;
            None
        }
        Ends::ByRescue => {
            let record = Record::running(&mut session)?;
            rescue.output("preroot poweroff")?;
            Some(record)
        }
    };
    machine.wait_off()?;
    judge(&scenario, &disk, record)
}

/// The image for a scenario that needs one of its own, and its scripts on the disk.
fn baked(scenario: &Scenario, artefacts: &Artefacts, disk: &Disk) -> Result<Option<Baked>, Error> {
    let change = Change {
        replaced: scenario.config_replaced.clone(),
        added: scenario.config.clone(),
    };
    if !scenario.script.is_empty() {
        let tree = Tree::with(artefacts, &scenario.script)?;
        scripts::install(disk, &tree, &scenario.script)?;
        programs::bake(artefacts, &change, tree.root()).map(Some)
    } else if change.replaced.is_empty() && change.added.is_empty() {
        Ok(None)
    } else {
        programs::bake(artefacts, &change, &artefacts.root_tree).map(Some)
    }
}

/// Logs in by each door while a script runs: it has started before, and has not ended after.
fn is_open_while(
    open: &OpenWhile,
    machine: &mut Machine,
    session: &mut Session,
    doors: &[&Ssh],
) -> Result<(), Error> {
    let script = open.script.as_str();
    let has_started = |event: &Event<'_>| matches!(event, Event::ScriptStarted(started) if started.name == script);
    wait::until(&format!("script {script} to run"), || {
        machine.check_running()?;
        let record = Record::running(session)?;
        let boot = record.latest()?;
        let started = boot.events().any(|(_, event)| has_started(&event));
        Ok(if started { Ok(()) } else { Err(boot.text()) })
    })?;
    for door in doors {
        door.wait(machine)?;
        door.run("true")?;
    }
    for ask in &open.ask {
        let door = doors
            .first()
            .ok_or_else(|| Error::unexpected("no door to ask behind"))?;
        ask.judge(&door.text_of(&ask.command)?)?;
    }
    let record = Record::running(session)?;
    let boot = record.latest()?;
    match boot.script(script) {
        None => Ok(()),
        Some(_) => Err(Error::unexpected(format!(
            "script {script} ended before the doors had let us in\n{}",
            boot.text()
        ))),
    }
}

/// Waits until the order has ended and the verdict is in, by a session that is open all the time.
///
/// # Errors
/// When the machine or the session dies first, or never comes to a verdict.
pub fn wait_verdict(machine: &mut Machine, session: &mut Session) -> Result<String, Error> {
    wait::until("the verdict on the boot", || {
        machine.check_running()?;
        let record = Record::running(session)?;
        let boot = record.latest()?;
        Ok(match boot.verdict() {
            Some(verdict) => Ok(verdict.word.to_owned()),
            None => Err(boot
                .text()
                .lines()
                .last()
                .unwrap_or("an empty record")
                .to_owned()),
        })
    })
}

/// `taken`: the record that somebody has taken along, of a root that nobody has to have mended.
fn judge(scenario: &Scenario, disk: &Disk, taken: Option<Record>) -> Result<(), Error> {
    let record = match taken {
        Some(record) => record,
        None => match disk.health()? {
            Health::Clean => Record::stored(disk)?,
            Health::Unclean(why) => {
                let story = &scenario.story;
                let words = format!("{story}: root left unclean: {why}");
                return Err(Error::unexpected(words));
            }
        },
    };
    let boot = record.latest()?;
    let mut differences = differences(&scenario.expect, &boot);
    for (path, expected) in &scenario.expect.file {
        let found = disk.read(path)?;
        let found = found.map_or("no such file".into(), |bytes| {
            String::from_utf8_lossy(&bytes).trim().to_owned()
        });
        if found != expected.trim() {
            differences.push(format!("{path}: expected\n{expected}\nfound\n{found}"));
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let story = &scenario.story;
    Err(Error::unexpected(format!(
        "{story}\n{}\n\n{}",
        differences.join("\n"),
        boot.text()
    )))
}

fn differences(expect: &Expect, boot: &Boot<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let mut compare = |what: &str, expected: &str, found: &str| {
        if expected != found {
            all.push(format!("{what}: expected `{expected}`, found `{found}`"));
        }
    };
    let verdict = boot.verdict();
    compare(
        "verdict",
        &expect.verdict,
        verdict.map_or("none", |verdict| verdict.word),
    );
    let reason = verdict.map_or(String::new(), |verdict| why(&verdict));
    for part in &expect.reason {
        let found = if reason.contains(part.as_str()) {
            part
        } else {
            &reason
        };
        compare("the verdict's reason", part, found);
    }
    for (name, expected) in &expect.script {
        let found = boot
            .script(name)
            .map_or("no end".to_owned(), |ended| match ended.end {
                ScriptEnd::Exited => format!("exited {}", ended.status),
                ScriptEnd::Signalled => format!("signal {}", ended.status),
                ScriptEnd::TimedOut => "timed-out".to_owned(),
                ScriptEnd::NotStarted => format!("not-started {}", ended.status),
                ScriptEnd::Abandoned => "abandoned".to_owned(),
            });
        compare(&format!("script {name}"), expected, &found);
    }
    let checks: Vec<&str> = boot.checks().iter().map(|check| check.verdict).collect();
    compare("checks", &expect.checks.join(", "), &checks.join(", "));
    for (name, expected) in &expect.output {
        let found = boot.script_output(name);
        for part in expected.iter().filter(|part| !found.contains(*part)) {
            all.push(format!("output of {name}: no `{part}` in\n{found}"));
        }
    }
    for [first, second] in &expect.sequence {
        match (boot.moment(first), boot.moment(second)) {
            (Some(before), Some(after)) if before < after => {}
            found => all.push(format!("`{first}` is not before `{second}`: {found:?}")),
        }
    }
    if boot.missing > 0 || boot.damaged > 0 {
        all.push(format!(
            "record: {} bytes damaged, {} frames missing",
            boot.damaged, boot.missing
        ));
    }
    all
}
