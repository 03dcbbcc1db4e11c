//! One run of a scenario: disk and image are made as it says, the machine is switched on, things happen to it, and its record
//! is held against what is expected.

use std::path::Path;
use std::time::{Duration, Instant};

use preroot_record::Event;

use super::expect;
use super::image::OwnImage;
use super::timeline::OpenWhile;
use super::{Ends, Kernel, Scenario, invariants};
use crate::artefacts::Artefacts;
use crate::damage;
use crate::disk::{Disk, Health};
use crate::error::Error;
use crate::files;
use crate::library;
use crate::machine::Machine;
use crate::outcome::{Ended, Outcome};
use crate::port::free_port;
use crate::record::{Boot, Record};
use crate::scripts::NewScript;
use crate::session::Session;
use crate::spec::Spec;
use crate::ssh::{Door, Ssh};
use crate::subject::{ADDRESS, Owner, PORT, Subject, any_script, scripts};
use crate::wait;

/// The port of the rescue sshd in the config.
const RESCUE_PORT: u16 = 2222;
/// The port of the root's own sshd.
const ROOT_PORT: u16 = 22;
/// What stands in a scenario for any script of the plan that nobody waits for.
const ANY_SCRIPT: &str = "{script}";
/// The file with the record of a run.
const RECORD: &str = "record.bin";

/// Boots a scenario of the library on what set-up has made, and compares.
///
/// # Errors
/// When anything is not as the scenario says; the message holds the whole boot.
pub fn run(name: &str) -> Result<(), Error> {
    let subject = Subject::of_setup(Artefacts::find()?);
    let scenario = Scenario::read(&library::path(name))?;
    let scenario = for_subject(&scenario, &subject, 0)?;
    Run::new(&scenario, &subject, None).boot()
}

/// The scenario as this subject can be asked it: with a script of its plan wherever it says `{script}`, and, of files that are not
/// set-up's, nothing expected of scripts that the plan does not have.
pub(super) fn for_subject(
    scenario: &Scenario,
    subject: &Subject,
    seed: u64,
) -> Result<Scenario, Error> {
    let is_asked_any = scenario.text.contains(ANY_SCRIPT);
    let is_users = [subject.image, subject.root].contains(&Owner::User);
    if !is_asked_any && !is_users {
        return Ok(scenario.clone());
    }
    let plan = subject.plan()?;
    let mut asked = scenario.clone();
    if is_asked_any {
        let script = any_script(&plan, seed)?;
        let text = scenario.text.replace(ANY_SCRIPT, &script);
        asked = Scenario::parse(&text).map_err(Error::unexpected)?;
    }
    if is_users {
        let mut scripts = scripts(&plan);
        scripts.extend(scenario.script.iter().map(NewScript::name));
        asked.expect.leave_out_all_but(&scripts);
    }
    Ok(asked)
}

/// Boots it on a subject, and keeps in `dir` what is left of it: `console.log`, `record.bin`, `qemu.txt`.
#[must_use]
pub fn run_on(
    name: &str,
    scenario: &Scenario,
    subject: &Subject,
    seed: u64,
    dir: &Path,
) -> Outcome {
    let begun = Instant::now();
    let mut machine = Duration::ZERO;
    let done = files::create_directory(dir).and_then(|()| {
        let scenario = for_subject(scenario, subject, seed)?;
        let mut run = Run::new(&scenario, subject, Some(dir));
        let done = run.boot();
        machine = run.machine_ran;
        done
    });
    let record = std::fs::read(dir.join(RECORD)).ok().map(Record::new);
    let boot = record.as_ref().and_then(|record| record.latest().ok());
    let verdict = boot.and_then(|boot| boot.verdict().map(|verdict| verdict.word.to_owned()));
    Outcome {
        name: name.to_owned(),
        story: scenario.story.clone(),
        seed,
        ended: done.map_or_else(|error| Ended::of(&error), |()| Ended::Passed),
        verdict,
        wall: begun.elapsed(),
        machine,
        dir: dir.to_owned(),
    }
}

/// A run of one scenario.
struct Run<'s> {
    scenario: &'s Scenario,
    subject: &'s Subject,
    /// Where what is left of it is kept.
    dir: Option<&'s Path>,
    /// How long machines ran.
    machine_ran: Duration,
}

/// The machine, and both ways into it.
struct Guest {
    machine: Machine,
    rescue: Ssh,
    root: Ssh,
    session: Option<Session>,
}

impl Guest {
    /// The session of the rescue sshd, which stays open.
    fn session(&mut self) -> Result<(&mut Machine, &mut Session), Error> {
        if self.session.is_none() {
            self.rescue.wait(&mut self.machine)?;
            self.session = Some(self.rescue.session()?);
        }
        let session = self.session.as_mut();
        let session = session.ok_or_else(|| Error::unexpected("no session"))?;
        Ok((&mut self.machine, session))
    }
}

impl<'s> Run<'s> {
    fn new(scenario: &'s Scenario, subject: &'s Subject, dir: Option<&'s Path>) -> Self {
        Self {
            scenario,
            subject,
            dir,
            machine_ran: Duration::ZERO,
        }
    }

    fn boot(&mut self) -> Result<(), Error> {
        let Self {
            scenario, subject, ..
        } = *self;
        OwnImage::ask(scenario, subject)?;
        let disk = subject.disk()?;
        scenario.write_files(&disk)?;
        let image = OwnImage::of(scenario, subject, &disk)?;
        if !scenario.damage.is_empty() {
            damage::apply(&disk, &scenario.damage)?;
        }
        if let Some(earlier) = scenario.earlier() {
            let mut run = Run::new(&earlier, subject, None);
            let done = run.boot_on(&disk, image.as_ref());
            self.machine_ran += run.machine_ran;
            done.map_err(|error| match error {
                Error::Differences { story, all, boot } => Error::Differences {
                    story: format!("{story}: the boot before"),
                    all,
                    boot,
                },
                error => error,
            })?;
        }
        self.boot_on(&disk, image.as_ref())
    }

    /// Switches it on with this disk, and this image if not its subject's.
    fn boot_on(&mut self, disk: &Disk, image: Option<&OwnImage>) -> Result<(), Error> {
        let Self {
            scenario, subject, ..
        } = *self;
        let (rescue, root) = (free_port()?, free_port()?);
        let (mut spec, _extra) = self.spec(disk, (rescue, root))?;
        if let Some(image) = image {
            spec = spec.image(&image.path());
        }
        let begun = Instant::now();
        let mut guest = Guest {
            machine: scenario.switch_on(&spec)?,
            rescue: subject.way_in(Door::Rescue, rescue)?,
            root: subject.way_in(Door::Root, root)?,
            session: None,
        };
        subject.copies_ahead();
        let ended = self.live(&mut guest, &spec);
        let ended = ended.map_err(|error| guest.machine.whose(error));
        if scenario.hangs() && scenario.expect.invariants {
            // The machine never switches off: this is how to see that it has let go of its root.
            let _ = wait::at_most(wait::SETTLE, "a clean root", || match disk.health()? {
                Health::Clean => Ok(Ok(())),
                Health::Unclean(why) => Ok(Err(why)),
            });
        }
        let console = guest.machine.console();
        drop(guest);
        self.machine_ran += begun.elapsed();
        let record = match ended {
            Ok(Some(record)) => Some(record),
            Err(error) => {
                // As far as it came, for who looks what was wrong.
                if let (Some(dir), Ok(record)) = (self.dir, Record::stored(disk)) {
                    files::write(&dir.join(RECORD), record.bytes())?;
                }
                return Err(error);
            }
            Ok(None) if scenario.ends == Ends::Power => Record::stored(disk).ok(),
            Ok(None) => Some(self.stored(disk)?),
        };
        if let (Some(dir), Some(record)) = (self.dir, &record) {
            files::write(&dir.join(RECORD), record.bytes())?;
        }
        self.judge(disk, record.as_ref(), &console)
    }

    /// The machine, and disks that go away with it.
    fn spec(&self, disk: &Disk, ports: (u16, u16)) -> Result<(Spec, Vec<Disk>), Error> {
        let scenario = self.scenario;
        let mut artefacts = self.subject.artefacts.clone();
        let overlay = scenario.overlay().map_err(Error::unexpected)?;
        if self.subject.image == Owner::User && overlay.has_hosts() {
            // Words come before a table: this one says the address itself, and where it says so the port.
            let port = scenario.port.map_or("", |_| PORT);
            artefacts.append = artefacts.append.replace(ADDRESS, "").replace(port, "");
        }
        let mut spec = Spec::new(&artefacts).append(&scenario.append);
        if let Some(dir) = self.dir {
            spec = spec.keep_in(dir);
        }
        if scenario.kernel == Kernel::Full {
            spec = spec.kernel(&artefacts.full_kernel_image()?);
        }
        let rescue = scenario.port.unwrap_or(RESCUE_PORT);
        scenario.furnish(spec, disk, vec![(ports.0, rescue), (ports.1, ROOT_PORT)])
    }

    /// From switched on to off. The record that somebody has taken along; `None`: it is where the image keeps it.
    fn live(&self, guest: &mut Guest, spec: &Spec) -> Result<Option<Record>, Error> {
        let scenario = self.scenario;
        for step in &scenario.step {
            if let Some(text) = &step.after {
                guest.machine.watch_console(text)?;
            }
            std::thread::sleep(Duration::from_millis(step.pause_ms));
            step.act(&mut guest.machine)?;
            if step.cut_power {
                guest.session = None;
                guest.machine.cut_power();
                guest.machine = scenario.switch_on(spec)?;
            }
            if step.lets_in {
                guest.rescue.wait(&mut guest.machine)?;
            }
            if step.log_in || !step.ask.is_empty() {
                let (_, session) = guest.session()?;
                for ask in &step.ask {
                    ask.judge(&session.ask(&ask.command)?)?;
                }
            }
        }
        match scenario.ends {
            Ends::Power => {
                for text in scenario.expect.console() {
                    guest.machine.wait_console(text)?;
                }
                guest.machine.cut_power();
                return Ok(None);
            }
            Ends::Keyboard => {
                guest.machine.wait_console("preroot: verdict ")?;
                let mut monitor = guest.machine.monitor()?;
                monitor.press(&["ctrl", "alt", "delete"])?;
                guest.machine.wait_off()?;
                return Ok(None);
            }
            Ends::Root | Ends::Rescue => {}
        }
        guest.session()?;
        if let Some(open) = &scenario.open_while {
            is_open_while(open, guest)?;
        }
        let (machine, session) = guest.session()?;
        if scenario.expect.has_verdict() {
            wait_verdict(machine, session)?;
        }
        for ask in &scenario.ask {
            ask.judge(&session.ask(&ask.command)?)?;
        }
        self.switch_off(guest)
    }

    /// The record once it says what is expected, for some things are told late; else as it is after a while.
    fn settled(&self, session: &mut Session) -> Result<Record, Error> {
        let begun = Instant::now();
        loop {
            let record = Record::running(session)?;
            let boot = record.latest()?;
            let found = expect::differences(&self.scenario.expect, &boot);
            if found.is_empty() || begun.elapsed() > wait::SETTLE {
                return Ok(record);
            }
            std::thread::sleep(wait::PAUSE);
        }
    }

    fn switch_off(&self, guest: &mut Guest) -> Result<Option<Record>, Error> {
        let scenario = self.scenario;
        let is_root = scenario.ends == Ends::Root && self.subject.root == Owner::Setup;
        let record = if is_root {
            guest.root.wait(&mut guest.machine)?;
            // The connection may be cut before the status comes back.
            guest.root.output("poweroff")?;
            None
        } else {
            let (_, session) = guest.session()?;
            let record = self.settled(session)?;
            guest.rescue.output("preroot poweroff")?;
            Some(record)
        };
        // A disk that hangs may keep the kernel from switching off.
        if !scenario.hangs() {
            guest.machine.wait_off()?;
        }
        Ok(record)
    }

    /// The record out of the disk, on which nothing may be left to repair.
    fn stored(&self, disk: &Disk) -> Result<Record, Error> {
        match disk.health()? {
            Health::Clean => Record::stored(disk),
            Health::Unclean(why) => {
                let story = &self.scenario.story;
                let words = format!("{story}: root left unclean: {why}");
                Err(Error::unexpected(words))
            }
        }
    }

    fn judge(&self, disk: &Disk, record: Option<&Record>, console: &str) -> Result<(), Error> {
        let expect = &self.scenario.expect;
        let mut all = expect::on_console(expect, console);
        let boot = match record {
            Some(record) if self.scenario.ends == Ends::Power => record.latest().ok(),
            Some(record) => Some(record.latest()?),
            None => None,
        };
        if let Some(boot) = &boot {
            all.extend(expect::differences(expect, boot));
            if expect.invariants {
                all.extend(invariants::broken(boot, console, &disk.health()?));
            }
        }
        for (path, expected) in expect.files() {
            let found = disk.read(path)?;
            let found = found.map_or("no such file".into(), |bytes| {
                String::from_utf8_lossy(&bytes).trim().to_owned()
            });
            if found != expected.trim() {
                all.push(format!("{path}: expected\n{expected}\nfound\n{found}"));
            }
        }
        if all.is_empty() {
            return Ok(());
        }
        Err(Error::Differences {
            story: self.scenario.story.clone(),
            all,
            boot: boot.map_or(String::new(), |boot| boot.text()),
        })
    }
}

/// Logs in by each door while a script runs: it has started before, and has not ended after.
fn is_open_while(open: &OpenWhile, guest: &mut Guest) -> Result<(), Error> {
    let script = open.script.as_str();
    let has_started = |event: &Event<'_>| matches!(event, Event::ScriptStarted(started) if started.name == script);
    let (machine, session) = guest.session()?;
    wait::until(&format!("script {script} to run"), || {
        machine.check_running()?;
        let record = Record::running(session)?;
        let boot = record.latest()?;
        let started = boot.events().any(|(_, event)| has_started(&event));
        Ok(if started { Ok(()) } else { Err(boot.text()) })
    })?;
    let doors = open.doors.iter().map(|door| match door {
        Door::Rescue => &guest.rescue,
        Door::Root => &guest.root,
    });
    let doors: Vec<&Ssh> = doors.collect();
    for door in &doors {
        door.wait(&mut guest.machine)?;
        door.run("true")?;
    }
    for ask in &open.ask {
        let door = doors
            .first()
            .ok_or_else(|| Error::unexpected("no door to ask behind"))?;
        ask.judge(&door.text_of(&ask.command)?)?;
    }
    let (_, session) = guest.session()?;
    let record = Record::running(session)?;
    let boot = record.latest()?;
    match boot.script(script) {
        None => Ok(()),
        Some(_) => Err(Error::unexpected(format!(
            "script {script} ended before the doors had let us in\n{}",
            boot.text()
        ))),
    }
}

/// Waits until the order has ended and the verdict is in, by a session that is open all the time.
///
/// # Errors
/// When the machine or the session dies first, or never comes to a verdict.
pub fn wait_verdict(machine: &mut Machine, session: &mut Session) -> Result<String, Error> {
    wait::until("the verdict on the boot", || {
        machine.check_running()?;
        let record = Record::running(session)?;
        let boot = record.latest()?;
        Ok(match boot.verdict() {
            Some(verdict) => Ok(verdict.word.to_owned()),
            None => Err(last_line(&boot)),
        })
    })
}

fn last_line(boot: &Boot<'_>) -> String {
    let text = boot.text();
    text.lines().last().unwrap_or("an empty record").to_owned()
}
