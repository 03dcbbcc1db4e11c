//! Interfaces: what is there, and making VLANs and bonds of it (rtnetlink(7), RTM_*LINK).

use linux_raw_sys::netlink::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL};
use rustix::io::Errno;

use super::message::{Message, Request, attributes, field};
use super::route::RouteSocket;

// linux/if_arp.h, linux/if_link.h, linux/rtnetlink.h, linux/if_ether.h: types, attributes and flags.
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_GETLINK: u16 = 18;
const ARPHRD_ETHER: u32 = 1;
const ARPHRD_LOOPBACK: u32 = 772;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_PERM_ADDRESS: u16 = 54;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_VLAN_ID: u16 = 1;
const IFLA_BOND_MODE: u16 = 1;
const IFLA_BOND_MIIMON: u16 = 3;
const BOND_MODE_ACTIVE_BACKUP: u8 = 1;
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;
const IFF_UP: u32 = 1;
const IFF_LOWER_UP: u32 = 1 << 16;

/// How often a bond looks whether its members are connected, ms (bonding.rst's advice).
const MIIMON_MS: u32 = 100;
/// Bytes of `struct ifinfomsg`.
const LINK_BYTES: usize = 16;
/// Bytes of an interface's name with its NUL (IFNAMSIZ).
const NAME_BYTES: usize = 16;

/// What an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ARPHRD_LOOPBACK.
    Loopback,
    /// ARPHRD_ETHER, and of no kind that is made by a request: a NIC.
    Ethernet,
    /// Made: a VLAN, a bond.
    Made,
    /// Anything else.
    Other,
}

/// Whether it is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Not up, so nobody can know.
    Down,
    /// Up without carrier.
    No,
    /// Up with carrier.
    Yes,
}

/// A network interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    /// Its number.
    pub index: u32,
    /// Its name.
    pub name: &'a str,
    /// Its Ethernet address; zero when it has none.
    pub mac: [u8; 6],
    /// The one it was built with, which being in a bond does not change; zero when it has none.
    pub permanent: [u8; 6],
    /// Its MTU, bytes.
    pub mtu: u32,
    /// The bond or bridge it is in; 0: none.
    pub master: u32,
    /// What it is made upon; 0: nothing.
    pub parent: u32,
    /// The number of the VLAN that it is; 0: none.
    pub vlan: u16,
    /// What it is.
    pub kind: Kind,
    /// Whether it is connected.
    pub carrier: Carrier,
}

impl RouteSocket {
    /// RTM_GETLINK with NLM_F_DUMP: hands every interface to `each`.
    ///
    /// # Errors
    /// What the kernel answers; `EIO` when it does not.
    pub fn links(&mut self, each: &mut dyn FnMut(&Link<'_>)) -> Result<(), Errno> {
        let mut request = self.request(RTM_GETLINK, NLM_F_DUMP);
        request
            .put(&[0; LINK_BYTES])
            .attribute(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
        self.ask(&mut request, &mut |message| {
            if let Some(link) = parse_link(message) {
                each(&link);
            }
        })
    }

    /// RTM_NEWLINK with IFF_UP.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn link_up(&mut self, index: u32) -> Result<(), Errno> {
        self.change(index, IFF_UP)
    }

    /// RTM_NEWLINK without IFF_UP: its routes and IPv6 addresses go.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn link_down(&mut self, index: u32) -> Result<(), Errno> {
        self.change(index, 0)
    }

    /// RTM_NEWLINK with IFLA_MTU, bytes.
    ///
    /// # Errors
    /// `EINVAL` for one the device or what it is made upon cannot have; else what the kernel answers.
    pub fn set_mtu(&mut self, index: u32, mtu: u32) -> Result<(), Errno> {
        let mut request = self.request(RTM_NEWLINK, NLM_F_ACK);
        put_link(&mut request, index, 0, 0).attribute(IFLA_MTU, &mtu.to_ne_bytes());
        self.ask(&mut request, &mut |_| {})
    }

    /// RTM_NEWLINK with IFLA_MASTER: takes an interface into a bond, which brings it up. It has to be down.
    ///
    /// # Errors
    /// `EPERM` when it is up; else what the kernel answers.
    pub fn enslave(&mut self, index: u32, bond: u32) -> Result<(), Errno> {
        let mut request = self.request(RTM_NEWLINK, NLM_F_ACK);
        put_link(&mut request, index, 0, 0).attribute(IFLA_MASTER, &bond.to_ne_bytes());
        self.ask(&mut request, &mut |_| {})
    }

    /// RTM_NEWLINK of kind `vlan`: VLAN `id` on the interface `parent` (IEEE 802.1Q).
    ///
    /// # Errors
    /// `EOPNOTSUPP` without the module 8021q, `EEXIST` when the name or the VLAN is there; else what the kernel answers.
    pub fn make_vlan(&mut self, name: &str, parent: u32, id: u16) -> Result<(), Errno> {
        let mut request = self.request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        put_link(&mut request, 0, 0, 0).attribute(IFLA_LINK, &parent.to_ne_bytes());
        put_name(&mut request, name)?;
        let info = request.begin(IFLA_LINKINFO);
        request.attribute(IFLA_INFO_KIND, b"vlan");
        let data = request.begin(IFLA_INFO_DATA);
        request
            .attribute(IFLA_VLAN_ID, &id.to_ne_bytes())
            .end(data)
            .end(info);
        self.ask(&mut request, &mut |_| {})
    }

    /// RTM_NEWLINK of kind `bond`: one member carries everything until it fails (mode active-backup, by MII link state).
    /// One of this name that is there and has no members becomes such a bond.
    ///
    /// # Errors
    /// `EOPNOTSUPP` without the module bonding; else what the kernel answers.
    pub fn make_bond(&mut self, name: &str) -> Result<(), Errno> {
        let mut request = self.request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE);
        put_link(&mut request, 0, 0, 0);
        put_name(&mut request, name)?;
        let info = request.begin(IFLA_LINKINFO);
        request.attribute(IFLA_INFO_KIND, b"bond");
        let data = request.begin(IFLA_INFO_DATA);
        request
            .attribute(IFLA_BOND_MODE, &[BOND_MODE_ACTIVE_BACKUP])
            .attribute(IFLA_BOND_MIIMON, &MIIMON_MS.to_ne_bytes())
            .end(data)
            .end(info);
        self.ask(&mut request, &mut |_| {})
    }

    /// RTM_DELLINK: undoes [`RouteSocket::make_vlan`] and [`RouteSocket::make_bond`], whose members are free and down
    /// then.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for a NIC; else what the kernel answers.
    pub fn remove_link(&mut self, index: u32) -> Result<(), Errno> {
        let mut request = self.request(RTM_DELLINK, NLM_F_ACK);
        put_link(&mut request, index, 0, 0);
        self.ask(&mut request, &mut |_| {})
    }

    fn change(&mut self, index: u32, flags: u32) -> Result<(), Errno> {
        let mut request = self.request(RTM_NEWLINK, NLM_F_ACK);
        put_link(&mut request, index, flags, IFF_UP);
        self.ask(&mut request, &mut |_| {})
    }
}

/// `struct ifinfomsg`.
fn put_link(request: &mut Request, index: u32, flags: u32, which: u32) -> &mut Request {
    request
        .put(&[0; 4]) // family, padding, type
        .put(&index.to_ne_bytes())
        .put(&flags.to_ne_bytes())
        .put(&which.to_ne_bytes()) // which of the flags change
}

fn put_name(request: &mut Request, name: &str) -> Result<(), Errno> {
    let mut bytes = [0; NAME_BYTES];
    let room = bytes
        .get_mut(..name.len())
        .filter(|_| name.len() < NAME_BYTES);
    room.ok_or(Errno::NAMETOOLONG)?
        .copy_from_slice(name.as_bytes());
    request.attribute(IFLA_IFNAME, bytes.get(..=name.len()).unwrap_or_default());
    Ok(())
}

fn parse_link<'a>(message: &Message<'a>) -> Option<Link<'a>> {
    if message.kind != RTM_NEWLINK {
        return None;
    }
    let hardware = u32::from(u16::from_ne_bytes(field(message.body, 2)?));
    let flags = u32::from_ne_bytes(field(message.body, 8)?);
    let mut link = Link {
        index: u32::from_ne_bytes(field(message.body, 4)?),
        name: "",
        mac: [0; 6],
        permanent: [0; 6],
        mtu: 0,
        master: 0,
        parent: 0,
        vlan: 0,
        kind: match hardware {
            ARPHRD_LOOPBACK => Kind::Loopback,
            ARPHRD_ETHER => Kind::Ethernet,
            _ => Kind::Other,
        },
        carrier: match (flags & IFF_UP != 0, flags & IFF_LOWER_UP != 0) {
            (false, _) => Carrier::Down,
            (true, false) => Carrier::No,
            (true, true) => Carrier::Yes,
        },
    };
    for (kind, value) in attributes(message.body.get(LINK_BYTES..)?) {
        match kind {
            IFLA_IFNAME => {
                let name = value.split(|&byte| byte == 0).next().unwrap_or_default();
                link.name = core::str::from_utf8(name).unwrap_or_default();
            }
            IFLA_ADDRESS => link.mac = value.try_into().unwrap_or_default(),
            IFLA_PERM_ADDRESS => link.permanent = value.try_into().unwrap_or_default(),
            IFLA_MTU => link.mtu = number(value),
            IFLA_MASTER => link.master = number(value),
            IFLA_LINK => link.parent = number(value),
            IFLA_LINKINFO => parse_info(&mut link, value),
            _ => {}
        }
    }
    Some(link)
}

/// What kind of a made interface it is. A veth is made too, and stands for a NIC in containers and tests.
fn parse_info(link: &mut Link<'_>, info: &[u8]) {
    let mut is_vlan = false;
    for (kind, value) in attributes(info) {
        match kind {
            IFLA_INFO_KIND => {
                let name = value.split(|&byte| byte == 0).next().unwrap_or_default();
                is_vlan = name == b"vlan";
                if !matches!(name, b"veth" | b"tun") {
                    link.kind = Kind::Made;
                }
            }
            IFLA_INFO_DATA if is_vlan => {
                let id = attributes(value).find(|(kind, _)| *kind == IFLA_VLAN_ID);
                link.vlan = id
                    .and_then(|(_, id)| field(id, 0))
                    .map_or(0, u16::from_ne_bytes);
            }
            _ => {}
        }
    }
}

fn number(value: &[u8]) -> u32 {
    field(value, 0).map_or(0, u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_found() {
        let mut socket = RouteSocket::open().unwrap();
        let mut found = None;
        socket
            .links(&mut |link| {
                if link.kind == Kind::Loopback {
                    found = Some((link.index, std::string::String::from(link.name), link.mac));
                }
            })
            .unwrap();
        assert_eq!(found, Some((1, "lo".into(), [0; 6])));
    }

    #[test]
    fn the_kernels_refusal_is_handed_on() {
        let mut socket = RouteSocket::open().unwrap();
        let nowhere = 0x7fff_fff0;
        let refused = |errno| matches!(errno, Errno::NODEV | Errno::PERM);
        assert!(refused(socket.link_up(nowhere).unwrap_err()));
        assert!(refused(socket.link_down(nowhere).unwrap_err()));
        assert!(refused(socket.set_mtu(nowhere, 1500).unwrap_err()));
        assert!(refused(socket.enslave(nowhere, 1).unwrap_err()));
        assert!(refused(socket.remove_link(nowhere).unwrap_err()));
        let too_long = socket.make_bond("0123456789abcdef");
        assert_eq!(too_long, Err(Errno::NAMETOOLONG));
    }
}
