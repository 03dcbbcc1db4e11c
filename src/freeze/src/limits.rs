//! Every bound of a freeze, unit last. What is beyond is refused or skipped with a message.

/// A config file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
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
/// What insserv and startpar read of a line.
pub const INSSERV_LINE_BYTES: usize = 2047;
/// Messages of one freeze; a binary taken for a script must not print megabytes.
pub const MESSAGES_MAX: usize = 1000;
