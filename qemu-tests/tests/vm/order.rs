//! Boots that reach the end of the order.

use preroot_qemu_tests::{Artefacts, Error, Health, Record, Spec};

use crate::{Guest, usual};

scenarios! {
    clean "clean"
    holders_are_told "holders"
    damaged_root_is_repaired_in_one_boot "damaged"
    hanging_script_is_timed_out "hanging-script"
    scripts_end_in_every_way "ends"
    scripts_find_what_rc_gives_them "environment"
    a_daemon_keeps_its_output_open "daemon-keeps-stdout"
    a_deadline_ends_deserters "deserters"
    a_script_floods "flood"
    a_script_forks_without_end "fork-bomb"
    a_script_eats_all_memory "eats-memory"
    scripts_start_by_edges "edges"
    a_killed_sshd_is_there_again "sshd-killed"
}

/// Somebody logs in before root, and is still there at the end of the order, pivots and all.
#[test]
fn session_outlives_the_boot() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (disk, spec) = usual(&artefacts)?;
    let mounted_before = disk.superblock_field("Mount count:")?;
    let mut guest = Guest::start(&artefacts, spec.append("preroot.hold=root"))?;
    let mut session = guest.log_in()?;
    assert!(
        guest.rescue.refuses_strangers()?,
        "somebody without the key was let in"
    );
    let shell = session.ask("echo $$")?;
    assert_eq!(session.ask("grep -c '^/dev/vd' /proc/1/mounts")?, "0");
    assert_eq!(disk.superblock_field("Mount count:")?, mounted_before);
    session.ask("preroot continue")?;
    let verdict = guest.wait_verdict(&mut session)?;
    let record = Record::running(&mut session)?;
    assert_eq!(verdict, "OK", "{}", record.latest()?.text());
    assert_eq!(session.ask("echo $$")?, shell);
    let shown = session.ask("bootlog show")?;
    assert!(shown.contains("OK"), "{shown}");
    // With the plan of the image, which is that of this boot.
    let path = session.ask("bootlog critical-path")?;
    assert!(path.contains("    by edges "), "{path}");
    // The root is there to be looked at, from the stage.
    assert_eq!(session.ask("cat /proc/1/root/etc/hostname")?, "debian12");
    guest.wait_root()?;
    guest.power_off()?;
    assert_eq!(disk.health()?, Health::Clean);
    Ok(())
}

/// The power goes while services write; the next boot replays the journal before it mounts.
#[test]
fn power_cut() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    guest.wait_verdict(&mut session)?;
    guest.wait_root()?;
    guest
        .root
        .run("for i in 1 2 3 4 5; do cp -r /etc /root/copy$i; sync; done; rm -r /root/copy3")?;
    guest.machine.cut_power();
    drop(guest);
    let Health::Unclean(_) = disk.health()? else {
        return Err(Error::unexpected("the disk is clean after a power cut"));
    };
    let mut guest = Guest::start(&artefacts, Spec::new(&artefacts).disk(&disk))?;
    let mut session = guest.log_in()?;
    let verdict = guest.wait_verdict(&mut session)?;
    guest.wait_root()?;
    guest.root.run("test -d /root/copy1 -a -d /root/copy5")?;
    guest.power_off()?;
    assert_eq!(disk.health()?, Health::Clean);
    let record = Record::stored(&disk)?;
    let boots = record.boots();
    assert_eq!(boots.len(), 2, "the boot before the power cut is kept too");
    let boot = record.latest()?;
    assert_eq!(verdict, "OK", "{}", boot.text());
    let checked = boot
        .checks()
        .last()
        .is_some_and(|check| !check.command.is_empty());
    assert!(checked, "{}", boot.text());
    Ok(())
}
