//! A small root of our own: what a boot needs and no more, with some hundred files in it, so that one boot of it, from
//! power to power, takes seconds and every byte of it is known.
//!
//! Its scripts are those in `small/`. The last thing it starts switches it off, so a boot that went well needs nobody.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artefacts::Artefacts;
use crate::disk::Disk;
use crate::error::Error;
use crate::files;
use crate::programs;
use crate::tree::Tree;

/// The files that people wrote.
const WRITTEN: &str = "small";
/// What else the tree consists of.
const DIRECTORIES: [&str; 9] = [
    "bin",
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
    "root",
    "var/lib",
    "usr/share",
];
/// The shell's other names.
const APPLETS: [&str; 11] = [
    "sh", "cat", "dd", "ls", "mkdir", "mv", "rm", "sleep", "sync", "wc", "[",
];
/// Links that start scripts.
const LINKS: [(&str, &str); 2] = [("rcS.d/S01early", "early"), ("rc2.d/S01service", "service")];
/// Directories of files that nothing reads, and files in each.
const SHARE: (usize, usize) = (30, 20);
/// Files of a directory that is large enough to have an index (htree).
const HUGE: usize = 600;
/// Pieces of a file with holes: more than there is room for in an inode, so that its extents take a block.
const PIECES: u64 = 24;
/// The disk's size. Sparse: four groups, two of them with copies of the superblock.
const DISK_BYTES: u64 = 400 << 20;
/// What it is made with, whatever mke2fs.conf says.
const MKE2FS: [&str; 12] = [
    "-q",
    "-t",
    "ext4",
    "-b",
    "4096",
    "-N",
    "4096",
    "-L",
    "preroot-root",
    "-E",
    "hash_seed=70726572-6f6f-4000-8000-000000000003",
    "-U",
];
const UUID: &str = "70726572-6f6f-4000-8000-000000000004";

/// The small root, and an image with its plan.
#[derive(Debug, Clone)]
pub struct Small {
    dir: PathBuf,
}

impl Small {
    /// Makes it, once for an image that `cargo xtask setup` baked: it lies beside that, and goes when that goes.
    ///
    /// # Errors
    /// When our own programs say no, or there is no room.
    pub fn ensure(artefacts: &Artefacts) -> Result<Self, Error> {
        let made = made()?;
        let dir = artefacts.image.with_file_name(format!("small-{made:08x}"));
        let small = Self { dir };
        if small.dir.is_dir() {
            return Ok(small);
        }
        let parent = artefacts.image.parent().unwrap_or(Path::new("/"));
        let new = tempfile::Builder::new()
            .prefix("small-new-")
            .tempdir_in(parent);
        let new = new.map_err(|error| Error::file("make a directory in", parent, error))?;
        make(artefacts, new.path())?;
        match fs::rename(new.path(), &small.dir) {
            Ok(()) => drop(new.keep()),
            // Another run was faster; ours is removed.
            Err(_) if small.dir.is_dir() => {}
            Err(error) => return Err(Error::file("make", &small.dir, error)),
        }
        Ok(small)
    }

    /// Its image, which is not compressed: more archives can follow.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.dir.join("image")
    }

    /// The same, whose record is in a partition of its own.
    #[must_use]
    pub fn image_with_log(&self) -> PathBuf {
        self.dir.join("image-with-log")
    }

    /// Every file that is on a new disk.
    #[must_use]
    pub fn tree(&self) -> PathBuf {
        self.dir.join("tree")
    }

    /// A new disk with the root on all of it, made with these words for mke2fs(8) added.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn disk(&self, mke2fs: &[String]) -> Result<Disk, Error> {
        let disk = Disk::empty(DISK_BYTES)?;
        let mut command = Command::new("/sbin/mke2fs");
        command.args(MKE2FS).arg(UUID).args(mke2fs);
        files::run(command.arg("-d").arg(self.tree()).arg(disk.path()))?;
        // mke2fs makes no indices of directories. Status 1: it made some.
        let mut index = Command::new("/sbin/e2fsck");
        let output = files::output(index.args(["-f", "-y", "-D"]).arg(disk.path()))?;
        match output.status.code() {
            Some(0 | 1) => Ok(disk),
            _ => Err(files::failed(&index, &output)),
        }
    }
}

/// A number for how it is made: this file, and what it copies.
fn made() -> Result<u32, Error> {
    let mut sum = preroot_crc::crc32(include_bytes!("small.rs"));
    for path in files::below(&written())? {
        let name = path.to_string_lossy().into_owned();
        sum = sum.rotate_left(1) ^ preroot_crc::crc32(&files::read(&path)?);
        sum = sum.rotate_left(1) ^ preroot_crc::crc32(name.as_bytes());
    }
    Ok(sum)
}

fn written() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(WRITTEN)
}

fn make(artefacts: &Artefacts, into: &Path) -> Result<(), Error> {
    let tree = into.join("tree");
    let at = |path: &str| tree.join(path);
    for directory in DIRECTORIES {
        files::create_directory(&at(directory))?;
    }
    for path in files::below(&written())? {
        let to = tree.join(path.strip_prefix(written()).unwrap_or(&path));
        files::create_directory(to.parent().unwrap_or(&tree))?;
        files::copy(&path, &to)?;
    }
    for program in ["sbin/power-off", "etc/init.d/early", "etc/init.d/service"] {
        files::make_executable(&at(program))?;
    }
    add_shell(artefacts, &tree)?;
    let link = |target: &str, path: &str| {
        let path = at(path);
        files::create_directory(path.parent().unwrap_or(&tree))?;
        symlink(target, &path).map_err(|error| Error::file("make", &path, error))
    };
    for applet in APPLETS {
        link("busybox", &format!("bin/{applet}"))?;
    }
    link("../bin/busybox", "sbin/init")?;
    for (path, script) in LINKS {
        link(&format!("../init.d/{script}"), &format!("etc/{path}"))?;
    }
    // Too long for an inode: it takes a block.
    link(
        &format!("/usr/share/0/{}file-1", "./".repeat(40)),
        "usr/share/far",
    )?;
    fill(&tree)?;
    // Freezing asks for the kernel's modules; the root does without them.
    let frozen = Tree::of(&tree, &artefacts.root_tree)?;
    let file = "record.size = \"512KiB\"";
    let partition = "record.store = \"PARTLABEL=preroot-log\"";
    for (name, store) in [("image", file), ("image-with-log", partition)] {
        let baked = programs::bake(artefacts, &[store], frozen.root())?;
        files::copy(&baked.image(), &into.join(name))?;
    }
    Ok(())
}

/// The static shell that goes into images too.
fn add_shell(artefacts: &Artefacts, tree: &Path) -> Result<(), Error> {
    let is_it = |path: &&PathBuf| path.to_string_lossy().contains("/busybox-static_");
    let missing = || Error::unexpected("no package busybox-static among the artefacts");
    let package = artefacts.packages.iter().find(is_it).ok_or_else(missing)?;
    let unpacked = crate::disk::scratch()?;
    let mut unpack = Command::new("dpkg-deb");
    files::run(unpack.arg("-x").arg(package).arg(unpacked.path()))?;
    files::copy(
        &unpacked.path().join("bin/busybox"),
        &tree.join("bin/busybox"),
    )
}

/// Files whose names and contents say which they are.
fn fill(tree: &Path) -> Result<(), Error> {
    let (directories, count) = SHARE;
    for directory in 0..directories {
        let path = tree.join(format!("usr/share/{directory}"));
        files::create_directory(&path)?;
        for file in 0..count {
            let text = format!("{directory} {file}\n").repeat(1 + 40 * file);
            files::write(&path.join(format!("file-{file}")), text)?;
        }
    }
    let huge = tree.join("usr/share/huge");
    files::create_directory(&huge)?;
    for file in 0..HUGE {
        let name = format!("{file:03}-{}", "x".repeat(56));
        files::write(&huge.join(name), file.to_string())?;
    }
    let path = tree.join("usr/share/holes");
    let holes = fs::File::create(&path);
    let written = holes.and_then(|file| {
        use std::os::unix::fs::FileExt;
        (0..PIECES).try_for_each(|piece| file.write_all_at(b"piece", piece * (64 << 10)))
    });
    written.map_err(|error| Error::file("write", &path, error))
}
