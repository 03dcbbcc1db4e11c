//! What should be in a machine.

use crate::choices::choice;

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
