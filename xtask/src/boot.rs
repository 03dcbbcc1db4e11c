//! `cargo xtask boot`: set-up, then one boot as a person would try it.

use crate::BootArgs;
use crate::artefacts;
use crate::error::Error;
use crate::run;
use crate::setup;

/// `xtask boot`.
pub(crate) fn command(args: &BootArgs) -> Result<(), Error> {
    let setup = setup::all()?;
    let mut words = vec![
        "run",
        "--quiet",
        "-p",
        "preroot-qemu-tests",
        "--bin",
        "preroot-vm",
        "--",
    ];
    words.push("boot");
    if args.keep {
        words.push("--keep");
    }
    let mut command = run::cargo(&words);
    match run::shown(command.env(artefacts::VARIABLE, &setup.index)) {
        // The machine's own tool has said what went wrong.
        Err(Error::Command { .. }) => Err(Error::Check("the boot".to_owned())),
        other => other,
    }
}
