//! Every bound of PID 1 and its helpers, unit last.

use preroot_boot::limits::CHILDREN_MAX;
use preroot_record::limits::FRAME_BYTES_MAX;

/// Frames kept in memory until /run is there: the first, and what goes wrong before.
pub const EARLY_FRAMES_BYTES_MAX: usize = 4 * FRAME_BYTES_MAX;
/// This boot's record in /run. A script's output is bounded by the core, so this is some thousand scripts.
pub const RECORD_BYTES_MAX: u64 = 4 << 20;
/// Events that wait to be handed out.
pub const EVENTS_MAX: usize = 256;
/// Events taken from the kernel at once.
pub const READY_MAX: usize = 64;
/// Processes reaped in one go, so that a flood of orphans does not starve the rest.
pub const REAPED_AT_ONCE_MAX: usize = 64;
/// Signals taken in one go; there are 64 kinds.
pub const SIGNALS_AT_ONCE_MAX: usize = 64;
/// How often PID 1 looks for dead children when it hears no signals, ms.
pub const DEAF_POLL_MS: u32 = 100;
/// Open files of PID 1: a pipe for each child, and a handful.
pub const OPEN_FILES_MAX: u64 = 4096;
/// One line to the kernel's log; the kernel refuses more than about 1000.
pub const LINE_BYTES_MAX: usize = 900;
/// One modalias; sysfs has no larger file.
pub const MODALIAS_BYTES_MAX: usize = 4096;
/// Bytes of directory entries read at once.
pub const DIRECTORY_BYTES: usize = 4096;
/// How long PID 1 waits for a sync, ms. A disk that hangs may take the rest of time.
pub const SYNC_WAIT_MS_MAX: u32 = 5000;
/// A path that is composed.
pub const PATH_BYTES_MAX: usize = 250;
/// One datagram of the control socket, either way.
pub const CONTROL_BYTES_MAX: usize = 4096;
/// Passes of SIGKILL over /proc, against processes that were born meanwhile.
pub const KILL_PASSES_MAX: usize = 3;
/// The text of a dump of pstore: ramoops' records, and the files of the firmware's variables together, are much smaller.
pub const PSTORE_TEXT_BYTES_MAX: usize = 512 << 10;
/// Parameters of a module, from the plan and the kernel command line, with their NUL.
pub const PARAMETERS_BYTES_MAX: usize = 1024;
/// Terminals that a line is written to.
pub const TERMINALS_MAX: u32 = 256;
/// What the client sends: PID 1 takes no more.
pub const REQUEST_BYTES_MAX: usize = 512;
/// How long the client waits for an answer, ms.
pub const ANSWER_MS_MAX: u32 = 10_000;
/// How long the greeting at login waits for one, ms: nobody is kept from the shell.
pub const GREETING_MS_MAX: u32 = 3_000;
/// Modules in an image without a plan.
pub const ALL_MODULES_MAX: usize = preroot_plan::limits::MODULES_MAX;
/// Passes over /proc/self/mountinfo when unmounting: each frees at least one level of mounts.
pub const UNMOUNT_PASSES_MAX: usize = 32;
/// Entries of utmp that are looked at. A file with more is damaged.
pub const UTMP_ENTRIES_MAX: usize = 65_536;
/// Frames that are offered to the store at once.
pub const CHUNK_BYTES: usize = 64 << 10;
/// Mount data that is no flag. The kernel takes a page.
pub const MOUNT_DATA_BYTES_MAX: usize = 1024;
/// A root with less room than this for those who are not root is full: a boot writes some logs.
pub const ROOT_FREE_BYTES_MIN: u64 = 1 << 20;
/// Or with fewer inodes.
pub const ROOT_FREE_INODES_MIN: u64 = 16;
/// Words of sshd's command line and of its environment that the last stand keeps.
pub const LAST_WORDS_MAX: usize = 32;
/// The receipt of what was handed over: a line for each of the plan's modules, and some dozens.
pub const RECEIPT_BYTES_MAX: usize = 96 << 10;
/// A line of it.
pub const RECEIPT_LINE_BYTES_MAX: usize = 400;
/// Interfaces, addresses and routes that are looked at.
pub const INVENTORY_MAX: usize = 128;
/// How long an sshd may take to accept a connection and say its identification, ms.
pub const BANNER_MS_MAX: u32 = 5000;
/// Its identification; the RFC has at most 255 (RFC 4253, section 4.2).
pub const BANNER_BYTES_MAX: usize = 256;
/// First pause before it is asked again; it doubles.
pub const BANNER_PAUSE_MS_MIN: u32 = 500;
/// Longest pause.
pub const BANNER_PAUSE_MS_MAX: u32 = 5000;
/// How often is looked whether anybody listens, ms.
pub const LISTENS_MS: u32 = 3000;
/// How often one that listens is asked again, ms.
pub const BANNER_AGAIN_MS: u32 = 300_000;
/// One that has not answered so often in a row is gone.
pub const BANNER_TRIES_MAX: u32 = 3;
/// A verdict as a datagram: what an IPv6 path of the least MTU takes whole (RFC 5426, section 3.2).
pub const SYSLOG_BYTES_MAX: usize = 1180;
/// How long the network is listened to for a word about a datagram: an address that nobody answers for is known after
/// three probes of a second each (arp(7)).
pub const SYSLOG_HEARD_MS: u32 = 3500;
/// First pause before a datagram is tried again; it doubles.
pub const SYSLOG_PAUSE_MS_MIN: u32 = 250;
/// Longest pause.
pub const SYSLOG_PAUSE_MS_MAX: u32 = 5000;
/// How often a watchdog is fed in its time.
pub const WATCHDOG_FEEDS: u32 = 4;
/// How long PID 1 may take to answer for it, ms: as long as one feed takes to come, within these.
pub const WATCHDOG_ASK_MS_MIN: u32 = 1000;
/// At most.
pub const WATCHDOG_ASK_MS_MAX: u32 = 10_000;
/// How soon it is asked again when it has not answered, ms.
pub const WATCHDOG_UNANSWERED_MS: u32 = 1000;
/// One small file of sysfs: a number, a serial, a link.
pub const FACT_BYTES_MAX: usize = 512;
/// What a helper has written and not sent yet: the things that are in a machine without disks.
pub const STREAM_BYTES: usize = 2048;
/// A line of /proc, as much of it as anybody asks for.
pub const INVENTORY_LINE_BYTES_MAX: usize = 1024;
/// The firmware's table.
pub const FIRMWARE_BYTES_MAX: usize = preroot_smbios::TABLE_BYTES_MAX;
/// Slots that are told one by one.
pub const SLOTS_MAX: usize = 512;
/// Packages with CPUs in them.
pub const SOCKETS_MAX: usize = 64;
/// Disks that are looked at.
pub const DISKS_MAX: usize = 1024;
/// Disks that are asked at once, each by a child. One that hangs keeps its place.
pub const DISKS_ASKED_MAX: usize = 128;
/// Disks whose errors are counted, and arrays that are told.
pub const DISKS_FAULTY_MAX: usize = 128;
/// What is read of a disk in each of three places: a multiple of every sector there is.
pub const DISK_READ_BYTES: usize = 4096;
/// How often a disk is opened that is not there yet, and the pauses between, ns: a second.
pub const DISK_OPENS_MAX: u32 = 50;
/// See [`DISK_OPENS_MAX`].
pub const DISK_OPEN_PAUSE_NS: i64 = 20_000_000;
/// How long a disk may take to say how it is, ms. Beyond, the kernel ends the question.
pub const HEALTH_MS_MAX: u32 = 2000;
/// Network interfaces that are looked at.
pub const NICS_MAX: usize = 64;
/// Things of an inventory that are compared: as many as are recorded of a boot.
pub const THINGS_MAX: usize = 2048;
/// The last good boot's record, as much of it as is looked at: what is in the machine stands near its beginning.
pub const GOOD_BYTES_MAX: usize = 8 << 20;
/// PCI devices that are not told anew when nothing has changed.
pub const PCI_DEVICES_MAX: usize = 1024;
/// How often is looked for what is new while something is waited for, ms.
pub const INVENTORY_WAITS_MS: u32 = 10;
/// And when nothing is.
pub const INVENTORY_LOOK_MS: u32 = 100;
/// Drivers are in place when nothing new has come for so long, ms.
pub const INVENTORY_QUIET_MS: u32 = 1000;
/// How often interfaces are asked for a link that is waited for, ms.
pub const LINKS_MS: u32 = 250;
/// Pause before the last stand starts sshd again, ms.
pub const LAST_STAND_PAUSE_MS: u32 = 1000;

const _: () = assert!(CHILDREN_MAX + 64 < OPEN_FILES_MAX as usize);
const _: () = assert!(CHUNK_BYTES > 2 * FRAME_BYTES_MAX);
const _: () = assert!(EVENTS_MAX >= READY_MAX + SIGNALS_AT_ONCE_MAX + REAPED_AT_ONCE_MAX);
