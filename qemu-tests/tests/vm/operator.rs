//! What a person does in a machine that does not come up: each word, by a real login, in a case that it is for.

use std::io::Write;
use std::process::{Output, Stdio};

use preroot_qemu_tests::{Artefacts, Disk, Error, Event, Record, Session, Spec, Ssh, until};

use crate::{Guest, usual};

/// A root that no machine has.
const NOWHERE: &str = "root=LABEL=nowhere rootwait=3";
/// What begins the greeting.
const GREETING: &str = "This is preroot's rescue";

/// Waits until the boot waits for a person before, or because of, this stage.
fn wait_waiting(guest: &mut Guest, session: &mut Session, stage: &str) -> Result<(), Error> {
    until(&format!("the boot to wait for a person at {stage}"), || {
        guest.machine.check_running()?;
        let record = Record::running(session)?;
        let boot = record.latest()?;
        let mut last = boot.events().rev().filter_map(|(_, event)| match event {
            Event::Operator(order) if order.what == "waiting" => Some(order.stage == stage),
            Event::Operator(order) if order.waited_ns.is_some() => Some(false),
            _ => None,
        });
        Ok(if last.next() == Some(true) {
            Ok(())
        } else {
            Err(boot.text())
        })
    })
}

/// What somebody sees who logs in with a terminal, and leaves after these lines.
fn at_a_terminal(ssh: &Ssh, lines: &str) -> Result<String, Error> {
    let mut command = ssh.command();
    command.arg("-tt").stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let unexpected = |error: std::io::Error| Error::unexpected(error.to_string());
    let mut child = command.spawn().map_err(unexpected)?;
    // Open until the end: dropbear hangs up a terminal whose input has ended.
    let mut stdin = child.stdin.take();
    if let Some(stdin) = &mut stdin {
        write!(stdin, "{lines}\nexit\n").map_err(unexpected)?;
    }
    let output = child.wait_with_output().map_err(unexpected)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Standard output and error of a command, and its exit code.
fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (output.status.code(), text)
}

/// `root=` names nothing that is here. Somebody logs in, is told so, names the disk that is, and the boot goes on from it.
#[test]
fn another_root_is_named() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (_disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec.append(NOWHERE))?;
    let mut session = guest.log_in()?;
    wait_waiting(&mut guest, &mut session, "root")?;
    // The greeting says what is wrong, since when, and what can be typed; a command gets none of it.
    let seen = at_a_terminal(&guest.rescue, "")?;
    for words in [
        GREETING,
        "RESCUE(root not found), for ",
        "because   root: root was not found",
        "failed    root: root was not found",
        "waits     for a person, for ",
        "preroot retry                       looks for LABEL=nowhere again",
        "preroot continue root=/dev/vda1     boots from it (ext4, LABEL=preroot-root)",
    ] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
    assert_eq!(guest.rescue.text_of("echo alone")?, "alone");
    let status = session.ask("preroot status")?;
    for words in [
        "logged in root from ",
        "SHA256:",
        "addresses ",
        "device    vda1 ext4",
    ] {
        assert!(status.contains(words), "{words}: {status}");
    }
    let json = session.ask("preroot status --json")?;
    let json: serde_json::Value = serde_json::from_str(&json)
        .map_err(|error| Error::unexpected(format!("{error}: {json}")))?;
    assert_eq!(json["failed"]["stage"], "root", "{json}");
    assert_eq!(json["sessions"][0]["user"], "root", "{json}");
    // What cannot work is refused, and why is said.
    for (words, why) in [
        ("continue", "no root was found"),
        ("continue root=/dev/vdz1", "no device here is that"),
        (
            "continue root=/dev/vda1 init=bash",
            "`init=bash` cannot be read",
        ),
        ("hold root", "has begun"),
        ("enter", "the root is not mounted"),
        ("dance", "nobody knows that word"),
    ] {
        let (code, answer) = said(&guest.rescue.output(&format!("preroot {words}"))?);
        assert_eq!(code, Some(1), "{words}: {answer}");
        assert!(answer.contains(why), "{words}: {answer}");
    }
    let answer = session.ask("preroot continue root=/dev/vda1 rw")?;
    assert_eq!(answer, "on with root");
    guest.wait_root()?;
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    let order = boot.events().find_map(|(_, event)| match event {
        Event::Operator(order) if order.what == "continue" => Some(order),
        _ => None,
    });
    let order = order.ok_or_else(|| Error::unexpected(boot.text()))?;
    assert_eq!(order.why, Some("root=/dev/vda1 rw"), "{}", boot.text());
    assert!(
        order.by.is_some_and(|by| by.contains("SHA256:")),
        "{order:?}"
    );
    assert!(
        order.waited_ns.is_some_and(|waited| waited > 0),
        "{order:?}"
    );
    let shown = session.ask("preroot bootlog")?;
    assert!(shown.contains("of waiting for a person"), "{shown}");
    assert!(shown.contains("(waits)"), "{shown}");
    assert_eq!(session.ask("preroot enter cat /etc/hostname")?, "debian12");
    let answer = session.ask("preroot continue 2>&1")?;
    assert!(
        answer.contains("the boot waits for nobody; it is in stay"),
        "{answer}"
    );
    guest.power_off()
}

/// The root's init is not there. The root can be entered, and another init is started from it; the login goes on.
#[test]
fn another_init_is_named() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (_disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec.append("init=/sbin/no-such-init"))?;
    let mut session = guest.log_in()?;
    wait_waiting(&mut guest, &mut session, "start")?;
    let seen = at_a_terminal(&guest.rescue, "preroot enter\ncat /etc/hostname\nexit")?;
    assert!(seen.contains("preroot continue init=/bin/bash"), "{seen}");
    assert!(
        seen.contains("In the real root: / as PID 1 has it"),
        "{seen}"
    );
    assert!(seen.contains("debian12"), "{seen}");
    let (code, _) = said(&guest.rescue.output("preroot enter sh -c 'exit 7'")?);
    assert_eq!(code, Some(7));
    assert_eq!(
        session.ask("preroot continue init=/bin/bash")?,
        "on with start"
    );
    until("bash as PID 1", || {
        let name = session.ask("cat /proc/1/comm")?;
        Ok(if name == "bash" { Ok(()) } else { Err(name) })
    })?;
    // Nobody of preroot is left but this: it says so, and still leads into the root.
    let seen = at_a_terminal(&guest.rescue, "preroot enter\ncat /etc/hostname\nexit")?;
    assert!(
        seen.contains("has it handed over to the root's own init"),
        "{seen}"
    );
    assert!(seen.contains("debian12"), "{seen}");
    guest.machine.type_on_console("echo typed by $$")?;
    guest.machine.wait_console("typed by 1")
}

/// A boot that runs is stopped before a stage, by a login and on the console, and let go; the root is entered before it
/// is /.
#[test]
fn a_boot_that_runs_is_held() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    let spec = Spec::new(&artefacts)
        .disk_unplugged(&disk)
        .append("rootwait=600");
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    let status = session.ask("preroot status")?;
    assert!(
        status.contains("waits     for LABEL=preroot-root"),
        "{status}"
    );
    for (words, answer) in [
        ("hold fsck", "holds before fsck"),
        ("hold mount", "holds before fsck\nholds before mount"),
        ("hold off mount", "holds before fsck"),
        ("hold pivot", "holds before fsck\nholds before pivot"),
    ] {
        assert_eq!(session.ask(&format!("preroot {words}"))?, answer, "{words}");
    }
    guest.machine.attach(0)?;
    wait_waiting(&mut guest, &mut session, "fsck")?;
    // The console of a boot that is held has a shell, and who sits there is greeted, and listened to.
    guest.machine.wait_console(GREETING)?;
    guest.machine.wait_console("held before fsck")?;
    guest.machine.type_on_console("preroot continue")?;
    wait_waiting(&mut guest, &mut session, "pivot")?;
    let entered = "preroot enter sh -c 'cat /etc/hostname; ls /dev/null; ls -d /proc/1/fd'";
    assert_eq!(session.ask(entered)?, "debian12\n/dev/null\n/proc/1/fd");
    // What is the rescue's own stays the rescue's: what is started in the root is a victim like others.
    let share = "cat /proc/self/oom_score_adj /proc/self/cgroup";
    assert_eq!(session.ask(share)?, "-500\n0::/rescue");
    assert_eq!(
        session.ask(&format!("preroot enter {share}"))?,
        "0\n0::/scripts/entered"
    );
    assert_eq!(
        session.ask(
            "preroot enter sleep 600 >/dev/null 2>&1 & sleep 2; preroot holders | grep -c sleep"
        )?,
        "1"
    );
    session.ask("killall sleep")?;
    assert_eq!(session.ask("preroot continue")?, "on with pivot");
    guest.wait_root()?;
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    let orders: Vec<(&str, &str)> = boot
        .events()
        .filter_map(|(_, event)| match event {
            Event::Operator(order) => Some((order.what, order.stage)),
            _ => None,
        })
        .collect();
    let expected = [
        ("hold", "fsck"),
        ("hold", "mount"),
        ("hold off", "mount"),
        ("hold", "pivot"),
        ("waiting", "fsck"),
        ("continue", "fsck"),
        ("waiting", "pivot"),
        ("continue", "pivot"),
    ];
    assert_eq!(orders, expected, "{}", boot.text());
    assert!(boot.did("pivot"), "{}", boot.text());
    guest.power_off()
}

/// `panic=` waits as long as somebody is logged in, says so on his terminal and on the console, and reboots a stated
/// time after he has left.
#[test]
fn panic_waits_for_who_is_logged_in() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let words = "preroot.hold=root root=LABEL=nowhere rootwait=1 panic=5";
    let mut guest = Guest::start(&artefacts, Spec::new(&artefacts).append(words))?;
    let mut session = guest.log_in()?;
    wait_waiting(&mut guest, &mut session, "root")?;
    let seen = at_a_terminal(
        &guest.rescue,
        "preroot continue\nwhile ! preroot status | grep deadline; do sleep 1; done\nsleep 2",
    )?;
    let waits = "panic= waits: somebody is logged in; it reboots 60 s after the last one has left";
    assert!(seen.contains(waits), "{seen}");
    assert!(
        seen.contains("deadline  panic= waits as long as somebody is logged in"),
        "{seen}"
    );
    // Longer than panic= would have waited for nobody.
    session.ask("sleep 12")?;
    guest.machine.check_running()?;
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    let told = boot
        .events()
        .any(|(_, event)| matches!(event, Event::Note(note) if note.text == waits));
    assert!(told, "{}", boot.text());
    drop(session);
    let left = "the last one has left: panic= reboots in 60 s";
    guest.machine.wait_console(left)?;
    guest.machine.wait_console("reboot (panic=)")?;
    guest.machine.wait_off()
}

/// What a script of perl sends to the control socket: noise of every length, as fast as it goes, never reading an answer.
const FLOOD: &str = r#"
use Socket;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
bind($s, pack("S", AF_UNIX));
my $to = pack_sockaddr_un("/run/preroot/control");
srand(7);
my $end = time + 20;
while (time < $end) {
    my $bytes = join("", map { chr(int(rand(256))) } 1 .. 1 + rand(900));
    $bytes = ("status", "hold", "hold off", "hold fsck", "continue root=/dev/vdz9")[rand 5] if rand() < 0.3;
    send($s, $bytes, 0, $to);
}
"#;

/// Noise on the socket, from somebody who never reads: others are answered meanwhile, nothing is lost, and who is not
/// root does not even reach it.
#[test]
fn noise_on_the_socket_is_answered() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let (_disk, spec) = usual(&artefacts)?;
    let mut guest = Guest::start(&artefacts, spec.append("preroot.hold=seal"))?;
    let mut session = guest.log_in()?;
    wait_waiting(&mut guest, &mut session, "seal")?;
    session.ask(&format!(
        "preroot enter perl -e '{FLOOD}' >/dev/null 2>/tmp/flood & preroot enter perl -e '{FLOOD}' >/dev/null 2>&1 &"
    ))?;
    for _ in 0..5 {
        let (code, answer) = said(&guest.rescue.output("preroot status")?);
        assert_eq!(code, Some(0), "{answer}");
        assert!(answer.contains("held before seal"), "{answer}");
    }
    let stranger = r#"use Socket; $) = "65534 65534"; $> = 65534; socket(my $s, AF_UNIX, SOCK_DGRAM, 0);
        print connect($s, pack_sockaddr_un("/run/preroot/control")) ? "in" : "$!", "\n";"#;
    let answer = session.ask(&format!("preroot enter perl -e '{stranger}'"))?;
    assert_eq!(answer, "Permission denied");
    // One that was given the socket by root does, and is known by who it is when it speaks.
    let given = r#"use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0); bind($s, pack("S", AF_UNIX));
        connect($s, pack_sockaddr_un("/run/preroot/control")) or die; $) = "65534 65534"; ($<, $>) = (65534, 65534);
        alarm 120; send($s, "poweroff", 0); recv($s, my $answer, 4096, 0); print "$< $answer";"#;
    let answer = session.ask(&format!("preroot enter perl -e '{given}'"))?;
    assert_eq!(answer, "65534 error: only root is listened to");
    session.ask("wait")?;
    assert_eq!(session.ask("cat /tmp/flood")?, "");
    assert_eq!(
        session.ask("preroot hold off; preroot continue")?,
        "no holds\non with seal"
    );
    assert_eq!(guest.wait_verdict(&mut session)?, "OK");
    let record = Record::running(&mut session)?;
    let boot = record.latest()?;
    assert_eq!((boot.damaged, boot.missing), (0, 0), "{}", boot.text());
    guest.wait_root()?;
    guest.power_off()
}
