//! What should be in the machines, as lines for people.

use preroot_plan::limits::HARDWARE_MS_DEFAULT;
use preroot_plan::{By, Changes, Class, Concern, Expected, Plan, State};

use crate::text::{duration, size};

/// How it is checked; `None`: nothing is expected, and all is as in every plan.
pub(crate) fn setting(plan: &Plan<'_>) -> Option<String> {
    let settings = plan.settings();
    let ms = settings.hardware_ms.get();
    let changes = settings.changes().word();
    let is_plain = ms == HARDWARE_MS_DEFAULT && settings.changes() == Changes::Degraded;
    (!is_plain || !plan.expected().is_empty())
        .then(|| format!("within {}, changes {changes}", duration(ms)))
}

/// What is expected, each with a key: machine, class and name.
pub(crate) fn expected(plan: &Plan<'_>) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for machine in plan.machines() {
        let name = match plan.text(machine.name) {
            "" => String::new(),
            name => format!("{name}: "),
        };
        for it in plan.expected_of(machine) {
            let what = format!("{name}{}", what(plan, it));
            lines.push((what.clone(), format!("{what:<32} {}", how(it))));
        }
    }
    lines
}

fn what(plan: &Plan<'_>, it: &Expected) -> String {
    let word = it.class().word();
    match (it.class(), it.by()) {
        (Class::Memory, _) => word.to_string(),
        (Class::Cpu, by) => format!("{word} {}", by.key()),
        (_, By::Any) => format!("{word}s"),
        _ => format!("{word} {}", plan.text(it.name)),
    }
}

fn how(it: &Expected) -> String {
    let (low, high, count) = (it.low.get(), it.high.get(), it.count.get());
    let mut words = Vec::new();
    if count > 1 || it.by() == By::Any && it.class() != Class::Memory {
        words.push(format!("{count} of them"));
    }
    match it.class() {
        Class::Memory => words.push(format!("at least {}", size(low))),
        Class::Slot | Class::Disk if high == 0 => words.push("any size".to_string()),
        Class::Slot | Class::Disk if low == high => words.push(size(low)),
        Class::Slot | Class::Disk => words.push(format!("{} to {}", size(low), size(high))),
        Class::Cpu if it.by() == By::Microcode => words.push(format!("at least 0x{low:x}")),
        Class::Cpu => words.push(format!("at least {low}")),
        Class::Md if low > 0 => words.push(format!("{low} disks")),
        Class::Nic if low > 0 => words.push(format!("at least {low} Mbit/s")),
        Class::Md | Class::Nic | Class::Pci => {}
    }
    match it.state() {
        State::Plain => {}
        State::ReadOnly => words.push("may be read-only".to_string()),
        State::Carrier => words.push("with carrier".to_string()),
    }
    let concern = match it.concern() {
        Concern::Note => "note",
        Concern::Degraded => "degraded",
        Concern::Hold => "hold",
    };
    words.push(format!("else {concern}"));
    words.join(", ")
}
