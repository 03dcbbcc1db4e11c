//! Every bound of the boot core, unit last.

use crate::machine::Nanoseconds;

/// One second.
pub const SECOND_NS: Nanoseconds = 1_000_000_000;
/// One millisecond.
pub const MILLISECOND_NS: Nanoseconds = 1_000_000;

/// Children at once, and slots of a [`crate::machine::Child`].
pub const CHILDREN_MAX: usize = 1024;
/// Scripts running at once, whatever the plan says.
pub const SCRIPTS_RUNNING_MAX: usize = 512;
/// Output of one script that is kept; of the rest its end is, and it is counted.
pub const SCRIPT_OUTPUT_BYTES_MAX: u64 = 16 << 10;
/// Output of sshd that is kept: a line for each login.
pub const SSHD_OUTPUT_BYTES_MAX: u32 = 32 << 10;
/// Output of the file system check that is kept.
pub const FSCK_OUTPUT_BYTES_MAX: u32 = 32 << 10;
/// Output of one program that assembles what the root lies on that is kept.
pub const ASSEMBLY_OUTPUT_BYTES_MAX: u32 = 4 << 10;
/// The last line of such a program, for the rescue.
pub const LAST_WORDS_BYTES_MAX: usize = 120;
/// Words of such a program's command line.
pub const WORDS_MAX: usize = preroot_plan::limits::WORDS_MAX;
/// Devices that programs are run for, and programs that are run for none, of all steps.
pub const JOBS_MAX: usize = 64;
/// Members of an array that are asked for one by one.
pub const MEMBERS_MAX: u32 = 64;
/// Scripts at once of which the end of their output is kept, when there is more of it than is kept.
pub const TAILS_MAX: usize = 32;
/// Scripts and what they have started leave one task in so many to PID 1 and the rescue.
pub const TASKS_RESERVED_SHARE: u64 = 8;
/// And never fewer than these.
pub const TASKS_RESERVED_MIN: u64 = 64;
/// Of which the rescue leaves so many to PID 1.
pub const TASKS_OF_PID1: u64 = 32;
/// While the order runs, this share of the memory is left to PID 1 and the rescue.
pub const MEMORY_RESERVED_SHARE: u64 = 8;
/// And never less than these bytes: an sshd, a shell and e2fsck. So much of the rescue's memory stays in memory.
pub const MEMORY_RESERVED_MIN: u64 = 48 << 20;
/// Nor more than these.
pub const MEMORY_RESERVED_MAX: u64 = 256 << 20;
/// A script whose name is longer gets no control group of its own.
pub const GROUP_NAME_BYTES_MAX: usize = 190;
/// Bytes read of a child at once: a quarter of what a pipe holds.
pub const READ_BYTES: usize = 16 << 10;
/// A check that says nothing for so long stalls, and that is told.
pub const FSCK_STALL_NS: Nanoseconds = 300 * SECOND_NS;
/// The progress of a check is told in steps of so much of each pass.
pub const PROGRESS_STEP_PERCENT: u8 = 20;
/// Chunks read of a child that has ended, before the rest is left to later events.
pub const DRAIN_READS_MAX: usize = 8;
/// After SIGTERM, the time until SIGKILL.
pub const TERM_GRACE_NS: Nanoseconds = 10 * SECOND_NS;
/// After SIGKILL, the time until a child is left behind.
pub const KILL_GRACE_NS: Nanoseconds = 5 * SECOND_NS;

/// Kernel modules a plan may hold.
pub const MODULES_MAX: usize = preroot_plan::limits::MODULES_MAX;
/// Modules handed to one child.
pub const MODULES_PER_LOADER_MAX: usize = 64;
/// Children loading modules at once.
pub const LOADERS_MAX: usize = 8;
/// How long one loader may take before others stop waiting for it.
pub const LOADER_NS_MAX: Nanoseconds = 30 * SECOND_NS;
/// A modalias.
pub const MODALIAS_BYTES_MAX: usize = 240;

/// Network interfaces that are looked at.
pub const LINKS_MAX: usize = 64;
/// An interface's name with its NUL (IFNAMSIZ).
pub const LINK_NAME_BYTES_MAX: usize = 16;
/// Interfaces of a host that are set up.
pub const WANTS_MAX: usize = 16;
/// NICs of one bond.
pub const MEMBERS_OF_BOND_MAX: usize = preroot_plan::limits::NICS_PER_INTERFACE_MAX;
/// Addresses of a host.
pub const SETTINGS_MAX: usize = 32;
/// `ip=`, `vlan=`, `bond=` on one command line, each.
pub const NET_WORDS_MAX: usize = 8;
/// A serial number or UUID of the firmware.
pub const DMI_BYTES_MAX: usize = 256;
/// Different failures that are told once; of others each.
pub const NET_FAILURES_MAX: usize = 64;
/// Looks in a row, each for what the one before has made: bond, VLAN, their coming up, addresses.
pub const NET_PASSES_MAX: usize = 8;
/// When something about the network that failed is tried again, first.
pub const NET_AGAIN_NS_MIN: Nanoseconds = 200 * MILLISECOND_NS;
/// And at last.
pub const NET_AGAIN_NS_MAX: Nanoseconds = 10 * SECOND_NS;
/// How long a kernel module may take to load before it is said that an interface cannot be made.
pub const NET_MODULE_NS_MAX: Nanoseconds = 10 * SECOND_NS;
/// So long after the last NIC has appeared no other is expected to know the host better than the entry for any machine.
pub const NET_QUIET_NS: Nanoseconds = SECOND_NS;
/// How often is asked whether somebody has an address (RFC 5227, PROBE_NUM).
pub const NET_PROBES: u8 = 3;
/// The time between two of these (PROBE_MIN).
pub const NET_PROBE_PAUSE_NS: Nanoseconds = SECOND_NS;
/// How often an address is announced (ANNOUNCE_NUM).
pub const NET_ANNOUNCEMENTS: u8 = 2;
/// The time between two of these (ANNOUNCE_INTERVAL).
pub const NET_ANNOUNCE_PAUSE_NS: Nanoseconds = 2 * SECOND_NS;
/// When an address that somebody else had is asked about again.
pub const NET_DUPLICATE_NS: Nanoseconds = 60 * SECOND_NS;

/// How long what is wanted of the network may take before that is told.
pub const NETWORK_NS_DEFAULT: Nanoseconds = 30 * SECOND_NS;
/// So much later PID 1 takes the network's helper to hang.
pub const NETWORK_GRACE_NS: Nanoseconds = 2 * SECOND_NS;
/// A line of the network's helper.
pub const NETWORK_LINE_BYTES_MAX: usize = 320;
/// First pause before it is started again; it doubles with each end.
pub const NETWORK_BACKOFF_NS_MIN: Nanoseconds = 100 * MILLISECOND_NS;
/// Longest pause.
pub const NETWORK_BACKOFF_NS_MAX: Nanoseconds = 30 * SECOND_NS;

/// How long the watchdog's driver may take to load before it is told that the device is missing.
pub const WATCHDOG_WAIT_NS: Nanoseconds = 30 * SECOND_NS;
/// First pause before a watchdog that could not be armed is tried again; it doubles.
pub const WATCHDOG_BACKOFF_NS_MIN: Nanoseconds = 100 * MILLISECOND_NS;
/// Longest pause before a watchdog that could not be armed is tried again.
pub const WATCHDOG_BACKOFF_NS_MAX: Nanoseconds = 60 * SECOND_NS;
/// How long disarming it may take at the hand-over.
pub const WATCHDOG_DISARM_NS_MAX: Nanoseconds = 5 * SECOND_NS;
/// What it has at least from when everybody has been ended until the kernel has restarted the machine, s: as systemd's
/// `RebootWatchdogSec=`.
pub const WATCHDOG_DOWN_S: u16 = 600;
/// A driver's name for its watchdog (struct watchdog_info of linux/watchdog.h).
pub const WATCHDOG_IDENTITY_BYTES_MAX: usize = 32;

/// First pause before sshd is started again; it doubles with each failure.
pub const SSHD_BACKOFF_NS_MIN: Nanoseconds = 100 * MILLISECOND_NS;
/// Longest pause: for so long an sshd that comes right again is missed. A start costs some milliseconds.
pub const SSHD_BACKOFF_NS_MAX: Nanoseconds = 2 * SECOND_NS;
/// Starts that are recorded each; then one each time their number has doubled.
pub const SSHD_STARTS_RECORDED_MAX: u32 = 256;
/// An sshd that ran this long has not failed.
pub const SSHD_HEALTHY_NS: Nanoseconds = 30 * SECOND_NS;

/// Connections to sshd that are known: those that are logged in, and of those that try the last ones.
pub const SESSIONS_MAX: usize = 32;
/// Of one address, those that have come and are not logged in: dropbear takes 5 of them and then nobody from there
/// (MAX_UNAUTH_PER_IP of its sysoptions.h), so the oldest has to go.
pub const SESSIONS_TRYING_OF_ADDRESS_MAX: usize = 4;
/// The same of all addresses, where dropbear has 30 (MAX_UNAUTH_CLIENTS).
pub const SESSIONS_TRYING_MAX: usize = 24;
/// Nobody has to go before: a login takes a second or two.
pub const SESSION_LOGIN_NS_MIN: Nanoseconds = 5 * SECOND_NS;
/// Who is not logged in by then has to go, crowd or not.
pub const SESSION_LOGIN_NS_MAX: Nanoseconds = 60 * SECOND_NS;
/// How often is looked whether the sshd of each session is still there.
pub const SESSION_ASK_NS: Nanoseconds = 5 * SECOND_NS;
/// Refused connections of which each is recorded; of those after, one each time their number has doubled.
pub const SESSION_REFUSED_RECORDED_MAX: u32 = 32;
/// What an image says about its sshd, and what `bake` may write there.
pub const SSHD_RECIPE_BYTES_MAX: usize = 1024;
/// Words of a line of it.
pub const SSHD_WORDS_MAX: usize = 32;
/// A line of sshd.
pub const SESSION_LINE_BYTES_MAX: usize = 512;
/// An IPv6 address in brackets with its interface and port.
pub const SESSION_FROM_BYTES_MAX: usize = 72;
/// A user's name.
pub const SESSION_USER_BYTES_MAX: usize = 32;
/// A key, or a certificate with its id, serial number and CA.
pub const SESSION_WHO_BYTES_MAX: usize = 200;
/// Why a session ended, or was refused.
pub const SESSION_WHY_BYTES_MAX: usize = 160;
/// oom_score_adj of a session's processes. The kernel kills all daemons before it touches them, but not for one that
/// takes half of the memory: were they not to be killed at all (-1000, as sshd), a person's mistake would end
/// everything else and then, nobody being left to kill, the kernel.
pub const SESSION_OOM_SCORE: i16 = -500;

/// The name of a thing of an inventory.
pub const INVENTORY_NAME_BYTES_MAX: usize = 96;
/// A line of the child that reads the machine: a thing with its facts.
pub const INVENTORY_LINE_BYTES_MAX: usize = 640;
/// What is expected of one machine, with what is expected of every one.
pub const EXPECTED_MAX: usize = 2 * preroot_plan::limits::EXPECTED_PER_MACHINE_MAX;
/// Things and verdicts that are recorded of one boot.
pub const INVENTORY_RECORDED_MAX: u32 = 2048;
/// How long what is expected may take to appear where no plan says so.
pub const HARDWARE_NS_DEFAULT: Nanoseconds = 10 * SECOND_NS;
/// So much later PID 1 takes the child that reads the machine to hang.
pub const HARDWARE_GRACE_NS: Nanoseconds = 2 * SECOND_NS;
/// What has not answered until the deadline is told then, and in the record so much later.
pub const CHANGES_AFTER_NS: Nanoseconds = SECOND_NS / 2;
/// Things that are counted once however often they are offered.
pub const INVENTORY_SEEN_MAX: usize = 2048;

/// Block devices that are known.
pub const VOLUMES_MAX: usize = 256;
/// Block devices that wait to be looked at.
pub const PROBES_PENDING_MAX: usize = 256;
/// Devices looked at by one child.
pub const PROBES_PER_CHILD_MAX: usize = 16;
/// How long a child may look at devices.
pub const PROBE_NS_MAX: Nanoseconds = 10 * SECOND_NS;

/// When the receipt of what was made is written again after more was made.
pub const HANDOVER_AFTER_NS: Nanoseconds = SECOND_NS;
/// How long writing it may take, or taking addresses off or putting them on.
pub const HANDOVER_NS_MAX: Nanoseconds = 10 * SECOND_NS;
/// Longest pause before the child that asks for the real sshd's banner is started again.
pub const HEALTHY_BACKOFF_NS_MAX: Nanoseconds = 60 * SECOND_NS;
/// Errors of the kernel that are kept of one boot.
pub const KERNEL_MESSAGES_MAX: u32 = 128;
/// A line of the kernel's log, with its numbers.
pub const KERNEL_LINE_BYTES_MAX: usize = 320;
/// Longest pause before the child that reads the kernel's log is started again.
pub const KERNEL_LOG_BACKOFF_NS_MAX: Nanoseconds = 60 * SECOND_NS;
/// Children at once that send a verdict to syslog receivers.
pub const SYSLOG_SENDERS_MAX: usize = 4;
/// A line in which one tells what became of it.
pub const SYSLOG_LINE_BYTES_MAX: usize = 96;
/// How long one tries until the network takes it.
pub const SYSLOG_NS_MAX: Nanoseconds = 300 * SECOND_NS;
/// How long a machine that goes down waits for them.
pub const SYSLOG_FINISH_NS: Nanoseconds = 2 * SECOND_NS;

/// Bytes of the end of a dump of pstore that are kept: the kernel keeps 10 KiB of its log (`kmsg_bytes` of `fs/pstore/platform.c`).
pub const PSTORE_DUMP_BYTES_MAX: usize = 12 << 10;
/// Dumps that one boot looks at. What is left, the next one does.
pub const PSTORE_DUMPS_MAX: usize = 4;
/// Files that they are in: the firmware's variables are small, so a dump has a dozen of them.
pub const PSTORE_FILES_MAX: usize = 32;
/// A name of one: `dmesg-efi-` and up to 20 digits.
pub const PSTORE_NAME_BYTES_MAX: usize = 48;
/// A line of the helper that reads them: a piece of text that fits into a frame.
pub const PSTORE_LINE_BYTES_MAX: usize = preroot_record::limits::OUTPUT_BYTES_MAX + 8;
/// How long it may take.
pub const PSTORE_NS_MAX: Nanoseconds = 10 * SECOND_NS;
/// How long it is waited for before PID 1 becomes the root's init.
pub const PSTORE_FINISH_NS: Nanoseconds = 2 * SECOND_NS;
/// The kernel's boot id: a UUID as text.
pub const BOOT_ID_BYTES: usize = 36;

/// How long a mount or unmount may take.
pub const MOUNT_NS_MAX: Nanoseconds = 120 * SECOND_NS;
/// How long asking who holds a file system may take.
pub const HOLDERS_NS_MAX: Nanoseconds = 10 * SECOND_NS;
/// Who holds the root has this long after SIGTERM.
pub const HOLDERS_TERM_NS: Nanoseconds = 5 * SECOND_NS;
/// And this long after SIGKILL: one that hangs in the kernel stays.
pub const HOLDERS_KILL_NS: Nanoseconds = 2 * SECOND_NS;
/// How often is asked whether they have gone.
pub const HOLDERS_ASK_NS: Nanoseconds = 200 * MILLISECOND_NS;
/// How long noting the runlevel in utmp may take.
pub const UTMP_NS_MAX: Nanoseconds = 5 * SECOND_NS;
/// When what was recorded is copied into its store: so much of it a power cut may cost.
pub const KEEP_AFTER_NS: Nanoseconds = SECOND_NS;
/// And for so long the end of a stage waits for it.
pub const KEEP_MILESTONE_NS_MAX: Nanoseconds = 250 * MILLISECOND_NS;
/// How long copying the record into its store may hold up the stage that asked for it.
pub const KEEP_NS_MAX: Nanoseconds = 10 * SECOND_NS;

/// Services of inittab.
pub const SERVICES_MAX: usize = preroot_plan::limits::SERVICES_MAX;
/// A service that ends sooner than this has failed.
pub const SERVICE_HEALTHY_NS: Nanoseconds = 10 * SECOND_NS;
/// Pauses of a service that fails, as sshd's.
pub const SERVICE_BACKOFF_NS_MAX: Nanoseconds = 60 * SECOND_NS;

/// After SIGTERM to everybody, the time until SIGKILL.
pub const SHUTDOWN_TERM_NS: Nanoseconds = 5 * SECOND_NS;
/// How often is looked whether everybody has gone.
pub const SHUTDOWN_ASK_NS: Nanoseconds = 50 * MILLISECOND_NS;

/// The kernel command line (COMMAND_LINE_SIZE of x86).
pub const COMMAND_LINE_BYTES_MAX: usize = 2048;
/// With room for what is said behind `continue`: a score of roots.
pub const COMMAND_LINE_ROOM_BYTES: usize = COMMAND_LINE_BYTES_MAX + 2048;
/// Programs between an sshd and one that asks PID 1 something: a shell in a shell.
pub const SESSION_DEPTH_MAX: usize = 16;
/// When the last person has left, the least time until `panic=` reboots: a lost connection is made again in it.
pub const GRACE_NS_MIN: Nanoseconds = 60 * SECOND_NS;
/// The verdict on the console, with the host key's fingerprint and the boot's id.
pub const VERDICT_LINE_BYTES_MAX: usize = 320;
/// Any other text the core composes.
pub const TEXT_BYTES_MAX: usize = 256;

const _: () = assert!(SCRIPTS_RUNNING_MAX + SERVICES_MAX + LOADERS_MAX + 16 <= CHILDREN_MAX);
const _: () = assert!(
    crate::groups::SCRIPTS.len()
        + "/S.".len()
        + GROUP_NAME_BYTES_MAX
        + "/cgroup.subtree_control".len()
        <= TEXT_BYTES_MAX
);
const _: () = assert!(
    INVENTORY_NAME_BYTES_MAX + preroot_record::limits::FACTS_BYTES_MAX + 16
        <= INVENTORY_LINE_BYTES_MAX
);
const _: () = assert!(SESSIONS_TRYING_MAX < SESSIONS_MAX);
const _: () = assert!(TASKS_OF_PID1 < TASKS_RESERVED_MIN);
const _: () = assert!(SSHD_BACKOFF_NS_MIN < SSHD_BACKOFF_NS_MAX);
