//! Init scripts that a scenario adds to the root: frozen into its plan, written to its disk.
//!
//! What is on the disk may differ from what was frozen: that is how a script is missing, or cannot be
//! executed, when its turn comes.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::artefacts::Artefacts;
use crate::disk::{self, Disk};
use crate::error::Error;
use crate::files;

/// An init script.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewScript {
    /// Its file name.
    name: String,
    /// Its Required-Start.
    #[serde(default)]
    after: String,
    /// Whether it has the console for itself.
    #[serde(default)]
    interactive: bool,
    /// Whether it is stopped when the machine goes down.
    #[serde(default)]
    stop: bool,
    /// What stands before its header.
    #[serde(default = "shell")]
    first_line: String,
    /// What it does, for the shell.
    #[serde(default)]
    body: String,
    /// A file of the root that it is a copy of, instead: no script at all, its header in an override.
    #[serde(default)]
    copy_of: Option<String>,
    /// What the disk has of it.
    #[serde(default)]
    on_disk: OnDisk,
}

fn shell() -> String {
    "#!/bin/sh".to_owned()
}

/// What the disk has of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnDisk {
    /// What was frozen.
    #[default]
    Whole,
    /// Nothing.
    Missing,
    /// A file that nobody may execute.
    NotExecutable,
}

impl NewScript {
    /// Its file name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn header(&self) -> String {
        let (starts, stops) = ("2 3 4 5", if self.stop { "0 1 6" } else { "" });
        let interactive = if self.interactive {
            "# X-Interactive: true\n"
        } else {
            ""
        };
        format!(
            "### BEGIN INIT INFO\n# Provides: {}\n# Required-Start: {}\n# Required-Stop:\n\
             # Default-Start: {starts}\n# Default-Stop: {stops}\n{interactive}### END INIT INFO\n",
            self.name, self.after
        )
    }

    fn contents(&self) -> String {
        format!("{}\n{}{}\n", self.first_line, self.header(), self.body)
    }
}

/// The root tree with scripts added, to freeze; removed with its owner. Only what a freeze reads is in it.
#[derive(Debug)]
pub struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    /// The usual tree, and these scripts in it, enabled as their headers ask.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn with(artefacts: &Artefacts, scripts: &[NewScript]) -> Result<Tree, Error> {
        let tree = Tree {
            dir: disk::scratch()?,
        };
        let lib = tree.path("/lib");
        std::fs::create_dir(&lib).map_err(|error| Error::file("make", &lib, error))?;
        copy(&artefacts.root_tree.join("etc"), &tree.path("/"))?;
        copy(&artefacts.root_tree.join("lib/modules"), &lib)?;
        for script in scripts {
            tree.add(artefacts, script)?;
        }
        Ok(tree)
    }

    /// The tree as `--root`.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    fn add(&self, artefacts: &Artefacts, script: &NewScript) -> Result<(), Error> {
        let name = &script.name;
        let path = self.path(&format!("/etc/init.d/{name}"));
        match &script.copy_of {
            None => files::write(&path, script.contents())?,
            Some(program) => {
                let program = artefacts.root_tree.join(program.trim_start_matches('/'));
                files::write(&path, files::read(&program)?)?;
                let overrides = self.path("/etc/insserv/overrides");
                std::fs::create_dir_all(&overrides)
                    .map_err(|error| Error::file("make", &overrides, error))?;
                files::write(&overrides.join(name), script.header())?;
            }
        }
        files::run(Command::new("chmod").arg("755").arg(&path))?;
        for runlevel in ["2", "3", "4", "5"] {
            self.link(&format!("/etc/rc{runlevel}.d/S07{name}"), name)?;
        }
        if script.stop {
            for runlevel in ["0", "1", "6"] {
                self.link(&format!("/etc/rc{runlevel}.d/K01{name}"), name)?;
            }
        }
        Ok(())
    }

    fn link(&self, path: &str, name: &str) -> Result<(), Error> {
        let path = self.path(path);
        std::os::unix::fs::symlink(format!("../init.d/{name}"), &path)
            .map_err(|error| Error::file("link", &path, error))
    }
}

/// Writes the scripts to a disk.
pub(crate) fn install(disk: &Disk, tree: &Tree, scripts: &[NewScript]) -> Result<(), Error> {
    for script in scripts {
        let path = format!("/etc/init.d/{}", script.name);
        match script.on_disk {
            OnDisk::Whole => disk.install(&tree.path(&path), &path)?,
            OnDisk::NotExecutable => disk.write(&path, &script.contents(), 0o644)?,
            OnDisk::Missing => {}
        }
    }
    Ok(())
}

fn copy(from: &Path, into: &Path) -> Result<(), Error> {
    let mut copy = Command::new("cp");
    copy.args(["-a", "--reflink=auto"]).arg(from).arg(into);
    files::run(&mut copy).map(drop)
}
