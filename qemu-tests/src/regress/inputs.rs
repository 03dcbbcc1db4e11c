//! The user's own kernel, image and root disk, looked at before anything is booted, and never written: machines run on
//! copies.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use preroot_qemu_tests::{ADDRESS, Artefacts, Error, Owner, PORT, Subject, files};
use serde::Deserialize;

/// Where a Linux kernel for x86 says that it is one: `Documentation/arch/x86/boot.rst`, header field `header`.
const KERNEL_MAGIC: (u64, &[u8]) = (0x202, b"HdrS");
/// What an image begins with: a cpio archive (`newc`), or what the kernel unpacks (`lib/decompress.c`).
const IMAGE_MAGICS: [&[u8]; 9] = [
    b"070701",
    b"070702",
    &[0x1f, 0x8b],
    &[0xfd, b'7', b'z', b'X', b'Z', 0],
    &[0x28, 0xb5, 0x2f, 0xfd],
    &[0x02, 0x21, 0x4c, 0x18],
    &[0x5d, 0, 0],
    b"BZh",
    &[0x89, b'L', b'Z', b'O'],
];
/// ext2's magic number and where it is in a file system: `fs/ext4/ext4.h`.
const EXT_MAGIC: (u64, &[u8]) = (1024 + 56, &[0x53, 0xef]);

/// What is booted; left out: what set-up has made.
#[derive(Debug, clap::Args)]
pub(crate) struct Inputs {
    /// The kernel.
    #[arg(long, value_name = "FILE")]
    pub(crate) kernel: Option<PathBuf>,
    /// The image: an initramfs with preroot in it.
    #[arg(long, value_name = "FILE")]
    pub(crate) image: Option<PathBuf>,
    /// The config that the image was baked from: scenarios that want another one are run with another plan in the image. Its paths
    /// begin beside it
    #[arg(long, value_name = "FILE", requires = "image")]
    pub(crate) config: Option<PathBuf>,
    /// The root disk, raw; it is copied, never written.
    #[arg(long, value_name = "FILE")]
    pub(crate) root: Option<PathBuf>,
    /// A private key that the image, and the root's own sshd, let in as root.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Words for the kernel command line of every machine. With an image of one's own, ip= and preroot.port= stand before them.
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true)]
    pub(crate) append: Option<String>,
}

impl Inputs {
    /// What scenarios are run on.
    pub(crate) fn subject(&self, ours: &Artefacts) -> Result<Subject, Error> {
        let owner = |file: &Option<PathBuf>| match file {
            Some(_) => Owner::User,
            None => Owner::Setup,
        };
        let (image, root) = (owner(&self.image), owner(&self.root));
        let mut artefacts = self.apply(ours)?;
        if let Some(key) = &self.key {
            if !begins(key, 0, &[b"-----BEGIN "])? {
                return Err(wrong(key, "not a private key as ssh(1) takes it"));
            }
            artefacts.client_key.clone_from(key);
        }
        let mut words = match image {
            Owner::User => vec![ADDRESS, PORT],
            Owner::Setup => Vec::new(),
        };
        words.extend(self.append.as_deref());
        artefacts.append = words.join(" ").trim().to_owned();
        let subject = Subject::new(artefacts, image, root);
        match &self.config {
            Some(config) => subject.with_config(config),
            None => Ok(subject),
        }
    }

    /// What set-up has made, with the user's files in the places of its own.
    pub(crate) fn apply(&self, ours: &Artefacts) -> Result<Artefacts, Error> {
        let mut artefacts = ours.clone();
        if let Some(kernel) = &self.kernel {
            let (at, magic) = KERNEL_MAGIC;
            if !begins(kernel, at, &[magic])? {
                return Err(wrong(
                    kernel,
                    "not a Linux kernel for x86 (no `HdrS` at 0x202); name a vmlinuz",
                ));
            }
            artefacts.kernel.clone_from(kernel);
        }
        if let Some(image) = &self.image {
            artefacts = with_image(&artefacts, image)?;
        }
        if let Some(root) = &self.root {
            artefacts.root_offset = root_offset(root)?;
            artefacts.root_disk.clone_from(root);
        }
        Ok(artefacts)
    }
}

/// The same with another image.
pub(crate) fn with_image(artefacts: &Artefacts, image: &Path) -> Result<Artefacts, Error> {
    if !begins(image, 0, &IMAGE_MAGICS)? {
        return Err(wrong(
            image,
            "not an initramfs: neither a cpio archive nor one packed as the kernel can unpack it",
        ));
    }
    let mut artefacts = artefacts.clone();
    artefacts.image = image.to_owned();
    Ok(artefacts)
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::Contents {
        path: path.to_owned(),
        what: what.to_owned(),
    }
}

/// Whether one of these stands at a place of a file.
fn begins(path: &Path, at: u64, magics: &[&[u8]]) -> Result<bool, Error> {
    let failed = |source| Error::File {
        what: "read",
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let longest = magics.iter().map(|magic| magic.len()).max().unwrap_or(0);
    let mut bytes = Vec::new();
    let mut from = At { file: &file, at };
    let mut from = from.by_ref().take(longest as u64);
    from.read_to_end(&mut bytes).map_err(failed)?;
    Ok(magics.iter().any(|magic| bytes.starts_with(magic)))
}

/// A file from a place on.
struct At<'f> {
    file: &'f File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(out, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// What sfdisk(8) says of a disk.
#[derive(Debug, Deserialize)]
struct Partitioned {
    partitiontable: Table,
}

#[derive(Debug, Deserialize)]
struct Table {
    #[serde(default = "sector_bytes")]
    sectorsize: u64,
    #[serde(default)]
    partitions: Vec<Partition>,
}

#[derive(Debug, Deserialize)]
struct Partition {
    start: u64,
}

fn sector_bytes() -> u64 {
    512
}

/// Where on a disk its ext file system begins: the first one that has an `/etc`.
fn root_offset(disk: &Path) -> Result<u64, Error> {
    let mut offsets = vec![0];
    // First, so that a file that is not there is called so.
    let (at, magic) = EXT_MAGIC;
    if !begins(disk, at, &[magic])? {
        let output = files::output(Command::new("/sbin/sfdisk").arg("--json").arg(disk))?;
        let table = serde_json::from_slice::<Partitioned>(&output.stdout).ok();
        let table = table.map(|partitioned| partitioned.partitiontable);
        offsets = table.map_or_else(Vec::new, |table| {
            let of = |partition: &Partition| partition.start.saturating_mul(table.sectorsize);
            table.partitions.iter().map(of).collect()
        });
    }
    for offset in offsets {
        if !begins(disk, offset.saturating_add(at), &[magic])? {
            continue;
        }
        let mut debugfs = Command::new("/sbin/debugfs");
        debugfs.args(["-R", "stat /etc"]);
        let output = files::output(debugfs.arg(format!("{}?offset={offset}", disk.display())))?;
        if String::from_utf8_lossy(&output.stdout).contains("Type: directory") {
            return Ok(offset);
        }
    }
    Err(wrong(
        disk,
        "no ext2, ext3 or ext4 file system with an /etc on it, neither on the whole disk nor in a partition",
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn images_are_told_by_how_they_begin() {
        let dir = tempfile::tempdir().unwrap();
        let check = |bytes: &[u8], expected: bool| {
            let path = dir.path().join("image");
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(
                begins(&path, 0, &IMAGE_MAGICS).unwrap(),
                expected,
                "{bytes:?}"
            );
        };
        check(b"070701000000", true);
        check(&[0x28, 0xb5, 0x2f, 0xfd, 9], true);
        check(b"", false);
        check(b"0707", false);
        check(b"\x7fELF and more", false);
    }

    #[test]
    fn a_root_is_found_on_a_disk_with_and_without_partitions() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        std::fs::create_dir_all(tree.join("etc")).unwrap();
        let disk = dir.path().join("disk");
        let make = |bytes: u64, offset: u64| {
            let file = File::create(&disk).unwrap();
            file.set_len(bytes).unwrap();
            let mut mkfs = Command::new("/sbin/mkfs.ext4");
            mkfs.args(["-q", "-F", "-d"]).arg(&tree);
            mkfs.arg("-E").arg(format!("offset={offset}"));
            files::run(mkfs.arg(&disk).arg("4M")).unwrap();
        };
        make(8 << 20, 0);
        assert_eq!(root_offset(&disk).unwrap(), 0);
        make(16 << 20, 2 << 20);
        let error = root_offset(&disk).unwrap_err().to_string();
        assert!(error.contains("no ext2, ext3 or ext4"), "{error}");
        let table = dir.path().join("table");
        std::fs::write(&table, "label: gpt\nsize=2048\nstart=4096, size=8192\n").unwrap();
        let mut sfdisk = Command::new("/sbin/sfdisk");
        files::run_with_input(sfdisk.arg("--quiet").arg(&disk), &table).unwrap();
        assert_eq!(root_offset(&disk).unwrap(), 2 << 20);
        let missing = root_offset(&dir.path().join("none")).unwrap_err();
        assert!(missing.to_string().contains("cannot read"), "{missing}");
    }
}
