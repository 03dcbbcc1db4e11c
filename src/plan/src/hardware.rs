//! What should be in a machine: of every machine, and of those that are known by something.
//!
//! ```text
//!   machine keys { kind, key, machine } ──> machines ──> expected
//! ```
//!
//! The first machine stands for every one: what is expected of it is expected of all.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::choices::{Concern, choice};
use crate::tables::{Text, table};
use crate::view::{Plan, range};

table! {
    /// A machine, or a kind of machine, of which something is expected.
    Expecting {
        /// What it is called in reviews; empty: every machine.
        name: Text,
        /// First of what is expected of it.
        first_expected: U32,
        /// How much.
        expected_count: U16,
    }
}

table! {
    /// By what such a machine is known.
    KnownBy {
        /// As [`MachineKey`] says.
        key: Text,
        /// The number of the machine.
        machine: U16,
        /// [`MachineKey`].
        kind: u8,
    }
}

table! {
    /// Something that should be there.
    Expected {
        /// What it is known by, as `by` says; empty: any of its class.
        name: Text,
        /// At least so much: bytes, Mbit/s, disks of an array, the number of CPUs; 0: whatever.
        low: U64,
        /// At most so many bytes; 0: whatever.
        high: U64,
        /// How many there should be.
        count: U16,
        /// [`Class`].
        class: u8,
        /// [`By`].
        by: u8,
        /// [`Concern`].
        concern: u8,
        /// [`State`].
        state: u8,
    }
}

impl Expected {
    /// What it is.
    #[must_use]
    pub fn class(&self) -> Class {
        Class::from_number(self.class).unwrap_or(Class::Memory)
    }

    /// What it is known by.
    #[must_use]
    pub fn by(&self) -> By {
        By::from_number(self.by).unwrap_or(By::Any)
    }

    /// What becomes of it when it is not as it should be.
    #[must_use]
    pub fn concern(&self) -> Concern {
        Concern::from_number(self.concern).unwrap_or(Concern::Note)
    }

    /// What else it should be.
    #[must_use]
    pub fn state(&self) -> State {
        State::from_number(self.state).unwrap_or(State::Plain)
    }
}

impl<'a> Plan<'a> {
    /// The machines of which something is expected; the first is every machine.
    #[must_use]
    pub fn machines(&self) -> &'a [Expecting] {
        self.machines
    }

    /// By what they are known, by kind, then key.
    #[must_use]
    pub fn machine_keys(&self) -> &'a [KnownBy] {
        self.machine_keys
    }

    /// What is expected of all machines.
    #[must_use]
    pub fn expected(&self) -> &'a [Expected] {
        self.expected
    }

    /// What is expected of a machine.
    #[must_use]
    pub fn expected_of(&self, machine: &Expecting) -> &'a [Expected] {
        range(
            self.expected,
            machine.first_expected,
            u32::from(machine.expected_count.get()),
        )
    }

    /// The machine that is known by something. `key` is spelled as [`MachineKey`] says.
    #[must_use]
    pub fn machine_by(&self, kind: MachineKey, key: &str) -> Option<&'a Expecting> {
        let order = |entry: &KnownBy| (entry.kind, self.text(entry.key)).cmp(&(kind.number(), key));
        let at = self.machine_keys.binary_search_by(order).ok()?;
        let entry = self.machine_keys.get(at)?;
        self.machines.get(usize::from(entry.machine.get()))
    }
}

choice! {
    /// What a thing should be, beside being there.
    State {
        /// A disk that can be written.
        Plain = 0,
        /// A disk that may be read-only.
        ReadOnly = 1,
        /// A NIC with a carrier.
        Carrier = 2,
    }
}

choice! {
    /// What kind of thing it is.
    Class {
        /// All of the memory.
        Memory = 0,
        /// A place for a DIMM.
        Slot = 1,
        /// All of the CPUs.
        Cpu = 2,
        /// A disk.
        Disk = 3,
        /// An array.
        Md = 4,
        /// A network interface.
        Nic = 5,
        /// A PCI device.
        Pci = 6,
    }
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 7] = [
        Class::Memory,
        Class::Slot,
        Class::Cpu,
        Class::Disk,
        Class::Md,
        Class::Nic,
        Class::Pci,
    ];

    /// Its word in configs, lines and records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Class::Memory => "memory",
            Class::Slot => "slot",
            Class::Cpu => "cpu",
            Class::Disk => "disk",
            Class::Md => "md",
            Class::Nic => "nic",
            Class::Pci => "pci",
        }
    }

    /// The class with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.word() == word)
    }
}

choice! {
    /// By what a thing is known; of CPUs, which of their numbers is meant.
    By {
        /// Any of its class, by its size: how many there are is counted.
        Any = 0,
        /// Its name: a slot's locator, the kernel's name of an array.
        Name = 1,
        /// Its serial number.
        Serial = 2,
        /// Its World Wide Name.
        Wwn = 3,
        /// Its path, as in /dev/disk/by-path.
        Path = 4,
        /// Its MAC address, in lower case.
        Mac = 5,
        /// Its PCI address.
        Pci = 6,
        /// The vendor and device of a PCI device, `8086:10d3`.
        Id = 7,
        /// How many CPU packages.
        Sockets = 8,
        /// How many cores, of all packages.
        Cores = 9,
        /// How many threads are online.
        Threads = 10,
        /// The microcode's revision.
        Microcode = 11,
    }
}

impl By {
    /// The key of the fact.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            By::Any => "",
            By::Name => "name",
            By::Serial => "serial",
            By::Wwn => "wwn",
            By::Path => "path",
            By::Mac => "mac",
            By::Pci => "pci",
            By::Id => "id",
            By::Sockets => "sockets",
            By::Cores => "cores",
            By::Threads => "threads",
            By::Microcode => "microcode",
        }
    }
}

choice! {
    /// What a machine is known by, whose hardware is expected.
    MachineKey {
        /// The MAC address of a NIC, in lower case.
        Mac = 1,
        /// The serial number that its firmware tells, as in sysfs' class/dmi/id/product_serial.
        DmiSerial = 2,
        /// The UUID that its firmware tells, as in product_uuid there, in lower case.
        DmiUuid = 3,
        /// The PCI address of a NIC, `0000:3b:00.0`.
        Pci = 4,
        /// What its firmware calls this kind of machine, as in product_name there.
        DmiProduct = 5,
    }
}
