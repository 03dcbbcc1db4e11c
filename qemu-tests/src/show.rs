//! One boot as a person would try it: held before root, somebody logs in, looks, and lets it go on.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use preroot_qemu_tests::{
    Artefacts, Disk, Door, Error, Health, Machine, Nic, Session, Spec, Ssh, free_port, wait_verdict,
};

/// The port of the rescue sshd in the config.
const RESCUE_PORT: u16 = 2222;
/// The port of the root's own sshd.
const ROOT_PORT: u16 = 22;
/// Fields of the superblock that any mount would change.
const TRACES: [&str; 4] = [
    "Mount count:",
    "Last mount time:",
    "Last write time:",
    "Last checked:",
];

/// What happens to the machine in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// The root's own tools switch it off, and the disk is checked.
    PowerOff,
    /// It runs until somebody ends it.
    Keep,
}

/// Boots and shows.
pub(crate) fn boot(after: After) -> Result<(), Error> {
    let clock = Clock::start();
    let artefacts = Artefacts::find()?;
    let disk = Disk::copy(&artefacts)?;
    let untouched = traces(&disk)?;
    let ports = (free_port()?, free_port()?);
    let spec = Spec::new(&artefacts)
        .append("preroot.hold=root")
        .disk(&disk)
        .nic(Nic::User {
            forwards: vec![(ports.0, RESCUE_PORT), (ports.1, ROOT_PORT)],
        });
    let mut machine = spec.start()?;
    clock.say("switched on, to be held before root (preroot.hold=root)");

    let rescue = Ssh::new(&artefacts, Door::Rescue, ports.0)?;
    let root = Ssh::new(&artefacts, Door::Root, ports.1)?;
    rescue.wait(&mut machine)?;
    let mut session = rescue.session()?;
    let shell = session.ask("echo $$")?;
    clock.say("logged in to the rescue sshd");
    look_around(&clock, &mut session, &disk, &untouched)?;

    let answer = session.ask("preroot continue 2>&1")?;
    clock.say(&format!("preroot continue: {}", or_nothing(&answer)));
    let verdict = wait_verdict(&mut machine, &mut session)?;
    clock.say(&format!("the order has ended: {verdict}"));
    if session.ask("echo $$")? != shell {
        return Err(Error::unexpected(
            "the session's shell is another one than before",
        ));
    }
    clock.say(&format!(
        "the session from before root is alive: shell {shell}"
    ));
    println!("\n{}\n", session.ask("bootlog show 2>&1")?);
    root.wait(&mut machine)?;
    clock.say("the root's own sshd lets us in too");
    drop(session);
    match after {
        After::PowerOff => power_off(&clock, &mut machine, &root, &disk)?,
        After::Keep => keep(&mut machine, &rescue, &root)?,
    }
    let color = std::io::stdout().is_terminal();
    let verdict_line = format!("boot: {verdict}");
    println!(
        "{}",
        if color {
            format!("\x1b[1m{verdict_line}\x1b[0m")
        } else {
            verdict_line
        }
    );
    if verdict == "OK" {
        Ok(())
    } else {
        Err(Error::unexpected("the verdict is not OK"))
    }
}

/// Shows that nobody touched the root: not the mounts, not a byte of its superblock.
fn look_around(
    clock: &Clock,
    session: &mut Session,
    disk: &Disk,
    untouched: &[String],
) -> Result<(), Error> {
    println!("\n{}\n", session.ask("preroot status 2>&1")?);
    let mounted = session.ask("grep -c '^/dev/vd' /proc/1/mounts || true")?;
    if mounted != "0" {
        return Err(Error::unexpected(format!(
            "{mounted} mounts of the disk before root"
        )));
    }
    let now = traces(disk)?;
    if now != untouched {
        return Err(Error::unexpected(format!(
            "the superblock changed: {untouched:?} to {now:?}"
        )));
    }
    clock.say(&format!(
        "root is untouched: not mounted, superblock as before ({})",
        now.join(", ")
    ));
    Ok(())
}

fn power_off(clock: &Clock, machine: &mut Machine, root: &Ssh, disk: &Disk) -> Result<(), Error> {
    // The connection may be cut before the status comes back.
    root.output("poweroff")?;
    machine.wait_off()?;
    match disk.health()? {
        Health::Clean => clock.say("switched off by the root's own poweroff; root is clean"),
        Health::Unclean(why) => {
            return Err(Error::unexpected(format!("root was left unclean: {why}")));
        }
    }
    println!("\nTo log in yourself: cargo xtask boot --keep");
    Ok(())
}

/// Says how to log in, and waits until the machine is off or somebody ends us.
fn keep(machine: &mut Machine, rescue: &Ssh, root: &Ssh) -> Result<(), Error> {
    println!(
        "\nThe rescue shell, in the stage that outlives every pivot:\n    {}",
        login(rescue)
    );
    println!("The real system:\n    {}", login(root));
    println!(
        "Its console so far:\n    less {}",
        machine.console_path().display()
    );
    println!("It runs until `poweroff` in there, or ctrl-c here.");
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    let failed = |errno: nix::Error| Error::unexpected(format!("signals: {errno}"));
    // Blocked, so that scratch directories are removed on the way out.
    signals.thread_block().map_err(failed)?;
    let ended = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK).map_err(failed)?;
    while machine.check_running().is_ok() && ended.read_signal().map_err(failed)?.is_none() {
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// The command line a person types: with a terminal, where the tests have none.
fn login(ssh: &Ssh) -> String {
    ssh.text().replace(" -T ", " ")
}

fn traces(disk: &Disk) -> Result<Vec<String>, Error> {
    let field = |name: &&str| Ok(format!("{name} {}", disk.superblock_field(name)?).to_lowercase());
    TRACES.iter().map(field).collect()
}

fn or_nothing(answer: &str) -> &str {
    if answer.is_empty() {
        "accepted"
    } else {
        answer
    }
}

/// Wall time since the start: reported, never judged.
#[derive(Debug)]
struct Clock {
    begun: Instant,
}

impl Clock {
    fn start() -> Self {
        Self {
            begun: Instant::now(),
        }
    }

    fn say(&self, what: &str) {
        println!("[{:6.1} s] {what}", self.begun.elapsed().as_secs_f64());
    }
}
