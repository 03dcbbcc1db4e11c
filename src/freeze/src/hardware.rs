//! `[hardware]`: what should be in the machines, of every one and of those that a `[[hardware.machine]]` matches.
//!
//! What contradicts itself is refused here, with its line: at boot it would be a verdict that is always wrong.
//!
//! | file       | what it knows                                          |
//! |------------|--------------------------------------------------------|
//! | `things`   | what is expected of one machine                        |
//! | `agree`    | what of that cannot be true at once                    |
//! | `machines` | what machines are known by                             |

mod agree;
mod machines;
mod things;

use preroot_plan::limits::{EXPECTED_MAX, EXPECTED_PER_MACHINE_MAX, HARDWARE_MS_DEFAULT};
use preroot_plan::{Changes, DraftExpected, DraftHost, DraftMachine};
use toml::Spanned;

use crate::check::Check;
use crate::message::Place;
use crate::raw_config::RawHardware;

/// What should be in the machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardwareConfig {
    /// How long it may take to appear, ms.
    pub deadline_ms: u32,
    /// What becomes of what is missing since the last good boot, where nothing is expected.
    pub changes: Changes,
    /// Of every machine.
    pub expected: Vec<DraftExpected>,
    /// Of some.
    pub machines: Vec<DraftMachine>,
}

/// A deadline beyond this is no deadline.
const DEADLINE_MS_MAX: u32 = 600_000;

/// Reads and checks it.
pub(crate) fn hardware(
    check: &mut Check<'_>,
    raw: &RawHardware,
    hosts: &[DraftHost],
) -> HardwareConfig {
    let deadline_ms = check.duration(&raw.deadline, HARDWARE_MS_DEFAULT);
    if let Some(word) = &raw.deadline
        && !(100..=DEADLINE_MS_MAX).contains(&deadline_ms)
    {
        let text = format!("\"{}\" is no time for disks to appear", word.get_ref());
        check.wrong(word, text, "write 100ms to 10m");
    }
    let changes = check.choice(
        &raw.changes,
        Changes::Degraded,
        &[Changes::Note, Changes::Degraded, Changes::Off].map(|it| (it.word(), it)),
    );
    let expected = things::things(check, &raw.things());
    let machines = machines::machines(check, &raw.machine, hosts);
    let all = machines.iter().map(|machine| machine.expected.len());
    let whole = Place::new(check.file.clone(), 0);
    if all.sum::<usize>() + expected.len() > EXPECTED_MAX {
        let remedy = "make an image for each part of the fleet";
        let text = format!("more than {EXPECTED_MAX} things are expected of all machines");
        check.messages.refuse(whole, text, remedy);
    } else if expected.len() > EXPECTED_PER_MACHINE_MAX {
        let text = format!("more than {EXPECTED_PER_MACHINE_MAX} things are expected of a machine");
        check
            .messages
            .refuse(whole, text, "expect some of them by count and size");
    }
    HardwareConfig {
        deadline_ms,
        changes,
        expected,
        machines,
    }
}

/// Complains about a value that cannot be read.
fn wrong<T>(check: &mut Check<'_>, at: &Spanned<T>, text: &str, wrong: crate::hosts::Wrong) {
    check.wrong(at, format!("\"{text}\" {}", wrong.0), wrong.1);
}
