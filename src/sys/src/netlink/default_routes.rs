//! Which default routes there are: rtnetlink(7), RTM_GETROUTE.

use core::net::IpAddr;

use linux_raw_sys::net::{AF_INET, AF_INET6};
use linux_raw_sys::netlink::NLM_F_DUMP;
use rustix::io::Errno;

use super::message::{Message, attributes, field};
use super::route::RouteSocket;

// linux/rtnetlink.h: types and attributes.
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RT_TABLE_MAIN: u8 = 254;

/// Bytes of `struct rtmsg`.
const ROUTE_BYTES: usize = 12;

/// A default route of the main table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultRoute {
    /// The interface it leads out of.
    pub index: u32,
    /// The gateway.
    pub gateway: IpAddr,
}

impl RouteSocket {
    /// RTM_GETROUTE with NLM_F_DUMP: hands every default route of the main table that has a gateway to `each`.
    ///
    /// # Errors
    /// What the kernel answers; `EIO` when it does not.
    pub fn default_routes(&mut self, each: &mut dyn FnMut(&DefaultRoute)) -> Result<(), Errno> {
        let mut request = self.request(RTM_GETROUTE, NLM_F_DUMP);
        request.put(&[0; ROUTE_BYTES]);
        self.ask(&mut request, &mut |message| {
            if let Some(route) = parse(message) {
                each(&route);
            }
        })
    }
}

fn parse(message: &Message<'_>) -> Option<DefaultRoute> {
    if message.kind != RTM_NEWROUTE {
        return None;
    }
    let [family, destination_bits, _, _] = field(message.body, 0)?;
    let [table, _, _, _] = field(message.body, 4)?;
    if destination_bits != 0 || table != RT_TABLE_MAIN {
        return None;
    }
    let (mut index, mut gateway) = (None, None);
    for (kind, value) in attributes(message.body.get(ROUTE_BYTES..)?) {
        match kind {
            RTA_OIF => index = field(value, 0).map(u32::from_ne_bytes),
            RTA_GATEWAY => gateway = ip(family, value),
            _ => {}
        }
    }
    Some(DefaultRoute {
        index: index?,
        gateway: gateway?,
    })
}

/// `None`: of another family.
fn ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match u32::from(family) {
        AF_INET => Some(IpAddr::from(<[u8; 4]>::try_from(value).ok()?)),
        AF_INET6 => Some(IpAddr::from(<[u8; 16]>::try_from(value).ok()?)),
        _ => None,
    }
}
