//! Small file and command helpers that name the file or command in their errors.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::error::Error;

/// Reads a file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::file("read", path, error))
}

/// Reads a file that is text.
///
/// # Errors
/// When it cannot be read, or is no text.
pub fn read_text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::file("read", path, error))
}

/// Writes a file.
///
/// # Errors
/// When there is no room for it.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(|error| Error::file("write", path, error))
}

/// Runs a command to its end; whatever its status.
///
/// # Errors
/// When it cannot be started.
pub fn output(command: &mut Command) -> Result<Output, Error> {
    output_of(command.stdin(Stdio::null()))
}

/// As [`output`], with whatever input the command has.
fn output_of(command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(|source| Error::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })
}

/// Runs a command that reads a file, to its end, which must be a good one; gives its standard output.
///
/// # Errors
/// When it cannot be started, or its end is not a good one.
pub fn run_with_input(command: &mut Command, input: &Path) -> Result<Vec<u8>, Error> {
    let file = std::fs::File::open(input).map_err(|error| Error::file("open", input, error))?;
    let output = output_of(command.stdin(file))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(failed(command, &output))
}

/// Runs a command to its end, which must be a good one; gives its standard output.
///
/// # Errors
/// When it cannot be started, or its end is not a good one.
pub fn run(command: &mut Command) -> Result<Vec<u8>, Error> {
    let output = output(command)?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(failed(command, &output))
    }
}

/// Links all that is in a directory from another one, but for what that has already.
///
/// # Errors
/// When the one cannot be read, or the other not written.
pub fn link_all(from: &Path, into: &Path) -> Result<(), Error> {
    let failed = |error| Error::file("read", from, error);
    let from = from.canonicalize().map_err(failed)?;
    let entries = std::fs::read_dir(&from).map_err(|error| Error::file("read", &from, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| Error::file("read", &from, error))?;
        let link = into.join(entry.file_name());
        if link.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(entry.path(), &link)
                .map_err(|error| Error::file("link", &link, error))?;
        }
    }
    Ok(())
}

/// Copies a file with its mode.
///
/// # Errors
/// When it cannot be read, or the copy not written.
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let copied = std::fs::copy(from, to);
    copied
        .map(drop)
        .map_err(|error| Error::file("copy", from, error))
}

/// Removes a file.
///
/// # Errors
/// When it is not there, or must stay.
pub fn remove(path: &Path) -> Result<(), Error> {
    std::fs::remove_file(path).map_err(|error| Error::file("remove", path, error))
}

/// Makes a directory and those above it; fine if it is there.
///
/// # Errors
/// When there is no room for it.
pub fn create_directory(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|error| Error::file("create", path, error))
}

/// Lets everybody execute a file.
///
/// # Errors
/// When it is not there.
pub fn make_executable(path: &Path) -> Result<(), Error> {
    let mode = std::fs::Permissions::from_mode(0o755);
    let made = std::fs::set_permissions(path, mode);
    made.map_err(|error| Error::file("make executable", path, error))
}

/// A command as a line.
pub(crate) fn words(command: &Command) -> String {
    let program = std::iter::once(command.get_program());
    let words = program.chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// The error of a command that ended badly.
pub(crate) fn failed(command: &Command, output: &Output) -> Error {
    Error::Command {
        command: words(command),
        status: output.status.to_string(),
        output: format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// All files below a directory, sorted; links are files too.
///
/// # Errors
/// When a directory cannot be read.
pub fn below(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error::file("list", directory, error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            found.extend(below(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
