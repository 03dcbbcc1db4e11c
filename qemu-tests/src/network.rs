//! Networks as data: a machine with some cards, a host table, cables that are pulled and plugged in, and what its record and
//! a real ssh client say of it. `scenarios/network/*.toml`.

use std::collections::BTreeMap;

use preroot_record::Event;
use serde::Deserialize;

use crate::artefacts::Artefacts;
use crate::disk::Disk;
use crate::error::Error;
use crate::library;
use crate::machine::{Cable, Machine, free_port};
use crate::programs::{self, Change};
use crate::record::{Boot, Record};
use crate::spec::{Nic, Spec};
use crate::ssh::{Door, Ssh};
use crate::wait;

/// One machine.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Network {
    /// What happens, for the person who reads a failure.
    story: String,
    /// Words added to the kernel command line.
    #[serde(default)]
    append: String,
    /// Text of the usual config, and what stands there instead.
    #[serde(default)]
    config_replaced: BTreeMap<String, String>,
    /// Lines added to the config.
    #[serde(default)]
    config: String,
    /// What the firmware says of the machine, as QEMU's `-smbios` takes it.
    #[serde(default)]
    firmware: Option<String>,
    /// Its network cards.
    #[serde(default)]
    card: Vec<Card>,
    /// The guest's port that a client comes to; left out: nobody can come, and the console is all there is.
    #[serde(default)]
    port: Option<u16>,
    /// What is done, in order, once the console has shown something.
    #[serde(default)]
    step: Vec<Step>,
    /// What the client asks for in one session, which is open from before the steps to the end, and what is in the answers.
    #[serde(default)]
    ask: Vec<Ask>,
    /// What the record says in the end.
    expect: Expect,
}

/// A network card.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Card {
    mac: String,
    /// Whether it is on the hub with others, or has a network of its own.
    #[serde(default)]
    on: Place,
    /// Its PCI slot.
    #[serde(default)]
    slot: Option<String>,
    /// Its cable is not in when the machine is switched on.
    #[serde(default)]
    unplugged: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Place {
    /// Where the client comes from.
    #[default]
    Clients,
    /// The hub, where the client comes from too.
    Hub,
    /// A network where nobody is.
    Alone,
}

/// Something that is done.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Step {
    /// When the console shows this; left out: at once.
    #[serde(default)]
    after: Option<String>,
    /// Cards whose cables are plugged in.
    #[serde(default)]
    plug: Vec<usize>,
    /// Cards whose cables are pulled.
    #[serde(default)]
    pull: Vec<usize>,
}

/// Something said in the session.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Ask {
    command: String,
    answer: Vec<String>,
}

/// What the record says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expect {
    /// The last verdict's word; left out: whatever it is.
    #[serde(default)]
    verdict: Option<String>,
    /// What the verdict has in it.
    #[serde(default)]
    reason: Vec<String>,
    /// What is said of interfaces, `eth0: carrier`, each as a part of one line.
    #[serde(default)]
    said: Vec<String>,
    /// What is not said of any.
    #[serde(default)]
    never: Vec<String>,
}

/// Boots it and compares.
///
/// # Errors
/// When anything is not as the scenario says; the message holds the whole boot.
pub fn run(name: &str) -> Result<(), Error> {
    let network: Network = library::named(name)?;
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    let change = Change {
        replaced: network.config_replaced.clone(),
        added: network.config.clone(),
    };
    let baked = programs::bake(&artefacts, &change, &artefacts.root_tree)?;
    let client = free_port()?;
    let mut spec = Spec::new(&artefacts)
        .image(&baked.image())
        .append(&network.append)
        .disk(&disk);
    if let Some(words) = &network.firmware {
        spec = spec.firmware(words);
    }
    let mut forwards: Vec<(u16, u16)> = network
        .port
        .map(|port| (client, port))
        .into_iter()
        .collect();
    for card in &network.card {
        let nic = match card.on {
            Place::Clients => Nic::User {
                forwards: std::mem::take(&mut forwards),
            },
            Place::Hub => Nic::Hub {
                forwards: std::mem::take(&mut forwards),
            },
            Place::Alone => Nic::User {
                forwards: Vec::new(),
            },
        };
        spec = spec.nic_with_mac(nic, &card.mac);
        if let Some(slot) = &card.slot {
            spec = spec.in_slot(slot);
        }
    }
    let mut machine = spec.start_init()?;
    for (number, _) in network
        .card
        .iter()
        .enumerate()
        .filter(|(_, card)| card.unplugged)
    {
        machine.plug(number, Cable::Out)?;
    }
    match network.port {
        Some(_) => with_client(&network, &artefacts, &mut machine, client),
        None => by_console(&network, &disk, &mut machine),
    }
}

/// A real client logs in, and stays while cables are pulled.
fn with_client(
    network: &Network,
    artefacts: &Artefacts,
    machine: &mut Machine,
    port: u16,
) -> Result<(), Error> {
    let ssh = Ssh::new(artefacts, Door::Rescue, port)?;
    let is_late = network.card.iter().any(|card| card.unplugged);
    if is_late {
        steps(network, machine)?;
    }
    ssh.wait(machine)?;
    let mut session = ssh.session()?;
    session.ask("true")?;
    if !is_late {
        steps(network, machine)?;
        // Who comes only now gets in as well.
        ssh.wait(machine)?;
    }
    for Ask { command, answer } in &network.ask {
        let said = session.ask(command)?;
        if let Some(part) = answer.iter().find(|part| !said.contains(part.as_str())) {
            let story = &network.story;
            return Err(Error::unexpected(format!(
                "{story}\n{command}: no `{part}` in {said}"
            )));
        }
    }
    let mut last = None;
    wait::until("the record that is expected", || {
        machine.check_running()?;
        let record = Record::running(&mut session)?;
        let boot = record.latest()?;
        let found = differences(&network.expect, &boot);
        let is_done = found.is_empty();
        let text = format!("{}\n{}\n{}", network.story, found.join("\n"), boot.text());
        last = Some(text.clone());
        Ok(if is_done { Ok(()) } else { Err(text) })
    })
}

/// Nobody can come: the console is watched, and the record read from the disk.
fn by_console(network: &Network, disk: &Disk, machine: &mut Machine) -> Result<(), Error> {
    steps(network, machine)?;
    for part in &network.expect.reason {
        machine.wait_console(part)?;
    }
    machine.wait_console("verdict ")?;
    machine.monitor()?.press(&["ctrl", "alt", "delete"])?;
    machine.wait_off()?;
    let record = Record::stored(disk)?;
    let boot = record.latest()?;
    let found = differences(&network.expect, &boot);
    if found.is_empty() {
        return Ok(());
    }
    let (story, found) = (&network.story, found.join("\n"));
    Err(Error::unexpected(format!(
        "{story}\n{found}\n{}",
        boot.text()
    )))
}

fn steps(network: &Network, machine: &mut Machine) -> Result<(), Error> {
    for step in &network.step {
        if let Some(text) = &step.after {
            machine.wait_console(text)?;
        }
        for card in &step.plug {
            machine.plug(*card, Cable::In)?;
        }
        for card in &step.pull {
            machine.plug(*card, Cable::Out)?;
        }
    }
    Ok(())
}

fn differences(expect: &Expect, boot: &Boot<'_>) -> Vec<String> {
    let mut said = Vec::new();
    let mut verdict = None;
    for (_, event) in boot.events() {
        match event {
            Event::Network(network) => {
                let (name, what, errno) = (network.interface, network.what, network.errno);
                said.push(format!("{name}: {what}, errno {errno}"));
            }
            Event::Verdict(event) => verdict = Some(event),
            _ => {}
        }
    }
    let mut all = Vec::new();
    let word = verdict.map_or("none", |verdict| verdict.word);
    if let Some(expected) = expect
        .verdict
        .as_deref()
        .filter(|expected| *expected != word)
    {
        all.push(format!("verdict: expected `{expected}`, found `{word}`"));
    }
    let reason = verdict.map_or("", |verdict| verdict.reason);
    for part in expect
        .reason
        .iter()
        .filter(|part| !reason.contains(part.as_str()))
    {
        all.push(format!("verdict: no `{part}` in `{reason}`"));
    }
    for part in &expect.said {
        if !said.iter().any(|line| line.contains(part.as_str())) {
            all.push(format!("no `{part}` in {said:#?}"));
        }
    }
    for part in &expect.never {
        all.extend(
            said.iter()
                .find(|line| line.contains(part.as_str()))
                .cloned(),
        );
    }
    all
}
