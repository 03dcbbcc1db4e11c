//! A tree of sources to break, in the cache, which sets itself up there.
//!
//! It is kept: what cargo has built of it is good for the next mutant. Its cache is its own, so that no mutant's image is ever
//! taken for one of the clone's or pushes one out; what does not depend on the sources is borrowed by links.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::cache::{self, Cache};
use crate::error::Error;
use crate::run;

use super::mutant::Mutant;

/// What a clone has beside its sources.
const HISTORY: &str = ".git";
/// What cargo puts into a directory that it builds in (<https://bford.info/cachedir/>).
const BUILT: &str = "CACHEDIR.TAG";

/// How a mutant's programs are built: soon. They run as the others do, and are larger.
const QUICKLY: [(&str, &str); 2] = [
    ("CARGO_PROFILE_GUEST_LTO", "off"),
    ("CARGO_PROFILE_GUEST_CODEGEN_UNITS", "16"),
];

/// The step of the cache that depends on the sources.
const OF_SOURCES: &str = "image-";
/// Where all of it is in the cache.
const PLACE: &str = "mutants";

/// The tree, and where it is built.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: PathBuf,
    tree: PathBuf,
    target: PathBuf,
    cache: PathBuf,
}

impl Scratch {
    /// Opens the one of a cache.
    pub(crate) fn new(cache: &Cache) -> Result<Scratch, Error> {
        let dir = cache.dir().join(PLACE);
        let scratch = Scratch {
            tree: dir.join("tree"),
            target: dir.join("target"),
            cache: dir.join("cache"),
            dir,
        };
        // A link to a step that is not there any more would never be made anew.
        cache::remove(&scratch.cache)?;
        for dir in [&scratch.tree, &scratch.cache] {
            fs::create_dir_all(dir).map_err(|error| Error::file("create", dir, error))?;
        }
        for name in names(cache.dir())? {
            if name != PLACE && !name.starts_with(OF_SOURCES) {
                let link = scratch.cache.join(&name);
                let step = cache.dir().join(&name);
                symlink(step, &link).map_err(|error| Error::file("link", &link, error))?;
            }
        }
        Ok(scratch)
    }

    /// The sources.
    pub(crate) fn tree(&self) -> &Path {
        &self.tree
    }

    /// Makes the tree that of a clone. What is the same is not touched: cargo goes by a file's time.
    pub(crate) fn copy(&self, clone: &Path) -> Result<(), Error> {
        copy(clone, &self.tree)
    }

    /// Keeps what a test said of a mutant.
    pub(crate) fn keep(&self, mutant: &Mutant, said: &str) -> Result<(), Error> {
        let path = self.dir.join(format!("{}.txt", mutant.name));
        fs::write(&path, said).map_err(|error| Error::file("write", &path, error))
    }

    /// Builds its programs and bakes its image; gives the index of artefacts.
    pub(crate) fn set_up(&self) -> Result<PathBuf, Error> {
        let mut command = run::cargo(&["run", "--quiet", "--package", "xtask", "--", "setup"]);
        command
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("PREROOT_CACHE", &self.cache)
            .envs(QUICKLY);
        let said = run::quiet(&mut command)?;
        Ok(PathBuf::from(said.trim()))
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(|error| Error::file("create", to, error))?;
    let wanted = names(from)?;
    for name in names(to)?.difference(&wanted) {
        let old = to.join(name);
        match old.is_dir() {
            true => cache::remove(&old)?,
            false => fs::remove_file(&old).map_err(|error| Error::file("remove", &old, error))?,
        }
    }
    for name in &wanted {
        let (from, to) = (from.join(name), to.join(name));
        if !from.is_dir() {
            copy_file(&from, &to)?;
        } else if name != HISTORY && !from.join(BUILT).is_file() {
            copy(&from, &to)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Error> {
    let wanted = fs::read(from).map_err(|error| Error::file("read", from, error))?;
    if fs::read(to).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    // Its mode comes along; what stands there may not be writable.
    let _ = fs::remove_file(to);
    let copied = fs::copy(from, to);
    copied
        .map_err(|error| Error::file("copy", from, error))
        .map(drop)
}

/// What is in a directory.
fn names(dir: &Path) -> Result<BTreeSet<String>, Error> {
    let listing = fs::read_dir(dir).map_err(|error| Error::file("list", dir, error))?;
    let names = listing.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: std::io::Result<BTreeSet<String>> = names.collect();
    names.map_err(|error| Error::file("list", dir, error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn a_copy_is_its_clone_and_what_is_the_same_is_not_touched() {
        let dir = std::env::temp_dir().join(format!("preroot-scratch-{}", std::process::id()));
        let (clone, tree) = (dir.join("clone"), dir.join("tree"));
        let write = |path: &str, text: &str| {
            let path = clone.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("src/a.rs", "a");
        write("src/b.rs", "b");
        write(".git/HEAD", "x");
        write("built/CACHEDIR.TAG", "x");
        write("built/large", "x");
        copy(&clone, &tree).unwrap();
        let time = |path: &str| fs::metadata(tree.join(path)).unwrap().modified().unwrap();
        let before = time("src/a.rs");
        // A mutant's doing, and the clone's.
        fs::write(tree.join("src/b.rs"), "broken").unwrap();
        fs::write(tree.join("src/left"), "over").unwrap();
        write("src/c.rs", "c");
        copy(&clone, &tree).unwrap();
        assert_eq!(time("src/a.rs"), before);
        assert_eq!(fs::read_to_string(tree.join("src/b.rs")).unwrap(), "b");
        assert_eq!(fs::read_to_string(tree.join("src/c.rs")).unwrap(), "c");
        for gone in ["src/left", ".git", "built"] {
            assert!(!tree.join(gone).exists(), "{gone}");
        }
        fs::remove_dir_all(&dir).unwrap();
    }
}
