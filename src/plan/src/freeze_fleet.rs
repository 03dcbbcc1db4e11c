//! The hosts of a draft into the tables of the fleet: hosts by name, keys ascending.

use alloc::vec::Vec;
use core::net::IpAddr;

use zerocopy::little_endian::U16;

use crate::draft::{Draft, DraftError, DraftHost, DraftInterface};
use crate::fleet::{Address, Address4, Address6, Host, Interface, Mac, Match};
use crate::freezer::{Freezer, number};

/// The tables, growing host by host.
#[derive(Default)]
pub(crate) struct Fleet {
    pub(crate) hosts: Vec<Host>,
    pub(crate) macs: Vec<Mac>,
    pub(crate) matches: Vec<Match>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) addresses4: Vec<Address4>,
    pub(crate) addresses6: Vec<Address6>,
}

impl Fleet {
    /// Of a draft; texts go to `freezer`.
    pub(crate) fn of(freezer: &mut Freezer, draft: &Draft) -> Result<Fleet, DraftError> {
        let mut sorted: Vec<&DraftHost> = draft.hosts.iter().collect();
        let first_key = |host: &DraftHost| {
            let first = host
                .matches
                .iter()
                .min_by_key(|(kind, key)| (kind.number(), key));
            first.map(|(kind, key)| (kind.number(), key.clone()))
        };
        sorted.sort_by_cached_key(|host| {
            let hostname = host.hostname.clone();
            (hostname, host.macs.iter().min().copied(), first_key(host))
        });
        let mut fleet = Fleet::default();
        // By what they are known by: texts that are close in the search are close in memory.
        let mut keys = Vec::new();
        for (index, host) in sorted.iter().enumerate() {
            let index = u16::try_from(index).map_err(|_| DraftError::Many("hosts"))?;
            fleet.host(freezer, host)?;
            let macs = host.macs.iter();
            fleet.macs.extend(macs.map(|&mac| Mac {
                mac,
                host: U16::new(index),
            }));
            keys.extend(
                host.matches
                    .iter()
                    .map(|(kind, key)| (kind.number(), key, index)),
            );
        }
        fleet.macs.sort_by_key(|entry| entry.mac);
        keys.sort();
        for (kind, key, host) in keys {
            let (key, host) = (freezer.text(key)?, U16::new(host));
            fleet.matches.push(Match { key, host, kind });
        }
        Ok(fleet)
    }

    fn host(&mut self, freezer: &mut Freezer, host: &DraftHost) -> Result<(), DraftError> {
        self.hosts.push(Host {
            hostname: freezer.text(&host.hostname)?,
            first_interface: number(self.interfaces.len(), "interfaces")?,
            port: U16::new(host.port),
            interface_count: count(host.interfaces.len(), "interfaces of a host")?,
        });
        for interface in &host.interfaces {
            self.interface(freezer, interface)?;
        }
        Ok(())
    }

    fn interface(
        &mut self,
        freezer: &mut Freezer,
        interface: &DraftInterface,
    ) -> Result<(), DraftError> {
        let (first4, first6) = (self.addresses4.len(), self.addresses6.len());
        for address in &interface.addresses {
            self.address(address);
        }
        self.interfaces.push(Interface {
            nics: freezer.text(&interface.nics.join(" "))?,
            name: freezer.text(&interface.name)?,
            first_address4: number(first4, "addresses")?,
            first_address6: number(first6, "addresses")?,
            vlan: U16::new(interface.vlan),
            mtu: U16::new(interface.mtu),
            address4_count: count(self.addresses4.len() - first4, "addresses of a host")?,
            address6_count: count(self.addresses6.len() - first6, "addresses of a host")?,
            bond: interface.bond.number(),
            dhcp: interface.dhcp.number(),
        });
        Ok(())
    }

    /// A gateway of the other family is no gateway of this address: it is left out, and the host tools refuse it.
    fn address(&mut self, address: &Address) {
        let prefix = address.prefix;
        match (address.ip, address.gateway) {
            (IpAddr::V4(ip), gateway) => self.addresses4.push(Address4 {
                ip: ip.octets(),
                gateway: match gateway {
                    Some(IpAddr::V4(gateway)) => gateway.octets(),
                    _ => [0; 4],
                },
                prefix,
            }),
            (IpAddr::V6(ip), gateway) => self.addresses6.push(Address6 {
                ip: ip.octets(),
                gateway: match gateway {
                    Some(IpAddr::V6(gateway)) => gateway.octets(),
                    _ => [0; 16],
                },
                prefix,
            }),
        }
    }
}

fn count(value: usize, what: &'static str) -> Result<u8, DraftError> {
    u8::try_from(value).map_err(|_| DraftError::Many(what))
}
