//! `preroot-pstore read`, `preroot-pstore forget NAME...`: what the machine kept of boots that died, and its end.
//!
//! The kernel shows it as files in pstore, `dmesg-BACKEND-NUMBER`; the first line of each says why it was written and which part of
//! the dump it is, `Panic#1 Part2`, part 1 being the end of the log (`fs/pstore/platform.c`, pstore_dump). A dump
//! is one file where there is room, and a dozen in the firmware's variables, all with one time. pstore is mounted for nobody
//! else: the mount has no place, and goes with this process.

use core::cmp::Ordering;
use core::fmt::Write;

use heapless::{String, Vec};
use preroot_boot::limits::{
    BOOT_ID_BYTES, PSTORE_DUMP_BYTES_MAX, PSTORE_DUMPS_MAX, PSTORE_FILES_MAX, PSTORE_NAME_BYTES_MAX,
};
use preroot_boot::machine::Errno;
use preroot_boot::roles::{PSTORE_FORGET, PSTORE_READ};
use preroot_record::limits::OUTPUT_BYTES_MAX;
use preroot_sys::fd::OwnedFd;
use preroot_sys::fs::{AtFlags, Mode, OFlags, fstat, openat, unlinkat};
use preroot_sys::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen,
};

use super::{Stream, Words};
use crate::limits::PSTORE_TEXT_BYTES_MAX;
use crate::linux::{errno, names, read_all};

/// How the names of dumps of the kernel's log begin, and how those end that the kernel could not unpack.
const DUMP: &str = "dmesg-";
const PACKED: &str = ".enc.z";
/// How PID 1 begins a line of the kernel's log, and what stands before the boot's id in it.
const SPEAKER: &[u8] = b"preroot: ";
const BOOT: &[u8] = b", boot ";

pub(super) fn run(words: &Words) -> Result<(), Errno> {
    match words.as_slice() {
        [word] if *word == PSTORE_READ => tell(&mounted()?, &mut Stream::output()),
        [word, files @ ..] if *word == PSTORE_FORGET => forget(&mounted()?, files),
        _ => Err(Errno::INVAL),
    }
}

/// `fsopen("pstore")`, `fsmount`: the directory, at no path. Linux 5.2.
fn mounted() -> Result<OwnedFd, Errno> {
    let context = fsopen("pstore", FsOpenFlags::FSOPEN_CLOEXEC).map_err(errno)?;
    fsconfig_create(&context).map_err(errno)?;
    let flags = FsMountFlags::FSMOUNT_CLOEXEC;
    fsmount(&context, flags, MountAttrFlags::empty()).map_err(errno)
}

fn forget(directory: &OwnedFd, files: &[&str]) -> Result<(), Errno> {
    let mut done = Ok(());
    for file in files {
        // A name with a path in it was never one of these.
        if file.starts_with(DUMP) && !file.bytes().any(|byte| byte == b'/') {
            let unlinked = unlinkat(directory, *file, AtFlags::empty()).map_err(errno);
            done = done.and(unlinked);
        }
    }
    done
}

/// A file of pstore.
#[derive(Debug, PartialEq, Eq)]
struct File {
    name: String<PSTORE_NAME_BYTES_MAX>,
    unix_s: u64,
    reason: String<32>,
    part: u32,
}

impl File {
    fn look(directory: &OwnedFd, name: &str) -> Option<File> {
        let file = open(directory, name).ok()?;
        let unix_s = u64::try_from(fstat(&file).ok()?.st_mtime).unwrap_or(0);
        let mut front = [0; 64];
        let length = read_all(&file, &mut front).ok()?;
        let (reason, part, _) = header(front.get(..length)?);
        Some(File {
            name: String::try_from(name).ok()?,
            unix_s,
            reason: String::try_from(reason).ok()?,
            part,
        })
    }

    /// Older dumps first, and of a dump the part that is the front of its text.
    fn order(&self, other: &File) -> Ordering {
        let dump = |file: &File| file.unix_s;
        dump(self)
            .cmp(&dump(other))
            .then_with(|| self.reason.cmp(&other.reason))
            .then_with(|| other.part.cmp(&self.part))
    }

    /// Whether both are of one dump. What is in one file has no second part.
    fn is_with(&self, other: &File) -> bool {
        self.unix_s == other.unix_s && self.reason == other.reason && self.part != other.part
    }

    fn kept_by(&self) -> &str {
        let back = self.name.strip_prefix(DUMP).unwrap_or_default();
        let backend = back.rsplit_once('-').map_or(back, |(backend, _)| backend);
        // The name of its module.
        backend.strip_suffix("_pstore").unwrap_or(backend)
    }
}

/// Reason, part and where the text begins. Without a first line as the kernel writes it, all of it is text.
fn header(bytes: &[u8]) -> (&str, u32, usize) {
    let read = || {
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let line = core::str::from_utf8(bytes.get(..end)?).ok()?;
        let (reason, part) = line.rsplit_once(' ')?;
        let part = part.strip_prefix("Part")?.parse().ok()?;
        Some((reason, part, end + 1))
    };
    read().unwrap_or(("", 1, 0))
}

fn open(directory: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::empty()).map_err(errno)
}

/// Tells of every dump, or as many as one boot looks at.
fn tell(directory: &OwnedFd, output: &mut dyn Write) -> Result<(), Errno> {
    let mut files = Vec::<File, PSTORE_FILES_MAX>::new();
    names(directory, ".", &mut |directory, name| {
        if !name.starts_with(DUMP) || name.ends_with(PACKED) {
            return;
        }
        if let Some(file) = File::look(directory, name) {
            insert(&mut files, file);
        }
    })?;
    let memory = preroot_sys::memory::anonymous(PSTORE_TEXT_BYTES_MAX).map_err(errno)?;
    let mut rest = files.as_slice();
    for _ in 0..PSTORE_DUMPS_MAX {
        let Some(first) = rest.first() else {
            break;
        };
        let others = rest.iter().skip(1);
        let count = 1 + others.take_while(|file| file.is_with(first)).count();
        let (dump, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        let length = gather(directory, dump, memory);
        let text = memory.get(..length).unwrap_or_default();
        say(output, first, text).map_err(|_| Errno::IO)?;
        for file in dump {
            writeln!(output, "file\t{}", file.name).map_err(|_| Errno::IO)?;
        }
        rest = later;
    }
    Ok(())
}

/// By its place. Of more files than are looked at, the latest are left for the next boot: nothing is unlinked that was not told.
fn insert(files: &mut Vec<File, PSTORE_FILES_MAX>, file: File) {
    let at = files
        .iter()
        .position(|other| file.order(other) == Ordering::Less);
    let at = at.unwrap_or(files.len());
    if files.is_full() {
        if at == files.len() {
            return;
        }
        files.pop();
    }
    let _ = files.insert(at, file);
}

/// The text of a dump: what is too long loses its front. Its length.
fn gather(directory: &OwnedFd, dump: &[File], memory: &mut [u8]) -> usize {
    let mut length = 0;
    for file in dump {
        let Ok(open) = open(directory, &file.name) else {
            continue;
        };
        let room = memory.get_mut(length..).unwrap_or_default();
        let more = read_all(&open, room).unwrap_or(0);
        let (_, _, front) = header(room.get(..more).unwrap_or_default());
        let whole = length + more;
        memory.copy_within(length + front..whole, length);
        length = whole - front;
    }
    length
}

/// `dump` and its `text`.
fn say(output: &mut dyn Write, file: &File, text: &[u8]) -> core::fmt::Result {
    let lost = text.len().saturating_sub(PSTORE_DUMP_BYTES_MAX);
    let (kept_by, reason, unix_s) = (file.kept_by(), &file.reason, file.unix_s);
    let boot_id = boot_id(text).unwrap_or_default();
    writeln!(
        output,
        "dump\t{kept_by}\t{reason}\t{boot_id}\t{unix_s}\t{lost}"
    )?;
    for piece in text
        .get(lost..)
        .unwrap_or_default()
        .chunks(OUTPUT_BYTES_MAX)
    {
        output.write_str("text\t")?;
        for &byte in piece {
            output.write_char(shown(byte))?;
        }
        output.write_char('\n')?;
    }
    Ok(())
}

/// A byte of the kernel's log on one line.
fn shown(byte: u8) -> char {
    match byte {
        b'\n' => '\t',
        b'\t' => ' ',
        b' '..=b'~' => char::from(byte),
        _ => '?',
    }
}

/// The boot id in the last line of PID 1 that has one.
fn boot_id(text: &[u8]) -> Option<&str> {
    text.rsplit(|&byte| byte == b'\n').find_map(|line| {
        let after = |text, words: &[u8]| behind(text, words);
        let id = after(after(line, SPEAKER)?, BOOT)?.get(..BOOT_ID_BYTES)?;
        let id = core::str::from_utf8(id).ok()?;
        let is_id = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        id.bytes().all(is_id).then_some(id)
    })
}

/// What stands behind the last place where `words` stand.
fn behind<'t>(text: &'t [u8], words: &[u8]) -> Option<&'t [u8]> {
    let at = text.windows(words.len()).rposition(|part| part == words)?;
    text.get(at + words.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0f1e2d3c-1111-4222-8333-444455556666";

    fn file(name: &str, unix_s: u64, first: &str) -> File {
        let (reason, part, _) = header(first.as_bytes());
        File {
            name: String::try_from(name).expect("it is short"),
            unix_s,
            reason: String::try_from(reason).expect("it is short"),
            part,
        }
    }

    #[test]
    fn the_first_line_says_why() {
        let check = |text: &str, expected: (&str, u32, usize)| {
            assert_eq!(header(text.as_bytes()), expected, "{text}");
        };
        check("Panic#1 Part1\n<0>[    1.0] x\n", ("Panic#1", 1, 14));
        check(
            "Emergency Restart#2 Part13\n",
            ("Emergency Restart#2", 13, 27),
        );
        for none in ["", "\n", "Panic#1\n", "<6>[ 1.0] Part x\n", "Panic#1 Part1"] {
            check(none, ("", 1, 0));
        }
    }

    #[test]
    fn parts_of_a_dump_come_in_the_order_of_its_text() {
        let mut files = Vec::new();
        for (name, unix_s, first) in [
            ("dmesg-efi-1700000000101001", 9, "Panic#2 Part1\n"),
            ("dmesg-efi-1700000000102001", 9, "Panic#2 Part2\n"),
            ("dmesg-ramoops-1", 9, "Oops#1 Part1\n"),
            ("dmesg-ramoops-0", 3, "Panic#1 Part1\n"),
            ("dmesg-efi-1700000000103001", 9, "Panic#2 Part3\n"),
        ] {
            insert(&mut files, file(name, unix_s, first));
        }
        let order: std::vec::Vec<_> = files.iter().map(|file| (file.unix_s, file.part)).collect();
        assert_eq!(order, [(3, 1), (9, 1), (9, 3), (9, 2), (9, 1)]);
        let with: std::vec::Vec<_> = files
            .windows(2)
            .map(|two| two[1].is_with(&two[0]))
            .collect();
        assert_eq!(with, [false, false, true, true]);
        assert_eq!(files[0].kept_by(), "ramoops");
        assert_eq!(files[4].kept_by(), "efi");
    }

    #[test]
    fn what_there_is_no_room_for_is_left() {
        let mut files = Vec::new();
        for number in (0..2 * PSTORE_FILES_MAX as u64).rev() {
            insert(&mut files, file("dmesg-ramoops-0", number, ""));
        }
        let times = files.iter().map(|file| file.unix_s);
        assert!(times.eq(0..PSTORE_FILES_MAX as u64));
    }

    #[test]
    fn the_boot_is_named_by_the_last_line_of_pid_1() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(boot_id(text.as_bytes()), expected, "{text}");
        };
        let other = "ffffffff-1111-4222-8333-444455556666";
        check(
            &std::format!(
                "<6>[    1.0] preroot: preroot 0.1.0 is PID 1, boot {other}\n\
                 <6>[    2.0] preroot: verdict OK, host key SHA256:x, boot {ID}\n\
                 <6>[    3.0] preroot: runlevel 2\n<0>[    4.0] Kernel panic"
            ),
            Some(ID),
        );
        check(
            &std::format!("<6>[ 1.0][    T1] preroot: x, boot {ID}"),
            Some(ID),
        );
        check(&std::format!("<6>[ 1.0] other: x, boot {ID}"), None);
        check(
            &std::format!("<6>[ 1.0] preroot: x, boot {}", &ID[1..]),
            None,
        );
        check(
            "<6>[ 1.0] preroot: x, boot not-an-id-but-as-long-as-one-is-xxxxx",
            None,
        );
        check("", None);
    }

    /// A pstore of these files: name, time, contents. What is told of it.
    fn told(files: &[(&str, u64, &str)]) -> std::string::String {
        let root = std::env::temp_dir();
        let name = std::format!("preroot-pstore-{}-{:p}", std::process::id(), files);
        let root = root.join(name);
        std::fs::create_dir_all(&root).expect("there is room");
        for (name, unix_s, contents) in files {
            let path = root.join(name);
            std::fs::write(&path, contents).expect("there is room");
            let file = std::fs::File::options().write(true).open(&path);
            let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(*unix_s);
            file.and_then(|file| file.set_modified(at)).expect("ours");
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let directory = preroot_sys::fs::open(&root, flags, Mode::empty()).expect("it is there");
        let mut output = std::string::String::new();
        tell(&directory, &mut output).expect("it can be read");
        let first = files.first().map_or("", |(name, ..)| name);
        forget(&directory, &[first]).expect("it is there");
        assert!(!root.join(first).exists());
        assert!(forget(&directory, &["../x", "x"]).is_ok());
        assert_eq!(forget(&directory, &[first]), Err(Errno::NOENT));
        std::fs::remove_dir_all(&root).expect("it is ours");
        output
    }

    #[test]
    fn dumps_are_told_the_oldest_first() {
        let line = std::format!("<6>[    1.0] preroot: verdict OK, boot {ID}\n");
        let front = std::format!("Panic#2 Part2\n{line}");
        let expected = std::format!(
            "dump\tramoops\tOops#1\t\t100\t0\ntext\ta\tb\nfile\tdmesg-ramoops-3\n\
             dump\tefi\tPanic#2\t{ID}\t200\t0\ntext\t{}\tend\t\n\
             file\tdmesg-efi_pstore-17200000002001\nfile\tdmesg-efi_pstore-17200000001001\n",
            line.trim_end()
        );
        let files = [
            (
                "dmesg-efi_pstore-17200000001001",
                200,
                "Panic#2 Part1\nend\n",
            ),
            ("dmesg-efi_pstore-17200000002001", 200, front.as_str()),
            ("dmesg-ramoops-3", 100, "Oops#1 Part1\na\nb"),
            ("dmesg-ramoops-4.enc.z", 50, "packed"),
            ("console-ramoops-0", 50, "Panic#9 Part1\nnot a dump"),
        ];
        assert_eq!(told(&files), expected);
    }

    #[test]
    fn a_long_dump_keeps_its_end_and_the_last_of_many_wait() {
        let long = "0123456789abcde\n".repeat(2048);
        let text = told(&[("dmesg-ramoops-0", 1, &long)]);
        let lost = long.len() - PSTORE_DUMP_BYTES_MAX;
        assert!(text.starts_with(&std::format!("dump\tramoops\t\t\t1\t{lost}\ntext\t")));
        let told_bytes: usize = text
            .lines()
            .filter_map(|line| line.strip_prefix("text\t"))
            .map(str::len)
            .sum();
        assert_eq!(told_bytes, PSTORE_DUMP_BYTES_MAX);
        let names: std::vec::Vec<_> = (0..9).map(|n| std::format!("dmesg-ramoops-{n}")).collect();
        let files: std::vec::Vec<_> = names.iter().zip(1..).collect();
        let files: std::vec::Vec<_> = files
            .iter()
            .map(|(name, at)| (name.as_str(), *at, "Panic#1 Part1\nx\n"))
            .collect();
        let text = told(&files);
        assert_eq!(text.matches("dump\t").count(), PSTORE_DUMPS_MAX);
        assert!(text.contains("file\tdmesg-ramoops-3\n") && !text.contains("ramoops-4"));
    }

    #[test]
    fn a_line_of_text_has_no_line_ends_in_it() {
        let shown: std::string::String = b"a\tb\nc\x1b\xff~".iter().map(|&b| shown(b)).collect();
        assert_eq!(shown, "a b\tc??~");
    }
}
