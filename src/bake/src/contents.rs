//! Why each member is in an image: a text in the image itself, so that a review needs nothing else.
//!
//! One line a member: path, TAB, reason. Without it a listing has sizes only.

use std::collections::BTreeMap;

/// Where it stands in an image.
pub(crate) const CONTENTS_PATH: &str = "etc/preroot/contents";

/// The text for these reasons.
pub(crate) fn text<'a>(reasons: impl Iterator<Item = (String, &'a str)>) -> String {
    reasons
        .map(|(path, reason)| format!("{path}\t{reason}\n"))
        .collect()
}

/// Reads it back. Lines that are not of its form are passed over.
pub(crate) fn read(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(path, reason)| (path.to_owned(), reason.to_owned()))
        .collect()
}
