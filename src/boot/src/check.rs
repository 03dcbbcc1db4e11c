//! One run of e2fsck: how far it is, what it says, and what its repairs have cost.
//!
//! With `-C 1` e2fsck writes its progress between its words, a line each: `PASS CURRENT MAXIMUM NAME`, by the label if
//! the file system has one, else by the device. Everything else is for people, and is read for what is lost: an exit status of 1 says "corrected" for a superblock's counter
//! and for half a directory tree alike, and while preening e2fsck can drop files without a word. So what the file
//! system had in files before, by its superblock, is held against what e2fsck counts in the end.

use heapless::Vec;
use preroot_record::limits::OUTPUT_BYTES_MAX;

use crate::limits::{FSCK_STALL_NS, PROGRESS_STEP_PERCENT};
use crate::machine::{Nanoseconds, Status};
use crate::tails::Tail;
use crate::text::split_at_words;

/// A line of e2fsck that is read: a name takes 255 bytes of it.
const LINE_BYTES_MAX: usize = 512;

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    /// e2fsck's pass, 1 to 5.
    pub(crate) pass: u8,
    /// How much of the pass is done.
    pub(crate) percent: u8,
}

/// What repairs have cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Costs {
    /// Inodes that were cleared, with what they held.
    pub(crate) inodes_cleared: u32,
    /// Names that were dropped from directories.
    pub(crate) entries_dropped: u32,
    /// Inodes without a name that are in lost+found now.
    pub(crate) attached: u32,
    /// Files that somebody had deleted and still held open when it ended: no loss.
    pub(crate) orphans: u32,
    /// Whether blocks could not be read or written: told to repair, e2fsck would write zeros over them.
    pub(crate) is_disk_bad: bool,
    /// Whether nobody knows where the inodes of a group are: told to repair, e2fsck would begin with none.
    pub(crate) is_without_inodes: bool,
    /// How many inodes are in use, by e2fsck's last line.
    pub(crate) files: Option<u64>,
}

/// The check that runs, or ran last.
#[derive(Debug, Default)]
pub(crate) struct Check {
    is_begun: bool,
    pub(crate) ended: Option<Status>,
    /// Output bytes that are in the record.
    pub(crate) kept: u32,
    /// The end of those that are not, and how many these are.
    pub(crate) beyond: Option<(Tail, u64)>,
    pub(crate) progress: Progress,
    pub(crate) costs: Costs,
    /// The last progress that was said aloud.
    said: Progress,
    line: Vec<u8, LINE_BYTES_MAX>,
    /// The line is longer than that: it is passed on unread.
    is_long: bool,
    /// When it is taken to stall; `None`: nothing runs, or it was told already.
    pub(crate) stalls_at: Option<Nanoseconds>,
}

/// Words for people among a piece of output.
pub(crate) type Words = Vec<u8, { OUTPUT_BYTES_MAX + LINE_BYTES_MAX }>;

/// What a piece of output brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing to be said aloud.
    None,
    /// A step further.
    Progress(Progress),
}

impl Check {
    pub(crate) fn begun(now: Nanoseconds) -> Check {
        Check {
            is_begun: true,
            stalls_at: Some(now.saturating_add(FSCK_STALL_NS)),
            ..Check::default()
        }
    }

    /// Whether one was started.
    pub(crate) fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// Whether it was started and has not ended.
    pub(crate) fn is_running(&self) -> bool {
        self.is_begun && self.ended.is_none()
    }

    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        self.stalls_at
    }

    /// Takes a piece of output that fits into a frame; what is for people goes to `words`.
    pub(crate) fn take(&mut self, bytes: &[u8], now: Nanoseconds, words: &mut Words) -> News {
        self.stalls_at = Some(now.saturating_add(FSCK_STALL_NS));
        for &byte in bytes {
            if self.line.push(byte).is_err() {
                self.is_long = true;
                self.end_line(words);
                let _ = self.line.push(byte);
            }
            if byte == b'\n' {
                self.end_line(words);
                self.is_long = false;
            }
        }
        let step = |progress: Progress| progress.percent / PROGRESS_STEP_PERCENT;
        let (said, progress) = (self.said, self.progress);
        if progress.pass == said.pass && step(progress) == step(said) {
            return News::None;
        }
        self.said = progress;
        News::Progress(progress)
    }

    /// What has no end of line yet, when nothing more comes.
    pub(crate) fn end_line(&mut self, words: &mut Words) {
        let line = core::str::from_utf8(&self.line).unwrap_or_default();
        let line = line.trim_ascii();
        let progress = progress(line).filter(|_| !self.is_long);
        match progress {
            Some(progress) => self.progress = progress,
            None => {
                if !self.is_long {
                    self.costs.count(line);
                }
                // There is room for a piece and the line before it.
                let _ = words.extend_from_slice(&self.line);
            }
        }
        self.line.clear();
    }
}

/// `1 37 512 /dev/vda1`.
fn progress(line: &str) -> Option<Progress> {
    let mut fields = line.splitn(4, ' ');
    let pass = fields
        .next()?
        .parse()
        .ok()
        .filter(|pass| (1..=5).contains(pass))?;
    let current = fields.next()?.parse::<u64>().ok()?;
    let all = fields.next()?.parse::<u64>().ok()?;
    // What is for people never begins with three numbers.
    fields.next().filter(|name| !name.is_empty())?;
    let percent = current.saturating_mul(100).checked_div(all).unwrap_or(0);
    Some(Progress {
        pass,
        percent: u8::try_from(percent.min(100)).unwrap_or(100),
    })
}

impl Costs {
    /// Adds those of a check that came after.
    pub(crate) fn add(&mut self, later: Costs) {
        self.inodes_cleared = self.inodes_cleared.saturating_add(later.inodes_cleared);
        self.entries_dropped = self.entries_dropped.saturating_add(later.entries_dropped);
        self.attached = self.attached.saturating_add(later.attached);
        self.orphans = self.orphans.saturating_add(later.orphans);
        self.is_disk_bad |= later.is_disk_bad;
        self.is_without_inodes |= later.is_without_inodes;
        self.files = later.files.or(self.files);
    }

    /// How many files there are fewer than before, beside those whose end nobody regrets.
    pub(crate) fn missing(&self, before: Option<u64>) -> u64 {
        let (Some(before), Some(after)) = (before, self.files) else {
            return 0;
        };
        before.saturating_sub(after.saturating_add(u64::from(self.orphans)))
    }

    /// Counts what a line of e2fsck says it did (e2fsck's problem.c: what it asks, and what it says while preening).
    fn count(&mut self, line: &str) {
        let has_cleared = line.ends_with("CLEARED.") || line.ends_with("Clear? yes");
        // While preening each line begins with the label, or the device.
        let begins = |words: &str| {
            let rest = split_at_words(line, ": ").map_or("", |(_, rest)| rest);
            line.starts_with(words) || rest.starts_with(words)
        };
        if begins("Entry '") && has_cleared {
            self.entries_dropped = self.entries_dropped.saturating_add(1);
        } else if begins("Clearing orphaned inode") {
            self.orphans = self.orphans.saturating_add(1);
        } else if line.ends_with("Connect to /lost+found? yes") || line.ends_with("RECONNECTED.") {
            self.attached = self.attached.saturating_add(1);
        } else if line.ends_with("Clear inode? yes")
            || line.ends_with("INODE CLEARED.")
            || line.ends_with("Delete file? yes")
            || line.ends_with("FILE DELETED.")
            || (begins("Inode ") && has_cleared)
        {
            self.inodes_cleared = self.inodes_cleared.saturating_add(1);
        }
        // e2fsck's ehandler.c and super.c; while preening either is the end of it.
        self.is_disk_bad |= ["Error reading block ", "Error writing block "]
            .iter()
            .any(|words| split_at_words(line, words).is_some());
        self.is_without_inodes |= split_at_words(line, " is not in group.").is_some();
        if let Some(files) = files(line) {
            self.files = Some(files);
        }
    }
}

/// `root: 104/16384 files (0.0% non-contiguous), 9606/65536 blocks`: the first number. Preening, the label is cut off
/// already.
fn files(line: &str) -> Option<u64> {
    let (before, _) = split_at_words(line, " files (")?;
    let (used, all) = before.rsplit(' ').next()?.split_once('/')?;
    all.parse::<u64>().ok()?;
    used.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn take(text: &str, step: usize) -> (Check, String) {
        let mut check = Check::begun(0);
        let mut said = String::new();
        for piece in text.as_bytes().chunks(step) {
            let mut words = Words::new();
            check.take(piece, 1, &mut words);
            said += core::str::from_utf8(&words).unwrap();
        }
        let mut words = Words::new();
        check.end_line(&mut words);
        (check, said + core::str::from_utf8(&words).unwrap())
    }

    /// Costs as inodes cleared, entries dropped, attached, orphans, files.
    fn check(text: &str, costs: (u32, u32, u32, u32, Option<u64>)) {
        for step in [1, 7, OUTPUT_BYTES_MAX] {
            let (check, words) = take(text, step);
            let found = check.costs;
            let found = (
                found.inodes_cleared,
                found.entries_dropped,
                found.attached,
                found.orphans,
                found.files,
            );
            assert_eq!(found, costs, "{text}");
            assert_eq!(words, text);
        }
    }

    #[test]
    fn what_repairs_cost_is_counted() {
        check("", (0, 0, 0, 0, None));
        check(
            "/dev/vda1 was not cleanly unmounted, check forced.\n\
             preroot-root: Entry 'f1' in / (2) has deleted/unused inode 46.  CLEARED.\n\
             /dev/vda1: 104/16384 files (0.0% non-contiguous), 9606/65536 blocks\n",
            (0, 1, 0, 0, Some(104)),
        );
        check(
            "Entry 'd1' in / (2) has deleted/unused inode 12.  Clear? yes\n\n\
             Unattached inode 13\nConnect to /lost+found? yes\n\n\
             Inode 13 ref count is 2, should be 1.  Fix? yes\n\n\
             root: ***** FILE SYSTEM WAS MODIFIED *****\n\
             root: 104/16384 files (1.9% non-contiguous), 9606/65536 blocks\n",
            (0, 1, 1, 0, Some(104)),
        );
        check(
            "/dev/vda1: Clearing orphaned inode 12 (uid=0, gid=0, mode=0100644, size=0)\n\
             Inode 20 seems to contain garbage.  Clear inode? yes\n\
             /dev/vda1: Inode 21 is a zero-length directory.  CLEARED.\n\
             Inode 22 is too big.  Truncate? yes\n",
            (2, 0, 0, 1, None),
        );
    }

    #[test]
    fn a_line_without_an_end_is_passed_on() {
        let long = std::format!(
            "Block bitmap differences: {}\nPass 5\n",
            " -4419".repeat(500)
        );
        check(&long, (0, 0, 0, 0, None));
        let name = "x".repeat(255);
        let line =
            std::format!("Entry '{name}' in / (2) has deleted/unused inode 46.  Clear? yes\n");
        check(&line, (0, 1, 0, 0, None));
        check("1 2 3: /dev/vda1 and so on", (0, 0, 0, 0, None));
    }

    #[test]
    fn progress_is_told_in_steps_and_is_not_output() {
        let (check, words) = take(
            "1 0 32 /dev/vda1\nPass 1\n1 16 32 a label\nno 3 4 /dev/x\n",
            5,
        );
        assert_eq!((check.progress.pass, check.progress.percent), (1, 50));
        assert_eq!(words, "Pass 1\nno 3 4 /dev/x\n");
        let mut check = Check::begun(0);
        let mut told = 0;
        for current in 0..=1000 {
            let line = std::format!("2 {current} 1000 /dev/vda1\n");
            if check.take(line.as_bytes(), 1, &mut Words::new()) != News::None {
                told += 1;
            }
        }
        assert_eq!(told, 1 + 100 / u32::from(PROGRESS_STEP_PERCENT));
        for odd in [
            "9 1 2 /dev/a",
            "1 1 0 /dev/a",
            "1 2 3",
            "1 2 3 /dev/a b",
            "1 5 2 /dev/a",
        ] {
            assert!(progress(odd).is_none_or(|progress| progress.percent <= 100));
        }
    }
}
