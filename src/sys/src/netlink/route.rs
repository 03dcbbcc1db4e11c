//! The sockets of rtnetlink(7): one that hears news, one for requests.

use linux_raw_sys::netlink::{NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

use super::message::{Message, Request, field, messages};

// linux/rtnetlink.h: groups.
const RTMGRP_LINK: u32 = 1;
const RTMGRP_IPV4_IFADDR: u32 = 0x10;
const RTMGRP_IPV6_IFADDR: u32 = 0x100;

/// Bytes of one receive. A dump comes in parts of at most 4 KiB unless the reader asks for more.
const RECEIVE_BYTES: usize = 8192;
/// Receives of one request. A machine with thousands of interfaces needs some hundred.
const RECEIVES_MAX: usize = 1024;

/// `socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)` bound to the groups of interfaces and addresses: readable when one has
/// come, gone or changed. [rtnetlink(7)](https://man7.org/linux/man-pages/man7/rtnetlink.7.html)
///
/// # Errors
/// As socket(2) and bind(2).
pub fn news() -> Result<OwnedFd, Errno> {
    let socket = open()?;
    let groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

fn open() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    // NETLINK_ROUTE is 0, which rustix spells as no protocol.
    socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)
}

/// A socket for requests.
#[derive(Debug)]
pub struct RouteSocket {
    socket: OwnedFd,
    sequence: u32,
}

impl RouteSocket {
    /// `socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)`.
    /// [rtnetlink(7)](https://man7.org/linux/man-pages/man7/rtnetlink.7.html)
    ///
    /// # Errors
    /// As socket(2).
    pub fn open() -> Result<RouteSocket, Errno> {
        Ok(RouteSocket {
            socket: open()?,
            sequence: 0,
        })
    }

    /// A request of this type.
    pub(super) fn request(&mut self, kind: u16, flags: u32) -> Request {
        self.sequence = self.sequence.wrapping_add(1);
        let flags = u16::try_from(NLM_F_REQUEST | flags).unwrap_or_default();
        Request::new(kind, flags, self.sequence)
    }

    /// Sends a request and reads answers up to its ACK, its error or the end of its dump.
    pub(super) fn ask(
        &self,
        request: &mut Request,
        each: &mut dyn FnMut(&Message<'_>),
    ) -> Result<(), Errno> {
        send(&self.socket, request.finish(), SendFlags::empty())?;
        let mut buffer = [0; RECEIVE_BYTES];
        for _ in 0..RECEIVES_MAX {
            let (length, _) =
                recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT).map_err(|errno| {
                    if errno == Errno::AGAIN {
                        Errno::IO
                    } else {
                        errno
                    }
                })?;
            let received = buffer.get(..length).unwrap_or_default();
            // What is left of an earlier request that failed half-way is passed over.
            for message in messages(received).filter(|m| m.sequence == self.sequence) {
                match u32::from(message.kind) {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => return acknowledgement(message.body),
                    _ => each(&message),
                }
            }
        }
        Err(Errno::IO)
    }
}

fn acknowledgement(body: &[u8]) -> Result<(), Errno> {
    match field(body, 0).map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(negative) => Err(Errno::from_raw_os_error(negative.saturating_neg())),
        None => Err(Errno::IO),
    }
}
