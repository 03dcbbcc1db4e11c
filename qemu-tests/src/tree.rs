//! What `preroot freeze` reads of a root: its `/etc`, and the tables of a kernel's modules.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artefacts::Artefacts;
use crate::disk;
use crate::error::Error;
use crate::files;

/// Where the modules of all kernels are.
const MODULES: &str = "/lib/modules";
/// Of a kernel's modules, what is read to freeze (`modules.dep(5)`, `depmod(8)`).
const TABLES: [&str; 4] = [
    "modules.alias",
    "modules.builtin",
    "modules.dep",
    "modules.softdep",
];

/// A root tree to freeze; removed with its owner. No file of it is a link to one elsewhere.
#[derive(Debug)]
pub(crate) struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    /// With the `/etc` of a tree, and the modules of one, which may be another.
    ///
    /// # Errors
    /// When there is no room for it.
    pub(crate) fn of(etc: &Path, modules: &Path) -> Result<Self, Error> {
        let tree = Self::new()?;
        let mut copy = Command::new("cp");
        copy.args(["-a", "--reflink=auto"]).arg(etc.join("etc"));
        files::run(copy.arg(tree.root()))?;
        let from = modules.join(MODULES.trim_start_matches('/'));
        let entries =
            std::fs::read_dir(&from).map_err(|error| Error::file("read", &from, error))?;
        for entry in entries {
            let kernel = entry.map_err(|error| Error::file("read", &from, error))?;
            let into = tree.modules(&kernel.file_name().to_string_lossy())?;
            for table in TABLES.map(|table| kernel.path().join(table)) {
                let name = table.file_name().unwrap_or_default();
                if table.exists() {
                    files::copy(&table, &into.join(name))?;
                }
            }
        }
        Ok(tree)
    }

    /// What is on the artefacts' root disk, with the modules of this kernel.
    ///
    /// # Errors
    /// When it cannot be read, or there is no room for it.
    pub(crate) fn of_disk(artefacts: &Artefacts, kernel: &str) -> Result<Self, Error> {
        let tree = Self::new()?;
        let into = tree.modules(kernel)?;
        let ask = |command: String| {
            let mut debugfs = Command::new("/sbin/debugfs");
            let disk = disk::file_system(&artefacts.root_disk, artefacts.root_offset);
            files::run(debugfs.arg("-R").arg(command).arg(disk))
        };
        ask(format!("rdump /etc {}", tree.root().display()))?;
        for table in TABLES {
            let to = into.join(table);
            ask(format!("dump {MODULES}/{kernel}/{table} {}", to.display()))?;
        }
        Ok(tree)
    }

    /// The tree as `--root`.
    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// A place in it.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    fn new() -> Result<Self, Error> {
        Ok(Self {
            dir: disk::scratch()?,
        })
    }

    /// Makes the directory of a kernel.
    fn modules(&self, kernel: &str) -> Result<PathBuf, Error> {
        let path = self.path(MODULES).join(kernel);
        files::create_directory(&path)?;
        Ok(path)
    }
}
