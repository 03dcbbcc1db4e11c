//! A tree in which every script is named by its first service.
//!
//! insserv reads links before it knows which names are one script, and loses what was asked of the
//! later ones: iSCSI's `iscsi`, which open-iscsi provides as its second name, is waited for when
//! Debian's links are made and no longer when they are next renumbered. The second run is therefore
//! asked about a copy without such words.

use std::collections::{BTreeMap, BTreeSet};

/// The tree with its words replaced.
pub(crate) fn by_first_service(tree: &str) -> String {
    let mut first: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in tree.lines() {
        let Some((key, value)) = line.trim_start_matches(['#', ' ', '\t']).split_once(':') else {
            continue;
        };
        let mut names = value.split_whitespace();
        if let (true, Some(own)) = (key.eq_ignore_ascii_case("provides"), names.next()) {
            for name in names {
                first.entry(name).or_default().insert(own);
            }
        }
    }
    let rename = |word: &str| {
        let name = word.trim_start_matches('+');
        match first.get(name).map(|own| own.iter().collect::<Vec<_>>()) {
            Some(own) if own.len() == 1 => word.replace(name, own[0]),
            _ => word.to_string(),
        }
    };
    let mut renamed = String::new();
    for line in tree.lines() {
        let key = line
            .trim_start_matches(['#', ' ', '\t'])
            .to_ascii_lowercase();
        if line.starts_with("==") || line.starts_with("->") || key.starts_with("provides:") {
            renamed += line;
        } else {
            let words = line.split_inclusive([' ', '\t', ',', ';', ':', '\r']);
            for word in words {
                let end = word
                    .trim_end_matches([' ', '\t', ',', ';', ':', '\r'])
                    .len();
                renamed += &rename(&word[..end]);
                renamed += &word[end..];
            }
        }
        renamed.push('\n');
    }
    renamed
}
