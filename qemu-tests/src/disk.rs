//! Root disks: copied, damaged, looked into, all without mounting anything.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artefacts::Artefacts;
use crate::error::Error;
use crate::files;
use crate::place::Places;

/// Where the partition of a disk for records begins.
pub(crate) const LOG_OFFSET: u64 = 1 << 20;
/// Its size.
pub(crate) const LOG_BYTES: usize = 4 << 20;
/// What sfdisk(8) counts in.
const SECTOR_BYTES: u64 = 512;

/// A copy of the root disk that a test may do anything to; removed with its directory.
#[derive(Debug)]
pub struct Disk {
    dir: tempfile::TempDir,
    offset: u64,
}

/// What a read-only e2fsck thinks of a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Nothing to do, and the superblock says so too.
    Clean,
    /// Something is left to do.
    Unclean(String),
}

impl Disk {
    /// Copies the root disk, as sparse as it is.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn copy(artefacts: &Artefacts) -> Result<Self, Error> {
        Self::copy_of(&artefacts.root_disk, artefacts.root_offset)
    }

    /// Copies any disk, as sparse as it is.
    ///
    /// # Errors
    /// When it cannot be read, or there is no room for it.
    pub(crate) fn copy_of(disk: &Path, offset: u64) -> Result<Self, Error> {
        let copy = Self {
            dir: scratch()?,
            offset,
        };
        let mut command = Command::new("cp");
        command.args(["--sparse=always", "--reflink=auto"]);
        files::run(command.arg(disk).arg(copy.path()))?;
        Ok(copy)
    }

    /// Has it written out, and waits for nothing: whoever flushes first, debugfs(8) or a machine, waits for what is left.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn begin_to_sync(&self) -> Result<(), Error> {
        let path = self.path();
        let file = File::open(&path).map_err(|error| Error::file("open", &path, error))?;
        // An error is met again by whoever flushes it. The file may be gone by then, which does no harm.
        std::thread::spawn(move || file.sync_data());
        Ok(())
    }

    /// A disk of this size with nothing on it, not even partitions.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn empty(bytes: u64) -> Result<Self, Error> {
        let disk = Self {
            dir: scratch()?,
            offset: 0,
        };
        let path = disk.path();
        let file = File::create(&path);
        file.and_then(|file| file.set_len(bytes))
            .map_err(|error| Error::file("create", &path, error))?;
        Ok(disk)
    }

    /// A disk with a partition for records on it, which is empty.
    ///
    /// # Errors
    /// When sfdisk(8) cannot make it.
    pub fn log() -> Result<Self, Error> {
        let end = u64::try_from(LOG_BYTES).unwrap_or_default() + LOG_OFFSET;
        let disk = Self::empty(end + (1 << 20))?;
        let table = disk.dir.path().join("table");
        let text = format!(
            "label: gpt\nstart={}, size={}, name=preroot-log, type=L\n",
            LOG_OFFSET / SECTOR_BYTES,
            (end - LOG_OFFSET) / SECTOR_BYTES
        );
        files::write(&table, text)?;
        let mut command = Command::new("/sbin/sfdisk");
        command.arg("--quiet").arg(disk.path());
        files::run_with_input(&mut command, &table)?;
        Ok(disk)
    }

    /// Another disk with the same on it.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn duplicate(&self) -> Result<Self, Error> {
        Self::copy_of(&self.path(), self.offset)
    }

    /// A copy of what is in its partition: e2fsck 1.47 forgets where a file system begins once it has replayed a journal.
    pub(crate) fn contents(&self) -> Result<Self, Error> {
        let contents = Self::in_directory(scratch()?);
        let mut copy = Command::new("dd");
        copy.args(["status=none", "bs=1M", "conv=sparse", "iflag=skip_bytes"]);
        copy.arg(format!("skip={}", self.offset));
        copy.arg(format!("if={}", self.path().display()));
        copy.arg(format!("of={}", contents.path().display()));
        files::run(&mut copy)?;
        Ok(contents)
    }

    /// The disk in a directory of its own, without a partition.
    pub(crate) fn in_directory(dir: tempfile::TempDir) -> Self {
        Self { dir, offset: 0 }
    }

    /// The image's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("disk.img")
    }

    /// Overwrites bytes of the whole disk.
    ///
    /// # Errors
    /// When the image cannot be written.
    pub fn overwrite(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path();
        let file = File::options().write(true).open(&path);
        file.and_then(|file| file.write_all_at(bytes, offset))
            .map_err(|error| Error::file("write", &path, error))
    }

    /// Where its file system begins: places of the file system are counted from there.
    pub(crate) fn begins_at(&self) -> u64 {
        self.offset
    }

    /// The offset of a place on its file system, by name (`place.rs`).
    ///
    /// # Errors
    /// When there is no such place.
    pub fn offset_of(&self, words: &str) -> Result<u64, Error> {
        Places::of(self)?.offset(words)
    }

    /// Reads bytes of the whole disk.
    ///
    /// # Errors
    /// When the image does not have them.
    pub fn peek(&self, offset: u64, count: usize) -> Result<Vec<u8>, Error> {
        let path = self.path();
        let mut bytes = vec![0; count];
        let read = File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, offset));
        read.map_err(|error| Error::file("read", &path, error))?;
        Ok(bytes)
    }

    /// Cuts the disk off.
    ///
    /// # Errors
    /// When the image cannot be written.
    pub fn cut(&self, bytes: u64) -> Result<(), Error> {
        let path = self.path();
        let file = File::options().write(true).open(&path);
        file.and_then(|file| file.set_len(bytes))
            .map_err(|error| Error::file("shorten", &path, error))
    }

    /// What debugfs(8) says to one command that changes nothing, complaints included.
    ///
    /// # Errors
    /// When debugfs cannot be started.
    pub fn asked(&self, command: &str) -> Result<String, Error> {
        let mut debugfs = Command::new("/sbin/debugfs");
        let output = files::output(debugfs.arg("-R").arg(command).arg(self.file_system()))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs commands of debugfs(8) on the file system, which may be any kind of damage.
    ///
    /// # Errors
    /// When debugfs cannot open it or does not know a command.
    pub fn debugfs(&self, commands: &[&str]) -> Result<String, Error> {
        let script = self.dir.path().join("debugfs.commands");
        files::write(&script, commands.join("\n") + "\n")?;
        let mut debugfs = Command::new("/sbin/debugfs");
        debugfs
            .arg("-w")
            .arg("-f")
            .arg(&script)
            .arg(self.file_system());
        let output = files::output(&mut debugfs)?;
        // It ends with 0 whatever happened; complaints go to standard error, after its version.
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() && complaints.lines().count() <= 1 {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(files::failed(&debugfs, &output))
    }

    /// Writes a file into the file system, in place of one that may be there.
    ///
    /// # Errors
    /// When debugfs cannot.
    pub fn write(&self, path: &str, contents: &str, mode: u32) -> Result<(), Error> {
        let from = self.dir.path().join("contents");
        files::write(&from, contents)?;
        self.place(&from, path, mode)
    }

    /// Writes a program of the host into the file system.
    ///
    /// # Errors
    /// When debugfs cannot.
    pub fn install(&self, from: &Path, path: &str) -> Result<(), Error> {
        self.place(from, path, 0o755)
    }

    /// Installs preroot on the root, to be started from it: see [`Spec::in_place`](crate::Spec::in_place).
    ///
    /// # Errors
    /// When debugfs cannot.
    pub fn install_preroot(&self, artefacts: &Artefacts) -> Result<&Self, Error> {
        self.debugfs(&["mkdir /usr/lib/preroot"])?;
        self.install(&artefacts.image_plain, "/usr/lib/preroot/image")?;
        self.install(&artefacts.init, "/usr/sbin/preroot-init")?;
        Ok(self)
    }

    fn place(&self, from: &Path, path: &str, mode: u32) -> Result<(), Error> {
        if self.debugfs(&[&format!("stat {path}")]).is_ok() {
            self.debugfs(&[&format!("rm {path}")])?;
        }
        let mode = mode | 0o100_000;
        let write = format!("write {} {path}", from.display());
        self.debugfs(&[&write, &format!("set_inode_field {path} mode 0{mode:o}")])
            .map(drop)
    }

    /// Reads a file out of the file system, if it is there.
    ///
    /// # Errors
    /// When the file system cannot be read.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        let to = self.dir.path().join("dumped");
        let missing = |error| std::io::Error::kind(&error) == std::io::ErrorKind::NotFound;
        if let Err(error) = std::fs::remove_file(&to)
            && !missing(std::io::Error::from(error.kind()))
        {
            return Err(Error::file("remove", &to, error));
        }
        let mut debugfs = Command::new("/sbin/debugfs");
        debugfs
            .arg("-R")
            .arg(format!("dump {path} {}", to.display()))
            .arg(self.file_system());
        files::run(&mut debugfs)?;
        match std::fs::read(&to) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if missing(std::io::Error::from(error.kind())) => Ok(None),
            Err(error) => Err(Error::file("read", &to, error)),
        }
    }

    /// Asks e2fsck, which writes nothing.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn health(&self) -> Result<Health, Error> {
        let mut fsck = Command::new("/sbin/e2fsck");
        let output = files::output(fsck.args(["-f", "-n"]).arg(self.file_system()))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let header = match self.superblock() {
            Ok(header) => header,
            // Of a file system that is badly damaged dumpe2fs says no more.
            Err(Error::Command { .. }) => return Ok(Health::Unclean(said)),
            Err(error) => return Err(error),
        };
        let journal = field(&header, "Filesystem features:").contains("needs_recovery");
        let state = field(&header, "Filesystem state:");
        if output.status.into_raw() == 0 && !journal && state == "clean" {
            return Ok(Health::Clean);
        }
        Ok(Health::Unclean(format!(
            "state `{state}`, journal to replay: {journal}\n{said}"
        )))
    }

    /// Has its file system repaired, its journal replayed first, whatever there is to repair.
    ///
    /// # Errors
    /// When e2fsck cannot be run.
    pub fn repair(&self) -> Result<(), Error> {
        let mut fsck = Command::new("/sbin/e2fsck");
        files::output(fsck.args(["-f", "-y"]).arg(self.file_system())).map(drop)
    }

    /// One field of the superblock, as dumpe2fs names it (`Mount count:`).
    ///
    /// # Errors
    /// When the superblock cannot be read.
    pub fn superblock_field(&self, name: &str) -> Result<String, Error> {
        Ok(field(&self.superblock()?, name))
    }

    fn superblock(&self) -> Result<String, Error> {
        let mut dump = Command::new("/sbin/dumpe2fs");
        let output = files::run(dump.arg("-h").arg(self.file_system()))?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    /// As the e2fsprogs name a file system inside a file.
    pub(crate) fn file_system(&self) -> String {
        file_system(&self.path(), self.offset)
    }
}

/// The same of any file.
pub(crate) fn file_system(path: &Path, offset: u64) -> String {
    format!("{}?offset={offset}", path.display())
}

fn field(header: &str, name: &str) -> String {
    let found = header.lines().find_map(|line| line.strip_prefix(name));
    found.unwrap_or_default().trim().to_owned()
}

/// A scratch directory that goes away with its owner.
pub(crate) fn scratch() -> Result<tempfile::TempDir, Error> {
    tempfile::Builder::new()
        .prefix("preroot-")
        .tempdir()
        .map_err(|error| Error::file("make a directory in", Path::new("/tmp"), error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    /// However bad a file system is, that is said of it, and no failure of whoever asks.
    #[test]
    fn a_file_system_is_clean_or_it_is_said_why_not() {
        let disk = Disk::empty(8 << 20).unwrap();
        assert!(matches!(disk.health().unwrap(), Health::Unclean(_)));
        let mut mke2fs = Command::new("/sbin/mke2fs");
        files::run(mke2fs.args(["-q", "-t", "ext4"]).arg(disk.path())).unwrap();
        assert_eq!(disk.health().unwrap(), Health::Clean);
        // The group descriptors, in the second block of 1 KiB of a small one.
        disk.overwrite(2048, &[0x55; 64]).unwrap();
        assert!(matches!(disk.health().unwrap(), Health::Unclean(_)));
        disk.repair().unwrap();
        assert_eq!(disk.health().unwrap(), Health::Clean);
    }
}
