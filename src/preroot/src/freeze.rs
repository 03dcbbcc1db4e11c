//! `preroot freeze`: computes a plan, says what is odd about its input, and writes it.
//!
//! Nothing is written when the input is refused.

use std::path::{Path, PathBuf};

use clap::Args;
use preroot_freeze::{Config, Messages, Request, Root};
use preroot_plan::{Draft, Plan};

use crate::exit::{Failure, print};

/// Computes the start order of a root tree and freezes it, with a config, into a plan.
///
/// Messages go to standard error as FILE:LINE: severity: text, with the remedy.
#[derive(Args)]
pub(crate) struct Freeze {
    /// The config (boot-configs/*.toml); without one only the order can be shown
    #[arg(long, value_name = "FILE", required_unless_present = "json")]
    config: Option<PathBuf>,

    /// The root tree
    #[arg(long, value_name = "DIR")]
    root: PathBuf,

    /// The kernel release; left out: the only one in the tree
    #[arg(long, value_name = "VERSION")]
    kernel: Option<String>,

    /// The runlevel, 1 to 5, instead of the config's and inittab's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
    runlevel: Option<u8>,

    /// Where the plan goes
    #[arg(long, value_name = "PLAN", requires = "config")]
    output: Option<PathBuf>,

    /// Where the plan's text form goes; - is standard output
    #[arg(long, value_name = "FILE", requires = "config")]
    text: Option<PathBuf>,

    /// Print the start order as JSON
    #[arg(long)]
    json: bool,
}

impl Freeze {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let tree = Tree {
            root: &self.root,
            config: self.config.as_deref(),
            kernel: self.kernel.as_deref(),
            runlevel: self.runlevel.map(|number| b'0' + number),
        };
        let bytes = freeze(&tree, "refused: no plan is written")?;
        let plan = Plan::check(&bytes).map_err(Failure::wrong_input)?;
        if let Some(path) = &self.output {
            write(path, &bytes)?;
        }
        if let Some(path) = &self.text {
            let text = preroot_freeze::text::text(&plan);
            if path == Path::new("-") {
                print(&text)?;
            } else {
                write(path, text.as_bytes())?;
            }
        }
        if self.json {
            print(&preroot_freeze::json::json(&plan).map_err(Failure::wrong_input)?)?;
        }
        Ok(())
    }
}

/// A tree, and how to freeze it.
pub(crate) struct Tree<'a> {
    /// Where it is.
    pub(crate) root: &'a Path,
    /// The config; none: only the order is wanted.
    pub(crate) config: Option<&'a Path>,
    /// The kernel release; none: the only one.
    pub(crate) kernel: Option<&'a str>,
    /// The runlevel instead of the config's and inittab's.
    pub(crate) runlevel: Option<u8>,
}

/// Freezes a tree, with its messages on standard error. `refused` is said last where there is no
/// plan.
pub(crate) fn freeze(tree: &Tree<'_>, refused: &str) -> Result<Vec<u8>, Failure> {
    let mut messages = Messages::default();
    let draft = draft(tree, &mut messages);
    for message in messages.into_list() {
        eprintln!("{message}");
    }
    let draft = draft.ok_or_else(|| Failure::wrong_input(refused))?;
    draft.freeze().map_err(Failure::wrong_input)
}

fn draft(tree: &Tree<'_>, messages: &mut Messages) -> Option<Draft> {
    let config = match tree.config {
        Some(path) => Config::read(path, messages)?,
        None => Config::default(),
    };
    let request = Request {
        config: &config,
        root: &Root::new(tree.root),
        kernel: tree.kernel,
        runlevel: tree.runlevel,
        built_s: built_s(),
    };
    preroot_freeze::freeze(&request, messages)
}

/// The moment of the build: `SOURCE_DATE_EPOCH` where it is set, as reproducible builds have it.
fn built_s() -> Option<u64> {
    std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|text| text.parse().ok())
}

/// Writes a file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::system(path, error))
}
