//! Rescue networking, as the role `preroot-network` does it: what to do about interfaces, over a [`Wire`].
//!
//! Every NIC comes up as it appears, so that it has its IPv6 link-local address; the machine is looked up in the host
//! table, or `ip=` says what is wanted; then VLANs and bonds are made, addresses set, and whether somebody else has them
//! is asked beside. Whatever fails is tried again for ever; nothing waits for it. What happens is told to PID 1 in lines
//! ([`crate::roles::NETWORK`]).
//!
//! Why a role and not PID 1: the kernel does what netlink asks within the request, under one lock for all of the network. A
//! driver that hangs in bringing its NIC up would hang whoever asks for anything.
//!
//! Once the root's own programs run, interfaces are theirs: what was not done by then is done only where nobody else
//! has given an interface an address.

pub mod arp;
#[cfg(test)]
mod fake;
mod probing;
mod settle;
mod tell;
#[cfg(test)]
mod tests;
mod want;
mod who;
pub mod wire;
mod words;

use heapless::{String, Vec};
use preroot_plan::Plan;

use crate::limits::{
    LINK_NAME_BYTES_MAX, LINKS_MAX, NET_AGAIN_NS_MAX, NET_AGAIN_NS_MIN, NET_PASSES_MAX,
    NET_QUIET_NS,
};
use crate::machine::{Errno, Nanoseconds};
use crate::net::tell::Told;
use crate::net::want::{SettingState, Wants};
use crate::net::who::Any;
use crate::net::wire::{Carrier, Change, LinkKind, Wire};
use crate::net::words::NetWords;
use crate::text::text;

/// Where the helper keeps what it has done, a line for each thing, so that it can be undone: `up eth0`, `mtu eth0 1400`,
/// `bond bond0`, `member eth0 bond0`, `vlan eth0.5 eth0 5`, `address eth0 192.0.2.10/24`, `route eth0 192.0.2.1`, `dhcp eth0`,
/// `lease eth0 192.0.2.10/24`, `hostname db1`; `no-address` and `no-route` for what was given up again.
pub const RECEIPT: &str = "/run/preroot/network";
/// What PID 1 sees as /: once that is the root, interfaces are the root's.
pub const HANDED_OVER: &str = "/proc/1/root";

/// An interface as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    index: u32,
    name: String<LINK_NAME_BYTES_MAX>,
    mac: [u8; 6],
    /// The address it was built with, or where the kernel does not say, the one it has.
    built: [u8; 6],
    mtu: u32,
    master: u32,
    parent: u32,
    vlan: u16,
    kind: LinkKind,
    carrier: Carrier,
}

/// The network of one machine.
#[derive(Debug)]
pub struct Net<'a> {
    plan: Option<Plan<'a>>,
    words: NetWords<'a>,
    begun: Nanoseconds,
    deadline: Option<Nanoseconds>,
    links: Vec<Known, LINKS_MAX>,
    /// NICs that were brought up, or found up: none is brought up twice.
    touched: Vec<u32, LINKS_MAX>,
    /// When the last NIC appeared.
    newest: Nanoseconds,
    wants: Wants<'a>,
    /// What is wanted is known.
    is_settled: bool,
    /// And it is what any machine gets: a NIC that comes later may know better.
    is_any: bool,
    /// The NIC the host is known by; 0: none.
    host_nic: u32,
    told: Told,
    /// Something failed; when it is tried again, and the pause before that.
    again_at: Option<Nanoseconds>,
    pause: Nanoseconds,
    /// When PID 1 was first asked for a kernel module.
    module_asked: Option<Nanoseconds>,
}

impl<'a> Net<'a> {
    /// Nothing is done yet. `command_line` is the kernel's; `begun` and `deadline` are moments, and without the second
    /// nothing is said about it any more.
    pub fn new<W: Wire>(
        wire: &mut W,
        plan: Option<Plan<'a>>,
        command_line: &'a str,
        begun: Nanoseconds,
        deadline: Option<Nanoseconds>,
    ) -> Net<'a> {
        let words = NetWords::parse(command_line, |word, why| {
            tell::wrong(wire, "", format_args!("{word}: {why}"));
        });
        let mut net = Net {
            plan,
            words,
            begun,
            deadline,
            links: Vec::new(),
            touched: Vec::new(),
            newest: begun,
            wants: Wants::default(),
            is_settled: false,
            is_any: false,
            host_nic: 0,
            told: Told::default(),
            again_at: None,
            pause: NET_AGAIN_NS_MIN,
            module_asked: None,
        };
        net.know_by_words(wire);
        net
    }

    /// When something is to be done by itself.
    #[must_use]
    pub fn next(&self) -> Option<Nanoseconds> {
        let moments = self.wants.settings.iter().filter_map(|setting| {
            let is_there = self
                .top(setting.want)
                .is_some_and(|top| top.carrier == Carrier::Yes);
            match setting.state {
                SettingState::Probing { at, .. } | SettingState::AskingAgain { at, .. } => {
                    is_there.then_some(at)
                }
                SettingState::Announcing { at, .. } => is_there.then_some(at),
                SettingState::Duplicate(at) => Some(at),
                SettingState::Wanted | SettingState::Set => None,
            }
        });
        let has_nic = self
            .links
            .iter()
            .any(|link| link.kind == LinkKind::Ethernet);
        let waits = has_nic && !self.is_settled && self.has_any();
        moments
            .chain([self.again_at, self.deadline].into_iter().flatten())
            .chain(waits.then(|| self.quiet_at()))
            .min()
    }

    /// Looks at everything and does what can be done: at the beginning, at the kernel's news, and when it is time.
    pub fn look<W: Wire>(&mut self, wire: &mut W) {
        let now = wire.now();
        if self.again_at.is_some_and(|at| at <= now) {
            self.again_at = None;
        }
        // What is made appears in the list: then comes what is made upon it.
        for _ in 0..NET_PASSES_MAX {
            let made = self.pass(wire, now);
            if made == Made::Nothing {
                break;
            }
        }
        self.probe(wire, now);
        self.hear_addresses(wire, now);
        self.judge(wire, now);
    }

    /// The DHCP client of an interface has ended: it is started again.
    pub fn dhcp_ended(&mut self, interface: &str) {
        for want in &mut self.wants.all {
            if want.state.name == interface {
                want.state.asks_dhcp = false;
            }
        }
    }

    /// One look at all interfaces, and what follows from it.
    fn pass<W: Wire>(&mut self, wire: &mut W, now: Nanoseconds) -> Made {
        let is_roots = wire.is_roots();
        if let Err(errno) = self.list(wire, is_roots, now) {
            self.failed(wire, "", "list network interfaces", errno, now);
            return Made::Nothing;
        }
        self.identify(wire, is_roots, now);
        let mut made = Made::Nothing;
        if !is_roots {
            made = self.bring_up(wire, now);
        }
        for want in 0..self.wants.all.len() {
            if self.settle(wire, want, is_roots, now) == Made::Something {
                made = Made::Something;
            }
        }
        made
    }

    /// Reads the list of interfaces, and tells what has changed since.
    fn list<W: Wire>(
        &mut self,
        wire: &mut W,
        is_roots: bool,
        now: Nanoseconds,
    ) -> Result<(), Errno> {
        let mut seen = Vec::<Known, LINKS_MAX>::new();
        wire.links(&mut |link| {
            let is_built = link.permanent != [0; 6];
            // What is beyond the table is a bridge or tunnel of a running system, not a rescue port.
            let _ = seen.push(Known {
                index: link.index,
                name: text(format_args!("{}", link.name)),
                mac: link.mac,
                built: if is_built { link.permanent } else { link.mac },
                mtu: link.mtu,
                master: link.master,
                parent: link.parent,
                vlan: link.vlan,
                kind: link.kind,
                carrier: link.carrier,
            });
        })?;
        for link in &seen {
            let before = self.links.iter().find(|known| known.index == link.index);
            if before.is_none() && link.kind == LinkKind::Ethernet {
                self.newest = now;
            }
            let is_port = matches!(link.kind, LinkKind::Ethernet | LinkKind::Made)
                // A running system makes them by the hundred, for its containers.
                && (!is_roots || self.touched.contains(&link.index));
            let has_changed = before.is_none_or(|before| before.carrier != link.carrier);
            if is_port && has_changed && link.carrier != Carrier::Down {
                let what = match link.carrier {
                    Carrier::Yes => "carrier",
                    _ => "no carrier",
                };
                tell::done(wire, &link.name, format_args!("{what}"));
            }
        }
        self.touched
            .retain(|index| seen.iter().any(|link| link.index == *index));
        self.links = seen;
        Ok(())
    }

    /// What is wanted, by the command line, which need not be looked for.
    fn know_by_words<W: Wire>(&mut self, wire: &mut W) {
        let is_said = !self.words.ips.is_empty()
            || !self.words.bonds.is_empty()
            || !self.words.vlans.is_empty();
        if is_said || self.words.is_off {
            self.wants = Wants::of_words(&self.words);
            self.is_settled = true;
        }
        if let Some(name) = self.words.host {
            match self.plan.and_then(|plan| plan.host_named(name)) {
                Some(host) => self.is_host(wire, host, 0, "preroot.host="),
                None => {
                    tell::wrong(
                        wire,
                        "",
                        format_args!("preroot.host={name}: the table has no such host"),
                    );
                    self.words.host = None;
                }
            }
        }
        if self.is_settled && self.words.host.is_none() {
            self.introduce(wire, "ip=", 0);
        }
    }

    /// Finds out which host this is. The entry for any machine holds until a NIC comes that knows better: what it gave
    /// stays beside what the host gets, so that who came in that way stays in.
    fn identify<W: Wire>(&mut self, wire: &mut W, is_roots: bool, now: Nanoseconds) {
        let knows_better = self.is_any && self.newest == now && !is_roots;
        let Some(plan) = self.plan.filter(|_| !self.is_settled || knows_better) else {
            return;
        };
        let any = if !self.is_settled && now >= self.quiet_at() {
            Any::Allowed
        } else {
            Any::NotYet
        };
        if let Some(found) = who::find(wire, &plan, &self.links, any) {
            if self.is_any {
                self.give_up_routes(wire);
                self.is_settled = false;
            }
            self.is_any = found.is_any;
            self.is_host(wire, found.host, found.nic, found.by);
        }
    }

    /// Of default routes there is one, and it is to be the host's.
    fn give_up_routes<W: Wire>(&mut self, wire: &mut W) {
        for setting in self
            .wants
            .settings
            .iter()
            .filter(|setting| setting.is_routed)
        {
            let top = self.top(setting.want).map(|top| top.index);
            if let Some((index, gateway)) = top.zip(setting.gateway) {
                // One that is gone is gone.
                let _ = wire.change(Change::NoRoute(index, gateway));
            }
        }
    }

    fn is_host<W: Wire>(&mut self, wire: &mut W, host: &preroot_plan::Host, nic: u32, by: &str) {
        let Some(plan) = self.plan else { return };
        let of_host = Wants::of_host(&plan, host);
        if self.is_settled {
            // `ip=` says where, the table still says who.
            if self.wants.hostname.is_empty() {
                self.wants.hostname = of_host.hostname;
            }
        } else {
            self.wants = of_host;
        }
        self.is_settled = true;
        self.host_nic = nic;
        self.introduce(wire, by, host.port.get());
    }

    /// Tells PID 1 who this machine is, and sets its name. `port` 0: as the plan says for all.
    fn introduce<W: Wire>(&mut self, wire: &mut W, by: &str, port: u16) {
        let port = self.words.port.unwrap_or(port);
        let hostname = self.wants.hostname;
        tell::host(wire, hostname, port, by);
        if !hostname.is_empty()
            && let Err(errno) = wire.change(Change::Hostname(hostname))
        {
            tell::failed(wire, "", format_args!("host {hostname}"), errno);
        }
        for server in &self.wants.servers {
            // Names are a comfort in a rescue: nothing depends on it.
            let _ = wire.change(Change::NameServer(*server));
        }
    }

    /// NICs are no longer expected to appear one after the other from this moment on.
    fn quiet_at(&self) -> Nanoseconds {
        self.newest.saturating_add(NET_QUIET_NS)
    }

    /// Whether the table has an entry for any machine.
    fn has_any(&self) -> bool {
        use preroot_plan::HostKey::Any;
        self.plan
            .is_some_and(|plan| plan.host_by(Any, "").is_some())
    }

    /// The interface of a want that has its addresses.
    fn top(&self, want: usize) -> Option<&Known> {
        let top = self.wants.all.get(want)?.state.top;
        self.links.iter().find(|link| link.index == top && top != 0)
    }

    /// Tells a failure, the first time, and has everything tried again.
    fn failed<W: Wire>(
        &mut self,
        wire: &mut W,
        interface: &str,
        what: &str,
        errno: Errno,
        now: Nanoseconds,
    ) {
        if self.told.is_new(interface, what, errno) {
            tell::failed(wire, interface, format_args!("{what}"), errno);
        }
        if self.again_at.is_none() {
            self.again_at = Some(now.saturating_add(self.pause));
            self.pause = self.pause.saturating_mul(2).min(NET_AGAIN_NS_MAX);
        }
    }
}

/// Whether a look has made something that another look will see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Nothing,
    Something,
}
