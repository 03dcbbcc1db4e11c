//! What of a boot is compared: everything in it that took time, by name.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::blame::{Kind, blame};
use crate::model::{Boot, ScriptEnd};

/// What something is called in every boot that has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Key {
    /// `boot`, or what `blame` says: `script`, `module`, `stage`, ...
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// What is compared of it. Of what ran more than once the times are added.
#[derive(Debug, Clone, Default)]
pub(super) struct Item {
    /// How long it took; `None`: it has not ended.
    pub(super) took_ns: Option<u64>,
    /// What was not as it should be; empty: nothing.
    pub(super) fault: String,
    /// From the beginning of its runlevel to its start.
    pub(super) start_ns: Option<u64>,
    /// The script that it waited for.
    pub(super) waits_for: Option<String>,
}

/// The items of a boot. Waits for a person are no part of it: how long those take is no machine's matter.
pub(super) fn items(boot: &Boot) -> BTreeMap<Key, Item> {
    let mut items: BTreeMap<Key, Item> = BTreeMap::new();
    let whole = Item {
        took_ns: boot.boot_ns,
        ..Item::default()
    };
    let whole_key = Key {
        kind: "boot",
        name: "until the verdict".to_owned(),
    };
    items.insert(whole_key, whole);
    let entries = blame(boot);
    for entry in entries.iter().filter(|entry| entry.kind != Kind::Person) {
        let item = items.entry(key(entry.kind, &entry.name)).or_default();
        let took = item.took_ns.unwrap_or(0).saturating_add(entry.took_ns);
        item.took_ns = Some(took);
        if !entry.fault.is_empty() {
            item.fault.clone_from(&entry.fault);
        }
    }
    let open = |script: &&crate::model::Script| script.end == ScriptEnd::Unfinished;
    for script in boot.scripts.iter().filter(open) {
        let item = items.entry(key(Kind::Script, &script.name)).or_default();
        item.took_ns = None;
        item.fault = "its end is not recorded".to_owned();
    }
    waits(boot, &mut items);
    items
}

fn key(kind: Kind, name: &str) -> Key {
    Key {
        kind: kind.word(),
        name: name.to_owned(),
    }
}

/// Who waited for whom. Scripts that stop are none of a boot's.
fn waits(boot: &Boot, items: &mut BTreeMap<Key, Item>) {
    let numbered = boot
        .scripts
        .iter()
        .map(|script| (script.number, &script.name));
    let names: HashMap<u32, &String> = numbered.collect();
    let name = |number: u32| match names.get(&number) {
        Some(name) => (*name).clone(),
        None => format!("script {number}"),
    };
    for runlevel in &boot.runlevels {
        let members = runlevel.members.iter();
        for script in members.filter_map(|&run| boot.scripts.get(run)) {
            if script.argument == "stop" {
                continue;
            }
            if let Some(item) = items.get_mut(&key(Kind::Script, &script.name)) {
                item.start_ns = script.at_ns.and_then(|at| at.checked_sub(runlevel.at_ns));
                item.waits_for = script.waited_for.map(name);
            }
        }
    }
}
