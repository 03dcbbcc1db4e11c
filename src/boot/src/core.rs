//! The state of one boot, and its one turn: wait for an event, let everyone concerned react.
//!
//! Invariant: only [`Boot::turn`] calls [`Machine::wait`]. A stage that waits for something loops over
//! `turn` until it is there or its deadline has come; meanwhile everything else goes on.

use preroot_plan::{MountMode, Plan};
use preroot_record::limits::OUTPUT_BYTES_MAX;
use preroot_record::{Event as Record, Note, Output, Source};

use crate::assembly::Assembly;
use crate::changes::Changes;
use crate::check::Check;
use crate::command_line::CommandLine;
use crate::console::Console;
use crate::control::Operator;
use crate::groups::Groups;
use crate::handover::Handover;
use crate::hardware::Hardware;
use crate::keeper::Keeper;
use crate::kernel_log::KernelLog;
use crate::limits::{CHILDREN_MAX, DRAIN_READS_MAX, READ_BYTES};
use crate::machine::{Child, End, Errno, Event, Loudness, Machine, Nanoseconds, Pid1, Signal};
use crate::modules::Modules;
use crate::network::Network;
use crate::policy::Policy;
use crate::pstore::Pstore;
use crate::recorder::Recorder;
use crate::root::RootSearch;
use crate::runner::Runner;
use crate::services::Services;
use crate::sessions::Sessions;
use crate::shutdown::Request;
use crate::sshd::Sshd;
use crate::stage::Stage;
use crate::step::Step;
use crate::syslog::Syslog;
use crate::task::Task;
use crate::text::text;
use crate::verdict::Verdict;
use crate::watchdog::Watchdog;

/// What a child was started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Nobody,
    Loader(u8),
    Network,
    Sshd,
    Probe,
    Assembly,
    Fsck,
    /// Copies the record into its store; may go on to what is below.
    Keep,
    /// Reads the kernel's log.
    KernelLog,
    /// Reads what the machine kept of a boot that died, or forgets it.
    Pstore,
    /// Feeds the watchdog.
    Watchdog,
    /// Reads the machine and judges it.
    Inventory,
    /// Has copied the record, and compares the machine with the last good boot.
    Changes,
    Console,
    /// Sends a verdict to syslog receivers.
    Syslog,
    /// Asks the real sshd for its banner.
    Healthy,
    /// Writes the receipt of what is handed over, or changes what it says.
    Handover,
    /// A mount, unmount or store child: one at a time, the stage waits for it.
    Task,
    /// A script, by its number in the plan.
    Script(u32),
    /// A service, by its number in the plan.
    Service(u8),
}

/// What a turn brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Turn {
    /// Something happened and was handled.
    Handled,
    /// The stage's own deadline has come.
    Due,
    /// The machine is to go down: leave the stage.
    Down,
}

/// One boot.
pub(crate) struct Boot<'a, M> {
    pub(crate) machine: &'a mut M,
    pub(crate) pid1: &'a Pid1,
    /// `None`: it did not pass its check, and built-in defaults are used.
    pub(crate) plan: Option<Plan<'a>>,
    pub(crate) command_line: CommandLine<'a>,
    /// Where words are kept that an operator puts over it.
    pub(crate) said_room: &'a mut [u8],
    pub(crate) recorder: Recorder,
    /// When the kernel started, ns since 1970.
    pub(crate) epoch_ns: Nanoseconds,
    pub(crate) stage: Stage,
    /// When it began.
    pub(crate) stage_since: Nanoseconds,
    pub(crate) verdict: Verdict,
    pub(crate) modules: Modules,
    pub(crate) network: Network,
    pub(crate) sshd: Sshd,
    pub(crate) sessions: Sessions,
    pub(crate) root: RootSearch,
    pub(crate) assembly: Assembly,
    pub(crate) check: Check,
    pub(crate) task: Task,
    pub(crate) runner: Runner,
    pub(crate) groups: Groups,
    /// What the wall clock said, in seconds since 1970, before it was set.
    pub(crate) clock_was: Option<u64>,
    pub(crate) services: Services,
    pub(crate) operator: Operator,
    pub(crate) console: Console,
    pub(crate) keeper: Keeper,
    pub(crate) syslog: Syslog,
    pub(crate) kernel_log: KernelLog,
    pub(crate) pstore: Pstore,
    pub(crate) policy: Policy,
    pub(crate) handover: Handover,
    pub(crate) watchdog: Watchdog,
    pub(crate) hardware: Hardware,
    pub(crate) changes: Changes,
    /// Where the root is now.
    pub(crate) root_place: RootPlace,
    /// What failed early and is done again before the pivot.
    pub(crate) early_missing: heapless::Vec<Step, { crate::early::STEPS.len() }>,
    /// How it was mounted by us.
    pub(crate) root_mode: MountMode,
    /// Set when the machine is to go down.
    pub(crate) down: Option<Request>,
    purposes: [Purpose; CHILDREN_MAX],
}

/// Where the root is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RootPlace {
    /// Not mounted.
    Nowhere,
    /// At /newroot, seen from the stage.
    NewRoot,
    /// It is /.
    Slash,
}

impl<'a, M: Machine> Boot<'a, M> {
    pub(crate) fn new(machine: &'a mut M, pid1: &'a Pid1, plan: Option<Plan<'a>>) -> Boot<'a, M> {
        let tag = machine.random();
        Boot {
            machine,
            pid1,
            plan,
            command_line: CommandLine::default(),
            said_room: &mut [],
            recorder: Recorder::new(tag),
            epoch_ns: 0,
            stage: Stage::Born,
            stage_since: 0,
            verdict: Verdict::default(),
            modules: Modules::default(),
            network: Network::default(),
            sshd: Sshd::default(),
            sessions: Sessions::default(),
            root: RootSearch::default(),
            assembly: Assembly::default(),
            check: Check::default(),
            task: Task::default(),
            runner: Runner::default(),
            groups: Groups::default(),
            clock_was: None,
            services: Services::default(),
            operator: Operator::default(),
            console: Console::default(),
            keeper: Keeper::default(),
            syslog: Syslog::default(),
            kernel_log: KernelLog::default(),
            pstore: Pstore::default(),
            policy: Policy::default(),
            handover: Handover::default(),
            watchdog: Watchdog::default(),
            hardware: Hardware::default(),
            changes: Changes::default(),
            root_place: RootPlace::Nowhere,
            early_missing: heapless::Vec::new(),
            root_mode: MountMode::ReadOnly,
            down: None,
            purposes: [Purpose::Nobody; CHILDREN_MAX],
        }
    }

    /// Keeps an event.
    pub(crate) fn record<'e>(&mut self, event: impl Into<Record<'e>>) {
        let event = event.into();
        let recorded = !self.command_line.test_unrecorded;
        if recorded {
            self.recorder.record(self.machine, &event);
        }
        if matches!(
            event,
            Record::Network(_) | Record::Module(_) | Record::Mounted(_)
        ) {
            crate::handover::made(self);
        }
        if recorded {
            crate::keeper::recorded(self);
        }
    }

    /// Keeps a line and says it on the console.
    pub(crate) fn alarm(&mut self, words: core::fmt::Arguments<'_>) {
        let line = text::<{ crate::limits::TEXT_BYTES_MAX }>(words);
        self.record(Note { text: &line });
        self.machine.say(Loudness::Alarm, &line);
    }

    /// Says, keeps and remembers for the verdict that something is not as planned.
    pub(crate) fn degrade(&mut self, words: core::fmt::Arguments<'_>) {
        let line = text::<{ crate::limits::TEXT_BYTES_MAX }>(words);
        self.alarm(format_args!("{line}"));
        self.verdict.degrade(format_args!("{line}"));
    }

    /// Keeps a piece of output while fewer than `bytes_max` are kept, and says once that the rest is not.
    /// Returns how many are kept now.
    pub(crate) fn keep_output(
        &mut self,
        source: Source,
        kept: u32,
        bytes_max: u32,
        bytes: &[u8],
    ) -> u32 {
        if kept >= bytes_max {
            return kept;
        }
        self.record(Output {
            source,
            script: 0,
            bytes,
        });
        let kept = kept.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        if kept >= bytes_max {
            let text = text::<64>(format_args!(
                "{source:?}: what it says from here on is not kept"
            ));
            self.record(Note { text: &text });
        }
        kept
    }

    /// Says a milestone.
    pub(crate) fn milestone(&mut self, words: core::fmt::Arguments<'_>) {
        let line = text::<{ crate::limits::TEXT_BYTES_MAX }>(words);
        self.machine.say(Loudness::Milestone, &line);
    }

    /// Remembers what a child is for.
    pub(crate) fn assign(&mut self, child: Child, purpose: Purpose) {
        if let Some(slot) = self.purposes.get_mut(usize::from(child.0)) {
            *slot = purpose;
        }
    }

    /// Waits for one event, or for `until`, and lets everyone concerned react.
    pub(crate) fn turn(&mut self, until: Option<Nanoseconds>) -> Turn {
        crate::policy::look(self);
        let wake = [until, self.next_deadline()].into_iter().flatten().min();
        let event = self.machine.wait(wake);
        self.handle(event);
        let now = self.machine.now();
        if self.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.deadlines(now);
        }
        crate::assembly::go(self);
        self.verdict.stamp(now);
        if self.down.is_some() {
            Turn::Down
        } else if event == Event::Due && until.is_some_and(|until| until <= now) {
            Turn::Due
        } else {
            Turn::Handled
        }
    }

    /// The next moment at which anyone has something to do.
    fn next_deadline(&self) -> Option<Nanoseconds> {
        [
            self.modules.deadline(),
            self.network.deadline(),
            self.sshd.deadline(),
            self.sessions.deadline(),
            self.root.deadline(),
            self.assembly.deadline(self.plan),
            self.runner.deadline(),
            self.services.deadline(),
            self.console.deadline(),
            self.check.deadline(),
            self.keeper.deadline(),
            self.kernel_log.deadline(),
            self.pstore.deadline(),
            self.policy.deadline(),
            self.handover.deadline(),
            self.watchdog.deadline(),
            self.hardware.deadline(),
            self.changes.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn deadlines(&mut self, now: Nanoseconds) {
        crate::modules::due(self, now);
        crate::network::due(self, now);
        crate::sshd::due(self, now);
        crate::sessions::due(self, now);
        crate::root::due(self, now);
        crate::assembly::due(self, now);
        crate::script::due(self, now);
        crate::services::due(self, now);
        crate::console::due(self, now);
        crate::fsck::due(self, now);
        crate::keeper::due(self, now);
        crate::kernel_log::due(self, now);
        crate::pstore::due(self, now);
        crate::policy::due(self, now);
        crate::handover::due(self, now);
        crate::watchdog::due(self, now);
        crate::hardware::due(self, now);
        crate::changes::due(self, now);
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Due => {}
            Event::Ended(child, end) => self.ended(child, end),
            Event::Output(child) => {
                self.output(child);
            }
            Event::Uevent => crate::uevent::arrived(self),
            Event::Control => crate::control::arrived(self),
            Event::InitRequest => crate::init_request::arrived(self),
            Event::Signal(Signal::CtrlAltDel) => crate::shutdown::ctrl_alt_del(self),
            Event::Signal(Signal::PowerFail) => crate::services::power_fails(self),
            Event::Signal(Signal::Reopen) => crate::init_request::reopen(self),
        }
    }

    pub(crate) fn purpose(&self, child: Child) -> Purpose {
        self.purposes
            .get(usize::from(child.0))
            .copied()
            .unwrap_or(Purpose::Nobody)
    }

    /// A child has ended: first what it still had to say, then its end.
    fn ended(&mut self, child: Child, end: End) {
        for _ in 0..DRAIN_READS_MAX {
            if !self.output(child) {
                break;
            }
        }
        match self.purpose(child) {
            Purpose::Nobody => {}
            Purpose::Loader(loader) => crate::modules::ended(self, loader),
            Purpose::Network => crate::network::ended(self),
            Purpose::Sshd => crate::sshd::ended(self, end),
            Purpose::Probe => crate::root::probe_ended(self),
            Purpose::Assembly => crate::assembly::ended(self, end.status),
            Purpose::Fsck => crate::fsck::ended(self, end),
            Purpose::Keep => {
                crate::changes::ended(self, child, end.status);
                crate::keeper::ended(self, end.status);
            }
            Purpose::KernelLog => crate::kernel_log::ended(self),
            Purpose::Pstore => crate::pstore::ended(self, end.status),
            Purpose::Task => self.task.ended(end.status),
            Purpose::Console => crate::console::ended(self),
            Purpose::Syslog => crate::syslog::ended(self),
            Purpose::Healthy => crate::policy::ended(self),
            Purpose::Handover => crate::handover::ended(self, end.status),
            Purpose::Watchdog => crate::watchdog::ended(self, child),
            Purpose::Inventory => crate::hardware::ended(self, child, end.status),
            Purpose::Changes => crate::changes::ended(self, child, end.status),
            Purpose::Script(script) => crate::script::ended(self, script, end),
            Purpose::Service(service) => crate::services::ended(self, service, end),
        }
    }

    /// Reads what a child has written, at most [`READ_BYTES`]. Returns whether there may be more.
    fn output(&mut self, child: Child) -> bool {
        let mut buffer = [0; READ_BYTES];
        let length = match self.machine.read_output(child, &mut buffer) {
            Ok(0) | Err(_) => return false,
            Ok(length) => length,
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        for piece in bytes.chunks(OUTPUT_BYTES_MAX) {
            self.output_piece(child, piece);
        }
        true
    }

    /// A piece of output that fits into a frame.
    fn output_piece(&mut self, child: Child, bytes: &[u8]) {
        match self.purpose(child) {
            Purpose::Loader(loader) => crate::modules::output(self, loader, bytes),
            Purpose::Network => crate::network::output(self, bytes),
            Purpose::Sshd => crate::sshd::output(self, bytes),
            Purpose::Probe => crate::root::probe_output(self, bytes),
            Purpose::Assembly => crate::assembly::output(self, bytes),
            Purpose::Fsck => crate::fsck::output(self, bytes),
            Purpose::KernelLog => crate::kernel_log::output(self, bytes),
            Purpose::Pstore => crate::pstore::output(self, bytes),
            Purpose::Task => crate::task::output(self, bytes),
            Purpose::Syslog => crate::syslog::output(self, bytes),
            Purpose::Healthy => crate::policy::output(self, bytes),
            Purpose::Handover => crate::handover::output(self, bytes),
            Purpose::Watchdog => crate::watchdog::output(self, bytes),
            Purpose::Inventory => crate::hardware::output(self, bytes),
            Purpose::Keep | Purpose::Changes => crate::changes::output(self, child, bytes),
            Purpose::Script(script) => crate::script::output(self, script, bytes),
            Purpose::Service(_) | Purpose::Console | Purpose::Nobody => {}
        }
    }
}

/// Whether an errno only says that there is nothing now.
pub(crate) fn is_again(errno: Errno) -> bool {
    errno == Errno::AGAIN
}
