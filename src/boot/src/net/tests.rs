//! The network of one machine after another, on a fake kernel.

use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use preroot_plan::{Address, Bond, Dhcp, DraftHost, DraftInterface, HostKey};

use crate::net::fake::{FakeKernel, FakeLink, begin, nic, pass, plan};
use crate::net::wire::LinkKind;

fn address(ip: &str, prefix: u8, gateway: &str) -> Address {
    Address {
        ip: ip.parse().unwrap(),
        prefix,
        gateway: gateway.parse().ok(),
    }
}

fn interface(nics: &[&str], ip: &str) -> DraftInterface {
    DraftInterface {
        nics: nics.iter().map(|nic| nic.to_string()).collect(),
        addresses: vec![address(ip, 24, "192.0.2.1")],
        ..DraftInterface::default()
    }
}

/// A host known by the MAC address that ends with this.
fn host(mac: u8, interfaces: Vec<DraftInterface>) -> DraftHost {
    DraftHost {
        macs: vec![[0x52, 0x54, 0, 0, 0, mac]],
        hostname: "db1".to_string(),
        interfaces,
        ..DraftHost::default()
    }
}

fn known_by(kind: HostKey, key: &str, name: &str, ip: &str) -> DraftHost {
    DraftHost {
        matches: vec![(kind, key.to_string())],
        hostname: name.to_string(),
        interfaces: vec![interface(&[], ip)],
        ..DraftHost::default()
    }
}

/// Four seconds are enough for whatever is there.
fn run(kernel: &mut FakeKernel, hosts: Vec<DraftHost>, line: &str) {
    let bytes = plan(hosts);
    let mut net = begin(kernel, &bytes, line);
    pass(&mut net, kernel, 4);
}

#[test]
fn the_host_of_a_mac_gets_its_addresses() {
    let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1)]);
    run(
        &mut kernel,
        vec![host(1, vec![interface(&[], "192.0.2.10")])],
        "",
    );
    assert_eq!(kernel.addressed(), ["eth0 192.0.2.10/24"]);
    assert_eq!(kernel.routes, ["eth0 192.0.2.1"]);
    assert_eq!(kernel.hostname, "db1");
    assert!(kernel.has_said("host\tdb1\t0\tits MAC address"));
    assert!(kernel.has_said("note\teth0\treachable after 0 s\t0"));
    // Three probes, two announcements.
    assert_eq!(kernel.sent.len(), 4, "{:?}", kernel.sent);
}

#[test]
fn swapped_nics_are_told_apart_by_their_macs() {
    let hosts = || {
        vec![host(
            1,
            vec![
                interface(&["mac=52:54:00:00:00:01"], "192.0.2.10"),
                interface(&["mac=52:54:00:00:00:02"], "198.51.100.10"),
            ],
        )]
    };
    let check = |links: Vec<FakeLink>, expected: [&str; 2]| {
        let mut kernel = FakeKernel::new(links);
        run(&mut kernel, hosts(), "");
        assert_eq!(kernel.addressed(), expected);
    };
    let straight = ["eth0 192.0.2.10/24", "eth1 198.51.100.10/24"];
    check(vec![nic(2, "eth0", 1), nic(3, "eth1", 2)], straight);
    let crossed = ["eth0 198.51.100.10/24", "eth1 192.0.2.10/24"];
    check(vec![nic(2, "eth0", 2), nic(3, "eth1", 1)], crossed);
}

#[test]
fn a_host_is_known_by_mac_else_firmware_else_slot_else_it_is_any() {
    let hosts = || {
        vec![
            host(7, vec![interface(&[], "192.0.2.7")]),
            known_by(HostKey::DmiSerial, "SN-8", "by-serial", "192.0.2.8"),
            known_by(
                HostKey::DmiUuid,
                "70726572-6f6f-4000-8000-0000000000ff",
                "by-uuid",
                "192.0.2.9",
            ),
            known_by(HostKey::Pci, "0000:3b:00.0", "by-slot", "192.0.2.10"),
            known_by(HostKey::Any, "", "any", "192.0.2.11"),
        ]
    };
    let check = |change: fn(&mut FakeKernel), expected: &str| {
        let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1), nic(3, "eth1", 2)]);
        change(&mut kernel);
        run(&mut kernel, hosts(), "");
        assert_eq!(kernel.addressed(), [expected]);
    };
    check(|_| {}, "eth0 192.0.2.11/24");
    check(
        |kernel| kernel.named("eth0").is_plugged = false,
        "eth1 192.0.2.11/24",
    );
    check(
        |kernel| kernel.named("eth1").pci = "0000:3b:00.0",
        "eth1 192.0.2.10/24",
    );
    let by_uuid = |kernel: &mut FakeKernel| {
        kernel.named("eth1").pci = "0000:3b:00.0";
        kernel.uuid = "70726572-6F6F-4000-8000-0000000000FF\n";
    };
    check(by_uuid, "eth0 192.0.2.9/24");
    let by_serial = |kernel: &mut FakeKernel| {
        kernel.uuid = "70726572-6f6f-4000-8000-0000000000ff\n";
        kernel.serial = "SN-8\n";
    };
    check(by_serial, "eth0 192.0.2.8/24");
    let by_mac = |kernel: &mut FakeKernel| {
        kernel.serial = "SN-8\n";
        kernel.named("eth1").permanent[5] = 7;
    };
    check(by_mac, "eth1 192.0.2.7/24");
}

#[test]
fn what_any_machine_gets_yields_to_a_host_that_is_known_later() {
    let mut late = known_by(HostKey::Any, "", "any", "192.0.2.11");
    late.port = 2200;
    let bytes = plan(vec![host(7, vec![interface(&[], "198.51.100.7")]), late]);
    let check = |built: u8, is_roots: bool, hostname: &str, expected: &[&str]| {
        let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1)]);
        let mut net = begin(&mut kernel, &bytes, "");
        pass(&mut net, &mut kernel, 5);
        assert_eq!(kernel.addressed(), ["eth0 192.0.2.11/24"]);
        assert!(kernel.has_said("host\tany\t2200\tthe entry for any machine"));
        kernel.is_roots = is_roots;
        kernel.links.push(nic(3, "eth1", built));
        pass(&mut net, &mut kernel, 40);
        assert_eq!(kernel.hostname, hostname, "{:?}", kernel.said);
        // Who came in by the first address stays in.
        assert_eq!(kernel.addressed(), expected, "{:?}", kernel.said);
        let routed = expected.last().and_then(|line| line.split(' ').next());
        assert_eq!(kernel.routes, [format!("{} 192.0.2.1", routed.unwrap())]);
    };
    let both = ["eth0 192.0.2.11/24", "eth1 198.51.100.7/24"];
    check(7, false, "db1", &both);
    check(8, false, "any", &both[..1]);
    check(7, true, "any", &both[..1]);
}

#[test]
fn who_is_not_in_the_table_is_told_at_the_deadline() {
    let bytes = plan(vec![host(7, vec![interface(&[], "192.0.2.7")])]);
    let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1)]);
    let mut net = begin(&mut kernel, &bytes, "");
    pass(&mut net, &mut kernel, 29);
    assert!(!kernel.has_said("wrong"), "{:?}", kernel.said);
    pass(&mut net, &mut kernel, 31);
    assert!(kernel.has_said("wrong\t\tthis machine is not in the host table after 30 s"));
    assert!(kernel.has_said("judged"));
    // Its link-local address it has.
    assert!(kernel.named("eth0").is_up);
    assert_eq!(kernel.addressed(), [""; 0]);
}

#[test]
fn what_is_not_there_is_told_and_may_come_later() {
    let bytes = plan(vec![host(1, vec![interface(&[], "192.0.2.7")])]);
    let mut kernel = FakeKernel::new(Vec::new());
    let mut net = begin(&mut kernel, &bytes, "");
    pass(&mut net, &mut kernel, 40);
    assert!(kernel.has_said("wrong\t\tno network card after 30 s"));
    // A NIC comes, then a cable.
    kernel.links.push(FakeLink {
        is_plugged: false,
        ..nic(2, "eth0", 1)
    });
    pass(&mut net, &mut kernel, 50);
    assert!(kernel.has_said("note\teth0\tno carrier\t0"));
    kernel.named("eth0").is_plugged = true;
    pass(&mut net, &mut kernel, 60);
    assert!(
        kernel.has_said("note\teth0\treachable after 50 s\t0"),
        "{:?}",
        kernel.said
    );
    assert_eq!(kernel.addressed(), ["eth0 192.0.2.7/24"]);
}

#[test]
fn no_carrier_is_told_with_the_address_set() {
    let bytes = plan(vec![host(1, vec![interface(&[], "192.0.2.7")])]);
    let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1)]);
    kernel.named("eth0").is_plugged = false;
    let mut net = begin(&mut kernel, &bytes, "");
    pass(&mut net, &mut kernel, 31);
    assert!(kernel.has_said("wrong\teth0\tno carrier after 30 s"));
    assert_eq!(kernel.addressed(), ["eth0 192.0.2.7/24"]);
    // Nobody is asked before somebody can hear it.
    assert_eq!(kernel.sent.len(), 0);
}

#[test]
fn a_vlan_is_made_upon_its_nic_and_its_module_is_asked_for() {
    let vlan = DraftInterface {
        vlan: 5,
        mtu: 1400,
        ..interface(&["name=eth0"], "192.0.2.10")
    };
    let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1)]);
    (kernel.modules, kernel.loadable) = (Vec::new(), vec!["8021q"]);
    run(&mut kernel, vec![host(1, vec![vlan.clone()])], "");
    assert_eq!(kernel.addressed(), ["eth0.5 192.0.2.10/24"]);
    assert_eq!(
        (kernel.named("eth0").mtu, kernel.named("eth0.5").mtu),
        (1400, 1400)
    );
    assert!(kernel.named("eth0.5").is_up && kernel.named("eth0").is_up);
    assert!(kernel.has_said("module\t8021q"));
    assert!(!kernel.has_said("\t95"), "{:?}", kernel.said);
    // Without the module that is a failure, told once, and not before it had the time to load.
    let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1)]);
    kernel.modules = Vec::new();
    let bytes = plan(vec![host(1, vec![vlan])]);
    let mut net = begin(&mut kernel, &bytes, "");
    pass(&mut net, &mut kernel, 8);
    assert!(!kernel.has_said("\t95"), "{:?}", kernel.said);
    pass(&mut net, &mut kernel, 16);
    let told = kernel.said.iter().filter(|line| line.ends_with("\t95"));
    assert_eq!(told.collect::<Vec<_>>(), ["note\teth0.5\tVLAN 5\t95"]);
}

fn bonded(vlan: u16) -> DraftHost {
    let bond = DraftInterface {
        bond: Bond::ActiveBackup,
        name: "bond0".to_string(),
        vlan,
        ..interface(
            &["mac=52:54:00:00:00:01", "mac=52:54:00:00:00:02"],
            "192.0.2.10",
        )
    };
    host(1, vec![bond])
}

#[test]
fn a_bond_takes_its_members_whenever_they_come() {
    let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1)]);
    let bytes = plan(vec![bonded(0)]);
    let mut net = begin(&mut kernel, &bytes, "");
    pass(&mut net, &mut kernel, 4);
    assert_eq!(kernel.addressed(), ["bond0 192.0.2.10/24"]);
    // The second one is up already, as some drivers leave it.
    kernel.links.push(FakeLink {
        is_up: true,
        ..nic(9, "eth1", 2)
    });
    pass(&mut net, &mut kernel, 6);
    let bond = kernel.named("bond0").index;
    for member in ["eth0", "eth1"] {
        let link = kernel.named(member);
        assert_eq!((link.master, link.is_up), (bond, true), "{member}");
    }
    assert_eq!(kernel.addressed(), ["bond0 192.0.2.10/24"]);
}

#[test]
fn a_bond_that_its_module_has_made_is_made_over_and_a_vlan_stands_upon_it() {
    let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1), nic(3, "eth1", 2)]);
    kernel.links.push(FakeLink {
        kind: LinkKind::Made,
        ..nic(4, "bond0", 0)
    });
    run(&mut kernel, vec![bonded(12)], "");
    assert!(kernel.has_said("note\tbond0\tbond\t0"));
    assert_eq!(kernel.addressed(), ["bond0.12 192.0.2.10/24"]);
}

#[test]
fn an_address_that_somebody_has_is_given_up_until_nobody_has_it() {
    let ip = "192.0.2.10".parse().unwrap();
    let bytes = plan(vec![host(1, vec![interface(&[], "192.0.2.10")])]);
    let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1)]);
    kernel.neighbours = vec![ip];
    let mut net = begin(&mut kernel, &bytes, "");
    pass(&mut net, &mut kernel, 2);
    assert_eq!(kernel.addressed(), [""; 0]);
    assert_eq!(kernel.routes, [""; 0]);
    let told = "wrong\teth0\taddress 192.0.2.10 is the machine with MAC 02:00:00:00:00:09's: not used \
                here, fe80::5054:ff:fe00:1 is";
    assert!(kernel.has_said(told), "{:?}", kernel.said);
    pass(&mut net, &mut kernel, 110);
    let told = kernel.said.iter().filter(|line| line.contains("not used"));
    assert_eq!(told.count(), 1, "once, however often it is asked");
    assert_eq!(kernel.addressed(), [""; 0]);
    kernel.neighbours.clear();
    pass(&mut net, &mut kernel, 190);
    assert_eq!(kernel.addressed(), ["eth0 192.0.2.10/24"]);
    assert_eq!(kernel.routes, ["eth0 192.0.2.1"]);
}

#[test]
fn an_ipv6_address_that_the_kernel_finds_duplicate_is_told() {
    let six = DraftInterface {
        addresses: vec![address("2001:db8::10", 64, "2001:db8::1")],
        ..DraftInterface::default()
    };
    let bytes = plan(vec![host(1, vec![six])]);
    let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1)]);
    let mut net = begin(&mut kernel, &bytes, "");
    pass(&mut net, &mut kernel, 1);
    kernel.addresses[0].2 = true;
    pass(&mut net, &mut kernel, 2);
    assert!(kernel.has_said("wrong\teth0\taddress 2001:db8::10 is another machine's"));
    assert_eq!(kernel.addressed(), [""; 0]);
    pass(&mut net, &mut kernel, 70);
    assert_eq!(kernel.addressed(), ["eth0 2001:db8::10/64"]);
    assert_eq!(kernel.routes, ["eth0 2001:db8::1"]);
}

#[test]
fn dhcp_is_asked_where_there_is_a_carrier_and_again_when_its_client_ends() {
    let any = DraftHost {
        matches: vec![(HostKey::Any, String::new())],
        interfaces: vec![DraftInterface {
            dhcp: Dhcp::V4,
            ..DraftInterface::default()
        }],
        ..DraftHost::default()
    };
    let bytes = plan(vec![host(7, Vec::new()), any]);
    let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1), nic(3, "eth1", 2)]);
    kernel.named("eth0").is_plugged = false;
    let mut net = begin(&mut kernel, &bytes, "");
    pass(&mut net, &mut kernel, 3);
    assert_eq!(kernel.asks_dhcp, ["eth1"]);
    net.dhcp_ended("eth1");
    pass(&mut net, &mut kernel, 4);
    assert_eq!(kernel.asks_dhcp, ["eth1", "eth1"]);
    pass(&mut net, &mut kernel, 31);
    assert!(kernel.has_said("wrong\teth1\tno answer to DHCP after 30 s"));
    kernel
        .addresses
        .push((3, "10.0.2.15/24".to_string(), false));
    pass(&mut net, &mut kernel, 35);
    assert!(
        kernel.has_said("note\teth1\treachable after 31 s"),
        "{:?}",
        kernel.said
    );
}

#[test]
fn the_command_line_overrides_the_table_but_not_who_this_is() {
    let hosts = || {
        let db1 = DraftHost {
            port: 2200,
            ..host(1, vec![interface(&[], "192.0.2.10")])
        };
        vec![db1]
    };
    let check = |line: &str, addressed: &[&str], said: &[&str]| {
        let mut kernel = FakeKernel::new(vec![nic(2, "eth0", 1), nic(3, "eth1", 2)]);
        run(&mut kernel, hosts(), line);
        assert_eq!(kernel.addressed(), addressed, "{line}");
        for words in said {
            assert!(kernel.has_said(words), "{line}: {words}: {:?}", kernel.said);
        }
    };
    let table = ["eth0 192.0.2.10/24"];
    check("quiet", &table, &["host\tdb1\t2200"]);
    check("preroot.port=22", &table, &["host\tdb1\t22\t"]);
    let wrong = "wrong\t\tip=10.0.0.300: the address is none";
    check("ip=10.0.0.300", &table, &[wrong]);
    let two = "ip=10.0.0.1:::24::eth1 ip=[fd00::1]:::64::eth0";
    check(
        two,
        &["eth0 fd00::1/64", "eth1 10.0.0.1/24"],
        &["host\t\t0\tip="],
    );
    let named = "ip=10.0.0.1:::24::eth1 preroot.host=db1";
    check(
        named,
        &["eth1 10.0.0.1/24"],
        &["host\tdb1\t2200\tpreroot.host="],
    );
    check(
        "preroot.host=db1",
        &table,
        &["host\tdb1\t2200\tpreroot.host="],
    );
    check(
        "preroot.host=db9",
        &table,
        &["wrong\t\tpreroot.host=db9: the table has no such host"],
    );
    check("ip=off", &[], &[]);
    let vlan = "vlan=lan.7:eth1 ip=10.0.0.1:::24::lan.7";
    check(
        vlan,
        &["lan.7 10.0.0.1/24"],
        &["note\tlan.7\tVLAN 7 on eth1"],
    );
    let bond = "bond=b1:eth0,eth1:mode=active-backup ip=10.0.0.1:::24::b1";
    check(bond, &["b1 10.0.0.1/24"], &["note\teth1\tinto b1"]);
    let both = "bond=b1:eth0,eth1:mode=802.3ad vlan=vlan0009:b1 ip=10.0.0.1:::24::vlan0009";
    check(
        both,
        &["vlan0009 10.0.0.1/24"],
        &["it is made active-backup"],
    );
}

#[test]
fn what_the_root_has_taken_over_is_left_alone() {
    let bytes = plan(vec![host(1, vec![interface(&[], "192.0.2.10")])]);
    let check = |is_roots_address: bool, expected: &[&str]| {
        let mut kernel = FakeKernel::new(vec![nic(3, "eth1", 2)]);
        let mut net = begin(&mut kernel, &bytes, "");
        pass(&mut net, &mut kernel, 2);
        kernel.is_roots = true;
        // Its programs load a driver, and may set an address.
        kernel.links.push(FakeLink {
            is_up: true,
            ..nic(2, "eth0", 1)
        });
        if is_roots_address {
            kernel
                .addresses
                .push((2, "192.0.2.99/24".to_string(), false));
        }
        kernel.links.push(nic(4, "eth2", 3));
        pass(&mut net, &mut kernel, 5);
        assert_eq!(kernel.addressed(), expected);
        assert!(!kernel.named("eth2").is_up, "new ones are the root's");
    };
    check(false, &["eth0 192.0.2.10/24"]);
    check(true, &["eth0 192.0.2.99/24"]);
}

#[test]
fn whatever_fails_once_is_done_in_the_end() {
    let vlan = DraftInterface {
        vlan: 9,
        mtu: 1400,
        ..interface(&["mac=52:54:00:00:00:03"], "198.51.100.10")
    };
    let mut host = bonded(0);
    host.interfaces.push(vlan);
    let bytes = plan(vec![host]);
    let links = || vec![nic(2, "eth0", 1), nic(3, "eth1", 2), nic(4, "eth2", 3)];
    let run = |fail_at: Option<usize>| {
        let mut kernel = FakeKernel::new(links());
        kernel.fail_at = fail_at;
        let mut net = begin(&mut kernel, &bytes, "");
        pass(&mut net, &mut kernel, 28);
        kernel
    };
    let well = run(None);
    let expected = ["bond0 192.0.2.10/24", "eth2.9 198.51.100.10/24"];
    assert_eq!(well.addressed(), expected);
    assert!(well.calls > 40, "{}", well.calls);
    for call in 0..well.calls {
        let mut kernel = run(Some(call));
        assert_eq!(
            kernel.addressed(),
            expected,
            "call {call}: {:?}",
            kernel.said
        );
        assert_eq!(kernel.routes.len(), 2, "call {call}: {:?}", kernel.said);
        let bond = kernel.named("bond0").index;
        assert!(kernel.named("eth0").master == bond && kernel.named("eth1").master == bond);
    }
}
