//! Hosts from CSV (RFC 4180): a row an interface, a line of column names first.
//!
//! | column        | what stands in it                                                                       |
//! |---------------|-----------------------------------------------------------------------------------------|
//! | `hostname`    | the host's name; must be there                                                          |
//! | `mac`         | MAC addresses that the host is known by                                                 |
//! | `dmi-serial`  | the serial number that it is known by                                                   |
//! | `dmi-uuid`    | the UUID that it is known by                                                            |
//! | `pci`         | PCI addresses of NICs that it is known by                                               |
//! | `port`        | the port of its rescue sshd; empty: the config's                                        |
//! | `nic`         | `mac=`, `pci=` or `name=`; several for a bond; empty: the NIC that the host was known by |
//! | `bond`        | `active-backup`; empty: none                                                            |
//! | `vlan`        | 1 to 4094; empty: none                                                                  |
//! | `mtu`         | bytes; empty: as it is                                                                  |
//! | `dhcp`        | `yes` or `no`                                                                           |
//! | `addresses`   | each with its prefix length                                                             |
//! | `gateways`    | one of each family at most                                                              |
//!
//! Columns may stand in any order, and those that nobody needs may be left out. Of several values in a cell, blanks stand
//! between. A row with the name of another and nothing that a host is known by is a further interface of that host; two
//! machines with one name are refused, for each of them is known by something. Lines that begin with `#` are comments.

use std::collections::HashMap;
use std::rc::Rc;

use csv::{Position, ReaderBuilder, StringRecord, Trim};

use crate::hosts::asked::{Asked, AskedHost, AskedInterface};
use crate::message::{Messages, Place};

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Hostname,
    Mac,
    Serial,
    Uuid,
    Pci,
    Port,
    Nic,
    Bond,
    Vlan,
    Mtu,
    Dhcp,
    Addresses,
    Gateways,
}

/// All columns by their names.
const COLUMNS: [(&str, Column); 13] = [
    ("hostname", Column::Hostname),
    ("mac", Column::Mac),
    ("dmi-serial", Column::Serial),
    ("dmi-uuid", Column::Uuid),
    ("pci", Column::Pci),
    ("port", Column::Port),
    ("nic", Column::Nic),
    ("bond", Column::Bond),
    ("vlan", Column::Vlan),
    ("mtu", Column::Mtu),
    ("dhcp", Column::Dhcp),
    ("addresses", Column::Addresses),
    ("gateways", Column::Gateways),
];

/// The hosts of a file. What is wrong with it goes to `messages`.
pub(crate) fn read(text: &str, file: &Rc<str>, messages: &mut Messages) -> Option<Vec<AskedHost>> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        // A row of another length is told by its line.
        .flexible(true)
        .comment(Some(b'#'))
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut table = Table {
        file: file.clone(),
        columns: Vec::new(),
        hosts: Vec::new(),
        by_name: HashMap::new(),
        messages,
    };
    let mut record = StringRecord::new();
    loop {
        let line = line_of_next(text, reader.position());
        match reader.read_record(&mut record) {
            Ok(true) if table.columns.is_empty() => table.header(line, &record)?,
            // Spreadsheets leave rows of empty cells behind.
            Ok(true) if record.iter().all(str::is_empty) => {}
            Ok(true) => table.row(line, &record),
            Ok(false) if table.columns.is_empty() => {
                table.refuse(0, "has no line that says something".into(), HEADER_REMEDY);
                return None;
            }
            Ok(false) => return Some(table.hosts),
            Err(error) => {
                let text = format!("cannot be read as CSV: {error}");
                table.refuse(line, text, "write the file as UTF-8, a row a line");
                return None;
            }
        }
    }
}

/// The line that the next row begins on: the reader stands before the comments and empty lines above it.
fn line_of_next(text: &str, position: &Position) -> usize {
    let at = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let line = usize::try_from(position.line()).unwrap_or(usize::MAX);
    let rest = text.get(at..).unwrap_or_default();
    let skipped = |line: &&str| line.starts_with('#') || line.trim_end_matches('\r').is_empty();
    line + rest.split('\n').take_while(skipped).count()
}

const HEADER_REMEDY: &str = "begin with a line of column names: hostname,mac,dmi-serial,dmi-uuid,pci,port,nic,bond,vlan,\
                             mtu,dhcp,addresses,gateways";

/// The hosts, growing row by row.
struct Table<'a> {
    file: Rc<str>,
    columns: Vec<Column>,
    hosts: Vec<AskedHost>,
    /// By name, in lower case.
    by_name: HashMap<String, usize>,
    messages: &'a mut Messages,
}

impl Table<'_> {
    fn refuse(&mut self, line: usize, text: String, remedy: &str) {
        let place = Place::new(&*self.file, line);
        self.messages.refuse(place, text, remedy);
    }

    /// The line of column names.
    fn header(&mut self, line: usize, record: &StringRecord) -> Option<()> {
        let mut is_good = true;
        for name in record {
            let Some((_, column)) = COLUMNS.iter().find(|(known, _)| *known == name) else {
                let known: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
                let remedy = match name.contains([';', '\t']) {
                    true => "separate columns with commas".to_string(),
                    false => format!("the columns are: {}", known.join(", ")),
                };
                self.refuse(line, format!("there is no column \"{name}\""), &remedy);
                is_good = false;
                continue;
            };
            if self.columns.contains(column) {
                let text = format!("column \"{name}\" stands here a second time");
                self.refuse(line, text, "name each column once");
                is_good = false;
            }
            self.columns.push(*column);
        }
        if is_good && !self.columns.contains(&Column::Hostname) {
            let text = "there is no column \"hostname\"".to_string();
            self.refuse(line, text, "add it: it says which rows are of one host");
            is_good = false;
        }
        is_good.then_some(())
    }

    fn row(&mut self, line: usize, record: &StringRecord) {
        if record.len() != self.columns.len() {
            let (columns, cells) = (self.columns.len(), record.len());
            let text = format!("has {cells} cells where the first line has {columns} columns");
            let remedy = "write a cell for each column, empty where there is nothing to say; quote one that has a comma";
            self.refuse(line, text, remedy);
            return;
        }
        let mut row = Row::of(line, &self.columns, record);
        let Some(hostname) = row.hostname.take() else {
            let remedy = "name the host; a further interface of a host has its name too";
            self.refuse(line, "has no hostname".into(), remedy);
            return;
        };
        let name = hostname.text.to_ascii_lowercase();
        let Some(&at) = self.by_name.get(&name) else {
            self.by_name.insert(name, self.hosts.len());
            self.hosts.push(AskedHost {
                file: self.file.clone(),
                line,
                matches: row.matches,
                hostname: Some(hostname),
                port: row.port,
                interfaces: vec![row.interface],
            });
            return;
        };
        let host = &mut self.hosts[at];
        let first = host.line;
        host.interfaces.push(row.interface);
        let mut wrong = None;
        if host.matches.is_empty() {
            host.matches = row.matches;
        } else if !row.matches.is_empty() {
            wrong = Some((
                format!(
                    "host \"{}\" stands here a second time, first on line {first}",
                    hostname.text
                ),
                "give each machine a name of its own; for a further interface of one, leave mac, dmi-serial, dmi-uuid and \
                 pci empty and name its nic",
            ));
        }
        match (&host.port, row.port) {
            (None, port) => host.port = port,
            (Some(known), Some(port)) if known.text != port.text => {
                wrong = Some((
                    format!(
                        "port {} of host \"{}\" is {} on line {}",
                        port.text, hostname.text, known.text, known.line
                    ),
                    "a host has one port: write it on one line",
                ));
            }
            (Some(_), _) => {}
        }
        if let Some((text, remedy)) = wrong {
            self.refuse(line, text, remedy);
        }
    }
}

/// The cells of a row.
struct Row {
    hostname: Option<Asked>,
    matches: Vec<Asked>,
    port: Option<Asked>,
    interface: AskedInterface,
}

impl Row {
    fn of(line: usize, columns: &[Column], record: &StringRecord) -> Row {
        let mut row = Row {
            hostname: None,
            matches: Vec::new(),
            port: None,
            interface: AskedInterface {
                line,
                ..AskedInterface::default()
            },
        };
        let asked = |text: String| Asked { text, line };
        let filled = columns
            .iter()
            .zip(record)
            .filter(|(_, cell)| !cell.is_empty());
        for (column, cell) in filled {
            let one = Some(asked(cell.to_string()));
            let several = |prefix: &str| -> Vec<Asked> {
                let words = cell.split_whitespace();
                words.map(|word| asked(format!("{prefix}{word}"))).collect()
            };
            let interface = &mut row.interface;
            match column {
                Column::Hostname => row.hostname = one,
                Column::Mac => row.matches.extend(several("mac=")),
                // One serial number may have blanks in it.
                Column::Serial => row.matches.push(asked(format!("dmi-serial={cell}"))),
                Column::Uuid => row.matches.extend(several("dmi-uuid=")),
                Column::Pci => row.matches.extend(several("pci=")),
                Column::Port => row.port = one,
                Column::Nic => interface.nics = several(""),
                Column::Bond => interface.bond = one,
                Column::Vlan => interface.vlan = one,
                Column::Mtu => interface.mtu = one,
                Column::Dhcp => interface.dhcp = one,
                Column::Addresses => interface.addresses = several(""),
                Column::Gateways => interface.gateways = several(""),
            }
        }
        row
    }
}
