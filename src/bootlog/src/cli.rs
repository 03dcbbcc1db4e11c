//! The command line, in the words of its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const AFTER_HELP: &str = "\
FILE is raw frames, a store, - for standard input, a directory with a record in it or in its
var/lib/preroot, or a disk with a partition called preroot-log. Without FILE: this boot from
/run/preroot/record, else the latest boot kept in /var/lib/preroot/record (from a rescue
session /proc/1/root/var/lib/preroot/record).

Colours are used on a terminal only, and not when NO_COLOR is set. There long output goes
through $PAGER, else less; PAGER= turns that off, and the rescue shell's bootlog has none.

Exit codes:
  0    fine
  1    the input is not a record, or has no such boot
  2    diff --exit-code: the boot is worse
  69   there is no record on this machine
  100  the command line is wrong
  111  the system refused to read or write";

/// Read boot records: did it boot, what was slow, what failed.
#[derive(Parser)]
#[command(name = "bootlog", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show one boot: the verdict first, then what failed, then what was slow.
    #[command(after_help = AFTER_HELP)]
    Show(Show),
    /// List the boots in a record, oldest first.
    #[command(after_help = AFTER_HELP)]
    List(List),
    /// List everything that took time, longest first.
    #[command(after_help = AFTER_HELP)]
    Blame(Show),
    /// Print what the kernel said of level err and above.
    #[command(after_help = AFTER_HELP)]
    Kernel(Show),
    /// Print what was in the machine and what was expected of it; with --changes, what changed from boot to boot.
    #[command(after_help = AFTER_HELP)]
    Hardware(Hardware),
    /// Print what a script wrote; `fsck`, `assembly` and `other` are what these have written.
    #[command(after_help = AFTER_HELP)]
    Output(Output),
    /// Show which scripts decided how long the order took, why each waited for the one before, and
    /// what the order would have taken by the other policy.
    #[command(after_help = AFTER_HELP)]
    CriticalPath(CriticalPath),
    /// Show what is different in a boot: what fails, is slower or newly waits, is gone or new.
    #[command(after_help = AFTER_HELP)]
    Diff(Diff),
    /// Draw a boot as bars over time.
    #[command(after_help = AFTER_HELP)]
    Plot(Plot),
    /// Sum up the records of a fleet: percentiles by script, outliers, hosts that miss hardware.
    #[cfg(feature = "full")]
    #[command(after_help = AFTER_HELP)]
    Fleet(Fleet),
    /// Write a record for other tools: JSON lines, a trace for Perfetto, metrics.
    #[cfg(feature = "full")]
    #[command(after_help = AFTER_HELP)]
    Export(Export),
    /// Write man pages and shell completions, for whoever packs this program.
    #[cfg(feature = "full")]
    #[command(after_help = AFTER_HELP)]
    Generate(Generate),
}

/// Which boot.
#[derive(Args)]
pub(crate) struct Which {
    /// The record.
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) back: Back,
}

/// How many boots before the latest.
#[derive(Clone, Copy, Args)]
pub(crate) struct Back {
    /// Which boot, counted back from the latest, which is 0.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    pub(crate) boot: i32,
}

#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print one JSON object instead.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Hardware {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Of all boots of the record: what came, went or changed.
    #[arg(long)]
    pub(crate) changes: bool,
    /// Print one JSON object instead.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Output {
    /// The script.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print one JSON object instead.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct CriticalPath {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The plan that the boot was made with; left out: this machine's, if it is that.
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Print one JSON object instead.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct List {
    /// The record.
    pub(crate) file: Option<PathBuf>,
    /// Print one JSON object instead.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Diff {
    /// The boot to compare with: a record, and @N for the boot N before its latest.
    ///
    /// Without @N it is the latest; where NEW is of the same record, the one before NEW.
    pub(crate) old: Option<String>,
    /// The boot that is looked at, written in the same way; left out: the latest of OLD's record.
    pub(crate) new: Option<String>,
    /// Compare with every boot of OLD: slower is what is slower than in the slowest of them.
    #[arg(long)]
    pub(crate) baseline: bool,
    /// From how many percent more on something is slower.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) percent: u32,
    /// And from how many milliseconds more on.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) least_ms: u32,
    /// Exit with 2 if the boot is worse: its verdict or hardware, or something fails, is slower or newly waits.
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Print one JSON object instead.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct Plot {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Draw a picture, an SVG, instead.
    #[cfg(feature = "full")]
    #[arg(long, conflicts_with = "json")]
    pub(crate) svg: bool,
    /// Print one JSON object instead.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(feature = "full")]
#[derive(Args)]
pub(crate) struct Fleet {
    /// Records, and directories with records, one file a host. What else is in there is passed over.
    #[arg(required = true, value_name = "DIR")]
    pub(crate) places: Vec<PathBuf>,
    /// How many stores to read at a time; left out: as many as there are processors.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Print one JSON object instead.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(feature = "full")]
#[derive(Args)]
pub(crate) struct Export {
    /// For what.
    #[arg(value_enum)]
    pub(crate) format: ExportFormat,
    /// The record; for jsonl and parquet any number of them, and directories with records in them, one file a host.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Of a trace or of metrics.
    #[command(flatten)]
    pub(crate) back: Back,
}

/// What `export` writes.
#[cfg(feature = "full")]
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum ExportFormat {
    /// Every boot of each record, oldest first, one JSON object a line: what `show --json` gives.
    Jsonl,
    /// One boot as a Chrome trace, which Perfetto opens.
    Trace,
    /// One boot as OpenMetrics text, for node_exporter's textfile collector.
    Openmetrics,
    /// Every boot of each record as a Parquet table: a row for each thing that took time, as blame has it.
    #[cfg(feature = "exports")]
    Parquet,
}

#[cfg(feature = "full")]
#[derive(Args)]
pub(crate) struct Generate {
    /// Where to: man pages into DIR/man1, completions of bash, zsh and fish into DIR/completions.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}
