//! Whole boots on the fake machine.

use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use preroot_plan::{
    Argument, Changes, Concern, Draft, DraftAlias, DraftEdge, DraftHost, DraftInterface,
    DraftModule, DraftRunlevel, DraftScript, DraftService, ScriptMode, ServiceAction, Weight,
};

mod any_input;
mod assembly;
mod checks;
mod hardware;
mod keeping;
mod kernel_log;
mod operator;
mod pivots;
mod policies;
mod pstore;
mod roots;
mod scripts;
mod sessions;
mod sshd;
mod states;
mod survival;
mod watchdog;

use crate::fake::Fake;
use crate::limits::{COMMAND_LINE_ROOM_BYTES, SECOND_NS};
use crate::machine::{Pid1, Power};

fn script(name: &str, level: u16, awaited: &[u32]) -> DraftScript {
    DraftScript {
        name: name.to_string(),
        level,
        mode: ScriptMode::Parallel,
        weight: Weight::Normal,
        link: u8::try_from(level).unwrap(),
        deadline_ms: 60_000,
        edges: awaited
            .iter()
            .map(|&awaited| DraftEdge {
                awaited,
                reason: String::new(),
            })
            .collect(),
    }
}

fn module(name: &str, dependencies: &[u32]) -> DraftModule {
    DraftModule {
        name: name.to_string(),
        path: format!("/lib/modules/{name}.ko"),
        options: String::new(),
        dependencies: dependencies.to_vec(),
    }
}

fn alias(pattern: &str, module: u32) -> DraftAlias {
    DraftAlias {
        pattern: pattern.to_string(),
        module,
    }
}

fn draft() -> Draft {
    Draft {
        root: "LABEL=root".to_string(),
        store: "/var/lib/preroot/record".to_string(),
        store_bytes: 4 << 20,
        changes: Changes::Degraded,
        hosts: vec![DraftHost {
            macs: vec![[0x52, 0x54, 0, 0x12, 0x34, 0x56]],
            hostname: "db1".to_string(),
            interfaces: vec![DraftInterface {
                addresses: vec![preroot_plan::Address {
                    ip: "192.0.2.1".parse().unwrap(),
                    prefix: 24,
                    gateway: Some("192.0.2.254".parse().unwrap()),
                }],
                ..DraftInterface::default()
            }],
            ..DraftHost::default()
        }],
        modules: vec![
            module("virtio", &[]),
            module("virtio_pci", &[0]),
            module("virtio_blk", &[0]),
            module("virtio_net", &[0]),
        ],
        aliases: vec![
            alias("pci:v00001AF4d*", 1),
            alias("virtio:d00000002v*", 2),
            alias("virtio:d00000001v*", 3),
        ],
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
                    script("late", 3, &[2]),
                ],
            },
            DraftRunlevel {
                name: b'6',
                argument: Argument::Stop,
                scripts: vec![script("ssh", 1, &[])],
            },
        ],
        services: vec![DraftService {
            id: "T0".to_string(),
            runlevels: "23".to_string(),
            process: "/sbin/getty ttyS0".to_string(),
            action: ServiceAction::Respawn,
        }],
        ..Draft::default()
    }
}

/// Boots a draft on a machine that was changed first.
fn boot(draft: &Draft, change: impl FnOnce(&mut Fake)) -> Fake {
    boot_bytes(&draft.freeze().unwrap(), change)
}

fn boot_bytes(plan: &[u8], change: impl FnOnce(&mut Fake)) -> Fake {
    let mut fake = Fake::new();
    change(&mut fake);
    let mut line = [0; COMMAND_LINE_ROOM_BYTES];
    let origin = fake.origin;
    crate::run(&mut fake, &Pid1::mint(), plan, &mut line, origin);
    fake
}

fn command_line(fake: &mut Fake, line: &str) {
    fake.files
        .insert("/proc/cmdline".to_string(), line.to_string());
}

/// The names of what was spawned, in order.
fn names(fake: &Fake) -> Vec<String> {
    fake.spawned
        .iter()
        .map(|line| line.split(' ').next().unwrap().to_string())
        .collect()
}

fn position(fake: &Fake, name: &str) -> usize {
    let at = names(fake).iter().position(|spawned| spawned == name);
    at.unwrap_or_else(|| panic!("{name} did not run: {:?}", fake.spawned))
}

#[test]
fn a_clean_boot_stays_and_goes_down() {
    let fake = boot(&draft(), |_| {});
    assert_eq!(fake.ended, Some(Power::Reboot));
    assert!(fake.recorded("StageBegan { stage: \"stay\" }"));
    assert!(
        fake.recorded("Verdict { word: \"OK\", reason: \"\", detail: None }"),
        "{:#?}",
        fake.record()
    );
    assert!(position(&fake, "dropbear") < position(&fake, "preroot-mount"));
    assert!(!names(&fake).contains(&"e2fsck".to_string()));
    assert!(fake.files.contains_key("/run/initramfs/fsck-root"));
    assert!(position(&fake, "/etc/init.d/mountall.sh") < position(&fake, "/etc/init.d/urandom"));
    assert!(position(&fake, "/etc/init.d/urandom") < position(&fake, "/etc/init.d/rsyslog"));
    assert!(position(&fake, "/etc/init.d/late") < position(&fake, "/sbin/getty"));
    assert!(fake.spawned.contains(&"/etc/init.d/ssh stop".to_string()));
    assert_eq!(fake.mounts[4], "pivot /newroot /newroot/run/preroot/stage");
    assert_eq!(
        fake.mounts[5],
        "pivot /run/preroot/stage /run/preroot/stage/newroot"
    );
    assert_eq!(fake.alive(), Vec::<&str>::new());
}

/// The promise the whole design rests on. Any single call may fail: the boot goes on without it, or a person who
/// says `retry` once gets it to the end, and it always ends.
#[test]
fn whichever_call_fails_the_boot_stays_or_is_rescued() {
    // With something that the boot would hold for, it waits in one place more.
    let draft = hardware::expecting(Concern::Hold);
    let calls = boot(&draft, |_| {}).calls;
    assert!(calls > 150, "{calls}");
    for call in 0..calls {
        let fake = boot(&draft, |fake| {
            fake.fail_at = Some(call);
            fake.operator.extend(["retry", "retry"]);
        });
        let name = fake.call_names[call];
        assert!(fake.ended.is_some(), "call {call} {name}");
        // Only the frame that says so may be missing.
        let stayed = fake.recorded("StageBegan { stage: \"stay\"") || name == "keep";
        assert!(stayed, "call {call} {name}: {:#?}", fake.said);
        assert!(
            names(&fake).iter().any(|name| name == "dropbear"),
            "call {call} {name}: no sshd"
        );
        let begun = fake
            .spawned
            .iter()
            .filter(|line| line.ends_with(" start"))
            .count();
        assert!(
            begun >= 5,
            "call {call} {name}: {begun} scripts: {:#?}",
            fake.said
        );
        assert!(
            calls_are_bounded(&fake, calls),
            "call {call} {name}: {} calls",
            fake.calls
        );
    }
}

fn calls_are_bounded(fake: &Fake, clean: usize) -> bool {
    fake.calls < 20 * clean
}

#[test]
fn whatever_fails_always_the_boot_ends_in_bounds() {
    let clean = boot(&draft(), |_| {});
    let mut kinds: BTreeMap<&'static str, usize> = BTreeMap::new();
    clean
        .call_names
        .iter()
        .for_each(|name| *kinds.entry(name).or_default() += 1);
    for name in kinds
        .into_keys()
        .filter(|name| !matches!(*name, "wait" | "read_control"))
    {
        let fake = boot(&draft(), |fake| fake.fail_name = Some(name));
        assert!(fake.ended.is_some(), "{name}");
        let rescued = fake.said.iter().any(|line| line.starts_with("RESCUE"));
        let stayed = fake.said.iter().any(|line| line.starts_with("verdict"));
        assert!(rescued || stayed, "{name}: {:#?}", fake.said);
        assert!(
            calls_are_bounded(&fake, clean.calls),
            "{name}: {} calls",
            fake.calls
        );
    }
}

#[test]
fn every_interleaving_reaches_the_same_end() {
    for seed in 1..300 {
        let fake = boot(&draft(), |fake| fake.seed = seed);
        assert!(
            fake.recorded("Verdict { word: \"OK\""),
            "seed {seed}: {:#?}",
            fake.said
        );
        assert!(position(&fake, "/etc/init.d/rsyslog") < position(&fake, "/etc/init.d/cron"));
        assert!(position(&fake, "/etc/init.d/ssh") < position(&fake, "/etc/init.d/late"));
    }
}

#[test]
fn a_missing_root_is_rescued_and_goes_on_when_it_is_attached() {
    let fake = boot(&draft(), |fake| {
        fake.disks.clear();
        fake.operator.extend(["status", "attach vda1", "retry"]);
    });
    assert!(
        fake.said
            .iter()
            .any(|line| line.starts_with("RESCUE: root: root was not found"))
    );
    assert!(
        fake.answers[0].contains("failed\troot\t0\troot was not found"),
        "{}",
        fake.answers[0]
    );
    assert!(fake.recorded("Verdict { word: \"RESCUE\""));
    assert!(fake.recorded("stage: \"stay\""), "{:#?}", fake.said);
    assert!(fake.recorded("Verdict { word: \"DEGRADED\""));
}

#[test]
fn a_damaged_plan_is_rescued_with_defaults() {
    let mut plan = draft().freeze().unwrap();
    plan[100] ^= 1;
    for plan in [&plan[..], &plan[..50], b""] {
        let fake = boot_bytes(plan, |_| {});
        assert!(names(&fake).contains(&"preroot-all-modules".to_string()));
        assert!(
            fake.spawned
                .iter()
                .any(|line| line.starts_with("dropbear") && line.contains("22"))
        );
        assert!(
            fake.said
                .iter()
                .any(|line| line.starts_with("RESCUE: root: there is no plan"))
        );
        assert!(!names(&fake).contains(&"preroot-mount".to_string()));
    }
}

#[test]
fn a_module_for_hardware_that_is_not_there_is_no_failure() {
    for (errno, word) in [(19, "OK"), (2, "DEGRADED")] {
        let fake = boot(&draft(), |fake| {
            fake.module_errno = Some(("virtio_net", errno))
        });
        assert!(fake.recorded(&format!("name: \"virtio_net\", errno: {errno}")));
        assert!(
            fake.recorded(&format!("Verdict {{ word: \"{word}\"")),
            "{:#?}",
            fake.said
        );
    }
}

#[test]
fn two_roots_are_refused() {
    let fake = boot(&draft(), |fake| {
        fake.disks.push("vdb1");
        fake.volumes.insert(
            "vdb1".to_string(),
            "vdb1\ttype=ext4\tlabel=root".to_string(),
        );
    });
    let words = "RESCUE: root: more than one device is the root";
    assert!(
        fake.said.iter().any(|line| line.starts_with(words)),
        "{:#?}",
        fake.said
    );
}

#[test]
fn a_hold_waits_for_the_operator() {
    let fake = boot(&draft(), |fake| {
        command_line(fake, "preroot.hold=root");
        fake.operator
            .extend(["retry-nothing", "status", "continue"]);
    });
    assert!(fake.answers[0].starts_with("error: nobody knows that word"));
    assert!(fake.answers[1].contains("waits\tperson\t"));
    assert_eq!(fake.answers[2], "on with root\n");
    assert!(position(&fake, "-sh") < position(&fake, "preroot-mount"));
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

#[test]
fn the_command_line_chooses_among_frozen_runlevels() {
    let ran = |line: &str| {
        let fake = boot(&draft(), |fake| command_line(fake, line));
        let levels: Vec<String> = fake
            .record()
            .iter()
            .filter_map(|event| event.split("RunlevelBegan { runlevel: \"").nth(1))
            .map(|rest| rest[..1].to_string())
            .collect();
        levels.concat()
    };
    assert_eq!(ran("quiet"), "S26");
    assert_eq!(ran("single"), "S6");
    assert_eq!(ran("3"), "S26");
}

#[test]
fn a_clock_from_before_the_image_is_set_forward() {
    let built_s = 1_800_000_000;
    for (clock_s, expected_s) in [
        (0, built_s),
        (built_s - 1, built_s),
        (built_s + 5, built_s + 5),
    ] {
        let draft = Draft { built_s, ..draft() };
        let fake = boot(&draft, |fake| fake.wall_clock = clock_s * SECOND_NS);
        assert_eq!(fake.wall_clock, expected_s * SECOND_NS);
        let told = fake.recorded("before this image was built");
        assert_eq!(told, clock_s < built_s);
        assert!(fake.recorded("Verdict { word: \"OK\""));
    }
}
