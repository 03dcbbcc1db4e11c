//! Starting a child: clone3 with shared memory on a stack of its own, then execve.
//!
//! As vfork, it copies no page table, and the errno of a failed exec comes back exactly. Unlike vfork, the
//! parent is not at the mercy of the exec: a program on a disk that hangs would stop it for ever.
//! The kernel clears a word and wakes its waiters when the child has left our memory
//! (CLONE_CHILD_CLEARTID), and the parent waits for that word at most [`EXEC_WAIT_MS_MAX`]; then it goes on, and
//! the stack stays taken until the child has left. Who starts many children at once does not wait at all, and hears
//! of a failed exec when the child is reaped: waiting for each costs them their turn on another processor.
//!
//! Invariants:
//! - `leaving` != 0 => a child may be using `work` and `stack`, so nobody else touches them.
//! - The child runs `child` only: raw system calls, no panics, no memory but its own lane.
//! - Whoever spawns has blocked all signals and holds fds 0, 1 and 2, so that no stream is one of them by chance.

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use linux_raw_sys::general::{
    __NR_chdir, __NR_chroot, __NR_close, __NR_dup2, __NR_execve, __NR_execveat, __NR_exit_group,
    __NR_fchdir, __NR_ioctl, __NR_open, __NR_prlimit64, __NR_rt_sigprocmask, __NR_setsid,
    __NR_write, AT_EMPTY_PATH, CLONE_CHILD_CLEARTID, CLONE_INTO_CGROUP, CLONE_VM, O_WRONLY,
    RLIMIT_NOFILE, SIG_SETMASK, SIGCHLD, clone_args, rlimit64,
};
use linux_raw_sys::ioctl::TIOCSCTTY;
use rustix::fd::{AsRawFd, BorrowedFd};
use rustix::io::Errno;
use rustix::process::Rlimit;
use rustix::thread::futex;
use rustix::time::Timespec;

use crate::reap;
use crate::strings::{Pointers, STRINGS_MAX, Strings};
use crate::syscall::syscall;

/// How long a parent waits for its child's exec, ms. From memory or a healthy disk it takes one or two.
pub const EXEC_WAIT_MS_MAX: u32 = 1000;
/// Children whose exec may be under way at once.
pub const LANES_MAX: usize = 8;
/// Bytes of a child's stack. [`child`] needs some hundred.
const STACK_BYTES: usize = 16 * 1024;
/// Bytes of a program's path with its NUL.
const PATH_BYTES_MAX: usize = 256;

const _: () = assert!(
    STACK_BYTES >= 16 * 1024,
    "an unoptimised build spends a few KiB"
);

/// Which file is executed.
#[derive(Debug, Clone, Copy)]
pub enum Program<'a> {
    /// The file at this path, as the child sees it.
    Path(&'a str),
    /// The file that is open here.
    Open(BorrowedFd<'a>),
}

/// What the child's terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// None.
    None,
    /// Its standard input, taken from whoever has it.
    Stdin,
}

/// A child to be started.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// What runs.
    pub program: Program<'a>,
    /// argv.
    pub arguments: &'a [&'a str],
    /// `NAME=VALUE`.
    pub environment: &'a [&'a str],
    /// Its root directory; `None`: the caller's.
    pub root: Option<BorrowedFd<'a>>,
    /// stdin, stdout, stderr.
    pub streams: [BorrowedFd<'a>; 3],
    /// Its controlling terminal.
    pub terminal: Terminal,
    /// The directory of the cgroup2 group it is born into (Linux 5.7); `None`, or when the kernel does not let it: the
    /// caller's.
    pub group: Option<BorrowedFd<'a>>,
    /// What is written to oom_score_adj; empty: nothing. A failure there is passed over.
    pub oom_score: &'a str,
    /// RLIMIT_NOFILE; `None`: the caller's.
    pub open_files: Option<Rlimit>,
}

/// Everything [`child`] reads, and the one word it writes.
struct Work {
    program: [u8; PATH_BYTES_MAX],
    open_program: i32,
    arguments: Strings,
    environment: Strings,
    argument_pointers: Pointers,
    environment_pointers: Pointers,
    root: i32,
    streams: [i32; 3],
    terminal: Terminal,
    oom_score: [u8; 8],
    oom_score_bytes: usize,
    open_files: rlimit64,
    set_open_files: bool,
    errno: AtomicU32,
}

/// A place for one child between clone and exec.
struct Lane {
    claimed: AtomicBool,
    leaving: AtomicU32,
    /// The child that is or was in it.
    pid: AtomicU32,
    work: UnsafeCell<Work>,
    stack: UnsafeCell<Stack>,
}

#[repr(align(16))]
struct Stack {
    #[allow(dead_code)] // Only its address is used: the child runs on it.
    bytes: [u8; STACK_BYTES],
}

// SAFETY: `work` and `stack` are touched by the one caller that has set `claimed` while `leaving` was 0, and by the
// child it started, which the kernel announces gone by clearing `leaving`.
unsafe impl Sync for Lane {}

impl Lane {
    /// A lane as the program starts with it; only ever used to make [`LANES`].
    #[allow(clippy::declare_interior_mutable_const)]
    const FREE: Lane = Lane {
        claimed: AtomicBool::new(false),
        leaving: AtomicU32::new(0),
        pid: AtomicU32::new(0),
        work: UnsafeCell::new(Work {
            program: [0; PATH_BYTES_MAX],
            open_program: 0,
            arguments: Strings::new(),
            environment: Strings::new(),
            argument_pointers: [core::ptr::null(); STRINGS_MAX + 1],
            environment_pointers: [core::ptr::null(); STRINGS_MAX + 1],
            root: 0,
            streams: [0; 3],
            terminal: Terminal::None,
            oom_score: [0; 8],
            oom_score_bytes: 0,
            open_files: rlimit64 {
                rlim_cur: 0,
                rlim_max: 0,
            },
            set_open_files: false,
            errno: AtomicU32::new(0),
        }),
        stack: UnsafeCell::new(Stack {
            bytes: [0; STACK_BYTES],
        }),
    };
}

static LANES: [Lane; LANES_MAX] = [Lane::FREE; LANES_MAX];

/// Starts a child in a session of its own, with no signal blocked, waits for its exec, and returns its pid.
///
/// # Errors
/// `E2BIG`, `EINVAL`, `ENAMETOOLONG` for what does not fit, `EAGAIN` when [`LANES_MAX`] execs hang, else the
/// errno of clone3, chroot or execve: then there is no child.
pub fn spawn(command: &Command<'_>) -> Result<u32, Errno> {
    let lane = free_lane()?;
    let started = start(lane, command);
    let ended = match (started, wait_until_gone(lane)) {
        (Ok(pid), Gone::Yes) => match lane.take_errno() {
            None => Ok(pid),
            Some(errno) => {
                let _ = reap::ending(pid);
                Err(errno)
            }
        },
        // It will end with 127 if its exec fails after all.
        (started, _) => started,
    };
    lane.claimed.store(false, Ordering::Release);
    ended
}

/// The same without waiting for the exec, so that many children can be at it at once. If it fails the child ends
/// with 127, and [`failed`] says why.
///
/// # Errors
/// As [`spawn`], but for what execve and chroot say.
pub fn spawn_unwaited(command: &Command<'_>) -> Result<u32, Errno> {
    let lane = free_lane()?;
    let started = start(lane, command);
    lane.claimed.store(false, Ordering::Release);
    started
}

/// Why a child of [`spawn_unwaited`] that has ended never became its program; `None`: it did. To be asked once for
/// each child that was reaped.
pub fn failed(pid: u32) -> Option<Errno> {
    let is_its = |lane: &&Lane| lane.pid.load(Ordering::Acquire) == pid;
    LANES.iter().find(is_its)?.take_errno()
}

/// A lane that nobody is in; the one whose child leaves first, if all are taken.
fn free_lane() -> Result<&'static Lane, Errno> {
    if let Some(lane) = LANES.iter().find(|lane| claim(lane)) {
        return Ok(lane);
    }
    for lane in &LANES {
        if let Gone::Yes = wait_until_gone(lane)
            && claim(lane)
        {
            return Ok(lane);
        }
    }
    Err(Errno::AGAIN)
}

fn claim(lane: &Lane) -> bool {
    if lane.claimed.swap(true, Ordering::AcqRel) {
        return false;
    }
    // Why an exec failed is kept until somebody has asked.
    let free = lane.leaving.load(Ordering::Acquire) == 0 && lane.errno() == 0;
    if !free {
        lane.claimed.store(false, Ordering::Release);
    }
    free
}

impl Lane {
    fn errno(&self) -> u32 {
        // SAFETY: only the one word is looked at, and it is atomic.
        unsafe { &(*self.work.get()).errno }.load(Ordering::Acquire)
    }

    /// The errno of the child that has left; only once.
    fn take_errno(&self) -> Option<Errno> {
        // SAFETY: only the one word is touched, and it is atomic.
        let word = unsafe { &(*self.work.get()).errno };
        let errno = word.swap(0, Ordering::AcqRel);
        let errno = i32::try_from(errno).ok().filter(|errno| *errno != 0)?;
        Some(Errno::from_raw_os_error(errno))
    }
}

fn start(lane: &Lane, command: &Command<'_>) -> Result<u32, Errno> {
    // SAFETY: the lane is claimed by us and no child is in it, so nobody else refers to `work`.
    unsafe { &mut *lane.work.get() }.fill(command)?;
    let pid = match command.group {
        Some(group) => clone(lane, Some(group)).or_else(|errno| match errno {
            // The group's own limit, which nobody is to escape.
            Errno::AGAIN => Err(errno),
            _ => clone(lane, None),
        })?,
        None => clone(lane, None)?,
    };
    lane.pid.store(pid, Ordering::Release);
    Ok(pid)
}

impl Work {
    fn fill(&mut self, command: &Command<'_>) -> Result<(), Errno> {
        self.program = [0; PATH_BYTES_MAX];
        self.open_program = -1;
        match command.program {
            Program::Open(fd) => self.open_program = fd.as_raw_fd(),
            Program::Path(path) => {
                let room = self.program.split_last_mut().map(|(_, room)| room);
                let room = room.and_then(|room| room.get_mut(..path.len()));
                room.ok_or(Errno::NAMETOOLONG)?
                    .copy_from_slice(path.as_bytes());
            }
        }
        self.arguments.set(command.arguments)?;
        self.environment.set(command.environment)?;
        self.arguments.point(&mut self.argument_pointers);
        self.environment.point(&mut self.environment_pointers);
        self.root = command.root.map_or(-1, |fd| fd.as_raw_fd());
        self.streams = command.streams.map(|fd| fd.as_raw_fd());
        self.terminal = command.terminal;
        let score = command.oom_score.as_bytes();
        let room = self.oom_score.get_mut(..score.len()).ok_or(Errno::INVAL)?;
        room.copy_from_slice(score);
        self.oom_score_bytes = score.len();
        self.set_open_files = command.open_files.is_some();
        if let Some(limit) = command.open_files {
            self.open_files = rlimit64 {
                rlim_cur: limit.current.unwrap_or(u64::MAX),
                rlim_max: limit.maximum.unwrap_or(u64::MAX),
            };
        }
        self.errno.store(0, Ordering::Relaxed);
        Ok(())
    }
}

/// `clone3({CLONE_VM | CLONE_CHILD_CLEARTID | CLONE_INTO_CGROUP})`.
/// [clone3(2)](https://man7.org/linux/man-pages/man2/clone.2.html)
fn clone(lane: &Lane, group: Option<BorrowedFd<'_>>) -> Result<u32, Errno> {
    let into_group = group.map_or(0, |_| CLONE_INTO_CGROUP);
    let arguments = clone_args {
        flags: u64::from(CLONE_VM | CLONE_CHILD_CLEARTID) | into_group,
        pidfd: 0,
        child_tid: lane.leaving.as_ptr() as u64,
        parent_tid: 0,
        exit_signal: u64::from(SIGCHLD),
        stack: lane.stack.get() as u64,
        stack_size: STACK_BYTES as u64,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        // A descriptor is never negative.
        cgroup: group.map_or(0, |group| u64::from(group.as_raw_fd().unsigned_abs())),
    };
    lane.leaving.store(1, Ordering::Release);
    let returned: isize;
    // SAFETY: the parent only sees rax, rcx and r11 change. The child wakes on the lane's stack, which is
    // claimed, empty, 16-byte aligned and static, with r12 and r13 as they are here; it calls `child`, which
    // never returns and touches only the lane's work, which outlives it for the same reasons.
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") linux_raw_sys::general::__NR_clone3 as isize => returned,
            in("rdi") &raw const arguments, in("rsi") size_of::<clone_args>(),
            in("r12") lane.work.get(),
            in("r13") child as unsafe extern "C" fn(*mut Work) -> !,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    u32::try_from(returned).map_err(|_| {
        lane.leaving.store(0, Ordering::Release);
        Errno::from_raw_os_error(-(returned as i32))
    })
}

enum Gone {
    Yes,
    NotYet,
}

fn wait_until_gone(lane: &Lane) -> Gone {
    let timeout = Timespec {
        tv_sec: i64::from(EXEC_WAIT_MS_MAX / 1000),
        tv_nsec: i64::from(EXEC_WAIT_MS_MAX % 1000) * 1_000_000,
    };
    // Whatever a wait returns but ETIMEDOUT, the word says the truth. Not PRIVATE: the kernel's wake is not.
    while lane.leaving.load(Ordering::Acquire) != 0 {
        if futex::wait(&lane.leaving, futex::Flags::empty(), 1, Some(&timeout))
            == Err(Errno::TIMEDOUT)
        {
            return Gone::NotYet;
        }
    }
    Gone::Yes
}

/// The child between clone and exec.
///
/// # Safety
/// `work` is a claimed lane's, filled in, and nobody else touches it until this process has left.
unsafe extern "C" fn child(work: *mut Work) -> ! {
    // SAFETY: see above. Only shared references are made; the one word that is written is atomic.
    let work = unsafe { &*work };
    // SAFETY: the pointers are to `work` and to constants ended by NUL; the descriptors are this process's own.
    let errno = unsafe { become_program(work) };
    let raw = errno.raw_os_error().unsigned_abs();
    work.errno.store(raw, Ordering::Release);
    exit(127)
}

/// Every step from a fresh child to its program. Returns the errno of the one that failed.
///
/// # Safety
/// Only in a child that shares no descriptors with its parent.
unsafe fn become_program(work: &Work) -> Errno {
    let steps = || -> Result<(), Errno> {
        // SAFETY: `call` gets pointers into `work` and to constants only.
        unsafe {
            let _ = call(__NR_setsid, [0; 4]);
            set_oom_score(work);
            if work.set_open_files {
                let limit = &raw const work.open_files as usize;
                let _ = call(__NR_prlimit64, [0, RLIMIT_NOFILE as usize, limit, 0]);
            }
            for (target, source) in work.streams.iter().enumerate() {
                call(__NR_dup2, [*source as usize, target, 0, 0])?;
            }
            if work.terminal == Terminal::Stdin {
                // A console that is no terminal, or is somebody's for good, is still a console.
                let _ = call(__NR_ioctl, [0, TIOCSCTTY as usize, 1, 0]);
            }
            if work.root >= 0 {
                call(__NR_fchdir, [work.root as usize, 0, 0, 0])?;
                call(__NR_chroot, [c".".as_ptr() as usize, 0, 0, 0])?;
            }
            call(__NR_chdir, [c"/".as_ptr() as usize, 0, 0, 0])?;
            let none = 0_u64;
            let mask = [SIG_SETMASK as usize, &raw const none as usize, 0, 8];
            call(__NR_rt_sigprocmask, mask)?;
            let argv = work.argument_pointers.as_ptr() as usize;
            let envp = work.environment_pointers.as_ptr() as usize;
            if work.open_program >= 0 {
                let file = [
                    work.open_program as usize,
                    c"".as_ptr() as usize,
                    argv,
                    envp,
                ];
                let [fd, path, argv, envp] = file;
                let arguments = [fd, path, argv, envp, AT_EMPTY_PATH as usize, 0];
                syscall(__NR_execveat, arguments)?;
            } else {
                call(__NR_execve, [work.program.as_ptr() as usize, argv, envp, 0])?;
            }
        }
        Ok(())
    };
    steps().err().unwrap_or(Errno::NOEXEC)
}

/// # Safety
/// As [`become_program`].
unsafe fn set_oom_score(work: &Work) {
    if work.oom_score_bytes == 0 {
        return;
    }
    let path = c"/proc/self/oom_score_adj".as_ptr() as usize;
    let text = work.oom_score.as_ptr() as usize;
    // SAFETY: a constant path, and bytes of `work` whose count `fill` has checked.
    unsafe {
        if let Ok(fd) = call(__NR_open, [path, O_WRONLY as usize, 0, 0]) {
            let _ = call(__NR_write, [fd, text, work.oom_score_bytes, 0]);
            let _ = call(__NR_close, [fd, 0, 0, 0]);
        }
    }
}

/// # Safety
/// As [`syscall`].
unsafe fn call(number: u32, [a, b, c, d]: [usize; 4]) -> Result<usize, Errno> {
    // SAFETY: as the caller vouches.
    unsafe { syscall(number, [a, b, c, d, 0, 0]) }
}

/// `execve(path, argv, envp)` of this very process. Returns only if that fails.
/// [execve(2)](https://man7.org/linux/man-pages/man2/execve.2.html)
pub fn exec(path: &CStr, arguments: &[&str], environment: &[&str]) -> Errno {
    let strings = Strings::of(arguments).and_then(|a| Ok((a, Strings::of(environment)?)));
    let (arguments, environment) = match strings {
        Ok(strings) => strings,
        Err(errno) => return errno,
    };
    let mut argv: Pointers = [core::ptr::null(); STRINGS_MAX + 1];
    let mut envp: Pointers = [core::ptr::null(); STRINGS_MAX + 1];
    arguments.point(&mut argv);
    environment.point(&mut envp);
    let words = [
        path.as_ptr() as usize,
        argv.as_ptr() as usize,
        envp.as_ptr() as usize,
        0,
    ];
    // SAFETY: path and strings end with NUL, both tables with null, and all live across the call.
    unsafe { call(__NR_execve, words) }
        .err()
        .unwrap_or(Errno::NOEXEC)
}

/// `exit_group(code)`.
/// [exit_group(2)](https://man7.org/linux/man-pages/man2/exit_group.2.html)
pub fn exit(code: i32) -> ! {
    loop {
        // SAFETY: no pointers; nothing of this process is used afterwards.
        let _ = unsafe { call(__NR_exit_group, [code as usize, 0, 0, 0]) };
    }
}

#[cfg(test)]
mod tests;
