//! Who runs the scripts, and how.

/// A runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    /// Ours, level by level.
    Levels,
    /// Ours, each script as soon as those it is ordered after have ended.
    Edges,
    /// startpar as Debian's rc calls it.
    Startpar,
    /// startpar with room for everybody.
    StartparWide,
    /// Debian's rc where startpar is missing: one after the other.
    Rc,
    /// No runner: everything is started, and reaped.
    ForkExec,
}

impl Runner {
    /// All of them, in the order of the table.
    pub(super) const ALL: [Runner; 6] = [
        Runner::Levels,
        Runner::Edges,
        Runner::Startpar,
        Runner::StartparWide,
        Runner::Rc,
        Runner::ForkExec,
    ];

    /// Whether it keeps to an order.
    pub(super) fn is_ordered(self) -> bool {
        self != Runner::ForkExec
    }

    /// What the table calls it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Runner::Levels => "preroot, levels",
            Runner::Edges => "preroot, edges",
            Runner::Startpar => "startpar as rc calls it",
            Runner::StartparWide => "startpar -p 100",
            Runner::Rc => "rc, one by one",
            Runner::ForkExec => "fork and exec, all at once",
        }
    }

    /// Whether it is ours.
    pub(super) fn is_ours(self) -> bool {
        matches!(self, Runner::Levels | Runner::Edges)
    }

    /// The command line, in the sandbox.
    pub(super) fn command(self) -> &'static [&'static str] {
        match self {
            Runner::Levels => &["/mnt/run-order", "/mnt/levels.plan", "2"],
            Runner::Edges => &["/mnt/run-order", "/mnt/edges.plan", "2"],
            Runner::Startpar => &[
                "/usr/bin/startpar",
                "-p",
                "4",
                "-t",
                "20",
                "-T",
                "3",
                "-M",
                "start",
                "-P",
                "N",
                "-R",
                "2",
            ],
            Runner::StartparWide => &[
                "/usr/bin/startpar",
                "-p",
                "100",
                "-t",
                "20",
                "-T",
                "3",
                "-M",
                "start",
                "-P",
                "N",
                "-R",
                "2",
            ],
            Runner::Rc => &["/lib/init/rc", "2"],
            Runner::ForkExec => &["/mnt/fork-exec"],
        }
    }
}
