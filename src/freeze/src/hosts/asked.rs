//! What is asked of hosts, as it was written: texts with their lines, from a config, a TOML file or a CSV file alike.

use std::rc::Rc;

use crate::message::Place;

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Its text, without blanks around it.
    pub(crate) text: String,
    /// Its line, from 1.
    pub(crate) line: usize,
}

/// A host.
#[derive(Debug)]
pub(crate) struct AskedHost {
    /// The file it stands in.
    pub(crate) file: Rc<str>,
    /// The line it begins on.
    pub(crate) line: usize,
    /// What it is known by: `mac=...`, `dmi-serial=...`, `dmi-uuid=...`, `pci=...`, `any`.
    pub(crate) matches: Vec<Asked>,
    /// Its name.
    pub(crate) hostname: Option<Asked>,
    /// The port of its rescue sshd.
    pub(crate) port: Option<Asked>,
    /// Its interfaces.
    pub(crate) interfaces: Vec<AskedInterface>,
}

/// An interface of a host.
#[derive(Debug, Default)]
pub(crate) struct AskedInterface {
    /// The line it begins on.
    pub(crate) line: usize,
    /// Its NIC, or those of its bond, as [`preroot_plan::Nic`] reads them.
    pub(crate) nics: Vec<Asked>,
    /// The mode of its bond.
    pub(crate) bond: Option<Asked>,
    /// What the bond is called.
    pub(crate) bond_name: Option<Asked>,
    /// A number.
    pub(crate) vlan: Option<Asked>,
    /// A number of bytes.
    pub(crate) mtu: Option<Asked>,
    /// `yes` or `no`.
    pub(crate) dhcp: Option<Asked>,
    /// Each with its prefix length.
    pub(crate) addresses: Vec<Asked>,
    /// Without prefix length.
    pub(crate) gateways: Vec<Asked>,
}

impl AskedHost {
    /// A line of its file.
    pub(crate) fn place(&self, line: usize) -> Place {
        Place::new(&*self.file, line)
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &str {
        let hostname = self.hostname.as_ref();
        hostname.map_or("this host", |hostname| &hostname.text)
    }
}
