//! What one counted boot took, by its record.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use preroot_qemu_tests::{Artefacts, Boot, Disk, Error, Event, Nic, Record, Small, Spec, files};

/// What PID 1 says at the end of a boot, however it ended.
const VERDICT: &str = "preroot: verdict ";
/// How often the store is looked into for the end of the record, and with which pauses.
const LOOKS: u32 = 30;
const PAUSE: Duration = Duration::from_secs(2);

/// The kernel, until it starts the image's init.
const KERNEL: &str = "kernel";
/// From there until the first script.
const UNTIL_SCRIPTS: &str = "init until scripts";

/// What a boot took, by part: `kernel`, `stage NAME`, `script NAME` (its CPU time), in ns of guest time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// The verdict's word.
    pub(crate) verdict: String,
    parts: BTreeMap<String, u64>,
}

impl Figures {
    /// Those of a boot.
    pub(crate) fn of(boot: &Boot<'_>) -> Figures {
        let mut parts = BTreeMap::new();
        let mut open: Option<(String, u64)> = None;
        let mut exec_ns = None;
        for (at_ns, event) in boot.events() {
            match event {
                Event::Born(born) => {
                    exec_ns = born.exec_ns;
                    parts.extend(exec_ns.map(|exec| (KERNEL.to_owned(), exec)));
                }
                Event::StageBegan(began) => {
                    if began.stage == "start" {
                        let since = at_ns.saturating_sub(exec_ns.unwrap_or(at_ns));
                        parts.insert(UNTIL_SCRIPTS.to_owned(), since);
                    }
                    open = Some((began.stage.to_owned(), at_ns));
                }
                Event::StageEnded(ended) => {
                    let began = open.take().filter(|(stage, _)| stage == ended.stage);
                    // Those behind it wait for scripts, which wait for each other.
                    let comes_later = parts.contains_key(UNTIL_SCRIPTS);
                    if let Some((stage, since)) = began.filter(|_| !comes_later) {
                        parts.insert(format!("stage {stage}"), at_ns.saturating_sub(since));
                    }
                }
                Event::ScriptEnded(ended) => {
                    let cpu = ended.user_ns.saturating_add(ended.system_ns);
                    *parts.entry(format!("script {}", ended.name)).or_default() += cpu;
                }
                _ => {}
            }
        }
        let verdict = boot.verdict().map_or("UNFINISHED", |verdict| verdict.word);
        Figures {
            verdict: verdict.to_owned(),
            parts,
        }
    }

    /// Adds what a part took, ns, of a boot that went well: read back from where it was kept.
    pub(crate) fn put(&mut self, part: &str, ns: u64) {
        "OK".clone_into(&mut self.verdict);
        self.parts.insert(part.to_owned(), ns);
    }

    /// A boot that took so many µs.
    #[cfg(test)]
    pub(crate) fn made(parts: &BTreeMap<&str, u64>) -> Figures {
        let part = |(name, us): (&&str, &u64)| ((*name).to_owned(), us * 1000);
        Figures {
            verdict: "OK".to_owned(),
            parts: parts.iter().map(part).collect(),
        }
    }

    /// The parts and how many ns each took, by name.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&str, u64)> {
        self.parts.iter().map(|(name, &ns)| (name.as_str(), ns))
    }

    /// How many ns a part took.
    pub(crate) fn ns(&self, part: &str) -> Option<u64> {
        self.parts.get(part).copied()
    }

    /// Takes the lesser of each part: what disturbs a counted boot only ever adds to it.
    pub(crate) fn lower(&mut self, other: &Figures) {
        for (part, ns) in &other.parts {
            let least = self.parts.entry(part.clone()).or_insert(*ns);
            *least = (*least).min(*ns);
        }
    }
}

/// One counted boot until its verdict. `kept`: where its console, record and command line are kept.
///
/// # Errors
/// When the machine cannot be started, or never comes to a verdict, or keeps no record on its root.
pub(crate) fn boot(artefacts: &Artefacts, kept: &Path) -> Result<Figures, Error> {
    boot_with(artefacts, kept, "")
}

/// The same, with words added to the kernel command line.
///
/// # Errors
/// As [`boot`].
pub(crate) fn boot_with(
    artefacts: &Artefacts,
    kept: &Path,
    append: &str,
) -> Result<Figures, Error> {
    let disk = Disk::copy(artefacts)?;
    let spec = Spec::new(artefacts)
        .counted_with_random()
        .append(append)
        .disk(&disk);
    let nobody = Nic::User {
        forwards: Vec::new(),
    };
    files::create_directory(kept)?;
    let mut machine = spec.nic(nobody).keep_in(kept).start()?;
    machine.wait_console(VERDICT)?;
    // The record is stored behind the verdict. What the machine has flushed is in the file: a copy of it is looked into.
    let mut last = String::new();
    for _ in 0..LOOKS {
        std::thread::sleep(PAUSE);
        machine.check_running()?;
        match stored(&disk, kept) {
            Ok(figures) => return Ok(figures),
            Err(error) => last = error.to_string(),
        }
    }
    Err(Error::unexpected(format!(
        "no record of the boot on its root: {last}"
    )))
}

/// The same of a small root, which switches itself off when its order has ended: a third of the time.
///
/// # Errors
/// As [`boot`].
pub(crate) fn boot_small(
    artefacts: &Artefacts,
    small: &Small,
    append: &str,
) -> Result<Figures, Error> {
    let disk = small.disk(&[])?;
    let spec = Spec::new(artefacts)
        .counted_with_random()
        .image(&small.image())
        .append(append)
        .disk(&disk);
    let nobody = Nic::User {
        forwards: Vec::new(),
    };
    let mut machine = spec.nic(nobody).start()?;
    machine.wait_off()?;
    Ok(Figures::of(&Record::stored(&disk)?.latest()?))
}

/// The record on a disk that a machine has before it.
fn stored(disk: &Disk, kept: &Path) -> Result<Figures, Error> {
    let copy = disk.duplicate()?;
    copy.repair()?;
    let record = Record::stored(&copy)?;
    files::write(&kept.join("record.bin"), record.bytes())?;
    let boot = record.latest()?;
    match boot.verdict() {
        Some(_) => Ok(Figures::of(&boot)),
        None => Err(Error::unexpected("its record has no verdict")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    /// A record of bootlog's corpus, in which each stage and script can be looked up.
    #[test]
    fn a_boot_is_cut_into_parts() {
        let place = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../src/bootlog/tests/records/good.record"
        );
        let record = Record::new(std::fs::read(place).unwrap());
        let figures = Figures::of(&record.latest().unwrap());
        assert_eq!(figures.verdict, "OK");
        let check = |part: &str, expected: Option<u64>| {
            assert_eq!(figures.ns(part), expected, "{part}");
        };
        check("kernel", Some(1_598_210_000));
        check("init until scripts", Some(63_849_000));
        check("stage modules", Some(52_140_000));
        check("stage pivot", Some(220_000));
        // Whose time is that of the scripts.
        check("stage start", None);
        check("stage seal", None);
        // What it computed, not how long it took.
        check("script udev", Some(190_476_190));
        check("script none", None);
        assert_eq!(figures.parts().count(), 17);
    }

    #[test]
    fn the_least_of_each_part_counts() {
        let of = |parts: &[(&str, u64)]| Figures {
            verdict: "OK".to_owned(),
            parts: parts
                .iter()
                .map(|&(name, ns)| (name.to_owned(), ns))
                .collect(),
        };
        let mut least = of(&[("a", 3), ("b", 5)]);
        least.lower(&of(&[("a", 4), ("b", 2), ("c", 9)]));
        assert_eq!(least, of(&[("a", 3), ("b", 2), ("c", 9)]));
    }
}
