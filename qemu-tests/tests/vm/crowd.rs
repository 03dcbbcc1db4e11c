//! Connections that are opened and never say who they are.

use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use preroot_qemu_tests::{Error, Machine, Ssh, until};

/// How many a crowd is.
const CONNECTIONS: usize = 500;

/// One that says nothing.
pub(crate) struct Silent(TcpStream);

impl Silent {
    pub(crate) fn open(port: u16) -> Result<Silent, Error> {
        let broken =
            |error: std::io::Error| Error::unexpected(format!("a silent connection: {error}"));
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(broken)?;
        stream
            .set_read_timeout(Some(Duration::from_millis(1)))
            .map_err(broken)?;
        Ok(Silent(stream))
    }

    /// Whether sshd has not closed it.
    pub(crate) fn is_open(&mut self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
            }
        }
    }
}

/// Many of them, from one address.
pub(crate) struct Crowd(Vec<Silent>);

impl Crowd {
    pub(crate) fn gather(port: u16) -> Result<Crowd, Error> {
        let all: Result<Vec<Silent>, Error> =
            (0..CONNECTIONS).map(|_| Silent::open(port)).collect();
        all.map(Crowd)
    }

    /// Waits until somebody with the key, who comes from the same address, is in.
    pub(crate) fn wait_login(&self, ssh: &Ssh, machine: &mut Machine) -> Result<(), Error> {
        until("a login beside silent connections", || {
            machine.check_running()?;
            let output = ssh.output("true")?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            Ok(output.status.success().then_some(()).ok_or(said))
        })
    }

    /// How many sshd has not closed.
    pub(crate) fn held(&mut self) -> usize {
        let open = self.0.iter_mut().map(Silent::is_open);
        open.filter(|&is_open| is_open).count()
    }
}
