//! ARP over a packet socket (packet(7)): whether anybody else on the link has an IPv4 address.

use linux_raw_sys::net::AF_PACKET;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto,
    socket_with,
};

/// ETH_P_ARP, linux/if_ether.h.
const ETH_P_ARP: u16 = 0x0806;
/// Bytes of an ARP packet for IPv4 over Ethernet (RFC 826).
pub const ARP_BYTES: usize = 28;

/// `struct sockaddr_ll` (packet(7)).
#[repr(C)]
struct LinkAddress {
    family: u16,
    protocol: u16,
    index: i32,
    hardware: u16,
    kind: u8,
    length: u8,
    address: [u8; 8],
}

// SAFETY: the pointer is to `self`, which has the kernel's layout of sockaddr_ll and no padding, and its size is told.
unsafe impl SocketAddrArg for LinkAddress {
    unsafe fn with_sockaddr<R>(
        &self,
        f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R,
    ) -> R {
        let bytes = u32::try_from(size_of::<LinkAddress>()).unwrap_or(0);
        f((&raw const *self).cast(), bytes)
    }
}

/// A socket that sees every ARP packet of every interface.
#[derive(Debug)]
pub struct ArpSocket(OwnedFd);

impl ArpSocket {
    /// `socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP))`.
    /// [packet(7)](https://man7.org/linux/man-pages/man7/packet.7.html)
    ///
    /// # Errors
    /// As socket(2); `EPERM` without CAP_NET_RAW.
    pub fn open() -> Result<ArpSocket, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let protocol = u32::from(ETH_P_ARP.to_be());
        let protocol = core::num::NonZeroU32::new(protocol).map(Protocol::from_raw);
        socket_with(AddressFamily::PACKET, SocketType::DGRAM, flags, protocol).map(ArpSocket)
    }

    /// Sends a packet to everybody on the link of an interface.
    ///
    /// # Errors
    /// As sendto(2): `ENETDOWN` when the interface is down, `ENXIO` when it is gone.
    pub fn send(&self, index: u32, packet: &[u8; ARP_BYTES]) -> Result<(), Errno> {
        let to = LinkAddress {
            family: u16::try_from(AF_PACKET).unwrap_or_default(),
            protocol: ETH_P_ARP.to_be(),
            index: i32::try_from(index).map_err(|_| Errno::NXIO)?,
            hardware: 0,
            kind: 0,
            length: 6,
            address: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
        };
        sendto(&self.0, packet, SendFlags::DONTWAIT, &to).map(drop)
    }

    /// Takes one packet; `None`: it is shorter than ARP's.
    ///
    /// # Errors
    /// `EAGAIN` when none is there.
    pub fn take(&self) -> Result<Option<[u8; ARP_BYTES]>, Errno> {
        let mut buffer = [0; 64];
        let (length, _) = recv(&self.0, &mut buffer[..], RecvFlags::DONTWAIT)?;
        let received = buffer.get(..length).unwrap_or_default();
        Ok(received.first_chunk().copied())
    }
}

impl AsFd for ArpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
