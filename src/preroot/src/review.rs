//! `preroot review`: how the order changed, as people review it.

use std::path::PathBuf;

use clap::Args;
use preroot_freeze::review::{Detail, Scope, review};

use crate::exit::{Failure, print};
use crate::source::{Kind, Source, TreeOptions};

/// Tells how one order differs from another: what moved and why, what came and went, which edges are
/// new or lost, and all settings.
///
/// Exits with 0 whether or not there are differences, with 1 where one of the two is no plan, no image
/// and no tree that can be frozen. With --exit-code it exits with 2 where there are differences.
#[derive(Args)]
pub(crate) struct Review {
    /// A plan, an image, or a root tree; - is standard input
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The same of what is to replace it
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// Print the same facts as JSON
    #[arg(long)]
    json: bool,

    /// Also tell edges that stand for another reason than before, and leave no list short
    #[arg(long, short)]
    verbose: bool,

    /// Exit with 2 where there are differences
    #[arg(long)]
    exit_code: bool,

    #[command(flatten)]
    tree: TreeOptions,
}

impl Review {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let [old, new] = self.tree.read_both(&self.old, &self.new)?;
        let review = review(&old.plan()?, &new.plan()?, scope(&old, &new));
        let detail = match self.verbose {
            true => Detail::Verbose,
            false => Detail::Usual,
        };
        if self.json {
            print(&review.json().map_err(Failure::wrong_input)?)?;
        } else {
            print(&review.text(detail))?;
        }
        match self.exit_code && !review.is_same() {
            true => Err(Failure::differs()),
            false => Ok(()),
        }
    }
}

/// A tree without a config has no settings of its own to hold against those of a plan.
fn scope(old: &Source, new: &Source) -> Scope {
    let is_bare = |source: &Source| source.kind == Kind::BareTree;
    if is_bare(old) == is_bare(new) {
        return Scope::Whole;
    }
    eprintln!(
        "note: only orders and services are compared: a tree has settings, hosts and modules with \
         --config"
    );
    Scope::Order
}
