//! Where a boot can fail: one step a call site, with a number for ever, and the errno.

use crate::machine::Errno;

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $words:literal;)+) => {
        /// A place where the boot can fail. The number stands in records: it never changes its meaning, and is not used
        /// again: 11 and 30 to 34 were the network's, before it had a helper, 50 was the reading of memory's size.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Step { $($(#[$doc])* $name = $number,)+ }

        impl Step {
            /// The stable number.
            #[must_use]
            pub fn number(self) -> u16 {
                match self { $(Step::$name => $number,)+ }
            }

            /// In words, for a console.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Step::$name => $words,)+ }
            }

            #[cfg(test)]
            pub(crate) const ALL: &'static [Step] = &[$(Step::$name),+];
        }
    };
}

steps! {
    /// The plan did not pass its check.
    Plan = 1, "the plan is refused";
    /// bind, MS_MOVE, chroot of the initramfs.
    MakeStage = 2, "make the stage";
    /// /proc
    MountProc = 3, "mount /proc";
    /// /sys
    MountSys = 4, "mount /sys";
    /// /dev
    MountDev = 5, "mount /dev";
    /// /dev/pts
    MountPts = 6, "mount /dev/pts";
    /// /run
    MountRun = 7, "mount /run";
    /// The rescue's own bind of the stage.
    RescueRoot = 8, "bind the rescue's root";
    /// signalfd
    ListenSignals = 9, "listen to signals";
    /// uevents
    ListenUevents = 10, "listen to uevents";
    /// control socket
    ListenControl = 12, "open the control socket";
    /// initctl
    ListenInitRequests = 13, "open /run/initctl";
    /// /proc/cmdline
    CommandLine = 14, "read the kernel command line";
    /// modaliases in sysfs
    Coldplug = 20, "look for devices";
    /// A loader could not be started.
    SpawnLoader = 21, "start the module loader";
    /// A module did not load.
    LoadModule = 22, "load a module";
    /// A loader did not end in time.
    LoaderHangs = 23, "the module loader hangs";
    /// The network's helper could not be started.
    SpawnNetwork = 35, "start the network's helper";
    /// sshd could not be started.
    SpawnSshd = 40, "start sshd";
    /// Less memory than expected, and the plan says to hold.
    MemoryMissing = 51, "memory is missing";
    /// A disk is not there or not as it should be, and the plan says to hold.
    DiskMissing = 52, "a disk is missing";
    /// Something else is not, and the plan says to hold.
    HardwareMissing = 53, "hardware is missing";
    /// /sys/class/block
    ReadBlockDevices = 60, "list block devices";
    /// A probe could not be started.
    SpawnProbe = 61, "start the probe";
    /// No device holds the root.
    RootNotFound = 62, "root was not found";
    /// More than one device holds the root.
    RootAmbiguous = 63, "more than one device is the root";
    /// `root=` cannot be read.
    RootSpec = 64, "root= cannot be read";
    /// There is no plan, so nobody knows what to boot.
    NoPlan = 65, "there is no plan to boot by";
    /// A stage needs the root and none was found.
    NoRoot = 66, "no root was found before";
    /// e2fsck could not be started.
    SpawnFsck = 70, "start the file system check";
    /// Errors are left.
    FsckUncorrected = 71, "the file system has errors that were not corrected";
    /// The check itself failed.
    FsckFailed = 72, "the file system check failed";
    /// A signal ended the check.
    FsckSignalled = 73, "the file system check was ended by a signal";
    /// Blocks could not be read or written while it was checked.
    FsckDisk = 74, "the disk cannot be read";
    /// The mount child could not be started.
    SpawnMount = 80, "start the mount";
    /// mount(2)
    Mount = 81, "mount root";
    /// It did not end in time.
    MountHangs = 82, "the mount hangs";
    /// In place: the root that the kernel mounted could not be unmounted.
    RootBusy = 83, "unmount the root, to check it";
    /// What was found as root holds no file system: swap, LUKS, part of something else.
    NoFileSystem = 84, "root is no file system";
    /// ENODEV: neither is it in the kernel, nor its module in the image.
    NoDriver = 85, "the kernel and the image do not know root's file system";
    /// It has to be repaired and cannot be.
    ReadOnlyDevice = 86, "root needs a check, and its device is read-only";
    /// A mount point is missing in the root.
    MakeDirectory = 90, "make a mount point in root";
    /// MS_MOVE into the root
    MoveMount = 91, "move a mount";
    /// pivot_root(2)
    PivotRoot = 92, "pivot_root";
    /// The root's own init
    ExecInit = 100, "exec the root's init";
    /// The panic hook of the tests.
    Asked = 120, "asked for on the command line";
}

/// What failed, and how: two words, no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// Where.
    pub step: Step,
    /// errno; 0 when it is no system call.
    pub errno: Errno,
}

impl Step {
    /// In a verdict behind its stage: a word or two, of a step that has no errno.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Step::Plan => "plan refused",
            Step::MemoryMissing => "memory missing",
            Step::DiskMissing => "disk missing",
            Step::HardwareMissing => "missing",
            Step::RootNotFound => "not found",
            Step::RootAmbiguous => "ambiguous",
            Step::RootSpec => "unreadable",
            Step::NoPlan => "no plan",
            Step::NoRoot => "no root",
            Step::FsckUncorrected => "uncorrected",
            Step::FsckFailed => "failed",
            Step::FsckSignalled => "signalled",
            Step::FsckDisk => "disk",
            Step::MountHangs => "hangs",
            Step::NoFileSystem => "no file system",
            Step::NoDriver => "no driver",
            Step::ReadOnlyDevice => "read-only",
            _ => self.words(),
        }
    }
}

impl Failed {
    /// A failure that is no system call's.
    #[must_use]
    pub fn plain(step: Step) -> Failed {
        Failed {
            step,
            errno: Errno(0),
        }
    }
}

/// Ties an errno to its step.
pub(crate) trait At<T> {
    /// `Err(errno)` becomes `Err(Failed { step, errno })`.
    fn at(self, step: Step) -> Result<T, Failed>;
}

impl<T> At<T> for Result<T, Errno> {
    fn at(self, step: Step) -> Result<T, Failed> {
        self.map_err(|errno| Failed { step, errno })
    }
}

#[cfg(test)]
mod tests {
    use super::Step;

    #[test]
    fn numbers_are_unique() {
        for (index, step) in Step::ALL.iter().enumerate() {
            let again = Step::ALL
                .iter()
                .skip(index + 1)
                .find(|s| s.number() == step.number());
            assert_eq!(again, None, "{step:?}");
        }
    }
}
