//! What of a machine's expectations cannot be true at once.

use preroot_plan::{By, Class, DraftExpected};

use super::things::Row;
use crate::check::Check;
use crate::raw_config::RawThings;
use crate::text::size;

/// Complains about contradictions.
pub(super) fn agree(check: &mut Check<'_>, rows: &[Row], raw: &RawThings<'_>) {
    twice(check, rows);
    for class in [Class::Slot, Class::Disk] {
        counts(check, rows, class);
    }
    sums(check, rows);
    cpus(check, raw);
}

fn refuse(check: &mut Check<'_>, at: usize, text: String, remedy: &str) {
    let place = check.place(at);
    check.messages.refuse(place, text, remedy);
}

/// The same thing is expected once.
fn twice(check: &mut Check<'_>, rows: &[Row]) {
    let key = |row: &DraftExpected| {
        let size = if row.by == By::Any { row.low } else { 0 };
        (row.class, row.by, row.name.to_ascii_lowercase(), size)
    };
    for (number, (row, at)) in rows.iter().enumerate() {
        let mut before = rows[..number].iter();
        let Some((other, first)) = before.find(|(other, _)| key(other) == key(row)) else {
            continue;
        };
        let line = check.place(*first).line;
        let what = match row.by {
            By::Any => format!("{}s of this size", row.class.word()),
            _ => format!("{} {}", row.class.word(), row.name),
        };
        let (text, remedy) = if (other.low, other.high) != (row.low, row.high) {
            (
                format!("{what} has another size than on line {line}"),
                "keep the one that is true",
            )
        } else if row.by == By::Serial {
            (
                format!("{what} stands here a second time, see line {line}"),
                "take it out; where two disks have this serial number, write count = 2 at the first",
            )
        } else {
            (
                format!("{what} stands here a second time, see line {line}"),
                "take it out",
            )
        };
        refuse(check, *at, text, remedy);
    }
}

/// A count includes what is named.
fn counts(check: &mut Check<'_>, rows: &[Row], class: Class) {
    let of_class = || rows.iter().filter(|(row, _)| row.class == class);
    for (row, at) in of_class().filter(|(row, _)| row.by == By::Any) {
        let fits = |it: &&Row| {
            let (named, _) = it;
            let is_sized = named.low >= row.low && named.high <= row.high && named.high > 0;
            named.by != By::Any && (row.high == 0 || is_sized)
        };
        let named: u64 = of_class()
            .filter(fits)
            .map(|(it, _)| u64::from(it.count))
            .sum();
        if u64::from(row.count) < named {
            let word = class.word();
            let text = format!("count = {}, and {named} of them are named", row.count);
            let remedy =
                format!("count all {word}s of this size, named or not; or take the count out");
            refuse(check, *at, text, &remedy);
        }
    }
}

/// What is in the slots is all of the memory.
fn sums(check: &mut Check<'_>, rows: &[Row]) {
    let slots = || rows.iter().filter(|(row, _)| row.class == Class::Slot);
    let bytes = |it: &Row| it.0.low.saturating_mul(u64::from(it.0.count));
    let sum = |by: By| {
        let of = slots().filter(|(row, _)| row.by == by).map(bytes);
        of.fold(0, u64::saturating_add)
    };
    // Counted slots may be the named ones.
    let (named, counted) = (sum(By::Name), sum(By::Any));
    let all = named.max(counted);
    let memory = rows.iter().find(|(row, _)| row.class == Class::Memory);
    if let (Some((memory, at)), true) = (memory, all > 0)
        && memory.low > all
        && (named == 0 || counted == 0)
    {
        let text = format!(
            "at least {} of memory, and all slots together have {}",
            size(memory.low),
            size(all)
        );
        refuse(
            check,
            *at,
            text,
            "name all slots that have a DIMM, or correct memory or its tolerance",
        );
    }
}

fn cpus(check: &mut Check<'_>, raw: &RawThings<'_>) {
    let Some(at) = raw.cpu else { return };
    let raw = at.get_ref();
    let numbers = [
        ("sockets", &raw.sockets),
        ("cores", &raw.cores),
        ("threads", &raw.threads),
    ];
    let given: Vec<(&str, i64)> = numbers
        .iter()
        .filter_map(|(name, number)| Some((*name, *number.as_ref()?.get_ref())))
        .collect();
    for pair in given.windows(2) {
        let [(few, low), (many, high)] = pair else {
            continue;
        };
        if low > high {
            let text = format!("{low} {few} and {high} {many}");
            let remedy =
                "count all sockets, the cores of all of them, and the threads of all cores";
            check.wrong(at, text, remedy);
        }
    }
}
