//! The rescue against whatever would take it away: who is in stays in, and who has the key gets in.

use preroot_qemu_tests::{Archive, Artefacts, Boot, Error, Event, Record};

use crate::{Guest, usual};

/// How often sshd is killed.
const KILLS: usize = 100;
/// Kills sshd so often, each time another one.
const KILL: &str = "n=0; last=0; while [ $n -lt 100 ]; do \
    pid=$(preroot status | sed -n 's/^sshd *pid \\([0-9]*\\).*/\\1/p'); \
    if [ $pid != 0 ] && [ $pid != $last ]; then kill -9 $pid; last=$pid; n=$((n + 1)); fi; done; echo $n";

/// Starts of sshd, and its ends of a signal, in a record.
fn lives(boot: &Boot<'_>, what: &str) -> usize {
    let is_it = |(_, event): &(u64, Event<'_>)| match event {
        Event::Sshd(sshd) => sshd.what == what && (what != "ended" || sshd.status == 9),
        _ => false,
    };
    boot.events().filter(is_it).count()
}

/// sshd is killed a hundred times: each time there is another one, and a session that was open stays open.
#[test]
fn sshd_is_killed_a_hundred_times() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (_disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec.append("preroot.hold=root"))?;
    let mut session = guest.log_in()?;
    let shell = session.ask("echo $$")?;
    assert_eq!(session.ask(KILL)?, KILLS.to_string());
    guest.rescue.wait(&mut guest.machine)?;
    assert_eq!(session.ask("echo $$")?, shell);
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    assert_eq!(lives(&boot, "ended"), KILLS, "{}", boot.text());
    assert_eq!(lives(&boot, "started"), KILLS + 1, "{}", boot.text());
    // Nothing of the boot was lost over it.
    session.ask("preroot continue")?;
    assert_eq!(guest.wait_verdict(&mut session)?, "OK");
    guest.wait_root()?;
    guest.power_off()
}

/// There is no source of random numbers: the kernel gathers some, sshd has them soon, and the boot waits for neither.
#[test]
fn without_random_numbers() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (_disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec.starved_of_random())?;
    let mut session = guest.log_in()?;
    let verdict = guest.wait_verdict(&mut session)?;
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    assert_eq!(verdict, "OK", "{}", boot.text());
    assert_eq!(lives(&boot, "started"), 1, "{}", boot.text());
    let log = session.ask("dmesg | grep -e 'crng init done' -e 'preroot:'")?;
    assert!(log.contains("crng init done"), "{log}");
    Ok(())
}

/// sshd is no program: the boot says so and goes on, for it never waits for it.
#[test]
fn the_boot_does_not_wait_for_sshd() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (_disk, spec) = usual(&artefacts)?;
    let mut archive = Archive::read(&artefacts.image_plain)?;
    archive.member_mut("usr/sbin/dropbear")?.fill(0);
    let dir = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let image = dir.path().join("image");
    archive.write(&image)?;
    let mut guest = Guest::start(&artefacts, spec.image(&image))?;
    guest.wait_root()?;
    let record = Record::fetched(&guest.root)?;
    let boot = record.latest()?;
    assert_eq!(lives(&boot, "started"), 0, "{}", boot.text());
    assert!(boot.did("start"), "{}", boot.text());
    assert_eq!(boot.verdict().map(|verdict| verdict.word), Some("DEGRADED"));
    guest.power_off()
}

/// sshd runs before anything has looked at the root.
#[test]
fn sshd_runs_before_the_root_is_touched() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (_disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    guest.wait_verdict(&mut session)?;
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    let started = boot
        .events()
        .position(|(_, event)| matches!(event, Event::Sshd(_)));
    let looked = boot
        .events()
        .position(|(_, event)| matches!(event, Event::StageBegan(began) if began.stage == "root"));
    assert!(started.is_some() && started < looked, "{}", boot.text());
    Ok(())
}

/// Somebody locks root's account, in the image's passwd and in the root's: who has the key gets in all the same.
#[test]
fn a_locked_account_locks_nobody_out() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (disk, spec) = usual(&artefacts)?;
    let mut archive = Archive::read(&artefacts.image_plain)?;
    let passwd = archive.member_mut("etc/passwd")?;
    assert!(passwd.starts_with(b"root:*:"));
    passwd["root:".len()] = b'!';
    let dir = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let image = dir.path().join("image");
    archive.write(&image)?;
    disk.write("/etc/shadow", "root:!:19000:0:99999:7:::\n", 0o640)?;
    let mut guest = Guest::start(&artefacts, spec.image(&image))?;
    let mut session = guest.log_in()?;
    assert_eq!(guest.wait_verdict(&mut session)?, "OK");
    // With the locked root as / as well.
    guest.rescue.run("true")?;
    assert!(guest.rescue.refuses_strangers()?);
    Ok(())
}
