//! The host table: what TOML and CSV can say of hosts, and each wrong line refused by its number, with a remedy.

use std::fs;
use std::path::Path;

use preroot_freeze::{Config, Messages};
use preroot_plan::{Address, Bond, Dhcp, Draft, DraftHost, DraftInterface, HostKey, Plan};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const START: &str = "name = \"fleet\"\nhosts = \"FILE\"\n[root]\nfind = \"LABEL=r\"\n";

/// The hosts of a file, or what is said of it.
fn read(name: &str, text: &[u8]) -> Result<Vec<DraftHost>, Vec<String>> {
    let directory = tempfile::tempdir().expect("scratch directory");
    let path = directory.path().join("fleet.toml");
    fs::write(directory.path().join(name), text).expect("file");
    fs::write(&path, START.replace("FILE", name)).expect("config");
    let mut messages = Messages::default();
    let config = Config::read(&path, &mut messages);
    let prefix = format!("{}/", directory.path().display());
    let list = messages.into_list();
    let list = list
        .iter()
        .map(|message| message.to_string().replace(&prefix, ""));
    config.map(|config| config.hosts).ok_or(list.collect())
}

fn csv(text: &str) -> Vec<DraftHost> {
    read("hosts.csv", text.as_bytes()).expect(text)
}

fn toml(text: &str) -> Vec<DraftHost> {
    read("hosts.toml", text.as_bytes()).expect(text)
}

/// What is refused, as one of the messages has it; each has a remedy.
fn refused(name: &str, text: &[u8], expected: &str) {
    refused_at(name, text, "", expected);
}

/// The same, at a place.
fn refused_at(name: &str, text: &[u8], place: &str, expected: &str) {
    let shown = String::from_utf8_lossy(text);
    let messages = read(name, text).expect_err(&shown);
    let is_it = |message: &String| message.starts_with(place) && message.contains(expected);
    assert!(
        messages.iter().any(is_it),
        "{shown}\n{place} {expected}\n{messages:#?}"
    );
    assert!(
        messages.iter().all(|it| it.contains("remedy: ")),
        "{messages:#?}"
    );
}

fn address(text: &str, gateway: &str) -> Address {
    let (ip, prefix) = text.split_once('/').expect("prefix");
    Address {
        ip: ip.parse().expect("address"),
        prefix: prefix.parse().expect("prefix"),
        gateway: gateway.parse().ok(),
    }
}

const MAC: [u8; 6] = [0x52, 0x54, 0, 0, 0, 1];

#[test]
fn a_row_is_a_host_with_an_interface() {
    let hosts = csv(
        "\u{feff}hostname,mac,dmi-serial,dmi-uuid,pci,port,vlan,mtu,addresses,gateways\r\n\
        # The first rack.\r\n\
        db1,52-54-00-00-00-01,CZ 34,4C4C4544-0042-3510-8058-B4C04F4D3132,3B:00.0,2222,100,9000,\
        192.0.2.10/24 2001:db8::10/64,192.0.2.1 fe80::1\r\n\r\n,,,,,,,,,\r\n",
    );
    let expected = DraftHost {
        macs: vec![MAC],
        matches: vec![
            (HostKey::DmiSerial, "CZ 34".into()),
            (
                HostKey::DmiUuid,
                "4c4c4544-0042-3510-8058-b4c04f4d3132".into(),
            ),
            (HostKey::Pci, "0000:3b:00.0".into()),
        ],
        hostname: "db1".into(),
        port: 2222,
        interfaces: vec![DraftInterface {
            vlan: 100,
            mtu: 9000,
            addresses: vec![
                address("192.0.2.10/24", "192.0.2.1"),
                address("2001:db8::10/64", "fe80::1"),
            ],
            ..DraftInterface::default()
        }],
    };
    assert_eq!(hosts, [expected]);
}

#[test]
fn toml_and_csv_say_the_same() {
    let from_csv = csv("hostname,nic,mac,bond,vlan,dhcp,addresses\n\
        web1,,52:54:00:00:00:01 52:54:00:00:00:02,active-backup,,,192.0.2.10/24\n\
        web1,mac=52:54:00:00:00:01 mac=52:54:00:00:00:02,,active-backup,7,yes,\n\
        web1,name=eth2,,,,no,\"198.51.100.1/24\"\n\
        web2,,52:54:00:00:00:03,,,,192.0.2.11/24\n\
        web2,pci=3b:00.1,,,,,198.51.100.2/24\n");
    let from_toml = toml(
        r#"
        [[host]]
        hostname = "web1"
        match = ["mac=52:54:00:00:00:01", "mac=52:54:00:00:00:02"]
        bond = { mode = "active-backup" }
        addresses = ["192.0.2.10/24"]
        [[host.interface]]
        bond = { mode = "active-backup", members = ["mac=5254.0000.0001", "mac=52:54:00:00:00:02"] }
        vlan = 7
        dhcp = true
        [[host.interface]]
        nic = "name=eth2"
        addresses = ["198.51.100.1/24"]
        [[host]]
        hostname = "web2"
        match = "mac=52:54:00:00:00:03"
        [[host.interface]]
        addresses = ["192.0.2.11/24"]
        [[host.interface]]
        nic = "pci=0000:3b:00.1"
        addresses = ["198.51.100.2/24"]
        "#,
    );
    assert_eq!(from_csv, from_toml);
    let [trunk, vlan, single] = &from_csv[0].interfaces[..] else {
        panic!("three interfaces");
    };
    assert_eq!(
        trunk.nics,
        ["mac=52:54:00:00:00:01", "mac=52:54:00:00:00:02"]
    );
    assert_eq!((trunk.bond, &*trunk.name), (Bond::ActiveBackup, "bond0"));
    assert_eq!(
        (&vlan.nics, &*vlan.name, vlan.vlan),
        (&trunk.nics, "bond0", 7)
    );
    assert_eq!((vlan.dhcp, single.dhcp), (Dhcp::V4, Dhcp::No));
    assert_eq!(single.nics, ["name=eth2"]);
    // The one NIC that the host is known by, where another interface has another one.
    assert_eq!(from_csv[1].interfaces[0].nics, ["mac=52:54:00:00:00:03"]);
    let draft = Draft {
        hosts: from_csv,
        ..Draft::default()
    };
    let bytes = draft.freeze().expect("plan");
    let plan = Plan::check(&bytes).expect("plan");
    let web1 = plan.host_by_mac([0x52, 0x54, 0, 0, 0, 2]).expect("web1");
    assert_eq!(plan.interfaces_of(web1).len(), 3);
}

#[test]
fn what_is_right_is_not_refused() {
    // Without an address, a machine has its name and its link-local address.
    let hosts =
        toml("[[host]]\nmatch = \"any\"\n[[host]]\nmatch = \"dmi-serial=X1\"\nhostname = \"a\"\n");
    assert_eq!(hosts[0].matches, [(HostKey::Any, String::new())]);
    assert_eq!(hosts[0].interfaces, [DraftInterface::default()]);
    // VLANs on one NIC; a link-local address on each; one address without a subnet, its gateway on the link.
    csv("hostname,mac,vlan,mtu,addresses,gateways\n\
        a,52:54:00:00:00:01,,9000,fe80::2/64 203.0.113.1/32,192.0.2.1\n\
        a,,5,1500,fe80::2/64,\n\
        a,,6,,fe80::2/64,\n\
        b,52:54:00:00:00:02,,,169.254.1.1/16 fe80::2/64,\n");
    // Rows of a host need not follow each other, and the one that says what it is known by may be any of them.
    let hosts = csv("hostname,mac,nic\na,,name=eth1\nb,52:54:00:00:00:02,\na,52:54:00:00:00:01,\n");
    assert_eq!(
        (hosts[0].interfaces.len(), &*hosts[0].macs),
        (2, &[MAC][..])
    );
    let two = "[[host]]\nmatch = \"mac=52:54:00:00:00:01\"\nhostname = \"a\"\nbond = { mode = \"active-backup\", \
        name = \"uplink\", members = [\"name=eth0\", \"name=eth1\"] }\n[[host.interface]]\nbond = { mode = \
        \"active-backup\", members = [\"name=eth2\"] }\n";
    let names: Vec<String> = toml(two)[0]
        .interfaces
        .iter()
        .map(|it| it.name.clone())
        .collect();
    assert_eq!(names, ["uplink", "bond1"]);
}

const HEADER: &str =
    "hostname,mac,dmi-serial,dmi-uuid,pci,port,nic,bond,vlan,mtu,dhcp,addresses,gateways";

#[test]
fn wrong_rows_are_refused_by_their_line() {
    // After a good row on line 2 and a comment, so that the wrong one stands on line 4.
    let check = |row: &str, expected: &str| {
        let good = "db1,52:54:00:00:00:01,SN1,4c4c4544-0042-3510-8058-b4c04f4d3132,3b:00.0,,,,,,,192.0.2.1/24,192.0.2.254";
        let text = format!("{HEADER}\n{good}\n# comment\n{row}\n");
        refused_at(
            "hosts.csv",
            text.as_bytes(),
            "hosts.csv:4: error: ",
            expected,
        );
    };
    let twice = "stands here a second time, first at hosts.csv:2";
    let cases: &[(&str, &str)] = &[
        (",52:54:00:00:00:02,,,,,,,,,,,", "has no hostname"),
        (
            "a,52:54:00:00:00:02",
            "has 2 cells where the first line has 13 columns",
        ),
        (
            "a,,,,,,,,,,,192.0.2.2/24,",
            "nothing says which machine a is",
        ),
        (
            "a_b,52:54:00:00:00:02,,,,,,,,,,,",
            "\"a_b\" is not a host name",
        ),
        (
            "DB1,52:54:00:00:00:02,,,,,,,,,,,",
            "host \"DB1\" stands here a second time, first on line 2",
        ),
        (
            "a,52:54:00:00:00:01,,,,,,,,,,,",
            &format!("\"mac=52:54:00:00:00:01\" {twice}"),
        ),
        ("a,,SN1,,,,,,,,,,", &format!("\"dmi-serial=SN1\" {twice}")),
        (
            "a,,,4c4c4544004235108058b4c04f4d3132,,,,,,,,,",
            &format!("\"dmi-uuid=4c4c4544004235108058b4c04f4d3132\" {twice}"),
        ),
        (
            "a,,,,0000:3B:00.0,,,,,,,,",
            &format!("\"pci=0000:3B:00.0\" {twice}"),
        ),
        (
            "a,53:54:00:00:00:02,,,,,,,,,,,",
            "is the MAC address of a group",
        ),
        ("a,52:54:00,,,,,,,,,,,", "is no MAC address"),
        ("a,,Default string,,,,,,,,,,", "is what many machines tell"),
        ("a,,,12,,,,,,,,,", "is no UUID"),
        ("a,,,,slot3,,,,,,,,", "is no PCI address"),
        ("a,,X,,,0,,,,,,,", "\"0\" is not a port"),
        ("a,,X,,,ssh,,,,,,,", "\"ssh\" is not a port"),
        ("a,,X,,,,eth0,,,,,,", "\"eth0\" names no NIC"),
        ("a,,X,,,,name=a/b,,,,,,", "\"name=a/b\" names no NIC"),
        (
            "a,,X,,,,name=eth0 name=eth1,,,,,,",
            "several NICs, and no bond",
        ),
        (
            "a,,X,,,,name=eth0 name=eth0,active-backup,,,,,",
            "\"name=eth0\" stands here a second time",
        ),
        (
            "a,,X,,,,mac=52:54:00:00:00:01,,,,,,",
            "NIC mac=52:54:00:00:00:01 is another host's, of hosts.csv:2",
        ),
        (
            "a,,X,,,,name=eth0 mac=52:54:00:00:00:01,active-backup,,,,,",
            "is another host's",
        ),
        (
            "a,,X,,,,,802.3ad,,,,,",
            "\"802.3ad\" is not a mode of a bond here",
        ),
        ("a,,X,,,,,active-backup,,,,,", "a bond of 0 NICs"),
        ("a,,X,,,,,,0,,,,", "\"0\" is not a VLAN"),
        ("a,,X,,,,,,4095,,,,", "\"4095\" is not a VLAN"),
        ("a,,X,,,,,,+5,,,,", "\"+5\" is not a VLAN"),
        (
            "a,,X,,,,name=enp129s0f0np0,,100,,,,",
            "VLAN enp129s0f0np0.100 has a longer name",
        ),
        ("a,,X,,,,,,,67,,,", "\"67\" is not an MTU"),
        ("a,,X,,,,,,,65536,,,", "\"65536\" is not an MTU"),
        (
            "a,,X,,,,,,,1279,,2001:db8::5/64,",
            "\"1279\" is an MTU below IPv6's least",
        ),
        ("a,,X,,,,,,,,maybe,,", "\"maybe\" is neither yes nor no"),
        (
            "a,,X,,,,,,,,,192.0.2.1/24,",
            "address 192.0.2.1 stands here a second time, first at hosts.csv:2",
        ),
        (
            "a,,X,,,,,,,,,192.0.2.2,",
            "\"192.0.2.2\" is not an address of a host",
        ),
        (
            "a,,X,,,,,,,,,192.0.2.0/24,",
            "is the first or last address of its own subnet",
        ),
        (
            "a,,X,,,,,,,,,192.0.2.2/24,198.51.100.1",
            "gateway \"198.51.100.1\" is in the subnet of none",
        ),
        (
            "a,,X,,,,,,,,,192.0.2.2/24,192.0.2.2",
            "gateway \"192.0.2.2\" is the host's own",
        ),
        (
            "a,,X,,,,,,,,,192.0.2.2/24,192.0.2.255",
            "gateway \"192.0.2.255\" is the first or last",
        ),
        (
            "a,,X,,,,,,,,,192.0.2.2/24,192.0.2.253 192.0.2.254",
            "\"192.0.2.254\" is a second gateway",
        ),
        (
            "a,,X,,,,,,,,yes,,192.0.2.254",
            "gateway \"192.0.2.254\" is in the subnet of none",
        ),
        (
            "db1,,,,,,,,,,,192.0.2.3/24,",
            "the same interface a second time",
        ),
    ];
    for (row, expected) in cases {
        check(row, expected);
    }
}

#[test]
fn interfaces_of_a_host_are_not_in_each_others_way() {
    let check = |rows: &str, expected: &str| {
        let text = format!("{HEADER}\n{rows}\n");
        refused(
            "hosts.csv",
            text.as_bytes(),
            &format!("hosts.csv:3: error: {expected}"),
        );
    };
    let bond = "a,,X,,,,name=eth0 name=eth1,active-backup,,9000,,,\n";
    check(
        &format!("{bond}a,,,,,,name=eth0,,,,,,"),
        "one of its NICs is in another interface",
    );
    check(
        &format!("{bond}a,,,,,,name=eth1 name=eth2,active-backup,,,,,"),
        "one of its NICs is in another",
    );
    check(
        &format!("{bond}a,,,,,,name=eth0 name=eth1,active-backup,,,,,"),
        "the same interface a second time",
    );
    check(
        &format!("{bond}a,,,,,,name=eth0 name=eth1,active-backup,5,9001,,,"),
        "MTU 9001 of VLAN 5 is above the 9000",
    );
    check(
        &format!("{bond}a,,,,,,,,,,,,"),
        "one of several interfaces, and nothing says which NIC",
    );
    check(
        &format!("{bond}a,,,,22,,,,,,,,\nb,,Y,,,x,,,,,,,"),
        "host \"a\" stands here a second time",
    );
    let again = "a,,X,,,22,,,,,,,\na,,,,,23,name=eth1,,,,,,";
    check(again, "port 23 of host \"a\" is 22 on line 2");
    let names = "[[host]]\nmatch = \"dmi-serial=X\"\nbond = { mode = \"active-backup\", name = \"b0\", members = \
        [\"name=eth0\"] }\n[[host.interface]]\nbond = { mode = \"active-backup\", name = \"b0\", members = [\"name=eth1\"] }\n";
    refused(
        "hosts.toml",
        names.as_bytes(),
        "hosts.toml:5: error: bond b0 has other NICs",
    );
    let long = names.replace("\"b0\"", "\"a/b\"");
    refused(
        "hosts.toml",
        long.as_bytes(),
        "hosts.toml:3: error: \"a/b\" is no name of a bond",
    );
    let many = format!(
        "{HEADER}\n{}",
        (0..9)
            .map(|at| {
                format!(
                    "a,{},,,,,name=eth{at},,,,,,\n",
                    if at == 0 { "52:54:00:00:00:01" } else { "" }
                )
            })
            .collect::<String>()
    );
    refused(
        "hosts.csv",
        many.as_bytes(),
        "hosts.csv:2: error: 9 interfaces; a plan can hold 8",
    );
    let addresses: Vec<String> = (1..=17).map(|at| format!("192.0.2.{at}/24")).collect();
    let many = format!("{HEADER}\na,,X,,,,,,,,,{},\n", addresses.join(" "));
    refused(
        "hosts.csv",
        many.as_bytes(),
        "hosts.csv:2: error: 17 addresses; a plan can hold 16",
    );
}

#[test]
fn files_that_are_no_table_are_refused() {
    let check = |name: &str, text: &[u8], expected: &str| refused(name, text, expected);
    check("hosts.csv", b"", "hosts.csv:0: error: has no line");
    check(
        "hosts.csv",
        b"# nothing\n\n",
        "hosts.csv:0: error: has no line",
    );
    check(
        "hosts.csv",
        b"hostname,mac,ip\n",
        "hosts.csv:1: error: there is no column \"ip\"",
    );
    check(
        "hosts.csv",
        b"# c\n\nhostname,macs\n",
        "hosts.csv:3: error: there is no column \"macs\"",
    );
    check(
        "hosts.csv",
        b"hostname;mac\n",
        "separate columns with commas",
    );
    check(
        "hosts.csv",
        b"hostname,mac,mac\n",
        "column \"mac\" stands here a second time",
    );
    check(
        "hosts.csv",
        b"mac,addresses\n",
        "there is no column \"hostname\"",
    );
    check(
        "hosts.csv",
        b"hostname,mac\na,\xff\n",
        "fleet.toml:2: error: hosts.csv is not UTF-8 on line 2",
    );
    check("hosts.toml", b"host = 1\n", "hosts.toml:1: error: ");
    check(
        "hosts.toml",
        b"[[host]]\nmatch = \"any\"\n[root]\n",
        "hosts.toml:3: error: unknown field",
    );
    check(
        "hosts.toml",
        b"[[host]]\nname = \"a\"\n",
        "hosts.toml:2: error: unknown field",
    );
    check(
        "hosts.toml",
        b"[[host]]\nmatch = 5\n",
        "hosts.toml:2: error: 5 matches no host",
    );
    check(
        "hosts.toml",
        b"[[host]]\nmatch = []\n",
        "hosts.toml:1: error: nothing says which machine",
    );
    check(
        "hosts.toml",
        b"[[host]]\nmatch = \"slot=3\"\n",
        "hosts.toml:2: error: \"slot=3\" matches no host",
    );
    check(
        "hosts.toml",
        b"[[host]]\nmatch = \"any=3\"\n",
        "hosts.toml:2: error: \"any=3\" matches no host",
    );
    check(
        "hosts.toml",
        b"[[host]]\nmatch = \"any\"\nbond = { members = [\"name=eth0\"] }\n",
        "hosts.toml:3: error: \"\" is not a mode",
    );
    check(
        "hosts.toml",
        b"[[host]]\nmatch = \"any\"\n[[host]]\nmatch = \"any\"\n",
        "hosts.toml:4: error: \"any\" stands here a second time, first at hosts.toml:2",
    );
    check(
        "hosts.toml",
        b"[[host]]\nmatch = \"any\"\nvlan = -1\n",
        "hosts.toml:3: error: \"-1\" is not a VLAN",
    );
    check(
        "hosts.yaml",
        b"",
        "fleet.toml:2: error: \"hosts.yaml\" is neither CSV nor TOML",
    );
    let mut messages = Messages::default();
    let text = START.replace("FILE", "nowhere.csv");
    assert!(Config::parse(&text, "x.toml".as_ref(), &mut messages).is_none());
    let message = messages.into_list()[0].to_string();
    assert!(
        message.contains("x.toml:2: error: nowhere.csv cannot be read"),
        "{message}"
    );
}

#[test]
fn a_fleet_beyond_a_plan_is_refused() {
    let mut text = "hostname,dmi-serial\n".to_string();
    for number in 0..16_385 {
        text += &format!("h{number},S{number}\n");
    }
    refused(
        "hosts.csv",
        text.as_bytes(),
        "hosts.csv:16386: error: 16385 hosts; a plan can hold 16384",
    );
}

#[test]
fn hosts_of_config_and_file_are_one_fleet() {
    let directory = tempfile::tempdir().expect("scratch directory");
    let path = directory.path().join("fleet.toml");
    fs::write(
        directory.path().join("hosts.csv"),
        "hostname,mac\na,52:54:00:00:00:01\n",
    )
    .expect("file");
    let own = "[[host]]\nmatch = \"mac=52:54:00:00:00:01\"\nhostname = \"b\"\n";
    fs::write(&path, START.replace("FILE", "hosts.csv") + own).expect("config");
    let mut messages = Messages::default();
    assert!(Config::read(&path, &mut messages).is_none());
    let message = messages.into_list()[0].to_string();
    assert!(
        message.contains(
            "hosts.csv:2: error: \"mac=52:54:00:00:00:01\" stands here a second time, first at"
        ),
        "{message}"
    );
    assert!(message.contains("fleet.toml:6"), "{message}");
}

#[test]
fn the_examples_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../boot-configs/fleet.toml");
    let mut messages = Messages::default();
    let config = Config::read(&path, &mut messages);
    let list = messages.into_list();
    assert!(list.is_empty(), "{list:?}");
    let config = config.expect("config");
    assert_eq!(
        (config.hosts.len(), config.hosts[0].interfaces.len()),
        (6, 1)
    );
    let needed = config
        .modules
        .load
        .iter()
        .map(|module| module.name.as_str());
    let needed: Vec<&str> = needed
        .filter(|name| ["8021q", "bonding"].contains(name))
        .collect();
    assert_eq!(needed, ["8021q", "bonding"]);
}

#[test]
fn a_host_is_one_line_of_the_text() {
    let hosts = csv(
        "hostname,mac,dmi-serial,port,nic,bond,vlan,mtu,dhcp,addresses,gateways\n\
        a,52:54:00:00:00:01 52:54:00:00:00:02,S 1,2222,,active-backup,5,9000,,192.0.2.2/24,192.0.2.1\n\
        a,,,,pci=3b:00.0,,,,yes,,\n",
    );
    let draft = Draft {
        hosts,
        ..Draft::default()
    };
    let bytes = draft.freeze().expect("plan");
    let text = preroot_freeze::text::text(&Plan::check(&bytes).expect("plan"));
    let line = text
        .lines()
        .find(|line| line.starts_with("host "))
        .expect("host");
    assert_eq!(
        line,
        "host      a mac=52:54:00:00:00:01 mac=52:54:00:00:00:02 dmi-serial=S 1 port 2222 bond0(active-backup \
         mac=52:54:00:00:00:01 mac=52:54:00:00:00:02) vlan 5 mtu 9000 192.0.2.2/24 via 192.0.2.1; \
         on pci=0000:3b:00.0 dhcp"
    );
}

/// Words of which tables are made; some mean something, some nearly do.
const WORDS: &[&str] = &[
    "hostname",
    "mac",
    "nic",
    "bond",
    "vlan",
    ",",
    ",",
    ",",
    ",,",
    "\n",
    "\n",
    "\r\n",
    "\"",
    "#",
    " ",
    ";",
    "a",
    "b",
    "52:54:00:00:00:01",
    "5254.0000.0002",
    "name=eth0",
    "mac=52:54:00:00:00:01",
    "pci=3b:00.0",
    "active-backup",
    "4094",
    "4095",
    "9000",
    "yes",
    "192.0.2.1/24",
    "2001:db8::1/64",
    "192.0.2.254",
    "fe80::1",
    "\u{e4}",
    "\0",
    "\u{feff}",
    "[[host]]\n",
    "[[host.interface]]\n",
    "match = \"any\"\n",
    "match = [\"mac=52:54:00:00:00:01\"]\n",
    "vlan = 5\n",
    "addresses = [\"192.0.2.1/24\"]\n",
    "bond = { mode = \"active-backup\" }\n",
    "nic = \"name=eth0\"\n",
    "port = 22\n",
    "hostname,mac,dmi-serial,dmi-uuid,pci,port,nic,bond,vlan,mtu,dhcp,addresses,gateways\n",
    "a,,X,,,,,,,,,,\n",
    "a,,,,,,name=eth0,,,,,,\n",
    "b,52:54:00:00:00:01,,,,,,active-backup,7,,,,\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_table_is_read_or_refused(words in vec(select(WORDS), 0..40), bytes in vec(any::<u8>(), 0..40), at in any::<prop::sample::Index>()) {
        let mut text = words.concat().into_bytes();
        let at = at.index(text.len() + 1);
        if bytes.len() % 3 == 0 {
            text.splice(at..at, bytes);
        }
        for name in ["hosts.csv", "hosts.toml"] {
            match read(name, &text) {
                // What is accepted can be frozen.
                Ok(hosts) => {
                    let frozen = Draft { hosts, ..Draft::default() }.freeze();
                    prop_assert!(frozen.is_ok(), "{:?}", frozen.err());
                }
                Err(messages) => prop_assert!(!messages.is_empty()),
            }
        }
    }
}
