//! The machine: everything the boot core asks of the world, and everything it hears from it.
//!
//! `preroot-init` implements it for Linux, the tests with a fake that can make any call fail. The
//! core blocks in one place only, [`Machine::wait`]. No call here may hang: what can (loading modules,
//! reading disks, mounting) is done by children that the core spawns and can give up on.

/// An errno as the kernel gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(pub u16);

#[allow(missing_docs)] // errno(3) documents them.
impl Errno {
    pub const PERM: Errno = Errno(1);
    pub const NOENT: Errno = Errno(2);
    pub const SRCH: Errno = Errno(3);
    pub const IO: Errno = Errno(5);
    pub const NXIO: Errno = Errno(6);
    pub const AGAIN: Errno = Errno(11);
    pub const ACCESS: Errno = Errno(13);
    pub const BUSY: Errno = Errno(16);
    pub const NOEXEC: Errno = Errno(8);
    pub const EXIST: Errno = Errno(17);
    pub const NODEV: Errno = Errno(19);
    pub const INVAL: Errno = Errno(22);
    pub const NOSPC: Errno = Errno(28);
    pub const ROFS: Errno = Errno(30);
    pub const TIMEDOUT: Errno = Errno(110);
    pub const BADMSG: Errno = Errno(74);
    pub const UCLEAN: Errno = Errno(117);
}

/// A moment: CLOCK_MONOTONIC in nanoseconds.
pub type Nanoseconds = u64;

/// A child of PID 1, named by a slot that is used again only after its [`Event::Ended`] was handed out
/// and its output was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child(pub u16);

/// What [`Machine::spawn`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spawned {
    /// The slot.
    pub child: Child,
    /// The process.
    pub pid: u32,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The time that `wait` was given has come, and nothing else is there.
    Due,
    /// A child of ours has ended.
    Ended(Child, End),
    /// A child has written something: [`Machine::read_output`].
    Output(Child),
    /// The kernel has found or lost a device: [`Machine::read_uevent`].
    Uevent,
    /// A datagram on the control socket: [`Machine::read_control`].
    Control,
    /// A request on /run/initctl: [`Machine::read_init_request`].
    InitRequest,
    /// A signal from the kernel or an administrator.
    Signal(Signal),
}

/// Signals that mean something to PID 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: ctrl-alt-del was pressed.
    CtrlAltDel,
    /// SIGPWR: the power is failing.
    PowerFail,
    /// SIGUSR1: open /run/initctl again (a /run was mounted over it).
    Reopen,
}

/// How a child ended, with what it used (wait4(2), getrusage(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Exit code or signal.
    pub status: Status,
    /// CPU time in user mode, ns.
    pub user_ns: u64,
    /// CPU time in the kernel, ns.
    pub system_ns: u64,
    /// Largest resident set, KiB.
    pub memory_kib: u32,
    /// What was read of disks for it, KiB.
    pub read_kib: u32,
    /// What it wrote to files on disks, KiB.
    pub written_kib: u32,
}

/// Exit code or signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// `exit(code)`.
    Exited(u8),
    /// Ended by this signal.
    Signalled(u8),
    /// It never became its program ([`Exec::Unwaited`]).
    NotExecuted(Errno),
}

impl Status {
    /// As wait(2) encodes it.
    #[must_use]
    pub fn raw(self) -> i32 {
        match self {
            Status::Exited(code) => i32::from(code) << 8,
            Status::Signalled(signal) => i32::from(signal),
            Status::NotExecuted(_) => 127 << 8,
        }
    }
}

/// Which program a child runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program<'a> {
    /// The helpers' program, whose `argv[0]` says which of [`crate::roles`] it is.
    Helper,
    /// This file, in the child's root.
    Path(&'a str),
}

/// Which root directory a child sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The one PID 1 sees now.
    Here,
    /// The rescue's own bind of the stage, which no pivot changes. Before that bind exists: as `Here`.
    Rescue,
}

/// Where a child's standard streams go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// stdin /dev/null; stdout and stderr into one pipe that PID 1 reads until its last holder closes
    /// it, so that no daemon ever dies of SIGPIPE.
    Captured,
    /// All three on /dev/console, which becomes the controlling terminal.
    Console,
    /// All three on /dev/null.
    Null,
}

/// Everything about a child that is to be started. It leads a session and process group of its own,
/// with no signal blocked or ignored and umask 022.
#[derive(Debug, Clone, Copy)]
pub struct Spawn<'a> {
    /// What runs.
    pub program: Program<'a>,
    /// argv, with `argv[0]`.
    pub arguments: &'a [&'a str],
    /// `NAME=VALUE`.
    pub environment: &'a [&'a str],
    /// Which root directory it sees; its working directory is that root.
    pub place: Place,
    /// Its standard streams.
    pub streams: Streams,
    /// The control group it is born into, by its directory; `None`: that of PID 1. Where the kernel does not let
    /// it, it is started in PID 1's all the same.
    pub group: Option<&'a str>,
    /// Whether its exec is waited for.
    pub exec: Exec,
    /// oom_score_adj, -1000 for what must outlive everything.
    pub oom_score: i16,
    /// What becomes of it when the core has panicked.
    pub on_panic: OnPanic,
}

/// Whether the exec of a child is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exec {
    /// A program that cannot be executed is an error of [`Machine::spawn`].
    Waited,
    /// It is the end of the child, [`Status::NotExecuted`]: for many children at once.
    Unwaited,
}

/// What becomes of a child when the core has panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnPanic {
    /// It runs on, and is not started again.
    Leave,
    /// It is started again whenever it ends: the one door that is left. Of several, the last.
    Restart,
    /// As that, for the way to the door: the helper in the role [`crate::roles::NETWORK`].
    Network,
}

impl<'a> Spawn<'a> {
    /// A helper in one of its [`crate::roles`]: what it writes is read, and the kernel kills
    /// everybody else first.
    #[must_use]
    pub fn helper(arguments: &'a [&'a str]) -> Spawn<'a> {
        Spawn {
            program: Program::Helper,
            arguments,
            environment: &[],
            place: Place::Here,
            streams: Streams::Captured,
            group: None,
            exec: Exec::Waited,
            oom_score: -1000,
            on_panic: OnPanic::Leave,
        }
    }
}

/// How a child is ended: its whole process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// SIGTERM, then SIGCONT.
    Term,
    /// SIGKILL.
    Kill,
    /// Nothing is sent: only asks whether anybody is there (`kill(2)` with signal 0).
    Ask,
}

/// Whom a [`Machine::kill_all`] meets: every process but PID 1 and kernel threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spare {
    /// Nobody is spared.
    Nobody,
    /// Processes that see the rescue's root are spared: sshd and its sessions.
    Rescue,
}

/// The file systems of the early stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyMount {
    /// proc on /proc, with what is set there: `kernel.printk_devkmsg=on`.
    Proc,
    /// sysfs on /sys.
    Sys,
    /// devtmpfs on /dev; opens /dev/console as fds 0-2 and /dev/kmsg.
    Dev,
    /// devpts on /dev/pts.
    Pts,
    /// tmpfs on /run, with /run/preroot and /run/preroot/stage.
    Run,
    /// cgroup2 on /run/preroot/cgroup.
    Groups,
}

/// What the kernel has unpacked an initramfs into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The rootfs, which pivot_root(2) refuses to leave: bind, MS_MOVE, chroot make a stage of it.
    Rootfs,
    /// A mount upon another one, since Linux 7.0 a nullfs: pivot_root(2) takes it as it is.
    Mount,
}

/// What PID 1 listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// SIGCHLD and the signals of [`Signal`]; takes over ctrl-alt-del from the kernel.
    Signals,
    /// Kernel uevents (netlink).
    Uevents,
    /// /run/preroot/control.
    Control,
    /// /run/initctl.
    InitRequests,
}

/// How loud a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudness {
    /// What is for pstore to keep: to the kernel's log at level 7, which no console shows unless `debug` asks for it.
    Trace,
    /// A milestone: to the kernel's log at level 6.
    Milestone,
    /// Somebody has to read it: to the kernel's log at level 3, which reaches the console even with `quiet`.
    Alarm,
}

/// How the machine goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// LINUX_REBOOT_CMD_RESTART.
    Reboot,
    /// LINUX_REBOOT_CMD_POWER_OFF.
    Off,
    /// LINUX_REBOOT_CMD_HALT.
    Halt,
}

/// The right to end the world (`power`, `exec`): minted once, in PID 1's `main`.
#[derive(Debug)]
pub struct Pid1(());

impl Pid1 {
    /// Call this once, in the process whose pid is 1.
    #[must_use]
    pub fn mint() -> Pid1 {
        Pid1(())
    }
}

/// A datagram of the control socket, and who sent it, as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Bytes of it, as far as there was room.
    pub length: usize,
    /// The sender.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
}

/// Everything the boot core asks of the world.
pub trait Machine {
    /// CLOCK_MONOTONIC.
    fn now(&mut self) -> Nanoseconds;
    /// CLOCK_REALTIME, ns since 1970.
    fn wall_clock(&mut self) -> Nanoseconds;
    /// Sets CLOCK_REALTIME, ns since 1970.
    fn set_wall_clock(&mut self, to: Nanoseconds) -> Result<(), Errno>;
    /// Blocks until something happens or `until` has come. What is already there comes before
    /// [`Event::Due`], so `until` in the past asks whether all is handled. The only place where PID 1 blocks.
    fn wait(&mut self, until: Option<Nanoseconds>) -> Event;

    /// Appends a frame to this boot's record (kept in memory until /run is there, then in
    /// /run/preroot/record).
    fn keep(&mut self, frame: &[u8]) -> Result<(), Errno>;
    /// Says a line to the kernel's log, and so to whatever console there is.
    fn say(&mut self, loudness: Loudness, line: &str);
    /// A number nobody can guess: the tag of this boot.
    fn random(&mut self) -> u32;

    /// What PID 1 stands on.
    fn ground(&mut self) -> Ground;
    /// Makes what PID 1 stands on the stage, a mount that can be pivoted away from.
    fn make_stage(&mut self, ground: Ground) -> Result<(), Errno>;
    /// Mounts one of the early file systems.
    fn mount_early(&mut self, which: EarlyMount) -> Result<(), Errno>;
    /// Binds the stage with everything mounted in it to the rescue's root and opens that.
    fn make_rescue_root(&mut self) -> Result<(), Errno>;
    /// Begins to listen.
    fn listen(&mut self, channel: Channel) -> Result<(), Errno>;
    /// Reads a small file of /proc, /sys or the stage: how many bytes it had (at most `out.len()`).
    fn read_file(&mut self, path: &str, out: &mut [u8]) -> Result<usize, Errno>;
    /// Writes a small file of /proc, /sys or /run; below /run/udev, one that outlives udev's start.
    fn write_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Errno>;
    /// Adds to the end of a file of /run.
    fn append_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), Errno>;

    /// Hands every modalias under /sys/bus/BUS/devices to `each`, for the buses that are `wanted`.
    fn modaliases(
        &mut self,
        wanted: &dyn Fn(&str) -> bool,
        each: &mut dyn FnMut(&str),
    ) -> Result<(), Errno>;
    /// Hands the name of every block device in /sys/class/block to `each` (`vda`, `vda1`).
    fn block_devices(&mut self, each: &mut dyn FnMut(&str)) -> Result<(), Errno>;
    /// Takes one uevent: `add@/devices/...` and `KEY=VALUE`, each ended by a NUL. `AGAIN`: none is left.
    fn read_uevent(&mut self, out: &mut [u8]) -> Result<usize, Errno>;

    /// Starts a child. Why a program cannot be executed is never an exit code: see [`Exec`].
    fn spawn(&mut self, spawn: &Spawn<'_>) -> Result<Spawned, Errno>;
    /// Signals a child's process group.
    fn kill(&mut self, child: Child, how: Kill) -> Result<(), Errno>;
    /// SIGKILL to one process, whoever's child it is.
    fn kill_process(&mut self, pid: u32) -> Result<(), Errno>;
    /// Signals everybody in the control group with this directory.
    fn kill_group(&mut self, group: &str, how: Kill) -> Result<(), Errno>;
    /// Removes those of a directory's control groups that nobody is in.
    fn sweep_groups(&mut self, directory: &str) -> Result<(), Errno>;
    /// Reads what a child wrote. 0: nobody holds its streams any more. `AGAIN`: nothing now.
    fn read_output(&mut self, child: Child, out: &mut [u8]) -> Result<usize, Errno>;
    /// Signals every process, as kill(2) with -1. `SRCH`: there is nobody.
    fn kill_all(&mut self, how: Kill, spare: Spare) -> Result<(), Errno>;

    /// mkdir(2), 0755, in the stage, /sys or /run. A directory that is there is fine.
    fn make_directory(&mut self, path: &str) -> Result<(), Errno>;
    /// access(2), W_OK, of what is in memory anyway: `/`. `ROFS`: its file system is read-only.
    fn writable(&mut self, path: &str) -> Result<(), Errno>;
    /// MS_MOVE.
    fn move_mount(&mut self, from: &str, to: &str) -> Result<(), Errno>;
    /// pivot_root(2), then chdir("/").
    fn pivot_root(&mut self, new: &str, old: &str) -> Result<(), Errno>;
    /// sync(2), without waiting for a disk that hangs.
    fn sync(&mut self) -> Result<(), Errno>;

    /// Takes one datagram of the control socket. `AGAIN`: none is left.
    fn read_control(&mut self, out: &mut [u8]) -> Result<Asked, Errno>;
    /// Answers the sender of the last datagram.
    fn answer_control(&mut self, answer: &[u8]) -> Result<(), Errno>;
    /// Takes one request of /run/initctl (struct init_request of sysvinit's initreq.h, 384 bytes).
    fn read_init_request(&mut self, out: &mut [u8; 384]) -> Result<(), Errno>;

    /// Becomes the root's own init. Returns only if that fails.
    fn exec(&mut self, pid1: &Pid1, path: &str, arguments: &[&str]) -> Errno;
    /// Ends the machine. Returns only if that fails (and in tests).
    fn power(&mut self, pid1: &Pid1, how: Power) -> Errno;
}
