//! `preroot freeze`: computes a plan, says what is odd about its input, and writes it.
//!
//! Nothing is written when the input is refused.

use std::path::{Path, PathBuf};

use clap::Args;
use preroot_freeze::{Config, Messages, Request, Root};
use preroot_plan::Plan;

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
        let mut messages = Messages::default();
        let bytes = self.freeze(&mut messages);
        for message in messages.into_list() {
            eprintln!("{message}");
        }
        let bytes = bytes?;
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

    fn freeze(&self, messages: &mut Messages) -> Result<Vec<u8>, Failure> {
        let refused = || Failure::wrong_input("refused: no plan is written");
        let config = match &self.config {
            Some(path) => Config::read(path, messages).ok_or_else(refused)?,
            None => Config::default(),
        };
        let root = Root::new(&self.root);
        let request = Request {
            config: &config,
            root: &root,
            kernel: self.kernel.as_deref(),
            runlevel: self.runlevel.map(|number| b'0' + number),
            built_s: self.built_s(),
        };
        let draft = preroot_freeze::freeze(&request, messages).ok_or_else(refused)?;
        draft.freeze().map_err(Failure::wrong_input)
    }

    /// The moment of the build: `SOURCE_DATE_EPOCH` where it is set, as reproducible builds have it.
    fn built_s(&self) -> Option<u64> {
        std::env::var("SOURCE_DATE_EPOCH")
            .ok()
            .and_then(|text| text.parse().ok())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure::system(path, error))
}
