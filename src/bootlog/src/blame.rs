//! `bootlog blame`: everything that took time, longest first.
//!
//! Things that ran beside each other stand beside each other: what decided how long the boot took is
//! [`crate::critical_path`]'s business. A wait for a person is a line of its own, and so is the part of a stage that
//! nothing else in the list explains: loading modules, checking the root, the scripts.

use serde::Serialize;

use crate::before::BeforeInit;
use crate::format::{duration, errno, signal};
use crate::model::{Boot, Script, ScriptEnd};
use crate::page::{Page, Side, Span, Style, Table};

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// From the machine's reset to the loader's start.
    Firmware,
    /// From there to the kernel's.
    Loader,
    /// From the kernel's start to PID 1's, and a part of that.
    Kernel,
    /// A stage, without what stands in the list by itself.
    Stage,
    /// Loading a kernel module.
    Module,
    /// A program that assembles what the root lies on.
    Assembly,
    /// A check of a file system.
    Check,
    /// An init script.
    Script,
    /// A wait for a person.
    Person,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Firmware => "firmware",
            Kind::Loader => "loader",
            Kind::Kernel => "kernel",
            Kind::Stage => "stage",
            Kind::Module => "module",
            Kind::Assembly => "assembly",
            Kind::Check => "check",
            Kind::Script => "script",
            Kind::Person => "person",
        }
    }
}

/// Something that took time.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// When it began; `null` when that frame is lost.
    pub at_ns: Option<u64>,
    /// How long it took.
    pub took_ns: u64,
    /// CPU time of it and its children; `null` when that is not recorded.
    pub cpu_ns: Option<u64>,
    /// Its largest resident set, KiB; `null` when that is not recorded.
    pub memory_kib: Option<u32>,
    /// What was not as it should be; empty: nothing.
    pub fault: String,
}

impl Entry {
    fn new(kind: Kind, name: &str, at_ns: Option<u64>, took_ns: u64) -> Entry {
        Entry {
            kind,
            name: name.to_owned(),
            at_ns,
            took_ns,
            cpu_ns: None,
            memory_kib: None,
            fault: String::new(),
        }
    }

    /// From its end back.
    fn ended(kind: Kind, name: &str, end_ns: u64, took_ns: u64) -> Entry {
        Entry::new(kind, name, Some(end_ns.saturating_sub(took_ns)), took_ns)
    }
}

/// Everything in a boot that took time, longest first; what took equally long in the order it began.
#[must_use]
pub fn blame(boot: &Boot) -> Vec<Entry> {
    let mut entries = Vec::new();
    if let Some(exec) = boot.identity.as_ref().and_then(|identity| identity.exec_ns) {
        entries.push(Entry::new(Kind::Kernel, "until init", Some(0), exec));
    }
    entries.extend(boot.before_init.iter().flat_map(before_init));
    entries.extend(boot.modules.iter().map(|module| {
        let mut entry = Entry::ended(Kind::Module, &module.name, module.at_ns, module.took_ns);
        if module.errno != 0 {
            entry.fault = errno(module.errno);
        }
        entry
    }));
    entries.extend(boot.assemblies.iter().map(|run| {
        let name = format!("{} {}", run.step, run.device);
        let mut entry = Entry::ended(Kind::Assembly, name.trim_end(), run.at_ns, run.took_ns);
        if run.verdict != "done" {
            entry.fault.clone_from(&run.verdict);
        }
        entry
    }));
    let ran = boot.checks.iter().filter(|check| !check.command.is_empty());
    entries.extend(ran.map(|check| {
        let mut entry = Entry::ended(Kind::Check, &check.command, check.at_ns, check.took_ns);
        if check.verdict != "clean" {
            entry.fault.clone_from(&check.verdict);
        }
        entry
    }));
    entries.extend(boot.scripts.iter().filter_map(script));
    entries.extend(boot.operator.iter().filter_map(|order| {
        let waited = order.waited_ns?;
        let name = format!("{}, before {}", order.what, order.stage);
        Some(Entry::ended(Kind::Person, &name, order.at_ns, waited))
    }));
    let stages: Vec<Entry> = boot
        .stages
        .iter()
        .filter_map(|stage| {
            let (at, took) = (stage.at_ns?, stage.took_ns?);
            let rest = took.saturating_sub(covered(&entries, at, at.saturating_add(took)));
            let mut entry = Entry::new(Kind::Stage, &stage.name, Some(at), rest);
            if let Some(failed) = &stage.failed {
                entry.fault.clone_from(&failed.name);
            }
            Some(entry)
        })
        .collect();
    entries.extend(stages);
    entries.sort_by(|a, b| b.took_ns.cmp(&a.took_ns).then(a.at_ns.cmp(&b.at_ns)));
    entries
}

/// What came before PID 1, as far as somebody tells. Firmware and loader were before the clock.
fn before_init(before: &BeforeInit) -> impl Iterator<Item = Entry> {
    let entry =
        |kind, name, at, took: Option<u64>| took.map(|took| Entry::new(kind, name, at, took));
    let (told_by, unpack) = (before.told_by.as_str(), "unpack initramfs");
    [
        entry(Kind::Firmware, told_by, None, before.firmware_ns),
        entry(Kind::Loader, told_by, None, before.loader_ns),
        entry(Kind::Kernel, unpack, before.unpack_at_ns, before.unpack_ns),
    ]
    .into_iter()
    .flatten()
}

fn script(script: &Script) -> Option<Entry> {
    let name = match script.argument.as_str() {
        "start" | "" => script.name.clone(),
        argument => format!("{} {argument}", script.name),
    };
    let mut entry = Entry::new(Kind::Script, &name, script.at_ns, script.took_ns?);
    entry.cpu_ns = Some(script.user_ns.saturating_add(script.system_ns));
    entry.memory_kib = Some(script.memory_kib);
    entry.fault = match script.end {
        ScriptEnd::Exited if script.status == 0 || script.skipped() => String::new(),
        ScriptEnd::Exited => format!("exit {}", script.status),
        ScriptEnd::Signalled => signal(script.status),
        ScriptEnd::TimedOut => "ended by its deadline".to_owned(),
        ScriptEnd::NotStarted => format!("not started: {}", errno(script.status)),
        ScriptEnd::Abandoned => "left behind: not even SIGKILL ended it".to_owned(),
        ScriptEnd::Unfinished => "its end is not recorded".to_owned(),
    };
    Some(entry)
}

/// How much of a time is covered by entries, those that run beside each other counted once.
fn covered(entries: &[Entry], from: u64, to: u64) -> u64 {
    let mut spans: Vec<(u64, u64)> = entries
        .iter()
        .filter_map(|entry| {
            let at = entry.at_ns?;
            let span = (at.max(from), at.saturating_add(entry.took_ns).min(to));
            (span.0 < span.1).then_some(span)
        })
        .collect();
    spans.sort_unstable();
    let mut done = from;
    let mut sum = 0;
    for (begin, end) in spans {
        let begin = begin.max(done);
        sum += end.saturating_sub(begin);
        done = done.max(end);
    }
    sum
}

/// The list as a page.
#[must_use]
pub fn page(entries: &[Entry]) -> Page {
    let sides = [
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Left,
        Side::Left,
        Side::Left,
    ];
    let mut table = Table::new(&sides);
    table.names(&["took", "cpu", "memory", "at", "", "", ""]);
    for entry in entries {
        let or_nothing = |text: Option<String>| Span::from(text.unwrap_or_default());
        let memory = entry.memory_kib.filter(|&kib| kib > 0);
        table.row([
            duration(entry.took_ns).into(),
            or_nothing(entry.cpu_ns.map(duration)),
            or_nothing(memory.map(|kib| crate::format::size(u64::from(kib) << 10))),
            or_nothing(entry.at_ns.map(duration)),
            Span::new(Style::Dim, entry.kind.word()),
            entry.name.as_str().into(),
            Span::new(Style::Bad, &entry.fault),
        ]);
    }
    let mut page = Page::default();
    page.table(&table);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_beside_each_other_is_counted_once() {
        let check = |spans: &[(u64, u64)], expected: u64| {
            let entry = |&(at, took): &(u64, u64)| Entry::new(Kind::Module, "", Some(at), took);
            let entries: Vec<Entry> = spans.iter().map(entry).collect();
            assert_eq!(covered(&entries, 100, 200), expected, "{spans:?}");
        };
        check(&[], 0);
        check(&[(0, 50), (250, 10), (150, 0)], 0);
        check(&[(90, 20)], 10);
        check(&[(110, 10), (110, 10)], 10);
        check(&[(110, 30), (120, 10), (130, 20)], 40);
        check(&[(190, u64::MAX), (0, 110)], 20);
    }
}
