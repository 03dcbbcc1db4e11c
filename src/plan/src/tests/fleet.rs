//! The host table: found by each key, read back as it was written, and nothing in it that a boot could not set.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::collection::vec as vec_of;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::{draft, words};
use crate::{
    Address, Bond, Dhcp, Draft, DraftError, DraftHost, DraftInterface, HostKey, Nic, Plan,
    PlanError,
};

fn address(text: &str, gateway: Option<&str>) -> Address {
    let (ip, prefix) = text.split_once('/').unwrap();
    Address {
        ip: ip.parse().unwrap(),
        prefix: prefix.parse().unwrap(),
        gateway: gateway.map(|gateway| gateway.parse().unwrap()),
    }
}

/// A host with one NIC, one with a bond and a VLAN on it, and all other machines.
pub(super) fn hosts() -> Vec<DraftHost> {
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

/// An address of either family that a host can have.
fn any_address() -> impl Strategy<Value = Address> {
    let four = (1..=223_u8, any::<u32>(), 1..=32_u8).prop_map(|(first, rest, prefix)| {
        // 127 is the loopback's.
        let first = if first == 127 { 128 } else { first };
        let ip = u32::from_be_bytes([first, 0, 0, 0]) | rest >> 8;
        (IpAddr::V4(Ipv4Addr::from(ip)), prefix)
    });
    let six = (any::<u128>(), 1..=128_u8).prop_map(|(rest, prefix)| {
        let ip = 0x20 << 120 | rest >> 8;
        (IpAddr::V6(Ipv6Addr::from(ip)), prefix)
    });
    (prop_oneof![four, six], any::<bool>()).prop_map(|((ip, prefix), routes)| {
        let gateway: &str = if ip.is_ipv4() { "192.0.2.1" } else { "fe80::1" };
        let gateway = gateway
            .parse()
            .ok()
            .filter(|gateway| routes && *gateway != ip);
        Address {
            ip,
            prefix,
            gateway,
        }
    })
}

fn any_interface() -> impl Strategy<Value = DraftInterface> {
    let nics = words("mac=52:54:00:00:00:01 mac=52:54:00:00:00:02 pci=0000:3b:00.0 name=eth0");
    let parts = (
        subsequence(nics, 0..=4),
        0..=4094_u16,
        prop_oneof![Just(0), 68..=u16::MAX],
        any::<bool>(),
        vec_of(any_address(), 0..=4),
    );
    parts.prop_map(|(nics, vlan, mtu, asks, mut addresses)| {
        // As a plan keeps them.
        addresses.sort_by_key(|address| address.ip.is_ipv6());
        let (bond, name) = match nics.len() {
            0 | 1 => (Bond::None, ""),
            _ => (Bond::ActiveBackup, "bond0"),
        };
        DraftInterface {
            nics,
            bond,
            name: name.to_string(),
            vlan,
            mtu,
            dhcp: if asks { Dhcp::V4 } else { Dhcp::No },
            addresses,
        }
    })
}

/// Hosts by number: their names and keys differ.
fn any_hosts() -> impl Strategy<Value = Vec<DraftHost>> {
    let host = (
        vec_of(any_interface(), 0..=4),
        any::<u16>(),
        0..=3_u8,
        any::<[bool; 3]>(),
    );
    vec_of(host, 0..40).prop_map(|hosts| {
        let host = |(number, (interfaces, port, macs, known)): (u8, (_, _, _, [bool; 3]))| {
            let keys = [
                (HostKey::DmiSerial, alloc::format!("S{number}")),
                (HostKey::DmiUuid, alloc::format!("u{number}")),
                (HostKey::Pci, alloc::format!("0000:{number:02x}:00.0")),
            ];
            let keys = keys.into_iter().zip(known);
            DraftHost {
                macs: (0..macs).map(|mac| [2, 0, 0, 0, number, mac]).collect(),
                matches: keys
                    .filter(|(_, known)| *known)
                    .map(|(key, _)| key)
                    .collect(),
                hostname: alloc::format!("host{number:03}"),
                port,
                interfaces,
            }
        };
        (0_u8..).zip(hosts).map(host).collect()
    })
}

/// The hosts of a plan as drafts.
fn read_back(plan: &Plan<'_>) -> Vec<DraftHost> {
    let host = |(number, host): (u16, &crate::Host)| {
        let interface = |interface: &crate::Interface| DraftInterface {
            nics: match plan.text(interface.nics) {
                "" => Vec::new(),
                nics => words(nics),
            },
            bond: interface.bond(),
            name: plan.text(interface.name).to_string(),
            vlan: interface.vlan.get(),
            mtu: interface.mtu.get(),
            dhcp: interface.dhcp(),
            addresses: plan.addresses_of(interface).collect(),
        };
        let macs = plan
            .macs()
            .iter()
            .filter(|entry| entry.host.get() == number);
        let matches = plan
            .matches()
            .iter()
            .filter(|entry| entry.host.get() == number);
        let key = |entry: &crate::Match| {
            let kind = HostKey::from_number(entry.kind).unwrap();
            (kind, String::from(plan.text(entry.key)))
        };
        DraftHost {
            macs: macs.map(|entry| entry.mac).collect(),
            matches: matches.map(key).collect(),
            hostname: plan.text(host.hostname).to_string(),
            port: host.port.get(),
            interfaces: plan.interfaces_of(host).iter().map(interface).collect(),
        }
    };
    (0_u16..).zip(plan.hosts()).map(host).collect()
}

proptest! {
    #[test]
    fn any_table_is_read_back_as_it_was(hosts in any_hosts(), turn in any::<prop::sample::Index>()) {
        // In whatever order they are written, the plan is the same.
        let mut turned = hosts.clone();
        let turn = turn.index(turned.len() + 1);
        turned.rotate_left(turn);
        let freeze = |hosts: Vec<DraftHost>| Draft { hosts, ..Draft::default() }.freeze();
        let bytes = freeze(hosts.clone()).unwrap();
        prop_assert_eq!(&bytes, &freeze(turned).unwrap());
        let plan = Plan::check(&bytes).unwrap();
        prop_assert_eq!(&read_back(&plan), &hosts);
        for host in &hosts {
            let found = host.macs.iter().map(|mac| plan.host_by_mac(*mac));
            let by_key = host.matches.iter().map(|(kind, key)| plan.host_by(*kind, key));
            for found in found.chain(by_key) {
                prop_assert_eq!(plan.text(found.unwrap().hostname), &host.hostname);
            }
        }
        prop_assert!(plan.host_by_mac([2, 0, 0, 0, 200, 0]).is_none());
        prop_assert!(plan.host_by(HostKey::DmiSerial, "S200").is_none());
    }
}
