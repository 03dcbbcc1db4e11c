//! Every bound of a plan, unit last. The reader refuses what is beyond, so PID 1 can size its tables.

/// A whole plan. 10,000 hosts, each with two keys, a VLAN and two addresses with gateways, take 1.3 MiB.
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
/// MAC addresses that hosts are known by.
pub const MACS_MAX: usize = 65_535;
/// What else hosts are known by.
pub const MATCHES_MAX: usize = 65_535;
/// Interfaces of all hosts.
pub const INTERFACES_MAX: usize = 65_535;
/// Interfaces of one host.
pub const INTERFACES_PER_HOST_MAX: usize = 8;
/// NICs that are one interface.
pub const NICS_PER_INTERFACE_MAX: usize = 8;
/// Addresses of all hosts, of each family.
pub const ADDRESSES_MAX: usize = 65_535;
/// Addresses of one host.
pub const ADDRESSES_PER_HOST_MAX: usize = 16;
/// The name of an interface: the kernel's IFNAMSIZ without its NUL.
pub const INTERFACE_NAME_BYTES_MAX: usize = 15;
/// The number of a VLAN; 4095 is reserved (IEEE 802.1Q, table 9-2).
pub const VLAN_MAX: u16 = 4094;
/// The least MTU: IPv4's (RFC 791, section 3.2).
pub const MTU_BYTES_MIN: u16 = 68;
/// Services that inittab respawns.
pub const SERVICES_MAX: usize = 64;
/// What is expected of one machine, and of every one.
pub const EXPECTED_PER_MACHINE_MAX: usize = 384;
/// What is expected of all machines.
pub const EXPECTED_MAX: usize = 65_535;
/// Machines, or kinds of machines, of which something is expected.
pub const MACHINES_MAX: usize = 16_384;
/// By what they are known.
pub const MACHINE_KEYS_MAX: usize = 65_535;
/// Unless the config says otherwise, how long what is expected may take to appear, ms.
pub const HARDWARE_MS_DEFAULT: u32 = 10_000;
/// Steps that assemble what the root lies on.
pub const ASSEMBLIES_MAX: usize = 16;
/// Words of one command line of such a step.
pub const WORDS_MAX: usize = 24;
/// Receivers of the verdict's syslog datagram.
pub const SYSLOG_TARGETS_MAX: usize = 4;
/// The least time of a watchdog, s: it is fed four times in it, and no more often than every two seconds.
pub const WATCHDOG_S_MIN: u16 = 10;
/// The longest, s.
pub const WATCHDOG_S_MAX: u16 = 3600;
/// Unless the config says otherwise, s: as most drivers have it.
pub const WATCHDOG_S_DEFAULT: u16 = 60;
/// Sections.
pub const SECTIONS_MAX: usize = 32;

const _: () = assert!(
    TEXT_BYTES_MAX < 256,
    "rustix copies a path of up to 256 bytes with its NUL"
);
const _: () = assert!(HOSTS_MAX <= 1 << 16, "a host's number has 16 bits");
const _: () = assert!(ADDRESSES_PER_HOST_MAX < 256 && INTERFACES_PER_HOST_MAX < 256);
const _: () = assert!(SCRIPTS_PER_RUNLEVEL_MAX <= SCRIPTS_MAX);
