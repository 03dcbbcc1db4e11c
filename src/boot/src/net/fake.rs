//! A fake kernel of the network: interfaces that can be made, plugged and unplugged, and neighbours that may have our
//! addresses. Any call can be made to fail once.

use std::format;
use std::net::{IpAddr, Ipv4Addr};
use std::string::{String, ToString};
use std::vec::Vec;

use preroot_plan::{Draft, DraftHost, Plan};

use crate::limits::SECOND_NS;
use crate::machine::{Errno, Nanoseconds};
use crate::net::Net;
use crate::net::arp::{ARP_BYTES, announcement};
use crate::net::wire::{Assigned, Carrier, Change, Dmi, Link, LinkKind, Wire};

/// Looks after which the network is taken to spin.
const LOOKS_MAX: usize = 2000;

#[derive(Debug, Clone)]
pub(super) struct FakeLink {
    pub index: u32,
    pub name: String,
    pub mac: [u8; 6],
    pub permanent: [u8; 6],
    pub pci: &'static str,
    pub mtu: u32,
    pub master: u32,
    pub parent: u32,
    pub vlan: u16,
    pub kind: LinkKind,
    pub is_up: bool,
    pub is_plugged: bool,
}

/// A NIC with this number at the end of its MAC address.
pub(super) fn nic(index: u32, name: &str, mac: u8) -> FakeLink {
    let mac = [0x52, 0x54, 0, 0, 0, mac];
    FakeLink {
        index,
        name: name.to_string(),
        mac,
        permanent: mac,
        pci: "",
        mtu: 1500,
        master: 0,
        parent: 0,
        vlan: 0,
        kind: LinkKind::Ethernet,
        is_up: false,
        is_plugged: true,
    }
}

/// The kernel.
#[derive(Debug, Default)]
pub(super) struct FakeKernel {
    pub now: Nanoseconds,
    pub links: Vec<FakeLink>,
    pub addresses: Vec<(u32, String, bool)>,
    pub routes: Vec<String>,
    /// Modules that are there, and those that come when they are asked for.
    pub modules: Vec<&'static str>,
    pub loadable: Vec<&'static str>,
    pub serial: &'static str,
    pub uuid: &'static str,
    pub hostname: String,
    pub asks_dhcp: Vec<String>,
    /// Addresses that a neighbour has.
    pub neighbours: Vec<Ipv4Addr>,
    /// What is heard of them.
    pub heard: Vec<[u8; ARP_BYTES]>,
    pub sent: Vec<[u8; ARP_BYTES]>,
    pub is_roots: bool,
    pub said: Vec<String>,
    pub calls: usize,
    pub fail_at: Option<usize>,
}

impl FakeKernel {
    pub(super) fn new(links: Vec<FakeLink>) -> FakeKernel {
        FakeKernel {
            links,
            modules: std::vec!["8021q", "bonding"],
            ..FakeKernel::default()
        }
    }

    fn call(&mut self) -> Result<(), Errno> {
        let number = self.calls;
        self.calls += 1;
        if self.fail_at == Some(number) {
            return Err(Errno::IO);
        }
        Ok(())
    }

    fn link(&mut self, index: u32) -> Result<&mut FakeLink, Errno> {
        let mut links = self.links.iter_mut();
        links.find(|link| link.index == index).ok_or(Errno::NODEV)
    }

    pub(super) fn named(&mut self, name: &str) -> &mut FakeLink {
        let mut links = self.links.iter_mut();
        links.find(|link| link.name == name).unwrap()
    }

    fn add(&mut self, link: FakeLink) {
        let index = self.links.iter().map(|link| link.index).max().unwrap_or(0) + 1;
        self.links.push(FakeLink { index, ..link });
    }

    /// A bond has a carrier when one of its members has; a VLAN when what it is upon has.
    fn carrier(&self, link: &FakeLink) -> Carrier {
        let is_connected = match link.kind {
            LinkKind::Made if link.parent != 0 => self
                .links
                .iter()
                .any(|l| l.index == link.parent && self.carrier(l) == Carrier::Yes),
            LinkKind::Made => self
                .links
                .iter()
                .any(|l| l.master == link.index && l.is_up && l.is_plugged),
            _ => link.is_plugged,
        };
        match (link.is_up, is_connected) {
            (false, _) => Carrier::Down,
            (true, false) => Carrier::No,
            (true, true) => Carrier::Yes,
        }
    }

    /// `eth0 192.0.2.10/24`, each.
    pub(super) fn addressed(&self) -> Vec<String> {
        let name = |index: &u32| self.links.iter().find(|link| link.index == *index).unwrap();
        let mut all: Vec<String> = self
            .addresses
            .iter()
            .map(|(index, ip, _)| format!("{} {ip}", name(index).name))
            .collect();
        all.sort();
        all
    }

    pub(super) fn has_said(&self, words: &str) -> bool {
        self.said.iter().any(|line| line.contains(words))
    }
}

impl Wire for FakeKernel {
    fn now(&mut self) -> Nanoseconds {
        self.now
    }

    fn links(&mut self, each: &mut dyn FnMut(&Link<'_>)) -> Result<(), Errno> {
        self.call()?;
        for link in &self.links {
            each(&Link {
                index: link.index,
                name: &link.name,
                mac: link.mac,
                permanent: link.permanent,
                mtu: link.mtu,
                master: link.master,
                parent: link.parent,
                vlan: link.vlan,
                kind: link.kind,
                carrier: self.carrier(link),
            });
        }
        Ok(())
    }

    fn addresses(&mut self, each: &mut dyn FnMut(&Assigned)) -> Result<(), Errno> {
        self.call()?;
        for (index, text, is_duplicate) in &self.addresses {
            let ip: IpAddr = text.split('/').next().unwrap().parse().unwrap();
            each(&Assigned {
                index: *index,
                ip,
                is_global: !text.starts_with("fe80"),
                is_duplicate: *is_duplicate,
            });
        }
        Ok(())
    }

    fn change(&mut self, change: Change<'_>) -> Result<(), Errno> {
        self.call()?;
        match change {
            Change::Up(index) => self.link(index)?.is_up = true,
            Change::Down(index) => self.link(index)?.is_up = false,
            Change::Mtu(index, mtu) if mtu <= 9000 => self.link(index)?.mtu = mtu,
            Change::Mtu(..) => return Err(Errno::INVAL),
            Change::Vlan(name, parent, vlan) => {
                if !self.modules.contains(&"8021q") {
                    return Err(Errno(95));
                }
                let base = self.link(parent)?.clone();
                let made = nic(0, name, 0);
                self.add(FakeLink {
                    mac: base.mac,
                    permanent: [0; 6],
                    mtu: base.mtu,
                    kind: LinkKind::Made,
                    parent,
                    vlan,
                    ..made
                });
            }
            Change::Bond(name) => {
                if !self.modules.contains(&"bonding") {
                    return Err(Errno(95));
                }
                if self.links.iter().all(|link| link.name != name) {
                    self.add(FakeLink {
                        kind: LinkKind::Made,
                        permanent: [0; 6],
                        ..nic(0, name, 0)
                    });
                }
            }
            Change::Enslave(index, bond) => {
                let member = self.link(index)?;
                if member.is_up {
                    return Err(Errno::PERM);
                }
                (member.master, member.is_up) = (bond, true);
                let first = self.link(index)?.permanent;
                self.link(bond)?.mac = first;
                self.link(index)?.mac = first;
            }
            Change::Address(index, ip, prefix) => {
                self.link(index)?;
                self.addresses
                    .push((index, format!("{ip}/{prefix}"), false));
            }
            Change::NoAddress(index, ip, prefix) => {
                let text = format!("{ip}/{prefix}");
                self.addresses
                    .retain(|(at, it, _)| *at != index || *it != text);
            }
            Change::Route(index, gateway) => {
                let name = self.link(index)?.name.clone();
                self.routes.push(format!("{name} {gateway}"));
            }
            Change::NoRoute(index, gateway) => {
                let text = format!("{} {gateway}", self.link(index)?.name);
                self.routes.retain(|route| *route != text);
            }
            Change::Hostname(name) => self.hostname = name.to_string(),
            Change::Dhcp(name) => self.asks_dhcp.push(name.to_string()),
            Change::NameServer(_) => {}
        }
        Ok(())
    }

    fn send_arp(&mut self, index: u32, packet: &[u8; ARP_BYTES]) -> Result<(), Errno> {
        self.call()?;
        self.link(index)?;
        self.sent.push(*packet);
        let target: [u8; 4] = packet[24..28].try_into().unwrap();
        let ip = Ipv4Addr::from(target);
        if self.neighbours.contains(&ip) {
            self.heard.push(announcement([2, 0, 0, 0, 0, 9], ip));
        }
        Ok(())
    }

    fn hush_arp(&mut self) {}

    fn dmi(&mut self, which: Dmi, out: &mut [u8]) -> usize {
        let text = match which {
            Dmi::Serial => self.serial,
            Dmi::Uuid => self.uuid,
        };
        out[..text.len()].copy_from_slice(text.as_bytes());
        text.len()
    }

    fn pci(&mut self, interface: &str, out: &mut [u8]) -> usize {
        let pci = self.named(interface).pci;
        out[..pci.len()].copy_from_slice(pci.as_bytes());
        pci.len()
    }

    fn is_roots(&mut self) -> bool {
        self.is_roots
    }

    fn say(&mut self, line: core::fmt::Arguments<'_>) {
        let line = format!("{line}");
        // What is asked for is loaded a while later.
        if let Some(name) = line.strip_prefix("module\t") {
            let found = self.loadable.iter().find(|module| **module == name);
            self.modules.extend(found.copied());
        }
        self.said.push(line);
    }
}

/// A plan with these hosts.
pub(super) fn plan(hosts: Vec<DraftHost>) -> Vec<u8> {
    let draft = Draft {
        root: "LABEL=root".to_string(),
        hosts,
        ..Draft::default()
    };
    draft.freeze().unwrap()
}

/// Begins at 0 s with a deadline of 30.
pub(super) fn begin<'a>(kernel: &mut FakeKernel, plan: &'a [u8], line: &'a str) -> Net<'a> {
    let plan = Plan::check(plan).unwrap();
    Net::new(kernel, Some(plan), line, 0, Some(30 * SECOND_NS))
}

/// Lets time pass; the kernel tells what has changed, so there is a look before and after.
pub(super) fn pass(net: &mut Net<'_>, kernel: &mut FakeKernel, until_s: u64) {
    let until = until_s * SECOND_NS;
    for _ in 0..LOOKS_MAX {
        net.look(kernel);
        for packet in core::mem::take(&mut kernel.heard) {
            net.heard_arp(kernel, &packet);
        }
        let next = net.next().unwrap_or(Nanoseconds::MAX).min(until);
        if kernel.now >= until {
            return;
        }
        kernel.now = kernel.now.max(next);
    }
    panic!(
        "it spins at {} s: {:#?}",
        kernel.now / SECOND_NS,
        kernel.said
    );
}
