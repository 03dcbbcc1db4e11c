//! The tables of a plan, as they lie in its bytes.
//!
//! Numbers are little endian and unaligned ([`U16`], [`U32`], [`U64`]); a text is a range of the strings section
//! ([`Text`]), read by [`crate::Plan::text`]. A byte that means one of a few things is
//! read by a method that returns an enum; [`crate::Plan::check`] has seen that it is one of them.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::choices::{
    Argument, Changes, CheckMode, Finish, HandedOver, Holders, LetGo, Limits, MountMode, Policy,
    Repair, RescueEnd, RescueStart, ScriptMode, ServiceAction, Weight,
};

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
        #[repr(C)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)+ }
    };
}
pub(crate) use table;

table! {
    /// A range of the strings section.
    Text {
        /// Where it begins.
        offset: U32,
        /// Its length in bytes; one byte, for a fleet has many texts.
        length: u8,
    }
}

table! {
    /// What the boot is to do, beside the tables.
    Settings {
        /// The config's name.
        name: Text,
        /// Where the root is: see [`crate::RootSpec`].
        root: Text,
        /// Its file system type; empty: as its superblock says.
        root_type: Text,
        /// Mount options for it, as mount(8)'s `-o`.
        root_flags: Text,
        /// How long to wait for it, ms.
        root_wait_ms: U32,
        /// How long scripts may run unless they say otherwise, ms.
        script_deadline_ms: U32,
        /// The port of the rescue sshd.
        rescue_port: U16,
        /// How many scripts may run at once; 0: no limit.
        parallel: U16,
        /// [`Policy`].
        policy: u8,
        /// [`Repair`].
        repair: u8,
        /// [`CheckMode`].
        check_mode: u8,
        /// [`MountMode`].
        mount_mode: u8,
        /// [`Finish`].
        finish: u8,
        /// What becomes of what is missing since the last good boot: [`Changes`].
        changes: u8,
        /// The default runlevel, an ASCII digit.
        runlevel: u8,
        /// [`Limits`].
        limits: u8,
        /// Where the record is kept, as [`crate::Store`] reads it.
        store: Text,
        /// Its size as a file, bytes.
        store_bytes: U32,
        /// How long what is expected of the machine may take to appear, ms.
        hardware_ms: U32,
        /// The kernel release the modules are for.
        kernel: Text,
        /// No boot happens before this moment: seconds since 1970 (the newest file of the inputs).
        built_s: U64,
        /// Kernel modules that are loaded whatever is present, separated by blanks.
        modules_always: Text,
        /// [`Holders`].
        holders: u8,
        /// [`RescueStart`].
        rescue_start: u8,
        /// [`RescueEnd`].
        rescue_end: u8,
        /// [`HandedOver`].
        addresses: u8,
        /// `ADDRESS:PORT` of the real sshd, for [`RescueEnd::WhenHealthy`].
        healthy: Text,
        /// Where the verdict is sent as a syslog datagram: `ADDRESS:PORT`, separated by blanks.
        syslog: Text,
        /// How long what is wanted of the network may take before that is told, ms.
        network_ms: U32,
        /// The device of the watchdog that is armed and fed; empty: none.
        watchdog: Text,
        /// After how long without food it resets the machine, s.
        watchdog_s: U16,
        /// [`LetGo`].
        watchdog_let_go: u8,
    }
}

impl Settings {
    /// When a script may start.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy::from_number(self.policy).unwrap_or(Policy::Levels)
    }

    /// What a check may change.
    #[must_use]
    pub fn repair(&self) -> Repair {
        Repair::from_number(self.repair).unwrap_or(Repair::No)
    }

    /// When the root is checked.
    #[must_use]
    pub fn check_mode(&self) -> CheckMode {
        CheckMode::from_number(self.check_mode).unwrap_or(CheckMode::Auto)
    }

    /// How the root is mounted.
    #[must_use]
    pub fn mount_mode(&self) -> MountMode {
        MountMode::from_number(self.mount_mode).unwrap_or(MountMode::ReadOnly)
    }

    /// What is done about processes that hold the root.
    #[must_use]
    pub fn holders(&self) -> Holders {
        Holders::from_number(self.holders).unwrap_or(Holders::Refuse)
    }

    /// What scripts may use while the order runs.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits::from_number(self.limits).unwrap_or(Limits::Reserve)
    }

    /// What PID 1 does after the order.
    #[must_use]
    pub fn finish(&self) -> Finish {
        Finish::from_number(self.finish).unwrap_or(Finish::Stay)
    }

    /// When the rescue sshd starts.
    #[must_use]
    pub fn rescue_start(&self) -> RescueStart {
        RescueStart::from_number(self.rescue_start).unwrap_or(RescueStart::Always)
    }

    /// When the rescue sshd ends.
    #[must_use]
    pub fn rescue_end(&self) -> RescueEnd {
        RescueEnd::from_number(self.rescue_end).unwrap_or(RescueEnd::Never)
    }

    /// What becomes of the rescue's addresses.
    #[must_use]
    pub fn addresses(&self) -> HandedOver {
        HandedOver::from_number(self.addresses).unwrap_or(HandedOver::Keep)
    }

    /// What becomes of the watchdog at the hand-over.
    #[must_use]
    pub fn watchdog_let_go(&self) -> LetGo {
        LetGo::from_number(self.watchdog_let_go).unwrap_or(LetGo::Disarm)
    }

    /// What becomes of what is missing since the last good boot.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes::from_number(self.changes).unwrap_or(Changes::Off)
    }
}

table! {
    /// A kernel module in the image.
    Module {
        /// Its name, with underscores.
        name: Text,
        /// Its file in the image.
        path: Text,
        /// Its parameters.
        options: Text,
        /// First entry of its dependencies; they stand in the order to load.
        first_dependency: U32,
        /// How many.
        dependency_count: U32,
    }
}

table! {
    /// A pattern that a device's modalias is held against.
    Alias {
        /// With `*`, `?` and `[...]`, as modules.alias has it.
        pattern: Text,
        /// The module it asks for.
        module: U32,
    }
}

table! {
    /// The scripts of one runlevel.
    Runlevel {
        /// Its first script.
        first_script: U32,
        /// How many scripts it has.
        script_count: U32,
        /// How many levels they form.
        level_count: U16,
        /// `S`, `0`-`6`.
        name: u8,
        /// [`Argument`].
        argument: u8,
    }
}

impl Runlevel {
    /// What its scripts are asked to do.
    #[must_use]
    pub fn argument(&self) -> Argument {
        Argument::from_number(self.argument).unwrap_or(Argument::Start)
    }
}

table! {
    /// An init script at its place in the frozen order.
    Script {
        /// Its file name in /etc/init.d.
        name: Text,
        /// How long it may run, ms; 0: for ever.
        deadline_ms: U32,
        /// First of the scripts it waits for.
        first_edge: U32,
        /// How many.
        edge_count: U32,
        /// Its level, from 1.
        level: U16,
        /// [`ScriptMode`].
        mode: u8,
        /// [`Weight`].
        weight: u8,
        /// The number of its link in rc?.d, as in `S03ssh`.
        link: u8,
        /// 0.
        reserved: u8,
    }
}

impl Script {
    /// How it is started.
    #[must_use]
    pub fn mode(&self) -> ScriptMode {
        ScriptMode::from_number(self.mode).unwrap_or(ScriptMode::Parallel)
    }

    /// What its failure means.
    #[must_use]
    pub fn weight(&self) -> Weight {
        Weight::from_number(self.weight).unwrap_or(Weight::Normal)
    }
}

table! {
    /// One script waits for another.
    Edge {
        /// The script it waits for, by its number in the plan; lower than its own.
        awaited: U32,
        /// Why: `Required-Start $syslog -> rsyslog (ssh:4)`.
        reason: Text,
    }
}

table! {
    /// A line of inittab that PID 1 serves.
    Service {
        /// inittab's id.
        id: Text,
        /// Its runlevels; empty: all.
        runlevels: Text,
        /// The command line, with inittab's `+` taken off.
        process: Text,
        /// [`ServiceAction`].
        action: u8,
    }
}

impl Service {
    /// What inittab wants of it.
    #[must_use]
    pub fn action(&self) -> ServiceAction {
        ServiceAction::from_number(self.action).unwrap_or(ServiceAction::Once)
    }
}

table! {
    /// A script that is enabled in the tree and not in the order.
    Dropped {
        /// Its file name.
        name: Text,
        /// Why: `replaced by preroot: checks the root itself`.
        reason: Text,
        /// The runlevel it is enabled in.
        runlevel: u8,
    }
}

table! {
    /// A step that assembles something the root lies on: an array, a volume group, an encrypted disk.
    ///
    /// Its programs are argument lists: words with a tab between them, the first the program's path in the image. A
    /// word `{}` stands for the device that the step is run for.
    Assembly {
        /// What it is called in records: `md`, `lvm vg0`.
        name: Text,
        /// The type of device it is for, as blkid(8) names it; empty: any.
        kind: Text,
        /// Which of those, as [`crate::RootSpec`] reads it; empty: all.
        device: Text,
        /// The program.
        run: Text,
        /// What is run instead when the root is not there after `late_ms`; empty: nothing.
        late: Text,
        /// What undoes it on the way down; empty: nothing.
        undo: Text,
        /// How long each of these may run, ms.
        deadline_ms: U32,
        /// From the beginning of the search for the root, ms; 0: never.
        late_ms: U32,
    }
}

/// What stands for the device in a program's words.
pub const DEVICE_WORD: &str = "{}";

impl Assembly {
    /// The words of a program.
    pub fn words(text: &str) -> impl Iterator<Item = &str> {
        text.split('\t')
    }

    /// Whether a program is run for each device by itself.
    #[must_use]
    pub fn is_for_each(text: &str) -> bool {
        Assembly::words(text).any(|word| word == DEVICE_WORD)
    }
}
