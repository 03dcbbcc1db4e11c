//! What a byte of a plan means, where it means one of a few things.
//!
//! The numbers stand in plans; the version of the format stands for all of them.

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$variant_doc])* $variant = $number,)+ }

        impl $name {
            /// The choice with this number.
            #[must_use]
            pub fn from_number(number: u8) -> Option<$name> {
                match number { $($number => Some($name::$variant),)+ _ => None }
            }

            /// Its number in a plan.
            #[must_use]
            pub fn number(self) -> u8 {
                match self { $($name::$variant => $number,)+ }
            }
        }
    };
}
pub(crate) use choice;

choice! {
    /// When a script may start.
    Policy {
        /// When every script of the level before has ended.
        Levels = 0,
        /// When the scripts it is ordered after have ended.
        Edges = 1,
    }
}

choice! {
    /// What a check may change without asking.
    Repair {
        /// What is safe: `e2fsck -p`.
        Preen = 0,
        /// Everything: `e2fsck -p`, then `e2fsck -y`.
        Yes = 1,
        /// Nothing: `e2fsck -n`.
        No = 2,
    }
}

choice! {
    /// When the root is checked.
    CheckMode {
        /// When its superblock says that it is due.
        Auto = 0,
        /// Always.
        Force = 1,
        /// Never.
        Skip = 2,
    }
}

choice! {
    /// How the root is mounted.
    MountMode {
        /// `rw`.
        ReadWrite = 0,
        /// `ro`.
        ReadOnly = 1,
    }
}

choice! {
    /// What is done about processes that keep the root from being unmounted.
    Holders {
        /// They are told, and a person is waited for.
        Refuse = 0,
        /// They are told and ended: SIGTERM, then SIGKILL.
        End = 1,
    }
}

choice! {
    /// What scripts may use while the order runs.
    Limits {
        /// All but what PID 1 and the rescue need: memory, tasks, CPU time.
        Reserve = 0,
        /// Everything: the control groups' controllers are left to the root.
        None = 1,
    }
}

choice! {
    /// What PID 1 does after the order.
    Finish {
        /// Stays: reaps, respawns, answers shutdown.
        Stay = 0,
        /// Execs the root's own init after the mount and leaves the start to it.
        Init = 1,
    }
}

choice! {
    /// When the rescue sshd starts.
    RescueStart {
        /// Before the root is touched.
        Always = 0,
        /// At once when something is not as planned, and not before.
        OffPlan = 1,
    }
}

choice! {
    /// When the rescue sshd ends. Sessions that are open then go on.
    RescueEnd {
        /// With the machine.
        Never = 0,
        /// When the real sshd has said its banner.
        WhenHealthy = 1,
        /// When PID 1 becomes the root's own init.
        AtHandover = 2,
    }
}

choice! {
    /// What becomes of the rescue's addresses and routes when the root sets up its network.
    HandedOver {
        /// They stay.
        Keep = 0,
        /// They are taken off the interfaces just before.
        Teardown = 1,
    }
}

choice! {
    /// What becomes of a watchdog that is fed, where PID 1 becomes the root's own init.
    LetGo {
        /// It is disarmed.
        Disarm = 0,
        /// It stays armed, for a daemon of the root to take it over before its time is over.
        Leave = 1,
    }
}

choice! {
    /// What a host is known by, beside the MAC addresses of its interfaces.
    HostKey {
        /// The serial number that its firmware tells (SMBIOS type 1), as it stands in sysfs' class/dmi/id/product_serial.
        DmiSerial = 2,
        /// The UUID that its firmware tells, as in product_uuid there, in lower case.
        DmiUuid = 3,
        /// The PCI address of a NIC, `0000:3b:00.0`.
        Pci = 4,
        /// Any machine that nothing else knows; the key is empty.
        Any = 255,
    }
}

choice! {
    /// Whether and how several NICs are one interface.
    Bond {
        /// It is one NIC.
        None = 0,
        /// One carries everything until it fails: mode 1 of Linux' bonding.rst.
        ActiveBackup = 1,
    }
}

choice! {
    /// Whether an interface's address is asked for.
    Dhcp {
        /// No.
        No = 0,
        /// By DHCPv4 (RFC 2131), beside the static ones.
        V4 = 1,
    }
}

choice! {
    /// How a script is started.
    ScriptMode {
        /// Beside the others, output captured.
        Parallel = 0,
        /// Alone, on the console.
        Interactive = 1,
    }
}

choice! {
    /// What a script's failure means for the verdict.
    Weight {
        /// It is recorded.
        Normal = 0,
        /// It makes the verdict DEGRADED.
        Critical = 1,
    }
}

choice! {
    /// What a script is asked to do.
    Argument {
        /// `start`.
        Start = 0,
        /// `stop`.
        Stop = 1,
    }
}

choice! {
    /// What inittab wants of a service.
    ServiceAction {
        /// Started again whenever it ends.
        Respawn = 0,
        /// Started once.
        Once = 1,
        /// Started when ctrl-alt-del is pressed.
        CtrlAltDel = 2,
        /// Started when power fails.
        PowerFail = 3,
    }
}

choice! {
    /// What a missing piece of hardware means.
    Concern {
        /// It is recorded.
        Note = 0,
        /// The verdict is DEGRADED.
        Degraded = 1,
        /// The boot holds before root.
        Hold = 2,
    }
}

choice! {
    /// What becomes of what is missing since the last good boot, where nothing is expected.
    Changes {
        /// It is recorded.
        Note = 0,
        /// The verdict is DEGRADED.
        Degraded = 1,
        /// Nobody looks.
        Off = 2,
    }
}

impl Changes {
    /// Its word in configs, lines and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Changes::Note => "note",
            Changes::Degraded => "degraded",
            Changes::Off => "off",
        }
    }

    /// The one with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Changes> {
        let all = [Changes::Note, Changes::Degraded, Changes::Off];
        all.into_iter().find(|changes| changes.word() == word)
    }
}
