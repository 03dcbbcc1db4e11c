//! The watchdog of the chipset: it resets a machine that hangs, and none that a person mends.

use preroot_qemu_tests::{Artefacts, Error, Event, Record, Session, Spec, Watchdog, bake, until};

use crate::{Guest, usual};

/// Its driver in the image, and how long it waits, s.
const CONFIG: &str = "modules.load = [\"virtio_pci\", \"virtio_blk\", \"virtio_net\", \"wdat_wdt\"]
rescue = { watchdog = \"/dev/watchdog0\", watchdog-timeout = \"10s\" }";
/// Several times as long, in the guest.
const LONGER: &str = "sleep 25";

/// What the record says of it, when it does.
fn wait_armed(guest: &mut Guest, session: &mut Session) -> Result<u32, Error> {
    let mut status = None;
    until("the watchdog to be armed", || {
        guest.machine.check_running()?;
        let record = Record::running(session)?;
        let boot = record.latest()?;
        status = boot.events().find_map(|(_, event)| match event {
            Event::Watchdog(event) if event.what == "armed" => {
                assert_eq!(event.device, "/dev/watchdog0");
                assert_eq!(event.identity, Some("wdat_wdt"));
                // The hardware counts in 1.2 s.
                assert!((10..=12).contains(&event.timeout_s), "{event:?}");
                event.boot_status
            }
            _ => None,
        });
        Ok(status.map(drop).ok_or_else(|| boot.text()))
    })?;
    status.ok_or_else(|| Error::unexpected("no boot status".to_owned()))
}

/// Somebody is logged in to a boot that is held, and then to one whose PID 1 hangs: nothing resets the machine, for as long as he is
/// there. When he has left, the watchdog does, and the next boot says so. Switched off, it is disarmed.
#[test]
fn it_resets_a_machine_that_hangs_and_nobody_mends() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (_disk, spec) = usual(&artefacts)?;
    let baked = bake(&artefacts, &[CONFIG], &artefacts.root_tree)?;
    let spec: Spec = spec.image(&baked.image()).watchdog();
    let spec = spec.append("preroot.hold=root preroot.test=hang:fsck");
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    let status = wait_armed(&mut guest, &mut session)?;
    assert_eq!(status & Watchdog::CARD_RESET, 0, "{status:#x}");
    // PID 1 waits for a person, who takes his time.
    session.ask(LONGER)?;
    let status = session.ask("preroot status")?;
    let fed = "watchdog  /dev/watchdog0 (wdat_wdt) is armed and fed: ";
    assert!(status.contains(fed), "{status}");
    assert!(!status.contains("last boot"), "{status}");
    // PID 1 hangs, and who is logged in sees for himself.
    session.ask("preroot continue")?;
    let still = "PID 1 does not answer: /dev/watchdog0 is fed as long as somebody is logged in";
    guest.machine.wait_console(still)?;
    session.ask(LONGER)?;
    assert_eq!(session.ask("echo here")?, "here");
    let begun = guest.machine.console();
    assert_eq!(begun.matches("as init process").count(), 1, "{begun}");
    drop(session);
    let not_fed = "PID 1 does not answer: /dev/watchdog0 is not fed, and resets the machine";
    guest.machine.wait_console(not_fed)?;
    let has_reset = "the watchdog has reset this machine before this boot";
    guest.machine.wait_console(has_reset)?;
    // The next boot.
    let mut session = guest.log_in()?;
    let status = wait_armed(&mut guest, &mut session)?;
    assert_eq!(status & Watchdog::CARD_RESET, Watchdog::CARD_RESET);
    let status = session.ask("preroot status")?;
    assert!(status.contains(has_reset), "{status}");
    let page = session.ask("preroot bootlog")?;
    assert!(page.contains("the watchdog reset the machine"), "{page}");
    // Whoever asks may be gone before there is an answer.
    guest.rescue.output("preroot poweroff")?;
    guest.machine.wait_off()?;
    let console = guest.machine.console();
    assert_eq!(console.matches("as init process").count(), 2, "{console}");
    // What the kernel says of one that is closed and still runs.
    assert!(!console.contains("did not stop"), "{console}");
    Ok(())
}
