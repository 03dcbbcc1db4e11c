//! Boots whose root the kernel had mounted itself, and which was then checked without a second boot.

use preroot_qemu_tests::{Artefacts, Disk, Error, Event, Health, Record, Spec, bake};

use crate::Guest;

/// Where the image lies on the root.
const IMAGE: &str = "/usr/lib/preroot/image";

/// A damaged root is repaired although the kernel had mounted it: one boot, the same record, the same sshd.
#[test]
fn a_damaged_root_is_repaired() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    disk.install_preroot(&artefacts)?;
    disk.debugfs(&["clri /usr/share/lintian", "set_super_value state 2"])?;
    let mut guest = Guest::start(&artefacts, Spec::new(&artefacts).in_place(&disk))?;
    let mut session = guest.log_in()?;
    let verdict = guest.wait_verdict(&mut session)?;
    let record = Record::running(&mut session)?;
    assert_eq!(verdict, "DEGRADED", "{}", record.latest()?.text());
    // The session is on the stage, and the root is in use.
    assert_eq!(session.ask("cat /proc/1/root/etc/hostname")?, "debian12");
    guest.wait_root()?;
    guest.power_off()?;
    assert_eq!(disk.health()?, Health::Clean);
    let record = Record::stored(&disk)?;
    let boot = record.latest()?;
    let is_said = boot
        .events()
        .any(|(_, event)| matches!(event, Event::Note(note) if note.text.starts_with("in place")));
    assert!(is_said, "{}", boot.text());
    let checks: Vec<&str> = boot.checks().iter().map(|check| check.verdict).collect();
    assert_eq!(checks, ["uncorrected", "repaired"], "{}", boot.text());
    let ssh = boot.script("ssh").map(|ended| ended.status);
    assert_eq!(ssh, Some(0), "{}", boot.text());
    Ok(())
}

/// An image that is cut off: the root's own init boots the machine as if preroot had never been there.
#[test]
fn a_bad_image_leaves_the_root_to_its_own_init() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    disk.install_preroot(&artefacts)?;
    disk.write(IMAGE, "070701 and no more", 0o644)?;
    let mut machine = Spec::new(&artefacts).in_place(&disk).start_init()?;
    machine.wait_console("unpack /usr/lib/preroot/image")?;
    machine.wait_console("INIT: version")?;
    machine.cut_power();
    Ok(())
}

/// What holds the root and heeds no SIGTERM, and then PID 1.
const HOLDER: &str = "\
#!/bin/sh
sh -c 'trap \"\" TERM; while :; do sleep 1; done' &
exec /sbin/preroot-init
";

/// The kernel starts a script from the root that leaves somebody behind: a person is told who it is.
#[test]
fn a_root_that_is_held_waits_for_a_person() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    disk.install_preroot(&artefacts)?;
    disk.write("/usr/sbin/holder", HOLDER, 0o755)?;
    let spec = Spec::new(&artefacts)
        .in_place(&disk)
        .append("init=/sbin/holder");
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    let verdict = guest.wait_verdict(&mut session)?;
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    assert_eq!(verdict, "RESCUE", "{}", boot.text());
    let reason = boot.verdict().and_then(|verdict| verdict.detail);
    assert_eq!(
        reason,
        Some("fsck: unmount the root, to check it, errno 16")
    );
    assert!(boot.text().contains(" sh: "), "{}", boot.text());
    // Once a person has ended it, the boot goes on.
    let holders = session.ask("preroot holders")?;
    assert!(holders.contains(" sh: "), "{holders}");
    session.ask("for pid in $(preroot holders | sed -n 's/ sh: .*//p'); do kill -9 $pid; done")?;
    session.ask("sleep 2; preroot retry")?;
    guest.wait_root()?;
    guest.power_off()?;
    assert_eq!(disk.health()?, Health::Clean);
    Ok(())
}

/// As above, and the plan says that who holds the root is ended.
#[test]
fn a_root_that_is_held_is_freed_where_the_plan_says_so() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let over = ["root.holders = \"end\""];
    let baked = bake(&artefacts, &over, &artefacts.root_tree)?;
    let disk = Disk::copy(&artefacts)?;
    disk.install_preroot(&artefacts)?;
    disk.install(&baked.image(), IMAGE)?;
    disk.write("/usr/sbin/holder", HOLDER, 0o755)?;
    let spec = Spec::new(&artefacts)
        .in_place(&disk)
        .append("init=/sbin/holder");
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    let verdict = guest.wait_verdict(&mut session)?;
    guest.wait_root()?;
    guest.power_off()?;
    let record = Record::stored(&disk)?;
    let text = record.latest()?.text();
    assert_eq!(verdict, "DEGRADED", "{text}");
    for words in [
        "root was held: SIGTERM to who held it",
        ": SIGTERM\\n",
        ": SIGKILL\\n",
    ] {
        assert!(text.contains(words), "no `{words}` in {text}");
    }
    assert_eq!(disk.health()?, Health::Clean);
    Ok(())
}
