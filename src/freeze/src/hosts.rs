//! The machines of a config: what they are known by, their addresses and gateways.
//!
//! Every gateway must be reachable through one of the host's own addresses: at boot it is set as a
//! route of that address, and the kernel would refuse any other.

use std::net::{IpAddr, Ipv6Addr};

use preroot_plan::limits::ADDRESSES_PER_HOST_MAX;
use preroot_plan::{Address, DraftHost, DraftInterface, HostKey, nic};
use toml::Spanned;

use crate::check::Check;
use crate::raw_config::RawHost;

/// Checks the `[[host]]` tables.
pub(crate) fn hosts(check: &mut Check<'_>, raw: &[Spanned<RawHost>]) -> Vec<DraftHost> {
    let hosts: Vec<DraftHost> = raw.iter().filter_map(|host| one(check, host)).collect();
    let words = raw
        .iter()
        .filter_map(|host| host.get_ref().r#match.as_ref());
    let keys = words.map(|word| (word.get_ref().to_ascii_lowercase(), word));
    check.unique(keys, "give each host a match of its own");
    hosts
}

fn one(check: &mut Check<'_>, at: &Spanned<RawHost>) -> Option<DraftHost> {
    let raw = at.get_ref();
    let remedy = "write match = \"mac=52:54:00:12:34:56\" or match = \"first-carrier\"";
    let Some(word) = &raw.r#match else {
        check.wrong(at, "a host without a match".into(), remedy);
        return None;
    };
    let Some(key) = key(word.get_ref()) else {
        check.wrong(
            word,
            format!("\"{}\" matches no host", word.get_ref()),
            remedy,
        );
        return None;
    };
    let hostname = raw.hostname.as_ref().map_or("", |name| name.get_ref());
    if let Some(name) = raw.hostname.as_ref().filter(|_| !is_hostname(hostname)) {
        let remedy = "use up to 64 letters, digits, - and .";
        check.wrong(name, format!("\"{hostname}\" is not a host name"), remedy);
    }
    if raw.addresses.len() > ADDRESSES_PER_HOST_MAX {
        let text = format!("more than {ADDRESSES_PER_HOST_MAX} addresses");
        check.wrong(at, text, "leave out what the boot does not need");
    }
    let mut addresses: Vec<Address> = raw
        .addresses
        .iter()
        .filter_map(|word| address(check, word))
        .collect();
    for gateway in &raw.gateways {
        set_gateway(check, gateway, &mut addresses);
    }
    let (macs, matches) = match key {
        Key::Mac(mac) => (vec![mac], Vec::new()),
        Key::Any => (Vec::new(), vec![(HostKey::Any, String::new())]),
    };
    let interface = DraftInterface {
        addresses,
        ..DraftInterface::default()
    };
    Some(DraftHost {
        macs,
        matches,
        hostname: hostname.to_string(),
        port: 0,
        interfaces: vec![interface],
    })
}

/// What a host is known by.
enum Key {
    Mac([u8; 6]),
    Any,
}

fn key(text: &str) -> Option<Key> {
    if text == "first-carrier" {
        return Some(Key::Any);
    }
    let mac = text.strip_prefix("mac=")?.to_ascii_lowercase();
    nic::mac(&mac).map(Key::Mac)
}

fn is_hostname(name: &str) -> bool {
    let good = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    name.len() <= 64 && name.split('.').all(good)
}

fn address(check: &mut Check<'_>, word: &Spanned<String>) -> Option<Address> {
    let text = word.get_ref();
    let parsed = text.split_once('/').and_then(|(ip, prefix)| {
        let ip: IpAddr = ip.parse().ok()?;
        let prefix: u8 = prefix.parse().ok()?;
        let bits = if ip.is_ipv4() { 32 } else { 128 };
        let usable = !ip.is_unspecified() && !ip.is_multicast() && !ip.is_loopback();
        (prefix > 0 && prefix <= bits && usable).then_some((ip, prefix))
    });
    let Some((ip, prefix)) = parsed else {
        let remedy = "write address/prefix: 192.0.2.10/24, 2001:db8::10/64";
        check.wrong(
            word,
            format!("\"{text}\" is not an address of a host"),
            remedy,
        );
        return None;
    };
    Some(Address {
        ip,
        prefix,
        gateway: None,
    })
}

/// A gateway goes with the first address whose subnet holds it; a link-local one with the first
/// IPv6 address.
fn set_gateway(check: &mut Check<'_>, word: &Spanned<String>, addresses: &mut [Address]) {
    let text = word.get_ref();
    let Ok(gateway) = text.parse::<IpAddr>() else {
        let text = format!("\"{text}\" is not an address");
        check.wrong(word, text, "write the gateway's address without a prefix");
        return;
    };
    let same_family = |address: &Address| address.ip.is_ipv4() == gateway.is_ipv4();
    if addresses
        .iter()
        .any(|address| same_family(address) && address.gateway.is_some())
    {
        let text = format!("\"{text}\" is a second gateway of its family");
        check.wrong(word, text, "keep one gateway for IPv4 and one for IPv6");
        return;
    }
    let reaches = |address: &&mut Address| {
        same_family(address)
            && address.ip != gateway
            && (is_link_local(gateway)
                || subnet(address.ip, address.prefix) == subnet(gateway, address.prefix))
    };
    match addresses.iter_mut().find(reaches) {
        Some(address) => address.gateway = Some(gateway),
        None => {
            let text =
                format!("gateway \"{text}\" is in the subnet of none of the host's addresses");
            check.wrong(
                word,
                text,
                "correct the gateway, or the address and its prefix",
            );
        }
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// The bits of an address that its prefix covers.
fn subnet(ip: IpAddr, prefix: u8) -> Option<u128> {
    let (bits, width) = match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (Ipv6Addr::to_bits(ip), 128),
    };
    bits.checked_shr(width - u32::from(prefix).min(width))
        .or(Some(0))
}
