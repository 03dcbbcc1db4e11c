//! `junit.xml`: a run for CI systems.
//!
//! The format is what Ant's and Maven's runners write and Jenkins, GitLab and GitHub's actions read
//! (<https://github.com/testmoapp/junitxml>): one `testsuite` for each directory of scenarios, one `testcase` for each scenario;
//! `failure` is the image's, `error` is what could not be run, `skipped` is not for this image.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::results::Results;
use super::xml;
use preroot_qemu_tests::{Ended, Ran};

/// Lines of a console that are kept: the page has all of them.
const CONSOLE_LINES_MAX: usize = 100;

/// The file. `console`: what a scenario's machine said.
pub(crate) fn page(results: &Results, console: impl Fn(&Ran) -> String) -> String {
    let mut suites: BTreeMap<&str, Vec<&Ran>> = BTreeMap::new();
    for outcome in &results.ran {
        let dir = outcome
            .name
            .rsplit_once('/')
            .map_or("scenarios", |(dir, _)| dir);
        suites.entry(dir).or_default().push(outcome);
    }
    let mut page = Page {
        out: String::new(),
        results,
        console: &console,
    };
    // Writing to a String cannot fail.
    let _ = page.write(&suites);
    page.out
}

struct Page<'r, C> {
    out: String,
    results: &'r Results,
    console: C,
}

/// The counts that a suite and all suites have.
fn counts<'o>(
    outcomes: impl Iterator<Item = &'o Ran>,
    not_begun: usize,
    wall: Option<Duration>,
) -> String {
    let (mut tests, mut failures, mut errors, mut skipped) = (not_begun, 0, not_begun, 0);
    let mut sum = Duration::ZERO;
    for outcome in outcomes {
        tests += 1;
        sum += outcome.wall;
        match outcome.ended {
            Ended::Passed => {}
            Ended::Failed { .. } => failures += 1,
            Ended::Skipped { .. } => skipped += 1,
            Ended::CouldNotRun { .. } => errors += 1,
        }
    }
    let time = seconds(wall.unwrap_or(sum));
    format!(
        "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{time}\""
    )
}

fn seconds(wall: Duration) -> String {
    format!("{}.{:03}", wall.as_secs(), wall.subsec_millis())
}

impl<C: Fn(&Ran) -> String> Page<'_, C> {
    fn write(&mut self, suites: &BTreeMap<&str, Vec<&Ran>>) -> std::fmt::Result {
        let results = self.results;
        let not_begun = results.not_begun.len();
        let all = counts(results.ran.iter(), not_begun, Some(results.wall));
        writeln!(self.out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(self.out, "<testsuites name=\"preroot regress\" {all}>")?;
        for (dir, outcomes) in suites {
            let counts = counts(outcomes.iter().copied(), 0, None);
            writeln!(
                self.out,
                "  <testsuite name=\"{}\" {counts}>",
                xml::attribute(dir)
            )?;
            for outcome in outcomes {
                self.case(dir, outcome)?;
            }
            writeln!(self.out, "  </testsuite>")?;
        }
        if not_begun > 0 {
            let counts = counts(std::iter::empty(), not_begun, None);
            writeln!(self.out, "  <testsuite name=\"not begun\" {counts}>")?;
            for name in &results.not_begun {
                let name = xml::attribute(name);
                writeln!(
                    self.out,
                    "    <testcase name=\"{name}\" classname=\"not begun\" time=\"0.000\">"
                )?;
                writeln!(
                    self.out,
                    "      <error message=\"the run was ended before it began\"/>"
                )?;
                writeln!(self.out, "    </testcase>")?;
            }
            writeln!(self.out, "  </testsuite>")?;
        }
        writeln!(self.out, "</testsuites>")
    }

    fn case(&mut self, dir: &str, outcome: &Ran) -> std::fmt::Result {
        let name = outcome.name.rsplit('/').next().unwrap_or_default();
        let (name, dir) = (xml::attribute(name), xml::attribute(dir));
        let time = seconds(outcome.wall);
        write!(
            self.out,
            "    <testcase name=\"{name}\" classname=\"{dir}\" time=\"{time}\""
        )?;
        let replay = self.results.replay(outcome);
        match &outcome.ended {
            Ended::Passed => return writeln!(self.out, "/>"),
            Ended::Skipped { why } => {
                writeln!(
                    self.out,
                    ">\n      <skipped message=\"{}\"/>",
                    xml::attribute(why)
                )?;
                return writeln!(self.out, "    </testcase>");
            }
            Ended::Failed { differences } => {
                let all = format!(
                    "{}\n{}\nagain: {replay}",
                    outcome.story,
                    differences.join("\n")
                );
                let first = differences.first().map_or("", |first| line(first));
                self.fault("failure", first, &all)?;
            }
            Ended::CouldNotRun { why } => {
                self.fault("error", line(why), &format!("{why}\nagain: {replay}"))?;
            }
        }
        let console = (self.console)(outcome);
        let lines: Vec<&str> = console.lines().collect();
        let kept = lines.get(lines.len().saturating_sub(CONSOLE_LINES_MAX)..);
        let kept = xml::text(&kept.unwrap_or_default().join("\n"));
        if !kept.is_empty() {
            writeln!(self.out, "      <system-out>{kept}</system-out>")?;
        }
        writeln!(self.out, "    </testcase>")
    }

    fn fault(&mut self, element: &str, message: &str, all: &str) -> std::fmt::Result {
        let (message, all) = (xml::attribute(message), xml::text(all));
        writeln!(
            self.out,
            ">\n      <{element} message=\"{message}\">{all}</{element}>"
        )
    }
}

/// The first line.
fn line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test's helpers may panic.

    use super::*;

    #[test]
    fn a_run_is_strict_xml() {
        let results = super::super::results::tests::made();
        let console = |_: &Ran| "one\r\n\u{1b}[0mtwo <&> \u{b} \u{ffff}".to_owned();
        let text = page(&results, console);
        super::super::golden::check("junit.xml", &text);
        let xml = roxmltree::Document::parse(&text).unwrap();
        let suites = xml.root_element();
        let count = |name: &str| {
            suites
                .descendants()
                .filter(|node| node.has_tag_name(name))
                .count()
        };
        assert_eq!(suites.attribute("tests"), Some("5"));
        for (element, counted) in [
            ("testcase", "tests"),
            ("failure", "failures"),
            ("error", "errors"),
            ("skipped", "skipped"),
        ] {
            assert_eq!(
                suites.attribute(counted).unwrap(),
                count(element).to_string(),
                "{element}"
            );
        }
        let failure = suites
            .descendants()
            .find(|node| node.has_tag_name("failure"))
            .unwrap();
        assert!(failure.text().unwrap().contains("a < b && \"c\""));
    }
}
