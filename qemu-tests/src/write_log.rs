//! A disk whose cache loses what was not flushed: every write of a machine in a log, and what a power cut leaves of it.
//!
//! QEMU's driver `blklogwrites` keeps the log, in the format of the kernel's dm-log-writes
//! (`drivers/md/dm-log-writes.c`): a sector that says what follows, then the data. What a machine was told is flushed
//! is on the disk; of what came later, each write is there, is not, or is there in part, in any order.

use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::error::Error;
use crate::files;

/// Sectors of the log, and of the disk.
pub(crate) const SECTOR_BYTES: usize = 512;
/// `WRITE_LOG_MAGIC`.
const MAGIC: u64 = 0x006a_7366_7773_6872;
const FLUSH: u64 = 1;
const DISCARD: u64 = 4;
/// A disk writes so much of a write or nothing: torn writes are torn at multiples of it.
const ATOM_BYTES: usize = 4096;

/// A log of writes; removed with its directory.
#[derive(Debug)]
pub struct WriteLog {
    dir: tempfile::TempDir,
}

/// What was done to a disk.
#[derive(Debug, PartialEq, Eq)]
enum Entry<'a> {
    Write { offset: u64, data: &'a [u8] },
    Flush,
}

/// What a power cut did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Writes that had been flushed.
    pub flushed: usize,
    /// Later writes, and how many of them are there whole.
    pub later: usize,
    /// See above.
    pub kept: usize,
}

impl WriteLog {
    /// A log with nothing in it.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn new() -> Result<Self, Error> {
        let log = Self {
            dir: crate::disk::scratch()?,
        };
        files::write(&log.path(), b"")?;
        Ok(log)
    }

    /// The log's file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("writes")
    }

    /// Does to `disk`, which is as it was when the log began, what a power cut at the end of the log leaves. The same
    /// seed leaves the same.
    ///
    /// # Errors
    /// When the log cannot be read or the disk not written.
    pub fn cut(&self, disk: &Disk, seed: u64) -> Result<Cut, Error> {
        let path = self.path();
        let log = files::read(&path)?;
        let entries = entries(&log).ok_or_else(|| not_a_log(&path))?;
        let last = entries.iter().rposition(|entry| *entry == Entry::Flush);
        let (flushed, later) = entries.split_at(last.map_or(0, |last| last + 1));
        let mut cut = Cut {
            flushed: 0,
            later: 0,
            kept: 0,
        };
        for entry in flushed {
            if let Entry::Write { offset, data } = entry {
                cut.flushed += 1;
                disk.overwrite(*offset, data)?;
            }
        }
        let mut chance = Chance(seed);
        let mut kept = Vec::new();
        for entry in later {
            if let Entry::Write { offset, data } = entry {
                cut.later += 1;
                match chance.below(3) {
                    0 => {}
                    1 => {
                        cut.kept += 1;
                        kept.push((*offset, *data));
                    }
                    _ => {
                        let atoms = (*offset..).step_by(ATOM_BYTES).zip(data.chunks(ATOM_BYTES));
                        kept.extend(atoms.filter(|_| chance.below(2) == 0));
                    }
                }
            }
        }
        // Two writes of one place that were both in the cache: the later one is there, whatever came first.
        for (offset, data) in kept {
            disk.overwrite(offset, data)?;
        }
        Ok(cut)
    }
}

fn not_a_log(path: &Path) -> Error {
    Error::Contents {
        path: path.to_owned(),
        what: "no log of writes".to_owned(),
    }
}

/// Everything in a log. Its first sector counts entries, but only those before a flush: what is behind the last entry
/// is zeros, or the end.
fn entries(log: &[u8]) -> Option<Vec<Entry<'_>>> {
    let mut entries = Vec::new();
    let mut at = SECTOR_BYTES;
    // It is written with the first flush.
    if log.len() >= SECTOR_BYTES && ![0, MAGIC].contains(&word(log, 0)?) {
        return None;
    }
    while let Some(head) = log.get(at..at + SECTOR_BYTES) {
        let (sector, sectors, flags) = (word(head, 0)?, word(head, 8)?, word(head, 16)?);
        at += SECTOR_BYTES;
        if flags & DISCARD != 0 {
            continue;
        }
        if sectors > 0 {
            let count = usize::try_from(sectors).ok()?.checked_mul(SECTOR_BYTES)?;
            // The machine was cut off in the middle of it.
            let Some(data) = log.get(at..at.checked_add(count)?) else {
                break;
            };
            at += count;
            let offset = sector.checked_mul(SECTOR_BYTES as u64)?;
            entries.push(Entry::Write { offset, data });
        } else if flags == 0 {
            break;
        }
        if flags & FLUSH != 0 {
            entries.push(Entry::Flush);
        }
    }
    Some(entries)
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + 8)?.try_into().ok()?;
    Some(u64::from_le_bytes(bytes))
}

/// Numbers that repeat (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

#[cfg(test)]
mod tests {
    use super::{Cut, MAGIC, SECTOR_BYTES, WriteLog};
    use crate::disk::Disk;
    use crate::files;

    fn entry(log: &mut Vec<u8>, sector: u64, fill: &[u8], flags: u64) {
        let mut head = [sector, fill.len() as u64, flags, 0]
            .map(u64::to_le_bytes)
            .concat();
        head.resize(SECTOR_BYTES, 0);
        log.extend(head);
        for byte in fill {
            log.extend([*byte; SECTOR_BYTES]);
        }
    }

    #[test]
    fn what_was_flushed_is_there_and_the_rest_by_chance() {
        let mut log = MAGIC.to_le_bytes().to_vec();
        log.resize(SECTOR_BYTES, 0);
        entry(&mut log, 1, &[1, 2], 0);
        entry(&mut log, 2, &[3], 0);
        entry(&mut log, 0, &[], 1);
        for sector in 0..64 {
            entry(&mut log, 100 + sector, &[9], 0);
        }
        // Cut off in the middle.
        entry(&mut log, 300, &[7, 7], 0);
        log.truncate(log.len() - 1);
        let writes = WriteLog::new().expect("there is room");
        files::write(&writes.path(), &log).expect("there is room");
        let mut seen = Vec::new();
        for seed in 0..4 {
            let disk = Disk::empty(1 << 20).expect("there is room");
            let cut = writes.cut(&disk, seed).expect("it is a log");
            let Cut {
                flushed,
                later,
                kept,
            } = cut;
            assert_eq!((flushed, later), (2, 64));
            assert!(kept > 0 && kept < 64, "{kept}");
            let byte = |sector: u64| disk.peek(sector * 512, 1).expect("it is on the disk")[0];
            assert_eq!((byte(1), byte(2), byte(300)), (1, 3, 0));
            seen.push((0..64).map(|sector| byte(100 + sector)).collect::<Vec<_>>());
        }
        assert_ne!(seen[0], seen[1]);
    }
}
