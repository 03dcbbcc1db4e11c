//! When the rescue sshd starts and ends, what is handed to the root, and who is told the verdict.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use preroot_qemu_tests::{
    Artefacts, Baked, Disk, Door, Error, Event, Nic, Record, Session, Spec, Ssh, bake, free_port,
    until,
};
use syslog_loose::{SyslogFacility, SyslogSeverity, Variant, parse_message_with_year_exact};

use crate::{DEFAULT_PORT, Guest, RESCUE_PORT};

/// How long is listened for what must not come.
const SILENCE: Duration = Duration::from_secs(8);
/// The client's way into the stage, from the real root.
const CHECK: &str = "/run/preroot/stage/bin/preroot handover --check";

/// PID 1 becomes the root's own init.
const TO_INIT: &str = "finish.then = \"init\"";

/// The usual image with these lines in `[rescue]`, and these.
fn baked(artefacts: &Artefacts, rescue: &str, more: &str) -> Result<Baked, Error> {
    let rescue = format!("[rescue]\n{rescue}");
    bake(artefacts, &[&rescue, more], &artefacts.root_tree)
}

/// Starts it on a network whose host is this machine's loopback.
fn start(artefacts: &Artefacts, spec: Spec) -> Result<Guest, Error> {
    let (rescue, root) = (free_port()?, free_port()?);
    let forwards = vec![(rescue, RESCUE_PORT), (root, DEFAULT_PORT)];
    Ok(Guest {
        machine: spec.nic(Nic::Loopback { forwards }).start_init()?,
        rescue: Ssh::new(artefacts, Door::Rescue, rescue)?,
        root: Ssh::new(artefacts, Door::Root, root)?,
    })
}

/// Waits until sshd was switched so often: `on`, `off`.
fn wait_switched(guest: &mut Guest, session: &mut Session, expected: &[&str]) -> Result<(), Error> {
    until(&format!("sshd to be switched {expected:?}"), || {
        guest.machine.check_running()?;
        let record = Record::running(session)?;
        let boot = record.latest()?;
        let found = switches(&boot);
        let is_it = found == expected;
        Ok(if is_it { Ok(()) } else { Err(boot.text()) })
    })
}

fn switches(boot: &preroot_qemu_tests::Boot<'_>) -> Vec<String> {
    let switch = |event| match event {
        Event::Sshd(sshd) if sshd.why.is_some() => Some(sshd.what.to_owned()),
        _ => None,
    };
    boot.events()
        .filter_map(|(_, event)| switch(event))
        .collect()
}

/// A receiver of syslog on this machine's loopback.
struct Receiver {
    socket: UdpSocket,
}

impl Receiver {
    fn bind(address: &str) -> Result<Receiver, Error> {
        let socket = UdpSocket::bind((address, 0)).map_err(|e| Error::unexpected(e.to_string()))?;
        Ok(Receiver { socket })
    }

    /// As the guest names it.
    fn name(&self) -> Result<String, Error> {
        let address = self.socket.local_addr();
        let address = address.map_err(|e| Error::unexpected(e.to_string()))?;
        let host = if address.is_ipv4() {
            "10.0.2.2"
        } else {
            "[fec0::2]"
        };
        Ok(format!("{host}:{}", address.port()))
    }

    /// The next datagram, within this time.
    fn next(&self, within: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(within)).ok()?;
        let mut buffer = [0; 4096];
        let (length, _) = self.socket.recv_from(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    /// One datagram for a verdict, and what it says, by a parser that is not ours.
    fn check(&self, severity: SyslogSeverity, word: &str, message: &str) {
        let text = self
            .next(Duration::from_secs(180))
            .unwrap_or_else(|| panic!("{word}: no datagram"));
        let parsed = parse_message_with_year_exact(&text, |_| 2026, Variant::RFC5424);
        let parsed = parsed.unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(parsed.facility, Some(SyslogFacility::LOG_DAEMON), "{text}");
        assert_eq!(parsed.severity, Some(severity), "{text}");
        assert_eq!(parsed.hostname, Some("debian12"), "{text}");
        assert_eq!(parsed.appname, Some("preroot"), "{text}");
        assert_eq!(parsed.msgid, Some("verdict"), "{text}");
        assert!(parsed.timestamp.is_some(), "{text}");
        let own = parsed
            .structured_data
            .iter()
            .find(|element| element.id == "preroot@32473");
        let own = own.unwrap_or_else(|| panic!("no structured data: {text}"));
        let value = |name: &str| {
            let mut values = own.params().filter(|(key, _)| **key == name);
            values.next().map(|(_, value)| value).unwrap_or_default()
        };
        assert_eq!(value("verdict"), word, "{text}");
        assert_eq!(value("config"), "debian12-qemu", "{text}");
        assert_eq!(
            (value("boot").len(), value("image").len()),
            (36, 64),
            "{text}"
        );
        assert_eq!(value("plan").len(), 64, "{text}");
        assert!(parsed.msg.starts_with(message), "{text}");
    }

    /// Nothing more comes.
    fn is_silent(&self) {
        assert_eq!(self.next(SILENCE), None);
    }
}

/// A clean boot: no rescue sshd runs, both receivers get one datagram, the root has its network from a script that would
/// have failed with the rescue's addresses there, and the receipt is checked in the real root.
#[test]
fn a_clean_boot_is_told_and_hands_over() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (four, six) = (Receiver::bind("127.0.0.1")?, Receiver::bind("::1")?);
    let rescue = format!(
        "start = \"off-plan\"\naddresses = \"teardown\"\nsyslog = [\"{}\", \"{}\"]",
        four.name()?,
        six.name()?
    );
    let image = baked(&artefacts, &rescue, "")?;
    let disk = Disk::copy(&artefacts)?;
    let interfaces = "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet static\n\taddress 10.0.2.15/24\n\tgateway 10.0.2.2\n";
    disk.write("/etc/network/interfaces", interfaces, 0o644)?;
    let spec = Spec::new(&artefacts).disk(&disk).image(&image.image());
    let mut guest = start(&artefacts, spec)?;
    guest.wait_root()?;
    for receiver in [&four, &six] {
        receiver.check(SyslogSeverity::SEV_INFO, "OK", "OK");
        receiver.is_silent();
    }
    assert!(!guest.rescue.answers(), "a rescue sshd runs");
    let output = guest.root.output(CHECK)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let has = |front: &str| said.lines().any(|line| line.starts_with(front));
    assert!(
        has("stands\taddress\teth0\t10.0.2.15/24\tmade-again"),
        "{said}"
    );
    assert!(has("stands\troute\teth0\t10.0.2.2\tmade-again"), "{said}");
    assert!(has("stands\tlink\teth0\tup\tkept"), "{said}");
    assert!(has("stands\tmodule\tvirtio_net\t-\tkept"), "{said}");
    assert!(has("stands\tmount\t/run\ttmpfs\tkept"), "{said}");
    assert!(has("stands\tmount\t/run/preroot/stage"), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    // Who takes something away is found out.
    guest.root.run("ip route delete default")?;
    let output = guest.root.output(CHECK)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("gone\troute\teth0\t10.0.2.2"), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
    guest.power_off()?;
    let record = Record::stored(&disk)?;
    let boot = record.latest()?;
    assert_eq!(switches(&boot), ["off"], "{}", boot.text());
    assert_eq!(
        boot.script("networking").map(|ended| ended.status),
        Some(0),
        "{}",
        boot.text()
    );
    let sent = boot.events().filter(
        |(_, event)| matches!(event, Event::Syslog(sent) if sent.bytes > 200 && sent.errno == 0),
    );
    assert_eq!(sent.count(), 2, "{}", boot.text());
    Ok(())
}

/// With its addresses kept, the same script fails: what `teardown` is for.
#[test]
fn addresses_that_are_kept_stand() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    let interfaces = "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet static\n\taddress 10.0.2.15/24\n\tgateway 10.0.2.2\n";
    disk.write("/etc/network/interfaces", interfaces, 0o644)?;
    let mut guest = start(&artefacts, Spec::new(&artefacts).disk(&disk))?;
    guest.wait_root()?;
    let output = guest.root.output(CHECK)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("stands\taddress\teth0\t10.0.2.15/24\tkept"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(0), "{said}");
    let undo = guest
        .root
        .text_of("/run/preroot/stage/bin/preroot handover --undo")?;
    assert!(
        undo.contains("ip address delete 10.0.2.15/24 dev eth0"),
        "{undo}"
    );
    guest.power_off()?;
    let record = Record::stored(&disk)?;
    let boot = record.latest()?;
    assert!(
        boot.script_output("networking").contains("File exists"),
        "{}",
        boot.text()
    );
    Ok(())
}

/// A damaged boot: sshd starts at once, the verdict is told, and that it went down without having come up.
#[test]
fn a_damaged_boot_is_told_and_lets_in_off_plan() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let four = Receiver::bind("127.0.0.1")?;
    let rescue = format!("start = \"off-plan\"\nsyslog = \"{}\"", four.name()?);
    let image = baked(&artefacts, &rescue, "")?;
    let spec = Spec::new(&artefacts)
        .image(&image.image())
        .append("rootwait=3");
    let mut guest = start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    wait_switched(&mut guest, &mut session, &["off", "on"])?;
    four.check(
        SyslogSeverity::SEV_CRIT,
        "RESCUE",
        "RESCUE(root not found): root: root was not found",
    );
    four.is_silent();
    // The connection may be cut before the answer comes.
    let _ = guest.rescue.output("preroot poweroff")?;
    four.check(
        SyslogSeverity::SEV_ALERT,
        "FAILED",
        "FAILED(root, not found)",
    );
    four.is_silent();
    guest.machine.wait_off()
}

/// Ours ends when the real sshd has answered, not when somebody listens; a session goes on; it comes back. And it does so
/// where the core that would have started it dies, which is told like any verdict.
#[test]
fn it_serves_until_the_real_sshd_does_and_again_when_that_dies() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let four = Receiver::bind("127.0.0.1")?;
    let rescue = format!(
        "end = {{ when-healthy = \"127.0.0.1:22\" }}\nsyslog = \"{}\"",
        four.name()?
    );
    let later = "[script.ssh]\nskip = \"started by hand\"\n";
    let image = baked(&artefacts, &rescue, later)?;
    let disk = Disk::copy(&artefacts)?;
    let spec = Spec::new(&artefacts)
        .disk(&disk)
        .image(&image.image())
        .append("preroot.hold=seal preroot.test=panic:seal");
    let mut guest = start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    until("the hold", || {
        let status = session.ask("preroot status")?;
        let is_held = status.contains("held before seal");
        Ok(if is_held { Ok(()) } else { Err(status) })
    })?;
    // One that listens, and never says a word.
    session.ask(
        "chroot /proc/1/root /usr/bin/perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1); \
         bind(S, sockaddr_in(22, INADDR_ANY)) or die; listen(S, 9); sleep 999' >/dev/null 2>&1 & echo $! >/tmp/mute",
    )?;
    until("the mute listener", || {
        let listens = session.ask("grep -c ':0016 00000000:0000 0A' /proc/net/tcp")?;
        Ok(if listens == "1" { Ok(()) } else { Err(listens) })
    })?;
    std::thread::sleep(SILENCE);
    wait_switched(&mut guest, &mut session, &[])?;
    assert!(
        guest.rescue.answers(),
        "a listener that is mute was taken for an sshd"
    );
    session.ask("kill $(cat /tmp/mute)")?;
    session.ask("chroot /proc/1/root /etc/init.d/ssh start >/dev/null 2>&1")?;
    wait_switched(&mut guest, &mut session, &["off"])?;
    let begun = Instant::now();
    while guest.rescue.answers() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it still listens"
        );
    }
    assert_eq!(session.ask("echo $((6 * 7))")?, "42");
    guest.root.run("true")?;
    session.ask("chroot /proc/1/root /etc/init.d/ssh stop >/dev/null 2>&1")?;
    wait_switched(&mut guest, &mut session, &["off", "on"])?;
    guest.rescue.wait(&mut guest.machine)?;
    assert_eq!(session.ask("echo $((6 * 7))")?, "42");
    session.ask("chroot /proc/1/root /etc/init.d/ssh start >/dev/null 2>&1")?;
    wait_switched(&mut guest, &mut session, &["off", "on", "off"])?;
    until("ours to end again", || {
        let answers = guest.rescue.answers();
        Ok(if answers {
            Err("it answers".to_owned())
        } else {
            Ok(())
        })
    })?;
    four.is_silent();
    // No answer comes: who would give it has just died.
    session.ask("preroot continue & sleep 1")?;
    guest.rescue.wait(&mut guest.machine)?;
    four.check(SyslogSeverity::SEV_ALERT, "FAILED", "FAILED(seal, panic)");
    four.is_silent();
    assert_eq!(session.ask("echo $((6 * 7))")?, "42");
    let _ = guest.rescue.output("preroot poweroff")?;
    guest.machine.wait_off()
}

/// PID 1 becomes the root's init: ours ends before, and the session stays.
#[test]
fn at_the_handover_the_listener_ends_and_sessions_stay() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let image = baked(&artefacts, "end = \"at-handover\"", TO_INIT)?;
    handed_over(&artefacts, &image, None)
}

/// The same with a helper that outlives PID 1 and ends it when the real sshd answers.
#[test]
fn behind_the_handover_it_ends_when_the_real_sshd_answers() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let rescue = "end = { when-healthy = \"127.0.0.1:22\" }";
    let image = baked(&artefacts, rescue, TO_INIT)?;
    handed_over(&artefacts, &image, Some("the rescue sshd ends"))
}

fn handed_over(artefacts: &Artefacts, image: &Baked, log: Option<&str>) -> Result<(), Error> {
    let disk = Disk::copy(artefacts)?;
    let spec = Spec::new(artefacts)
        .disk(&disk)
        .image(&image.image())
        .append("preroot.hold=start");
    let mut guest = start(artefacts, spec)?;
    let mut session = guest.log_in()?;
    until("the hold", || {
        let status = session.ask("preroot status")?;
        Ok(if status.contains("before start") {
            Ok(())
        } else {
            Err(status)
        })
    })?;
    session.ask("preroot continue")?;
    guest.wait_root()?;
    until("ours to end", || {
        let answers = guest.rescue.answers();
        Ok(if answers {
            Err("it answers".to_owned())
        } else {
            Ok(())
        })
    })?;
    assert_eq!(session.ask("echo $((6 * 7))")?, "42");
    let init = guest.root.text_of("cat /proc/1/comm")?;
    assert_eq!(init, "init");
    let output = guest.root.output(CHECK)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("stands\tmount\t/run\ttmpfs\tkept"), "{said}");
    if let Some(log) = log {
        let kernel = guest.root.text_of("dmesg")?;
        assert!(kernel.contains(log), "{kernel}");
    }
    guest.power_off()
}
