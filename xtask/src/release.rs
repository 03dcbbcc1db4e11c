//! Packages of another Debian release than the machine's, by an apt of its own that installs nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;
use crate::run;

/// An apt with its own sources and lists, in a directory that can be removed afterwards.
#[derive(Debug)]
pub(crate) struct Release {
    state: PathBuf,
}

impl Release {
    /// Fetches the lists of these sources, one a line; `name` is what a person calls the release.
    ///
    /// # Errors
    /// When there are no sources, or they cannot be reached.
    pub(crate) fn open(state: &Path, name: &str, lines: &str) -> Result<Self, Error> {
        if lines.is_empty() {
            return Err(Error::Machine {
                what: format!("apt knows no mirror that could have Debian's {name}"),
                remedy: "name one in /etc/apt/sources.list".to_owned(),
            });
        }
        let lists = state.join("lists/partial");
        fs::create_dir_all(&lists).map_err(|error| Error::file("create", &lists, error))?;
        let list = state.join("sources.list");
        fs::write(&list, lines).map_err(|error| Error::file("write", &list, error))?;
        let release = Self {
            state: state.to_owned(),
        };
        run::quiet(release.apt_get(state).arg("update"))?;
        Ok(release)
    }

    /// Fetches packages into a directory, which is made.
    ///
    /// # Errors
    /// When the directory cannot be made, or apt-get(8) fails.
    pub(crate) fn download(&self, into: &Path, packages: &[&str]) -> Result<(), Error> {
        fs::create_dir_all(into).map_err(|error| Error::file("create", into, error))?;
        run::quiet(self.apt_get(into).arg("download").args(packages)).map(drop)
    }

    /// Fetches a package's source into a directory, which is made.
    ///
    /// # Errors
    /// As [`Release::download`].
    pub(crate) fn source(&self, into: &Path, package: &str) -> Result<(), Error> {
        fs::create_dir_all(into).map_err(|error| Error::file("create", into, error))?;
        let words = ["source", "--download-only", package];
        run::quiet(self.apt_get(into).args(words)).map(drop)
    }

    /// Removes its directory.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) fn close(self) -> Result<(), Error> {
        fs::remove_dir_all(&self.state).map_err(|error| Error::file("remove", &self.state, error))
    }

    fn apt_get(&self, directory: &Path) -> Command {
        let state = self.state.display();
        let options = [
            format!("Dir::Etc::sourcelist={state}/sources.list"),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::Lists={state}/lists"),
            format!("Dir::Cache={state}"),
            "APT::Sandbox::User=root".to_owned(),
        ];
        let mut command = Command::new("apt-get");
        command.current_dir(directory).arg("-q");
        command.args(options.iter().flat_map(|option| ["-o", option.as_str()]));
        command
    }
}
