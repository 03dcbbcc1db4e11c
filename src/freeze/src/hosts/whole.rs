//! What no two hosts of a fleet may share: keys, names, addresses, NICs. Each complaint names the line of the first.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;

use preroot_plan::HostKey;

use crate::hosts::address::is_link_local;
use crate::hosts::asked::AskedHost;
use crate::hosts::spelling::mac_text;
use crate::message::{Messages, Place};

/// What has been seen, and where.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    keys: HashMap<(u8, String), Place>,
    hostnames: HashMap<String, Place>,
    addresses: HashMap<IpAddr, Place>,
    macs: HashMap<[u8; 6], Owner>,
}

/// The host that has a NIC.
#[derive(Debug)]
struct Owner {
    /// Where the host begins: what tells two hosts apart.
    host: Place,
    place: Place,
}

impl Whole {
    /// A host is known by something beside a MAC.
    pub(crate) fn key(
        &mut self,
        kind: HostKey,
        key: &str,
        written: &str,
        place: Place,
        messages: &mut Messages,
    ) {
        let key = (kind.number(), key.to_string());
        if let Some(first) = before(&mut self.keys, key, &place) {
            let text = format!("\"{written}\" stands here a second time, first at {first}");
            messages.refuse(place, text, "give each host a match of its own");
        }
    }

    /// A host is known by a MAC.
    pub(crate) fn mac(
        &mut self,
        mac: [u8; 6],
        host: &AskedHost,
        place: Place,
        messages: &mut Messages,
    ) {
        let owner = Owner {
            host: host.place(host.line),
            place: place.clone(),
        };
        if let Some(first) = self.macs.insert(mac, owner) {
            let (mac, first) = (mac_text(mac), first.place);
            let text = format!("\"mac={mac}\" stands here a second time, first at {first}");
            messages.refuse(place, text, "give each host a match of its own");
        }
    }

    /// A host has a NIC with this MAC. Hosts are known by then by what they are known by only as far as they stand before
    /// this one: whoever comes later is told by [`Whole::mac`].
    pub(crate) fn nic(
        &mut self,
        mac: [u8; 6],
        host: &AskedHost,
        place: Place,
        messages: &mut Messages,
    ) {
        let own = host.place(host.line);
        match self.macs.entry(mac) {
            Entry::Vacant(entry) => {
                entry.insert(Owner { host: own, place });
            }
            Entry::Occupied(entry) if entry.get().host != own => {
                let (mac, first) = (mac_text(mac), &entry.get().place);
                let text = format!("NIC mac={mac} is another host's, of {first}");
                messages.refuse(place, text, "correct the address; a NIC is in one machine");
            }
            Entry::Occupied(_) => {}
        }
    }

    /// A host is called so.
    pub(crate) fn hostname(&mut self, name: &str, place: Place, messages: &mut Messages) {
        if let Some(first) = before(&mut self.hostnames, name.to_ascii_lowercase(), &place) {
            let text = format!("host \"{name}\" stands here a second time, first at {first}");
            messages.refuse(place, text, "give each machine a name of its own");
        }
    }

    /// A host has an address. One that is good on its own link alone may be elsewhere too.
    pub(crate) fn address(&mut self, ip: IpAddr, place: Place, messages: &mut Messages) {
        if is_link_local(ip) {
            return;
        }
        if let Some(first) = before(&mut self.addresses, ip, &place) {
            let text = format!("address {ip} stands here a second time, first at {first}");
            messages.refuse(place, text, "give each host addresses of its own");
        }
    }
}

/// Remembers where something stands; where it stood before.
fn before<K: Eq + Hash>(map: &mut HashMap<K, Place>, key: K, place: &Place) -> Option<Place> {
    match map.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(place.clone());
            None
        }
        Entry::Occupied(entry) => Some(entry.get().clone()),
    }
}
