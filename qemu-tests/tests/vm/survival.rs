//! The rescue against whatever would take it away: who is in stays in, and who has the key gets in.

use preroot_qemu_tests::{
    Archive, Artefacts, Boot, Error, Event, Health, Machine, Outcome, Record, Session, Spec, until,
};

use crate::crowd::Crowd;
use crate::{Guest, usual};

/// How often sshd is killed.
const KILLS: usize = 100;
/// Kills the sshd that listens so often, each time another one; `PPID` is the one of this session.
const KILL: &str = "n=0; last=0; while [ $n -lt 100 ]; do for pid in $(pidof dropbear); do \
    if [ $pid != $PPID ] && [ $pid != $last ] && grep -q '^PPid:.1$' /proc/$pid/status; then \
    kill -9 $pid; last=$pid; n=$((n + 1)); fi; done; done; echo $n";

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

/// `panic=` asks for a reboot ten seconds after a failure: while somebody is logged in it waits, and says so.
#[test]
fn nothing_reboots_under_a_persons_feet() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let spec = Spec::new(&artefacts).append("rootwait=1 panic=10");
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    until("the rescue", || {
        guest.machine.check_running()?;
        let boot = Record::running(&mut session)?;
        let is_rescue = boot
            .latest()?
            .verdict()
            .is_some_and(|it| it.word == "RESCUE");
        Ok(is_rescue.then_some(()).ok_or_else(|| "not yet".to_owned()))
    })?;
    session.ask("sleep 25")?;
    assert_eq!(session.ask("echo here")?, "here");
    // And once nobody is there, it does what was asked.
    drop(session);
    guest.machine.wait_off()
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

/// Somebody opens five hundred connections and says nothing: sshd alone would let nobody from there in for five
/// minutes. The longest silent ones are ended, and a person with the key gets in beside the others.
#[test]
fn silent_connections_keep_nobody_out() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (_disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec.append("preroot.hold=root"))?;
    let mut session = guest.log_in()?;
    let mut crowd = Crowd::gather(guest.rescue.port())?;
    crowd.wait_login(&guest.rescue, &mut guest.machine)?;
    // sshd itself would have kept the first of them until its own time was over.
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    let ended = boot.events().find_map(|(time_ns, event)| match event {
        Event::Session(one) if one.how == "it did not log in" => Some(time_ns - one.began_ns),
        _ => None,
    });
    assert!(
        ended.is_some_and(|after_ns| after_ns < 60_000_000_000),
        "{}",
        boot.text()
    );
    assert!(crowd.held() > 0, "nothing was held any more");
    assert_eq!(session.ask("echo still in")?, "still in");
    Ok(())
}

/// A session that is open before the root is there, through a root that becomes /, is left again for another check, and
/// becomes / once more, until the root's own init has taken over.
#[test]
fn a_session_survives_pivots_in_back_and_in_again() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (disk, spec) = usual(&artefacts)?;
    let spec = spec.append("preroot.hold=root init=/sbin/nobody");
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    let shell = session.ask("echo $$")?;
    let in_phase = |session: &mut Session, machine: &mut Machine, mounted: bool, what: &str| {
        until(what, || {
            machine.check_running()?;
            let root = session.ask("cat /proc/1/root/etc/hostname 2>/dev/null; true")?;
            assert_eq!(session.ask("echo $$")?, shell);
            Ok(((root == "debian12") == mounted).then_some(()).ok_or(root))
        })
    };
    in_phase(&mut session, &mut guest.machine, false, "the stage")?;
    session.ask("preroot continue")?;
    in_phase(&mut session, &mut guest.machine, true, "the root")?;
    // There is no such init: the rescue, with the root as /.
    until("the rescue", || {
        let record = Record::running(&mut session)?;
        let boot = record.latest()?;
        let failed = boot.stage("start").map(|ended| ended.step_name.to_owned());
        Ok(failed.map(drop).ok_or_else(|| boot.text()))
    })?;
    // Another root, which is not there yet: this one is left, and a person is waited for again.
    session.ask("preroot continue root=LABEL=later rootwait=2 init=/sbin/init")?;
    in_phase(&mut session, &mut guest.machine, false, "the stage again")?;
    assert_eq!(session.ask("grep -c '^/dev/vd' /proc/1/mounts; true")?, "0");
    until("the rescue without a root", || {
        let answer = session.ask("preroot continue root=LABEL=preroot-root 2>&1")?;
        Ok((!answer.contains("error")).then_some(()).ok_or(answer))
    })?;
    in_phase(&mut session, &mut guest.machine, true, "the root again")?;
    guest.wait_root()?;
    assert_eq!(session.ask("echo $$")?, shell);
    guest.rescue.run("true")?;
    guest.power_off()?;
    assert_eq!(disk.health()?, Health::Clean);
    let record = Record::stored(&disk)?;
    let boot = record.latest()?;
    let pivots = boot.events().filter(|(_, event)| {
        matches!(event, Event::StageEnded(ended) if ended.stage == "pivot" && ended.outcome == Outcome::Done)
    });
    assert_eq!(pivots.count(), 2, "{}", boot.text());
    Ok(())
}
