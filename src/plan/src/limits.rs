//! Every bound of a plan, unit last. The reader refuses what is beyond, so PID 1 can size its tables.

/// A whole plan. 10,000 hosts take 1.5 MiB.
pub const PLAN_BYTES_MAX: usize = 4 << 20;
/// One string: below what one system call's path buffer takes.
pub const TEXT_BYTES_MAX: usize = 240;
/// Scripts in one runlevel.
pub const SCRIPTS_PER_RUNLEVEL_MAX: usize = 1024;
/// Scripts in all runlevels.
pub const SCRIPTS_MAX: usize = 4096;
/// The number of a link in rc?.d: two digits.
pub const LINK_MAX: u8 = 99;
/// Edges in all runlevels.
pub const EDGES_MAX: usize = 65_536;
/// Kernel modules.
pub const MODULES_MAX: usize = 512;
/// Module aliases.
pub const ALIASES_MAX: usize = 65_536;
/// Hosts.
pub const HOSTS_MAX: usize = 16_384;
/// Addresses of one host.
pub const ADDRESSES_PER_HOST_MAX: usize = 16;
/// Services that inittab respawns.
pub const SERVICES_MAX: usize = 64;
/// Expected disks.
pub const DISKS_MAX: usize = 256;
/// Steps that assemble what the root lies on.
pub const ASSEMBLIES_MAX: usize = 16;
/// Words of one command line of such a step.
pub const WORDS_MAX: usize = 24;
/// Sections.
pub const SECTIONS_MAX: usize = 32;

const _: () = assert!(
    TEXT_BYTES_MAX < 256,
    "rustix copies a path of up to 256 bytes with its NUL"
);
const _: () = assert!(SCRIPTS_PER_RUNLEVEL_MAX <= SCRIPTS_MAX);
