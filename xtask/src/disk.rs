//! The root disk: one partition in a GPT, with a label, a name and identities that never change,
//! so that every way to find a root can be tried on it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::Error;
use crate::run;

/// Where the partition begins.
pub(crate) const PARTITION_OFFSET: u64 = 1 << 20;
/// The size of the file system.
const FILE_SYSTEM_MIB: u64 = 1536;
/// The whole disk: one MiB before the partition, one after it for the second partition table.
const DISK_MIB: u64 = FILE_SYSTEM_MIB + 2;
/// The journal, small: disks are copied for each test.
const JOURNAL_MIB: u64 = 16;

/// The file system's label and the partition's name.
pub(crate) const LABEL: &str = "preroot-root";
/// The file system's UUID.
pub(crate) const UUID: &str = "70726572-6f6f-4000-8000-000000000001";
/// The partition's UUID.
pub(crate) const PARTITION_UUID: &str = "70726572-6f6f-4000-8000-000000000002";

/// Makes `image` out of the tree.
pub(crate) fn make(tree: &Path, image: &Path) -> Result<(), Error> {
    let file = fs::File::create(image).map_err(|error| Error::file("create", image, error))?;
    file.set_len(DISK_MIB << 20)
        .map_err(|error| Error::file("enlarge", image, error))?;
    drop(file);
    partition(image)?;
    // Nothing is left for the kernel to initialise later: a clean boot writes what it means to.
    let options =
        format!("offset={PARTITION_OFFSET},lazy_itable_init=0,lazy_journal_init=0,nodiscard");
    let mut mkfs = Command::new("/sbin/mke2fs");
    mkfs.args([
        "-q", "-F", "-t", "ext4", "-b", "4096", "-L", LABEL, "-U", UUID, "-E", &options,
    ]);
    mkfs.args(["-J", &format!("size={JOURNAL_MIB}"), "-d"])
        .arg(tree)
        .arg(image);
    run::quiet(mkfs.arg(format!("{FILE_SYSTEM_MIB}M"))).map(drop)
}

fn partition(image: &Path) -> Result<(), Error> {
    let table = format!(
        "label: gpt\nlabel-id: 70726572-6f6f-4000-8000-000000000000\n\
         start=1MiB, size={FILE_SYSTEM_MIB}MiB, name={LABEL}, uuid={PARTITION_UUID}, type=L\n"
    );
    let mut command = Command::new("/sbin/sfdisk");
    command.arg("--quiet").arg(image);
    let text = run::text(&command);
    let start_error = |source| Error::Start {
        program: "/sbin/sfdisk".to_owned(),
        source,
    };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start_error)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A partitioner that died says why itself, below.
        let _ = stdin.write_all(table.as_bytes());
    }
    let output = child.wait_with_output().map_err(start_error)?;
    if output.status.success() {
        return Ok(());
    }
    let tail = format!("\n    {}", String::from_utf8_lossy(&output.stderr).trim());
    Err(Error::Command {
        command: text,
        status: output.status.to_string(),
        tail,
    })
}
