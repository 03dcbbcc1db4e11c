//! The rescue's sshds: who is let in, by which client, and what is recorded of it.
//!
//! Each test boots both back ends: dropbear as it is built for a rescue, and OpenSSH with certificates. The machines are
//! held before root, for none of it needs one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use preroot_qemu_tests::{
    Artefacts, Baked, Error, Event, Machine, Nic, Record, Session, Spec, SshdImage, bake_sshd,
    files, free_port, until,
};

use crate::crowd::{Crowd, Silent};
use crate::{DEFAULT_PORT, RESCUE_PORT};

/// Where sshd is told to listen, and does only there (/proc/net/tcp of proc(5): address and port in hex, address words as
/// the processor has them).
const LISTEN: &str = "listen = [\"10.0.2.15\", \"fec0::15\"]\n";
const LISTENS: &str = "0000C0FE000000000000000015000000:08AE\n0F02000A:08AE";
/// More keys than a connection may try.
const TRIES: usize = 6;

/// Which sshd a machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Dropbear,
    Openssh,
}

/// Where a machine has its host key from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identity {
    Image,
    Made,
}

/// Keys, certificates and what judges them, in a directory of their own.
struct Keys {
    dir: tempfile::TempDir,
}

impl Keys {
    fn make(artefacts: &Artefacts) -> Result<Keys, Error> {
        let dir = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
        let keys = Keys { dir };
        for name in ["ca", "other-ca", "stranger", "lost"] {
            keys.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", name])?;
        }
        // One key, known by nobody, with what different CAs say of it.
        for (name, ca, principal, valid, serial) in [
            ("good", "ca", "rescue", "always:forever", "1"),
            ("expired", "ca", "rescue", "20200101:20200102", "2"),
            ("principal", "ca", "bob", "always:forever", "3"),
            ("foreign", "other-ca", "rescue", "always:forever", "4"),
            ("revoked", "ca", "rescue", "always:forever", "5"),
        ] {
            for (from, to) in [
                ("stranger", name.to_owned()),
                ("stranger.pub", format!("{name}.pub")),
            ] {
                std::fs::copy(keys.at(from), keys.at(&to))
                    .map_err(|error| Error::unexpected(format!("{to}: {error}")))?;
            }
            let words = [
                "-q", "-s", ca, "-I", name, "-n", principal, "-V", valid, "-z", serial,
            ];
            keys.keygen(&[&words[..], &[&format!("{name}.pub")]].concat())?;
        }
        files::write(&keys.at("krl-spec"), "serial: 5\n")?;
        keys.keygen(&[
            "-q", "-k", "-f", "krl", "-s", "ca.pub", "krl-spec", "lost.pub",
        ])?;
        let mine = files::read_text(&artefacts.client_key.with_extension("pub"))?;
        let lost = files::read_text(&keys.at("lost.pub"))?;
        files::write(&keys.at("authorized_keys"), format!("{mine}{lost}"))?;
        let convert = ["openssh", "host_key"].map(|name| keys.at(name));
        let mut command = Command::new("dropbearconvert");
        command
            .args(["dropbear", "openssh"])
            .arg(&artefacts.host_key);
        files::run(command.arg(&convert[1]))?;
        Ok(keys)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn keygen(&self, words: &[&str]) -> Result<(), Error> {
        let mut command = Command::new("ssh-keygen");
        files::run(command.current_dir(self.dir.path()).args(words)).map(drop)
    }

    /// An image with this sshd.
    fn bake(
        &self,
        artefacts: &Artefacts,
        backend: Backend,
        identity: Identity,
    ) -> Result<Baked, Error> {
        let tools = "tools = [\"busybox\", \"e2fsck\", \"dropbear\", \"bootlog\", \"sftp-server\", \"scp\"]";
        let (settings, packages, host_key) = match backend {
            Backend::Dropbear => (
                String::new(),
                vec![artefacts.dropbear_package.clone()],
                artefacts.host_key.clone(),
            ),
            Backend::Openssh => (
                format!(
                    "sshd = \"openssh\"\nuser-ca = \"{}\"\nprincipals = [\"rescue\"]\nrevoked-keys = \"{}\"\n",
                    self.at("ca.pub").display(),
                    self.at("krl").display()
                ),
                Vec::new(),
                self.at("host_key"),
            ),
        };
        let authorized_keys = match backend {
            Backend::Dropbear => artefacts.client_key.with_extension("pub"),
            Backend::Openssh => self.at("authorized_keys"),
        };
        let made = match identity {
            Identity::Image => "",
            Identity::Made => "make-host-key = true\n",
        };
        let over = format!("[rescue]\n{LISTEN}{settings}{made}[image]\n{tools}\n");
        let image = SshdImage {
            packages: [packages, artefacts.openssh_packages.clone()].concat(),
            authorized_keys,
            host_key: (identity == Identity::Image).then_some(host_key),
        };
        bake_sshd(artefacts, &[&over], &image)
    }
}

/// A machine with one of them.
struct Door {
    machine: Machine,
    port: u16,
    ssh: preroot_qemu_tests::Ssh,
    /// The same machine's usual port of an sshd.
    other: preroot_qemu_tests::Ssh,
    _image: Baked,
}

impl Door {
    fn open(artefacts: &Artefacts, image: Baked) -> Result<Door, Error> {
        let (port, other) = (free_port()?, free_port()?);
        let forwards = vec![(port, RESCUE_PORT), (other, DEFAULT_PORT)];
        let spec = Spec::new(artefacts)
            .image(&image.image())
            .append("preroot.hold=root");
        let mut machine = spec.nic(Nic::User { forwards }).start_init()?;
        let door =
            |port| preroot_qemu_tests::Ssh::new(artefacts, preroot_qemu_tests::Door::Rescue, port);
        let ssh = door(port)?;
        ssh.wait(&mut machine)?;
        Ok(Door {
            machine,
            port,
            ssh,
            other: door(other)?,
            _image: image,
        })
    }

    /// What a client says that tries to come in with these words on its command line.
    fn refused(&self, words: &[&str]) -> Result<String, Error> {
        let mut command = Command::new("ssh");
        command.args([
            "-F",
            "/dev/null",
            "-T",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
        ]);
        command.args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ]);
        command.args([
            "-o",
            "IdentityAgent=none",
            "-o",
            "LogLevel=ERROR",
            "-o",
            "ConnectTimeout=60",
        ]);
        command
            .args(words)
            .args(["-p", &self.port.to_string(), "root@127.0.0.1", "true"]);
        let output = files::output(&mut command)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.success() {
            true => Err(Error::unexpected(format!("{words:?} was let in"))),
            false => Ok(said),
        }
    }
}

/// What the record says of sessions: `WHAT WHO USER: HOW`.
fn sessions(session: &mut Session) -> Result<Vec<String>, Error> {
    let record = Record::running(session)?;
    let boot = record.latest()?;
    let told = boot.events().filter_map(|(_, event)| match event {
        Event::Session(session) => {
            let preroot = format!(
                "{} {} {}: {}",
                session.what, session.who, session.user, session.how
            );
            assert!(
                session.from.starts_with("10.0.2.2:"),
                "{preroot} from {}",
                session.from
            );
            Some(preroot)
        }
        _ => None,
    });
    Ok(told.collect())
}

/// Waits until something is recorded of a session that has all of these words.
fn wait_recorded(session: &mut Session, words: &[&str]) -> Result<(), Error> {
    until(&format!("a record of {words:?}"), || {
        let told = sessions(session)?;
        let is_it = |line: &String| words.iter().all(|word| line.contains(word));
        Ok(if told.iter().any(is_it) {
            Ok(())
        } else {
            Err(told.join("\n"))
        })
    })
}

fn attack(artefacts: &Artefacts, backend: Backend) -> Result<(), Error> {
    let keys = Keys::make(artefacts)?;
    let mut door = Door::open(artefacts, keys.bake(artefacts, backend, Identity::Image)?)?;
    let mut session = door.ssh.session()?;
    session.ask("true")?;
    let mut silent = Silent::open(door.port)?;
    listens(&door, &mut session)?;
    let denied = "Permission denied (publickey)";
    let password = [
        "-o",
        "PubkeyAuthentication=no",
        "-o",
        "PreferredAuthentications=password,keyboard-interactive",
    ];
    assert!(door.refused(&password)?.contains(denied));
    let refused = |door: &Door, name: &str| -> Result<(), Error> {
        let key = keys.at(name);
        let certificate = keys.at(&format!("{name}-cert.pub"));
        let option = format!("CertificateFile={}", certificate.display());
        let mut words = vec!["-i".to_owned(), key.display().to_string()];
        if certificate.exists() {
            words.extend(["-o".to_owned(), option]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = door.refused(&words)?;
        assert!(said.contains(denied), "{name}: {said}");
        Ok(())
    };
    for name in ["stranger", "expired", "principal", "foreign", "revoked"] {
        refused(&door, name)?;
    }
    match backend {
        Backend::Dropbear => {
            wait_recorded(&mut session, &["refused", "Exited normally"])?;
            // It says of none why, and of each that it was.
            until("six refused", || {
                let told = sessions(&mut session)?;
                let count = told
                    .iter()
                    .filter(|line| line.contains("(user 'root', 0 fails): Exited normally"))
                    .count();
                Ok(if count == 6 {
                    Ok(())
                } else {
                    Err(told.join("\n"))
                })
            })?;
            wait_recorded(&mut session, &["began", "ssh-ed25519 key SHA256:", "root"])?;
        }
        Backend::Openssh => {
            refused(&door, "lost")?;
            for words in [
                &["refused", "Connection closed"][..],
                &["refused", "ED25519 SHA256:"],
                &[
                    "refused",
                    "ID expired (serial 2)",
                    "Certificate invalid: expired",
                ],
                &[
                    "refused",
                    "ID principal (serial 3)",
                    "Certificate does not contain an authorized principal",
                ],
                &[
                    "refused",
                    "ID foreign (serial 4)",
                    "is not listed in /etc/ssh/user_ca",
                ],
                &[
                    "refused",
                    "ID revoked (serial 5)",
                    "revoked by file /etc/ssh/revoked_keys",
                ],
                &["began", "ED25519 SHA256:", "root"],
            ] {
                wait_recorded(&mut session, words)?;
            }
            // The one that is as it should be.
            let (key, certificate) = (keys.at("good"), keys.at("good-cert.pub"));
            let mut command = door.ssh.command_with(&key);
            command
                .arg("-o")
                .arg(format!("CertificateFile={}", certificate.display()));
            let said = files::run(command.arg("id -u"))?;
            assert_eq!(String::from_utf8_lossy(&said).trim(), "0");
            wait_recorded(
                &mut session,
                &["began", "ID good (serial 1) CA ED25519", "root"],
            )?;
            wait_recorded(
                &mut session,
                &["ended", "ID good (serial 1)", "disconnected by user"],
            )?;
            tries(&keys, &door)?;
        }
    }
    // It has said nothing all the time, and nobody else needs its place.
    until("a silent connection to be ended", || {
        door.machine.check_running()?;
        let is_open = silent.is_open();
        Ok(if is_open {
            Err("it is open".to_owned())
        } else {
            Ok(())
        })
    })?;
    if backend == Backend::Openssh {
        Crowd::gather(door.port)?.wait_login(&door.ssh, &mut door.machine)?;
        assert_eq!(session.ask("echo still in")?, "still in");
    }
    // Nobody but those with the right keys was ever in.
    let began = sessions(&mut session)?;
    let allowed = |line: &&String| line.starts_with("began") && !line.contains("ID ");
    assert!(began.iter().any(|line| allowed(&line)), "{began:?}");
    let shown = session.ask("bootlog show")?;
    assert!(shown.contains("RESCUE SESSIONS"), "{shown}");
    // A session whose sshd is killed is over, though nobody says so.
    let mut second = door.ssh.session()?;
    // It is there: the newest sshd is its own, not this one's.
    second.ask("true")?;
    let pid = session
        .ask("ps | grep -e '[d]ropbear' -e '[s]shd' | awk '{print $1}' | sort -n | tail -1")?;
    session.ask(&format!("kill -9 {pid}"))?;
    wait_recorded(&mut session, &["ended", "its sshd is gone"])?;
    door.machine.check_running()
}

/// It listens where it is told to, and nowhere else: by the kernel's own table, from the machine, and from outside.
fn listens(door: &Door, session: &mut Session) -> Result<(), Error> {
    let table = "cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == \"0A\" {print $2}' | sort";
    assert_eq!(session.ask(table)?, LISTENS);
    let knock = "nc -w 5 127.0.0.1 2222 </dev/null >/dev/null 2>&1; echo $?";
    assert_eq!(session.ask(knock)?, "1");
    assert!(door.ssh.answers());
    assert!(!door.other.answers(), "it answers at another port");
    Ok(())
}

/// A client with more keys than it may try is sent away before the last one.
fn tries(keys: &Keys, door: &Door) -> Result<(), Error> {
    let mut words = Vec::new();
    for number in 0..TRIES {
        let name = format!("try{number}");
        keys.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &name])?;
        words.extend(["-i".to_owned(), keys.at(&name).display().to_string()]);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = door.refused(&words)?;
    assert!(said.contains("Too many authentication failures"), "{said}");
    Ok(())
}

fn clients(artefacts: &Artefacts, backend: Backend) -> Result<(), Error> {
    let keys = Keys::make(artefacts)?;
    let door = Door::open(artefacts, keys.bake(artefacts, backend, Identity::Image)?)?;
    let there = |name: &str| format!("root@127.0.0.1:/tmp/{name}");
    let (small, back) = (keys.at("sent"), keys.at("back"));
    let bytes: Vec<u8> = (0..1_u32 << 20)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    files::write(&small, &bytes)?;
    assert_eq!(door.ssh.text_of("echo said")?, "said");
    let mut terminal = door.ssh.command();
    terminal.stdin(Stdio::piped()).stdout(Stdio::piped());
    let said = terminal
        .args(["-tt", "tty"])
        .spawn()
        .and_then(|mut client| {
            // A terminal whose input ends hangs up.
            let _input = client.stdin.take();
            client.wait_with_output()
        })
        .map_err(|error| Error::unexpected(error.to_string()))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.starts_with("/dev/pts/"), "{said}");
    // Another key each 64 KiB: what has gone there and back is what was sent. By both protocols: a word of a greeting
    // in either would be taken for one of the protocol's own.
    for protocol in ["-s", "-O"] {
        let copy = |from: &str, to: &str| -> Result<(), Error> {
            let mut command = door.ssh.copy_command();
            command.args([protocol, "-o", "RekeyLimit=64K", from, to]);
            files::run(&mut command).map(drop)
        };
        let there = there(&format!("openssh{protocol}"));
        copy(&small.to_string_lossy(), &there)?;
        copy(&there, &back.to_string_lossy())?;
        assert!(files::read(&back)? == bytes, "{protocol}: another file");
        files::write(&back, b"")?;
    }
    let mut python = Command::new(artefacts.clients.join("python"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/log_in.py");
    python.arg(script).arg(door.port.to_string());
    let said = files::run(
        python
            .arg(&artefacts.client_key)
            .arg(&artefacts.host_key_public),
    )?;
    assert_eq!(String::from_utf8_lossy(&said), "paramiko ok\nasyncssh ok\n");
    // It ends with 0 where it fails and warns of nothing. How fast one may knock is no algorithm.
    let mut audit = Command::new(artefacts.clients.join("python"));
    let port = door.port.to_string();
    audit.args(["-m", "ssh_audit.ssh_audit"]);
    audit.args([
        "--skip-rate-test",
        "--timeout",
        "60",
        "-l",
        "warn",
        "-p",
        &port,
        "127.0.0.1",
    ]);
    let output = files::output(&mut audit)?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(
        !said.contains("[warn]") && !said.contains("[fail]"),
        "{said}"
    );
    Ok(())
}

/// sshd listens where it is told to only. A password, an unknown key, a certificate that is expired, for somebody else, of
/// another CA or revoked, and a key that is revoked: each is refused, and recorded with why where sshd says why. A client
/// that says nothing is ended; with OpenSSH one that tries too many keys too (dropbear counts none, and has no more
/// time for them than for silence). Five hundred that say nothing keep nobody out; of dropbear `survival.rs` shows it.
#[test]
fn attacks_on_dropbear() -> Result<(), Error> {
    attack(&Artefacts::find()?, Backend::Dropbear)
}

#[test]
fn attacks_on_openssh() -> Result<(), Error> {
    attack(&Artefacts::find()?, Backend::Openssh)
}

/// OpenSSH, paramiko and asyncssh log in, run commands, get a terminal, copy files and change keys; ssh-audit finds no
/// algorithm that it fails or warns of.
#[test]
fn clients_of_dropbear() -> Result<(), Error> {
    clients(&Artefacts::find()?, Backend::Dropbear)
}

#[test]
fn clients_of_openssh() -> Result<(), Error> {
    clients(&Artefacts::find()?, Backend::Openssh)
}

/// The host key that a machine shows, by its fingerprint.
fn shown_key(port: u16) -> Result<String, Error> {
    let port = port.to_string();
    let mut scan = Command::new("ssh-keyscan");
    scan.args(["-t", "ed25519", "-T", "60", "-p", &port, "127.0.0.1"]);
    let line = files::run(&mut scan)?;
    let dir = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let at = dir.path().join("key");
    files::write(&at, line)?;
    let said = files::run(Command::new("ssh-keygen").arg("-lf").arg(&at))?;
    let said = String::from_utf8_lossy(&said).into_owned();
    let word = said.split(' ').find(|word| word.starts_with("SHA256:"));
    word.map(str::to_owned)
        .ok_or_else(|| Error::unexpected(said.clone()))
}

/// An image without a host key: each machine makes one while it boots, and says its fingerprint where a person looks.
fn makes_key(artefacts: &Artefacts, backend: Backend) -> Result<(), Error> {
    let keys = Keys::make(artefacts)?;
    let image = keys.bake(artefacts, backend, Identity::Made)?;
    let port = free_port()?;
    let forwards = vec![(port, RESCUE_PORT)];
    let spec = Spec::new(artefacts).image(&image.image());
    let mut machine = spec
        .append("preroot.hold=root")
        .nic(Nic::User { forwards })
        .start_init()?;
    machine.wait_console("made a host key, SHA256:")?;
    let shown = until("a host key", || {
        Ok(shown_key(port).map_err(|error| error.to_string()))
    })?;
    machine.wait_console(&format!("made a host key, {shown}"))
}

#[test]
fn dropbear_makes_its_host_key() -> Result<(), Error> {
    makes_key(&Artefacts::find()?, Backend::Dropbear)
}

#[test]
fn openssh_makes_its_host_key() -> Result<(), Error> {
    makes_key(&Artefacts::find()?, Backend::Openssh)
}

/// One image for all machines, and in front of it what one of them has for itself: a client that trusts the fleet's CA
/// asks nothing.
#[test]
fn a_machine_s_own_certificate() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let keys = Keys::make(&artefacts)?;
    let image = keys.bake(&artefacts, Backend::Openssh, Identity::Made)?;
    keys.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "db1"])?;
    keys.keygen(&[
        "-q", "-s", "ca", "-h", "-I", "db1", "-n", "machine", "db1.pub",
    ])?;
    let own = keys.at("db1.img");
    let mut bake = Command::new(&artefacts.preroot);
    bake.arg("bake-host").arg("--image").arg(image.image());
    bake.arg("--host-key").arg(keys.at("db1"));
    bake.arg("--host-certificate").arg(keys.at("db1-cert.pub"));
    files::run(bake.arg("--output").arg(&own))?;
    let port = free_port()?;
    let forwards = vec![(port, RESCUE_PORT)];
    let spec = Spec::new(&artefacts)
        .image(&own)
        .append("preroot.hold=root");
    let mut machine = spec.nic(Nic::User { forwards }).start_init()?;
    let ca = files::read_text(&keys.at("ca.pub"))?;
    let ssh = preroot_qemu_tests::Ssh::trusting(&artefacts, &ca, port)?;
    ssh.wait(&mut machine)?;
    assert_eq!(ssh.text_of("echo said")?, "said");
    assert!(!machine.console().contains("made a host key"));
    Ok(())
}
