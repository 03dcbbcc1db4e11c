//! The words of the kernel command line that are about the network.
//!
//! `ip=` is the kernel's (Documentation/admin-guide/nfs/nfsroot.rst) with what dracut.cmdline(7) adds to it; `vlan=` and `bond=` are
//! dracut's. A word that cannot be read is told, with why, and is as if it were not there.

use core::net::{IpAddr, Ipv4Addr};

use heapless::Vec;
use preroot_plan::nic::is_interface_name;

use crate::command_line::Words;
use crate::limits::{MEMBERS_OF_BOND_MAX, NET_WORDS_MAX};

/// What the command line says of the network.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NetWords<'a> {
    /// `ip=`, each.
    pub ips: Vec<IpWord<'a>, NET_WORDS_MAX>,
    /// `ip=off`, `ip=none`: no address is set.
    pub is_off: bool,
    /// `vlan=NAME:DEVICE`.
    pub vlans: Vec<VlanWord<'a>, NET_WORDS_MAX>,
    /// `bond=NAME:DEVICE,DEVICE`.
    pub bonds: Vec<BondWord<'a>, NET_WORDS_MAX>,
    /// `preroot.host=NAME`: this machine is that host of the table.
    pub host: Option<&'a str>,
    /// `preroot.port=PORT`: where the rescue sshd listens.
    pub port: Option<u16>,
}

/// One `ip=`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct IpWord<'a> {
    /// The address and its prefix length.
    pub address: Option<(IpAddr, u8)>,
    /// The default gateway.
    pub gateway: Option<IpAddr>,
    /// The host name; empty: not said.
    pub hostname: &'a str,
    /// The interface; empty: the first with a carrier.
    pub device: &'a str,
    /// Whether DHCPv4 is asked.
    pub dhcp: bool,
    /// Its MTU, bytes; 0: as it is.
    pub mtu: u16,
    /// Name servers.
    pub servers: [Option<IpAddr>; 2],
}

/// One `vlan=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VlanWord<'a> {
    /// What it is called; the number at its end is the VLAN's.
    pub name: &'a str,
    /// Its number.
    pub id: u16,
    /// What it is upon.
    pub device: &'a str,
}

/// One `bond=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BondWord<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Its members.
    pub devices: Vec<&'a str, MEMBERS_OF_BOND_MAX>,
    /// Its MTU, bytes; 0: as it is.
    pub mtu: u16,
}

/// Why a word cannot be read, or what of it is not done.
type Why = &'static str;

impl<'a> NetWords<'a> {
    /// Reads a whole command line; what cannot be read is handed to `complain` with why.
    pub(crate) fn parse(line: &'a str, mut complain: impl FnMut(&str, Why)) -> NetWords<'a> {
        let mut words = NetWords::default();
        for word in Words::new(line) {
            // What follows is meant for init (kernel-parameters.txt).
            if word == "--" {
                break;
            }
            let taken = match word.split_once('=') {
                Some((key, value)) => words.take(key, value),
                None => Ok(()),
            };
            if let Err(why) = taken {
                complain(word, why);
            }
        }
        words
    }

    fn take(&mut self, key: &str, value: &'a str) -> Result<(), Why> {
        const MANY: Why = "too many of them";
        match key {
            "ip" if matches!(value, "off" | "none") => self.is_off = true,
            "ip" => {
                let (word, not_done) = ip(value)?;
                self.ips.push(word).map_err(|_| MANY)?;
                return not_done.map_or(Ok(()), Err);
            }
            "vlan" => self.vlans.push(vlan(value)?).map_err(|_| MANY)?,
            "bond" => {
                let (word, not_done) = bond(value)?;
                self.bonds.push(word).map_err(|_| MANY)?;
                return not_done.map_or(Ok(()), Err);
            }
            "preroot.host" if value.is_empty() => return Err("no host is named"),
            "preroot.host" => self.host = Some(value),
            "preroot.port" => match value.parse() {
                Ok(port @ 1..) => self.port = Some(port),
                _ => return Err("not a port"),
            },
            _ => {}
        }
        Ok(())
    }
}

/// `ip=AUTOCONF`, `ip=DEVICE:AUTOCONF[:MTU[:MAC]]` or
/// `ip=CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF[:DNS:DNS:NTP | :MTU[:MAC]]`, and what of it is not done.
fn ip(text: &str) -> Result<(IpWord<'_>, Option<Why>), Why> {
    let mut fields = [""; FIELDS_MAX];
    let count = split(text, &mut fields)?;
    let [
        client,
        server,
        gateway,
        netmask,
        hostname,
        device,
        autoconf,
        rest @ ..,
    ] = fields;
    let mut word = IpWord::default();
    if count == 1 && autoconf_of(client).is_some() {
        let not_done = configure(&mut word, client)?;
        return Ok((word, not_done));
    }
    if is_interface_name(client) && autoconf_of(server).is_some() {
        word.device = client;
        let mut not_done = configure(&mut word, server)?;
        not_done = tail(&mut word, [gateway, netmask, ""])?.or(not_done);
        return Ok((word, not_done));
    }
    if !client.is_empty() {
        let address: IpAddr = client
            .parse()
            .map_err(|_| "the address is none (IPv6 stands in brackets)")?;
        let usable = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
        if !usable {
            return Err("no machine can have this address");
        }
        let prefix = prefix(address, netmask).ok_or("the netmask is none")?;
        word.address = Some((address, prefix));
    }
    if !gateway.is_empty() {
        let gateway: IpAddr = gateway.parse().map_err(|_| "the gateway is no address")?;
        if word
            .address
            .is_some_and(|(address, _)| address.is_ipv4() != gateway.is_ipv4())
        {
            return Err("the gateway is of another family than the address");
        }
        word.gateway = Some(gateway);
    }
    if !device.is_empty() && !is_interface_name(device) {
        return Err("the device is no interface's name");
    }
    (word.hostname, word.device) = (hostname, device);
    let mut not_done = match (autoconf, word.address) {
        // As the kernel: without an address one is asked for.
        ("", None) => configure(&mut word, "on")?,
        ("", Some(_)) => None,
        (how, _) => configure(&mut word, how)?,
    };
    not_done = tail(&mut word, [rest[0], rest[1], rest[2]])?.or(not_done);
    Ok((word, not_done))
}

/// Fields of the longest form, with one that nobody knows.
const FIELDS_MAX: usize = 11;

/// Fields separated by colons, IPv6 addresses in brackets. How many there are.
fn split<'a>(text: &'a str, fields: &mut [&'a str; FIELDS_MAX]) -> Result<usize, Why> {
    let mut rest = text;
    for (number, field) in fields.iter_mut().enumerate() {
        let end;
        if let Some(inner) = rest.strip_prefix('[') {
            let (address, behind) = inner.split_once(']').ok_or("a [ is not closed")?;
            *field = address;
            end = behind;
        } else {
            let (before, _) = rest.split_once(':').unwrap_or((rest, ""));
            *field = before;
            end = rest.get(before.len()..).unwrap_or_default();
        }
        match end.strip_prefix(':') {
            Some(behind) => rest = behind,
            None if end.is_empty() => return Ok(number + 1),
            None => return Err("something stands behind a ]"),
        }
    }
    Err("too many fields (IPv6 stands in brackets)")
}

/// What an autoconf word asks for: whether DHCPv4; and what of it is not done. `None`: it is none.
fn autoconf_of(word: &str) -> Option<(bool, Option<Why>)> {
    Some(match word {
        "dhcp" | "on" | "any" | "single-dhcp" => (true, None),
        // By router advertisements: the kernel's own work.
        "off" | "none" | "auto6" | "link6" | "link-local" => (false, None),
        "dhcp6" => (false, Some("DHCPv6 is not served")),
        "either6" => (
            false,
            Some("DHCPv6 is not served, router advertisements are"),
        ),
        "both" | "bootp" | "rarp" => (true, Some("BOOTP and RARP are not served, DHCP is asked")),
        "ibft" => (false, Some("iBFT is not served")),
        _ => return None,
    })
}

fn configure(word: &mut IpWord<'_>, how: &str) -> Result<Option<Why>, Why> {
    let (dhcp, not_done) = autoconf_of(how).ok_or("the way to configure it is unknown")?;
    word.dhcp = dhcp;
    Ok(not_done)
}

/// What may stand at the end: `MTU:MAC` (dracut) or `DNS:DNS:NTP` (the kernel).
fn tail(word: &mut IpWord<'_>, fields: [&str; 3]) -> Result<Option<Why>, Why> {
    let [first, second, third] = fields;
    if first.bytes().all(|byte| byte.is_ascii_digit()) && !first.is_empty() {
        word.mtu = first.parse().map_err(|_| "the MTU is too large")?;
        let not_done = (!second.is_empty()).then_some("the MAC address is not changed");
        return Ok(not_done);
    }
    for (slot, field) in word.servers.iter_mut().zip([first, second]) {
        if !field.is_empty() {
            *slot = Some(field.parse().map_err(|_| "a name server is no address")?);
        }
    }
    let is_time = third.is_empty() || third.parse::<IpAddr>().is_ok();
    is_time
        .then_some(None)
        .ok_or("the time server is no address")
}

/// A netmask (`255.255.255.0`) or a prefix length; nothing: the class of old, or 64.
fn prefix(address: IpAddr, text: &str) -> Option<u8> {
    let bits_max = if address.is_ipv4() { 32 } else { 128 };
    if let Ok(prefix) = text.parse::<u8>() {
        return (1..=bits_max).contains(&prefix).then_some(prefix);
    }
    match address {
        IpAddr::V6(_) => text.is_empty().then_some(64),
        IpAddr::V4(address) if text.is_empty() => Some(match address.octets()[0] {
            0..128 => 8,
            128..192 => 16,
            _ => 24,
        }),
        IpAddr::V4(_) => {
            let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
            let prefix = mask.leading_ones();
            let is_mask = prefix > 0 && mask.checked_shl(prefix).unwrap_or(0) == 0;
            is_mask.then(|| u8::try_from(prefix).ok())?
        }
    }
}

/// `vlan=NAME:DEVICE`: the number at the end of NAME is the VLAN's (`vlan5`, `vlan0005`, `eth0.5`).
fn vlan(text: &str) -> Result<VlanWord<'_>, Why> {
    let (name, device) = text.split_once(':').ok_or("write vlan=NAME:DEVICE")?;
    if !is_interface_name(name) || !is_interface_name(device) {
        return Err("not the names of interfaces");
    }
    let digits = name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let id = name.get(digits..).unwrap_or_default().parse();
    match id {
        Ok(id @ 1..=preroot_plan::limits::VLAN_MAX) => Ok(VlanWord { name, id, device }),
        _ => Err("its name does not end with the number of a VLAN, 1 to 4094"),
    }
}

/// `bond=NAME[:DEVICE,DEVICE[:OPTIONS[:MTU]]]`, and what of it is not done.
fn bond(text: &str) -> Result<(BondWord<'_>, Option<Why>), Why> {
    let mut parts = text.split(':');
    let name = parts
        .next()
        .filter(|name| !name.is_empty())
        .unwrap_or("bond0");
    let members = parts
        .next()
        .filter(|list| !list.is_empty())
        .unwrap_or("eth0,eth1");
    let options = parts.next().unwrap_or_default();
    let mtu = match parts.next().unwrap_or_default() {
        "" => 0,
        mtu => mtu.parse().map_err(|_| "the MTU is none")?,
    };
    let mut devices = Vec::new();
    for device in members.split(',') {
        if !is_interface_name(device) {
            return Err("its members are not the names of interfaces");
        }
        devices
            .push(device)
            .map_err(|_| "it has too many members")?;
    }
    if !is_interface_name(name) || parts.next().is_some() {
        return Err("write bond=NAME:DEVICE,DEVICE:OPTIONS:MTU");
    }
    let is_done = options.split(',').all(|option| {
        matches!(option, "" | "mode=active-backup" | "mode=1") || option.starts_with("miimon=")
    });
    let not_done = (!is_done || options.is_empty()).then_some("it is made active-backup");
    Ok((BondWord { name, devices, mtu }, not_done))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::{String, ToString};

    /// What is read of one line, and what is complained of.
    fn parse(line: &str) -> (NetWords<'_>, std::vec::Vec<(String, Why)>) {
        let mut complaints = std::vec::Vec::new();
        let words = NetWords::parse(line, |word, why| complaints.push((word.to_string(), why)));
        (words, complaints)
    }

    #[test]
    fn ip_is_read_as_the_kernel_and_dracut_read_it() {
        let check = |value: &str, expected: IpWord<'_>| {
            let line = std::format!("quiet ip={value}");
            let (words, complaints) = parse(&line);
            assert_eq!(words.ips.as_slice(), [expected], "{value}");
            assert_eq!(complaints, [], "{value}");
        };
        let none = IpWord::default();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let four = IpWord {
            address: Some((ip("192.0.2.2"), 24)),
            gateway: Some(ip("192.0.2.1")),
            hostname: "db1",
            device: "eth0",
            ..none
        };
        check("192.0.2.2::192.0.2.1:255.255.255.0:db1:eth0:off", four);
        check("192.0.2.2:192.0.2.9:192.0.2.1:24:db1:eth0:none:", four);
        check("192.0.2.2::192.0.2.1:24:db1:eth0", four);
        let whole = IpWord {
            servers: [Some(ip("192.0.2.3")), Some(ip("2001:db8::3"))],
            ..four
        };
        check(
            "192.0.2.2::192.0.2.1:24:db1:eth0:off:192.0.2.3:[2001:db8::3]:192.0.2.4",
            whole,
        );
        let sized = IpWord { mtu: 9000, ..four };
        check("192.0.2.2::192.0.2.1:24:db1:eth0:off:9000", sized);
        let six = IpWord {
            address: Some((ip("2001:db8::2"), 64)),
            gateway: Some(ip("2001:db8::1")),
            ..none
        };
        check("[2001:db8::2]::[2001:db8::1]:64", six);
        check("[2001:db8::2]::[2001:db8::1]", six);
        let classful = IpWord {
            address: Some((ip("10.0.0.1"), 8)),
            ..none
        };
        check("10.0.0.1", classful);
        let dhcp = IpWord { dhcp: true, ..none };
        for value in ["dhcp", "on", "any", "::::::dhcp", ":::::", "single-dhcp"] {
            check(value, dhcp);
        }
        let on_device = IpWord {
            device: "eth1",
            ..dhcp
        };
        check("eth1:dhcp", on_device);
        check(":::::eth1:dhcp", on_device);
        check(
            "eth1:on:1400",
            IpWord {
                mtu: 1400,
                ..on_device
            },
        );
        check(
            "eth1:auto6",
            IpWord {
                dhcp: false,
                ..on_device
            },
        );
        let named = IpWord {
            hostname: "db1",
            ..on_device
        };
        check("::::db1:eth1:dhcp", named);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_leaves_the_rest() {
        let check = |word: &str, expected: Why| {
            let line = std::format!("{word} ip=10.0.0.1");
            let (words, complaints) = parse(&line);
            assert_eq!(complaints, [(word.to_string(), expected)]);
            assert_eq!(words.ips.len(), 1, "{word}");
            assert!(words.vlans.is_empty() && words.bonds.is_empty(), "{word}");
        };
        let none = "the address is none (IPv6 stands in brackets)";
        check("ip=1.2.3", none);
        check("ip=2001:db8::2", none);
        check("ip=0.0.0.0", "no machine can have this address");
        check("ip=224.0.0.1", "no machine can have this address");
        check("ip=192.0.2.2:::255.0.255.0", "the netmask is none");
        check("ip=192.0.2.2:::33", "the netmask is none");
        check("ip=192.0.2.2:::0", "the netmask is none");
        check("ip=192.0.2.2::x:24", "the gateway is no address");
        let family = "the gateway is of another family than the address";
        check("ip=192.0.2.2::[fe80::1]:24", family);
        check(
            "ip=192.0.2.2:::24::a/b",
            "the device is no interface's name",
        );
        check(
            "ip=192.0.2.2:::24::eth0:soon",
            "the way to configure it is unknown",
        );
        check(
            "ip=192.0.2.2:::24::eth0:off:x",
            "a name server is no address",
        );
        check(
            "ip=192.0.2.2:::24::eth0:off:::x",
            "the time server is no address",
        );
        check("ip=192.0.2.2:::24::eth0:off:99999", "the MTU is too large");
        check("ip=[2001:db8::2", "a [ is not closed");
        check("ip=[2001:db8::2]x", "something stands behind a ]");
        check(
            "ip=1:2:3:4:5:6:7:8:9:10:11:12",
            "too many fields (IPv6 stands in brackets)",
        );
        check("vlan=eth0", "write vlan=NAME:DEVICE");
        check(
            "vlan=lan:eth0",
            "its name does not end with the number of a VLAN, 1 to 4094",
        );
        check(
            "vlan=vlan4095:eth0",
            "its name does not end with the number of a VLAN, 1 to 4094",
        );
        check("vlan=a/5:eth0", "not the names of interfaces");
        check(
            "bond=b0:eth0,",
            "its members are not the names of interfaces",
        );
        check(
            "bond=b0:eth0::1:2",
            "write bond=NAME:DEVICE,DEVICE:OPTIONS:MTU",
        );
        check("bond=b0:eth0::x", "the MTU is none");
        check("preroot.port=0", "not a port");
        check("preroot.port=ssh", "not a port");
        check("preroot.host=", "no host is named");
    }

    #[test]
    fn what_is_not_served_is_told_and_the_rest_of_the_word_is_done() {
        let check = |word: &str, dhcp: bool, expected: Why| {
            let (words, complaints) = parse(word);
            assert_eq!(complaints, [(word.to_string(), expected)]);
            assert_eq!(words.ips[0].dhcp, dhcp, "{word}");
        };
        check("ip=dhcp6", false, "DHCPv6 is not served");
        check(
            "ip=eth0:bootp",
            true,
            "BOOTP and RARP are not served, DHCP is asked",
        );
        check("ip=ibft", false, "iBFT is not served");
        let mac = "ip=192.0.2.2:::24::eth0:off:1500:52:54";
        check(mac, false, "the MAC address is not changed");
    }

    #[test]
    fn bonds_have_dracuts_defaults() {
        let check = |value: &str, name: &str, devices: &[&str], mtu: u16| {
            let line = std::format!("bond={value}");
            let (words, _) = parse(&line);
            let bond = &words.bonds[0];
            assert_eq!((bond.name, bond.mtu), (name, mtu), "{value}");
            assert_eq!(bond.devices.as_slice(), devices, "{value}");
        };
        check("", "bond0", &["eth0", "eth1"], 0);
        check("b7", "b7", &["eth0", "eth1"], 0);
        check(
            "b7:a,b,c:mode=active-backup,miimon=50:9000",
            "b7",
            &["a", "b", "c"],
            9000,
        );
    }
}
