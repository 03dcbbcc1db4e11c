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
    let all = [
        Bench::Boots,
        Bench::Roots,
        Bench::Rescue,
        Bench::Peers,
        Bench::Order,
        Bench::Fleet,
        Bench::Records,
        Bench::Hardware,
        Bench::Repeatability,
    ];
    for bench in all {
        if args.only.is_none_or(|only| only == bench) {
            measure(bench, args, &setup)?;
        }
    }
    Ok(())
}

fn measure(bench: Bench, args: &BenchArgs, setup: &Setup) -> Result<(), Error> {
    let programs = || -> Result<[OsString; 2], Error> {
        Ok(["--programs".into(), peers::programs(setup)?.into()])
    };
    let words: Vec<OsString> = match bench {
        Bench::Boots | Bench::Roots | Bench::Rescue => {
            let images = peers::images(setup)?;
            let bench = match bench {
                Bench::Boots => "bench-boots",
                Bench::Rescue => "bench-rescue",
                _ => "bench-roots",
            };
            let words = [bench.into(), "--images".into(), images.into()];
            words.into_iter().chain(programs()?).collect()
        }
        Bench::Peers => {
            let images = peers::images(setup)?.into();
            let kept = product::target_dir().join("peers").into();
            let words = ["bench-peers".into(), "--images".into(), images];
            let words = words.into_iter().chain(["--keep".into(), kept]);
            words.chain(programs()?).collect()
        }
        Bench::Order => {
            let run_order = product::build_run_order()?;
            let words = ["bench-order".into(), "--run-order".into(), run_order.into()];
            words.into_iter().chain(programs()?).collect()
        }
        Bench::Fleet => {
            let look_up = product::build_look_up()?;
            vec!["bench-fleet".into(), "--look-up".into(), look_up.into()]
        }
        Bench::Hardware => vec!["bench-hardware".into()],
        // Debian's root takes three times as long, and its scripts are not what is in question.
        Bench::Repeatability => vec!["bench-repeatability".into(), "--small".into()],
        Bench::Records => {
            let (bootlog, make_fleet) = product::build_bootlog()?;
            let alone = setup.programs.bootlog_static.clone();
            vec![
                "bench-records".into(),
                "--bootlog".into(),
                bootlog.into(),
                "--bootlog-static".into(),
                alone.into(),
                "--make-fleet".into(),
                make_fleet.into(),
            ]
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
    command.args(words);
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
