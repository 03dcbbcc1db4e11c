//! `preroot-vm`: what `cargo xtask boot` and `cargo xtask bench` spawn once everything is set up.
//!
//! Exit codes: 0 fine, 1 the boot did not go as it should, 69 could not run, 100 usage.

#![forbid(unsafe_code)]

mod bench;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use preroot_qemu_tests::Error;

/// Boots one machine and shows what a person sees, or measures boots.
#[derive(Debug, Parser)]
#[command(name = "preroot-vm")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Boot, hold before root, log in, look around, go on, show the record.
    Boot {
        /// Leave the machine running to play with.
        #[arg(long)]
        keep: bool,
    },
    /// Measure sizes and boots, beside peers.
    Bench {
        /// The directory with the peers' images and programs.
        #[arg(long)]
        peers: PathBuf,
        /// Write the table that is kept in the repository.
        #[arg(long)]
        save: bool,
    },
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to do when even the message cannot be written.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 100 } else { 0 });
        }
    };
    let done = match cli.command {
        Command::Boot { keep: true } => show::boot(show::After::Keep),
        Command::Boot { keep: false } => show::boot(show::After::PowerOff),
        Command::Bench { peers, save: true } => bench::run(&peers, bench::Table::Save),
        Command::Bench { peers, save: false } => bench::run(&peers, bench::Table::Print),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("preroot-vm: {error}");
            ExitCode::from(match error {
                Error::NoArtefacts { .. } | Error::Start { .. } => 69,
                _ => 1,
            })
        }
    }
}
