//! Programs that are spawned: shown as they run, or run quietly with their output kept for the
//! moment something goes wrong.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::error::Error;

/// Lines of a failed program's output that its error shows.
const TAIL_LINES_MAX: usize = 30;

/// The top of the clone: the workspace this program was built from, wherever it is run.
pub(crate) fn clone_dir() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// A command of cargo, run at the top of the clone with the cargo that runs us.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(clone_dir()).args(args);
    command
}

/// Runs a command to its end, its output going where ours goes.
pub(crate) fn shown(command: &mut Command) -> Result<(), Error> {
    let status = command
        .status()
        .map_err(|source| start_error(command, source))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Command {
        command: text(command),
        status: status.to_string(),
        tail: String::new(),
    })
}

/// Runs a command to its end without showing anything; gives its standard output.
pub(crate) fn quiet(command: &mut Command) -> Result<String, Error> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Command {
        command: text(command),
        status: output.status.to_string(),
        tail: tail(&output),
    })
}

/// Runs a command to its end; whatever its status, that is not an error here.
pub(crate) fn output(command: &mut Command) -> Result<Output, Error> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| start_error(command, source))
}

/// Whether a command can be run and ends well; shows nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command line as a person would type it.
pub(crate) fn text(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

fn start_error(command: &Command, source: std::io::Error) -> Error {
    Error::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    }
}

fn tail(output: &Output) -> String {
    let mut all = String::from_utf8_lossy(&output.stdout).into_owned();
    all.push_str(&String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = all.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES_MAX);
    lines[from..]
        .iter()
        .map(|line| format!("\n    {line}"))
        .collect()
}
