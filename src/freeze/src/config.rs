//! The config: what was asked of an image, every value checked.
//!
//! Read from TOML by [`Config::read`]; each complaint names the line of the file. What is checked
//! here cannot be wrong at boot for its form: addresses, gateways, durations, names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use preroot_plan::{
    CheckMode, DraftAssembly, DraftHost, Finish, Holders, Limits, MountMode, Policy, Repair, Weight,
};

use crate::check::Check;
pub use crate::hardware::HardwareConfig;
use crate::limits::CONFIG_BYTES_MAX;
use crate::message::{Messages, Place};
use crate::raw_config::RawConfig;
pub use crate::rescue::{RescueConfig, Sshd};

/// What was asked of an image.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its name.
    pub name: String,
    /// Where the root is, as [`preroot_plan::RootSpec`] reads it.
    pub root: String,
    /// Its file system type; empty: as its superblock says.
    pub root_type: String,
    /// Mount options for it.
    pub root_flags: Option<String>,
    /// How long to wait for it, ms.
    pub root_wait_ms: u32,
    /// What it lies on, from the disks up.
    pub assemblies: Vec<DraftAssembly>,
    /// How it is mounted.
    pub mount_mode: MountMode,
    /// What is done about processes that hold it.
    pub holders: Holders,
    /// What a check of it may change.
    pub repair: Repair,
    /// When it is checked.
    pub check_mode: CheckMode,
    /// The kernel modules.
    pub modules: ModulesConfig,
    /// The rescue sshd.
    pub rescue: RescueConfig,
    /// The machines.
    pub hosts: Vec<DraftHost>,
    /// The start order.
    pub order: OrderConfig,
    /// What is asked of single scripts, by name.
    pub scripts: BTreeMap<String, ScriptConfig>,
    /// What PID 1 does after the order.
    pub finish: Finish,
    /// Where the record is kept, as [`preroot_plan::Store`] reads it.
    pub store: String,
    /// Its size there, bytes.
    pub store_bytes: u32,
    /// What should be in the machines.
    pub hardware: HardwareConfig,
    /// The image.
    pub image: ImageConfig,
}

/// Which kernel modules go into the image.
#[derive(Debug, Clone, Default)]
pub struct ModulesConfig {
    /// Loaded where a device asks for them; the first has the first rank.
    pub load: Vec<WantedModule>,
    /// Loaded whatever is present.
    pub always: Vec<WantedModule>,
    /// Parameters by module.
    pub options: BTreeMap<String, ModuleOptions>,
}

/// The parameters of a kernel module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleOptions {
    /// As the kernel takes them: `name=value name=value`.
    pub text: String,
    /// Where the config names them.
    pub place: Place,
}

/// A kernel module that the config names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedModule {
    /// Its name, with underscores.
    pub name: String,
    /// Whether the kernel must have it.
    pub need: Need,
    /// Where the config names it.
    pub place: Place,
}

/// Whether something may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must be there.
    Required,
    /// It may be missing: `?` before the name.
    Optional,
    /// It must be there, for a host has this.
    Host(&'static str),
}

/// How the order is run.
#[derive(Debug, Clone)]
pub struct OrderConfig {
    /// When a script may start.
    pub policy: Policy,
    /// How many may run at once; 0: no limit.
    pub parallel: u16,
    /// How long a script may run unless it says otherwise, ms.
    pub deadline_ms: u32,
    /// The runlevel instead of inittab's.
    pub runlevel: Option<u8>,
    /// What scripts may use; `None`: as the tree lets us.
    pub limits: Option<Limits>,
}

/// What is asked of one script.
#[derive(Debug, Clone)]
pub struct ScriptConfig {
    /// How long it may run, ms.
    pub deadline_ms: Option<u32>,
    /// Why it is not in the order.
    pub dropped: Option<String>,
    /// What its failure means.
    pub weight: Weight,
    /// Where the config says so.
    pub place: Place,
}

/// What the image is made of, beside plan and modules.
#[derive(Debug, Clone)]
pub struct ImageConfig {
    /// `zstd`, `gzip`, `lz4` or `none`.
    pub compression: String,
    /// The tools in it.
    pub tools: Vec<String>,
    /// More files.
    pub files: Vec<ImageFile>,
}

/// One more file of the image.
#[derive(Debug, Clone)]
pub struct ImageFile {
    /// Its path in the image.
    pub path: String,
    /// Where it comes from.
    pub source: PathBuf,
    /// Its mode.
    pub mode: u32,
}

impl Config {
    /// Reads and checks a config. What is wrong goes to `messages`; with one error there is none.
    pub fn read(path: &Path, messages: &mut Messages) -> Option<Config> {
        let file = path.display().to_string();
        let remedy = "name a config with --config, see boot-configs/";
        let text = match std::fs::metadata(path).map(|metadata| metadata.len()) {
            Ok(bytes) if bytes > CONFIG_BYTES_MAX => {
                messages.refuse(Place::new(file, 0), "is too long for a config", remedy);
                return None;
            }
            _ => std::fs::read_to_string(path),
        };
        match text {
            Ok(text) => Config::parse(&text, path, messages),
            Err(error) => {
                messages.refuse(
                    Place::new(file, 0),
                    format!("cannot be read: {error}"),
                    remedy,
                );
                None
            }
        }
    }

    /// As [`Config::read`], of a text; `path` is its name in messages and where its paths begin.
    pub fn parse(text: &str, path: &Path, messages: &mut Messages) -> Option<Config> {
        let mut check = Check::new(text, path, messages);
        let raw = match toml::from_str::<RawConfig>(text) {
            Ok(raw) => raw,
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                let place = check.place(start);
                let remedy = "correct the line; the keys are explained in boot-configs/";
                check
                    .messages
                    .refuse(place, first_line(error.message()), remedy);
                return None;
            }
        };
        let config = check.config(&raw);
        check.is_good().then_some(config)
    }
}

impl Default for Config {
    /// What is asked when nobody asks: no root, no hosts, no modules.
    fn default() -> Config {
        let mut messages = Messages::default();
        let text = "name = \"unnamed\"\n[root]\nfind = \"/dev/none\"\n";
        let path = Path::new("config");
        let raw = toml::from_str::<RawConfig>(text).unwrap_or_default();
        Check::new(text, path, &mut messages).config(&raw)
    }
}

fn first_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ")
}
