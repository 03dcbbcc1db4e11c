//! One image for a fleet: a machine finds itself among 10,000 hosts, and the others' addresses are not its own.

use preroot_qemu_tests::{Artefacts, Disk, Error, Event, Record, Spec, bake, files};
use std::fmt::Write;

use crate::Guest;

/// How many hosts the image knows.
const HOSTS: usize = 10_000;
/// Which of them the machine is.
const OURS: usize = 4711;
/// The MAC address that QEMU gives to the first network card.
const MAC: &str = "52:54:00:12:34:56";

/// The table: each host has two keys and two addresses with gateways; ours are those of QEMU's network.
fn csv() -> String {
    let mut csv = "hostname,mac,dmi-serial,addresses,gateways\n".to_owned();
    for number in 0..HOSTS {
        let (a, b) = (number >> 8, number & 255);
        let (mac, addresses) = match number {
            OURS => (
                MAC.to_owned(),
                "10.0.2.15/24 fec0::15/64,10.0.2.2".to_owned(),
            ),
            _ => (
                format!("52:54:07:00:{a:02x}:{b:02x}"),
                format!("10.7.{a}.{b}/8 2001:db8::{number:x}:1/64,10.99.0.1 fe80::1"),
            ),
        };
        let _ = writeln!(csv, "node-{number},{mac},SN{number:06}X,{addresses}");
    }
    csv
}

#[test]
fn a_machine_finds_itself_among_ten_thousand() -> Result<(), Error> {
    let artefacts = Artefacts::find()?;
    let directory = tempfile::tempdir().map_err(|error| Error::unexpected(error.to_string()))?;
    let table = directory.path().join("hosts.csv");
    files::write(&table, csv())?;
    // The config's own host is any other machine.
    let over = format!(
        "hosts = \"{}\"\n[[host]]\nmatch = \"any\"\naddresses = [\"10.0.2.99/24\"]",
        table.display()
    );
    let image = bake(&artefacts, &[&over], &artefacts.root_tree)?;
    let disk = Disk::copy(&artefacts)?;
    let spec = Spec::new(&artefacts)
        .image(&image.image())
        .disk(&disk)
        .append("preroot.hold=root");
    let mut guest = Guest::start(&artefacts, spec)?;
    let mut session = guest.log_in()?;
    let ours = format!("node-{OURS}");
    assert_eq!(session.ask("hostname")?, ours);
    let addresses = session.ask("ip -o addr show dev eth0")?;
    for (address, is_there) in [
        ("10.0.2.15/24", true),
        ("fec0::15/64", true),
        ("10.0.2.99", false),
    ] {
        assert_eq!(
            addresses.contains(address),
            is_there,
            "{address}: {addresses}"
        );
    }
    session.ask("preroot continue")?;
    assert_eq!(guest.wait_verdict(&mut session)?, "OK");
    guest.wait_root()?;
    guest.power_off()?;
    let record = Record::stored(&disk)?;
    let boot = record.latest()?;
    let is_host = |event: &Event<'_>| matches!(event, Event::Network(network) if network.what.starts_with(&format!("host {ours}")));
    assert!(
        boot.events().any(|(_, event)| is_host(&event)),
        "{}",
        boot.text()
    );
    Ok(())
}
