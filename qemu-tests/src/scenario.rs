//! Scenarios as data: a machine, what is wrong with it, what happens to it meanwhile, and what its record, a real ssh client
//! and, where there is nothing else, its console must say. One file each, below `scenarios/`.

mod compare;
pub(crate) mod expect;
mod furnish;
mod image;
mod invariants;
mod run;
mod timeline;

use std::path::Path;

use serde::Deserialize;

use self::expect::Expect;
use self::timeline::{Ask, OpenWhile, Step};
use crate::damage::Damage;
use crate::error::Error;
use crate::files;
use crate::overlay::Overlay;
use crate::parts::{Card, Extra, Root, Slot};
use crate::scripts::NewScript;

pub use self::compare::{Generator, Last, Rival, Seen, is_for_all, see};
pub use self::run::{run, run_on, wait_verdict};

/// One scenario. Everything but the story and what is expected can be left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// What happens, for the person who reads a failure.
    pub story: String,

    /// Words added to the kernel command line.
    #[serde(default)]
    append: String,
    /// Which kernel boots it.
    #[serde(default)]
    kernel: Kernel,
    /// Processors; left out: two.
    #[serde(default)]
    cpus: Option<u8>,
    /// Memory, MiB; left out: the usual.
    #[serde(default)]
    memory: Option<u32>,
    /// Places for memory; none: those that the firmware makes up.
    #[serde(default)]
    slot: Vec<Slot>,
    /// What the firmware says of the machine, as QEMU's `-smbios` takes it.
    #[serde(default)]
    firmware: Option<String>,
    /// The chipset's watchdog is told of, and resets the machine when it is not fed.
    #[serde(default)]
    watchdog: bool,
    /// Network cards; left out: one, where the client comes from.
    #[serde(default)]
    card: Option<Vec<Card>>,
    /// The guest's port that the client comes to; left out: the config's.
    #[serde(default)]
    port: Option<u16>,
    /// How the root disk is plugged in, and what is wrong with it.
    #[serde(default)]
    root: Root,
    /// Disks behind it, empty.
    #[serde(default)]
    disk: Vec<Extra>,

    /// What was in it at the boot before, on the same root disk, which came to `OK`; left out: there was none.
    #[serde(default)]
    before: Option<Before>,

    /// TOML laid over the image's config; the plan is frozen anew.
    #[serde(default)]
    config: String,
    /// Init scripts added to the root; the plan is frozen anew.
    #[serde(default)]
    script: Vec<NewScript>,
    /// What is done to the image.
    #[serde(default)]
    image: Vec<ImageDamage>,
    /// Files written into the root.
    #[serde(default)]
    file: Vec<RootFile>,
    /// What is done to the root's disk behind that.
    #[serde(default)]
    damage: Vec<Damage>,

    /// What happens once it is switched on, in order.
    #[serde(default)]
    step: Vec<Step>,
    /// A script during whose run doors must let us in.
    #[serde(default)]
    open_while: Option<OpenWhile>,
    /// What is said in a session of the rescue sshd once the boot has come to its verdict, and what is in the answers.
    #[serde(default)]
    ask: Vec<Ask>,
    /// Who switches it off, and whose copy of the record is read.
    #[serde(default)]
    ends: Ends,

    /// What its record must say.
    expect: Expect,

    /// Its text.
    #[serde(skip)]
    text: String,
}

/// A kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kernel {
    /// The root's own.
    #[default]
    Own,
    /// Set-up's for all machines, with drivers that the root's own has not; its modules are baked in.
    Full,
}

/// A machine as it was before: what of it was otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Before {
    #[serde(default)]
    memory: Option<u32>,
    #[serde(default)]
    slot: Vec<Slot>,
    #[serde(default)]
    card: Option<Vec<Card>>,
    #[serde(default)]
    disk: Vec<Extra>,
}

/// Who switches the machine off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ends {
    /// The root's own tools; the record is on the root.
    #[default]
    #[serde(rename = "by-root")]
    Root,
    /// Somebody in the rescue, who takes the record along: the root has not come up, or cannot be written.
    #[serde(rename = "by-rescue")]
    Rescue,
    /// Somebody at the keyboard, for nobody can come: the record is on the root.
    #[serde(rename = "by-keyboard")]
    Keyboard,
    /// Nobody: the power is cut when the console has shown what is expected of it. There may be no record.
    #[serde(rename = "by-power")]
    Power,
}

/// Something done to the image.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum ImageDamage {
    /// It ends early.
    Cut {
        /// What is left of it, in hundredths.
        percent: u8,
    },
    /// Bits are turned over in each byte of a part of it.
    Flip {
        /// From where on, in hundredths.
        percent: u8,
        /// How many bytes.
        bytes: usize,
    },
    /// A file is laid over one of it: the kernel unpacks a second archive over the first.
    Lay {
        /// Its path, without the first `/`.
        path: String,
        /// What is in it, as text.
        contents: String,
    },
}

/// A file of the root.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RootFile {
    path: String,
    contents: String,
    #[serde(default)]
    executable: bool,
}

impl Scenario {
    /// Reads one.
    ///
    /// # Errors
    /// When it is not there or not well formed.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = files::read_text(path)?;
        Self::parse(&text).map_err(|what| Error::Contents {
            what,
            path: path.to_owned(),
        })
    }

    /// Reads one from its text.
    ///
    /// # Errors
    /// When it is not well formed: where and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        scenario.check()?;
        Ok(Self {
            text: text.to_owned(),
            ..scenario
        })
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same machine at the boot before, of which nothing is expected but that it is good.
    fn earlier(&self) -> Option<Self> {
        let before = self.before.clone()?;
        Some(Self {
            memory: before.memory,
            slot: before.slot,
            card: before.card,
            disk: before.disk,
            before: None,
            step: Vec::new(),
            open_while: None,
            ask: Vec::new(),
            ends: Ends::Rescue,
            expect: Expect::good(),
            ..self.clone()
        })
    }

    /// Whether its image has a plan that was frozen from another config, or with other scripts.
    fn is_frozen(&self) -> bool {
        !self.config.is_empty() || !self.script.is_empty() || self.kernel == Kernel::Full
    }

    /// What is laid over the image's config.
    fn overlay(&self) -> Result<Overlay, String> {
        Overlay::parse(&self.config).map_err(|error| format!("config: {error}"))
    }

    /// Whether it has a disk that may keep the kernel from switching off.
    fn hangs(&self) -> bool {
        self.root.hangs() || self.disk.iter().any(Extra::hangs)
    }

    /// What no machine can be, or do.
    fn check(&self) -> Result<(), String> {
        self.root.check()?;
        self.overlay()?;
        let before = self.before.iter().flat_map(|before| &before.disk);
        for disk in self.disk.iter().chain(before) {
            disk.check()?;
        }
        let disks = self.disk.len() + 1;
        let cards = self.card.as_ref().map_or(1, Vec::len);
        for (number, step) in self.step.iter().enumerate() {
            step.check(disks, cards)
                .map_err(|what| format!("step {}: {what}", number + 1))?;
        }
        let percents = self.image.iter().map(|damage| match damage {
            ImageDamage::Cut { percent } | ImageDamage::Flip { percent, .. } => *percent,
            ImageDamage::Lay { .. } => 0,
        });
        if let Some(percent) = percents.into_iter().find(|percent| *percent > 100) {
            return Err(format!("image: percent = {percent} is over 100"));
        }
        if self.memory.is_some_and(|mib| !(64..=65_536).contains(&mib)) {
            return Err("memory: MiB, 64 to 65536".to_owned());
        }
        if self.cpus.is_some_and(|count| !(1..=64).contains(&count)) {
            return Err("cpus: 1 to 64".to_owned());
        }
        if self.ends == Ends::Power && self.expect.console().is_empty() {
            return Err("ends by-power: expect.console says when".to_owned());
        }
        if cards == 0 && matches!(self.ends, Ends::Root | Ends::Rescue) {
            return Err("card = []: nobody can come to end it; ends = \"by-keyboard\"".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn every_scenario_of_the_library_is_well_formed() {
        let all = crate::library::library().unwrap();
        assert!(all.len() >= 50, "{} scenarios", all.len());
        for (name, path) in all {
            let scenario = Scenario::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(scenario.story.len() > 10, "{name}: no story");
            // What stands for a script can be any.
            let text = scenario.text().replace("{script}", "some-script");
            Scenario::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn what_no_machine_can_be_is_refused() {
        let check = |text: &str, expected: &str| {
            let text = format!("story = \"s\"\n{text}\n");
            let found = Scenario::parse(&text).unwrap_err();
            assert!(found.contains(expected), "{text}: {found}");
        };
        let expect = "[expect]\nverdict = \"OK\"";
        check("", "missing field `expect`");
        check(&format!("colour = 1\n{expect}"), "unknown field `colour`");
        check(&format!("{expect}\nmood = 1"), "unknown field `mood`");
        check(
            &format!("config = \"[x\"\n{expect}"),
            "config: TOML parse error",
        );
        check(&format!("memory = 1\n{expect}"), "memory: MiB, 64 to 65536");
        check(&format!("memory = -1\n{expect}"), "line 2");
        check(&format!("cpus = 0\n{expect}"), "cpus: 1 to 64");
        check(&format!("card = []\n{expect}"), "nobody can come");
        check(
            &format!("ends = \"by-power\"\n{expect}"),
            "expect.console says when",
        );
        check(
            &format!("ends = \"by-magic\"\n{expect}"),
            "unknown variant `by-magic`",
        );
        check(
            &format!("image = [{{ cut = {{ percent = 101 }} }}]\n{expect}"),
            "over 100",
        );
        check(
            &format!("root = {{ bus = \"floppy\" }}\n{expect}"),
            "unknown variant `floppy`",
        );
        check(
            &format!("root = {{ unplugged = true, cache = \"writethrough\" }}\n{expect}"),
            "attached later has a write-back cache",
        );
        check(
            &format!("disk = [{{ mib = 1, serial = \"A\", unplugged = true }}]\n{expect}"),
            "disk: one that is attached later is virtio",
        );
        check(
            &format!("disk = [{{ mib = 1, serial = \"A\", warns = 1 }}]\n{expect}"),
            "disk: what warns is on nvme",
        );
        check(
            &format!("root = {{ cache = \"fast\" }}\n{expect}"),
            "unknown variant `fast`",
        );
        check(
            &format!("[[step]]\npull = [1]\n{expect}"),
            "step 1: there is no card 1",
        );
        check(
            &format!("[[step]]\n[[step]]\nattach = [1]\n{expect}"),
            "step 2: there is no disk 1",
        );
    }
}
