//! Where tools and libraries come from: the given Debian packages, the root tree, this host.
//!
//! A library is looked for first where the file that needs it came from, for those two were built
//! together.

use std::path::{Component, Path, PathBuf};

use crate::deb::Package;
use crate::elf::Elf;
use crate::error::Error;
use crate::file::read_whole;
use crate::limits::LINKS_MAX;

/// Where a loader looks by itself, the multiarch directories first as Debian's does.
const LIBRARY_DIRECTORIES: [&str; 4] =
    ["/lib/x86_64-linux-gnu", "/lib64", "/lib", "/usr/local/lib"];

/// Where a file came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The given package of this number.
    Package(usize),
    /// The root tree.
    Root,
    /// This host.
    Host,
}

/// A file that was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its contents.
    pub(crate) bytes: Vec<u8>,
    /// Where it came from.
    pub(crate) origin: Origin,
    /// The path it was found at.
    pub(crate) path: String,
}

/// All places to look in.
#[derive(Debug)]
pub(crate) struct Sources {
    packages: Vec<Package>,
    root: PathBuf,
    host: PathBuf,
}

impl Sources {
    /// The given packages, then `root`, then `host` (`/` but in tests).
    pub(crate) fn new(packages: Vec<Package>, root: &Path, host: &Path) -> Sources {
        Sources {
            packages,
            root: root.to_owned(),
            host: host.to_owned(),
        }
    }

    /// The first file at one of these paths that will do; all paths in one place before the next.
    pub(crate) fn find(
        &self,
        paths: &[&str],
        will_do: fn(&[u8]) -> bool,
    ) -> Result<Option<Found>, Error> {
        self.search(None, paths, will_do)
    }

    /// A shared library for a file of this origin.
    pub(crate) fn find_library(&self, soname: &str, from: Origin) -> Result<Option<Found>, Error> {
        let paths = LIBRARY_DIRECTORIES.map(|directory| format!("{directory}/{soname}"));
        self.search(Some(from), &paths.each_ref().map(String::as_str), Elf::is)
    }

    /// A file at one path for a file of this origin.
    pub(crate) fn find_near(&self, path: &str, from: Origin) -> Result<Option<Found>, Error> {
        self.search(Some(from), &[path], Elf::is)
    }

    /// An origin in words, for reasons and messages.
    pub(crate) fn words(&self, origin: Origin) -> String {
        match origin {
            Origin::Package(number) => self
                .packages
                .get(number)
                .map_or_else(String::new, |package| package.label.clone()),
            Origin::Root => "root tree".to_owned(),
            Origin::Host => "this host".to_owned(),
        }
    }

    /// All places in words, for what is not found.
    pub(crate) fn searched(&self) -> String {
        let packages = match self.packages.len() {
            0 => "no given package".to_owned(),
            1 => "the given package".to_owned(),
            count => format!("the {count} given packages"),
        };
        format!(
            "{packages}, the root tree {} and this host",
            self.root.display()
        )
    }

    fn search(
        &self,
        first: Option<Origin>,
        paths: &[&str],
        will_do: fn(&[u8]) -> bool,
    ) -> Result<Option<Found>, Error> {
        let mut origins: Vec<Origin> = (0..self.packages.len()).map(Origin::Package).collect();
        origins.extend([Origin::Root, Origin::Host]);
        // Among packages the order stays: any of them may hold the library of another.
        if let Some(first @ (Origin::Root | Origin::Host)) = first {
            origins.sort_by_key(|origin| *origin != first);
        }
        for origin in origins {
            for path in paths {
                if let Some(bytes) = self.read(origin, path)?.filter(|bytes| will_do(bytes)) {
                    return Ok(Some(Found {
                        bytes,
                        origin,
                        path: (*path).to_owned(),
                    }));
                }
            }
        }
        Ok(None)
    }

    fn read(&self, origin: Origin, path: &str) -> Result<Option<Vec<u8>>, Error> {
        match origin {
            Origin::Package(number) => {
                let package = self.packages.get(number);
                Ok(package
                    .and_then(|package| package.find(path))
                    .map(<[u8]>::to_vec))
            }
            Origin::Root => read_in_tree(&self.root, path),
            Origin::Host => read_in_tree(&self.host, path),
        }
    }
}

/// Reads a file of a tree as if the tree were `/`: its links lead nowhere else.
pub(crate) fn read_in_tree(base: &Path, path: &str) -> Result<Option<Vec<u8>>, Error> {
    // A tree without /usr merged and one with it hold the same file at different paths.
    let usr = format!("/usr{path}");
    for path in [path, usr.as_str()] {
        if let Some(place) = resolve_in_tree(base, Path::new(path))
            && place.is_file()
        {
            return read_whole(&place).map(Some);
        }
    }
    Ok(None)
}

/// Where a path of a tree leads, with the tree as `/`.
pub(crate) fn resolve_in_tree(base: &Path, path: &Path) -> Option<PathBuf> {
    let mut targets: Vec<PathBuf> = vec![path.to_owned()];
    let mut place = base.to_owned();
    let mut depth = 0_usize;
    let mut links = 0;
    // Each round takes one component off the innermost path that is left.
    while let Some(target) = targets.pop() {
        let mut parts = target.components();
        let Some(part) = parts.next() else { continue };
        let after = parts.as_path();
        if !after.as_os_str().is_empty() {
            targets.push(after.to_owned());
        }
        match part {
            Component::RootDir | Component::Prefix(_) => {
                place = base.to_owned();
                depth = 0;
            }
            Component::CurDir => {}
            Component::ParentDir => {
                if depth > 0 {
                    place.pop();
                    depth -= 1;
                }
            }
            Component::Normal(name) => {
                let next = place.join(name);
                if std::fs::symlink_metadata(&next).ok()?.is_symlink() {
                    links += 1;
                    if links > LINKS_MAX {
                        return None;
                    }
                    targets.push(std::fs::read_link(&next).ok()?);
                } else {
                    place = next;
                    depth += 1;
                }
            }
        }
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_stay_in_the_tree() {
        let tree = tempfile::tempdir().unwrap();
        let base = tree.path();
        std::fs::create_dir_all(base.join("usr/lib/x")).unwrap();
        std::fs::write(base.join("usr/lib/x/lib.so.1.0"), "library").unwrap();
        symlink("usr/lib", base.join("lib")).unwrap();
        symlink("lib.so.1.0", base.join("usr/lib/x/lib.so.1")).unwrap();
        symlink("/lib/x/lib.so.1", base.join("usr/absolute")).unwrap();
        symlink("../../../../usr/lib/x/lib.so.1", base.join("usr/lib/above")).unwrap();
        symlink("round", base.join("round")).unwrap();
        let check = |path: &str, expected: Option<&str>| {
            let found = read_in_tree(base, path).unwrap();
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{path}");
        };
        check("/lib/x/lib.so.1", Some("library"));
        check("/x/../lib/x/lib.so.1", None);
        check("/lib/../lib/x/lib.so.1", Some("library"));
        check("/absolute", Some("library"));
        check("/lib/above", Some("library"));
        check("/round", None);
        check("/none", None);
        check("/lib/x", None);
    }
}
