//! `bootlog`: reads boot records. What oncall runs, in the rescue shell and on the booted machine.
//!
//! Exit codes: 0 fine, 1 the input is no record or has no such boot, 2 `diff --exit-code` found the boot to be worse, 69 no
//! record on this machine, 100 usage, 111 the system refused to read or write.
#![forbid(unsafe_code)]

mod cli;
#[cfg(feature = "full")]
mod generate;
#[cfg(feature = "full")]
mod pager;
#[cfg(feature = "full")]
mod run_export;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use bootlog::error::{Error, Exit};
use bootlog::input::{Record, Usual};
use bootlog::model::Boot;
use bootlog::output::{self, Reader};
use bootlog::page::Colour;
use bootlog::spec::{Against, Pair, Spec};
use bootlog::{blame, critical_path, diff, hardware, json, kernel, list, plot, show};
use clap::Parser;
use preroot_plan::Plan;

use crate::cli::{
    Back, Cli, Command, CriticalPath, Diff, Hardware, List, Output, Plot, Show, Which,
};

/// What to print, and how to end.
type Done = Result<(Vec<u8>, Exit), Error>;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error).into(),
    };
    let done = run(&cli.command).and_then(|(text, exit)| print(&text).map(|()| exit));
    match done {
        Ok(exit) => exit.into(),
        Err(error) => {
            // Standard error may be gone as well; the exit code still says it.
            let _ = writeln!(io::stderr(), "bootlog: {error}");
            error.exit().into()
        }
    }
}

fn run(command: &Command) -> Done {
    let text = match command {
        Command::Show(asked) => run_show(asked),
        Command::List(asked) => run_list(asked),
        Command::Blame(asked) => run_blame(asked),
        Command::Kernel(asked) => run_kernel(asked),
        Command::Hardware(asked) => run_hardware(asked),
        Command::Output(asked) => run_output(asked),
        Command::CriticalPath(asked) => run_critical_path(asked),
        Command::Diff(asked) => return run_diff(asked),
        Command::Plot(asked) => run_plot(asked),
        #[cfg(feature = "full")]
        Command::Fleet(asked) => run_fleet(asked),
        #[cfg(feature = "full")]
        Command::Export(asked) => run_export::run(asked),
        #[cfg(feature = "full")]
        Command::Generate(asked) => generate::generate(&asked.dir).map(|()| Vec::new()),
    };
    text.map(|text| (text, Exit::Fine))
}

impl Which {
    fn read(&self) -> Result<Boot, Error> {
        read(self.file.as_deref(), self.back)
    }
}

/// The boot that many before the latest.
fn read(file: Option<&Path>, back: Back) -> Result<Boot, Error> {
    // Who thinks of journalctl writes -1 for the boot before.
    let before = usize::try_from(back.boot.unsigned_abs()).unwrap_or(usize::MAX);
    let usual = match before {
        0 => Usual::Latest,
        _ => Usual::Kept,
    };
    let mut boot = Record::read(file, usual)?.boot(before)?;
    // This boot's own record has no other in it; those before are kept elsewhere, if anywhere.
    if file.is_none() && boot.since_good.is_none() {
        let _ = Record::read(None, Usual::Kept).and_then(|kept| kept.compare(&mut boot));
    }
    Ok(boot)
}

fn run_critical_path(asked: &CriticalPath) -> Result<Vec<u8>, Error> {
    let boot = asked.which.read()?;
    let bytes = critical_path::plan::read(asked.plan.as_deref(), &boot)?;
    let plan = bytes.as_deref().and_then(|bytes| Plan::check(bytes).ok());
    let path = critical_path::critical_path(&boot, plan.as_ref());
    match asked.json {
        true => json::critical_path(&path).map_err(Error::Write),
        false => Ok(critical_path::page(&path).render(colour()).into()),
    }
}

fn run_show(asked: &Show) -> Result<Vec<u8>, Error> {
    let boot = asked.which.read()?;
    match asked.json {
        true => json::boot(&boot).map_err(Error::Write),
        false => Ok(show::page(&boot).render(colour()).into()),
    }
}

fn run_blame(asked: &Show) -> Result<Vec<u8>, Error> {
    let entries = blame::blame(&asked.which.read()?);
    match asked.json {
        true => json::blame(&entries).map_err(Error::Write),
        false => Ok(blame::page(&entries).render(colour()).into()),
    }
}

fn run_kernel(asked: &Show) -> Result<Vec<u8>, Error> {
    let boot = asked.which.read()?;
    match asked.json {
        true => json::kernel(&boot).map_err(Error::Write),
        false => Ok(kernel::page(&boot).render(colour()).into()),
    }
}

fn run_hardware(asked: &Hardware) -> Result<Vec<u8>, Error> {
    if asked.changes {
        let changes =
            hardware::changes(&Record::read(asked.which.file.as_deref(), Usual::Kept)?.boots()?);
        return match asked.json {
            true => json::changes(&changes).map_err(Error::Write),
            false => Ok(hardware::changes_page(&changes).render(colour()).into()),
        };
    }
    let boot = asked.which.read()?;
    match asked.json {
        true => json::hardware(&boot).map_err(Error::Write),
        false => Ok(hardware::page(&boot).render(colour()).into()),
    }
}

fn run_output(asked: &Output) -> Result<Vec<u8>, Error> {
    let boot = asked.which.read()?;
    let outputs = output::outputs(&boot, &asked.name);
    if outputs.is_empty() {
        return Err(Error::NoScript {
            name: asked.name.clone(),
        });
    }
    let reader = match io::stdout().is_terminal() {
        true => Reader::Terminal,
        false => Reader::Program,
    };
    match asked.json {
        true => json::outputs(&outputs).map_err(Error::Write),
        false => Ok(output::text(&outputs, reader).into()),
    }
}

fn run_diff(asked: &Diff) -> Done {
    let against = match asked.baseline {
        true => Against::All,
        false => Against::One,
    };
    let spec = |text: &Option<String>| text.as_deref().map(Spec::parse);
    let (old, new) = (spec(&asked.old), spec(&asked.new));
    let pair = Pair::read(old.as_ref(), new.as_ref(), against)?;
    let thresholds = diff::Thresholds {
        percent: asked.percent,
        least_ns: u64::from(asked.least_ms) * 1_000_000,
    };
    let diff = diff::diff(&pair.old, &pair.new, thresholds);
    let text = match asked.json {
        true => json::diff(&diff).map_err(Error::Write)?,
        false => diff::page(&diff).render(colour()).into(),
    };
    let exit = match asked.exit_code && diff.regressed {
        true => Exit::Worse,
        false => Exit::Fine,
    };
    Ok((text, exit))
}

fn run_plot(asked: &Plot) -> Result<Vec<u8>, Error> {
    let chart = plot::chart(&asked.which.read()?);
    #[cfg(feature = "full")]
    if asked.svg {
        return Ok(plot::svg::svg(&chart).into());
    }
    match asked.json {
        true => json::plot(&chart).map_err(Error::Write),
        false => Ok(plot::page(&chart).render(colour()).into()),
    }
}

#[cfg(feature = "full")]
fn run_fleet(asked: &cli::Fleet) -> Result<Vec<u8>, Error> {
    // Where nobody knows how many processors there are, one is.
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    let fleet = bootlog::fleet::fleet(&asked.places, asked.threads.unwrap_or_else(all))?;
    match asked.json {
        true => json::fleet(&fleet).map_err(Error::Write),
        false => Ok(bootlog::fleet::page(&fleet).render(colour()).into()),
    }
}

fn run_list(asked: &List) -> Result<Vec<u8>, Error> {
    let entries = Record::read(asked.file.as_deref(), Usual::Kept)?.list()?;
    match asked.json {
        true => json::list(&entries).map_err(Error::Write),
        false => Ok(list::page(&entries).render(colour()).into()),
    }
}

fn colour() -> Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match io::stdout().is_terminal() && !refused {
        true => Colour::Yes,
        false => Colour::No,
    }
}

/// Prints, and takes a reader that went away (`| head`) for one that has seen enough.
fn print(text: &[u8]) -> Result<(), Error> {
    #[cfg(feature = "full")]
    if io::stdout().is_terminal() && pager::show(text) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Write(error)),
        _ => Ok(()),
    }
}

/// Help is no mistake; anything else is one, with exit code 100.
fn usage(error: &clap::Error) -> Exit {
    // A closed pipe here means that nobody reads the help.
    let _ = error.print();
    match error.use_stderr() {
        true => Exit::Usage,
        false => Exit::Fine,
    }
}
