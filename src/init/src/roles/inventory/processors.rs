//! CPUs: packages, cores and threads, and their microcode, by /proc/cpuinfo (arch/x86/kernel/cpu/proc.c).

use core::ops::ControlFlow;

use heapless::Vec;
use preroot_boot::inventory::{Facts, Item};
use preroot_plan::Class;

use super::tree::{Small, Tree};
use crate::limits::SOCKETS_MAX;

/// Says what CPUs there are.
pub(super) fn look(tree: &Tree<'_>, each: &mut dyn FnMut(&Item<'_>)) {
    let mut facts = Facts::new();
    let mut packages = Vec::<u32, SOCKETS_MAX>::new();
    let (mut online, mut cores) = (0_u64, 0_u64);
    let mut is_new = false;
    tree.lines("/proc/cpuinfo", &mut |line| {
        let Some((key, value)) = line.split_once(':') else {
            return ControlFlow::Continue(());
        };
        let value = value.trim_ascii();
        match key.trim_ascii_end() {
            "processor" => {
                online += 1;
                is_new = false;
            }
            "model name" if online == 1 => facts.put("model", value),
            "microcode" if online == 1 => facts.put("microcode", value),
            "physical id" => {
                if let Ok(package) = value.parse()
                    && !packages.contains(&package)
                {
                    is_new = packages.push(package).is_ok();
                }
            }
            // Of the whole package, so of each it counts once.
            "cpu cores" if is_new => {
                cores = cores.saturating_add(value.parse().unwrap_or(0));
                is_new = false;
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
    let sockets = u64::try_from(packages.len()).unwrap_or(u64::MAX);
    let present = ["/sys/devices/system/cpu/present"];
    let threads = count(tree.text(&present, &mut Small::new()));
    let numbers = [
        ("sockets", sockets),
        ("cores", cores),
        ("threads", threads),
        ("online", online),
    ];
    for (key, number) in numbers.into_iter().filter(|(_, number)| *number > 0) {
        facts.number(key, number);
    }
    each(&Item {
        class: Class::Cpu,
        name: "cpu",
        facts: facts.text(),
    });
}

/// How many numbers are in a list such as `0-3,8,10-11` (Documentation/core-api/kernel-api.rst, bitmap lists).
fn count(list: &str) -> u64 {
    let mut sum = 0_u64;
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) else {
            continue;
        };
        if let Some(more) = last.checked_sub(first) {
            sum = sum.saturating_add(u64::from(more) + 1);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn lists_are_counted() {
        for (list, expected) in [
            ("0", 1),
            ("0-3", 4),
            ("0-3,8,10-11", 7),
            ("", 0),
            ("x-3", 0),
            ("3-0", 0),
            ("0-4294967295", 1 << 32),
        ] {
            assert_eq!(count(list), expected, "{list}");
        }
    }
}
