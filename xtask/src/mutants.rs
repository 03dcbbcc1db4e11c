//! `cargo xtask mutants`: deliberate breakages of preroot, each of which a scenario must catch and name.
//!
//! A mutant is a file below `qemu-tests/mutants`: one change of the sources that breaks one promise, the test that boots the
//! scenario of that promise, and words that its failure must have in it. The sources are copied into a scratch tree in the
//! cache, the change is made there, and that tree sets itself up as a clone does; then the test of this clone, unchanged,
//! boots the image that came of it. A test that fails in another way has not caught it: it may have met anything.
//!
//! ```text
//! clone ─ copy ─> scratch tree ─ change ─> its own `xtask setup` ─> image ─> the clone's test: must fail, with these words
//! ```
//!
//! What the test said is kept in the cache, as `mutants/NAME.txt`.
//!
//! Not a part of `cargo xtask test`: each mutant is a build and a boot. That each change still fits the sources is a unit
//! test, here.

mod mutant;
mod scratch;

use std::time::{Duration, Instant};

use crate::MutantsArgs;
use crate::artefacts;
use crate::error::Error;
use crate::run;
use crate::setup;

use self::mutant::Mutant;
use self::scratch::Scratch;

/// What cargo says of a filter that names no test.
const NO_TEST: &str = "running 0 tests";

/// `xtask mutants`.
pub(crate) fn command(args: &MutantsArgs) -> Result<(), Error> {
    let mutants = mutant::all(&run::clone_dir())?;
    if args.list {
        for mutant in &mutants {
            println!("{:<26} {}", mutant.name, mutant.story);
        }
        return Ok(());
    }
    let mutants = mutant::chosen(mutants, &args.names)?;
    let setup = setup::all()?;
    let scratch = Scratch::new(&setup.cache)?;
    let mut missed = 0;
    for mutant in &mutants {
        eprintln!("mutant {}: {}", mutant.name, mutant.story);
        let begun = Instant::now();
        let fate = judge(mutant, &scratch)?;
        println!("{}", line(mutant, &fate, begun.elapsed()));
        missed += usize::from(!matches!(fate, Fate::Caught { .. }));
    }
    println!("{} of {} caught", mutants.len() - missed, mutants.len());
    match missed {
        0 => Ok(()),
        _ => Err(Error::Check("catching mutants".to_owned())),
    }
}

/// What became of a mutant.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// The test failed, and said what is wrong: this, of what it said.
    Caught { said: String },
    /// The test did not fail.
    Passed,
    /// It failed, and did not say what it should: the end of what it said.
    FailedOtherwise { said: String },
    /// There is no such test.
    NoTest,
    /// The mutant cannot be built.
    NotBuilt { why: String },
}

/// Builds it and has its test boot it. An error: the machine lacks something, and nothing is known of the mutant.
fn judge(mutant: &Mutant, scratch: &Scratch) -> Result<Fate, Error> {
    scratch.copy(&run::clone_dir())?;
    mutant.apply(scratch.tree())?;
    let index = match scratch.set_up() {
        Ok(index) => index,
        Err(error @ Error::Command { .. }) => {
            return Ok(Fate::NotBuilt {
                why: error.to_string(),
            });
        }
        Err(error) => return Err(error),
    };
    let test = [
        "test",
        "--quiet",
        "-p",
        "preroot-qemu-tests",
        "--features",
        "vm",
        "--test",
        "vm",
        "--",
        "--exact",
        &mutant.test,
    ];
    let mut command = run::cargo(&test);
    command.env(artefacts::VARIABLE, index);
    let output = run::output(&mut command)?;
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    // What tests print of an error is Rust's form of it.
    let said = String::from_utf8_lossy(&said).replace("\\n", "\n");
    scratch.keep(mutant, &said)?;
    Ok(fate(mutant, output.status.success(), &said))
}

/// What a test's end says of a mutant.
fn fate(mutant: &Mutant, has_passed: bool, said: &str) -> Fate {
    if said.contains(NO_TEST) {
        return Fate::NoTest;
    }
    if has_passed {
        return Fate::Passed;
    }
    // A list of differences is on one line, each in quotes.
    let mut pieces = said.split(['\n', '"']);
    match pieces.find(|piece| piece.contains(&mutant.says)) {
        Some(piece) => Fate::Caught {
            said: piece.trim().to_owned(),
        },
        None => Fate::FailedOtherwise {
            said: said.trim().lines().last().unwrap_or_default().to_owned(),
        },
    }
}

fn line(mutant: &Mutant, fate: &Fate, took: Duration) -> String {
    let (name, test, seconds) = (&mutant.name, &mutant.test, took.as_secs());
    let story = &mutant.story;
    match fate {
        Fate::Caught { said } => format!("caught      {name} by {test} ({seconds} s): {said}"),
        Fate::Passed => format!("NOT CAUGHT  {name}: {test} passes, though {story}"),
        Fate::FailedOtherwise { said } => format!(
            "NOT NAMED   {name}: {test} fails without `{}`: {said}",
            mutant.says
        ),
        Fate::NoTest => format!("NO TEST     {name}: there is no test {test}"),
        Fate::NotBuilt { why } => format!("NOT BUILT   {name}: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_caught_by_what_is_said() {
        let mutant = Mutant {
            name: "m".to_owned(),
            story: "no root is ever checked".to_owned(),
            file: "a.rs".to_owned(),
            find: "a".to_owned(),
            replace: "b".to_owned(),
            test: "order::damaged".to_owned(),
            says: "found `clean`".to_owned(),
        };
        let check = |has_passed: bool, said: &str, expected: &str| {
            let fate = fate(&mutant, has_passed, said);
            let line = line(&mutant, &fate, Duration::from_secs(7));
            assert_eq!(line, expected, "{said}");
        };
        check(
            false,
            "running 1 test\nDifferences { all: [\"checks: found `clean`\", \"verdict\"] }\n",
            "caught      m by order::damaged (7 s): checks: found `clean`",
        );
        check(
            true,
            "running 1 test\nfound `clean`\n",
            "NOT CAUGHT  m: order::damaged passes, though no root is ever checked",
        );
        check(
            false,
            "running 1 test\nno such QEMU\n",
            "NOT NAMED   m: order::damaged fails without `found `clean``: no such QEMU",
        );
        check(
            true,
            "running 0 tests\n",
            "NO TEST     m: there is no test order::damaged",
        );
    }
}
