//! A config file as it is written: key by key what `toml` reads, nothing checked yet.
//!
//! An unknown key is an error here already; [`crate::config`] checks the values.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A value with its place in the file.
pub(crate) type Word = Option<Spanned<String>>;

/// A number with its place in the file.
pub(crate) type Number = Option<Spanned<i64>>;

/// A command with its place in the file.
pub(crate) type Words = Option<Spanned<Vec<String>>>;

macro_rules! table {
    ($name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub(crate) struct $name { $($(#[$attribute])* pub(crate) $field: $type,)* }
    };
}

/// What can be expected, of every machine or of some: a table with these keys and its own.
macro_rules! things {
    ($name:ident { $($field:ident: $type:ty,)* }) => {
        table! { $name {
            $($field: $type,)*
            policy: Word,
            memory: Word,
            memory_tolerance: Word,
            slot: Vec<Spanned<RawSlot>>,
            disk: Vec<Spanned<RawDisk>>,
            md: Vec<Spanned<RawMd>>,
            nic: Vec<Spanned<RawNic>>,
            cpu: Option<Spanned<RawCpu>>,
            pci: Vec<Spanned<RawPci>>,
        } }

        impl $name {
            /// What is expected.
            pub(crate) fn things(&self) -> RawThings<'_> {
                RawThings {
                    policy: &self.policy,
                    memory: &self.memory,
                    memory_tolerance: &self.memory_tolerance,
                    slot: &self.slot,
                    disk: &self.disk,
                    md: &self.md,
                    nic: &self.nic,
                    cpu: &self.cpu,
                    pci: &self.pci,
                }
            }
        }
    };
}

/// What is expected of a machine.
pub(crate) struct RawThings<'a> {
    pub(crate) policy: &'a Word,
    pub(crate) memory: &'a Word,
    pub(crate) memory_tolerance: &'a Word,
    pub(crate) slot: &'a [Spanned<RawSlot>],
    pub(crate) disk: &'a [Spanned<RawDisk>],
    pub(crate) md: &'a [Spanned<RawMd>],
    pub(crate) nic: &'a [Spanned<RawNic>],
    pub(crate) cpu: &'a Option<Spanned<RawCpu>>,
    pub(crate) pci: &'a [Spanned<RawPci>],
}

table! { RawConfig {
    name: Word,
    root: RawRoot,
    fsck: RawCheck,
    modules: RawModules,
    rescue: RawRescue,
    host: Vec<Spanned<RawHost>>,
    hosts: Word,
    order: RawOrder,
    script: BTreeMap<String, Spanned<RawScript>>,
    finish: RawFinish,
    record: RawRecord,
    // Configs from before it knew more than memory and disks call it so.
    #[serde(alias = "expect")]
    hardware: RawHardware,
    image: RawImage,
} }

table! { RawRoot {
    find: Word,
    r#type: Word,
    flags: Word,
    wait: Word,
    mode: Word,
    holders: Word,
    assemble: Vec<Spanned<RawAssemble>>,
} }

table! { RawAssemble {
    md: Word,
    crypt: Word,
    lvm: Word,
    run: Words,
    name: Word,
    r#type: Word,
    device: Word,
    level: Word,
    key: Word,
    config: Word,
    options: Vec<String>,
    late: Words,
    undo: Words,
    deadline: Word,
    degraded_after: Word,
} }

table! { RawCheck { repair: Word, mode: Word, } }

table! { RawModules {
    load: Vec<Spanned<String>>,
    always: Vec<Spanned<String>>,
    options: BTreeMap<String, Spanned<String>>,
} }

table! { RawRescue {
    port: Number,
    network_deadline: Word,
    sshd: Word,
    listen: Vec<Spanned<String>>,
    authorized_keys: Word,
    host_key: Word,
    make_host_key: bool,
    host_certificate: Word,
    user_ca: Word,
    principals: Vec<String>,
    revoked_keys: Word,
    start: Word,
    end: Option<Spanned<toml::Value>>,
    addresses: Word,
    syslog: Option<Spanned<toml::Value>>,
    watchdog: Word,
    watchdog_timeout: Word,
    watchdog_handover: Word,
} }

table! { RawHosts { host: Vec<Spanned<RawHost>>, } }

table! { RawHost {
    r#match: Option<Spanned<toml::Value>>,
    hostname: Word,
    port: Number,
    interface: Vec<Spanned<RawInterface>>,
    nic: Word,
    bond: Option<Spanned<RawBond>>,
    vlan: Number,
    mtu: Number,
    dhcp: Option<Spanned<bool>>,
    addresses: Vec<Spanned<String>>,
    gateways: Vec<Spanned<String>>,
} }

table! { RawInterface {
    nic: Word,
    bond: Option<Spanned<RawBond>>,
    vlan: Number,
    mtu: Number,
    dhcp: Option<Spanned<bool>>,
    addresses: Vec<Spanned<String>>,
    gateways: Vec<Spanned<String>>,
} }

table! { RawBond { mode: Word, members: Vec<Spanned<String>>, name: Word, } }

table! { RawOrder {
    policy: Word,
    parallel: Option<Spanned<toml::Value>>,
    deadline: Word,
    runlevel: Word,
    limits: Word,
} }

table! { RawScript { deadline: Word, skip: Word, replaced: Word, critical: bool, } }

table! { RawFinish { then: Word, } }

table! { RawRecord { store: Word, size: Word, } }

things! { RawHardware { deadline: Word, changes: Word, machine: Vec<Spanned<RawMachine>>, } }

things! { RawMachine { r#match: Option<Spanned<toml::Value>>, name: Word, } }

table! { RawSlot { name: Word, count: Number, size: Word, policy: Word, } }

table! { RawDisk {
    serial: Word,
    wwn: Word,
    path: Word,
    count: Number,
    size: Word,
    size_tolerance: Word,
    read_only: bool,
    policy: Word,
} }

table! { RawMd { name: Word, disks: Number, policy: Word, } }

table! { RawNic { mac: Word, pci: Word, speed: Number, carrier: bool, policy: Word, } }

table! { RawCpu { sockets: Number, cores: Number, threads: Number, microcode: Word, policy: Word, } }

table! { RawPci { id: Word, count: Number, policy: Word, } }

table! { RawImage { compression: Word, tools: Option<Vec<String>>, file: Vec<RawFile>, } }

table! { RawFile { path: Word, source: Word, mode: Word, } }
