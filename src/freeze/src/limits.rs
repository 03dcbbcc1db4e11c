//! Every bound of a freeze, unit last. What is beyond is refused or skipped with a message.

use preroot_plan::limits::EDGES_MAX;

/// A config file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// A file of hosts: 16,384 of them, a kilobyte each.
pub const HOSTS_BYTES_MAX: u64 = 16 << 20;
/// What is read of a script in search of its header: some carry their payload behind it.
pub const SCRIPT_BYTES_MAX: u64 = 4 << 20;
/// insserv.conf, inittab, an override.
pub const SETTINGS_BYTES_MAX: u64 = 1 << 20;
/// A table of the kernel's modules.
pub const MODULES_BYTES_MAX: u64 = 32 << 20;
/// Symbolic links on the way to one file, as the kernel has it.
pub const LINKS_MAX: usize = 40;
/// Facilities within facilities.
pub const FACILITY_DEPTH_MAX: usize = 10;
/// Endings in file-filters, as insserv has it.
pub const FILE_FILTERS_MAX: usize = 1000;
/// Services that all facilities stand for, each counted once in each.
pub const FACILITY_MEMBERS_MAX: usize = 65_536;
/// Edges of the start or of the stop order, over all runlevels.
pub const GRAPH_EDGES_MAX: usize = 2 * EDGES_MAX;
/// What insserv and startpar read of a line.
pub const INSSERV_LINE_BYTES: usize = 2047;
/// Messages of one freeze; a binary taken for a script must not print megabytes.
pub const MESSAGES_MAX: usize = 1000;
/// Those of them that only errors take: many warnings do not hide what refuses.
pub const ERRORS_MIN: usize = 200;
/// One message: a loop of 500 scripts is told whole.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// What a message repeats of a list.
pub const LIST_BYTES_MAX: usize = 200;

const _: () = assert!(ERRORS_MIN < MESSAGES_MAX);
