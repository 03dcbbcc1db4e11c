//! What becomes of a machine, scenario by scenario: with our image, and with those of Debian's initramfs-tools and dracut on the same
//! root disk. Judged from outside alone.
//!
//! What was seen is kept, cell by cell, and not looked at again as long as image, root, kernel and scenario are the same: a run that
//! was interrupted goes on where it was.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use preroot_qemu_tests::{
    Artefacts, Error, Generator, Last, Rival, Scenario, Seen, Subject, files, library_directory,
    see,
};
use serde::{Deserialize, Serialize};

use super::Table;
use super::guest;
use super::rescue::{RESCUE_PORT, SSH_PORT};

/// What the section in the table is called.
const HEADING: &str = "Peers";
/// What was seen by other means is not believed: counted up when the way of looking changes.
const VERSION: u32 = 1;
/// The scenarios: whose fault lies in the machine, its disks, its root or the image as a whole, and not in what only preroot has (its
/// config, its plan, its watchdog); one of each kind, for each takes minutes.
const SCENARIOS: [(&str, &str); 23] = [
    ("clean", "nothing is wrong"),
    (
        "damaged",
        "a directory's inode is cleared, a link count is wrong",
    ),
    ("root/journal-garbled", "the journal means nothing"),
    (
        "root/inode-table-garbled",
        "a block of the inode table means nothing",
    ),
    (
        "root/superblock-garbled",
        "the superblock, with the label, means nothing; its copies are good",
    ),
    ("root/no-libc", "the root has no C library"),
    ("root/no-shell", "the root has no shell for its scripts"),
    ("disk/root-absent", "the root's disk is not there"),
    (
        "disk/root-comes-late",
        "the root's disk is plugged in while it is waited for",
    ),
    (
        "script/kills-everybody",
        "an init script kills every process that it may",
    ),
    ("script/fills-the-root", "an init script fills the root"),
    (
        "outage/while-checking",
        "the power goes while a damaged root is checked",
    ),
    (
        "image/no-archive",
        "the image is garbled from its beginning on",
    ),
    (
        "outage/scripts-begin",
        "the power goes when the first init scripts start",
    ),
    ("network/no-carrier", "no cable is in"),
    (
        "state/no-mount-points",
        "the root has no /run, /proc, /sys and /dev",
    ),
    ("disk/root-hangs", "reads of the root's disk never end"),
    ("script/hangs-to-the-deadline", "an init script hangs"),
    (
        "disk/root-slow",
        "the root's disk gives two megabytes a second",
    ),
    ("disk/root-on-nvme", "the root is on an NVMe drive"),
    ("memory/less", "half the memory"),
    (
        "disk/root-cannot-be-read",
        "each read of the root's disk ends with an error",
    ),
    ("state/read-only-disk", "the root's disk cannot be written"),
];

/// What is compared, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    peers: guest::Peers,
    /// Where what was seen is kept, and the consoles.
    #[arg(long)]
    keep: PathBuf,
}

/// What was seen in one scenario with one image.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell {
    scenario: String,
    image: String,
    /// Of all that it depends on.
    digest: u64,
    seen: Seen,
}

/// A column.
#[derive(Debug)]
struct Column {
    name: &'static str,
    rival: Rival,
    /// Of its image.
    digest: u64,
}

/// Runs all that has not been seen, and shows all of it.
pub(crate) fn run(options: &Options, table: &Table) -> Result<(), Error> {
    let ours = Subject::of_setup(Artefacts::find()?);
    let columns = columns(&ours, &options.peers)?;
    let versions = files::read_text(&options.peers.file("versions"))?;
    files::create_directory(&options.keep)?;
    let kept = options.keep.join("cells.jsonl");
    let mut cells = read_cells(&kept);
    let mut rows = Vec::new();
    eprintln!("comparing: each boot takes a minute or two, those of which nothing comes some more");
    for (name, wrong) in SCENARIOS {
        let path = library_directory().join(name).with_extension("toml");
        let scenario = Scenario::read(&path)?;
        let mut row = Vec::new();
        for column in &columns {
            let digest = digest(&(VERSION, column.digest, scenario.text(), root(&ours)));
            let is_it = |cell: &&Cell| cell.digest == digest;
            if let Some(cell) = cells.iter().find(is_it) {
                row.push(words(&cell.seen));
                continue;
            }
            let dir = options.keep.join(name).join(column.name);
            let seen = look(&scenario, &ours, &column.rival, &dir)?;
            eprintln!("  {name}, {}: {}", column.name, words(&seen));
            row.push(words(&seen));
            let cell = Cell {
                scenario: name.to_owned(),
                image: column.name.to_owned(),
                digest,
                seen,
            };
            add_cell(&kept, &cell)?;
            cells.push(cell);
        }
        rows.push((name, wrong, row));
        table.keep(HEADING, &report(&columns, &rows, &versions))?;
    }
    table.hand_out(HEADING, &report(&columns, &rows, &versions))
}

fn look(scenario: &Scenario, ours: &Subject, rival: &Rival, dir: &Path) -> Result<Seen, Error> {
    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(|source| Error::File {
            what: "empty",
            path: dir.to_owned(),
            source,
        })?;
    }
    files::create_directory(dir)?;
    see(scenario, ours, rival, dir)
}

fn columns(ours: &Subject, peers: &guest::Peers) -> Result<Vec<Column>, Error> {
    let artefacts = &ours.artefacts;
    let all = [
        (
            "preroot",
            Generator::Preroot,
            artefacts.image.clone(),
            Some((RESCUE_PORT, artefacts.host_key_public.clone())),
        ),
        (
            "initramfs-tools + dropbear",
            Generator::InitramfsTools,
            peers.image("checking"),
            Some((SSH_PORT, peers.file("dropbear.pub"))),
        ),
        ("dracut", Generator::Dracut, peers.image("dracut"), None),
    ];
    let column = |(name, generator, image, door): (_, _, PathBuf, _)| {
        Ok(Column {
            name,
            digest: digest(&files::read(&image)?),
            rival: Rival {
                generator,
                image,
                door,
            },
        })
    };
    all.into_iter().map(column).collect()
}

/// What everybody boots: set-up has put it under the hash of what it was made from.
fn root(ours: &Subject) -> [&Path; 2] {
    [&ours.artefacts.root_disk, &ours.artefacts.kernel]
}

/// A hash that may be another with the next compiler: then all is looked at again.
fn digest(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// What was kept; a line that says nothing is as good as none.
fn read_cells(kept: &Path) -> Vec<Cell> {
    let text = files::read_text(kept).unwrap_or_default();
    let cells = text.lines().map(serde_json::from_str);
    cells.filter_map(Result::ok).collect()
}

fn add_cell(kept: &Path, cell: &Cell) -> Result<(), Error> {
    let line = serde_json::to_string(cell).map_err(|error| Error::unexpected(error.to_string()))?;
    let mut file = std::fs::File::options();
    let file = file.create(true).append(true).open(kept);
    file.and_then(|mut file| writeln!(file, "{line}"))
        .map_err(|source| Error::File {
            what: "write",
            path: kept.to_owned(),
            source,
        })
}

/// Where it has ended, and what else is to be known of that.
fn words(seen: &Seen) -> String {
    let is_up = seen.last == Last::Prompt && (seen.root || !seen.reachable);
    let outcome = match (is_up, seen.root, seen.image) {
        (true, ..) => "up",
        (false, true, _) => "half up",
        (false, false, true) => "rescue",
        (false, false, false) => "locked out",
    };
    let mut notes = vec![outcome.to_owned()];
    if !seen.root && !is_up {
        notes.extend(on_console(seen).map(str::to_owned));
    }
    match seen.resets {
        0 => {}
        1 => notes.push("1 reset".to_owned()),
        more => notes.push(format!("{more} resets")),
    }
    if !seen.consistent {
        notes.push("root damaged".to_owned());
    }
    if (is_up || seen.root) && !seen.off {
        notes.push("does not switch off".to_owned());
    }
    if seen.early {
        notes.push("early login".to_owned());
    }
    notes.join(", ")
}

/// What is on the console of a machine that is not up; what waits for somebody in the rescue need not say anything.
fn on_console(seen: &Seen) -> Option<&'static str> {
    match seen.last {
        Last::Prompt => Some("login prompt on the console"),
        Last::Panic => Some("kernel panic"),
        Last::Shell => Some("shell on the console"),
        Last::Waits => (!seen.image).then_some("nothing on the console"),
    }
}

fn report(columns: &[Column], rows: &[(&str, &str, Vec<String>)], versions: &str) -> String {
    let versions: Vec<&str> = versions.lines().collect();
    let mut text = format!(
        "What becomes of a machine, with each image on the same kernel and root disk. Judged from outside alone: by ssh, by how often\n\
         the kernel starts, by the prompt on the console, and by `e2fsck -fn` once the machine is off and the journal replayed.\n\n\
         - up: the root's sshd lets somebody in, and the console has come to the prompt (where there is no network, that alone).\n\
         - half up: the root's sshd lets somebody in; the prompt never comes.\n\
         - rescue: the image's own sshd lets somebody in, and the root's does not.\n\
         - locked out: nobody is let in by ssh. Behind it is what somebody at the console has.\n\
         - early login: the image's sshd has let somebody in before the root's did; a client knocks every few seconds.\n\
         - root damaged: e2fsck would have something to do.\n\n\
         Peers: {}.\n\
         dracut's Debian packages have no sshd for its images. All know the root by its label and may repair what can be:\n\
         `fsck.repair=yes` for initramfs-tools; dracut has no such word and runs `e2fsck -a`. Where the\n\
         superblock with the label is lost, neither finds the root, and so does not check it. Somebody at the console has\n\
         a shell of theirs there; preroot's rescue is for who comes by ssh, and its console only says what is wrong.\n\n\
         | scenario | what is wrong |",
        versions.join(", ")
    );
    for column in columns {
        // Writing to a String cannot fail.
        let _ = write!(text, " {} |", column.name);
    }
    let _ = writeln!(text, "\n|---|---|{}", "---|".repeat(columns.len()));
    for (name, wrong, cells) in rows {
        let _ = writeln!(text, "| {name} | {wrong} | {} |", cells.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;
    use preroot_qemu_tests::is_for_all;

    fn seen() -> Seen {
        Seen {
            reachable: true,
            early: false,
            image: false,
            root: false,
            last: Last::Waits,
            resets: 0,
            consistent: true,
            off: false,
        }
    }

    #[test]
    fn an_outcome_is_what_somebody_meets_who_comes() {
        let check = |change: fn(&mut Seen), expected: &str| {
            let mut seen = seen();
            change(&mut seen);
            assert_eq!(words(&seen), expected, "{seen:?}");
        };
        check(|_| {}, "locked out, nothing on the console");
        let up = |seen: &mut Seen| {
            (seen.root, seen.off, seen.last) = (true, true, Last::Prompt);
        };
        check(up, "up");
        check(
            |seen| {
                (seen.root, seen.last, seen.early, seen.resets) = (true, Last::Prompt, true, 1);
                seen.image = true;
            },
            "up, 1 reset, does not switch off, early login",
        );
        check(|seen| (seen.root, seen.off) = (true, true), "half up");
        check(|seen| seen.image = true, "rescue");
        check(
            |seen| (seen.image, seen.last, seen.consistent) = (true, Last::Shell, false),
            "rescue, shell on the console, root damaged",
        );
        check(
            |seen| (seen.last, seen.resets) = (Last::Panic, 2),
            "locked out, kernel panic, 2 resets",
        );
        check(
            |seen| seen.last = Last::Prompt,
            "locked out, login prompt on the console",
        );
        check(
            |seen| (seen.reachable, seen.off, seen.last) = (false, true, Last::Prompt),
            "up",
        );
    }

    #[test]
    fn each_scenario_can_be_asked_of_everybody() {
        for (name, _) in SCENARIOS {
            let path = library_directory().join(name).with_extension("toml");
            let scenario = Scenario::read(&path).unwrap();
            is_for_all(&scenario).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn what_was_seen_is_kept_and_a_torn_line_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("cells.jsonl");
        assert!(read_cells(&kept).is_empty());
        let cell = |digest| Cell {
            scenario: "clean".to_owned(),
            image: "dracut".to_owned(),
            digest,
            seen: seen(),
        };
        add_cell(&kept, &cell(1)).unwrap();
        add_cell(&kept, &cell(u64::MAX)).unwrap();
        let text = files::read_text(&kept).unwrap();
        files::write(&kept, format!("{text}{{\"scenario\":\"cl")).unwrap();
        let digests: Vec<u64> = read_cells(&kept).iter().map(|cell| cell.digest).collect();
        assert_eq!(digests, [1, u64::MAX]);
    }

    #[test]
    fn the_table_has_a_row_for_each_scenario_and_a_cell_for_each_image() {
        let column = |name| Column {
            name,
            rival: Rival {
                generator: Generator::Dracut,
                image: PathBuf::new(),
                door: None,
            },
            digest: 0,
        };
        let rows = [(
            "clean",
            "nothing is wrong",
            vec!["up".to_owned(), "locked out".to_owned()],
        )];
        let text = report(&[column("a"), column("b")], &rows, "x 1\ny 2\n");
        assert!(text.contains("Peers: x 1, y 2."), "{text}");
        assert!(
            text.ends_with(
                "| scenario | what is wrong | a | b |\n|---|---|---|---|\n\
                 | clean | nothing is wrong | up | locked out |\n"
            ),
            "{text}"
        );
    }
}
