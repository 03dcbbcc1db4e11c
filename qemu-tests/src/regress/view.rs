//! What a person sees while a run goes on: on a terminal a line for each scenario that runs, drawn anew each second, and one for all of
//! them; elsewhere a line for each that has ended. Colours are for terminals (and not where `NO_COLOR` is set, <https://no-color.org>).
//!
//! All of it goes to standard error: standard output has the results.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::results;
use preroot_qemu_tests::{Ended, Ran};

/// How often lines are drawn anew.
const TICK: Duration = Duration::from_millis(250);
/// Lines of what is said about one scenario; the reports have all of it.
const SAID_LINES_MAX: usize = 12;

/// Whether letters have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    On,
    Off,
}

impl Colours {
    /// As this stream and the user's environment want it.
    pub(crate) fn of(stream: &impl IsTerminal) -> Colours {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match stream.is_terminal() && !is_set("NO_COLOR") && !is_dumb {
            true => Colours::On,
            false => Colours::Off,
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Colours::On => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Colours::Off => text.to_owned(),
        }
    }
}

/// What is shown of a run.
#[derive(Debug)]
pub(crate) struct View {
    colours: Colours,
    /// `None`: there is no terminal to draw on.
    drawn: Option<Drawn>,
    begun: Instant,
    total: usize,
    done: usize,
    failed: usize,
}

#[derive(Debug)]
struct Drawn {
    all: MultiProgress,
    sum: ProgressBar,
    running: BTreeMap<String, ProgressBar>,
}

impl Drawn {
    fn new() -> Drawn {
        let all = MultiProgress::new();
        let sum = all.add(ProgressBar::new_spinner());
        sum.set_style(style("{msg}"));
        Drawn {
            all,
            sum,
            running: BTreeMap::new(),
        }
    }
}

/// A template of ours, which is well formed.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl View {
    /// Of so many scenarios.
    pub(crate) fn new(total: usize) -> View {
        let stream = std::io::stderr();
        let mut view = View {
            colours: Colours::of(&stream),
            drawn: stream.is_terminal().then(Drawn::new),
            begun: Instant::now(),
            total,
            done: 0,
            failed: 0,
        };
        view.sum();
        view
    }

    /// One begins, or has come to another point: what is said takes the place of what was.
    pub(crate) fn runs(&mut self, name: &str, what: &str) {
        let Some(drawn) = &mut self.drawn else { return };
        let bar = drawn.running.entry(name.to_owned()).or_insert_with(|| {
            let bar = drawn
                .all
                .insert_before(&drawn.sum, ProgressBar::new_spinner());
            bar.set_style(style("  {spinner} {msg} {elapsed:>4}"));
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_message(format!("{name} {what}").trim_end().to_owned());
    }

    /// While something else is done.
    pub(crate) fn shows<T>(&mut self, name: &str, does: impl FnOnce() -> T) -> T {
        self.runs(name, "");
        let done = does();
        self.clears(name);
        done
    }

    /// One has ended.
    pub(crate) fn ended(&mut self, outcome: &Ran, replay: &str) {
        self.done += 1;
        self.failed += usize::from(matches!(outcome.ended, Ended::Failed { .. }));
        let text = line(outcome, replay, self.colours);
        self.clears(&outcome.name);
        match &self.drawn {
            Some(drawn) => {
                // A terminal that is gone shows nothing.
                let _ = drawn.all.println(text.trim_end());
            }
            None => eprint!("{text}"),
        }
        self.sum();
    }

    /// Nothing of it is shown any more.
    fn clears(&mut self, name: &str) {
        let drawn = self.drawn.as_mut();
        if let Some(bar) = drawn.and_then(|drawn| drawn.running.remove(name)) {
            bar.finish_and_clear();
        }
    }

    /// All have.
    pub(crate) fn over(self) {
        if let Some(drawn) = self.drawn {
            drawn.sum.finish_and_clear();
            // As above.
            let _ = drawn.all.clear();
        }
    }

    fn sum(&mut self) {
        let Some(drawn) = &self.drawn else { return };
        let mut text = format!("{} of {}", self.done, self.total);
        if self.failed > 0 {
            let failed = format!("{} failed", self.failed);
            text += &format!(", {}", self.colours.paint("31", &failed));
        }
        let spent = self.begun.elapsed();
        if let (Ok(done), Ok(left)) = (
            u32::try_from(self.done),
            u32::try_from(self.total - self.done),
        ) && done > 0
            && left > 0
        {
            text += &format!(", about {} left", duration(spent / done * left));
        }
        drawn.sum.set_message(text);
    }
}

/// One scenario: how it ended, what it is called, how long it took; what is wrong with it, and how to see that again.
pub(crate) fn line(outcome: &Ran, replay: &str, colours: Colours) -> String {
    let (word, code) = match outcome.ended {
        Ended::Passed => ("passed", "32"),
        Ended::Failed { .. } => ("FAILED", "1;31"),
        Ended::Skipped { .. } => ("skipped", "33"),
        Ended::CouldNotRun { .. } => ("NOT RUN", "35"),
    };
    let word = colours.paint(code, &format!("{word:<7}"));
    let wall = outcome.wall.as_secs_f64();
    let mut text = format!("{word} {:<42} {wall:>6.1} s\n", outcome.name);
    if outcome.ended == Ended::Passed {
        return text;
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "        {}", outcome.story);
    let said = results::said(&outcome.ended)
        .iter()
        .flat_map(|said| said.lines());
    let mut said = said.map(visible);
    for said in said.by_ref().take(SAID_LINES_MAX) {
        let _ = writeln!(text, "        {said}");
    }
    match said.count() {
        0 => {}
        more => {
            let _ = writeln!(text, "        ({more} lines more in the report)");
        }
    }
    if !matches!(outcome.ended, Ended::Skipped { .. }) {
        let _ = writeln!(text, "        again: {replay}");
    }
    text
}

/// What machines say may be meant for terminals, but not for this one.
fn visible(text: &str) -> String {
    let picture = |character: char| match u32::from(character) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or(' '),
        0x7f..=0x9f => '\u{fffd}',
        _ => character,
    };
    text.chars().map(picture).collect()
}

/// A time as a person says it: `12 s`, `3 min 5 s`.
pub(crate) fn duration(wall: Duration) -> String {
    let seconds = wall.as_secs();
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regress::results::tests::made;

    #[test]
    fn lines_say_what_is_wrong_and_how_to_see_it_again() {
        let results = made();
        let lines = |colours| -> String {
            let of = |outcome| line(outcome, &results.replay(outcome), colours);
            results.ran.iter().map(of).collect()
        };
        let plain = lines(Colours::Off);
        assert!(!plain.contains('\u{1b}'), "{plain}");
        crate::regress::golden::check("lines.txt", &plain);
        assert!(lines(Colours::On).starts_with("\u{1b}[32mpassed \u{1b}[0m clean"));
    }

    #[test]
    fn much_is_cut_short() {
        let mut outcome = made().ran.swap_remove(1);
        let differences = vec!["a\n".repeat(30)];
        outcome.ended = Ended::Failed { differences };
        let text = line(&outcome, "", Colours::Off);
        assert!(text.contains("(18 lines more in the report)"), "{text}");
    }

    #[test]
    fn durations_are_said() {
        let check = |seconds, expected: &str| {
            assert_eq!(duration(Duration::from_secs(seconds)), expected);
        };
        check(0, "0 s");
        check(59, "59 s");
        check(185, "3 min 5 s");
    }
}
