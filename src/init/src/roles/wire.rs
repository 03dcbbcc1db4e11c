//! The kernel as the network's state machine sees it: netlink, packet sockets, small files of /proc and /sys.

use core::fmt::Arguments;

use heapless::{String, Vec};
use preroot_boot::limits::{LINK_NAME_BYTES_MAX, LINKS_MAX, WANTS_MAX};
use preroot_boot::machine::{Errno, Nanoseconds};
use preroot_boot::net::arp::ARP_BYTES;
use preroot_boot::net::wire::{Assigned, Carrier, Change, Dmi, Link, LinkKind, Wire};
use preroot_boot::net::{HANDED_OVER, RECEIPT};
use preroot_boot::roles;
use preroot_plan::nic::is_pci;
use preroot_sys::fd::{BorrowedFd, OwnedFd};
use preroot_sys::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, open, readlinkat_raw, statx};
use preroot_sys::netlink::{self, Lifetime, RouteSocket};
use preroot_sys::packet::ArpSocket;
use preroot_sys::spawn::{Command, Program, Terminal, spawn};
use preroot_sys::{descriptor, io, signal, system};

use super::load_modules::now;
use super::network::say;
use crate::limits::PATH_BYTES_MAX;
use crate::linux::{compose, errno, read, write_all};

/// The image's DHCP client, a part of busybox: the shell's name wakes the tools of a packed image.
const CLIENT: &str = "/bin/sh";
/// What it runs when a lease comes or goes.
const LEASE: &str = "/bin/preroot-lease";
/// Where the rescue's programs look for name servers.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// IPv6 addresses are used while the kernel still asks whether somebody else has them (RFC 4429).
const OPTIMISTIC: [&str; 2] = [
    "/proc/sys/net/ipv6/conf/all/optimistic_dad",
    "/proc/sys/net/ipv6/conf/all/use_optimistic",
];

type Name = String<LINK_NAME_BYTES_MAX>;

/// The kernel.
#[derive(Debug)]
pub(super) struct Kernel {
    route: RouteSocket,
    arp: Option<ArpSocket>,
    null: OwnedFd,
    /// Names of interfaces, for the receipt.
    names: Vec<(u32, Name), LINKS_MAX>,
    /// DHCP clients, and where they ask.
    clients: Vec<(u32, Name), WANTS_MAX>,
    /// What / is for this process: the image.
    own_root: Option<(u32, u32)>,
    is_roots: bool,
}

impl Kernel {
    pub(super) fn new() -> Result<Kernel, Errno> {
        let kernel = Kernel {
            route: RouteSocket::open().map_err(errno)?,
            arp: None,
            null: open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
                .map_err(errno)?,
            names: Vec::new(),
            clients: Vec::new(),
            own_root: device("/"),
            is_roots: false,
        };
        be_optimistic(b"1");
        Ok(kernel)
    }

    /// The socket that hears ARP, while there is one.
    pub(super) fn arp(&self) -> Option<BorrowedFd<'_>> {
        use preroot_sys::fd::AsFd;
        self.arp.as_ref().map(AsFd::as_fd)
    }

    /// Takes an ARP packet, if there is one.
    pub(super) fn hear_arp(&mut self) -> Option<[u8; ARP_BYTES]> {
        let arp = self.arp.as_ref()?;
        loop {
            match arp.take() {
                Ok(Some(packet)) => return Some(packet),
                Ok(None) => {}
                Err(_) => return None,
            }
        }
    }

    pub(super) fn has_clients(&self) -> bool {
        !self.clients.is_empty()
    }

    /// A child has ended: which interface's DHCP client it was.
    pub(super) fn client_ended(&mut self, pid: u32) -> Option<Name> {
        let at = self.clients.iter().position(|(client, _)| *client == pid)?;
        Some(self.clients.swap_remove(at).1)
    }

    fn name(&self, index: u32) -> &str {
        let mut names = self.names.iter();
        names
            .find(|(known, _)| *known == index)
            .map_or("?", |(_, name)| name.as_str())
    }

    fn index_of(&mut self, name: &str) -> Option<u32> {
        let mut found = None;
        let each = &mut |link: &netlink::Link<'_>| {
            if link.name == name {
                found = Some(link.index);
            }
        };
        self.route.links(each).ok()?;
        found
    }

    /// Keeps what was done, so that it can be undone.
    fn keep(&mut self, change: Change<'_>) {
        let line: Option<String<PATH_BYTES_MAX>> = match change {
            Change::Up(index) => compose(format_args!("up {}\n", self.name(index))),
            Change::Down(index) => compose(format_args!("down {}\n", self.name(index))),
            Change::Mtu(index, mtu) => compose(format_args!("mtu {} {mtu}\n", self.name(index))),
            Change::Vlan(name, parent, id) => {
                compose(format_args!("vlan {name} {} {id}\n", self.name(parent)))
            }
            Change::Bond(name) => compose(format_args!("bond {name}\n")),
            Change::Enslave(member, bond) => {
                let (member, bond) = (self.name(member), self.name(bond));
                compose(format_args!("member {member} {bond}\n"))
            }
            Change::Address(index, ip, prefix) => {
                compose(format_args!("address {} {ip}/{prefix}\n", self.name(index)))
            }
            Change::NoAddress(index, ip, prefix) => compose(format_args!(
                "no-address {} {ip}/{prefix}\n",
                self.name(index)
            )),
            Change::Route(index, gateway) => {
                compose(format_args!("route {} {gateway}\n", self.name(index)))
            }
            Change::NoRoute(index, gateway) => {
                compose(format_args!("no-route {} {gateway}\n", self.name(index)))
            }
            Change::Hostname(name) => compose(format_args!("hostname {name}\n")),
            Change::Dhcp(name) => compose(format_args!("dhcp {name}\n")),
            Change::NameServer(_) => None,
        };
        append(RECEIPT, &line.unwrap_or_default());
    }

    fn start_client(&mut self, interface: &str) -> Result<(), Errno> {
        let arguments = [
            "udhcpc", "-f", "-i", interface, "-s", LEASE, "-a", "-t", "4", "-T", "3", "-A", "5",
        ];
        let null = &self.null;
        use preroot_sys::fd::AsFd;
        // Who spawns has no signal to answer.
        signal::block(signal::Set::ALL);
        let spawned = spawn(&Command {
            program: Program::Path(CLIENT),
            arguments: &arguments,
            environment: &["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
            root: None,
            streams: [null.as_fd(), descriptor::stdout(), null.as_fd()],
            terminal: Terminal::None,
            group: None,
            oom_score: "-1000",
            open_files: None,
        });
        signal::block(signal::Set::EMPTY);
        let name = Name::try_from(interface).unwrap_or_default();
        // As many as there are wants: they fit.
        let _ = self.clients.push((spawned.map_err(errno)?, name));
        Ok(())
    }

    fn make(&mut self, change: Change<'_>) -> Result<(), Errno> {
        let route = &mut self.route;
        match change {
            Change::Up(index) => route.link_up(index),
            Change::Down(index) => route.link_down(index),
            Change::Mtu(index, mtu) => route.set_mtu(index, mtu),
            Change::Vlan(name, parent, id) => route.make_vlan(name, parent, id),
            Change::Bond(name) => match route.make_bond(name) {
                // Its module makes a bond0 of its own when it is loaded, which cannot be another kind while it is up.
                Err(io::Errno::PERM | io::Errno::ACCESS | io::Errno::BUSY) => {
                    let index = self.index_of(name).ok_or(Errno::NODEV)?;
                    let _ = self.route.link_down(index);
                    self.route.make_bond(name)
                }
                made => made,
            },
            Change::Enslave(member, bond) => route.enslave(member, bond),
            Change::Address(index, ip, prefix) => {
                route.add_address(index, ip, prefix, Lifetime::Forever)
            }
            Change::NoAddress(index, ip, prefix) => route.remove_address(index, ip, prefix),
            Change::Route(index, gateway) => route.add_route(index, gateway),
            Change::NoRoute(index, gateway) => route.remove_route(index, gateway),
            Change::Hostname(name) => system::sethostname(name.as_bytes()),
            Change::Dhcp(interface) => return self.start_client(interface),
            Change::NameServer(ip) => {
                let line = compose(format_args!("nameserver {ip}\n"));
                append(RESOLV_CONF, &line.unwrap_or_default());
                return Ok(());
            }
        }
        .map_err(errno)
    }
}

impl Wire for Kernel {
    fn now(&mut self) -> Nanoseconds {
        now()
    }

    fn links(&mut self, each: &mut dyn FnMut(&Link<'_>)) -> Result<(), Errno> {
        let names = &mut self.names;
        names.clear();
        let each = &mut |link: &netlink::Link<'_>| {
            let _ = names.push((link.index, Name::try_from(link.name).unwrap_or_default()));
            each(&Link {
                index: link.index,
                name: link.name,
                mac: link.mac,
                permanent: link.permanent,
                mtu: link.mtu,
                master: link.master,
                parent: link.parent,
                vlan: link.vlan,
                kind: match link.kind {
                    netlink::Kind::Loopback => LinkKind::Loopback,
                    netlink::Kind::Ethernet => LinkKind::Ethernet,
                    netlink::Kind::Made => LinkKind::Made,
                    netlink::Kind::Other => LinkKind::Other,
                },
                carrier: match link.carrier {
                    netlink::Carrier::Down => Carrier::Down,
                    netlink::Carrier::No => Carrier::No,
                    netlink::Carrier::Yes => Carrier::Yes,
                },
            });
        };
        self.route.links(each).map_err(errno)
    }

    fn addresses(&mut self, each: &mut dyn FnMut(&Assigned)) -> Result<(), Errno> {
        let each = &mut |address: &netlink::Address| {
            each(&Assigned {
                index: address.index,
                ip: address.ip,
                is_global: address.reach == netlink::Reach::Global,
                is_duplicate: address.is_duplicate,
            });
        };
        self.route.addresses(each).map_err(errno)
    }

    fn change(&mut self, change: Change<'_>) -> Result<(), Errno> {
        self.make(change)?;
        self.keep(change);
        Ok(())
    }

    fn send_arp(&mut self, index: u32, packet: &[u8; ARP_BYTES]) -> Result<(), Errno> {
        let arp = match &mut self.arp {
            Some(arp) => arp,
            empty @ None => empty.insert(ArpSocket::open().map_err(errno)?),
        };
        arp.send(index, packet).map_err(errno)
    }

    fn hush_arp(&mut self) {
        self.arp = None;
    }

    fn dmi(&mut self, which: Dmi, out: &mut [u8]) -> usize {
        let path = match which {
            Dmi::Serial => "/sys/class/dmi/id/product_serial",
            Dmi::Uuid => "/sys/class/dmi/id/product_uuid",
        };
        read(path, out).unwrap_or(0)
    }

    /// The last device on the way to an interface that has a PCI address: behind it there may be a virtio device.
    fn pci(&mut self, interface: &str, out: &mut [u8]) -> usize {
        let Some(path) = compose(format_args!("/sys/class/net/{interface}")) else {
            return 0;
        };
        let mut target = [0; PATH_BYTES_MAX];
        let length = readlinkat_raw(CWD, path.as_str(), &mut target[..]).unwrap_or(0);
        let target = core::str::from_utf8(target.get(..length).unwrap_or_default());
        let mut parts = target.unwrap_or_default().rsplit('/');
        let found = parts.find(|part| is_pci(part)).unwrap_or_default();
        match out.get_mut(..found.len()) {
            Some(room) => {
                room.copy_from_slice(found.as_bytes());
                found.len()
            }
            None => 0,
        }
    }

    fn is_roots(&mut self) -> bool {
        if !self.is_roots {
            let seen = device(HANDED_OVER);
            self.is_roots = seen.is_some() && self.own_root.is_some() && seen != self.own_root;
            if self.is_roots {
                be_optimistic(b"0");
            }
        }
        self.is_roots
    }

    fn say(&mut self, line: Arguments<'_>) {
        say(line);
    }
}

/// The device of the file system at a path, of what the kernel knows by heart: no server is asked.
fn device(path: &str) -> Option<(u32, u32)> {
    let found = statx(CWD, path, AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE).ok()?;
    Some((found.stx_dev_major, found.stx_dev_minor))
}

/// As the root's own system expects it, or as the rescue needs it.
fn be_optimistic(value: &[u8]) {
    for path in OPTIMISTIC {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        // Without it, IPv6 addresses can be used a second later.
        let _ = open(path, flags, Mode::empty()).and_then(|file| io::write(&file, value));
    }
}

/// Adds a line to a file; one that cannot be kept is not worth a way in.
pub(super) fn append(path: &str, line: &str) {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o644);
    if let Ok(file) = open(path, flags, mode) {
        let _ = write_all(&file, line.as_bytes());
    }
}

const _: () = assert!(LEASE.len() == "/bin/".len() + roles::LEASE.len());
