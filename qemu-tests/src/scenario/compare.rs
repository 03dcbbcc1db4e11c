//! A scenario with any image, ours or another generator's, judged from outside alone: by a real ssh client at the image's sshd and
//! at the root's, by how often a kernel starts, by the prompt on the console, and by e2fsck.
//!
//! Nothing is taken from a record, which only one of them has. What the console says ends a wait for what will not come any more, and is
//! told where nobody is let in.

mod translate;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Scenario;
use super::image::OwnImage;
use super::run::for_subject;
use super::timeline::Step;
use crate::damage;
use crate::disk::Disk;
use crate::error::Error;
use crate::files;
use crate::machine::Machine;
use crate::port::free_port;
use crate::spec::Spec;
use crate::ssh::{Door, Ssh};
use crate::subject::{Owner, Subject};

/// The port of the root's own sshd.
const ROOT_PORT: u16 = 22;
/// What the root's getty shows on the console when its init has done everything.
const PROMPT: &str = " login: ";
/// The first thing that a kernel says.
const KERNEL: &str = "Linux version ";
/// How a console looks that nothing more comes from: that of a kernel, of initramfs-tools, of dracut, of the root's sulogin; then ours.
const STOPS: [(&str, Last); 6] = [
    ("Kernel panic", Last::Panic),
    ("(initramfs)", Last::Shell),
    ("Dropping to debug shell", Last::Shell),
    ("for maintenance", Last::Shell),
    ("preroot: RESCUE: ", Last::Waits),
    ("preroot: verdict ", Last::Waits),
];

/// How long something may go on to come up. A script that hangs has two minutes of a machine that is slower than its clock.
const WATCHED_MAX: Duration = Duration::from_secs(420);
/// A console that has been silent for so long stays so: longer than the longest deadline that anybody has, that of scripts.
const SILENCE_MAX: Duration = Duration::from_secs(150);
/// How long an sshd may take to come once the console has shown its last.
const AFTER_LAST: Duration = Duration::from_secs(30);
/// How long somebody is waited for who may be let in before anything else happens.
const FIRST_LOGIN_MAX: Duration = Duration::from_secs(60);
/// How long one login may take.
const LOGIN_SECONDS_MAX: &str = "40";
/// How often an sshd is asked in the end: one that was just ended may be starting again.
const LAST_ASKED: usize = 3;
/// How long a machine may take to switch itself off.
const OFF_MAX: Duration = Duration::from_secs(150);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// What has made an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generator {
    /// Us.
    Preroot,
    /// Debian's initramfs-tools.
    InitramfsTools,
    /// dracut.
    Dracut,
}

/// An image in the comparison.
#[derive(Debug, Clone)]
pub struct Rival {
    /// What has made it.
    pub generator: Generator,
    /// Its file.
    pub image: PathBuf,
    /// The port of its sshd and the public half of that one's host key; none: it has no sshd.
    pub door: Option<(u16, PathBuf)>,
}

/// What was seen of one boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Seen {
    /// Whether anybody can come: there is a card with a cable.
    pub reachable: bool,
    /// Whether the image's sshd let somebody in, before the root's did.
    pub early: bool,
    /// Whether the image's sshd lets somebody in in the end.
    pub image: bool,
    /// Whether the root's sshd does.
    pub root: bool,
    /// What the console shows last.
    pub last: Last,
    /// How often the kernel started without the power having been cut.
    pub resets: usize,
    /// Whether e2fsck finds nothing to do once the journal has been replayed.
    pub consistent: bool,
    /// Whether it switched itself off when it was up and was told to.
    pub off: bool,
}

/// What a console shows last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Last {
    /// The prompt of the root's getty: its init has done everything.
    Prompt,
    /// The kernel's panic.
    Panic,
    /// A shell, for who sits before it.
    Shell,
    /// Nothing that would be for anybody.
    Waits,
}

/// Boots a scenario with an image on the root of `ours`, and looks. Consoles are kept in `dir`, and what e2fsck has said.
///
/// # Errors
/// [`Error::NotAsked`] where it cannot be asked of everybody; others when the harness itself fails.
pub fn see(scenario: &Scenario, ours: &Subject, rival: &Rival, dir: &Path) -> Result<Seen, Error> {
    is_for_all(scenario)?;
    let scenario = &for_subject(scenario, ours, 0)?;
    let subject = subject(ours, rival);
    let disk = Disk::copy(&subject.artefacts)?;
    scenario.write_files(&disk)?;
    let own = OwnImage::of(scenario, &subject, &disk)?;
    if !scenario.damage.is_empty() {
        damage::apply(&disk, &scenario.damage)?;
    }
    let image = own
        .as_ref()
        .map_or_else(|| rival.image.clone(), OwnImage::path);
    let words = translate::append(
        &scenario.append,
        rival.generator,
        &subject.artefacts.root_label,
    )?;
    let ports = (free_port()?, free_port()?);
    let mut forwards = vec![(ports.1, ROOT_PORT)];
    forwards.extend(rival.door.iter().map(|(port, _)| (ports.0, *port)));
    let spec = Spec::new(&subject.artefacts)
        .keep_in(dir)
        .image(&image)
        .append(&words)
        .reboots();
    let (spec, _extra) = scenario.furnish(spec, &disk, forwards)?;
    let mut guest = Guest {
        scenario,
        generator: rival.generator,
        machine: scenario.switch_on(&spec)?,
        early: match &rival.door {
            Some((_, key)) => Some(Ssh::pinned(&subject.artefacts, key, ports.0)?),
            None => None,
        },
        root: subject.way_in(Door::Root, ports.1)?,
        let_in_early: false,
        resets: 0,
    };
    for step in &scenario.step {
        guest.take(step, &spec)?;
    }
    guest.watch()?;
    let seen = guest.judge()?;
    drop(guest);
    Ok(Seen {
        consistent: is_consistent(&disk, dir)?,
        ..seen
    })
}

/// Whether a scenario can be asked of all that make images.
///
/// # Errors
/// [`Error::NotAsked`] where it cannot: why.
pub fn is_for_all(scenario: &Scenario) -> Result<(), Error> {
    if let Some(why) = translate::refused(scenario) {
        return Err(Error::NotAsked { why: why.into() });
    }
    for generator in [
        Generator::Preroot,
        Generator::InitramfsTools,
        Generator::Dracut,
    ] {
        translate::append(&scenario.append, generator, "")?;
        let steps = scenario.step.iter().filter(|step| !step.changes_nothing());
        for text in steps.filter_map(|step| step.after.as_deref()) {
            translate::moment(text, generator)?;
        }
    }
    Ok(())
}

/// The usual machine with another image, of which nothing is known.
fn subject(ours: &Subject, rival: &Rival) -> Subject {
    let mut subject = ours.clone();
    subject.artefacts.image = rival.image.clone();
    subject.image = Owner::User;
    if rival.generator == Generator::Preroot {
        subject.image = ours.image;
    }
    subject
}

/// Whether e2fsck finds nothing to do but what it does for every root that has lost its power: replay the journal, finish what was being
/// deleted, count what is free (the kernel leaves that to whoever mounts next). It does no more than that where the superblock says clean.
fn is_consistent(disk: &Disk, dir: &Path) -> Result<bool, Error> {
    let disk = disk.contents()?;
    let mut all = Vec::new();
    let mut said = |words: &[&str]| {
        let mut check = Command::new("/sbin/e2fsck");
        let output = files::output(check.args(words).arg(disk.file_system()))?;
        all.extend(output.stdout);
        Ok(output.status.success())
    };
    // A journal that cannot be replayed it clears, and says so by its status.
    let is_replayed = said(&["-p", "-E", "journal_only"])?;
    let is_valid = disk.superblock_field("Filesystem state:");
    let is_valid = is_valid.is_ok_and(|state| state == "clean");
    if is_replayed && is_valid {
        said(&["-p"])?;
    }
    let is_clean = said(&["-f", "-n"])?;
    files::write(&dir.join("e2fsck.txt"), all)?;
    Ok(is_replayed && is_valid && is_clean)
}

/// A machine that is looked at.
struct Guest<'s> {
    scenario: &'s Scenario,
    generator: Generator,
    machine: Machine,
    /// By the image's sshd, where it has one.
    early: Option<Ssh>,
    /// By the root's.
    root: Ssh,
    let_in_early: bool,
    /// Of machines that are off by now.
    resets: usize,
}

impl Guest<'_> {
    /// What happens in a step. That somebody must be let in is not asked for here: it is seen in the end.
    fn take(&mut self, step: &Step, spec: &Spec) -> Result<(), Error> {
        if step.changes_nothing() {
            return Ok(());
        }
        if let Some(text) = &step.after {
            let text = translate::moment(text, self.generator)?;
            self.await_moment(text)?;
        }
        std::thread::sleep(Duration::from_millis(step.pause_ms));
        step.act(&mut self.machine)?;
        if step.cut_power {
            self.resets += resets(&self.machine.console());
            self.machine.cut_power();
            self.machine = self.scenario.switch_on(spec)?;
        }
        if step.log_in {
            self.first_login()?;
        }
        Ok(())
    }

    /// A moment that never comes is no error: the boot has gone another way, which is seen in the end.
    fn await_moment(&mut self, text: &str) -> Result<(), Error> {
        let begun = Instant::now();
        while begun.elapsed() < WATCHED_MAX {
            let console = self.machine.console();
            if console.contains(text) || stop(latest(&console)).is_some() {
                return Ok(());
            }
            if self.is_off()? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn first_login(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        while begun.elapsed() < FIRST_LOGIN_MAX && !self.let_in_early {
            if self.early.is_none() || self.is_off()? {
                // So much time has gone by for the others.
                std::thread::sleep(PAUSE * 5);
                return Ok(());
            }
            self.look_early()?;
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn look_early(&mut self) -> Result<(), Error> {
        if let (Some(early), false) = (&self.early, self.let_in_early) {
            self.let_in_early = lets_in(early)?;
        }
        Ok(())
    }

    fn is_off(&mut self) -> Result<bool, Error> {
        match self.machine.check_running() {
            Ok(()) => Ok(false),
            Err(Error::Off { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether a client can come at all.
    fn is_reachable(&self) -> bool {
        let cards = self.scenario.card.as_deref();
        cards.is_none_or(|cards| cards.iter().any(|card| !card.unplugged))
    }

    /// Looks until it is up, or nothing more will come.
    fn watch(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        let (mut length, mut spoke) = (0, Instant::now());
        let mut last_since: Option<Instant> = None;
        let mut root = false;
        while begun.elapsed() < WATCHED_MAX && !self.is_off()? {
            if !root && self.is_reachable() {
                self.look_early()?;
                root = lets_in(&self.root)?;
            }
            let console = self.machine.console();
            if console.len() != length {
                (length, spoke) = (console.len(), Instant::now());
            }
            let latest = latest(&console);
            let is_up = latest.contains(PROMPT);
            if is_up && (root || !self.is_reachable()) {
                return Ok(());
            }
            if is_up || stop(latest).is_some() {
                let since = last_since.get_or_insert_with(Instant::now);
                if since.elapsed() > AFTER_LAST {
                    return Ok(());
                }
            } else {
                // A machine that was reset begins anew.
                last_since = None;
            }
            if spoke.elapsed() > SILENCE_MAX {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// What is so in the end; then it is switched off, as well as that goes.
    fn judge(&mut self) -> Result<Seen, Error> {
        let reachable = self.is_reachable() && !self.is_off()?;
        let root = reachable && lets_in_at_last(&self.root)?;
        let image = match &self.early {
            Some(early) if reachable => lets_in_at_last(early)?,
            _ => false,
        };
        let console = self.machine.console();
        let last = last(latest(&console));
        let resets = self.resets + resets(&console);
        let off = self.switch_off(root, last)?;
        Ok(Seen {
            reachable: self.is_reachable(),
            early: self.let_in_early,
            image,
            root,
            last,
            resets,
            consistent: false,
            off,
        })
    }

    /// By the root's tools where they can be reached, by three keys where the root is up and nobody can come, else by its plug.
    fn switch_off(&mut self, root: bool, last: Last) -> Result<bool, Error> {
        if self.is_off()? {
            return Ok(true);
        }
        // sysvinit takes the keys for a reboot.
        let set = json!({ "reboot": "shutdown" });
        self.machine.monitor()?.execute("set-action", set)?;
        if root {
            // The connection may be cut before the status comes back.
            let _ = files::output(bounded(&self.root).arg("poweroff"))?;
        } else if last == Last::Prompt && !self.is_reachable() {
            self.machine.monitor()?.press(&["ctrl", "alt", "delete"])?;
        } else {
            self.machine.cut_power();
            return Ok(false);
        }
        let begun = Instant::now();
        while begun.elapsed() < OFF_MAX {
            if self.is_off()? {
                return Ok(true);
            }
            std::thread::sleep(PAUSE);
        }
        self.machine.cut_power();
        Ok(false)
    }
}

/// The client's command line; a machine that stops in the middle of a login does not stop us.
fn bounded(ssh: &Ssh) -> Command {
    let client = ssh.command();
    let mut bounded = Command::new("timeout");
    bounded.args(["--kill-after=5", LOGIN_SECONDS_MAX]);
    bounded.arg(client.get_program()).args(client.get_args());
    bounded
}

fn lets_in(ssh: &Ssh) -> Result<bool, Error> {
    if !ssh.answers() {
        return Ok(false);
    }
    let output = files::output(bounded(ssh).arg("true"))?;
    Ok(output.status.success())
}

fn lets_in_at_last(ssh: &Ssh) -> Result<bool, Error> {
    for _ in 0..LAST_ASKED {
        if lets_in(ssh)? {
            return Ok(true);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(false)
}

/// The console of the boot that is under way.
fn latest(console: &str) -> &str {
    console.rsplit(KERNEL).next().unwrap_or_default()
}

/// How often a kernel has started after the first.
fn resets(console: &str) -> usize {
    console.matches(KERNEL).count().saturating_sub(1)
}

/// What a console shows that nothing more comes from.
fn stop(latest: &str) -> Option<Last> {
    let found = STOPS.iter().find(|(text, _)| latest.contains(text));
    found.map(|(_, last)| *last)
}

fn last(latest: &str) -> Last {
    let prompt = latest.contains(PROMPT).then_some(Last::Prompt);
    match stop(latest) {
        // Whatever came before.
        Some(Last::Panic) => Last::Panic,
        stop => prompt.or(stop).unwrap_or(Last::Waits),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn a_root_is_consistent_once_its_journal_is_replayed_and_not_because_it_was_repaired() {
        let disk = Disk::empty(16 << 20).unwrap();
        let mut make = Command::new("/sbin/mke2fs");
        files::run(make.args(["-q", "-t", "ext4"]).arg(disk.path())).unwrap();
        let dir = disk.path().with_file_name("kept");
        files::create_directory(&dir).unwrap();
        let check = |expected: bool| assert_eq!(is_consistent(&disk, &dir).unwrap(), expected);
        check(true);
        // As of a machine that has lost its power.
        let block = disk.path().with_file_name("block");
        files::write(&block, [0x55; 1024]).unwrap();
        let journal = format!("jw -b 333 {}", block.display());
        let count = "set_super_value free_blocks_count 5";
        disk.debugfs(&[count, "jo", &journal, "jc"]).unwrap();
        check(true);
        disk.debugfs(&["set_super_value state 2"]).unwrap();
        check(false);
        disk.debugfs(&["set_super_value state 1"]).unwrap();
        check(true);
        let journal = disk.offset_of("data <8> 0").unwrap();
        disk.overwrite(journal, &[0x55; 4096]).unwrap();
        check(false);
    }

    #[test]
    fn a_console_is_read_from_its_last_boot_on() {
        let check = |console: &str, boots: usize, expected: Last| {
            assert_eq!(resets(console), boots, "{console}");
            assert_eq!(last(latest(console)), expected, "{console}");
        };
        check("", 0, Last::Waits);
        check("Linux version 6.1\nhere login: ", 0, Last::Prompt);
        check("Linux version 6.1\nKernel panic\n", 0, Last::Panic);
        check(
            "Linux version 6.1\nKernel panic\nLinux version 6.1\nhere login: ",
            1,
            Last::Prompt,
        );
        check("Linux version 6.1\n(initramfs) ", 0, Last::Shell);
        check(
            "Linux version 6.1\nhere login: \nKernel panic",
            0,
            Last::Panic,
        );
        check(
            "Linux version 6.1\npreroot: verdict OK\nhere login: ",
            0,
            Last::Prompt,
        );
        check("Linux version 6.1\npreroot: RESCUE: root", 0, Last::Waits);
    }
}
