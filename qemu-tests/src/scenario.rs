//! Scenarios as data: a machine, what is wrong with it, what happens to it meanwhile, and what its record, a real ssh client
//! and, where there is nothing else, its console must say. One file each, below `scenarios/`.

mod expect;
mod invariants;
mod run;
mod timeline;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use self::expect::Expect;
use self::timeline::{Ask, OpenWhile, Step};
use crate::damage::Damage;
use crate::error::Error;
use crate::library;
use crate::parts::{Card, Extra, Root, Slot};
use crate::scripts::NewScript;

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

    /// Text of the usual config, and what stands there instead; the image is baked anew.
    #[serde(default)]
    config_replaced: BTreeMap<String, String>,
    /// Lines added to the config; the image is baked anew with them.
    #[serde(default)]
    config: String,
    /// Init scripts added to the root; the plan is frozen with them.
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
        library::read(path)
    }
}
