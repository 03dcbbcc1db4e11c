//! What somebody meets who is logged in to a machine that does not come up: ours, and Debian's initramfs-tools with
//! dropbear, through the same faults.
//!
//! On both sides somebody logs in while the root is not there yet. Then it comes, with its fault, or never. What is told
//! is what a client with a terminal gets; whether a session lives, whether it answers; whether the machine runs, whether
//! QEMU does: a reboot ends it here. Nothing is taken from what either side says of itself.

use std::fmt::Write as _;
use std::io::Read;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use preroot_qemu_tests::{
    ADDRESS, Artefacts, Disk, Error, Health, Machine, Nic, Session, Spec, Ssh, free_port,
};

use super::guest::Peers;
use super::rescue::{RESCUE_PORT, SSH_PORT};

/// How long is waited for a login where there may be none.
const LOGIN_MAX: Duration = Duration::from_secs(15);
/// How long an open session may take for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// A terminal has said all that it says by itself when it is silent for so long.
const SILENCE: Duration = Duration::from_secs(3);
/// How long the machine is watched after its fault: `panic=10` would have passed three times.
const WATCHED: Duration = Duration::from_secs(30);
/// Lines of what is told that the table shows.
const LINES_MAX: usize = 4;

/// Whose boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Preroot,
    Peer,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Preroot => "preroot",
            Side::Peer => "initramfs-tools + dropbear",
        }
    }
}

/// The disk that comes once somebody is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    /// None.
    Missing,
    /// `e2fsck -p` leaves it to a person.
    Damaged,
    /// It has no /sbin/init. Both are told to start it: without `init=` ours looks for none and stays PID 1; the peer
    /// tries /bin/sh next, on the console.
    WithoutInit,
}

/// One fault.
#[derive(Debug)]
struct Fault {
    name: &'static str,
    root: Root,
    /// On both command lines.
    append: &'static str,
    /// What the console shows when it has been met: ours, the peer's.
    met: [&'static str; 2],
}

/// What our console says when a person is waited for.
const OURS: &str = "RESCUE: ";

const FAULTS: [Fault; 4] = [
    Fault {
        name: "no root",
        root: Root::Missing,
        append: "",
        met: [OURS, "Gave up waiting for root"],
    },
    Fault {
        name: "a damaged root, `fsck.repair=preen`",
        root: Root::Damaged,
        append: "fsck.repair=preen",
        met: [OURS, "requires a manual fsck"],
    },
    Fault {
        name: "no root, `panic=10`",
        root: Root::Missing,
        append: "panic=10",
        met: [OURS, "Gave up waiting for root"],
    },
    Fault {
        name: "no /sbin/init on the root, `init=/sbin/init`",
        root: Root::WithoutInit,
        append: "init=/sbin/init",
        met: [OURS, "have requested /sbin/init"],
    },
];

/// What was seen.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// What a login after the fault shows before its prompt; none: nobody is let in.
    told: Option<Vec<String>>,
    /// Whether the session from before answers, at once and at the end.
    session: [bool; 2],
    /// When the machine went down under it.
    down: Option<Duration>,
}

/// Boots both sides through all faults; gives the table.
pub(super) fn run(artefacts: &Artefacts, peers: &Peers) -> Result<String, Error> {
    let mut text = format!(
        "\n## Broken roots, with somebody logged in\n\n\
         On both sides somebody logs in before the root is there. Told: what a login after the fault shows, before its\n\
         prompt. Lives: the session from before answers, at once and {} s later.\n\n\
         | what is wrong | | a login then | is told | the session from before | the machine |\n\
         |---|---|---|---|---|---|\n",
        WATCHED.as_secs()
    );
    for fault in &FAULTS {
        for side in [Side::Preroot, Side::Peer] {
            eprintln!("  {}: {}", side.name(), fault.name);
            let seen = see(artefacts, peers, fault, side)?;
            text.push_str(&row(fault, side, &seen));
        }
    }
    Ok(text)
}

fn see(artefacts: &Artefacts, peers: &Peers, fault: &Fault, side: Side) -> Result<Seen, Error> {
    let disk = disk(artefacts, fault.root)?;
    let (image, port, words, met): (PathBuf, u16, String, &str) = match side {
        Side::Preroot => (
            artefacts.image.clone(),
            RESCUE_PORT,
            String::new(),
            fault.met[0],
        ),
        Side::Peer => (
            peers.image("checking"),
            SSH_PORT,
            format!("root=/dev/vda1 ro {ADDRESS}"),
            fault.met[1],
        ),
    };
    let knocked = free_port()?;
    let mut spec = Spec::new(artefacts)
        .image(&image)
        .append(&words)
        .append(fault.append)
        .nic(Nic::User {
            forwards: vec![(knocked, port)],
        });
    if let Some(disk) = &disk {
        spec = spec.disk_unplugged(disk);
    }
    let mut machine = spec.start_init()?;
    let ssh = Ssh::unpinned(artefacts, knocked)?;
    ssh.wait(&mut machine)?;
    let mut session = ssh.session()?;
    session.ask("true")?;
    if disk.is_some() {
        machine.attach(0)?;
    }
    machine.wait_console(met)?;
    watch(&mut machine, &ssh, &mut session)
}

fn disk(artefacts: &Artefacts, root: Root) -> Result<Option<Disk>, Error> {
    let disk = match root {
        Root::Missing => return Ok(None),
        Root::Damaged | Root::WithoutInit => Disk::copy(artefacts)?,
    };
    match root {
        Root::Missing => {}
        Root::WithoutInit => drop(disk.debugfs(&["rm /usr/sbin/init"])?),
        Root::Damaged => {
            disk.debugfs(&["clri /usr/share/lintian", "set_super_value state 2"])?;
            if disk.health()? == Health::Clean {
                return Err(Error::unexpected("the disk is not damaged"));
            }
        }
    }
    Ok(Some(disk))
}

/// Looks at everything, from the fault on.
fn watch(machine: &mut Machine, ssh: &Ssh, session: &mut Session) -> Result<Seen, Error> {
    let begun = Instant::now();
    let mut answers = || {
        session
            .ask_within("echo alive", ANSWER_MAX)
            .is_ok_and(|said| said == "alive")
    };
    let at_once = answers();
    let told = login(machine, ssh)?;
    while begun.elapsed() < WATCHED {
        if machine.check_running().is_err() {
            return Ok(Seen {
                told,
                session: [at_once, false],
                down: Some(begun.elapsed()),
            });
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(Seen {
        told,
        session: [at_once, answers()],
        down: None,
    })
}

/// What a new login shows, if there is one.
fn login(machine: &mut Machine, ssh: &Ssh) -> Result<Option<Vec<String>>, Error> {
    let begun = Instant::now();
    while begun.elapsed() < LOGIN_MAX {
        if machine.check_running().is_err() {
            return Ok(None);
        }
        if ssh.answers() {
            return shown(ssh);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(None)
}

/// What a terminal shows before its prompt; none if there is no terminal.
fn shown(ssh: &Ssh) -> Result<Option<Vec<String>>, Error> {
    let failed = |error: std::io::Error| Error::unexpected(format!("ssh: {error}"));
    let mut command = ssh.command();
    command.arg("-tt").stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut client = command.spawn().map_err(failed)?;
    let (sender, pieces) = channel();
    if let Some(mut stdout) = client.stdout.take() {
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(bytes @ 1..) = stdout.read(&mut piece) {
                if sender.send(piece[..bytes].to_vec()).is_err() {
                    break;
                }
            }
        });
    }
    let mut bytes = Vec::new();
    let mut patience = LOGIN_MAX;
    while let Ok(piece) = pieces.recv_timeout(patience) {
        bytes.extend(piece);
        patience = SILENCE;
    }
    // Nobody types: it is over when enough has been seen. It may have ended with its machine.
    let _ = client.kill();
    client.wait().map_err(failed)?;
    Ok((!bytes.is_empty()).then(|| before_prompt(&String::from_utf8_lossy(&bytes))))
}

/// The lines that are not empty; the last one, which has no end, is the prompt.
fn before_prompt(text: &str) -> Vec<String> {
    let Some((said, _)) = text.rsplit_once('\n') else {
        return Vec::new();
    };
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    said.lines()
        .map(words)
        .filter(|line| !line.is_empty())
        .collect()
}

fn row(fault: &Fault, side: Side, seen: &Seen) -> String {
    let told = match &seen.told {
        None => String::new(),
        Some(lines) if lines.is_empty() => "nothing".to_owned(),
        Some(lines) => {
            let mut cell = lines[..lines.len().min(LINES_MAX)].join(" / ");
            if let Some(more @ 1..) = lines.len().checked_sub(LINES_MAX) {
                // Writing to a String cannot fail.
                let _ = write!(cell, " / and {more} lines more");
            }
            cell.replace('|', "\\|")
        }
    };
    let login = match seen.told {
        Some(_) => "yes",
        None => "none",
    };
    let session = match seen.session {
        [true, true] => "lives",
        [true, false] => "lives, and has ended at the end",
        [false, _] => "has ended",
    };
    let machine = match seen.down {
        None => "runs".to_owned(),
        Some(after) => format!("reboots under it, {} s after the fault", after.as_secs()),
    };
    let (what, who) = (fault.name, side.name());
    format!("| {what} | {who} | {login} | {told} | {session} | {machine} |\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_is_not_told() {
        let check = |text: &str, expected: &[&str]| assert_eq!(before_prompt(text), expected);
        check("", &[]);
        check("~ # ", &[]);
        check("\r\n~ # ", &[]);
        check("one\r\n\r\n  two  words \r\n~ # ", &["one", "two words"]);
    }

    #[test]
    fn a_row_says_what_was_seen() {
        let check = |seen: Seen, expected: &str| {
            let row = row(&FAULTS[0], Side::Peer, &seen);
            let expected = format!("| no root | initramfs-tools + dropbear | {expected} |\n");
            assert_eq!(row, expected);
        };
        let lines = |count: usize| Some((0..count).map(|at| format!("l{at}")).collect());
        let seen = |told, session, down| Seen {
            told,
            session,
            down,
        };
        check(
            seen(lines(6), [true, true], None),
            "yes | l0 / l1 / l2 / l3 / and 2 lines more | lives | runs",
        );
        check(
            seen(lines(0), [true, false], Some(Duration::from_secs(10))),
            "yes | nothing | lives, and has ended at the end | reboots under it, 10 s after the fault",
        );
        check(
            seen(None, [false, false], None),
            "none |  | has ended | runs",
        );
    }
}
