//! Keys of this cache: the client's pair and the rescue sshd's host key. Made here, never committed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::{Cache, Inputs};
use crate::error::Error;
use crate::progress::Progress;
use crate::run;

/// Where the keys are.
#[derive(Debug)]
pub(crate) struct Keys {
    /// The client's private key; the public one stands beside it with `.pub`.
    pub(crate) client: PathBuf,
    /// The rescue sshd's host key, in dropbear's format.
    pub(crate) host: PathBuf,
    /// The public half of that, as a `known_hosts` line has it after the host's name.
    pub(crate) host_public: PathBuf,
}

impl Keys {
    /// The client's public key: one line, fit for `authorized_keys`.
    pub(crate) fn client_public(&self) -> PathBuf {
        self.client.with_extension("pub")
    }
}

/// Makes the keys, once per cache.
pub(crate) fn ensure(cache: &Cache, progress: &Progress) -> Result<Keys, Error> {
    let dir = cache.step(
        progress,
        "keys",
        &Inputs::default().add("format", "1"),
        make,
    )?;
    Ok(Keys {
        client: dir.join("client"),
        host: dir.join("host_key"),
        host_public: dir.join("host_key.pub"),
    })
}

fn make(dir: &Path) -> Result<(), Error> {
    let mut client = Command::new("ssh-keygen");
    client.args(["-q", "-t", "ed25519", "-N", "", "-C", "preroot-qemu", "-f"]);
    run::quiet(client.arg(dir.join("client")))?;
    let mut host = Command::new("dropbearkey");
    let text = run::quiet(host.args(["-t", "ed25519", "-f"]).arg(dir.join("host_key")))?;
    let public = text.lines().find(|line| line.starts_with("ssh-ed25519 "));
    let public = public.ok_or_else(|| Error::Product {
        what: "dropbearkey printed no ssh-ed25519 key".to_owned(),
        remedy: "run `dropbearkey -t ed25519 -f /tmp/key` to see what it says".to_owned(),
    })?;
    let path = dir.join("host_key.pub");
    std::fs::write(&path, format!("{public}\n")).map_err(|error| Error::file("write", &path, error))
}
