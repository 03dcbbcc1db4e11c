//! Tables: made, and those that are kept.
#![allow(dead_code)] // Each test uses some of it.

use std::fs;
use std::path::Path;

/// A structure's bytes: header, fields behind it, texts.
pub(crate) fn bytes_of(kind: u8, fields: &[u8], texts: &[&str]) -> Vec<u8> {
    let length = u8::try_from(fields.len() + 4).expect("short");
    let mut bytes = vec![kind, length, 0, 0];
    bytes.extend(fields);
    for text in texts {
        bytes.extend(text.bytes());
        bytes.push(0);
    }
    bytes.push(0);
    if texts.is_empty() {
        bytes.push(0);
    }
    bytes
}

/// A table that is being made.
#[derive(Default)]
pub(crate) struct Table(Vec<u8>);

impl Table {
    /// Adds a structure, given with its header.
    pub(crate) fn structure(mut self, formatted: &[u8], texts: &[&str]) -> Self {
        let (header, fields) = formatted.split_at(4);
        let mut bytes = bytes_of(header[0], fields, texts);
        bytes[2..4].copy_from_slice(&header[2..]);
        self.0.extend(bytes);
        self
    }

    /// The table with its end.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.extend(bytes_of(127, &[], &[]));
        self.0
    }
}

/// The tables of `tests/kept`, by name: of machines, and what a test once failed on.
pub(crate) fn kept() -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kept");
    let mut tables: Vec<(String, Vec<u8>)> = fs::read_dir(directory)
        .expect("tables")
        .map(|entry| {
            let entry = entry.expect("a table");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("a table"))
        })
        .collect();
    tables.sort();
    assert!(!tables.is_empty());
    tables
}
