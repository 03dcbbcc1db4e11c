//! Images: bytes in memory, and what the system's own tools make of a file.

use std::convert::Infallible;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use preroot_disk::limits::SCRATCH_BYTES;
use preroot_disk::{Partition, Read, Superblock};
use tempfile::TempDir;

/// Bytes as a device that counts what is read.
pub(crate) struct Bytes<'a> {
    bytes: &'a [u8],
    pub(crate) reads: u32,
}

impl Read for Bytes<'_> {
    type Error = Infallible;

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Panics if it is asked for what lies outside.
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Infallible> {
        let start = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.bytes[start..start + out.len()]);
        self.reads += 1;
        Ok(())
    }
}

pub(crate) fn device(bytes: &[u8]) -> Bytes<'_> {
    Bytes { bytes, reads: 0 }
}

pub(crate) fn identify(bytes: &[u8]) -> Option<Superblock> {
    let Ok(found) = preroot_disk::identify(&mut device(bytes), &mut [0xa5; SCRATCH_BYTES]);
    found
}

pub(crate) fn partition(bytes: &[u8], sector_bytes: u32, number: u32) -> Option<Partition> {
    let mut disk = device(bytes);
    let Ok(found) =
        preroot_disk::partition(&mut disk, sector_bytes, number, &mut [0xa5; SCRATCH_BYTES]);
    found
}

/// A file of zeros that the system's tools work on.
pub(crate) struct Image {
    pub(crate) path: PathBuf,
    _directory: TempDir,
}

impl Image {
    pub(crate) fn new(bytes: u64) -> Image {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("image");
        fs::File::create(&path).unwrap().set_len(bytes).unwrap();
        Image {
            path,
            _directory: directory,
        }
    }

    /// Runs `tool arguments... PATH`.
    pub(crate) fn run(&self, tool: &str, arguments: &[&str]) -> &Self {
        run(tool, arguments, &self.path, "");
        self
    }

    /// Feeds `script` to `sfdisk PATH`.
    pub(crate) fn sfdisk(&self, arguments: &[&str], script: &str) -> &Self {
        run("sfdisk", arguments, &self.path, script);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap()
    }

    pub(crate) fn write(&self, bytes: &[u8]) {
        fs::write(&self.path, bytes).unwrap();
    }

    /// What `e2fsck -p` says, whatever it exits with.
    pub(crate) fn preen(&self) -> String {
        let output = spawn("e2fsck", &["-p"], &self.path, "");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Its partition table as `sfdisk --dump` writes it.
    pub(crate) fn dump(&self) -> String {
        run("sfdisk", &["--dump"], &self.path, "")
    }

    /// What blkid says of it: `ID_FS_KEY=VALUE` lines. That form alone leaves UTF-8 as it is.
    pub(crate) fn blkid(&self) -> String {
        run("blkid", &["-p", "-o", "udev"], &self.path, "")
    }
}

/// The value of `key` in what blkid says; empty when it is not there.
pub(crate) fn value<'a>(lines: &'a str, key: &str) -> &'a str {
    let lines = lines.lines().filter_map(|line| line.strip_prefix("ID_FS_"));
    let mut pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .find(|pair| pair.0 == key)
        .map_or("", |(_, value)| value)
}

fn run(tool: &str, arguments: &[&str], path: &Path, input: &str) -> String {
    let output = spawn(tool, arguments, path, input);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{tool} {arguments:?}: {}{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

fn spawn(tool: &str, arguments: &[&str], path: &Path, input: &str) -> Output {
    // Debian keeps most of them out of an ordinary user's PATH.
    let search = format!(
        "{}:/usr/sbin:/sbin",
        std::env::var("PATH").unwrap_or_default()
    );
    let mut child = Command::new(tool)
        .args(arguments)
        .arg(path)
        .env("PATH", search)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{tool}: {error} (install e2fsprogs, util-linux and fdisk)")
        });
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}
