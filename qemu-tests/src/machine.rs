//! One machine that runs: QEMU, its console and its monitor.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::files;
use crate::qmp::Qmp;
use crate::spec::disk_device;
use crate::wait;

/// The pause between two looks at the console for a moment that matters.
pub(crate) const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// How much later than its clients we may hear of QEMU's end.
const END_PAUSE: Duration = Duration::from_millis(200);
/// Lines of the console that a failing test shows.
const CONSOLE_LINES_MAX: usize = 60;

/// Whether a cable is in its card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cable {
    /// It is.
    In,
    /// It is not.
    Out,
}

/// A machine that runs. Dropping it cuts the power.
#[derive(Debug)]
pub struct Machine {
    dir: tempfile::TempDir,
    child: Child,
    ended: Option<ExitStatus>,
    /// Where its console is kept.
    kept: Option<PathBuf>,
    /// Whoever types on the console.
    keyboard: Option<UnixStream>,
}

impl Machine {
    /// A QEMU that was started with its console and its monitor in `dir`, once its monitor is there.
    pub(crate) fn new(dir: tempfile::TempDir, child: Child) -> Result<Self, Error> {
        let mut machine = Self {
            dir,
            child,
            ended: None,
            kept: None,
            keyboard: None,
        };
        machine.wait_monitor()?;
        Ok(machine)
    }

    /// Has its console outlive it, at the end of this file.
    pub(crate) fn keep_console(&mut self, at: PathBuf) {
        self.kept = Some(at);
    }

    /// A new connection to its monitor.
    ///
    /// # Errors
    /// When it is off.
    pub fn monitor(&self) -> Result<Qmp, Error> {
        Qmp::connect(&self.dir.path().join("qmp"))
    }

    /// Cuts the power: what is not on the disk by now is lost.
    pub fn cut_power(&mut self) {
        if self.ended.is_none() {
            // It may have ended by itself; either way it is off afterwards.
            let _ = self.child.kill();
            self.ended = self.child.wait().ok();
        }
    }

    /// Plugs a disk in that lay ready, by its number among the disks.
    ///
    /// # Errors
    /// When the monitor says no.
    pub fn attach(&self, number: usize) -> Result<(), Error> {
        let device = disk_device(number, Some(format!("slot{number}")));
        self.monitor()?.execute("device_add", device).map(drop)
    }

    /// Pulls a disk that was plugged in so. It takes the machine some seconds to let it go.
    ///
    /// # Errors
    /// When the monitor says no.
    pub fn detach(&self, number: usize) -> Result<(), Error> {
        let device = serde_json::json!({ "id": format!("blk{number}") });
        self.monitor()?.execute("device_del", device).map(drop)
    }

    /// Lets a machine go that was held before its first instruction.
    ///
    /// # Errors
    /// When the monitor says no.
    pub(crate) fn go(&self) -> Result<(), Error> {
        let none = serde_json::json!({});
        self.monitor()?.execute("cont", none).map(drop)
    }

    /// Has the NVMe controller with this serial number warn: the bits of its health log's Critical Warning.
    ///
    /// # Errors
    /// When there is no such controller.
    pub(crate) fn warn(&self, serial: &str, bits: u8) -> Result<(), Error> {
        let mut monitor = self.monitor()?;
        let anonymous = "/machine/peripheral-anon";
        let devices = monitor.execute("qom-list", serde_json::json!({ "path": anonymous }))?;
        let names = devices.as_array().into_iter().flatten();
        for name in names.filter_map(|device| device["name"].as_str()) {
            let path = format!("{anonymous}/{name}");
            let mut get = |property: &str| {
                let what = serde_json::json!({ "path": path, "property": property });
                monitor.execute("qom-get", what)
            };
            let is_it = get("type").is_ok_and(|kind| kind == "nvme")
                && get("serial").is_ok_and(|value| value == serial);
            if is_it {
                let what = serde_json::json!({
                    "path": path, "property": "smart_critical_warning", "value": bits,
                });
                return monitor.execute("qom-set", what).map(drop);
            }
        }
        Err(Error::unexpected(format!(
            "no NVMe disk {serial}: {devices}"
        )))
    }

    /// Plugs a network card's cable in or pulls it, by its number among the cards: the card loses its carrier.
    ///
    /// # Errors
    /// When the monitor says no.
    pub fn plug(&self, card: usize, is_in: Cable) -> Result<(), Error> {
        let up = is_in == Cable::In;
        let link = serde_json::json!({ "name": format!("card{card}"), "up": up });
        self.monitor()?.execute("set_link", link).map(drop)
    }

    /// What the console showed so far.
    #[must_use]
    pub fn console(&self) -> String {
        let bytes = std::fs::read(self.dir.path().join("console")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end of what the console showed, for who has waited in vain.
    pub(crate) fn last_words(&self) -> String {
        format!("the console ends:\n{}", last_lines(&self.console()))
    }

    /// The console as a file, which goes away with the machine.
    #[must_use]
    pub fn console_path(&self) -> PathBuf {
        self.dir.path().join("console")
    }

    /// Types on its console, as a person before it does. What comes is in [`Machine::console`].
    ///
    /// # Errors
    /// When it is off.
    pub fn type_on_console(&mut self, line: &str) -> Result<(), Error> {
        let path = self.dir.path().join("keyboard");
        let typed = UnixStream::connect(&path).and_then(|mut keyboard| {
            writeln!(keyboard, "{line}")?;
            // What the guest has not read yet is lost when the connection ends.
            self.keyboard = Some(keyboard);
            Ok(())
        });
        typed.map_err(|error| Error::file("type on", &path, error))
    }

    /// Waits until it has switched itself off.
    ///
    /// # Errors
    /// When it does not, in time or not well.
    pub fn wait_off(&mut self) -> Result<(), Error> {
        wait::watch("the machine to switch itself off", || {
            self.look()?;
            match self.ended {
                Some(status) if status.success() => Ok(Ok(())),
                Some(status) => Err(self.broken(&status.to_string())),
                None => Ok(Err("it is running".to_owned())),
            }
        })
    }

    /// Waits until the console shows a text: for what is not recorded, such as a halted machine.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait_console(&mut self, text: &str) -> Result<(), Error> {
        wait::until(&format!("`{text}` on the console"), || {
            self.look()?;
            let console = self.console();
            if console.contains(text) {
                return Ok(Ok(()));
            }
            match self.ended {
                Some(status) => Err(self.broken(&status.to_string())),
                None => Ok(Err(last_lines(&console))),
            }
        })
    }

    /// Looks at the console all the time until it shows a text: for who cuts the power then.
    ///
    /// # Errors
    /// When the machine ends first, or never shows it.
    pub fn watch_console(&mut self, text: &str) -> Result<(), Error> {
        let begun = Instant::now();
        while begun.elapsed() < wait::DEADLINE {
            if self.console().contains(text) {
                return Ok(());
            }
            self.check_running()?;
            std::thread::sleep(LOOK_PAUSE);
        }
        Err(Error::Deadline {
            what: format!("`{text}` on the console"),
            seconds: wait::DEADLINE.as_secs(),
            last: self.last_words(),
        })
    }

    /// Waits until the console shows one of some texts; gives the first of them that is there. `None`: it has switched itself off without
    /// any. The kernel's own words at that are not waited for: the power may go before the console has them.
    ///
    /// # Errors
    /// When it shows none of them, or ends otherwise.
    pub fn wait_any<'t>(&mut self, texts: &[&'t str]) -> Result<Option<&'t str>, Error> {
        wait::until(
            &format!("one of {texts:?} on the console, or its end"),
            || {
                self.look()?;
                let console = self.console();
                if let Some(text) = texts.iter().find(|text| console.contains(**text)) {
                    return Ok(Ok(Some(*text)));
                }
                match self.ended {
                    Some(status) if status.success() => Ok(Ok(None)),
                    Some(status) => Err(self.broken(&status.to_string())),
                    None => Ok(Err(last_lines(&console))),
                }
            },
        )
    }

    /// Whether it runs.
    ///
    /// # Errors
    /// When it has ended.
    pub fn check_running(&mut self) -> Result<(), Error> {
        self.look()?;
        self.ended
            .map_or(Ok(()), |status| Err(self.broken(&status.to_string())))
    }

    /// An error that somebody met who talked to the machine; QEMU's own end in its place where that is what it was: a client
    /// hears of that first, and takes it for the guest's.
    pub(crate) fn whose(&mut self, error: Error) -> Error {
        if self.ended.is_some() {
            return error;
        }
        std::thread::sleep(END_PAUSE);
        match self.check_running() {
            Err(own @ Error::Command { .. }) => own,
            _ => error,
        }
    }

    fn look(&mut self) -> Result<(), Error> {
        if self.ended.is_none() {
            let looked = self.child.try_wait();
            self.ended = looked.map_err(|error| Error::file("wait for", self.dir.path(), error))?;
        }
        Ok(())
    }

    fn wait_monitor(&mut self) -> Result<(), Error> {
        let socket = self.dir.path().join("qmp");
        wait::until("QEMU's monitor", || {
            self.check_running()?;
            Ok(if socket.exists() {
                Ok(())
            } else {
                Err("no socket".to_owned())
            })
        })
    }

    fn broken(&self, status: &str) -> Error {
        let said = files::read_text(&self.dir.path().join("qemu")).unwrap_or_default();
        let (status, output) = (
            status.to_owned(),
            format!("{said}\n{}", last_lines(&self.console())),
        );
        match self.ended {
            // It has switched itself off, or was reset.
            Some(ended) if ended.success() => Error::Off { status, output },
            _ => Error::Command {
                command: "qemu-system-x86_64".to_owned(),
                status,
                output,
            },
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.cut_power();
        if let Some(path) = &self.kept {
            let console = self.console();
            let file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(path);
            // It is for whoever reads of a failure, and no failure of its own.
            let _ = file.and_then(|mut file| file.write_all(console.as_bytes()));
        }
        if std::thread::panicking() {
            eprintln!(
                "--- the end of the console ---\n{}\n---",
                last_lines(&self.console())
            );
        }
    }
}

fn last_lines(console: &str) -> String {
    let lines: Vec<&str> = console.lines().collect();
    lines[lines.len().saturating_sub(CONSOLE_LINES_MAX)..].join("\n")
}
