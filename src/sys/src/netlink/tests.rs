//! What the kernel makes of our requests, in a network namespace of the test's own.
//!
//! The test starts itself again under unshare(1), so that it needs no rights and touches nothing. Where namespaces are
//! not allowed, or the kernel lacks a kind of device, it says so and what it left out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::Command;
use std::string::{String, ToString};
use std::{eprintln, format, vec::Vec};

use rustix::io::Errno;

use super::{Carrier, Kind, Lifetime, RouteSocket};

const INSIDE: &str = "PREROOT_TEST_IN_NAMESPACE";

/// Runs the test of this name again in a namespace; `None`: this is that run.
fn in_namespace(name: &str) -> Option<()> {
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    let this = std::env::current_exe().unwrap();
    let exact = format!("netlink::tests::{name}");
    let allowed = Command::new("unshare").args(["-rn", "true"]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        eprintln!("LEFT OUT: {name}: unshare -rn is not allowed here");
        return Some(());
    }
    let output = Command::new("unshare")
        .arg("-rn")
        .arg(this)
        .args([exact.as_str(), "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    eprintln!("{said}");
    assert!(output.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    Some(())
}

fn ip(words: &str) {
    let output = Command::new("ip").args(words.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {words}: {output:?}");
}

/// Whether the kernel could make it; it may lack the module.
fn made(what: &str, result: Result<(), Errno>) -> bool {
    if result == Err(Errno::OPNOTSUPP) {
        eprintln!("LEFT OUT: this kernel has no {what}");
        return false;
    }
    assert_eq!(result, Ok(()), "{what}");
    true
}

type Seen = BTreeMap<String, (u32, Kind, Carrier, u32, u32, u16)>;

fn links(socket: &mut RouteSocket) -> Seen {
    let mut seen = Seen::new();
    let each = &mut |link: &super::Link<'_>| {
        let value = (
            link.index,
            link.kind,
            link.carrier,
            link.mtu,
            link.master,
            link.vlan,
        );
        seen.insert(link.name.to_string(), value);
    };
    socket.links(each).unwrap();
    seen
}

fn addresses(socket: &mut RouteSocket, index: u32) -> Vec<String> {
    let mut all = Vec::new();
    let each = &mut |address: &super::Address| {
        if address.index == index && address.ip.is_ipv4() {
            all.push(format!("{}/{}", address.ip, address.prefix));
        }
    };
    socket.addresses(each).unwrap();
    all
}

#[test]
fn addresses_and_routes_come_and_go() {
    if in_namespace("addresses_and_routes_come_and_go").is_some() {
        return;
    }
    ip("link add veth0 type veth peer name veth1");
    let mut socket = RouteSocket::open().unwrap();
    let (a, b) = (links(&mut socket)["veth0"].0, links(&mut socket)["veth1"].0);
    socket.set_mtu(a, 1400).unwrap();
    assert_eq!(socket.set_mtu(a, 1), Err(Errno::INVAL));
    socket.link_up(a).unwrap();
    assert_eq!(links(&mut socket)["veth0"].2, Carrier::No);
    socket.link_up(b).unwrap();
    let seen = links(&mut socket)["veth0"];
    assert_eq!(
        (seen.1, seen.2, seen.3),
        (Kind::Ethernet, Carrier::Yes, 1400)
    );
    let four: IpAddr = "192.0.2.10".parse().unwrap();
    let gateway: IpAddr = "192.0.2.1".parse().unwrap();
    let far: IpAddr = "198.51.100.1".parse().unwrap();
    socket.add_address(a, four, 24, Lifetime::Forever).unwrap();
    // Again is fine; and a lifetime can be given later.
    socket.add_address(a, four, 24, Lifetime::Forever).unwrap();
    socket
        .add_address(a, four, 24, Lifetime::Seconds(600))
        .unwrap();
    assert_eq!(addresses(&mut socket, a), ["192.0.2.10/24"]);
    socket.add_route(a, gateway).unwrap();
    socket.add_route(a, gateway).unwrap();
    socket.remove_route(a, gateway).unwrap();
    assert_eq!(socket.remove_route(a, gateway), Err(Errno::SRCH));
    // Not in any prefix: on the link all the same.
    socket.add_route(a, far).unwrap();
    socket.remove_address(a, four, 24).unwrap();
    let again = socket.remove_address(a, four, 24);
    assert_eq!(again, Err(Errno::ADDRNOTAVAIL));
    assert_eq!(addresses(&mut socket, a), [""; 0]);
    let six: IpAddr = "2001:db8::10".parse().unwrap();
    socket.add_address(a, six, 64, Lifetime::Forever).unwrap();
    socket.remove_address(a, six, 64).unwrap();
    socket.link_down(a).unwrap();
    assert_eq!(links(&mut socket)["veth0"].2, Carrier::Down);
}

#[test]
fn vlans_and_bonds_come_and_go() {
    if in_namespace("vlans_and_bonds_come_and_go").is_some() {
        return;
    }
    ip("link add veth0 type veth peer name veth1");
    let mut socket = RouteSocket::open().unwrap();
    let a = links(&mut socket)["veth0"].0;
    let vlan = socket.make_vlan("veth0.5", a, 5);
    if made("8021q", vlan) {
        let seen = links(&mut socket)["veth0.5"];
        assert_eq!((seen.1, seen.5), (Kind::Made, 5));
        assert_eq!(socket.make_vlan("veth0.5", a, 5), Err(Errno::EXIST));
        socket.remove_link(seen.0).unwrap();
        assert!(!links(&mut socket).contains_key("veth0.5"));
    }
    let bond = socket.make_bond("bond7");
    if made("bonding", bond) {
        let bond = links(&mut socket)["bond7"].0;
        socket.link_up(a).unwrap();
        assert_eq!(socket.enslave(a, bond), Err(Errno::PERM));
        socket.link_down(a).unwrap();
        socket.enslave(a, bond).unwrap();
        assert_eq!(links(&mut socket)["veth0"].4, bond);
        socket.remove_link(bond).unwrap();
        assert_eq!(links(&mut socket)["veth0"].4, 0);
    }
}
