//! A plan as owned values: what the host tools build, and freeze into bytes.
//!
//! [`Draft::freeze`] writes the bytes and runs the reader's check over them, so what it returns is a
//! plan that no boot can refuse for its form. The same draft gives the same bytes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::check::PlanError;
use crate::choices::{
    Argument, Bond, Changes, CheckMode, Concern, Dhcp, Finish, HandedOver, Holders, HostKey, LetGo,
    Limits, MountMode, Policy, Repair, RescueEnd, RescueStart, ScriptMode, ServiceAction, Weight,
};
use crate::fleet::Address;
use crate::freezer::Freezer;
use crate::hardware::{By, Class, MachineKey, State};
use crate::limits::{HARDWARE_MS_DEFAULT, TEXT_BYTES_MAX};
use crate::view::Plan;

/// A whole plan, owned. Field by field as [`crate::Settings`] and the tables say.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // Each field is documented in the table it becomes.
pub struct Draft {
    pub name: String,
    pub root: String,
    pub root_type: String,
    pub root_flags: String,
    pub root_wait_ms: u32,
    pub script_deadline_ms: u32,
    pub rescue_port: u16,
    pub network_ms: u32,
    pub rescue_start: RescueStart,
    pub rescue_end: RescueEnd,
    pub addresses: HandedOver,
    pub healthy: String,
    pub syslog: Vec<String>,
    pub watchdog: String,
    pub watchdog_s: u16,
    pub watchdog_let_go: LetGo,
    pub parallel: u16,
    pub policy: Policy,
    pub repair: Repair,
    pub holders: Holders,
    pub check_mode: CheckMode,
    pub mount_mode: MountMode,
    pub finish: Finish,
    pub limits: Limits,
    pub hardware_ms: u32,
    pub changes: Changes,
    pub runlevel: u8,
    pub store: String,
    pub store_bytes: u32,
    pub kernel: String,
    pub built_s: u64,
    pub modules_always: Vec<String>,
    pub hosts: Vec<DraftHost>,
    pub modules: Vec<DraftModule>,
    pub aliases: Vec<DraftAlias>,
    pub runlevels: Vec<DraftRunlevel>,
    pub services: Vec<DraftService>,
    pub dropped: Vec<DraftDropped>,
    pub expected: Vec<DraftExpected>,
    pub machines: Vec<DraftMachine>,
    pub assemblies: Vec<DraftAssembly>,
}

/// See [`crate::Host`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)] // As in the table.
pub struct DraftHost {
    pub macs: Vec<[u8; 6]>,
    pub matches: Vec<(HostKey, String)>,
    pub hostname: String,
    pub port: u16,
    pub interfaces: Vec<DraftInterface>,
}

/// See [`crate::Interface`]. A NIC is spelled as [`crate::Nic`] reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftInterface {
    pub nics: Vec<String>,
    pub bond: Bond,
    pub name: String,
    pub vlan: u16,
    pub mtu: u16,
    pub dhcp: Dhcp,
    pub addresses: Vec<Address>,
}

impl Default for DraftInterface {
    /// The NIC that was matched, as it is, without addresses.
    fn default() -> DraftInterface {
        DraftInterface {
            nics: Vec::new(),
            bond: Bond::None,
            name: String::new(),
            vlan: 0,
            mtu: 0,
            dhcp: Dhcp::No,
            addresses: Vec::new(),
        }
    }
}

/// See [`crate::Module`]. Dependencies are numbers into [`Draft::modules`], in the order to load.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftModule {
    pub name: String,
    pub path: String,
    pub options: String,
    pub dependencies: Vec<u32>,
}

/// See [`crate::Alias`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftAlias {
    pub pattern: String,
    pub module: u32,
}

/// See [`crate::Runlevel`]. Scripts stand by level, then name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftRunlevel {
    pub name: u8,
    pub argument: Argument,
    pub scripts: Vec<DraftScript>,
}

/// See [`crate::Script`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftScript {
    pub name: String,
    pub level: u16,
    pub mode: ScriptMode,
    pub weight: Weight,
    pub link: u8,
    pub deadline_ms: u32,
    pub edges: Vec<DraftEdge>,
}

/// See [`crate::Edge`]. `awaited` is an index into the runlevel's own scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftEdge {
    pub awaited: u32,
    pub reason: String,
}

/// See [`crate::Service`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftService {
    pub id: String,
    pub runlevels: String,
    pub process: String,
    pub action: ServiceAction,
}

/// See [`crate::Dropped`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftDropped {
    pub name: String,
    pub reason: String,
    pub runlevel: u8,
}

/// See [`crate::Expected`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftExpected {
    pub class: Class,
    pub by: By,
    pub name: String,
    pub low: u64,
    pub high: u64,
    pub count: u16,
    pub concern: Concern,
    pub state: State,
}

impl DraftExpected {
    /// One of a class, known by something, of whatever size.
    #[must_use]
    pub fn new(class: Class, by: By, name: &str) -> DraftExpected {
        DraftExpected {
            class,
            by,
            name: name.to_string(),
            low: 0,
            high: 0,
            count: 1,
            concern: Concern::Degraded,
            state: State::Plain,
        }
    }
}

/// See [`crate::Expecting`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)] // As in the table.
pub struct DraftMachine {
    pub name: String,
    pub keys: Vec<(MachineKey, String)>,
    pub expected: Vec<DraftExpected>,
}

/// See [`crate::Assembly`]. A program is its words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)] // As in the table.
pub struct DraftAssembly {
    pub name: String,
    pub kind: String,
    pub device: String,
    pub run: Vec<String>,
    pub late: Vec<String>,
    pub undo: Vec<String>,
    pub deadline_ms: u32,
    pub late_ms: u32,
}

/// Why a draft cannot be frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftError {
    /// A text is longer than a plan can hold.
    Long(String),
    /// More than a plan can hold; what there is too much of.
    Many(&'static str),
    /// The reader would refuse it.
    Check(PlanError),
}

impl core::fmt::Display for DraftError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            DraftError::Long(text) => {
                write!(
                    f,
                    "\"{text}\" is longer than the {TEXT_BYTES_MAX} bytes a plan can hold"
                )
            }
            DraftError::Many(what) => write!(f, "more {what} than a plan can hold"),
            DraftError::Check(error) => write!(f, "the plan would be refused at boot: {error}"),
        }
    }
}

impl core::error::Error for DraftError {}

impl Default for Draft {
    /// What a boot does when nobody said anything: wait for nothing, repair nothing, start nothing.
    fn default() -> Draft {
        Draft {
            name: "unnamed".to_string(),
            root: "/dev/none".to_string(),
            root_type: String::new(),
            root_flags: String::new(),
            root_wait_ms: 30_000,
            script_deadline_ms: 300_000,
            rescue_port: 22,
            network_ms: 30_000,
            rescue_start: RescueStart::Always,
            rescue_end: RescueEnd::Never,
            addresses: HandedOver::Keep,
            healthy: String::new(),
            syslog: Vec::new(),
            watchdog: String::new(),
            watchdog_s: 0,
            watchdog_let_go: LetGo::Disarm,
            parallel: 0,
            policy: Policy::Levels,
            repair: Repair::Preen,
            holders: Holders::Refuse,
            check_mode: CheckMode::Auto,
            mount_mode: MountMode::ReadWrite,
            finish: Finish::Stay,
            limits: Limits::Reserve,
            hardware_ms: HARDWARE_MS_DEFAULT,
            changes: Changes::Off,
            runlevel: b'2',
            store: String::new(),
            store_bytes: 0,
            kernel: String::new(),
            built_s: 0,
            modules_always: Vec::new(),
            hosts: Vec::new(),
            modules: Vec::new(),
            aliases: Vec::new(),
            runlevels: Vec::new(),
            services: Vec::new(),
            dropped: Vec::new(),
            expected: Vec::new(),
            machines: Vec::new(),
            assemblies: Vec::new(),
        }
    }
}

impl Draft {
    /// The plan's bytes, checked.
    pub fn freeze(&self) -> Result<Vec<u8>, DraftError> {
        let bytes = Freezer::default().freeze(self)?;
        Plan::check(&bytes).map_err(DraftError::Check)?;
        Ok(bytes)
    }
}
