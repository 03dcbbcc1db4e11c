//! Every bound of a payload, unit last.

/// All files, unpacked: what the helper asks memory for.
pub const RAW_BYTES_MAX: usize = 64 << 20;
/// Files and links.
pub const ENTRIES_MAX: usize = 1024;
/// One path or target: below what one system call's path buffer takes.
pub const PATH_BYTES_MAX: usize = 240;
