//! One mutant: a file of `qemu-tests/mutants`, named for the breakage.
//!
//! ```toml
//! story = "no root is ever checked"
//! file = "src/boot/src/fsck.rs"
//! find = "what stands there, once"
//! replace = "what stands there then"
//! test = "order::damaged_root_is_repaired_in_one_boot"
//! says = "words of that test's failure"
//! ```

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::error::Error;

/// Where they are, in a clone.
const PLACE: &str = "qemu-tests/mutants";

/// A breakage, and who catches it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Mutant {
    /// Its file's name.
    #[serde(skip)]
    pub(crate) name: String,
    /// Which promise is broken.
    pub(crate) story: String,
    /// The source that is changed.
    pub(crate) file: String,
    /// What stands there, in one place.
    pub(crate) find: String,
    /// What stands there then.
    pub(crate) replace: String,
    /// The test that boots it, as cargo names it.
    pub(crate) test: String,
    /// What its failure has in one line.
    pub(crate) says: String,
}

/// All of a clone, by name.
pub(crate) fn all(clone: &Path) -> Result<Vec<Mutant>, Error> {
    let place = clone.join(PLACE);
    let listing = fs::read_dir(&place).map_err(|error| Error::file("list", &place, error))?;
    let mut mutants = Vec::new();
    for entry in listing {
        let path = entry
            .map_err(|error| Error::file("list", &place, error))?
            .path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            mutants.push(read(&path)?);
        }
    }
    mutants.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(mutants)
}

fn read(path: &Path) -> Result<Mutant, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::file("read", path, error))?;
    let read: Result<Mutant, _> = toml::from_str(&text);
    let mut mutant = read.map_err(|error| Error::Product {
        what: format!("{}: {error}", path.display()),
        remedy: "see the head of xtask/src/mutants/mutant.rs for what a mutant says".to_owned(),
    })?;
    let stem = path.file_stem().unwrap_or_default();
    mutant.name = stem.to_string_lossy().into_owned();
    Ok(mutant)
}

/// Those with these names; all, where none is named.
pub(crate) fn chosen(mutants: Vec<Mutant>, names: &[String]) -> Result<Vec<Mutant>, Error> {
    let all: Vec<String> = mutants.iter().map(|mutant| mutant.name.clone()).collect();
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
        return Err(Error::Product {
            what: format!("no mutant `{unknown}` in {PLACE}"),
            remedy: format!("there are {}", all.join(", ")),
        });
    }
    let is_chosen = |mutant: &Mutant| names.is_empty() || names.contains(&mutant.name);
    Ok(mutants.into_iter().filter(is_chosen).collect())
}

impl Mutant {
    /// Makes the change in a tree of sources.
    pub(crate) fn apply(&self, tree: &Path) -> Result<(), Error> {
        let path = tree.join(&self.file);
        let text = fs::read_to_string(&path).map_err(|error| Error::file("read", &path, error))?;
        let changed = self.change(&text)?;
        fs::write(&path, changed).map_err(|error| Error::file("write", &path, error))
    }

    /// The source with the change.
    fn change(&self, text: &str) -> Result<String, Error> {
        match text.matches(&self.find).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            count => Err(Error::Product {
                what: format!(
                    "{PLACE}/{}.toml: `find` stands {count} times in {}, not once",
                    self.name, self.file
                ),
                remedy: "the source has changed: make the mutant break the same promise there"
                    .to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;
    use crate::run;

    /// Whoever changes a source that a mutant changes hears of it here, not in the next run of mutants.
    #[test]
    fn every_mutant_fits_the_sources() {
        let clone = run::clone_dir();
        let mutants = all(&clone).unwrap();
        assert!(mutants.len() >= 10, "{}", mutants.len());
        for mutant in &mutants {
            let path = clone.join(&mutant.file);
            let text = fs::read_to_string(&path).unwrap();
            let changed = mutant.change(&text).unwrap();
            assert_ne!(changed, text, "{}", mutant.name);
        }
    }

    /// The test of a mutant is one of the VM tests, or its file's macro makes it of a scenario.
    #[test]
    fn every_mutant_has_a_test() {
        let clone = run::clone_dir();
        for mutant in all(&clone).unwrap() {
            let (module, test) = mutant.test.split_once("::").unwrap();
            let source = clone.join(format!("qemu-tests/tests/vm/{module}.rs"));
            let source = fs::read_to_string(&source).unwrap();
            let directory = match module {
                "power_cuts" => "power",
                other => other,
            };
            let scenarios = clone.join("qemu-tests/scenarios").join(directory);
            let scenario = scenarios.join(format!("{}.toml", test.replace('_', "-")));
            let is_there = source.contains(&format!("fn {test}()"))
                || source.contains(&format!("    {test} \""))
                || scenario.is_file();
            assert!(is_there, "{}: {}", mutant.name, mutant.test);
        }
    }

    #[test]
    fn a_change_fits_in_one_place() {
        let mutant = Mutant {
            name: "m".to_owned(),
            story: String::new(),
            file: "a.rs".to_owned(),
            find: "if due {".to_owned(),
            replace: "if false {".to_owned(),
            test: String::new(),
            says: String::new(),
        };
        assert_eq!(
            mutant.change("a; if due { b }").unwrap(),
            "a; if false { b }"
        );
        for (text, count) in [("if not {", "0"), ("if due { if due {", "2")] {
            let error = mutant.change(text).unwrap_err().to_string();
            assert!(error.contains(&format!("stands {count} times")), "{error}");
        }
    }

    #[test]
    fn one_is_chosen_by_its_name() {
        let mutants = all(&run::clone_dir()).unwrap();
        let first = mutants[0].name.clone();
        let one = chosen(mutants.clone(), std::slice::from_ref(&first)).unwrap();
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].name, first);
        assert_eq!(chosen(mutants.clone(), &[]).unwrap().len(), mutants.len());
        let error = chosen(mutants, &["none".to_owned()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("no mutant `none`"), "{error}");
    }
}
