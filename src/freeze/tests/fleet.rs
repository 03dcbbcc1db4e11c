//! A fleet of 10,000 hosts: its size in a plan, its text, and what a review of it tells.

use preroot_freeze::review::{Detail, Scope, review};
use preroot_freeze::{Config, Messages, text};
use preroot_plan::{Draft, DraftHost, HostKey, Plan};

/// What a plan with the fleet may take.
const BYTES_MAX: usize = 3 << 19;
const HOSTS: usize = 10_000;

/// The hosts of the CSV that `rows` makes of it.
fn hosts(rows: impl Iterator<Item = String>) -> Vec<DraftHost> {
    let directory = tempfile::tempdir().expect("scratch directory");
    let header = "hostname,mac,dmi-serial,vlan,addresses,gateways\n".to_string();
    let table = directory.path().join("hosts.csv");
    std::fs::write(&table, header + &rows.collect::<String>()).expect("table");
    let text = "name = \"fleet\"\nhosts = \"hosts.csv\"\n[root]\nfind = \"LABEL=r\"\n";
    let mut messages = Messages::default();
    let config = Config::parse(text, &directory.path().join("x.toml"), &mut messages);
    config
        .unwrap_or_else(|| panic!("{:?}", messages.into_list()))
        .hosts
}

/// A host as fleets have them: 40 in a rack, each rack with subnets of its own.
fn row(number: usize) -> String {
    let (rack, unit) = (number / 40, number % 40 + 10);
    let (a, b, c) = (number >> 16 & 255, number >> 8 & 255, number & 255);
    format!(
        "node-{number:05}.rack{rack:03}.example.net,52:54:07:{a:02x}:{b:02x}:{c:02x},CZ34{number:06}XK,{},\
         10.{}.{}.{unit}/24 2001:db8:{rack:x}::{unit:x}/64,10.{}.{}.1 2001:db8:{rack:x}::1\n",
        100 + rack,
        rack / 200,
        rack % 200,
        rack / 200,
        rack % 200,
    )
}

fn fleet() -> Vec<DraftHost> {
    hosts((0..HOSTS).map(row))
}

fn freeze(hosts: Vec<DraftHost>) -> Vec<u8> {
    let draft = Draft {
        hosts,
        ..Draft::default()
    };
    draft.freeze().expect("plan")
}

#[test]
fn ten_thousand_hosts_fit_into_their_budget() {
    let bytes = freeze(fleet());
    assert!(bytes.len() <= BYTES_MAX, "{} bytes", bytes.len());
    let plan = Plan::check(&bytes).expect("plan");
    assert_eq!(plan.hosts().len(), HOSTS);
    for number in [0, 1, 4711, HOSTS - 1] {
        let [_, _, _, a, b, c, ..] = u64::to_be_bytes((number as u64) << 16);
        let by_mac = plan.host_by_mac([0x52, 0x54, 7, a, b, c]);
        let by_mac = by_mac.map(|host| plan.text(host.hostname).to_string());
        let by_serial = plan.host_by(HostKey::DmiSerial, &format!("CZ34{number:06}XK"));
        let by_serial = by_serial.map(|host| plan.text(host.hostname).to_string());
        let expected = Some(format!(
            "node-{number:05}.rack{:03}.example.net",
            number / 40
        ));
        assert_eq!((&by_mac, &by_serial), (&expected, &expected));
    }
    assert!(plan.host_by_mac([0x52, 0x54, 7, 0xff, 0, 0]).is_none());
    assert!(plan.host_by(HostKey::DmiSerial, "CZ34").is_none());
}

#[test]
fn a_fleet_is_a_line_a_host_at_the_end_of_the_text() {
    let bytes = freeze(fleet());
    let text = text::text(&Plan::check(&bytes).expect("plan"));
    let (head, table) = text.split_once("\nhosts\n").expect("hosts");
    assert!(head.contains("hosts     10000, at the end\n"), "{head}");
    assert!(head.lines().count() < 20, "{head}");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), HOSTS);
    assert_eq!(
        lines[41],
        "    node-00041.rack001.example.net mac=52:54:07:00:00:29 dmi-serial=CZ34000041XK vlan 101 10.0.1.11/24 via \
         10.0.1.1, 2001:db8:1::b/64 via 2001:db8:1::1"
    );
    assert!(lines.is_sorted());
}

#[test]
fn a_review_names_the_hosts_that_differ() {
    let old = freeze(fleet());
    let changed = (0..=HOSTS).filter(|number| *number != 7).map(|number| {
        let row = row(number);
        match number {
            100 => row.replace(",102,", ",99,"),
            200 => row.replace("52:54:07", "52:54:08"),
            300 => row.replace(" 2001:db8:7::1e/64", ""),
            _ => row,
        }
    });
    let rows = changed.map(|row| row.replace("10.0.7.1 2001:db8:7::1\n", "10.0.7.1\n"));
    // Rack 7 loses its IPv6 gateway: 40 hosts, of which one loses its address too.
    let new = freeze(hosts(rows));
    let (old, new) = (
        Plan::check(&old).expect("old"),
        Plan::check(&new).expect("new"),
    );
    let review = review(&old, &new, Scope::Whole);
    assert_eq!(review.summary(), "hosts: 1 added, 1 gone, 42 changed");
    let text = review.text(Detail::Verbose);
    for line in [
        "    - node-00007.rack000.example.net",
        "      node-00100.rack002.example.net: vlan 102 -> vlan 99\n",
        "      node-00200.rack005.example.net: mac=52:54:07:00:00:c8 -> mac=52:54:08:00:00:c8\n",
        "      via 2001:db8:7::1 -> nothing: node-00280.rack007.example.net node-00281.rack007.example.net\n",
        "    + node-10000.rack250.example.net",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let short = review.text(Detail::Usual);
    assert!(short.contains(" and 15 more\n"), "{short}");
    assert!(short.lines().count() < 60, "{short}");
}
