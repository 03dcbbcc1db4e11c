//! Places on an ext file system, by the names that people have for them, as offsets in bytes.
//!
//! | words                | place                                         |
//! |----------------------|-----------------------------------------------|
//! | `superblock GROUP`   | the superblock, or its copy in that group     |
//! | `descriptors GROUP`  | the group descriptors, or their copy          |
//! | `block-bitmap GROUP` | the bitmap of the group's blocks              |
//! | `inode-bitmap GROUP` | that of its inodes                            |
//! | `inode-table GROUP`  | its inodes                                    |
//! | `inode FILE`         | one inode, as debugfs(8) names files: `/etc`, `<8>` |
//! | `data FILE NUMBER`   | a block of a file                             |
//! | `name DIRECTORY NAME` | an entry, in the first block of a directory     |
//! | `extents FILE`       | the first block of its extents that is not in the inode |
//! | `attributes FILE`    | the block of its extended attributes          |
//!
//! `+OFFSET` at the end, decimal or `0x...`, is added.

use std::process::Command;

use crate::disk::Disk;
use crate::error::Error;
use crate::files;

/// Where a superblock lies in the first block.
const SUPERBLOCK_AT: u64 = 1024;

/// What is asked of one file system, before it is damaged.
#[derive(Debug)]
pub(crate) struct Places<'a> {
    disk: &'a Disk,
    /// What dumpe2fs(8) says.
    groups: String,
    block_bytes: u64,
}

impl<'a> Places<'a> {
    pub(crate) fn of(disk: &'a Disk) -> Result<Self, Error> {
        let mut dump = Command::new("/sbin/dumpe2fs");
        let output = files::run(dump.arg(disk.file_system()))?;
        let groups = String::from_utf8_lossy(&output).into_owned();
        let block_bytes = groups
            .lines()
            .find_map(|line| line.strip_prefix("Block size:"));
        let block_bytes = block_bytes.and_then(|text| text.trim().parse().ok());
        let missing = || Error::unexpected(format!("no block size in\n{groups}"));
        Ok(Self {
            disk,
            block_bytes: block_bytes.ok_or_else(missing)?,
            groups,
        })
    }

    /// The offset of a place.
    pub(crate) fn offset(&self, words: &str) -> Result<u64, Error> {
        let (place, added) = match words.split_once(" +") {
            Some((place, added)) => (place, number(added)),
            None => (words, Some(0)),
        };
        let found = match place.split(' ').collect::<Vec<_>>().as_slice() {
            ["superblock", group] => self.superblock(group),
            ["descriptors", group] => self.block(group, "Group descriptors at "),
            ["block-bitmap", group] => self.block(group, "Block bitmap at "),
            ["inode-bitmap", group] => self.block(group, "Inode bitmap at "),
            ["inode-table", group] => self.block(group, "Inode table at "),
            ["inode", file] => self.inode(file)?,
            ["data", file, index] => {
                let said = self.disk.asked(&format!("bmap {file} {index}"))?;
                first_number(&said).map(|block| block * self.block_bytes)
            }
            ["name", directory, name] => self.name(directory, name)?,
            ["extents", file] => self.noted(file, "(ETB0):")?,
            ["attributes", file] => self.noted(file, "File ACL: ")?,
            _ => None,
        };
        let unknown = || Error::unexpected(format!("no place `{words}`"));
        let found = found.filter(|found| *found > 0).ok_or_else(unknown)?;
        Ok(found + added.ok_or_else(unknown)?)
    }

    fn superblock(&self, group: &str) -> Option<u64> {
        if group == "0" {
            return Some(SUPERBLOCK_AT);
        }
        self.block(group, "Backup superblock at ")
    }

    /// The block that a group's paragraph names after these words.
    fn block(&self, group: &str, words: &str) -> Option<u64> {
        let (_, rest) = self.groups.split_once(&format!("\nGroup {group}: "))?;
        let paragraph = rest.split("\nGroup ").next()?;
        let (_, after) = paragraph.split_once(words)?;
        first_number(after).map(|block| block * self.block_bytes)
    }

    /// `located at block 38, offset 0x0b00`.
    fn inode(&self, file: &str) -> Result<Option<u64>, Error> {
        let said = self.disk.asked(&format!("imap {file}"))?;
        let Some((_, after)) = said.split_once("located at block ") else {
            return Ok(None);
        };
        let offset = after
            .split_once("offset ")
            .and_then(|(_, text)| number(text.trim()));
        let block = first_number(after);
        Ok(block
            .zip(offset)
            .map(|(block, offset)| block * self.block_bytes + offset))
    }

    /// An entry begins with the inode (4 bytes), its own length (2), and the length and type of the name
    /// (`Documentation/filesystems/ext4/directory.rst`).
    fn name(&self, directory: &str, name: &str) -> Result<Option<u64>, Error> {
        let block = self.offset(&format!("data {directory} 0"))?;
        let count = usize::try_from(self.block_bytes).unwrap_or_default();
        let bytes = self.disk.peek(self.disk.begins_at() + block, count)?;
        let is_it = |entry: &[u8]| {
            usize::from(entry[0]) == name.len() && entry[2..].starts_with(name.as_bytes())
        };
        let at = bytes.windows(name.len() + 2).position(is_it);
        let at = at.and_then(|at| u64::try_from(at).ok()?.checked_sub(6));
        Ok(at.map(|at| block + at))
    }

    /// A block that `stat` names after these words.
    fn noted(&self, file: &str, words: &str) -> Result<Option<u64>, Error> {
        let said = self.disk.asked(&format!("stat {file}"))?;
        let after = said.split_once(words).map(|(_, after)| after);
        Ok(after
            .and_then(first_number)
            .map(|block| block * self.block_bytes))
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The digits that a text begins with.
fn first_number(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}
