//! The kernel's news of devices: NETLINK_KOBJECT_UEVENT.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recvfrom, socket_with};

/// The kernel's multicast group. udev speaks to its own listeners in group 2.
const KERNEL_GROUP: u32 = 1;
/// Bytes the kernel may queue for us: a coldplug of thousands of devices.
const QUEUE_BYTES: usize = 2 << 20;

/// A socket that hears uevents.
#[derive(Debug)]
pub struct UeventSocket(OwnedFd);

/// `socket(AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT)` bound to the kernel's group.
/// [netlink(7)](https://man7.org/linux/man-pages/man7/netlink.7.html)
///
/// # Errors
/// As socket(2) and bind(2).
pub fn uevents() -> Result<UeventSocket, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let protocol = Some(netlink::KOBJECT_UEVENT);
    let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol)?;
    // A smaller queue only makes ENOBUFS likelier, and then the reader looks at everything again.
    let _ = set_socket_recv_buffer_size_force(&socket, QUEUE_BYTES);
    bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
    Ok(UeventSocket(socket))
}

impl UeventSocket {
    /// Takes one uevent, passing over what was not sent by the kernel.
    ///
    /// # Errors
    /// `EAGAIN` when none is left; `ENOBUFS` when some were lost.
    pub fn take(&self, out: &mut [u8]) -> Result<usize, Errno> {
        loop {
            let (length, _, sender) = recvfrom(&self.0, &mut *out, RecvFlags::DONTWAIT)?;
            let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
            if sender.is_some_and(|sender| sender.pid() == 0) {
                return Ok(length);
            }
        }
    }
}

impl AsFd for UeventSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
