//! The store, kept up with the record, on the fake machine.

use std::string::ToString;

use super::{boot, draft};
use crate::fake::{Behaviour, Fake};
use crate::limits::{KEEP_AFTER_NS, MILLISECOND_NS};

/// Boots with a script that takes so long, and copying that goes so.
fn kept(script_ms: u64, keep: Behaviour) -> Fake {
    boot(&draft(), |fake| {
        let takes = Behaviour::Exits(0, "", script_ms);
        fake.behaviours
            .insert("/etc/init.d/urandom".to_string(), takes);
        fake.behaviours.insert("preroot-keep".to_string(), keep);
    })
}

fn copies(fake: &Fake) -> usize {
    let copies = fake.spawned.iter();
    copies
        .filter(|line| line.starts_with("preroot-keep /"))
        .count()
}

#[test]
fn what_is_recorded_is_stored_while_scripts_run() {
    // The seal and the way down store in any case.
    let short = copies(&kept(1, Behaviour::Exits(0, "", 2)));
    let after_ms = KEEP_AFTER_NS / MILLISECOND_NS;
    let long = copies(&kept(20 * after_ms, Behaviour::Exits(0, "", 2)));
    // One for all that came before; nothing is recorded while nothing happens.
    assert_eq!(long, short + 1);
}

#[test]
fn a_store_that_fails_or_hangs_is_told_and_holds_nobody_up() {
    for (keep, words) in [
        (Behaviour::Exits(28, "", 2), "record not stored: errno 28"),
        (Behaviour::Undying, "record not stored: it hangs"),
        (
            Behaviour::NoExec(crate::machine::Errno::NOENT),
            "record not stored: errno 2",
        ),
    ] {
        let fake = kept(60_000, keep);
        let said = fake.said.iter().filter(|line| line.contains(words)).count();
        assert_eq!(said, 1, "{words}: {:#?}", fake.said);
        assert!(fake.recorded("Verdict { word: \"OK\""));
    }
}
