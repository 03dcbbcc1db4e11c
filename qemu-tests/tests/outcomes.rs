//! The page of outcomes against the tests that show them: `src/boot/OUTCOMES.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories of scenarios that each need a row.
const TOLD: [&str; 7] = [
    "assembled",
    "damage",
    "disk",
    "hardware",
    "network",
    "power",
    "state",
];

/// One row of a table.
struct Row {
    /// The line of the page, from 1.
    line: usize,
    cells: Vec<String>,
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of all tables, without their heads.
fn rows(page: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut is_in_table = false;
    for (index, text) in page.lines().enumerate() {
        let Some(text) = text.strip_prefix('|') else {
            is_in_table = false;
            continue;
        };
        if text.starts_with("---") {
            is_in_table = true;
        } else if is_in_table {
            let cells = text.trim_end().trim_end_matches('|').split('|');
            rows.push(Row {
                line: index + 1,
                cells: cells.map(|cell| cell.trim().to_owned()).collect(),
            });
        }
    }
    rows
}

/// The words of a cell that stand between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Whether `name` is a scenario, or `file::function` a test that boots machines.
fn exists(name: &str) -> bool {
    match name.split_once("::") {
        None => here(&format!("scenarios/{name}.toml")).is_file(),
        Some((file, function)) => {
            let path = here(&format!("tests/vm/{file}.rs"));
            let text = fs::read_to_string(path).unwrap_or_default();
            text.contains(&format!("\nfn {function}()"))
        }
    }
}

#[test]
fn every_outcome_is_shown_and_every_fault_has_a_row() {
    let page = read(&here("../src/boot/OUTCOMES.md"));
    let mut faults = Vec::new();
    let mut named = BTreeSet::new();
    for Row { line, cells } in rows(&page) {
        if cells.len() != 4 || cells.iter().any(String::is_empty) {
            faults.push(format!("line {line}: not four cells with words in them"));
        }
        let last = cells.last().map_or("", String::as_str);
        if quoted(last).next().is_none() {
            faults.push(format!("line {line}: names nothing that shows it"));
        }
        for name in quoted(last) {
            if !exists(name) {
                faults.push(format!("line {line}: there is no `{name}`"));
            }
            named.insert(name.to_owned());
        }
    }
    for directory in TOLD {
        let Ok(listing) = fs::read_dir(here("scenarios").join(directory)) else {
            continue;
        };
        for entry in listing.flatten() {
            let path = entry.path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = format!("{directory}/{stem}");
            if !named.contains(&name) {
                faults.push(format!("scenario `{name}` has no row"));
            }
        }
    }
    assert!(faults.is_empty(), "OUTCOMES.md:\n{}", faults.join("\n"));
}
