//! The records that are exported: those that were named, and all below directories that are none themselves.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::input::{Record, Usual};
use crate::model::Boot;
use crate::place;
use crate::walk::{self, Seen, Walk};

/// Hands every boot of these records to `each`, with the name of its file; of each record the oldest boot first. Without
/// names it is this machine's record. Returns how many files below directories could not be read.
///
/// # Errors
/// When a record that was named cannot be read, or is none; when a directory has none; those of `each`.
pub fn boots(
    places: &[PathBuf],
    mut each: impl FnMut(&str, &Boot) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut hand_out = |path: &Path, record: &Record| {
        let file = path.display().to_string();
        let boots = record.boots()?;
        boots.iter().try_for_each(|boot| each(&file, boot))
    };
    if places.is_empty() {
        let record = Record::read(None, Usual::Kept)?;
        return hand_out(record.path(), &record).map(|()| 0);
    }
    let mut unreadable = 0;
    for place in places {
        if !place.is_dir() || place::in_directory(place).is_some() {
            let record = Record::read(Some(place), Usual::Kept)?;
            hand_out(place, &record)?;
        } else {
            unreadable += below(place, &mut hand_out)?;
        }
    }
    Ok(unreadable)
}

/// The records below a directory. What is none is passed over.
fn below(
    directory: &Path,
    hand_out: &mut impl FnMut(&Path, &Record) -> Result<(), Error>,
) -> Result<u64, Error> {
    let (mut records, mut others, mut unreadable) = (0_u64, 0, 0);
    let mut walk = Walk::new(&[directory.to_path_buf()]);
    let mut bytes = Vec::new();
    for path in walk.by_ref() {
        match walk::read(&path, &mut bytes) {
            Seen::Record => {
                let record = Record::new(path.clone(), std::mem::take(&mut bytes));
                match hand_out(&path, &record) {
                    Ok(()) => records += 1,
                    // It only begins like one.
                    Err(Error::Empty { .. } | Error::NotARecord { .. }) => others += 1,
                    Err(error) => return Err(error),
                }
            }
            Seen::Other => others += 1,
            Seen::Unreadable => unreadable += 1,
        }
    }
    unreadable += walk.unreadable();
    match records {
        0 => Err(Error::NoFleet {
            looked_in: vec![directory.display().to_string()],
            files: others,
            unreadable,
        }),
        _ => Ok(unreadable),
    }
}
