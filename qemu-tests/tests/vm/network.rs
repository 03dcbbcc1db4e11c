//! Networks: which host a machine is, what it gets, and what is told when that cannot be.

use preroot_qemu_tests::{
    Artefacts, Disk, Door, Error, Event, Link, Nic, Record, Spec, Ssh, bake, free_port, until,
};

use crate::RESCUE_PORT;

scenarios! {
    network_cards_that_are_swapped "network/swapped"
    network_of_any_machine_by_dhcp "network/dhcp"
    network_carrier_comes_late "network/late-carrier"
    network_without_a_card "network/no-card"
    network_of_a_wrong_mac "network/wrong-mac"
    network_host_by_dmi_serial "network/by-dmi-serial"
    network_host_by_dmi_uuid "network/by-dmi-uuid"
    network_host_by_pci "network/by-pci"
    network_by_the_command_line "network/command-line"
    network_bond_fails_over "network/bond"
}

/// What the record says of interfaces, `eth0: carrier` each.
fn said(record: &Record) -> Result<Vec<String>, Error> {
    let boot = record.latest()?;
    let said = boot.events().filter_map(|(_, event)| match event {
        Event::Network(network) => Some(format!("{}: {}", network.interface, network.what)),
        _ => None,
    });
    Ok(said.collect())
}

/// Two machines on a cable, with this host table for the second one; the first one is set up by `ip=`, and the way to the
/// second one is through it: to this address.
fn two(
    words: &str,
    hosts: &str,
    address: &str,
    check: impl Fn(&[String]) -> bool,
) -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let hosts = format!("[[host]]\nmatch = \"mac=52:54:00:12:34:56\"\n{hosts}");
    let vlans = "modules.always = [\"8021q\"]";
    let baked = bake(&artefacts, &[vlans, &hosts], &artefacts.root_tree)?;
    let (near, far) = Link::pair()?;
    let client = free_port()?;
    let forwards = vec![(client, RESCUE_PORT)];
    let mut neighbour = Spec::new(&artefacts)
        .image(&baked.image())
        .append("preroot.hold=root ip=10.0.2.15:::24::eth0")
        .append(words)
        .nic_with_mac(Nic::User { forwards }, "52:54:00:12:34:01")
        .nic_with_mac(Nic::Cable(near), "52:54:00:12:34:02")
        .start_init()?;
    let door = Ssh::new(&artefacts, Door::Rescue, client)?;
    door.wait(&mut neighbour)?;
    until("the neighbour's address", || {
        neighbour.check_running()?;
        let all = said(&Record::fetched(&door)?)?;
        let is_there = all.iter().any(|line| line.contains("address 192.0.2."));
        Ok(if is_there {
            Ok(())
        } else {
            Err(all.join("\n"))
        })
    })?;
    let disk = Disk::copy(&artefacts)?;
    let mut machine = Spec::new(&artefacts)
        .image(&baked.image())
        .disk(&disk)
        .nic(Nic::Cable(far))
        .start_init()?;
    // ssh expands `%` in a proxy command.
    let netcat = format!("nc {} {RESCUE_PORT}", address.replace('%', "%%"));
    let proxy = format!("{} {netcat}", door.text());
    let ssh = Ssh::new(&artefacts, Door::Rescue, RESCUE_PORT)?.through(&proxy);
    ssh.wait(&mut machine)?;
    until("the record that is expected", || {
        machine.check_running()?;
        let all = said(&Record::fetched(&ssh)?)?;
        Ok(if check(&all) {
            Ok(())
        } else {
            Err(all.join("\n"))
        })
    })
}

/// Tagged frames between two machines: a real client comes in by a VLAN.
#[test]
fn network_vlan_carries_a_login() -> Result<(), Error> {
    let words = "vlan=eth1.5:eth1 ip=192.0.2.1:::24::eth1.5";
    let hosts = "vlan = 5\naddresses = [\"192.0.2.10/24\"]\ngateways = [\"192.0.2.1\"]";
    two(words, hosts, "192.0.2.10", |said| {
        let has = |words: &str| said.iter().any(|line| line == words);
        has("eth0.5: VLAN 5 on eth0") && has("eth0.5: address 192.0.2.10/24")
    })
}

/// The neighbour has our address: told, not used; a real client comes in by the link-local one.
#[test]
fn network_address_that_another_machine_has() -> Result<(), Error> {
    let words = "ip=192.0.2.10:::24::eth1 ip=[2001:db8::10]:::64::eth1";
    let hosts = "addresses = [\"192.0.2.10/24\", \"2001:db8::10/64\"]";
    two(words, hosts, "fe80::5054:ff:fe12:3456%eth1", |said| {
        let has = |words: &str| said.iter().any(|line| line.starts_with(words));
        has("eth0: address 192.0.2.10 is the machine with MAC 52:54:00:12:34:02's: not used")
            && has("eth0: address 2001:db8::10 is another machine's: not used")
    })
}
