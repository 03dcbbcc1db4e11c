//! A plan as owned values: what the host tools build, and freeze into bytes.
//!
//! [`Draft::freeze`] writes the bytes and runs the reader's check over them, so what it returns is a
//! plan that no boot can refuse for its form. The same draft gives the same bytes.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use crate::check::{CHECKED_FROM, HEADER_BYTES, Header, MAGIC, PlanError, Section, VERSION, kind};
use crate::limits::{PLAN_BYTES_MAX, TEXT_BYTES_MAX};
use crate::tables::{
    Address, Alias, Argument, CheckMode, Concern, Disk, Dropped, Edge, Finish, Host, HostKey,
    Limits, Module, MountMode, Policy, Repair, Runlevel, Script, ScriptMode, Service,
    ServiceAction, Settings, Text, Weight,
};
use crate::view::Plan;

/// A whole plan, owned. Field by field as [`Settings`] and the tables say.
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
    pub parallel: u16,
    pub policy: Policy,
    pub repair: Repair,
    pub check_mode: CheckMode,
    pub mount_mode: MountMode,
    pub finish: Finish,
    pub limits: Limits,
    pub memory_concern: Concern,
    pub memory_bytes_min: u64,
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
    pub disks: Vec<DraftDisk>,
}

/// See [`Host`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftHost {
    pub key_kind: HostKey,
    pub key: String,
    pub hostname: String,
    pub addresses: Vec<DraftAddress>,
}

/// See [`Address`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftAddress {
    /// The address.
    pub ip: core::net::IpAddr,
    /// Its prefix length.
    pub prefix: u8,
    /// The default gateway reached through it.
    pub gateway: Option<core::net::IpAddr>,
}

/// See [`Module`]. Dependencies are numbers into [`Draft::modules`], in the order to load.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftModule {
    pub name: String,
    pub path: String,
    pub options: String,
    pub dependencies: Vec<u32>,
}

/// See [`Alias`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftAlias {
    pub pattern: String,
    pub module: u32,
}

/// See [`Runlevel`]. Scripts stand by level, then name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftRunlevel {
    pub name: u8,
    pub argument: Argument,
    pub scripts: Vec<DraftScript>,
}

/// See [`Script`].
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

/// See [`Edge`]. `awaited` is an index into the runlevel's own scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftEdge {
    pub awaited: u32,
    pub reason: String,
}

/// See [`Service`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftService {
    pub id: String,
    pub runlevels: String,
    pub process: String,
    pub action: ServiceAction,
}

/// See [`Dropped`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftDropped {
    pub name: String,
    pub reason: String,
    pub runlevel: u8,
}

/// See [`Disk`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // As in the table.
pub struct DraftDisk {
    pub serial: String,
    pub bytes: u64,
    pub concern: Concern,
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
            parallel: 0,
            policy: Policy::Levels,
            repair: Repair::Preen,
            check_mode: CheckMode::Auto,
            mount_mode: MountMode::ReadWrite,
            finish: Finish::Stay,
            limits: Limits::Reserve,
            memory_concern: Concern::Degraded,
            memory_bytes_min: 0,
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
            disks: Vec::new(),
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

/// Strings are kept once; tables grow beside them.
#[derive(Default)]
struct Freezer {
    strings: String,
    places: BTreeMap<String, Text>,
}

impl Freezer {
    fn text(&mut self, text: &str) -> Result<Text, DraftError> {
        if let Some(place) = self.places.get(text) {
            return Ok(*place);
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(DraftError::Long(text.to_string()));
        }
        let place = Text {
            offset: number(self.strings.len(), "strings")?,
            length: number(text.len(), "strings")?,
        };
        self.strings.push_str(text);
        self.places.insert(text.to_string(), place);
        Ok(place)
    }

    fn freeze(mut self, draft: &Draft) -> Result<Vec<u8>, DraftError> {
        let settings = self.settings(draft)?;
        let (hosts, addresses) = self.hosts(draft)?;
        let (modules, dependencies) = self.modules(draft)?;
        let aliases = self.aliases(draft)?;
        let (runlevels, scripts, edges) = self.order(draft)?;
        let services = self.services(draft)?;
        let dropped = self.dropped(draft)?;
        let disks = self.disks(draft)?;
        assemble(&[
            section(kind::STRINGS, self.strings.as_bytes())?,
            section(kind::SETTINGS, &[settings])?,
            section(kind::HOSTS, &hosts)?,
            section(kind::ADDRESSES, &addresses)?,
            section(kind::MODULES, &modules)?,
            section(kind::DEPENDENCIES, &dependencies)?,
            section(kind::ALIASES, &aliases)?,
            section(kind::RUNLEVELS, &runlevels)?,
            section(kind::SCRIPTS, &scripts)?,
            section(kind::EDGES, &edges)?,
            section(kind::SERVICES, &services)?,
            section(kind::DROPPED, &dropped)?,
            section(kind::DISKS, &disks)?,
        ])
    }

    fn settings(&mut self, draft: &Draft) -> Result<Settings, DraftError> {
        Ok(Settings {
            name: self.text(&draft.name)?,
            root: self.text(&draft.root)?,
            root_type: self.text(&draft.root_type)?,
            root_flags: self.text(&draft.root_flags)?,
            root_wait_ms: U32::new(draft.root_wait_ms),
            script_deadline_ms: U32::new(draft.script_deadline_ms),
            rescue_port: U16::new(draft.rescue_port),
            parallel: U16::new(draft.parallel),
            policy: draft.policy.number(),
            repair: draft.repair.number(),
            check_mode: draft.check_mode.number(),
            mount_mode: draft.mount_mode.number(),
            finish: draft.finish.number(),
            memory_concern: draft.memory_concern.number(),
            runlevel: draft.runlevel,
            limits: draft.limits.number(),
            store: self.text(&draft.store)?,
            store_bytes: U32::new(draft.store_bytes),
            memory_bytes_min: U64::new(draft.memory_bytes_min),
            kernel: self.text(&draft.kernel)?,
            built_s: U64::new(draft.built_s),
            modules_always: self.text(&draft.modules_always.join(" "))?,
        })
    }

    fn hosts(&mut self, draft: &Draft) -> Result<(Vec<Host>, Vec<Address>), DraftError> {
        let mut sorted: Vec<&DraftHost> = draft.hosts.iter().collect();
        sorted.sort_by(|a, b| (a.key_kind.number(), &a.key).cmp(&(b.key_kind.number(), &b.key)));
        let mut hosts = Vec::new();
        let mut addresses = Vec::new();
        for host in sorted {
            hosts.push(Host {
                key: self.text(&host.key)?,
                hostname: self.text(&host.hostname)?,
                first_address: number(addresses.len(), "addresses")?,
                address_count: U16::new(
                    u16::try_from(host.addresses.len())
                        .map_err(|_| DraftError::Many("addresses"))?,
                ),
                key_kind: host.key_kind.number(),
                reserved: 0,
            });
            addresses.extend(host.addresses.iter().map(address));
        }
        Ok((hosts, addresses))
    }

    fn modules(&mut self, draft: &Draft) -> Result<(Vec<Module>, Vec<U32>), DraftError> {
        let mut modules = Vec::new();
        let mut dependencies = Vec::new();
        for module in &draft.modules {
            modules.push(Module {
                name: self.text(&module.name)?,
                path: self.text(&module.path)?,
                options: self.text(&module.options)?,
                first_dependency: number(dependencies.len(), "module dependencies")?,
                dependency_count: number(module.dependencies.len(), "module dependencies")?,
            });
            dependencies.extend(module.dependencies.iter().map(|&index| U32::new(index)));
        }
        Ok((modules, dependencies))
    }

    fn aliases(&mut self, draft: &Draft) -> Result<Vec<Alias>, DraftError> {
        let alias = |alias: &DraftAlias| {
            Ok(Alias {
                pattern: self.text(&alias.pattern)?,
                module: U32::new(alias.module),
            })
        };
        draft.aliases.iter().map(alias).collect()
    }

    #[allow(clippy::type_complexity)] // Three tables that only this call site tells apart.
    fn order(
        &mut self,
        draft: &Draft,
    ) -> Result<(Vec<Runlevel>, Vec<Script>, Vec<Edge>), DraftError> {
        let mut runlevels = Vec::new();
        let mut scripts = Vec::new();
        let mut edges = Vec::new();
        for runlevel in &draft.runlevels {
            let first = number(scripts.len(), "scripts")?;
            runlevels.push(Runlevel {
                first_script: first,
                script_count: number(runlevel.scripts.len(), "scripts")?,
                level_count: U16::new(runlevel.scripts.last().map_or(0, |script| script.level)),
                name: runlevel.name,
                argument: runlevel.argument.number(),
            });
            for script in &runlevel.scripts {
                scripts.push(Script {
                    name: self.text(&script.name)?,
                    deadline_ms: U32::new(script.deadline_ms),
                    first_edge: number(edges.len(), "edges")?,
                    edge_count: number(script.edges.len(), "edges")?,
                    level: U16::new(script.level),
                    mode: script.mode.number(),
                    weight: script.weight.number(),
                    link: script.link,
                    reserved: 0,
                });
                let mut sorted: Vec<&DraftEdge> = script.edges.iter().collect();
                sorted.sort_by_key(|edge| edge.awaited);
                for edge in sorted {
                    let awaited = U32::new(first.get().saturating_add(edge.awaited));
                    edges.push(Edge {
                        awaited,
                        reason: self.text(&edge.reason)?,
                    });
                }
            }
        }
        Ok((runlevels, scripts, edges))
    }

    fn services(&mut self, draft: &Draft) -> Result<Vec<Service>, DraftError> {
        let service = |service: &DraftService| {
            Ok(Service {
                id: self.text(&service.id)?,
                runlevels: self.text(&service.runlevels)?,
                process: self.text(&service.process)?,
                action: service.action.number(),
            })
        };
        draft.services.iter().map(service).collect()
    }

    fn dropped(&mut self, draft: &Draft) -> Result<Vec<Dropped>, DraftError> {
        let dropped = |dropped: &DraftDropped| {
            Ok(Dropped {
                name: self.text(&dropped.name)?,
                reason: self.text(&dropped.reason)?,
                runlevel: dropped.runlevel,
            })
        };
        draft.dropped.iter().map(dropped).collect()
    }

    fn disks(&mut self, draft: &Draft) -> Result<Vec<Disk>, DraftError> {
        let disk = |disk: &DraftDisk| {
            Ok(Disk {
                serial: self.text(&disk.serial)?,
                bytes: U64::new(disk.bytes),
                concern: disk.concern.number(),
            })
        };
        draft.disks.iter().map(disk).collect()
    }
}

fn number(value: usize, what: &'static str) -> Result<U32, DraftError> {
    u32::try_from(value)
        .map(U32::new)
        .map_err(|_| DraftError::Many(what))
}

fn address(address: &DraftAddress) -> Address {
    let bytes = |ip: core::net::IpAddr| {
        let mut bytes = [0; 16];
        match ip {
            core::net::IpAddr::V4(ip) => bytes[..4].copy_from_slice(&ip.octets()),
            core::net::IpAddr::V6(ip) => bytes = ip.octets(),
        }
        bytes
    };
    Address {
        ip: bytes(address.ip),
        gateway: address.gateway.map_or([0; 16], bytes),
        family: if address.ip.is_ipv4() { 4 } else { 6 },
        prefix: address.prefix,
    }
}

/// A section with its bytes, before its place is known.
struct Piece<'a> {
    kind: u16,
    entry_bytes: u16,
    count: U32,
    bytes: &'a [u8],
}

fn section<T: IntoBytes + zerocopy::Immutable>(
    kind: u16,
    table: &[T],
) -> Result<Piece<'_>, DraftError> {
    let entry_bytes = u16::try_from(size_of::<T>()).map_err(|_| DraftError::Many("bytes"))?;
    Ok(Piece {
        kind,
        entry_bytes,
        count: number(table.len(), "entries")?,
        bytes: table.as_bytes(),
    })
}

fn assemble(pieces: &[Piece<'_>]) -> Result<Vec<u8>, DraftError> {
    let mut offset = HEADER_BYTES + pieces.len() * size_of::<Section>();
    let mut sections = Vec::new();
    for piece in pieces {
        sections.push(Section {
            kind: U16::new(piece.kind),
            entry_bytes: U16::new(piece.entry_bytes),
            offset: number(offset, "bytes")?,
            count: piece.count,
        });
        offset += piece.bytes.len();
    }
    if offset > PLAN_BYTES_MAX {
        return Err(DraftError::Many("bytes"));
    }
    let mut header = Header {
        magic: MAGIC,
        version: U16::new(VERSION),
        zero: U16::new(0),
        length: number(offset, "bytes")?,
        crc32: U32::new(0),
        sections: number(pieces.len(), "sections")?,
    };
    let mut bytes = Vec::with_capacity(offset);
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(sections.as_bytes());
    for piece in pieces {
        bytes.extend_from_slice(piece.bytes);
    }
    header.crc32 = U32::new(preroot_crc::crc32(&bytes[CHECKED_FROM..]));
    bytes[..HEADER_BYTES].copy_from_slice(header.as_bytes());
    Ok(bytes)
}
