//! `preroot-utmp RUNLEVEL PREVIOUS`: what runlevel(8), who(1) and sysvinit's tools look for, as sysvinit's
//! init writes it (utmp(5)).
//!
//! `struct utmp` as glibc has it on x86-64:
//!
//! ```text
//!   0       4     8          40     44         76         332     336       340       348     364      384
//!   +-------+-----+----------+------+----------+----------+-------+---------+---------+-------+--------+
//!   | type  | pid | line 32  | id 4 | user 32  | host 256 | exit  | session | seconds | addr  | unused |
//!   | u16,0 | u32 |          |      |          |          | 2x i16| i32     | i32,us  | 16    | 20     |
//!   +-------+-----+----------+------+----------+----------+-------+---------+---------+-------+--------+
//! ```

use preroot_boot::machine::Errno;
use preroot_sys::clock;
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{FlockOperation, Mode, OFlags, SeekFrom, fcntl_lock, open, seek};
use preroot_sys::time::{ClockId, Timespec};
use preroot_sys::{io, system};

use super::Words;
use crate::limits::UTMP_ENTRIES_MAX;
use crate::linux::errno;

/// Who is there now.
const UTMP: &str = "/run/utmp";
/// Who was there.
const WTMP: &str = "/var/log/wtmp";

const ENTRY_BYTES: usize = 384;
const RUN_LVL: u16 = 1;
const BOOT_TIME: u16 = 2;

type Entry = [u8; ENTRY_BYTES];

/// A boot, when there was no runlevel before, then the runlevel. A file that is not there is not made:
/// the root's own scripts decide whether it is kept.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let [runlevel, previous] = words.as_slice() else {
        return Err(Errno::INVAL);
    };
    let (&[runlevel], &[previous]) = (runlevel.as_bytes(), previous.as_bytes()) else {
        return Err(Errno::INVAL);
    };
    let uname = system::uname();
    let release = uname.release().to_bytes();
    let now = clock::now(ClockId::Realtime);
    if previous == b'N' {
        write(&entry(BOOT_TIME, 0, b"reboot", release, now))?;
    }
    let pid = u32::from(previous) << 8 | u32::from(runlevel);
    write(&entry(RUN_LVL, pid, b"runlevel", release, now))
}

fn entry(kind: u16, pid: u32, user: &[u8], host: &[u8], now: Timespec) -> Entry {
    let mut entry = [0; ENTRY_BYTES];
    let mut put = |at: usize, bytes: &[u8], room: usize| {
        for (to, from) in entry.iter_mut().skip(at).zip(bytes.iter().take(room)) {
            *to = *from;
        }
    };
    let seconds = i32::try_from(now.tv_sec).unwrap_or(i32::MAX);
    let microseconds = i32::try_from(now.tv_nsec / 1000).unwrap_or(0);
    put(0, &kind.to_le_bytes(), 2);
    put(4, &pid.to_le_bytes(), 4);
    put(8, b"~", 32);
    put(40, b"~~", 4);
    put(44, user, 32);
    put(76, host, 255);
    put(340, &seconds.to_le_bytes(), 4);
    put(344, &microseconds.to_le_bytes(), 4);
    entry
}

/// utmp has one entry of each of these types, wtmp all that ever were.
fn write(entry: &Entry) -> Result<(), Errno> {
    if let Some(utmp) = open_if_there(UTMP, OFlags::RDWR)? {
        let at = place_of(&utmp, entry)?;
        whole(io::pwrite(&utmp, entry, at))?;
    }
    if let Some(wtmp) = open_if_there(WTMP, OFlags::WRONLY | OFlags::APPEND)? {
        whole(io::write(&wtmp, entry))?;
    }
    Ok(())
}

/// Opened and locked as glibc does; the lock goes with the descriptor.
fn open_if_there(path: &str, flags: OFlags) -> Result<Option<OwnedFd>, Errno> {
    match open(path, flags | OFlags::CLOEXEC, Mode::empty()) {
        Err(io::Errno::NOENT) => Ok(None),
        Err(other) => Err(errno(other)),
        Ok(file) => {
            fcntl_lock(&file, FlockOperation::LockExclusive).map_err(errno)?;
            Ok(Some(file))
        }
    }
}

/// Where the entry of this type is, or the end.
fn place_of(utmp: &OwnedFd, entry: &Entry) -> Result<u64, Errno> {
    let mut there = [0; ENTRY_BYTES];
    for _ in 0..UTMP_ENTRIES_MAX {
        if io::read(utmp, &mut there).map_err(errno)? < ENTRY_BYTES {
            break;
        }
        if there.first_chunk::<2>() == entry.first_chunk::<2>() {
            let bytes = i64::try_from(ENTRY_BYTES).unwrap_or(i64::MAX);
            return seek(utmp, SeekFrom::Current(-bytes)).map_err(errno);
        }
    }
    seek(utmp, SeekFrom::End(0)).map_err(errno)
}

fn whole(written: Result<usize, io::Errno>) -> Result<(), Errno> {
    match written.map_err(errno)? {
        ENTRY_BYTES => Ok(()),
        _ => Err(Errno::NOSPC),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_as_glibc_reads_it() {
        let now = Timespec {
            tv_sec: 7,
            tv_nsec: 5_000,
        };
        let entry = entry(RUN_LVL, 0x4e32, b"runlevel", b"6.1.0", now);
        assert_eq!(entry[..10], [1, 0, 0, 0, 0x32, 0x4e, 0, 0, b'~', 0]);
        assert_eq!(&entry[40..53], b"~~\0\0runlevel\0");
        assert_eq!(&entry[76..82], b"6.1.0\0");
        assert_eq!(entry[340..348], [7, 0, 0, 0, 5, 0, 0, 0]);
    }
}
