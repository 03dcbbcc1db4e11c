//! A root tree, read from outside: no link leads out of it, no read is longer than its limit.
//!
//! Paths are the tree's own (`/etc/inittab`). A symbolic link is followed as if the tree were the
//! whole file system; only regular files are opened, so nothing here can block.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::limits::{LINKS_MAX, SETTINGS_BYTES_MAX};
use crate::message::Place;

/// The directory that holds a root tree.
#[derive(Debug, Clone)]
pub struct Root {
    directory: PathBuf,
    /// Where each path of the tree that was passed leads; `None`: it is no link.
    links: RefCell<HashMap<OsString, Option<PathBuf>>>,
}

/// A directory of the tree whose own links have been followed.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    /// Where it is on the host.
    host: PathBuf,
    /// Where it is in the tree.
    tree: PathBuf,
}

impl Root {
    /// The tree in this directory.
    #[must_use]
    pub fn new(directory: &Path) -> Root {
        Root {
            directory: directory.to_path_buf(),
            links: RefCell::default(),
        }
    }

    /// A line of one of its files, as the user would open it.
    #[must_use]
    pub fn place(&self, path: &str, line: usize) -> Place {
        Place::new(self.shown(path), line)
    }

    /// One of its files as the user would open it.
    pub(crate) fn shown(&self, path: &str) -> String {
        let directory = self.directory.display().to_string();
        format!("{}{path}", directory.trim_end_matches('/'))
    }

    /// Where a file is on the host, with every link followed.
    pub fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        self.walk(Path::new("/"), Path::new(path))
            .map(|tree| self.host(&tree))
    }

    /// A directory, its links followed.
    pub(crate) fn directory(&self, path: &str) -> io::Result<Directory> {
        let tree = self.walk(Path::new("/"), Path::new(path))?;
        Ok(Directory {
            host: self.host(&tree),
            tree,
        })
    }

    /// Reads a file up to `bytes_max`; a longer one is cut there.
    pub(crate) fn read(&self, path: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        read_regular(&self.resolve(path)?, bytes_max)
    }

    /// As [`Root::read`], of a text: what is not UTF-8 in it is replaced.
    pub(crate) fn read_text(&self, path: &str, bytes_max: u64) -> io::Result<String> {
        let bytes = self.read(path, bytes_max)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// As [`Root::read_text`], of settings, half of which would say something else.
    pub(crate) fn read_settings(&self, path: &str) -> io::Result<String> {
        let bytes = self.read(path, SETTINGS_BYTES_MAX + 1)?;
        if bytes.len() as u64 > SETTINGS_BYTES_MAX {
            let text = format!("it is larger than {SETTINGS_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The tree's path of a file, with every link followed.
    fn walk(&self, from: &Path, path: &Path) -> io::Result<PathBuf> {
        let mut links = 0;
        let mut done = from.to_path_buf();
        let mut rest: VecDeque<PathBuf> = parts(path);
        while let Some(part) = rest.pop_front() {
            match part.components().next() {
                Some(Component::RootDir) => done = PathBuf::from("/"),
                Some(Component::ParentDir) => {
                    done.pop();
                }
                Some(Component::Normal(name)) => {
                    done.push(name);
                    let Some(target) = self.link(&done)? else {
                        continue;
                    };
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(io::Error::other("too many levels of symbolic links"));
                    }
                    done.pop();
                    for part in parts(&target).into_iter().rev() {
                        rest.push_front(part);
                    }
                }
                _ => {}
            }
        }
        Ok(done)
    }

    /// Where a path whose parents are no links leads; `None`: it is no link either.
    fn link(&self, tree: &Path) -> io::Result<Option<PathBuf>> {
        if let Some(known) = self.links.borrow().get(tree.as_os_str()) {
            return Ok(known.clone());
        }
        let host = self.host(tree);
        let target = match fs::symlink_metadata(&host)?.is_symlink() {
            true => Some(fs::read_link(&host)?),
            false => None,
        };
        let key = tree.as_os_str().to_os_string();
        self.links.borrow_mut().insert(key, target.clone());
        Ok(target)
    }

    fn host(&self, tree: &Path) -> PathBuf {
        self.directory.join(tree.strip_prefix("/").unwrap_or(tree))
    }
}

impl Directory {
    /// The names in it, sorted; what is not UTF-8 is told apart by its replacement characters.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.host)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// What a name is, a link not followed.
    pub(crate) fn look(&self, name: &str) -> io::Result<Metadata> {
        fs::symlink_metadata(self.host.join(name))
    }

    /// Where a link leads, as it is written.
    pub(crate) fn link(&self, name: &str) -> io::Result<PathBuf> {
        fs::read_link(self.host.join(name))
    }

    /// What a name is, links followed within the tree.
    pub(crate) fn follow(&self, root: &Root, name: &str) -> io::Result<(PathBuf, Metadata)> {
        let own = self.host.join(name);
        let metadata = fs::symlink_metadata(&own)?;
        if !metadata.is_symlink() {
            return Ok((own, metadata));
        }
        let host = root.host(&self.resolve(root, name)?);
        let metadata = fs::symlink_metadata(&host)?;
        Ok((host, metadata))
    }

    /// Where a name leads in the tree, every link followed; it is there.
    pub(crate) fn resolve(&self, root: &Root, name: &str) -> io::Result<PathBuf> {
        root.walk(&self.tree, Path::new(name))
    }

    /// Whether a file of the tree lies in this directory.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        path.parent() == Some(&self.tree)
    }

    /// The script that a link names in the usual way, `../init.d/NAME` beside /etc/init.d.
    pub(crate) fn usual_script(&self, name: &str) -> Option<String> {
        let target = self.link(name).ok()?;
        let script = target.to_str()?.strip_prefix("../init.d/")?;
        let is_beside = self.tree.parent() == Some(Path::new("/etc"));
        (is_beside && !script.contains('/')).then(|| script.to_string())
    }
}

fn parts(path: &Path) -> VecDeque<PathBuf> {
    path.components()
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect()
}

/// Reads a regular file up to `bytes_max`.
pub(crate) fn read_regular(host: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    // A FIFO would block in open(2): look first.
    if !fs::metadata(host)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(host)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// When a file was last changed, in seconds since 1970; 0 when nobody knows.
pub(crate) fn changed_s(host: &Path) -> u64 {
    let changed = fs::metadata(host)
        .and_then(|metadata| metadata.modified())
        .ok();
    changed
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |age| age.as_secs())
}
