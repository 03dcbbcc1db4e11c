//! Addresses and gateways: which an interface can have, and which address a gateway goes with.
//!
//! A gateway is set as a route of one of the interface's own addresses: it lies in that one's subnet, or it is link-local
//! (IPv6), or the address has no subnet (/32, /128) and the gateway is on the link all the same.

use std::net::{IpAddr, Ipv6Addr};

use preroot_plan::Address;

use crate::hosts::spelling::Wrong;

/// An address with its prefix length.
pub(crate) fn address(text: &str) -> Result<Address, Wrong> {
    let (ip, prefix) = text.split_once('/').unwrap_or((text, ""));
    let not_one = (
        "is not an address of a host",
        "write address/prefix: 192.0.2.10/24, 2001:db8::10/64",
    );
    let ip: IpAddr = ip.parse().map_err(|_| not_one)?;
    let prefix = prefix.parse().ok().filter(|_| !prefix.starts_with('+'));
    let prefix: u8 = prefix.ok_or(not_one)?;
    if !(1..=bits(ip)).contains(&prefix) || !is_host(ip) {
        return Err(not_one);
    }
    if is_end(ip, ip, prefix) {
        return Err((
            "is the first or last address of its own subnet, which no host can have",
            "correct the address, or its prefix length",
        ));
    }
    Ok(Address {
        ip,
        prefix,
        gateway: None,
    })
}

/// Gives a gateway to the address that it is reached through.
pub(crate) fn set_gateway(text: &str, addresses: &mut [Address]) -> Result<(), Wrong> {
    let not_one = (
        "is not an address of a gateway",
        "write the gateway's address without a prefix length",
    );
    let gateway: IpAddr = text.parse().map_err(|_| not_one)?;
    if !is_host(gateway) {
        return Err(not_one);
    }
    if addresses.iter().any(|address| address.ip == gateway) {
        return Err((
            "is the host's own address",
            "write the address of its router",
        ));
    }
    let same_family = |address: &&mut Address| address.ip.is_ipv4() == gateway.is_ipv4();
    let mut own = addresses.iter_mut().filter(same_family);
    let holds =
        |address: &Address| subnet(address.ip, address.prefix) == subnet(gateway, address.prefix);
    let reached = if is_link_local(gateway) {
        own.next()
    } else {
        let mut own: Vec<&mut Address> = own.collect();
        let at = own.iter().position(|address| holds(address));
        let at = at.or_else(|| own.iter().position(|it| it.prefix == bits(it.ip)));
        at.map(|at| own.swap_remove(at))
    };
    let Some(address) = reached else {
        return Err((
            "is in the subnet of none of the interface's addresses",
            "correct the gateway, or the address and its prefix length",
        ));
    };
    if is_end(gateway, address.ip, address.prefix) {
        return Err((
            "is the first or last address of its subnet, which no router can have",
            "correct the gateway, or the prefix length of the address",
        ));
    }
    address.gateway = Some(gateway);
    Ok(())
}

/// Whether it is one on this link alone: the same one may stand on other links.
pub(crate) fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Whether a host can have it: as the plan's own check has it, and none that stands for an IPv4 address.
fn is_host(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !matches!(ip.octets()[0], 0 | 127 | 224..),
        IpAddr::V6(ip) => {
            ip.octets()[..15] != [0; 15] && !ip.is_multicast() && ip.to_ipv4_mapped().is_none()
        }
    }
}

/// Whether it is the number of an IPv4 subnet or its broadcast address; one of two addresses has neither (RFC 3021).
fn is_end(ip: IpAddr, of: IpAddr, prefix: u8) -> bool {
    let (IpAddr::V4(ip), IpAddr::V4(_)) = (ip, of) else {
        return false;
    };
    let rest = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    prefix <= 30 && (ip.to_bits() & rest == 0 || ip.to_bits() & rest == rest)
}

fn bits(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// The bits of an address that its prefix covers.
fn subnet(ip: IpAddr, prefix: u8) -> u128 {
    let value = match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => Ipv6Addr::to_bits(ip),
    };
    value.checked_shr(u32::from(bits(ip) - prefix)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_a_host() {
        let check = |text: &str, expected: bool| {
            assert_eq!(address(text).is_ok(), expected, "{text}");
        };
        for good in [
            "192.0.2.1/24",
            "192.0.2.1/32",
            "192.0.2.0/31",
            "2001:db8::1/64",
            "2001:db8::/127",
            "fe80::1/64",
            "169.254.1.1/16",
            "10.0.255.255/8",
        ] {
            check(good, true);
        }
        for bad in [
            "",
            "192.0.2.1",
            "192.0.2.1/",
            "192.0.2.1/33",
            "192.0.2.1/0",
            "192.0.2.1/+24",
            "192.0.2.0/24",
            "192.0.2.255/24",
            "224.0.0.1/24",
            "127.0.0.1/8",
            "0.0.0.1/8",
            "255.255.255.255/32",
            "::1/128",
            "::/64",
            "ff02::1/64",
            "::ffff:192.0.2.1/128",
            "2001:db8::1/129",
            "192.0.2.01/24",
            "host/24",
            "192.0.2.1/24/24",
        ] {
            check(bad, false);
        }
    }

    #[test]
    fn a_gateway_goes_with_the_address_that_reaches_it() {
        let check = |addresses: &[&str], gateway: &str, expected: Option<usize>| {
            let addresses = addresses.iter().map(|text| address(text).expect(text));
            let mut addresses: Vec<Address> = addresses.collect();
            let is_set = set_gateway(gateway, &mut addresses).is_ok();
            let at = addresses
                .iter()
                .position(|address| address.gateway.is_some());
            assert_eq!((is_set, at), (expected.is_some(), expected), "{gateway}");
        };
        let both = ["192.0.2.10/24", "2001:db8::10/64"];
        check(&both, "192.0.2.1", Some(0));
        check(&both, "2001:db8::1", Some(1));
        check(&both, "fe80::1", Some(1));
        check(&both, "198.51.100.1", None);
        check(&both, "192.0.2.10", None);
        check(&both, "192.0.2.255", None);
        check(&both, "192.0.2.0", None);
        check(&both, "192.0.2.1/24", None);
        check(&both, "router", None);
        check(
            &["192.0.2.10/24", "198.51.100.7/25"],
            "198.51.100.1",
            Some(1),
        );
        check(&["203.0.113.7/32"], "192.0.2.1", Some(0));
        check(&["203.0.113.7/32", "192.0.2.10/24"], "192.0.2.1", Some(1));
        check(&["192.0.2.0/31"], "192.0.2.1", Some(0));
        check(&["2001:db8::1/128"], "2001:db9::1", Some(0));
        check(&["192.0.2.10/24"], "fe80::1", None);
        check(&[], "192.0.2.1", None);
    }
}
