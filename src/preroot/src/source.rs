//! Where a plan comes from: a plan file, an image that was baked from one, or a root tree.
//!
//! Which of them a path is is read from what is there, never from its name. A tree is frozen on the
//! fly, as `preroot freeze` would, and its messages go to standard error as there.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use preroot_bake::Listing;
use preroot_bake::limits::FILE_BYTES_MAX;
use preroot_plan::Plan;

use crate::exit::Failure;
use crate::freeze::{Tree, freeze};

/// What any plan begins with.
const PLAN_MAGIC: &[u8] = b"preroot\0";
/// What its text form begins with.
const TEXT_MAGIC: &[u8] = b"plan      ";

/// How to freeze a source that is a root tree.
#[derive(Args)]
pub(crate) struct TreeOptions {
    /// The config to freeze a root tree with; left out, only what the tree itself says is known
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The kernel release of a root tree, where a config wants modules; left out: the only one in it
    #[arg(long, value_name = "VERSION", requires = "config")]
    kernel: Option<String>,
}

/// What was at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A plan, or an image with one.
    Frozen,
    /// A tree, frozen with a config.
    Tree,
    /// A tree alone: its settings are nobody's.
    BareTree,
}

/// A plan's bytes, and what they were found in.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    bytes: Vec<u8>,
    /// What was at the path.
    pub(crate) kind: Kind,
}

impl TreeOptions {
    /// The one source of a command. `runlevel` is for a tree: instead of its inittab's.
    pub(crate) fn read(&self, path: &Path, runlevel: Option<u8>) -> Result<Source, Failure> {
        let source = self.read_any(path, runlevel)?;
        self.check([&source])?;
        Ok(source)
    }

    /// Two sources. A config is for those of them that are trees.
    pub(crate) fn read_both(&self, old: &Path, new: &Path) -> Result<[Source; 2], Failure> {
        let sources = [self.read_any(old, None)?, self.read_any(new, None)?];
        self.check(&sources)?;
        Ok(sources)
    }

    fn read_any(&self, path: &Path, runlevel: Option<u8>) -> Result<Source, Failure> {
        let source = |bytes, kind| Source {
            path: path.to_owned(),
            bytes,
            kind,
        };
        if path.is_dir() {
            let bytes = self.freeze(path, runlevel)?;
            let kind = match self.config {
                Some(_) => Kind::Tree,
                None => Kind::BareTree,
            };
            return Ok(source(bytes, kind));
        }
        let bytes = read(path)?;
        if bytes.starts_with(PLAN_MAGIC) {
            return Ok(source(bytes, Kind::Frozen));
        }
        Ok(source(plan_of_image(path, &bytes)?, Kind::Frozen))
    }

    fn freeze(&self, path: &Path, runlevel: Option<u8>) -> Result<Vec<u8>, Failure> {
        let tree = Tree {
            root: path,
            config: self.config.as_deref(),
            kernel: self.kernel.as_deref(),
            runlevel,
        };
        let refused = format!("{}: refused: there is no plan of this tree", path.display());
        freeze(&tree, &refused)
    }

    /// A config that nothing was frozen with would be taken for one that was.
    fn check<'a>(&self, sources: impl IntoIterator<Item = &'a Source>) -> Result<(), Failure> {
        let mut sources = sources.into_iter();
        match &self.config {
            Some(config) if sources.all(|source| source.kind == Kind::Frozen) => {
                Err(Failure::wrong_input(format!(
                    "{}: not used: a plan was frozen with its config\n    \
                     remedy: leave --config out, or name a root tree",
                    config.display()
                )))
            }
            _ => Ok(()),
        }
    }
}

impl Source {
    /// The plan.
    pub(crate) fn plan(&self) -> Result<Plan<'_>, Failure> {
        Plan::check(&self.bytes).map_err(|error| {
            let remedy = "freeze it again with this version of preroot";
            let path = self.path.display();
            Failure::wrong_input(format!("{path}: {error}\n    remedy: {remedy}"))
        })
    }
}

/// Reads a file, or standard input for `-`, up to what an image can be.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failure = |error| Failure::system(path, error);
    let mut bytes = Vec::new();
    let mut input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(failure)?)
    };
    let limit = FILE_BYTES_MAX + 1;
    input
        .by_ref()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(failure)?;
    if bytes.len() as u64 == limit {
        let path = path.display();
        return Err(Failure::wrong_input(format!(
            "{path}: larger than any image"
        )));
    }
    Ok(bytes)
}

fn plan_of_image(path: &Path, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let wrong = |what: &str, remedy: &str| {
        let path = path.display();
        Failure::wrong_input(format!("{path}: {what}\n    remedy: {remedy}"))
    };
    let name_one = "name a plan, an image that was baked from one, or a root tree";
    if bytes.is_empty() {
        return Err(wrong("empty", name_one));
    }
    if bytes.starts_with(TEXT_MAGIC) {
        let remedy = "name the plan itself: what `preroot freeze --output` wrote beside it";
        return Err(wrong("the text form of a plan, for people only", remedy));
    }
    if !Listing::is_image(bytes) {
        return Err(wrong("neither a plan nor an image", name_one));
    }
    let listing = Listing::read(bytes)
        .map_err(|error| wrong(&format!("an image that cannot be read: {error}"), name_one))?;
    match listing.plan() {
        Some(plan) => Ok(plan.to_vec()),
        None => Err(wrong(
            "an image without a plan: /etc/preroot/plan is not in it",
            "name one that `preroot bake` made",
        )),
    }
}
