//! The network and the devices: sockets to the kernel, in the core's words.

use preroot_boot::machine::{Carrier, Errno, Link, LinkKind};
use preroot_sys::fd::{AsFd, BorrowedFd, OwnedFd};
use preroot_sys::io;
use preroot_sys::netlink::{self, RouteSocket, UeventSocket};

use super::errno;

/// The sockets, each opened when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Network {
    uevents: Option<UeventSocket>,
    links: Option<OwnedFd>,
    route: Option<RouteSocket>,
}

impl Network {
    pub(super) fn listen_to_uevents(&mut self) -> Result<BorrowedFd<'_>, Errno> {
        let socket = netlink::uevents().map_err(errno)?;
        let socket: &UeventSocket = self.uevents.insert(socket);
        Ok(socket.as_fd())
    }

    pub(super) fn listen_to_links(&mut self) -> Result<BorrowedFd<'_>, Errno> {
        let socket = netlink::link_news().map_err(errno)?;
        let socket: &OwnedFd = self.links.insert(socket);
        Ok(socket.as_fd())
    }

    pub(super) fn read_uevent(&self, out: &mut [u8]) -> Result<usize, Errno> {
        self.uevents
            .as_ref()
            .ok_or(Errno::AGAIN)?
            .take(out)
            .map_err(errno)
    }

    /// The socket for requests.
    pub(super) fn route(&mut self) -> Result<&mut RouteSocket, Errno> {
        match &mut self.route {
            Some(route) => Ok(route),
            empty @ None => Ok(empty.insert(RouteSocket::open().map_err(errno)?)),
        }
    }

    /// All interfaces. The news is taken before they are asked for, so none can get lost between.
    pub(super) fn links(&mut self, each: &mut dyn FnMut(&Link<'_>)) -> Result<(), Errno> {
        self.forget_news();
        let each = &mut |link: &netlink::Link<'_>| {
            each(&Link {
                index: link.index,
                name: link.name,
                mac: link.mac,
                kind: match link.kind {
                    netlink::Kind::Loopback => LinkKind::Loopback,
                    netlink::Kind::Ethernet => LinkKind::Ethernet,
                    netlink::Kind::Other => LinkKind::Other,
                },
                carrier: match link.carrier {
                    netlink::Carrier::Down => Carrier::Down,
                    netlink::Carrier::No => Carrier::No,
                    netlink::Carrier::Yes => Carrier::Yes,
                },
            });
        };
        self.route()?.links(each).map_err(errno)
    }

    /// What the news says is not read: whoever hears of it asks for all interfaces.
    fn forget_news(&self) {
        let Some(links) = &self.links else { return };
        let mut buffer = [0; 64];
        // Too many at once are ENOBUFS, once; then what is queued can be read.
        while matches!(io::read(links, &mut buffer), Ok(_) | Err(io::Errno::NOBUFS)) {}
    }
}
