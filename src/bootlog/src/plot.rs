//! `bootlog plot`: a boot as bars over time, for a terminal and as a picture.
//!
//! The time that went by waiting for a person is cut out: on this axis a boot is as long as its machine made it.
//!
//! ```text
//! Boot --> Chart: sections of bars, marks --> text::page --> Page
//!                                        \--> svg::svg   --> SVG (feature `full`)
//! ```

#[cfg(feature = "full")]
pub mod svg;
mod text;

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::critical_path::critical_path;
use crate::format::{duration, errno, signal};
use crate::model::{Boot, Runlevel, Script, ScriptEnd, Stage, StageEnd, Wait};

pub use self::text::page;

/// Bars in one section: a picture with more is not looked at.
const BARS_MAX: usize = 1000;
/// Marks of waits for a person.
const MARKS_MAX: usize = 16;
/// Runlevels of a boot: S and one more, and each once again when a person asked for it.
const RUNLEVELS_MAX: usize = 8;
/// Modules drawn one by one: those that took longest.
const MODULES_MAX: usize = 12;

/// A boot over time.
#[derive(Debug, Clone, Serialize)]
pub struct Chart {
    /// The verdict's word.
    pub verdict: String,
    /// Why.
    pub reason: String,
    /// When the kernel started, UTC; empty when that is lost.
    pub started: String,
    /// Config and kernel; empty when that is lost.
    pub machine: String,
    /// Where the time axis ends; it begins at 0, the start of the kernel. Without waits for a person, as all times here.
    pub end_ns: u64,
    /// Where a person was waited for, and is cut out.
    pub marks: Vec<Mark>,
    /// Kernel and stages, modules, root, then each runlevel.
    pub sections: Vec<Section>,
}

/// A wait for a person.
#[derive(Debug, Clone, Serialize)]
pub struct Mark {
    /// When.
    pub at_ns: u64,
    /// How long it was.
    pub took_ns: u64,
}

/// Bars that belong together.
#[derive(Debug, Clone, Serialize)]
pub struct Section {
    /// What they are.
    pub title: String,
    /// A line about all of them.
    pub detail: String,
    /// Where its own time axis begins: the first section shows the whole boot, the others no more than what is in them.
    pub from_ns: u64,
    /// Where that ends.
    pub to_ns: u64,
    /// How many bars are left out.
    pub left_out: usize,
    /// In the order they began.
    pub bars: Vec<Bar>,
}

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// As it should.
    Good,
    /// It had nothing to do.
    Skipped,
    /// It failed.
    Bad,
    /// It has not ended.
    Open,
}

/// Something that took time.
#[derive(Debug, Clone, Serialize)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// The level of a script, 0 for anything else.
    pub level: u16,
    /// When it began.
    pub at_ns: u64,
    /// When it ended; for what has not, the end of the axis.
    pub end_ns: u64,
    /// CPU time of it and its children; `null` when that is not recorded.
    pub cpu_ns: Option<u64>,
    /// Its largest resident set, KiB; 0 when that is not recorded.
    pub memory_kib: u32,
    /// How it ended.
    pub tone: Tone,
    /// What was not as it should be.
    pub fault: String,
    /// The bar of this section whose end let it start.
    pub waits_for: Option<usize>,
    /// Whether it is on the critical path.
    pub on_path: bool,
}

/// The time axis: what of it went by waiting for a person is cut out.
struct Axis<'b> {
    waits: &'b [Wait],
    /// Where the boot ends: what begins later is going down, or none of a boot's.
    limit_ns: u64,
}

impl Axis<'_> {
    fn at(&self, ns: u64) -> u64 {
        let before = |wait: &Wait| match wait.took_ns {
            Some(took) => took.min(ns.saturating_sub(wait.at_ns)),
            None => ns.saturating_sub(wait.at_ns),
        };
        let held = self.waits.iter().map(before).fold(0, u64::saturating_add);
        ns.saturating_sub(held)
    }

    fn bar(&self, name: &str, at_ns: u64, took_ns: Option<u64>) -> Option<Bar> {
        (at_ns <= self.limit_ns).then(|| Bar {
            name: name.to_owned(),
            level: 0,
            at_ns: self.at(at_ns),
            end_ns: took_ns.map_or(u64::MAX, |took| self.at(at_ns.saturating_add(took))),
            cpu_ns: None,
            memory_kib: 0,
            tone: match took_ns {
                Some(_) => Tone::Good,
                None => Tone::Open,
            },
            fault: String::new(),
            waits_for: None,
            on_path: false,
        })
    }

    /// From its end back.
    fn ended(&self, name: &str, end_ns: u64, took_ns: u64, fault: &str) -> Option<Bar> {
        let mut bar = self.bar(name, end_ns.saturating_sub(took_ns), Some(took_ns))?;
        if !fault.is_empty() {
            bar.tone = Tone::Bad;
            bar.fault = fault.to_owned();
        }
        Some(bar)
    }
}

/// A boot as bars over time.
#[must_use]
pub fn chart(boot: &Boot) -> Chart {
    let waits = boot.waits.get(..MARKS_MAX).unwrap_or(&boot.waits);
    let axis = Axis {
        waits,
        limit_ns: boot.verdict.at_ns.unwrap_or(boot.last_ns),
    };
    let mut sections = vec![stages(boot, &axis), modules(boot, &axis), root(boot, &axis)];
    sections.extend(runlevels(boot, &axis));
    sections.retain(|section| !section.bars.is_empty());
    let ends = sections.iter().flat_map(|section| &section.bars);
    let ends = ends.flat_map(|bar| [bar.at_ns, bar.end_ns]);
    let end_ns = ends.filter(|&end| end != u64::MAX).max().unwrap_or(0);
    let end_ns = end_ns.max(axis.at(axis.limit_ns)).max(1);
    for section in &mut sections {
        for bar in &mut section.bars {
            bar.end_ns = bar.end_ns.min(end_ns);
        }
        let begin = section.bars.iter().map(|bar| bar.at_ns).min();
        let end = section.bars.iter().map(|bar| bar.end_ns).max();
        section.from_ns = begin.unwrap_or(0);
        section.to_ns = end.unwrap_or(end_ns);
        forget_crossed(&mut section.bars);
    }
    if let Some(first) = sections.first_mut() {
        (first.from_ns, first.to_ns) = (0, end_ns);
    }
    let identity = boot.identity.as_ref();
    Chart {
        verdict: boot.verdict.word.clone(),
        reason: boot.verdict.reason.clone(),
        started: identity.map_or_else(String::new, |known| known.started.clone()),
        machine: identity.map_or_else(String::new, |known| {
            format!("{}, {}", known.config, known.kernel)
        }),
        end_ns,
        marks: waits
            .iter()
            .map(|wait| Mark {
                at_ns: axis.at(wait.at_ns),
                took_ns: wait
                    .took_ns
                    .unwrap_or(boot.last_ns.saturating_sub(wait.at_ns)),
            })
            .collect(),
        sections,
    }
}

/// What was waited for ended before its waiter began: what a damaged record says otherwise is not drawn.
fn forget_crossed(bars: &mut [Bar]) {
    let ends: Vec<u64> = bars.iter().map(|bar| bar.end_ns).collect();
    for bar in bars {
        let end = bar.waits_for.and_then(|place| ends.get(place));
        if end.is_none_or(|&end| end > bar.at_ns) {
            bar.waits_for = None;
        }
    }
}

fn section(title: &str, detail: String, mut bars: Vec<Bar>) -> Section {
    let left_out = bars.len().saturating_sub(BARS_MAX);
    bars.truncate(BARS_MAX);
    Section {
        title: title.to_owned(),
        detail,
        from_ns: 0,
        to_ns: 0,
        left_out,
        bars,
    }
}

fn stages(boot: &Boot, axis: &Axis<'_>) -> Section {
    let exec = boot.identity.as_ref().and_then(|known| known.exec_ns);
    let kernel = exec.and_then(|exec| axis.bar("kernel", 0, Some(exec)));
    // The last stage is what comes after the boot.
    let stages = boot.stages.iter().filter(|stage| stage.name != "stay");
    let stage = |stage: &Stage| {
        let mut bar = axis.bar(&stage.name, stage.at_ns?, stage.took_ns)?;
        bar.tone = match stage.end {
            StageEnd::Done => Tone::Good,
            StageEnd::Skipped => Tone::Skipped,
            StageEnd::WentOn | StageEnd::Rescue => Tone::Bad,
            StageEnd::Unfinished => Tone::Open,
        };
        if let Some(failed) = &stage.failed {
            bar.fault.clone_from(&failed.name);
        }
        Some(bar)
    };
    let bars = kernel.into_iter().chain(stages.filter_map(stage));
    section("KERNEL AND STAGES", String::new(), bars.collect())
}

fn modules(boot: &Boot, axis: &Axis<'_>) -> Section {
    let mut modules: Vec<_> = boot.modules.iter().collect();
    modules.sort_by_key(|module| std::cmp::Reverse(module.took_ns));
    let more = modules.len().saturating_sub(MODULES_MAX);
    modules.truncate(MODULES_MAX);
    let bar = |module: &&crate::model::Module| {
        let fault = match module.errno {
            0 => String::new(),
            number => errno(number),
        };
        axis.ended(&module.name, module.at_ns, module.took_ns, &fault)
    };
    let mut bars: Vec<Bar> = modules.iter().filter_map(bar).collect();
    bars.sort_by_key(|bar| bar.at_ns);
    let mut section = section("KERNEL MODULES", String::new(), bars);
    section.left_out = more;
    section
}

/// What was done to the root's devices.
fn root(boot: &Boot, axis: &Axis<'_>) -> Section {
    let fault = |verdict: &str, good: &str| match verdict == good {
        true => String::new(),
        false => verdict.to_owned(),
    };
    let assemblies = boot.assemblies.iter().filter_map(|run| {
        let name = format!("{} {}", run.step, run.device);
        let fault = fault(&run.verdict, "done");
        axis.ended(name.trim_end(), run.at_ns, run.took_ns, &fault)
    });
    let checks = boot.checks.iter().filter(|check| !check.command.is_empty());
    let checks = checks.filter_map(|check| {
        let fault = fault(&check.verdict, "clean");
        axis.ended(&check.command, check.at_ns, check.took_ns, &fault)
    });
    section("ROOT", String::new(), assemblies.chain(checks).collect())
}

fn runlevels(boot: &Boot, axis: &Axis<'_>) -> Vec<Section> {
    let paths = critical_path(boot, None).runlevels;
    let runlevels = boot.runlevels.iter().zip(&paths);
    // Halt and reboot are no part of a boot.
    let runlevels = runlevels.filter(|(runlevel, _)| !matches!(&*runlevel.runlevel, "0" | "6"));
    let section = |(runlevel, path): (&Runlevel, &crate::critical_path::RunlevelPath)| {
        let path: HashSet<&str> = path.steps.iter().map(|step| &*step.script).collect();
        self::runlevel(boot, runlevel, axis, &path)
    };
    runlevels.take(RUNLEVELS_MAX).map(section).collect()
}

fn runlevel(boot: &Boot, of: &Runlevel, axis: &Axis<'_>, path: &HashSet<&str>) -> Section {
    let members = of.members.iter();
    let scripts = members.filter_map(|&run| boot.scripts.get(run));
    let is_drawn = |script: &&Script| script.at_ns.is_some_and(|at| at <= axis.limit_ns);
    let mut scripts: Vec<&Script> = scripts.filter(is_drawn).collect();
    scripts.sort_by_key(|script| (script.level, script.at_ns));
    let places = (0..).zip(&scripts);
    let places: HashMap<u32, usize> = places.map(|(at, script)| (script.number, at)).collect();
    let bar = |script: &&Script| {
        let bar = axis.bar(&script.name, script.at_ns?, script.took_ns)?;
        let waits_for = script.waited_for.and_then(|number| places.get(&number));
        Some(Bar {
            level: script.level,
            cpu_ns: Some(script.user_ns.saturating_add(script.system_ns)),
            memory_kib: script.memory_kib,
            tone: tone(script),
            fault: fault(script),
            waits_for: waits_for.copied().filter(|&place| place < BARS_MAX),
            on_path: path.contains(&*script.name),
            ..bar
        })
    };
    let took = of.took_ns.map_or("has not ended".to_owned(), duration);
    let detail = format!("{} scripts, {took}, order by {}", of.scripts, of.policy);
    let bars: Vec<Bar> = scripts.iter().filter_map(bar).collect();
    section(&format!("RUNLEVEL {}", of.runlevel), detail, bars)
}

fn tone(script: &Script) -> Tone {
    match script.end {
        ScriptEnd::Unfinished => Tone::Open,
        _ if script.succeeded() => Tone::Good,
        _ if script.skipped() => Tone::Skipped,
        _ => Tone::Bad,
    }
}

fn fault(script: &Script) -> String {
    match script.end {
        ScriptEnd::Exited if script.status == 0 => String::new(),
        ScriptEnd::Exited if script.skipped() => "skipped".to_owned(),
        ScriptEnd::Exited => format!("exit {}", script.status),
        ScriptEnd::Signalled => signal(script.status),
        ScriptEnd::TimedOut => "timed out".to_owned(),
        ScriptEnd::NotStarted => "not started".to_owned(),
        ScriptEnd::Abandoned => "left behind".to_owned(),
        ScriptEnd::Unfinished => "has not ended".to_owned(),
    }
}

/// The times of an axis that have a tick.
fn ticks(section: &Section, ticks_max: u64) -> impl Iterator<Item = u64> + use<> {
    let to_ns = section.to_ns;
    let tick = tick_ns(to_ns.saturating_sub(section.from_ns), ticks_max);
    let first = section.from_ns.div_ceil(tick).checked_mul(tick);
    std::iter::successors(first, move |at| at.checked_add(tick)).take_while(move |&at| at <= to_ns)
}

/// The distance of two ticks: 1, 2 or 5 of a power of ten, so that there are at most so many.
fn tick_ns(end_ns: u64, ticks_max: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let tick = power.saturating_mul(factor);
            if end_ns / tick <= ticks_max {
                return tick;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// A time on the axis, as short as it goes.
fn tick_label(ns: u64) -> String {
    let trimmed = |unit: u64, name: &str| {
        let (whole, rest) = (ns / unit, ns % unit * 1000 / unit);
        let text = format!("{whole}.{rest:03}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        format!("{text} {name}")
    };
    match ns {
        0 => "0".to_owned(),
        1..1_000_000 => trimmed(1_000, "us"),
        1_000_000..1_000_000_000 => trimmed(1_000_000, "ms"),
        _ => trimmed(1_000_000_000, "s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks() {
        let check = |end: u64, most: u64, tick: u64| assert_eq!(tick_ns(end, most), tick);
        check(1, 10, 1);
        check(2_494_000_000, 12, 200_000_000);
        check(2_494_000_000, 6, 500_000_000);
        check(32_000_000_000, 10, 5_000_000_000);
        check(u64::MAX, 10, 2_000_000_000_000_000_000);
        let label = |ns: u64, expected: &str| assert_eq!(tick_label(ns), expected);
        label(0, "0");
        label(20_000, "20 us");
        label(500_000_000, "500 ms");
        label(1_500_000_000, "1.5 s");
        label(10_000_000_000, "10 s");
    }

    #[test]
    fn waits_are_cut_out() {
        let wait = |at_ns, took_ns| Wait {
            at_ns,
            stage: String::new(),
            why: None,
            took_ns,
            ended_by: None,
            by: None,
        };
        let waits = [wait(100, Some(50)), wait(200, None)];
        let axis = Axis {
            waits: &waits,
            limit_ns: 1000,
        };
        let check = |ns: u64, expected: u64| assert_eq!(axis.at(ns), expected, "{ns}");
        check(0, 0);
        check(100, 100);
        check(120, 100);
        check(150, 100);
        check(160, 110);
        check(u64::MAX, 150);
    }
}
