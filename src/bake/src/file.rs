//! Files of the host: read whole with a limit, written whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{Error as IoError, ErrorKind, Read, Write};
use std::path::Path;

use crate::error::Error;
use crate::limits::FILE_BYTES_MAX;

/// Reads a file.
pub(crate) fn read_whole(path: &Path) -> Result<Vec<u8>, Error> {
    let error = |source| Error::file("read", path, source);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(error)?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(error)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(error(IoError::new(
            ErrorKind::FileTooLarge,
            "it is too long",
        )));
    }
    Ok(bytes)
}

/// Writes a file beside its place and moves it there, so that nobody sees half of it.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = write_part(&part, bytes).and_then(|()| {
        std::fs::rename(&part, path).map_err(|source| Error::file("write", path, source))
    });
    if written.is_err() {
        // What could not be written may not be there to remove.
        let _ = std::fs::remove_file(&part);
    }
    written
}

fn write_part(part: &Path, bytes: &[u8]) -> Result<(), Error> {
    let error = |source| Error::file("write", part, source);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(part)
        .map_err(error)?;
    file.write_all(bytes).map_err(error)?;
    file.sync_all().map_err(error)
}

/// The last part of a path, for reasons that are kept in an image: never a path of this machine.
pub(crate) fn base_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
