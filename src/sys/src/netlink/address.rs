//! Addresses and default routes: rtnetlink(7), RTM_*ADDR and RTM_*ROUTE.

use core::net::{IpAddr, Ipv6Addr};

use linux_raw_sys::net::{AF_INET, AF_INET6};
use linux_raw_sys::netlink::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE};
use rustix::io::Errno;

use super::message::{Message, Request, attributes, field};
use super::route::RouteSocket;

// linux/if_addr.h, linux/rtnetlink.h: types, attributes and flags.
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_GETADDR: u16 = 22;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const IFA_CACHEINFO: u16 = 6;
const IFA_F_OPTIMISTIC: u8 = 4;
const IFA_F_DADFAILED: u8 = 8;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTNH_F_ONLINK: u32 = 4;
const RT_SCOPE_UNIVERSE: u8 = 0;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RTN_UNICAST: u8 = 1;

/// Bytes of `struct ifaddrmsg`.
const ADDRESS_BYTES: usize = 8;

/// How long an address is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is removed.
    Forever,
    /// So many seconds from now; then the kernel removes it.
    Seconds(u32),
}

/// An address that an interface has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The interface.
    pub index: u32,
    /// The address.
    pub ip: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
    /// What it is good for.
    pub reach: Reach,
    /// Another machine has it too (IFA_F_DADFAILED): the kernel does not use it.
    pub is_duplicate: bool,
}

/// What an address is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everywhere (RT_SCOPE_UNIVERSE, and site).
    Global,
    /// Its own link or machine.
    Link,
}

impl RouteSocket {
    /// RTM_GETADDR with NLM_F_DUMP: hands every address to `each`.
    ///
    /// # Errors
    /// What the kernel answers; `EIO` when it does not.
    pub fn addresses(&mut self, each: &mut dyn FnMut(&Address)) -> Result<(), Errno> {
        let mut request = self.request(RTM_GETADDR, NLM_F_DUMP);
        request.put(&[0; ADDRESS_BYTES]);
        self.ask(&mut request, &mut |message| {
            if let Some(address) = parse_address(message) {
                each(&address);
            }
        })
    }

    /// RTM_NEWADDR; for IPv6 with IFA_F_OPTIMISTIC, so that it can be used at once while the kernel looks whether anybody
    /// else has it (RFC 4429; where `net.ipv6.conf.all.optimistic_dad` is not set, it is used after that). One that is
    /// there is fine, and gets this lifetime.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn add_address(
        &mut self,
        index: u32,
        ip: IpAddr,
        prefix: u8,
        lifetime: Lifetime,
    ) -> Result<(), Errno> {
        let how = match lifetime {
            Lifetime::Forever => NLM_F_EXCL,
            Lifetime::Seconds(_) => NLM_F_REPLACE,
        };
        let mut request = self.request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | how);
        let flags = if ip.is_ipv6() { IFA_F_OPTIMISTIC } else { 0 };
        put_address(&mut request, index, ip, prefix, flags);
        if let IpAddr::V4(v4) = ip
            && prefix < 31
        {
            let host_bits = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
            let broadcast = (v4.to_bits() | host_bits).to_be_bytes();
            request.attribute(IFA_BROADCAST, &broadcast);
        }
        if let Lifetime::Seconds(seconds) = lifetime {
            let mut cache = [0; 16]; // preferred, valid, and two moments that are the kernel's to set
            for half in cache.chunks_exact_mut(4).take(2) {
                half.copy_from_slice(&seconds.to_ne_bytes());
            }
            request.attribute(IFA_CACHEINFO, &cache);
        }
        there_is_fine(self.ask(&mut request, &mut |_| {}))
    }

    /// RTM_DELADDR.
    ///
    /// # Errors
    /// `EADDRNOTAVAIL` when it is not there; else what the kernel answers.
    pub fn remove_address(&mut self, index: u32, ip: IpAddr, prefix: u8) -> Result<(), Errno> {
        let mut request = self.request(RTM_DELADDR, NLM_F_ACK);
        put_address(&mut request, index, ip, prefix, 0);
        self.ask(&mut request, &mut |_| {})
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
        put_route(&mut request, index, gateway, flags);
        there_is_fine(self.ask(&mut request, &mut |_| {}))
    }

    /// RTM_DELROUTE: the default route through this gateway.
    ///
    /// # Errors
    /// `ESRCH` when it is not there; else what the kernel answers.
    pub fn remove_route(&mut self, index: u32, gateway: IpAddr) -> Result<(), Errno> {
        let mut request = self.request(RTM_DELROUTE, NLM_F_ACK);
        put_route(&mut request, index, gateway, 0);
        self.ask(&mut request, &mut |_| {})
    }
}

/// `struct ifaddrmsg` and the address.
fn put_address(request: &mut Request, index: u32, ip: IpAddr, prefix: u8, flags: u8) {
    request
        .put(&[family(ip), prefix, flags, RT_SCOPE_UNIVERSE])
        .put(&index.to_ne_bytes());
    put_ip(request, IFA_LOCAL, ip);
    put_ip(request, IFA_ADDRESS, ip);
}

/// `struct rtmsg` of a default route.
fn put_route(request: &mut Request, index: u32, gateway: IpAddr, flags: u32) {
    request
        .put(&[family(gateway), 0, 0, 0]) // destination and source of no bits, no TOS
        .put(&[RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RTN_UNICAST])
        .put(&flags.to_ne_bytes());
    put_ip(request, RTA_GATEWAY, gateway);
    request.attribute(RTA_OIF, &index.to_ne_bytes());
}

fn put_ip(request: &mut Request, kind: u16, ip: IpAddr) {
    match ip {
        IpAddr::V4(v4) => request.attribute(kind, &v4.octets()),
        IpAddr::V6(v6) => request.attribute(kind, &v6.octets()),
    };
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

fn parse_address(message: &Message<'_>) -> Option<Address> {
    if message.kind != RTM_NEWADDR {
        return None;
    }
    let [family, prefix, flags, scope] = field(message.body, 0)?;
    let index = u32::from_ne_bytes(field(message.body, 4)?);
    let mut ip = None;
    for (kind, value) in attributes(message.body.get(ADDRESS_BYTES..)?) {
        // IPv6 has only IFA_ADDRESS; of a point-to-point IPv4 one that is the peer's.
        if kind == IFA_LOCAL || (kind == IFA_ADDRESS && ip.is_none()) {
            ip = match u32::from(family) {
                AF_INET => field::<4>(value, 0).map(IpAddr::from),
                AF_INET6 => field::<16>(value, 0).map(|octets| Ipv6Addr::from(octets).into()),
                _ => None,
            };
        }
    }
    Some(Address {
        index,
        ip: ip?,
        prefix,
        // RT_SCOPE_SITE is 200, RT_SCOPE_LINK 253.
        reach: if scope <= 200 {
            Reach::Global
        } else {
            Reach::Link
        },
        is_duplicate: flags & IFA_F_DADFAILED != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_listed() {
        let mut socket = RouteSocket::open().unwrap();
        let mut request = Request::new(RTM_NEWADDR, 0, 1);
        let ip = IpAddr::from([192, 0, 2, 1]);
        put_address(&mut request, 7, ip, 24, IFA_F_DADFAILED);
        let bytes = request.finish();
        let message = super::super::message::messages(bytes).next().unwrap();
        let expected = Address {
            index: 7,
            ip,
            prefix: 24,
            reach: Reach::Global,
            is_duplicate: true,
        };
        assert_eq!(parse_address(&message), Some(expected));
        socket
            .addresses(&mut |address| assert!(address.index > 0))
            .unwrap();
    }

    #[test]
    fn the_kernels_refusal_is_handed_on() {
        let mut socket = RouteSocket::open().unwrap();
        let nowhere = 0x7fff_fff0;
        let refused = |errno| matches!(errno, Errno::NODEV | Errno::PERM | Errno::ADDRNOTAVAIL);
        let ip = IpAddr::from([192, 0, 2, 1]);
        let added = socket.add_address(nowhere, ip, 24, Lifetime::Forever);
        assert!(refused(added.unwrap_err()));
        assert!(refused(socket.remove_address(nowhere, ip, 24).unwrap_err()));
        assert!(refused(socket.add_route(nowhere, ip).unwrap_err()));
        let removed = socket.remove_route(nowhere, ip).unwrap_err();
        assert!(refused(removed) || removed == Errno::SRCH);
    }
}
