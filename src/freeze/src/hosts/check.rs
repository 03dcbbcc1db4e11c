//! One host: each of its values is one that a boot can set, and its interfaces are not in each other's way.

use preroot_plan::limits::{
    ADDRESSES_PER_HOST_MAX, INTERFACE_NAME_BYTES_MAX, INTERFACES_PER_HOST_MAX, MTU_BYTES_MIN,
    NICS_PER_INTERFACE_MAX, VLAN_MAX,
};
use preroot_plan::{Address, Bond, Dhcp, DraftHost, DraftInterface, HostKey, nic};

use crate::hosts::asked::{Asked, AskedHost, AskedInterface};
use crate::hosts::spelling::{self, Wrong};
use crate::hosts::{address, whole::Whole};
use crate::message::Messages;

/// The least MTU of IPv6 (RFC 8200, section 5); below it Linux takes IPv6 from an interface.
const IPV6_MTU_BYTES_MIN: u16 = 1280;
/// What bonds are called unless it is said, with their number in the host.
const BOND: &str = "bond";

/// Checks a host, and remembers in `whole` what no other host may have.
pub(crate) fn host(
    asked: &AskedHost,
    whole: &mut Whole,
    messages: &mut Messages,
) -> Option<DraftHost> {
    let mut host = Host {
        asked,
        whole,
        messages,
        draft: DraftHost::default(),
    };
    host.matches();
    host.hostname();
    host.port();
    for interface in &asked.interfaces {
        let interface = host.interface(interface);
        host.draft.interfaces.push(interface);
    }
    host.names_of_bonds();
    host.nics();
    host.counts();
    (!host.draft.macs.is_empty() || !host.draft.matches.is_empty()).then_some(host.draft)
}

struct Host<'a> {
    asked: &'a AskedHost,
    whole: &'a mut Whole,
    messages: &'a mut Messages,
    draft: DraftHost,
}

impl Host<'_> {
    fn refuse(&mut self, line: usize, text: String, remedy: &str) {
        self.messages.refuse(self.asked.place(line), text, remedy);
    }

    /// Complains about a text.
    fn wrong(&mut self, asked: &Asked, (what, remedy): Wrong) {
        let text = format!("\"{}\" {what}", asked.text);
        self.refuse(asked.line, text, remedy);
    }

    fn matches(&mut self) {
        if self.asked.matches.is_empty() {
            let name = self.asked.name().to_string();
            let text = format!("nothing says which machine {name} is: a host without a match");
            let remedy = "write match = \"mac=52:54:00:12:34:56\", \"dmi-serial=...\", \"dmi-uuid=...\", \
                          \"pci=0000:3b:00.0\" or \"any\"; in CSV, fill one of mac, dmi-serial, dmi-uuid, pci";
            self.refuse(self.asked.line, text, remedy);
        }
        for asked in &self.asked.matches {
            let (kind, value) = asked.text.split_once('=').unwrap_or((&asked.text, ""));
            let (kind, value) = (kind.trim(), value.trim());
            let keep = |kind| move |key| (kind, key);
            let key = match kind {
                "mac" => match spelling::mac(value) {
                    Ok(mac) => {
                        let place = self.asked.place(asked.line);
                        self.whole.mac(mac, self.asked, place, self.messages);
                        self.draft.macs.push(mac);
                        continue;
                    }
                    Err(wrong) => Err(wrong),
                },
                "dmi-serial" => spelling::serial(value).map(keep(HostKey::DmiSerial)),
                "dmi-uuid" => spelling::uuid(value).map(keep(HostKey::DmiUuid)),
                "pci" => spelling::pci(value).map(keep(HostKey::Pci)),
                "any" | "first-carrier" if value.is_empty() => Ok((HostKey::Any, String::new())),
                _ => Err((
                    "matches no host",
                    "write mac=, dmi-serial=, dmi-uuid=, pci= or any",
                )),
            };
            match key {
                Ok((kind, key)) => {
                    let place = self.asked.place(asked.line);
                    self.whole
                        .key(kind, &key, &asked.text, place, self.messages);
                    self.draft.matches.push((kind, key));
                }
                Err(wrong) => self.wrong(asked, wrong),
            }
        }
    }

    fn hostname(&mut self) {
        let Some(asked) = &self.asked.hostname else {
            return;
        };
        if !spelling::is_hostname(&asked.text) {
            let remedy = "use up to 64 letters, digits, - and . between them (RFC 1123)";
            self.wrong(asked, ("is not a host name", remedy));
            return;
        }
        let place = self.asked.place(asked.line);
        self.whole.hostname(&asked.text, place, self.messages);
        self.draft.hostname = asked.text.clone();
    }

    fn port(&mut self) {
        let Some(asked) = &self.asked.port else {
            return;
        };
        match number(asked, 1..=u16::MAX) {
            Some(port) => self.draft.port = port,
            None => self.wrong(asked, ("is not a port", "write a number from 1 to 65535")),
        }
    }

    fn interface(&mut self, asked: &AskedInterface) -> DraftInterface {
        let addresses = self.addresses(asked);
        let vlan = asked.vlan.as_ref().map_or(0, |vlan| {
            number(vlan, 1..=VLAN_MAX).unwrap_or_else(|| {
                self.wrong(vlan, ("is not a VLAN", "write a number from 1 to 4094"));
                0
            })
        });
        let mtu = asked
            .mtu
            .as_ref()
            .map_or(0, |mtu| self.mtu(mtu, &addresses));
        let dhcp = match asked.dhcp.as_ref() {
            None => Dhcp::No,
            Some(word) => match &*word.text {
                "yes" | "true" => Dhcp::V4,
                "no" | "false" => Dhcp::No,
                _ => {
                    self.wrong(word, ("is neither yes nor no", "write yes or no"));
                    Dhcp::No
                }
            },
        };
        let bond = match asked.bond.as_ref() {
            None => Bond::None,
            Some(word) if word.text == "active-backup" => Bond::ActiveBackup,
            Some(word) => {
                let remedy = "write active-backup: the others need a switch that knows of it, and a rescue has none to ask";
                self.wrong(word, ("is not a mode of a bond here", remedy));
                Bond::ActiveBackup
            }
        };
        let mut nics = Vec::new();
        for word in &asked.nics {
            match spelling::nic(&word.text) {
                Ok(nic) if nics.contains(&nic) => {
                    self.wrong(word, ("stands here a second time", "name each NIC once"));
                }
                Ok(nic) => nics.push(nic),
                Err(wrong) => self.wrong(word, wrong),
            }
        }
        DraftInterface {
            nics,
            bond,
            name: asked
                .bond_name
                .as_ref()
                .map_or("", |name| &name.text)
                .to_string(),
            vlan,
            mtu,
            dhcp,
            addresses,
        }
    }

    fn addresses(&mut self, asked: &AskedInterface) -> Vec<Address> {
        let mut addresses: Vec<Address> = Vec::new();
        for word in &asked.addresses {
            match address::address(&word.text) {
                Ok(address) => {
                    let place = self.asked.place(word.line);
                    self.whole.address(address.ip, place, self.messages);
                    addresses.push(address);
                }
                Err(wrong) => self.wrong(word, wrong),
            }
        }
        for word in &asked.gateways {
            let is_ipv4 = word
                .text
                .parse()
                .is_ok_and(|ip: std::net::IpAddr| ip.is_ipv4());
            let before = self.draft.interfaces.iter().flat_map(|it| &it.addresses);
            let mut before = before
                .chain(&addresses)
                .filter_map(|address| address.gateway);
            if before.any(|gateway| gateway.is_ipv4() == is_ipv4) && word.text.contains(['.', ':'])
            {
                let remedy = "keep one gateway for IPv4 and one for IPv6";
                self.wrong(word, ("is a second gateway of its family", remedy));
            } else if let Err(wrong) = address::set_gateway(&word.text, &mut addresses) {
                let text = format!("gateway \"{}\" {}", word.text, wrong.0);
                self.refuse(word.line, text, wrong.1);
            }
        }
        addresses
    }

    fn mtu(&mut self, asked: &Asked, addresses: &[Address]) -> u16 {
        let Some(mtu) = number(asked, MTU_BYTES_MIN..=u16::MAX) else {
            self.wrong(
                asked,
                ("is not an MTU", "write a number of bytes from 68 to 65535"),
            );
            return 0;
        };
        let has_ipv6 = addresses.iter().any(|address| address.ip.is_ipv6());
        if has_ipv6 && mtu < IPV6_MTU_BYTES_MIN {
            let remedy = "write 1280 or more, or leave the IPv6 address out";
            self.wrong(asked, ("is an MTU below IPv6's least", remedy));
        }
        mtu
    }

    /// Bonds get their NICs and names: what is not said are all NICs that the host is known by, and `bond0`, `bond1`. An
    /// interface with the NICs of a bond before it is on that bond.
    fn names_of_bonds(&mut self) {
        let macs: Vec<String> = (self.draft.macs.iter())
            .map(|mac| format!("mac={}", spelling::mac_text(*mac)))
            .collect();
        let mut known: Vec<(Vec<String>, String)> = Vec::new();
        for at in 0..self.draft.interfaces.len() {
            let asked = &self.asked.interfaces[at];
            let interface = &mut self.draft.interfaces[at];
            if interface.bond == Bond::None {
                if interface.nics.len() > 1 {
                    let text = "several NICs, and no bond of them".to_string();
                    self.refuse(asked.line, text, "name one, or write bond = active-backup");
                }
                continue;
            }
            if interface.nics.is_empty() {
                interface.nics = macs.clone();
            }
            let count = interface.nics.len();
            let same = known.iter().find(|(nics, _)| *nics == interface.nics);
            if interface.name.is_empty() {
                interface.name =
                    same.map_or(format!("{BOND}{}", known.len()), |(_, name)| name.clone());
            }
            let (nics, name) = (interface.nics.clone(), interface.name.clone());
            let is_other = |(nics_known, known): &(Vec<String>, String)| {
                (*known == name) != (*nics_known == nics)
            };
            let line = asked
                .bond_name
                .as_ref()
                .or(asked.bond.as_ref())
                .map_or(asked.line, |it| it.line);
            if !nic::is_interface_name(&name) {
                let text = format!("\"{name}\" is no name of a bond");
                self.refuse(line, text, "use up to 15 letters and digits: bond0");
            } else if known.iter().any(is_other) {
                let text = format!("bond {name} has other NICs, or its NICs are in another bond");
                self.refuse(line, text, "give each bond a name and NICs of its own");
            }
            if count == 0 || count > NICS_PER_INTERFACE_MAX {
                let text = format!("a bond of {count} NICs");
                let remedy = format!(
                    "name 1 to {NICS_PER_INTERFACE_MAX}: members = [\"mac=...\", \"mac=...\"]"
                );
                self.refuse(line, text, &remedy);
            }
            known.push((nics, name));
            known.dedup();
        }
    }

    /// Each NIC is in one interface or one bond, on which there may be VLANs; and it is no other host's.
    fn nics(&mut self) {
        let implied = self.implied();
        let several = self
            .draft
            .interfaces
            .iter()
            .any(|it| it.nics != self.draft.interfaces[0].nics);
        for at in 0..self.draft.interfaces.len() {
            let line = self.asked.interfaces[at].line;
            let interface = &mut self.draft.interfaces[at];
            if several && interface.nics.is_empty() {
                match &implied {
                    Some(nic) => interface.nics = vec![nic.clone()],
                    None => {
                        let text = "one of several interfaces, and nothing says which NIC it is"
                            .to_string();
                        self.refuse(line, text, "name it: nic = mac=..., pci=... or name=...");
                        continue;
                    }
                }
            }
            let interface = self.draft.interfaces[at].clone();
            for nic in &interface.nics {
                if let Some(mac) = nic.strip_prefix("mac=").and_then(nic::mac) {
                    let place = self.asked.place(line);
                    self.whole.nic(mac, self.asked, place, self.messages);
                }
            }
            self.names_of_vlan(line, &interface);
            let earlier = &self.draft.interfaces[..at];
            let repeats = earlier
                .iter()
                .any(|it| it.nics == interface.nics && it.vlan == interface.vlan);
            let shares = |it: &DraftInterface| {
                it.nics != interface.nics && it.nics.iter().any(|nic| interface.nics.contains(nic))
                    || it.nics == interface.nics && it.bond != interface.bond
            };
            let shares = earlier.iter().any(shares);
            if repeats {
                let text = "the same interface a second time".to_string();
                self.refuse(
                    line,
                    text,
                    "write all its addresses into one; or give it another nic or vlan",
                );
            } else if shares {
                let text = "one of its NICs is in another interface of this host".to_string();
                self.refuse(
                    line,
                    text,
                    "a NIC is in one bond, or in none; VLANs on a bond name the same bond and NICs",
                );
            }
        }
        self.mtus();
    }

    /// What an interface without a NIC is on a host with several: the one MAC that it is known by.
    fn implied(&self) -> Option<String> {
        match self.draft.macs[..] {
            [mac] => Some(format!("mac={}", spelling::mac_text(mac))),
            _ => None,
        }
    }

    /// The kernel cuts no name: `enp129s0f0np0.100` is refused by it.
    fn names_of_vlan(&mut self, line: usize, interface: &DraftInterface) {
        if interface.vlan == 0 {
            return;
        }
        let named = interface
            .nics
            .first()
            .and_then(|nic| nic.strip_prefix("name="));
        let below = match interface.bond {
            Bond::None => named.unwrap_or("eth0"),
            Bond::ActiveBackup => &interface.name,
        };
        let name = format!("{below}.{}", interface.vlan);
        if name.len() > INTERFACE_NAME_BYTES_MAX {
            let text = format!(
                "VLAN {name} has a longer name than the {INTERFACE_NAME_BYTES_MAX} bytes of an interface"
            );
            self.refuse(
                line,
                text,
                "name the NIC by mac= or pci=, or give the bond a shorter name",
            );
        }
    }

    /// A VLAN's packets go through what it lies on (`vlan_dev_change_mtu`, net/8021q/vlan_dev.c).
    fn mtus(&mut self) {
        for at in 0..self.draft.interfaces.len() {
            let interface = &self.draft.interfaces[at];
            let is_below =
                |it: &&DraftInterface| it.vlan == 0 && it.mtu != 0 && it.nics == interface.nics;
            let below = self.draft.interfaces.iter().find(is_below);
            if let Some(below) = below.filter(|below| below.mtu < interface.mtu) {
                let text = format!(
                    "MTU {} of VLAN {} is above the {} of what it lies on",
                    interface.mtu, interface.vlan, below.mtu
                );
                let line = self.asked.interfaces[at].line;
                self.refuse(line, text, "raise the one below, or lower this one");
            }
        }
    }

    fn counts(&mut self) {
        let (interfaces, addresses) = (
            self.draft.interfaces.len(),
            self.draft
                .interfaces
                .iter()
                .map(|it| it.addresses.len())
                .sum::<usize>(),
        );
        let remedy = "leave out what a rescue does not need";
        if interfaces > INTERFACES_PER_HOST_MAX {
            let text = format!(
                "{interfaces} interfaces; a plan can hold {INTERFACES_PER_HOST_MAX} of one host"
            );
            self.refuse(self.asked.line, text, remedy);
        }
        if addresses > ADDRESSES_PER_HOST_MAX {
            let text = format!(
                "{addresses} addresses; a plan can hold {ADDRESSES_PER_HOST_MAX} of one host"
            );
            self.refuse(self.asked.line, text, remedy);
        }
    }
}

/// A decimal number in a range.
fn number(asked: &Asked, range: std::ops::RangeInclusive<u16>) -> Option<u16> {
    let is_decimal = asked.text.bytes().all(|byte| byte.is_ascii_digit());
    let number = asked.text.parse().ok().filter(|_| is_decimal);
    number.filter(|number| range.contains(number))
}
