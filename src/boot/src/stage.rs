//! The stages of a boot and how one leads to another.

use crate::step::Failed;

macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident $word:literal $edge:ident;)+) => {
        /// A stage of the boot, in order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Stage { $($(#[$doc])* $name,)+ }

        impl Stage {
            /// All of them, in order.
            pub const ALL: &'static [Stage] = &[$(Stage::$name),+];

            /// Its word in records, documentation and `preroot.hold=`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Stage::$name => $word,)+ }
            }

            /// Its one failure edge.
            #[must_use]
            pub fn edge(self) -> Edge {
                match self { $(Stage::$name => Edge::$edge,)+ }
            }
        }
    };
}

/// What a failure of a stage leads to. There is no third way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// It is recorded, and the next stage begins.
    GoOn,
    /// A person is waited for.
    Rescue,
}

stages! {
    /// The plan is checked, the boot gets its name.
    Born "born" GoOn;
    /// The stage, /proc, /sys, /dev, /run, the kernel command line.
    Early "early" GoOn;
    /// Modules for what is present begin to load.
    Modules "modules" GoOn;
    /// Interfaces come up as they appear.
    Network "network" GoOn;
    /// The rescue sshd starts.
    Sshd "sshd" GoOn;
    /// What is in the machine against the plan.
    Hardware "hardware" Rescue;
    /// The root is found.
    Root "root" Rescue;
    /// The root is checked.
    Fsck "fsck" Rescue;
    /// The root is mounted.
    Mount "mount" Rescue;
    /// The root becomes /.
    Pivot "pivot" Rescue;
    /// The frozen order, or the root's own init.
    Start "start" Rescue;
    /// Verdict, record stored.
    Seal "seal" GoOn;
    /// Services, shutdown.
    Stay "stay" Rescue;
}

impl Stage {
    /// Its place in [`Stage::ALL`].
    #[must_use]
    pub fn number(self) -> usize {
        Stage::ALL
            .iter()
            .position(|&stage| stage == self)
            .unwrap_or(0)
    }

    /// The stage after this one.
    #[must_use]
    pub fn next(self) -> Option<Stage> {
        Stage::ALL.get(self.number() + 1).copied()
    }

    /// The stage with this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Stage> {
        Stage::ALL
            .iter()
            .copied()
            .find(|stage| stage.name() == name)
    }
}

/// What a stage hands back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Next {
    /// It is done; the next one begins.
    Done,
    /// It failed; its edge says what follows.
    Failed(Failed),
    /// Somebody asked for the machine to go down.
    Down,
}

impl From<Result<(), Failed>> for Next {
    fn from(result: Result<(), Failed>) -> Next {
        result.map_or_else(Next::Failed, |()| Next::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::Stage;

    #[test]
    fn names_are_read_back() {
        for &stage in Stage::ALL {
            assert_eq!(Stage::from_name(stage.name()), Some(stage));
        }
        assert_eq!(Stage::from_name("fsk"), None);
        assert_eq!(Stage::Stay.next(), None);
        assert_eq!(Stage::Born.next(), Some(Stage::Early));
    }
}
