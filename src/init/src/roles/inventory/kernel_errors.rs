//! What the kernel has said of disks in this boot: `I/O error, dev vda, sector 0 op 0x0:(READ) ...` (block/blk-mq.c,
//! blk_print_req_error).

use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{Mode, OFlags, SeekFrom, open, seek};
use preroot_sys::io;

use super::tree::{Tree, text_of};

/// The largest message: `PRINTK_MESSAGE_MAX` of the kernel's `kernel/printk/internal.h`.
const MESSAGE_BYTES_MAX: usize = 2048;
/// What stands between the kind of error and the disk.
const MARK: &[u8] = b" error, dev ";

/// The kernel's log, read from where it was when it was opened, and from its beginning once there is a reason: a message costs
/// some microseconds, and a boot has many hundreds.
#[derive(Debug)]
pub(super) struct KernelErrors {
    log: Option<OwnedFd>,
    is_whole: bool,
}

impl KernelErrors {
    pub(super) fn open(tree: &Tree<'_>) -> KernelErrors {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let path = tree.path(&["/dev/kmsg"]);
        let log = path.and_then(|path| open(path.as_str(), flags, Mode::empty()).ok());
        if let Some(log) = &log {
            let _ = seek(log, SeekFrom::End(0));
        }
        KernelErrors {
            log,
            is_whole: false,
        }
    }

    /// Goes back to the beginning; whether that is so for the first time, so that what was counted is counted again.
    pub(super) fn rewind(&mut self) -> bool {
        let is_first = !self.is_whole;
        if let Some(log) = self.log.as_ref().filter(|_| is_first) {
            let _ = seek(log, SeekFrom::Start(0));
            self.is_whole = true;
        }
        is_first
    }

    /// Hands the disk of each error that was said since to `each`.
    pub(super) fn read(&self, each: &mut dyn FnMut(&str)) {
        let Some(log) = &self.log else { return };
        let mut message = [0; MESSAGE_BYTES_MAX];
        loop {
            match io::read(log, &mut message) {
                Ok(0) => return,
                Ok(length) => {
                    let lines = message.get(..length).unwrap_or_default();
                    lines
                        .split(|&byte| byte == b'\n')
                        .filter_map(disk_of)
                        .for_each(&mut *each);
                }
                // Some were overwritten before they were read.
                Err(io::Errno::PIPE | io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}

/// The disk that a message of the kernel itself tells an error of: `3,339,5140900,-;I/O error, dev vda, sector 0 ...`.
fn disk_of(message: &[u8]) -> Option<&str> {
    // What processes write has a facility, so a priority of two digits.
    let (&[b'0'..=b'7', b','], _) = message.split_first_chunk()? else {
        return None;
    };
    let at = message.windows(MARK.len()).position(|part| part == MARK)?;
    let rest = message.get(at + MARK.len()..)?;
    let end = rest.iter().position(|&byte| byte == b',')?;
    let disk = text_of(rest.get(..end)?);
    (!disk.is_empty()).then_some(disk)
}

#[cfg(test)]
mod tests {
    use super::disk_of;

    #[test]
    fn errors_have_a_disk() {
        let check = |message: &str, expected| assert_eq!(disk_of(message.as_bytes()), expected);
        check(
            "3,339,5140900,-;I/O error, dev vda, sector 2 op 0x0:(READ) flags 0x0",
            Some("vda"),
        );
        check(
            "3,9,5,-;blk_update_request: critical medium error, dev nvme0n1, sector 2",
            Some("nvme0n1"),
        );
        check(
            "3,339,5140900,-;Buffer I/O error on dev vda, logical block 0",
            None,
        );
        check("11,339,5140900,-;I/O error, dev vda, sector 2", None);
        check("3,339,5140900,-;I/O error, dev ", None);
        check("3,339,5140900,-;I/O error, dev , sector", None);
        check(" SUBSYSTEM=block", None);
        check("", None);
    }
}
