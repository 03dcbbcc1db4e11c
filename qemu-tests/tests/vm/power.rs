//! The ways down: each leaves root clean.

use preroot_qemu_tests::{Artefacts, Disk, Error, Event, Health, Record};

use crate::{Guest, usual};

/// Boots to the end of the order.
fn booted() -> Result<(Disk, Guest), Error> {
    let artefacts = Artefacts::find()?;
    let (disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    guest.wait_verdict(&mut session)?;
    guest.wait_root()?;
    Ok((disk, guest))
}

/// Checks that the disk is clean and that the record says how it went down.
fn check_down(disk: &Disk, how: &str) -> Result<(), Error> {
    assert_eq!(disk.health()?, Health::Clean);
    let record = Record::stored(disk)?;
    let boot = record.latest()?;
    let shutdown = boot.events().find_map(|(_, event)| match event {
        Event::Shutdown(shutdown) => Some(shutdown.how),
        _ => None,
    });
    assert_eq!(shutdown, Some(how), "{}", boot.text());
    Ok(())
}

/// `reboot` of sysvinit, by /run/initctl. QEMU ends instead of starting anew.
#[test]
fn reboot() -> Result<(), Error> {
    let (disk, mut guest) = booted()?;
    guest.root.output("reboot")?;
    guest.machine.wait_off()?;
    check_down(&disk, "reboot")
}

/// `shutdown -hH` of sysvinit: the machine stands still, switched on. (`halt` alone means what
/// /etc/default/halt says, which is poweroff.)
#[test]
fn halt() -> Result<(), Error> {
    let (disk, mut guest) = booted()?;
    guest.root.output("shutdown -hH now")?;
    guest.machine.wait_console("reboot: System halted")?;
    guest.machine.cut_power();
    check_down(&disk, "halt")
}

/// Three keys on the console: the kernel sends SIGINT to PID 1.
#[test]
fn ctrl_alt_del() -> Result<(), Error> {
    let (disk, mut guest) = booted()?;
    guest.machine.monitor()?.press(&["ctrl", "alt", "delete"])?;
    guest.machine.wait_off()?;
    check_down(&disk, "reboot")
}

/// An operator in the rescue shell, before there is a root.
#[test]
fn power_off_before_root() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec.append("preroot.hold=root"))?;
    guest.rescue.wait(&mut guest.machine)?;
    guest.rescue.output("preroot poweroff")?;
    guest.machine.wait_off()?;
    assert_eq!(disk.health()?, Health::Clean);
    Ok(())
}
