//! Where the record is kept when the boot is over.

use crate::root_spec::{RootKey, RootSpec};
use crate::view::Plan;

/// The name of the partition that a record is looked for in when nobody names one.
pub const STORE_PARTLABEL: &str = "preroot-log";

/// Where the record is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store<'a> {
    /// Nowhere: it ends with the boot.
    Nowhere,
    /// In a file on the root, from the moment when that is there.
    File(&'a str),
    /// In a partition of its own, also before there is a root and when there is none any more.
    Partition(RootSpec<'a>),
}

impl<'a> Store<'a> {
    /// Reads what a config or plan says: nothing, an absolute path, `PARTLABEL=` or `PARTUUID=`.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Store<'a>> {
        if text.is_empty() {
            return Some(Store::Nowhere);
        }
        if text.starts_with('/') {
            return Some(Store::File(text));
        }
        let spec = RootSpec::parse(text)?;
        matches!(spec.key, RootKey::PartLabel | RootKey::PartUuid).then_some(Store::Partition(spec))
    }
}

impl<'a> Plan<'a> {
    /// Where the record is kept.
    #[must_use]
    pub fn store(&self) -> Store<'a> {
        Store::parse(self.text(self.settings().store)).unwrap_or(Store::Nowhere)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_file_or_a_partition() {
        let check = |text: &str, expected: Option<&str>| {
            let found = Store::parse(text).map(|store| match store {
                Store::Nowhere => "nowhere",
                Store::File(_) => "file",
                Store::Partition(_) => "partition",
            });
            assert_eq!(found, expected, "{text}");
        };
        check("", Some("nowhere"));
        check("/var/lib/preroot/record", Some("file"));
        check("PARTLABEL=preroot-log", Some("partition"));
        check(
            "PARTUUID=70726572-6f6f-4000-8000-000000000000",
            Some("partition"),
        );
        // A file system's name would be lost with the file system that must not be there.
        check("LABEL=preroot-log", None);
        check("UUID=1", None);
        check("PARTLABEL=", None);
        check("var/lib", None);
    }
}
