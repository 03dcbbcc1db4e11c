//! Whether somebody else has our addresses, and what is told when the deadline has come.
//!
//! An IPv4 address is used at once, as RFC 4429 has it for IPv6, and asked about beside: whoever has it and lives answers
//! the first probe within milliseconds. Waiting out RFC 5227's probes first would keep a person out for seconds at
//! every boot, for the sake of a mistake that is rare.
//!
//! A duplicate is given up, not fought for: at 3 a.m. a rescue that takes turns with a production machine in having an
//! address serves neither, and a login may end at the wrong one. The person is told where the machine still is: its IPv6
//! link-local address, which is the kernel's and no table's. Every minute it is asked again, for who had it may be gone.

use core::net::{IpAddr, Ipv6Addr};

use crate::limits::{
    NET_ANNOUNCE_PAUSE_NS, NET_ANNOUNCEMENTS, NET_DUPLICATE_NS, NET_PROBES, SECOND_NS,
};
use crate::machine::{Errno, Nanoseconds};
use crate::net::arp::{self, ARP_BYTES};
use crate::net::want::SettingState;
use crate::net::wire::{Carrier, Change, LinkKind, Wire};
use crate::net::{Known, Net, tell};
use crate::text::{Text, text};

impl Net<'_> {
    /// Sends what is due, where there is a carrier.
    pub(super) fn probe<W: Wire>(&mut self, wire: &mut W, now: Nanoseconds) {
        for number in 0..self.wants.settings.len() {
            let Some(setting) = self.wants.settings.get(number).cloned() else {
                return;
            };
            let Some(top) = self.top(setting.want).cloned() else {
                continue;
            };
            let next = match setting.state {
                SettingState::Duplicate(at) if at <= now => self.again(wire, number, &top, now),
                SettingState::Probing { asked, at } if at <= now => {
                    self.ask(wire, number, &top, asked, now)
                }
                SettingState::AskingAgain { asked, at } if at <= now => {
                    self.ask(wire, number, &top, asked, now)
                }
                SettingState::Announcing { left, at } if at <= now => {
                    self.announce(wire, number, &top, left, now)
                }
                _ => None,
            };
            if let (Some(next), Some(setting)) = (next, self.wants.settings.get_mut(number)) {
                setting.state = next;
            }
            self.route(wire, number, &top, now);
        }
        let is_asking = self.wants.settings.iter().any(|setting| {
            !matches!(
                setting.state,
                SettingState::Wanted | SettingState::Set | SettingState::Duplicate(_)
            )
        });
        if !is_asking {
            wire.hush_arp();
        }
    }

    /// One more probe; or, when nobody has answered all of them, the address is ours. `None`: as it is.
    fn ask<W: Wire>(
        &mut self,
        wire: &mut W,
        number: usize,
        top: &Known,
        asked: u8,
        now: Nanoseconds,
    ) -> Option<SettingState> {
        let setting = self.wants.settings.get(number)?;
        let (was, ip, prefix) = (setting.state, setting.ip, setting.prefix);
        let IpAddr::V4(v4) = ip else {
            return Some(SettingState::Set);
        };
        if top.carrier != Carrier::Yes {
            return None;
        }
        if asked < NET_PROBES {
            let (asked, at) = (asked + 1, Net::ask_from(now));
            if let Err(errno) = wire.send_arp(top.index, &arp::probe(top.mac, v4)) {
                // A kernel without packet sockets cannot ask: the address is used.
                self.failed(wire, &top.name, "ARP probe", errno, now);
            }
            return Some(match was {
                SettingState::AskingAgain { .. } => SettingState::AskingAgain { asked, at },
                _ => SettingState::Probing { asked, at },
            });
        }
        if let SettingState::AskingAgain { .. } = was {
            if let Err(errno) = wire.change(Change::Address(top.index, ip, prefix)) {
                self.failed(wire, &top.name, "address", errno, now);
                return Some(SettingState::Duplicate(
                    now.saturating_add(NET_DUPLICATE_NS),
                ));
            }
            tell::done(wire, &top.name, format_args!("address {ip}/{prefix}"));
        }
        self.announce(wire, number, top, NET_ANNOUNCEMENTS, now)
    }

    /// Tells the link who has the address, so that nobody keeps sending to who had it before.
    fn announce<W: Wire>(
        &mut self,
        wire: &mut W,
        number: usize,
        top: &Known,
        left: u8,
        now: Nanoseconds,
    ) -> Option<SettingState> {
        let IpAddr::V4(ip) = self.wants.settings.get(number)?.ip else {
            return Some(SettingState::Set);
        };
        if left == 0 {
            return Some(SettingState::Set);
        }
        if top.carrier != Carrier::Yes {
            return None;
        }
        // One that is lost is followed by another.
        let _ = wire.send_arp(top.index, &arp::announcement(top.mac, ip));
        let at = now.saturating_add(NET_ANNOUNCE_PAUSE_NS);
        Some(SettingState::Announcing { left: left - 1, at })
    }

    /// An address that somebody else had is asked about again.
    fn again<W: Wire>(
        &mut self,
        wire: &mut W,
        number: usize,
        top: &Known,
        now: Nanoseconds,
    ) -> Option<SettingState> {
        let setting = self.wants.settings.get(number)?;
        if setting.ip.is_ipv4() {
            return Some(SettingState::AskingAgain { asked: 0, at: now });
        }
        // The kernel asks anew about one that is set anew.
        let change = Change::Address(top.index, setting.ip, setting.prefix);
        Some(match wire.change(change) {
            Ok(()) => SettingState::Set,
            Err(_) => SettingState::Duplicate(now.saturating_add(NET_DUPLICATE_NS)),
        })
    }

    /// An ARP packet was heard.
    pub fn heard_arp<W: Wire>(&mut self, wire: &mut W, packet: &[u8; ARP_BYTES]) {
        let now = wire.now();
        for number in 0..self.wants.settings.len() {
            let Some(setting) = self.wants.settings.get(number) else {
                return;
            };
            let is_asked = matches!(
                setting.state,
                SettingState::Probing { .. }
                    | SettingState::AskingAgain { .. }
                    | SettingState::Announcing { .. }
            );
            let IpAddr::V4(ip) = setting.ip else { continue };
            let is_ours = |mac| {
                self.links
                    .iter()
                    .any(|link| link.mac == mac || link.built == mac)
            };
            if let Some(mac) = arp::rival(packet, ip, is_ours).filter(|_| is_asked) {
                let other: Text = text(format_args!("the machine with MAC {}", Mac(mac)));
                self.give_up(wire, number, &other, now);
            }
        }
    }

    /// Somebody else has the address.
    fn give_up<W: Wire>(&mut self, wire: &mut W, number: usize, other: &str, now: Nanoseconds) {
        let Some(setting) = self.wants.settings.get(number).cloned() else {
            return;
        };
        let Some(top) = self.top(setting.want).cloned() else {
            return;
        };
        let (ip, prefix) = (setting.ip, setting.prefix);
        if setting.is_set() {
            if let Some(gateway) = setting.gateway.filter(|_| setting.is_routed) {
                let _ = wire.change(Change::NoRoute(top.index, gateway));
            }
            // What the kernel does not remove it does not use either, once it has been told of a duplicate.
            let _ = wire.change(Change::NoAddress(top.index, ip, prefix));
        }
        let what: Text = text(format_args!("duplicate {ip}"));
        if self.told.is_new(&top.name, &what, Errno::EXIST) {
            let local = link_local(top.mac);
            tell::wrong(
                wire,
                &top.name,
                format_args!("address {ip} is {other}'s: not used here, {local} is"),
            );
        }
        if let Some(setting) = self.wants.settings.get_mut(number) {
            setting.is_routed = false;
            setting.state = SettingState::Duplicate(now.saturating_add(NET_DUPLICATE_NS));
        }
        if let Some(want) = self.wants.all.get_mut(setting.want) {
            want.state.is_reached = false;
        }
    }

    /// What the kernel says of addresses: those that somebody else has too, and those that DHCP has brought.
    pub(super) fn hear_addresses<W: Wire>(&mut self, wire: &mut W, now: Nanoseconds) {
        let mut duplicates = heapless::Vec::<(u32, IpAddr), 8>::new();
        let mut leased = heapless::Vec::<u32, 8>::new();
        let listed = wire.addresses(&mut |address| {
            if address.is_duplicate {
                let _ = duplicates.push((address.index, address.ip));
            } else if address.is_global && address.ip.is_ipv4() {
                let _ = leased.push(address.index);
            }
        });
        if let Err(errno) = listed {
            self.failed(wire, "", "list addresses", errno, now);
            return;
        }
        for (index, ip) in duplicates {
            let ours = self.wants.settings.iter().position(|setting| {
                setting.ip == ip && self.top(setting.want).is_some_and(|top| top.index == index)
            });
            if let Some(number) = ours {
                self.give_up(wire, number, "another machine", now);
            } else if let Some(link) = self.links.iter().find(|link| link.index == index).cloned() {
                let what: Text = text(format_args!("duplicate {ip}"));
                if self.told.is_new(&link.name, &what, Errno::EXIST) {
                    tell::wrong(
                        wire,
                        &link.name,
                        format_args!("address {ip} is another machine's: not used here"),
                    );
                }
            }
        }
        for want in self.wants.all.iter_mut().filter(|want| want.dhcp) {
            want.state.is_leased = leased.contains(&want.state.top);
        }
    }

    /// Tells what can be reached from now on; and, when the deadline has come, what cannot.
    pub(super) fn judge<W: Wire>(&mut self, wire: &mut W, now: Nanoseconds) {
        let is_late = self.deadline.is_some_and(|deadline| deadline <= now);
        let seconds = now.saturating_sub(self.begun) / SECOND_NS;
        for at in 0..self.wants.all.len() {
            let Some(want) = self.wants.all.get(at).filter(|want| !want.state.is_reached) else {
                continue;
            };
            let name = want.state.name.clone();
            match self.lacks(at) {
                None => {
                    tell::done(wire, &name, format_args!("reachable after {seconds} s"));
                    if let Some(want) = self.wants.all.get_mut(at) {
                        want.state.is_reached = true;
                    }
                }
                Some(lack) if is_late => {
                    tell::wrong(wire, &name, format_args!("{lack} after {seconds} s"));
                }
                Some(_) => {}
            }
        }
        if is_late {
            self.deadline = None;
            self.judge_machine(wire, seconds);
            tell::judged(wire);
        }
    }

    /// Tells, when the deadline has come, what is wrong with the machine as a whole.
    fn judge_machine<W: Wire>(&mut self, wire: &mut W, seconds: u64) {
        let mut nics = self
            .links
            .iter()
            .filter(|link| link.kind == LinkKind::Ethernet);
        let has_nic = nics.clone().next().is_some();
        let has_carrier = nics.any(|link| link.carrier == Carrier::Yes);
        let has_hosts = self.plan.is_some_and(|plan| !plan.hosts().is_empty());
        let lack = match (has_nic, has_carrier, self.is_settled) {
            (false, ..) => "no network card",
            (true, _, false) if has_hosts => "this machine is not in the host table",
            (true, false, false) => "no carrier",
            // What is wanted and not there has been told.
            _ => return,
        };
        tell::wrong(wire, "", format_args!("{lack} after {seconds} s"));
    }

    /// What a wanted interface lacks to be reached.
    fn lacks(&self, at: usize) -> Option<&'static str> {
        let want = self.wants.all.get(at)?;
        let mut settings = self
            .wants
            .settings
            .iter()
            .filter(|setting| setting.want == at);
        let needs = settings.clone().next().is_some() || want.dhcp;
        match self.top(at) {
            None if want.nics.is_empty() && want.bond.is_empty() => Some("no carrier"),
            None if want.vlan != 0 => Some("the VLAN is not there"),
            None => Some("the network card is not there"),
            Some(top) if top.carrier != Carrier::Yes => Some("no carrier"),
            Some(_) if !needs || settings.any(|s| s.is_set()) || want.state.is_leased => None,
            Some(_) if want.dhcp => Some("no answer to DHCP"),
            Some(_) => Some("no address"),
        }
    }
}

/// The address that the kernel makes of a MAC address (RFC 4291, appendix A).
fn link_local(mac: [u8; 6]) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    let tail = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    let bits = u64::from_be_bytes(tail);
    Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(bits))
}

/// A MAC address in words.
struct Mac([u8; 6]);

impl core::fmt::Display for Mac {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02x}")?;
        }
        Ok(())
    }
}
