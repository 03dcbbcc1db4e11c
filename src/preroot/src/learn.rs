//! `preroot learn`: what should be in a machine, from the record of a boot that was good.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use bootlog::input::{Record, Usual};
use bootlog::model::{Boot, Thing};
use clap::Args;

use crate::exit::{Failure, print};

/// Writes what was in a machine at a good boot as `[hardware]` of a config.
///
/// The latest boot of the record whose verdict is OK, or the one that --boot names. What it prints is read by `preroot
/// freeze` as it is; look through it, and take out what may change.
#[derive(Args)]
pub(crate) struct Learn {
    /// The record of the machine, as bootlog reads it
    #[arg(value_name = "RECORD")]
    record: PathBuf,

    /// The boot so many before the latest, good or not
    #[arg(long, value_name = "N")]
    boot: Option<usize>,

    /// Of this machine alone: what matches it, as `host=db1`, `dmi-serial=C1` or `mac=52:54:00:12:34:56`
    #[arg(long = "match", value_name = "MATCH")]
    matching: Option<String>,
}

impl Learn {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let record = Record::read(Some(&self.record), Usual::Kept).map_err(Failure::wrong_input)?;
        let boots = record.boots().map_err(Failure::wrong_input)?;
        let (before, boot) = choose(&boots, self.boot).map_err(Failure::wrong_input)?;
        print(&text(boot, before, self.matching.as_deref()))
    }
}

/// The boot to learn from, and how many came after it.
fn choose(boots: &[Boot], asked: Option<usize>) -> Result<(usize, &Boot), String> {
    let mut latest_first = boots.iter().rev().enumerate();
    let found = match asked {
        Some(asked) => latest_first.find(|(before, _)| *before == asked),
        None => {
            latest_first.find(|(_, boot)| boot.verdict.word == "OK" && !boot.inventory.is_empty())
        }
    };
    match (found, asked) {
        (Some((_, boot)), _) if boot.inventory.is_empty() => {
            Err("this boot has no inventory in its record; bootlog list shows the others".into())
        }
        (Some(found), _) => Ok(found),
        (None, Some(asked)) => Err(format!(
            "there is no boot {asked}: the record has {}; bootlog list shows them",
            boots.len()
        )),
        (None, None) => Err(
            "no boot with an inventory has the verdict OK; name one with --boot N, bootlog list shows them"
                .into(),
        ),
    }
}

/// The config's table.
fn text(boot: &Boot, before: usize, matching: Option<&str>) -> String {
    let mut out = String::new();
    let id = boot.identity.as_ref();
    let started = id.map_or("-", |id| &id.started);
    let id = id.map_or("-", |id| &id.boot_id);
    let _ = writeln!(
        out,
        "# What was in the machine at boot {before} of its record, {started},\n\
         # boot id {}. Take out what may change.\n\
         # policy of each: \"note\" it is recorded, \"degraded\" the verdict says so, \"hold\" the boot waits for a person.",
        comment(id)
    );
    let table = match matching {
        Some(matching) => {
            let _ = writeln!(out, "[[hardware.machine]]\nmatch = {}", quoted(matching));
            "hardware.machine"
        }
        None => {
            let _ = writeln!(out, "[hardware]");
            "hardware"
        }
    };
    let _ = writeln!(out, "policy = \"degraded\"");
    let things = |class: &str| -> Vec<&Thing> {
        let class = class.to_owned();
        boot.inventory
            .iter()
            .filter(|it| it.class == class)
            .collect()
    };
    for thing in things("memory") {
        memory(&mut out, thing);
    }
    for thing in things("cpu") {
        cpu(&mut out, thing);
    }
    slots(&mut out, table, &things("slot"));
    disks(&mut out, table, &things("disk"));
    for thing in things("md") {
        md(&mut out, table, thing);
    }
    for thing in things("nic") {
        nic(&mut out, table, thing);
    }
    devices(&mut out, table, &things("pci"));
    out
}

fn memory(out: &mut String, thing: &Thing) {
    if let Some(total) = number(thing, "total") {
        let _ = writeln!(
            out,
            "# What the kernel had ({} MiB). It takes some for itself, another one more or less.\n\
             memory = \"{total}\"\nmemory-tolerance = \"2%\"",
            total >> 20
        );
    }
}

fn cpu(out: &mut String, thing: &Thing) {
    let mut words = Vec::new();
    let online = number(thing, "online").or(number(thing, "threads"));
    for (key, value) in [
        ("sockets", number(thing, "sockets")),
        ("cores", number(thing, "cores")),
        ("threads", online),
    ] {
        if let Some(value) = value.filter(|value| (1..=1024).contains(value)) {
            words.push(format!("{key} = {value}"));
        }
    }
    if words.is_empty() {
        return;
    }
    if let Some(model) = thing.fact("model") {
        let _ = writeln!(out, "# {}", comment(model));
    }
    if let Some(revision) = thing.fact("microcode") {
        let _ = writeln!(out, "# At least: microcode = {}", quoted(revision));
    }
    let _ = writeln!(out, "cpu = {{ {} }}", words.join(", "));
}

fn slots(out: &mut String, table: &str, slots: &[&Thing]) {
    for thing in slots {
        let Some(bytes) = number(thing, "bytes").filter(|bytes| *bytes > 0) else {
            continue;
        };
        let _ = writeln!(out, "\n[[{table}.slot]]");
        described(out, thing, &["manufacturer", "part", "serial", "speed"]);
        let _ = writeln!(
            out,
            "name = {}\nsize = \"{}\"",
            quoted(&thing.name),
            size(bytes)
        );
    }
}

/// By what each is known best: serial number, WWN, path; what has none of these is counted by its size.
fn disks(out: &mut String, table: &str, disks: &[&Thing]) {
    let mut serials: BTreeMap<String, u64> = BTreeMap::new();
    for thing in disks {
        if let Some(serial) = thing.fact("serial") {
            *serials.entry(serial.to_ascii_lowercase()).or_default() += 1;
        }
    }
    let mut counted: BTreeMap<u64, u64> = BTreeMap::new();
    for thing in disks {
        let Some(bytes) = number(thing, "bytes").filter(|bytes| *bytes > 0) else {
            continue;
        };
        let is_own = thing
            .fact("serial")
            .is_some_and(|serial| serials.get(&serial.to_ascii_lowercase()) == Some(&1));
        let key = match () {
            () if is_own => "serial",
            () if thing.fact("wwn").is_some() => "wwn",
            () if thing.fact("path").is_some() => "path",
            () => {
                *counted.entry(bytes).or_default() += 1;
                continue;
            }
        };
        let _ = writeln!(out, "\n[[{table}.disk]]");
        described(out, thing, &["bus", "model", "path"]);
        let known = thing.fact(key).unwrap_or_default();
        let _ = writeln!(out, "{key} = {}\nsize = \"{}\"", quoted(known), size(bytes));
        if thing.fact("read_only") == Some("1") {
            let _ = writeln!(out, "read-only = true");
        }
    }
    for (bytes, count) in counted {
        // A count includes the named ones of this size.
        let all = disks.iter().filter(|it| number(it, "bytes") == Some(bytes));
        let (all, size) = (all.count(), size(bytes));
        let _ = writeln!(
            out,
            "\n[[{table}.disk]]\n# {count} of these have nothing that they could be known by.\n\
             count = {all}\nsize = \"{size}\""
        );
    }
}

fn md(out: &mut String, table: &str, thing: &Thing) {
    let _ = writeln!(out, "\n[[{table}.md]]");
    described(out, thing, &["level"]);
    let _ = writeln!(out, "name = {}", quoted(&thing.name));
    if let Some(disks) = number(thing, "disks").filter(|disks| (1..=1024).contains(disks)) {
        let _ = writeln!(out, "disks = {disks}");
    }
}

fn nic(out: &mut String, table: &str, thing: &Thing) {
    let key = match thing.fact("mac") {
        Some(_) => "mac",
        None if thing.fact("pci").is_some() => "pci",
        None => return,
    };
    let _ = writeln!(out, "\n[[{table}.nic]]");
    described(out, thing, &["driver", "pci"]);
    let known = thing.fact(key).unwrap_or_default();
    let _ = writeln!(out, "# {}\n{key} = {}", comment(&thing.name), quoted(known));
    if let Some(speed) = number(thing, "speed").filter(|speed| (1..=10_000_000).contains(speed)) {
        let _ = writeln!(
            out,
            "# As it was; the first script would wait for the link to be up:\n# speed = {speed}\n# carrier = true"
        );
    }
}

/// PCI devices that are worth a verdict: mass storage (class 01), network (02), display (03), processing accelerators (12).
fn devices(out: &mut String, table: &str, devices: &[&Thing]) {
    let mut counts: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for thing in devices {
        let (Some(id), Some(class)) = (thing.fact("id"), thing.fact("class")) else {
            continue;
        };
        if ["01", "02", "03", "12"]
            .iter()
            .any(|it| class.starts_with(it))
        {
            counts.entry(id).or_insert((0, class)).0 += 1;
        }
    }
    for (id, (count, class)) in counts {
        let _ = writeln!(
            out,
            "\n[[{table}.pci]]\n# class {}\nid = {}\ncount = {}",
            comment(class),
            quoted(id),
            count.min(1024)
        );
    }
}

/// A comment of what else is known of a thing.
fn described(out: &mut String, thing: &Thing, keys: &[&str]) {
    let words = keys.iter().filter_map(|key| thing.fact(key));
    let words: Vec<&str> = words.collect();
    if !words.is_empty() {
        let _ = writeln!(out, "# {}", comment(&words.join(", ")));
    }
}

fn number(thing: &Thing, key: &str) -> Option<u64> {
    thing.fact(key)?.parse().ok()
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    let escaped = comment(text).replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

/// What a record says, without what would end a line.
fn comment(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}

/// Bytes with the largest unit that leaves no rest.
fn size(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB")];
    let fits = |(shift, _): &&(u32, &str)| bytes.is_multiple_of(1 << shift);
    match units.iter().find(fits) {
        Some((shift, name)) => format!("{}{name}", bytes >> shift),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use preroot_freeze::{Config, Messages};
    use preroot_plan::{Draft, Plan};

    use super::*;

    /// The corpus' record of two boots: the first is good, the second misses a slot and a disk.
    fn boots() -> Vec<Boot> {
        let path = "../bootlog/tests/records/missing-since-yesterday.record";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let record = Record::read(Some(&path), Usual::Kept).expect("the corpus");
        record.boots().expect("boots")
    }

    /// Freezes what was learnt: item and verdict of each expectation on a boot's inventory.
    fn judged(learnt: &str, boot: &Boot) -> Vec<String> {
        let config = format!("name = \"learnt\"\n[root]\nfind = \"LABEL=root\"\n{learnt}");
        let mut messages = Messages::default();
        let config = Config::parse(&config, Path::new("x.toml"), &mut messages);
        let messages = messages.into_list();
        let config = config.unwrap_or_else(|| panic!("{learnt}: {messages:?}"));
        let draft = Draft {
            expected: config.hardware.expected,
            machines: config.hardware.machines,
            ..Draft::default()
        };
        let bytes = draft.freeze().expect("a plan");
        let plan = Plan::check(&bytes).expect("a good one");
        let mut judge = preroot_boot::inventory::Judge::new(&plan);
        // A machine that a NIC tells of is known when all was offered once.
        loop {
            for thing in &boot.inventory {
                let facts = thing
                    .facts
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"));
                let facts: Vec<String> = facts.collect();
                judge.offer(&preroot_boot::inventory::Item {
                    class: preroot_plan::Class::from_word(&thing.class).expect("a class"),
                    name: &thing.name,
                    facts: &facts.join("\t"),
                });
            }
            if !judge.again() {
                break;
            }
        }
        let mut said = Vec::new();
        judge.finish(&mut |it| said.push(format!("{} {}", it.item, it.verdict)));
        said
    }

    #[test]
    fn what_was_learnt_is_accepted_and_met() {
        let boots = boots();
        let (before, good) = choose(&boots, None).expect("a good boot");
        assert_eq!(before, 1);
        for matching in [None, Some("mac=52:54:00:12:34:56")] {
            let learnt = text(good, before, matching);
            let said = judged(&learnt, good);
            assert!(said.len() >= 10, "{said:?}");
            assert!(said.iter().all(|it| it.ends_with(" ok")), "{said:?}");
            let said = judged(&learnt, &boots[1]);
            let missed: Vec<&String> = said.iter().filter(|it| !it.ends_with(" ok")).collect();
            assert_eq!(
                missed,
                [
                    "memory small",
                    "slot DIMM_A2 missing",
                    "disk WD-2 missing",
                    "disk WD-3 hangs"
                ]
            );
        }
    }

    #[test]
    fn disks_without_a_name_of_their_own_are_counted() {
        let mut boot = boots().swap_remove(0);
        for thing in boot.inventory.iter_mut().filter(|it| it.class == "disk") {
            thing.facts.insert("serial".into(), "0000".into());
            if thing.name != "sda" {
                thing.facts.remove("path");
            }
        }
        let learnt = text(&boot, 0, None);
        assert!(
            learnt.contains("count = 3\nsize = \"4000787030016\""),
            "{learnt}"
        );
        assert!(judged(&learnt, &boot).iter().all(|it| it.ends_with(" ok")));
    }

    #[test]
    fn a_hostile_record_writes_no_config_of_its_own() {
        let mut boot = boots().swap_remove(0);
        for thing in &mut boot.inventory {
            for value in thing.facts.values_mut() {
                value.push_str("\"\n[root]\nfind = \"/dev/evil\"\\");
            }
        }
        let learnt = text(&boot, 0, Some("host=\"\n[x]"));
        assert!(
            !learnt
                .lines()
                .any(|line| line.starts_with("[root]") || line.starts_with("find"))
        );
        assert!(!learnt.lines().any(|line| line.starts_with("[x]")));
    }

    #[test]
    fn a_boot_is_chosen() {
        let boots = boots();
        assert_eq!(choose(&boots, Some(0)).map(|(before, _)| before), Ok(0));
        assert!(choose(&boots, Some(2)).is_err_and(|text| text.contains("there is no boot 2")));
        assert!(choose(&boots[1..], None).is_err_and(|text| text.contains("--boot N")));
    }
}
