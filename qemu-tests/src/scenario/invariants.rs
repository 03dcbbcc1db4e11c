//! What is true of every boot, whatever was wrong: what a scenario that was drawn by lot is held against, for nobody has said
//! where it should end.
//!
//! - It comes to a verdict, and is reachable from beginning to end: a session is open all the time, and a new one ends it. Both
//!   are seen while it runs.
//! - The kernel has not panicked, nor has PID 1.
//! - The record is whole, and tells what the console told, in the same order: verdicts, runlevels and checks of the root.
//! - A root that was booted is consistent afterwards.

use preroot_record::Event;

use crate::disk::Health;
use crate::record::Boot;

/// What never stands on a console.
const NEVER: [&str; 3] = ["Kernel panic", "preroot: panicked", "BUG: "];
/// With this PID 1 begins what comes behind the record that somebody has taken along.
const GOES_DOWN: [&str; 2] = ["preroot: poweroff (", "preroot: reboot ("];

/// What is not so. `health`: of the root, once the machine is off.
pub(super) fn broken(boot: &Boot<'_>, console: &str, health: &Health) -> Vec<String> {
    let mut all: Vec<String> = NEVER
        .iter()
        .filter(|words| console.contains(**words))
        .map(|words| format!("console: `{words}`"))
        .collect();
    let verdict = boot.verdict().map(|verdict| verdict.word);
    if verdict.is_none() {
        all.push("it has come to no verdict".to_owned());
    }
    if boot.missing > 0 || boot.damaged > 0 {
        let (damaged, missing) = (boot.damaged, boot.missing);
        all.push(format!(
            "record: {damaged} bytes damaged, {missing} frames missing"
        ));
    }
    let (told, recorded) = (told(console), recorded(boot));
    if told != recorded {
        all.push(format!(
            "the console tells {told:?}, the record {recorded:?}"
        ));
    }
    // One that waits for a person may be what he is needed for.
    let is_booted = verdict.is_some_and(|word| ["OK", "DEGRADED"].contains(&word));
    if let (Health::Unclean(why), true) = (health, is_booted) {
        all.push(format!("the root is left unclean: {why}"));
    }
    all
}

/// What PID 1 has told of on the console, in order: `verdict OK`, `runlevel S`, `checking not clean`.
fn told(console: &str) -> Vec<String> {
    let ends = GOES_DOWN.iter().filter_map(|words| console.find(words));
    let until = ends.min().unwrap_or(console.len());
    let of = |line: &str| {
        let (_, said) = line.split_once("preroot: ")?;
        let (word, rest) = said.split_once(' ')?;
        let is_end = |letter: char| !letter.is_ascii_alphanumeric();
        match word {
            "verdict" | "runlevel" => {
                let first = rest.split(is_end).next().unwrap_or_default();
                Some(format!("{word} {first}"))
            }
            "checking" => {
                let (_, reason) = rest.split_once(": ")?;
                Some(format!("checking {}", reason.trim_end()))
            }
            _ => None,
        }
    };
    console[..until].lines().filter_map(of).collect()
}

/// The same by the record. A check is recorded when it has ended, and each run of e2fsck by itself.
fn recorded(boot: &Boot<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for (_, event) in boot.events() {
        let words = match event {
            Event::Verdict(verdict) => format!("verdict {}", verdict.word),
            Event::RunlevelBegan(began) => format!("runlevel {}", began.runlevel),
            Event::Fsck(check) if !check.command.is_empty() => format!("checking {}", check.reason),
            _ => continue,
        };
        let is_again = words.starts_with("checking") && all.last() == Some(&words);
        if !is_again {
            all.push(words);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;
    use crate::record::Record;

    /// A record of bootlog's corpus: a clean boot.
    fn good() -> Record {
        let place = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../src/bootlog/tests/records/good.record"
        );
        Record::new(std::fs::read(place).unwrap())
    }

    const CONSOLE: &str = "[    1.0] preroot: runlevel S\r\n\
        [    2.0] preroot: runlevel 2\r\n\
        [    3.0] preroot: verdict OK, host key SHA256:x\r\n\
        [    4.0] preroot: poweroff (operator)\r\n\
        [    5.0] preroot: runlevel 0\r\n";

    #[test]
    fn a_boot_is_held_against_its_console() {
        let record = good();
        let boot = record.latest().unwrap();
        let check = |console: &str, health: &Health, expected: &[&str]| {
            assert_eq!(broken(&boot, console, health), expected, "{console}");
        };
        check(CONSOLE, &Health::Clean, &[]);
        let unclean = Health::Unclean("state `not clean`".to_owned());
        check(
            CONSOLE,
            &unclean,
            &["the root is left unclean: state `not clean`"],
        );
        check(
            &CONSOLE.replace("runlevel 2", "runlevel 3"),
            &Health::Clean,
            &[
                "the console tells [\"runlevel S\", \"runlevel 3\", \"verdict OK\"], the record [\"runlevel S\", \"runlevel 2\", \"verdict OK\"]",
            ],
        );
        check(
            &format!("{CONSOLE}Kernel panic - not syncing"),
            &Health::Clean,
            &["console: `Kernel panic`"],
        );
    }

    #[test]
    fn checks_are_told_by_their_reason() {
        let console = "preroot: checking vda1: not clean\r\npreroot: check: pass 1 of 5, 0 %\r\n\
            preroot: verdict DEGRADED(root vda1 was repaired)\r\n";
        assert_eq!(told(console), ["checking not clean", "verdict DEGRADED"]);
    }
}
