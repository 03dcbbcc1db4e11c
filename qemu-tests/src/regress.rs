//! `regress`: whether an image boots worse than the last one, by counted boots (QEMU's icount: one instruction is one ns of
//! guest time), so that a figure says the same on a busy machine.
//!
//! What is held against the baseline is what repeats: the kernel, the stages up to the start order, and the CPU time of each
//! script. How long a script takes from start to end depends on whom it waits for; that is shown and never judged.

mod baseline;
mod figures;
mod inputs;

use std::path::PathBuf;

use preroot_qemu_tests::{Artefacts, Error};

use self::baseline::{Baseline, Change};
use self::figures::Figures;
use self::inputs::Inputs;

/// What is booted, and what it is held against.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    inputs: Inputs,
    /// Hold it against this file, which --save has written.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Hold it against this image, booted in turn with it.
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    against: Option<PathBuf>,
    /// Write what was measured as a baseline.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// How often each image is booted; the least of each figure counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing is worse, or there was nothing to hold it against.
    Fine,
    /// The image does not come up, or something in it takes longer than it may.
    Regressed,
}

/// Boots, compares, says.
pub(crate) fn run(options: &Options) -> Result<Outcome, Error> {
    let ours = Artefacts::find()?;
    let artefacts = options.inputs.apply(&ours)?;
    let other = options
        .against
        .as_ref()
        .map(|image| inputs::with_image(&artefacts, image))
        .transpose()?;
    let old = options.baseline.as_deref().map(Baseline::read);
    let old = old.transpose()?;
    let mut figures = Rounds::default();
    let mut others = Rounds::default();
    for round in 1..=options.rounds {
        eprintln!("boot {round} of {}: each takes a minute", options.rounds);
        if !figures.add("image", figures::boot(&artefacts))? {
            return Ok(Outcome::Regressed);
        }
        if let Some(other) = &other
            && !others.add("the other image", figures::boot(other))?
        {
            return Err(Error::unexpected(
                "the image to hold it against does not come up",
            ));
        }
    }
    let new = figures.least.unwrap_or_default();
    if let Some(path) = &options.save {
        Baseline::of(&new).write(path)?;
    }
    let old = old.or_else(|| others.least.as_ref().map(Baseline::of));
    print!("{}", page(&new, old.as_ref()));
    let changes = old.map_or_else(Vec::new, |old| old.compare(&new));
    Ok(match changes.iter().any(Change::is_worse) {
        true => Outcome::Regressed,
        false => Outcome::Fine,
    })
}

/// Boots of one image.
#[derive(Debug, Default)]
struct Rounds {
    least: Option<Figures>,
}

impl Rounds {
    /// Takes a boot; false, having said why: it did not come up.
    fn add(&mut self, what: &str, boot: Result<Figures, Error>) -> Result<bool, Error> {
        let figures = match boot {
            Ok(figures) => figures,
            // The machine ran, and did not do what it should: that is the image's.
            Err(error @ (Error::Deadline { .. } | Error::Unexpected { .. })) => {
                println!("REGRESSED: {what} does not come up: {error}");
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        if figures.verdict != "OK" {
            println!("REGRESSED: {what} comes up {}", figures.verdict);
            return Ok(false);
        }
        match &mut self.least {
            Some(least) => least.lower(&figures),
            None => self.least = Some(figures),
        }
        Ok(true)
    }
}

/// The verdict first, then each part.
fn page(new: &Figures, old: Option<&Baseline>) -> String {
    let changes = old.map_or_else(Vec::new, |old| old.compare(new));
    let mut lines: Vec<String> = changes.iter().filter(|c| c.is_worse()).map(worse).collect();
    if lines.is_empty() {
        lines.push(match old {
            Some(_) => "fine: nothing is slower than it may be".to_owned(),
            None => "nothing to hold it against: --baseline FILE or --against IMAGE".to_owned(),
        });
    }
    lines.extend(
        changes
            .iter()
            .filter(|c| !c.is_worse())
            .map(|c| format!("note: {c}")),
    );
    lines.push(String::new());
    lines.push(format!(
        "{:<40} {:>12} {:>12}",
        "ms of guest time", "before", "now"
    ));
    for (part, ns) in new.parts() {
        let before = old.and_then(|old| old.ns(part));
        let before = before.map_or_else(|| "-".to_owned(), ms);
        lines.push(format!("{part:<40} {before:>12} {:>12}", ms(ns)));
    }
    lines.join("\n") + "\n"
}

fn worse(change: &Change) -> String {
    format!("REGRESSED: {change}")
}

/// Guest time as ms.
fn ms(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000, ns / 1000 % 1000)
}
