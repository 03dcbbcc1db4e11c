//! The levels of each runlevel, from the scripts that ran in them.

use crate::model::{Boot, Level, Script};

/// Fills in the levels of every runlevel of a boot.
pub(crate) fn fill(boot: &mut Boot) {
    for runlevel in &mut boot.runlevels {
        let members = runlevel.members.iter();
        let scripts = members.filter_map(|&run| boot.scripts.get(run));
        let mut scripts: Vec<&Script> = scripts.collect();
        scripts.sort_by_key(|script| script.level);
        runlevel.levels = scripts
            .chunk_by(|one, next| one.level == next.level)
            .filter_map(level)
            .collect();
    }
}

fn level(scripts: &[&Script]) -> Option<Level> {
    let at_ns = scripts.iter().filter_map(|script| script.at_ns).min()?;
    let end = |script: &&Script| Some(script.at_ns?.saturating_add(script.took_ns?));
    let ends: Option<Vec<u64>> = scripts.iter().map(end).collect();
    // One that did not end is slower than any that did.
    let slowest = scripts
        .iter()
        .max_by_key(|script| script.took_ns.unwrap_or(u64::MAX))?;
    Some(Level {
        level: scripts.first()?.level,
        scripts: u32::try_from(scripts.len()).unwrap_or(u32::MAX),
        at_ns,
        took_ns: ends.and_then(|ends| ends.into_iter().max().map(|end| end - at_ns)),
        slowest: slowest.name.clone(),
        slowest_ns: slowest.took_ns,
    })
}
