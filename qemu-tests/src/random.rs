//! Scenarios drawn by lot: faults, trees of scripts and machines, combined by a seed.
//!
//! What is drawn is a scenario as it would be written by a person, in TOML, so that one that fails can be read, run again, cut down
//! and kept. What it expects is what is true of every boot (`[expect] invariants = true`). The same seed and
//! number give the same scenario, with this version of the generator.

use std::fmt::Write as _;

use fastrand::Rng;

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
const WORDS: [&str; 5] = ["fsck.mode=force", "ro", "rw", "single", "rootflags=noatime"];

/// Where the power is cut.
const MOMENTS: [&str; 4] = [
    "preroot: root ",
    "preroot: runlevel S",
    "preroot: runlevel 2",
    "preroot: verdict ",
];

/// The scenario with a number, of a seed.
#[must_use]
pub fn scenario(seed: u64, number: u64) -> String {
    // Two numbers next to each other have nothing in common.
    let mut rng = Rng::with_seed(seed ^ number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let scripts = rng.usize(0..=SCRIPTS_MAX);
    let damage = rng.bool().then(|| *pick(&mut rng, &DAMAGES));
    let cut = rng.u8(0..4) == 0;
    let mut text = format!("story = \"seed {seed}, number {number}\"\nends = \"by-rescue\"\n");
    machine(&mut rng, &mut text);
    if rng.bool() {
        let _ = writeln!(text, "append = \"{}\"", pick(&mut rng, &WORDS));
    }
    if let Some(damage) = damage {
        let _ = writeln!(text, "damage = [\n    {damage},\n]");
    }
    let bodies: Vec<(String, &str)> = (0..scripts)
        .map(|place| {
            let (name, body) = pick(&mut rng, &BODIES);
            (format!("{name}-{place}"), *body)
        })
        .collect();
    config(&mut rng, &bodies, &mut text);
    disk(&mut rng, &mut text);
    tree(&mut rng, &bodies, &mut text);
    if cut {
        let after = pick(&mut rng, &MOMENTS);
        let pause = rng.u64(0..3000);
        let _ = writeln!(
            text,
            "\n[[step]]\nafter = \"{after}\"\npause-ms = {pause}\ncut-power = true"
        );
    }
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
fn config(rng: &mut Rng, bodies: &[(String, &str)], text: &mut String) {
    let mut lines = String::new();
    for (name, _) in bodies {
        if name.starts_with("hangs") || name.starts_with("deserts") {
            let _ = writeln!(lines, "[script.{name}]\ndeadline = \"{DEADLINE}\"");
        }
    }
    if !lines.is_empty() {
        let _ = writeln!(text, "config = \"\"\"\n{lines}\"\"\"");
    }
    if rng.bool() {
        let parallel = pick(rng, &[1, 2, 7]);
        let _ = writeln!(text, "\n[config-replaced]");
        text.push_str("'policy = \"levels\"' = 'policy = \"edges\"'\n");
        let _ = writeln!(text, "'parallel = \"unlimited\"' = 'parallel = {parallel}'");
    }
}

fn disk(rng: &mut Rng, text: &mut String) {
    let bus = pick(rng, &["virtio", "nvme", "ahci"]);
    let _ = writeln!(text, "\n[root]\nbus = \"{bus}\"");
    if rng.u8(0..4) == 0 {
        let mib = rng.u64(4..40);
        let _ = writeln!(text, "fault = {{ slow = {} }}", mib << 20);
    }
    for number in 0..rng.usize(0..3) {
        let (bus, mib) = (pick(rng, &["virtio", "nvme", "ahci"]), rng.u64(16..80));
        let _ = writeln!(
            text,
            "\n[[disk]]\nbus = \"{bus}\"\nmib = {mib}\nserial = \"RANDOM-{number}\""
        );
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
            let read: Result<Scenario, _> = toml::from_str(text);
            assert!(read.is_ok(), "{text}\n{:?}", read.err());
        }
        assert_ne!(scenario(7, 0), scenario(8, 0));
        // No two are alike, and each thing that there is is drawn.
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 300);
        let all = all.concat();
        let names = BODIES.iter().map(|(name, _)| *name);
        for words in names.chain(DAMAGES).chain(MOMENTS).chain(["slow", "edges"]) {
            assert!(all.contains(words), "{words}");
        }
    }
}
