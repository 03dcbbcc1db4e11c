//! What the root lies on: each kind of step as the programs that PID 1 runs, and what is refused.

use std::path::{Path, PathBuf};

use preroot_freeze::config::Need;
use preroot_freeze::{Config, Messages};

const GOOD: &str = r#"name = "x"
[root]
find = "/dev/vg0/root"
wait = "20s"
[[root.assemble]]
md = "3F2A1B0C:11223344:55667788:99aabbcc"
level = "raid10"
degraded-after = "5s"
[[root.assemble]]
crypt = "root"
device = "UUID=0a-b"
key = "root.key"
options = ["--allow-discards"]
deadline = "15s"
[[root.assemble]]
lvm = "vg0"
[[root.assemble]]
run = ["/sbin/zpool", "import", "-N", "{}"]
type = "zfs_member"
late = ["/sbin/zpool", "import", "-Nm", "rpool"]
undo = ["/sbin/zpool", "export", "rpool"]
degraded-after = "19s"
"#;

fn read(text: &str) -> (Option<Config>, Vec<String>) {
    let mut messages = Messages::default();
    let config = Config::parse(text, Path::new("dir/x.toml"), &mut messages);
    let messages = messages.into_list().iter().map(|m| m.to_string()).collect();
    (config, messages)
}

/// Steps as a line each: name, type, device, and the commands.
fn lines(config: &Config) -> Vec<String> {
    let steps = config.assemblies.iter();
    let line = |step: &preroot_plan::DraftAssembly| {
        let (name, kind, device) = (&step.name, &step.kind, &step.device);
        let commands = [&step.run, &step.late, &step.undo].map(|words| words.join(" "));
        let [run, late, undo] = commands;
        let (late_ms, deadline_ms) = (step.late_ms, step.deadline_ms);
        format!("{name}; {kind} {device}; {run} ({deadline_ms}); {late} ({late_ms}); {undo}")
    };
    steps.map(line).collect()
}

#[test]
fn steps_become_programs() {
    let (config, messages) = read(GOOD);
    assert_eq!(messages, Vec::<String>::new());
    let config = config.expect("good");
    let expected = [
        "md 3f2a1b0c; linux_raid_member UUID=3f2a1b0c-1122-3344-5566-778899aabbcc; \
         /sbin/mdadm --incremental --config=none --homehost=any {} (10000); \
         /sbin/mdadm --incremental --run --scan --config=none (5000); /sbin/mdadm --stop --scan",
        "crypt root; crypto_LUKS UUID=0a-b; /sbin/cryptsetup open --type=luks \
         --key-file=/etc/preroot/keys/root --allow-discards {} root (15000);  (0); \
         /sbin/cryptsetup close root",
        "lvm vg0; LVM2_member ; /sbin/lvm vgchange --sysinit --autobackup=n --activate=y \
         --activationmode=complete vg0 (10000);  (0); \
         /sbin/lvm vgchange --sysinit --autobackup=n --activate=n vg0",
        "zpool; zfs_member ; /sbin/zpool import -N {} (10000); /sbin/zpool import -Nm rpool \
         (19000); /sbin/zpool export rpool",
    ];
    assert_eq!(lines(&config), expected);
    let always: Vec<(&str, bool)> = config
        .modules
        .always
        .iter()
        .map(|module| (module.name.as_str(), module.need == Need::Required))
        .collect();
    assert_eq!(
        always[..3],
        [("md_mod", true), ("raid10", true), ("dm_crypt", true)]
    );
    assert!(always.contains(&("xts", false)) && always.contains(&("dm_mod", true)));
    let key = &config.image.files[0];
    assert_eq!(
        (key.path.as_str(), key.mode, &key.source),
        (
            "/etc/preroot/keys/root",
            0o400,
            &PathBuf::from("dir/root.key")
        )
    );
}

/// What is not said: any array, whole or ten seconds later; a config of the programs' own.
#[test]
fn defaults_are_what_a_server_wants() {
    let step = |text: &str| {
        let text = format!("name = \"x\"\n[root]\nfind = \"LABEL=r\"\n[[root.assemble]]\n{text}\n");
        let (config, messages) = read(&text);
        lines(&config.unwrap_or_else(|| panic!("{messages:?}"))).remove(0)
    };
    assert_eq!(
        step("md = \"any\""),
        "md; linux_raid_member ; /sbin/mdadm --incremental --config=none --homehost=any {} \
         (10000); /sbin/mdadm --incremental --run --scan --config=none (10000); \
         /sbin/mdadm --stop --scan"
    );
    assert_eq!(
        step("md = \"any\"\nconfig = \"mdadm.conf\"\ndegraded-after = \"never\""),
        "md; linux_raid_member ; /sbin/mdadm --incremental {} (10000);  (0); \
         /sbin/mdadm --stop --scan"
    );
    assert_eq!(
        step("lvm = \"vg0\"\ndegraded-after = \"3s\"")
            .split("; ")
            .nth(3),
        Some(
            "/sbin/lvm vgchange --sysinit --autobackup=n --activate=y --activationmode=degraded \
             vg0 (3000)"
        )
    );
    assert_eq!(step("run = [\"/x\"]"), "x;  ; /x (10000);  (0); ");
}

/// A line of [`GOOD`] is replaced; the message names its line and these words.
fn check(line: &str, instead: &str, expected: &str) {
    assert!(GOOD.contains(line), "{line}");
    let (config, messages) = read(&GOOD.replacen(line, instead, 1));
    assert!(config.is_none(), "{instead} is accepted");
    let is_told = messages.iter().any(|message| message.contains(expected));
    assert!(is_told, "{instead}: {messages:#?}");
    let has_remedy = messages.iter().all(|message| message.contains("remedy: "));
    assert!(has_remedy, "{messages:#?}");
}

#[test]
fn wrong_lines_are_refused_by_their_number() {
    let uuid = "3F2A1B0C:11223344:55667788:99aabbcc";
    let long = "x".repeat(250);
    let cases = [
        ("md = ", "raid = ", "x.toml:6: error: unknown field"),
        (
            "lvm = \"vg0\"",
            "",
            "x.toml:15: error: does not say in one word",
        ),
        (
            "lvm = \"vg0\"",
            "lvm = \"vg0\"\nmd = \"any\"",
            "x.toml:15: error: does not say in one",
        ),
        (
            uuid,
            "3f2a",
            "x.toml:6: error: \"3f2a\" is no UUID of an array",
        ),
        (
            uuid,
            "/dev/md0",
            "x.toml:6: error: \"/dev/md0\" is no UUID of an array",
        ),
        (
            "raid10",
            "raid7",
            "x.toml:7: error: \"raid7\" is no level of an array",
        ),
        (
            "\"5s\"",
            "\"20s\"",
            "x.toml:8: error: \"20s\" is not before the end of [root] wait",
        ),
        (
            "\"5s\"",
            "\"soon\"",
            "x.toml:8: error: \"soon\" is not a duration",
        ),
        (
            "level = \"raid10\"",
            "key = \"k\"",
            "x.toml:7: error: key has no meaning here",
        ),
        (
            "level = \"raid10\"",
            "undo = [\"/x\"]",
            "x.toml:7: error: undo has no meaning here",
        ),
        (
            "crypt = \"root\"",
            "crypt = \"../x\"",
            "x.toml:10: error: \"../x\" is no name of",
        ),
        (
            "crypt = \"root\"",
            "crypt = \"-x\"",
            "x.toml:10: error: \"-x\" is no name of",
        ),
        (
            "device = \"UUID=0a-b\"",
            "",
            "x.toml:9: error: an encrypted disk without a device",
        ),
        (
            "key = \"root.key\"",
            "",
            "x.toml:9: error: an encrypted disk without a key",
        ),
        (
            "UUID=0a-b",
            "sda3",
            "x.toml:11: error: \"sda3\" names no device",
        ),
        (
            "\"15s\"",
            "\"0s\"",
            "x.toml:14: error: leaves no time to run",
        ),
        (
            "vg0\"\n[[",
            "a/b\"\n[[",
            "x.toml:16: error: \"a/b\" is no name of a volume group",
        ),
        (
            "lvm = \"vg0\"",
            "lvm = \"vg0\"\nlevel = \"raid1\"",
            "x.toml:17: error: level has no",
        ),
        (
            "type = \"zfs_member\"",
            "",
            "x.toml:17: error: {} stands for a device",
        ),
        (
            "[\"/sbin/zpool\", \"import\", \"-N\"",
            "[\"zpool\"",
            "x.toml:18: error: does not begin",
        ),
        (
            "\"-N\", \"{}\"",
            "\"a\\tb\"",
            "x.toml:18: error: has an empty word, or control",
        ),
        (
            "\"-N\", \"{}\"",
            "\"\"",
            "x.toml:18: error: has an empty word, or control",
        ),
        (
            "\"-N\", \"{}\"",
            &format!("\"{long}\""),
            "x.toml:17: error: a command of 3 words",
        ),
        (
            "\"-Nm\", \"rpool\"",
            "\"{}\"",
            "x.toml:20: error: {} has no meaning here",
        ),
        (
            "degraded-after = \"19s\"",
            "",
            "x.toml:20: error: is never run",
        ),
        (
            "late = [\"/sbin/zpool\", \"import\", \"-Nm\", \"rpool\"]",
            "",
            "x.toml:22: error: nothing",
        ),
    ];
    for (line, instead, expected) in cases {
        check(line, instead, expected);
    }
    let many = format!("{GOOD}{}", "[[root.assemble]]\nlvm = \"v\"\n".repeat(13));
    let (config, messages) = read(&many);
    assert!(config.is_none());
    assert!(
        messages[0].contains("x.toml:47: error: is the step after 16"),
        "{messages:?}"
    );
}
