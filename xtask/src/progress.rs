//! What is going on, for the person who waits: a spinner on a terminal, plain lines elsewhere.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Shows steps. Writes to standard error only: standard output is for results.
#[derive(Debug, Default)]
pub(crate) struct Progress;

impl Progress {
    /// Says that a step's result was there already.
    pub(crate) fn kept(&self, name: &str) {
        eprintln!("  kept  {name}");
    }

    /// Says that a step begins.
    pub(crate) fn begin(&self, name: &str) -> Step {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        if bar.is_hidden() {
            eprintln!("  begin {name}");
        }
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(TICK);
        Step {
            name: name.to_owned(),
            begun: Instant::now(),
            bar,
        }
    }
}

/// A step that is being done.
#[derive(Debug)]
pub(crate) struct Step {
    name: String,
    begun: Instant,
    bar: ProgressBar,
}

impl Step {
    /// Says that it is complete.
    pub(crate) fn done(self) {
        self.end("done ");
    }

    /// Says that it failed; the error itself tells why.
    pub(crate) fn failed(self) {
        self.end("FAIL ");
    }

    fn end(self, word: &str) {
        self.bar.finish_and_clear();
        eprintln!(
            "  {word} {} ({:.1} s)",
            self.name,
            self.begun.elapsed().as_secs_f64()
        );
    }
}
