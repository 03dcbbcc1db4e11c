//! The place where runners run: the real Debian root, in namespaces of its own, with a terminal.
//!
//! Invariants: the root tree is mounted read-only; all that is written lies in a scratch directory of ours;
//! nothing of it is left in the system when a command has ended.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::pty::openpty;
use nix::unistd::geteuid;
use preroot_qemu_tests::{Artefacts, Error, files};

use super::workload::Workload;

/// How the namespaces are filled.
const SCRIPT: &str = include_str!("sandbox.sh");
/// Longer than any runner takes, s.
const LIMIT_S: &str = "300";
/// The directories of /etc that are ours in there.
const DIRECTORIES: [&str; 10] = [
    "init.d", "insserv", "rc0.d", "rc1.d", "rc2.d", "rc3.d", "rc4.d", "rc5.d", "rc6.d", "rcS.d",
];

/// The place.
#[derive(Debug)]
pub(super) struct Sandbox {
    root: PathBuf,
    scratch: tempfile::TempDir,
}

/// One run of a command, as `peers/makespan.c` writes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// From before its start until it was reaped, ms.
    pub(super) wall_ms: f64,
    /// The CPU time that it and its children took, ms.
    pub(super) cpu_ms: f64,
}

/// What is left of a command.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) runs: Vec<Run>,
    /// When scripts began and ended.
    pub(super) log: String,
    /// PID 1's record, of our runner.
    pub(super) record: Vec<u8>,
}

impl Sandbox {
    /// The place, with programs in its /mnt.
    pub(super) fn new(artefacts: &Artefacts, programs: &[PathBuf]) -> Result<Self, Error> {
        let scratch = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
        let sandbox = Self {
            root: artefacts.root_tree.clone(),
            scratch,
        };
        for directory in ["root", "out", "mnt"] {
            files::create_directory(&sandbox.path(directory))?;
        }
        for program in programs {
            let name = program.file_name().unwrap_or_default();
            files::copy(program, &sandbox.path("mnt").join(name))?;
        }
        for file in ["insserv.conf", "inittab"] {
            // For those who read this as a tree: in there, the root's own is seen.
            files::create_directory(&sandbox.path("etc"))?;
            let from = sandbox.root.join("etc").join(file);
            files::copy(&from, &sandbox.path("etc").join(file))?;
        }
        files::write(&sandbox.path("sandbox.sh"), SCRIPT)?;
        sandbox.check()?;
        Ok(sandbox)
    }

    /// A path of the scratch directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The scratch directory, which freezing reads as a root tree.
    pub(super) fn tree(&self) -> &Path {
        self.scratch.path()
    }

    /// Whether this machine lets us make namespaces.
    fn check(&self) -> Result<(), Error> {
        self.clear()?;
        match self.spawn(&["/bin/true"]) {
            Err(Error::Command { output, .. }) => Err(Error::Machine {
                what: format!("cannot make a chroot in namespaces: {}", output.trim()),
                remedy: "run it as root, or let users make namespaces: sudo sysctl -w \
                         user.max_user_namespaces=10000 kernel.unprivileged_userns_clone=1 \
                         kernel.apparmor_restrict_unprivileged_userns=0"
                    .to_owned(),
            }),
            other => other,
        }
    }

    /// Makes a runlevel 2 of a workload's scripts, linked by the real insserv.
    pub(super) fn load(&self, workload: &Workload) -> Result<(), Error> {
        self.clear()?;
        let init_d = self.path("etc/init.d");
        let mut words = vec!["/sbin/insserv"];
        for script in &workload.scripts {
            let path = init_d.join(&script.name);
            files::write(&path, script.text())?;
            files::make_executable(&path)?;
            words.push(&script.name);
        }
        // With this, rc goes one by one; only it looks.
        files::write(&init_d.join(".legacy-bootordering"), "")?;
        self.spawn(&words)
    }

    fn clear(&self) -> Result<(), Error> {
        for name in DIRECTORIES {
            let path = self.path("etc").join(name);
            if path.exists() {
                std::fs::remove_dir_all(&path).map_err(|source| Error::File {
                    what: "remove",
                    path: path.clone(),
                    source,
                })?;
            }
            files::create_directory(&path)?;
        }
        files::create_directory(&self.path("etc/insserv/overrides"))
    }

    /// Runs a command some times, one after the other, and measures each.
    pub(super) fn measure(&self, times: usize, command: &[&str]) -> Result<Left, Error> {
        for name in ["makespan", "log", "record"] {
            let path = self.path("out").join(name);
            if path.exists() {
                files::remove(&path)?;
            }
        }
        let times = times.to_string();
        self.spawn(&[&["/mnt/makespan", &times], command].concat())?;
        let out = |name: &str| self.path("out").join(name);
        let kept = |name: &str| match out(name) {
            path if path.exists() => files::read(&path),
            _ => Ok(Vec::new()),
        };
        let text = files::read_text(&out("makespan"))?;
        let run = |line| {
            let odd = || Error::unexpected(format!("{}: {line}", command.join(" ")));
            Run::parse(line).ok_or_else(odd)
        };
        Ok(Left {
            runs: text.lines().map(run).collect::<Result<_, _>>()?,
            log: String::from_utf8_lossy(&kept("log")?).into_owned(),
            record: kept("record")?,
        })
    }

    /// Runs a command in there, with a terminal of its own. What it says is read, and shown if it fails.
    fn spawn(&self, words: &[&str]) -> Result<(), Error> {
        let terminal = openpty(None, None)
            .map_err(|errno| Error::unexpected(format!("no terminal: {errno}")))?;
        let mut command = self.command();
        command.args(words);
        let clone = || {
            let side = terminal.slave.try_clone();
            side.map(Stdio::from)
                .map_err(|error| Error::unexpected(format!("no terminal: {error}")))
        };
        command.stdin(clone()?).stdout(clone()?).stderr(clone()?);
        let mut child = command.spawn().map_err(|source| Error::Start {
            program: "timeout".to_owned(),
            source,
        })?;
        // Ours must be closed, or reading would never end.
        drop(command);
        drop(terminal.slave);
        let mut said = Vec::new();
        // The end of a terminal that nobody holds is an error, EIO.
        let _ = File::from(terminal.master).read_to_end(&mut said);
        let status = child.wait().map_err(|source| Error::Start {
            program: "timeout".to_owned(),
            source,
        })?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Command {
            command: words.join(" "),
            status: status.to_string(),
            output: String::from_utf8_lossy(&said).into_owned(),
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", LIMIT_S]);
        command.args(["unshare", "--mount", "--pid", "--cgroup", "--fork"]);
        command.arg("--kill-child");
        if !geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.arg("sh").arg(self.path("sandbox.sh"));
        command.arg(&self.root).arg(self.scratch.path());
        command
    }
}

impl Run {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut ms = || Some(words.next()?.parse::<f64>().ok()? / 1e6);
        let run = Self {
            wall_ms: ms()?,
            cpu_ms: ms()?,
        };
        (words.next() == Some("0")).then_some(run)
    }
}
