//! `bootlog hardware`: what was in the machine, what was expected, and what has changed from boot to boot.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::format::{count, date, size};
use crate::model::{Boot, Thing};
use crate::page::{Page, Side, Span, Style, Table};

/// What differs between two boots of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// How many boots before the latest.
    pub boot: usize,
    /// When it started.
    pub started: Option<String>,
    /// The boot it is compared with, counted in the same way: the one before that has an inventory.
    pub before: usize,
    /// What came, went or changed.
    pub changes: Vec<Change>,
}

/// One thing that came, went or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `disk SERIAL`, `slot DIMM_A2`.
    pub item: String,
    /// What changed: `gone`, `new`, or the key of a fact.
    pub what: String,
    /// As it was; empty: it was not there.
    pub old: String,
    /// As it is; empty: it is not there.
    pub new: String,
}

/// Facts that are the thing's own: what else is known of it (which name the kernel gave it, how long a read took) may differ
/// from boot to boot.
const OWN: [&str; 24] = [
    "alive",
    "bytes",
    "carrier",
    "cores",
    "corrupted",
    "degraded",
    "disks",
    "driver",
    "edac_ue",
    "firmware",
    "health",
    "id",
    "installed",
    "level",
    "limited",
    "mapped",
    "microcode",
    "model",
    "online",
    "read_only",
    "serial",
    "sockets",
    "speed",
    "threads",
];

impl Thing {
    /// The value of a fact.
    #[must_use]
    pub fn fact(&self, key: &str) -> Option<&str> {
        self.facts.get(key).map(String::as_str)
    }

    /// What it is called from boot to boot, where its class is `others`: by what is its own, not by the kernel's name.
    #[must_use]
    pub fn identity(&self, others: &[Thing]) -> String {
        let keys: &[&str] = match self.class.as_str() {
            "disk" => &["serial", "wwn", "path"],
            "nic" => &["mac", "pci"],
            _ => &[],
        };
        let is_own = |key: &&&str| {
            let value = self.fact(key);
            let same = |other: &&Thing| other.class == self.class && other.fact(key) == value;
            value.is_some() && others.iter().filter(same).count() == 1
        };
        let own = keys.iter().find(is_own).and_then(|key| self.fact(key));
        match own {
            _ if self.name == self.class => self.class.clone(),
            Some(own) => format!("{} {own}", self.class),
            None => format!("{} {}", self.class, self.name),
        }
    }

    /// Whether there is something: a slot may be empty.
    fn is_there(&self) -> bool {
        self.class != "slot" || self.fact("bytes") != Some("0")
    }
}

/// A boot's things by what they are called.
fn identified(boot: &Boot) -> BTreeMap<String, &Thing> {
    let things = boot.inventory.iter().filter(|thing| thing.is_there());
    things
        .map(|thing| (thing.identity(&boot.inventory), thing))
        .collect()
}

/// What differs between the inventories of two boots.
#[must_use]
pub fn between(old: &Boot, new: &Boot) -> Vec<Change> {
    let (before, after) = (identified(old), identified(new));
    let mut changes = Vec::new();
    let mut change = |item: &str, what: &str, old: &str, new: &str| {
        changes.push(Change {
            item: item.to_owned(),
            what: what.to_owned(),
            old: old.to_owned(),
            new: new.to_owned(),
        });
    };
    for (item, thing) in &before {
        let Some(now) = after.get(item) else {
            change(item, "gone", &short(thing), "");
            continue;
        };
        for key in OWN {
            let (was, is) = (thing.fact(key), now.fact(key));
            // What only one of the two boots got to know is no change of the thing.
            if let (Some(was), Some(is)) = (was, is)
                && was != is
            {
                change(item, key, was, is);
            }
        }
    }
    for (item, thing) in &after {
        if !before.contains_key(item) {
            change(item, "new", "", &short(thing));
        }
    }
    changes
}

/// A thing in a few words: its size, what it is.
fn short(thing: &Thing) -> String {
    let bytes = thing.fact("bytes").and_then(|bytes| bytes.parse().ok());
    let words = [
        bytes.map(size),
        thing
            .fact("model")
            .or(thing.fact("part"))
            .map(str::to_owned),
        thing.fact("id").or(thing.fact("driver")).map(str::to_owned),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    words.join(", ")
}

/// The changes of all boots of a record that have an inventory, oldest first.
#[must_use]
pub fn changes(boots: &[Boot]) -> Vec<Changes> {
    let latest = boots.len().saturating_sub(1);
    let with: Vec<(usize, &Boot)> = boots
        .iter()
        .enumerate()
        .filter(|(_, boot)| !boot.inventory.is_empty())
        .map(|(at, boot)| (latest - at, boot))
        .collect();
    let pairs = with.windows(2).filter_map(|pair| match pair {
        [(before, old), (boot, new)] => Some(changed(old, *before, new, *boot)),
        _ => None,
    });
    pairs.filter(|it| !it.changes.is_empty()).collect()
}

/// What differs in a boot's inventory from that of the last good boot among `earlier`, latest first, each with its number
/// counted back from the latest of its record.
pub(crate) fn since_good(
    boot: &Boot,
    number: usize,
    mut earlier: impl Iterator<Item = (usize, Boot)>,
) -> Option<Changes> {
    // No earlier boot has to be read where there is nothing to hold against it.
    if boot.inventory.is_empty() {
        return None;
    }
    let (before, good) = earlier.find(|(_, boot)| is_good(boot))?;
    Some(changed(&good, before, boot, number))
}

fn is_good(boot: &Boot) -> bool {
    boot.verdict.word == "OK" && !boot.inventory.is_empty()
}

/// What differs in a boot from one before it, each with its number.
fn changed(old: &Boot, before: usize, new: &Boot, boot: usize) -> Changes {
    Changes {
        boot,
        started: new.identity.as_ref().map(|it| date(it.started_unix_ns)),
        before,
        changes: between(old, new),
    }
}

/// The same for each boot of a record, oldest first.
pub(crate) fn since_good_of_all(boots: &mut [Boot]) {
    let latest = boots.len().saturating_sub(1);
    let mut good: Option<usize> = None;
    for at in 0..boots.len() {
        let (earlier, rest) = boots.split_at_mut(at);
        let Some(boot) = rest.first_mut() else { return };
        if !boot.inventory.is_empty() {
            let before = good.and_then(|good| Some((good, earlier.get(good)?)));
            boot.since_good =
                before.map(|(good, old)| changed(old, latest - good, boot, latest - at));
        }
        if is_good(boot) {
            good = Some(at);
        }
    }
}

/// What is not as it was at the last good boot; for `show`.
pub(crate) fn since(page: &mut Page, boot: &Boot) {
    let since = boot.since_good.as_ref();
    let Some(since) = since.filter(|it| !it.changes.is_empty()) else {
        return;
    };
    let rest = format!("since boot {}, the last good one", since.before);
    page.heading("HARDWARE CHANGED", &rest);
    let sides = [Side::Left, Side::Left, Side::Left];
    crate::show::rows(page, &sides, &since.changes, row);
}

/// All that was in the machine at one boot.
#[must_use]
pub fn page(boot: &Boot) -> Page {
    let mut page = Page::default();
    verdicts(&mut page, boot);
    for class in ["memory", "slot", "cpu", "disk", "md", "nic", "pci"] {
        let things = boot.inventory.iter().filter(|it| it.class == class);
        let things: Vec<&Thing> = things.collect();
        if things.is_empty() {
            continue;
        }
        page.heading(&class.to_uppercase(), &things.len().to_string());
        let mut table = Table::new(&[Side::Left, Side::Left]);
        for thing in things {
            table.row([thing.name.as_str().into(), words(thing).as_str().into()]);
        }
        page.table(&table);
    }
    if boot.inventory.is_empty() {
        page.line(["no inventory in the record of this boot".into()]);
    }
    page
}

/// The facts of a thing.
fn words(thing: &Thing) -> String {
    let word = |(key, value): (&String, &String)| format!("{key} {}", worded(key, value));
    let words: Vec<String> = thing.facts.iter().map(word).collect();
    words.join(", ")
}

/// The value of a fact, in a person's units.
fn worded(key: &str, value: &str) -> String {
    const SIZES: [&str; 7] = [
        "bytes",
        "total",
        "installed",
        "mapped",
        "firmware",
        "kernel",
        "corrupted",
    ];
    match value.parse() {
        Ok(bytes) if SIZES.contains(&key) => size(bytes),
        _ => value.to_owned(),
    }
}

/// What was expected, and what is wrong with it; also in `show`.
pub(crate) fn verdicts(page: &mut Page, boot: &Boot) {
    if boot.hardware.is_empty() {
        return;
    }
    let wrong = boot.hardware.iter().filter(|item| item.verdict != "ok");
    let rest = match wrong.count() {
        0 => String::new(),
        wrong => format!("{wrong} not as expected"),
    };
    page.heading("HARDWARE", &rest);
    let sides = [Side::Left, Side::Left, Side::Right, Side::Left];
    crate::show::rows(page, &sides, &boot.hardware, |table, item| {
        let style = match item.verdict.as_str() {
            "ok" => Style::Plain,
            _ => Style::Bad,
        };
        let expected = match item.expected {
            0 => String::new(),
            number => format!("of {} expected", amount(&item.item, number)),
        };
        table.row([
            Span::new(style, &item.verdict),
            item.item.as_str().into(),
            amount(&item.item, item.found).into(),
            match &item.detail {
                Some(detail) => Span::new(style, &format!("{expected}; {detail}")),
                None => expected.into(),
            },
        ]);
    });
}

/// A number of an item in its unit.
pub(crate) fn amount(item: &str, number: u64) -> String {
    let class = item.split(' ').next().unwrap_or_default();
    match class {
        "memory" | "slot" => size(number),
        // One is named and has a size; of several their number is told.
        "disk" if number > 1024 => size(number),
        "nic" if number > 1 => format!("{number} Mbit/s"),
        "cpu" if item.ends_with("microcode") => format!("0x{number:x}"),
        _ => number.to_string(),
    }
}

/// One change.
fn row(table: &mut Table, change: &Change) {
    let value = |text: &str| worded(&change.what, text);
    let (style, what) = match change.what.as_str() {
        "gone" => (Style::Bad, change.old.clone()),
        "new" => (Style::Plain, change.new.clone()),
        _ => {
            let (old, new) = (value(&change.old), value(&change.new));
            (Style::Bad, format!("{old} -> {new}"))
        }
    };
    table.row([
        Span::new(style, &change.what),
        change.item.as_str().into(),
        what.as_str().into(),
    ]);
}

/// What has changed from boot to boot.
#[must_use]
pub fn changes_page(changes: &[Changes]) -> Page {
    let mut page = Page::default();
    if changes.is_empty() {
        page.line(["nothing has changed from boot to boot".into()]);
    }
    for boot in changes {
        let started = boot.started.as_deref().unwrap_or("-");
        let rest = format!("{started}, since boot {}", boot.before);
        page.heading(&format!("BOOT {}", boot.boot), &rest);
        let mut table = Table::new(&[Side::Left, Side::Left, Side::Left]);
        for change in &boot.changes {
            row(&mut table, change);
        }
        page.table(&table);
    }
    let total: usize = changes.iter().map(|boot| boot.changes.len()).sum();
    if total > 0 {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        page.line([Span::new(Style::Dim, &count(total, "change"))]);
    }
    page
}
