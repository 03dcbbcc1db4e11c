//! Boots that stop for a person, who must be able to get in.

use preroot_qemu_tests::{
    Archive, Artefacts, Disk, Door, Error, Event, Link, Machine, Nic, Record, Session, Spec, Ssh,
    files, free_port, until,
};

use crate::{DEFAULT_PORT, Guest, RESCUE_PORT, usual};

/// The address that a card's MAC gives a machine on its cable (RFC 4291, appendix A).
const LINK_LOCAL: &str = "fe80::5054:ff:fe12:3456";

/// Waits until the machine says that it waits for a person.
fn wait_held(guest: &mut Guest, session: &mut Session) -> Result<(), Error> {
    until("the machine to hold in rescue", || {
        guest.machine.check_running()?;
        let record = Record::running(session)?;
        let boot = record.latest()?;
        let held = boot
            .events()
            .any(|(_, event)| matches!(event, Event::Operator(order) if order.what == "waiting"));
        Ok(if held { Ok(()) } else { Err(boot.text()) })
    })
}

/// The root's disk is not there; somebody logs in, reads why, plugs it in, and the boot goes on.
#[test]
fn missing_root_is_attached() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    let spec = Spec::new(&artefacts)
        .disk_unplugged(&disk)
        .append("rootwait=5");
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    wait_held(&mut guest, &mut session)?;
    let shown = session.ask("bootlog show")?;
    assert!(shown.contains("RESCUE"), "{shown}");
    guest.machine.attach(0)?;
    until("the disk in the guest", || {
        let disks = session.ask("ls /sys/class/block")?;
        Ok(if disks.contains("vda1") {
            Ok(())
        } else {
            Err(disks)
        })
    })?;
    session.ask("preroot retry")?;
    until("the order's end", || {
        let record = Record::running(&mut session)?;
        let boot = record.latest()?;
        let done = boot
            .verdict()
            .is_some_and(|verdict| verdict.word != "RESCUE");
        Ok(if done { Ok(()) } else { Err(boot.text()) })
    })?;
    assert_eq!(session.ask("cat /proc/1/root/etc/hostname")?, "debian12");
    guest.wait_root()?;
    guest.power_off()
}

/// The plan in the image is damaged: the defaults hold in rescue, and the sshd is reachable on
/// the cable by the address that the card itself gives, without any configuration.
#[test]
fn damaged_plan_is_reachable_by_link_local() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let mut archive = Archive::read(&artefacts.image_plain)?;
    let plan = archive.member_mut("etc/preroot/plan")?;
    let middle = plan.len() / 2;
    for byte in &mut plan[middle..middle + 4] {
        *byte ^= 0x55;
    }
    let dir = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let damaged = dir.path().join("image");
    archive.write(&damaged)?;
    let alone = Alone::start(&artefacts, Spec::new(&artefacts).image(&damaged))?;
    let record = Record::fetched(&alone.ssh)?;
    let boot = record.latest()?;
    let why = boot.events().find_map(|(_, event)| match event {
        Event::Born(born) => born.plan_error,
        _ => None,
    });
    assert!(why.is_some(), "{}", boot.text());
    assert_eq!(
        boot.verdict().map(|verdict| verdict.word),
        Some("RESCUE"),
        "{}",
        boot.text()
    );
    Ok(())
}

/// A machine that is reached over a cable only, by the address that its card gives it.
struct Alone {
    ssh: Ssh,
    /// The other end of the cable. Both live as long as this does.
    _machines: (Machine, Guest),
}

impl Alone {
    /// Starts it, and waits until its sshd answers.
    fn start(artefacts: &Artefacts, spec: Spec) -> Result<Alone, Error> {
        let (near, far) = Link::pair()?;
        // The neighbour is a healthy machine that stands still before root; the only way to the
        // other one is through it.
        let healthy = Spec::new(artefacts).append("preroot.hold=root");
        let mut neighbour = cabled(artefacts, healthy, near)?;
        neighbour.rescue.wait(&mut neighbour.machine)?;
        neighbour.rescue.run("ip link set eth1 up")?;
        let mut machine = spec.nic(Nic::Cable(far)).start()?;
        // ssh expands `%` in a proxy command.
        let netcat = format!("nc {LINK_LOCAL}%%eth1 {DEFAULT_PORT}");
        let proxy = format!("{} {netcat}", neighbour.rescue.text());
        let ssh = Ssh::new(artefacts, Door::Rescue, DEFAULT_PORT)?.through(&proxy);
        ssh.wait(&mut machine)?;
        Ok(Alone {
            ssh,
            _machines: (machine, neighbour),
        })
    }
}

/// The usual network card, and a second one on a cable.
fn cabled(artefacts: &Artefacts, spec: Spec, link: Link) -> Result<Guest, Error> {
    let (rescue, root) = (free_port()?, free_port()?);
    let forwards = vec![(rescue, RESCUE_PORT), (root, DEFAULT_PORT)];
    Ok(Guest {
        machine: spec
            .nic(Nic::User { forwards })
            .nic(Nic::Cable(link))
            .start()?,
        rescue: Ssh::new(artefacts, Door::Rescue, rescue)?,
        root: Ssh::new(artefacts, Door::Root, root)?,
    })
}

/// PID 1 meets what cannot be: it says so and stands still, and the sshd goes on serving.
#[test]
fn panic_leaves_the_sshd_serving() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (disk, spec) = usual(&artefacts)?;
    // Held first, so that somebody is in when it happens.
    let words = "preroot.hold=root preroot.test=panic:root";
    let mut guest = Guest::start(&artefacts, spec.append(words))?;
    let mut session = guest.log_in()?;
    // No answer comes: who would give it has just died.
    session.ask("preroot continue & sleep 1")?;
    guest.machine.wait_console("panicked")?;
    assert_eq!(session.ask("echo alive")?, "alive");
    guest.rescue.run("true")?;
    let log = session.ask("dmesg | grep preroot")?;
    assert!(
        log.contains("panic"),
        "no epitaph in the kernel's log: {log}"
    );
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    let verdict = boot.verdict();
    let verdict = verdict.map(|verdict| (verdict.word, verdict.reason));
    assert_eq!(verdict, Some(("FAILED", "root, panic")), "{}", boot.text());
    // Orphans are still collected: none of the sessions above is left as a zombie.
    assert_eq!(session.ask("ps | grep -c '[Z]   '")?, "0");
    drop(session);
    assert_eq!(disk.superblock_field("Filesystem state:")?, "clean");
    Ok(())
}

/// PID 1 dies before it has loaded a driver or started an sshd: what is left of it does both.
#[test]
fn panic_before_the_network_is_reachable_by_link_local() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let spec = Spec::new(&artefacts).append("preroot.test=panic:modules");
    let alone = Alone::start(&artefacts, spec)?;
    let log = String::from_utf8_lossy(&alone.ssh.run("dmesg | grep preroot")?).into_owned();
    assert!(log.contains("panic"), "{log}");
    Ok(())
}

/// The packed tools of the image are damaged: whoever comes has no shell, sees how the boot stands, goes on with it, and has the
/// root's shell once there is a root.
#[test]
fn without_a_shell_the_client_s_words_are_left() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let dir = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let (image, lines) = (dir.path().join("image"), dir.path().join("lines"));
    let mut bytes = files::read(&artefacts.image_plain)?;
    let mut over = Archive::default();
    over.add("etc/preroot/payload", 0o100_644, b"no tools");
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(over.finish());
    files::write(&image, bytes)?;
    let (_disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec.image(&image).append("preroot.hold=root"))?;
    let status = until("an answer of PID 1", || {
        guest.machine.check_running()?;
        let answer = guest.rescue.output("preroot status")?;
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        Ok(match said.contains("root") && answer.status.success() {
            true => Ok(said),
            false => Err(said),
        })
    })?;
    assert!(status.contains("held before root"), "{status}");
    let other = guest.rescue.output("ls /")?;
    assert_eq!(other.status.code(), Some(126));
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(said.contains("no shell: `preroot WORD`"), "{said}");
    // A login without a command.
    let long = "x".repeat(700);
    files::write(
        &lines,
        format!("status\n\n{long}\nnonsense\npreroot continue\nexit\n"),
    )?;
    let said = files::run_with_input(guest.rescue.command().arg("-T"), &lines)?;
    let said = String::from_utf8_lossy(&said).into_owned();
    for words in ["there is no shell", "(no shell)# ", "held before root"] {
        assert!(said.contains(words), "no `{words}` in {said}");
    }
    guest.wait_root()?;
    let name = guest.rescue.text_of("preroot enter cat /etc/hostname")?;
    assert_eq!(name.trim(), "debian12");
    guest.power_off()
}
