//! Rescue networking: every Ethernet interface comes up as it appears, and the host's addresses go
//! where the plan's host table says.
//!
//! A host is known by the MAC of one of its interfaces, else it is the entry for any machine, whose addresses go
//! to the first interface with a carrier. IPv6 link-local addresses are the kernel's own work, so a
//! machine nobody knows is still reachable on its segment. Nothing waits for the network.

use heapless::{String, Vec};
use preroot_plan::{Address, Host, HostKey, Plan};
use preroot_record::Network as Record;

use crate::core::Boot;
use crate::limits::{LINKS_MAX, NETWORK_AGAIN_NS};
use crate::machine::{Carrier, Errno, LinkKind, Machine, Nanoseconds};
use crate::stage::Next;
use crate::step::{At, Failed, Step};
use crate::text::text;

/// An interface as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    index: u32,
    name: String<16>,
    mac: [u8; 6],
    kind: LinkKind,
    carrier: Carrier,
}

/// What is known of the network.
#[derive(Debug, Default)]
pub(crate) struct Network {
    known: Vec<Known, LINKS_MAX>,
    /// The stage has begun: interfaces are brought up.
    begun: bool,
    /// Something failed that may go well later; when it is tried again.
    again_at: Option<Nanoseconds>,
    /// The host's addresses are set.
    addressed: bool,
    /// The host name of the matching host.
    pub(crate) hostname: String<64>,
}

impl Network {
    pub(crate) fn deadline(&self) -> Option<Nanoseconds> {
        self.again_at
    }
}

/// The stage: looks at what is there; the rest comes with events.
pub(crate) fn run<M: Machine>(boot: &mut Boot<'_, M>) -> Next {
    boot.network.begun = true;
    Next::from(look(boot))
}

/// What failed is tried again.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    if boot.network.again_at.take_if(|at| *at <= now).is_some() {
        changed(boot);
    }
}

/// The kernel says that something has changed.
pub(crate) fn changed<M: Machine>(boot: &mut Boot<'_, M>) {
    if boot.network.begun
        && let Err(failed) = look(boot)
    {
        boot.alarm(format_args!(
            "network: {}, errno {}",
            failed.step.words(),
            failed.errno.0
        ));
    }
}

/// Looks at all interfaces, brings up the new ones, and gives the host its addresses.
fn look<M: Machine>(boot: &mut Boot<'_, M>) -> Result<(), Failed> {
    let mut seen = Vec::<Known, LINKS_MAX>::new();
    let listed = boot.machine.links(&mut |link| {
        // What is beyond the table is a bridge or tunnel of a running system, not a rescue port.
        let _ = seen.push(Known {
            index: link.index,
            name: text(format_args!("{}", link.name)),
            mac: link.mac,
            kind: link.kind,
            carrier: link.carrier,
        });
    });
    if let Err(failed) = listed.at(Step::ReadLinks) {
        try_again(boot);
        return Err(failed);
    }
    // Once the root's own programs run, what they do to the interfaces is theirs.
    let ours = boot.root_place != crate::core::RootPlace::Slash;
    let mut refused = Vec::<u32, LINKS_MAX>::new();
    for link in &seen {
        let before = boot
            .network
            .known
            .iter()
            .find(|known| known.index == link.index);
        if before.is_some_and(|before| before.carrier == link.carrier) {
            continue;
        }
        let is_new = before.is_none();
        if is_new && ours && link.kind != LinkKind::Other && link.carrier == Carrier::Down {
            let result = boot.machine.link_up(link.index);
            if result.is_err() {
                refused.extend([link.index]);
                try_again(boot);
            }
            note(boot, &link.name, "up", result);
        } else if link.kind == LinkKind::Ethernet && link.carrier != Carrier::Down {
            let what = if link.carrier == Carrier::Yes {
                "carrier"
            } else {
                "no carrier"
            };
            note(boot, &link.name, what, Ok(()));
        }
    }
    // One that did not come up is not known: it is new when it is looked at again.
    seen.retain(|link| !refused.contains(&link.index));
    boot.network.known = seen;
    if ours && !boot.network.addressed {
        address_host(boot);
    }
    Ok(())
}

fn try_again<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.network.again_at = Some(boot.machine.now().saturating_add(NETWORK_AGAIN_NS));
}

/// Records one thing about an interface. An address or route that is there already is fine.
fn note<M: Machine>(
    boot: &mut Boot<'_, M>,
    interface: &str,
    what: &str,
    result: Result<(), Errno>,
) {
    let errno = result
        .err()
        .filter(|&errno| errno != Errno::EXIST)
        .map_or(0, |errno| errno.0);
    boot.record(Record {
        interface,
        what,
        errno,
    });
    if errno != 0 {
        boot.verdict
            .degrade(format_args!("network {interface} {what}"));
        boot.alarm(format_args!(
            "network: {interface}: {what} failed: errno {errno}"
        ));
    }
}

/// Gives the host its addresses if it can be told which interface they belong to.
fn address_host<M: Machine>(boot: &mut Boot<'_, M>) {
    let mut settings = Vec::<Address, { preroot_plan::limits::ADDRESSES_PER_HOST_MAX }>::new();
    let hostname: String<64>;
    let link;
    if let Some(ip) = boot.command_line.ip {
        let Some(found) = by_name(&boot.network.known, ip.device) else {
            return;
        };
        link = found.clone();
        hostname = text(format_args!("{}", ip.hostname));
        let setting = Address {
            ip: ip.address,
            prefix: ip.prefix,
            gateway: ip.gateway,
        };
        settings.extend([setting]);
    } else {
        let Some(plan) = boot.plan else { return };
        let Some((host, found)) = by_table(&plan, &boot.network.known) else {
            return;
        };
        link = found.clone();
        hostname = text(format_args!("{}", plan.text(host.hostname)));
        if let Some(interface) = plan.interfaces_of(host).first() {
            settings.extend(plan.addresses_of(interface));
        }
    }
    boot.network.addressed = true;
    if !hostname.is_empty() {
        let result = boot.machine.set_hostname(&hostname);
        let what: String<80> = text(format_args!("host {hostname}"));
        note(boot, &link.name, &what, result);
        boot.network.hostname = hostname;
    }
    for setting in &settings {
        let result = boot
            .machine
            .add_address(link.index, setting.ip, setting.prefix);
        let what: String<80> = text(format_args!("address {}/{}", setting.ip, setting.prefix));
        note(boot, &link.name, &what, result);
    }
    for gateway in settings.iter().filter_map(|setting| setting.gateway) {
        let result = boot.machine.add_route(link.index, gateway);
        let what: String<80> = text(format_args!("route {gateway}"));
        note(boot, &link.name, &what, result);
    }
}

/// The interface that `ip=` names, or the first with a carrier.
fn by_name<'k>(known: &'k [Known], name: &str) -> Option<&'k Known> {
    match name {
        "" => first_with_carrier(known),
        _ => known.iter().find(|link| link.name == name),
    }
}

fn first_with_carrier(known: &[Known]) -> Option<&Known> {
    known
        .iter()
        .find(|link| link.kind == LinkKind::Ethernet && link.carrier == Carrier::Yes)
}

/// The host of the table that this machine is, and its interface.
fn by_table<'p, 'k>(plan: &Plan<'p>, known: &'k [Known]) -> Option<(&'p Host, &'k Known)> {
    for link in known.iter().filter(|link| link.kind == LinkKind::Ethernet) {
        if let Some(host) = plan.host_by_mac(link.mac) {
            return Some((host, link));
        }
    }
    let any = plan.host_by(HostKey::Any, "")?;
    Some((any, first_with_carrier(known)?))
}
