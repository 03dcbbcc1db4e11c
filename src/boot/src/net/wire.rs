//! What the network's state machine asks of the world, and what it hears.
//!
//! `preroot-network` implements it with netlink and packet sockets, the tests with a fake that can make any call fail.

use core::net::IpAddr;

use crate::machine::{Errno, Nanoseconds};
use crate::net::arp::ARP_BYTES;

/// A network interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    /// The kernel's number of it.
    pub index: u32,
    /// Its name.
    pub name: &'a str,
    /// Its Ethernet address now; zero when it has none.
    pub mac: [u8; 6],
    /// The one it was built with; zero when the kernel does not say.
    pub permanent: [u8; 6],
    /// Its MTU, bytes.
    pub mtu: u32,
    /// The bond it is in; 0: none.
    pub master: u32,
    /// What it is made upon; 0: nothing.
    pub parent: u32,
    /// The VLAN it is; 0: none.
    pub vlan: u16,
    /// What it is.
    pub kind: LinkKind,
    /// Whether it is up and connected.
    pub carrier: Carrier,
}

/// What an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// `lo`.
    Loopback,
    /// A NIC.
    Ethernet,
    /// A VLAN, a bond.
    Made,
    /// Anything else.
    Other,
}

/// Whether an interface is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// IFF_UP is not set: nobody can know.
    Down,
    /// Up without carrier.
    No,
    /// Up with carrier.
    Yes,
}

/// An address that an interface has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assigned {
    /// The interface.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// It is good beyond its own link.
    pub is_global: bool,
    /// Another machine has it, so the kernel does not use it (RFC 4862, 5.4).
    pub is_duplicate: bool,
}

/// Something to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Brings an interface up.
    Up(u32),
    /// Takes it down: so it has to be to enter a bond.
    Down(u32),
    /// Sets its MTU, bytes.
    Mtu(u32, u32),
    /// Makes a VLAN of this name and number on an interface.
    Vlan(&'a str, u32, u16),
    /// Makes an active-backup bond of this name.
    Bond(&'a str),
    /// Takes an interface, the first, into a bond, the second.
    Enslave(u32, u32),
    /// Adds an address with its prefix length.
    Address(u32, IpAddr, u8),
    /// Removes one.
    NoAddress(u32, IpAddr, u8),
    /// Adds a default route through this gateway.
    Route(u32, IpAddr),
    /// Removes it.
    NoRoute(u32, IpAddr),
    /// Sets the host name.
    Hostname(&'a str),
    /// Has a DHCPv4 client ask for an address, again and again, on the interface of this name.
    Dhcp(&'a str),
    /// Names a name server to the rescue's programs.
    NameServer(IpAddr),
}

/// What the firmware says of the machine (SMBIOS type 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dmi {
    /// /sys/class/dmi/id/product_serial
    Serial,
    /// /sys/class/dmi/id/product_uuid
    Uuid,
}

/// The world.
pub trait Wire {
    /// CLOCK_MONOTONIC.
    fn now(&mut self) -> Nanoseconds;
    /// Hands every interface to `each`.
    fn links(&mut self, each: &mut dyn FnMut(&Link<'_>)) -> Result<(), Errno>;
    /// Hands every address to `each`.
    fn addresses(&mut self, each: &mut dyn FnMut(&Assigned)) -> Result<(), Errno>;
    /// Changes something.
    fn change(&mut self, change: Change<'_>) -> Result<(), Errno>;
    /// Sends an ARP packet to everybody on an interface's link, and hears answers from then on.
    fn send_arp(&mut self, index: u32, packet: &[u8; ARP_BYTES]) -> Result<(), Errno>;
    /// ARP need not be heard any more.
    fn hush_arp(&mut self);
    /// Reads what the firmware says: how many bytes, 0 when it says nothing.
    fn dmi(&mut self, which: Dmi, out: &mut [u8]) -> usize;
    /// Reads the PCI address of an interface's device: how many bytes, 0 when it has none.
    fn pci(&mut self, interface: &str, out: &mut [u8]) -> usize;
    /// Whether the root's own programs run, so that interfaces are theirs.
    fn is_roots(&mut self) -> bool;
    /// Says a line to PID 1.
    fn say(&mut self, line: core::fmt::Arguments<'_>);
}
