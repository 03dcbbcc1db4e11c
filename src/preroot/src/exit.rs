//! How the program ends: one exit code for each kind of end, and the words that go with it.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Fine = 0,
    /// What was given cannot be used; the messages say why.
    WrongInput = 1,
    /// What was held against each other differs, and the command line asks for this to be told.
    Differs = 2,
    /// The command line is wrong.
    Usage = 100,
    /// The system would not let us read or write.
    System = 111,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a subcommand did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    /// The input is wrong.
    pub(crate) fn wrong_input(text: impl Display) -> Failure {
        Failure {
            exit: Exit::WrongInput,
            text: text.to_string(),
        }
    }

    /// Two plans differ, as the output has said.
    pub(crate) fn differs() -> Failure {
        Failure {
            exit: Exit::Differs,
            text: String::new(),
        }
    }

    /// A file cannot be read or written.
    pub(crate) fn system(path: &Path, error: impl Display) -> Failure {
        Failure {
            exit: Exit::System,
            text: format!("{}: {error}", path.display()),
        }
    }

    /// The system would not let us, said in whole.
    pub(crate) fn system_text(text: String) -> Failure {
        Failure {
            exit: Exit::System,
            text,
        }
    }

    /// Says it on standard error.
    pub(crate) fn report(&self) -> Exit {
        if !self.text.is_empty() {
            eprintln!("{}", self.text);
        }
        self.exit
    }
}

/// Prints a report on standard output. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::system(Path::new("standard output"), error))
        }
        _ => Ok(()),
    }
}
