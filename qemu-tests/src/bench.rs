//! What is measured, and the table in which figures are kept: a section for each bench.
//!
//! Never a test: no figure is too slow. What fails a bench is that something was not done.

pub(crate) mod boots;
pub(crate) mod broken;
pub(crate) mod fleet;
pub(crate) mod guest;
pub(crate) mod hardware;
pub(crate) mod idle;
pub(crate) mod order;
pub(crate) mod peers;
pub(crate) mod records;
pub(crate) mod repeatability;
pub(crate) mod rescue;
pub(crate) mod roots;

use std::path::Path;

use preroot_qemu_tests::{Error, files};

/// Where the table is kept.
const TABLE: &str = "baselines/bench.md";
/// What the table begins with.
const TITLE: &str = "Written by `cargo xtask bench --save`.\n";

/// What happens to the figures, beside being printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Table {
    /// Write the table that is kept in the repository.
    #[arg(long)]
    save: bool,
}

impl Table {
    /// Shows a section; writes it into the table if that is asked for.
    fn hand_out(&self, heading: &str, text: &str) -> Result<(), Error> {
        print!("# {heading}\n\n{text}");
        self.keep(heading, text)
    }

    /// Writes a section into the table if that is asked for.
    fn keep(&self, heading: &str, text: &str) -> Result<(), Error> {
        if !self.save {
            return Ok(());
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
        let table = if path.exists() {
            files::read_text(&path)?
        } else {
            TITLE.to_owned()
        };
        files::write(&path, replaced(&table, heading, text))
    }
}

/// The table with a section replaced, or added at its end.
fn replaced(table: &str, heading: &str, text: &str) -> String {
    let head = format!("# {heading}\n");
    let section = format!("{head}\n{}\n", text.trim_end());
    let mut sections: Vec<String> = vec![String::new()];
    for line in table.lines() {
        if line.starts_with("# ") {
            sections.push(String::new());
        }
        if let Some(last) = sections.last_mut() {
            last.push_str(line);
            last.push('\n');
        }
    }
    match sections.iter_mut().find(|old| old.starts_with(&head)) {
        Some(old) => *old = section,
        None => sections.push(section),
    }
    let trimmed: Vec<&str> = sections.iter().map(|one| one.trim_end()).collect();
    trimmed.join("\n\n").trim_start().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_old_one() {
        let check = |table: &str, expected: &str| {
            assert_eq!(replaced(table, "B", "new\n\n## part\n"), expected);
        };
        check("", "# B\n\nnew\n\n## part\n");
        check("words\n", "words\n\n# B\n\nnew\n\n## part\n");
        check("# A\n\na\n", "# A\n\na\n\n# B\n\nnew\n\n## part\n");
        check(
            "words\n\n# B\n\nold\n\n## part\n\n# C\n\nc\n",
            "words\n\n# B\n\nnew\n\n## part\n\n# C\n\nc\n",
        );
    }
}
