//! Finds a record and the boots in it: raw frames as in /run/preroot/record, or a store.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use preroot_plan::STORE_PARTLABEL;
use preroot_record::limits::SEGMENT_COUNT_MAX;
use preroot_record::{Frames, HeaderError, Store, raw_tags};

use crate::error::Error;
use crate::fold::fold;
use crate::format::{date, size};
use crate::hardware;
use crate::model::Boot;
use crate::partition;
use crate::place::{self, Shape};

/// The largest input: no store is larger.
const INPUT_BYTES_MAX: u64 = 1 << 30;

/// This boot, as long as the machine runs.
const RUNNING: &str = "/run/preroot/record";
/// The boots kept on root.
const ON_ROOT: &str = "/var/lib/preroot/record";
/// A rescue session keeps its own root; PID 1's root is the real one once it is mounted.
const SEEN_FROM_RESCUE: &str = "/proc/1/root/var/lib/preroot/record";

/// A record in memory.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// A boot in a record.
#[derive(Debug, Clone, Copy)]
struct Place {
    tag: u32,
    epoch_ns: Option<u64>,
    overwritten: bool,
}

/// Which of the usual files to look for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usual {
    /// The one with the latest boot.
    Latest,
    /// The one with many boots.
    Kept,
}

impl Usual {
    /// Where to look, in this order.
    fn places(self) -> Vec<PathBuf> {
        let kept = [ON_ROOT, SEEN_FROM_RESCUE].map(PathBuf::from);
        let kept = kept.into_iter().chain(partition::find());
        let running = PathBuf::from(RUNNING);
        match self {
            Usual::Latest => [running].into_iter().chain(kept).collect(),
            Usual::Kept => kept.chain([running]).collect(),
        }
    }
}

impl Record {
    /// A record that is in memory already; `path` is what errors call it.
    #[must_use]
    pub fn new(path: PathBuf, bytes: Vec<u8>) -> Record {
        Record { path, bytes }
    }

    /// Reads the named file (`-` is standard input), or the first of the usual ones that is there.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read(named: Option<&Path>, usual: Usual) -> Result<Record, Error> {
        match named {
            Some(path) if path == Path::new("-") => {
                let path = PathBuf::from("standard input");
                let stdin = io::stdin().lock();
                collect(path, stdin)
            }
            Some(path) => open(path),
            None => {
                let found = usual.places().into_iter().find(|path| is_there(path));
                let found = found.ok_or_else(|| Error::NoRecord {
                    looked_for: format!(
                        "{RUNNING}, {ON_ROOT}, {SEEN_FROM_RESCUE}, a partition called {STORE_PARTLABEL}"
                    ),
                })?;
                open(&found)
            }
        }
    }

    /// The file that it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The boot that many before the latest.
    ///
    /// # Errors
    /// When there is no such boot, or this is no record.
    pub fn boot(&self, before: usize) -> Result<Boot, Error> {
        let store = self.store()?;
        let places = self.places(store.as_ref())?;
        let at = places.len().checked_sub(before + 1);
        let later = at
            .and_then(|at| places.get(at..))
            .ok_or_else(|| Error::NoBoot {
                path: self.path.clone(),
                asked: before,
                there: crate::format::count(places.len() as u64, "boot"),
            })?;
        // How it died, only a later one can tell.
        let boots = later.iter().map(|place| self.fold(store.as_ref(), place));
        let mut boots: Vec<Boot> = boots.collect();
        crate::before::link(&mut boots);
        let mut boot = boots.swap_remove(0);
        let earlier = places.iter().rev().enumerate().skip(before + 1);
        let earlier = earlier.map(|(number, place)| (number, self.fold(store.as_ref(), place)));
        boot.since_good = hardware::since_good(&boot, before, earlier);
        Ok(boot)
    }

    /// Holds a boot's hardware against the last good one in here, which that boot may be in too.
    ///
    /// # Errors
    /// When this is no record.
    pub fn compare(&self, boot: &mut Boot) -> Result<(), Error> {
        let boots = self.boots()?;
        let is_other = |other: &Boot| match (&other.identity, &boot.identity) {
            (Some(other), Some(own)) => other.boot_id != own.boot_id,
            _ => false,
        };
        let others = boots.into_iter().rev().enumerate();
        let others = others.filter(|(_, other)| is_other(other));
        let since_good = hardware::since_good(boot, 0, others);
        boot.since_good = since_good;
        Ok(())
    }

    /// All boots, oldest first.
    ///
    /// # Errors
    /// When this is no record.
    pub fn boots(&self) -> Result<Vec<Boot>, Error> {
        let store = self.store()?;
        let places = self.places(store.as_ref())?;
        let boots = places.iter().map(|place| self.fold(store.as_ref(), place));
        let mut boots: Vec<Boot> = boots.collect();
        crate::before::link(&mut boots);
        hardware::since_good_of_all(&mut boots);
        Ok(boots)
    }

    /// What is said of all boots in a list, oldest first.
    ///
    /// # Errors
    /// When this is no record.
    pub fn list(&self) -> Result<Vec<crate::list::Entry>, Error> {
        let store = self.store()?;
        let places = self.places(store.as_ref())?;
        let latest = places.len() - 1;
        let entry = |((index, place), boot): ((usize, &Place), Boot)| {
            crate::list::Entry::new(latest - index, place.epoch_ns.map(date), boot)
        };
        let boots = self.boots()?;
        Ok(places.iter().enumerate().zip(boots).map(entry).collect())
    }

    fn fold(&self, store: Option<&Store<'_>>, place: &Place) -> Boot {
        let mut boot = match store {
            Some(store) => fold(store.frames(place.tag)),
            None => fold(Frames::raw(&self.bytes, place.tag)),
        };
        boot.lost.beginning_overwritten = place.overwritten;
        boot
    }

    /// The store, or `None` when these can only be raw frames.
    fn store(&self) -> Result<Option<Store<'_>>, Error> {
        match Store::open(&self.bytes) {
            Ok(store) => Ok(Some(store)),
            Err(HeaderError::Newer(version)) => Err(Error::Newer {
                path: self.path.clone(),
                version,
            }),
            Err(HeaderError::Blank | HeaderError::Damaged) => Ok(None),
        }
    }

    /// At least one boot, oldest first.
    fn places(&self, store: Option<&Store<'_>>) -> Result<Vec<Place>, Error> {
        let places: Vec<Place> = match store {
            Some(store) => store
                .boots()
                .map(|boot| Place {
                    tag: boot.tag,
                    epoch_ns: boot.epoch_ns,
                    overwritten: boot.overwritten,
                })
                .collect(),
            None => raw_tags(&self.bytes, &mut [0; SEGMENT_COUNT_MAX as usize])
                .iter()
                .map(|&tag| Place {
                    tag,
                    epoch_ns: None,
                    overwritten: false,
                })
                .collect(),
        };
        if !places.is_empty() {
            return Ok(places);
        }
        let path = self.path.clone();
        if store.is_some() || self.bytes.iter().all(|&byte| byte == 0) {
            return Err(Error::Empty { path });
        }
        let bytes = self.bytes.len();
        Err(Error::NotARecord { path, bytes })
    }
}

/// Whether something is there, even if it may not be read: that is then said. Not so for PID 1's
/// root, which only root may look into, whether or not there is a record.
fn is_there(path: &Path) -> bool {
    match path.metadata() {
        Ok(_) => true,
        Err(error) if path == Path::new(SEEN_FROM_RESCUE) => !matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
        ),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn open(path: &Path) -> Result<Record, Error> {
    let inside = match path.is_dir() {
        true => place::in_directory(path).ok_or_else(|| Error::Directory { path: path.into() })?,
        false => path.to_path_buf(),
    };
    let failed = |source| read_error(&inside, source);
    let mut file = File::open(&inside).map_err(failed)?;
    match place::shape(&mut file).map_err(failed)? {
        Shape::Plain => collect(inside, file),
        Shape::Disk => Err(Error::NoPartition { path: inside }),
        Shape::Partition(start, bytes) => {
            file.seek(SeekFrom::Start(start)).map_err(failed)?;
            collect(inside, file.take(bytes))
        }
    }
}

fn collect(path: PathBuf, from: impl Read) -> Result<Record, Error> {
    let mut bytes = Vec::new();
    let read = from.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|source| read_error(&path, source))?;
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        let limit = size(INPUT_BYTES_MAX);
        return Err(Error::TooLarge { path, limit });
    }
    Ok(Record { path, bytes })
}

pub(crate) fn read_error(path: &Path, source: io::Error) -> Error {
    let path = path.to_path_buf();
    match source.kind() {
        io::ErrorKind::NotFound => Error::Missing { path },
        io::ErrorKind::PermissionDenied => Error::Permission { path },
        io::ErrorKind::IsADirectory => Error::Directory { path },
        _ => Error::Read { path, source },
    }
}
