//! `preroot-holders DIRECTORY [TERM|KILL|ask]`: who keeps the file system at DIRECTORY from being unmounted, a line each;
//! signals the processes among them, or says nothing. `preroot holders`: the same of the root, for an operator.
//!
//! ```text
//! 813 nginx: cwd exe fd 3 maps 12
//! 814 nginx: exe maps 12: SIGTERM
//! 902 containerd-shim: mounted in its namespace
//! loop0: /var/lib/images/db.img
//! swap: /swapfile
//! binfmt qemu-aarch64: /usr/bin/qemu-aarch64-static
//! ```
//!
//! A mount in another namespace is seen by a process that stands above it: the kernel shows nobody what lies outside of
//! his root. Kernel threads and zombies have no exe, and hold nothing. A process on a dead network file system can hang
//! this one, which is why it is a child.
//! [proc(5)](https://man7.org/linux/man-pages/man5/proc.5.html), kernel `Documentation/admin-guide/binfmt-misc.rst`.

use core::fmt::Write;

use heapless::Vec;
use preroot_boot::machine::Errno;
use preroot_sys::fs::{CWD, Mode, OFlags, major, minor, open, readlinkat_raw, stat};
use preroot_sys::io;
use preroot_sys::process::{Pid, Signal, getpid, kill_process};

use super::client::{SYSTEM, enter};
use super::unmount::each_path;
use super::{Stream, Words};
use crate::linux::{compose, errno, names, read};

/// Mount namespaces that are told apart.
const NAMESPACES_MAX: usize = 256;

/// The root that PID 1 sees.
const SEEN_BY_PID_1: &str = "/proc/1/root";
/// Where the root has mounted it: a session has its own copy of /proc, without what was mounted in it since.
const BINFMT: &str = "/proc/1/root/proc/sys/fs/binfmt_misc";

/// Something that is read from a link or a small file.
type Fact = Vec<u8, 256>;

/// 0: nobody. 16 (EBUSY): those that were told.
pub(super) fn run(words: &Words) -> Result<(), Errno> {
    let (directory, how) = match words.as_slice() {
        [directory] => (directory, How::Tell),
        [directory, "ask"] => (directory, How::Ask),
        [directory, "TERM"] => (directory, How::Signal(Signal::TERM, ": SIGTERM")),
        [directory, "KILL"] => (directory, How::Signal(Signal::KILL, ": SIGKILL")),
        _ => return Err(Errno::INVAL),
    };
    match search(directory, how)? {
        0 => Ok(()),
        _ => Err(Errno::BUSY),
    }
}

/// `preroot holders`: a session sees the stage; the root is where PID 1 sees it.
pub(super) fn client() -> i32 {
    let Some(root) = enter::root() else {
        let _ = writeln!(Stream::output(), "root is not mounted");
        return 0;
    };
    match search(root, How::Tell) {
        Ok(found) => {
            let _ = writeln!(Stream::output(), "{found} in all");
            0
        }
        Err(Errno(errno)) => {
            let _ = writeln!(Stream::error(), "preroot: /proc: errno {errno}");
            SYSTEM
        }
    }
}

/// Goes through all there is: how many hold it.
fn search(directory: &str, how: How) -> Result<u32, Errno> {
    let device = stat(directory).map_err(errno)?.st_dev;
    let mut search = Search::new(device, how);
    names(CWD, "/proc", &mut |_, name| {
        if let Some(pid) = name.parse().ok().and_then(Pid::from_raw)
            && pid != getpid()
            && search.process(name)
            && let How::Signal(signal, _) = how
            && !pid.is_init()
        {
            let _ = kill_process(pid, signal);
        }
    })?;
    search.kernel(directory);
    Ok(search.found)
}

/// What is done about who is found.
#[derive(Debug, Clone, Copy)]
enum How {
    Tell,
    /// Nothing: they are counted.
    Ask,
    /// They are told with these words, and signalled.
    Signal(Signal, &'static str),
}

struct Search {
    device: u64,
    /// As /proc/PID/maps writes it: ` fe:01 `.
    in_maps: heapless::String<24>,
    /// As mountinfo writes it: ` 254:1 `.
    in_mounts: heapless::String<24>,
    namespaces: Vec<Fact, NAMESPACES_MAX>,
    found: u32,
    how: How,
    output: Stream,
}

impl Search {
    fn new(device: u64, how: How) -> Search {
        let (major, minor) = (major(device), minor(device));
        let mut search = Search {
            device,
            in_maps: heapless::String::new(),
            in_mounts: heapless::String::new(),
            namespaces: Vec::new(),
            found: 0,
            how,
            output: Stream::output(),
        };
        // Two numbers of 32 bits fit.
        let _ = write!(search.in_maps, " {major:02x}:{minor:02x} ");
        let _ = write!(search.in_mounts, " {major}:{minor} ");
        search.namespaces.extend(link("self", "ns/mnt"));
        search
    }

    /// Whether the file at this path is on the file system.
    fn is_on(&self, path: core::fmt::Arguments<'_>) -> bool {
        compose(path)
            .and_then(|path| stat(path.as_str()).ok())
            .is_some_and(|found| found.st_dev == self.device)
    }

    /// Tells what a process holds. Whether it holds anything.
    fn process(&mut self, pid: &str) -> bool {
        if link(pid, "exe").is_none() {
            return false;
        }
        let mut says = heapless::String::<64>::new();
        for what in ["root", "cwd", "exe"] {
            if self.is_on(format_args!("/proc/{pid}/{what}")) {
                let _ = write!(says, " {what}");
            }
        }
        let mut fds = 0;
        if let Some(path) = compose(format_args!("/proc/{pid}/fd")) {
            let _ = names(CWD, &path, &mut |_, fd| {
                fds += u32::from(self.is_on(format_args!("/proc/{pid}/fd/{fd}")));
            });
        }
        let maps = count(pid, "maps", &self.in_maps);
        for (what, count) in [("fd", fds), ("maps", maps)] {
            if count > 0 {
                let _ = write!(says, " {what} {count}");
            }
        }
        if says.is_empty() {
            return self.namespace(pid);
        }
        self.tell(pid, &says);
        true
    }

    /// A mount in a namespace of its own: told once, by the first process in it.
    fn namespace(&mut self, pid: &str) -> bool {
        let Some(namespace) = link(pid, "ns/mnt").filter(|own| !self.namespaces.contains(own))
        else {
            return false;
        };
        // With more of them some are told twice.
        let _ = self.namespaces.push(namespace);
        let is_mounted = count(pid, "mountinfo", &self.in_mounts) > 0;
        if is_mounted {
            self.tell(pid, " mounted in its namespace");
        }
        is_mounted
    }

    fn tell(&mut self, pid: &str, says: &str) {
        let mut name = [0; 32];
        let length = compose(format_args!("/proc/{pid}/comm"))
            .and_then(|path| read(&path, &mut name).ok())
            .unwrap_or(0);
        let name = name.get(..length).unwrap_or_default().trim_ascii();
        let name = core::str::from_utf8(name).unwrap_or("?");
        let signalled = match self.how {
            How::Signal(_, words) => words,
            _ => "",
        };
        self.say(format_args!("{pid} {name}:{says}{signalled}\n"));
    }

    /// Counts one and says who it is.
    fn say(&mut self, line: core::fmt::Arguments<'_>) {
        self.found += 1;
        if !matches!(self.how, How::Ask) {
            // Whoever reads has gone: the exit code still says that somebody holds it.
            let _ = self.output.write_fmt(line);
        }
    }

    /// What the kernel itself holds: loop devices, swap files, interpreters that it keeps open. It names the first two as
    /// PID 1 sees them, and the last as whoever has registered it in the root.
    fn kernel(&mut self, directory: &str) {
        let _ = names(CWD, "/sys/class/block", &mut |_, name| {
            if name.starts_with("loop") {
                let mut text = [0; 256];
                let path = compose(format_args!("/sys/class/block/{name}/loop/backing_file"));
                let length = path.and_then(|path| read(&path, &mut text).ok());
                let text = text.get(..length.unwrap_or(0)).unwrap_or_default();
                let file = core::str::from_utf8(text.trim_ascii()).unwrap_or_default();
                self.file(name, "", SEEN_BY_PID_1, file);
            }
        });
        let _ = each_path("/proc/swaps", 0, &mut |path| {
            self.file("swap", "", SEEN_BY_PID_1, path)
        });
        let _ = names(CWD, BINFMT, &mut |_, name| {
            let mut text = [0; 512];
            let path = compose(format_args!("{BINFMT}/{name}"));
            let length = path.and_then(|path| read(&path, &mut text).ok());
            let text = text.get(..length.unwrap_or(0)).unwrap_or_default();
            let text = core::str::from_utf8(text).unwrap_or_default();
            let line = |key| text.lines().find_map(|line| line.strip_prefix(key));
            if line("flags: ").is_some_and(|flags| flags.as_bytes().contains(&b'F')) {
                let interpreter = line("interpreter ").unwrap_or_default();
                self.file("binfmt ", name, directory, interpreter);
            }
        });
    }

    /// A file that the kernel keeps open, by its path below a root.
    fn file(&mut self, who: &str, name: &str, root: &str, path: &str) {
        if !path.is_empty() && self.is_on(format_args!("{root}{path}")) {
            self.say(format_args!("{who}{name}: {path}\n"));
        }
    }
}

/// The target of a link of a process; `None`: there is none.
fn link(pid: &str, what: &str) -> Option<Fact> {
    let path = compose(format_args!("/proc/{pid}/{what}"))?;
    let mut buffer = [0; 256];
    let length = readlinkat_raw(CWD, path.as_str(), &mut buffer[..]).ok()?;
    Fact::from_slice(buffer.get(..length)?).ok()
}

/// How many lines of a file of a process have these words.
fn count(pid: &str, what: &str, words: &str) -> u32 {
    let Some(path) = compose(format_args!("/proc/{pid}/{what}")) else {
        return 0;
    };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(file) = open(path.as_str(), flags, Mode::empty()) else {
        return 0;
    };
    let mut buffer = [0; 1024];
    let (mut matched, mut found) = (0, 0);
    // The words begin with a blank and have no other but their last: what does not match begins anew there.
    let words = words.as_bytes();
    while let Ok(length @ 1..) = io::read(&file, &mut buffer) {
        for byte in buffer.get(..length).unwrap_or_default() {
            matched = match words.get(matched) {
                Some(wanted) if wanted == byte => matched + 1,
                _ if words.first() == Some(byte) => 1,
                _ => 0,
            };
            if matched == words.len() {
                found += 1;
                matched = 1;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::process::{Child, Command, Stdio};
    use std::string::ToString;

    /// A file system that nobody else stands on.
    const ELSEWHERE: &str = "/dev/shm";

    fn sleeper(directory: &str, input: Stdio) -> Child {
        let mut sleep = Command::new("sleep");
        sleep.arg("60").current_dir(directory).stdin(input);
        sleep.spawn().unwrap()
    }

    #[test]
    fn who_stands_on_a_file_system_is_told() {
        let device = stat(ELSEWHERE).unwrap().st_dev;
        let path = std::format!("{ELSEWHERE}/preroot-holders-{}", std::process::id());
        let file = File::create(&path).unwrap();
        for (directory, input, expected) in [
            ("/", Stdio::null(), false),
            (ELSEWHERE, Stdio::null(), true),
            ("/", file.into(), true),
        ] {
            let mut child = sleeper(directory, input);
            let found = Search::new(device, How::Tell).process(&child.id().to_string());
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(found, expected, "{directory}");
        }
        std::fs::remove_file(path).unwrap();
        // Nobody has this number, and a kernel thread has no exe.
        for pid in ["2", "999999999"] {
            assert!(!Search::new(device, How::Tell).process(pid) || pid == "2");
        }
    }

    #[test]
    fn maps_are_counted() {
        let own = std::process::id().to_string();
        let exe = stat("/proc/self/exe").unwrap().st_dev;
        let search = Search::new(exe, How::Ask);
        assert!(count(&own, "maps", &search.in_maps) > 0);
        assert_eq!(count(&own, "maps", " ff:ff "), 0);
        assert_eq!(count("none", "maps", " 0:0 "), 0);
    }
}
