//! What a config may say: each wrong line is refused by its number, with a remedy.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use preroot_freeze::{Config, Messages};
use preroot_plan::{Policy, Repair};

const GOOD: &str = r#"name = "db"
[root]
find = "UUID=1-2"
wait = "5s"
[modules]
load = ["virtio-blk", "?nvme"]
options = { nvme = "poll_queues=2" }
[rescue]
port = 2222
authorized-keys = "keys"
[[host]]
match = "mac=52:54:00:AB:cd:56"
hostname = "db1"
addresses = ["192.0.2.10/24", "2001:db8::10/64"]
gateways = ["192.0.2.1", "fe80::1"]
[[host]]
match = "first-carrier"
[order]
policy = "edges"
parallel = 4
[script."rc.local"]
skip = "not here"
[expect]
memory = "1GiB"
memory-tolerance = "50%"
[[expect.disk]]
serial = "A1"
size = "10GiB"
policy = "hold"
[[image.file]]
path = "/etc/motd"
source = "motd"
mode = "0600"
"#;

#[test]
fn a_config_is_read() {
    let mut messages = Messages::default();
    let config = Config::parse(GOOD, Path::new("dir/x.toml"), &mut messages).expect("good");
    assert!(messages.into_list().is_empty());
    assert_eq!(config.root_wait_ms, 5000);
    assert_eq!(config.repair, Repair::Preen);
    assert_eq!(
        (config.order.policy, config.order.parallel),
        (Policy::Edges, 4)
    );
    assert_eq!(config.modules.load[0].name, "virtio_blk");
    assert_eq!(
        config.rescue.authorized_keys,
        Some(PathBuf::from("dir/keys"))
    );
    let host = &config.hosts[0];
    assert_eq!(host.macs, [[0x52, 0x54, 0, 0xab, 0xcd, 0x56]]);
    let gateways: Vec<Option<IpAddr>> = host.interfaces[0]
        .addresses
        .iter()
        .map(|a| a.gateway)
        .collect();
    assert_eq!(
        gateways,
        [
            Some("192.0.2.1".parse().unwrap()),
            Some("fe80::1".parse().unwrap())
        ]
    );
    assert_eq!(
        config.scripts["rc.local"].dropped.as_deref(),
        Some("skipped: not here")
    );
    assert_eq!(config.hardware.expected[0].low, (1 << 30) / 100 * 50);
    assert_eq!(config.hardware.expected[1].name, "A1");
    assert_eq!(config.image.files[0].mode, 0o600);
}

/// A line of [`GOOD`] is replaced; the message names its number and these words.
fn check(line: &str, instead: &str, expected: &str) {
    assert!(GOOD.contains(line), "{line}");
    let text = GOOD.replacen(line, instead, 1);
    let mut messages = Messages::default();
    let config = Config::parse(&text, Path::new("x.toml"), &mut messages);
    assert!(config.is_none(), "{instead} is accepted");
    let messages: Vec<String> = messages.into_list().iter().map(|m| m.to_string()).collect();
    assert!(
        messages.iter().any(|m| m.contains(expected)),
        "{instead}: {messages:?}"
    );
    assert!(
        messages.iter().all(|m| m.contains("remedy: ")),
        "{messages:?}"
    );
}

#[test]
fn wrong_lines_are_refused_by_their_number() {
    let cases = [
        (
            "name = \"db\"",
            "name = \"a b\"",
            "x.toml:1: error: \"a b\" is not a name",
        ),
        (
            "name = \"db\"",
            "nam = \"db\"",
            "x.toml:1: error: unknown field",
        ),
        ("name = \"db\"", "", "x.toml:0: error: has no name"),
        ("name = \"db\"", "name = ", "x.toml:1: error"),
        (
            "UUID=1-2",
            "vda1",
            "x.toml:3: error: \"vda1\" names no root",
        ),
        (
            "UUID=1-2",
            "/dev/disk/by-id/ata-DISK_S1",
            "x.toml:3: error: \"/dev/disk/by-id/ata-DISK_S1\" names no root",
        ),
        (
            "UUID=1-2",
            "WWN=disk",
            "x.toml:3: error: \"WWN=disk\" names no root",
        ),
        (
            "UUID=1-2",
            "PARTUUID=1/2",
            "x.toml:3: error: \"PARTUUID=1/2\" names no root",
        ),
        ("UUID=1-2", "0:1", "x.toml:3: error: \"0:1\" names no root"),
        (
            "find = \"UUID=1-2\"",
            "",
            "x.toml:0: error: does not say where the root is",
        ),
        (
            "\"5s\"",
            "\"5\"",
            "x.toml:4: error: \"5\" is not a duration",
        ),
        (
            "virtio-blk",
            "virtio_blk.ko",
            "x.toml:6: error: \"virtio_blk.ko\" is not the name",
        ),
        (
            "port = 2222",
            "port = 70000",
            "x.toml:9: error: 70000 is not a port",
        ),
        (
            "mac=52:54:00:AB:cd:56",
            "mac=52:54:00",
            "x.toml:12: error: \"mac=52:54:00\" is no MAC address",
        ),
        (
            "\"db1\"",
            "\"db_1\"",
            "x.toml:13: error: \"db_1\" is not a host name",
        ),
        (
            "192.0.2.10/24",
            "192.0.2.10",
            "x.toml:14: error: \"192.0.2.10\" is not an address",
        ),
        ("192.0.2.10/24", "192.0.2.10/33", "x.toml:14: error"),
        ("192.0.2.10/24", "224.0.0.1/24", "x.toml:14: error"),
        (
            "\"192.0.2.1\"",
            "\"198.51.100.1\"",
            "x.toml:15: error: gateway \"198.51.100.1\" is in",
        ),
        (
            "\"fe80::1\"",
            "\"192.0.2.2\"",
            "x.toml:15: error: \"192.0.2.2\" is a second gateway",
        ),
        (
            "\"fe80::1\"",
            "\"router\"",
            "x.toml:15: error: gateway \"router\" is not an address",
        ),
        (
            "first-carrier",
            "mac=52:54:00:ab:CD:56",
            "x.toml:17: error: \"mac=52:54:00:ab:cd:56\" stands here a second time, first at x.toml:12",
        ),
        (
            "\"edges\"",
            "\"fast\"",
            "x.toml:19: error: \"fast\" is not known here",
        ),
        (
            "parallel = 4",
            "parallel = 0",
            "x.toml:20: error: 0 is not a number of scripts",
        ),
        ("\"not here\"", "\" \"", "x.toml:22: error: has no reason"),
        (
            "skip = \"not here\"",
            "skipp = \"x\"",
            "x.toml:22: error: unknown field",
        ),
        (
            "\"1GiB\"",
            "\"1GB\"",
            "x.toml:24: error: \"1GB\" is no size of anything",
        ),
        (
            "\"50%\"",
            "\"half\"",
            "x.toml:25: error: \"half\" is not a share",
        ),
        (
            "serial = \"A1\"",
            "",
            "error: does not say in one way what is expected",
        ),
        (
            "\"hold\"",
            "\"stop\"",
            "x.toml:29: error: \"stop\" is not known here",
        ),
        (
            "\"/etc/motd\"",
            "\"etc/motd\"",
            "x.toml:31: error: \"etc/motd\" is not an absolute path",
        ),
        (
            "\"0600\"",
            "\"rw\"",
            "x.toml:31: error: its mode is not octal",
        ),
    ];
    for (line, instead, expected) in cases {
        check(line, instead, expected);
    }
}

#[test]
fn a_record_has_a_file_or_a_partition() {
    let check = |store: &str, expected: &str| {
        let text =
            format!("name = \"x\"\n[root]\nfind = \"/dev/vda\"\n[record]\nstore = \"{store}\"\n");
        let mut messages = Messages::default();
        let config = Config::parse(&text, Path::new("x.toml"), &mut messages);
        let said: String = messages
            .into_list()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(said.contains(expected), "{store}: {said}");
        let kept = config.map(|config| config.store);
        let is_kept = kept.as_deref() == Some(store);
        assert_eq!(is_kept, expected.is_empty(), "{store}: {kept:?}");
    };
    check("/var/lib/preroot/record", "");
    check("PARTLABEL=preroot-log", "");
    check("PARTUUID=70726572-6f6f-4000-8000-000000000000", "");
    check(
        "LABEL=preroot-log",
        "x.toml:5: error: \"LABEL=preroot-log\" is no place for a record",
    );
    check(
        "record",
        "x.toml:5: error: \"record\" is not an absolute path",
    );
}

#[test]
fn a_missing_config_is_refused() {
    let mut messages = Messages::default();
    assert!(Config::read(Path::new("/nowhere/x.toml"), &mut messages).is_none());
    assert!(
        messages.into_list()[0]
            .to_string()
            .contains("/nowhere/x.toml:0: error: cannot be")
    );
}
