//! `preroot`: from a root tree to a reviewed plan, from a plan to an image.
//!
//! One file a subcommand. Exit codes: 0 fine, 1 the input is wrong, 2 `review --exit-code` found a
//! difference, 100 usage, 111 system.
#![forbid(unsafe_code)]

mod bake;
mod bake_host;
mod exit;
mod freeze;
mod learn;
mod order;
mod replan;
mod review;
mod show;
mod source;
mod why;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

use crate::exit::Exit;

/// Freezes the start order of a root tree into a plan, and bakes a plan into an initramfs.
#[derive(Parser)]
#[command(name = "preroot", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bake(Box<bake::Bake>),
    BakeHost(bake_host::BakeHost),
    Freeze(freeze::Freeze),
    Learn(learn::Learn),
    Order(order::Order),
    Replan(replan::Replan),
    Review(review::Review),
    Show(show::Show),
    Why(why::Why),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Fine
            };
            // Nowhere is left to report that the report cannot be printed.
            let _ = error.print();
            return exit.into();
        }
    };
    let done = match cli.command {
        Command::Bake(command) => command.run(),
        Command::BakeHost(command) => command.run(),
        Command::Freeze(command) => command.run(),
        Command::Learn(command) => command.run(),
        Command::Order(command) => command.run(),
        Command::Replan(command) => command.run(),
        Command::Review(command) => command.run(),
        Command::Show(command) => command.run(),
        Command::Why(command) => command.run(),
    };
    match done {
        Ok(()) => Exit::Fine.into(),
        Err(failure) => failure.report().into(),
    }
}
