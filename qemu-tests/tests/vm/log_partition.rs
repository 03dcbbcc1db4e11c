//! The record in a partition of its own: there before the root is, and when there is none.

use preroot_qemu_tests::{
    Artefacts, Baked, Disk, Error, Event, Layer, Record, Spec, WriteLog, bake, until,
};

use crate::Guest;

/// An image whose record goes there.
fn image(artefacts: &Artefacts) -> Result<Baked, Error> {
    let store = "record.store = \"PARTLABEL=preroot-log\"";
    bake(artefacts, &[store], &artefacts.root_tree)
}

/// The power fails while a machine without a root waits for a person, on a disk that loses what was not flushed. What it
/// had come to is found again.
#[test]
fn a_machine_that_died_without_a_root_is_read() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let image = image(&artefacts)?;
    let (written, disk) = (Disk::log()?, Disk::log()?);
    disk.overwrite(0, &written.peek(0, 1 << 20)?)?;
    let log = WriteLog::new()?;
    let spec = Spec::new(&artefacts)
        .image(&image.image())
        .disk_behind(&written, Layer::WriteLog(log.path()))
        .append("rootwait=1");
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    until("a verdict in the partition", || {
        // The child that writes it ends when it is flushed.
        let writing = session.ask("pidof preroot-keep")?;
        let list = session.ask("bootlog list --json /dev/vda1")?;
        let is_there = list.contains("RESCUE") && writing.is_empty();
        Ok(if is_there { Ok(()) } else { Err(list) })
    })?;
    guest.machine.cut_power();
    log.cut(&disk, 1)?;
    let record = Record::in_partition(&disk)?;
    let boot = record.latest()?;
    assert_eq!((boot.missing, boot.damaged), (0, 0), "{}", boot.text());
    let verdict = boot.verdict().map(|verdict| verdict.word);
    assert_eq!(verdict, Some("RESCUE"), "{}", boot.text());
    let is_born = boot
        .events()
        .any(|(_, event)| matches!(event, Event::Born(_)));
    assert!(is_born, "{}", boot.text());
    Ok(())
}

/// A boot from power to power, and another: both are whole, to the last thing that PID 1 did; bootlog finds them by itself.
#[test]
fn whole_boots_are_kept() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let image = image(&artefacts)?;
    let (root, log) = (Disk::copy(&artefacts)?, Disk::log()?);
    for boots in 1..=2 {
        let spec = Spec::new(&artefacts)
            .image(&image.image())
            .disk(&root)
            .disk(&log);
        let mut guest = Guest::start(&artefacts, spec)?;
        let mut session = guest.log_in()?;
        let verdict = guest.wait_verdict(&mut session)?;
        assert_eq!(verdict, "OK");
        let list = session.ask("bootlog list")?;
        assert_eq!(list.matches(" OK ").count(), boots, "{list}");
        guest.wait_root()?;
        guest.power_off()?;
        let record = Record::in_partition(&log)?;
        assert_eq!(record.boots().len(), boots);
        let boot = record.latest()?;
        assert_eq!((boot.missing, boot.damaged), (0, 0), "{}", boot.text());
        let is_down = boot
            .events()
            .any(|(_, event)| matches!(event, Event::Shutdown(_)));
        assert!(is_down, "{}", boot.text());
    }
    assert!(
        Record::stored(&root).is_err(),
        "there is a second store on the root"
    );
    Ok(())
}
