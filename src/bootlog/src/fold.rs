//! Folds frames into a [`Boot`].
//!
//! Frames may be missing anywhere, so an end may come without a beginning and the other way round:
//! each is kept, and what is not known stays open.

use std::collections::HashMap;

use preroot_record::{self as record, Event, Found, Frame, Outcome, Source};

use crate::before::BeforeInit;
use crate::format::{date, watchdog_flags};
use crate::model::{
    Assembly, Boot, Check, FailedStep, Handover, Hardware, Identity, KernelMessage, Module, Mount,
    Network, Note, Operator, Root, Runlevel, Script, ScriptEnd, Service, Session, Shutdown, Sshd,
    Stage, StageEnd, Syslog, Thing, Verdict, Wait, Watchdog,
};

/// What is collected beside the boot itself.
#[derive(Default)]
struct Fold {
    boot: Boot,
    verdicts: Vec<Verdict>,
    /// Output by script run, as bytes: a character may be cut between two frames.
    output: HashMap<usize, Vec<u8>>,
    /// Output behind what was not kept.
    output_ends: HashMap<usize, Vec<u8>>,
    fsck_output: Vec<u8>,
    assembly_output: Vec<u8>,
    other_output: Vec<u8>,
    /// Where each thing of the inventory stands, by class and name.
    things: HashMap<(String, String), usize>,
    /// The latest run of each script, by its number.
    runs: HashMap<u32, usize>,
}

/// How far back the beginning of what ended is looked for. A boot has one or two open at a time; a
/// bound keeps a hostile record from costing its length squared.
const OPEN_MAX: usize = 16;

/// As [`OPEN_MAX`], for sessions: there are 32 at once, and refused connections between them.
const SESSIONS_MAX: usize = 128;

/// Folds the frames of one boot.
pub fn fold<'a>(found: impl Iterator<Item = Found<'a>>) -> Boot {
    let mut fold = Fold::default();
    for found in found {
        match found {
            Found::Frame(frame) => fold.frame(&frame),
            Found::Damaged(bytes) => fold.boot.lost.damaged_bytes += bytes as u64,
            Found::Missing(frames) => fold.boot.lost.frames += u64::from(frames),
        }
    }
    fold.finish()
}

impl Fold {
    fn frame(&mut self, frame: &Frame<'_>) {
        let at_ns = frame.header.time_ns;
        self.boot.last_ns = self.boot.last_ns.max(at_ns);
        let Some(event) = frame.event() else {
            self.boot.lost.unknown_frames += 1;
            return;
        };
        match event {
            Event::Born(event) => self.boot.identity = Some(identity(&event)),
            Event::StageBegan(event) => self.stage_began(at_ns, &event),
            Event::StageEnded(event) => self.stage_ended(at_ns, &event),
            Event::RunlevelBegan(event) => self.runlevel_began(at_ns, &event),
            Event::RunlevelEnded(event) => self.runlevel_ended(at_ns, &event),
            Event::ScriptStarted(event) => self.script_started(at_ns, &event),
            Event::ScriptEnded(event) => self.script_ended(at_ns, &event),
            Event::Output(event) => self.output(&event),
            Event::Operator(event) => self.operator(at_ns, &event),
            Event::Lost(event) => self.lost(&event),
            Event::Session(event) => self.session(at_ns, &event),
            Event::Verdict(event) => self.verdicts.push(Verdict {
                word: event.word.into(),
                reason: event.reason.into(),
                detail: event.detail.map(Into::into),
                at_ns: Some(at_ns),
            }),
            other => self.plain(at_ns, &other),
        }
    }

    /// Events that are kept as they are.
    fn plain(&mut self, at_ns: u64, event: &Event<'_>) {
        let boot = &mut self.boot;
        match *event {
            Event::Module(event) => boot.modules.push(module(at_ns, &event)),
            Event::Network(event) => boot.network.push(Network {
                at_ns,
                interface: event.interface.into(),
                what: event.what.into(),
                errno: event.errno,
            }),
            Event::Sshd(event) => boot.sshd.push(Sshd {
                at_ns,
                what: event.what.into(),
                pid: event.pid,
                starts: event.starts,
                status: event.status,
                why: event.why.map(Into::into),
            }),
            Event::Hardware(event) => boot.hardware.push(Hardware {
                item: event.item.into(),
                expected: event.expected,
                found: event.found,
                verdict: event.verdict.into(),
                detail: event.detail.map(Into::into),
                concern: event.concern.map(Into::into),
            }),
            Event::Inventory(event) => self.thing(&event),
            Event::RootFound(event) => boot.roots.push(root(at_ns, &event)),
            Event::Fsck(event) => {
                let output = std::mem::take(&mut self.fsck_output);
                boot.checks.push(check(at_ns, &event, &output));
            }
            Event::Assembled(event) => {
                let output = std::mem::take(&mut self.assembly_output);
                boot.assemblies.push(assembly(at_ns, &event, &output));
            }
            Event::Handover(event) => boot.handovers.push(Handover {
                at_ns,
                what: event.what.into(),
                to: event.to.into(),
                count: event.count,
                failed: event.failed,
                errno: event.errno,
            }),
            Event::Syslog(event) => boot.syslog.push(Syslog {
                at_ns,
                to: event.to.into(),
                word: event.word.into(),
                bytes: event.bytes,
                errno: event.errno,
                tries: event.tries,
            }),
            Event::KernelMessage(event) => boot.kernel.push(KernelMessage {
                at_ns: event.at_ns,
                level: event.level,
                text: event.text.into(),
            }),
            Event::Died(event) => crate::before::died(&mut boot.died, at_ns, &event),
            Event::BeforeInit(event) => boot.before_init = Some(BeforeInit::new(&event)),
            Event::Watchdog(event) => boot.watchdog.push(watchdog(at_ns, &event)),
            Event::Mounted(event) => boot.mounts.push(mount(at_ns, &event)),
            Event::Service(event) => boot.services.push(Service {
                at_ns,
                id: event.id.into(),
                what: event.what.into(),
                pid: event.pid,
                status: event.status,
            }),
            Event::Note(event) => boot.notes.push(Note {
                at_ns,
                text: event.text.into(),
            }),
            Event::Shutdown(event) => {
                boot.shutdown = Some(Shutdown {
                    at_ns,
                    how: event.how.into(),
                    who: event.who.into(),
                });
            }
            _ => boot.lost.unknown_frames += 1,
        }
    }

    fn session(&mut self, at_ns: u64, event: &record::Session<'_>) {
        let boot = &mut self.boot;
        boot.refused = boot.refused.max(event.refused);
        let is_it = |open: &&mut Session| {
            open.state == "open" && open.at_ns == event.began_ns && open.from == event.from
        };
        let took_ns = at_ns.saturating_sub(event.began_ns);
        if event.what == "ended"
            && let Some(open) = boot
                .sessions
                .iter_mut()
                .rev()
                .take(SESSIONS_MAX)
                .find(is_it)
        {
            open.state = "ended".into();
            open.took_ns = Some(took_ns);
            open.how = event.how.into();
            return;
        }
        let (state, took_ns) = match event.what {
            "began" => ("open", None),
            what => (what, Some(took_ns)),
        };
        boot.sessions.push(Session {
            at_ns: event.began_ns,
            took_ns,
            state: state.into(),
            who: event.who.into(),
            user: event.user.into(),
            from: event.from.into(),
            pid: event.pid,
            how: event.how.into(),
        });
    }

    /// The last that was said of a thing counts.
    fn thing(&mut self, event: &record::Inventory<'_>) {
        let facts = event.facts.split('\t').filter_map(|fact| {
            let (key, value) = fact.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        });
        let thing = Thing {
            class: event.class.into(),
            name: event.name.into(),
            facts: facts.collect(),
        };
        let things = &mut self.boot.inventory;
        let key = (thing.class.clone(), thing.name.clone());
        match self.things.get(&key).and_then(|&at| things.get_mut(at)) {
            Some(known) => *known = thing,
            None => {
                self.things.insert(key, things.len());
                things.push(thing);
            }
        }
    }

    fn stage_began(&mut self, at_ns: u64, event: &record::StageBegan<'_>) {
        self.boot.stages.push(Stage {
            name: event.stage.into(),
            at_ns: Some(at_ns),
            took_ns: None,
            end: StageEnd::Unfinished,
            failed: None,
        });
    }

    fn stage_ended(&mut self, at_ns: u64, event: &record::StageEnded<'_>) {
        let open = |stage: &&mut Stage| stage.name == event.stage && stage.took_ns.is_none();
        let ended = Stage {
            name: event.stage.into(),
            at_ns: None,
            took_ns: None,
            end: match event.outcome {
                Outcome::Done => StageEnd::Done,
                Outcome::GoOn => StageEnd::WentOn,
                Outcome::Rescue => StageEnd::Rescue,
                Outcome::Skipped => StageEnd::Skipped,
            },
            failed: (event.step != 0).then(|| FailedStep {
                number: event.step,
                name: event.step_name.into(),
                errno: event.errno,
            }),
        };
        match self.boot.stages.iter_mut().rev().take(OPEN_MAX).find(open) {
            Some(stage) if stage.end == StageEnd::Unfinished => {
                let at = stage.at_ns;
                *stage = Stage {
                    at_ns: at,
                    took_ns: at.map(|at| at_ns.saturating_sub(at)),
                    ..ended
                };
            }
            _ => {
                let at = self.unrecorded_start();
                self.boot.stages.push(Stage {
                    at_ns: at,
                    took_ns: at.map(|at| at_ns.saturating_sub(at)),
                    ..ended
                });
            }
        }
    }

    /// When a stage began of which only the end is recorded: the first ones are over before there is
    /// a record, and begin when PID 1 does. For later ones a frame is lost, and nobody knows.
    fn unrecorded_start(&self) -> Option<u64> {
        let exec_ns = self.boot.identity.as_ref()?.exec_ns?;
        let end = |stage: &Stage| Some(stage.at_ns?.saturating_add(stage.took_ns?));
        match self.boot.stages.as_slice() {
            [] => Some(exec_ns),
            [first] if first.at_ns == Some(exec_ns) => end(first),
            _ => None,
        }
    }

    fn runlevel_began(&mut self, at_ns: u64, event: &record::RunlevelBegan<'_>) {
        self.boot.runlevels.push(Runlevel {
            runlevel: event.runlevel.into(),
            policy: event.policy.into(),
            at_ns,
            took_ns: None,
            scripts: event.scripts,
            succeeded: 0,
            failed: 0,
            timed_out: 0,
            skipped: 0,
            levels: Vec::new(),
            members: Vec::new(),
        });
    }

    fn runlevel_ended(&mut self, at_ns: u64, event: &record::RunlevelEnded<'_>) {
        let open =
            |level: &&mut Runlevel| level.runlevel == event.runlevel && level.took_ns.is_none();
        if let Some(runlevel) = self
            .boot
            .runlevels
            .iter_mut()
            .rev()
            .take(OPEN_MAX)
            .find(open)
        {
            runlevel.took_ns = Some(at_ns.saturating_sub(runlevel.at_ns));
            runlevel.succeeded = event.succeeded;
            runlevel.failed = event.failed;
            runlevel.timed_out = event.timed_out;
            runlevel.skipped = event.skipped.unwrap_or(0);
        }
    }

    /// The latest run of a script.
    fn run(&self, number: u32) -> Option<usize> {
        self.runs.get(&number).copied()
    }

    fn push(&mut self, script: Script) {
        self.runs.insert(script.number, self.boot.scripts.len());
        self.boot.scripts.push(script);
    }

    fn script_started(&mut self, at_ns: u64, event: &record::ScriptStarted<'_>) {
        if let Some(current) = self.boot.runlevels.last_mut()
            && current.runlevel == event.runlevel
        {
            current.members.push(self.boot.scripts.len());
        }
        self.push(Script {
            runlevel: event.runlevel.into(),
            level: event.level,
            argument: event.argument.into(),
            at_ns: Some(at_ns),
            waited_for: event.waited_for,
            ..script(event.script, event.name)
        });
    }

    fn script_ended(&mut self, at_ns: u64, event: &record::ScriptEnded<'_>) {
        let open = self.run(event.script).and_then(|run| {
            let script = self.boot.scripts.get_mut(run)?;
            (script.end == ScriptEnd::Unfinished).then_some(script)
        });
        let script = match open {
            Some(script) => script,
            None => {
                let at_ns = at_ns.checked_sub(event.took_ns);
                self.push(Script {
                    at_ns,
                    ..script(event.script, event.name)
                });
                let Some(script) = self.boot.scripts.last_mut() else {
                    return;
                };
                script
            }
        };
        script.end = match event.end {
            record::ScriptEnd::Exited => ScriptEnd::Exited,
            record::ScriptEnd::Signalled => ScriptEnd::Signalled,
            record::ScriptEnd::TimedOut => ScriptEnd::TimedOut,
            record::ScriptEnd::NotStarted => ScriptEnd::NotStarted,
            record::ScriptEnd::Abandoned => ScriptEnd::Abandoned,
        };
        script.status = event.status;
        script.took_ns = Some(event.took_ns);
        script.user_ns = event.user_ns;
        script.system_ns = event.system_ns;
        script.memory_kib = event.memory_kib;
        script.output_bytes = event.output_bytes;
        script.read_bytes = event.read_bytes;
        script.written_bytes = event.written_bytes;
    }

    fn output(&mut self, event: &record::Output<'_>) {
        match event.source {
            Source::Script => match self.run(event.script) {
                Some(run) => {
                    let script = self.boot.scripts.get(run);
                    let has_gap = script.is_some_and(|script| script.output_lost > 0);
                    let output = if has_gap {
                        &mut self.output_ends
                    } else {
                        &mut self.output
                    };
                    output.entry(run).or_default()
                }
                None => &mut self.other_output,
            },
            Source::Fsck => &mut self.fsck_output,
            Source::Assembly => &mut self.assembly_output,
            Source::Sshd | Source::Child => &mut self.other_output,
        }
        .extend_from_slice(event.bytes);
    }

    fn operator(&mut self, at_ns: u64, event: &record::Operator<'_>) {
        let known = |text: Option<&str>| text.map(Into::into);
        let mut waited_ns = None;
        let open = self.boot.waits.last_mut();
        let open = open.filter(|wait| wait.took_ns.is_none());
        match (event.what, open) {
            ("waiting", Some(_)) => {}
            ("waiting", None) => self.boot.waits.push(Wait {
                at_ns,
                stage: event.stage.into(),
                why: known(event.why),
                took_ns: None,
                ended_by: None,
                by: None,
            }),
            // Older records do not say why somebody is waited for, and in them any word ended it.
            (what, Some(wait)) if event.waited_ns.is_some() || wait.why.is_none() => {
                let waited = event.waited_ns.unwrap_or(at_ns.saturating_sub(wait.at_ns));
                waited_ns = Some(waited);
                wait.took_ns = waited_ns;
                wait.ended_by = Some(what.into());
                wait.by = known(event.by);
                self.boot.held_ns = self.boot.held_ns.saturating_add(waited);
            }
            _ => {}
        }
        self.boot.operator.push(Operator {
            at_ns,
            what: event.what.into(),
            stage: event.stage.into(),
            waited_ns,
            why: known(event.why),
            by: known(event.by),
        });
    }

    fn lost(&mut self, event: &record::Lost<'_>) {
        let lost = &mut self.boot.lost;
        if event.what == "frames" {
            lost.dropped_frames = lost.dropped_frames.saturating_add(event.count);
            return;
        }
        lost.output_bytes = lost.output_bytes.saturating_add(event.count);
        let run = event.script.and_then(|number| self.run(number));
        if let Some(script) = run.and_then(|run| self.boot.scripts.get_mut(run)) {
            script.output_lost = script.output_lost.saturating_add(event.count);
        }
    }

    fn finish(mut self) -> Boot {
        for (run, bytes) in self.output {
            if let Some(script) = self.boot.scripts.get_mut(run) {
                script.output = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        for (run, bytes) in self.output_ends {
            if let Some(script) = self.boot.scripts.get_mut(run) {
                script.output_end = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
        if let Some(check) = self.boot.checks.last_mut() {
            // A check whose output came after its end.
            check.output += &String::from_utf8_lossy(&self.fsck_output);
        }
        // Of a program that had not ended.
        self.other_output.extend_from_slice(&self.assembly_output);
        if let Some(wait) = self.boot.waits.last()
            && wait.took_ns.is_none()
        {
            // Still waiting when the record ends.
            let waited = self.boot.last_ns.saturating_sub(wait.at_ns);
            self.boot.held_ns = self.boot.held_ns.saturating_add(waited);
        }
        self.boot.other_output = String::from_utf8_lossy(&self.other_output).into_owned();
        self.boot.verdict = self.verdicts.pop().unwrap_or_else(|| Verdict {
            word: "UNFINISHED".into(),
            reason: "no verdict was recorded".into(),
            detail: None,
            at_ns: None,
        });
        self.boot.earlier_verdicts = self.verdicts;
        let at_ns = self.boot.verdict.at_ns;
        self.boot.boot_ns = at_ns.map(|at| at.saturating_sub(self.boot.held_until(at)));
        crate::levels::fill(&mut self.boot);
        self.boot
    }
}

fn identity(event: &record::Born<'_>) -> Identity {
    Identity {
        boot_id: event.boot_id.into(),
        started_unix_ns: event.epoch_ns,
        started: date(event.epoch_ns),
        kernel: event.kernel.into(),
        config: event.config.into(),
        plan: event.plan.into(),
        image: event.image.into(),
        version: event.version.into(),
        command_line: event.command_line.into(),
        plan_error: event.plan_error.map(Into::into),
        exec_ns: event.exec_ns,
    }
}

fn module(at_ns: u64, event: &record::Module<'_>) -> Module {
    Module {
        at_ns,
        name: event.name.into(),
        errno: event.errno,
        took_ns: event.took_ns,
        modalias: event.modalias.into(),
    }
}

fn root(at_ns: u64, event: &record::RootFound<'_>) -> Root {
    Root {
        at_ns,
        wanted: event.wanted.into(),
        device: event.device.into(),
        kind: event.kind.into(),
        waited_ns: event.waited_ns,
    }
}

fn check(at_ns: u64, event: &record::Fsck<'_>, output: &[u8]) -> Check {
    Check {
        at_ns,
        device: event.device.into(),
        reason: event.reason.into(),
        command: event.command.into(),
        code: event.code,
        signal: event.signal,
        took_ns: event.took_ns,
        verdict: event.verdict.into(),
        inodes_cleared: event.inodes_cleared,
        entries_dropped: event.entries_dropped,
        attached: event.attached,
        orphans: event.orphans,
        files_before: event.files_before,
        files_after: event.files_after,
        output: String::from_utf8_lossy(output).into_owned(),
    }
}

fn assembly(at_ns: u64, event: &record::Assembled<'_>, output: &[u8]) -> Assembly {
    Assembly {
        at_ns,
        step: event.step.into(),
        device: event.device.into(),
        command: event.command.replace('\t', " "),
        code: event.code,
        signal: event.signal,
        errno: event.errno,
        took_ns: event.took_ns,
        verdict: event.verdict.into(),
        output: String::from_utf8_lossy(output).into_owned(),
    }
}

fn watchdog(at_ns: u64, event: &record::Watchdog<'_>) -> Watchdog {
    Watchdog {
        at_ns,
        what: event.what.into(),
        device: event.device.into(),
        timeout_s: event.timeout_s,
        identity: event.identity.map(Into::into),
        last_boot: event.boot_status.map(watchdog_flags),
        why: event.why.map(Into::into),
        errno: event.errno,
    }
}

fn mount(at_ns: u64, event: &record::Mounted<'_>) -> Mount {
    Mount {
        at_ns,
        device: event.device.into(),
        at: event.at.into(),
        kind: event.kind.into(),
        options: event.options.into(),
    }
}

/// A run of which nothing is known but its name.
fn script(number: u32, name: &str) -> Script {
    Script {
        number,
        name: name.into(),
        runlevel: String::new(),
        level: 0,
        argument: String::new(),
        at_ns: None,
        took_ns: None,
        end: ScriptEnd::Unfinished,
        status: 0,
        user_ns: 0,
        system_ns: 0,
        memory_kib: 0,
        waited_for: None,
        read_bytes: None,
        written_bytes: None,
        output_bytes: 0,
        output: String::new(),
        output_lost: 0,
        output_end: String::new(),
    }
}
