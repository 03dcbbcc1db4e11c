//! Which boots `diff` compares, as they are written on a command line: `FILE`, `FILE@1`, `@1`.

use std::path::PathBuf;

use crate::error::Error;
use crate::input::{Record, Usual};
use crate::model::Boot;

/// A boot by its record and its place in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spec {
    /// The record; `None`: one of the usual ones.
    pub file: Option<PathBuf>,
    /// Counted back from the latest, which is 0; `None`: not said.
    pub before: Option<usize>,
}

impl Spec {
    /// Reads `FILE`, `FILE@N`, `@N`. A file whose name ends in `@N` is taken for itself if it is there.
    #[must_use]
    pub fn parse(text: &str) -> Spec {
        let whole = Spec {
            file: Some(PathBuf::from(text)),
            before: None,
        };
        let Some((file, number)) = text.rsplit_once('@') else {
            return whole;
        };
        match number.parse() {
            Ok(before) if !PathBuf::from(text).exists() => Spec {
                file: (!file.is_empty()).then(|| PathBuf::from(file)),
                before: Some(before),
            },
            _ => whole,
        }
    }
}

/// What to compare with what.
#[derive(Debug, Clone)]
pub struct Pair {
    /// At least one, the latest last.
    pub old: Vec<Boot>,
    /// The one that is looked at.
    pub new: Boot,
}

/// How many old boots count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// The one that is named.
    One,
    /// Every boot of the record, but the one that is looked at.
    All,
}

impl Pair {
    /// Reads both. Of one record alone its latest boot is compared with the ones before.
    ///
    /// # Errors
    /// When a record cannot be read, or has no such boot.
    pub fn read(old: Option<&Spec>, new: Option<&Spec>, against: Against) -> Result<Pair, Error> {
        let fallback = Spec::default();
        let old = old.unwrap_or(&fallback);
        let record = Record::read(old.file.as_deref(), Usual::Kept)?;
        let (new, own) = match new {
            None => (record.boot(0)?, Some(0)),
            Some(new) if new.file == old.file => {
                let before = new.before.unwrap_or(0);
                (record.boot(before)?, Some(before))
            }
            Some(new) => {
                let other = Record::read(new.file.as_deref(), Usual::Latest)?;
                (other.boot(new.before.unwrap_or(0))?, None)
            }
        };
        let old = match (against, own) {
            (Against::One, None) => vec![record.boot(old.before.unwrap_or(0))?],
            (Against::One, Some(own)) => vec![record.boot(old.before.unwrap_or(own + 1))?],
            (Against::All, own) => {
                let mut boots = record.boots()?;
                let place = own.and_then(|own| boots.len().checked_sub(own + 1));
                if let Some(place) = place.filter(|_| boots.len() > 1) {
                    boots.remove(place);
                } else if place.is_some() {
                    // Says that there is none before.
                    record.boot(1)?;
                }
                boots
            }
        };
        Ok(Pair { old, new })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_by_its_place() {
        let check = |text: &str, file: Option<&str>, before: Option<usize>| {
            let file = file.map(PathBuf::from);
            assert_eq!(Spec::parse(text), Spec { file, before }, "{text}");
        };
        check("store", Some("store"), None);
        check("store@2", Some("store"), Some(2));
        check("@1", None, Some(1));
        check("a@b", Some("a@b"), None);
        check("a@", Some("a@"), None);
        check("a@1@2", Some("a@1"), Some(2));
        check("", Some(""), None);
    }
}
