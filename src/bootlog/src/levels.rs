//! The levels of each runlevel, from the scripts that ran in them.

use crate::model::{Boot, Level, Script};

/// Fills in the levels of every runlevel of a boot.
pub(crate) fn fill(boot: &mut Boot) {
    let starts: Vec<u64> = boot.runlevels.iter().map(|one| one.at_ns).collect();
    for (index, runlevel) in boot.runlevels.iter_mut().enumerate() {
        // The same runlevel may run twice; its scripts are those until the next one begins.
        let end = starts.get(index + 1).copied().unwrap_or(u64::MAX);
        let mut own: Vec<&Script> = boot
            .scripts
            .iter()
            .filter(|script| script.runlevel == runlevel.runlevel)
            .filter(|script| {
                script
                    .at_ns
                    .is_some_and(|at| (runlevel.at_ns..end).contains(&at))
            })
            .collect();
        own.sort_by_key(|script| script.level);
        runlevel.levels = own
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
