//! A login that stays open while the machine under it changes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::error::Error;
use crate::wait;

/// What ends the answer to one command.
const MARK: &str = "--end-of-answer--";

/// A shell at the other end, alive as long as it answers.
#[derive(Debug)]
pub struct Session {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Session {
    pub(crate) fn open(command: &mut Command) -> Result<Self, Error> {
        let start = |source| Error::Start {
            program: "ssh".to_owned(),
            source,
        };
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What ssh says when the machine goes away is for nobody.
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(start)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(start(std::io::Error::other("no pipes")));
        };
        let (sender, lines) = channel();
        // Reading has no time limit of its own; a thread and a channel give it one.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            stdin,
            lines,
        })
    }

    /// Runs one command in the session; gives what it printed, trimmed.
    ///
    /// # Errors
    /// When the session is dead.
    pub fn ask(&mut self, command: &str) -> Result<String, Error> {
        self.ask_within(command, wait::DEADLINE)
    }

    /// The same for a session that may well be dead: without an answer in this time, it is.
    ///
    /// # Errors
    /// When it is.
    pub fn ask_within(&mut self, command: &str, within: Duration) -> Result<String, Error> {
        let dead = |last: &str| Error::Deadline {
            what: format!("an answer to `{command}` in the open session"),
            seconds: within.as_secs(),
            last: last.to_owned(),
        };
        writeln!(self.stdin, "{{ {command}\n}} </dev/null; echo {MARK}")
            .and_then(|()| self.stdin.flush())
            .map_err(|error| dead(&error.to_string()))?;
        let mut answer = String::new();
        loop {
            match self.lines.recv_timeout(within) {
                Ok(line) if line == MARK => return Ok(answer.trim().to_owned()),
                Ok(line) => answer.push_str(&(line + "\n")),
                Err(RecvTimeoutError::Timeout) => return Err(dead(&answer)),
                Err(RecvTimeoutError::Disconnected) => {
                    let words =
                        format!("the session ended before it had answered `{command}`: {answer}");
                    return Err(Error::unexpected(words));
                }
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The client may be gone already with its machine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
