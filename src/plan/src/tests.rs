//! Round trip, every truncation, every flipped byte, and hostile tables under a right checksum.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use crate::check::CHECKED_FROM;
use crate::{
    Address, Argument, Assembly, Bond, Dhcp, Draft, DraftAlias, DraftAssembly, DraftDisk,
    DraftDropped, DraftEdge, DraftError, DraftHost, DraftInterface, DraftModule, DraftRunlevel,
    DraftScript, DraftService, HostKey, Nic, Plan, PlanError, ScriptMode, ServiceAction, Weight,
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

fn address(text: &str, gateway: Option<&str>) -> Address {
    let (ip, prefix) = text.split_once('/').unwrap();
    Address {
        ip: ip.parse().unwrap(),
        prefix: prefix.parse().unwrap(),
        gateway: gateway.map(|gateway| gateway.parse().unwrap()),
    }
}

/// A host with one NIC, one with a bond and a VLAN on it, and all other machines.
fn hosts() -> Vec<DraftHost> {
    let bond = DraftInterface {
        nics: words("mac=52:54:00:12:34:57 pci=0000:3b:00.0 name=eth2"),
        bond: Bond::ActiveBackup,
        name: "bond0".to_string(),
        mtu: 9000,
        ..DraftInterface::default()
    };
    let vlan = DraftInterface {
        vlan: 100,
        mtu: 1500,
        addresses: vec![
            address("2001:db8::1/64", Some("fe80::1")),
            address("192.0.2.2/24", None),
            address("203.0.113.7/32", Some("192.0.2.254")),
        ],
        ..bond.clone()
    };
    let plain = DraftInterface {
        addresses: vec![address("192.0.2.1/24", Some("192.0.2.254"))],
        ..DraftInterface::default()
    };
    let asking = DraftInterface {
        dhcp: Dhcp::V4,
        ..DraftInterface::default()
    };
    vec![
        DraftHost {
            matches: vec![(HostKey::Any, "".to_string())],
            interfaces: vec![asking],
            ..DraftHost::default()
        },
        DraftHost {
            macs: vec![[0x52, 0x54, 0, 0x12, 0x34, 0x57]],
            matches: vec![
                (HostKey::DmiSerial, "SN 2".to_string()),
                (HostKey::DmiUuid, "0a-b".to_string()),
                (HostKey::Pci, "0000:3b:00.0".to_string()),
            ],
            hostname: "db2".to_string(),
            port: 2222,
            interfaces: vec![bond, vlan],
        },
        DraftHost {
            macs: vec![[0x52, 0x54, 0, 0x12, 0x34, 0x56]],
            hostname: "db1".to_string(),
            interfaces: vec![plain],
            ..DraftHost::default()
        },
    ]
}

fn draft() -> Draft {
    Draft {
        root: "LABEL=root".to_string(),
        hosts: hosts(),
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
        disks: vec![DraftDisk {
            serial: "SN1".to_string(),
            bytes: 1 << 30,
            concern: crate::Concern::Degraded,
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
fn a_host_is_found_by_each_thing_it_is_known_by() {
    let bytes = draft().freeze().unwrap();
    let plan = Plan::check(&bytes).unwrap();
    let name = |host: Option<&crate::Host>| host.map(|host| plan.text(host.hostname));
    let by_mac = |last| name(plan.host_by_mac([0x52, 0x54, 0, 0x12, 0x34, last]));
    assert_eq!(by_mac(0x55), None);
    assert_eq!(by_mac(0x56), Some("db1"));
    assert_eq!(by_mac(0x57), Some("db2"));
    assert_eq!(by_mac(0x58), None);
    let by = |kind, key| name(plan.host_by(kind, key));
    assert_eq!(by(HostKey::DmiSerial, "SN 2"), Some("db2"));
    assert_eq!(by(HostKey::DmiSerial, "SN 3"), None);
    assert_eq!(by(HostKey::DmiSerial, "0a-b"), None);
    assert_eq!(by(HostKey::DmiUuid, "0a-b"), Some("db2"));
    assert_eq!(by(HostKey::Pci, "0000:3b:00.0"), Some("db2"));
    assert_eq!(by(HostKey::Any, ""), Some(""));
}

#[test]
fn interfaces_are_read_back() {
    let bytes = draft().freeze().unwrap();
    let plan = Plan::check(&bytes).unwrap();
    let db2 = plan.host_by(HostKey::DmiSerial, "SN 2").unwrap();
    assert_eq!(db2.port.get(), 2222);
    let [bond, vlan] = plan.interfaces_of(db2) else {
        panic!("two interfaces");
    };
    let nics: Vec<_> = plan.nics_of(bond).collect();
    let mac = Nic::Mac([0x52, 0x54, 0, 0x12, 0x34, 0x57]);
    assert_eq!(nics, [mac, Nic::Pci("0000:3b:00.0"), Nic::Name("eth2")]);
    assert_eq!(plan.addresses_of(bond).count(), 0);
    assert_eq!((bond.bond(), bond.mtu.get()), (Bond::ActiveBackup, 9000));
    assert_eq!((plan.text(vlan.name), vlan.vlan.get()), ("bond0", 100));
    let addresses: Vec<_> = plan.addresses_of(vlan).collect();
    let expected = [
        address("192.0.2.2/24", None),
        address("203.0.113.7/32", Some("192.0.2.254")),
        address("2001:db8::1/64", Some("fe80::1")),
    ];
    assert_eq!(addresses, expected);
    let any = plan.host_by(HostKey::Any, "").unwrap();
    let [interface] = plan.interfaces_of(any) else {
        panic!("one interface");
    };
    assert_eq!(interface.dhcp(), Dhcp::V4);
    assert_eq!(plan.nics_of(interface).count(), 0);
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

#[test]
fn no_host_is_frozen_that_could_not_be_set() {
    use crate::check::kind;
    let check = |change: &dyn Fn(&mut Vec<DraftHost>), expected| {
        let mut draft = draft();
        change(&mut draft.hosts);
        assert_eq!(draft.freeze().err(), Some(DraftError::Check(expected)));
    };
    let interface = PlanError::Choice(kind::INTERFACES);
    let four = PlanError::Choice(kind::ADDRESSES4);
    let six = PlanError::Choice(kind::ADDRESSES6);
    let first = |text: &'static str, gateway| {
        move |hosts: &mut Vec<DraftHost>| {
            hosts[2].interfaces[0].addresses[0] = address(text, gateway);
        }
    };
    check(&first("192.0.2.1/33", None), four);
    check(&first("192.0.2.1/0", None), four);
    check(&first("224.0.0.1/24", None), four);
    check(&first("127.0.0.1/8", None), four);
    check(&first("0.0.0.0/8", None), four);
    check(&first("192.0.2.1/24", Some("192.0.2.1")), four);
    check(&first("192.0.2.1/24", Some("239.0.0.1")), four);
    check(&first("2001:db8::1/129", None), six);
    check(&first("::1/128", None), six);
    check(&first("::/64", None), six);
    check(&first("ff02::1/64", None), six);
    check(&first("2001:db8::1/64", Some("2001:db8::1")), six);
    check(&|hosts| hosts[1].interfaces[1].vlan = 4095, interface);
    check(&|hosts| hosts[1].interfaces[1].mtu = 67, interface);
    check(&|hosts| hosts[1].interfaces[0].nics.clear(), interface);
    check(
        &|hosts| hosts[1].interfaces[0].nics[1] = "eth1".into(),
        interface,
    );
    check(
        &|hosts| hosts[1].interfaces[0].nics[2] = "pci=0000:3b:00.0".into(),
        interface,
    );
    check(&|hosts| hosts[1].interfaces[0].name.clear(), interface);
    check(
        &|hosts| hosts[1].interfaces[0].name = "a/b".into(),
        interface,
    );
    check(
        &|hosts| hosts[1].interfaces[1].name = "bond0123456x".into(),
        interface,
    );
    check(&|hosts| hosts[1].interfaces[0].bond = Bond::None, interface);
    check(
        &|hosts| hosts[2].interfaces[0].name = "eth0".into(),
        interface,
    );
    let macs = |hosts: &mut Vec<DraftHost>, mac| hosts[2].macs.push(mac);
    check(
        &|hosts| macs(hosts, [0x52, 0x54, 0, 0x12, 0x34, 0x57]),
        PlanError::Order(kind::MACS),
    );
    check(
        &|hosts| macs(hosts, [1, 0, 0, 0, 0, 1]),
        PlanError::Choice(kind::MACS),
    );
    check(&|hosts| macs(hosts, [0; 6]), PlanError::Choice(kind::MACS));
    let keys = |hosts: &mut Vec<DraftHost>, kind, key: &str| {
        hosts[2].matches.push((kind, key.to_string()));
    };
    let order = PlanError::Order(kind::MATCHES);
    check(&|hosts| keys(hosts, HostKey::DmiSerial, "SN 2"), order);
    check(&|hosts| keys(hosts, HostKey::Any, ""), order);
    let choice = PlanError::Choice(kind::MATCHES);
    check(&|hosts| keys(hosts, HostKey::Any, "x"), choice);
    check(&|hosts| keys(hosts, HostKey::DmiSerial, ""), choice);
    check(&|hosts| keys(hosts, HostKey::Pci, "3b:00.0"), choice);
    let again = |hosts: &mut Vec<DraftHost>, count| {
        let interface = hosts[0].interfaces[0].clone();
        hosts[0].interfaces = vec![interface; count];
    };
    check(&|hosts| again(hosts, 9), PlanError::Index(kind::HOSTS));
    let addresses = |hosts: &mut Vec<DraftHost>| {
        let address = address("192.0.2.1/24", None);
        hosts[0].interfaces[0].addresses = vec![address; 17];
    };
    check(&addresses, PlanError::Index(kind::HOSTS));
}
