//! What there is now: interfaces, addresses, default routes, modules, mounts.

use core::net::IpAddr;

use heapless::{String, Vec};
use preroot_boot::machine::Errno;
use preroot_sys::fs::{Access, Mode, OFlags, access, open};
use preroot_sys::netlink::{Address, Carrier, DefaultRoute, Reach, RouteSocket};
use preroot_sys::system::uname;

use super::things::{Kind, Thing};
use crate::limits::INVENTORY_MAX;
use crate::linux::{compose, errno};

struct Link {
    index: u32,
    name: String<16>,
    /// The bond it is in; 0: none.
    master: u32,
    /// What it is a VLAN on, and of which number.
    parent: u32,
    vlan: u16,
    carrier: Carrier,
}

/// How a thing stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// As it was made.
    Stands,
    /// It is not there.
    Gone,
    /// Something of it is, and not as it was made: what there is instead.
    Changed(String<80>),
}

/// The machine as it is.
pub(super) struct World {
    pub(super) socket: RouteSocket,
    links: Vec<Link, INVENTORY_MAX>,
    addresses: Vec<Address, INVENTORY_MAX>,
    routes: Vec<DefaultRoute, INVENTORY_MAX>,
    mounts: &'static str,
}

impl World {
    /// Asks the kernel. What is beyond the limits is not seen.
    pub(super) fn look() -> Result<World, Errno> {
        let mut socket = RouteSocket::open().map_err(errno)?;
        let (mut links, mut addresses, mut routes) = (Vec::new(), Vec::new(), Vec::new());
        socket
            .links(&mut |link| {
                let _ = links.push(Link {
                    index: link.index,
                    name: String::try_from(link.name).unwrap_or_default(),
                    master: link.master,
                    parent: link.parent,
                    vlan: link.vlan,
                    carrier: link.carrier,
                });
            })
            .map_err(errno)?;
        socket
            .addresses(&mut |address| {
                let _ = addresses.push(*address);
            })
            .map_err(errno)?;
        socket
            .default_routes(&mut |route| {
                let _ = routes.push(*route);
            })
            .map_err(errno)?;
        // PID 1's: seen from the rescue's root there are others.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = open("/proc/1/mountinfo", flags, Mode::empty()).map_err(errno)?;
        let mounts = core::str::from_utf8(read_growing(&file)?).unwrap_or_default();
        Ok(World {
            socket,
            links,
            addresses,
            routes,
            mounts,
        })
    }

    /// The number of an interface.
    pub(super) fn index(&self, name: &str) -> Option<u32> {
        let link = self.links.iter().find(|link| link.name == name)?;
        Some(link.index)
    }

    fn name(&self, index: u32) -> &str {
        let link = self.links.iter().find(|link| link.index == index);
        link.map_or("?", |link| link.name.as_str())
    }

    /// Whether an interface has an address of that family that is good beyond its link.
    pub(super) fn has_address(&self, index: u32, like: IpAddr) -> bool {
        self.addresses.iter().any(|address| {
            address.index == index
                && address.reach == Reach::Global
                && address.ip.is_ipv4() == like.is_ipv4()
        })
    }

    /// Whether there is a default route of that family.
    pub(super) fn has_route(&self, like: IpAddr) -> bool {
        let mut routes = self.routes.iter();
        routes.any(|route| route.gateway.is_ipv4() == like.is_ipv4())
    }

    /// How a thing stands.
    pub(super) fn standing(&self, thing: &Thing<'_>) -> Standing {
        match thing.kind {
            Kind::Link => self.link(thing),
            Kind::Address => self.address(thing),
            Kind::Route => self.route(thing),
            Kind::Hostname => {
                let kernel = uname();
                let name = kernel.nodename().to_str().unwrap_or_default();
                if name == thing.name {
                    Standing::Stands
                } else {
                    changed(format_args!("it is {name}"))
                }
            }
            Kind::Module => {
                let path = compose(format_args!("/sys/module/{}", thing.name));
                let is_there =
                    path.is_some_and(|path| access(path.as_str(), Access::EXISTS).is_ok());
                there(is_there)
            }
            Kind::Mount => self.mount(thing),
        }
    }

    fn link(&self, thing: &Thing<'_>) -> Standing {
        let Some(link) = self.links.iter().find(|link| link.name == thing.name) else {
            return Standing::Gone;
        };
        if thing.detail == "up" && link.carrier == Carrier::Down {
            return changed(format_args!("it is down"));
        }
        if let Some(bond) = thing.detail.strip_prefix("into ") {
            return match link.master {
                0 => changed(format_args!("it is in no bond")),
                master if self.name(master) == bond => Standing::Stands,
                master => changed(format_args!("into {}", self.name(master))),
            };
        }
        if thing.detail.starts_with("VLAN ") {
            let found = changed(format_args!(
                "VLAN {} on {}",
                link.vlan,
                self.name(link.parent)
            ));
            if !matches!(&found, Standing::Changed(found) if found == thing.detail) {
                return found;
            }
        }
        Standing::Stands
    }

    fn address(&self, thing: &Thing<'_>) -> Standing {
        let Some((ip, prefix)) = thing.ip() else {
            return Standing::Gone;
        };
        let same = self.addresses.iter().filter(|address| address.ip == ip);
        let index = self.index(thing.name);
        let mut other = None;
        for address in same {
            if Some(address.index) == index && address.prefix == prefix {
                return Standing::Stands;
            }
            other = Some(address);
        }
        match other {
            None => Standing::Gone,
            Some(address) => changed(format_args!(
                "{ip}/{} on {}",
                address.prefix,
                self.name(address.index)
            )),
        }
    }

    fn route(&self, thing: &Thing<'_>) -> Standing {
        let Some((gateway, _)) = thing.ip() else {
            return Standing::Gone;
        };
        let index = self.index(thing.name);
        let mut other = None;
        for route in &self.routes {
            if route.gateway == gateway && Some(route.index) == index {
                return Standing::Stands;
            }
            if route.gateway.is_ipv4() == gateway.is_ipv4() {
                other = Some(route);
            }
        }
        match other {
            None => Standing::Gone,
            Some(route) => changed(format_args!(
                "via {} dev {}",
                route.gateway,
                self.name(route.index)
            )),
        }
    }

    /// The fifth field of a line is where, the first behind the dash the type (proc(5)). The last one there counts.
    fn mount(&self, thing: &Thing<'_>) -> Standing {
        let mut lines = self.mounts.lines().filter_map(|line| {
            let (front, back) = line.split_once(" - ")?;
            let place = front.split(' ').nth(4)?;
            (place == thing.name).then(|| back.split(' ').next().unwrap_or_default())
        });
        match lines.next_back() {
            None => Standing::Gone,
            Some(kind) if kind == thing.detail || thing.detail == "-" => Standing::Stands,
            Some(kind) => changed(format_args!("{kind}")),
        }
    }
}

fn there(is_there: bool) -> Standing {
    if is_there {
        Standing::Stands
    } else {
        Standing::Gone
    }
}

fn changed(what: core::fmt::Arguments<'_>) -> Standing {
    let mut text = String::new();
    // What does not fit is cut.
    let _ = core::fmt::write(&mut text, what);
    Standing::Changed(text)
}

/// The whole of a file of /proc, which does not say how long it is.
fn read_growing(file: &preroot_sys::fd::OwnedFd) -> Result<&'static [u8], Errno> {
    let buffer = preroot_sys::memory::anonymous(1 << 20).map_err(errno)?;
    let length = crate::linux::read_all(file, buffer)?;
    Ok(buffer.get(..length).unwrap_or_default())
}
