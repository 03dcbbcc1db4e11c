//! Hosts from TOML: the `[[host]]` tables of a config, or of a file of their own.

use std::rc::Rc;

use toml::Spanned;

use crate::hosts::asked::{Asked, AskedHost, AskedInterface};
use crate::line_index::LineIndex;
use crate::message::{Messages, Place};
use crate::raw_config::{Number, RawBond, RawHost, RawHosts, RawInterface, Word};

/// A file whose tables are read.
pub(crate) struct Source<'a> {
    /// Its name in messages.
    pub(crate) file: Rc<str>,
    /// Its lines.
    pub(crate) lines: &'a LineIndex,
}

/// The tables of a file that has nothing else. What is wrong with it goes to `messages`.
pub(crate) fn read(text: &str, file: &Rc<str>, messages: &mut Messages) -> Option<Vec<AskedHost>> {
    let lines = LineIndex::of(text);
    let source = Source {
        file: file.clone(),
        lines: &lines,
    };
    match toml::from_str::<RawHosts>(text) {
        Ok(raw) => Some(source.hosts(&raw.host, messages)),
        Err(error) => {
            let line = lines.line(error.span().map_or(0, |span| span.start));
            let text: Vec<&str> = error.message().lines().collect();
            let remedy =
                "correct the line; this file has [[host]] tables alone, as in boot-configs/";
            messages.refuse(Place::new(&**file, line), text.join(" "), remedy);
            None
        }
    }
}

/// The keys that an interface has, also where they stand in its host's own table.
struct Keys<'a> {
    nic: &'a Word,
    bond: &'a Option<Spanned<RawBond>>,
    vlan: &'a Number,
    mtu: &'a Number,
    dhcp: &'a Option<Spanned<bool>>,
    addresses: &'a [Spanned<String>],
    gateways: &'a [Spanned<String>],
}

macro_rules! keys {
    ($raw:expr) => {
        Keys {
            nic: &$raw.nic,
            bond: &$raw.bond,
            vlan: &$raw.vlan,
            mtu: &$raw.mtu,
            dhcp: &$raw.dhcp,
            addresses: &$raw.addresses,
            gateways: &$raw.gateways,
        }
    };
}

impl Keys<'_> {
    fn is_empty(&self) -> bool {
        self.nic.is_none()
            && self.bond.is_none()
            && self.vlan.is_none()
            && self.mtu.is_none()
            && self.dhcp.is_none()
            && self.addresses.is_empty()
            && self.gateways.is_empty()
    }
}

impl Source<'_> {
    /// The hosts of `[[host]]` tables.
    pub(crate) fn hosts(
        &self,
        raw: &[Spanned<RawHost>],
        messages: &mut Messages,
    ) -> Vec<AskedHost> {
        raw.iter().map(|host| self.host(host, messages)).collect()
    }

    fn host(&self, at: &Spanned<RawHost>, messages: &mut Messages) -> AskedHost {
        let raw = at.get_ref();
        let line = self.lines.line(at.span().start);
        let own = keys!(raw);
        let mut interfaces = Vec::new();
        if !own.is_empty() || raw.interface.is_empty() {
            interfaces.push(self.interface(line, &own));
        }
        for interface in &raw.interface {
            let line = self.lines.line(interface.span().start);
            let raw: &RawInterface = interface.get_ref();
            interfaces.push(self.interface(line, &keys!(raw)));
        }
        AskedHost {
            file: self.file.clone(),
            line,
            matches: self.matches(&raw.r#match, messages),
            hostname: self.word(&raw.hostname),
            port: self.number(&raw.port),
            interfaces,
        }
    }

    /// One text, or a list of them.
    fn matches(&self, at: &Option<Spanned<toml::Value>>, messages: &mut Messages) -> Vec<Asked> {
        let Some(at) = at else { return Vec::new() };
        let line = self.lines.line(at.span().start);
        let values = match at.get_ref() {
            toml::Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        let mut matches = Vec::new();
        for value in values {
            if let toml::Value::String(text) = value {
                matches.push(asked(text, line));
            } else {
                let text = format!("{value} matches no host");
                let remedy =
                    "write match = \"mac=52:54:00:12:34:56\", or several as [\"...\", \"...\"]";
                messages.refuse(Place::new(&*self.file, line), text, remedy);
            }
        }
        matches
    }

    fn interface(&self, line: usize, keys: &Keys<'_>) -> AskedInterface {
        let bond = keys.bond.as_ref().map(Spanned::get_ref);
        let members = bond.map_or(&[][..], |bond| &bond.members);
        let mut nics = self.words(members);
        nics.extend(self.word(keys.nic));
        // A bond without a mode is one all the same: its mode is asked for where it is checked.
        let mode = keys.bond.as_ref().map(|at| {
            let mode = self.word(&at.get_ref().mode);
            mode.unwrap_or_else(|| asked("", self.lines.line(at.span().start)))
        });
        let dhcp = keys.dhcp.as_ref().map(|at| {
            let word = if *at.get_ref() { "yes" } else { "no" };
            asked(word, self.lines.line(at.span().start))
        });
        AskedInterface {
            line,
            nics,
            bond: mode,
            bond_name: bond.and_then(|bond| self.word(&bond.name)),
            vlan: self.number(keys.vlan),
            mtu: self.number(keys.mtu),
            dhcp,
            addresses: self.words(keys.addresses),
            gateways: self.words(keys.gateways),
        }
    }

    fn word(&self, word: &Word) -> Option<Asked> {
        let word = word.as_ref()?;
        Some(asked(word.get_ref(), self.lines.line(word.span().start)))
    }

    fn words(&self, words: &[Spanned<String>]) -> Vec<Asked> {
        let line = |word: &Spanned<String>| self.lines.line(word.span().start);
        words
            .iter()
            .map(|word| asked(word.get_ref(), line(word)))
            .collect()
    }

    fn number(&self, number: &Number) -> Option<Asked> {
        let number = number.as_ref()?;
        let line = self.lines.line(number.span().start);
        Some(asked(&number.get_ref().to_string(), line))
    }
}

fn asked(text: &str, line: usize) -> Asked {
    let text = text.trim().to_string();
    Asked { text, line }
}
