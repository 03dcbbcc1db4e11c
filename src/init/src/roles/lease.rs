//! `preroot-lease WHAT`: what udhcpc(8) runs when a lease comes (`bound`, `renew`) or goes (`deconfig`).
//!
//! The address is set with the lease's own time, so that the kernel takes it away when nobody renews it: a client that was
//! killed leaves nothing behind that another machine may have been given meanwhile.

use core::net::{IpAddr, Ipv4Addr};

use heapless::String;
use preroot_boot::machine::Errno;
use preroot_boot::net::RECEIPT;
use preroot_sys::entry::Arguments;
use preroot_sys::fs::{Mode, OFlags, open, unlink};
use preroot_sys::netlink::{Lifetime, Link, RouteSocket};

use super::Words;
use super::network::say;
use super::wire::append;
use crate::limits::PATH_BYTES_MAX;
use crate::linux::{compose, errno, read, write_all};

/// A lease (RFC 2131), as udhcpc gives it in the environment.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Lease<'a> {
    interface: &'a str,
    ip: Option<Ipv4Addr>,
    prefix: u8,
    gateway: Option<Ipv4Addr>,
    seconds: u32,
    server: &'a str,
}

impl<'a> Lease<'a> {
    fn read(environment: impl Iterator<Item = &'a str>) -> Lease<'a> {
        let mut lease = Lease {
            prefix: 32,
            ..Lease::default()
        };
        for (name, value) in environment.filter_map(|word| word.split_once('=')) {
            match name {
                "interface" => lease.interface = value,
                "ip" => lease.ip = value.parse().ok(),
                "mask" => lease.prefix = value.parse().unwrap_or(32).min(32),
                // Of several the first is to be preferred (RFC 2132, 3.5).
                "router" => lease.gateway = value.split(' ').next().and_then(|w| w.parse().ok()),
                "lease" => lease.seconds = value.parse().unwrap_or(0),
                "serverid" => lease.server = value,
                _ => {}
            }
        }
        lease
    }
}

pub(super) fn run(words: &Words, arguments: Arguments) -> Result<(), Errno> {
    let environment = arguments.environment();
    let environment = environment.filter_map(|word| word.to_str().ok());
    let lease = Lease::read(environment);
    let path = compose(format_args!("/run/preroot/lease.{}", lease.interface));
    let path: String<PATH_BYTES_MAX> = path.ok_or(Errno::INVAL)?;
    let mut route = RouteSocket::open().map_err(errno)?;
    let mut index = None;
    let each = &mut |link: &Link<'_>| {
        if link.name == lease.interface {
            index = Some(link.index);
        }
    };
    route.links(each).map_err(errno)?;
    let index = index.ok_or(Errno::NODEV)?;
    match (words.as_slice(), lease.ip) {
        (["bound" | "renew"], Some(ip)) => bind(&mut route, index, &lease, ip, &path),
        (["deconfig"], _) => {
            if let Some(old) = take(&mut route, index, &path) {
                say(format_args!(
                    "wrong\t{}\tthe lease of {} is lost",
                    lease.interface, old.0
                ));
            }
            Ok(())
        }
        // No answer, or a refusal: it asks again by itself.
        _ => Ok(()),
    }
}

fn bind(
    route: &mut RouteSocket,
    index: u32,
    lease: &Lease<'_>,
    ip: Ipv4Addr,
    path: &str,
) -> Result<(), Errno> {
    let lifetime = match lease.seconds {
        // Without an end, or one that the kernel cannot count to.
        0 | u32::MAX => Lifetime::Forever,
        seconds => Lifetime::Seconds(seconds),
    };
    let before = kept(path);
    let is_new = before != Some((ip, lease.prefix));
    if is_new {
        take(route, index, path);
    }
    let address = IpAddr::V4(ip);
    let added = route.add_address(index, address, lease.prefix, lifetime);
    let routed = match lease.gateway.filter(|_| added.is_ok()) {
        Some(gateway) => route.add_route(index, gateway.into()),
        None => Ok(()),
    };
    if is_new {
        let (interface, prefix) = (lease.interface, lease.prefix);
        let code = added.and(routed).err().map_or(0, |error| errno(error).0);
        say(format_args!(
            "note\t{interface}\tlease of {ip}/{prefix} for {} s from {}\t{code}",
            lease.seconds, lease.server
        ));
        keep(path, ip, prefix);
        let line = compose(format_args!("lease {interface} {ip}/{prefix}\n"));
        append(RECEIPT, &line.unwrap_or_default());
        if let Some(gateway) = lease.gateway {
            let line = compose(format_args!("route {interface} {gateway}\n"));
            append(RECEIPT, &line.unwrap_or_default());
        }
    }
    added.map_err(errno)
}

/// Removes the address of the lease before, which takes its routes along; returns it.
fn take(route: &mut RouteSocket, index: u32, path: &str) -> Option<(Ipv4Addr, u8)> {
    let (ip, prefix) = kept(path)?;
    // It may have run out already.
    let _ = route.remove_address(index, ip.into(), prefix);
    let _ = unlink(path);
    Some((ip, prefix))
}

/// The lease that was set last: `192.0.2.10/24`.
fn kept(path: &str) -> Option<(Ipv4Addr, u8)> {
    let mut buffer = [0; 32];
    let length = read(path, &mut buffer).ok()?;
    let text = core::str::from_utf8(buffer.get(..length)?).ok()?;
    let (ip, prefix) = text.trim_ascii().split_once('/')?;
    Some((ip.parse().ok()?, prefix.parse().ok()?))
}

fn keep(path: &str, ip: Ipv4Addr, prefix: u8) {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let line: Option<String<PATH_BYTES_MAX>> = compose(format_args!("{ip}/{prefix}\n"));
    // What is not kept stays until its time is over.
    if let (Ok(file), Some(line)) = (open(path, flags, Mode::from_raw_mode(0o644)), line) {
        let _ = write_all(&file, line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_read_from_the_environment() {
        let check = |environment: &[&'static str], expected: Lease<'_>| {
            assert_eq!(Lease::read(environment.iter().copied()), expected);
        };
        let whole = [
            "PATH=/bin",
            "interface=eth0",
            "ip=10.0.2.15",
            "subnet=255.255.255.0",
            "mask=24",
            "router=10.0.2.2 10.0.2.3",
            "lease=86400",
            "serverid=10.0.2.2",
        ];
        let lease = Lease {
            interface: "eth0",
            ip: Some(Ipv4Addr::new(10, 0, 2, 15)),
            prefix: 24,
            gateway: Some(Ipv4Addr::new(10, 0, 2, 2)),
            seconds: 86_400,
            server: "10.0.2.2",
        };
        check(&whole, lease);
        let nothing = Lease {
            prefix: 32,
            ..Lease::default()
        };
        check(&["ip=none", "mask=x", "router=", "lease=-1", "x"], nothing);
        let wide = Lease {
            prefix: 32,
            ..Lease::default()
        };
        check(&["mask=99"], wide);
    }
}
