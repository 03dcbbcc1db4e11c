//! `preroot-vm`: what `cargo xtask boot`, `bench` and `regress` spawn once everything is set up.
//!
//! Exit codes: 0 fine, 1 the boot did not go as it should, 2 an image that is worse, 69 could not run, 100 usage.

#![forbid(unsafe_code)]

mod bench;
mod regress;
mod show;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use preroot_qemu_tests::Error;

use crate::bench::Table;

/// Boots one machine and shows what a person sees, or measures boots.
#[derive(Debug, Parser)]
#[command(name = "preroot-vm", bin_name = "cargo xtask")]
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
    /// Say whether an image boots worse than the last one.
    #[command(after_help = regress::EXIT_CODES)]
    Regress(Box<regress::Options>),
    /// Measure sizes and boots, beside other initramfs generators.
    BenchBoots {
        #[command(flatten)]
        peers: bench::guest::Peers,
        #[command(flatten)]
        table: Table,
    },
    /// Measure what checking a root costs, beside the classical flow.
    BenchRoots {
        #[command(flatten)]
        peers: bench::guest::Peers,
        #[command(flatten)]
        table: Table,
    },
    /// Measure a host table of 10,000 hosts.
    BenchFleet {
        #[command(flatten)]
        programs: bench::fleet::Programs,
        #[command(flatten)]
        table: Table,
    },
    /// Measure how soon records are read, one of them and a fleet's.
    BenchRecords {
        #[command(flatten)]
        programs: bench::records::Programs,
        #[command(flatten)]
        table: Table,
    },
    /// Measure how soon somebody can log in, beside dropbear-initramfs.
    BenchRescue {
        #[command(flatten)]
        peers: bench::guest::Peers,
        #[command(flatten)]
        table: Table,
    },
    /// Compare what becomes of machines, scenario by scenario, with other initramfs generators' images.
    BenchPeers {
        #[command(flatten)]
        options: bench::peers::Options,
        #[command(flatten)]
        table: Table,
    },
    /// Measure what the hardware check costs a healthy machine.
    BenchHardware {
        #[command(flatten)]
        table: Table,
    },
    /// Measure how far counted boots of one image differ, and what `regress` makes of that and of a stage that has grown.
    BenchRepeatability {
        #[command(flatten)]
        options: bench::repeatability::Options,
        #[command(flatten)]
        table: Table,
    },
    /// Measure the frozen order, beside startpar and rc.
    BenchOrder {
        #[command(flatten)]
        programs: bench::order::Programs,
        #[command(flatten)]
        table: Table,
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
        Command::Regress(options) => match regress::run(&options) {
            Ok(exit) => return ExitCode::from(exit as u8),
            Err(error) => Err(error),
        },
        Command::BenchBoots { peers, table } => bench::boots::run(&peers, &table),
        Command::BenchRoots { peers, table } => bench::roots::run(&peers, &table),
        Command::BenchFleet { programs, table } => bench::fleet::run(&programs, &table),
        Command::BenchRecords { programs, table } => bench::records::run(&programs, &table),
        Command::BenchRescue { peers, table } => bench::rescue::run(&peers, &table),
        Command::BenchPeers { options, table } => bench::peers::run(&options, &table),
        Command::BenchHardware { table } => bench::hardware::run(&table),
        Command::BenchRepeatability { options, table } => {
            bench::repeatability::run(&options, &table)
        }
        Command::BenchOrder { programs, table } => bench::order::run(&programs, &table),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("preroot-vm: {error}");
            ExitCode::from(match error {
                Error::NoArtefacts { .. } | Error::Start { .. } | Error::Machine { .. } => 69,
                Error::File { source, .. } if source.kind() == ErrorKind::StorageFull => 69,
                _ => 1,
            })
        }
    }
}
