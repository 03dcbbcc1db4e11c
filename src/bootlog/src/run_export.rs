//! `bootlog export`: what is read is written as it comes, for a fleet's records do not fit into memory.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use bootlog::error::Error;
use bootlog::{export, plot};

use crate::cli::{Export, ExportFormat};

/// Writes what was asked for to standard output; what is left to be printed is returned.
pub(crate) fn run(asked: &Export) -> Result<Vec<u8>, Error> {
    let done = match asked.format {
        ExportFormat::Jsonl => lines(asked),
        #[cfg(feature = "exports")]
        ExportFormat::Parquet => table(asked),
        ExportFormat::Trace => {
            let chart = plot::chart(&crate::read(one(asked)?, asked.back)?);
            return export::trace(&chart).map_err(Error::Write);
        }
        ExportFormat::Openmetrics => {
            let boot = crate::read(one(asked)?, asked.back)?;
            return Ok(export::openmetrics(&boot).into_bytes());
        }
    };
    let unreadable = match done {
        // Who reads has enough.
        Err(Error::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        other => other?,
    };
    if unreadable > 0 {
        // What could be read is written; standard error may be gone.
        let _ = writeln!(
            io::stderr(),
            "bootlog: {unreadable} files or directories could not be read and are left out"
        );
    }
    Ok(Vec::new())
}

fn one(asked: &Export) -> Result<Option<&Path>, Error> {
    match &*asked.files {
        [] => Ok(None),
        [file] => Ok(Some(file)),
        _ => Err(Error::OneRecord),
    }
}

fn lines(asked: &Export) -> Result<u64, Error> {
    let mut out = BufWriter::new(io::stdout());
    let unreadable = export::boots(&asked.files, |_, boot| {
        let line = export::line(boot).and_then(|line| out.write_all(&line));
        line.map_err(Error::Write)
    })?;
    out.flush().map_err(Error::Write)?;
    Ok(unreadable)
}

#[cfg(feature = "exports")]
fn table(asked: &Export) -> Result<u64, Error> {
    if io::IsTerminal::is_terminal(&io::stdout()) {
        return Err(Error::Binary);
    }
    let out = BufWriter::new(io::stdout());
    let mut table = export::Table::new(out).map_err(Error::Write)?;
    let unreadable = export::boots(&asked.files, |file, boot| {
        table.add(file, boot).map_err(Error::Write)
    })?;
    let mut out = table.end().map_err(Error::Write)?;
    out.flush().map_err(Error::Write)?;
    Ok(unreadable)
}
