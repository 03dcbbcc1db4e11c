//! `cargo xtask regress`: set-up, then the harness with the user's own words.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::RegressArgs;
use crate::artefacts;
use crate::error::Error;
use crate::run;
use crate::setup;

/// Words of which the harness answers without booting anything.
const ANSWERS: [&str; 3] = ["--help", "-h", "--list"];

/// `xtask regress`. The harness takes the place of this program, so that a signal reaches it, and what it ends with is what
/// this ends with.
pub(crate) fn command(args: &RegressArgs) -> Result<ExitCode, Error> {
    let is_answer = |word| ANSWERS.iter().any(|answer| word == answer);
    let setup = match args.words.iter().any(is_answer) {
        true => None,
        false => Some(setup::all()?),
    };
    // What does not build says nothing about the image, whatever cargo ends with.
    if let Err(error) = run::shown(&mut harness("build")) {
        eprintln!("xtask: {error}");
        return Err(Error::Unable("regress".to_owned()));
    }
    let mut command = harness("run");
    command.args(["--", "regress"]).args(&args.words);
    // Files are named as they are seen from where the user is.
    if let Ok(here) = std::env::current_dir() {
        command.current_dir(here);
    }
    if let Some(setup) = &setup {
        command.env(artefacts::VARIABLE, &setup.index);
    }
    // It comes back only where it has failed.
    Err(Error::Start {
        program: "cargo".to_owned(),
        source: command.exec(),
    })
}

/// What cargo does with the harness's program.
fn harness(verb: &str) -> Command {
    let manifest = run::clone_dir().join("Cargo.toml");
    let mut command = run::cargo(&[
        verb,
        "--quiet",
        "-p",
        "preroot-qemu-tests",
        "--bin=preroot-vm",
    ]);
    command.arg("--manifest-path").arg(manifest);
    command
}
