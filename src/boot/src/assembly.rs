//! Assembling what the root lies on: arrays, volume groups, encrypted disks, by programs of the image.
//!
//! The plan's steps say for which devices a program is run. It is run as those appear, once for each or, where its
//! words name no device, again whenever one more has come; what it makes appears as a device in its turn, so that
//! stacks of any height come up in order. One program runs at a time, the lowest step first, each with its deadline.
//! One whose words name no device waits until all that is there has been looked at, and no later step goes before it.
//! One that fails is recorded, and the search for the root goes on.
//!
//! What is not whole waits: only after a step's stated time its other program is run, which takes what is there. That
//! makes the boot DEGRADED. On the way down each step that was done is undone, the last one first.
//!
//! There is no udev here: programs are told so, and make their device nodes themselves. What udev will look for later
//! is left for it ([`leave_word`]).

use heapless::{String, Vec};
use preroot_plan::limits::ASSEMBLIES_MAX;
use preroot_plan::{Assembly as Entry, DEVICE_WORD, Plan, RootSpec};
use preroot_record::{Assembled, Source};

use crate::core::{Boot, Purpose, RootPlace};
use crate::limits::{
    ASSEMBLY_OUTPUT_BYTES_MAX, JOBS_MAX, LAST_WORDS_BYTES_MAX, MILLISECOND_NS, WORDS_MAX,
};
use crate::machine::{Child, Errno, Kill, Machine, Nanoseconds, Place, Program, Spawn, Status};
use crate::task::{self, Outcome};
use crate::text::{Lines, Text, text};
use crate::volume::Volume;

type Name = String<32>;

/// What every such program is told: nobody else makes device nodes, or waits for them.
const ENVIRONMENT: [&str; 3] = ["PATH=/sbin:/bin", "DM_DISABLE_UDEV=1", "MDADM_NO_UDEV=1"];

/// Where udev keeps what it knows of devices.
const UDEV_DATABASE: [&str; 2] = ["/run/udev", "/run/udev/data"];
/// What it has to know of one of the device mapper that was there before it: else its rules take it for one that
/// is not ready, and link it nowhere (10-dm.rules).
const UDEV_ENTRY: &[u8] = b"E:DM_UDEV_PRIMARY_SOURCE_FLAG=1\n";

/// What of a step a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Run,
    Late,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// None: a device is remembered, so that it asks only once.
    Seen,
    Waiting,
    Running,
    Done,
    /// A retry of the stage tries it again.
    Failed,
}

/// A program to be run, for a device or (empty) for none in particular.
#[derive(Debug, Clone)]
struct Job {
    step: usize,
    what: What,
    device: Name,
    state: State,
}

/// The program that runs.
#[derive(Debug)]
struct Running {
    child: Child,
    job: Job,
    began: Nanoseconds,
    due: Nanoseconds,
    /// Output bytes that are in the record.
    kept: u32,
    lines: Lines<LAST_WORDS_BYTES_MAX>,
    last_words: String<LAST_WORDS_BYTES_MAX>,
}

/// All that is to be assembled, and how far it is.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    /// While the root is looked for.
    is_open: bool,
    began: Nanoseconds,
    jobs: Vec<Job, JOBS_MAX>,
    running: Option<Running>,
    /// The steps whose other program was asked for.
    late: [bool; ASSEMBLIES_MAX],
    /// What failed last, and of which step it was.
    failure: Option<(usize, Text)>,
}

impl Assembly {
    /// Whether nothing is being assembled, nor could be.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_none() && self.jobs.iter().all(|job| job.state != State::Waiting)
    }

    /// The program that failed, with its last words.
    pub(crate) fn failure(&self) -> Option<&Text> {
        self.failure.as_ref().map(|(_, why)| why)
    }

    pub(crate) fn deadline(&self, plan: Option<Plan<'_>>) -> Option<Nanoseconds> {
        let due = self.running.as_ref().map(|running| running.due);
        let mut steps = plan.map_or(0..0, |plan| 0..plan.assemblies().len());
        let late = steps.by_ref().filter_map(|step| self.late_at(plan, step));
        due.into_iter().chain(late).min()
    }

    /// When a step's other program is to be run. One that has met no device has nothing to start.
    fn late_at(&self, plan: Option<Plan<'_>>, step: usize) -> Option<Nanoseconds> {
        let after_ms = plan?.assemblies().get(step)?.late_ms.get();
        let has_begun = self.jobs.iter().any(|job| job.step == step);
        let is_over = !self.is_open || self.late.get(step).copied().unwrap_or(true);
        let after = u64::from(after_ms) * MILLISECOND_NS;
        (after > 0 && has_begun && !is_over).then_some(self.began.saturating_add(after))
    }

    fn find(&mut self, step: usize, what: What, device: &str) -> Option<&mut Job> {
        let is_it = |job: &&mut Job| (job.step, job.what) == (step, what) && job.device == device;
        self.jobs.iter_mut().find(is_it)
    }

    /// Makes a job of this state, or of an old one.
    fn set(&mut self, step: usize, what: What, device: &str, state: State) {
        if let Some(job) = self.find(step, what, device) {
            job.state = state;
        } else if let Ok(device) = Name::try_from(device) {
            // Devices beyond the table are not assembled; the rescue says that they are there.
            let _ = self.jobs.push(Job {
                step,
                what,
                device,
                state,
            });
        }
    }

    /// A device has gone: the next of that name may be another.
    pub(crate) fn vanished(&mut self, device: &str) {
        while let Some(at) = self.jobs.iter().position(|job| job.device == device) {
            let _ = self.jobs.swap_remove(at);
        }
    }

    /// A device was looked at: has the programs run that it is for, unless they have been, for it.
    pub(crate) fn appeared(&mut self, plan: Option<Plan<'_>>, volume: &Volume) {
        let Some(plan) = plan.filter(|_| self.is_open) else {
            return;
        };
        for (number, step) in plan.assemblies().iter().enumerate() {
            let (kind, device) = (plan.text(step.kind), plan.text(step.device));
            let is_named = RootSpec::parse(device).is_some_and(|spec| volume.is(&spec));
            let is_meant = (!kind.is_empty() || !device.is_empty())
                && (kind.is_empty() || volume.kind == kind)
                && (device.is_empty() || is_named);
            if !is_meant || self.find(number, What::Run, &volume.name).is_some() {
                continue;
            }
            if Entry::is_for_each(plan.text(step.run)) {
                self.set(number, What::Run, &volume.name, State::Waiting);
            } else {
                self.set(number, What::Run, "", State::Waiting);
                self.set(number, What::Run, &volume.name, State::Seen);
            }
        }
    }
}

/// The search for the root begins: what is there is assembled, and what failed before is tried again. A root that the
/// kernel has mounted was assembled by it.
pub(crate) fn begin<M: Machine>(boot: &mut Boot<'_, M>) {
    let Some(plan) = boot.plan.filter(|_| boot.root_place == RootPlace::Nowhere) else {
        return;
    };
    let now = boot.machine.now();
    let assembly = &mut boot.assembly;
    (assembly.is_open, assembly.began) = (true, now);
    (assembly.late, assembly.failure) = ([false; ASSEMBLIES_MAX], None);
    for job in &mut assembly.jobs {
        if job.what == What::Late {
            job.state = State::Seen;
        } else if job.state == State::Failed || job.device.is_empty() {
            job.state = State::Waiting;
        }
    }
    for (number, step) in plan.assemblies().iter().enumerate() {
        if plan.text(step.kind).is_empty() && plan.text(step.device).is_empty() {
            assembly.set(number, What::Run, "", State::Waiting);
        }
    }
    for volume in boot.root.volumes() {
        boot.assembly.appeared(boot.plan, volume);
    }
    go(boot);
}

/// The search is over. What still runs would change what was found.
pub(crate) fn end<M: Machine>(boot: &mut Boot<'_, M>) {
    boot.assembly.is_open = false;
    if let Some(running) = boot.assembly.running.take() {
        leave_behind(boot, &running);
    }
}

/// Starts the next program, if it can be.
pub(crate) fn go<M: Machine>(boot: &mut Boot<'_, M>) {
    let Some(plan) = boot.plan.filter(|_| boot.assembly.is_open) else {
        return;
    };
    // Without its module a program fails.
    while boot.assembly.running.is_none() && boot.modules.deadline().is_none() {
        // What is being looked at may be one more member.
        let is_settled = boot.root.settled();
        let jobs = boot.assembly.jobs.iter_mut();
        let next = jobs
            .filter(|job| job.state == State::Waiting)
            .min_by_key(|job| job.step)
            // Nobody goes before it meanwhile: how fast a disk is looked at does not change the order.
            .filter(|job| is_settled || !job.device.is_empty());
        let Some(next) = next else { return };
        next.state = State::Running;
        let job = next.clone();
        start(boot, &plan, job);
    }
}

fn start<M: Machine>(boot: &mut Boot<'_, M>, plan: &Plan<'_>, job: Job) {
    let path: Text = text(format_args!("/dev/{}", job.device));
    let (program, deadline_ms) = program(plan, &job);
    let words: Vec<&str, WORDS_MAX> = Entry::words(program)
        .map(|word| if word == DEVICE_WORD { &path } else { word })
        .collect();
    let began = boot.machine.now();
    match boot.machine.spawn(&spawn(&words)) {
        Ok(spawned) => {
            boot.assign(spawned.child, Purpose::Assembly);
            boot.assembly.running = Some(Running {
                child: spawned.child,
                job,
                began,
                due: began.saturating_add(u64::from(deadline_ms) * MILLISECOND_NS),
                kept: 0,
                lines: Lines::new(),
                last_words: String::new(),
            });
        }
        Err(errno) => finish(boot, &job, Some(Status::NotExecuted(errno)), began, ""),
    }
}

/// The words of a job's program, and how long it may take, ms.
fn program<'a>(plan: &Plan<'a>, job: &Job) -> (&'a str, u32) {
    let step = plan.assemblies().get(job.step);
    step.map_or(("", 0), |step| {
        let words = match job.what {
            What::Run => step.run,
            What::Late => step.late,
        };
        (plan.text(words), step.deadline_ms.get())
    })
}

/// How one of these programs is started.
fn spawn<'a>(words: &'a [&'a str]) -> Spawn<'a> {
    Spawn {
        program: Program::Path(words.first().copied().unwrap_or_default()),
        environment: &ENVIRONMENT,
        place: Place::Rescue,
        ..Spawn::helper(words)
    }
}

/// A program says something.
pub(crate) fn output<M: Machine>(boot: &mut Boot<'_, M>, bytes: &[u8]) {
    let Some(mut running) = boot.assembly.running.take() else {
        return;
    };
    let (kept, limit) = (running.kept, ASSEMBLY_OUTPUT_BYTES_MAX);
    running.kept = boot.keep_output(Source::Assembly, kept, limit, bytes);
    running.lines.take(bytes, |line| {
        if !line.trim_ascii().is_empty() {
            running.last_words = text(format_args!("{}", line.trim_ascii()));
        }
    });
    boot.assembly.running = Some(running);
}

/// It has ended.
pub(crate) fn ended<M: Machine>(boot: &mut Boot<'_, M>, status: Status) {
    if let Some(running) = boot.assembly.running.take() {
        let last_words = &running.last_words;
        finish(boot, &running.job, Some(status), running.began, last_words);
    }
}

/// Its deadline has come, or that of what was not whole.
pub(crate) fn due<M: Machine>(boot: &mut Boot<'_, M>, now: Nanoseconds) {
    let is_due = |running: &mut Running| running.due <= now;
    if let Some(running) = boot.assembly.running.take_if(is_due) {
        leave_behind(boot, &running);
    }
    for step in 0..ASSEMBLIES_MAX {
        let at = boot.assembly.late_at(boot.plan, step);
        if let Some(late) = boot.assembly.late.get_mut(step)
            && at.is_some_and(|at| at <= now)
        {
            *late = true;
            boot.assembly.set(step, What::Late, "", State::Waiting);
        }
    }
}

fn leave_behind<M: Machine>(boot: &mut Boot<'_, M>, running: &Running) {
    let _ = boot.machine.kill(running.child, Kill::Kill);
    boot.assign(running.child, Purpose::Nobody);
    let last_words = &running.last_words;
    finish(boot, &running.job, None, running.began, last_words);
}

fn name<'a>(plan: &Plan<'a>, step: usize) -> &'a str {
    let step = plan.assemblies().get(step);
    step.map_or("", |step| plan.text(step.name))
}

/// Records how a program went (`None`: its deadline came); of one that failed the last words are kept, for the rescue.
fn finish<M: Machine>(
    boot: &mut Boot<'_, M>,
    job: &Job,
    status: Option<Status>,
    began: Nanoseconds,
    last_words: &str,
) {
    let Some(plan) = boot.plan else { return };
    let is_done = status == Some(Status::Exited(0));
    if let Some(job) = boot.assembly.find(job.step, job.what, &job.device)
        // Wanted again meanwhile, it waits.
        && job.state == State::Running
    {
        job.state = if is_done { State::Done } else { State::Failed };
    }
    let took_ns = boot.machine.now().saturating_sub(began);
    let (code, signal, errno, verdict) = match status {
        Some(Status::Exited(0)) => (0, 0, 0, "done"),
        Some(Status::Exited(code)) => (code, 0, 0, "failed"),
        Some(Status::Signalled(signal)) => (0, signal, 0, "failed"),
        Some(Status::NotExecuted(errno)) => (0, 0, errno.0, "not started"),
        None => (0, 0, Errno::TIMEDOUT.0, "timed out"),
    };
    let (program, _) = program(&plan, job);
    let (step, device) = (name(&plan, job.step), &job.device);
    boot.record(Assembled {
        step,
        device,
        command: program,
        code: u16::from(code),
        signal: u16::from(signal),
        errno,
        took_ns,
        verdict,
    });
    if is_done {
        boot.assembly.failure.take_if(|(step, _)| *step == job.step);
        let took_ms = took_ns / MILLISECOND_NS;
        boot.milestone(format_args!("{step} {device}: done in {took_ms} ms"));
        return;
    }
    let path = Entry::words(program).next().unwrap_or_default();
    let why: Text = text(format_args!(
        "{step}: {path} {verdict} (exit {code}, signal {signal}, errno {errno}): {last_words}"
    ));
    boot.alarm(format_args!("{why}"));
    boot.assembly.failure = Some((job.step, why));
}

/// The root is found: says what of it is missing, and leaves word for udev.
pub(crate) fn found<M: Machine>(boot: &mut Boot<'_, M>) {
    let mut is_told = false;
    for index in 0..boot.root.volumes().len() {
        let Some(volume) = boot.root.volumes().get(index) else {
            break;
        };
        let (name, number) = (volume.name.clone(), volume.number.clone());
        if name.starts_with("dm-") {
            leave_word(boot, &number);
        } else if name.starts_with("md") {
            is_told |= crate::array::tell(boot, &name);
        }
    }
    let Some(plan) = boot.plan else { return };
    for (number, step) in plan.assemblies().iter().enumerate() {
        let late = boot.assembly.find(number, What::Late, "");
        if late.is_some_and(|job| job.state == State::Done) && !is_told {
            let name = plan.text(step.name);
            boot.verdict
                .degrade(format_args!("{name} was started before it was whole"));
        }
    }
}

/// Leaves in udev's database what it would have there itself, had it seen this device of the device mapper begin.
fn leave_word<M: Machine>(boot: &mut Boot<'_, M>, number: &str) {
    for directory in UDEV_DATABASE {
        let _ = boot.machine.make_directory(directory);
    }
    let [.., database] = UDEV_DATABASE;
    let path: Text = text(format_args!("{database}/b{number}"));
    if let Err(errno) = boot.machine.write_file(&path, UDEV_ENTRY) {
        boot.alarm(format_args!("{path}: errno {}", errno.0));
    }
}

/// On the way down, with nothing mounted: takes apart what was assembled, the last first.
pub(crate) fn undo<M: Machine>(boot: &mut Boot<'_, M>) {
    let Some(plan) = boot.plan else { return };
    for (number, step) in plan.assemblies().iter().enumerate().rev() {
        let is_done = |job: &Job| job.step == number && job.state == State::Done;
        let program = plan.text(step.undo);
        if program.is_empty() || !boot.assembly.jobs.iter().any(is_done) {
            continue;
        }
        let words: Vec<&str, WORDS_MAX> = Entry::words(program).collect();
        let limit = u64::from(step.deadline_ms.get()) * MILLISECOND_NS;
        let name = plan.text(step.name);
        let left = match task::run_spawn(boot, &spawn(&words), limit) {
            Outcome::Done => continue,
            Outcome::Failed(code) | Outcome::NotStarted(code) => code,
            Outcome::Hangs => Errno::TIMEDOUT,
        };
        // An exit code, or the errno of a program that never ran.
        boot.alarm(format_args!("{name} stays: {program}: {}", left.0));
    }
}
