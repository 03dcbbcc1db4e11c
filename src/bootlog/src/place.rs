//! Where in what was named the record is: in a directory, the machine's tree or one of its own; on a whole disk or its
//! image, the partition that holds records.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use preroot_disk::limits::{SCRATCH_BYTES, SECTOR_BYTES_MAX, SECTOR_BYTES_MIN};
use preroot_disk::partition;
use preroot_plan::STORE_PARTLABEL;

/// Where a record lies in a directory: by itself, in the tree of a root, in that of a machine that runs.
const IN_DIRECTORY: [&str; 3] = ["record", "var/lib/preroot/record", "run/preroot/record"];
/// Partitions of a disk that are looked at: what a partition table has room for unless somebody wants more.
const PARTITIONS_MAX: u32 = 128;

/// A file as something that partitions are looked for on.
struct Disk<'f> {
    file: &'f File,
    bytes: u64,
}

impl preroot_disk::Read for Disk<'_> {
    type Error = io::Error;

    fn size(&self) -> u64 {
        self.bytes
    }

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }
}

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A record, or nothing that is known here.
    Plain,
    /// A disk with the partition that holds records: its first byte, and how many it has.
    Partition(u64, u64),
    /// A disk without it.
    Disk,
}

/// The record in a directory. `None`: it has none.
pub(crate) fn in_directory(directory: &Path) -> Option<PathBuf> {
    let places = IN_DIRECTORY.map(|place| directory.join(place));
    places.into_iter().find(|place| place.is_file())
}

/// Looks at a file's partition table. A pipe has none.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn shape(file: &mut File) -> io::Result<Shape> {
    let Ok(bytes) = file.seek(SeekFrom::End(0)) else {
        return Ok(Shape::Plain);
    };
    file.rewind()?;
    let mut disk = Disk { file, bytes };
    let mut scratch = [0; SCRATCH_BYTES];
    let mut shape = Shape::Plain;
    for sector_bytes in [SECTOR_BYTES_MIN, SECTOR_BYTES_MAX] {
        for number in 1..=PARTITIONS_MAX {
            let Some(found) = partition(&mut disk, sector_bytes, number, &mut scratch)? else {
                continue;
            };
            if found.label == STORE_PARTLABEL {
                return Ok(Shape::Partition(found.start, found.bytes));
            }
            shape = Shape::Disk;
        }
    }
    Ok(shape)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use std::fs;
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_directory_has_one_record() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(in_directory(dir.path()), None);
        let mut expected = None;
        for place in IN_DIRECTORY.iter().rev() {
            let place = dir.path().join(place);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(&place, b"x").unwrap();
            expected = Some(place);
            assert_eq!(in_directory(dir.path()), expected);
        }
        // A directory of that name is none.
        fs::remove_file(expected.unwrap()).unwrap();
        fs::create_dir(dir.path().join("record")).unwrap();
        let next = dir.path().join(IN_DIRECTORY[1]);
        assert_eq!(in_directory(dir.path()), Some(next));
    }

    /// A disk of 8 MiB with this table, written by sfdisk(8).
    fn disk(table: &str) -> File {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(8 << 20).unwrap();
        let mut sfdisk = Command::new("/sbin/sfdisk");
        sfdisk.arg("--quiet").arg(file.path());
        let mut child = sfdisk
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        input.unwrap().write_all(table.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        file.rewind().unwrap();
        file.into_file()
    }

    #[test]
    fn a_disk_is_known_by_its_table() {
        let check = |table: &str, expected: Shape| {
            assert_eq!(shape(&mut disk(table)).unwrap(), expected, "{table}");
        };
        let mib = 1 << 20;
        check(
            "label: gpt\nsize=1M, name=root\nsize=2M, name=preroot-log\n",
            Shape::Partition(2 * mib, 2 * mib),
        );
        check("label: gpt\nsize=1M, name=preroot-log-old\n", Shape::Disk);
        check("label: dos\nsize=1M\n", Shape::Disk);
        check("label: gpt\n", Shape::Plain);
        let mut small = tempfile::tempfile().unwrap();
        assert_eq!(shape(&mut small).unwrap(), Shape::Plain);
        small.write_all(b"no table at all").unwrap();
        assert_eq!(shape(&mut small).unwrap(), Shape::Plain);
        assert_eq!(small.stream_position().unwrap(), 0);
    }
}
