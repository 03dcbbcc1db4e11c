//! The host table: the machines of a fleet, what each is known by, its interfaces and their addresses.
//!
//! ```text
//!   macs    { mac, host } ───────┐
//!   matches { kind, key, host } ─┴─> hosts ──> interfaces ──> addresses4
//!                                                        └──> addresses6
//! ```
//!
//! The kernel modules of VLANs and bonds are in the image where a host needs them, under the aliases `rtnl-link-vlan` and
//! `rtnl-link-bond`, which the kernel itself would ask modprobe for. Nothing loads them before a machine is such a host.
//!
//! A look-up is a binary search. A host may be known by several things; each thing knows one host. All entries are as
//! small as they can be: a host with two keys, one interface and two addresses with gateways takes 96 bytes and its texts.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::choices::{Bond, Dhcp, HostKey};
use crate::nic::Nic;
use crate::tables::{Text, table};
use crate::view::{Plan, range};

table! {
    /// A MAC address that a host is known by. All of them are ascending.
    Mac {
        /// The address of one interface.
        mac: [u8; 6],
        /// The number of the host.
        host: U16,
    }
}

table! {
    /// Something else that a host is known by. By kind, then key.
    Match {
        /// As [`HostKey`] says.
        key: Text,
        /// The number of the host.
        host: U16,
        /// [`HostKey`].
        kind: u8,
    }
}

table! {
    /// A machine of the fleet. Its interfaces stand where those of the host before it end.
    Host {
        /// Its name; empty: none is set.
        hostname: Text,
        /// Its first interface.
        first_interface: U32,
        /// The port of the rescue sshd; 0: as in [`crate::Settings`].
        port: U16,
        /// How many interfaces it has.
        interface_count: u8,
    }
}

table! {
    /// An interface of a host. Its addresses stand where those of the interface before it end.
    Interface {
        /// What it is made of, each as [`Nic`] reads it, with a blank between them; empty: the NIC that the host was
        /// matched by, else the first with a carrier.
        nics: Text,
        /// What the bond is called; empty if and only if there is none.
        name: Text,
        /// Its first IPv4 address.
        first_address4: U32,
        /// Its first IPv6 address.
        first_address6: U32,
        /// The VLAN on it that everything else is about; 0: none.
        vlan: U16,
        /// Its MTU, bytes; 0: as it is. What a VLAN lies on needs as much.
        mtu: U16,
        /// How many IPv4 addresses it has.
        address4_count: u8,
        /// How many IPv6 addresses it has.
        address6_count: u8,
        /// [`Bond`].
        bond: u8,
        /// [`Dhcp`].
        dhcp: u8,
    }
}

impl Interface {
    /// Whether and how several NICs are one.
    #[must_use]
    pub fn bond(&self) -> Bond {
        Bond::from_number(self.bond).unwrap_or(Bond::None)
    }

    /// Whether its address is asked for.
    #[must_use]
    pub fn dhcp(&self) -> Dhcp {
        Dhcp::from_number(self.dhcp).unwrap_or(Dhcp::No)
    }
}

table! {
    /// An IPv4 address, network order.
    Address4 {
        /// The host's.
        ip: [u8; 4],
        /// The gateway reached through it; all zero: none.
        gateway: [u8; 4],
        /// Prefix length.
        prefix: u8,
    }
}

table! {
    /// An IPv6 address, network order.
    Address6 {
        /// The host's.
        ip: [u8; 16],
        /// The gateway reached through it; all zero: none.
        gateway: [u8; 16],
        /// Prefix length.
        prefix: u8,
    }
}

/// A static address of either family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The host's.
    pub ip: IpAddr,
    /// Prefix length.
    pub prefix: u8,
    /// The gateway of the default route through it. It need not lie in the prefix: the route is then on-link
    /// (ip-route(8)).
    pub gateway: Option<IpAddr>,
}

impl From<&Address4> for Address {
    fn from(address: &Address4) -> Address {
        Address {
            ip: IpAddr::V4(Ipv4Addr::from(address.ip)),
            prefix: address.prefix,
            gateway: (address.gateway != [0; 4]).then(|| Ipv4Addr::from(address.gateway).into()),
        }
    }
}

impl From<&Address6> for Address {
    fn from(address: &Address6) -> Address {
        Address {
            ip: IpAddr::V6(Ipv6Addr::from(address.ip)),
            prefix: address.prefix,
            gateway: (address.gateway != [0; 16]).then(|| Ipv6Addr::from(address.gateway).into()),
        }
    }
}

impl<'a> Plan<'a> {
    /// All hosts.
    #[must_use]
    pub fn hosts(&self) -> &'a [Host] {
        self.hosts
    }

    /// The MAC addresses that hosts are known by, ascending.
    #[must_use]
    pub fn macs(&self) -> &'a [Mac] {
        self.macs
    }

    /// What else hosts are known by, by kind, then key.
    #[must_use]
    pub fn matches(&self) -> &'a [Match] {
        self.matches
    }

    /// The host that has an interface with this MAC address.
    #[must_use]
    pub fn host_by_mac(&self, mac: [u8; 6]) -> Option<&'a Host> {
        let at = self.macs.binary_search_by_key(&mac, |entry| entry.mac);
        let entry = self.macs.get(at.ok()?)?;
        self.hosts.get(usize::from(entry.host.get()))
    }

    /// The host that is known by something else. `key` is spelled as [`HostKey`] says.
    #[must_use]
    pub fn host_by(&self, kind: HostKey, key: &str) -> Option<&'a Host> {
        let order = |entry: &Match| (entry.kind, self.text(entry.key)).cmp(&(kind.number(), key));
        let entry = self
            .matches
            .get(self.matches.binary_search_by(order).ok()?)?;
        self.hosts.get(usize::from(entry.host.get()))
    }

    /// The host with this name; of several, the first.
    #[must_use]
    pub fn host_named(&self, name: &str) -> Option<&'a Host> {
        // They stand by name.
        let at = self
            .hosts
            .partition_point(|host| self.text(host.hostname) < name);
        let host = self.hosts.get(at)?;
        (self.text(host.hostname) == name).then_some(host)
    }

    /// The interfaces of a host.
    #[must_use]
    pub fn interfaces_of(&self, host: &Host) -> &'a [Interface] {
        range(
            self.interfaces,
            host.first_interface,
            u32::from(host.interface_count),
        )
    }

    /// What an interface is made of; nothing: the NIC that the host was matched by, else the first with a carrier.
    pub fn nics_of(&self, interface: &Interface) -> impl Iterator<Item = Nic<'a>> + use<'a> {
        self.text(interface.nics).split(' ').filter_map(Nic::parse)
    }

    /// The addresses of an interface, those of IPv4 first.
    pub fn addresses_of(&self, interface: &Interface) -> impl Iterator<Item = Address> + use<'a> {
        let four = range(
            self.addresses4,
            interface.first_address4,
            u32::from(interface.address4_count),
        );
        let six = range(
            self.addresses6,
            interface.first_address6,
            u32::from(interface.address6_count),
        );
        let four = four.iter().map(Address::from);
        four.chain(six.iter().map(Address::from))
    }
}
