//! The directory of a run's reports: `results.jsonl`, written as things end; `junit.xml` and `report.html`; each
//! scenario's files below `runs/`.

use std::fs::{File, TryLockError};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use preroot_qemu_tests::{Error, Ran, files};

use super::html::{self, Files};
use super::junit;
use super::results::Results;

/// The reports of a run that goes on.
#[derive(Debug)]
pub(crate) struct Report {
    dir: PathBuf,
    lines: File,
}

impl Report {
    /// Begins them; what an earlier run has written is replaced.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub(crate) fn begin(dir: &Path) -> Result<Report, Error> {
        let path = dir.join("results.jsonl");
        let lines = File::options().create(true).append(true).open(&path);
        let lines = lines.map_err(|source| failed(&path, source))?;
        match lines.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Contents {
                    path,
                    what: "another run writes its reports there; --report DIR names another place"
                        .to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(&path, source)),
        }
        lines.set_len(0).map_err(|source| failed(&path, source))?;
        Ok(Report {
            dir: dir.to_owned(),
            lines,
        })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When there is no room for it.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Error> {
        let written = self.lines.write_all(line.as_bytes());
        written.map_err(|source| failed(&self.dir.join("results.jsonl"), source))
    }

    /// Writes what is made of the whole run.
    ///
    /// # Errors
    /// When there is no room for it.
    pub(crate) fn end(&self, results: &Results) -> Result<(), Error> {
        let xml = junit::page(results, console);
        files::write(&self.dir.join("junit.xml"), xml)?;
        let path = self.dir.join("report.html");
        let page = File::create(&path).map_err(|source| failed(&path, source))?;
        let mut page = BufWriter::new(page);
        html::write(results, left, &mut page)?;
        page.flush().map_err(|source| failed(&path, source))
    }
}

/// What is left of a scenario's machine: those files that there are.
fn left(ran: &Ran) -> Files {
    let read = |name| std::fs::read(ran.dir.join(name)).unwrap_or_default();
    Files {
        console: read("console.log"),
        record: read("record.bin"),
        qemu: read("qemu.txt"),
    }
}

/// What a scenario's machine said; nothing, where it never ran.
fn console(ran: &Ran) -> String {
    let bytes = std::fs::read(ran.dir.join("console.log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::File {
        what: "write",
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn two_runs_never_share_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let lines = || std::fs::read_to_string(dir.path().join("results.jsonl")).unwrap();
        let mut first = Report::begin(dir.path()).unwrap();
        first.line("one\n").unwrap();
        let error = Report::begin(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("another run writes its reports there"),
            "{error}"
        );
        first.line("two\n").unwrap();
        assert_eq!(lines(), "one\ntwo\n");
        drop(first);
        Report::begin(dir.path()).unwrap().line("three\n").unwrap();
        assert_eq!(lines(), "three\n");
    }
}
