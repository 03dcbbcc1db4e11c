//! Init scripts that a scenario adds to the root: frozen into its plan, written to its disk.
//!
//! What is on the disk may differ from what was frozen: that is how a script is missing, or cannot be
//! executed, when its turn comes.

use serde::Deserialize;

use crate::disk::Disk;
use crate::error::Error;
use crate::files;
use crate::tree::Tree;

/// An init script.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct NewScript {
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

/// Puts scripts into a tree, enabled as their headers ask; programs that are copied are taken from the disk.
///
/// # Errors
/// When there is no room for them, or no such program.
pub(crate) fn add(tree: &Tree, scripts: &[NewScript], disk: &Disk) -> Result<(), Error> {
    scripts
        .iter()
        .try_for_each(|script| add_one(tree, script, disk))
}

fn add_one(tree: &Tree, script: &NewScript, disk: &Disk) -> Result<(), Error> {
    let name = &script.name;
    let path = tree.path(&format!("/etc/init.d/{name}"));
    match &script.copy_of {
        None => files::write(&path, script.contents())?,
        Some(program) => {
            let bytes = disk.read(program)?.ok_or_else(|| Error::NotAsked {
                why: format!("the root has no {program}"),
            })?;
            files::write(&path, bytes)?;
            let overrides = tree.path("/etc/insserv/overrides");
            files::create_directory(&overrides)?;
            files::write(&overrides.join(name), script.header())?;
        }
    }
    files::make_executable(&path)?;
    for runlevel in ["2", "3", "4", "5"] {
        link(tree, &format!("/etc/rc{runlevel}.d/S07{name}"), name)?;
    }
    if script.stop {
        for runlevel in ["0", "1", "6"] {
            link(tree, &format!("/etc/rc{runlevel}.d/K01{name}"), name)?;
        }
    }
    Ok(())
}

fn link(tree: &Tree, path: &str, name: &str) -> Result<(), Error> {
    let path = tree.path(path);
    std::os::unix::fs::symlink(format!("../init.d/{name}"), &path)
        .map_err(|error| Error::file("link", &path, error))
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
