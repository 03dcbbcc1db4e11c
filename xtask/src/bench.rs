//! `cargo xtask bench`: set-up, peers, then what is measured side by side with them.

use std::ffi::OsString;

use crate::artefacts;
use crate::error::Error;
use crate::peers;
use crate::product;
use crate::run;
use crate::setup::{self, Setup};
use crate::{Bench, BenchArgs};

/// `xtask bench`.
pub(crate) fn command(args: &BenchArgs) -> Result<(), Error> {
    let setup = setup::all()?;
    let all = [Bench::Boots, Bench::Roots, Bench::Order];
    for bench in all {
        if args.only.is_none_or(|only| only == bench) {
            measure(bench, args, &setup)?;
        }
    }
    Ok(())
}

fn measure(bench: Bench, args: &BenchArgs, setup: &Setup) -> Result<(), Error> {
    let programs = peers::programs(setup)?;
    let words: Vec<OsString> = match bench {
        Bench::Boots | Bench::Roots => {
            let images = peers::images(setup)?;
            let bench = match bench {
                Bench::Boots => "bench-boots",
                _ => "bench-roots",
            };
            vec![bench.into(), "--images".into(), images.into()]
        }
        Bench::Order => {
            let run_order = product::build_run_order()?;
            vec!["bench-order".into(), "--run-order".into(), run_order.into()]
        }
    };
    let vm = [
        "run",
        "--quiet",
        "-p",
        "preroot-qemu-tests",
        "--bin",
        "preroot-vm",
        "--",
    ];
    let mut command = run::cargo(&vm);
    command.args(words).arg("--programs").arg(programs);
    if args.save {
        command.arg("--save");
    }
    command.env(artefacts::VARIABLE, &setup.index);
    let status = command.status().map_err(|source| Error::Start {
        program: "cargo".to_owned(),
        source,
    })?;
    // The tool has said what went wrong.
    match status.code() {
        Some(0) => Ok(()),
        Some(69) => Err(Error::Unable("the bench".to_owned())),
        _ => Err(Error::Check("the bench".to_owned())),
    }
}
