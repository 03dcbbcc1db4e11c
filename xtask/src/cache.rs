//! The cache: results of slow steps, outside the clone, each under the hash of its inputs.
//!
//! A step writes into a temporary name that is renamed when it is complete, so what stands under
//! its final name is whole: a step that was interrupted never happened. Two runs at once build
//! twice and the first to finish wins.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::progress::Progress;

/// Hash digits in a name: 64 bits, ample against chance.
const KEY_DIGITS: usize = 16;

/// Results of one step that are kept; older ones are dropped when a new one is made.
const KEPT_MAX: usize = 2;

/// The cache directory.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// Opens the cache at `$PREROOT_CACHE`, else `$XDG_CACHE_HOME/preroot`, else `~/.cache/preroot`.
    pub(crate) fn open() -> Result<Self, Error> {
        let from_env = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let dir = match (
            from_env("PREROOT_CACHE"),
            from_env("XDG_CACHE_HOME"),
            from_env("HOME"),
        ) {
            (Some(dir), _, _) => PathBuf::from(dir),
            (None, Some(base), _) => Path::new(&base).join("preroot"),
            (None, None, Some(home)) => Path::new(&home).join(".cache/preroot"),
            (None, None, None) => {
                return Err(Error::Product {
                    what: "no cache directory: neither PREROOT_CACHE nor HOME is set".to_owned(),
                    remedy: "set PREROOT_CACHE to a directory outside the clone".to_owned(),
                });
            }
        };
        fs::create_dir_all(&dir).map_err(|error| Error::file("create", &dir, error))?;
        let dir = dir
            .canonicalize()
            .map_err(|error| Error::file("resolve", &dir, error))?;
        Ok(Self { dir })
    }

    /// The directory itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Gives the directory of step `name` for these inputs, built by `build` if it is not there.
    pub(crate) fn step(
        &self,
        progress: &Progress,
        name: &str,
        inputs: &Inputs,
        build: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        let done = self.dir.join(format!("{name}-{}", inputs.key()));
        if done.is_dir() {
            progress.kept(name);
            return Ok(done);
        }
        let begun = progress.begin(name);
        let partial = self
            .dir
            .join(format!("{name}-partial-{}", std::process::id()));
        remove(&partial)?;
        fs::create_dir_all(&partial).map_err(|error| Error::file("create", &partial, error))?;
        if let Err(error) = build(&partial) {
            begun.failed();
            remove(&partial)?;
            return Err(error);
        }
        match fs::rename(&partial, &done) {
            Ok(()) => {}
            // Another run was faster; its result is as good as ours.
            Err(_) if done.is_dir() => remove(&partial)?,
            Err(error) => return Err(Error::file("rename into place", &partial, error)),
        }
        self.drop_old(name, &done)?;
        begun.done();
        Ok(done)
    }

    /// Removes what older inputs left behind, but for the newest few: a person who switches
    /// between two branches keeps both.
    fn drop_old(&self, name: &str, current: &Path) -> Result<(), Error> {
        let prefix = format!("{name}-");
        let listing =
            fs::read_dir(&self.dir).map_err(|error| Error::file("list", &self.dir, error))?;
        let mut old: Vec<(std::time::SystemTime, PathBuf)> = listing
            .filter_map(Result::ok)
            .filter(|entry| {
                let file_name = entry.file_name();
                let rest = file_name
                    .to_str()
                    .and_then(|text| text.strip_prefix(&prefix));
                rest.is_some_and(is_key) && entry.path() != current
            })
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        old.sort();
        old.reverse();
        for (_, path) in old.into_iter().skip(KEPT_MAX - 1) {
            remove(&path)?;
        }
        Ok(())
    }
}

/// What the result of a step depends on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inputs {
    hash: Sha256,
}

impl Inputs {
    /// Adds one input under its name; both count.
    pub(crate) fn add(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        self.hash.update(format!("{name} {} ", value.len()));
        self.hash.update(value);
        self
    }

    /// Adds the contents of a file.
    pub(crate) fn add_file(self, path: &Path) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|error| Error::file("read", path, error))?;
        Ok(self.add("file", bytes))
    }

    fn key(&self) -> String {
        let digest = self.hash.clone().finalize();
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        digits[..KEY_DIGITS].to_owned()
    }
}

fn is_key(text: &str) -> bool {
    text.len() == KEY_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Removes a directory and all in it; fine if it is not there.
pub(crate) fn remove(dir: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", dir, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_kept_apart() {
        let key = |inputs: Inputs| inputs.key();
        let base = key(Inputs::default().add("a", "bc"));
        assert_eq!(base, key(Inputs::default().add("a", "bc")));
        for other in [
            Inputs::default().add("ab", "c"),
            Inputs::default().add("a", "b").add("", "c"),
            Inputs::default().add("a", "bd"),
            Inputs::default(),
        ] {
            assert_ne!(base, key(other));
        }
    }

    #[test]
    fn a_key_is_known_from_a_partial() {
        assert!(is_key("0123456789abcdef"));
        assert!(!is_key("partial-123"));
        assert!(!is_key("0123456789abcdeg"));
    }
}
