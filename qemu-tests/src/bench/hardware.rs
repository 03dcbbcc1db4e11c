//! What the hardware check costs: the child that reads the machine, with those that it has ask the disks, on a healthy machine
//! with four disks.
//!
//! The boot is held where the order would begin, so that nothing else runs, and the check is made again and again. The kernel
//! says how long anything but idleness ran on the only processor: during nothing, during a run of the same program that does
//! nothing, and during the check, one after the other in each round, for the same time.

use std::fmt::Write as _;

use preroot_qemu_tests::{Artefacts, Disk, Error, Spec};

use super::Table;
use super::guest::{self, ms};

/// Bytes of the disks beside the root's.
const DISK_BYTES: u64 = 64 << 20;
/// How many disks there are in all.
const DISKS: usize = 4;
/// Rounds that count; one goes before, that brings the program into the caches.
const ROUNDS: usize = 15;

/// Prints time in ns, three numbers for each round: nothing done, the program started for nothing, the check; and how many disks
/// the last one told as alive.
const MEASURE: &str = "
cpu() { sed -n 's/^cpu0 //p' /proc/schedstat | cut -d' ' -f7; }
ln -s /sbin/preroot-helper /tmp/preroot-inventory
told=/tmp/told
until=$(($(cut -d. -f1 /proc/uptime) + 60))000000000
during() {
    before=$(cpu)
    if [ -n \"$1\" ]; then /tmp/preroot-inventory $2 >$told 2>&1 & fi
    usleep 60000
    after=$(cpu)
    [ -z \"$1\" ] || kill $! 2>/dev/null
    echo $((after - before))
}
round=0
while [ $round -le ROUNDS ]; do
    during ''
    during start
    during check $until
    round=$((round + 1))
done
grep -c 'alive=ok' $told
";

/// What the section in the table is called.
const HEADING: &str = "Hardware check";

/// Measures it.
pub(crate) fn run(table: &Table) -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let rounds = rounds(&artefacts)?;
    let mut text = String::from(
        "A healthy machine with four disks. Guest time: one instruction is one ns (QEMU icount). Of 15 rounds, ms:\n\n\
         | | least | median | most |\n|---|---:|---:|---:|\n",
    );
    for (name, of) in [
        (
            "the check, all of whose processes",
            Round::check_ns as fn(&Round) -> u64,
        ),
        ("until the first of them runs", Round::start_ns),
        ("both", Round::both_ns),
    ] {
        let mut all: Vec<u64> = rounds.iter().map(of).collect();
        all.sort_unstable();
        let at = |number: usize| ms(all.get(number).copied().unwrap_or_default());
        let (least, median, most) = (at(0), at(all.len() / 2), at(all.len() - 1));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {name} | {least:.2} | {median:.2} | {most:.2} |");
    }
    table.hand_out(HEADING, &text)
}

/// Time of the guest in one round, ns.
#[derive(Debug, Clone, Copy)]
struct Round {
    nothing: u64,
    started: u64,
    checked: u64,
}

impl Round {
    /// Until the program runs.
    fn start_ns(&self) -> u64 {
        self.started.saturating_sub(self.nothing)
    }

    /// All that it does then.
    fn check_ns(&self) -> u64 {
        self.checked.saturating_sub(self.started)
    }

    fn both_ns(&self) -> u64 {
        self.checked.saturating_sub(self.nothing)
    }
}

fn rounds(artefacts: &Artefacts) -> Result<Vec<Round>, Error> {
    eprintln!("  the hardware check");
    let disk = Disk::copy(artefacts)?;
    let others: Vec<Disk> = (1..DISKS)
        .map(|_| Disk::empty(DISK_BYTES))
        .collect::<Result<_, _>>()?;
    let mut spec = Spec::new(artefacts).counted_with_random().disk(&disk);
    for other in &others {
        spec = spec.disk(other);
    }
    let (mut machine, ssh) = guest::hold_at_start(artefacts, spec)?;
    let said = ssh.text_of(&MEASURE.replace("ROUNDS", &ROUNDS.to_string()))?;
    machine.cut_power();
    let numbers: Vec<u64> = said
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    let rounds: Vec<Round> = numbers
        .chunks_exact(3)
        .map(|round| Round {
            nothing: round[0],
            started: round[1],
            checked: round[2],
        })
        .skip(1)
        .collect();
    let alive = numbers.last().copied();
    if rounds.len() != ROUNDS || alive != u64::try_from(DISKS).ok() {
        return Err(Error::unexpected(format!("the hardware check: {said}")));
    }
    Ok(rounds)
}
