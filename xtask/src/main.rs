//! `cargo xtask`: set-up, boot, test, bench.
//!
//! Spawns things and links nothing of ours, so that a broken crate never breaks the tool that says
//! so. Exit codes: 0 fine, 1 a check failed, 69 could not run, 100 usage, 111 system.

#![forbid(unsafe_code)]

mod apt;
mod artefacts;
mod assembly;
mod bench;
mod boot;
mod cache;
mod check;
mod debian;
mod disk;
mod error;
mod hardware;
mod keys;
mod mutants;
mod peers;
mod product;
mod progress;
mod qemu;
mod regress;
mod release;
mod run;
mod setup;
mod sources;
mod sshd;
mod test;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::error::{Error, Exit};

/// Set-up, boot, test, bench: everything a clone of this project can do, in one command each.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetch and build all that a boot needs, and say where it is.
    Setup(SetupArgs),
    /// Boot a real Debian root through preroot in QEMU: hold before root, log in, go on, show the record.
    Boot(BootArgs),
    /// Run everything: fmt, clippy, docs, unit tests, checks on the products, fuzz smoke, VM tests.
    Test(TestArgs),
    /// Print sizes, boot figures (guest instruction counts) and start orders' times beside those of peers.
    Bench(BenchArgs),
    /// Say whether an image boots worse than the last one: scenarios run on it, and what takes longer, in guest instructions.
    #[command(disable_help_flag = true)]
    Regress(RegressArgs),
    /// Break preroot in one place after another, and see that a scenario catches and names each: some minutes a mutant.
    Mutants(MutantsArgs),
    /// Build the Debian root tree and its disk; what `setup` runs with root rights.
    #[command(hide = true)]
    Root(RootArgs),
}

/// What to set up.
#[derive(Debug, Args)]
struct SetupArgs {
    /// Stop after what comes from Debian: do not build the project's own programs and image.
    #[arg(long)]
    debian_only: bool,
}

/// How to boot.
#[derive(Debug, Args)]
struct BootArgs {
    /// Leave the machine running to play with; ends with Enter, end of input, or ctrl-c.
    #[arg(long)]
    keep: bool,
}

/// What to test.
#[derive(Debug, Args)]
struct TestArgs {
    /// Leave out the tests that boot virtual machines.
    #[arg(long)]
    no_vm: bool,
    /// Run only the VM tests whose name contains this.
    #[arg(long, value_name = "NAME")]
    vm: Option<String>,
}

/// What to measure.
#[derive(Debug, Args)]
struct BenchArgs {
    /// Measure only this.
    #[arg(long)]
    only: Option<Bench>,
    /// Write the table that is kept in the repository.
    #[arg(long)]
    save: bool,
}

/// What to boot, and what to hold it against.
#[derive(Debug, Args)]
struct RegressArgs {
    /// What the harness is told: `--help` shows all of it.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "WORDS"
    )]
    words: Vec<std::ffi::OsString>,
}

/// What to break.
#[derive(Debug, Args)]
struct MutantsArgs {
    /// Only these; all, where none is named.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Say what there is, and break nothing.
    #[arg(long)]
    list: bool,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Bench {
    /// Sizes, and boots in QEMU beside other initramfs generators.
    Boots,
    /// Roots that are clean, damaged or mounted already, in QEMU beside the classical check and reboot.
    Roots,
    /// How soon somebody can log in and what that costs, in QEMU beside dropbear-initramfs.
    Rescue,
    /// What becomes of a machine, scenario by scenario, in QEMU with other generators' images: most of an hour.
    Peers,
    /// The frozen order in a chroot beside startpar and rc.
    Order,
    /// A host table of 10,000 hosts: its size, and finding one.
    Fleet,
    /// What the hardware check costs a healthy machine with four disks.
    Hardware,
    /// Counted boots of a small root: how far 20 differ, false alarms, and one per cent more in one stage.
    Repeatability,
    /// Records of 10,000 machines, and one: how soon they are read, beside cat and grep.
    Records,
}

/// Where to build the root.
#[derive(Debug, Args)]
struct RootArgs {
    /// Directory to fill.
    into: std::path::PathBuf,
    /// File with the public key that may log in to the root.
    #[arg(long)]
    authorized_keys: std::path::PathBuf,
    /// The root that machines boot.
    #[arg(long, required_unless_present_any = ["peers", "assembly", "hardware"])]
    debian: bool,
    /// The packages of what assembles roots.
    #[arg(long, conflicts_with_all = ["debian", "peers"])]
    assembly: bool,
    /// What tests of the hardware check need, with this kernel's package.
    #[arg(long, value_name = "KERNEL", conflicts_with_all = ["debian", "peers", "assembly"])]
    hardware: Option<String>,
    /// The images that ours is compared with.
    #[arg(long, conflicts_with = "debian")]
    peers: bool,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Fine
            };
            // Nothing is left to do when even the message cannot be written.
            let _ = error.print();
            return code.into();
        }
    };
    match run(&cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error}");
            error.exit().into()
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, Error> {
    let done = match command {
        Command::Regress(args) => return regress::command(args),
        Command::Setup(args) => setup::command(args),
        Command::Boot(args) => boot::command(args),
        Command::Test(args) => test::command(args),
        Command::Bench(args) => bench::command(args),
        Command::Mutants(args) => mutants::command(args),
        Command::Root(args) => debian::command(args),
    };
    done.map(|()| Exit::Fine.into())
}
