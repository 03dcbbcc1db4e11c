//! `cargo xtask bench`: set-up, peers, then measured boots side by side.

use crate::BenchArgs;
use crate::artefacts;
use crate::error::Error;
use crate::peers;
use crate::run;
use crate::setup;

/// `xtask bench`.
pub(crate) fn command(args: &BenchArgs) -> Result<(), Error> {
    let setup = setup::all()?;
    let peers = peers::ensure(&setup)?;
    let words = [
        "run",
        "--quiet",
        "-p",
        "preroot-qemu-tests",
        "--bin",
        "preroot-vm",
        "--",
    ];
    let mut command = run::cargo(&words);
    command.args(["bench", "--peers"]).arg(&peers);
    if args.save {
        command.arg("--save");
    }
    match run::shown(command.env(artefacts::VARIABLE, &setup.index)) {
        // The machine's own tool has said what went wrong.
        Err(Error::Command { .. }) => Err(Error::Check("the bench".to_owned())),
        other => other,
    }
}
