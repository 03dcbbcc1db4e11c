//! Records as oncall and a fleet read them: `bootlog show` of a full store, `bootlog fleet` of 10,000, beside cat(1) and grep(1)
//! of the same files.
//!
//! CPU time is the children's own, by getrusage(2): it is far less than wall time moved by whatever else the machine does.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use preroot_qemu_tests::{Error, files};

use super::Table;

/// What the section in the table is called.
const HEADING: &str = "Records";
/// How many stores a fleet has; each has ten boots.
const STORES: &str = "10000";
/// How often each is run.
const ROUNDS: usize = 5;
/// Runs of what takes milliseconds.
const SHORT_ROUNDS: usize = 200;
/// How often a child's memory is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Programs {
    /// The reader, as it is shipped.
    #[arg(long)]
    bootlog: PathBuf,
    /// The reader of the rescue shell.
    #[arg(long)]
    bootlog_static: PathBuf,
    /// What makes stores.
    #[arg(long)]
    make_fleet: PathBuf,
}

/// Runs of one command.
#[derive(Debug)]
struct Runs {
    /// The least of each.
    wall: Duration,
    cpu: Duration,
    /// The median.
    median: Duration,
    /// The largest resident set that was seen, KiB; 0: it was gone before it could be looked at.
    resident_kib: u64,
}

/// Measures everything.
pub(crate) fn run(programs: &Programs, table: &Table) -> Result<(), Error> {
    let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let fleet = scratch.path().join("fleet");
    eprintln!("making {STORES} stores in {}", fleet.display());
    files::run(Command::new(&programs.make_fleet).arg(&fleet).arg(STORES))?;
    let bytes = size(&fleet)?;
    let mut text = format!(
        "{STORES} stores of ten boots: {:.2} GB, read before. One thread; the least of {ROUNDS} rounds.\n\n",
        bytes as f64 / 1e9
    );
    text.push_str("| | wall, s | CPU, s | MB a second of CPU | over cat | memory, MB |\n");
    text.push_str("|---|---:|---:|---:|---:|---:|\n");
    let words = |words: &[&str]| {
        let mut command = Command::new(words.first().copied().unwrap_or_default());
        command.args(words.get(1..).unwrap_or_default()).arg(&fleet);
        command
    };
    let mut reader = Command::new(&programs.bootlog);
    reader.args(["fleet", "--threads", "1"]).arg(&fleet);
    let mut cat = Command::new("sh");
    let pipe = "find \"$0\" -type f -exec cat {} + | cat";
    cat.args(["-c", pipe]).arg(&fleet);
    let mut grep = words(&["grep", "-r", "-a", "-c", "verdict"]);
    let rows = [
        ("cat, into a pipe", &mut cat),
        ("bootlog fleet", &mut reader),
        ("grep -r", &mut grep),
    ];
    let mut peer = None;
    for (name, command) in rows {
        eprintln!("  {name}");
        let runs = measure(command, ROUNDS)?;
        let cpu = runs.cpu.as_secs_f64();
        let over = cpu / *peer.get_or_insert(cpu);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {:.2} | {cpu:.2} | {:.0} | {over:.2} | {:.1} |",
            runs.wall.as_secs_f64(),
            bytes as f64 / 1e6 / cpu,
            runs.resident_kib as f64 / 1e3,
        );
    }
    show(&mut text, programs, &fleet)?;
    table.hand_out(HEADING, &text)
}

/// One store, as somebody waits for it.
fn show(text: &mut String, programs: &Programs, fleet: &Path) -> Result<(), Error> {
    let store = fleet.join("00/host0");
    let bytes = size(&store)?;
    let _ = writeln!(
        text,
        "\nOne of them, {bytes} bytes; the medians of {SHORT_ROUNDS} rounds.\n\n| | ms | over cat |\n|---|---:|---:|"
    );
    let of = |program: &Path, words: &[&str]| {
        let mut command = Command::new(program);
        command.args(words).arg(&store);
        command
    };
    let shipped = |words: &[&str]| of(&programs.bootlog, words);
    let rows = [
        ("cat", of(Path::new("cat"), &[])),
        ("bootlog show", shipped(&["show"])),
        (
            "bootlog show, the rescue shell's",
            of(&programs.bootlog_static, &["show"]),
        ),
        ("bootlog list", shipped(&["list"])),
        ("bootlog blame", shipped(&["blame"])),
        ("bootlog critical-path", shipped(&["critical-path"])),
        ("bootlog diff", shipped(&["diff"])),
        ("bootlog plot --svg", shipped(&["plot", "--svg"])),
    ];
    let mut peer = None;
    for (name, mut command) in rows {
        let ms = measure(&mut command, SHORT_ROUNDS)?.median.as_secs_f64() * 1e3;
        let over = ms / *peer.get_or_insert(ms);
        let _ = writeln!(text, "| {name} | {ms:.2} | {over:.2} |");
    }
    Ok(())
}

/// Runs a command so often; what it writes goes nowhere.
fn measure(command: &mut Command, rounds: usize) -> Result<Runs, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let started = |source| Error::Start {
        program: program.clone(),
        source,
    };
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut walls = Vec::new();
    let (mut cpu, mut resident_kib) = (Duration::MAX, 0);
    // Once before, so that all is in memory.
    for round in 0..=rounds {
        let before = children()?;
        let began = Instant::now();
        let mut child = command.spawn().map_err(started)?;
        let status = loop {
            // What takes milliseconds is not looked at: that would be measured too.
            if rounds == SHORT_ROUNDS {
                break child.wait().map_err(started)?;
            }
            resident_kib = resident_kib.max(resident(child.id()));
            match child.try_wait().map_err(started)? {
                Some(status) => break status,
                None => std::thread::sleep(LOOK),
            }
        };
        let wall = began.elapsed();
        // grep says 1 where a file has no such line.
        if status.code().is_none_or(|code| code > 1) {
            return Err(Error::unexpected(format!("{program}: {status}")));
        }
        if round > 0 {
            walls.push(wall);
            cpu = cpu.min(children()?.saturating_sub(before));
        }
    }
    walls.sort_unstable();
    let at = |place: usize| walls.get(place).copied().unwrap_or_default();
    Ok(Runs {
        wall: at(0),
        median: at(walls.len() / 2),
        cpu,
        resident_kib,
    })
}

/// CPU time of all children that have been waited for.
fn children() -> Result<Duration, Error> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(|errno| Error::unexpected(format!("getrusage: {errno}")))?;
    let time = |time: nix::sys::time::TimeVal| {
        let micros = time.tv_sec() * 1_000_000 + time.tv_usec();
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

/// The largest resident set of a process until now, KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let words = line.and_then(|line| line.split_ascii_whitespace().next());
    words.and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

/// Bytes of the files below a directory, or of a file.
fn size(place: &Path) -> Result<u64, Error> {
    let mut du = Command::new("du");
    let said = files::run(du.args(["-sb", "--apparent-size"]).arg(place))?;
    let said = String::from_utf8_lossy(&said);
    let bytes = said
        .split_ascii_whitespace()
        .next()
        .and_then(|b| b.parse().ok());
    bytes.ok_or_else(|| Error::unexpected(format!("du: {said}")))
}
