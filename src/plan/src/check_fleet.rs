//! The check of the host table: after it, every host, interface and address is one that can be set.
//!
//! Hosts, interfaces and addresses leave no gaps: what stands in the table belongs to exactly one host.

use zerocopy::little_endian::U32;

use crate::check::{PlanError, is_text, kind};
use crate::choices::{Bond, Dhcp, HostKey};
use crate::fleet::{Host, Interface, Match};
use crate::limits::{
    ADDRESSES_PER_HOST_MAX, INTERFACE_NAME_BYTES_MAX, INTERFACES_PER_HOST_MAX, MTU_BYTES_MIN,
    NICS_PER_INTERFACE_MAX, VLAN_MAX,
};
use crate::nic::{Nic, is_interface_name, is_pci, is_station};
use crate::view::Plan;

/// Checks it all. Its texts have been checked by [`has_texts`].
pub(crate) fn check(plan: &Plan<'_>) -> Result<(), PlanError> {
    check_keys(plan)?;
    let mut next = Next::default();
    for host in plan.hosts {
        check_host(plan, host, &mut next)?;
    }
    if next.interface != plan.interfaces.len() {
        return Err(PlanError::Index(kind::INTERFACES));
    }
    if next.address4 != plan.addresses4.len() {
        return Err(PlanError::Index(kind::ADDRESSES4));
    }
    if next.address6 != plan.addresses6.len() {
        return Err(PlanError::Index(kind::ADDRESSES6));
    }
    check_addresses(plan)
}

/// Whether all its texts are in the plan.
pub(crate) fn has_texts(plan: &Plan<'_>) -> bool {
    let is_text = |text| is_text(plan, text);
    plan.hosts.iter().all(|host| is_text(host.hostname))
        && plan.matches.iter().all(|entry| is_text(entry.key))
        && plan
            .interfaces
            .iter()
            .all(|interface| is_text(interface.nics) && is_text(interface.name))
}

/// What hosts are known by: ascending, so that nothing stands twice, and each of a host that there is.
fn check_keys(plan: &Plan<'_>) -> Result<(), PlanError> {
    if !plan.macs.is_sorted_by(|a, b| a.mac < b.mac) {
        return Err(PlanError::Order(kind::MACS));
    }
    let order = |entry: &Match| (entry.kind, plan.text(entry.key));
    if !plan.matches.is_sorted_by(|a, b| order(a) < order(b)) {
        return Err(PlanError::Order(kind::MATCHES));
    }
    let hosts = plan.hosts.len();
    for entry in plan.macs {
        if usize::from(entry.host.get()) >= hosts {
            return Err(PlanError::Index(kind::MACS));
        }
        if !is_station(entry.mac) {
            return Err(PlanError::Choice(kind::MACS));
        }
    }
    for entry in plan.matches {
        if usize::from(entry.host.get()) >= hosts {
            return Err(PlanError::Index(kind::MATCHES));
        }
        let key = plan.text(entry.key);
        let is_good = match HostKey::from_number(entry.kind) {
            Some(HostKey::DmiSerial | HostKey::DmiUuid) => !key.is_empty(),
            Some(HostKey::Pci) => is_pci(key),
            Some(HostKey::Any) => key.is_empty(),
            None => false,
        };
        if !is_good {
            return Err(PlanError::Choice(kind::MATCHES));
        }
    }
    Ok(())
}

/// Where the next interface and its addresses must begin.
#[derive(Default)]
struct Next {
    interface: usize,
    address4: usize,
    address6: usize,
}

fn check_host(plan: &Plan<'_>, host: &Host, next: &mut Next) -> Result<(), PlanError> {
    let count = usize::from(host.interface_count);
    let bad = PlanError::Index(kind::HOSTS);
    if count > INTERFACES_PER_HOST_MAX {
        return Err(bad);
    }
    follows(&mut next.interface, host.first_interface, count, bad)?;
    let mut addresses = 0;
    for interface in plan.interfaces_of(host) {
        let bad = PlanError::Index(kind::INTERFACES);
        let four = usize::from(interface.address4_count);
        let six = usize::from(interface.address6_count);
        follows(&mut next.address4, interface.first_address4, four, bad)?;
        follows(&mut next.address6, interface.first_address6, six, bad)?;
        addresses += four + six;
        check_interface(plan, interface)?;
    }
    if addresses > ADDRESSES_PER_HOST_MAX {
        return Err(bad);
    }
    Ok(())
}

/// Entries that begin where the ones before them end.
fn follows(next: &mut usize, first: U32, count: usize, bad: PlanError) -> Result<(), PlanError> {
    if first.get() as usize != *next {
        return Err(bad);
    }
    *next += count;
    Ok(())
}

fn check_interface(plan: &Plan<'_>, interface: &Interface) -> Result<(), PlanError> {
    let bad = Err(PlanError::Choice(kind::INTERFACES));
    let (vlan, mtu) = (interface.vlan.get(), interface.mtu.get());
    if vlan > VLAN_MAX || (mtu != 0 && mtu < MTU_BYTES_MIN) {
        return bad;
    }
    if Dhcp::from_number(interface.dhcp).is_none() {
        return bad;
    }
    let nics = plan.text(interface.nics);
    let count = if nics.is_empty() {
        0
    } else {
        nics.split(' ').count()
    };
    if plan.nics_of(interface).count() != count {
        return bad;
    }
    let name = plan.text(interface.name);
    let is_good = match Bond::from_number(interface.bond) {
        Some(Bond::None) => count <= 1 && name.is_empty(),
        Some(Bond::ActiveBackup) => {
            (1..=NICS_PER_INTERFACE_MAX).contains(&count)
                && is_interface_name(name)
                && vlan_name_length(name, vlan) <= INTERFACE_NAME_BYTES_MAX
        }
        None => false,
    };
    // The same NIC twice is no second one.
    let repeats = |(at, nic): (usize, Nic<'_>)| {
        let mut before = plan.nics_of(interface).take(at);
        before.any(|other| other == nic)
    };
    if !is_good || plan.nics_of(interface).enumerate().any(repeats) {
        return bad;
    }
    Ok(())
}

/// How long the name of a VLAN on an interface is: `bond0.100`.
fn vlan_name_length(name: &str, vlan: u16) -> usize {
    let digits = match vlan {
        0 => return name.len(),
        1..10 => 1,
        10..100 => 2,
        100..1000 => 3,
        _ => 4,
    };
    name.len() + 1 + digits
}

fn check_addresses(plan: &Plan<'_>) -> Result<(), PlanError> {
    // No group's, not the loopback's, not "any": RFC 1122 section 3.2.1.3, RFC 4291 section 2.5 and 2.7.
    let is_host4 = |ip: [u8; 4]| !matches!(ip[0], 0 | 127 | 224..);
    let is_host6 = |ip: [u8; 16]| ip[0] != 0xff && ip[..15] != [0; 15];
    for address in plan.addresses4 {
        let has_gateway = address.gateway != [0; 4];
        if !matches!(address.prefix, 1..=32)
            || !is_host4(address.ip)
            || (has_gateway && (!is_host4(address.gateway) || address.gateway == address.ip))
        {
            return Err(PlanError::Choice(kind::ADDRESSES4));
        }
    }
    for address in plan.addresses6 {
        let has_gateway = address.gateway != [0; 16];
        if !matches!(address.prefix, 1..=128)
            || !is_host6(address.ip)
            || (has_gateway && (!is_host6(address.gateway) || address.gateway == address.ip))
        {
            return Err(PlanError::Choice(kind::ADDRESSES6));
        }
    }
    Ok(())
}
