//! What a config says about the rescue sshd.

use std::net::IpAddr;
use std::path::PathBuf;

use preroot_plan::{Argument, DraftRunlevel, Finish, HandedOver};
use toml::Spanned;

use crate::check::Check;
use crate::config::Config;
use crate::message::{Messages, Place};
use crate::policy::{self, PolicyConfig};
use crate::raw_config::RawConfig;
use crate::watchdog::{self, WatchdogConfig};

/// Addresses that an sshd is told to listen on.
const LISTEN_MAX: usize = 16;

/// Which sshd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sshd {
    /// dropbear(8).
    #[default]
    Dropbear,
    /// OpenSSH's sshd(8).
    Openssh,
}

/// The rescue sshd.
#[derive(Debug, Clone)]
pub struct RescueConfig {
    /// Its port.
    pub port: u16,
    /// How long the network may take before that is told, ms.
    pub network_ms: u32,
    /// Which one.
    pub sshd: Sshd,
    /// Addresses it listens on; none: all.
    pub listen: Vec<IpAddr>,
    /// Who may log in.
    pub authorized_keys: Option<PathBuf>,
    /// Its host key.
    pub host_key: Option<PathBuf>,
    /// Whether one that is missing is made at each boot.
    pub make_host_key: bool,
    /// What a CA says about the host key.
    pub host_certificate: Option<PathBuf>,
    /// CAs whose certificates may log in.
    pub user_ca: Option<PathBuf>,
    /// What a certificate must be for, one of these; none: the user's name.
    pub principals: Vec<String>,
    /// Keys and certificates that may not log in.
    pub revoked_keys: Option<PathBuf>,
    /// When it starts and ends, and what is said to whom.
    pub policy: PolicyConfig,
    /// Where that says something of its addresses.
    pub addresses_place: Option<Place>,
    /// The watchdog that is armed and fed.
    pub watchdog: Option<WatchdogConfig>,
}

/// The init script of Debian that sets up the network (ifupdown): addresses are taken off just before it.
const NETWORKING: &str = "networking";

/// Where addresses are to be torn down and nothing in the order sets up the network, that is never done.
pub(crate) fn teardown(config: &Config, order: &[DraftRunlevel], messages: &mut Messages) {
    let rescue = &config.rescue;
    let is_asked = rescue.policy.addresses == HandedOver::Teardown;
    let starts = order
        .iter()
        .filter(|runlevel| runlevel.argument == Argument::Start);
    let mut scripts = starts.flat_map(|runlevel| &runlevel.scripts);
    let is_done = config.finish == Finish::Init || scripts.any(|script| script.name == NETWORKING);
    if let Some(place) = rescue
        .addresses_place
        .clone()
        .filter(|_| is_asked && !is_done)
    {
        let text = format!(
            "addresses = \"teardown\": no script `{NETWORKING}` is started before which they could be taken off; they stay"
        );
        let remedy = "write \"keep\", or install ifupdown in the root";
        messages.warn(place, text, remedy);
    }
}

impl Check<'_> {
    pub(crate) fn rescue(&mut self, raw: &RawConfig, finish: Finish) -> RescueConfig {
        let port = raw.rescue.port.as_ref().map_or(22, |port| {
            u16::try_from(*port.get_ref())
                .ok()
                .filter(|port| *port > 0)
                .unwrap_or_else(|| {
                    let text = format!("{} is not a port", port.get_ref());
                    self.wrong(port, text, "write a number from 1 to 65535");
                    22
                })
        });
        let choices = [("dropbear", Sshd::Dropbear), ("openssh", Sshd::Openssh)];
        RescueConfig {
            port,
            network_ms: self.duration(&raw.rescue.network_deadline, 30_000),
            sshd: self.choice(&raw.rescue.sshd, Sshd::Dropbear, &choices),
            listen: self.listen(&raw.rescue.listen),
            authorized_keys: self.beside(&raw.rescue.authorized_keys),
            host_key: self.beside(&raw.rescue.host_key),
            make_host_key: raw.rescue.make_host_key,
            host_certificate: self.beside(&raw.rescue.host_certificate),
            user_ca: self.beside(&raw.rescue.user_ca),
            principals: raw.rescue.principals.clone(),
            revoked_keys: self.beside(&raw.rescue.revoked_keys),
            policy: policy::policy(self, &raw.rescue, port, finish),
            addresses_place: raw
                .rescue
                .addresses
                .as_ref()
                .map(|word| self.place(word.span().start)),
            watchdog: watchdog::watchdog(self, &raw.rescue, finish),
        }
    }

    fn listen(&mut self, words: &[Spanned<String>]) -> Vec<IpAddr> {
        if let Some(word) = words.get(LISTEN_MAX) {
            let text = format!("more than {LISTEN_MAX} addresses to listen on");
            self.wrong(word, text, "leave rescue.listen out: sshd listens on all");
        }
        let address = |word: &Spanned<String>| {
            let address = word.get_ref().parse();
            if address.is_err() {
                let text = format!("\"{}\" is not an address", word.get_ref());
                let remedy = "write an IPv4 or IPv6 address, without prefix, port or interface";
                self.wrong(word, text, remedy);
            }
            address.ok()
        };
        words.iter().filter_map(address).collect()
    }
}
