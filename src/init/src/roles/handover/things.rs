//! What was made in this boot, out of its record: interfaces, addresses, routes, modules, mounts.

use core::net::IpAddr;

use heapless::String;
use preroot_record::{Event, Scan, Scanned};

use crate::linux::compose;

/// What a thing is: the first field of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An interface that was brought up, or made.
    Link,
    Address,
    /// A default route.
    Route,
    Hostname,
    Module,
    Mount,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Link => "link",
            Kind::Address => "address",
            Kind::Route => "route",
            Kind::Hostname => "hostname",
            Kind::Module => "module",
            Kind::Mount => "mount",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Kind> {
        [
            Kind::Link,
            Kind::Address,
            Kind::Route,
            Kind::Hostname,
            Kind::Module,
            Kind::Mount,
        ]
        .into_iter()
        .find(|kind| kind.word() == word)
    }
}

/// One thing: what, its name, and more about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Thing<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) detail: &'a str,
}

/// What is mounted before there is a record, and where the rescue is: by type.
const EARLY_MOUNTS: [(&str, &str); 7] = [
    ("/dev", "devtmpfs"),
    ("/dev/pts", "devpts"),
    ("/proc", "proc"),
    ("/sys", "sysfs"),
    ("/run", "tmpfs"),
    ("/run/preroot/cgroup", "cgroup2"),
    // The stage: rootfs, or a tmpfs in place.
    ("/run/preroot/stage", "-"),
];

/// Hands everything that was made to `each`, in that order.
pub(super) fn each(record: &[u8], each: &mut dyn FnMut(Thing<'_>)) {
    for (name, detail) in EARLY_MOUNTS {
        each(Thing {
            kind: Kind::Mount,
            name,
            detail,
        });
    }
    let frames = Scan::new(record).filter_map(|scanned| match scanned {
        Scanned::Frame(frame) => Some(frame),
        Scanned::Skipped(_) => None,
    });
    for frame in frames {
        match frame.event() {
            Some(Event::Network(event)) if event.errno == 0 => {
                network(event.interface, event.what, each);
            }
            Some(Event::Module(event)) if event.errno == 0 => each(Thing {
                kind: Kind::Module,
                name: event.name,
                detail: "-",
            }),
            // It is / by now.
            Some(Event::Mounted(event)) => each(Thing {
                kind: Kind::Mount,
                name: "/",
                detail: event.kind,
            }),
            _ => {}
        }
    }
}

/// What was done to an interface; what was only seen is no thing.
fn network(interface: &str, what: &str, each: &mut dyn FnMut(Thing<'_>)) {
    let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
    let thing = match word {
        "up" if rest.is_empty() => (Kind::Link, interface, "up"),
        "bond" if rest.is_empty() => (Kind::Link, interface, "bond"),
        "VLAN" | "into" => (Kind::Link, interface, what),
        "address" => (Kind::Address, interface, rest),
        "route" => (Kind::Route, interface, rest),
        // `host NAME, by ...`, as far as it has a name.
        "host" => match rest.split(',').next().unwrap_or_default() {
            "" => return,
            name => (Kind::Hostname, name, "-"),
        },
        _ => return,
    };
    let (kind, name, detail) = thing;
    each(Thing { kind, name, detail });
}

impl Thing<'_> {
    /// The address and its prefix length, or the gateway and 0.
    pub(super) fn ip(&self) -> Option<(IpAddr, u8)> {
        match self.detail.split_once('/') {
            Some((ip, prefix)) => Some((ip.parse().ok()?, prefix.parse().ok()?)),
            None => Some((self.detail.parse().ok()?, 0)),
        }
    }

    /// The command that undoes it; `-`: there is none, or the machine needs it.
    pub(super) fn undo(&self) -> String<250> {
        let Thing { kind, name, detail } = self;
        let six = if detail.contains(':') { "-6 " } else { "" };
        let command = match kind {
            Kind::Link if *detail == "up" => compose(format_args!("ip link set dev {name} down")),
            Kind::Link if detail.starts_with("into ") => {
                compose(format_args!("ip link set dev {name} nomaster"))
            }
            Kind::Link => compose(format_args!("ip link delete dev {name}")),
            Kind::Address => compose(format_args!("ip address delete {detail} dev {name}")),
            Kind::Route => compose(format_args!(
                "ip {six}route delete default via {detail} dev {name}"
            )),
            Kind::Module => compose(format_args!("rmmod {name}")),
            Kind::Mount if *name == "/run/preroot/cgroup" => compose(format_args!("umount {name}")),
            // Whoever is logged in to the rescue keeps a mount of it.
            Kind::Mount if *name == "/run/preroot/stage" => {
                compose(format_args!("umount -R {name}"))
            }
            Kind::Mount | Kind::Hostname => None,
        };
        command.unwrap_or_else(|| String::try_from("-").unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_to_interfaces_is_known_by_its_words() {
        let check = |what: &str, expected: Option<(Kind, &str, &str, &str)>| {
            let mut found = 0;
            network("eth0", what, &mut |thing| {
                found += 1;
                let got = (thing.kind, thing.name, thing.detail, &*thing.undo());
                assert_eq!(Some(got), expected, "{what}");
            });
            assert_eq!(found, usize::from(expected.is_some()), "{what}");
        };
        check(
            "up",
            Some((Kind::Link, "eth0", "up", "ip link set dev eth0 down")),
        );
        check(
            "bond",
            Some((Kind::Link, "eth0", "bond", "ip link delete dev eth0")),
        );
        check(
            "into bond0",
            Some((
                Kind::Link,
                "eth0",
                "into bond0",
                "ip link set dev eth0 nomaster",
            )),
        );
        check(
            "VLAN 7 on eth1",
            Some((
                Kind::Link,
                "eth0",
                "VLAN 7 on eth1",
                "ip link delete dev eth0",
            )),
        );
        check(
            "address 192.0.2.1/24",
            Some((
                Kind::Address,
                "eth0",
                "192.0.2.1/24",
                "ip address delete 192.0.2.1/24 dev eth0",
            )),
        );
        check(
            "route 2001:db8::1",
            Some((
                Kind::Route,
                "eth0",
                "2001:db8::1",
                "ip -6 route delete default via 2001:db8::1 dev eth0",
            )),
        );
        check(
            "host db1, by its MAC address",
            Some((Kind::Hostname, "db1", "-", "-")),
        );
        check("carrier", None);
        check("no carrier", None);
    }

    #[test]
    fn addresses_and_gateways_are_read() {
        let check = |detail: &str, expected: Option<(&str, u8)>| {
            let thing = Thing {
                kind: Kind::Address,
                name: "eth0",
                detail,
            };
            let expected = expected.map(|(ip, prefix)| (ip.parse().unwrap(), prefix));
            assert_eq!(thing.ip(), expected, "{detail}");
        };
        check("192.0.2.1/24", Some(("192.0.2.1", 24)));
        check("fec0::15/64", Some(("fec0::15", 64)));
        check("192.0.2.254", Some(("192.0.2.254", 0)));
        check("eth0", None);
        check("192.0.2.1/x", None);
    }
}
