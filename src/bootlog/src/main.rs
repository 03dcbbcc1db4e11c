//! `bootlog`: reads boot records. What oncall runs, in the rescue shell and on the booted machine.
//!
//! Exit codes: 0 fine, 1 the input is no record or has no such boot, 69 no record on this machine,
//! 100 usage, 111 the system refused to read or write.
#![forbid(unsafe_code)]

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use bootlog::error::{Error, Exit};
use bootlog::input::{Record, Usual};
use bootlog::model::Boot;
use bootlog::output::{self, Reader};
use bootlog::page::Colour;
use bootlog::{blame, critical_path, json, list, show};
use clap::{Args, Parser, Subcommand};
use preroot_plan::Plan;

const AFTER_HELP: &str = "\
FILE is raw frames, a store, or - for standard input. Without FILE: this boot from
/run/preroot/record, else the latest boot kept in /var/lib/preroot/record (from a rescue
session /proc/1/root/var/lib/preroot/record).

Colours are used on a terminal only, and not when NO_COLOR is set.

Exit codes:
  0    fine
  1    the input is not a record, or has no such boot
  69   there is no record on this machine
  100  the command line is wrong
  111  the system refused to read or write";

/// Read boot records: did it boot, what was slow, what failed.
#[derive(Parser)]
#[command(name = "bootlog", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show one boot: the verdict first, then what failed, then what was slow.
    #[command(after_help = AFTER_HELP)]
    Show(Show),
    /// List the boots in a record, oldest first.
    #[command(after_help = AFTER_HELP)]
    List(List),
    /// List everything that took time, longest first.
    #[command(after_help = AFTER_HELP)]
    Blame(Show),
    /// Print what a script wrote; `fsck`, `assembly` and `other` are what these have written.
    #[command(after_help = AFTER_HELP)]
    Output(Output),
    /// Show which scripts decided how long the order took, why each waited for the one before, and
    /// what the order would have taken by the other policy.
    #[command(after_help = AFTER_HELP)]
    CriticalPath(CriticalPath),
}

/// Which boot.
#[derive(Args)]
struct Which {
    /// The record.
    file: Option<PathBuf>,
    /// Which boot, counted back from the latest, which is 0.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    boot: i32,
}

#[derive(Args)]
struct Show {
    #[command(flatten)]
    which: Which,
    /// Print one JSON object instead.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Output {
    /// The script.
    name: String,
    #[command(flatten)]
    which: Which,
    /// Print one JSON object instead.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct CriticalPath {
    #[command(flatten)]
    which: Which,
    /// The plan that the boot was made with; left out: this machine's, if it is that.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Print one JSON object instead.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct List {
    /// The record.
    file: Option<PathBuf>,
    /// Print one JSON object instead.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error).into(),
    };
    let done = match cli.command {
        Command::Show(asked) => run_show(&asked),
        Command::List(asked) => run_list(&asked),
        Command::Blame(asked) => run_blame(&asked),
        Command::Output(asked) => run_output(&asked),
        Command::CriticalPath(asked) => run_critical_path(&asked),
    };
    match done.and_then(|text| print(&text)) {
        Ok(()) => Exit::Fine.into(),
        Err(error) => {
            // Standard error may be gone as well; the exit code still says it.
            let _ = writeln!(io::stderr(), "bootlog: {error}");
            error.exit().into()
        }
    }
}

impl Which {
    fn read(&self) -> Result<Boot, Error> {
        // Who thinks of journalctl writes -1 for the boot before.
        let before = usize::try_from(self.boot.unsigned_abs()).unwrap_or(usize::MAX);
        let usual = match before {
            0 => Usual::Latest,
            _ => Usual::Kept,
        };
        Record::read(self.file.as_deref(), usual)?.boot(before)
    }
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
