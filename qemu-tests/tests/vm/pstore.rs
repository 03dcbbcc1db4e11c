//! The last words of a boot that died, kept in memory by ramoops, and how long the firmware took.

use preroot_qemu_tests::{Artefacts, BeforeInit, Boot, Error, Event, Record, Spec, bake, until};

use crate::{Guest, usual};

/// Nothing asks for the driver.
const CONFIG: &str = "modules.always = [\"ramoops\"]";
/// A place of its own, as every program of the root may have mounted it too.
const LOOK: &str = "mkdir -p /tmp/kept && { mountpoint -q /tmp/kept || mount -t pstore none /tmp/kept; } && ls /tmp/kept";

fn boot_id(boot: &Boot<'_>) -> Option<String> {
    boot.events().find_map(|(_, event)| match event {
        Event::Born(born) => Some(born.boot_id.to_owned()),
        _ => None,
    })
}

/// What the boot found of one that died: the boot it names, and its text.
fn found(boot: &Boot<'_>) -> (Option<String>, String) {
    let (mut id, mut text) = (None, String::new());
    for (_, event) in boot.events() {
        if let Event::Died(piece) = event {
            assert_eq!((piece.kept_by, piece.reason), ("ramoops", "Panic#1"));
            assert_eq!(piece.number, 0, "{}", boot.text());
            id = Some(piece.boot_id.to_owned());
            text.push_str(&String::from_utf8_lossy(piece.bytes));
        }
    }
    (id, text)
}

fn before_init<'b>(boot: &Boot<'b>) -> Option<BeforeInit<'b>> {
    boot.events().find_map(|(_, event)| match event {
        Event::BeforeInit(event) => Some(event),
        _ => None,
    })
}

/// The kernel panics in the middle of a session. The next boot has its last words, knows which boot they are of, and leaves room
/// for the next ones. And of both it is told what came before PID 1.
#[test]
fn a_boot_that_died_of_a_panic_is_found_by_the_next() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (disk, spec) = usual(&artefacts)?;
    let baked = bake(&artefacts, &[CONFIG], &artefacts.root_tree)?;
    let mut guest = Guest::start(&artefacts, spec.image(&baked.image()).remembers())?;
    let mut session = guest.log_in()?;
    assert_eq!(guest.wait_verdict(&mut session)?, "OK");
    let record = Record::running(&mut session)?;
    let first = boot_id(&record.latest()?);
    assert_eq!(found(&record.latest()?), (None, String::new()));
    // When it panics nobody is left to answer.
    session.ask("(sleep 1; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &")?;
    guest.machine.wait_console("has kept the last words")?;
    drop(session);
    let mut session = guest.log_in()?;
    assert_eq!(guest.wait_verdict(&mut session)?, "OK");
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    let (id, text) = found(&boot);
    assert_eq!((id.is_some(), &id), (true, &first), "{}", boot.text());
    // What PID 1 says is in the kernel's log, and comes through as that does.
    for words in [
        "preroot: runlevel S",
        "preroot: start: done",
        "preroot: verdict OK",
        &format!(", boot {}", id.as_deref().unwrap_or_default()),
        "Kernel panic - not syncing: sysrq triggered crash",
    ] {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
    until("pstore to be emptied", || {
        let kept = session.ask(LOOK)?;
        Ok(if kept.is_empty() { Ok(()) } else { Err(kept) })
    })?;
    shown(&mut session, &id.unwrap_or_default())?;
    let told = before_init(&boot).ok_or_else(|| Error::unexpected(boot.text()))?;
    let (firmware_ns, loader_ns) = Spec::firmware_times();
    assert_eq!(told.told_by, "FPDT", "{told:?}");
    assert_eq!(told.firmware_ns, Some(firmware_ns), "{told:?}");
    assert_eq!(told.loader_ns, Some(loader_ns), "{told:?}");
    let kernel = [told.unpack_began_ns, told.unpack_ended_ns, told.run_ns];
    assert!(kernel.is_sorted() && kernel[0] > Some(0), "{told:?}");
    guest.wait_root()?;
    guest.power_off()?;
    let record = Record::stored(&disk)?;
    assert_eq!(record.boots().len(), 2);
    assert_eq!(found(&record.latest()?), (first, text));
    Ok(())
}

/// What a person reads of it, in the store with both boots.
fn shown(session: &mut preroot_qemu_tests::Session, id: &str) -> Result<(), Error> {
    // A line is no longer than a terminal is wide.
    let why = "Panic#1: sysrq";
    let list = session.ask("bootlog list")?;
    assert!(list.contains("died: Panic#1"), "{list}");
    let page = session.ask("bootlog show")?;
    for words in [
        &format!("boot {id} died at "),
        why,
        "LAST WORDS",
        "firmware  2.345 s, then 1.111 s of loader",
    ] {
        assert!(page.contains(words), "no `{words}` in\n{page}");
    }
    let dead = session.ask("bootlog show --boot 1")?;
    assert!(dead.contains("died      Panic#1"), "{dead}");
    Ok(())
}
