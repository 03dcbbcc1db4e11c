//! Scenarios drawn by lot: faults, trees of scripts and machines, combined by a seed.
//!
//! What is drawn is a scenario as it would be written by a person, in TOML, so that one that fails can be read, run again, cut down
//! and kept. What it expects is what is true of every boot (`[expect] invariants = true`). The same seed and
//! number give the same scenario, with this version of the generator.

use std::fmt::Write as _;

use fastrand::Rng;

use crate::subject::{ADDRESS, PORT};

/// Scripts that are added at most.
const SCRIPTS_MAX: usize = 5;
/// How long one that hangs may take.
const DEADLINE: &str = "4s";

/// What a script does.
const BODIES: [(&str, &str); 9] = [
    ("fails", "exit 3"),
    ("skips", "exit 5"),
    ("crashes", "kill -SEGV $$"),
    ("hangs", "trap '' TERM; while :; do sleep 100; done"),
    (
        "deserts",
        "(setsid sh -c 'trap \"\" TERM; while :; do sleep 100; done' &); while :; do sleep 100; done",
    ),
    ("floods", "yes 'it says nothing' | head -c 3000000; exit 1"),
    ("leaves", "sleep 300 & exit 0"),
    (
        "writes",
        "dd if=/dev/zero of=/var/tmp/written bs=1M count=16",
    ),
    (
        "kills",
        "pkill -9 -x cron; pkill -9 -x rsyslogd; echo 1 > /proc/$$/oom_score_adj",
    ),
];

/// What is wrong with the root. All of it is told: what nobody has told, no check finds.
const DAMAGES: [&str; 8] = [
    "{ debugfs = [\"set_super_value state 2\"] }",
    "{ debugfs = [\"set_super_value state 3\"] }",
    "{ debugfs = [\"set_inode_field /etc/hostname links_count 5\", \"set_super_value state 2\"] }",
    "{ debugfs = [\"clri /usr/share/lintian\", \"set_super_value state 2\"] }",
    "{ debugfs = [\"set_super_value free_blocks_count 1\", \"set_super_value state 2\"] }",
    "{ debugfs = [\"set_super_value state 2\"] },\n    { garble = { at = \"block-bitmap 0\", bytes = 512 } }",
    "{ debugfs = [\"set_super_value state 2\"] },\n    { zero = { at = \"inode-bitmap 0\", bytes = 256 } }",
    "{ debugfs = [\"set_super_value state 2\"] },\n    { garble = { at = \"descriptors 0\", bytes = 128 } }",
];

/// Words for the command line.
const WORDS: [&str; 5] = ["fsck.mode=force", "ro", "rw", SINGLE, "rootflags=noatime"];
/// With this word only runlevel S is gone through.
const SINGLE: &str = "single";

/// Where the power is cut; the last only where there is a runlevel behind S.
const MOMENTS: [&str; 4] = [
    "preroot: root ",
    "preroot: runlevel S",
    "preroot: verdict ",
    "preroot: runlevel 2",
];

/// The fault of a disk that never answers.
const HANGS: &str = "fault = \"hangs\"\n";
/// What disks are plugged into: what the kernel of the usual root has drivers for.
const BUSES: [&str; 3] = ["virtio", "virtio-read-only", "nvme"];

/// What happens to it once it is switched on.
const FATES: [Fate; 7] = [
    Fate::Nothing,
    Fate::Nothing,
    Fate::PowerCut,
    Fate::PowerCut,
    Fate::RootComesLate,
    Fate::CableComesLate,
    Fate::CablePulled,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Nothing,
    PowerCut,
    RootComesLate,
    CableComesLate,
    CablePulled,
}

/// The scenario with a number, of a seed.
#[must_use]
pub fn scenario(seed: u64, number: u64) -> String {
    // Two numbers next to each other have nothing in common.
    let mut rng = Rng::with_seed(seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let scripts = rng.usize(0..=SCRIPTS_MAX);
    let damage = rng.bool().then(|| *pick(&mut rng, &DAMAGES));
    let has_plan = rng.u8(0..10) > 0;
    // Without a plan nothing is booted that could be cut short.
    let fate = *pick(&mut rng, if has_plan { &FATES } else { &FATES[..1] });
    let mut text = format!("story = \"seed {seed}, number {number}\"\nends = \"by-rescue\"\n");
    machine(&mut rng, &mut text);
    let mut words = if rng.bool() {
        *pick(&mut rng, &WORDS)
    } else {
        ""
    }
    .to_owned();
    if !has_plan {
        words = format!("{words} {ADDRESS} {PORT}");
        text.push_str(
            "image = [{ lay = { path = \"etc/preroot/plan\", contents = \"no plan\" } }]\n",
        );
    }
    let _ = writeln!(text, "append = \"{}\"", words.trim());
    if let Some(damage) = damage {
        let _ = writeln!(text, "damage = [\n    {damage},\n]");
    }
    let bodies: Vec<(String, &str)> = (0..scripts)
        .map(|place| {
            let (name, body) = pick(&mut rng, &BODIES);
            (format!("{name}-{place}"), *body)
        })
        .collect();
    let disks = disks(&mut rng);
    config(&mut rng, &bodies, disks.contains(HANGS), &mut text);
    root(&mut rng, fate, &mut text);
    text.push_str(&disks);
    cards(&mut rng, fate, &mut text);
    tree(&mut rng, &bodies, &mut text);
    let moments = match words.contains(SINGLE) {
        true => &MOMENTS[..MOMENTS.len() - 1],
        false => &MOMENTS[..],
    };
    steps(&mut rng, fate, moments, &mut text);
    text.push_str("\n[expect]\ninvariants = true\n");
    text
}

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[rng.usize(0..from.len())]
}

fn machine(rng: &mut Rng, text: &mut String) {
    let cpus = pick(rng, &[1, 2, 4]);
    let memory = pick(rng, &[384, 512, 1024]);
    let _ = writeln!(text, "cpus = {cpus}\nmemory = {memory}");
}

/// How the order is run, and how long those have that hang.
fn config(rng: &mut Rng, bodies: &[(String, &str)], hangs: bool, text: &mut String) {
    let mut lines = String::new();
    if rng.bool() {
        let parallel = pick(rng, &[1, 2, 7]);
        let _ = writeln!(
            lines,
            "order.policy = \"edges\"\norder.parallel = {parallel}"
        );
    }
    if hangs {
        // The root's own scripts wait for such a disk as long as they may.
        lines.push_str("order.deadline = \"40s\"\n");
    }
    for (name, _) in bodies {
        if name.starts_with("hangs") || name.starts_with("deserts") {
            let _ = writeln!(lines, "script.{name}.deadline = \"{DEADLINE}\"");
        }
    }
    if !lines.is_empty() {
        let _ = writeln!(text, "config = '''\n{lines}'''");
    }
}

fn root(rng: &mut Rng, fate: Fate, text: &mut String) {
    text.push_str("\n[root]\n");
    if fate == Fate::RootComesLate {
        text.push_str("unplugged = true\n");
        return;
    }
    let bus = *pick(rng, &["virtio", "nvme"]);
    let _ = writeln!(text, "bus = \"{bus}\"");
    if rng.u8(0..4) == 0 {
        let mib = rng.u64(4..40);
        let _ = writeln!(text, "fault = {{ slow = {} }}", mib << 20);
    }
}

/// Others than the root's; some of them are broken.
fn disks(rng: &mut Rng) -> String {
    let mut text = String::new();
    for number in 0..rng.usize(0..3) {
        let (bus, mib) = (*pick(rng, &BUSES), rng.u64(16..80));
        let _ = writeln!(
            text,
            "\n[[disk]]\nbus = \"{bus}\"\nmib = {mib}\nserial = \"RANDOM-{number}\""
        );
        match rng.u8(0..6) {
            // QEMU waits for what an NVMe drive has been asked before it lets it be reset, and stands still.
            0 if bus != "nvme" => text.push_str(HANGS),
            1 => text.push_str("fault = \"no-reads\"\n"),
            _ => {}
        }
    }
    text
}

/// The first one is where the client comes from.
fn cards(rng: &mut Rng, fate: Fate, text: &mut String) {
    text.push_str("\n[[card]]\n");
    if fate == Fate::CableComesLate {
        text.push_str("unplugged = true\n");
    }
    if rng.u8(0..4) == 0 {
        text.push_str("\n[[card]]\non = \"alone\"\n");
    }
}

fn steps(rng: &mut Rng, fate: Fate, moments: &[&str], text: &mut String) {
    let pause = rng.u64(0..3000);
    let mut step = |lines: &str| {
        let _ = writeln!(text, "\n[[step]]\n{lines}");
    };
    let moment = |rng: &mut Rng| format!("after = \"{}\"", pick(rng, moments));
    match fate {
        Fate::Nothing => {}
        Fate::PowerCut => {
            step(&format!(
                "{}\npause-ms = {pause}\ncut-power = true",
                moment(rng)
            ));
        }
        Fate::RootComesLate => step(&format!("pause-ms = {pause}\nattach = [0]")),
        Fate::CableComesLate => step(&format!("pause-ms = {pause}\nplug = [0]")),
        Fate::CablePulled => {
            step(&format!("{}\npull = [0]", moment(rng)));
            step(&format!("pause-ms = {pause}\nplug = [0]"));
        }
    }
}

/// Scripts, each behind some of those before it or of the root's own.
fn tree(rng: &mut Rng, bodies: &[(String, &str)], text: &mut String) {
    for (place, (name, body)) in bodies.iter().enumerate() {
        let mut after: Vec<&str> = Vec::new();
        for (earlier, _) in &bodies[..place] {
            if rng.u8(0..3) == 0 {
                after.push(earlier);
            }
        }
        if rng.u8(0..3) == 0 {
            after.push(pick::<&str>(rng, &["ssh", "cron", "rsyslog", "$remote_fs"]));
        }
        let after = after.join(" ");
        let _ = writeln!(
            text,
            "\n[[script]]\nname = \"{name}\"\nafter = \"{after}\"\nbody = '''\n{body}\n'''"
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;
    use crate::scenario::Scenario;

    #[test]
    fn a_seed_gives_the_same_scenarios_and_each_can_be_read() {
        let mut all: Vec<String> = (0..300).map(|number| scenario(7, number)).collect();
        for (text, number) in all.iter().zip(0..) {
            assert_eq!(*text, scenario(7, number));
            let read = Scenario::parse(text);
            assert!(read.is_ok(), "{text}\n{:?}", read.err());
        }
        assert_ne!(scenario(7, 0), scenario(8, 0));
        // No two are alike, and each thing that there is is drawn.
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 300);
        let never_comes =
            |text: &&String| text.contains("\"single\"") && text.contains("runlevel 2\"");
        assert_eq!(all.iter().find(never_comes), None);
        let all = all.concat();
        let names = BODIES.iter().map(|(name, _)| *name);
        let others = [
            "slow",
            "edges",
            "hangs\"",
            "no-reads",
            "no plan",
            "attach",
            "pull",
            "unplugged",
            "alone",
        ];
        for words in names.chain(DAMAGES).chain(MOMENTS).chain(others) {
            assert!(all.contains(words), "{words}");
        }
    }
}
