//! The machines of a config: what they are known by, their interfaces and addresses.
//!
//! They stand in the config itself (`[[host]]`), and in one file beside it (`hosts = "hosts.csv"`, `"hosts.toml"`). However
//! a host was written, the same checks are made of it. What can be seen to be wrong on the host is refused here, with file
//! and line: at boot a wrong address is a machine that nobody reaches.
//!
//! | file       | what it knows                                                       |
//! |------------|---------------------------------------------------------------------|
//! | `asked`    | what was written: texts with their lines                             |
//! | `tables`   | from TOML                                                           |
//! | `csv`      | from CSV                                                            |
//! | `check`    | one host                                                            |
//! | `whole`    | what no two hosts may share                                          |
//! | `address`  | addresses and gateways                                              |
//! | `spelling` | MACs, PCI addresses, UUIDs, serial numbers, host names              |

mod address;
mod asked;
mod check;
mod csv;
mod spelling;
mod tables;
mod whole;

use std::path::Path;
use std::rc::Rc;

use preroot_plan::limits::HOSTS_MAX;
use preroot_plan::{Bond, DraftHost};
use toml::Spanned;

use crate::check::Check;
use crate::config::{ModuleOptions, ModulesConfig, Need, WantedModule};
use crate::limits::HOSTS_BYTES_MAX;
use crate::message::Messages;
use crate::raw_config::RawConfig;

use asked::AskedHost;
pub(crate) use spelling::{Wrong, mac, mac_text, pci, serial, uuid};

/// The hosts of a config and of the file that it names. What they need of the kernel is added to `modules`.
pub(crate) fn hosts(
    check: &mut Check<'_>,
    raw: &RawConfig,
    modules: &mut ModulesConfig,
) -> Vec<DraftHost> {
    let file: Rc<str> = Rc::from(&*check.file);
    let source = tables::Source {
        file,
        lines: &check.lines,
    };
    let mut asked = source.hosts(&raw.host, check.messages);
    if let (Some(word), Some(path)) = (&raw.hosts, check.beside(&raw.hosts)) {
        asked.extend(self::file(check, word, &path).unwrap_or_default());
    }
    if let Some(host) = asked.get(HOSTS_MAX) {
        let text = format!("{} hosts; a plan can hold {HOSTS_MAX}", asked.len());
        let remedy = "make an image for each part of the fleet";
        check.messages.refuse(host.place(host.line), text, remedy);
        return Vec::new();
    }
    let mut whole = whole::Whole::default();
    let mut hosts = Vec::new();
    for asked in &asked {
        if let Some(host) = check::host(asked, &mut whole, check.messages) {
            need_modules(modules, &host, asked);
            hosts.push(host);
        }
    }
    hosts
}

/// The hosts of the file that a config names.
fn file(check: &mut Check<'_>, word: &Spanned<String>, path: &Path) -> Option<Vec<AskedHost>> {
    let shown = path.display().to_string();
    let name: Rc<str> = Rc::from(&*shown);
    let read: fn(&str, &Rc<str>, &mut Messages) -> Option<Vec<AskedHost>> =
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => csv::read,
            Some("toml") => tables::read,
            _ => {
                let text = format!("\"{}\" is neither CSV nor TOML by its name", word.get_ref());
                check.wrong(word, text, "name it ....csv or ....toml");
                return None;
            }
        };
    let text = match std::fs::metadata(path).map(|metadata| metadata.len()) {
        Ok(bytes) if bytes > HOSTS_BYTES_MAX => Err("is too long for a table of hosts".to_string()),
        _ => std::fs::read(path).map_err(|error| format!("cannot be read: {error}")),
    };
    let text = text.and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            format!("is not UTF-8 on line {line}")
        })
    });
    match text {
        Ok(text) => read(text.trim_start_matches('\u{feff}'), &name, check.messages),
        Err(error) => {
            let place = check.place(word.span().start);
            let remedy = "write a file beside the config, as in boot-configs/";
            check
                .messages
                .refuse(place, format!("{shown} {error}"), remedy);
            None
        }
    }
}

/// The kernel modules that hosts need. The kernel would ask modprobe for them, which no image has: PID 1 loads them when
/// the machine turns out to be one that needs them.
fn need_modules(modules: &mut ModulesConfig, host: &DraftHost, asked: &AskedHost) {
    let place = || asked.place(asked.line);
    let mut need = |name: &str, need| {
        if !modules.load.iter().any(|known| known.name == name) {
            let (name, place) = (name.to_string(), place());
            modules.load.push(WantedModule { name, need, place });
        }
    };
    if host.interfaces.iter().any(|interface| interface.vlan != 0) {
        need("8021q", Need::Host("a VLAN"));
    }
    if host
        .interfaces
        .iter()
        .any(|interface| interface.bond != Bond::None)
    {
        need("bonding", Need::Host("a bond"));
        // Else the module makes a bond0 that nobody has asked for (Linux' bonding.rst).
        let options = modules.options.entry("bonding".to_string());
        options.or_insert_with(|| ModuleOptions {
            text: "max_bonds=0".to_string(),
            place: place(),
        });
    }
}
