//! Round trip, every truncation, every flipped byte, and hostile tables under a right checksum.

mod fleet;

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use crate::check::CHECKED_FROM;
use crate::{
    Argument, Assembly, By, Class, Draft, DraftAlias, DraftAssembly, DraftDropped, DraftEdge,
    DraftError, DraftExpected, DraftMachine, DraftModule, DraftRunlevel, DraftScript, DraftService,
    HostKey, MachineKey, Plan, PlanError, ScriptMode, ServiceAction, Weight,
};

fn script(name: &str, level: u16, awaited: &[u32]) -> DraftScript {
    DraftScript {
        name: name.to_string(),
        level,
        mode: ScriptMode::Parallel,
        weight: Weight::Normal,
        link: 7,
        deadline_ms: 1000,
        edges: awaited
            .iter()
            .map(|&awaited| DraftEdge {
                awaited,
                reason: "Required-Start".to_string(),
            })
            .collect(),
    }
}

fn words(line: &str) -> Vec<alloc::string::String> {
    line.split(' ').map(ToString::to_string).collect()
}

fn draft() -> Draft {
    Draft {
        root: "LABEL=root".to_string(),
        hosts: fleet::hosts(),
        modules: vec![
            DraftModule {
                name: "virtio".to_string(),
                path: "/lib/modules/virtio.ko".to_string(),
                options: "".to_string(),
                dependencies: vec![],
            },
            DraftModule {
                name: "virtio_blk".to_string(),
                path: "/lib/modules/virtio_blk.ko".to_string(),
                options: "".to_string(),
                dependencies: vec![0],
            },
        ],
        aliases: vec![DraftAlias {
            pattern: "virtio:d00000002v*".to_string(),
            module: 1,
        }],
        runlevels: vec![
            DraftRunlevel {
                name: b'S',
                argument: Argument::Start,
                scripts: vec![script("mountall.sh", 1, &[]), script("urandom", 2, &[0])],
            },
            DraftRunlevel {
                name: b'2',
                argument: Argument::Start,
                scripts: vec![
                    script("rsyslog", 1, &[]),
                    script("cron", 2, &[0]),
                    script("ssh", 2, &[0]),
                ],
            },
        ],
        services: vec![DraftService {
            id: "T0".to_string(),
            runlevels: "23".to_string(),
            process: "/sbin/getty ttyS0".to_string(),
            action: ServiceAction::Respawn,
        }],
        dropped: vec![DraftDropped {
            name: "checkroot.sh".to_string(),
            reason: "replaced by preroot".to_string(),
            runlevel: b'S',
        }],
        expected: vec![DraftExpected {
            low: 1 << 30,
            ..DraftExpected::new(Class::Memory, By::Any, "")
        }],
        machines: vec![DraftMachine {
            name: "db1".to_string(),
            keys: vec![
                (MachineKey::DmiSerial, "C1".to_string()),
                (MachineKey::Mac, "52:54:00:00:00:01".to_string()),
            ],
            expected: vec![DraftExpected::new(Class::Disk, By::Serial, "SN1")],
        }],
        assemblies: vec![DraftAssembly {
            name: "crypt root".to_string(),
            kind: "crypto_LUKS".to_string(),
            device: "UUID=0a-b".to_string(),
            run: words("/sbin/cryptsetup open {} root"),
            undo: words("/sbin/cryptsetup close root"),
            deadline_ms: 30_000,
            ..DraftAssembly::default()
        }],
        ..Draft::default()
    }
}

#[test]
fn what_is_frozen_is_read_back() {
    let bytes = draft().freeze().unwrap();
    let plan = Plan::check(&bytes).unwrap();
    assert_eq!(plan.text(plan.settings().root), "LABEL=root");
    assert_eq!(plan.dependencies_of(&plan.modules()[1])[0].get(), 0);
    let two = plan.runlevel(b'2').unwrap();
    let names: Vec<_> = plan
        .scripts_of(two)
        .iter()
        .map(|script| plan.text(script.name))
        .collect();
    assert_eq!(names, ["rsyslog", "cron", "ssh"]);
    let edges = plan.edges_of(&plan.scripts_of(two)[2]);
    assert_eq!(
        plan.text(plan.scripts()[edges[0].awaited.get() as usize].name),
        "rsyslog"
    );
    assert_eq!(
        plan.text(plan.edges_of(&plan.scripts_of(two)[2])[0].reason),
        "Required-Start"
    );
    assert!(plan.runlevel(b'3').is_none());
    let run = plan.text(plan.assemblies()[0].run);
    let read: Vec<_> = Assembly::words(run).collect();
    assert_eq!(read, ["/sbin/cryptsetup", "open", "{}", "root"]);
    assert!(Assembly::is_for_each(run));
    let undo = plan.text(plan.assemblies()[0].undo);
    assert!(!Assembly::is_for_each(undo));
}

#[test]
fn a_machine_is_found_by_what_it_is_known_by() {
    let bytes = draft().freeze().unwrap();
    let plan = Plan::check(&bytes).unwrap();
    let every = &plan.machines()[0];
    assert_eq!(plan.expected_of(every)[0].class(), Class::Memory);
    let check = |kind, key: &str, expected: Option<&str>| {
        let found = plan.machine_by(kind, key);
        let names = found.map(|machine| plan.text(machine.name));
        assert_eq!(names, expected, "{key}");
        if let Some(machine) = found {
            assert_eq!(plan.text(plan.expected_of(machine)[0].name), "SN1");
        }
    };
    check(MachineKey::DmiSerial, "C1", Some("db1"));
    check(MachineKey::Mac, "52:54:00:00:00:01", Some("db1"));
    check(MachineKey::DmiUuid, "C1", None);
    check(MachineKey::DmiSerial, "", None);
}

#[test]
fn the_same_draft_gives_the_same_bytes() {
    assert_eq!(draft().freeze().unwrap(), draft().freeze().unwrap());
}

#[test]
fn every_truncation_is_refused() {
    let bytes = draft().freeze().unwrap();
    for length in 0..bytes.len() {
        assert!(Plan::check(&bytes[..length]).is_err(), "{length}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(Plan::check(&longer).err(), Some(PlanError::Length));
}

#[test]
fn every_flipped_bit_is_refused() {
    let bytes = draft().freeze().unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(Plan::check(&flipped).is_err(), "byte {at} bit {bit}");
        }
    }
}

/// Walks everything a boot would walk.
fn walk(plan: &Plan<'_>) -> usize {
    let mut length = plan.text(plan.settings().root).len();
    for host in plan.hosts() {
        length += plan.text(host.hostname).len();
        for interface in plan.interfaces_of(host) {
            length += plan.nics_of(interface).count() + plan.addresses_of(interface).count();
        }
    }
    for entry in plan.macs() {
        length += usize::from(plan.host_by_mac(entry.mac).is_some());
    }
    for entry in plan.matches() {
        let kind = HostKey::from_number(entry.kind).unwrap();
        length += usize::from(plan.host_by(kind, plan.text(entry.key)).is_some());
    }
    for module in plan.modules() {
        length += plan.text(module.path).len();
        length += plan
            .dependencies_of(module)
            .iter()
            .map(|&index| plan.text(plan.modules()[index.get() as usize].name).len())
            .sum::<usize>();
    }
    for entry in plan.machine_keys() {
        let kind = MachineKey::from_number(entry.kind).unwrap();
        let machine = plan.machine_by(kind, plan.text(entry.key)).unwrap();
        let texts = plan.expected_of(machine).iter();
        length += texts.map(|it| plan.text(it.name).len()).sum::<usize>();
    }
    for step in plan.assemblies() {
        length += Assembly::words(plan.text(step.run)).count() + plan.text(step.late).len();
    }
    for runlevel in plan.runlevels() {
        for script in plan.scripts_of(runlevel) {
            for edge in plan.edges_of(script) {
                length += plan
                    .text(plan.scripts()[edge.awaited.get() as usize].name)
                    .len();
            }
        }
    }
    length
}

proptest! {
    /// Damage that carries a right checksum, as a hostile or buggy writer would make it.
    #[test]
    fn no_plan_that_passes_the_check_can_be_walked_out_of(
        damage in prop::collection::vec((CHECKED_FROM..2000usize, any::<u8>()), 1..6)
    ) {
        let mut bytes = draft().freeze().unwrap();
        for (at, value) in damage {
            let at = at % bytes.len();
            bytes[at.max(CHECKED_FROM)] = value;
        }
        let crc = preroot_crc::crc32(&bytes[CHECKED_FROM..]);
        bytes[16..20].copy_from_slice(&crc.to_le_bytes());
        if let Ok(plan) = Plan::check(&bytes) {
            walk(&plan);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        assert!(Plan::check(&bytes).is_err());
    }
}

fn refused(change: impl FnOnce(&mut Draft)) -> DraftError {
    let mut draft = draft();
    change(&mut draft);
    draft.freeze().unwrap_err()
}

#[test]
fn what_a_boot_would_refuse_is_not_frozen() {
    use crate::check::kind;
    let cases = [
        (
            refused(|d| d.root = "sda1".to_string()),
            DraftError::Check(PlanError::RootSpec),
        ),
        (
            refused(|d| d.runlevel = b'9'),
            DraftError::Check(PlanError::Choice(kind::SETTINGS)),
        ),
        (
            refused(|d| {
                d.runlevels[1].scripts[0].edges.push(DraftEdge {
                    awaited: 1,
                    reason: "forward".to_string(),
                })
            }),
            DraftError::Check(PlanError::Order(kind::EDGES)),
        ),
        (
            refused(|d| d.runlevels[1].scripts[1].level = 4),
            DraftError::Check(PlanError::Order(kind::SCRIPTS)),
        ),
        (
            refused(|d| d.modules[1].dependencies = vec![7]),
            DraftError::Check(PlanError::Index(kind::DEPENDENCIES)),
        ),
        (
            refused(|d| {
                d.watchdog = "/dev/watch dog".to_string();
                d.watchdog_s = 60;
            }),
            DraftError::Check(PlanError::Watchdog),
        ),
        (
            refused(|d| d.watchdog = "/dev/watchdog0".to_string()),
            DraftError::Check(PlanError::Watchdog),
        ),
        (
            refused(|d| d.assemblies[0].run.clear()),
            DraftError::Check(PlanError::Choice(kind::ASSEMBLIES)),
        ),
        (
            refused(|d| d.assemblies[0].run = words("mdadm --assemble")),
            DraftError::Check(PlanError::Choice(kind::ASSEMBLIES)),
        ),
        (
            refused(|d| d.assemblies[0].late = words("mdadm")),
            DraftError::Check(PlanError::Choice(kind::ASSEMBLIES)),
        ),
        (
            refused(|d| d.assemblies[0].run = words(&"/x ".repeat(25))),
            DraftError::Check(PlanError::Choice(kind::ASSEMBLIES)),
        ),
        (
            refused(|d| d.assemblies[0].deadline_ms = 0),
            DraftError::Check(PlanError::Choice(kind::ASSEMBLIES)),
        ),
        (
            refused(|d| d.assemblies[0].device = "sda1".to_string()),
            DraftError::Check(PlanError::Choice(kind::ASSEMBLIES)),
        ),
        (
            refused(|d| d.machines.push(d.machines[0].clone())),
            DraftError::Check(PlanError::Order(kind::MACHINE_KEYS)),
        ),
        (
            refused(|d| d.expected = vec![d.expected[0].clone(); 385]),
            DraftError::Check(PlanError::Index(kind::MACHINES)),
        ),
        (
            refused(|d| d.name = "a\0b".to_string()),
            DraftError::Check(PlanError::Text),
        ),
        (
            refused(|d| d.name = "x".repeat(241)),
            DraftError::Long("x".repeat(241)),
        ),
    ];
    for (got, expected) in cases {
        assert_eq!(got, expected);
    }
}
