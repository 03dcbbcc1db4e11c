//! The control socket: one datagram is a request, one is its answer. Only root can reach it, and with every datagram
//! comes who sent it, by the kernel's word (unix(7), SO_PASSCRED).

use core::mem::MaybeUninit;

use preroot_boot::machine::{Asked, Errno};
use preroot_sys::fd::{AsFd, BorrowedFd, OwnedFd};
use preroot_sys::fs::{Mode, chmod, unlink};
use preroot_sys::io;
use preroot_sys::net::sockopt::set_socket_passcred;
use preroot_sys::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, bind, recvfrom, recvmsg, sendto, socket_with,
};

use super::errno;

/// Where it is.
pub const CONTROL: &str = "/run/preroot/control";

/// The socket, and who asked last.
#[derive(Debug)]
pub(super) struct Control {
    socket: OwnedFd,
    asker: Option<SocketAddrUnix>,
}

impl Control {
    /// Makes it, in place of one that was there.
    pub(super) fn open() -> Result<Control, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None).map_err(errno)?;
        match unlink(CONTROL) {
            Err(io::Errno::NOENT) | Ok(()) => {}
            Err(other) => return Err(errno(other)),
        }
        set_socket_passcred(&socket, true).map_err(errno)?;
        let address = SocketAddrUnix::new(CONTROL).map_err(errno)?;
        bind(&socket, &address).map_err(errno)?;
        // PID 1 has no other thread or child that could be quicker than this.
        chmod(CONTROL, Mode::from_raw_mode(0o600)).map_err(errno)?;
        Ok(Control {
            socket,
            asker: None,
        })
    }

    /// Takes one datagram. Files that came with it are closed.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<Asked, Errno> {
        let mut space = [MaybeUninit::uninit(); preroot_sys::cmsg_space!(ScmCredentials(1))];
        let mut beside = RecvAncillaryBuffer::new(&mut space);
        let mut buffers = [io::IoSliceMut::new(out)];
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let taken = recvmsg(&self.socket, &mut buffers, &mut beside, flags).map_err(errno)?;
        let asker = taken.address;
        self.asker = asker.and_then(|asker| SocketAddrUnix::try_from(asker).ok());
        // One who does not say who it is, is nobody.
        let mut asked = Asked {
            length: taken.bytes,
            pid: 0,
            uid: u32::MAX,
        };
        for message in beside.drain() {
            if let RecvAncillaryMessage::ScmCredentials(sender) = message {
                asked.uid = sender.uid.as_raw();
                asked.pid = sender.pid.as_raw_nonzero().get().unsigned_abs();
            }
        }
        Ok(asked)
    }

    /// An asker that has gone, or does not read, gets no answer.
    pub(super) fn answer(&mut self, answer: &[u8]) -> Result<(), Errno> {
        let asker = self.asker.take().ok_or(Errno::NOENT)?;
        send(self.socket.as_fd(), answer, &asker)
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Takes one datagram and its sender.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    out: &mut [u8],
) -> Result<(usize, Option<SocketAddrUnix>), Errno> {
    let (length, _, sender) = recvfrom(socket, out, RecvFlags::DONTWAIT).map_err(errno)?;
    Ok((
        length,
        sender.and_then(|sender| SocketAddrUnix::try_from(sender).ok()),
    ))
}

/// Answers a sender.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    answer: &[u8],
    to: &SocketAddrUnix,
) -> Result<(), Errno> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    sendto(socket, answer, flags, to).map(|_| ()).map_err(errno)
}
