//! Interfaces, addresses and routes: rtnetlink(7).

use core::net::IpAddr;

use linux_raw_sys::net::{AF_INET, AF_INET6};
use linux_raw_sys::netlink::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

use super::message::{Message, Request, attributes, field, messages};

// linux/if_arp.h, linux/if_link.h, linux/if_addr.h, linux/rtnetlink.h: types, attributes and flags.
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const ARPHRD_ETHER: u32 = 1;
const ARPHRD_LOOPBACK: u32 = 772;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_EXT_MASK: u16 = 29;
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;
const IFF_UP: u32 = 1;
const IFF_LOWER_UP: u32 = 1 << 16;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_F_NODAD: u8 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTNH_F_ONLINK: u32 = 4;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RTN_UNICAST: u8 = 1;
const RTMGRP_LINK: u32 = 1;

/// Bytes of `struct ifinfomsg`.
const LINK_BYTES: usize = 16;
/// Bytes of one receive. A dump comes in parts of at most 4 KiB unless the reader asks for more.
const RECEIVE_BYTES: usize = 8192;
/// Receives of one request. A machine with thousands of interfaces needs some hundred.
const RECEIVES_MAX: usize = 1024;

/// What an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ARPHRD_LOOPBACK.
    Loopback,
    /// ARPHRD_ETHER.
    Ethernet,
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
    /// What it is.
    pub kind: Kind,
    /// Whether it is connected.
    pub carrier: Carrier,
}

/// `socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)` bound to RTMGRP_LINK: readable when an interface has come, gone
/// or changed. [rtnetlink(7)](https://man7.org/linux/man-pages/man7/rtnetlink.7.html)
///
/// # Errors
/// As socket(2) and bind(2).
pub fn link_news() -> Result<OwnedFd, Errno> {
    let socket = open()?;
    bind(&socket, &SocketAddrNetlink::new(0, RTMGRP_LINK))?;
    Ok(socket)
}

fn open() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // NETLINK_ROUTE is 0, which rustix spells as no protocol.
    socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)
}

/// A socket for requests.
#[derive(Debug)]
pub struct RouteSocket {
    socket: OwnedFd,
    sequence: u32,
}

impl RouteSocket {
    /// `socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)`.
    /// [rtnetlink(7)](https://man7.org/linux/man-pages/man7/rtnetlink.7.html)
    ///
    /// # Errors
    /// As socket(2).
    pub fn open() -> Result<RouteSocket, Errno> {
        Ok(RouteSocket {
            socket: open()?,
            sequence: 0,
        })
    }

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
        let mut request = self.request(RTM_NEWLINK, NLM_F_ACK);
        request
            .put(&[0; 4]) // family, padding, type
            .put(&index.to_ne_bytes())
            .put(&IFF_UP.to_ne_bytes()) // flags
            .put(&IFF_UP.to_ne_bytes()); // which of them change
        self.ask(&mut request, &mut |_| {})
    }

    /// RTM_NEWADDR; for IPv6 with IFA_F_NODAD, so that it can be used at once. One that is there is fine.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn add_address(&mut self, index: u32, ip: IpAddr, prefix: u8) -> Result<(), Errno> {
        let mut request = self.request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        let flags = if ip.is_ipv6() { IFA_F_NODAD } else { 0 };
        request
            .put(&[family(ip), prefix, flags, 0]) // scope: universe
            .put(&index.to_ne_bytes());
        match ip {
            IpAddr::V4(v4) => {
                let octets = v4.octets();
                request
                    .attribute(IFA_LOCAL, &octets)
                    .attribute(IFA_ADDRESS, &octets);
                if prefix < 31 {
                    let host_bits = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
                    let broadcast = (v4.to_bits() | host_bits).to_be_bytes();
                    request.attribute(IFA_BROADCAST, &broadcast);
                }
            }
            IpAddr::V6(v6) => {
                let octets = v6.octets();
                request
                    .attribute(IFA_LOCAL, &octets)
                    .attribute(IFA_ADDRESS, &octets);
            }
        }
        there_is_fine(self.ask(&mut request, &mut |_| {}))
    }

    /// RTM_NEWROUTE: a default route. A gateway outside every prefix of the interface (a /32 at a hosting
    /// company) is taken to be on its link. A default route that is there is fine.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn add_route(&mut self, index: u32, gateway: IpAddr) -> Result<(), Errno> {
        match self.add_route_with(index, gateway, 0) {
            Err(Errno::NETUNREACH | Errno::HOSTUNREACH) => {
                self.add_route_with(index, gateway, RTNH_F_ONLINK)
            }
            done => done,
        }
    }

    fn add_route_with(&mut self, index: u32, gateway: IpAddr, flags: u32) -> Result<(), Errno> {
        let mut request = self.request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        request
            .put(&[family(gateway), 0, 0, 0]) // destination and source of no bits, no TOS
            .put(&[RT_TABLE_MAIN, RTPROT_STATIC, 0, RTN_UNICAST]) // scope: universe
            .put(&flags.to_ne_bytes());
        match gateway {
            IpAddr::V4(v4) => request.attribute(RTA_GATEWAY, &v4.octets()),
            IpAddr::V6(v6) => request.attribute(RTA_GATEWAY, &v6.octets()),
        };
        request.attribute(RTA_OIF, &index.to_ne_bytes());
        there_is_fine(self.ask(&mut request, &mut |_| {}))
    }

    fn request(&mut self, kind: u16, flags: u32) -> Request {
        self.sequence = self.sequence.wrapping_add(1);
        let flags = u16::try_from(NLM_F_REQUEST | flags).unwrap_or_default();
        Request::new(kind, flags, self.sequence)
    }

    /// Sends a request and reads answers up to its ACK, its error or the end of its dump.
    fn ask(&self, request: &mut Request, each: &mut dyn FnMut(&Message<'_>)) -> Result<(), Errno> {
        send(&self.socket, request.finish(), SendFlags::empty())?;
        let mut buffer = [0; RECEIVE_BYTES];
        for _ in 0..RECEIVES_MAX {
            let (length, _) =
                recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT).map_err(|errno| {
                    if errno == Errno::AGAIN {
                        Errno::IO
                    } else {
                        errno
                    }
                })?;
            let received = buffer.get(..length).unwrap_or_default();
            // What is left of an earlier request that failed half-way is passed over.
            for message in messages(received).filter(|m| m.sequence == self.sequence) {
                match u32::from(message.kind) {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => return acknowledgement(message.body),
                    _ => each(&message),
                }
            }
        }
        Err(Errno::IO)
    }
}

fn acknowledgement(body: &[u8]) -> Result<(), Errno> {
    match field(body, 0).map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(negative) => Err(Errno::from_raw_os_error(negative.saturating_neg())),
        None => Err(Errno::IO),
    }
}

fn there_is_fine(answer: Result<(), Errno>) -> Result<(), Errno> {
    match answer {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

fn family(ip: IpAddr) -> u8 {
    let family = if ip.is_ipv6() { AF_INET6 } else { AF_INET };
    u8::try_from(family).unwrap_or_default()
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
            _ => {}
        }
    }
    Some(link)
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
        let ip = IpAddr::from([192, 0, 2, 1]);
        assert!(refused(socket.add_address(nowhere, ip, 24).unwrap_err()));
        assert!(refused(socket.add_route(nowhere, ip).unwrap_err()));
    }
}
