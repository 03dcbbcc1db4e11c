//! What the machine kept of a boot that died, on the fake machine: recorded, stored, and only then unlinked.

use std::string::{String, ToString};
use std::vec::Vec;

use preroot_plan::{Draft, Finish};

use super::{boot, command_line, draft};
use crate::fake::{Behaviour, Fake};
use crate::roles;

const ID: &str = "0f1e2d3c-1111-4222-8333-444455556666";
const SAID: &str = "dump\tramoops\tPanic#1\t0f1e2d3c-1111-4222-8333-444455556666\t1700000000\t7\n\
     text\t<6>[    1.5] preroot: runlevel S\t<0>[    2.5] Kernel pan\ntext\tic\t\nfile\tdmesg-ramoops-0\n";

/// A machine that keeps things, and what is found there.
fn keeps(fake: &mut Fake, backend: &str, said: &'static str) {
    let path = "/sys/module/pstore/parameters/backend";
    fake.files.insert(path.to_string(), backend.to_string());
    let behaviour = Behaviour::Exits(0, said, 3);
    fake.behaviours.insert(roles::PSTORE.to_string(), behaviour);
}

fn asked(fake: &Fake) -> Vec<&str> {
    let lines = fake.spawned.iter().map(String::as_str);
    lines
        .filter(|line| line.starts_with(roles::PSTORE))
        .collect()
}

fn died(fake: &Fake) -> usize {
    let is_it = |event: &&String| event.starts_with("Died(");
    fake.record().iter().filter(is_it).count()
}

const READ: &str = "preroot-pstore read";
const FORGET: &str = "preroot-pstore forget dmesg-ramoops-0";

#[test]
fn a_machine_that_keeps_nothing_is_not_asked() {
    assert!(asked(&boot(&draft(), |_| {})).is_empty());
    assert!(asked(&boot(&draft(), |fake| keeps(fake, "(null)\n", SAID))).is_empty());
    // It does, and there is nothing in it.
    let fake = boot(&draft(), |fake| keeps(fake, "efi_pstore\n", ""));
    assert_eq!(asked(&fake), [READ]);
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

#[test]
fn last_words_are_recorded_and_then_unlinked() {
    let fake = boot(&draft(), |fake| keeps(fake, "ramoops\n", SAID));
    assert_eq!(asked(&fake), [READ, FORGET]);
    let front = "Died(Died { kept_by: \"ramoops\", reason: \"Panic#1\", boot_id: \"0f1e2d3c-1111-4222-8333-444455556666\", \
                 unix_s: 1700000000, number: 0, piece: ";
    let text = |bytes: &[u8]| std::format!("bytes: {bytes:?}, lost: Some(7) }}");
    let first = b"<6>[    1.5] preroot: runlevel S\n<0>[    2.5] Kernel pan";
    for (piece, bytes) in [&first[..], b"ic\n"].into_iter().enumerate() {
        let event = std::format!("{front}{piece}, {})", text(bytes));
        assert!(fake.recorded(&event), "{event}\n{:#?}", fake.record());
    }
    let said = std::format!("ramoops has kept the last words of boot {ID}: Panic#1");
    assert!(fake.said.contains(&said), "{:#?}", fake.said);
    // Beside the scripts, and no verdict.
    let place = |words: &str| fake.spawned.iter().position(|line| line.starts_with(words));
    assert!(place("preroot-mount") < place(READ));
    assert!(place(READ) < place("/etc/init.d/mountall.sh"));
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

#[test]
fn what_is_not_stored_stays_where_it_is() {
    let nowhere = Draft {
        store: String::new(),
        ..draft()
    };
    let fake = boot(&nowhere, |fake| keeps(fake, "ramoops\n", SAID));
    assert_eq!((asked(&fake), died(&fake)), (std::vec![READ], 2));
    let fake = boot(&draft(), |fake| {
        keeps(fake, "ramoops\n", SAID);
        let fails = Behaviour::Exits(28, "", 2);
        fake.behaviours.insert(roles::KEEP.to_string(), fails);
    });
    assert_eq!((asked(&fake), died(&fake)), (std::vec![READ], 2));
}

#[test]
fn who_waits_for_a_person_has_it_read() {
    let fake = boot(&draft(), |fake| {
        keeps(fake, "ramoops\n", SAID);
        command_line(fake, "preroot.hold=root");
        fake.operator.extend(["status", "continue"]);
    });
    // In memory until there is a store.
    let place = |words: &str| fake.spawned.iter().position(|line| line.starts_with(words));
    assert!(place(READ) < place("preroot-mount"));
    assert!(place("preroot-mount") < place(FORGET));
    assert_eq!((asked(&fake).len(), died(&fake)), (2, 2));
}

#[test]
fn the_root_s_own_init_is_started_behind_it() {
    let fake = boot(
        &Draft {
            finish: Finish::Init,
            ..draft()
        },
        |fake| keeps(fake, "ramoops\n", SAID),
    );
    assert_eq!((asked(&fake), died(&fake)), (std::vec![READ, FORGET], 2));
}

#[test]
fn one_that_hangs_is_left_behind() {
    let fake = boot(&draft(), |fake| {
        keeps(fake, "ramoops\n", SAID);
        let behaviour = Behaviour::Undying;
        fake.behaviours.insert(roles::PSTORE.to_string(), behaviour);
        let takes = Behaviour::Exits(0, "", 20_000);
        fake.behaviours
            .insert("/etc/init.d/urandom".to_string(), takes);
    });
    assert_eq!(asked(&fake), [READ]);
    assert!(fake.said.contains(&"pstore: it hangs".to_string()));
    assert!(fake.recorded("Verdict { word: \"OK\""));
}

/// Whichever call fails: nothing is unlinked before a child has stored what was read.
#[test]
fn nothing_is_unlinked_that_is_not_stored() {
    let calls = boot(&draft(), |fake| keeps(fake, "ramoops\n", SAID)).calls;
    for call in 0..calls {
        let fake = boot(&draft(), |fake| {
            keeps(fake, "ramoops\n", SAID);
            fake.fail_at = Some(call);
            fake.operator.extend(["retry", "retry"]);
        });
        assert!(fake.ended.is_some(), "call {call}");
        let place = |words: &str| fake.spawned.iter().position(|line| line.starts_with(words));
        if let (Some(read), Some(forgets)) = (place(READ), place("preroot-pstore forget")) {
            let between = fake.spawned.get(read..forgets).unwrap();
            let stores = between.iter().any(|line| line.starts_with(roles::KEEP));
            assert!(stores, "call {call}: {:#?}", fake.spawned);
        }
    }
}
