//! A fleet of 10,000 hosts: the plan's size, and how long it takes to freeze it, to check it and to find a host in it.
//!
//! Each host has two keys, a VLAN and two addresses with gateways. `look-up` is the plan's reader as PID 1 has it, of
//! the same profile. Wall time of this machine, the fastest of several rounds.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use preroot_qemu_tests::{Artefacts, Error, files};

use super::Table;

/// What the section in the table is called.
const HEADING: &str = "Fleet";
/// How many hosts there are.
const HOSTS: usize = 10_000;
/// What the plan may take, bytes.
const BYTES_MAX: u64 = 3 << 19;
/// How often it is frozen.
const ROUNDS: usize = 5;
/// What is frozen beside the hosts.
const CONFIG: &str = "name = \"fleet\"\nhosts = \"hosts.csv\"\n[root]\nfind = \"/dev/none\"\n";

/// What is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Programs {
    /// The plan's reader as a program of its own.
    #[arg(long)]
    look_up: PathBuf,
}

/// Measures everything.
pub(crate) fn run(programs: &Programs, table: &Table) -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let at = |name: &str| scratch.path().join(name);
    let (empty, full) = (at("empty.plan"), at("full.plan"));
    // A VLAN needs a kernel module, which the tree must then have.
    files::create_directory(&at("root/lib/modules/6.1.0"))?;
    files::write(
        &at("root/lib/modules/6.1.0/modules.dep"),
        "kernel/net/8021q/8021q.ko:\n",
    )?;
    files::create_directory(&at("root/etc/init.d"))?;
    files::write(&at("root/etc/inittab"), "id:2:initdefault:\n")?;
    files::write(&at("config.toml"), CONFIG)?;
    let freeze = |hosts: &str, plan: &PathBuf| -> Result<f64, Error> {
        files::write(&at("hosts.csv"), hosts)?;
        let mut command = Command::new(&artefacts.preroot);
        command.arg("freeze").arg("--config").arg(at("config.toml"));
        command
            .arg("--root")
            .arg(at("root"))
            .arg("--output")
            .arg(plan);
        let mut fastest_ms = f64::INFINITY;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            files::run(&mut command)?;
            fastest_ms = fastest_ms.min(began.elapsed().as_secs_f64() * 1e3);
        }
        Ok(fastest_ms)
    };
    let csv = csv();
    let empty_ms = freeze(&csv[..csv.find('\n').map_or(0, |end| end + 1)], &empty)?;
    let full_ms = freeze(&csv, &full)?;
    let bytes = |path: &PathBuf| -> Result<u64, Error> { Ok(files::read(path)?.len() as u64) };
    let (empty_bytes, full_bytes) = (bytes(&empty)?, bytes(&full)?);
    let mut text = format!(
        "{HOSTS} hosts, each with a name, MAC and serial number, a VLAN, IPv4 and IPv6 with gateways.\n\n"
    );
    let mib = full_bytes as f64 / f64::from(1 << 20);
    let each = full_bytes.saturating_sub(empty_bytes) / HOSTS as u64;
    let _ = writeln!(text, "| | figure |\n|---|---:|");
    let _ = writeln!(text, "| the plan, bytes (of {BYTES_MAX}) | {full_bytes} |");
    let _ = writeln!(
        text,
        "| the plan, MiB | {mib:.2} |\n| a host in it, bytes | {each} |"
    );
    let _ = writeln!(
        text,
        "| freezing the CSV ({} bytes), ms | {:.0} |",
        csv.len(),
        full_ms - empty_ms
    );
    for (what, ns) in look_up(&programs.look_up, &full)? {
        let _ = match what.as_str() {
            "check" => writeln!(text, "| the check at boot, ms | {:.2} |", ns / 1e6),
            "mac-hit" => writeln!(text, "| finding a host by MAC, ns | {ns:.0} |"),
            "mac-miss" => writeln!(text, "| finding that no host has a MAC, ns | {ns:.0} |"),
            "serial-hit" => writeln!(text, "| finding a host by serial number, ns | {ns:.0} |"),
            "serial-miss" => writeln!(
                text,
                "| finding that no host has a serial number, ns | {ns:.0} |"
            ),
            _ => Ok(()),
        };
    }
    table.hand_out(HEADING, &text)?;
    match full_bytes <= BYTES_MAX {
        true => Ok(()),
        false => Err(Error::unexpected(format!(
            "{full_bytes} bytes, of {BYTES_MAX}"
        ))),
    }
}

/// What the program says: names and nanoseconds.
fn look_up(program: &PathBuf, plan: &PathBuf) -> Result<Vec<(String, f64)>, Error> {
    let said = files::run(Command::new(program).arg(plan))?;
    let line = |line: &str| {
        let (what, ns) = line.split_once(' ')?;
        Some((what.to_owned(), ns.parse().ok()?))
    };
    let said = String::from_utf8_lossy(&said);
    Ok(said.lines().filter_map(line).collect())
}

/// The hosts: 40 in a rack, each rack with subnets of its own.
fn csv() -> String {
    let mut csv = "hostname,mac,dmi-serial,vlan,addresses,gateways\n".to_owned();
    for number in 0..HOSTS {
        let (rack, unit) = (number / 40, number % 40 + 10);
        let (high, low) = (rack / 200, rack % 200);
        let (a, b) = (number >> 8 & 255, number & 255);
        let _ = writeln!(
            csv,
            "node-{number:05}.rack{rack:03}.example.net,52:54:07:00:{a:02x}:{b:02x},CZ34{number:06}XK,{},\
             10.{high}.{low}.{unit}/24 2001:db8:{rack:x}::{unit:x}/64,10.{high}.{low}.1 2001:db8:{rack:x}::1",
            100 + rack,
        );
    }
    csv
}
