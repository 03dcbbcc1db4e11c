//! What machines are known by of which something is expected: as hosts are, or by the host they are.

use std::collections::HashMap;

use preroot_plan::limits::{EXPECTED_PER_MACHINE_MAX, MACHINES_MAX};
use preroot_plan::{DraftHost, DraftMachine, HostKey, MachineKey};
use toml::Spanned;

use super::{things, wrong};
use crate::check::Check;
use crate::hosts;
use crate::raw_config::RawMachine;

const REMEDY: &str = "write match = \"host=db1\", \"mac=52:54:00:12:34:56\", \"dmi-serial=...\", \"dmi-uuid=...\", \
                      \"dmi-product=PowerEdge R640\" or \"pci=0000:3b:00.0\"; what is expected of every machine stands \
                      in [hardware] itself";

/// Reads and checks all of them.
pub(super) fn machines(
    check: &mut Check<'_>,
    raw: &[Spanned<RawMachine>],
    hosts: &[DraftHost],
) -> Vec<DraftMachine> {
    if let Some(at) = raw.get(MACHINES_MAX - 1) {
        let text = format!(
            "is the machine after {}, which is all a plan can hold",
            MACHINES_MAX - 1
        );
        check.wrong(at, text, "make an image for each part of the fleet");
        return Vec::new();
    }
    let mut known = HashMap::new();
    raw.iter()
        .map(|at| machine(check, at, hosts, &mut known))
        .collect()
}

fn machine(
    check: &mut Check<'_>,
    at: &Spanned<RawMachine>,
    hosts: &[DraftHost],
    known: &mut HashMap<(u8, String), usize>,
) -> DraftMachine {
    let raw = at.get_ref();
    let words = raw.r#match.as_ref().map(Spanned::get_ref);
    let words = match words {
        None => &[],
        Some(toml::Value::Array(values)) => values.as_slice(),
        Some(value) => std::slice::from_ref(value),
    };
    let texts: Vec<&str> = words.iter().filter_map(toml::Value::as_str).collect();
    if texts.is_empty() || texts.len() < words.len() {
        let text = "does not say which machine it is".to_string();
        check.wrong(at, text, REMEDY);
    }
    let mut keys = Vec::new();
    for text in &texts {
        keys.extend(self::keys(check, at, text, hosts));
    }
    let line = check.place(at.span().start).line;
    for (kind, key) in &keys {
        if let Some(other) = known.insert((kind.number(), key.clone()), line) {
            let text = format!("\"{key}\" is the machine of line {other} too");
            check.wrong(
                at,
                text,
                "let each machine be known by something of its own",
            );
        }
    }
    let expected = things::things(check, &raw.things());
    if expected.is_empty() {
        let text = "a machine of which nothing is expected".to_string();
        check.wrong(at, text, "say what should be in it, or take it out");
    } else if expected.len() > EXPECTED_PER_MACHINE_MAX {
        let text = format!("more than {EXPECTED_PER_MACHINE_MAX} things are expected of a machine");
        check.wrong(at, text, "expect some of them by count and size");
    }
    let first = texts
        .first()
        .map_or("", |text| text.split_once('=').unwrap_or(("", text)).1);
    let name = check.short(&raw.name);
    DraftMachine {
        name: if name.is_empty() {
            first.trim().to_string()
        } else {
            name
        },
        keys,
        expected,
    }
}

fn keys(
    check: &mut Check<'_>,
    at: &Spanned<RawMachine>,
    text: &str,
    hosts: &[DraftHost],
) -> Vec<(MachineKey, String)> {
    let (kind, value) = text.split_once('=').unwrap_or((text, ""));
    let (kind, value) = (kind.trim(), value.trim());
    let key = match kind {
        "host" => return of_host(check, at, value, hosts),
        "mac" => hosts::mac(value).map(|mac| (MachineKey::Mac, hosts::mac_text(mac))),
        "dmi-serial" => hosts::serial(value).map(|key| (MachineKey::DmiSerial, key)),
        "dmi-uuid" => hosts::uuid(value).map(|key| (MachineKey::DmiUuid, key)),
        "pci" => hosts::pci(value).map(|key| (MachineKey::Pci, key)),
        "dmi-product" if !value.is_empty() && value.len() <= 96 && value.is_ascii() => {
            Ok((MachineKey::DmiProduct, value.to_string()))
        }
        _ => Err(("matches no machine", REMEDY)),
    };
    match key {
        Ok(key) => vec![key],
        Err(why) => {
            wrong(check, at, text, why);
            Vec::new()
        }
    }
}

/// What a host of the table is known by.
fn of_host(
    check: &mut Check<'_>,
    at: &Spanned<RawMachine>,
    name: &str,
    hosts: &[DraftHost],
) -> Vec<(MachineKey, String)> {
    let mut keys = Vec::new();
    for host in hosts.iter().filter(|host| host.hostname == name) {
        let macs = host.macs.iter();
        keys.extend(macs.map(|mac| (MachineKey::Mac, hosts::mac_text(*mac))));
        for (kind, key) in &host.matches {
            let kind = match kind {
                HostKey::DmiSerial => MachineKey::DmiSerial,
                HostKey::DmiUuid => MachineKey::DmiUuid,
                HostKey::Pci => MachineKey::Pci,
                HostKey::Any => continue,
            };
            keys.push((kind, key.clone()));
        }
    }
    if keys.is_empty() || name.is_empty() {
        let text = format!("\"{name}\" is no host that is known by something");
        let remedy = "write the hostname of a [[host]], or of the file that hosts names";
        check.wrong(at, text, remedy);
    }
    keys
}
