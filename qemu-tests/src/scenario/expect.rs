//! What a scenario expects of a boot's record and of its console, and what is otherwise.

use std::collections::{BTreeMap, BTreeSet};

use preroot_record::{Event, ScriptEnd};
use serde::Deserialize;

use crate::record::{Boot, why};

/// In place of a verdict's word, where there is none.
const NO_VERDICT: &str = "none";

/// What the record must say. What is left out can be anything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Expect {
    /// What is true of every boot is true of this one.
    #[serde(default)]
    pub(super) invariants: bool,
    /// The last verdict's word; `none`: the boot comes to none.
    #[serde(default)]
    verdict: Option<String>,
    /// What the verdict's reason has in it.
    #[serde(default)]
    reason: Vec<String>,
    /// How scripts end: `exited 0`, `timed-out`, ...
    #[serde(default)]
    script: BTreeMap<String, String>,
    /// The verdict of each check of the root, in order.
    #[serde(default)]
    checks: Option<Vec<String>>,
    /// What a script's kept output has in it.
    #[serde(default)]
    output: BTreeMap<String, Vec<String>>,
    /// Pairs of moments, `ssh starts` or `ssh ends`: the first comes before the second.
    #[serde(default)]
    sequence: Vec<[String; 2]>,
    /// What is said of the network, `eth0: address 10.0.2.15/24, errno 0`, each as a part of one line.
    #[serde(default)]
    said: Vec<String>,
    /// What is not said of it.
    #[serde(default)]
    never: Vec<String>,
    /// Things that are in the machine, by class and name, or by class and one fact, each with facts that it has.
    #[serde(default)]
    is: BTreeMap<String, Vec<String>>,
    /// How many there are of a class.
    #[serde(default)]
    count: BTreeMap<String, usize>,
    /// What is judged of an item, with the detail behind it where there is one.
    #[serde(default)]
    judged: BTreeMap<String, String>,
    /// What a file of the root holds in the end.
    #[serde(default)]
    file: BTreeMap<String, String>,
    /// What the console shows.
    #[serde(default)]
    console: Vec<String>,
    /// What the console never shows.
    #[serde(default)]
    never_on_console: Vec<String>,
}

impl Expect {
    /// That the boot is good.
    pub(super) fn good() -> Self {
        Self {
            verdict: Some("OK".to_owned()),
            ..Self::default()
        }
    }

    /// Drops what is said of scripts that are not among these.
    pub(super) fn leave_out_all_but(&mut self, scripts: &BTreeSet<&str>) {
        let is_known = |name: &str| scripts.contains(name);
        self.script.retain(|name, _| is_known(name));
        self.output.retain(|name, _| is_known(name));
        let first = |words: &str| words.split(' ').next().unwrap_or_default().to_owned();
        self.sequence
            .retain(|pair| pair.iter().all(|words| is_known(&first(words))));
    }

    /// Whether the boot is to come to a verdict, whichever.
    pub(super) fn has_verdict(&self) -> bool {
        self.verdict.as_deref() != Some(NO_VERDICT)
    }

    /// What the console shows.
    pub(super) fn console(&self) -> &[String] {
        &self.console
    }

    /// What files of the root hold in the end.
    pub(super) fn files(&self) -> &BTreeMap<String, String> {
        &self.file
    }
}

/// What is otherwise on the console.
pub(super) fn on_console(expect: &Expect, console: &str) -> Vec<String> {
    let absent = expect
        .console
        .iter()
        .filter(|text| !console.contains(*text));
    let absent = absent.map(|text| format!("console: no `{text}`"));
    let present = expect.never_on_console.iter();
    let present = present.filter(|text| console.contains(*text));
    absent
        .chain(present.map(|text| format!("console: `{text}`")))
        .collect()
}

/// What is otherwise in the record.
pub(crate) fn differences(expect: &Expect, boot: &Boot<'_>) -> Vec<String> {
    let mut all = verdict(expect, boot);
    scripts(expect, boot, &mut all);
    network(expect, boot, &mut all);
    hardware(expect, boot, &mut all);
    if boot.missing > 0 || boot.damaged > 0 {
        all.push(format!(
            "record: {} bytes damaged, {} frames missing",
            boot.damaged, boot.missing
        ));
    }
    all
}

/// The verdict, and the checks of the root.
fn verdict(expect: &Expect, boot: &Boot<'_>) -> Vec<String> {
    let mut all = Vec::new();
    let mut compare = |what: &str, expected: &str, found: &str| {
        if expected != found {
            all.push(format!("{what}: expected `{expected}`, found `{found}`"));
        }
    };
    let verdict = boot.verdict();
    if let Some(expected) = &expect.verdict {
        let found = verdict.map_or(NO_VERDICT, |verdict| verdict.word);
        compare("verdict", expected, found);
    }
    if let Some(expected) = &expect.checks {
        let checks: Vec<&str> = boot.checks().iter().map(|check| check.verdict).collect();
        compare("checks", &expected.join(", "), &checks.join(", "));
    }
    let reason = verdict.map_or(String::new(), |verdict| why(&verdict));
    for part in expect.reason.iter().filter(|part| !reason.contains(*part)) {
        all.push(format!("verdict: no `{part}` in its reason `{reason}`"));
    }
    all
}

fn scripts(expect: &Expect, boot: &Boot<'_>, all: &mut Vec<String>) {
    for (name, expected) in &expect.script {
        let found = boot.script(name);
        let found = found.map_or("no end".to_owned(), |ended| match ended.end {
            ScriptEnd::Exited => format!("exited {}", ended.status),
            ScriptEnd::Signalled => format!("signal {}", ended.status),
            ScriptEnd::TimedOut => "timed-out".to_owned(),
            ScriptEnd::NotStarted => format!("not-started {}", ended.status),
            ScriptEnd::Abandoned => "abandoned".to_owned(),
        });
        if found != *expected {
            all.push(format!(
                "script {name}: expected `{expected}`, found `{found}`"
            ));
        }
    }
    for (name, expected) in &expect.output {
        let found = boot.script_output(name);
        for part in expected.iter().filter(|part| !found.contains(*part)) {
            all.push(format!("output of {name}: no `{part}` in\n{found}"));
        }
    }
    for [first, second] in &expect.sequence {
        match (boot.moment(first), boot.moment(second)) {
            (Some(before), Some(after)) if before < after => {}
            found => all.push(format!("`{first}` is not before `{second}`: {found:?}")),
        }
    }
}

fn network(expect: &Expect, boot: &Boot<'_>, all: &mut Vec<String>) {
    let said = boot.events().filter_map(|(_, event)| match event {
        Event::Network(network) => {
            let (name, what, errno) = (network.interface, network.what, network.errno);
            Some(format!("{name}: {what}, errno {errno}"))
        }
        _ => None,
    });
    let said: Vec<String> = said.collect();
    let has = |part: &String| said.iter().find(|line| line.contains(part.as_str()));
    for part in expect.said.iter().filter(|part| has(part).is_none()) {
        all.push(format!("no `{part}` in {said:#?}"));
    }
    all.extend(expect.never.iter().filter_map(has).cloned());
}

fn hardware(expect: &Expect, boot: &Boot<'_>, all: &mut Vec<String>) {
    for (name, expected) in &expect.is {
        let mut things = boot.things();
        let thing = things.find(|thing| {
            let mut names = thing.facts.split('\t').chain([thing.name]);
            names.any(|one| format!("{} {one}", thing.class) == *name)
        });
        let facts = thing.map_or("none", |thing| thing.facts);
        let facts: Vec<&str> = facts.split('\t').collect();
        for fact in expected
            .iter()
            .filter(|fact| !facts.contains(&fact.as_str()))
        {
            all.push(format!("{name}: no `{fact}` in {facts:?}"));
        }
    }
    for (class, expected) in &expect.count {
        let found = boot.things().filter(|thing| thing.class == class).count();
        if found != *expected {
            all.push(format!("{class}: {found} of them, not {expected}"));
        }
    }
    for (item, expected) in &expect.judged {
        let mut events = boot.events();
        let found = events.find_map(|(_, event)| match event {
            Event::Hardware(judged) if judged.item == item => {
                let detail = judged.detail.map(|detail| format!("; {detail}"));
                Some(judged.verdict.to_owned() + &detail.unwrap_or_default())
            }
            _ => None,
        });
        if found.as_ref() != Some(expected) {
            all.push(format!("{item}: expected `{expected}`, found {found:?}"));
        }
    }
}
