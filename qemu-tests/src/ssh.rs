//! The real OpenSSH client, as a person would use it: one key, host keys pinned, no questions.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::artefacts::Artefacts;
use crate::disk;
use crate::error::Error;
use crate::files;
use crate::session::Session;
use crate::wait;

/// How long one connection may take: an emulated machine under load is slow.
const CONNECT_SECONDS_MAX: u16 = 60;
/// How long one look for a banner waits. QEMU accepts for the guest, so a connection says nothing.
const BANNER_MAX: Duration = Duration::from_secs(3);

/// Which sshd is meant, and by that which host key it must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// The rescue sshd of the image.
    Rescue,
    /// The root's own sshd.
    Root,
}

/// A way into a machine.
#[derive(Debug)]
pub struct Ssh {
    dir: tempfile::TempDir,
    key: PathBuf,
    port: u16,
    proxy: Option<String>,
}

impl Ssh {
    /// A way in by a loopback port.
    ///
    /// # Errors
    /// When the host key cannot be read.
    pub fn new(artefacts: &Artefacts, door: Door, port: u16) -> Result<Self, Error> {
        let public = match door {
            Door::Rescue => artefacts.host_key_public.clone(),
            Door::Root => artefacts.root_tree.join("etc/ssh/ssh_host_ed25519_key.pub"),
        };
        Self::pinned(artefacts, &public, port)
    }

    /// The same to whoever has this host key: the file with its public half.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn pinned(artefacts: &Artefacts, public: &Path, port: u16) -> Result<Self, Error> {
        let dir = disk::scratch()?;
        let line = files::read_text(public)?;
        let pinned = format!("machine {}\n", line.trim());
        files::write(&dir.path().join("known_hosts"), pinned)?;
        Ok(Self {
            dir,
            key: artefacts.client_key.clone(),
            port,
            proxy: None,
        })
    }

    /// A way in to somebody whose host key nobody knows.
    ///
    /// # Errors
    /// When there is no place for what is remembered of it.
    pub fn unpinned(artefacts: &Artefacts, port: u16) -> Result<Self, Error> {
        Ok(Self {
            dir: disk::scratch()?,
            key: artefacts.client_key.clone(),
            port,
            proxy: None,
        })
    }

    /// The loopback port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A way in by a loopback port to a machine that a CA vouches for.
    ///
    /// # Errors
    /// When there is no place for a directory.
    pub fn trusting(artefacts: &Artefacts, ca: &str, port: u16) -> Result<Self, Error> {
        let dir = disk::scratch()?;
        let line = format!("@cert-authority machine {}\n", ca.trim());
        files::write(&dir.path().join("known_hosts"), line)?;
        Ok(Self {
            dir,
            key: artefacts.client_key.clone(),
            port,
            proxy: None,
        })
    }

    /// Goes through a command whose standard input and output are the connection.
    #[must_use]
    pub fn through(mut self, proxy: &str) -> Self {
        self.proxy = Some(proxy.to_owned());
        self
    }

    /// The client's command line, up to the host; a remote command can follow.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new("ssh");
        command.args(self.words());
        command
    }

    /// The same as a person would type it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("ssh {}", self.words().join(" "))
    }

    fn words(&self) -> Vec<String> {
        let mut words = self.options();
        words.extend(["-i".to_owned(), self.key.display().to_string()]);
        words.extend([
            "-p".to_owned(),
            self.port.to_string(),
            "root@127.0.0.1".to_owned(),
        ]);
        words
    }

    fn options(&self) -> Vec<String> {
        let known_hosts = self.dir.path().join("known_hosts");
        let mut words: Vec<String> = ["-F", "/dev/null", "-T"].map(str::to_owned).into();
        let mut option = |text: String| words.extend(["-o".to_owned(), text]);
        option("BatchMode=yes".to_owned());
        option("IdentitiesOnly=yes".to_owned());
        // Whoever answers first is believed where nobody knows better.
        let checking = match known_hosts.exists() {
            true => "yes",
            false => "accept-new",
        };
        option(format!("StrictHostKeyChecking={checking}"));
        option("HostKeyAlias=machine".to_owned());
        let algorithms = "ssh-ed25519-cert-v01@openssh.com,ssh-ed25519";
        option(format!("HostKeyAlgorithms={algorithms}"));
        option("LogLevel=ERROR".to_owned());
        option(format!("UserKnownHostsFile={}", known_hosts.display()));
        option(format!("ConnectTimeout={CONNECT_SECONDS_MAX}"));
        if let Some(proxy) = &self.proxy {
            option(format!("ProxyCommand={proxy}"));
        }
        words
    }

    /// The client's command line with another key, up to the host.
    #[must_use]
    pub fn command_with(&self, key: &Path) -> Command {
        let mut command = Command::new("ssh");
        command.args(self.options()).arg("-i").arg(key);
        command.args(["-p", &self.port.to_string(), "root@127.0.0.1"]);
        command
    }

    /// scp(1), up to what is copied where.
    #[must_use]
    pub fn copy_command(&self) -> Command {
        let mut command = Command::new("scp");
        // A copy has no terminal to go without.
        command.args(self.options().into_iter().filter(|word| word != "-T"));
        command.arg("-i").arg(&self.key);
        command.args(["-P", &self.port.to_string()]);
        command
    }

    /// Runs a command on the machine; whatever its status.
    ///
    /// # Errors
    /// When the client cannot be started.
    pub fn output(&self, remote: &str) -> Result<Output, Error> {
        files::output(self.command().arg(remote))
    }

    /// Runs a command on the machine, which must end well; gives its standard output.
    ///
    /// # Errors
    /// When it does not, or nobody lets us in.
    pub fn run(&self, remote: &str) -> Result<Vec<u8>, Error> {
        files::run(self.command().arg(remote))
    }

    /// The same as text, trimmed.
    ///
    /// # Errors
    /// As [`Ssh::run`].
    pub fn text_of(&self, remote: &str) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.run(remote)?)
            .trim()
            .to_owned())
    }

    /// Opens a session that stays.
    ///
    /// # Errors
    /// When the client cannot be started.
    pub fn session(&self) -> Result<Session, Error> {
        Session::open(self.command().arg("exec sh"))
    }

    /// Whether an sshd answers: the banner counts, an open port does not.
    #[must_use]
    pub fn answers(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let read = TcpStream::connect_timeout(&address, BANNER_MAX).and_then(|mut stream| {
            stream.set_read_timeout(Some(BANNER_MAX))?;
            let mut banner = [0; 4];
            stream.read_exact(&mut banner)?;
            Ok(banner)
        });
        read.is_ok_and(|banner| &banner == b"SSH-")
    }

    /// Waits until we can log in.
    ///
    /// # Errors
    /// When nobody lets us in before the deadline.
    pub fn wait(&self, machine: &mut crate::Machine) -> Result<(), Error> {
        wait::until("a login by ssh", || {
            machine.check_running()?;
            if self.proxy.is_none() && !self.answers() {
                return Ok(Err(format!("no banner; {}", machine.last_words())));
            }
            let output = self.output("true")?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            Ok(if output.status.success() {
                Ok(())
            } else {
                Err(format!("{said}; {}", machine.last_words()))
            })
        })
    }

    /// Whether somebody without the key is turned away.
    ///
    /// # Errors
    /// When the client cannot be run.
    pub fn refuses_strangers(&self) -> Result<bool, Error> {
        let key = self.dir.path().join("stranger");
        if !key.exists() {
            let mut generate = Command::new("ssh-keygen");
            files::run(
                generate
                    .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                    .arg(&key),
            )?;
        }
        let stranger = key.display().to_string();
        let ours = self.key.display().to_string();
        let words = self
            .words()
            .into_iter()
            .map(|word| if word == ours { stranger.clone() } else { word });
        let mut command = Command::new("ssh");
        command.args(words).arg("true").stdin(Stdio::null());
        let output = files::output(&mut command)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(!output.status.success() && said.contains("Permission denied"))
    }
}
