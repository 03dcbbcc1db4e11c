//! `cargo xtask regress`: set-up, then the harness with the user's own words.

use std::process::ExitCode;

use crate::RegressArgs;
use crate::artefacts;
use crate::error::Error;
use crate::run;
use crate::setup;

/// `xtask regress`. What the harness ends with is what this ends with.
pub(crate) fn command(args: &RegressArgs) -> Result<ExitCode, Error> {
    let setup = setup::all()?;
    let manifest = run::clone_dir().join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let words = [
        "run",
        "--quiet",
        "--manifest-path",
        &manifest,
        "-p",
        "preroot-qemu-tests",
        "--bin",
        "preroot-vm",
        "--",
        "regress",
    ];
    let mut command = run::cargo(&words);
    command.args(&args.words);
    // Files are named as they are seen from where the user is.
    if let Ok(here) = std::env::current_dir() {
        command.current_dir(here);
    }
    command.env(artefacts::VARIABLE, &setup.index);
    let status = command.status().map_err(|source| Error::Start {
        program: "cargo".to_owned(),
        source,
    })?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    // Whoever was killed, or could not be built, has not found the image to be worse.
    let code = code.filter(|code| [0, 1, 2, 69, 100].contains(code));
    Ok(ExitCode::from(code.unwrap_or(69)))
}
