//! What happens to a machine that runs: cables and disks pulled and plugged in, the power cut, keys pressed, something said
//! by ssh.

use serde::Deserialize;

use crate::error::Error;
use crate::machine::{Cable, Machine};
use crate::ssh::Door;

/// Something that happens.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Step {
    /// When the console shows this, of the boot that is under way; left out: at once.
    #[serde(default)]
    pub(super) after: Option<String>,
    /// So long after that, ms.
    #[serde(default)]
    pub(super) pause_ms: u64,
    /// Cards whose cables are plugged in.
    #[serde(default)]
    plug: Vec<usize>,
    /// Cards whose cables are pulled.
    #[serde(default)]
    pull: Vec<usize>,
    /// Disks that are plugged in, which lay beside the machine: 0 is the root's.
    #[serde(default)]
    attach: Vec<usize>,
    /// Disks that are pulled.
    #[serde(default)]
    detach: Vec<usize>,
    /// Keys that are pressed together, as QEMU names them.
    #[serde(default)]
    press: Vec<String>,
    /// A line that is typed on the console.
    #[serde(default)]
    line: Option<String>,
    /// The power is cut, and the machine switched on again.
    #[serde(default)]
    pub(super) cut_power: bool,
    /// Somebody logs in by the rescue sshd, and stays.
    #[serde(default)]
    pub(super) log_in: bool,
    /// Somebody else comes, and is let in.
    #[serde(default)]
    pub(super) lets_in: bool,
    /// What is said in that session.
    #[serde(default)]
    pub(super) ask: Vec<Ask>,
}

/// Something said in a session.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Ask {
    pub(super) command: String,
    #[serde(default)]
    answer: Vec<String>,
    /// What must not be in it.
    #[serde(default)]
    never: Vec<String>,
}

/// Doors that are open while a script runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct OpenWhile {
    /// The script.
    pub(super) script: String,
    /// The doors: `rescue`, `root`.
    pub(super) doors: Vec<Door>,
    /// What is said behind the first of them meanwhile, and what is in the answers.
    #[serde(default)]
    pub(super) ask: Vec<Ask>,
}

impl Step {
    /// What cannot be done to a machine with so many disks and cards.
    pub(super) fn check(&self, disks: usize, cards: usize) -> Result<(), String> {
        let disk = self
            .attach
            .iter()
            .chain(&self.detach)
            .find(|disk| **disk >= disks);
        let card = self
            .plug
            .iter()
            .chain(&self.pull)
            .find(|card| **card >= cards);
        match (disk, card) {
            (Some(disk), _) => Err(format!(
                "there is no disk {disk}: the root's is 0, of {disks}"
            )),
            (_, Some(card)) => Err(format!(
                "there is no card {card}: the first is 0, of {cards}"
            )),
            (None, None) => Ok(()),
        }
    }

    /// Whether nothing is done to the machine, and nobody comes before anything else goes on: what is asked is for a record.
    pub(super) fn changes_nothing(&self) -> bool {
        let parts = [&self.plug, &self.pull, &self.attach, &self.detach];
        let acts = !self.press.is_empty() || self.line.is_some() || self.cut_power;
        parts.iter().all(|parts| parts.is_empty()) && !acts && !self.log_in
    }

    /// Does what is done to the machine itself.
    pub(super) fn act(&self, machine: &mut Machine) -> Result<(), Error> {
        for card in &self.plug {
            machine.plug(*card, Cable::In)?;
        }
        for card in &self.pull {
            machine.plug(*card, Cable::Out)?;
        }
        for disk in &self.attach {
            machine.attach(*disk)?;
        }
        for disk in &self.detach {
            machine.detach(*disk)?;
        }
        if !self.press.is_empty() {
            let keys: Vec<&str> = self.press.iter().map(String::as_str).collect();
            machine.monitor()?.press(&keys)?;
        }
        match &self.line {
            Some(line) => machine.type_on_console(line),
            None => Ok(()),
        }
    }
}

impl Ask {
    /// Whether an answer is as it should be.
    ///
    /// # Errors
    /// When it is not; the message has both.
    pub(super) fn judge(&self, said: &str) -> Result<(), Error> {
        let has = |part: &&String| said.contains(part.as_str());
        let wrong = match (
            self.answer.iter().find(|part| !has(part)),
            self.never.iter().find(has),
        ) {
            (Some(missing), _) => format!("no `{missing}` in the answer"),
            (None, Some(there)) => format!("`{there}` is in the answer"),
            (None, None) => return Ok(()),
        };
        let what = format!("`{}`: {wrong}:\n{said}", self.command);
        Err(Error::unexpected(what))
    }
}
