//! `regress`: whether an image boots worse than the last one. Scenarios are run on it, some at once, and counted boots say what
//! takes longer than before; reports say it to people and to programs.
//!
//! ```text
//! parts, shard --> schedule --> run_on --> Ran --> view, results.jsonl (as each ends)
//! time (counted boots) --------------------> Timing \
//!                                                    Results --> summary, junit.xml, report.html
//! ```

pub(crate) mod baseline;
pub(crate) mod figures;
#[cfg(test)]
mod golden;
mod html;
mod in_use;
mod inputs;
mod interrupt;
mod jsonl;
mod junit;
mod parts;
mod probe;
mod report;
mod results;
mod room;
mod schedule;
mod shard;
mod summary;
mod time;
mod view;
mod xml;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use preroot_qemu_tests::{
    Artefacts, Ended, Error, Ran, Scenario, Subject, files, library, random, run_on, scenarios_in,
};

use self::baseline::Baseline;
use self::inputs::Inputs;
use self::parts::{Part, TIME};
use self::report::Report;
use self::results::{About, Exit, Results};
use self::schedule::Event;
use self::shard::{Durations, Shard};
use self::time::Time;
use self::view::View;

/// Where a scenario's files are, below the report's directory.
const RUNS: &str = "runs";
/// How often an image is booted for its counted boots.
const ROUNDS: u16 = 3;
/// Where scenarios are that were drawn by lot, below it.
const RANDOM: &str = "random";
/// What is shown before the first scenario runs.
const READY: &str = "making ready";
/// Where the reports of a replay are, below it.
const AGAIN: &str = "again";

/// What it ends with, for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    fine
  1    an input is wrong: a file, a scenario, a name
  2    a scenario fails, or something in a boot takes longer than it may (whatever else could not be run)
  69   something could not be run: QEMU is missing or was killed, no room on the disk, ctrl-C
  100  the command line is wrong";

/// What is booted, and what it is held against.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    inputs: Inputs,
    /// Run only this: a name, a directory (`state/`), a pattern (`*bond*`), or `time`, the counted boots. Repeatable.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Show what would be run, and run nothing.
    #[arg(long)]
    list: bool,
    /// Run only this part of it, so that several machines share a run: 2/5 is the second of five.
    #[arg(long, value_name = "NUMBER/COUNT")]
    shard: Option<Shard>,
    /// Share it by how long each took in this results.jsonl of an earlier run, and begin with what takes longest.
    #[arg(long, value_name = "FILE")]
    durations: Option<PathBuf>,
    /// How many machines run at once; left out: as many as there are processors.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Scenarios of your own, run beside those of the library; they are named for the directory.
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    /// Run so many scenarios drawn by lot from the seed, in place of the library's: faults, orders and machines in combination, each
    /// held against what is true of every boot.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    random: Option<u64>,
    /// What everything that is drawn by lot is drawn from: the same number gives the same run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where reports and each scenario's console and record are written.
    #[arg(long, value_name = "DIR", default_value = "regress-report")]
    report: PathBuf,
    /// Hold how scenarios end and what counted boots take against this file, which --save has written.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Hold the counted boots against this image's, booted beside them.
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    against: Option<PathBuf>,
    /// Write what came of it as a baseline.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// How often each image is booted for them; the least of each figure counts.
    #[arg(long, value_name = "N", default_value_t = ROUNDS, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
}

/// Runs what is asked for, reports it, says how it went.
///
/// # Errors
/// When an input is wrong, or nothing could be begun.
pub(crate) fn run(options: &Options) -> Result<Exit, Error> {
    let begun = Instant::now();
    let durations = options.durations.as_deref().map(Durations::read);
    let durations = durations.transpose()?.unwrap_or_default();
    let mut parts = options.parts()?;
    if let Some(shard) = options.shard {
        parts = shard.take(parts, &durations, |part| &part.name);
    }
    if options.list {
        let line = |part: &Part| format!("{:<42} {}\n", part.name, part.story);
        let list: String = parts.iter().map(line).collect();
        say(&list);
        return Ok(Exit::Fine);
    }
    durations.longest_first(&mut parts, |part| &part.name);
    let subject = options.subject()?;
    let baseline = options.baseline.as_deref().map(Baseline::read);
    let baseline = baseline.transpose()?;
    let time = options.time(&subject, &parts, baseline.as_ref())?;
    let about = options.about(&subject);
    let jobs = options.jobs();
    // The directory has to be there for its room to be measured.
    files::create_directory(&options.report)?;
    interrupt::watch(Exit::CouldNotRun as i32)?;
    let checked = options.check(&subject, jobs, parts.len());
    if interrupt::has_come() {
        return Ok(Exit::CouldNotRun);
    }
    checked?;
    let report = Report::begin(&options.report)?;
    parts.retain(|part| part.name != TIME);
    let mut view = View::new(parts.len() + usize::from(time.is_some()));
    let subject = view.shows(READY, || subject.made_ready(parts.len(), jobs));
    let mut run = Run {
        options,
        subject,
        report,
        results: Results {
            before: baseline,
            ..Results::new(about)
        },
        view,
    };
    run.scenarios(&parts, jobs)?;
    if let Some(time) = &time {
        run.time(time, jobs)?;
    }
    run.end(begun)
}

impl Options {
    /// All that there is of what is asked for, each of which can be read.
    fn parts(&self) -> Result<Vec<Part>, Error> {
        if let Some(count) = self.random {
            let drawn = parts::drawn(self.seed, count, &self.report.join(RANDOM))?;
            return parts::chosen(drawn, &self.only);
        }
        let mut all = library()?;
        if let Some(dir) = &self.scenarios {
            let own = dir.canonicalize().ok();
            let own = own.as_deref().unwrap_or(dir).file_name();
            let own = own.unwrap_or_default().display().to_string();
            let found = scenarios_in(dir)?;
            let named = |(name, path)| (format!("{own}/{name}"), path);
            all.extend(found.into_iter().map(named));
        }
        all.sort();
        if let Some([(name, _), _]) = all.array_windows().find(|[one, other]| one.0 == other.0) {
            let what = format!(
                "--scenarios: the library has a {name} too; call the directory something else"
            );
            return Err(Error::unexpected(what));
        }
        let part = |(name, path): (String, PathBuf)| {
            let story = Scenario::read(&path)?.story;
            let path = Some(path);
            Ok(Part { name, story, path })
        };
        let mut parts = all
            .into_iter()
            .map(part)
            .collect::<Result<Vec<_>, Error>>()?;
        parts.push(Part::time());
        parts::chosen(parts, &self.only)
    }

    fn subject(&self) -> Result<Subject, Error> {
        self.inputs.subject(&Artefacts::find()?)
    }

    fn jobs(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.jobs.map_or_else(processors, NonZeroUsize::get)
    }

    fn time(
        &self,
        subject: &Subject,
        parts: &[Part],
        baseline: Option<&Baseline>,
    ) -> Result<Option<Time>, Error> {
        // A wrong image is told also where nothing is made of it.
        let other = self.against.as_ref();
        let other = other.map(|image| inputs::with_image(&subject.artefacts, image));
        let other = other.transpose()?;
        let is_asked = parts.iter().any(|part| part.name == TIME);
        Ok(is_asked.then(|| Time {
            image: subject.artefacts.clone(),
            other,
            baseline: baseline.cloned(),
            rounds: self.rounds,
            dir: self.report.join(RUNS).join(TIME),
        }))
    }

    fn about(&self, subject: &Subject) -> About {
        let named = [
            ("--kernel", self.inputs.kernel.as_deref()),
            ("--image", self.inputs.image.as_deref()),
            ("--root", self.inputs.root.as_deref()),
            ("--config", self.inputs.config.as_deref()),
            ("--key", self.inputs.key.as_deref()),
            ("--scenarios", self.scenarios.as_deref()),
            ("--against", self.against.as_deref()),
            ("--baseline", self.baseline.as_deref()),
        ];
        let words = named
            .into_iter()
            .filter_map(|(name, path)| Some((name, path?)));
        // A replay leaves the reports of the run as they are.
        let again = match self.report.ends_with(AGAIN) {
            true => self.report.clone(),
            false => self.report.join(AGAIN),
        };
        let random = self.random.map(|count| PathBuf::from(count.to_string()));
        let random = random.as_deref().map(|count| ("--random", count));
        let words = words.chain(random).chain([("--report", again.as_path())]);
        let words = words.flat_map(|(name, path)| [name.to_owned(), path.display().to_string()]);
        let rounds = ["--rounds".to_owned(), self.rounds.to_string()];
        let rounds = rounds.into_iter().filter(|_| self.rounds != ROUNDS);
        let append = self.inputs.append.iter();
        let append = append.flat_map(|append| ["--append".to_owned(), append.clone()]);
        let words = words.chain(rounds).chain(append).collect();
        let artefacts = &subject.artefacts;
        About {
            words,
            seed: self.seed,
            subject: [&artefacts.kernel, &artefacts.image, &artefacts.root_disk]
                .map(PathBuf::clone),
            shard: self.shard.map(|shard| shard.to_string()),
        }
    }

    /// Whether it can be run at all.
    fn check(&self, subject: &Subject, jobs: usize, parts: usize) -> Result<(), Error> {
        let qemu = &subject.artefacts.qemu;
        files::run(std::process::Command::new(qemu).arg("--version"))?;
        readable(&subject.artefacts)?;
        if let Some(root) = &self.inputs.root {
            in_use::check(root)?;
        }
        room::check(&subject.artefacts, jobs, parts, &self.report)?;
        match &self.inputs.kernel {
            Some(_) => probe::kernel(&subject.artefacts),
            None => Ok(()),
        }
    }
}

/// A run that goes on.
struct Run<'o> {
    options: &'o Options,
    subject: Subject,
    report: Report,
    results: Results,
    view: View,
}

impl Run<'_> {
    fn scenarios(&mut self, parts: &[Part], jobs: usize) -> Result<(), Error> {
        let runs = self.options.report.join(RUNS);
        let (subject, seed) = (self.subject.clone(), self.options.seed);
        let mut begun = vec![false; parts.len()];
        let mut failed = None;
        schedule::run(
            parts,
            jobs,
            |part| one(part, &subject, seed, &runs),
            interrupt::has_come,
            |event| match event {
                Event::Began(number) => {
                    begun[number] = true;
                    self.view.runs(&parts[number].name, "");
                }
                Event::Ended(_, ran) => failed = failed.take().or(self.ended(ran).err()),
            },
        );
        let not_begun = parts.iter().zip(begun).filter(|(_, begun)| !begun);
        self.results
            .not_begun
            .extend(not_begun.map(|(part, _)| part.name.clone()));
        failed.map_or(Ok(()), Err)
    }

    fn time(&mut self, time: &Time, jobs: usize) -> Result<(), Error> {
        if interrupt::has_come() {
            self.results.not_begun.push(TIME.to_owned());
            return Ok(());
        }
        cleared(&time.dir)?;
        let view = &mut self.view;
        let (mut ran, timing) = time.run(jobs, interrupt::has_come, |boot, of| {
            view.runs(TIME, &format!("boot {boot} of {of}"));
        });
        ran.seed = self.options.seed;
        if let Some(timing) = &timing {
            self.report.line(&jsonl::timing(timing)?)?;
        }
        self.results.timing = timing;
        self.ended(ran)
    }

    fn ended(&mut self, ran: Ran) -> Result<(), Error> {
        self.view.ended(&ran, &self.results.replay(&ran));
        // Nobody has it in a file of his own.
        if let (Some(_), Ended::Failed { .. }) = (self.options.random, &ran.ended) {
            let number = parts::number(&ran.name);
            eprintln!(
                "{}",
                number.map_or(String::new(), |number| random::scenario(ran.seed, number))
            );
        }
        let line = jsonl::scenario(&self.results.about, &ran, &self.options.report)?;
        self.results.ran.push(ran);
        self.report.line(&line)
    }

    fn end(mut self, begun: Instant) -> Result<Exit, Error> {
        self.view.over();
        self.results
            .ran
            .sort_by(|one, other| one.name.cmp(&other.name));
        self.results.wall = begun.elapsed();
        self.results.interrupted = interrupt::has_come();
        if let Some(path) = self
            .options
            .save
            .as_ref()
            .filter(|_| !self.results.interrupted)
        {
            let figures = self
                .results
                .timing
                .as_ref()
                .map(|timing| timing.figures.clone());
            let new = Baseline::of(&figures.unwrap_or_default());
            new.with_scenarios(&self.results.ran).write(path)?;
        }
        self.report.line(&jsonl::run(&self.results)?)?;
        self.report.end(&self.results)?;
        say(&summary::page(&self.results, &self.options.report));
        Ok(self.results.exit())
    }
}

/// Whether machines can be given what they boot, and the client its key: set-up may have been somebody else's.
fn readable(artefacts: &Artefacts) -> Result<(), Error> {
    let artefacts = [
        &artefacts.kernel,
        &artefacts.image,
        &artefacts.root_disk,
        &artefacts.client_key,
    ];
    for path in artefacts {
        std::fs::File::open(path).map_err(|source| Error::File {
            what: "read",
            path: path.clone(),
            source,
        })?;
    }
    Ok(())
}

/// Removes what an earlier run has left: it is none of this one's.
fn cleared(dir: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(dir) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::File {
            what: "remove",
            path: dir.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// To standard output; whoever reads no further has read enough.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// One scenario, in a directory of its own.
fn one(part: &Part, subject: &Subject, seed: u64, runs: &Path) -> Ran {
    let begun = Instant::now();
    let dir = runs.join(&part.name);
    let could_not_run = |why: String| Ran {
        name: part.name.clone(),
        story: part.story.clone(),
        seed,
        ended: Ended::CouldNotRun { why },
        verdict: None,
        wall: begun.elapsed(),
        machine: std::time::Duration::ZERO,
        dir: dir.clone(),
    };
    if let Err(error) = cleared(&dir) {
        return could_not_run(error.to_string());
    }
    let path = part.path.as_deref().unwrap_or(Path::new(""));
    let scenario = match Scenario::read(path) {
        Ok(scenario) => scenario,
        Err(error) => return could_not_run(error.to_string()),
    };
    let ran = run_on(&part.name, &scenario, subject, seed, &dir);
    if ran.ended == Ended::Passed {
        return ran;
    }
    // Whatever the machine looked like then, it is not what the image does.
    if interrupt::has_come() {
        return could_not_run("the run was ended meanwhile".to_owned());
    }
    match room::is_full(runs) {
        Some(why) => could_not_run(why),
        None => ran,
    }
}
