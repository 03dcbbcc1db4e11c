//! A draft into the bytes of a plan: strings once, then the tables, then the frame around them.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use crate::check::{CHECKED_FROM, HEADER_BYTES, Header, MAGIC, Section, VERSION, kind};
use crate::draft::{
    Draft, DraftAlias, DraftAssembly, DraftDropped, DraftEdge, DraftError, DraftService,
};
use crate::freeze_fleet::Fleet;
use crate::freeze_hardware::Hardware;
use crate::limits::{PLAN_BYTES_MAX, TEXT_BYTES_MAX};
use crate::tables::{
    Alias, Assembly, Dropped, Edge, Module, Runlevel, Script, Service, Settings, Text,
};

/// Strings are kept once; tables grow beside them.
#[derive(Default)]
pub(crate) struct Freezer {
    strings: String,
    places: BTreeMap<String, Text>,
}

impl Freezer {
    pub(crate) fn text(&mut self, text: &str) -> Result<Text, DraftError> {
        if let Some(place) = self.places.get(text) {
            return Ok(*place);
        }
        let length = u8::try_from(text.len()).ok();
        let Some(length) = length.filter(|_| text.len() <= TEXT_BYTES_MAX) else {
            return Err(DraftError::Long(text.to_string()));
        };
        let place = Text {
            offset: number(self.strings.len(), "strings")?,
            length,
        };
        self.strings.push_str(text);
        self.places.insert(text.to_string(), place);
        Ok(place)
    }

    pub(crate) fn freeze(mut self, draft: &Draft) -> Result<Vec<u8>, DraftError> {
        let settings = self.settings(draft)?;
        let fleet = Fleet::of(&mut self, draft)?;
        let (modules, dependencies) = self.modules(draft)?;
        let aliases = self.aliases(draft)?;
        let (runlevels, scripts, edges) = self.order(draft)?;
        let services = self.services(draft)?;
        let dropped = self.dropped(draft)?;
        let hardware = Hardware::of(&mut self, draft)?;
        let assemblies = self.assemblies(draft)?;
        assemble(&[
            section(kind::STRINGS, self.strings.as_bytes())?,
            section(kind::SETTINGS, &[settings])?,
            section(kind::HOSTS, &fleet.hosts)?,
            section(kind::ADDRESSES4, &fleet.addresses4)?,
            section(kind::MODULES, &modules)?,
            section(kind::DEPENDENCIES, &dependencies)?,
            section(kind::ALIASES, &aliases)?,
            section(kind::RUNLEVELS, &runlevels)?,
            section(kind::SCRIPTS, &scripts)?,
            section(kind::EDGES, &edges)?,
            section(kind::SERVICES, &services)?,
            section(kind::DROPPED, &dropped)?,
            section(kind::EXPECTED, &hardware.expected)?,
            section(kind::ASSEMBLIES, &assemblies)?,
            section(kind::MACS, &fleet.macs)?,
            section(kind::MATCHES, &fleet.matches)?,
            section(kind::INTERFACES, &fleet.interfaces)?,
            section(kind::ADDRESSES6, &fleet.addresses6)?,
            section(kind::MACHINES, &hardware.machines)?,
            section(kind::MACHINE_KEYS, &hardware.keys)?,
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
            changes: draft.changes.number(),
            runlevel: draft.runlevel,
            limits: draft.limits.number(),
            store: self.text(&draft.store)?,
            store_bytes: U32::new(draft.store_bytes),
            hardware_ms: U32::new(draft.hardware_ms),
            kernel: self.text(&draft.kernel)?,
            built_s: U64::new(draft.built_s),
            modules_always: self.text(&draft.modules_always.join(" "))?,
            holders: draft.holders.number(),
            network_ms: U32::new(draft.network_ms),
            rescue_start: draft.rescue_start.number(),
            rescue_end: draft.rescue_end.number(),
            addresses: draft.addresses.number(),
            healthy: self.text(&draft.healthy)?,
            syslog: self.text(&draft.syslog.join(" "))?,
            watchdog: self.text(&draft.watchdog)?,
            watchdog_s: U16::new(draft.watchdog_s),
            watchdog_let_go: draft.watchdog_let_go.number(),
        })
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

    fn assemblies(&mut self, draft: &Draft) -> Result<Vec<Assembly>, DraftError> {
        let step = |step: &DraftAssembly| {
            Ok(Assembly {
                name: self.text(&step.name)?,
                kind: self.text(&step.kind)?,
                device: self.text(&step.device)?,
                run: self.text(&step.run.join("\t"))?,
                late: self.text(&step.late.join("\t"))?,
                undo: self.text(&step.undo.join("\t"))?,
                deadline_ms: U32::new(step.deadline_ms),
                late_ms: U32::new(step.late_ms),
            })
        };
        draft.assemblies.iter().map(step).collect()
    }
}

/// A count or index in a plan.
pub(crate) fn number(value: usize, what: &'static str) -> Result<U32, DraftError> {
    u32::try_from(value)
        .map(U32::new)
        .map_err(|_| DraftError::Many(what))
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
