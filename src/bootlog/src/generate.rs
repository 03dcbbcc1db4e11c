//! Man pages and completions, out of the command line's own words, so that they cannot say anything else.

use std::fs;
use std::path::Path;

use bootlog::error::Error;
use clap::CommandFactory;
use clap_complete::{Shell, generate_to};

use crate::cli::Cli;

/// Writes them below a directory, which is made where it is not there.
pub(crate) fn generate(dir: &Path) -> Result<(), Error> {
    let failed = |source| Error::Generate {
        path: dir.to_path_buf(),
        source,
    };
    let (man, completions) = (dir.join("man1"), dir.join("completions"));
    fs::create_dir_all(&man).map_err(failed)?;
    fs::create_dir_all(&completions).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &man).map_err(failed)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut Cli::command(), "bootlog", &completions).map_err(failed)?;
    }
    Ok(())
}
