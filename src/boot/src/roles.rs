//! The roles of the helpers, which are a program of their own: `argv[0]`, arguments, and what it writes.
//!
//! Whatever can hang is done by one of these, so that the core can give up on it. They write lines of
//! text to their standard output and exit 0, or exit with an errno.

/// Loads kernel modules: `preroot-modules NUMBER...`, numbers into the plan's modules, in the order
/// to load. Each `NUMBER ERRNO NANOSECONDS\n`. Goes on after a failure. Exits 0.
pub const LOAD_MODULES: &str = "preroot-modules";
/// Loads every module in the image without a plan, again and again while any more load:
/// `preroot-all-modules`. Each that loads: `NAME 0 NANOSECONDS\n`.
pub const LOAD_ALL_MODULES: &str = "preroot-all-modules";
/// Sees to the network ([`crate::net`]): `preroot-network BEGUN DEADLINE`, moments of CLOCK_MONOTONIC in ns, the second 0 when there is
/// nothing more to say about it. Never ends. Lines of fields with a tab between them:
/// `note INTERFACE WHAT ERRNO`, done, seen or failed; `wrong INTERFACE WHAT`, the boot is not as planned;
/// `host NAME PORT HOW`, which host this is, by what it is known, and where its sshd listens (0: as for all);
/// `module NAME`, one is needed; `judged`, the deadline has come and what there was to say about it is said.
pub const NETWORK: &str = "preroot-network";
/// What udhcpc(8) runs when a lease comes or goes: `preroot-lease WHAT`. Sets and removes addresses, and says lines as
/// [`NETWORK`].
pub const LEASE: &str = "preroot-lease";
/// Reads the machine and holds it against what the plan expects ([`crate::inventory`]): `preroot-inventory DEADLINE`, a moment of CLOCK_MONOTONIC in ns until
/// which it waits for what is not there yet. Lines of [`crate::inventory::Line`]'s forms; the last is `done`. Exits 0.
pub const INVENTORY: &str = "preroot-inventory";
/// Looks what is on block devices: `preroot-probe NAME...` (`vda1`). Each a line of
/// [`crate::volume::Volume`]'s form. A device that cannot be read: `NAME\terrno=5`.
pub const PROBE: &str = "preroot-probe";
/// Mounts a root: `preroot-mount DEVICE TYPE MODE OPTIONS DIRECTORY`, MODE `ro` or `rw`. A line, which begins with
/// `root`, for whatever is not as it should be with it. Exits 0 when it is mounted and what is to move into it has its
/// place there, else with errno, and it is not mounted.
pub const MOUNT: &str = "preroot-mount";
/// How a line of [`MOUNT`] begins: its device cannot be written, so it is mounted `ro`.
pub const READ_ONLY: &str = "root is read-only";
/// How a line of [`MOUNT`] begins: it lacks a mount point, which cannot be made. The errno follows.
pub const NO_PLACE: &str = "root has no ";
/// Unmounts DIRECTORY and what is mounted below it; what is busy is mounted read-only instead:
/// `preroot-unmount DIRECTORY`. Exits 0 when it is unmounted, 16 (EBUSY) when it is read-only, else with errno.
pub const UNMOUNT: &str = "preroot-unmount";
/// Tells who keeps DIRECTORY's file system from being unmounted: `preroot-holders DIRECTORY [TERM|KILL|ask]`, a line
/// each; signals the processes among them, or only asks whether there are any. Exits 0 when there is nobody, 16 (EBUSY) when there is, else with errno.
pub const HOLDERS: &str = "preroot-holders";
/// Copies this boot's frames that are not there yet into the store: `preroot-keep STORE BYTES EPOCH_NS`, the last one being when the
/// kernel started, ns since 1970. A file that is missing is made with BYTES; 0: STORE is a partition that nobody else uses.
/// Exits with errno.
///
/// With two words more, `DEADLINE CONCERN`, it compares what is in the machine, by this boot's record, with what was at the last boot
/// of the store whose verdict is `OK`. DEADLINE is a moment as that of [`INVENTORY`], CONCERN `note` or `degraded`. Lines as there:
/// `verdict`, of what is missing since and the plan expects nothing of; `done`, when all is there that the last good boot had before
/// its first script, or that was said. It reads, then stores and says [`STORED`], and goes on until the deadline for what is not there yet.
/// Exits with errno when the store cannot be read.
pub const KEEP: &str = "preroot-keep";
/// How the line of one begins that compares: it has stored. The errno follows, 0 when all went well.
pub const STORED: &str = "stored ";
/// Writes what who(1), runlevel(8) and sysvinit's reboot look for (utmp(5)): the boot, and the
/// runlevel: `preroot-utmp RUNLEVEL PREVIOUS`. Into /run/utmp where the root's scripts have made it, and
/// /var/log/wtmp. Exits with errno.
pub const UTMP: &str = "preroot-utmp";
/// Asks an sshd for its banner until it has said it, and then sees that it stays: `preroot-healthy ADDRESS:PORT [PID]`. A line
/// for each change: [`HEALTHY_ANSWERS`] with the banner, [`HEALTHY_GONE`]. With PID, that process is ended by SIGTERM once the
/// banner was said, the kernel's log is told, and it exits 0; without, it never ends.
pub const HEALTHY: &str = "preroot-healthy";
/// How a line of [`HEALTHY`] begins: it has said its banner, which follows.
pub const HEALTHY_ANSWERS: &str = "answers";
/// The other: it was there, and is no more.
pub const HEALTHY_GONE: &str = "gone";
/// Writes the receipt of what was made, out of the record, and takes addresses and routes off or puts them on again:
/// `preroot-handover keep|teardown|give-back`, each with a line `COUNT FAILED` of the receipt's lines, or of what was taken off or put
/// on. Exits with errno. `preroot-handover before PROGRAM ARGUMENT...` tears down, then becomes PROGRAM.
pub const HANDOVER: &str = "preroot-handover";
/// Sends a verdict as an RFC 5424 datagram: `preroot-syslog RECEIVERS WORD LINE DETAIL CONFIG CLOCK`, receivers `ADDRESS:PORT`
/// with blanks between them, CLOCK `+`, or `-` when it is not to be believed. Each receiver a line, when it is known what became of
/// it: `TO WORD BYTES ERRNO TRIES`. Exits 0.
pub const SYSLOG: &str = "preroot-syslog";
/// Tells what the kernel says of level err and above: `preroot-kernel-log NEXT`, NEXT the kernel's number of the first message that
/// is wanted. Each a line, with tabs: `NUMBER LEVEL MICROSECONDS TEXT`, the time being CLOCK_MONOTONIC. Never ends. With NEXT 0, once,
/// `before TOLD_BY FIRMWARE LOADER UNPACK_BEGAN UNPACK_ENDED RUN`, as [`preroot_record::BeforeInit`] has them; `-`: not known.
pub const KERNEL_LOG: &str = "preroot-kernel-log";
/// Looks into pstore, where the kernel keeps the last words of boots that died. `preroot-pstore read`: of each dump, the oldest first,
/// lines of fields with a tab between them: `dump KEPT_BY REASON BOOT_ID UNIX_S LOST`, then `text LINES`, pieces of the end of its text
/// with a tab for the end of each line, then `file NAME`, each that it was in. `preroot-pstore forget NAME...` unlinks
/// them. Exits with errno.
pub const PSTORE: &str = "preroot-pstore";
/// What it is asked first.
pub const PSTORE_READ: &str = "read";
/// What it is asked when it is stored.
pub const PSTORE_FORGET: &str = "forget";
/// Arms a watchdog and feeds it as long as PID 1 answers, or somebody is there whom it has named as logged in:
/// `preroot-watchdog DEVICE SECONDS`. Ends by SIGTERM, for which it disarms it; by anything else the watchdog stays armed, and has
/// all of its time from then on. Lines of fields with a tab between them: `armed SECONDS BOOT_STATUS IDENTITY`, `failed WHAT ERRNO`,
/// `disarmed ERRNO`. Exits with errno.
pub const WATCHDOG: &str = "preroot-watchdog";
/// What it asks PID 1, which answers with the same word and the processes of those who are logged in.
pub const ALIVE: &str = "alive";
/// Writes a line on every terminal of the machine, to people who are logged in: `preroot-tell LINE`.
pub const TELL: &str = "preroot-tell";
/// The operator's client: `preroot status|holders|continue|retry|reboot|poweroff|halt`.
pub const CLIENT: &str = "preroot";
/// The shell of whoever logs in to the rescue: makes its process one that the kernel kills before sshd
/// ([`crate::limits::SESSION_OOM_SCORE`]) and becomes `/bin/sh` with the same words. A login shell has a `-` in front.
pub const SESSION: &str = "preroot-session";
