//! QEMU's monitor: power, keys and devices, by the QEMU Machine Protocol (docs/interop/qmp-spec).

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Error;

/// How long the monitor may take to answer: it answers at once, or the host is very busy.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A connection to the monitor.
#[derive(Debug)]
pub struct Qmp {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Qmp {
    /// Connects and leaves negotiation mode.
    pub(crate) fn connect(path: &Path) -> Result<Self, Error> {
        let connected = UnixStream::connect(path).and_then(|writer| {
            writer.set_read_timeout(Some(ANSWER_MAX))?;
            Ok((writer.try_clone()?, writer))
        });
        let (reader, writer) = connected.map_err(|error| Error::file("open", path, error))?;
        let mut qmp = Self {
            reader: BufReader::new(reader),
            writer,
        };
        qmp.line()?;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Runs a command; gives what it returns. Events that come in between are passed over.
    ///
    /// # Errors
    /// When the monitor is gone or says no.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, Error> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.writer, "{request}").map_err(|error| Error::Monitor {
            what: format!("{command}: {error}"),
        })?;
        loop {
            let mut answer = self.line()?;
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = answer.get("error") {
                return Err(Error::Monitor {
                    what: format!("{command}: {error}"),
                });
            }
        }
    }

    /// Presses keys at the same time, by QEMU's names.
    ///
    /// # Errors
    /// When the monitor is gone or does not know a key.
    pub fn press(&mut self, keys: &[&str]) -> Result<(), Error> {
        let keys: Vec<Value> = keys
            .iter()
            .map(|key| json!({ "type": "qcode", "data": key }))
            .collect();
        self.execute("send-key", json!({ "keys": keys })).map(drop)
    }

    fn line(&mut self) -> Result<Value, Error> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line);
        match read {
            Ok(0) => Err(Error::Monitor {
                what: "closed".to_owned(),
            }),
            Ok(_) => serde_json::from_str(&line).map_err(|error| Error::Monitor {
                what: format!("{error}: {line}"),
            }),
            Err(error) => Err(Error::Monitor {
                what: error.to_string(),
            }),
        }
    }
}
