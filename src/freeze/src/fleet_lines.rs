//! The host table in lines: one a host, in the order of their names, so that a fleet's change is a small diff.
//!
//! ```text
//! db1 mac=52:54:00:12:34:56 dmi-serial=SN1 10.0.2.15/24 via 10.0.2.2, fec0::15/64
//! db2 mac=52:54:00:12:34:57 port 2222 bond0(active-backup mac=... mac=...) vlan 100 mtu 9000 192.0.2.2/24; on name=eth2 dhcp
//! ```

use preroot_plan::{Address, Bond, Dhcp, Host, HostKey, Interface, Plan};

use crate::hosts::mac_text;
use crate::lines::or;

/// The hosts, by what they are known by.
pub(crate) fn hosts(plan: &Plan<'_>) -> Vec<(String, String)> {
    let keys = keys(plan);
    let line = |(host, keys): (&Host, Vec<String>)| {
        let mut words = vec![or(plan.text(host.hostname), "(no name)").to_string()];
        words.extend(keys.iter().cloned());
        if host.port.get() != 0 {
            words.push(format!("port {}", host.port));
        }
        let interfaces: Vec<String> = (plan.interfaces_of(host).iter())
            .map(|interface| self::interface(plan, interface))
            .collect();
        words.push(interfaces.join("; "));
        let key = match plan.text(host.hostname) {
            "" => keys.join(" "),
            name => name.to_string(),
        };
        (key, words.join(" ").trim_end().to_string())
    };
    plan.hosts().iter().zip(keys).map(line).collect()
}

/// What each host is known by, spelled as in a config.
fn keys(plan: &Plan<'_>) -> Vec<Vec<String>> {
    let mut keys = vec![Vec::new(); plan.hosts().len()];
    for entry in plan.macs() {
        keys[usize::from(entry.host.get())].push(format!("mac={}", mac_text(entry.mac)));
    }
    for entry in plan.matches() {
        let key = plan.text(entry.key);
        let word = match HostKey::from_number(entry.kind).unwrap_or(HostKey::Any) {
            HostKey::DmiSerial => format!("dmi-serial={key}"),
            HostKey::DmiUuid => format!("dmi-uuid={key}"),
            HostKey::Pci => format!("pci={key}"),
            HostKey::Any => "any".to_string(),
        };
        keys[usize::from(entry.host.get())].push(word);
    }
    keys
}

fn interface(plan: &Plan<'_>, interface: &Interface) -> String {
    let mut words = Vec::new();
    let nics = plan.text(interface.nics);
    match interface.bond() {
        Bond::None => words.extend((!nics.is_empty()).then(|| format!("on {nics}"))),
        Bond::ActiveBackup => {
            let name = plan.text(interface.name);
            words.push(format!("{name}(active-backup {nics})"));
        }
    }
    if interface.vlan.get() != 0 {
        words.push(format!("vlan {}", interface.vlan));
    }
    if interface.mtu.get() != 0 {
        words.push(format!("mtu {}", interface.mtu));
    }
    if interface.dhcp() == Dhcp::V4 {
        words.push("dhcp".to_string());
    }
    let addresses: Vec<String> = plan.addresses_of(interface).map(address).collect();
    words.extend((!addresses.is_empty()).then(|| addresses.join(", ")));
    words.join(" ")
}

fn address(address: Address) -> String {
    let own = format!("{}/{}", address.ip, address.prefix);
    match address.gateway {
        Some(gateway) => format!("{own} via {gateway}"),
        None => own,
    }
}
