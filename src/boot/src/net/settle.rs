//! One wanted interface at a time: found or made, sized, brought up, given its addresses.

use heapless::{String, Vec};
use preroot_plan::Nic;

use crate::limits::{
    LINK_NAME_BYTES_MAX, LINKS_MAX, NET_AGAIN_NS_MIN, NET_MODULE_NS_MAX, NET_PROBE_PAUSE_NS,
};
use crate::machine::{Errno, Nanoseconds};
use crate::net::want::{SettingState, vlan_name};
use crate::net::wire::{Carrier, Change, LinkKind, Wire};
use crate::net::{Known, Made, Net, tell};
use crate::text::{Text, text};

/// Without their modules the kernel knows no such interfaces (rtnl_newlink).
const OPNOTSUPP: Errno = Errno(95);

impl<'a> Net<'a> {
    /// Brings up every NIC that has just appeared, but those that are to be in a bond: the bond does that.
    pub(super) fn bring_up<W: Wire>(&mut self, wire: &mut W, now: Nanoseconds) -> Made {
        let mut made = Made::Nothing;
        let fresh: Vec<Known, LINKS_MAX> = self
            .links
            .iter()
            .filter(|link| matches!(link.kind, LinkKind::Ethernet | LinkKind::Loopback))
            .filter(|link| !self.touched.contains(&link.index) && link.master == 0)
            .filter(|link| !self.is_member(wire, link))
            .cloned()
            .collect();
        for link in fresh {
            if link.carrier == Carrier::Down {
                match wire.change(Change::Up(link.index)) {
                    Ok(()) => {
                        tell::done(wire, &link.name, format_args!("up"));
                        made = Made::Something;
                    }
                    Err(errno) => {
                        self.failed(wire, &link.name, "up", errno, now);
                        continue;
                    }
                }
            }
            let _ = self.touched.push(link.index);
        }
        made
    }

    /// Whether a NIC is to be in a bond.
    fn is_member<W: Wire>(&self, wire: &mut W, link: &Known) -> bool {
        let bonds = self.wants.all.iter().filter(|want| !want.bond.is_empty());
        let mut nics = bonds.flat_map(|want| &want.nics);
        nics.any(|nic| is(wire, link, nic))
    }

    /// Does what can be done now for one wanted interface.
    pub(super) fn settle<W: Wire>(
        &mut self,
        wire: &mut W,
        at: usize,
        is_roots: bool,
        now: Nanoseconds,
    ) -> Made {
        let Some(want) = self.wants.all.get(at).filter(|want| !want.state.is_roots) else {
            return Made::Nothing;
        };
        let (mtu, vlan) = (u32::from(want.mtu), want.vlan);
        // What is done stays as the root's programs make it.
        if is_roots && want.state.is_reached {
            return Made::Nothing;
        }
        let base = match self.base(wire, at, now) {
            Ok(Some(base)) => base,
            Ok(None) => return Made::Nothing,
            Err(made) => return made,
        };
        if is_roots && self.is_roots(wire, at, base.index) {
            return Made::Nothing;
        }
        if mtu != 0 && base.mtu != mtu && !self.is_sized(at) {
            let what: Text = text(format_args!("MTU {mtu}"));
            // One that the NIC cannot have is told once; it can be reached all the same.
            match wire.change(Change::Mtu(base.index, mtu)) {
                Ok(()) => tell::done(wire, &base.name, format_args!("{what}")),
                Err(errno) => tell::failed(wire, &base.name, format_args!("{what}"), errno),
            }
        }
        self.set_sized(at);
        let top = match vlan {
            0 => base,
            _ => match self.vlan(wire, at, &base, now) {
                Ok(top) => top,
                Err(made) => return made,
            },
        };
        if let Some(want) = self.wants.all.get_mut(at) {
            want.state.top = top.index;
            want.state.name = top.name.clone();
        }
        if is_roots && self.is_roots(wire, at, top.index) {
            return Made::Nothing;
        }
        if top.carrier == Carrier::Down {
            return self.up(wire, &top, now);
        }
        self.address(wire, at, &top, now);
        self.ask_dhcp(wire, at, &top, now);
        Made::Nothing
    }

    fn is_sized(&self, at: usize) -> bool {
        self.wants
            .all
            .get(at)
            .is_some_and(|want| want.state.is_sized)
    }

    fn set_sized(&mut self, at: usize) {
        if let Some(want) = self.wants.all.get_mut(at) {
            want.state.is_sized = true;
        }
    }

    fn up<W: Wire>(&mut self, wire: &mut W, link: &Known, now: Nanoseconds) -> Made {
        // One that the root's programs have taken down, or an operator, stays down.
        if self.touched.contains(&link.index) {
            return Made::Nothing;
        }
        match wire.change(Change::Up(link.index)) {
            Ok(()) => {
                let _ = self.touched.push(link.index);
                tell::done(wire, &link.name, format_args!("up"));
                Made::Something
            }
            Err(errno) => {
                self.failed(wire, &link.name, "up", errno, now);
                Made::Nothing
            }
        }
    }

    /// The NIC or bond of a want. `Ok(None)`: it is not there yet. `Err`: it has just been made, or cannot be.
    fn base<W: Wire>(
        &mut self,
        wire: &mut W,
        at: usize,
        now: Nanoseconds,
    ) -> Result<Option<Known>, Made> {
        let Some(want) = self.wants.all.get(at).cloned() else {
            return Ok(None);
        };
        if !want.bond.is_empty() {
            return self.bond(wire, &want.nics, want.bond, now);
        }
        // Once chosen, it stays: another one's carrier must not move the addresses.
        if want.vlan == 0 && want.state.top != 0 {
            let chosen = self.links.iter().find(|link| link.index == want.state.top);
            return Ok(chosen.cloned());
        }
        let found = match want.nics.first() {
            // `ip=` may name what somebody else has made.
            Some(Nic::Name(name)) => self.links.iter().find(|link| link.name == *name),
            Some(nic) => {
                let mut nics = self.links.iter().filter(|l| l.kind == LinkKind::Ethernet);
                nics.find(|link| is(wire, link, nic))
            }
            None if self.host_nic != 0 => {
                self.links.iter().find(|link| link.index == self.host_nic)
            }
            None => self.links.iter().find(|link| {
                link.kind == LinkKind::Ethernet && link.carrier == Carrier::Yes && link.master == 0
            }),
        };
        Ok(found.cloned())
    }

    /// The bond, with those of its members that are there.
    fn bond<W: Wire>(
        &mut self,
        wire: &mut W,
        nics: &[Nic<'a>],
        name: &str,
        now: Nanoseconds,
    ) -> Result<Option<Known>, Made> {
        let mut members = Vec::<Known, LINKS_MAX>::new();
        for link in self
            .links
            .iter()
            .filter(|link| link.kind == LinkKind::Ethernet)
        {
            if nics.iter().any(|nic| is(wire, link, nic)) {
                let _ = members.push(link.clone());
            }
        }
        // Without a NIC there is nothing to bond, and no need of the module.
        if members.is_empty() {
            return Ok(None);
        }
        let there = self.links.iter().find(|link| link.name == name).cloned();
        let is_ready = there.as_ref().is_some_and(|bond| {
            // The module makes a bond0 of another mode when it is loaded: one without members is made over.
            self.touched.contains(&bond.index) || members.iter().any(|m| m.master == bond.index)
        });
        let Some(bond) = there.filter(|_| is_ready) else {
            let what: Text = text(format_args!("bond {name}"));
            if let Err(errno) = wire.change(Change::Bond(name)) {
                return Err(self.not_made(wire, name, "bonding", &what, errno, now));
            }
            tell::done(wire, name, format_args!("bond"));
            // It is ours from now on.
            if self.list(wire, false, now).is_ok()
                && let Some(bond) = self.links.iter().find(|link| link.name == name)
            {
                let index = bond.index;
                let _ = self.touched.push(index);
            }
            return Err(Made::Something);
        };
        let mut made = Made::Nothing;
        for member in members.iter().filter(|member| member.master == 0) {
            let what: Text = text(format_args!("into {name}"));
            let taken = match member.carrier {
                Carrier::Down => Ok(()),
                _ => wire.change(Change::Down(member.index)),
            };
            match taken.and_then(|()| wire.change(Change::Enslave(member.index, bond.index))) {
                Ok(()) => {
                    tell::done(wire, &member.name, format_args!("{what}"));
                    made = Made::Something;
                }
                Err(errno) => self.failed(wire, &member.name, &what, errno, now),
            }
        }
        if made == Made::Something {
            return Err(made);
        }
        if bond.carrier == Carrier::Down {
            return Err(match wire.change(Change::Up(bond.index)) {
                Ok(()) => {
                    tell::done(wire, name, format_args!("up"));
                    Made::Something
                }
                Err(errno) => {
                    self.failed(wire, name, "up", errno, now);
                    Made::Nothing
                }
            });
        }
        Ok(Some(bond))
    }

    /// The VLAN of a want on its NIC or bond.
    fn vlan<W: Wire>(
        &mut self,
        wire: &mut W,
        at: usize,
        base: &Known,
        now: Nanoseconds,
    ) -> Result<Known, Made> {
        let Some(want) = self.wants.all.get(at) else {
            return Err(Made::Nothing);
        };
        let (id, given) = (want.vlan, want.vlan_name);
        let is_it = |link: &&Known| link.vlan == id && link.parent == base.index;
        if let Some(vlan) = self.links.iter().find(is_it) {
            return Ok(vlan.clone());
        }
        // It cannot be up before what it is upon is.
        if base.carrier == Carrier::Down {
            return Err(self.up(wire, base, now));
        }
        let name: String<LINK_NAME_BYTES_MAX> = match given {
            "" => vlan_name(&base.name, id),
            given => text(format_args!("{given}")),
        };
        match wire.change(Change::Vlan(&name, base.index, id)) {
            Ok(()) => {
                tell::done(wire, &name, format_args!("VLAN {id} on {}", base.name));
                Err(Made::Something)
            }
            Err(errno) => {
                let what: Text = text(format_args!("VLAN {id}"));
                Err(self.not_made(wire, &name, "8021q", &what, errno, now))
            }
        }
    }

    /// An interface could not be made: perhaps for want of its module, which PID 1 has loaded then.
    fn not_made<W: Wire>(
        &mut self,
        wire: &mut W,
        name: &str,
        module: &str,
        what: &str,
        errno: Errno,
        now: Nanoseconds,
    ) -> Made {
        if errno == OPNOTSUPP {
            if self.told.is_new(name, module, errno) {
                tell::module(wire, module);
            }
            // It is told as a failure only if that does not help: beside all others, loading one takes its time.
            let asked = *self.module_asked.get_or_insert(now);
            if now.saturating_sub(asked) < NET_MODULE_NS_MAX {
                self.again_at = Some(now.saturating_add(NET_AGAIN_NS_MIN));
                return Made::Nothing;
            }
        }
        self.failed(wire, name, what, errno, now);
        Made::Nothing
    }

    /// Sets the addresses of a want that are not set, and its routes.
    fn address<W: Wire>(&mut self, wire: &mut W, at: usize, top: &Known, now: Nanoseconds) {
        for number in 0..self.wants.settings.len() {
            let Some(setting) = self.wants.settings.get(number).cloned() else {
                return;
            };
            if setting.want != at {
                continue;
            }
            if setting.state == SettingState::Wanted {
                let what: Text = text(format_args!("address {}/{}", setting.ip, setting.prefix));
                let change = Change::Address(top.index, setting.ip, setting.prefix);
                if let Err(errno) = wire.change(change) {
                    self.failed(wire, &top.name, &what, errno, now);
                    continue;
                }
                tell::done(wire, &top.name, format_args!("{what}"));
                if let Some(setting) = self.wants.settings.get_mut(number) {
                    setting.state = match setting.ip.is_ipv4() {
                        true => SettingState::Probing { asked: 0, at: now },
                        // The kernel asks by itself.
                        false => SettingState::Set,
                    };
                }
            }
            self.route(wire, number, top, now);
        }
    }

    pub(super) fn route<W: Wire>(
        &mut self,
        wire: &mut W,
        number: usize,
        top: &Known,
        now: Nanoseconds,
    ) {
        let Some(setting) = self.wants.settings.get_mut(number) else {
            return;
        };
        let Some(gateway) = setting
            .gateway
            .filter(|_| !setting.is_routed && setting.is_set())
        else {
            return;
        };
        let what: Text = text(format_args!("route {gateway}"));
        match wire.change(Change::Route(top.index, gateway)) {
            Ok(()) => {
                setting.is_routed = true;
                tell::done(wire, &top.name, format_args!("{what}"));
            }
            Err(errno) => self.failed(wire, &top.name, &what, errno, now),
        }
    }

    /// Has DHCP asked once there is a carrier: before, nobody would hear.
    fn ask_dhcp<W: Wire>(&mut self, wire: &mut W, at: usize, top: &Known, now: Nanoseconds) {
        let Some(want) = self.wants.all.get_mut(at) else {
            return;
        };
        if !want.dhcp || want.state.asks_dhcp || top.carrier != Carrier::Yes {
            return;
        }
        match wire.change(Change::Dhcp(&top.name)) {
            Ok(()) => {
                want.state.asks_dhcp = true;
                tell::done(wire, &top.name, format_args!("asks for an address by DHCP"));
            }
            Err(errno) => self.failed(wire, &top.name, "DHCP", errno, now),
        }
    }

    /// The root's programs run: whether one of them has given this interface an address, which makes it theirs.
    fn is_roots<W: Wire>(&mut self, wire: &mut W, at: usize, index: u32) -> bool {
        let ours = self
            .wants
            .settings
            .iter()
            .filter(|setting| setting.is_set());
        let ours: Vec<_, { crate::limits::SETTINGS_MAX }> = ours.map(|s| s.ip).collect();
        let is_leased = self
            .wants
            .all
            .get(at)
            .is_some_and(|want| want.state.asks_dhcp);
        let mut is_roots = false;
        let listed = wire.addresses(&mut |address| {
            let is_others = address.is_global && !ours.contains(&address.ip);
            is_roots |= is_others && !is_leased && address.index == index;
        });
        is_roots &= listed.is_ok();
        if is_roots && let Some(want) = self.wants.all.get_mut(at) {
            want.state.is_roots = true;
            let mut links = self.links.iter();
            let name = links.find(|link| link.index == index);
            let name = name.map_or("", |link| link.name.as_str());
            tell::done(wire, name, format_args!("left to the root's own programs"));
        }
        is_roots
    }

    /// Begins to ask about an address from this moment on.
    pub(super) fn ask_from(now: Nanoseconds) -> Nanoseconds {
        now.saturating_add(NET_PROBE_PAUSE_NS)
    }
}

/// Whether an interface is the one a table names.
pub(super) fn is<W: Wire>(wire: &mut W, link: &Known, nic: &Nic<'_>) -> bool {
    match nic {
        Nic::Mac(mac) => link.built == *mac,
        Nic::Name(name) => link.name == *name,
        Nic::Pci(address) => {
            let mut buffer = [0; 32];
            let length = wire.pci(&link.name, &mut buffer);
            buffer.get(..length) == Some(address.as_bytes())
        }
    }
}
