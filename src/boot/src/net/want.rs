//! What the network is to be: interfaces with their addresses, from the host table or from the command line.

use core::net::IpAddr;

use heapless::{String, Vec};
use preroot_plan::{Bond, Dhcp, Host, Nic, Plan};

use crate::limits::{LINK_NAME_BYTES_MAX, MEMBERS_OF_BOND_MAX, SETTINGS_MAX, WANTS_MAX};
use crate::machine::Nanoseconds;
use crate::net::words::{BondWord, IpWord, NetWords};
use crate::text::text;

/// An interface as it is to be, and how far it is.
#[derive(Debug, Clone)]
pub(crate) struct Want<'a> {
    /// The NICs it is made of; none: the one the host is known by, else the first with a carrier.
    pub nics: Vec<Nic<'a>, MEMBERS_OF_BOND_MAX>,
    /// What the bond of them is called; empty: there is none.
    pub bond: &'a str,
    /// The VLAN on it that everything else is about; 0: none.
    pub vlan: u16,
    /// What that is called; empty: after what it is upon.
    pub vlan_name: &'a str,
    /// Its MTU, bytes; 0: as it is.
    pub mtu: u16,
    /// Whether an address is asked for by DHCPv4.
    pub dhcp: bool,
    /// How far it is.
    pub state: WantState,
}

/// How far an interface is.
#[derive(Debug, Clone, Default)]
pub(crate) struct WantState {
    /// The interface that has the addresses; 0: it is not there yet.
    pub top: u32,
    /// Its name.
    pub name: String<LINK_NAME_BYTES_MAX>,
    /// The MTU was set, or cannot be.
    pub is_sized: bool,
    /// DHCP is being asked.
    pub asks_dhcp: bool,
    /// DHCP has brought an address.
    pub is_leased: bool,
    /// It has a carrier and an address that it was to have.
    pub is_reached: bool,
    /// The root's own programs have taken it over.
    pub is_roots: bool,
}

/// An address to set.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// Which interface, by its place among the wants.
    pub want: usize,
    /// The address.
    pub ip: IpAddr,
    /// Its prefix length.
    pub prefix: u8,
    /// The gateway through it.
    pub gateway: Option<IpAddr>,
    /// How far it is.
    pub state: SettingState,
    /// The route is set.
    pub is_routed: bool,
}

/// How far an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingState {
    /// Its interface is not there yet.
    Wanted,
    /// It is set; whether somebody else has it is asked from this moment on, when there is a carrier.
    Probing {
        /// How often was asked.
        asked: u8,
        /// When the next packet goes out.
        at: Nanoseconds,
    },
    /// Nobody else has it: it is announced so often yet.
    Announcing {
        /// How often.
        left: u8,
        /// When next.
        at: Nanoseconds,
    },
    /// It is set.
    Set,
    /// Somebody else has it: it is not set, and looked at again at this moment.
    Duplicate(Nanoseconds),
    /// Whether somebody else still has it is asked, before it is set again.
    AskingAgain {
        /// How often was asked.
        asked: u8,
        /// When the next packet goes out.
        at: Nanoseconds,
    },
}

impl Setting {
    /// Whether its interface has it.
    pub(crate) fn is_set(&self) -> bool {
        use SettingState::{Announcing, Probing, Set};
        matches!(self.state, Probing { .. } | Announcing { .. } | Set)
    }
}

/// Everything that is wanted.
#[derive(Debug, Default)]
pub(crate) struct Wants<'a> {
    /// The interfaces.
    pub all: Vec<Want<'a>, WANTS_MAX>,
    /// Their addresses.
    pub settings: Vec<Setting, SETTINGS_MAX>,
    /// The host name; empty: none is set.
    pub hostname: &'a str,
    /// Name servers, as `ip=` gives them.
    pub servers: Vec<IpAddr, 4>,
}

impl<'a> Wants<'a> {
    /// As the host table says. What does not fit the table has no such host.
    pub(crate) fn of_host(plan: &Plan<'a>, host: &Host) -> Wants<'a> {
        let mut wants = Wants {
            hostname: plan.text(host.hostname),
            ..Wants::default()
        };
        for interface in plan.interfaces_of(host) {
            let at = wants.all.len();
            let want = Want {
                nics: plan.nics_of(interface).take(MEMBERS_OF_BOND_MAX).collect(),
                bond: match interface.bond() {
                    Bond::None => "",
                    Bond::ActiveBackup => plan.text(interface.name),
                },
                vlan: interface.vlan.get(),
                vlan_name: "",
                mtu: interface.mtu.get(),
                dhcp: interface.dhcp() == Dhcp::V4,
                state: WantState::default(),
            };
            if wants.all.push(want).is_err() {
                break;
            }
            for address in plan.addresses_of(interface) {
                wants.set(at, address.ip, address.prefix, address.gateway);
            }
        }
        wants
    }

    /// As the command line says, which overrides the table.
    pub(crate) fn of_words(words: &NetWords<'a>) -> Wants<'a> {
        let mut wants = Wants::default();
        for word in &words.ips {
            let at = wants.all.len();
            let want = Want {
                mtu: word.mtu,
                dhcp: word.dhcp,
                ..on_device(words, word)
            };
            if wants.all.push(want).is_err() {
                break;
            }
            if let Some((ip, prefix)) = word.address {
                wants.set(at, ip, prefix, word.gateway);
            }
            wants
                .servers
                .extend(word.servers.iter().flatten().copied().take(1));
            if wants.hostname.is_empty() {
                wants.hostname = word.hostname;
            }
        }
        // A bond or VLAN that no `ip=` speaks of is made all the same: it has its link-local address.
        for bond in &words.bonds {
            if words.ips.iter().all(|word| word.device != bond.name) {
                let _ = wants.all.push(of_bond(bond));
            }
        }
        for vlan in &words.vlans {
            if words.ips.iter().all(|word| word.device != vlan.name) {
                let device = IpWord {
                    device: vlan.name,
                    ..IpWord::default()
                };
                let _ = wants.all.push(on_device(words, &device));
            }
        }
        wants
    }

    fn set(&mut self, want: usize, ip: IpAddr, prefix: u8, gateway: Option<IpAddr>) {
        let _ = self.settings.push(Setting {
            want,
            ip,
            prefix,
            gateway,
            state: SettingState::Wanted,
            is_routed: false,
        });
    }
}

/// The interface that an `ip=` names: a VLAN, a bond or a NIC; nothing: the first NIC with a carrier.
fn on_device<'a>(words: &NetWords<'a>, word: &IpWord<'a>) -> Want<'a> {
    let vlan = words.vlans.iter().find(|vlan| vlan.name == word.device);
    let device = vlan.map_or(word.device, |vlan| vlan.device);
    let bond = words.bonds.iter().find(|bond| bond.name == device);
    let mut want = match bond {
        Some(bond) => of_bond(bond),
        None => {
            let nic = (!device.is_empty()).then_some(Nic::Name(device));
            Want {
                nics: nic.into_iter().collect(),
                bond: "",
                vlan: 0,
                vlan_name: "",
                mtu: 0,
                dhcp: false,
                state: WantState::default(),
            }
        }
    };
    if let Some(vlan) = vlan {
        (want.vlan, want.vlan_name) = (vlan.id, vlan.name);
    }
    want
}

fn of_bond<'a>(bond: &BondWord<'a>) -> Want<'a> {
    Want {
        nics: bond
            .devices
            .iter()
            .map(|device| Nic::Name(device))
            .collect(),
        bond: bond.name,
        vlan: 0,
        vlan_name: "",
        mtu: bond.mtu,
        dhcp: false,
        state: WantState::default(),
    }
}

/// What a VLAN is called that was given no name: `eth0.5`, or where that is too long `vlan5`.
pub(crate) fn vlan_name(parent: &str, id: u16) -> String<LINK_NAME_BYTES_MAX> {
    let long: String<24> = text(format_args!("{parent}.{id}"));
    if long.len() < LINK_NAME_BYTES_MAX {
        text(format_args!("{long}"))
    } else {
        text(format_args!("vlan{id}"))
    }
}
